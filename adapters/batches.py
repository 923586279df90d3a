"""The batch log: one append-only row for each batch of each hub partition, chained so that every event is counted exactly once.

The row of a batch is keyed by the sequence number that its writer expects next, so of two writers that know the same tail one is refused.
Rows live in the table of the day on which their first new event was enqueued, and are dropped with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from adapters.tables import Exists, Tables, int64, joined, number, pieces

PREFIX = "batches"


@dataclass(frozen=True, slots=True)
class Batch:
    """One row: the events `first`..`last` (sequence numbers, where the hub has them) of a hub partition as a packed tally."""

    partition: str
    first: int
    last: int
    day: date
    packed: bytes
    rejected: int


class Behind(Exception):
    """Another writer has counted the next event: read the tail again."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The last sequence number that was counted (-1: none), and the day whose table holds its row."""

    last: int
    day: date | None


class BatchLog:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def append(self, batch: Batch) -> None:
        """Raises Behind where a row of this key is there, be it a rival's or our own from a write whose answer was lost."""
        entity = {
            "PartitionKey": batch.partition,
            "RowKey": _key(batch.first),
            "last": int64(batch.last),
            "rejected": batch.rejected,
            **pieces(batch.packed),
        }
        try:
            self._tables.insert(table_of(batch.day), entity)
        except Exists:
            raise Behind(batch.partition) from None

    def tail(self, partition: str, known: Tail) -> Tail:
        """The end of the chain, followed from a place on it that the caller knows."""
        for batch in self._follow(partition, known, ["RowKey", "last", "rejected"]):
            known = Tail(batch.last, batch.day)
        return known

    def read(self, partition: str, after: Tail) -> Iterator[Batch]:
        """The batches behind a place on the chain, in order."""
        return self._follow(partition, after, None)

    def partitions(self) -> set[str]:
        """The hub partitions that have rows in the newest two tables."""
        found: set[str] = set()
        for table in self._tables.names(PREFIX)[-2:]:
            above = ""
            while True:  # one look at the first row of each partition
                row = next(self._tables.query(table, "PartitionKey gt @above", select=["PartitionKey"], above=above), None)
                if row is None:
                    break
                above = row["PartitionKey"]
                found.add(above)
        return found

    def _follow(self, partition: str, place: Tail, select: list[str] | None) -> Iterator[Batch]:
        days = [day_of(name) for name in self._tables.names(PREFIX)]
        whole = place.day in days  # else what came next was dropped with its day, and the chain goes on where it can
        for day in days:
            if place.day is not None and day < place.day:
                continue
            where = "PartitionKey eq @partition and RowKey ge @first"
            rows = self._tables.query(table_of(day), where, select=select, partition=partition, first=_key(place.last + 1))
            for entity in rows:
                first = int(entity["RowKey"])
                if first != place.last + 1 and whole:
                    return  # a row written while an earlier table was read: next time
                place, whole = Tail(number(entity["last"]), day), True
                yield Batch(partition, first, place.last, day, joined(entity), number(entity["rejected"]))


def table_of(day: date) -> str:
    return f"{PREFIX}{day:%Y%m%d}"


def day_of(table: str) -> date:
    return datetime.strptime(table.removeprefix(PREFIX), "%Y%m%d").replace(tzinfo=UTC).date()


def _key(sequence: int) -> str:
    return f"{sequence:020d}"
