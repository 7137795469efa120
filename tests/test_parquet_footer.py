import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamis.pipeline.limits import Limits
from tamis.pipeline.parquet_footer import read_footer


def stored(table, **options):
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def footer(data, limits=None):
    return read_footer(io.BytesIO(data), len(data), limits or Limits())


TABLE = pa.table({"text": ["a", "b", "c"], "m": [{"x": [1, 2], "y": None}] * 3, "e": [[{"z": "q"}]] * 3})


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "brotli", "lz4", "zstd"])
def test_footer(codec):
    data = stored(TABLE, compression=codec, row_group_size=2)
    found = footer(data)
    assert found.rows == (2, 1)
    group = pq.read_metadata(io.BytesIO(data)).row_group(0)
    paths = [group.column(i).path_in_schema for i in range(group.num_columns)]
    assert found.codecs == dict.fromkeys(paths, codec)


def test_a_codec_a_column():
    codecs = {"text": "gzip", "m.y": "none"}
    assert footer(stored(TABLE.select(["text"]), compression={"text": "gzip"})).codecs == {"text": "gzip"}
    found = footer(stored(TABLE, compression={**codecs, "m.x.list.element": "zstd", "e.list.element.z": "zstd"})).codecs
    assert found == {**codecs, "m.x.list.element": "zstd", "e.list.element.z": "zstd"}


def test_files_without_rows():
    assert footer(stored(TABLE.slice(0, 0))).rows in ((), (0,))
    assert footer(stored(pa.table({}))).codecs == {}


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1PAR1", b"PAR1\0\0\0\0PAR1", b"PAR1\0\1\0\0\0PAR1", b"{}\n" * 10])
def test_no_parquet(data):
    with pytest.raises(ValueError, match=r"\w"):
        footer(data)


def test_a_bomb():
    data = stored(pa.table({"text": pa.array(["x" * 1_000_000])}), compression="zstd", use_dictionary=False)
    assert footer(data).rows == (1,)
    with pytest.raises(ValueError, match="bomb"):
        footer(data, Limits(ratio_floor=1000, ratio=100))


def test_chunks_must_lie_in_the_file():
    data = stored(TABLE)
    length = int.from_bytes(data[-8:-4], "little")
    moved = data[:4] + data[200:]
    with pytest.raises(ValueError, match="out of range"):
        read_footer(io.BytesIO(moved), len(moved), Limits())
    assert length < len(moved)
