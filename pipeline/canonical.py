"""Canonical JSON: one value, one sequence of bytes, so that a digest of it means something.

Keys sorted by code point, no white space, UTF-8 without escapes beyond those that JSON demands, floats in the
shortest form that reads back to the same bits. What has no such form is refused: NaN, infinities, keys that are
not strings, lone surrogates, and types that JSON does not know.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec

__all__ = ["canonical_bytes", "digest"]

_STRING = frozenset((str,))
_ATOMS = frozenset((int, float, str, bool, type(None)))


def canonical_bytes(value: Any) -> bytes:
    """Encodes a value.

    Args:
        value: dicts with string keys, lists, tuples, strings, integers, finite floats, booleans, None, and
            msgspec structs of these.

    Returns:
        The canonical bytes, without a newline at the end.

    Raises:
        ValueError: A float is NaN or infinite, or a string holds a lone surrogate.
        TypeError: A key is not a string, or a type is none of the above.
    """
    plain = _plain(value)
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def digest(value: Any) -> str:
    """Returns the SHA-256 of the canonical bytes, in hexadecimal."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def _plain(value: Any) -> Any:
    """Opens structs, and refuses keys that `json` would turn into strings: {1: …} and {"1": …} must differ."""
    if isinstance(value, msgspec.Struct):
        return {key: _plain(getattr(value, name)) for name, key in _names(type(value))}
    if isinstance(value, dict):
        if _STRING.issuperset(map(type, value)) and _ATOMS.issuperset(map(type, value.values())):
            return value
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        # Most of a receipt is lists of counts: a look at their types is enough, at a tenth of the time.
        return value if _ATOMS.issuperset(map(type, value)) else [_plain(item) for item in value]
    return value


def _names(struct: type[msgspec.Struct]) -> zip[tuple[str, str]]:
    return zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True)


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"canonical JSON has string keys only, found a key of type {type(key).__name__}")
    return key
