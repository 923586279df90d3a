"""Counts compared: what the batches of a day say was called, and what windows, ledger, inventory and usage make of it. Nothing may differ.

The batches are counted as they come, a while every hour and each once: a day takes as many runs as it needs. Its first calls are counted before the table of the
day before is dropped, which has them where a batch spans midnight.
"""

import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import msgspec

from adapters import inventory, ledger, tombstones, windows
from adapters.baseline import EPOCH, summaries
from adapters.batches import Batch, BatchLog, Tail
from adapters.progress import Progress, read_progress
from adapters.tables import Entity, Tables, joined, pieces
from model import NOBODY, Endpoint, is_service_endpoint, moment
from pipeline.placing import placed
from pipeline.templates import Templates
from windows.baseline import MINUTES_PER_DAY
from windows.live import ACTORS
from windows.tally import unpack

TABLE, PARTITION, RESULT = "progress", "reconciliation", "reconciliation"
COUNTED = "counted-"
"""Begins the keys of the rows that hold what is counted, some for each partition of the hub."""
PER_ROW = 8_000
"""Endpoints in one of these rows."""
SAVED_EVERY = 1_000
"""Batches after which what is counted is stored."""
LEARNED_BY = timedelta(hours=2)
"""After a day's end; it is compared after that, for usage is what `baseline` learned of it."""
LATEST = timedelta(hours=22)
"""After a day's end: when it is not compared by then, health says so."""
NAMED = 5
"""Endpoints that a sentence names."""
TRIES = 3
START = Tail(-1, None)


class _Day(msgspec.Struct):
    """What the batches of one partition say of one day of event time. `addressed`: calls of known addresses."""

    calls: dict[Endpoint, int]
    addressed: int = 0


@dataclass(slots=True)
class _Counted:
    """How far the batches of one partition are counted."""

    tail: Tail = START
    days: dict[int, _Day] = field(default_factory=dict)
    """By days since EPOCH."""
    incomplete: int = -1
    """Up to this day some batches were gone before they were counted."""
    wrong: list[str] = field(default_factory=list)
    """Batches that do not hold what their events are."""
    is_stored: bool = True


@dataclass(slots=True)
class _Sum:
    """What the batches of all partitions say of one day."""

    calls: Counter[Endpoint] = field(default_factory=Counter)
    """Of every batch that was evaluated."""
    stocked: Counter[Endpoint] = field(default_factory=Counter)
    """Of every batch that is in the inventory's rows."""
    addressed: int = 0


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is stored of the last run. `behind`: events that are evaluated and not counted yet; `missed`: days that could not be compared."""

    next: str
    behind: int = 0
    day: str = ""
    differences: list[str] = []
    missed: list[str] = []


def run(tables: Tables, batches: BatchLog, now: datetime, until: Callable[[], bool] = lambda: False) -> list[str] | None:
    """Count what was evaluated since the last run, then compare the next day that has come to its end, and keep what differs, a sentence each. None where no day
    could be compared, or the time did not suffice: the next run goes on."""
    progress = read_progress(tables)
    if progress.closed_until is None:
        return None
    last = moment(progress.closed_until).date() - timedelta(days=1)
    before = result(tables)
    day = date.fromisoformat(before.next) if before else last
    counting = _Counting(tables, batches, _number(day), Templates(inventory.learned(tables)))
    try:
        is_all = counting.go_on(progress, until)
    finally:
        counting.save()
    before = before or Result(day.isoformat())
    after = msgspec.structs.replace(before, behind=counting.behind(progress))
    differences = None
    if is_all and day <= last and now >= _end(day) + LEARNED_BY:
        if counting.is_complete(_number(day)):
            differences = _compare(tables, counting, progress, day, until)
        if differences is not None:
            after = Result((day + timedelta(days=1)).isoformat(), after.behind, day.isoformat(), differences[:50], after.missed)
        elif not counting.is_complete(_number(day)):
            after = msgspec.structs.replace(after, next=(day + timedelta(days=1)).isoformat(), missed=[*after.missed[-9:], day.isoformat()])
    row = {"PartitionKey": PARTITION, "RowKey": RESULT, "made": now, "result": msgspec.json.encode(after).decode()}
    tables.upsert(TABLE, [row])
    return differences


def result(tables: Tables) -> Result | None:
    row = tables.get(TABLE, PARTITION, RESULT)
    if row is None:
        return None
    if "result" not in row:  # of an earlier version
        following = date.fromisoformat(row["day"]) + timedelta(days=1)
        return Result(following.isoformat(), 0, row["day"], json.loads(row["differences"]))
    return msgspec.json.decode(row["result"], type=Result)


def notices(found: Result | None, now: datetime) -> list[str]:
    """What is to be said of a comparison that does not keep up."""
    if found is None:
        return []
    said = [
        f"counts of {day} could not be compared: some of its batches were removed before they were counted"
        for day in found.missed
        if now < _end(date.fromisoformat(day)) + timedelta(days=3)
    ]
    if now >= _end(date.fromisoformat(found.next)) + LATEST:
        said.append(f"counts of {found.next} are not compared yet: {found.behind} events that were evaluated are still to be counted")
    return said


class _Counting:
    """What the batches say, from the day on that is to be compared next."""

    def __init__(self, tables: Tables, batches: BatchLog, first: int, templates: Templates) -> None:
        self._tables, self._batches, self._first, self._templates = tables, batches, first, templates
        self._of = _stored(tables, first)

    def go_on(self, progress: Progress, until: Callable[[], bool]) -> bool:
        """Count every batch that is in the inventory's rows; whether the time sufficed."""
        for partition in sorted(progress.stocked):
            counted = self._of.setdefault(partition, _Counted())
            for number, batch in enumerate(self._between(partition, counted.tail, progress.stocked[partition]), 1):
                if until():
                    return False
                self._count(counted, batch)
                if number % SAVED_EVERY == 0:
                    self.save()
        return True

    def sum(self, progress: Progress, day: int, until: Callable[[], bool]) -> _Sum | None:
        """All that was evaluated; what is not in the inventory's rows yet is counted again when it is."""
        found = _Sum()
        for partition, tail in sorted(progress.tails.items()):
            counted = self._of.get(partition, _Counted())
            stocked = progress.stocked.get(partition, START).last
            late = {True: _Counted(), False: _Counted()}
            for batch in self._between(partition, counted.tail, tail):
                if until():
                    return None
                self._count(late[batch.last <= stocked], batch)
            for one, is_stocked in ((counted, True), (late[True], True), (late[False], False)):
                of_day = one.days.get(day)
                if of_day is not None:
                    found.calls.update(of_day.calls)
                    found.addressed += of_day.addressed
                    if is_stocked:
                        found.stocked.update(of_day.calls)
        return found

    def wrong(self) -> list[str]:
        """Batches that do not hold what their events are; each is told once."""
        told = [sentence for counted in self._of.values() for sentence in counted.wrong]
        for counted in self._of.values():
            if counted.wrong:
                counted.wrong, counted.is_stored = [], False
        return told

    def is_complete(self, day: int) -> bool:
        return all(counted.incomplete < day for counted in self._of.values())

    def behind(self, progress: Progress) -> int:
        return sum(max(0, tail.last - self._of.get(partition, _Counted()).tail.last) for partition, tail in progress.tails.items())

    def save(self) -> None:
        for partition, counted in self._of.items():
            if not counted.is_stored:
                self._tables.upsert(TABLE, _rows(partition, counted))
                counted.is_stored = True

    def _between(self, partition: str, after: Tail, last: Tail) -> Iterator[Batch]:
        for batch in self._batches.read(partition, after):
            if batch.last > last.last:
                return
            yield batch

    def _count(self, counted: _Counted, batch: Batch) -> None:
        after, counted.tail, counted.is_stored = counted.tail, Tail(batch.last, batch.day), False
        if batch.first != after.last + 1:
            counted.incomplete = max(counted.incomplete, _number(batch.day))
        if batch.last < batch.first:
            return  # the seal of a day's table
        tally = placed(unpack(batch.packed), self._templates).tally
        events = batch.last - batch.first + 1 - batch.missing
        if tally.calls + batch.rejected != events and batch.first:  # the first batch of a chain begins wherever the hub did
            counted.wrong.append(
                f"partition {batch.partition}: the batch of {batch.first} to {batch.last} holds {tally.calls} calls and {batch.rejected} rejected of {events} events"
            )
        calls: Counter[tuple[int, int]] = Counter()
        addressed: Counter[int] = Counter()
        nobody = {number for number, ip in enumerate(tally.ips) if ip in NOBODY}
        for minute, endpoint, ip, _, n, *_ in tally.rows("calls"):
            number = minute // MINUTES_PER_DAY
            calls[number, endpoint] += n
            if ip not in nobody:
                addressed[number] += n
        for (number, endpoint), n in calls.items():
            if number >= self._first:
                day = counted.days.setdefault(number, _Day({}))
                place = tally.endpoints[endpoint]
                day.calls[place] = day.calls.get(place, 0) + n
        for number, n in addressed.items():
            if number >= self._first:
                counted.days[number].addressed += n


_Part = tuple[int, int, list[tuple[Endpoint, int]]]
"""A day's number, its calls of known addresses (in its first part alone), and some of its endpoints."""


def _rows(partition: str, counted: _Counted) -> list[Entity]:
    """What is counted of a partition, as it is stored: in one transaction, so that place and counts are of one moment."""
    parts: list[_Part] = []
    for number, day in sorted(counted.days.items()):
        endpoints = sorted(day.calls.items())
        parts += [(number, 0 if at else day.addressed, endpoints[at : at + PER_ROW]) for at in range(0, len(endpoints), PER_ROW)]
    rows = [
        {"PartitionKey": PARTITION, "RowKey": f"{COUNTED}{partition}-{at:03}", **pieces(zlib.compress(msgspec.msgpack.encode(part)))}
        for at, part in enumerate(parts, 1)
    ]
    place = {"last": str(counted.tail.last), "day": str(counted.tail.day or ""), "incomplete": counted.incomplete, "parts": len(parts)}
    first = {"PartitionKey": PARTITION, "RowKey": f"{COUNTED}{partition}-000", "wrong": json.dumps(counted.wrong[:NAMED])}
    return [first | place, *rows]


def _stored(tables: Tables, first: int) -> dict[str, _Counted]:
    """What was counted until now, of this day and later ones."""
    found: dict[str, _Counted] = {}
    left = 0
    where = "PartitionKey eq @partition and RowKey ge @first and RowKey lt @end"
    for row in tables.query(TABLE, where, partition=PARTITION, first=COUNTED, end=COUNTED + "~"):
        partition, _, at = row["RowKey"].removeprefix(COUNTED).rpartition("-")
        if at == "000":
            day = date.fromisoformat(row["day"]) if row["day"] else None
            found[partition] = _Counted(Tail(int(row["last"]), day), {}, row["incomplete"], json.loads(row["wrong"]))
            left = row["parts"]
        elif int(at) <= left:
            number, addressed, calls = msgspec.msgpack.decode(zlib.decompress(joined(row)), type=_Part)
            if number >= first:
                day_ = found[partition].days.setdefault(number, _Day({}))
                day_.calls.update(calls)
                day_.addressed += addressed
    return found


def _number(day: date) -> int:
    return (day - EPOCH).days


def _end(day: date) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(days=1)


def _compare(tables: Tables, counting: _Counting, progress: Progress, day: date, until: Callable[[], bool]) -> list[str] | None:
    """What differs. While an evaluation writes, its tables are ahead of its positions or behind them: then it is looked at again."""
    differences: list[str] = []
    for _ in range(TRIES):
        counted = counting.sum(progress, _number(day), until)
        if counted is None:
            return None
        differences = _compared(tables, day, counted)
        now = read_progress(tables)
        if not differences or (now.tails == progress.tails and not now.writer):
            break
        progress = now
    return [*counting.wrong(), *differences]


def _compared(tables: Tables, day: date, counted: _Sum) -> list[str]:
    number = _number(day)
    seen: Counter[Endpoint] = Counter()
    is_exact = tombstones.latest(tables) < number * MINUTES_PER_DAY  # who is erased leaves the ledger, and was counted
    for row in windows.read(tables, day):
        if not is_service_endpoint(row.endpoint):
            seen[row.endpoint] += row.record.n
            is_exact = is_exact and row.record.ips < ACTORS * 3 // 4
    stocked = Counter(
        {
            endpoint: known.days[number].calls
            for endpoint, known in inventory.read(tables)
            if known is not None and number in known.days and not is_service_endpoint(endpoint)
        }
    )
    found = [*_differs(f"windows of {day}", counted.calls, seen), *_differs(f"inventory of {day}", counted.stocked, stocked)]
    kept = ledger.total(tables, day)
    if kept > counted.addressed or (is_exact and kept < counted.addressed):
        found.append(f"ledger of {day}: {kept} calls, the batches say {counted.addressed}")
    learned = sum(one.calls for one in summaries(tables, day) if not is_service_endpoint(one.endpoint))
    again = tables.get(f"days{day:%Y%m}", f"{day:%Y%m%d}", windows.AGAIN)
    if learned and not again and learned != seen.total():
        found.append(f"usage of {day}: {learned} calls, the windows say {seen.total()}")
    return found


def _differs(what: str, batches: Counter[Endpoint], found: Counter[Endpoint]) -> list[str]:
    wrong = sorted(endpoint for endpoint in batches.keys() | found.keys() if batches[endpoint] != found[endpoint])
    if not wrong:
        return []
    named = "; ".join(f"{endpoint} {found[endpoint]} for {batches[endpoint]}" for endpoint in wrong[:NAMED])
    return [f"{what}: {found.total()} calls, the batches say {batches.total()} ({len(wrong)} endpoints differ: {named})"]
