"""What is declared of all gateways, as one process remembers it: snapshots of their configuration, uploaded OpenAPI documents, and the ledger of what was declared once.

An OpenAPI document is uploaded as the blob `openapi/SERVICE/API.json` or `.yaml` of the container `configuration`.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec
from azure.core.exceptions import ResourceNotFoundError

from adapters.evidence import Evidence
from adapters.reload import Reloaded
from adapters.tables import Tables, joined, pieces
from model import Minute, minute_of
from posture.inventory_arm import declared as declared_by
from posture.inventory_declared import Declared, Estate
from posture.inventory_ledger import Ledger, updated
from posture.openapi_read import NotOpenApi
from posture.openapi_read import declared as declared_in
from posture.snapshot import Snapshot

log = logging.getLogger("gatewatch.estate")

FRESH = timedelta(seconds=15)
"""Then it is asked whether anything is newer: two listings, and the ledger."""
CONTAINER, FOLDER = "configuration", "openapi/"
LARGEST_DOCUMENT = 8 << 20
"""Bytes."""
LEDGER = "declared"
"""Partition of the table `endpoints`: one row an API."""

_decode = msgspec.msgpack.Decoder(Ledger).decode


class EstateSource:
    """Reads again after a while, beside whoever asks, and goes on with what it had while nothing can be read."""

    def __init__(
        self, tables: Tables, evidence: Evidence, snapshots: Callable[[], Iterable[Snapshot]], stamp: Callable[[], object] | None = None
    ) -> None:
        """`stamp`: tells two states of the snapshots apart without reading them."""
        self._tables, self._evidence, self._snapshots = tables, evidence, snapshots
        self._stamp = stamp or (lambda: [(one.id, one.name, one.taken, one.complete) for one in snapshots()])
        self._reloaded = Reloaded("the gateways' description", self._read, FRESH, Estate(), longest=20.0)
        self._version: object = None
        self._estate = Estate()
        self.problems: tuple[str, ...] = ()
        """Of uploaded documents: which cannot be read, and why."""

    def at(self, now: datetime) -> Estate:
        """The same object until something has changed."""
        return self._reloaded.at(now)

    def snapshots(self) -> list[Snapshot]:
        return list(self._snapshots())

    def _read(self) -> Estate:
        ledgers, uploaded = list(read_ledgers(self._tables)), sorted(self._uploaded())
        version = self._stamp(), uploaded, [(one.service, one.api, one.taken) for one in ledgers]
        if version == self._version:
            return self._estate
        former = {key: minute for ledger in ledgers for key, minute in ledger.gone().items()}
        self._estate = estate_of(self.snapshots(), self._parsed(self._documents(uploaded)), former)
        self._version = version
        return self._estate

    def _uploaded(self) -> Iterator[tuple[str, datetime, str]]:
        """Name, time and etag of each uploaded document."""
        with suppress(ResourceNotFoundError):
            for blob in self._evidence.service.get_container_client(CONTAINER).list_blobs(name_starts_with=FOLDER):
                if blob.size <= LARGEST_DOCUMENT:
                    yield str(blob.name), blob.last_modified, str(blob.etag)

    def _documents(self, uploaded: Iterable[tuple[str, datetime, str]]) -> Iterator[tuple[str, datetime, bytes]]:
        for name, modified, _ in uploaded:
            yield name, modified, self._evidence.get(CONTAINER, name)

    def _parsed(self, documents: Iterable[tuple[str, datetime, bytes]]) -> list[tuple[Minute, list[Declared]]]:
        found, problems = [], []
        for name, modified, content in documents:
            service, _, rest = name.removeprefix(FOLDER).partition("/")
            api = rest.rpartition(".")[0]
            try:
                found.append((minute_of(modified), list(declared_in(parsed(content, name), service, api))))
            except (NotOpenApi, ValueError) as error:
                problems.append(f"{name}: {error}")
                log.warning("an uploaded description is not used: %s", problems[-1])
        self.problems = tuple(problems)
        return found


def parsed(content: bytes, name: str) -> Any:
    """A document of JSON or, by the end of its name, YAML. Raises ValueError in one sentence."""
    if name.casefold().endswith((".yaml", ".yml")):
        import yaml

        try:
            return yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            raise ValueError(f"not YAML{f', in line {mark.line + 1}' if mark else ''}") from None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None


def estate_of(snapshots: Iterable[Snapshot], documents: Iterable[tuple[Minute, list[Declared]]], former: Any = None) -> Estate:
    """`documents`: the minute at which each was uploaded, and what it declares. What several say of one operation, the uploaded one says."""
    operations: list[Declared] = []
    taken: dict[str, Minute] = {}
    for minute, declared in documents:
        operations += declared
        taken |= {one.service: max(minute, taken.get(one.service, 0)) for one in declared}
    sampling = {}
    for snapshot in snapshots:
        operations += declared_by(snapshot)
        taken[snapshot.name] = snapshot.taken
        if snapshot.sampling is not None:
            sampling[snapshot.name] = snapshot.sampling
    return Estate(operations, taken, sampling, former)


def read_ledgers(tables: Tables) -> Iterator[Ledger]:
    for row in tables.query("endpoints", "PartitionKey eq @partition", partition=LEDGER):
        yield _decode(joined(row))


def remember(tables: Tables, snapshots: Iterable[Snapshot]) -> None:
    """Enter what snapshots declare into the ledger. Only whole ones: what could not be read is not gone."""
    known = {(one.service, one.api): one for one in read_ledgers(tables)}
    changed: dict[tuple[str, str], Ledger] = {}
    for snapshot in snapshots:
        if not snapshot.complete or "apis" in snapshot.gaps:
            continue
        by_api: dict[str, list[Declared]] = {api.base_id: [] for api in snapshot.apis.values()}
        for one in declared_by(snapshot):
            if one.is_current:
                by_api[one.api].append(one)
        unread = {api.base_id for path, api in snapshot.apis.items() if path in snapshot.gaps or "operations" in snapshot.gaps}
        for api in {*by_api, *(api for service, api in known if service == snapshot.name)} - unread:
            before = known.get((snapshot.name, api))
            after = updated(before, snapshot.name, api, by_api.get(api, ()), snapshot.taken)
            if after is not before:
                changed[snapshot.name, api] = after
    tables.upsert(
        "endpoints",
        (
            {"PartitionKey": LEDGER, "RowKey": _digest(one.service, one.api), **pieces(msgspec.msgpack.encode(one))}
            for one in changed.values()
        ),
    )


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
