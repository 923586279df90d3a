"""The `outbox` table: which alerts each receiver has not been told of yet, by their ids, and how each receiver stands. Nothing in it names a caller."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from azure.data.tables import UpdateMode

from adapters.tables import Changed, Entity, Tables, number
from model import Alert

TABLE = "outbox"
RECEIVERS = ("hub", "webhook")
MOST = 1000
"""Alerts of one receiver that one run looks at."""


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


def mark(tables: Tables, alerts: Iterable[Alert], now: datetime) -> None:
    """Put new and changed alerts into the outbox, after they were written: whoever delivers reads this first and the alert then, so no change is missed. A
    repeat is harmless; what is known of a refused message stays."""
    rows = [
        {"PartitionKey": receiver, "RowKey": f"{alert.first:08d}-{alert.id}", "marked": now} for alert in alerts for receiver in RECEIVERS
    ]
    if rows:
        tables.upsert(TABLE, rows, UpdateMode.MERGE)


def due(tables: Tables, receiver: str, now: datetime) -> list[Waiting]:
    """At most MOST of what a receiver may not have and what is not to be tried later, the oldest alert first."""
    where = "PartitionKey eq @receiver and not (until gt @now )"  # the SDK finds @now only as a word
    return list(islice(map(_waiting, tables.rows(TABLE, where, receiver=receiver, now=now)), MOST))


def waiting(tables: Tables, receiver: str) -> Iterator[Waiting]:
    """All of it, whenever it is to be tried."""
    yield from map(_waiting, tables.rows(TABLE, "PartitionKey eq @receiver", receiver=receiver))


def done(tables: Tables, it: Waiting) -> None:
    """Take it out, unless it was marked again since it was read."""
    try:
        tables.take(TABLE, it.entity)
    except Changed:
        return


def refuse(tables: Tables, it: Waiting, what: str, now: datetime, until: datetime) -> None:
    """Remember that the receiver does not want this one, unless it was marked again since it was read: then the next run finds out once more."""
    row = {"PartitionKey": it.entity["PartitionKey"], "RowKey": it.entity["RowKey"]}
    columns = {"refused": it.refused + 1, "since": it.since or now, "until": until, "what": what}
    try:
        tables.replace(TABLE, row | columns, it.entity["etag"], UpdateMode.MERGE)
    except Changed:
        return


def standing(tables: Tables, receiver: str) -> Standing:
    row = tables.get(TABLE, "receivers", receiver)
    if row is None:
        return Standing()
    return Standing(number(row["failures"]), row["since"], row["until"], row["what"], row["configuration"])


def stand(tables: Tables, receiver: str, it: Standing) -> None:
    if not it.failures:
        tables.delete(TABLE, [("receivers", receiver)])
        return
    state = {"failures": it.failures, "since": it.since, "until": it.until, "what": it.what, "configuration": it.configuration}
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
    for it in waiting(tables, receiver):
        count += 1
        begun = it.since or it.marked
        if since is None or begun < since:
            since, what = begun, what or it.what
    return Backlog(receiver, count, since, what) if count else Backlog(receiver, 0, None, "")


def _waiting(row: Entity) -> Waiting:
    return Waiting(row["RowKey"][9:], row["marked"], number(row.get("refused", 0)), row.get("since"), str(row.get("what", "")), row)
