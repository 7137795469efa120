"""The two ways fastText stores a matrix: as float32, or as product-quantised codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.fasttext_source import Source

__all__ = ["DenseMatrix", "Matrix", "QuantisedMatrix", "read_matrix"]

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

#: Which rows: by number, or a range of them.
Rows = NDArray[np.integer[Any]] | slice

#: Centroids of each sub-vector: a code is one byte.
CENTROIDS: Final = 256

#: Largest weight. Real ones stay below 100; a larger one is damage, and would overflow the sums.
HEAVIEST: Final = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class DenseMatrix:
    """A float32 matrix.

    Attributes:
        values: float32 [n_rows, n_columns].
    """

    values: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.values.shape[0], self.values.shape[1]

    def take(self, rows: Rows) -> Floats:
        """Returns the rows of these numbers, float32 [n, n_columns]; with a slice without a copy."""
        return self.values[rows]

    def unscaled(self) -> tuple[Floats, Floats]:
        """Returns all rows, and the factor that a product with each is multiplied by: here 1."""
        return self.values, np.ones(self.shape[0], np.float32)

    def largest(self) -> float:
        """Returns a bound on the magnitude of the values; NaN or infinity where one of them is."""
        if self.values.size == 0:
            return 0.0
        return float(np.maximum(np.abs(self.values.max()), np.abs(self.values.min())))


@dataclass(frozen=True, slots=True, eq=False)
class QuantisedMatrix:
    """A matrix whose rows are made of centroids (Jégou et al. 2011), each row times its norm where norms are kept.

    Attributes:
        codes: For each row the centroid of each sub-vector, uint8 [n_rows, n_sub_vectors].
        centroids: Values of each sub-vector's centroids, float32 [256, width] each; the last may be narrower.
        norm_codes: Centroid of each row's norm, uint8 [n_rows]; None where norms are not kept.
        norms: Centroids of the norms, float32 [256]; None where norms are not kept.
    """

    codes: Bytes
    centroids: tuple[Floats, ...]
    norm_codes: Bytes | None = None
    norms: Floats | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.codes.shape[0], sum(centroids.shape[1] for centroids in self.centroids)

    def take(self, rows: Rows) -> Floats:
        """Returns the rows of these numbers, float32 [n, n_columns]."""
        directions = self._directions(rows)
        return directions if self.norms is None else directions * self._scale(rows)[:, None]

    def unscaled(self) -> tuple[Floats, Floats]:
        """Returns all rows before they are multiplied by their norms, and the norms."""
        return self._directions(slice(None)), self._scale(slice(None))

    def largest(self) -> float:
        """Returns a bound on the magnitude of the values; NaN or infinity where one of them is."""
        largest = float(np.max([np.abs(centroids).max() for centroids in self.centroids]))  # keeps NaN, unlike `max`
        return largest if self.norms is None else largest * float(np.abs(self.norms).max())

    def _directions(self, rows: Rows) -> Floats:
        codes = self.codes[rows]
        parts = [centroids[codes[:, part]] for part, centroids in enumerate(self.centroids)]
        return np.concatenate(parts, axis=1)

    def _scale(self, rows: Rows) -> Floats:
        if self.norms is None or self.norm_codes is None:
            return np.ones(len(self.codes[rows]), np.float32)
        return self.norms[self.norm_codes[rows]]


Matrix = DenseMatrix | QuantisedMatrix


def read_matrix(source: Source, quantised: bool, shape: tuple[int, int], what: str) -> Matrix:
    """Reads a matrix of a model file, which must have the shape that the rest of the file implies.

    Args:
        source: The file, at the matrix.
        quantised: Whether it is stored as codes.
        shape: Rows and columns that it must have.
        what: What error messages call it.

    Returns:
        The matrix; its values are finite, and at most a million in magnitude.

    Raises:
        BundleError: It is truncated, has another shape, or holds a weight out of range.
    """
    matrix = _quantised(source, shape, what) if quantised else _dense(source, shape, what)
    largest = matrix.largest()
    source.check(largest <= HEAVIEST, f"a weight of {largest:.3g} in the {what}", f"at most {HEAVIEST:.0g}")
    return matrix


def _dense(source: Source, shape: tuple[int, int], what: str) -> DenseMatrix:
    rows, columns = source.numbers("<i8,<i8", f"the shape of the {what}")
    source.check((rows, columns) == shape, f"an {what} of {rows} x {columns}", f"{shape[0]} x {shape[1]}")
    return DenseMatrix(source.array(np.float32, rows * columns, f"the {what}").reshape(shape))


def _quantised(source: Source, shape: tuple[int, int], what: str) -> QuantisedMatrix:
    has_norms = source.flag(f"norms of the {what}")
    rows, columns, size = source.numbers("<i8,<i8,<i4", f"the shape of the {what}")
    source.check((rows, columns) == shape, f"an {what} of {rows} x {columns}", f"{shape[0]} x {shape[1]}")
    codes = source.array(np.uint8, size, f"codes of the {what}")
    centroids = _centroids(source, columns, what)
    source.check(size == rows * len(centroids), f"{size} codes of the {what}", f"{rows} x {len(centroids)}")
    codes = codes.reshape(rows, len(centroids))
    if not has_norms:
        return QuantisedMatrix(codes, centroids)
    norm_codes = source.array(np.uint8, rows, f"norms of the {what}")
    (norms,) = _centroids(source, 1, f"norms of the {what}")
    return QuantisedMatrix(codes, centroids, norm_codes, norms[:, 0])


def _centroids(source: Source, columns: int, what: str) -> tuple[Floats, ...]:
    """Reads a product quantiser: for each sub-vector its centroids, float32 [256, width]."""
    found, parts, width, last = source.numbers("<i4,<i4,<i4,<i4", f"the quantiser of the {what}")
    source.check(
        found == columns and width > 0 and last == columns - (parts - 1) * width and 0 < last <= width,
        f"a quantiser of {found} columns in {parts} parts of {width} and {last}",
        f"{columns} columns in all",
    )
    values = source.array(np.float32, CENTROIDS * columns, f"centroids of the {what}")
    cuts = [CENTROIDS * width * part for part in range(1, parts)]
    return tuple(part.reshape(CENTROIDS, -1) for part in np.split(values, cuts))
