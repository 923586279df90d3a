"""One client IP calls unusually many endpoints, or paths that no operation has."""

from collections.abc import Iterator

from detectors import detector
from model import NOBODY, Severity, Sighting
from windows.baseline import YOUNG_DAYS, Baseline
from windows.window import Window


@detector(
    id="API_SprayInRequests",
    title="API requests spray from a single IP address to an unusually large number of distinct API endpoints",
    severity=Severity.MEDIUM,
    sees="One client IP called paths that match no operation, or far more different endpoints within 20 minutes than anyone does.",
    causes="Discovery of the API's surface, a probe for administrative or forgotten endpoints; or a wrong base address in a client, a monitoring job that walks the whole API.",
    remediation=(
        "Look at which paths were tried and whether any was answered: an endpoint that answers is an unmanaged one.",
        "Block the IP (ip-filter) and limit calls that end in 404 per IP.",
    ),
    tactic="Discovery",
    techniques=("T1595.003", "T1595.002", "T1046"),
    owasp_2019=("API9", "API5"),
    owasp_2023=("API9", "API5"),
    service=True,
)
def spray(
    window: Window,
    baseline: Baseline,
    *,
    unknown: int = 4,  # calls to paths that match no operation; 3 and fewer is a typing error
    unknown_routes: int = 3,  # different ones of them; no one mistypes three addresses
    routes: int = 6,  # distinct endpoints at least
    ratio: float = 1.25,  # times the 10th-largest number of distinct endpoints of an (IP, window)
    high: int = 20,  # calls to unknown paths from which on it is severe
) -> Iterator[Sighting]:
    """Calls of one IP to unknown paths >= `unknown`, or to `unknown_routes` different ones; or distinct endpoints > max(`routes`,
    `ratio` x 10th-largest (IP, window)). High from `high` unknown calls on."""
    usual = baseline.rank("routes", 10) if baseline.days >= YOUNG_DAYS else None
    most = max(routes, ratio * usual) if usual is not None else None
    lost = window.touched & window.unknown.keys()
    wandering = set[str]()
    if most is not None and window.busiest_routes > most:
        wandering = {ip for ip in window.touched if len(window.routes.get(ip, ())) > most}
    for ip in lost | wandering:
        found = window.routes.get(ip)
        if found is None or ip in NOBODY:
            continue
        missed = window.unknown.get(ip, 0)
        if missed >= unknown or (missed >= unknown_routes and sum(not route.matched for route in found) >= unknown_routes):
            yield Sighting(
                missed,
                0.0,
                min(unknown, unknown_routes) - 1,
                "calls to unknown paths",
                actor=ip,
                severity=Severity.HIGH if missed >= high else None,
                evidence={"distinct endpoints": len(found), "answered 4xx": window.errors.get(ip, 0)},
            )
        elif most is not None and len(found) > most:
            yield Sighting(len(found), usual, most, "distinct endpoints", actor=ip, evidence={"answered 4xx": window.errors.get(ip, 0)})
