"""Casts that keep lists of nothing: Arrow's own cuts the items of a list of nulls to the length of the column.

`cast` of a `list<null>`, to its own type too, gives an array whose offsets point behind its items (seen in pyarrow 25):
a column that has only empty lists and lists of nulls could not be read after it. Here what has its type already is left
alone, and structs and lists are opened, so that a column of nulls is never cast as an item.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pyarrow import types

__all__ = ["recast", "recast_batch", "recast_table"]


def recast(array: Any, kind: Any) -> Any:
    """Returns an array as another type, which has the same structure.

    Raises:
        pyarrow.ArrowInvalid: A value cannot be of that type.
    """
    if array.type == kind:
        return array
    if types.is_struct(kind) and types.is_struct(array.type):
        children = [recast(array.field(i), kind.field(i).type) for i in range(kind.num_fields)]
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=array.is_null())
    for test, make in ((types.is_list, pa.ListArray), (types.is_large_list, pa.LargeListArray)):
        if test(kind) and test(array.type):
            # The mask goes with offsets that start at the first item.
            whole = pa.concat_arrays([array]) if array.offset else array
            items = recast(whole.values, kind.value_type)
            return make.from_arrays(whole.offsets, items, type=kind, mask=whole.is_null())
    return array.cast(kind)


def recast_batch(batch: Any, schema: Any) -> Any:
    """Returns a record batch with another schema of the same structure."""
    if batch.schema == schema:
        return batch
    columns = [recast(column, field.type) for column, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def recast_table(table: Any, schema: Any) -> Any:
    """Returns a table, of one chunk a column, with another schema of the same structure."""
    columns = [recast(column.combine_chunks(), field.type) for column, field in zip(table.columns, schema, strict=True)]
    return pa.Table.from_arrays(columns, schema=schema)
