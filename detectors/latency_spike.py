"""An endpoint answers successful calls much slower than it did all week."""

from collections.abc import Iterator
from math import exp, log, sqrt

from detectors import detector
from model import Severity, Sighting
from stats.moments import log_moments
from windows.baseline import LATENCY_ERRORS, Baseline
from windows.window import Window

MILLISECONDS = 2
"""Index into tally.METRICS."""
KNOWN = 100
"""Calls in the week below which a spread of latencies is a guess."""


@detector(
    id="API_SpikeInLatency",
    title="Suspicious spike in latency between callers and an API endpoint",
    severity=Severity.MEDIUM,
    sees="Successful calls of a whole window took much longer, as a geometric mean, than in the last 7 days and than today, by more than chance explains.",
    causes="Exhaustion of the backend, time-based injection, expensive queries sent on purpose; or a slow deploy, a slow dependency, a cold cache.",
    remediation=(
        "Ask the operators whether the backend is known to be slow: when several endpoints are, the incident says so.",
        "Look for callers with unusual parameters in the same window.",
        "Bound what one call may cost: time-outs, page sizes, query complexity.",
    ),
    tactic="InitialAccess",
    techniques=("T1499.003", "T1499.004", "T1190"),
    owasp_2019=("API4", "API8"),
    owasp_2023=("API4", "API8"),
    ended=True,
    min_days=3,
)
def latency_spike(
    window: Window,
    baseline: Baseline,
    *,
    least: int = 3,  # calls in the window; one slow call is no trend
    z: float = 4.0,  # standard errors of the mean logarithm above week and day; 5 misses half of the doublings, 3.5 has ten times the false alerts
    own_rank: int = 5,  # the 5th-largest window of its own month must be exceeded as well: heavy tails and slow callers make windows of few calls slow
    ratio: float = 1.4,  # times the week's geometric mean; below it no one notices
    high: float = 10.0,  # times the week's geometric mean from which on it is severe
) -> Iterator[Sighting]:
    """Mean of ln(milliseconds) of a window's 2xx answers more than max(`z`, the `own_rank`-th largest of 30 days) standard errors above
    the larger of week and day, with at least `least` calls and `ratio` x the geometric mean. High from `high` x on."""
    histogram = window.sizes.get((MILLISECONDS, 2))
    week = baseline.latency.get("2xx")
    if histogram is None or week is None or week.n < KNOWN or week.mean is None or not week.deviation:
        return
    now = log_moments(histogram.items())
    if now.n < least or now.mean is None:
        return
    error = week.deviation / sqrt(now.n)
    if now.mean - week.mean <= z * error or exp(now.mean - week.mean) < ratio:
        return  # the day can only be slower than the week, not excuse less
    day = window.day.latency_before(window.start)
    usual = week.mean if day.n < KNOWN or day.mean is None else max(week.mean, day.mean)
    risen = now.mean - usual
    z = max(z, baseline.rank(LATENCY_ERRORS, own_rank) or 0.0)
    if risen > z * error and exp(risen) >= ratio:
        yield Sighting(
            round(exp(now.mean), 1),
            round(exp(usual), 1),
            round(exp(usual + max(z * error, log(ratio))), 1),
            "milliseconds (geometric mean)",
            status_class="2xx",
            severity=Severity.HIGH if exp(risen) >= high else None,
            evidence={"calls": now.n, "standard errors above the week": round(risen / error, 1)},
        )
