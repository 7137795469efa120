"""Trying again what a storage service refused for the moment: overload, server errors, timeouts, cut connections.

The schedule is fixed and has no random part: the same failures give the same waits. Workers that fail together try
again together; a run has some hundreds of them, and its shards differ in length, so they part by themselves. The
retries of the vendors' libraries are off where these are on: two schedules inside one another multiply.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from tamis.pipeline.redact import redact

__all__ = ["DELAYS_S", "CutError", "explain", "retried", "status_of", "transient", "wait"]

T = TypeVar("T")

#: Seconds before the second attempt, the third and so on: half a minute in all.
DELAYS_S = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)

# Errors without a status that mean "the connection, not the request", by the names of their classes: what a vendor's
# library raises is known without importing it.
_CONNECTION = frozenset(
    (
        "ConnectionError",  # Python and requests
        "TimeoutError",
        "Timeout",  # requests
        "ChunkedEncodingError",
        "ProtocolError",  # urllib3
        "IncompleteRead",
        "ReadTimeoutError",
        "HTTPClientError",  # botocore: cannot connect, timed out, closed
        "IncompleteReadError",
        "ResponseStreamingError",
        "TransportError",  # google.auth
        "DataCorruption",  # google.resumable_media: a block's checksum did not match
        "ServiceRequestError",  # azure.core
        "ServiceResponseError",
        "CutError",
    )
)


class CutError(Exception):
    """A stream ended before the size that its service had told."""


def wait(seconds: float) -> None:
    """Waits; one place for tests to make time pass."""
    time.sleep(seconds)


def retried(operation: Callable[[], T]) -> T:
    """Returns what the operation returns, trying again after transient errors.

    Args:
        operation: May run several times, so repeating it must be harmless.

    Raises:
        Exception: The operation's own: at once where it is not transient, else that of the last attempt.
    """
    for delay in DELAYS_S:
        try:
            return operation()
        except Exception as error:
            if not transient(error):
                raise
        wait(delay)
    return operation()


def transient(error: BaseException) -> bool:
    """Tells whether another attempt may succeed: 408, 429, 5xx, or a connection that failed without a status.

    Other 4xx are answers, and are never asked for twice.
    """
    status = status_of(error)
    if status is not None:
        return status in (408, 429) or (status >= 500 and status != 501)
    return any(_is_connection(each) for each in _chain(error))


def _is_connection(error: BaseException) -> bool:
    # smart_open gives up on a read with an OSError that has a message and nothing else.
    if type(error) is OSError and error.errno is None:
        return True
    return any(base.__name__ in _CONNECTION for base in type(error).__mro__)


def status_of(error: BaseException) -> int | None:
    """Returns the HTTP status behind an error of any storage library, None where there was no answer."""
    for each in _chain(error):
        for found in _statuses(each):
            if isinstance(found, int) and 100 <= found < 600:
                return int(found)
    return None


def _statuses(error: BaseException) -> Iterator[Any]:
    response: Any = getattr(error, "response", None)
    yield getattr(error, "status_code", None)  # azure
    yield getattr(response, "status_code", None)  # requests, google.resumable_media
    if isinstance(response, dict):  # botocore
        yield response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    yield getattr(error, "code", None)  # google.api_core


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yields an error and those that it was raised from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def explain(error: BaseException) -> str:
    """Says in one line, without secrets, why a storage service failed."""
    status = status_of(error)
    if status in (401, 403):
        return f"access denied (HTTP {status}): check the credentials that this environment gives, and their rights"
    lines = str(error).strip().splitlines()
    detail = redact(lines[0])[:300] if lines else "no message"
    return f"HTTP {status}: {detail}" if status is not None else f"{type(error).__name__}: {detail}"
