"""The `countries` table: one row a service and day, what came from which country."""

import zlib
from collections.abc import Iterable, Iterator
from datetime import date

import msgspec

from adapters.tables import Entity, Tables, int64, joined, pieces
from model import moment
from windows.countries import MINUTES_PER_DAY, CountryDay, Key, merge, stripped
from windows.tally import Tally

TABLE = "countries"
KEPT = 8
"""Days that an instance remembers beside the tables: late calls are of yesterday, seldom older."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(CountryDay).decode


class CountryDays:
    """Adds tallies to their days. Overwrites whole rows, which say what they contain: a repeat is harmless."""

    def __init__(self, tables: Tables, key: bytes) -> None:
        self._tables, self._key = tables, key
        self._known: dict[Key, CountryDay] = {}

    def add(self, tallies: Iterable[tuple[str, int, Tally]]) -> None:
        changed = merge(self._find, tallies, self._key)
        self._tables.upsert(TABLE, map(_row, changed.values()))
        self._known.update(changed)
        for old in sorted(self._known, key=lambda place: place[1])[:-KEPT]:
            del self._known[old]

    def _find(self, place: Key) -> CountryDay | None:
        known = self._known.get(place)
        if known is None:
            row = self._tables.get(TABLE, _partition(place[0]), _day(place[1]))
            known = _of(row) if row else None
        return known


def read(tables: Tables, first: date, last: date, service: str = "") -> Iterator[CountryDay]:
    """The days from `first` to `last`, both included, of one service or of all."""
    span = f"{first:%Y%m%d}", f"{last:%Y%m%d}"
    if service:
        where = "PartitionKey eq @service and RowKey ge @first and RowKey le @last"
        yield from map(_of, tables.query(TABLE, where, service=_partition(service), first=span[0], last=span[1]))
    else:
        yield from map(_of, tables.query(TABLE, "RowKey ge @first and RowKey le @last", first=span[0], last=span[1]))


def strip(tables: Tables, before: date) -> int:
    """Put numbers in the place of the sketches of older days; how many rows."""
    where = "RowKey lt @before and not (stripped eq true)"
    rows = [_of(row) for row in tables.query(TABLE, where, before=f"{before:%Y%m%d}")]
    tables.upsert(TABLE, ({**_row(stripped(day)), "stripped": True} for day in rows))
    return len(rows)


def delete(tables: Tables, before: date) -> int:
    """Rows of older days; how many."""
    rows = [
        (row["PartitionKey"], row["RowKey"])
        for row in tables.query(TABLE, "RowKey lt @before", select=["PartitionKey", "RowKey"], before=f"{before:%Y%m%d}")
    ]
    for partition, row in rows:
        tables.delete(TABLE, [(partition, row)])
    return len(rows)


def _row(day: CountryDay) -> Entity:
    return {
        "PartitionKey": _partition(day.service),
        "RowKey": _day(day.day),
        "calls": int64(sum(count.calls for count in day.countries.values())),
        **pieces(zlib.compress(_encode(day), 1)),
    }


def _of(row: Entity) -> CountryDay:
    return _decode(zlib.decompress(joined(row)))


def _partition(service: str) -> str:
    """A name as a key may have it."""
    return service.encode().hex() or "-"


def _day(day: int) -> str:
    return f"{moment(day * MINUTES_PER_DAY):%Y%m%d}"
