"""Google Cloud Storage; credentials and endpoint (STORAGE_EMULATOR_HOST) as its own client finds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import google.auth.exceptions
import smart_open.gcs
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from tamis.pipeline.buckets import ABSENT, CONNECT_S, READ_S, Stat

__all__ = ["GcsBucket"]

TIMEOUT = (CONNECT_S, READ_S)
CHUNK = 8 << 20


def _client() -> Any:
    try:
        # Objects belong to a bucket, not to a project: none is needed here.
        return storage.Client(project=None)
    except google.auth.exceptions.DefaultCredentialsError:
        return storage.Client.create_anonymous_client()


class GcsBucket:
    """See `tamis.pipeline.buckets.Bucket`; a version is a generation. Public buckets are read without credentials."""

    def __init__(self, name: str) -> None:
        self._client = _client()
        self._bucket = self._client.bucket(name)

    def stat(self, key: str) -> Stat:
        """See `Bucket.stat`."""
        blob = self._bucket.blob(key)
        blob.reload(timeout=TIMEOUT, retry=None)
        return Stat(key, blob.size, str(blob.generation))

    def get(self, key: str, version: str | None = None) -> bytes:
        """See `Bucket.get`."""
        generation = None if version is None else int(version)
        data: bytes = self._bucket.blob(key).download_as_bytes(
            raw_download=True, if_generation_match=generation, timeout=TIMEOUT, retry=None
        )
        return data

    def put(self, key: str, data: bytes, expected: str | None = None) -> None:
        """See `Bucket.put`."""
        generation = None if expected is None else 0 if expected == ABSENT else int(expected)
        self._bucket.blob(key).upload_from_string(
            data, "application/octet-stream", if_generation_match=generation, timeout=TIMEOUT, retry=None
        )

    def upload(self, key: str, file: BinaryIO, size: int) -> None:
        """See `Bucket.upload`; the library resumes an upload in chunks where it stopped."""
        blob = self._bucket.blob(key, chunk_size=CHUNK)
        blob.upload_from_file(file, size=size, timeout=TIMEOUT, retry=DEFAULT_RETRY)

    def pages(self, prefix: str, after: str = "") -> Iterator[list[Stat]]:
        """See `Bucket.pages`."""
        found = self._client.list_blobs(
            self._bucket,
            prefix=prefix or None,
            start_offset=after or None,
            fields="items(name,size,generation,updated),nextPageToken",
            timeout=TIMEOUT,
            retry=None,
        )
        for page in found.pages:
            # The offset itself is listed too.
            yield [_stat(blob) for blob in page if blob.name != after]

    def copy(self, source: str, target: str) -> None:
        """See `Bucket.copy`; a long copy takes several requests."""
        original, blob, token = self._bucket.blob(source), self._bucket.blob(target), None
        while True:
            token, _, _ = blob.rewrite(original, token=token, timeout=TIMEOUT, retry=None)
            if token is None:
                return

    def delete(self, key: str) -> None:
        """See `Bucket.delete`."""
        self._bucket.blob(key).delete(timeout=TIMEOUT, retry=None)

    def open(self, key: str, version: str, position: int) -> BinaryIO:
        """See `Bucket.open`; raw, since a stored gzip may be sent decoded otherwise."""
        options = {"timeout": TIMEOUT, "retry": None}
        parameters = {
            "client": self._client,
            # A generation that was replaced is gone (404), or, where the bucket keeps versions, still exactly that.
            "get_blob_kwargs": {**options, "generation": int(version)},
            "blob_open_kwargs": {**options, "chunk_size": CHUNK, "raw_download": True},
        }
        file: Any = smart_open.gcs.open(self._bucket.name, key, "rb", **parameters)
        file.seek(position)
        opened: BinaryIO = file
        return opened


def _stat(blob: Any) -> Stat:
    return Stat(blob.name, blob.size, str(blob.generation), blob.updated.timestamp() if blob.updated else 0.0)
