"""Quarantine files: records that could not be used, kept whole, one JSON line each.

    {"detail":"byte 17","length":25,"number":7,"offset":812,"raw_base64":"eyJ0…","reason":"invalid_json",
     "sha256":"…","shard":"en/part-01.jsonl.gz"}

`number` is the record's place in the shard from 0, `offset` its first byte in the decoded shard. `raw_base64` holds
the exact bytes; a record over `KEEP` bytes is not copied (null): it lies in the input at `offset`, with `sha256`.
"""

from __future__ import annotations

import base64

from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.document import Rejected

__all__ = ["KEEP", "entry"]

#: Longest record that is copied, in bytes.
KEEP = 8 << 20


def entry(shard: str, rejected: Rejected) -> bytes:
    """Encodes a record's entry as a line with its end."""
    raw = rejected.raw
    kept = None if raw is None or len(raw) > KEEP else base64.b64encode(raw).decode("ascii")
    return (
        canonical_bytes(
            {
                "shard": shard,
                "number": rejected.number,
                "offset": rejected.offset,
                "length": rejected.length,
                "reason": rejected.reason.value,
                "detail": rejected.detail,
                "sha256": rejected.sha256,
                "raw_base64": kept,
            }
        )
        + b"\n"
    )
