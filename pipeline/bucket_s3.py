"""Amazon S3 and what speaks its protocol; credentials, region and endpoint as boto3 finds them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, BinaryIO

import boto3
import botocore
import botocore.config
import smart_open.s3
from boto3.s3.transfer import TransferConfig

from tamis.pipeline.buckets import ABSENT, CONNECT_S, READ_S, Stat

__all__ = ["S3Bucket"]

PART = 16 << 20
# The service copies at most 5 GiB at once.
COPY_WHOLE, COPY_PART = 5 << 30, 512 << 20


class S3Bucket:
    """See `tamis.pipeline.buckets.Bucket`; a version is an ETag. Public buckets are read without credentials."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._session = boto3.session.Session()
        self._client = self._connect(attempts=1)

    def _connect(self, attempts: int) -> Any:
        anonymous = {} if self._session.get_credentials() else {"signature_version": botocore.UNSIGNED}
        config = botocore.config.Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=CONNECT_S,
            read_timeout=READ_S,
            tcp_keepalive=True,
            **anonymous,
        )
        return self._session.client("s3", config=config)

    @cached_property
    def _uploader(self) -> Any:
        # One part of a long upload may fail without costing the others: here the library's own retries are on.
        return self._connect(attempts=5)

    def stat(self, key: str) -> Stat:
        """See `Bucket.stat`."""
        found = self._client.head_object(Bucket=self._name, Key=key)
        return Stat(key, found["ContentLength"], found["ETag"])

    def get(self, key: str, version: str | None = None) -> bytes:
        """See `Bucket.get`."""
        condition = {} if version is None else {"IfMatch": version}
        with self._client.get_object(Bucket=self._name, Key=key, **condition)["Body"] as body:
            data: bytes = body.read()
            return data

    def put(self, key: str, data: bytes, expected: str | None = None) -> None:
        """See `Bucket.put`."""
        condition = {"IfNoneMatch": "*"} if expected == ABSENT else {"IfMatch": expected} if expected else {}
        self._client.put_object(Bucket=self._name, Key=key, Body=data, **condition)

    def upload(self, key: str, file: BinaryIO, size: int) -> None:
        """See `Bucket.upload`; an upload in parts that fails is aborted, and leaves none behind."""
        if size <= PART:
            self.put(key, file.read())
            return
        config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=4)
        self._uploader.upload_fileobj(_KeptOpen(file), self._name, key, Config=config)

    def pages(self, prefix: str, after: str = "") -> Iterator[list[Stat]]:
        """See `Bucket.pages`."""
        paginator = self._client.get_paginator("list_objects_v2")
        for page in paginator.paginate(Bucket=self._name, Prefix=prefix, StartAfter=after):
            yield [
                Stat(item["Key"], item["Size"], item["ETag"], item["LastModified"].timestamp())
                for item in page.get("Contents", ())
            ]

    def copy(self, source: str, target: str) -> None:
        """See `Bucket.copy`; one of over 5 GB is copied in parts."""
        config = TransferConfig(multipart_threshold=COPY_WHOLE, multipart_chunksize=COPY_PART, max_concurrency=4)
        self._uploader.copy({"Bucket": self._name, "Key": source}, self._name, target, Config=config)

    def delete(self, key: str) -> None:
        """See `Bucket.delete`."""
        self._client.delete_object(Bucket=self._name, Key=key)

    def open(self, key: str, version: str, position: int) -> BinaryIO:
        """See `Bucket.open`."""
        parameters = {
            "client": self._client,
            "client_kwargs": {"S3.Client.get_object": {"IfMatch": version}},
            "defer_seek": True,
        }
        # A name may hold `?versionId=`, which smart_open would take for a parameter of the URL.
        file: Any = smart_open.s3.open(self._name, key, "rb", **parameters)
        file.seek(position)
        opened: BinaryIO = file
        return opened


class _KeptOpen:
    """A file that its reader may not close: a failed upload starts over from it."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell

    def close(self) -> None:
        """Leaves the file open."""
