import datetime

import pyarrow as pa
import pytest
from pyarrow import parquet

from tamis.pipeline import formats
from tamis.pipeline.plan import Fields
from tamis.pipeline.recast import recast, recast_table

NOTHING = [[None, None, None], [], None, [None]]


@pytest.mark.parametrize(
    ("values", "before", "after"),
    [
        (NOTHING, pa.list_(pa.null()), pa.list_(pa.null())),
        (NOTHING, pa.list_(pa.null()), pa.list_(pa.field("other", pa.null()))),
        (
            [{"a": one, "b": "x"} for one in NOTHING],
            pa.struct([("a", pa.list_(pa.null())), ("b", pa.string_view())]),
            None,
        ),
        ([[one, one] for one in NOTHING], pa.list_(pa.list_(pa.null())), pa.list_(pa.field("o", pa.list_(pa.null())))),
        ([[datetime.date(2020, 1, 1), None], None, []], pa.list_(pa.date32()), pa.list_(pa.int32())),
        ([{"d": datetime.date(1970, 1, 3)}, None], pa.struct([("d", pa.date32())]), pa.struct([("d", pa.int32())])),
        (["a", None], pa.string_view(), pa.large_string()),
        ([[1], None, [2, 3]], pa.large_list(pa.int8()), pa.large_list(pa.int64())),
    ],
)
@pytest.mark.parametrize("start", [0, 1])
def test_values_stay(values, before, after, start):
    after = after or pa.struct([("a", pa.list_(pa.null())), ("b", pa.large_string())])
    array = pa.array(values, before).slice(start)
    found = recast(array, after)
    found.validate(full=True)
    assert found.type == after
    if "date" not in str(before):
        assert found.to_pylist() == values[start:]
    else:
        assert found.cast(array.type).to_pylist() == values[start:]


def test_a_table_of_lists_of_nothing_is_written_as_it_was(tmp_path):
    """A column of empty lists, and lists of nulls, through a shard's reader and writer."""
    table = pa.table({"text": list("abcd"), "l": pa.array(NOTHING, pa.list_(pa.null()))})
    parquet.write_table(table, tmp_path / "a.parquet")
    with (tmp_path / "a.parquet").open("rb") as file, (tmp_path / "b.parquet").open("wb") as sink:
        reader = formats.read_shard(file, "a.parquet", Fields())
        writer = formats.write_shard(sink, "a.parquet", Fields(), None, reader)
        for batch in reader:
            writer.write(batch)
        writer.finish()
    assert parquet.read_table(tmp_path / "b.parquet").to_pylist() == table.to_pylist()
    assert recast_table(table, table.schema).equals(table)
