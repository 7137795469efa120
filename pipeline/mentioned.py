"""What documents are about, as columns of a score file; see `interventions.mentions`.

mentions.eligible        whether the document was looked at; null where none was
mentions.groups          bit k: it names the k-th identity group of the file's metadata
mentions.topics          1 + the index of its topic there; 0 where it has none
mentions.dialect.K       words in the K-th dialect there, as a share in units of `DIALECT_UNIT`; null where unknown
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tamis.interventions import dialect
from tamis.interventions.mentions import Mentions, group_names, topic_names

__all__ = ["DIALECT_UNIT", "arrays", "facts", "fields", "restored"]

#: The unit that `measures.collateral` counts dialects in, so that nothing that is counted is lost.
DIALECT_UNIT: Final = 2**20

_PLAIN: Final = (("eligible", pa.bool_()), ("groups", pa.uint64()), ("topics", pa.uint8()))


def facts() -> dict[str, list[str]]:
    """Returns the lists that the columns refer to."""
    return {"groups": list(group_names()), "topics": list(topic_names()), "dialects": list(dialect.NAMES)}


def fields() -> list[Any]:
    """Returns the columns' names and types."""
    plain = [pa.field(f"mentions.{name}", kind) for name, kind in _PLAIN]
    return [*plain, *(pa.field(f"mentions.dialect.{k}", pa.int32()) for k in range(len(dialect.NAMES)))]


def arrays(found: Mentions | None, count: int) -> dict[str, Any]:
    """Returns the columns of some documents; all null where nobody looked at them."""
    if found is None:
        return {field.name: pa.nulls(count, field.type) for field in fields()}
    shares = found.dialects.T
    units = [np.rint(np.nan_to_num(share) * DIALECT_UNIT).astype(np.int32) for share in shares]
    return {
        **{f"mentions.{name}": pa.array(getattr(found, name), kind) for name, kind in _PLAIN},
        **{
            f"mentions.dialect.{k}": pa.array(values, pa.int32(), mask=np.isnan(share))
            for k, (values, share) in enumerate(zip(units, shares, strict=True))
        },
    }


def restored(table: Any, listed: Any) -> Mentions | None:
    """Returns what documents of a score file are about, None where nobody looked, or by other lists.

    Args:
        table: Rows of the file.
        listed: The lists in its metadata.
    """
    eligible = table["mentions.eligible"]
    if listed != facts() or eligible.null_count:
        return None
    groups, topics = (table[f"mentions.{name}"].to_numpy() for name in ("groups", "topics"))
    shares = [_shares(table[f"mentions.dialect.{k}"]) for k in range(len(dialect.NAMES))]
    return Mentions(eligible.to_numpy(), groups, topics, np.stack(shares, axis=1))


def _shares(column: Any) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.to_numpy().astype(np.float64)
    return values / DIALECT_UNIT
