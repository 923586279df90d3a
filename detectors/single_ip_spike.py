"""One client IP calls an endpoint more often than almost any IP ever did, and than it did itself."""

from collections.abc import Iterator

from detectors import detector
from detectors.actor_spike import anyones_threshold
from model import NOBODY, STATUS_CLASSES, Severity, Sighting
from windows.baseline import YOUNG_DAYS, Baseline
from windows.day import LATELY
from windows.window import Window


@detector(
    id="API_SpikeInAPITraffic",
    title="Suspicious spike in API traffic from a single IP address to an API endpoint",
    severity=Severity.MEDIUM,
    sees="One client IP called the endpoint far more often within 20 minutes than any single IP usually does, and than this IP did before.",
    causes="A denial of service, scraping, credential testing or a stolen key used by a script; or a new integration, a shared office address or a client in a retry loop.",
    remediation=(
        "Find out who the IP is: the subscriptions and users that called from it are in the activity of that day.",
        "Limit calls per IP on the operation (rate-limit-by-key on the client address), or block the IP (ip-filter).",
        "If it is a known integration, give it a subscription of its own and mark the alert as expected.",
    ),
    tactic="Impact",
    techniques=("T1499.003", "T1110", "T1119"),
    owasp_2019=("API4", "API2"),
    owasp_2023=("API4", "API6", "API2"),
    min_days=1,
    grows="most_calls",
    least=("floor", "few_floor"),
)
def single_ip_spike(
    window: Window,
    baseline: Baseline,
    *,
    floor: int = 30,  # calls in 20 minutes; a person with an app stays below it
    ratio: float = 1.25,  # times the 10th-largest (IP, window) count of 30 days
    own_ratio: float = 1.5,  # times the IP's own largest, if it is a regular
    few_floor: int = 60,  # before day 3, and where fewer than 500 (IP, window) pairs are known
    few_ratio: float = 3.0,  # then: times the largest
    short_ratio: float = 1.2,  # times the threshold, within 10 minutes that a window's edge may cut in two; no one did that in 780 endpoint-days
    high: float = 5.0,  # times the threshold from which on it is severe
) -> Iterator[Sighting]:
    """Calls of one IP and status class > max(`floor`, `ratio` x 10th-largest (IP, window), `own_ratio` x its own largest), or while
    little is known > max(`few_floor`, `few_ratio` x the largest); or, whatever windows they fall into, calls within 10 minutes
    > `short_ratio` x that. High from `high` x the threshold on."""
    for kind in (2, 3, 4, 5):
        if max(window.busiest[kind], window.busiest_lately[kind]) <= min(floor, few_floor):
            continue
        counts, name = window.ips[kind], STATUS_CLASSES[kind - 1]
        measure = f"calls:{name}"
        usual, anyones = anyones_threshold(
            baseline, measure, floor=floor, ratio=ratio, few_floor=few_floor, few_ratio=few_ratio, grown=YOUNG_DAYS
        )
        if window.busiest[kind] <= anyones and window.busiest_lately[kind] <= short_ratio * anyones:
            continue
        regulars = window.regulars.get(measure, {})
        for ip in window.touched:
            observed, own = counts.get(ip, 0), regulars.get(ip)
            threshold = max(anyones, own_ratio * (own or 0.0))
            evidence: dict[str, str | int | float] = {"largest of this IP before": own} if own is not None else {}
            if observed <= threshold:
                observed, threshold = window.day.lately(kind, ip), short_ratio * threshold
                evidence["within minutes"] = LATELY
            if observed > threshold and ip not in NOBODY:
                yield Sighting(
                    observed,
                    usual,
                    threshold,
                    actor=ip,
                    status_class=name,
                    severity=Severity.HIGH if observed >= high * threshold else None,
                    evidence=evidence,
                )
