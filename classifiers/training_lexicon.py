"""Trains the lexicon kind: words and phrases that mark a category, few enough for a person to read and to correct.

Terms pass three bars, on the rows that are labelled for the category (an unknown label is masked):

1. *Evidence.* The log-odds ratio of a term between positive and negative rows under an informative Dirichlet prior,
   as a z-score (Monroe, Colaresi and Quinn 2008, "Fightin' Words", equations 16, 20 and 22): with y the rows of a
   class that have the term, n the sum of y over all terms, and a prior of `PRIOR` rows that is shared out as the terms
   are in all rows (α of the term, α0 in all),

       δ = log((y1 + α) / (n1 + α0 - y1 - α)) - log((y0 + α) / (n0 + α0 - y0 - α)),
       z = δ / √(1 / (y1 + α) + 1 / (y0 + α)).

2. *Precision.* The share of rows with the term that are positive, as if `shrink` further rows had it, positive at the
   share of the whole. This is also the term's severity, rounded to hundredths: what the lexicon kind says it is.
3. *Need.* A logistic regression on the presence of the terms with an L1 penalty (Tibshirani 1996) gives it a weight
   above 0. So a term must account for at least `penalty` positive rows that the other terms do not account for, and
   `the knife` does not stand beside `knife`.

Measured on the sources of the shipped filter, without its sentence frames, on rows kept from training: mean average
precision over the five categories .51 with 900 terms; with bars 1 and 2 alone .47 with 4,900. The regression's own
weights as severities rank about as well, but are no shares that a person could judge.

What may be no term at all (names of groups, words for minors) is in `term_exclusion`. Texts should be normalised by
`web-1`, so that a word and its disguises are one.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from tamis.classifiers.errors import UsageError
from tamis.classifiers.hyper_parameters import read_parameters
from tamis.classifiers.lexicon import FORMAT
from tamis.classifiers.ngram_kernel import MAX_WORDS
from tamis.classifiers.term_exclusion import refused
from tamis.classifiers.training_data import Fitting, normalised
from tamis.classifiers.training_terms import Candidates, candidates

__all__ = ["LexiconTraining", "evidence", "fit"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_FILE: Final = "terms.json"

#: α0 of the prior, in rows.
PRIOR: Final = 1000.0


@dataclass(frozen=True, slots=True)
class LexiconTraining:
    """Hyper-parameters.

    Attributes:
        longest: Most words of a term, 1 to 5.
        most: Most terms of a category; those of the highest severity are kept.
        min_documents: Positive rows that a term must be in.
        min_evidence: Lowest z-score.
        min_precision: Lowest severity.
        penalty: Positive rows, of mean weight, that a term must account for beyond the other terms.
        shrink: Rows that are added to each term's when its severity is computed.
    """

    longest: int = 3
    most: int = 1000
    min_documents: int = 5
    min_evidence: float = 3.0
    min_precision: float = 0.3
    penalty: float = 10.0
    shrink: float = 4.0


class _Rows(NamedTuple):
    """The rows that are labelled for a category: which they are, whether positive, and how often each counts."""

    at: NDArray[np.int64]
    positive: Flags
    weight: Floats


def fit(
    data: Fitting, folder: Path, categories: Sequence[str], parameters: Mapping[str, Any], seed: int,
    progress: Callable[[str], None],
) -> dict[str, Any]:  # fmt: skip
    """Writes `terms.json` into a folder, and returns the bundle's `parameters`; see `training.Trainer`.

    Args:
        data: Texts that are normalised already, labels (NaN = unknown), copies.
        folder: An existing folder.
        categories: Names of the columns.
        parameters: `LexiconTraining` by name.
        seed: Order in which the regression visits the terms.
        progress: Told what is being done.

    Raises:
        UsageError: A parameter is unknown or out of range, a category lacks a class, or no term reaches the bars.
    """
    settings = _settings(parameters)
    progress(f"terms of {len(data.texts)} texts")
    found = _stable(candidates(data.texts, settings.longest, settings.min_documents), data.normaliser)
    chosen = {}
    for j, category in enumerate(categories):
        chosen[category] = _terms(found, _labelled(data, j, category), category, settings, seed)
        progress(f"{category}: {len(chosen[category])} terms")
    text = json.dumps({"format": FORMAT, "terms": chosen}, ensure_ascii=False, indent=1)
    (folder / _FILE).write_text(text + "\n", "utf-8")
    return {"file": _FILE, "terms": {category: len(terms) for category, terms in chosen.items()}}


def _settings(parameters: Mapping[str, Any]) -> LexiconTraining:
    made = read_parameters(parameters, LexiconTraining, "lexicon")
    if not 1 <= made.longest <= MAX_WORDS or not 0 < made.min_precision <= 1:
        raise UsageError(f"parameters: expected longest from 1 to {MAX_WORDS} and min_precision above 0, up to 1")
    if min(made.most, made.min_documents) < 1 or made.penalty <= 0 or min(made.min_evidence, made.shrink) < 0:
        raise UsageError(
            "parameters: expected most and min_documents of 1 or more, a penalty above 0, "
            "min_evidence and shrink of 0 or more"
        )
    return made


def _stable(found: Candidates, normaliser: str) -> Candidates:
    """Leaves out what normalising changes: the loader would look for something else."""
    same = [a == b for a, b in zip(found.terms, normalised(found.terms, normaliser), strict=True)]
    rows = np.flatnonzero(same)
    return Candidates([found.terms[i] for i in rows], found.presence[rows])


def _labelled(data: Fitting, column: int, category: str) -> _Rows:
    weight = data.copies[:, column].astype(np.float64)
    index = np.flatnonzero(~np.isnan(data.labels[:, column]) & (weight > 0))
    positive = data.labels[index, column] == 1
    count = int(positive.sum())
    if not 0 < count < len(index):
        raise UsageError(
            f"category {category}: found {count} positives and {len(index) - count} negatives to choose terms from, "
            "expected both; add labelled rows or leave the category out"
        )
    return _Rows(index, positive, weight[index])


def _terms(found: Candidates, rows: _Rows, category: str, settings: LexiconTraining, seed: int) -> dict[str, float]:
    """Severity of each chosen term, the severest first."""
    presence = found.presence[:, rows.at]
    in_positive, in_negative = presence @ rows.positive, presence @ ~rows.positive
    frequent = in_positive >= settings.min_documents
    allowed = frequent & ~refused(category, found.terms)
    score = evidence(in_positive, in_negative, np.asarray(found.presence.sum(axis=1)).ravel())
    severity = np.round(_precision(presence, rows, settings.shrink), 2)
    marks = allowed & (score >= settings.min_evidence)
    precise = marks & (severity >= settings.min_precision)
    # Terms of the other class and refused ones take part: what names of groups account for, no word beside them does.
    seen = np.flatnonzero(frequent & (np.abs(score) >= settings.min_evidence))
    needed = np.zeros(len(found.terms), bool)
    if precise.any():
        needed[seen] = _needed(presence[seen].T.tocsr(), rows, settings.penalty, seed)
    kept = np.flatnonzero(precise & needed)
    if not kept.size:
        raise UsageError(_none(category, settings, [int(bar.sum()) for bar in (allowed, marks, precise)]))
    order = sorted(kept, key=lambda i: (-severity[i], found.terms[i]))[: settings.most]
    return {found.terms[i]: float(severity[i]) for i in order}


def evidence(in_positive: Floats, in_negative: Floats, in_all: Floats) -> Floats:
    """How surely each term is more frequent in positive rows: z-scores, see the module's text.

    Args:
        in_positive: Positive rows that have each term, [n_terms].
        in_negative: Negative rows that have it, [n_terms].
        in_all: Rows that have it, whatever their label, above 0, [n_terms].

    Returns:
        The z-scores, float64 [n_terms]; below 0 where a term is more frequent in negative rows.
    """
    prior = PRIOR * in_all / max(in_all.sum(), 1)
    one, other = in_positive + prior, in_negative + prior
    odds = np.log(one / (one.sum() - one)) - np.log(other / (other.sum() - other))
    return np.asarray(odds / np.sqrt(1 / one + 1 / other), np.float64)


def _precision(presence: scipy.sparse.csr_matrix, rows: _Rows, shrink: float) -> Floats:
    """Share of the rows with each term that are positive, drawn to the share of all rows, [n_terms]."""
    positive, whole = presence @ (rows.weight * rows.positive), presence @ rows.weight
    added = shrink * rows.weight[rows.positive].mean()
    base = rows.weight[rows.positive].sum() / rows.weight.sum()
    return np.asarray((positive + added * base) / (whole + added))


def _needed(presence: scipy.sparse.csr_matrix, rows: _Rows, penalty: float, seed: int) -> Flags:
    """Which terms get a weight above 0 in the penalised regression, bool [n_terms]; presence is [n_rows, n_terms]."""
    named = {"penalty": "l1"} if LogisticRegression().get_params()["penalty"] == "l2" else {"l1_ratio": 1.0}
    model = LogisticRegression(**named, C=1 / penalty, solver="liblinear", tol=1e-3, max_iter=500, random_state=seed)
    with warnings.catch_warnings():
        # Which weights are 0 is settled long before the last digit of the others is.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(presence, rows.positive, sample_weight=rows.weight / rows.weight.mean())
    return np.asarray(model.coef_[0] > 0)


def _none(category: str, settings: LexiconTraining, passed: list[int]) -> str:
    allowed, marks, precise = passed
    return (
        f"category {category}: no term reaches the bars: {allowed} terms are in {settings.min_documents} positive "
        f"rows or more, {marks} of them with evidence of {settings.min_evidence:g}, {precise} with a precision of "
        f"{settings.min_precision:g}, 0 needed at a penalty of {settings.penalty:g}; add positives, or lower "
        "`min_documents`, `min_evidence`, `min_precision` or `penalty`"
    )
