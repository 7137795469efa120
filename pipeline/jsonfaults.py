"""What is wrong with a JSON record, named without quoting it."""

from __future__ import annotations

import codecs
import re

import msgspec
import numpy as np

from tamis.pipeline.document import Reason
from tamis.pipeline.jsontype import OBJECT

__all__ = ["Fault", "brackets", "find", "is_open", "kind", "too_deep"]

Fault = tuple[Reason, str]

_KINDS = {ord("{"): "an object", ord("["): "an array", ord('"'): "a string", ord("n"): "null"}
_KINDS |= dict.fromkeys(b"tf", "a boolean") | dict.fromkeys(b"-0123456789", "a number")

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NUMBER_WORD = re.compile(rb"NaN|Infinity")
_HIGH = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_LONE = re.compile(_HIGH + rb"(?!" + _LOW + rb")|(?<!" + _HIGH + rb")" + _LOW)
_BYTE = re.compile(r"\(byte (\d+)\)")
_PIECE = 1 << 20


def kind(value: bytes | msgspec.Raw) -> str:
    """Names the type of a JSON value with its article."""
    return _KINDS.get(bytes(value)[0], "something else")


def find(raw: bytes, nesting: int) -> Fault | None:
    """Says why a record is not a readable JSON object, None where it is one.

    Args:
        raw: The record; white space around it is allowed, a byte order mark is not.
        nesting: Deepest nesting that is read.
    """
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return Reason.INVALID_UTF8, f"byte {error.start}"
    if raw.startswith(codecs.BOM_UTF8):
        return Reason.BYTE_ORDER_MARK, "not at the start of the shard"
    if b"\0" in raw:
        return Reason.NUL_BYTE, f"byte {raw.index(0)}"
    if too_deep(raw, nesting):
        return Reason.TOO_DEEP, f"deeper than {nesting}"
    return _parse(raw)


def _parse(raw: bytes) -> Fault | None:
    try:
        OBJECT.decode(raw)
    except msgspec.ValidationError:
        return Reason.NOT_AN_OBJECT, f"expected an object, found {kind(raw.lstrip())}"
    except RecursionError:
        return Reason.TOO_DEEP, "deeper than the stack"
    except msgspec.DecodeError as error:
        return _malformed(raw, str(error))
    return None


def _malformed(raw: bytes, message: str) -> Fault:
    """Tells what other writers take for JSON from what is broken."""
    if _LONE.search(raw):
        return Reason.LONE_SURROGATE, "an escaped surrogate without its other half"
    if _NUMBER_WORD.search(_STRING.sub(b"", raw)):
        return Reason.NOT_A_NUMBER, "NaN and Infinity are not JSON"
    place = _BYTE.search(message)
    return Reason.INVALID_JSON, f"byte {place[1]}" if place else "it ends too early"


def brackets(data: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> int:
    """Counts the bytes that may open an array or an object: [ is 0x5b, { is 0x7b."""
    return int(np.count_nonzero((data & 0xDF) == 0x5B))


def too_deep(raw: bytes, nesting: int) -> bool:
    """Tells whether arrays and objects stand inside one another deeper than `nesting`, without recursion.

    The answer must not depend on how much stack is left, which is what a recursive parser's answer depends on.
    """
    if len(raw) <= 2 * nesting or raw.count(b"[") + raw.count(b"{") <= nesting:
        return False
    bare = _STRING.sub(b"", raw)
    depth = 0
    for start in range(0, len(bare), _PIECE):
        data = np.frombuffer(bare, np.uint8, min(_PIECE, len(bare) - start), start) & 0xDF
        steps = np.cumsum((data == 0x5B).astype(np.int32) - (data == 0x5D), dtype=np.int64)
        if depth + int(steps.max()) > nesting:
            return True
        depth += int(steps[-1])
    return False


def is_open(raw: bytes) -> bool:
    """Tells whether a record ends inside a string, an array or an object, as a record that was cut does."""
    bare = _STRING.sub(b"", raw)
    opened = bare.count(b"{") + bare.count(b"[")
    return b'"' in bare or opened > bare.count(b"}") + bare.count(b"]")
