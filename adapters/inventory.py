"""The `endpoints` table: one row an endpoint, with its inventory."""

from collections.abc import Iterable, Iterator

import msgspec

from adapters.tables import Entity, Tables, int64, joined, pieces
from model import Endpoint, moment
from posture.inventory import Inventory

TABLE = "endpoints"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Inventory).decode


def admit(tables: Tables, endpoints: Iterable[Endpoint]) -> None:
    """Rows of endpoints of which nothing is known yet; what is known of them follows."""
    tables.upsert(TABLE, map(_row, endpoints))


def write(tables: Tables, inventories: Iterable[Inventory]) -> None:
    tables.upsert(TABLE, ({**_row(row.endpoint), **_known(row)} for row in inventories))


def read(tables: Tables) -> Iterator[tuple[Endpoint, Inventory | None]]:
    """Every endpoint, and what is known of it."""
    for row in tables.query(TABLE, "PartitionKey eq 'endpoints'"):
        packed = joined(row)
        yield Endpoint(row["service"], row["api"], row["method"], row["template"], row["matched"]), _decode(packed) if packed else None


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
        **pieces(_encode(inventory)),
    }
