"""A webhook that is told how a run ended: one JSON object, whose `text` chat services show as it is.

The URL of a webhook is a secret: it is never printed, and the environment can carry it.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tamis.pipeline.errors import TamisError, UsageError
from tamis.pipeline.observing import Ending
from tamis.pipeline.runspec import RunSpec

__all__ = ["VARIABLE", "Webhook"]

VARIABLE = "TAMIS_WEBHOOK"
FROM_ENVIRONMENT = "env"
TIMEOUT_S = 10.0
ATTEMPTS = 3


class Webhook:
    """Posts when the run has ended.

    Args:
        url: Where to, or "env".
    """

    def __init__(self, url: str) -> None:
        self._url = os.environ.get(VARIABLE, "") if url == FROM_ENVIRONMENT else url

    def started(self, spec: RunSpec) -> None:  # noqa: ARG002 - the protocol's
        """Checks the URL; nothing is sent."""
        if not self._url:
            raise UsageError(f"`--webhook env`: {VARIABLE} is not set: set it to the webhook's URL")
        if urlsplit(self._url).scheme not in ("http", "https") or not urlsplit(self._url).hostname:
            raise UsageError("`--webhook`: not an http(s) URL (it is not shown, as it may be a secret)")

    def ended(self, ending: Ending) -> None:
        """Posts; raises TamisError where nobody takes it."""
        import requests
        from requests.adapters import HTTPAdapter
        from urllib3.util import Retry

        host = urlsplit(self._url).hostname
        retry = Retry(ATTEMPTS - 1, backoff_factor=1, status_forcelist=(429, 500, 502, 503, 504), allowed_methods=None)
        with requests.Session() as session:
            session.mount(f"{urlsplit(self._url).scheme}://", HTTPAdapter(max_retries=retry))
            try:
                session.post(self._url, json=content(ending), timeout=TIMEOUT_S).raise_for_status()
            except requests.RequestException as error:
                raise TamisError(f"{host} did not take the message ({type(error).__name__})") from None


def content(ending: Ending) -> dict[str, Any]:
    """Returns what is posted."""
    counts = None if ending.manifest is None else msgspec.to_builtins(ending.manifest.counts)
    facts = {"status": ending.status, "run_id": ending.spec.run_id, "plan": ending.spec.plan.name}
    return {"text": ending.sentence(), **facts, "output": ending.spec.plan.output, "counts": counts}
