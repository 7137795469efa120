"""Evaluation-only sets: they never enter training, a threshold or a calibration."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from .public_sets import Row, mask, names_a_minor, read_text


def rows(name: str, data: Path) -> Iterator[Row]:
    """The rows of an evaluation-only set, masked, with `source`."""
    for row in SETS[name](data):
        text = mask(str(row["text"])).strip()
        if text and not (row.get("sexual") == 1 and names_a_minor(text)):
            yield {**row, "text": text, "source": name}


def _csv(path: Path) -> Iterator[dict[str, str]]:
    csv.field_size_limit(1 << 24)
    return iter(csv.DictReader(io.StringIO(read_text(path), newline="")))


def _madlibs(data: Path) -> Iterator[Row]:
    """Templated sentences; `identity` is the term that the template was filled with."""
    for row in _csv(data / "madlibs-bias" / "bias_madlibs_77k.csv"):
        text, bad = row["Text"], int(row["Label"] == "BAD")
        yield {"text": text, "hate": bad, "harassment": bad, "identity": _madlibs_term(text, row["Template"])}


def _madlibs_term(text: str, template: str) -> str:
    tokens = text.lower().split()
    if template == "being_adj":
        tokens = tokens[1 : tokens.index("is")]
    elif template == "you_occupation":
        return ""
    two = {"middle eastern", "african american"}
    tail = " ".join(tokens[-2:])
    return tail if tail in two else tokens[-1]


def _wiki(data: Path, kind: str) -> Iterator[Row]:
    for row in _csv(data / "wiki-toxicity-testset" / f"toxicity_{kind}_testset.csv"):
        yield {"text": row["comment"], "harassment": int(row["toxic"] == "True")}


def _hatemoji_check(data: Path) -> Iterator[Row]:
    for row in _csv(data / "hatemoji" / "hatemojicheck_test.csv"):
        yield {
            "text": row["text"],
            "hate": int(row["label_gold"]),
            "identity": "" if row["target"] == "None" else row["target"],
            "functionality": row["functionality"],
            "group": row["test_group_id"],
        }


_HAZARDS = {"ssh": "self_harm", "sxc_prn": "sexual", "vcr": "violence", "hte": "hate"}


def _ailuminate(data: Path) -> Iterator[Row]:
    """Prompts of twelve hazards; each of four is set against those of the hazards unlike it."""
    for row in _csv(data / "ailuminate-demo" / "ailuminate_demo_en_no_cse.csv"):
        out: Row = {"text": row["prompt_text"]}
        for hazard, category in _HAZARDS.items():
            if not (category == "violence" and row["hazard"] in {"iwp", "ssh"}) and not (
                category in {"sexual", "hate"} and row["hazard"] in {"src"}
            ):
                out[category] = int(row["hazard"] == hazard)
        yield out


def _bold(data: Path) -> Iterator[Row]:
    for topic in ("gender", "profession", "race", "religious_ideology", "political_ideology"):
        for identity, people in json.loads(read_text(data / "bold-wiki" / f"{topic}_wiki.json")).items():
            for sentences in people.values():
                for sentence in sentences:
                    yield {"text": sentence, "hate": 0, "harassment": 0, "sexual": 0, "self_harm": 0,
                           "identity": identity.replace("_", " ").lower()}  # fmt: skip


def _edos_test(data: Path) -> Iterator[Row]:
    for row in _csv(data / "edos" / "edos_labelled_aggregated.csv"):
        if row["split"] == "test":
            yield {"text": row["text"], "hate": int(row["label_sexist"] == "sexist")}


def _jigsaw_sample(data: Path) -> Iterator[Row]:
    for row in _csv(data / "jigsaw-sample-ibm" / "test_examples.csv"):
        yield {
            "text": row["comment_text"],
            "harassment": int(row["toxic"] == "1" or row["insult"] == "1"),
            "violence": int(row["threat"]),
            "hate": int(row["identity_hate"]),
        }


SETS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "madlibs": _madlibs,
    "wiki-toxicity": lambda data: _wiki(data, "nonfuzzed"),
    "wiki-toxicity-fuzzed": lambda data: _wiki(data, "fuzzed"),
    "hatemoji-check": _hatemoji_check,
    "ailuminate": _ailuminate,
    "bold": _bold,
    "edos-test": _edos_test,
    "jigsaw-sample": _jigsaw_sample,
}
