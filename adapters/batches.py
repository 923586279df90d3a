"""The batch log: one append-only row for each batch of each hub partition, chained so that every event is counted exactly once.

The row of a batch is keyed by the sequence number that its writer expects next, so of two writers that know the same tail one is refused.
Rows live in the table of the day on which their first new event was enqueued, and are dropped with it. Before that its chains are sealed: a row
that holds nothing (`last` is `first` - 1) takes the next key, so that of the writers that come too late each is refused, and goes on in a later table.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from adapters.tables import Entity, Exists, Tables, int64, joined, number, pieces
from model import Minute
from windows.tally import Tally, pack

PREFIX = "batches"
EMPTY = pack(Tally())
LAST_MINUTE = (1 << 31) - 1
"""Of the year 6053: the largest that a number of a row holds."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One row: the events `first`..`last` (sequence numbers, where the hub has them) of a hub partition as a packed tally."""

    partition: str
    first: int
    last: int
    day: date
    packed: bytes
    rejected: int
    actors: bytes = b""
    """Fingerprints of whom it counts, for a search that cannot read every row."""
    newest: Minute = -1
    """The minute of its newest call, -1 where there is none."""
    enqueued: datetime | None = None
    """When the hub got its last event."""
    written: datetime | None = None
    missing: int = 0
    """Events between the batch before and its last one that never came: the hub had dropped them."""
    late: bool = False
    """The day's table must not be made any more: it was dropped, or soon will be."""


class Behind(Exception):
    """Another writer has counted the next event: read the tail again."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The last sequence number that was counted (-1: none), and the day whose table holds its row; the next day once that is sealed."""

    last: int
    day: date | None


class BatchLog:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def append(self, batch: Batch) -> None:
        """Raises Behind where a row of this key is there, be it a rival's or our own from a write whose answer was lost; Missing where the batch is late
        and the day's table is not there."""
        entity = {
            "PartitionKey": batch.partition,
            "RowKey": _key(batch.first),
            "last": int64(batch.last),
            "rejected": batch.rejected,
            "actors": batch.actors,
            "newest": batch.newest,
            "missing": int64(batch.missing),
            **({"enqueued": batch.enqueued} if batch.enqueued else {}),
            **({"written": batch.written} if batch.written else {}),
            **pieces(batch.packed),
        }
        try:
            self._tables.insert(table_of(batch.day), entity, create=not batch.late)
        except Exists:
            raise Behind(batch.partition) from None

    def tail(self, partition: str, known: Tail) -> Tail:
        """The end of the chain, followed from a place on it that the caller knows."""
        last = self.last(partition, known)
        return Tail(last.last, last.day) if last else known

    def last(self, partition: str, known: Tail) -> Batch | None:
        """The last batch behind a place on the chain, without its counts; None where there is none."""
        last = None
        for batch in self._follow(partition, known, ["RowKey", "last", "rejected", "enqueued", "written"]):
            last = batch
        return last

    def seal(self, day: date) -> int:
        """End every chain in a day's table; the number of those that a writer might still have continued there."""
        sealed = 0
        for partition, first in self._first_rows(table_of(day)):
            tail = self.tail(partition, Tail(first - 1, day))
            while tail.day == day:
                try:
                    self.append(Batch(partition, tail.last + 1, tail.last, day, EMPTY, 0, late=True))
                    sealed += 1
                except Behind:
                    pass
                tail = self.tail(partition, tail)
        return sealed

    def read(self, partition: str, after: Tail) -> Iterator[Batch]:
        """The batches behind a place on the chain, in order."""
        return self._follow(partition, after, None)

    def grown(self, after: Mapping[str, Tail]) -> Iterator[tuple[str, Iterator[Batch]]]:
        """Every hub partition that has rows in the newest two tables, with its batches behind a place on its chain. The tables are listed once for all."""
        days = self._days()
        for partition in sorted(self._partitions(days)):
            yield partition, self._follow(partition, after.get(partition, Tail(-1, None)), None, days)

    def recall(self, partition: str, until: Tail, oldest: Minute, newest: Minute | None = None) -> Iterator[Batch]:
        """The batches of a chain up to a place on it whose newest call is of the minute `oldest` or later, and before `newest`; in order. What lies between
        is not read."""
        where = "PartitionKey eq @partition and RowKey le @last and newest ge @oldest and newest lt @newest"
        before = newest if newest is not None else LAST_MINUTE
        for day in self._days():
            rows = self._tables.query(table_of(day), where, partition=partition, last=_key(until.last), oldest=oldest, newest=before)
            for entity in rows:
                yield _batch(partition, entity, day)

    def partitions(self) -> set[str]:
        """The hub partitions that have rows in the newest two tables."""
        return self._partitions(self._days())

    def _partitions(self, days: Sequence[date]) -> set[str]:
        return {partition for day in days[-2:] for partition in self.partitions_in(table_of(day))}

    def partitions_in(self, table: str) -> list[str]:
        return [partition for partition, _ in self._first_rows(table)]

    def _first_rows(self, table: str) -> Iterator[tuple[str, int]]:
        """Partition and first sequence number: one look each."""
        above = ""
        while row := next(self._tables.query(table, "PartitionKey gt @above", select=["PartitionKey", "RowKey"], above=above), None):
            above = row["PartitionKey"]
            yield above, int(row["RowKey"])

    def _days(self) -> list[date]:
        """The days that have a table, oldest first."""
        return [day_of(name) for name in self._tables.names(PREFIX)]

    def _follow(self, partition: str, place: Tail, select: list[str] | None, days: Sequence[date] | None = None) -> Iterator[Batch]:
        days = self._days() if days is None else days
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
                last = number(entity["last"])
                place, whole = Tail(last, day if last >= first else day + timedelta(days=1)), True
                yield _batch(partition, entity, place.day or day)


def _batch(partition: str, entity: Entity, day: date) -> Batch:
    newest = number(entity.get("newest", -1))
    return Batch(
        partition,
        int(entity["RowKey"]),
        number(entity["last"]),
        day,
        joined(entity),
        number(entity["rejected"]),
        newest=newest,
        enqueued=entity.get("enqueued"),
        written=entity.get("written"),
        missing=number(entity.get("missing", 0)),
    )


def table_of(day: date) -> str:
    return f"{PREFIX}{day:%Y%m%d}"


def day_of(table: str) -> date:
    return datetime.strptime(table.removeprefix(PREFIX), "%Y%m%d").replace(tzinfo=UTC).date()


def _key(sequence: int) -> str:
    return f"{sequence:020d}"
