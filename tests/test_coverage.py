"""Coverage: unscored documents by reason and language."""

from __future__ import annotations

import math

import numpy as np

from tamis.classifiers.base import Unscored
from tamis.interventions.measures.coverage import Coverage
from tamis.interventions.rules import parse_interventions
from tamis.interventions.testing import context_of, make_batch

NAN = math.nan


def test_reasons_languages_and_who_was_asked() -> None:
    batch = make_batch(
        ["one two", "drei vier fünf", "", "six"],
        {"policy": {"hate": [0.1, NAN, NAN, 0.2]}, "other": {"spam": [0.1, 0.2, 0.3, 0.4]}},
        {"hate": [0.1, NAN, 0.3, 0.4]},
        target=0,
        languages=["en", "de", "und", "en"],
    )
    batch.scores["policy"].unscored[:] = [0, Unscored.LANGUAGE, Unscored.EMPTY, 0]
    batch.evaluated[:] = [True, True, False, True]
    found = parse_interventions({"i": [{"when": "hate >= 0.5", "do": "drop"}]}, {"policy": ("hate",)})
    context = context_of(found, batch)
    measure = Coverage(context)
    measure.add(batch, {})
    result = Coverage.result(measure.state(), context)
    policy = result["classifiers"]["policy"]
    assert (policy["asked"], policy["scored"], policy["unscored"]) == (4, 2, 2)
    assert policy["share_unscored"]["value"] == 0.5
    assert policy["share_unscored_words"]["value"] == 0.5
    assert policy["reasons"] == {
        "empty": {"documents": 1, "words": 0},
        "language": {"documents": 1, "words": 3},
        "failed": {"documents": 0, "words": 0},
        "missing": {"documents": 0, "words": 0},
    }
    assert result["classifiers"]["other"]["unscored"] == 0
    assert result["evaluator"]["asked"] == 3
    assert result["evaluator"]["unscored"] == 1
    assert list(result["languages"]) == ["en", "de", "und"]
    assert result["languages"]["de"]["unscored"] == {"policy": 1, "other": 0}
    assert result["languages"]["en"]["share"]["value"] == 0.5


def test_without_an_evaluator_there_is_none() -> None:
    batch = make_batch(["a"], {"policy": {"hate": [0.1]}})
    found = parse_interventions({"i": [{"when": "hate >= 0.5", "do": "drop"}]}, {"policy": ("hate",)})
    context = context_of(found, batch)
    measure = Coverage(context)
    measure.add(batch, {})
    assert Coverage.result(measure.state(), context)["evaluator"] is None
    assert np.isfinite(measure.state()["seen"]).all()
