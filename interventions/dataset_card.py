"""The dataset card of a run: what was done to the documents, and how to load them; `README.md` of its report.

The front matter makes `datasets.load_dataset` on the report's folder load the documents beside it. Names that the
corpus or the plan chose pass through `masking.markdown` in the text, and through a YAML writer in the front matter.
It is made of report.json alone: no clock and no path of a machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import yaml

from tamis.interventions.dataset_files import KINDS, DatasetFiles, FileGroup
from tamis.interventions.masking import display, markdown, verbatim
from tamis.interventions.report_answers import answers
from tamis.interventions.report_format import (
    count,
    is_measured,
    percent,
    percent_interval,
    ratio,
    ratio_interval,
    size,
)
from tamis.interventions.report_order import ordered
from tamis.interventions.report_parts import result_of

__all__ = ["render"]

Json = Mapping[str, Any]

#: Upper ends of the size classes that dataset hubs know.
_SIZES: Final = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
    (10_000_000_000, "1B<n<10B"),
    (100_000_000_000, "10B<n<100B"),
    (1_000_000_000_000, "100B<n<1T"),
)
#: Share of the kept documents from which on a language is one of the data set's.
_LANGUAGE: Final = 0.01
_CODE = re.compile(r"[a-z]{2,3}")
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,40}")


def render(report: Json, files: DatasetFiles) -> str:
    """Returns the card.

    Args:
        report: The content of report.json.
        files: The documents that the run wrote.
    """
    report = ordered(report)
    body = "\n\n".join(part for part in _parts(report, files) if part)
    return f"---\n{_front(report, files)}---\n\n{body}\n"


def _front(report: Json, files: DatasetFiles) -> str:
    counts = report["run"].get("counts") or {}
    matter: dict[str, Any] = {
        "pretty_name": _title(report),
        **_licence(files.licence),
        "language": languages(report),
        "size_categories": [_size_class(counts.get("kept") or 0)],
        "task_categories": ["text-generation"],
        "tags": ["tamis", "pretraining", "content-filtering"],
        "configs": configs(files),
    }
    kept = {key: value for key, value in matter.items() if value not in ([], None)}
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=False, width=10_000)


def _title(report: Json) -> str:
    return display(report["run"].get("name") or "unnamed run", 80)


def _licence(stated: str | None) -> dict[str, str]:
    if stated is None:
        return {"license": "unknown"}
    if _LICENCE.fullmatch(stated.lower()):
        return {"license": stated.lower()}
    return {"license": "other", "license_name": display(stated, 80)}


def languages(report: Json) -> list[str]:
    """Returns the languages of what was kept, the most frequent first."""
    volume = result_of(report, "volume", report["lead"])
    kept = {
        name: part["seen"]["documents"] - part["removed"]["documents"]
        for name, part in (volume.get("by") or {}).get("language", {}).items()
    }
    least = _LANGUAGE * sum(kept.values())
    codes = [name for name in kept if _CODE.fullmatch(name) and name != "und"]
    return sorted((name for name in codes if kept[name] >= max(1, least)), key=lambda one: (-kept[one], one))


def _size_class(documents: int) -> str:
    return next((name for limit, name in _SIZES if documents < limit), "n>1T")


def configs(files: DatasetFiles) -> list[dict[str, Any]]:
    """Returns the configurations for `datasets`: one a format."""
    loadable = [group for group in files.groups if group.loadable and KINDS[group.kind].options is not None]
    return [
        {
            "config_name": "default" if len(loadable) == 1 else group.kind,
            "data_files": [{"split": "train", "path": [f"../{pattern}" for pattern in patterns(group)]}],
            **(KINDS[group.kind].options or {}),
        }
        for group in loadable
    ]


def patterns(group: FileGroup) -> list[str]:
    """Returns patterns of a group's files, from the run's folder."""
    return [f"documents/**/*{ending}" for ending in group.endings]


def _parts(report: Json, files: DatasetFiles) -> Iterator[str]:
    run, lead = report["run"], report["lead"]
    yield f"# {markdown(run.get('name') or 'unnamed run', 80)}"
    yield _what(report, files)
    yield "\n".join(f"- **{answer.question}** {_answer(answer.big, answer.why)}" for answer in answers(report))
    yield "## Before and after"
    yield _table(
        ["Category", "Before", "After", "After ÷ before", "Removed documents", "Evidence"],
        [_row(row) for row in report.get("headline") or ()],
    )
    yield (
        "Before, after: share of the evaluated documents that the evaluator flags, with 95 % intervals; after ÷ before "
        "is paired on the same documents. Evidence: `certified` by human labels, `estimated` by an evaluator that is "
        "independent of the filter, `relative` by one that is not, `not resolvable`: too few cases to tell."
    )
    yield "## What was done"
    yield _rules(report, lead)
    yield _counts(report, files)
    yield "## Loading"
    yield _loading(files)
    yield "## Limits"
    yield "\n".join(f"- {markdown(text, 900)}" for text in _limits(report))
    yield "## Provenance"
    yield _provenance(report)


def _answer(big: str, why: str) -> str:
    return f"**{markdown(big, 60)}** {markdown(why, 400)}"


def _what(report: Json, files: DatasetFiles) -> str:
    status = report["run"].get("status")
    written = {
        "published": "These documents were kept by",
        "refused": "**Not published: the gate refused this run.** These documents would have been kept by",
        "measured": "No documents were written: this run only measured",
    }
    start = written.get(str(status), "These documents were kept by")
    verdict = (report.get("verdict") or {}).get("sentence") or ""
    volume = f" {size(files.bytes)} on disk." if files.groups else ""
    return f"{start} the intervention {markdown(report['lead'], 60)}.{volume} {markdown(verdict, 2000)}"


def _row(row: Json) -> list[str]:
    removed = (row.get("removed") or {}).get("documents")
    return [
        "any category" if row["category"] == "any" else markdown(row["category"], 40),
        *(_share(row[key]) for key in ("before", "after")),
        _ratio(row["ratio"]),
        count(removed),
        markdown(row["grade"], 40),
    ]


def _share(estimate: Json) -> str:
    if not is_measured(estimate):
        return "not measured"
    interval = percent_interval(estimate)
    return f"{percent(estimate['value'])} ({interval})" if interval else percent(estimate["value"])


def _ratio(estimate: Json) -> str:
    if not is_measured(estimate):
        return markdown(estimate.get("grade") or "not measured", 40)
    interval = ratio_interval(estimate)
    return f"{ratio(estimate['value'])} ({interval})" if interval else ratio(estimate["value"])


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rules(report: Json, lead: str) -> str:
    volume = result_of(report, "volume", lead)
    rows = [
        [markdown(label, 200), markdown(rule["action"], 40), count(rule["decided"]["documents"])]
        for label, rule in list((volume.get("rules") or {}).items())[:40]
    ]
    return _table(["Rule", "Action", "Documents"], rows) if rows else ""


def _counts(report: Json, files: DatasetFiles) -> str:
    counts = report["run"].get("counts") or {}
    told = ", ".join(f"{markdown(name, 40)} {count(number)}" for name, number in counts.items())
    fields = ", ".join(f"{name}: {markdown(path, 80)}" for name, path in files.fields.items())
    where = f" Fields of a record: {fields}." if fields else ""
    return f"Records: {told}; seen = kept + dropped + quarantined.{where}"


def _loading(files: DatasetFiles) -> str:
    names = [one["config_name"] for one in configs(files)]
    if not files.groups:
        return "There is nothing to load."
    if not names:
        return "`datasets` has no loader for these files; they are in `documents/`, in the format that they came in."
    packed = any(ending.endswith(".zst") for group in files.groups for ending in group.endings)
    install = "pip install datasets zstandard" if packed else "pip install datasets"
    more = "" if names == ["default"] else f', name="{names[0]}"'
    code = f'# {install}\nimport datasets\n\ndatasets.load_dataset("path/to/the/run/report", split="train"{more})'
    words = "On a hub the card belongs at the top of the repository: copy it there and take `../` out of its paths."
    return f"```python\n{code}\n```\n\n{words}"


def _limits(report: Json) -> Iterator[str]:
    yield from (banner["text"] for banner in report.get("banners") or ())
    yield "A share that an evaluator flags is not the share of harmful documents: it errs in both directions."
    yield from (f"Not measured: {gap['what']}: {gap['reason']}" for gap in report.get("not_measured") or ())


def _provenance(report: Json) -> str:
    run, source = report["run"], report["provenance"]
    bundles = ", ".join(f"{markdown(name)} {markdown(one)}" for name, one in (source.get("bundles") or {}).items())
    lines = [
        f"- run {markdown(run.get('id'))}, plan fingerprint {markdown(run.get('fingerprint'))}",
        f"- tamis {markdown(run.get('version'))}; {markdown(_packages(source), 400)}",
        f"- classifiers: {bundles or 'none'}; evaluator: {markdown(source.get('evaluator') or 'none')}",
        f"- command: {markdown(source.get('command') or '', 400)}",
        "- `index.html` shows, and `report.json` holds, every number with its interval, sample size and method; "
        "`../MANIFEST.json` has the digest of every file",
    ]
    plan = verbatim(source.get("plan") or "").strip("\n")
    fence = "`" * (1 + max([2, *map(len, re.findall("`+", plan))]))
    return "\n".join(lines) + f"\n\nThe plan, with every default spelled out:\n\n{fence}yaml\n{plan}\n{fence}"


def _packages(source: Json) -> str:
    return ", ".join(f"{name} {version}" for name, version in (source.get("packages") or {}).items())
