"""A small Gatewatch on real storage with a clock that the test moves: calls go in, time passes, and everything stored can be read raw."""

import base64
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from azure.data.tables import EntityProperty, TableServiceClient
from azure.storage.blob import BlobServiceClient

from adapters.batches import BatchLog, Tail
from adapters.dsr import Hold, Requests
from adapters.evaluate import Evaluator
from adapters.evidence import Evidence
from adapters.ingest import Event, Ingest
from adapters.progress import CLAIM, read_progress
from adapters.purge import Purge
from adapters.purge_record import Run
from adapters.sources import Sources
from adapters.tables import Tables
from adapters.tombstones import TombstoneStore
from local import traffic
from pipeline.contents import Look
from retention.policy import Promises, promises
from settings import Connection
from tests.pipeline.test_decode import WHOLE

KEY = b"k" * 32
START = datetime(2026, 11, 1, 0, 0, tzinfo=UTC)


@dataclass
class World:
    """One instance of everything; `restart` forgets what it remembers, as a crash does."""

    connection: Connection
    now: datetime = START
    kept: Promises = field(default_factory=promises)
    hold: Hold | None = None
    look: Callable[[bytes], Look] | None = None
    tables: Tables = field(init=False)
    evidence: Evidence = field(init=False)
    sequence: dict[str, int] = field(default_factory=dict)
    requests_made: int = 0
    _waited: timedelta = timedelta()

    def __post_init__(self) -> None:
        self.tables, self.evidence = Tables(self.connection), Evidence(self.connection)
        self.restart()

    def restart(self) -> None:
        log = self.log = BatchLog(self.tables)
        stones = TombstoneStore(self.tables, KEY)

        def progress(partition: str) -> Tail:
            return read_progress(self.tables).tails.get(partition, Tail(-1, None))

        self.ingest = Ingest(log, self.evidence, KEY, timedelta(hours=240), progress, stones, self.kept, self.look)
        self._waited += CLAIM  # what a dead instance had claimed is free
        self.evaluator = Evaluator(Sources(self.tables, log, KEY, 60, stones, self.kept, clock=lambda: self.now + self._waited))
        self.purge = Purge(self.tables, log, self.evidence, KEY, self.kept)
        self.requests = Requests(self.tables, log, self.evidence, KEY, self.kept, self.hold)

    def event(self, body: bytes, enqueued: datetime | None = None, partition: str = "0") -> Event:
        number = self.sequence.get(partition, -1) + 1
        self.sequence[partition] = number
        return Event(number, enqueued or self.now, body)

    def call(self, ip: str, **changed: Any) -> bytes:
        self.requests_made += 1
        own = {"requestId": str(self.requests_made), "time": self.now.isoformat(), "clientIp": ip}
        return traffic.encode(
            {name: value for name, value in (WHOLE | own | changed).items() if name not in ("forwardedFor", "identity") or name in changed}
        )

    def play(self, bodies: Iterable[bytes], partition: str = "0") -> None:
        self.ingest.batch(partition, [self.event(body, partition=partition) for body in bodies], self.now)

    def evaluate(self) -> None:
        self.evaluator.tick(self.now, datetime.now(UTC) + timedelta(minutes=5))

    def run_purge(self) -> Run:
        return self.purge.run(self.now, jobs=lambda: self.requests.resume(self.now))

    def empty(self) -> None:
        """Begin anew, at the same time."""
        empty(self.connection)
        self.restart()


# everything stored, with the SDKs alone


def empty(connection: Connection) -> None:
    assert connection.connection_string
    with TableServiceClient.from_connection_string(connection.connection_string) as service:
        for table in list(service.list_tables()):
            service.delete_table(table.name)
    with BlobServiceClient.from_connection_string(connection.connection_string) as blobs:
        for container in list(blobs.list_containers()):
            blobs.delete_container(container)


def dump(connection_string: str, tables: Iterable[str] | None = None) -> Iterator[tuple[str, bytes]]:
    """(where, bytes) of every key, property and blob, packed ones also unpacked."""
    with TableServiceClient.from_connection_string(connection_string) as service:
        for table in sorted(item.name for item in service.list_tables()):
            yield "table name", table.encode()
            if tables is not None and not any(table.startswith(prefix) for prefix in tables):
                continue
            for entity in service.get_table_client(table).list_entities(results_per_page=1000):
                where = f"{table}/{entity['PartitionKey']}/{entity['RowKey']}"
                packed: dict[int, bytes] = {}
                for name, value in entity.items():
                    raw = value.value if isinstance(value, EntityProperty) else value
                    if isinstance(raw, bytes):
                        if re.fullmatch(r"d\d+", name):
                            packed[int(name[1:])] = raw
                        yield f"{where}.{name}", raw
                    else:
                        yield f"{where}.{name}", str(raw).encode("utf-8", "surrogatepass")
                if packed:
                    joined = b"".join(packed[at] for at in sorted(packed))
                    yield f"{where} packed", joined
                    try:
                        yield f"{where} inflated", zlib.decompress(joined)
                    except zlib.error:
                        continue
    with BlobServiceClient.from_connection_string(connection_string) as blobs:
        for container in blobs.list_containers(include_deleted=False):
            client = blobs.get_container_client(container.name)
            for blob in client.list_blobs(include=["snapshots", "deleted", "versions", "metadata"]):
                where = f"{container.name}/{blob.name}"
                yield f"{where} name", where.encode()
                yield f"{where} metadata", json.dumps(blob.metadata or {}).encode()
                content = client.download_blob(blob.name).readall()
                yield where, content
                for number, prefix in enumerate(re.findall(rb'"prefix": "([^"]*)"', content)):
                    yield f"{where} message {number}", base64.b64decode(prefix)


def spelled(text: str) -> list[bytes]:
    """A text or an address in every spelling that must not be found."""
    forms = {text}
    try:
        address = ip_address(text)
    except ValueError:
        pass
    else:
        forms |= {address.exploded, str(address), address.exploded.upper(), str(address).upper()}
        if address.version == 4:
            forms |= {f"::ffff:{address}", f"::ffff:{int(address) >> 16:x}:{int(address) & 0xFFFF:x}"}
    found = set()
    for form in forms:
        raw = form.encode()
        found.add(raw)
        found.add(form.encode("utf-16-le"))
        found.add(form.replace(":", "%3A").encode())
    return sorted(found)


_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{12,}")


def _decoded(content: bytes) -> Iterator[bytes]:
    """Whatever is base64 in it, wherever that begins."""
    for run in _BASE64.findall(content):
        plain = run.replace(b"-", b"+").replace(b"_", b"/")
        for start in range(4):
            part = plain[start:]
            yield base64.b64decode(part[: len(part) // 4 * 4])


def where_found(dumped: Iterable[tuple[str, bytes]], texts: Iterable[str]) -> list[tuple[str, str]]:
    """(text, place) wherever one is found, also in what is base64. No text may be the beginning of another."""
    by_form = {form: text for text in texts for form in spelled(text)}
    if not by_form:
        return []
    any_of = re.compile(b"|".join(map(re.escape, by_form)))
    return [
        (by_form[found[0]], where)
        for where, content in dumped
        for variant in (content, *_decoded(content))
        for found in any_of.finditer(variant)
    ]
