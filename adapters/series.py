"""The picture that goes with an alert: what was counted in each window of the last 48 hours, what is usual, and what the accused did."""

from collections import Counter
from datetime import timedelta

from adapters import ledger, windows
from adapters.tables import Tables, joined
from alerts.limit_line import limit_at
from alerts.render import IDENTITIES, Point, series_name
from model import STATUS_CLASSES, WINDOW_MINUTES, Alert, is_service_endpoint, moment, window_start
from windows.baseline import Baseline, unpack_baseline
from windows.record import counted

WINDOWS = 144
"""48 hours."""


def of(tables: Tables, alert: Alert, key: bytes | None = None) -> list[Point]:
    """The windows up to the alert's last one, the oldest first; empty where the alert has no series to draw. What is expected is what the baseline of today
    says; None where the endpoint has none. `key`, of the ledger's hashes: with it also what the accused address did."""
    name = series_name(alert)
    if name is None:
        return []
    last = window_start(alert.last)
    first = last - (WINDOWS - 1) * WINDOW_MINUTES
    day, until = moment(first).date(), moment(last).date()
    observed: dict[int, int] = {}
    while day <= until:
        observed |= {row.window: counted(row.record, name) for row in windows.read(tables, day, alert.endpoint)}
        day += timedelta(days=1)
    learned = tables.get("baselines", "baselines", alert.endpoint.id)
    baseline = unpack_baseline(joined(learned)) if learned else None
    own = _own(tables, alert, name, first, last, key) if key is not None else {}
    return [
        _point(alert, baseline, name, window, float(observed.get(window, 0)), own.get(window))
        for window in range(first, last + 1, WINDOW_MINUTES)
    ]


def _point(alert: Alert, baseline: Baseline | None, name: str, window: int, observed: float, own: float | None) -> Point:
    low, high = (baseline.usual(name, window) if baseline else None) or (None, None)
    expected = baseline.expected(name, window) if baseline else None
    return Point(window, observed, expected, low, high, limit_at(alert, baseline, name, window), own)


def _own(tables: Tables, alert: Alert, name: str, first: int, last: int, key: bytes) -> dict[int, float]:
    """What the accused address did in each window that is closed, and in the one that it is accused of. Empty where that is kept nowhere: of
    identities, and of anything but calls."""
    actor = alert.sighting.actor
    if actor is None or actor.partition(":")[0] in IDENTITIES or alert.sighting.unit != "calls" or name not in (*STATUS_CLASSES, "auth"):
        return {}
    counts: Counter[int] = Counter()
    closed: set[int] = set()
    days = sorted({ledger.table_of(moment(window).date()) for window in (first, last)} | {ledger.table_of(moment(first + 1440).date())})
    for entry in ledger.look_up(tables, actor, key, days):
        closed.add(entry.window)
        if entry.status_class == ("4xx" if name == "auth" else name) and (
            is_service_endpoint(alert.endpoint) or entry.endpoint == alert.endpoint
        ):
            counts[entry.window] += entry.n
    until = max(closed, default=0)
    found = {window: float(counts[window]) for window in range(first, last + 1, WINDOW_MINUTES) if window <= until}
    return found | ({last: alert.sighting.observed} if alert.windows == 1 else {})
