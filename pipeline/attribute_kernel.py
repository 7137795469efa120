"""The machine code of `attributes`: numbers, spans and the beginnings of lines as JSON, many at once."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel

__all__ = ["STEPS", "lines", "spans"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

#: Steps from 0 to 1 that a score may have, see `scale.DECIMALS`.
STEPS: Final = 100_000
#: Most bytes of a score, and of any other number.
_SCORE, _NUMBER = 7, 20

_HEAD: Final = np.frombuffer(b'{"id":', np.uint8)
_ROW: Final = np.frombuffer(b',"row":', np.uint8)
_ATTRIBUTES: Final = np.frombuffer(b',"attributes":{', np.uint8)
_END: Final = np.frombuffer(b"}}\n", np.uint8)

ZERO: Final = 48
COMMA: Final = 44
COLON: Final = 58
OPEN: Final = 91
CLOSE: Final = 93
DOT: Final = 46


@inlined
def _put(out: Bytes, n: int, text: Bytes) -> int:
    for i in range(text.size):
        out[n + i] = text[i]
    return n + text.size


@inlined
def _put_number(out: Bytes, n: int, value: int) -> int:
    """Writes a number of 0 or more."""
    size, rest = 1, value // 10
    while rest > 0:
        size, rest = size + 1, rest // 10
    for i in range(size - 1, -1, -1):
        out[n + i] = ZERO + value % 10
        value //= 10
    return n + size


@inlined
def _put_score(out: Bytes, n: int, step: int) -> int:
    """Writes step / `STEPS` as Python's `repr` does: the fewest digits that say it, below 0.0001 with an exponent."""
    if 0 < step < 10:
        out[n] = ZERO + step
        out[n + 1], out[n + 2], out[n + 3], out[n + 4] = 101, 45, ZERO, 53  # e-05
        return n + 5
    out[n], out[n + 1] = ZERO + step // STEPS, DOT
    rest = step % STEPS
    for i in range(5):
        out[n + 6 - i] = ZERO + rest % 10
        rest //= 10
    size = 7
    while size > 3 and out[n + size - 1] == ZERO:
        size -= 1
    return n + size


@inlined
def _put_span(out: Bytes, n: int, start: int, end: int, step: int) -> int:
    out[n] = OPEN
    n = _put_number(out, n + 1, start)
    out[n] = COMMA
    n = _put_number(out, n + 1, end)
    out[n] = COMMA
    n = _put_score(out, n + 1, step)
    out[n] = CLOSE
    return n + 1


@kernel
def spans(
    document: Ints, starts: Ints, ends: Ints, steps: NDArray[np.int64], keys: Bytes, key_bounds: Ints
) -> tuple[Bytes, Ints]:
    """Writes for each document and score its passages, as members `KEY:[[start,end,score],[start,end,score]…]`.

    Args:
        document: First passage of each document, and the number of passages, int64 [n + 1].
        starts: Start of each passage, int64 [n_passages].
        ends: Its end, int64 [n_passages].
        steps: Each score as a number of steps, below 0 where it is left out, int64 [n_passages, k].
        keys: The name of each score as JSON, one after another, uint8.
        key_bounds: Where each starts, and the end of the last, int64 [k + 1].

    Returns:
        The members of one document after another, uint8; where those of each start, and the end of the last, int64
        [n + 1]. A score without passages has no member.
    """
    found = 0
    for passage in range(starts.size):
        for k in range(steps.shape[1]):
            found += steps[passage, k] >= 0
    out = np.empty(
        found * (2 * _NUMBER + _SCORE + 5) + (document.size - 1) * (keys.size + 4 * steps.shape[1]), np.uint8
    )
    bounds = np.zeros(document.size, np.int64)
    n = 0
    for i in range(document.size - 1):
        for k in range(steps.shape[1]):
            begun = False
            for passage in range(document[i], document[i + 1]):
                if steps[passage, k] < 0:
                    continue
                if begun or n > bounds[i]:
                    out[n] = COMMA
                    n += 1
                if not begun:
                    n = _put(out, n, keys[key_bounds[k] : key_bounds[k + 1]])
                    out[n], out[n + 1] = COLON, OPEN
                    n, begun = n + 2, True
                n = _put_span(out, n, starts[passage], ends[passage], steps[passage, k])
            if begun:
                out[n] = CLOSE
                n += 1
        bounds[i + 1] = n
    return out[:n], bounds


@kernel
def lines(
    ids: Bytes, id_bounds: Ints, numbers: Ints, lengths: Ints, keys: Bytes, key_bounds: Ints, steps: NDArray[np.int64]
) -> tuple[Bytes, Ints, Ints]:
    """Writes the lines of documents that have nothing but scores.

    Args:
        ids: The id of each document as JSON, one after another, uint8.
        id_bounds: Where each starts, and the end of the last, int64 [n + 1].
        numbers: Record number of each, int64 [n].
        lengths: Characters of each, int64 [n].
        keys: The name of each score as JSON, one after another, uint8.
        key_bounds: Where each starts, and the end of the last, int64 [k + 1].
        steps: Each score as a number of steps, below 0 where it is missing, int64 [n, k].

    Returns:
        The lines, uint8; where each starts, and the end of the last, int64 [n + 1]; where the members of its
        attributes start, int64 [n].
    """
    documents, columns = steps.shape
    each = keys.size + columns * (_NUMBER + _SCORE + 9) + _NUMBER + 32
    out = np.empty(ids.size + documents * each, np.uint8)
    bounds, members = np.zeros(documents + 1, np.int64), np.zeros(documents, np.int64)
    n = 0
    for i in range(documents):
        n = _put(out, n, _HEAD)
        n = _put(out, n, ids[id_bounds[i] : id_bounds[i + 1]])
        n = _put_number(out, _put(out, n, _ROW), numbers[i])
        n = _put(out, n, _ATTRIBUTES)
        members[i], some = n, False
        for k in range(columns):
            if steps[i, k] >= 0:
                if some:
                    out[n] = COMMA
                    n += 1
                n = _put(out, n, keys[key_bounds[k] : key_bounds[k + 1]])
                out[n], out[n + 1] = COLON, OPEN
                n = _put_span(out, n + 2, 0, lengths[i], steps[i, k])
                out[n] = CLOSE
                n, some = n + 1, True
        n = _put(out, n, _END)
        bounds[i + 1] = n
    return out[:n], bounds, members
