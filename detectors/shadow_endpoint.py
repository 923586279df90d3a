"""Calls that match no operation are answered with success: something serves them that no one has described."""

from collections.abc import Iterator

from detectors import detector
from model import Severity, Sighting
from windows.baseline import Baseline
from windows.window import Window


@detector(
    id="API_ShadowEndpoint",
    title="Traffic to an API endpoint that no operation describes",
    severity=Severity.MEDIUM,
    sees="Paths that match no operation, or only a wildcard, were answered with success for the first time.",
    causes="An endpoint that was forgotten or never published, reachable through a wildcard or another host; or a new endpoint that is not described yet.",
    remediation=(
        "Find out what answers there and whether it should. If it should, describe it as an operation with its own policies.",
        "If it should not, remove the wildcard or the backend route.",
    ),
    tactic="Discovery",
    techniques=("T1595.003", "T1190"),
    owasp_2019=("API9",),
    owasp_2023=("API9",),
    refractory=24 * 60,
    grows="n",
    least=("calls",),
)
def shadow_endpoint(
    window: Window,
    baseline: Baseline,
    *,
    calls: int = 3,  # answered 2xx within 20 minutes; one may be an accident of routing
    service_days: int = 3,  # of the service, before which everything is new
) -> Iterator[Sighting]:
    """At least `calls` answers 2xx on paths that match no operation and were never answered so, in a service known for `service_days`
    days."""
    ok = window.classes[2]
    if window.endpoint.matched or ok < calls or window.service_days < service_days or "2xx" in baseline.series:
        return
    yield Sighting(ok, 0, calls - 1, "calls answered 2xx", status_class="2xx", evidence={"client IPs": len(window.ips[2])})
