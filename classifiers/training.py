"""Training: from a configuration with declared sources to a calibrated bundle.

1. Read and check the sources; join equal texts; drop what overlaps the held-out sets (`training_data`).
2. Split by near-duplicate group into train, tune and calibrate (`splits`).
3. Choose hyper-parameters on the tuning split, by the mean average precision over categories.
4. Keep the best; of a combination, fit the members' weights there instead (`training_combination`).
5. Calibrate on the split that training and tuning never saw, at the declared base rates (`calibration`).
6. Write model, golden texts, calibration, operating points and card into a new folder (`bundle`).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from tamis.classifiers import bundle as bundles
from tamis.classifiers import (
    calibration,
    training_combination,
    training_fasttext,
    training_lexicon,
    training_linear,
    training_network,
)
from tamis.classifiers.base import FloatMatrix
from tamis.classifiers.card import render_header
from tamis.classifiers.datasets import LabelledSet
from tamis.classifiers.errors import UsageError
from tamis.classifiers.evaluation_measures import reliability
from tamis.classifiers.kinds import KINDS
from tamis.classifiers.passages import Passages
from tamis.classifiers.training_config import TrainingConfig, load
from tamis.classifiers.training_data import Assembled, Trainer, assemble, fitting

__all__ = ["KIND_TRAINERS", "Trainer", "train"]

Progress = Callable[[str], None]


#: Kinds that can be trained. A new one is one module and one line.
KIND_TRAINERS: Final[Mapping[str, Trainer]] = {
    "fasttext": training_fasttext.fit,
    "linear": training_linear.fit,
    "lexicon": training_lexicon.fit,
    "network": training_network.fit,
}


def train(
    config_path: str | Path,
    out_folder: str | Path,
    progress: Progress = lambda _: None,
    root: str | Path = ".",
    command: str = "",
) -> bundles.Bundle:
    """Trains, calibrates and writes a bundle.

    Args:
        config_path: YAML; see `training_config.TrainingConfig`.
        out_folder: Folder of the bundle; it must not exist yet.
        progress: Told each step, one line.
        root: Folder that the sources' paths are relative to.
        command: How to rebuild the bundle, for its card.

    Returns:
        The bundle, loaded back and verified.

    Raises:
        UsageError: The configuration or the data are wrong; nothing is written then.
    """
    config = load(config_path)
    out = Path(out_folder)
    if out.exists():
        raise UsageError(f"{out}: exists already; name a new folder")
    _check_kinds(config, str(config_path))
    golden = _golden(config, Path(root))
    data = assemble(config, Path(root), progress)
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "bundle"
        parameters, chosen, tried = _fit(config, data, folder, progress)
        header = _header(config, data, folder, parameters, chosen, tried, command)
        progress("writing the bundle")
        bundles.write(folder, header, golden, render_header(header))
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder, out)
    return bundles.load(str(out))


def _check_kinds(config: TrainingConfig, where: str) -> None:
    kinds = [member.kind for member in config.members] or [config.kind]
    if strange := [kind for kind in kinds if kind not in KIND_TRAINERS]:
        known = ", ".join(KIND_TRAINERS) + ("" if config.members else ", combination")
        raise UsageError(f"{where}: kind {strange[0]!r} is none of {known}")


def _fit(
    config: TrainingConfig, data: Assembled, folder: Path, progress: Progress
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """(loader parameters, hyper-parameters, what was tried); the model is in `folder`."""
    if config.kind != "combination":
        return _fit_best(config, data, folder, progress)
    folder.mkdir()
    made = training_combination.fit(config, data, folder, KIND_TRAINERS, progress)
    return made, {**config.parameters, "members": [msgspec.to_builtins(member) for member in config.members]}, []


def _fit_best(
    config: TrainingConfig, data: Assembled, folder: Path, progress: Progress
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """(loader parameters, hyper-parameters, what was tried); the chosen model is in `folder`."""
    rows = fitting(config, data.part(0), data.vectors)
    tune = data.part(1)
    trainer = KIND_TRAINERS[config.kind]
    tried: list[dict[str, Any]] = []
    best: dict[str, Any] = {}
    for number, override in enumerate(config.search or ({},)):
        chosen = {**config.parameters, **override}
        place = folder.with_name(f"try-{number}")
        place.mkdir()
        progress(f"fitting {config.name} with {json.dumps(chosen)}")
        parameters = trainer(rows, place, config.categories, chosen, config.seed, progress)
        value = _quality(tune, _raw(config, place, parameters, tune.texts))
        tried.append({"parameters": override, "mean_average_precision": round(value, 4)})
        if not best or value > best["value"]:
            best = {"value": value, "parameters": parameters, "chosen": chosen, "place": place}
    best["place"].rename(folder)
    return best["parameters"], best["chosen"], tried


def _raw(config: TrainingConfig, folder: Path, parameters: Mapping[str, Any], texts: Sequence[str]) -> FloatMatrix:
    model = KINDS[config.kind](folder, {"normaliser": config.normaliser, **parameters})
    return model.score(Passages.of(texts))


def _quality(data: LabelledSet, scores: FloatMatrix) -> float:
    values = []
    for j, category in enumerate(data.categories):
        known = data.known(category) & ~np.isnan(scores[:, j])
        values.append(average_precision_score(data.labels[known, j], scores[known, j]))
    return float(np.mean(values))


def _header(
    config: TrainingConfig, data: Assembled, folder: Path, parameters: Mapping[str, Any], chosen: Mapping[str, Any],
    tried: list[dict[str, Any]], command: str,
) -> dict[str, Any]:  # fmt: skip
    held = data.part(2)
    scores = _raw(config, folder, parameters, held.texts)
    curves, points = calibration.fit_all(
        held, calibration.logit(scores), config.base_rates, config.background, config.background_weight
    )
    return {
        "name": config.name, "version": config.version, "kind": config.kind, "categories": list(config.categories),
        "languages": list(config.languages), "normaliser": config.normaliser, "parameters": dict(parameters),
        "calibration": curves, "base_rates": config.base_rates, "operating_points": points,
        "training": {
            "sources": data.declared, "seed": config.seed, "command": command, "family": _family(config),
            "hyper_parameters": dict(chosen), "search": tried, "removed_by_overlap": data.removed,
            "background": list(config.background), "background_weight": config.background_weight,
            "rows": {name: int((data.split == i).sum()) for i, name in enumerate(config.split)},
        },
        "metrics": {"calibrate": _metrics(config, held, scores, curves)},
    }  # fmt: skip


def _family(config: TrainingConfig) -> str | list[str]:
    """The kind; of a combination those of its members: it shares errors with a model of any of them."""
    kinds = sorted({member.kind for member in config.members})
    return kinds or config.kind


def _metrics(
    config: TrainingConfig, data: LabelledSet, scores: FloatMatrix, curves: Mapping[str, Any]
) -> dict[str, Any]:
    """Ranking and reliability on the calibration split, the latter weighted to the base rate."""
    out: dict[str, Any] = {}
    raw = calibration.logit(scores)
    for j, category in enumerate(data.categories):
        known = data.known(category) & ~np.isnan(scores[:, j])
        labels, found = data.labels[known, j] == 1, scores[known, j]
        out[category] = {
            "positives": int(labels.sum()), "negatives": int((~labels).sum()),
            "auroc": round(float(roc_auc_score(labels, found)), 4),
            "auprc": round(float(average_precision_score(labels, found)), 4),
        }  # fmt: skip
        if category in curves:
            names = [name for name, use in zip(data.sources, known, strict=True) if use]
            weights = calibration.background_weights(names, labels, config.background, config.background_weight)
            rate = config.base_rates[category]
            for side, share in ((labels, rate), (~labels, 1 - rate)):
                weights[side] *= share / weights[side].sum()
            out[category]["reliability"] = reliability(
                labels, calibration.apply(curves[category], raw[known, j]), weights
            )
    return out


def _golden(config: TrainingConfig, root: Path) -> list[str]:
    if config.golden:
        path = root / config.golden
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: golden texts cannot be read ({type(error).__name__})") from error
        return [line for line in lines if line.strip()]
    data = resources.files("tamis.classifiers").joinpath("data/golden_en.jsonl").read_text("utf-8")
    return [str(json.loads(line)["text"]) for line in data.splitlines()]
