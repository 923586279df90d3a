"""The picture that goes with an alert: what was counted in each window of the last 48 hours, and what was expected."""

from datetime import timedelta

from adapters import windows
from adapters.tables import Tables, joined
from alerts.render import Point, series_name
from model import WINDOW_MINUTES, Alert, moment, window_start
from windows.baseline import unpack_baseline
from windows.record import counted

WINDOWS = 144
"""48 hours."""


def of(tables: Tables, alert: Alert) -> list[Point]:
    """The windows up to the alert's last one, the oldest first, by everyone together; empty where the alert has no series to draw. `expected` is what the
    baseline of today says; None where the endpoint has none."""
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
    return [
        Point(window, float(observed.get(window, 0)), baseline.expected(name, window) if baseline else None)
        for window in range(first, last + 1, WINDOW_MINUTES)
    ]
