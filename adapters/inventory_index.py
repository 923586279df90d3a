"""The inventory in memory, as one process remembers it: filters and pages over thousands of endpoints ask storage only for what has changed since."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Slow
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from time import monotonic
from typing import Any

from adapters import drift, inventory, recommendations
from adapters.alert_index import AlertIndex
from adapters.drift import Stored
from adapters.estate import EstateSource, read_ledgers
from adapters.tables import Tables
from model import Endpoint, Minute, is_bucket, is_service_endpoint, minute_of
from posture import attack_paths, risk
from posture.inventory_changes import Changed, of_ledger, of_row
from posture.inventory_coverage import Coverage
from posture.inventory_declared import Estate
from posture.inventory_ledger import Ledger
from posture.inventory_row import Row, Surroundings, first_of_apis, never_seen, row, surroundings
from posture.risk import Risk
from posture.snapshot import Snapshot

FRESH = 2.0
"""Seconds for which nothing is asked again."""
PATIENCE = 0.08
"""Seconds that a request waits for a refresh; after that it gets what is known, if that is not older than STALE."""
STALE = 60.0
WHOLE = 900.0
"""Seconds after which everything is read anew."""
SLACK = timedelta(seconds=10)

Assessed = Mapping[tuple[str, str], Mapping[str, int]]
"""(service, ARM path below it: "apis/orders") -> open assessments by severity."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One row, its risk, the alerts that are open on it and the deviations by kind."""

    row: Row
    risk: Risk
    alerts: int
    deviations: Mapping[str, int]
    id: str
    reachable: bool | None = None
    """By the gateway's configuration; None where it was not read."""


@dataclass(frozen=True, slots=True)
class View:
    """All endpoints at one moment, by service, API, template and method."""

    listed: tuple[Listed, ...] = ()
    by_id: Mapping[str, Listed] = field(default_factory=dict)
    drift: tuple[Stored, ...] = ()
    changes: tuple[Changed, ...] = ()
    surroundings: Mapping[str, Surroundings] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


class InventoryIndex:
    """Shared by all requests of a process."""

    def __init__(self, tables: Tables, source: EstateSource, alerts: AlertIndex) -> None:
        self._tables, self._source, self._alerts = tables, source, alerts
        self._lock = Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="inventory")
        self._running: Future[View] | None = None
        self._view = View()
        self._made = self._read = float("-inf")
        self._latest: datetime | None = None
        self._packed: dict[str, inventory.Packed] = {}
        self._first: dict[str, Minute] = {}
        self._known: dict[str, tuple[Any, Listed]] = {}
        self._snapshots: tuple[Estate, list[Snapshot]] | None = None
        self._ledgers: tuple[float, list[Ledger]] = (float("-inf"), [])
        self._assessments: tuple[float, Assessed] = (float("-inf"), {})

    def view(self, now: datetime) -> View:
        """At most FRESH old; where a refresh takes long, what was known before, at most STALE old."""
        with self._lock:
            age = monotonic() - self._made
            if age <= FRESH:
                return self._view
            if self._running is None or self._running.done():
                self._running = self._worker.submit(self._refresh, now)
            running = self._running
        if age > STALE:
            return running.result()
        with suppress(Slow):
            return running.result(PATIENCE)
        return self._view

    def forget(self) -> None:
        """The next request looks at what has changed: this process has just written."""
        self._made = float("-inf")

    def _refresh(self, now: datetime) -> View:
        changed = self._take()
        coverages = inventory.coverages(self._tables)
        estate = self._source.at(now)
        minute = minute_of(now) // 60 * 60 + 59
        endpoints = {id: one.endpoint for id, one in self._packed.items()}
        firsts = first_of_apis((endpoint, self._first[id]) for id, endpoint in endpoints.items())
        services = {endpoint.service for endpoint in endpoints.values()} | {one.service for one in estate}
        around = {one: surroundings(estate, coverages.get(one), firsts.get(one, {}), minute) for one in sorted(services)}
        found = tuple(drift.read(self._tables))
        weights = _Weights(found, self._open_alerts(now), self._assessed(now), self._reachable(estate))
        listed = self._listed(endpoints, around, weights, changed)
        listed += self._unseen(estate, endpoints, around, weights)
        ordered = tuple(sorted(listed, key=lambda one: one.row.endpoint))
        view = View(ordered, {one.id: one for one in ordered}, found, self._changes(ordered, coverages), around, self._source.problems)
        self._view, self._made = view, monotonic()
        return view

    def _take(self) -> set[str]:
        """Read what was written since the last time; the ids of it."""
        at = monotonic()
        if at - self._read > WHOLE or self._latest is None:
            self._packed.clear()
            self._latest, self._read = None, at
        since = self._latest - SLACK if self._latest is not None else None
        changed = set()
        for one, written in inventory.packed(self._tables, since):
            if self._latest is None or written > self._latest:
                self._latest = written
            if is_service_endpoint(one.endpoint) or is_bucket(one.endpoint):
                continue
            id = one.endpoint.id
            if self._packed.get(id) != one:
                self._packed[id] = one
                known = one.inventory()
                self._first[id] = known.first if known is not None else -1
                changed.add(id)
        return changed

    def _listed(
        self, endpoints: Mapping[str, Endpoint], around: Mapping[str, Surroundings], weights: "_Weights", changed: set[str]
    ) -> list[Listed]:
        found = []
        versions = {service: id_of(here) for service, here in around.items()}
        for id, endpoint in endpoints.items():
            here = around[endpoint.service]
            declared = here.estate.find(*endpoint[:4]) if endpoint.matched else None
            version = (versions[endpoint.service], weights.version(id, endpoint, declared.id if declared else ""))
            known = self._known.get(id)
            if known is None or id in changed or known[0] != version:
                known = version, weights.listed(row(endpoint, self._packed[id].inventory(), here), id)
                self._known[id] = known
            found.append(known[1])
        return found

    def _unseen(
        self, estate: Estate, endpoints: Mapping[str, Endpoint], around: Mapping[str, Surroundings], weights: "_Weights"
    ) -> list[Listed]:
        seen = {id(estate.find(*endpoint[:4])) for endpoint in endpoints.values() if endpoint.matched}
        found = []
        for one in estate:
            if id(one) in seen or not one.is_current:
                continue
            made = never_seen(one, around[one.service])
            found.append(weights.listed(made, made.endpoint.id))
        return found

    def _open_alerts(self, now: datetime) -> Counter[tuple[str, str, str]]:
        """By service, API and endpoint, as alerts name them."""
        return Counter(
            (one.service, one.api, one.endpoint)
            for one in self._alerts.rows(now)
            if one.status in ("Active", "InProgress") and not one.suppressed
        )

    def _assessed(self, now: datetime) -> Assessed:
        at = monotonic()
        if at - self._assessments[0] > STALE / 4:
            found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
            for stored in recommendations.read(self._tables):
                one = stored.recommendation
                service, severity = one.service.rpartition("/")[2].casefold(), one.severity(now)
                for path in one.affected(now):
                    found[service, path][one.resources[path].severity or severity] += 1
            self._assessments = at, found
        return self._assessments[1]

    def _reachable(self, estate: Estate) -> Mapping[str, bool | None]:
        """Service -> whether its configuration lets the internet in."""
        if self._snapshots is None or self._snapshots[0] is not estate:
            self._snapshots = estate, self._source.snapshots()
        return {one.name.casefold(): attack_paths.reachable(one) for one in self._snapshots[1]}

    def _changes(self, listed: Iterable[Listed], coverages: Mapping[str, Coverage]) -> tuple[Changed, ...]:
        at = monotonic()
        if at - self._ledgers[0] > STALE:
            self._ledgers = at, list(read_ledgers(self._tables))
        found = [change for ledger in self._ledgers[1] for change in of_ledger(ledger)]
        for one in listed:
            coverage = coverages.get(one.row.endpoint.service)
            if coverage is not None:
                found += of_row(one.row, coverage.first)
        return tuple(sorted(found, key=lambda one: -one.when))


class _Weights:
    """What adds to a row: deviations, open alerts, assessments, and whether the internet gets in."""

    def __init__(
        self,
        found: Iterable[Stored],
        alerts: Mapping[tuple[str, str, str], int],
        assessments: Assessed,
        reachable: Mapping[str, bool | None],
    ) -> None:
        self._deviations: dict[str, Counter[str]] = defaultdict(Counter)
        for one in found:
            if one.state == "open":
                self._deviations[one.deviation.endpoint.id][one.deviation.kind] += 1
        self._alerts, self._assessments, self._reachable = alerts, assessments, reachable

    def _of(self, id: str, endpoint: Endpoint, operation: str) -> tuple[int, dict[str, int], dict[str, int], bool | None]:
        alerts = self._alerts.get((endpoint.service, endpoint.api, str(endpoint)), 0)
        service, api = endpoint.service.casefold(), f"apis/{endpoint.api}"
        assessed = Counter(self._assessments.get((service, api), {}))
        if operation:
            assessed.update(self._assessments.get((service, f"{api}/operations/{operation}"), {}))
        return alerts, dict(self._deviations.get(id, {})), dict(assessed), self._reachable.get(service)

    def version(self, id: str, endpoint: Endpoint, operation: str) -> Any:
        alerts, deviations, assessed, reachable = self._of(id, endpoint, operation)
        return alerts, tuple(deviations.items()), tuple(assessed.items()), reachable

    def listed(self, made: Row, id: str) -> Listed:
        alerts, deviations, assessed, reachable = self._of(id, made.endpoint, made.declared.id if made.declared else "")
        facts = made.facts(alerts, sum(deviations.values()))
        return Listed(made, risk.score(facts, assessed, reachable=reachable), alerts, deviations, id, reachable)


def id_of(around: Surroundings) -> Any:
    """What makes rows of a gateway come out differently though nothing was counted."""
    return id(around.estate), around.at, around.hole, tuple(sorted(around.first_of_api.items()))
