"""Watches Gatewatch itself: raises an alert of its own where calls are not read, were lost, or are counted differently in two places, and closes it again."""

import json
from datetime import datetime, timedelta

from adapters import alerts, losses, outbox, reconcile
from adapters.arrears import last_batches, look
from adapters.batches import BatchLog
from adapters.hub import Hub
from adapters.progress import read_progress
from adapters.tables import Tables
from adapters.telemetry import Reporter
from alerts.own import DIFFERS, LOST, STALLED
from detectors import Detector
from model import Alert, Sighting, alert_id, minute_of, service_endpoint
from pipeline.arrears import problems
from pipeline.step import Step
from settings import Settings

LOOKS_BACK = timedelta(days=1)
ROW = ("progress", "watch", "watch")


class Watch:
    def __init__(self, settings: Settings, tables: Tables, batches: BatchLog) -> None:
        self._settings, self._tables, self._batches = settings, tables, batches
        self._reporter = Reporter()

    def run(self, now: datetime) -> list[str]:
        """What is wrong, in sentences. Raises for a fault of storage or hub: health says that one."""
        progress = read_progress(self._tables)
        hub = Hub(self._settings.hub, self._settings.event_hub, self._settings.consumer_group)
        lags = look(hub, last_batches(self._batches, progress), progress, now)
        waiting = {f"partition {lag.partition}": lag.waiting for lag in lags if problems([lag], self._settings.kept["calls"], now)}
        gone = losses.since(self._tables, now - LOOKS_BACK, now)
        lost = {f"partition {loss.partition}": 0 for loss in gone}
        for loss in gone:
            lost[f"partition {loss.partition}"] += loss.calls
        for lag in lags:
            if lag.expired:
                lost[f"partition {lag.partition}"] = lost.get(f"partition {lag.partition}", 0) + lag.expired
        compared = reconcile.result(self._tables)
        different = {f"difference {number}": text for number, text in enumerate(compared.differences, 1)} if compared else {}
        self._stand([(STALLED, {**waiting}), (LOST, {**lost}), (DIFFERS, {**different})], now)
        return [*problems(lags, self._settings.kept["calls"], now), *different.values()]

    def _stand(self, wrong: list[tuple[Detector, dict[str, int | str]]], now: datetime) -> None:
        """One alert of each kind while it lasts. What is open is remembered in a row, so that a restart opens none twice."""
        stored = self._tables.get(*ROW)
        before: dict[str, list[int]] = json.loads(stored["open"]) if stored else {}
        after: dict[str, list[int]] = {}
        found: list[Alert] = []
        minute = minute_of(now)
        for detector, evidence in wrong:
            amount = sum(value if isinstance(value, int) else 1 for value in evidence.values())
            since, observed = before.get(detector.id, [minute, -1])
            if evidence:
                after[detector.id] = [since, max(amount, observed)]
            if evidence and amount > observed:
                found.append(_alert(detector, since, minute, amount, evidence, is_open=True))
            elif not evidence and detector.id in before:
                found.append(_alert(detector, since, minute, observed, {}, is_open=False))
        if found:
            with outbox.announced(self._tables, found, now):
                alerts.write(self._tables, found, [])
            self._reporter.step(Step({}, None, None, alerts=found), now)
        if after != before:
            self._tables.upsert(ROW[0], [{"PartitionKey": ROW[1], "RowKey": ROW[2], "open": json.dumps(after)}])


def _alert(detector: Detector, since: int, minute: int, amount: int, evidence: dict[str, int | str], *, is_open: bool) -> Alert:
    unit = "counts" if detector is DIFFERS else "calls"
    sighting = Sighting(float(amount), 0.0, 0.0, unit, evidence={**evidence})
    id = alert_id(since, detector.id)
    return Alert(id, detector.id, service_endpoint("gatewatch"), detector.severity, since, minute, since, sighting, open=is_open)
