"""The `alerts` table: alerts and incidents, newest first. The analyst's own columns stay untouched by every rewrite."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec
from azure.data.tables import UpdateMode

from adapters.tables import Entity, Tables
from model import Alert, Incident, Minute, moment

_ID = re.compile(r"[0-9a-f]{32}")
LAST_MINUTE = 99_999_999
"""Subtracted from, so that the newest has the smallest key."""


def key(first: Minute, id: str) -> str:
    return f"{LAST_MINUTE - first:08d}-{id}"


def key_of(id: str) -> str:
    """The row's key of an alert or an incident by its id alone. Raises ValueError for what is no id."""
    if not _ID.fullmatch(id):
        raise ValueError("an id is 32 lower-case hex digits")
    return key(int(id[:8], 16), id)


def first_of(row: str) -> Minute:
    """The minute in a row's key."""
    return LAST_MINUTE - int(row[:8])


def write(tables: Tables, alerts: Iterable[Alert], incidents: Iterable[Incident]) -> None:
    tables.upsert("alerts", [_alert_row(alert) for alert in alerts] + [_incident_row(incident) for incident in incidents], UpdateMode.MERGE)


def read(tables: Tables, since: Minute) -> Iterator[Alert]:
    """Alerts whose first window began at `since` or later, and older ones that are still open; newest first."""
    for row in _since(tables, "alerts", since):
        yield msgspec.json.decode(row["alert"], type=Alert)


def read_incidents(tables: Tables, since: Minute) -> Iterator[Incident]:
    for row in _since(tables, "incidents", since):
        yield msgspec.json.decode(row["incident"], type=Incident)


def read_page(tables: Tables, limit: int, after: str) -> tuple[list[Alert], str | None]:
    """At most `limit` alerts behind the one of key `after` ("" for the newest), and the key to go on after."""
    rows = list(islice(tables.query("alerts", "PartitionKey eq 'alerts' and RowKey gt @after", after=after), limit + 1))
    found = [msgspec.json.decode(row["alert"], type=Alert) for row in rows[:limit]]
    return found, rows[limit - 1]["RowKey"] if len(rows) > limit else None


def _since(tables: Tables, partition: str, since: Minute) -> Iterator[Entity]:
    where = "PartitionKey eq @partition and (RowKey le @key or open eq true)"
    return tables.query("alerts", where, partition=partition, key=key(since, "~"))


def _alert_row(alert: Alert) -> Entity:
    return {
        "PartitionKey": "alerts",
        "RowKey": key(alert.first, alert.id),
        "alert": msgspec.json.encode(alert).decode(),
        "detector": alert.detector,
        "endpoint": str(alert.endpoint),
        "severity": alert.severity.label,
        "open": alert.open,
        "last": moment(alert.last),
    }


def _incident_row(incident: Incident) -> Entity:
    return {
        "PartitionKey": "incidents",
        "RowKey": key(incident.first, incident.id),
        "incident": msgspec.json.encode(incident).decode(),
        "open": incident.open,
    }
