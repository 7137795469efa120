"""The machine code of steps 2 and 3 of web-1: lower case, and one byte in place of each address."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tamis.classifiers.compiled import inlined, kernel

__all__ = ["EMAIL", "URL", "USER", "replace"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

#: Bytes that stand for an address until `tokenise` spells them; the text itself has no control characters left.
URL: Final = 1
EMAIL: Final = 2
USER: Final = 3

SLASH: Final = 47
DOT: Final = 46
AT: Final = 64


def _members(characters: bytes) -> NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[list(characters)] = True
    return table


def _lowered() -> Bytes:
    table = np.arange(256, dtype=np.uint8)
    table[65:91] += 32
    table[[*range(32), 127]] = 32
    return table


_ALPHANUMERIC: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
LOWERED: Final = _lowered()
WORD: Final = _members(_ALPHANUMERIC + bytes(range(128, 256)))
TRIGGERS: Final = _members(b"hHwWuU/@")
URL_ENDS: Final = _members(bytes([*range(33), 127]) + b'"<>)]}')
LOCAL: Final = _members(_ALPHANUMERIC + b"._%+-")
LABEL: Final = _members(_ALPHANUMERIC + b"-")
HANDLE: Final = _members(_ALPHANUMERIC + b"_")
USERNAME: Final = _members(_ALPHANUMERIC + b"_-")
HTTP: Final = np.frombuffer(b"http", np.uint8)
AUTHORITY: Final = np.frombuffer(b"://", np.uint8)
WWW: Final = np.frombuffer(b"www.", np.uint8)
INSULT: Final = np.frombuffer(b"@sshol", np.uint8)


@inlined
def _matches(data: Bytes, at: int, stop: int, literal: Bytes) -> bool:
    """Tells whether the lower-cased text at `at` starts with `literal`."""
    if at + literal.size > stop:
        return False
    for i in range(literal.size):  # noqa: SIM110 (numba compiles no generator)
        if LOWERED[data[at + i]] != literal[i]:
            return False
    return True


@inlined
def _run(data: Bytes, at: int, stop: int, members: NDArray[np.bool_]) -> int:
    """Returns the end of the run of `members` that starts at `at`."""
    while at < stop and members[data[at]]:
        at += 1
    return at


@inlined
def _url(data: Bytes, at: int, stop: int) -> int:
    """Returns the end of the URL that starts at `at`, or `at`."""
    body = at + 4
    if _matches(data, at, stop, HTTP):
        body += body < stop and LOWERED[data[body]] == 115
        if not _matches(data, body, stop, AUTHORITY):
            return at
        body += 3
    elif not _matches(data, at, stop, WWW):
        return at
    end = body
    while end < stop and not URL_ENDS[data[end]]:
        end += 1
    return end if end > body else at


@inlined
def _email(data: Bytes, at: int, stop: int) -> int:
    """Returns the end of the e-mail address that starts at `at`, or `at`."""
    sign = _run(data, at, stop, LOCAL)
    if sign in (at, stop) or data[sign] != AT:
        return at
    end = _run(data, sign + 1, stop, LABEL)
    dots = 0
    while sign + 1 < end < stop - 1 and data[end] == DOT and LABEL[data[end + 1]]:
        end = _run(data, end + 1, stop, LABEL)
        dots += 1
    return end if dots else at


@inlined
def _user(data: Bytes, at: int, stop: int) -> int:
    """Returns the end of the `@handle` or `u/name` that starts at `at`, or `at`."""
    if data[at] == AT:
        end = _run(data, at + 1, stop, HANDLE)
        return at if end - at < 5 or _matches(data, at, stop, INSULT) else end
    name = at + 1 if data[at] == SLASH else at
    if name + 1 >= stop or LOWERED[data[name]] != 117 or data[name + 1] != SLASH:
        return at
    end = _run(data, name + 2, stop, USERNAME)
    return end if end - name >= 5 else at


@inlined
def _address(data: Bytes, start: int, at: int, stop: int) -> tuple[int, int]:
    """Returns the end of the URL or user name at `at` and the byte that replaces it; `at` and 0 for none."""
    before = data[at - 1] if at > start else np.uint8(32)
    if WORD[before]:
        return at, 0
    byte = LOWERED[data[at]]
    if byte in (104, 119):
        return _url(data, at, stop), URL
    if byte == AT or before != SLASH:
        return _user(data, at, stop), USER
    return at, 0


@inlined
def _survey(piece: Bytes) -> tuple[bool, bool]:
    """Tells whether a passage may hold an e-mail address, and whether it may hold any address.

    Both loops compile to vector instructions: most passages hold none, and are then copied as fast.
    """
    ats = others = np.uint8(0)
    for byte in piece:
        ats = np.uint8(ats | np.uint8(byte == AT))
        others = np.uint8(others | np.uint8(byte == SLASH))
    for i in range(piece.size - 1):
        first, second = piece[i] | np.uint8(32), piece[i + 1] | np.uint8(32)
        others = np.uint8(others | (np.uint8(first == 119) & np.uint8(second == 119)))  # "ww"
    return bool(ats > 0), bool((ats | others) > 0)


@inlined
def _lower(piece: Bytes, out: Bytes) -> None:
    """Lower-cases ASCII and turns controls into spaces, as `LOWERED` does, in vector instructions."""
    for i in range(piece.size):
        byte = piece[i]
        upper = np.uint8((byte >= 65) & (byte <= 90)) * np.uint8(32)
        out[i] = np.uint8(32) if (byte < 32) | (byte == 127) else np.uint8(byte + upper)


@inlined
def _replace(data: Bytes, start: int, stop: int, mail: bool, out: Bytes, n: int) -> tuple[int, int]:
    """Does `replace` for a passage that may hold addresses; returns its end in `out` and their number."""
    at = free = start
    places = 0
    while at < stop:
        end, place = at, 0
        if TRIGGERS[data[at]]:
            end, place = _address(data, start, at, stop)
        if mail and end == at and (at == free or not LOCAL[data[at - 1]]):
            end, place = _email(data, at, stop), EMAIL
        if end > at:
            out[n] = place
            at = free = end
            places += 1
        else:
            out[n] = LOWERED[data[at]]
            at += 1
        n += 1
    return n, places


@kernel
def replace(data: Bytes, bounds: Ints) -> tuple[Bytes, Ints, int]:
    """Lower-cases ASCII, turns controls into spaces, and replaces addresses by one byte each.

    Args:
        data: Folded passages in UTF-8, uint8.
        bounds: Byte offset of each passage and the end of the last, int64 [n + 1].

    Returns:
        The passages, uint8; their bounds, int64 [n + 1]; the number of addresses.
    """
    out = np.empty(bounds[-1] - bounds[0], np.uint8)
    ends = np.zeros(bounds.size, np.int64)
    n = places = 0
    for passage in range(bounds.size - 1):
        start, stop = bounds[passage], bounds[passage + 1]
        mail, any_address = _survey(data[start:stop])
        if any_address:
            n, found = _replace(data, start, stop, mail, out, n)
            places += found
        else:
            _lower(data[start:stop], out[n:])
            n += stop - start
        ends[passage + 1] = n
    return out[:n], ends, places
