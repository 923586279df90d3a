"""The newest alerts in memory, as one process remembers them: filters and counts over ten thousand ask storage only for what has changed since."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from threading import Lock
from time import monotonic

import msgspec

from adapters.alerts import Stored, first_of, key, stored_of
from adapters.tables import Entity, Tables
from alerts.triage import Status
from model import Alert, Minute, minute_of, moment

REACH = timedelta(days=31)
"""Alerts that began earlier are not here: who pages so far back reads storage."""
MOST = 20_000
"""Some 40 MB."""
FRESH = 2.0
"""Seconds for which nothing is asked again."""
WHOLE = 600.0
"""Seconds after which everything is read anew: what was deleted leaves no trace among the changes."""
SLACK = timedelta(seconds=10)
"""Rows of one transaction may become visible a little after their timestamp."""
COLUMNS = ["PartitionKey", "RowKey", "Timestamp", "alert", "changes", "revision"]


@dataclass(frozen=True, slots=True)
class Row:
    """One alert, as a filter sees it. `entity` is what `adapters.alerts.stored_of` takes."""

    key: str
    status: Status
    severity: str
    detector: str
    endpoint: str
    service: str
    api: str
    actor: str
    incident: str
    first: Minute
    last: Minute
    suppressed: bool
    entity: Entity

    @property
    def stored(self) -> Stored:
        return stored_of(self.entity)


Keeps = Callable[[Row], bool]


class AlertIndex:
    """Shared by all requests of a process."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._lock = Lock()
        self._rows: dict[str, Row] = {}
        self._ordered: list[Row] = []
        self._asked = self._read = float("-inf")
        self._latest: datetime | None = None

    def rows(self, now: datetime) -> list[Row]:
        """Newest first. Another request's refresh is waited for, never repeated."""
        with self._lock:
            at = monotonic()
            if at - self._read > WHOLE:
                self._rows.clear()
                self._latest = None
                self._take(self._since(now))
                self._read = at
            elif at - self._asked > FRESH and self._latest is not None:
                where = "PartitionKey eq @partition and RowKey le @key and Timestamp ge @latest"
                oldest, latest = key(minute_of(now - REACH), "~"), self._latest - SLACK
                self._take(self._tables.query("alerts", where, select=COLUMNS, partition="alerts", key=oldest, latest=latest))
            elif at - self._asked > FRESH:
                self._take(self._since(now))
            self._asked = monotonic()
            return self._ordered

    def forget(self) -> None:
        """The next request looks at what has changed: this process has just written."""
        self._asked = float("-inf")

    def _since(self, now: datetime) -> Iterable[Entity]:
        where = "PartitionKey eq @partition and RowKey le @key"
        return islice(self._tables.query("alerts", where, select=COLUMNS, partition="alerts", key=key(minute_of(now - REACH), "~")), MOST)

    def _take(self, entities: Iterable[Entity]) -> None:
        changed = False
        for entity in entities:
            at: datetime = entity.metadata["timestamp"]  # type: ignore[attr-defined]
            if self._latest is None or at > self._latest:
                self._latest = at
            known = self._rows.get(entity["RowKey"])
            if known is not None and known.entity["etag"] == entity.metadata["etag"]:  # type: ignore[attr-defined]
                continue
            changed = True
            self._rows[entity["RowKey"]] = _row(entity)
        if changed:
            self._ordered = [self._rows[key] for key in sorted(self._rows)]


def page(rows: list[Row], keeps: Keeps, limit: int, after: str) -> tuple[list[Stored], str | None]:
    """At most `limit` of the rows that `keeps` lets through, behind key `after`, and the key to go on after."""
    start = bisect_right(rows, after, key=lambda row: row.key) if after else 0
    found = list(islice((row for row in islice(rows, start, None) if keeps(row)), limit + 1))
    return [row.stored for row in found[:limit]], found[limit - 1].key if len(found) > limit else None


def by_day(rows: Iterable[Row], now: datetime, days: int) -> list[dict[str, str | int]]:
    """Alerts that began on each of the last days, oldest first, by severity. What a suppression rule covers is left out."""
    today = minute_of(now) // 1440
    found: dict[int, Counter[str]] = {today - back: Counter() for back in reversed(range(days))}
    for row in rows:
        if not row.suppressed and (counts := found.get(row.first // 1440)) is not None:
            counts[row.severity] += 1
    names = ("High", "Medium", "Low", "Informational")
    return [{"day": moment(day * 1440).date().isoformat(), **{name: counts[name] for name in names}} for day, counts in found.items()]


def _row(entity: Entity) -> Row:
    alert = msgspec.json.decode(entity["alert"], type=Alert)
    kept = dict(entity) | {"etag": entity.metadata["etag"]}  # type: ignore[attr-defined]
    status = stored_of(kept).status
    endpoint = alert.endpoint
    return Row(
        entity["RowKey"],
        status,
        alert.severity.label,
        alert.detector,
        str(endpoint),
        endpoint.service,
        endpoint.api,
        alert.sighting.actor or "",
        alert.incident,
        first_of(entity["RowKey"]),
        alert.last,
        bool(alert.suppressed),
        kept,
    )


def open_by_severity(rows: Iterable[Row]) -> Mapping[str, int]:
    """Alerts that somebody still has to look at."""
    return Counter(row.severity for row in rows if row.status in ("Active", "InProgress"))
