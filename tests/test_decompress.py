import gzip
import hashlib
import io
import itertools
import os
import random
import tracemalloc
import zlib

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from isal import isal_zlib

from tamis.pipeline import gzip_members, zstd_frames
from tamis.pipeline.decompress import compression_of, open_verified
from tamis.pipeline.errors import ShardError, UsageError
from tamis.pipeline.limits import Limits
from tamis.pipeline.rawbytes import open_raw


def read(data, kind, limits=None):
    return b"".join(open_verified(io.BytesIO(data), kind, limits, "s"))


def zstd(data, **options):
    return zstandard.ZstdCompressor(**{"write_checksum": True, **options}).compress(data)


def zstd_streamed(data):
    """A frame of several blocks whose header does not declare a size."""
    writer = zstandard.ZstdCompressor(write_checksum=True, write_content_size=False).compressobj()
    flush = zstandard.COMPRESSOBJ_FLUSH_BLOCK
    pieces = [writer.compress(data[i : i + 90]) + writer.flush(flush) for i in range(0, len(data), 90)]
    return b"".join(pieces) + writer.flush()


def skippable(data=b"note"):
    return b"\x57\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data


def words(count, seed=0):
    rng = random.Random(seed)
    return " ".join(rng.choice(["river", "stone", "bread", "lamp", "kite"]) for _ in range(count)).encode()


TEXT = words(60)
NAMED = gzip.compress(TEXT[:50], mtime=7)
NAMED = NAMED[:3] + b"\x08" + NAMED[4:10] + b"name\0" + NAMED[10:]  # with FNAME in the header
GZIP = (isal_zlib.compress(TEXT, 2, 31), gzip.compress(b""), NAMED, gzip.compress(TEXT, 9), zlib.compress(TEXT, 0, 31))
ZSTD = (zstd(TEXT), zstd(b""), skippable(), zstd_streamed(TEXT), zstd(b"a" * 500, level=9), skippable(b""))
MEMBERS = {"gz": GZIP, "zst": ZSTD}


def boundaries(parts):
    return {0, *itertools.accumulate(map(len, parts))}


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_members_follow_one_another(kind):
    parts = MEMBERS[kind]
    whole = [read(part, kind) for part in parts]
    assert TEXT in whole
    assert read(b"".join(parts), kind) == b"".join(whole)


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_every_cut_is_an_error_except_between_members(kind):
    data, allowed = b"".join(MEMBERS[kind]), boundaries(MEMBERS[kind])
    whole = read(data, kind)
    for size in range(len(data)):
        if size in allowed - {0}:
            assert whole.startswith(read(data[:size], kind))
            continue
        with pytest.raises(ShardError, match=r"cut off: .* decoded\)|the file is empty"):
            read(data[:size], kind)


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_every_flipped_bit_is_an_error_or_changes_nothing(kind):
    data = b"".join(MEMBERS[kind])
    whole, errors = read(data, kind), 0
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        try:
            assert read(bytes(flipped), kind) == whole
        except ShardError:
            errors += 1
    # What may change unseen is what holds no content: gzip's name, time and system, zstd's skippable frames.
    assert errors > 0.7 * 8 * len(data)


@pytest.mark.parametrize("kind", ["gz", "zst"])
@pytest.mark.parametrize("tail", [b"x", b"{}", b"\x1f\x8c", b"\x1f", b"\x28\xb5", b"\0" * 70000, b"\0\0\1", b"\n"])
def test_a_tail_is_an_error(kind, tail):
    with pytest.raises(ShardError, match=r"garbage|cut off|zeros and more|damaged"):
        read(MEMBERS[kind][0] + tail, kind)


@pytest.mark.parametrize("size", [1, 512, gzip_members.PADDING])
def test_zero_padding(size):
    assert read(GZIP[0] + bytes(size), "gz") == TEXT
    with pytest.raises(ShardError, match="zeros and more"):
        read(GZIP[0] + bytes(size) + GZIP[0], "gz")
    with pytest.raises(ShardError, match="garbage"):
        read(ZSTD[0] + bytes(size), "zst")
    with pytest.raises(ShardError, match="expected gzip"):
        read(bytes(size + 8), "gz")


def test_empty_files():
    assert read(b"", "") == b""
    for kind in ("gz", "zst"):
        with pytest.raises(ShardError, match="the file is empty"):
            read(b"", kind)
    assert read(gzip.compress(b""), "gz") == read(zstd(b""), "zst") == read(skippable(), "zst") == b""


@pytest.mark.parametrize("kind", ["", "gz", "zst"])
@pytest.mark.parametrize("data", [GZIP[0], ZSTD[0], b"{}\n", b"PK\3\4"])
def test_a_name_that_lies(kind, data):
    honest = {"gz": GZIP[0], "zst": ZSTD[0]}.get(kind) == data or (kind == "" and data[:1] in b"{P")
    if honest:
        assert read(data, kind)
    else:
        with pytest.raises(ShardError, match="after its compression"):
            read(data, kind)


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_bombs_are_stopped_early(kind):
    size = 300 << 20
    bomb = _gzip_bomb(size) if kind == "gz" else zstd(bytes(size))
    limits = Limits(ratio_floor=8 << 20)
    stream = open_verified(io.BytesIO(bomb), kind, limits, "s")
    tracemalloc.start()
    with pytest.raises(ShardError, match="decompression bomb"):
        for _ in stream:
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The ratio is to the bytes read, of which up to 128 KiB may be waiting to be decoded.
    assert stream.bytes_out < (8 << 20) + 1000 * (128 << 10)
    assert peak < 16 << 20


def _gzip_bomb(size):
    """Zeros: 258 for a bit and a bit is deflate's limit, 1032 to 1."""
    writer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    return b"".join(writer.compress(block) for _ in range(size >> 20)) + writer.flush()


def test_the_ratio_counts_from_the_floor_only():
    data = zstd(bytes(1 << 20))
    assert len(read(data, "zst")) == 1 << 20
    with pytest.raises(ShardError, match="bomb"):
        read(data, "zst", Limits(ratio_floor=1 << 19))


def test_zstd_limits():
    wide = zstandard.ZstdCompressionParameters(window_log=24, write_checksum=True)
    data = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    data = data.compress(TEXT) + data.flush()
    assert read(data, "zst") == TEXT
    with pytest.raises(ShardError, match="window of 16777216 bytes, the limit is 8388608"):
        read(data, "zst", Limits(window=8 << 20))
    dictionary = zstandard.train_dictionary(2000, [words(50, seed) for seed in range(300)])
    with pytest.raises(ShardError, match="dictionary"):
        read(zstd(TEXT, dict_data=dictionary), "zst")
    with pytest.raises(ShardError, match="reserved"):
        read(ZSTD[0][:4] + bytes([ZSTD[0][4] | 8]) + ZSTD[0][5:], "zst")


def test_digest_and_counts():
    for kind, data in (("", TEXT), ("gz", b"".join(GZIP)), ("zst", b"".join(ZSTD))):
        stream = open_verified(io.BytesIO(data), kind)
        with pytest.raises(ValueError, match="at the end"):
            _ = stream.digest
        out = b"".join(stream)
        assert stream.digest == hashlib.sha256(data).hexdigest()
        assert (stream.bytes_read, stream.bytes_out) == (len(data), len(out))
        with pytest.raises(ValueError, match="once"):
            list(stream)


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_no_digest_after_an_error(kind):
    stream = open_verified(io.BytesIO(MEMBERS[kind][0][:-1]), kind)
    with pytest.raises(ShardError):
        list(stream)
    with pytest.raises(ValueError, match="at the end"):
        _ = stream.digest


class Trickle(io.BytesIO):
    """A file that hands out what it likes, as sockets do."""

    def read(self, size=-1):
        return super().read(random.Random(self.tell()).randint(1, min(size, 700)))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.binary(max_size=200), st.integers(1, 3000)), max_size=5),
    st.sampled_from(["gz", "isal", "zst", "streamed"]),
)
def test_any_content_in_any_pieces(parts, how):
    compress = {"gz": gzip.compress, "isal": lambda data: isal_zlib.compress(data, 1, 31)}
    compress |= {"zst": zstd, "streamed": zstd_streamed}
    parts = [piece * times for piece, times in parts]
    data = b"".join(map(compress[how], [b"", *parts]))
    kind = "gz" if how in ("gz", "isal") else "zst"
    assert read(data, kind) == b"".join(open_verified(Trickle(data), kind)) == b"".join(parts)


@pytest.mark.parametrize("extra", range(-20, 21))
def test_content_around_the_block_size(extra):
    """The decoder's output limit falls on, before and after the end of a member."""
    for size in (gzip_members._BLOCK, 2 * gzip_members._BLOCK):
        content = random.Random(0).randbytes(1000) * (size // 1000 + 1)
        content = content[: size + extra]
        assert read(gzip.compress(content, 1), "gz") == content
        for cut in range(1, 12):
            with pytest.raises(ShardError, match="cut off"):
                read(gzip.compress(content, 1)[:-cut], "gz")


def test_blocks_are_bounded():
    data = zstd(bytes(20 << 20))
    assert max(map(len, open_verified(io.BytesIO(data), "zst"))) <= zstd_frames._BLOCKS << 17


@pytest.mark.parametrize("change", ["append", "touch", "truncate"])
def test_a_file_that_changes_while_it_is_read(tmp_path, change):
    path = tmp_path / "a.jsonl"
    path.write_bytes(bytes(1 << 20))
    with open_raw(path) as raw:
        blocks = iter(open_verified(raw, ""))
        next(blocks)
        _change(path, change)
        with pytest.raises(ShardError, match="changed while it was read"):
            list(blocks)


def _change(path, how):
    if how == "touch":
        os.utime(path, ns=(1, 1))
    elif how == "append":
        with path.open("ab") as file:
            file.write(b"more")
    else:
        os.truncate(path, 1 << 19)


def test_a_file_that_vanished(tmp_path):
    with pytest.raises(ShardError, match="vanished"):
        open_raw(tmp_path / "none")


def test_open_raw(tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(GZIP[0])
    for location in (path, str(path), f"file://{path}"):
        with open_raw(location) as raw:
            assert raw.read() == GZIP[0]


@pytest.mark.parametrize(
    ("name", "kind"), [("a.jsonl", ""), ("a.jsonl.gz", "gz"), ("a.zst", "zst"), ("a.gz.zstd", "zst"), ("gz", "")]
)
def test_compression_of(name, kind):
    assert compression_of(name) == kind


@pytest.mark.parametrize("name", ["a.bz2", "a.jsonl.xz", "a.lz4"])
def test_compressions_that_are_not_read(name):
    with pytest.raises(UsageError, match="compress the shard anew"):
        compression_of(name)
