"""The line that must not be crossed, window by window: what an alert's chart draws beside what was counted."""

from collections.abc import Mapping

from detectors import by_id
from model import Alert, Minute, window_start
from windows.baseline import YOUNG_DAYS, Baseline

CLOSE = 0.02
"""Share by which the line may miss the threshold that was really judged by, which the baseline of another day made."""


def limit_at(alert: Alert, baseline: Baseline | None, series: str, window: Minute) -> float | None:
    """The threshold of this alert's detector in any window. One caller is held to one line at every hour; everyone together to rule B, if it
    leads to the threshold that the alert was judged by; else that threshold is all that is known."""
    threshold = alert.sighting.threshold
    if threshold is None or alert.sighting.actor is not None or baseline is None:
        return threshold
    detector = by_id().get(alert.detector)
    if detector is None or not {"k", "c", "floor", "ratio"} <= set(detector.limits):
        return threshold
    then = _rule(detector.limits, baseline, series, window_start(alert.last))
    return _rule(detector.limits, baseline, series, window) if abs(then - threshold) <= CLOSE * threshold else threshold


def _rule(limits: Mapping[str, float], baseline: Baseline, series: str, window: Minute) -> float:
    young = "young_" if baseline.days < YOUNG_DAYS else ""
    k, c, floor, ratio = (limits.get(young + name, limits[name]) for name in ("k", "c", "floor", "ratio"))
    usual = baseline.series.get(series)
    return max(baseline.threshold(series, window, k, c), ratio * (usual.mean if usual else 0.0), floor - 1)
