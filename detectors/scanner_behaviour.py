"""One client IP behaves as a scanner does, whatever its user agent says: very many paths, mostly refused, within minutes."""

from collections.abc import Iterator

from detectors import detector
from model import NOBODY, Severity, Sighting
from windows.baseline import Baseline
from windows.window import Window


@detector(
    id="API_ScannerBehaviour",
    title="A client behaves as a vulnerability scanner",
    severity=Severity.MEDIUM,
    sees="One client IP sent a burst of calls of which most were refused as not found, malformed or forbidden, over many paths.",
    causes="A vulnerability scan or a brute-force of paths that hides behind a browser's user agent; or a penetration test that was ordered, a client after a breaking change.",
    remediation=(
        "Block the IP (ip-filter) and look for its calls that were answered with success: they are what the scan found.",
        "Limit refused calls per IP (rate-limit-by-key with a condition on the status).",
    ),
    tactic="Discovery",
    techniques=("T1595.002", "T1595.003"),
    owasp_2019=("API9", "API7"),
    owasp_2023=("API9", "API8"),
    service=True,
    grows="busiest_errors",
    least=("calls",),
)
def scanner_behaviour(
    window: Window,
    baseline: Baseline,  # noqa: ARG001  a scan needs no history to be one
    *,
    calls: int = 30,  # refused ones; real scanners sent 273 to 2,614
    share: float = 0.6,  # of the IP's calls that were refused; real scans have more
    routes: int = 4,  # distinct endpoints and folded unknown paths; hammering one is not a scan but a brute force
    unknown: int = 30,  # calls to unknown paths that make it a scan however few templates they fold to
    high: int = 300,  # refused calls from which on it is severe
) -> Iterator[Sighting]:
    """At least `calls` calls of one IP answered 4xx, which are `share` of its calls, over `routes` endpoints or with `unknown` calls
    to unknown paths. High from `high` on."""
    if window.busiest_errors < calls:
        return
    errors = window.errors
    for ip in [ip for ip in window.touched if ip in errors and errors[ip] >= calls]:
        refused = errors[ip]
        if refused < share * window.ips[0].get(ip, 0) or ip in NOBODY:
            continue
        if len(window.routes.get(ip, ())) >= routes or window.unknown.get(ip, 0) >= unknown:
            yield Sighting(
                refused,
                threshold=calls - 1,
                unit="refused calls",
                actor=ip,
                severity=Severity.HIGH if refused >= high else None,
                evidence={"distinct endpoints": len(window.routes.get(ip, ())), "calls to unknown paths": window.unknown.get(ip, 0)},
            )
