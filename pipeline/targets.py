"""What a corpus can be converted to, and what a shard is called afterwards: `corpus.write` of a plan.

A shard that has the target's format and compression already keeps its name and its bytes. Any other keeps its path,
with another ending: `en/part-01.warc.gz` becomes `en/part-01.parquet`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tamis.classifiers.errors import UsageError

__all__ = ["TARGETS", "Target", "check_names"]


@dataclass(frozen=True, slots=True)
class Target:
    """One format to write.

    Attributes:
        name: What the plan's `corpus.write` calls it, and the ending of file names.
        format: The format's name in `formats.FORMATS`.
        compression: How the file is compressed as a whole.
    """

    name: str
    format: str
    compression: str

    def keeps(self, format: str, compression: str) -> bool:
        """Tells whether a shard of a format and compression is what the target asks for."""
        return format == self.format and compression == self.compression


_TABLE = (
    Target("jsonl", "jsonl", ""),
    Target("jsonl.gz", "jsonl", "gz"),
    Target("jsonl.zst", "jsonl", "zst"),
    Target("parquet", "parquet", ""),
)

#: Every target, by name.
TARGETS = {each.name: each for each in _TABLE}


def check_names(renamed: Iterable[tuple[str, str]]) -> None:
    """Checks that no two shards get one name.

    Args:
        renamed: The name of each shard before and after.

    Raises:
        UsageError: Two do; both are named.
    """
    seen: dict[str, str] = {}
    for before, after in renamed:
        other = seen.setdefault(after.casefold(), before)
        if other != before:
            raise UsageError(
                f"{other} and {before} would both be written as {after}: narrow `corpus.shards` to one of them, or "
                "rename one"
            )
