"""The evidence account: quarantined messages, gone after 48 hours, and the key of all hashes."""

import base64
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from adapters.identity import credential
from adapters.patience import WORK, Patience
from settings import Connection

QUARANTINE = "quarantine"
CONFIGURATION = "configuration"
PREFIX_LENGTH = 4096
"""Bytes kept of a quarantined message: enough to see what it was."""
KEY_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Rejection:
    """A message that was no call, and why."""

    partition: str
    sequence: int
    enqueued: datetime
    reason: str
    body: bytes


class Evidence:
    """Every verb raises azure.core's HttpResponseError for a storage fault."""

    def __init__(self, connection: Connection, patience: Patience = WORK) -> None:
        options: dict[str, Any] = patience.options
        if connection.connection_string:
            self.service = BlobServiceClient.from_connection_string(connection.connection_string, **options)
        else:
            self.service = BlobServiceClient(connection.address, credential=credential(connection.client_id), **options)
        self.service.__enter__()  # as Tables does

    def quarantine(self, rejections: Sequence[Rejection]) -> None:
        """Keep what was rejected from one batch: a blob of JSON lines under the hour of the first; a repeat overwrites it."""
        first = rejections[0]
        name = f"{first.enqueued.astimezone(UTC):%Y-%m-%dT%H}/{first.partition}-{first.sequence:020d}.jsonl"
        lines = "".join(
            json.dumps(
                {
                    "reason": item.reason,
                    "partition": item.partition,
                    "sequenceNumber": item.sequence,
                    "enqueued": item.enqueued.isoformat(),
                    "bytes": len(item.body),
                    "prefix": base64.b64encode(item.body[:PREFIX_LENGTH]).decode(),
                }
            )
            + "\n"
            for item in rejections
        )
        self._creating(QUARANTINE, name, lines.encode(), overwrite=True)

    def put(self, container: str, name: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        self._creating(container, name, content, overwrite=True, metadata=dict(metadata or {}))

    def get(self, container: str, name: str) -> bytes:
        """Raises ResourceNotFoundError."""
        return bytes(self.service.get_blob_client(container, name).download_blob().readall())

    def hash_key(self) -> bytes:
        """The key of all keyed hashes; whichever instance asks first makes it, and every other gets the same."""
        try:
            return self.get(CONFIGURATION, "hash-key")
        except ResourceNotFoundError:
            pass
        with suppress(ResourceExistsError):  # another instance was first
            self._creating(CONFIGURATION, "hash-key", os.urandom(KEY_LENGTH), overwrite=False)
        return self.get(CONFIGURATION, "hash-key")

    def _creating(self, container: str, name: str, content: bytes, *, overwrite: bool, metadata: dict[str, str] | None = None) -> None:
        blob: Any = self.service.get_blob_client(container, name)
        try:
            blob.upload_blob(content, overwrite=overwrite, metadata=metadata)
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):  # another instance was first
                self.service.create_container(container)
            blob.upload_blob(content, overwrite=overwrite, metadata=metadata)
