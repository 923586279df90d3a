"""The backend fails: far more calls than usual end in 5xx."""

from collections.abc import Iterator

from detectors import detector
from model import Severity, Sighting
from windows.baseline import Baseline
from windows.window import Window


@detector(
    id="API_ErrorBurst",
    title="Unusual number of server errors at an API endpoint",
    severity=Severity.LOW,
    sees="Far more calls than usual failed with a server error (5xx) within 20 minutes, and they are a real share of all calls.",
    causes="Input that crashes the backend, exhaustion, exploitation of a fault; or an outage, a bad deploy, a dependency that is down.",
    remediation=(
        "Ask the operators whether the backend is known to be down.",
        "If the errors follow certain callers or parameters, treat it as an attack: the incident joins what else was found there.",
    ),
    tactic="Impact",
    techniques=("T1499.004", "T1190"),
    owasp_2019=("API4", "API7"),
    owasp_2023=("API4", "API8"),
    min_days=1,
    taints="5xx",
    refractory=4 * 60,
    grows="failed",
    least=("floor",),
)
def error_burst(
    window: Window,
    baseline: Baseline,
    *,
    k: float = 1.25,  # own residuals above the season
    c: float = 3.0,  # deviations above the moving average
    floor: int = 10,  # errors in 20 minutes
    ratio: float = 3.0,  # times the 30-day mean
    share: float = 0.1,  # of all calls of the window: a busy endpoint may fail now and then
    high: float = 0.5,  # share from which on the endpoint is down
) -> Iterator[Sighting]:
    """5xx answers > max(rule B, `ratio` x 30-day mean, `floor` - 1) and at least `share` of all. Medium from `high` of all on."""
    observed = window.failed
    usual = baseline.series.get("5xx")
    mean = usual.mean if usual else 0.0
    if observed < floor or observed <= ratio * mean or observed < share * window.n:
        return
    threshold = max(baseline.threshold("5xx", window.start, k, c), ratio * mean, floor - 1)
    if observed > threshold:
        yield Sighting(
            observed,
            baseline.expected("5xx", window.start),
            threshold,
            "server errors",
            status_class="5xx",
            severity=Severity.MEDIUM if observed >= high * window.n else None,
            mean=mean,
            deviation=usual.deviation if usual else 0.0,
            evidence={"share of all calls": round(observed / window.n, 2)},
        )
