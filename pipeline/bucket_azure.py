"""Azure Blob Storage, in the account that the environment names.

AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN or what
azure-identity finds (`az login`, a managed or workload identity, AZURE_CLIENT_ID and its kin).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

import smart_open
from azure.core import MatchConditions
from azure.storage.blob import BlobBlock, ContainerClient

from tamis.pipeline.buckets import ABSENT, CONNECT_S, READ_S, Stat
from tamis.pipeline.errors import UsageError
from tamis.pipeline.retries import retried

__all__ = ["AzureBucket"]

BLOCK = 8 << 20
COPY_PAUSE_S = 0.5
_SAME = MatchConditions.IfNotModified


def _container(name: str) -> ContainerClient:
    options: dict[str, Any] = {
        "retry_total": 0,
        "connection_timeout": CONNECT_S,
        "read_timeout": READ_S,
    }
    connection = os.environ.get("AZURE_STORAGE_CONNECTION_STRING")
    if connection:
        return ContainerClient.from_connection_string(connection, name, **options)
    account = os.environ.get("AZURE_STORAGE_ACCOUNT")
    if not account:
        raise UsageError(
            f"az://{name}: the environment names no account, expected AZURE_STORAGE_ACCOUNT or "
            "AZURE_STORAGE_CONNECTION_STRING: set one of them"
        )
    return ContainerClient(f"https://{account}.blob.core.windows.net", name, credential=_credential(), **options)


def _credential() -> Any:
    secret = os.environ.get("AZURE_STORAGE_KEY") or os.environ.get("AZURE_STORAGE_SAS_TOKEN")
    if secret:
        return secret
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


class AzureBucket:
    """See `tamis.pipeline.buckets.Bucket`; a version is an ETag."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._container = _container(name)

    def stat(self, key: str) -> Stat:
        """See `Bucket.stat`."""
        found = self._container.get_blob_client(key).get_blob_properties()
        return Stat(key, found.size, str(found.etag))

    def get(self, key: str, version: str | None = None) -> bytes:
        """See `Bucket.get`."""
        blob: Any = self._container.get_blob_client(key)
        condition = {} if version is None else {"etag": version, "match_condition": _SAME}
        data: bytes = blob.download_blob(decompress=False, **condition).readall()
        return data

    def put(self, key: str, data: bytes, expected: str | None = None) -> None:
        """See `Bucket.put`."""
        blob = self._container.get_blob_client(key)
        if not expected:
            blob.upload_blob(data, overwrite=expected is None)
        else:
            blob.upload_blob(data, overwrite=True, etag=expected, match_condition=_SAME)

    def upload(self, key: str, file: BinaryIO, size: int) -> None:
        """See `Bucket.upload`; blocks that were sent become an object only when their list is committed."""
        if size <= BLOCK:
            self.put(key, file.read())
            return
        blob = self._container.get_blob_client(key)
        names: list[str] = []
        while block := file.read(BLOCK):
            names.append(f"{len(names):08}")
            retried(partial(blob.stage_block, names[-1], block))
        blob.commit_block_list([BlobBlock(name) for name in names])

    def pages(self, prefix: str, after: str = "") -> Iterator[list[Stat]]:
        """See `Bucket.pages`; the service cannot start in the middle, so what lies before is listed and left out."""
        for page in self._container.list_blobs(name_starts_with=prefix or None).by_page():
            yield [_stat(blob) for blob in page if blob.name > after]

    def copy(self, source: str, target: str) -> None:
        """See `Bucket.copy`; the service copies in its own time, inside one account as a rule at once."""
        blob: Any = self._container.get_blob_client(target)
        status = blob.start_copy_from_url(self._container.get_blob_client(source).url)["copy_status"]
        while status == "pending":
            time.sleep(COPY_PAUSE_S)
            status = blob.get_blob_properties().copy.status
        if status != "success":
            raise OSError(f"the service's copy ended as {status}")

    def delete(self, key: str) -> None:
        """See `Bucket.delete`."""
        self._container.get_blob_client(key).delete_blob()

    def open(self, key: str, version: str, position: int) -> BinaryIO:
        """See `Bucket.open`."""
        blob: Any = self._container.get_blob_client(key)
        # smart_open asks block by block and knows no condition; a stored gzip would be sent decoded.
        blob.download_blob = partial(blob.download_blob, etag=version, match_condition=_SAME, decompress=False)
        file: Any = smart_open.open(
            f"azure://{self._name}/{key}", "rb", compression="disable", transport_params={"client": blob}
        )
        file.seek(position)
        opened: BinaryIO = file
        return opened


def _stat(blob: Any) -> Stat:
    return Stat(blob.name, blob.size, _quoted(blob.etag), blob.last_modified.timestamp())


def _quoted(etag: str) -> str:
    """Returns an ETag as a request's header and an object's properties have it; listings leave the quotes out."""
    return etag if etag.startswith('"') else f'"{etag}"'


assert ABSENT == ""  # `put` tells "absent" from "any" by it
