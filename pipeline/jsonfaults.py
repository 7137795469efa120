"""What is wrong with a JSON record, named without quoting it."""

from __future__ import annotations

import codecs
import re

import msgspec

from tamis.pipeline.document import Reason
from tamis.pipeline.jsonscan import too_deep, utf8_fault
from tamis.pipeline.jsontype import OBJECT

__all__ = ["Fault", "find", "kind"]

Fault = tuple[Reason, str]

_KINDS = {ord("{"): "an object", ord("["): "an array", ord('"'): "a string", ord("n"): "null"}
_KINDS |= dict.fromkeys(b"tf", "a boolean") | dict.fromkeys(b"-0123456789", "a number")

_NUMBER_WORDS = (b"NaN", b"Infinity")
_HIGH = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_LONE = re.compile(_HIGH + rb"(?!" + _LOW + rb")|(?<!" + _HIGH + rb")" + _LOW)
_BYTE = re.compile(r"\(byte (\d+)\)")


def kind(value: bytes | msgspec.Raw) -> str:
    """Names the type of a JSON value with its article."""
    return _KINDS.get(memoryview(value)[0], "something else")


def find(raw: bytes, nesting: int) -> Fault | None:
    """Says why a record is not a readable JSON object, None where it is one.

    Args:
        raw: The record; white space around it is allowed, a byte order mark is not.
        nesting: Deepest nesting that is read.
    """
    if (place := utf8_fault(raw)) is not None:
        return Reason.INVALID_UTF8, f"byte {place}"
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
    """Tells what other writers take for JSON from what is broken, at the place where the decoder gave up."""
    found = _BYTE.search(message)
    place = int(found[1]) if found else len(raw)
    # With fewer than six bytes after half a pair the decoder says that the input was truncated.
    if "surrogate" in message or (not found and _LONE.search(raw[-24:])):
        return Reason.LONE_SURROGATE, "an escaped surrogate without its other half"
    if raw.startswith(_NUMBER_WORDS, place):
        return Reason.NOT_A_NUMBER, "NaN and Infinity are not JSON"
    return Reason.INVALID_JSON, f"byte {place}" if found else "it ends too early"
