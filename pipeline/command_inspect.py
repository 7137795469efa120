"""`tamis inspect RUN`: read what was dropped, tagged, redacted, or kept near a threshold."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from tamis.interventions.report_format import several
from tamis.pipeline.command_verify import RUN_HELP, locate

if TYPE_CHECKING:
    from tamis.pipeline.excerpts import Excerpt
    from tamis.pipeline.finding import Finding

__all__ = ["NOTICE", "add_arguments", "main"]

NOTICE: Final = (
    "Content notice: what follows was found because it may be sexual, hateful, harassing, violent, or about self-harm."
)
_MASKED: Final = "Slurs are masked, and sexual and self-harm content is left out; --reveal shows the text as it is."
_WHY: Final = {
    "closed": "(not shown: --reveal shows it)",
    "minors": "(never shown: sexual content with terms of minority age)",
    "quarantine": "(never shown: in quarantine by a rule)",
}
_ACTIONS: Final = "quarantine, drop, tag, redact, downsample, control_token or keep"
_NEVER: Final = ("minors", "quarantine")
_FIELDS: Final = (
    "id",
    "shard",
    "number",
    "source",
    "language",
    "chars",
    "action",
    "rule",
    "classifier",
    "category",
    "score",
    "threshold",
)

Items = Sequence[tuple["Finding", "Excerpt"]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--intervention", metavar="NAME", help="whose decisions; default: the published one's")
    parser.add_argument("--category", metavar="NAME", help="decided by this category")
    parser.add_argument("--rule", metavar="RULE", help="decided by this rule: its name, or its number from 1")
    parser.add_argument("--source", metavar="NAME", help="from this source")
    parser.add_argument("--action", metavar="NAME", help=_ACTIONS)
    parser.add_argument("--near", metavar="SCORE", type=float, help="score about this much, whatever was done")
    parser.add_argument("--limit", metavar="N", type=int, default=20, help="most documents; default: 20")
    parser.add_argument("--reveal", action="store_true", help="show the text as it is, not masked")
    parser.add_argument("--json", action="store_true", help="one JSON line a document, for programs")
    parser.add_argument("--input", metavar="ROOT", help="read the corpus from here instead of the plan's root")
    parser.add_argument("--scores", metavar="RUN", help="the run with the scores, where RUN was applied to another's")
    parser.epilog = (
        "Documents come in the order of a hash of their ids, so that no one picks them. The text is read again from "
        "the corpus. In a terminal it goes through $PAGER. Sexual content with terms of minority age is never shown."
    )


def main(options: argparse.Namespace, _: list[str]) -> int:
    """Shows documents; returns 0."""
    import msgspec

    from tamis.pipeline.decided_run import DecidedRun
    from tamis.pipeline.excerpts import excerpt, texts
    from tamis.pipeline.selection import Selection, find

    run = DecidedRun.open(*locate(options.run), scores=locate(options.scores) if options.scores else None)
    intervention = run.intervention(options.intervention)
    given = {name: getattr(options, name) for name in Selection.__dataclass_fields__}
    count, found = find(run, intervention, Selection(**given))
    corpus = run.manifest.spec.plan.corpus
    if options.input is not None:
        corpus = msgspec.structs.replace(corpus, root=options.input)
    read = {(one.shard, one.number): excerpt(one, text, options.reveal) for one, text in texts(corpus, found)}
    items = [(one, read[one.shard, one.number]) for one in found]
    if options.json:
        print(NOTICE, file=sys.stderr)
        _page(_json_lines(items, intervention.name))
    else:
        _page(_lines(items, count, intervention.name, options.reveal))
    return 0


def _page(lines: Iterator[str]) -> None:
    from tamis.pipeline.pager import page

    page(lines)


def _lines(items: Items, count: int, name: str, reveal: bool) -> Iterator[str]:
    from tamis.interventions.masking import terminal

    yield NOTICE
    if not reveal:
        yield _MASKED
    order = "in the order of a hash of their ids" if len(items) < count else "all that match"
    yield f"{len(items):,} of {count:,} documents of the intervention {terminal(name, 60)}, {order}."
    for number, (finding, shown) in enumerate(items, 1):
        yield ""
        yield from _item(number, finding, shown, reveal)
    withheld = [finding for finding, shown in items if shown.hidden in _NEVER]
    if withheld:
        yield ""
        hashes = ", ".join(f"{one.key:016x}" for one in withheld)
        yield f"Never shown: {several(len(withheld), 'document')}; hashes {hashes}."


def _item(number: int, finding: Finding, shown: Excerpt, reveal: bool) -> Iterator[str]:
    from tamis.interventions.masking import terminal

    if shown.hidden in _NEVER:
        yield f"{number}. {_WHY[shown.hidden]} hash {finding.key:016x}"
        return
    score = "unscored" if finding.score is None else f"{finding.score:.3f}"
    against = "" if finding.threshold is None else f" against {finding.threshold:.3g}"
    rule = "" if finding.rule is None else f", rule {terminal(finding.rule, 80)}"
    yield f"{number}. {finding.action}: {terminal(finding.category, 40)} {score}{against}{rule}"
    where = f"{terminal(finding.shard, 80)} record {finding.number}"
    source = f"source {terminal(finding.source, 40)}" if finding.source else "no source"
    yield f"   {terminal(finding.id, 60)}, {source}, {finding.language}, {finding.chars:,} characters, {where}"
    text = _WHY[shown.hidden] if shown.text is None else terminal(shown.text, 400, masked=not reveal)
    yield f"   | {text}"


def _json_lines(items: Items, name: str) -> Iterator[str]:
    for finding, shown in items:
        yield json.dumps(_record(finding, shown, name))
    counts = Counter(shown.hidden for _, shown in items if shown.hidden)
    if counts:
        print("; ".join(f"{count} {_WHY[why]}" for why, count in sorted(counts.items())), file=sys.stderr)


def _record(finding: Finding, shown: Excerpt, name: str) -> dict[str, Any]:
    key = f"{finding.key:016x}"
    if shown.hidden in _NEVER:
        return {"hash": key, "hidden": shown.hidden}
    facts = {field: getattr(finding, field) for field in _FIELDS}
    return {"hash": key, "intervention": name, **facts, "excerpt": shown.text, "hidden": shown.hidden or None}
