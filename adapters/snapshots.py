"""Snapshots of gateways' configuration, in the container `posture` of the evidence account: the published one of each service, and the one in the making."""

from collections.abc import Iterator
from contextlib import suppress

import msgspec
from azure.core.exceptions import ResourceNotFoundError

from adapters.evidence import Evidence
from posture.reading import Work
from posture.snapshot import VERSION, OtherVersion, Snapshot, pack, service_key, unpack

CONTAINER = "posture"
PUBLISHED, MAKING = "snapshots/", "work/"


def publish(evidence: Evidence, snapshot: Snapshot) -> None:
    evidence.put(CONTAINER, PUBLISHED + service_key(snapshot.id), pack(snapshot))


def published(evidence: Evidence) -> Iterator[Snapshot]:
    """The newest snapshot of every service. One of another version is left out: it is read anew."""
    try:
        names = list(evidence.service.get_container_client(CONTAINER).list_blob_names(name_starts_with=PUBLISHED))
    except ResourceNotFoundError:
        return
    for name in names:
        with suppress(ResourceNotFoundError, OtherVersion, msgspec.MsgspecError):
            yield unpack(evidence.get(CONTAINER, name))


def stamp(evidence: Evidence) -> list[tuple[str, str]]:
    """Name and etag of each published snapshot: whether one is newer than what was read."""
    with suppress(ResourceNotFoundError):
        found = evidence.service.get_container_client(CONTAINER).list_blobs(name_starts_with=PUBLISHED)
        return sorted((str(blob.name), str(blob.etag)) for blob in found)
    return []


def of(evidence: Evidence, service: str) -> Snapshot | None:
    """The published snapshot of one service by its ARM id, None where there is none that this version reads."""
    try:
        return unpack(evidence.get(CONTAINER, PUBLISHED + service_key(service)))
    except (ResourceNotFoundError, OtherVersion, msgspec.MsgspecError):
        return None


def keep(evidence: Evidence, work: Work) -> None:
    """A pass that is not done."""
    evidence.put(CONTAINER, MAKING + service_key(work.snapshot.id), bytes([VERSION]) + msgspec.msgpack.encode(work.cursor) + b"\0gatewatch\0" + pack(work.snapshot))  # fmt: skip


def kept(evidence: Evidence, service: str) -> Work | None:
    """The pass to go on with, None where there is none that this version reads."""
    from posture.reading import Cursor

    try:
        packed = evidence.get(CONTAINER, MAKING + service_key(service))
        cursor, _, snapshot = packed[1:].partition(b"\0gatewatch\0")
        return Work(unpack(snapshot), msgspec.msgpack.decode(cursor, type=Cursor)) if packed[:1] == bytes([VERSION]) else None
    except (ResourceNotFoundError, OtherVersion, msgspec.MsgspecError):
        return None


def forget(evidence: Evidence, service: str) -> None:
    """The pass is done, or is to begin anew."""
    with suppress(ResourceNotFoundError):
        evidence.service.get_blob_client(CONTAINER, MAKING + service_key(service)).delete_blob()
