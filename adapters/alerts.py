"""The `alerts` table: alerts and incidents, newest first. The analyst's own columns stay untouched by every rewrite."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

import msgspec
from azure.data.tables import UpdateMode

from adapters.tables import Changed, Entity, Tables, number
from alerts import outgoing
from alerts.outgoing import Sent
from alerts.triage import AlertPatch, Status, Triage, pack, unpack
from model import Alert, Incident, Minute, moment

_ID = re.compile(r"[0-9a-f]{32}")
LAST_MINUTE = 99_999_999
"""Subtracted from, so that the newest has the smallest key."""
TRIES = 5
TOLD = "told_"
"""Begins the columns that hold what each receiver has."""
OURS = ("PartitionKey", "RowKey", "detector", "severity", "status", "told_hub", "told_webhook")
"""Columns of our own words, whoever may be called so."""
ANY = "*"
"""An etag that every entity has."""


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


def read_page(tables: Tables, limit: int, after: str) -> tuple[list["Stored"], str | None]:
    """At most `limit` alerts behind the one of key `after` ("" for the newest), and the key to go on after."""
    rows, following = _page(tables, "alerts", limit, after)
    return [stored_of(row) for row in rows], following


def read_incident_page(tables: Tables, limit: int, after: str) -> tuple[list[Incident], str | None]:
    """As `read_page`; incidents that were merged into others are among them."""
    rows, following = _page(tables, "incidents", limit, after)
    return [msgspec.json.decode(row["incident"], type=Incident) for row in rows], following


@dataclass(frozen=True, slots=True)
class Stored:
    """An alert as it is stored, where it stands with the analysts, and what each receiver was told of it. `etag`: of the row."""

    alert: Alert
    triage: Triage
    etag: str
    told: Mapping[str, dict[str, Sent]] = field(default_factory=dict)
    """Receiver -> format -> the last message that it has."""

    @property
    def status(self) -> Status:
        return self.triage.status_of(self.alert)


def find(tables: Tables, id: str) -> Stored | None:
    """Raises ValueError for what is no id."""
    row = tables.get("alerts", "alerts", key_of(id))
    return stored_of(row) if row else None


def find_incident(tables: Tables, id: str) -> Incident | None:
    """Raises ValueError for what is no id."""
    row = tables.get("alerts", "incidents", key_of(id))
    return msgspec.json.decode(row["incident"], type=Incident) if row else None


def amend(tables: Tables, id: str, revision: int | None, patch: AlertPatch, by: str, now: datetime) -> Stored | None:
    """Change where an alert stands, if it stands at this revision (None: wherever); None where there is no such alert. Raises Changed."""
    for _ in range(TRIES):
        stored = find(tables, id)
        if stored is None:
            return None
        if revision not in (None, stored.triage.revision):
            raise Changed("alerts")
        triage = stored.triage.changed(patch.change(now, by, stored.status))
        columns = {"status": triage.changes[-1].status, "revision": triage.revision, "changes": pack(triage.changes)}
        try:
            etag = tables.replace("alerts", {"PartitionKey": "alerts", "RowKey": key_of(id), **columns}, stored.etag, UpdateMode.MERGE)
        except Changed:  # the evaluation wrote its columns meanwhile, or another analyst the same ones
            continue
        return Stored(stored.alert, triage, etag)
    raise Changed("alerts")


def remember(tables: Tables, id: str, receiver: str, sent: Mapping[str, Sent]) -> None:
    """What a receiver has of an alert; nothing where the alert is gone."""
    with suppress(Changed):
        columns = {"PartitionKey": "alerts", "RowKey": key_of(id), f"{TOLD}{receiver}": outgoing.pack(sent)}
        tables.replace("alerts", columns, ANY, UpdateMode.MERGE)


def _page(tables: Tables, partition: str, limit: int, after: str) -> tuple[list[Entity], str | None]:
    where = "PartitionKey eq @partition and RowKey gt @after"
    rows = list(islice(tables.query("alerts", where, per_request=limit + 1, partition=partition, after=after), limit + 1))
    return rows[:limit], rows[limit - 1]["RowKey"] if len(rows) > limit else None


def stored_of(row: Entity) -> Stored:
    """An alert from its row, etag beside its properties."""
    changes = unpack(row["changes"]) if "changes" in row else ()
    triage = Triage(number(row.get("revision", 0)), changes)
    told = {name.removeprefix(TOLD): outgoing.unpack(text) for name, text in row.items() if name.startswith(TOLD)}
    return Stored(msgspec.json.decode(row["alert"], type=Alert), triage, str(row.get("etag", "")), told)


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
