"""What a shipped bundle's card says about it: held-out sets, identity terms, suites, ordinary text, baselines."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tamis.classifiers.augmentation import DISGUISES, disguise
from tamis.classifiers.bundle import Bundle
from tamis.classifiers.datasets import read
from tamis.classifiers.evaluation import measure
from tamis.classifiers.functional import read_cases, verdicts
from tamis.classifiers.passages import Passages
from tamis.classifiers.training_config import load

from .baselines import strongest
from .random_sample import random_sample

SETS = (
    "wiki-toxicity", "wiki-toxicity-fuzzed", "hatemoji-check", "edos-test", "ailuminate", "tamis-labels-held-out",
    "madlibs", "bold",
)  # fmt: skip
ORDINARY = ("reddit", "novels", "wikitext2")
_SHARED = (
    "The sentence frames of both shipped bundles have one author; the two share no frame, but they share a hand.",
    "The passage labels of `tamis-labels-held-out` were made by language models that read each passage: one, and "
    "later twenty-one sessions of another with written instructions. Two readers judged 1,287 passages: kappa .85 "
    "sexual, .86 hate, .86 harassment, .85 violence, .90 self_harm. No person has confirmed a label: figures on "
    "this set are agreement with these readers, not with people.",
    "No held-out text was trained on, and no threshold or calibration was computed from one. But the held-out sets"
    " and the functional suite were looked at between some seventy variants, and choices followed from it: "
    "penalties, how often sources repeat, what character n-grams and vectors count, which identity terms share a "
    "weight, which kinds of frames were written. Figures on them are optimistic for that.",
    "The passages drawn at random were read by sixteen sessions of the model that labelled most passages, with the "
    "same instructions. Of those that a word list or version 2 of `policy-en` picks out more were read; weights undo "
    "that.",
    "Each variant was trained once: intervals are over texts, not over trainings.",
)
NOTES = {
    "policy-en": (
        *_SHARED,
        "`tamis-labels`, the passages that readers labelled, and `tamis-labels-held-out` have the same readers, "
        "and were chosen among what earlier versions scored high or were unsure of: on that set the bundle has an "
        "advantage over models of other sources.",
        "For version 4 some 190 further variants were compared on these sets, and on the passages drawn at random too: "
        "that there are two networks, what they count and which sources they see follows from that. So no figure "
        "of this card is free of choice, and those on drawn passages flatter this version more than version 3.",
        "`written-policy` was written by language models for this bundle: plain cases in mild words, and harmless "
        "texts that share their vocabulary. Its writers saw neither the suite nor a held-out set.",
        "Identity terms that are one word add the same to `hate` and `harassment`, and no n-gram that holds one "
        "has a row, so a benign sentence is flagged, or not, whoever it names. A passage that mentions one, whichever, "
        "is scored for these two by other weights than one that mentions none: more such sentences are flagged than "
        "by version 2 (see the terms); the longest words up to twice as often as the median term.",
        "A logistic regression over fastText's features and the words' vectors, and two small networks over averages "
        "of further columns, share one file and are added up; any fastText reads it, its labels are then the columns. "
        "One network sees all sources, one the readers' labels alone: it adds most on texts like theirs. In `hate` "
        "the networks count little: they flag more praise of groups.",
        "On passages drawn at random most violations are missed at `default`, and less of what is flagged violates "
        "than the point states: in such posts most categories are several times rarer than the declared base rates, "
        "for which precision is stated.",
        "It is made of means over words: a strong word weighs more in a short text. Idioms, sport, homonyms "
        "and insults of things are its commonest false flags in single sentences; one frame of the suite (praise of "
        "those who made a town a better place) is flagged as hate for every group (see the suite).",
    ),
    "evaluator-en": (
        *_SHARED,
        "It shares no source with `policy-en`, and learned no violation from its labellers. `self_harm`, `sexual` "
        "and `violence` rest on forum membership and word rules: read its prevalences of these as relative, not as"
        " levels.",
        "Readers (sessions of the language model that labelled passages for `policy-en`) looked at the 1,330 "
        "passages of its ordinary text that it scored highest; what they found violating or doubtful is left out "
        "of its ordinary text, which thresholds are computed on.",
    ),
}


def assess(bundle: Bundle, config_path: Path, root: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """The `evaluation` part of a bundle's metrics.

    Args:
        bundle: The bundle, in place.
        config_path: What it was trained from.
        root: Folder that holds data/ and classifiers/.
        progress: Told each step.
    """
    held_out = [root / "data" / "held_out" / f"{name}.jsonl" for name in SETS]
    suite = root / "classifiers" / "data" / "functional_en.csv"
    ordinary = [root / "data" / "ordinary" / f"{name}.jsonl" for name in ORDINARY]
    progress("evaluating on held-out sets, the suite and ordinary text")
    found = measure(bundle, [*held_out, suite, *ordinary])
    sets = {n: {c: _short(v) for c, v in categories.items()} for n, categories in found["sets"].items()}
    suites = {name: points.get("default", {}) for name, points in found["suites"].items()}
    known = {name: read(path, bundle.categories) for name, path in zip(SETS, held_out, strict=True)}
    baselines = strongest(load(config_path), root, known, sets, progress)
    return {
        "notes": list(NOTES[bundle.name]),
        "sets": sets, "suites": suites, "ordinary": found["ordinary"], "baselines": baselines,
        "random": random_sample(bundle, root), "disguise": disguise_loss(bundle, root),
    }  # fmt: skip


def _short(found: dict[str, Any]) -> dict[str, Any]:
    out = {key: found[key] for key in ("rows", "positives", "auroc", "auprc")}
    out["points"] = {n: {k: p[k] for k in ("recall", "fpr")} for n, p in found["points"].items()}
    if found["identity"]["fpr"]:
        out["identity_fpr"] = found["identity"]["fpr"]
    return out


def disguise_loss(bundle: Bundle, root: Path) -> dict[str, Any]:
    """Recall of `default` on disguised copies of the suite's violations, by disguise and for the plain text."""
    cases = [
        c
        for c in read_cases(root / "classifiers" / "data" / "functional_en.csv")
        if c.flag and not c.functionality.startswith("obf")
    ]
    limits = {c: bundle.operating_points[c]["precision(0.5)"].threshold for c in bundle.categories}
    out = {}
    for name in ("", *DISGUISES):
        rng = random.Random(5)
        texts = [disguise(c.text, rng, name, 0.7) if name else c.text for c in cases]
        flagged = verdicts(cases, bundle.score(Passages.of(texts)), bundle.categories, limits)
        out[name or "plain"] = round(float(flagged.mean()), 4)
    return out
