"""Roots: where a corpus lies and where runs are written, as a folder or as a URL of a storage service.

    out/demo, /data/web, file:///data/web    a folder
    s3://BUCKET/PREFIX                       Amazon S3, and what speaks its protocol (AWS_ENDPOINT_URL)
    gs://BUCKET/PREFIX                       Google Cloud Storage
    az://CONTAINER/PREFIX                    Azure Blob Storage, in the account that the environment names
    https://HOST/PATH                        a web server; read only

Credentials come from the environment and nowhere else: a root is written into manifests and logs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from tamis.pipeline.errors import UsageError
from tamis.pipeline.redact import redact

__all__ = ["READ_ONLY", "Location", "local_folder", "parse"]

#: Schemes that can be read and not written.
READ_ONLY = ("http", "https")

_SCHEMES = ("s3", "gs", "az", *READ_ONLY)
_OTHER_NAMES = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "azure": "az", "abfs": "az", "abfss": "az", "wasb": "az"}
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Location:
    """A root on a storage service.

    Attributes:
        scheme: "s3", "gs", "az", "http" or "https".
        bucket: Bucket, container, or host with its port.
        prefix: What stands before every path, without slashes at its ends; may be empty.
    """

    scheme: str
    bucket: str
    prefix: str

    def key(self, path: str) -> str:
        """Returns the name of an object inside the bucket."""
        return f"{self.prefix}/{path}" if self.prefix and path else self.prefix or path

    def folder(self, path: str) -> str:
        """Returns what the names of all objects under a folder start with: "" or a name that ends in a slash."""
        key = self.key(path)
        return f"{key}/" if key else ""

    def url(self, path: str = "") -> str:
        """Returns the URL of an object, percent-encoded where the scheme has it so."""
        key = self.key(path)
        return f"{self.scheme}://{self.bucket}/{quote(key) if self.scheme in READ_ONLY else key}"


def local_folder(root: str) -> str | None:
    """Returns the folder that a root means, None where it is a URL of a storage service."""
    if root.startswith("file://"):
        return root.removeprefix("file://")
    return None if _URL.fullmatch(root) else root


def parse(root: str) -> Location | None:
    """Parses a root; None for a local folder.

    Raises:
        UsageError: The scheme is not known, no bucket is named, or credentials stand in the URL. The message does not
            repeat them.
    """
    if local_folder(root) is not None:
        return None
    match = _URL.fullmatch(root)
    assert match is not None
    scheme, rest = match["scheme"].lower(), match["rest"]
    if scheme not in _SCHEMES:
        raise UsageError(f"{redact(root)}: `{scheme}://` is not a storage that tamis reaches; {_hint(scheme)}")
    _check_secrets(root, scheme, rest)
    bucket, _, prefix = rest.partition("/")
    prefix = prefix.strip("/")
    if not bucket or any(part in ("", ".", "..") for part in prefix.split("/") if prefix):
        raise UsageError(f"{redact(root)}: expected {scheme}://BUCKET/PREFIX, without empty, . or .. segments")
    return Location(scheme, bucket, prefix)


def _hint(scheme: str) -> str:
    if scheme in _OTHER_NAMES:
        return f"write {_OTHER_NAMES[scheme]}://BUCKET/PREFIX"
    return "use a folder, s3://, gs://, az://, or, to read, https://"


def _check_secrets(root: str, scheme: str, rest: str) -> None:
    if redact(root) != root or "@" in rest.partition("/")[0]:
        raise UsageError(
            f"{redact(root)}: a URL with credentials or a signature in it, expected none: roots are written into "
            f"manifests and logs; give them to the environment instead{_AMBIENT.get(scheme, ' (~/.netrc)')}"
        )


_AMBIENT = {
    "s3": " (AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the machine's role)",
    "gs": " (`gcloud auth application-default login`, GOOGLE_APPLICATION_CREDENTIALS, or the machine's account)",
    "az": " (AZURE_STORAGE_ACCOUNT with `az login` or a managed identity, or AZURE_STORAGE_CONNECTION_STRING)",
}
