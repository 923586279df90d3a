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
    sees="One client IP was refused (4xx) at paths that match no operation more often than a client of this service usually is, or called far more different endpoints within 20 minutes than anyone does.",
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
    unknown: int = 4,  # calls refused at paths that match no operation; 3 and fewer is a typing error
    unknown_routes: int = 3,  # different ones of them; no one mistypes three addresses
    young_unknown: int = 8,  # before day 3, when nobody knows how many dead links the clients of this service follow ...
    young_unknown_routes: int = 6,  # ... or icons their browsers ask for
    unknown_ratio: float = 1.25,  # times the 10th-largest number of such calls of an (IP, window)
    routes: int = 6,  # distinct endpoints at least
    ratio: float = 1.25,  # times the 10th-largest number of distinct endpoints of an (IP, window)
    own_ratio: float = 1.5,  # times the IP's own largest, if it is a regular: a crawler known for days
    storm: int = 30,  # clients that were refused at unknown paths, from which on they may be one scan that is spread over many addresses ...
    storm_ratio: float = 3.0,  # ... if they are so many times the 10th-largest number of such clients of a window ...
    storm_share: float = 0.2,  # ... and, in a young service, theirs are such a share of all calls
    storm_calls: int = 2,  # then: such calls of one IP; a single one may be a dead link
    high: int = 20,  # such calls from which on it is severe
) -> Iterator[Sighting]:
    """Calls of one IP that were refused (4xx) at unknown paths >= `unknown`, or at `unknown_routes` different ones, and >
    `unknown_ratio` x 10th-largest (IP, window); or distinct endpoints > max(`routes`, `ratio` x 10th-largest (IP, window)); and either > `own_ratio` x its
    own largest. In a service younger than 3 days >= `young_unknown` at `young_unknown_routes` different ones. While `storm` clients and more are
    refused, and more than `storm_ratio` x 10th-largest, `storm_calls` of one are enough. High from `high` refused calls on."""
    if not window.unknown and window.busiest_routes <= routes:
        return
    young = baseline.days < YOUNG_DAYS
    usual = None if young else baseline.rank("routes", 10)
    most = max(routes, ratio * usual) if usual is not None else None
    usually_lost = 0.0 if young else baseline.rank("lost", 10) or 0.0
    lost = window.touched & window.unknown.keys()
    wandering = set[str]()
    if most is not None and window.busiest_routes > most:
        wandering = {ip for ip in window.touched if len(window.routes.get(ip, ())) > most}
    clients = len(window.unknown)
    is_storm = clients >= storm and clients > storm_ratio * (0.0 if young else baseline.rank("lost:clients", 10) or 0.0)
    if is_storm and young:
        is_storm = sum(window.unknown.values()) >= storm_share * window.n
    if is_storm:  # those that came before anyone could know
        lost = {ip for ip, missed in window.unknown.items() if missed >= storm_calls}
    for ip in lost | wandering:
        found = window.routes.get(ip)
        if found is None or ip in NOBODY:
            continue
        missed, missed_routes = window.unknown.get(ip, 0), len(window.lost.get(ip, ()))
        before = window.regulars.get("lost", {}).get(ip, 0.0)
        if young:
            tried = missed >= young_unknown and missed_routes >= young_unknown_routes
        else:
            tried = missed >= unknown or missed_routes >= unknown_routes
        if is_storm and missed >= storm_calls and not (tried and missed >= high):
            yield Sighting(
                missed,
                usually_lost,
                storm_calls - 1,
                "refused calls to unknown paths",
                actor=ip,
                evidence={"clients that were refused so in this window": clients, "different unknown paths": missed_routes},
            )
        elif tried and missed > max(unknown_ratio * usually_lost, own_ratio * before):
            least = young_unknown if young else min(unknown, unknown_routes)
            yield Sighting(
                missed,
                usually_lost,
                max(least - 1, unknown_ratio * usually_lost, own_ratio * before),
                "refused calls to unknown paths",
                actor=ip,
                severity=Severity.HIGH if missed >= high else None,
                evidence={
                    "different unknown paths": missed_routes,
                    "distinct endpoints": len(found),
                    "answered 4xx": window.errors.get(ip, 0),
                    "usual for a busy client of this service": round(usually_lost, 1),
                },
            )
        elif most is not None and len(found) > max(most, own_ratio * window.regulars.get("routes", {}).get(ip, 0.0)):
            yield Sighting(len(found), usual, most, "distinct endpoints", actor=ip, evidence={"answered 4xx": window.errors.get(ip, 0)})
