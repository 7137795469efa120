"""The columns that conditions compare, computed once a batch and only when a condition asks for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.base import BatchScores, FloatMatrix
from tamis.classifiers.errors import ShardError
from tamis.interventions.batch import Batch
from tamis.interventions.sampling import uniforms

__all__ = ["FLAGGED", "Columns"]

#: A passage counts as flagged in `share.CATEGORY` from this score on.
FLAGGED = 0.5


class Columns:
    """Columns of a batch of n documents. A score is NaN, a value None or "", where it is not known."""

    def __init__(self, batch: Batch, salt: str) -> None:
        self.batch = batch
        self._salt = salt
        self._made: dict[tuple[str, ...], Any] = {}

    def _once(self, key: tuple[str, ...], make: Callable[[], Any]) -> Any:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def scores(self, view: str, classifier: str, category: str) -> NDArray[np.float32]:
        """Returns a score of each document, float32 [n].

        Args:
            view: "document" (the aggregate), "passage" (highest of its passages) or "share" (of its characters,
                in passages that score at least `FLAGGED`).
            classifier: Name of a classifier of the plan.
            category: One of its categories; for the share also "any".
        """
        found = self.batch.scores[classifier]
        if view == "document":
            return found.document[:, found.categories.index(category)]
        if view == "passage":
            matrix: FloatMatrix = self._once((view, classifier), lambda: self._highest(found))
            return matrix[:, found.categories.index(category)]
        shares: FloatMatrix = self._once((view, classifier), lambda: self._shares(found))
        return shares[:, -1 if category == "any" else found.categories.index(category)]

    def minors(self, classifier: str) -> NDArray[np.float32]:
        """Returns how sexual each document is where it speaks of minors, float32 [n], see `Batch.minors`.

        Raises:
            ShardError: The scores were stored without it.
        """
        if classifier not in self.batch.minors:
            raise ShardError(
                "a rule asks for `sexual/minors`, which the stored scores do not have: score the corpus anew"
            )
        return self.batch.minors[classifier]

    def _highest(self, scores: BatchScores) -> FloatMatrix:
        return self._reduce(np.fmax, scores.passage, np.float32(np.nan))

    def _shares(self, scores: BatchScores) -> FloatMatrix:
        """Returns the flagged share of each document by category, and by any category in the last column."""
        flagged = scores.passage >= FLAGGED
        flagged = np.column_stack([flagged, flagged.any(axis=1)])
        lengths = (self.batch.passages.end - self.batch.passages.start).astype(np.float64)
        whole = self._reduce(np.add, lengths[:, None], 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = self._reduce(np.add, flagged * lengths[:, None], 0.0) / whole
        unknown = np.isnan(scores.document)
        shares[np.column_stack([unknown, unknown.all(axis=1)])] = np.nan
        return np.asarray(shares, dtype=np.float32)

    def _reduce(self, ufunc: np.ufunc, rows: NDArray[Any], empty: Any) -> NDArray[Any]:
        """Reduces the rows of each document's passages; a document without passages gets `empty`."""
        bounds = self.batch.passages.document
        filled = np.flatnonzero(bounds[1:] > bounds[:-1])
        reduced = np.full((len(bounds) - 1, rows.shape[1]), empty, dtype=rows.dtype)
        if filled.size:
            reduced[filled] = ufunc.reduceat(rows, bounds[filled], axis=0)
        return reduced

    def number(self, name: str) -> NDArray[Any]:
        """Returns `words` or `bytes`, int64 [n], or `random`, float64 [n] in [0, 1)."""
        if name == "random":
            draws: NDArray[np.float64] = self._once((name,), lambda: uniforms(self.batch.keys, self._salt))
            return draws
        return self.batch.words if name == "words" else self.batch.bytes

    def text(self, name: str) -> Sequence[str]:
        """Returns `source`, `domain` or `language` of each document, "" where there is none."""
        batch = self.batch
        return {"source": batch.sources, "domain": batch.domains, "language": batch.languages}[name]

    def field(self, name: str) -> Sequence[object]:
        """Returns a field of each document, None where it is absent.

        Raises:
            ShardError: The reader did not deliver the field.
        """
        if name not in self.batch.fields:
            raise ShardError(f"a rule reads `field.{name}`, and the documents were read without it")
        return self.batch.fields[name]

    def unscored(self, classifier: str | None) -> NDArray[np.bool_]:
        """Says which documents a classifier left unscored, bool [n]; None: all classifiers left them so."""
        names = list(self.batch.scores) if classifier is None else [classifier]
        return np.asarray(np.logical_and.reduce([self.batch.scores[name].unscored != 0 for name in names]))
