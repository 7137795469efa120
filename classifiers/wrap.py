"""Making a bundle of what was made elsewhere: a fastText file, a linear estimator of scikit-learn, or a word list."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers import bundle, lexicon, linear_model
from tamis.classifiers.bundle import Bundle
from tamis.classifiers.errors import BundleError, UsageError
from tamis.classifiers.fasttext_model import FastTextModel
from tamis.classifiers.npz import write_arrays

__all__ = ["export_linear", "golden_texts", "wrap_fasttext", "wrap_lexicon"]

CARD = """\
# {name}

A {kind} model that was made elsewhere, wrapped as a bundle. Categories: {categories}.

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
    if not model.is_file():
        raise UsageError(f"{model}: no such file; expected a fastText .bin or .ftz")
    _check_labels(model, labels)
    _make(folder)
    shutil.copyfile(model, folder / f"model{model.suffix}")
    parameters = {"file": f"model{model.suffix}", "labels": dict(labels)}
    return _write(folder, name, "fasttext", tuple(labels), languages, normaliser, parameters)


def wrap_lexicon(
    words: Path,
    folder: Path,
    name: str,
    languages: tuple[str, ...] = ("en",),
    normaliser: str = "web-1",
) -> Bundle:
    """Makes a bundle of a word list, for instance of a trained one that a person has corrected.

    Args:
        words: A JSON file as `lexicon` describes it.
        folder: Where the bundle is made; must be empty or not exist.
        name: The bundle's name.
        languages: Languages that its words are of; documents in others are unscored.
        normaliser: How terms and texts are prepared.

    Raises:
        UsageError: The folder holds files, or there is no such word list.
    """
    if not words.is_file():
        raise UsageError(f"{words}: no such file; expected a word list in JSON")
    try:
        found = lexicon.load(words.parent, {"file": words.name, "normaliser": normaliser})
    except BundleError as error:
        wanted = '{"format": 1, "terms": {CATEGORY: {TERM: SEVERITY, …}, …}}, severities above 0 and at most 1'
        raise UsageError(f"{words}: expected {wanted}; {str(error).rpartition(';')[0]}") from None
    _make(folder)
    shutil.copyfile(words, folder / "terms.json")
    return _write(folder, name, "lexicon", found.categories, languages, normaliser, {"file": "terms.json"})


def export_linear(
    coefficients: NDArray[np.floating[Any]],
    intercept: NDArray[np.floating[Any]],
    parameters: Mapping[str, Any],
    folder: Path,
    name: str,
    languages: tuple[str, ...] = ("en",),
) -> Bundle:
    """Makes a bundle of linear estimators that were trained on `linear_model.features`.

    Args:
        coefficients: `coef_` of a scikit-learn estimator, [n_categories, buckets]; stack those of several.
        intercept: `intercept_`, [n_categories].
        parameters: What `linear_model.features` was given, with the `categories`.
        folder: Where the bundle is made; must be empty or not exist.
        name: The bundle's name.
        languages: Languages that the model reads; documents in others are unscored.

    Raises:
        UsageError: The folder holds files.
        BundleError: The shapes do not match the parameters.
    """
    made = linear_model.LinearParameters.of(parameters)
    expected = (len(made.categories), 2**made.bits)
    if coefficients.shape != expected or intercept.shape != expected[:1]:
        raise BundleError(f"expected coefficients of shape {expected}, found {coefficients.shape}; see `parameters`")
    _make(folder)
    weights, scale = linear_model.quantise(np.ascontiguousarray(coefficients.T))
    arrays: dict[str, NDArray[Any]] = {"weights": weights, "scale": scale, "intercept": intercept.astype(np.float32)}
    write_arrays(folder / made.file, arrays)
    own = {key: value for key, value in parameters.items() if key != "normaliser"}
    return _write(folder, name, "linear", made.categories, languages, made.normaliser, own)


def _make(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder}: is not empty; name a folder that does not exist yet")
    folder.mkdir(parents=True, exist_ok=True)


def _write(
    folder: Path,
    name: str,
    kind: str,
    categories: tuple[str, ...],
    languages: tuple[str, ...],
    normaliser: str,
    parameters: Mapping[str, Any],
) -> Bundle:
    header = {
        "name": name,
        "version": "1",
        "kind": kind,
        "categories": list(categories),
        "languages": list(languages),
        "normaliser": normaliser,
        "parameters": dict(parameters),
        "operating_points": {category: {"default": {"threshold": 0.5}} for category in categories},
        "training": {"family": kind},
    }
    card = CARD.format(name=name, kind=kind, categories=", ".join(categories))
    return bundle.write(folder, header, golden_texts(), card)


def _check_labels(model: Path, labels: Mapping[str, str]) -> None:
    known = FastTextModel.from_file(model).labels
    missing = sorted(set(labels.values()) - set(known))
    if missing:
        raise UsageError(f"{model}: has no label {', '.join(missing)}; it has {', '.join(known[:20])}")
