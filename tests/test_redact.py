import pytest

from tamis.pipeline.errors import ShardError, describe
from tamis.pipeline.redact import redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://AKIA:se/cr+et@bucket/x", "s3://<redacted>@bucket/x"),
        ("https://user:p@ss@host/x", "https://<redacted>@host/x"),
        ("http://token@host/", "http://<redacted>@host/"),
        ("GET https://h/x?X-Amz-Signature=abc&y=1 failed", "GET https://h/x?<redacted> failed"),
        ("<https://h/x?sig=a%2Fb>", "<https://h/x?<redacted>>"),
        ("https://h/p?token", "https://h/p?<redacted>"),
        ("az://c/x?sv=2024&sig=abc", "az://c/x?<redacted>"),
        ("https://u:p@h/x?a=b", "https://<redacted>@h/x?<redacted>"),
        ("Authorization: Bearer abcdefgh.ijkl-mn", "Authorization: Bearer <redacted>"),
        ("AccountKey=abc==;EndpointSuffix=x", "AccountKey=<redacted>;EndpointSuffix=x"),
        ("X-Amz-Credential: AKIA/2026, Signature=ff00", "X-Amz-Credential: <redacted>, Signature=<redacted>"),
    ],
)
def test_secrets(text, shown):
    assert redact(text) == shown
    assert redact(redact(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/what?.jsonl",
        "gs://bucket/a:b@c",
        "https://host:8080/a@b",
        "mail a@b.c about x=1?",
        "`any >= 0.5` in plan.yaml: line 3",
        "out/runs/abc?x=1",
    ],
)
def test_what_is_no_secret_stays(text):
    assert redact(text) == text


def test_every_reason_of_a_failure_is_redacted():
    assert "c0ffee" not in describe(ShardError("https://h/x?sig=c0ffee: 403"))
    assert "c0ffee" not in describe(OSError(5, "I/O error", "https://h/x?sig=c0ffee"))
