"""The machine-readable description of what a run wrote: `croissant.json`, MLCommons Croissant 1.0.

Source: the Croissant format specification 1.0, docs.mlcommons.org/croissant. The run's folder is one file object of
which the format's checksum cannot be given; `MANIFEST.json` and the receipts hold the digest of every file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tamis.interventions.dataset_card import languages, patterns
from tamis.interventions.dataset_files import KINDS, DatasetFiles, FileGroup
from tamis.interventions.masking import display

__all__ = ["build"]

Json = dict[str, Any]

_OWN: Final = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format",
    "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
_CONTEXT: Final[Json] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"cr:{name}" for name in _OWN},
}
_RUN: Final = "run"
_WHAT: Final = {
    "id": "Identity of the document.",
    "text": "Text of the document.",
    "source": "Source that the document came from.",
    "url": "Address that the document came from.",
}


def build(report: Mapping[str, Any], files: DatasetFiles) -> Json:
    """Returns the description.

    Args:
        report: The content of report.json.
        files: The documents that the run wrote.
    """
    run, verdict = report["run"], report.get("verdict") or {}
    name = display(run.get("name") or "unnamed run", 80)
    described: Json = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name,
        "description": display(verdict.get("sentence") or name, 2000),
        "version": _version(run.get("version")),
        "url": f"urn:tamis:run:{display(run.get('id'), 40)}",
        "license": display(files.licence or "unknown", 80),
        "citeAs": f"{name}, filtered by tamis {display(run.get('version'), 40)}, run {display(run.get('id'), 40)}",
        "isLiveDataset": False,
        "inLanguage": languages(report),
        "distribution": [_folder(), *(_file_set(group) for group in files.groups)],
        "recordSet": [_records(group, files) for group in files.groups if _has_columns(group)],
    }
    return {key: value for key, value in described.items() if value != []}


def _version(version: object) -> str:
    """Croissant wants MAJOR.MINOR.PATCH."""
    parts = [part if part.isdecimal() else "0" for part in str(version).split(".")[:3]]
    return ".".join([*parts, "0", "0"][:3])


def _folder() -> Json:
    return {
        "@type": "cr:FileObject",
        "@id": _RUN,
        "name": _RUN,
        "description": "The run's folder; MANIFEST.json in it has the digest of every file.",
        "contentUrl": "..",
        # What the format demands of a folder whose files have digests of their own.
        "encodingFormat": "git+https",
        "sha256": "https://github.com/mlcommons/croissant/issues/80",
    }


def _file_set(group: FileGroup) -> Json:
    return {
        "@type": "cr:FileSet",
        "@id": group.kind,
        "name": group.kind,
        "description": f"Documents that were kept, as {group.kind}.",
        "containedIn": {"@id": _RUN},
        "encodingFormat": KINDS[group.kind].media,
        # Programs differ in whether ** takes no folder at all; a file that two patterns take is one file.
        "includes": [form for each in patterns(group) for form in (each.replace("**/", ""), each)],
    }


def _has_columns(group: FileGroup) -> bool:
    return KINDS[group.kind].columns


def _records(group: FileGroup, files: DatasetFiles) -> Json:
    ident = f"{group.kind}-documents"
    fields = [_field(ident, name, path, group.kind) for name, path in files.fields.items()]
    key = {"key": {"@id": f"{ident}/id"}} if "id" in files.fields else {}
    return {"@type": "cr:RecordSet", "@id": ident, "name": ident, **key, "field": fields}


def _field(ident: str, name: str, path: str, group: str) -> Json:
    column, _, inner = path.partition(".")
    source: Json = {"fileSet": {"@id": group}, "extract": {"column": column}}
    if inner:
        source["transform"] = {"jsonPath": inner}
    return {
        "@type": "cr:Field",
        "@id": f"{ident}/{name}",
        "name": f"{ident}/{name}",
        "description": _WHAT[name],
        "dataType": "sc:Text",
        "source": source,
    }
