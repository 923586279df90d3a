"""The audit: who changed what, when, from what to what. Rows are only ever added; the month's table is dropped when its promise ends."""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.tables import Entity, Tables

PREFIX = "audit"
ASKED = 0
"""The outcome of a change that was begun, and of which nobody knows how it ended: the process died."""
LONGEST = 16 * 1024
"""Characters of one side of a change."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`action`: the method and the address as the API spells it, "PATCH alerts/{id}". `target`: what stands in its braces. `before`, `after`: what is shown
    of the thing, without any caller of an API. `outcome`: the HTTP status, or ASKED."""

    id: str
    at: datetime
    by: str
    action: str
    target: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    outcome: int = ASKED


def begin(tables: Tables, at: datetime, by: str, action: str, target: str, before: Mapping[str, Any], asked: Mapping[str, Any]) -> Entry:
    """Written before the change: what cannot be written down is not done. Raises azure.core's HttpResponseError."""
    entry = Entry(f"{at:%Y%m%d%H%M%S%f}-{secrets.token_hex(4)}", at, by, action, target, before, asked)
    tables.insert(_table(at), _row(entry))
    return entry


def end(tables: Tables, entry: Entry, outcome: int, after: Mapping[str, Any]) -> None:
    """How the change ended. What was asked for stays where nothing is answered that says more."""
    ended = Entry(entry.id, entry.at, entry.by, entry.action, entry.target, entry.before, after or entry.after, outcome)
    tables.upsert(_table(entry.at), [_row(ended)])


def newest(tables: Tables, before: str = "") -> Iterator[Entry]:
    """Entries from the newest on; those older than the id `before`, where one is given."""
    for table in reversed(tables.names(PREFIX)):
        # keys count down, so that the newest comes first and a page reads no more than it shows
        for row in tables.query(table, "PartitionKey eq 'audit' and RowKey gt @low", low=_key(before) if before else ""):
            yield _entry(row)


def _table(at: datetime) -> str:
    return f"{PREFIX}{at:%Y%m}"


def _key(id: str) -> str:
    """Descending: each digit of the time becomes nine less it."""
    stamp, _, suffix = id.partition("-")
    return f"{10**20 - 1 - int(stamp):020d}-{suffix}"


def _row(entry: Entry) -> Entity:
    return {
        "PartitionKey": "audit",
        "RowKey": _key(entry.id),
        "id": entry.id,
        "at": entry.at.isoformat(),
        "by": entry.by,
        "action": entry.action,
        "target": entry.target,
        "before": _text(entry.before),
        "after": _text(entry.after),
        "outcome": entry.outcome,
    }


def _text(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str)
    return text if len(text) <= LONGEST else json.dumps({"cut": f"more than {LONGEST} characters"})


def _entry(row: Entity) -> Entry:
    return Entry(
        row["id"],
        datetime.fromisoformat(row["at"]),
        row["by"],
        row["action"],
        row["target"],
        json.loads(row["before"]),
        json.loads(row["after"]),
        int(row["outcome"]),
    )
