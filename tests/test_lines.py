import hashlib
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.pipeline.lines import Lines, LongLine, split


def flat(blocks, limit=1000):
    """(offset, line) of every line; a long line's bytes are (length, sha256)."""
    for item in split(blocks, limit):
        if isinstance(item, LongLine):
            yield item.offset, (item.length, item.sha256)
            continue
        assert item.data == item.bytes.tobytes() == b"".join(item.lines)
        offset = item.offset
        for line in item.lines:
            yield offset, line
            offset += len(line)


def expected(data, limit):
    offset = 0
    for line in data.split(b"\n"):
        whole = line + b"\n" if offset + len(line) < len(data) else line
        if whole:
            yield offset, whole if len(whole) <= limit else (len(whole), hashlib.sha256(whole).hexdigest())
        offset += len(whole)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n", [b"\n"]),
        (b"a", [b"a"]),
        (b"a\n", [b"a\n"]),
        (b"a\r\nb\rc\n\n\nd", [b"a\r\n", b"b\rc\n", b"\n", b"\n", b"d"]),
        (b"\n\na\n", [b"\n", b"\n", b"a\n"]),
    ],
)
def test_lines(data, lines):
    assert [line for _, line in flat([data])] == lines


content = st.lists(st.sampled_from([b"\n", b"a", b"bb\r", b"ccc", b"\n\n"]), max_size=40).map(b"".join)


@settings(deadline=None)
@given(content, st.lists(st.integers(0, 60), max_size=8), st.integers(1, 8))
def test_where_the_blocks_are_cut_makes_no_difference(data, cuts, limit):
    stops = [*sorted(cut for cut in cuts if cut < len(data)), len(data)]
    blocks = [data[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]
    assert b"".join(blocks) == data
    assert list(flat(blocks, limit)) == list(flat([data], limit)) == list(expected(data, limit))


def test_runs_stay_together():
    assert [type(item) for item in split([b"a\nb\n" * 1000], 64 << 20)] == [Lines]


def test_a_long_line_is_not_held():
    """400 MB in one line, with short lines before and after it."""
    block, limit = b"x" * (1 << 18), 4 << 20

    def blocks():
        yield b"before\n"
        for _ in range(1600):
            yield block
        yield b"\nafter\n"

    tracemalloc.start()
    found = list(flat(blocks(), limit))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found[0] == (0, b"before\n")
    assert found[1][1][0] == 1600 * len(block) + 1
    assert found[2] == (7 + found[1][1][0], b"after\n")
    assert peak < 4 * limit


def test_a_stream_in_crumbs_costs_its_length():
    tracemalloc.start()
    found = list(flat((b"abcdefgh" for _ in range(100_000)), 64 << 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [(0, b"abcdefgh" * 100_000)]
    assert peak < 5 * 800_000
