"""The `drift` table: one row a deviation, and what analysts said of it. Evaluation writes what was found, the API what was accepted; neither overwrites the other."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from azure.data.tables import UpdateMode

from adapters.tables import Changed, Entity, Tables, number
from model import Endpoint, Minute, Severity, iso_utc
from posture.drift import Deviation

TABLE = "drift"
PARTITION = "drift"
AGAIN = 24 * 60
"""Minutes after which a deviation that is still there is written again, for its date."""
TRIES = 4

State = Literal["open", "accepted", "closed"]


class Acceptance(NamedTuple):
    who: str
    when: str
    """ISO 8601, UTC."""
    why: str


class Stored(NamedTuple):
    """`closed`: minute at which it was found no more, -1 while it is found. `revision` counts what analysts did."""

    deviation: Deviation
    closed: Minute
    acceptance: Acceptance | None
    revision: int
    storage: str

    @property
    def state(self) -> State:
        return "closed" if self.closed >= 0 else "accepted" if self.acceptance else "open"


def read(tables: Tables) -> Iterator[Stored]:
    for row in tables.rows(TABLE, "PartitionKey eq @partition", partition=PARTITION):
        yield _stored(row)


def find(tables: Tables, id: str) -> Stored | None:
    row = tables.get(TABLE, PARTITION, id)
    return _stored(row) if row else None


def write(
    tables: Tables, known: Mapping[str, Stored], found: Mapping[str, Deviation], judged: Iterable[Endpoint], now: Minute
) -> dict[str, Stored]:
    """Write what was found at the endpoints that were `judged`, and close what was found there before and is no more. Both by id. What was written, by id."""
    endpoints = set(judged)
    written = {}
    rows = []
    for id, one in found.items():
        before = known.get(id)
        if before is None or before.closed >= 0 or _differs(before.deviation, one):
            first = min(one.first, before.deviation.first) if before else one.first
            rows.append(_row(id, one, first, -1))
            written[id] = Stored(one, -1, before.acceptance if before else None, before.revision if before else 0, "")
    for id, before in known.items():
        if id not in found and before.closed < 0 and before.deviation.endpoint in endpoints:
            rows.append(_row(id, before.deviation, before.deviation.first, now))
            written[id] = before._replace(closed=now)
    tables.upsert(TABLE, rows, UpdateMode.MERGE)
    return written


def accept(tables: Tables, id: str, revision: int | None, why: str | None, who: str, now: datetime) -> Stored | None:
    """Accept a deviation, or with `why` None take that back; None where there is none. `revision`: of what the caller has read, None for any. Raises Changed."""
    for _ in range(TRIES):
        before = find(tables, id)
        if before is None:
            return None
        if revision is not None and revision != before.revision:
            raise Changed(TABLE)
        acceptance = Acceptance(who, iso_utc(now), why) if why is not None else None
        entity = {
            "PartitionKey": PARTITION,
            "RowKey": id,
            "accepted": json.dumps(acceptance) if acceptance else "",
            "revision": before.revision + 1,
        }
        try:
            storage = tables.replace(TABLE, entity, before.storage, UpdateMode.MERGE)
        except Changed:
            continue  # evaluation wrote its half
        return before._replace(acceptance=acceptance, revision=before.revision + 1, storage=storage)
    raise Changed(TABLE)


def reword(tables: Tables, id: str, rewrite: Callable[[str], str]) -> bool:
    """Whether the reason for which a deviation was accepted became another. Raises Changed."""
    for _ in range(TRIES):
        stored = find(tables, id)
        accepted = stored.acceptance if stored else None
        if stored is None or accepted is None or rewrite(accepted.why) == accepted.why:
            return False
        entity = {"PartitionKey": PARTITION, "RowKey": id, "accepted": json.dumps(accepted._replace(why=rewrite(accepted.why)))}
        try:
            tables.replace(TABLE, entity, stored.storage, UpdateMode.MERGE)
            return True
        except Changed:
            continue
    raise Changed(TABLE)


def _differs(before: Deviation, now: Deviation) -> bool:
    return (before.severity, before.declared, before.direction) != (
        now.severity,
        now.declared,
        now.direction,
    ) or now.last - before.last >= AGAIN


def _row(id: str, one: Deviation, first: Minute, closed: Minute) -> Entity:
    return {
        "PartitionKey": PARTITION,
        "RowKey": id,
        "endpoint": json.dumps(one.endpoint),
        "kind": one.kind,
        "subject": one.subject,
        "declared": one.declared[:1024],
        "observed": one.observed[:1024],
        "direction": one.direction,
        "severity": int(one.severity),
        "first": first,
        "last": one.last,
        "closed": closed,
    }


def _stored(row: Entity) -> Stored:
    found: Any = json.loads(row["accepted"]) if row.get("accepted") else None
    deviation = Deviation(
        Endpoint(*json.loads(row["endpoint"])),
        row["kind"],
        row["subject"],
        row["declared"],
        row["observed"],
        row["direction"],
        Severity(number(row["severity"])),
        number(row["first"]),
        number(row["last"]),
    )
    return Stored(deviation, number(row["closed"]), Acceptance(*found) if found else None, number(row.get("revision", 0)), row["etag"])
