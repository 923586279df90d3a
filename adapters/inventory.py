"""The `endpoints` table: one row an endpoint, with its inventory; and one a gateway, with the hours in which events came."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

import msgspec
from azure.data.tables import UpdateMode

from adapters.tables import Changed, Entity, Tables, int64, joined, pieces
from model import Endpoint, Minute, moment
from pipeline.kept_texts import evidence
from posture.inventory import Inventory
from posture.inventory_coverage import Coverage
from posture.inventory_names import with_kept_names
from posture.inventory_shape import Shape

TABLE = "endpoints"
COVERAGE = "coverage"
LEARNED = "learned"
FACTS = ["RowKey", "Timestamp", "service", "api", "method", "template", "matched", *(f"d{number}" for number in range(4))]
"""What a list needs of a row: all but its shape, which is the larger part."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Inventory).decode
_decode_shape = msgspec.msgpack.Decoder(Shape).decode
_decode_coverage = msgspec.msgpack.Decoder(Coverage).decode


class Packed(NamedTuple):
    """An endpoint and its inventory without the shape, as stored; b"" where nothing is known yet."""

    endpoint: Endpoint
    facts: bytes

    def inventory(self) -> Inventory | None:
        return _decode(self.facts) if self.facts else None


def admit(tables: Tables, endpoints: Iterable[Endpoint]) -> None:
    """Rows of endpoints of which nothing is known yet; what is known of them follows. What is known of one already stays."""
    tables.upsert(TABLE, map(_row, endpoints), UpdateMode.MERGE)


def learn(tables: Tables, learned: Mapping[Endpoint, Minute]) -> None:
    """Rows, one for each learned endpoint, that say from which minute on calls belong to it. They are never changed: by them every call has its place."""
    tables.upsert(TABLE, ({**_row(endpoint), "PartitionKey": LEARNED, "since": since} for endpoint, since in learned.items()))


def learned(tables: Tables) -> dict[Endpoint, Minute]:
    """The learned endpoints, each with the minute from which on calls belong to it; 0 for what an earlier version kept."""
    where = "PartitionKey eq 'endpoints' and matched eq false"
    earlier = {_endpoint(row): 0 for row in tables.query(TABLE, where, select=FACTS[2:7])}
    return earlier | {_endpoint(row): row["since"] for row in tables.query(TABLE, "PartitionKey eq @learned", learned=LEARNED)}


def write(tables: Tables, inventories: Iterable[Inventory]) -> None:
    tables.upsert(TABLE, ({**_row(row.endpoint), **_known(row)} for row in inventories))


def write_coverage(tables: Tables, coverages: Iterable[Coverage]) -> None:
    tables.upsert(TABLE, ({"PartitionKey": COVERAGE, "RowKey": _digest(one.service), **pieces(_encode(one))} for one in coverages))


def read(tables: Tables) -> Iterator[tuple[Endpoint, Inventory | None]]:
    """Every endpoint, and what is known of it."""
    for row in tables.query(TABLE, "PartitionKey eq 'endpoints'"):
        yield _endpoint(row), _whole(row)


def of_api(tables: Tables, service: str, api: str) -> Iterator[tuple[Endpoint, Inventory | None]]:
    """The endpoints of one API, as traffic names it."""
    where = "PartitionKey eq 'endpoints' and service eq @service and api eq @api"
    for row in tables.query(TABLE, where, service=service, api=api):
        yield _endpoint(row), _whole(row)


def one(tables: Tables, id: str) -> tuple[Endpoint, Inventory | None] | None:
    """By `Endpoint.id`."""
    row = tables.get(TABLE, "endpoints", id)
    return (_endpoint(row), _whole(row)) if row else None


def packed(tables: Tables, since: datetime | None = None) -> Iterator[tuple[Packed, datetime]]:
    """Every endpoint without its shape, or those that were written since a time of the storage's clock; each with when it was written."""
    if since is None:
        rows = tables.query(TABLE, "PartitionKey eq 'endpoints'", select=FACTS)
    else:
        rows = tables.query(TABLE, "PartitionKey eq 'endpoints' and Timestamp ge @since", select=FACTS, since=since)
    for row in rows:
        yield Packed(_endpoint(row), joined(row)), row.metadata["timestamp"]  # type: ignore[attr-defined]


def mend(tables: Tables, go_on: Callable[[], None]) -> int:
    """Rewrite the rows that hold names which an earlier version kept; how many there were."""
    mended = 0
    for row in tables.rows(TABLE, "PartitionKey eq 'endpoints'"):
        go_on()
        known, stored = _whole(row), _stored(row)
        if known is not None and known != stored:
            with suppress(Changed):  # the evaluation wrote it meanwhile, by the names of today
                tables.replace(TABLE, {**_row(known.endpoint), **_known(known)}, row["etag"])
            mended += 1
    return mended


def coverages(tables: Tables) -> dict[str, Coverage]:
    """By service."""
    found = (_decode_coverage(joined(row)) for row in tables.query(TABLE, "PartitionKey eq @coverage", coverage=COVERAGE))
    return {one.service: one for one in found}


def _endpoint(row: Entity) -> Endpoint:
    return Endpoint(row["service"], row["api"], row["method"], row["template"], row["matched"])


def _whole(row: Entity) -> Inventory | None:
    known = _stored(row)
    return with_kept_names(known, _evidence) if known is not None else None


def _evidence(shown: str) -> str:
    return evidence(shown.split("+"))


def _stored(row: Entity) -> Inventory | None:
    facts, shape = joined(row), joined(row, "s")
    if not facts:
        return None
    known = _decode(facts)
    known.shape = _decode_shape(shape) if shape else None
    return known


def _row(endpoint: Endpoint) -> Entity:
    return {
        "PartitionKey": "endpoints",
        "RowKey": endpoint.id,
        "service": endpoint.service,
        "api": endpoint.api,
        "method": endpoint.method,
        "template": endpoint.template,
        "matched": endpoint.matched,
    }


def _known(inventory: Inventory) -> Entity:
    return {
        "firstSeen": moment(inventory.first),
        "lastSeen": moment(inventory.last),
        "calls": int64(inventory.calls),
        "sensitive": ", ".join(inventory.context().sensitive)[:8192],
        **pieces(_encode(msgspec.structs.replace(inventory, shape=None))),
        **(pieces(_encode(inventory.shape), "s") if inventory.shape is not None else {}),
    }


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
