"""One client IP asks for more distinct values within a day than any IP does, too slowly for any window to show it."""

from collections.abc import Iterator

from detectors import detector
from model import NOBODY, Severity, Sighting
from windows.baseline import Baseline
from windows.window import Window


@detector(
    id="API_SlowParameterEnumeration",
    title="Low-and-slow parameter enumeration on an API endpoint",
    severity=Severity.MEDIUM,
    sees="One client IP sent far more distinct values of one parameter within 24 hours than any IP usually does in a day, and than it did before.",
    causes="Enumeration of identifiers below the limits that watch minutes; or a crawler, a synchronisation job, a shared office address.",
    remediation=(
        "Check that the operation tests whether the caller may see each object (object level authorisation).",
        "Set a daily quota per caller, beside the limit per minute.",
        "Use identifiers that cannot be guessed.",
    ),
    tactic="InitialAccess",
    techniques=("T1190", "T1213", "T1087"),
    owasp_2019=("API1", "API2"),
    owasp_2023=("API1", "API2"),
    watches="values",
    min_days=5,
    key="both",
    refractory=12 * 60,
)
def slow_parameter_enumeration(
    window: Window,
    baseline: Baseline,
    *,
    floor: int = 25,  # distinct values in 24 hours; on an ordinary day a person asks for fewer
    ratio: float = 1.25,  # times the 10th-largest of an (IP, day) in 30 days
    own_ratio: float = 1.5,  # times the IP's own largest day, if it is a regular
) -> Iterator[Sighting]:
    """Distinct values of one identifier by one IP in 24 hours > max(`floor`, `ratio` x 10th-largest (IP, day), `own_ratio` x its own
    largest 24 hours)."""
    for name, ip, observed in window.day.asked_more(floor):
        if ip in NOBODY or name not in window.parameters or not window.identifies(name):
            continue
        measure = f"day:{name}"
        usual = baseline.rank(measure, 10)
        before = window.regulars.get(measure, {}).get(ip, 0.0)
        threshold = max(floor, ratio * (usual or 0.0), own_ratio * before)
        if observed > threshold:
            yield Sighting(observed, usual, threshold, "distinct values in 24 hours", actor=ip, parameter=name)
