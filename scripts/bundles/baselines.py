"""Baselines of a bundle's card: what models of one source alone reach."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from sklearn.metrics import average_precision_score

from tamis.classifiers.datasets import LabelledSet
from tamis.classifiers.kinds import KINDS
from tamis.classifiers.passages import Passages
from tamis.classifiers.training import KIND_TRAINERS
from tamis.classifiers.training_config import TrainingConfig
from tamis.classifiers.training_data import assemble, fitting
from tamis.classifiers.training_vectors import Vectors

_BACKGROUND = 6000
_LARGEST = 12_000
_FEWEST = 40
#: What an identity term could stand for.
_OF_PEOPLE = ("hate", "harassment")


def strongest(
    config: TrainingConfig, root: Path, held_out: dict[str, LabelledSet], sets: dict[str, Any],
    progress: Callable[[str], None],
) -> list[dict[str, Any]]:  # fmt: skip
    """The best AUPRC that one source alone gives on each set and category, by the same kind and parameters.

    Args:
        config: What the bundle was trained from.
        root: Folder that holds data/.
        held_out: The evaluation sets by name.
        sets: What the bundle reaches on them, by set and category.
        progress: Told each source.

    Returns:
        Per set and category `auprc`, the bundle's; `source` and `single`, the strongest model of one source; for hate
        and harassment `alike_source` and `alike`, the strongest whose identity terms count alike, as the bundle's do.
    """
    whole = assemble(config, root, lambda _: None)
    train = whole.part(0)
    names = np.array(train.sources)
    ordinary = np.flatnonzero(np.isin(names, config.background))[:_BACKGROUND]
    best: dict[tuple[bool, str, str], tuple[float, str]] = {}
    for source in config.sources:
        if source.name in config.background or source.name.startswith(("hard-negatives", "templates", "written")):
            continue
        progress(f"baseline: {source.name} alone")
        rows = np.concatenate([np.flatnonzero(names == source.name)[:_LARGEST], ordinary])
        for alike in (False, True):
            found = _single(config, train.take(rows), whole.vectors, held_out, alike)
            for (name, category), value in found.items():
                for key in {(False, name, category), (alike, name, category)}:
                    best[key] = max(best.get(key, (0.0, "")), (value, source.name))
    return [
        {
            "set": name, "category": category, "auprc": sets[name][category]["auprc"][0],
            "source": source, "single": round(value, 4),
            **(_alike(best.get((True, name, category))) if category in _OF_PEOPLE else {}),
        }
        for (alike, name, category), (value, source) in sorted(best.items()) if not alike
    ]  # fmt: skip


def _alike(found: tuple[float, str] | None) -> dict[str, Any]:
    return {"alike_source": found[1], "alike": round(found[0], 4)} if found else {}


def _single(
    config: TrainingConfig, data: LabelledSet, vectors: Vectors, held_out: dict[str, LabelledSet], alike: bool
) -> dict[tuple[str, str], float]:
    plain = tuple(msgspec.structs.replace(s, swap=0.0, embed=0.0, disguise=0.0, repeat=1.0) for s in config.sources)
    keep = [
        j for j in range(len(config.categories))
        if min((data.labels[:, j] == 1).sum(), (data.labels[:, j] == 0).sum()) >= _FEWEST
        and (config.categories[j] in _OF_PEOPLE or not alike or config.kind == "network")
    ]  # fmt: skip
    if not keep:
        return {}
    categories = tuple(config.categories[j] for j in keep)
    part = LabelledSet(categories, data.texts, data.labels[:, keep], data.sources, data.groups, data.identities)
    chosen = msgspec.structs.replace(config, sources=plain, categories=categories)
    kind, parameters = _plain_kind(config, alike)
    linear = parameters["linear"] if kind == "network" else parameters
    for name in ("words_only", "mentions"):
        if name in linear:
            linear[name] = [c for c in linear[name] if c in categories]
    if not alike:
        linear |= {"identity_weight": -1.0} | ({"mentions": []} if "mentions" in linear else {})
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


def _plain_kind(config: TrainingConfig, alike: bool) -> tuple[str, dict[str, Any]]:
    """Kind and hyper-parameters of a baseline: of a combination those of its first member.

    Beside a network, terms count alike; where they need not, its linear model stands alone.
    """
    member = config.members[0] if config.members else config
    parameters = copy.deepcopy(member.parameters)
    if member.kind == "network":
        parameters = {"linear": parameters["linear"], "networks": [_everything(parameters["networks"][0])]}
    return ("fasttext", parameters["linear"]) if member.kind == "network" and not alike else (member.kind, parameters)


def _everything(network: dict[str, Any]) -> dict[str, Any]:
    """A network that sees all that there is, and counts the same for each category."""
    return {name: value for name, value in network.items() if name not in {"sources", "weight", "weights"}}
