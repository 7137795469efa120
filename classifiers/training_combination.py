"""Trains the combination kind: members on the training split, their weights on the tuning split that none of them saw.

The weights of a category are those of a logistic regression over the members' logits (stacking; Wolpert 1992), none
of them negative. The classes weigh the same, and ordinary text counts among the negatives as it does in calibration.
With `method: average` each member is fitted alone and the fitted logits are averaged: fewer numbers to fit, for
where labels are thin. Calibration to the base rates follows on a third split, as for every kind.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from tamis.classifiers.combination import MEMBERS, logits
from tamis.classifiers.datasets import LabelledSet
from tamis.classifiers.errors import UsageError
from tamis.classifiers.operating_points import background_weights
from tamis.classifiers.passages import Passages
from tamis.classifiers.training_config import Member, TrainingConfig
from tamis.classifiers.training_data import Assembled, Trainer, fitting

__all__ = ["StackParameters", "fit", "stack"]

Floats = NDArray[np.float64]
Progress = Callable[[str], None]

METHODS: Final = ("stacking", "average")
_FEWEST: Final = 5


class StackParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of the kind.

    Attributes:
        method: "stacking" or "average".
        penalty: Strength of the L2 penalty on the weights of standardised logits.
    """

    method: str = "stacking"
    penalty: float = 0.001


def fit(
    config: TrainingConfig, rows: Assembled, folder: Path, trainers: Mapping[str, Trainer], progress: Progress,
) -> dict[str, Any]:  # fmt: skip
    """Writes the members' files into a folder.

    Args:
        config: The configuration, with `members`.
        rows: The members are fitted to the training split, the weights to the tuning split, which no member may see.
        folder: An existing, empty folder.
        trainers: How each kind of member is fitted.
        progress: Told each step.

    Returns:
        The `parameters` of the bundle.

    Raises:
        UsageError: A parameter or a member is unknown or wrong.
    """
    settings = _settings(config.parameters)
    members = []
    for number, member in enumerate(config.members):
        progress(f"member {number + 1} of {len(config.members)}: {member.kind}")
        members.append(_member(config, member, rows, folder, f"member-{number + 1}-", trainers, progress))
    tune = rows.part(1)
    passages = Passages.of(tune.texts)
    columns = [
        _scored(folder, made, config, passages, member.counts_for)
        for made, member in zip(members, config.members, strict=True)
    ]
    progress("fitting the members' weights")
    fitted = {
        category: stack(np.stack([found[:, j] for found in columns], 1), *_target(config, tune, j), settings)
        for j, category in enumerate(config.categories)
    }
    return {"members": members, "stack": fitted}


def _settings(parameters: Mapping[str, Any]) -> StackParameters:
    try:
        made = msgspec.convert(dict(parameters), StackParameters)
    except msgspec.ValidationError as error:
        raise UsageError(f"parameters of the combination kind: {error}; correct the configuration") from error
    if made.method not in METHODS or made.penalty <= 0:
        raise UsageError(f"parameters: expected method {' or '.join(METHODS)} and a penalty above 0")
    return made


def _member(
    config: TrainingConfig, member: Member, assembled: Assembled, folder: Path, prefix: str,
    trainers: Mapping[str, Trainer], progress: Progress,
) -> dict[str, Any]:  # fmt: skip
    """Fits a member to those categories that its sources have both classes of, and gives its files their own names."""
    train = assembled.part(0)
    rows = np.array([not member.sources or name in member.sources for name in train.sources])
    enough = [min((train.labels[rows, j] == side).sum() for side in (0, 1)) for j in range(len(config.categories))]
    columns = np.flatnonzero(np.array(enough) >= _FEWEST)
    if not columns.size:
        raise UsageError(f"{prefix[:-1]}: its sources have both classes of no category; name further sources")
    whole = fitting(config, train.take(rows), assembled.vectors)
    data = replace(whole, labels=whole.labels[:, columns], copies=whole.copies[:, columns])
    categories = [config.categories[j] for j in columns]
    with tempfile.TemporaryDirectory() as work:
        parameters = trainers[member.kind](data, Path(work), categories, member.parameters, config.seed, progress)
        for path in sorted(Path(work).iterdir()):
            (folder / f"{prefix}{path.name}").write_bytes(path.read_bytes())
    return {"kind": member.kind, "parameters": {**parameters, "file": f"{prefix}{parameters['file']}"}}


def _scored(
    folder: Path, member: Mapping[str, Any], config: TrainingConfig, passages: Passages, counts_for: Sequence[str]
) -> Floats:
    """Logits of a member, NaN in the categories in which it does not count."""
    model = MEMBERS[member["kind"]](folder, {**member["parameters"], "normaliser": config.normaliser})
    found = logits(model, passages, config.categories)
    found[:, [bool(counts_for) and category not in counts_for for category in config.categories]] = np.nan
    return found


def _target(config: TrainingConfig, tune: LabelledSet, column: int) -> tuple[NDArray[np.float32], Floats]:
    """(labels with NaN for unknown, weights: each class sums to 1/2, ordinary text as in calibration)."""
    labels = tune.labels[:, column]
    known = np.flatnonzero(~np.isnan(labels))
    positive = labels[known] == 1
    weights = background_weights(
        [tune.sources[i] for i in known], positive, config.background, config.background_weight
    )
    out = np.zeros(len(labels))
    for side in (positive, ~positive):
        out[known[side]] = 0.5 * weights[side] / weights[side].sum()
    return labels, out


def stack(found: Floats, labels: NDArray[np.float32], weights: Floats, settings: StackParameters) -> dict[str, Any]:
    """Fits how much each member counts for one category.

    Args:
        found: Logits of the members, float64 [n, n_members]; NaN where a member knows nothing.
        labels: 1, 0, or NaN = unknown, float32 [n].
        weights: Weight of each row, 0 where it is unknown, float64 [n].
        settings: The method.

    Returns:
        `intercept`, `weights` and `centres`; see `combination`. A member without a single logit gets weight 0.
    """
    rows = weights > 0
    found, positive, weights = found[rows], labels[rows] == 1, weights[rows]
    has = np.asarray(~np.isnan(found).all(axis=0))
    centres = np.where(has, np.nan_to_num(np.nanmean(np.where(has, found, 0.0), axis=0)), 0.0)
    centred = np.nan_to_num(found - centres)
    scale = np.maximum(centred.std(axis=0), 1e-6)
    standard = np.where(has, centred / scale, 0.0)
    if settings.method == "stacking":
        slopes, intercept = _regression(standard, positive, weights, settings.penalty)
    else:
        alone = [_regression(standard[:, [m]], positive, weights, settings.penalty) for m in np.flatnonzero(has)]
        slopes = np.zeros(len(has))
        slopes[has] = [slope[0] / len(alone) for slope, _ in alone]
        intercept = float(np.mean([intercept for _, intercept in alone]))
    if not slopes.any():  # nothing helps: the members count alike, and calibration flattens what is no signal
        slopes = np.asarray(has / max(int(has.sum()), 1))
    return {
        "intercept": round(intercept, 6),
        "weights": [round(float(value), 6) for value in slopes / scale],
        "centres": [round(float(value), 6) for value in centres],
    }


def _regression(values: Floats, positive: NDArray[np.bool_], weights: Floats, penalty: float) -> tuple[Floats, float]:
    """Logistic regression with slopes of 0 or more: (slopes, intercept)."""
    sign = np.where(positive, 1.0, -1.0)

    def loss(point: Floats) -> tuple[float, Floats]:
        margin = sign * (values @ point[:-1] + point[-1])
        pull = -weights * sign / (1 + np.exp(np.minimum(margin, 500.0)))
        value = (weights * np.logaddexp(0.0, -margin)).sum() + penalty * (point[:-1] ** 2).sum() / 2
        return float(value), np.append(values.T @ pull + penalty * point[:-1], pull.sum())

    bounds = [(0.0, None)] * values.shape[1] + [(None, None)]
    start = np.append(np.full(values.shape[1], 0.5), 0.0)
    found = scipy.optimize.minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B")
    return np.asarray(found.x[:-1]), float(found.x[-1])
