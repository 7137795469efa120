import http.client

import pytest
import requests

from tamis.pipeline import retries
from tamis.pipeline.errors import TamisError


class AnsweredError(Exception):
    def __init__(self, **attributes):
        super().__init__("the service said no")
        self.__dict__.update(attributes)


class Response:
    def __init__(self, status):
        self.status_code = status


def of(status):
    """Returns errors of one status in the manner of each library."""
    return [
        AnsweredError(status_code=status),
        AnsweredError(code=http.HTTPStatus(status)),
        AnsweredError(response=Response(status)),
        AnsweredError(response={"ResponseMetadata": {"HTTPStatusCode": status}}),
        requests.HTTPError("no", response=Response(status)),
        caused(OSError("unable to access bucket"), AnsweredError(status_code=status)),
    ]


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_statuses(status):
    assert all(retries.status_of(error) == status and retries.transient(error) for error in of(status))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 416, 501])
def test_answers(status):
    assert not any(retries.transient(error) for error in of(status))


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (requests.ConnectionError(), True),
        (requests.exceptions.ChunkedEncodingError(), True),
        (http.client.IncompleteRead(b""), True),
        (retries.CutError(), True),
        (OSError("smart_open: failed to read 7 bytes after 5 attempts"), True),
        (caused(ValueError(), ConnectionResetError()), True),
        (FileNotFoundError(2, "no such file"), False),
        (OSError(28, "no space left"), False),
        (PermissionError(13, "denied"), False),
        (ValueError("a defect"), False),
        (TamisError("told already"), False),
        (KeyError("code"), False),
    ],
)
def test_errors_without_a_status(error, again):
    assert retries.transient(error) is again


def test_the_schedule(monkeypatch):
    slept, left = [], [ConnectionResetError()] * 3
    monkeypatch.setattr(retries.time, "sleep", slept.append)

    def operation():
        if left:
            raise left.pop()
        return "done"

    assert retries.retried(operation) == "done"
    assert slept == [0.25, 0.5, 1.0]


def test_the_last_error_is_the_one_that_is_raised(monkeypatch):
    count = iter(range(100))
    monkeypatch.setattr(retries.time, "sleep", lambda seconds: None)

    def operation():
        raise ConnectionResetError(next(count))

    with pytest.raises(ConnectionResetError) as caught:
        retries.retried(operation)
    assert caught.value.args == (len(retries.DELAYS_S),)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (AnsweredError(status_code=403), "access denied (HTTP 403): check the credentials that this environment gives"),
        (AnsweredError(status_code=503), "HTTP 503: the service said no"),
        (ConnectionResetError("cut\nsecond line"), "ConnectionResetError: cut"),
        (TimeoutError(), "TimeoutError: no message"),
        (OSError("GET https://h/x?sig=c0ffee"), "OSError: GET https://h/x?<redacted>"),
    ],
)
def test_explain(error, told):
    assert retries.explain(error).startswith(told)


def test_a_loop_of_causes_ends():
    first, second = ValueError(), ValueError()
    first.__cause__, second.__cause__ = second, first
    assert retries.status_of(first) is None
