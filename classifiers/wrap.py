"""Making a bundle of a fastText model that exists already: Dolma's taggers, or a user's own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from tamis.classifiers import bundle
from tamis.classifiers.bundle import Bundle
from tamis.classifiers.errors import UsageError
from tamis.classifiers.fasttext_model import FastTextModel

__all__ = ["golden_texts", "wrap_fasttext"]

CARD = """\
# {name}

A fastText model that was made elsewhere, wrapped as a bundle. Labels: {labels}.

Its training data are not declared, so a report cannot call an evaluator independent of it. Its scores are used as
they are: not calibrated. The default operating point, 0.5, is a convention and not a recommendation.
"""


def golden_texts() -> list[str]:
    """Returns the texts that bundles record scores of; they were written for it and are mild."""
    data = (resources.files("tamis.classifiers") / "data" / "golden_en.jsonl").read_text(encoding="utf-8")
    return [str(json.loads(line)["text"]) for line in data.splitlines()]


def wrap_fasttext(
    model: Path,
    labels: Mapping[str, str],
    folder: Path,
    name: str,
    languages: tuple[str, ...] = ("en",),
    normaliser: str = "none",
) -> Bundle:
    """Makes a bundle of a fastText model.

    Args:
        model: A .bin or .ftz file.
        labels: Label of the model for each category.
        folder: Where the bundle is made; must be empty or not exist.
        name: The bundle's name.
        languages: Languages that the model reads; documents in others are unscored.
        normaliser: How texts are prepared for it.

    Raises:
        UsageError: The folder holds files, or there is no such model.
        BundleError: The model is damaged, or has no such label.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder}: is not empty; name a folder that does not exist yet")
    if not model.is_file():
        raise UsageError(f"{model}: no such file; expected a fastText .bin or .ftz")
    _check_labels(model, labels)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(model, folder / f"model{model.suffix}")
    header = {
        "name": name,
        "version": "1",
        "kind": "fasttext",
        "categories": list(labels),
        "languages": list(languages),
        "normaliser": normaliser,
        "parameters": {"file": f"model{model.suffix}", "labels": dict(labels)},
        "operating_points": {category: {"default": {"threshold": 0.5}} for category in labels},
        "training": {"family": "fasttext"},
    }
    return bundle.write(folder, header, golden_texts(), CARD.format(name=name, labels=", ".join(labels.values())))


def _check_labels(model: Path, labels: Mapping[str, str]) -> None:
    known = FastTextModel.from_file(model).labels
    missing = sorted(set(labels.values()) - set(known))
    if missing:
        raise UsageError(f"{model}: has no label {', '.join(missing)}; it has {', '.join(known[:20])}")
