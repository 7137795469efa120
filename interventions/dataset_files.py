"""What programs must know to load the documents that a run wrote: their formats, and where the fields are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

__all__ = ["KINDS", "DatasetFiles", "FileGroup", "Kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """How a format is loaded.

    Attributes:
        media: Its media type.
        options: What `datasets` must be told beside the files; None where it cannot load the format.
        columns: Whether records have named fields.
    """

    media: str
    options: Mapping[str, str] | None = field(default_factory=dict)
    columns: bool = True


#: Formats by name.
KINDS: Final = {
    "jsonl": Kind("application/jsonlines"),
    "parquet": Kind("application/x-parquet"),
    "arrow": Kind("application/vnd.apache.arrow.file"),
    "csv": Kind("text/csv"),
    "tsv": Kind("text/tab-separated-values", {"sep": "\t"}),
    "text": Kind("text/plain", columns=False),
    "warc": Kind("application/warc", None, columns=False),
}


@dataclass(frozen=True, slots=True)
class FileGroup:
    """Files of one format.

    Attributes:
        kind: Key of `KINDS`.
        endings: Their endings, such as `.jsonl.gz`, none of which ends in another.
        loadable: Whether the endings tell a program what the files are.
    """

    kind: str
    endings: Sequence[str]
    loadable: bool = True


@dataclass(frozen=True, slots=True)
class DatasetFiles:
    """The documents that a run wrote.

    Attributes:
        groups: Their files by format; none where nothing was written.
        fields: Where records keep `id`, `text`, `source` and `url`; dots reach into nested objects.
        bytes: Size of the files.
        licence: Licence that the plan states; None = unknown.
    """

    groups: Sequence[FileGroup] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    bytes: int = 0
    licence: str | None = None
