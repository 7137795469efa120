"""What a reader yields: documents, and records that are none, each with the place it was found at."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import msgspec

__all__ = ["NOTHING", "Document", "Reason", "Record", "Rejected"]

#: No extras; shared, never changed.
NOTHING: Mapping[str, Any] = {}


class Reason(str, enum.Enum):
    """Why a record was quarantined. A closed set: reports and metrics are keyed by it."""

    INVALID_JSON = "invalid_json"
    INVALID_UTF8 = "invalid_utf8"
    LONE_SURROGATE = "lone_surrogate"
    NUL_BYTE = "nul_byte"
    NOT_A_NUMBER = "not_a_number"
    BYTE_ORDER_MARK = "byte_order_mark"
    TOO_DEEP = "too_deep"
    TOO_LONG = "too_long"
    NUMBER_RANGE = "number_range"
    NOT_AN_OBJECT = "not_an_object"
    TEXT_MISSING = "text_missing"
    TEXT_NULL = "text_null"
    TEXT_TYPE = "text_type"
    ID_TYPE = "id_type"
    BAD_ROW = "bad_row"
    BAD_RECORD = "bad_record"
    BAD_CHARSET = "bad_charset"
    RULE = "rule"


class Document(msgspec.Struct, frozen=True, gc=False):
    """One readable record.

    Attributes:
        id: Its id; numbers as their JSON text.
        text: Its text, without lone surrogates; may be empty.
        source: Its source, "" where it has none.
        url: Its url, "" where it has none.
        extras: Further fields that rules refer to, by the plan's name; None where absent.
        raw: Its exact bytes in the shard, the line's end included; b"" in columnar formats.
        offset: Where `raw` starts in the decoded shard, in bytes; 0 in columnar formats.
        number: Its place among the records of the shard, readable or not, from 0.
        synthetic_id: Whether the id was made from the shard's path and `number`, as the record has none.
        row: In columnar formats, what the format's writer needs to write the row back untouched.
    """

    id: str
    text: str
    source: str = ""
    url: str = ""
    extras: Mapping[str, Any] = NOTHING
    raw: bytes = b""
    offset: int = 0
    number: int = 0
    synthetic_id: bool = False
    row: Any = None


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """A record that cannot be used, kept whole so that it is not lost.

    Attributes:
        number: Its place among the records of the shard, readable or not, from 0.
        offset: Where it starts in the decoded shard, in bytes; 0 in columnar formats.
        length: Its length in bytes, the line's end included.
        reason: Why.
        detail: More about it, without any text of the record.
        sha256: SHA-256 of its bytes, in hexadecimal.
        raw: Its bytes, None where they are too long to be kept.
    """

    number: int
    offset: int
    length: int
    reason: Reason
    detail: str
    sha256: str
    raw: bytes | None


Record = Document | Rejected
