"""The `outbox` table: which alerts and recommendations each receiver has not been told of yet, by their ids, and how each receiver stands. Nothing in it names a caller."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from azure.data.tables import UpdateMode

from adapters.tables import Changed, Entity, Tables, number
from model import Alert

TABLE = "outbox"
RECEIVERS = ("hub", "webhook")
MOST = 1000
"""Alerts of one receiver that one run looks at."""
GRACE = timedelta(minutes=15)
"""Longer than a function may run: what was marked so long ago is written, or never will be without being marked again."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An alert that a receiver may not have. `refused` times since `since`; `entity` as it was read."""

    id: str
    marked: datetime
    refused: int
    since: datetime | None
    what: str
    entity: Entity


@dataclass(frozen=True, slots=True)
class Standing:
    """How a receiver stands: so many failures in a row since `since`, the last one `what`; `until` is when it is tried again, sooner under another configuration."""

    failures: int = 0
    since: datetime | None = None
    until: datetime | None = None
    what: str = ""
    configuration: str = ""


class Marked(NamedTuple):
    """What is told beside alerts: an id, and the minute since when it is to be told."""

    id: str
    first: int


@contextmanager
def announced(tables: Tables, alerts: Collection[Alert], now: datetime) -> Iterator[None]:
    """Around writing new and changed alerts. They are marked before, so that a crash after the write forgets nobody, and again after it, so that they are told
    soon even if somebody looked in between."""
    mark(tables, alerts, now)
    yield
    mark(tables, alerts, now)


def mark(tables: Tables, alerts: Iterable[Alert | Marked], now: datetime) -> None:
    """Put alerts, and what is told like them, into the outbox. A repeat is harmless; what is known of a refused message stays."""
    rows = [
        {"PartitionKey": receiver, "RowKey": f"{alert.first:08d}-{alert.id}", "marked": now, "again": now}
        for alert in alerts
        for receiver in RECEIVERS
    ]
    if rows:
        tables.upsert(TABLE, rows, UpdateMode.MERGE)


def due(tables: Tables, receiver: str, now: datetime) -> list[Waiting]:
    """At most MOST of what a receiver may not have and what is not to be tried later, the oldest alert first."""
    where = "PartitionKey eq @receiver and again le @now and not (until gt @now )"  # the SDK finds @now only as a word
    return list(islice(map(_waiting, tables.rows(TABLE, where, receiver=receiver, now=now)), MOST))


def waiting(tables: Tables, receiver: str) -> Iterator[Waiting]:
    """All of it, whenever it is to be tried; without what is only to be looked at once more."""
    return (message for message in map(_waiting, tables.rows(TABLE, "PartitionKey eq @receiver", receiver=receiver)) if _is_untold(message))


def expire(tables: Tables, receiver: str, before: datetime) -> int:
    """Take out what was marked last before a moment; how many alerts the receiver was never told of."""
    where = "PartitionKey eq @receiver and marked lt @before"
    old = [_waiting(row) for row in tables.rows(TABLE, where, receiver=receiver, before=before)]
    return sum(_taken(tables, item) and _is_untold(item) for item in old)


def done(tables: Tables, waiting: Waiting, now: datetime) -> None:
    """The receiver has all that there is: take it out, or look once more when nothing can be under way. Not if it was marked again since it was read."""
    if waiting.marked + GRACE <= now:
        _taken(tables, waiting)
        return
    row = {
        "PartitionKey": waiting.entity["PartitionKey"],
        "RowKey": waiting.entity["RowKey"],
        "marked": waiting.marked,
        "again": waiting.marked + GRACE,
    }
    with suppress(Changed):
        tables.replace(TABLE, row, waiting.entity["etag"])


def refuse(tables: Tables, waiting: Waiting, what: str, now: datetime, until: datetime) -> None:
    """Remember that the receiver does not want this one, unless it was marked again since it was read: then the next run finds out once more."""
    row = {"PartitionKey": waiting.entity["PartitionKey"], "RowKey": waiting.entity["RowKey"]}
    columns = {"refused": waiting.refused + 1, "since": waiting.since or now, "until": until, "what": what}
    with suppress(Changed):
        tables.replace(TABLE, row | columns, waiting.entity["etag"], UpdateMode.MERGE)


def standing(tables: Tables, receiver: str) -> Standing:
    row = tables.get(TABLE, "receivers", receiver)
    if row is None:
        return Standing()
    return Standing(number(row["failures"]), row["since"], row["until"], row["what"], row["configuration"])


def stand(tables: Tables, receiver: str, waiting: Standing) -> None:
    if not waiting.failures:
        tables.delete(TABLE, [("receivers", receiver)])
        return
    state = {
        "failures": waiting.failures,
        "since": waiting.since,
        "until": waiting.until,
        "what": waiting.what,
        "configuration": waiting.configuration,
    }
    tables.upsert(TABLE, [{"PartitionKey": "receivers", "RowKey": receiver} | state])


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for one receiver at this moment: how many alerts, since when, and what the last attempt brought ("" before the first)."""

    receiver: str
    alerts: int
    since: datetime | None
    what: str


def backlog(tables: Tables, receiver: str) -> Backlog:
    """`since`: of the first failure in a row, of the first refusal, or of the oldest change that nothing has been tried with, whichever is earliest."""
    stands = standing(tables, receiver)
    count, since, what = 0, stands.since, stands.what
    for message in waiting(tables, receiver):
        count += 1
        begun = message.since or message.marked
        if since is None or begun < since:
            since, what = begun, what or message.what
    return Backlog(receiver, count, since, what) if count else Backlog(receiver, 0, None, "")


def _taken(tables: Tables, waiting: Waiting) -> bool:
    try:
        tables.take(TABLE, waiting.entity)
    except Changed:
        return False
    return True


def _is_untold(waiting: Waiting) -> bool:
    return bool(waiting.entity["again"] == waiting.entity["marked"])


def _waiting(row: Entity) -> Waiting:
    return Waiting(row["RowKey"][9:], row["marked"], number(row.get("refused", 0)), row.get("since"), str(row.get("what", "")), row)
