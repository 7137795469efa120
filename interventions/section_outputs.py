"""Section "Outputs": what a proxy model trained on the data says and how well it predicts, before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tamis.interventions import plot_forest
from tamis.interventions.masking import display
from tamis.interventions.report_format import DASH, THIN, count, is_measured, percent
from tamis.interventions.report_view import (
    Block,
    Cell,
    Table,
    counted,
    missing,
    name_cell,
    number_cell,
    ratio_cell,
    share_cell,
    table,
)

__all__ = ["blocks", "summary"]

Json = Mapping[str, Any]

_BUCKETS: Final = {
    "neutral": "neutral prompts",
    "identity": "prompts that name a group",
    "borderline": "borderline prompts",
    "lead": "prompts that invite an insult",
    "empty": "no prompt",
}
_SETS: Final = {
    "general": "general (ours)",
    "identity": "identity (ours)",
    "health": "health (ours)",
    "corpus general": "corpus, without toxic terms",
    "corpus identity": "corpus, names a group",
    "corpus health": "corpus, health",
    "corpus toxic": "corpus, with toxic terms",
}


def summary(result: Json) -> list[str]:
    """Returns what the numbers are, the scope statement first."""
    model, lexicon = result["model"], result["lexicon"]
    said = [display(result["scope"], 400)]
    if model["tokens"]:
        said.append(
            f"A trigram model is trained on {count(model['tokens'])} tokens of before and as many of after, and its "
            f"continuations of {model['continuation_tokens']} tokens are scored with the word list "
            f"{display(lexicon['id'], 60)}: {count(lexicon['terms'])} of its terms occur. The probabilities are exact; "
            f"the intervals say how much they would change with other {model['units']}. "
            f"Evidence: {display(result['grade'], 40)}."
        )
    flagged = lexicon.get("flagged_by_filter")
    if flagged is not None and not lexicon["independent"]:
        said.append(
            f"The word list is not independent of the filter, which flags {count(flagged)} of the "
            f"{count(lexicon['terms'])} terms in a harmless sentence: what falls is in part what the filter was made "
            "to find. The row “unflagged” has the other terms alone."
        )
    return said


def blocks(result: Json, name: str, ident: str) -> Iterator[Block]:
    """Yields plot and tables of one intervention.

    Args:
        result: The proxy's result.
        name: The intervention.
        ident: Unique word for plot ids.
    """
    found = result["interventions"][name]
    if found["reason"]:
        yield Block("", words=[f"Not measured: {display(found['reason'], 300)}."])
        return
    yield Block(
        "Toxic continuations",
        words=[_dose(found["dose"])],
        plots=[plot_forest.forest(f"{ident}-outputs", "Toxic continuations, after ÷ before", list(_rows(found)),
                                  "less toxic", "more toxic")],
        tables=[_buckets(result, found), _groups(found)],
    )  # fmt: skip
    yield Block("Predicting held-out text", tables=[_perplexity(result, found)])
    yield Block("Words behind the shift", tables=[_words(found["terms"])], folded=True)


def _dose(dose: Json) -> str:
    before, after = (f"{dose[key]:,.0f}" for key in ("before", "after"))
    return f"Toxic terms in a million training tokens: {before} before, {after} after (counted)."


def _rows(found: Json) -> Iterator[plot_forest.Row]:
    for bucket in _ordered(found["buckets"], _BUCKETS):
        row = found["buckets"][bucket]
        yield plot_forest.Row(_BUCKETS.get(bucket, display(bucket)), row["ratio"])
        yield plot_forest.Row("as much removed at random", row["placebo"], "diamond")


def _ordered(names: Mapping[str, Any], order: Mapping[str, str]) -> Sequence[str]:
    """Canonical JSON sorts its keys: names come back in reading order."""
    return [*(name for name in order if name in names), *sorted(name for name in names if name not in order)]


def _buckets(result: Json, found: Json) -> Table:
    k = result["model"]["k"]
    columns = ["Prompts", "Known", "Before", "After", "After ÷ before", "At random", f"TP{k}", f"EMT{k}"]
    prompts = result["prompts"]["buckets"]
    rows = [
        [
            name_cell(_BUCKETS.get(bucket, display(bucket))),
            Cell(f"{count(prompts[bucket]['known'])} of {count(prompts[bucket]['prompts'])}"),
            share_cell(row["before"], sample=False),
            share_cell(row["after"], sample=False),
            ratio_cell(row["ratio"]),
            ratio_cell(row["placebo"]),
            _change(row["probability_of_any"], percent),
            _change(row["expected_maximum"], _three),
        ]
        for bucket in _ordered(found["buckets"], _BUCKETS)
        for row in [found["buckets"][bucket]]
    ]
    note = (
        f"Before, after: continuations with a toxic term. TP{k}, EMT{k}: probability that one of {k} continuations is "
        "toxic, and the expected severity of the worst. Known: prompts whose last two words the texts hold; with few "
        "of them a row under-reports."
    )
    return table("Toxic continuations by kind of prompt", columns, rows, note=note)


def _change(row: Json, show: Any) -> Cell:
    if not is_measured(row["before"]):
        return missing(row["before"])
    return Cell(f"{show(row['before']['value'])} → {show(row['after']['value'])}")


def _three(value: float) -> str:
    return f"{value:.3f}"


def _groups(found: Json) -> Table:
    rows = [
        [
            name_cell(display(group)),
            share_cell(row["before"], sample=False),
            share_cell(row["after"], sample=False),
            ratio_cell(row["ratio"]),
        ]
        for group, row in sorted(found["groups"].items())
    ]
    note = "Neutral prompts. “unflagged”: toxic terms that the filter does not flag in a harmless sentence."
    return table("By kind of term", ["Terms", "Before", "After", "After ÷ before"], rows, note=note)


def _perplexity(result: Json, found: Json) -> Table:
    columns = ["Texts", "Number", "Before", "Change", "At random", "Beyond general", "Same within 0.005"]
    rows = [
        [
            name_cell(_SETS.get(name, display(name))),
            counted(result["held_out"][name]["texts"]),
            Cell(f"{row['before']['value']:.3f}"),
            number_cell(row["difference"], _signed),
            number_cell(row["placebo"], _signed),
            Cell(DASH) if row["differential"] is None else number_cell(row["differential"], _signed),
            Cell("yes" if row["equivalent"] else "not shown"),
        ]
        for name in _ordered(found["perplexity"], _SETS)
        for row in [found["perplexity"][name]]
    ]
    note = "Bits per byte; more is worse. No model is trained on these texts, and no filter has seen them."
    return table("Held-out texts", columns, rows, note=note)


def _signed(value: float) -> str:
    return f"{value:+.4f}"


def _words(terms: Json) -> Table:
    rows = [
        [
            name_cell(display(row["word"], 40), side),
            Cell(f"×{row['ratio']:.2f}"),
            Cell(f"{100 * row['share']:.1f}{THIN}%"),
        ]
        for side, key in (("rarer", "rarer"), ("more frequent", "more_frequent"))
        for row in terms[key]
    ]
    note = (
        f"Jensen–Shannon divergence {terms['divergence']:.5f} bits; {terms['placebo_divergence']:.5f} where as much "
        "was removed at random. Words that at least ten documents use; toxic ones masked."
    )
    return table("Words that changed most", ["Word", "After ÷ before", "Share of the shift"], rows, note=note)
