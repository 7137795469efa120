import base64
import hashlib
import json

from tamis.pipeline.document import Reason, Rejected
from tamis.pipeline.quarantine import KEEP, entry


def rejected(raw, length=None):
    sha256 = hashlib.sha256(raw or b"").hexdigest()
    return Rejected(7, 812, length or len(raw), Reason.INVALID_JSON, "byte 17", sha256, raw)


def test_an_entry_keeps_the_record():
    raw = b'{"text": "a\xff\0" "b"}\n'
    line = entry("en/a.jsonl", rejected(raw))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    found = json.loads(line)
    assert list(found) == sorted(found)
    assert base64.b64decode(found.pop("raw_base64")) == raw
    assert found == {
        "shard": "en/a.jsonl",
        "number": 7,
        "offset": 812,
        "length": len(raw),
        "reason": "invalid_json",
        "detail": "byte 17",
        "sha256": hashlib.sha256(raw).hexdigest(),
    }


def test_what_is_too_long_is_named_by_its_place_and_hash():
    for record in (rejected(None, 400 << 20), rejected(bytes(KEEP + 1))):
        line = entry("s", record)
        assert json.loads(line)["raw_base64"] is None
        assert len(line) < 300
    assert json.loads(entry("s", rejected(bytes(KEEP))))["raw_base64"]
