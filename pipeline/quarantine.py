"""Quarantine files: records that could not be used, kept whole, one JSON line each.

    {"detail":"byte 17","length":25,"number":7,"offset":812,"raw_base64":"eyJ0…","reason":"invalid_json",
     "sha256":"…","shard":"en/part-01.jsonl.gz"}

`number` is the record's place in the shard from 0, `offset` its first byte in the decoded shard. `raw_base64` holds
the exact bytes; a record over `KEEP` bytes is not copied (null): it lies in the input at `offset`, with `sha256`.

A document that a rule with `do: quarantine` put there has the reason `rule`, the rule's name as `detail`, and never a
copy of its text: `sha256` is of the record's bytes, or of its text where a format has no bytes of a record (Parquet).
"""

from __future__ import annotations

import base64
import hashlib

from tamis.pipeline.canonical import canonical_bytes
from tamis.pipeline.document import Document, Reason, Rejected

__all__ = ["KEEP", "entry", "withheld"]

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


def withheld(document: Document, rule: str) -> Rejected:
    """Returns what quarantine keeps of a document that a rule put there: where it lies and its hash.

    Args:
        document: It.
        rule: The rule's name.
    """
    raw = document.raw or document.text.encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(raw).hexdigest()
    return Rejected(document.number, document.offset, len(raw), Reason.RULE, rule, digest, None)
