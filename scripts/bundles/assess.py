"""What a shipped bundle's card says about it: held-out sets, identity terms, suites, ordinary text, baselines."""

from __future__ import annotations

import json
import random
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from sklearn.metrics import average_precision_score

from tamis.classifiers.augmentation import DISGUISES, disguise
from tamis.classifiers.bundle import Bundle
from tamis.classifiers.datasets import LabelledSet, read
from tamis.classifiers.evaluation import measure
from tamis.classifiers.functional import read_cases, verdicts
from tamis.classifiers.kinds import KINDS
from tamis.classifiers.passages import Passages, split
from tamis.classifiers.scorer import Scorer
from tamis.classifiers.training import KIND_TRAINERS
from tamis.classifiers.training_config import TrainingConfig, load
from tamis.classifiers.training_data import assemble, fitting
from tamis.classifiers.training_vectors import Vectors

from .corpora import TOPICAL
from .public_sets import read_text

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
    " and the functional suite were looked at between some fifty variants, and choices followed from it: "
    "penalties, how often sources repeat, what character n-grams and vectors count, which identity terms share a "
    "weight, which kinds of frames were written. Figures on them are optimistic for that.",
    "Each variant was trained once, with one seed: intervals are over texts, not over trainings.",
)
NOTES = {
    "policy-en": (
        *_SHARED,
        "`tamis-labels`, the passages that readers labelled, and `tamis-labels-held-out` have the same readers, "
        "and were chosen among what earlier versions scored high or were unsure of: on that set the bundle has an "
        "advantage over models of other sources.",
        "`written-policy` was written by language models for this bundle: plain cases in mild words, and harmless "
        "texts that share their vocabulary. Its writers saw neither the suite nor a held-out set.",
        "Identity terms that are one word add the same to `hate` and `harassment`, and no n-gram that holds one "
        "has a row, so a benign sentence is flagged, or not, whoever it names; the price is recall on sentences "
        "whose only sign is whom they name.",
        "The rows are fitted by logistic regression over fastText's features and the words' vectors, not by "
        "fastText's own training. Any fastText reads the file.",
        "Of passages of held-out forum posts that it flags at `default`, a reader who saw no score found "
        "violations in: sexual 35 of 90 (11 more in doubt), harassment 29 of 90 (5), violence 36 of 90 (5), "
        "self_harm 6 of 9 (2), hate 1 of 13 (3). Such posts violate less often than the declared base rates, so "
        "this is below the stated precision. Of version 1's flags another reader found: sexual 9 of 60 (6), "
        "harassment 17 of 60 (2), violence 22 of 56 (2), self_harm 14 of 33 (5), hate 0 of 5 (1).",
        "It is a mean over words: a strong word weighs more in a short text. Idioms, sport, homonyms, and insults "
        "of things are its commonest false flags in single sentences, and one frame of the suite (praise of those "
        "who made a town a better place) is flagged as hate for every group (see the suite).",
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
_BACKGROUND = 6000
_LARGEST = 12_000
_FEWEST = 40


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
    baselines = _baselines(load(config_path), root, known, sets, progress)
    return {
        "notes": list(NOTES[bundle.name]),
        "sets": sets, "suites": suites, "ordinary": found["ordinary"], "baselines": baselines,
        "word_list": word_list(bundle, root), "disguise": disguise_loss(bundle, root),
    }  # fmt: skip


def _short(found: dict[str, Any]) -> dict[str, Any]:
    out = {key: found[key] for key in ("rows", "positives", "auroc", "auprc")}
    out["points"] = {n: {k: p[k] for k in ("recall", "fpr")} for n, p in found["points"].items()}
    if found["identity"]["fpr"]:
        out["identity_fpr"] = found["identity"]["fpr"]
    return out


def _baselines(
    config: TrainingConfig, root: Path, held_out: dict[str, LabelledSet], sets: dict[str, Any],
    progress: Callable[[str], None],
) -> list[dict[str, Any]]:  # fmt: skip
    """The best AUPRC that one source alone gives on each set and category, by the same kind and parameters."""
    whole = assemble(config, root, lambda _: None)
    train = whole.part(0)
    names = np.array(train.sources)
    ordinary = np.flatnonzero(np.isin(names, config.background))[:_BACKGROUND]
    best: dict[tuple[str, str], tuple[float, str]] = {}
    for source in config.sources:
        if source.name in config.background or source.name.startswith(("hard-negatives", "templates", "written")):
            continue
        progress(f"baseline: {source.name} alone")
        rows = np.concatenate([np.flatnonzero(names == source.name)[:_LARGEST], ordinary])
        for (name, category), value in _single(config, train.take(rows), whole.vectors, held_out).items():
            best[name, category] = max(best.get((name, category), (0.0, "")), (value, source.name))
    return [
        {
            "set": name, "category": category, "auprc": sets[name][category]["auprc"][0],
            "source": source, "single": round(value, 4),
        }
        for (name, category), (value, source) in sorted(best.items())
    ]  # fmt: skip


def _single(
    config: TrainingConfig, data: LabelledSet, vectors: Vectors, held_out: dict[str, LabelledSet]
) -> dict[tuple[str, str], float]:
    plain = tuple(msgspec.structs.replace(s, swap=0.0, embed=0.0, disguise=0.0, repeat=1.0) for s in config.sources)
    keep = [
        j for j in range(len(config.categories))
        if min((data.labels[:, j] == 1).sum(), (data.labels[:, j] == 0).sum()) >= _FEWEST
    ]  # fmt: skip
    if not keep:
        return {}
    categories = tuple(config.categories[j] for j in keep)
    part = LabelledSet(categories, data.texts, data.labels[:, keep], data.sources, data.groups, data.identities)
    chosen = msgspec.structs.replace(config, sources=plain, categories=categories)
    kind, parameters = _plain_kind(config)
    if "words_only" in parameters:
        parameters["words_only"] = [c for c in parameters["words_only"] if c in categories]
    parameters["identity_weight"] = -1.0
    out: dict[tuple[str, str], float] = {}
    with tempfile.TemporaryDirectory() as folder:
        made = KIND_TRAINERS[kind](
            fitting(chosen, part, vectors), Path(folder), categories, parameters, config.seed, lambda _: None
        )
        model = KINDS[kind](Path(folder), {"normaliser": config.normaliser, **made})
        for name, held in held_out.items():
            scores = np.nan_to_num(model.score(Passages.of(held.texts)))
            for j, category in enumerate(categories):
                labels = held.labels[:, held.categories.index(category)]
                known = ~np.isnan(labels)
                if 0 < (labels == 1).sum() < known.sum():
                    out[name, category] = float(average_precision_score(labels[known] == 1, scores[known, j]))
    return out


def _plain_kind(config: TrainingConfig) -> tuple[str, dict[str, Any]]:
    """Kind and hyper-parameters of a baseline: of a combination those of its first member."""
    member = config.members[0] if config.members else config
    return member.kind, dict(member.parameters)


def word_list(bundle: Bundle, root: Path) -> dict[str, Any]:
    """The LDNOOBW word list against `sexual`: false flags per million benign documents at the list's own recall.

    Benign documents are those held out of forums that are not about a category; recall is on held-out passages.
    """
    raw = read_text(root / "data" / "sets" / "ldnoobw" / "en")
    terms = sorted((line.strip() for line in raw.splitlines() if line.strip()), key=len, reverse=True)
    listed = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, terms)) + r")(?!\w)", re.IGNORECASE)
    held = read(root / "data" / "held_out" / "tamis-labels-held-out.jsonl", bundle.categories)
    j = bundle.categories.index("sexual")
    positive = held.take(held.labels[:, j] == 1)
    recall = float(np.mean([bool(listed.search(text)) for text in positive.texts]))
    scores = np.sort(bundle.score(Passages.of(positive.texts))[:, j])[::-1]
    threshold = float(scores[max(0, int(np.ceil(recall * len(scores))) - 1)])
    texts = benign_documents(root)
    documents = Scorer(bundle).score(split(texts), ["en"] * len(texts)).document[:, j]
    false = {
        "list": float(np.mean([bool(listed.search(text)) for text in texts])),
        "bundle": float((documents >= threshold).mean()),
    }
    return {
        "recall": round(recall, 4), "positives": len(positive), "documents": len(texts),
        "threshold": round(threshold, 6),
        "flags_per_million": {name: round(1e6 * value) for name, value in false.items()},
    }  # fmt: skip


def benign_documents(root: Path) -> list[str]:
    """Held-out posts of forums that are not about a category."""
    with (root / "data" / "ordinary" / "reddit.jsonl").open(encoding="utf-8") as handle:
        rows: Sequence[dict[str, Any]] = [json.loads(line) for line in handle]
    return [str(row["text"]) for row in rows if str(row.get("forum", "")).lower() not in TOPICAL]


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
