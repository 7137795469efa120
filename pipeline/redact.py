"""Takes secrets out of messages: credentials in URLs, signed query strings, keys that a service echoes.

Messages of storage libraries quote the URL of the request that failed, and a server may redirect to a signed one. All
that tamis shows of a foreign message passes through here; so do the roots that a user wrote.
"""

from __future__ import annotations

import re

__all__ = ["MARK", "redact"]

#: What stands in the place of a secret.
MARK = "<redacted>"

_URL = r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)"
_STOP = r"\s\"'<>`"
# A key of AWS may hold slashes: past a colon that starts no port, everything up to the last @ is taken for a password.
_USERINFO = re.compile(_URL + rf"(?:[^{_STOP}/?#]*|[^{_STOP}/?#:]*:(?!\d{{1,5}}(?:/|$))[^{_STOP}]*)@", re.IGNORECASE)
# On the web a question mark starts a query; in a bucket it may be part of a name; parameters have an "=".
_QUERY = re.compile(rf"(?P<url>\bhttps?://[^{_STOP}?]*)\?(?!{MARK})[^{_STOP}]*", re.IGNORECASE)
_OTHER_QUERY = re.compile(rf"(?P<url>{_URL}[^{_STOP}?]*)\?(?!{MARK})[^{_STOP}]*=[^{_STOP}]*", re.IGNORECASE)
_PARAMETERS = (
    "x-amz-signature|x-amz-credential|x-amz-security-token|x-goog-signature|x-goog-credential|signature|sig|"
    "awsaccesskeyid|googleaccessid|accountkey|sharedaccesssignature|access_token|client_secret"
)
_ASSIGNED = re.compile(rf"(?P<name>\b(?:{_PARAMETERS}))(?P<equals>\s*[=:]\s*)[^\s&;,\"'<>]+", re.IGNORECASE)
_BEARER = re.compile(r"\b(?P<kind>bearer|basic|sharedkey)\s+[A-Za-z0-9+/_.:=~-]{8,}", re.IGNORECASE)


def redact(text: str) -> str:
    """Returns the text with every credential in it replaced by `MARK`.

    Covered: user and password in a URL, the query string of a URL, signatures and keys given as `name=value`, and
    the token of an Authorization header. What is left still names host, bucket and path.
    """
    text = _OTHER_QUERY.sub(rf"\g<url>?{MARK}", _QUERY.sub(rf"\g<url>?{MARK}", text))
    text = _USERINFO.sub(rf"\g<scheme>{MARK}@", text)
    text = _ASSIGNED.sub(rf"\g<name>\g<equals>{MARK}", text)
    return _BEARER.sub(rf"\g<kind> {MARK}", text)
