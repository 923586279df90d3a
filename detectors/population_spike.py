"""More calls to an endpoint, by everyone together, than this hour and these days have ever explained."""

from collections.abc import Iterator

from detectors import detector
from model import NOBODY, STATUS_CLASSES, Severity, Sighting
from windows.baseline import YOUNG_DAYS, Baseline
from windows.window import Window

JUDGED = (2, 4, 5)
"""Status classes; 1xx and 3xx say nothing about an attack."""


@detector(
    id="API_PopulationSpikeInAPITraffic",
    title="Suspicious population-level spike in API traffic to an API endpoint",
    severity=Severity.MEDIUM,
    sees="All callers together called the endpoint far more often within 20 minutes than it is usual at this hour and than these days explain.",
    causes="A distributed denial of service, scraping or abuse of a business flow by many clients; or a campaign, a release or a client in a retry loop.",
    remediation=(
        "Compare the callers with the days before: many new ones point to an attack, the usual ones to a campaign or a retry loop.",
        "Set a rate limit on the operation (rate-limit-by-key) and a quota on its product.",
        "Mark the alert as expected if the load was planned, or if it has happened on many days and was always harmless.",
    ),
    tactic="Impact",
    techniques=("T1499.002", "T1499.003"),
    owasp_2019=("API4", "API2"),
    owasp_2023=("API4", "API6", "API2"),
    min_days=1,
    min_calls=200,
    taints="{status_class}",
    refractory=12 * 60,
    grows="n",
    least=("floor", "young_floor"),
)
def population_spike(
    window: Window,
    baseline: Baseline,
    *,
    k: float = 1.2,  # own residuals above the season; 1.25 raised as few false alerts on labelled traffic and found one weak spike fewer
    c: float = 3.0,  # deviations above the moving average
    floor: int = 20,  # calls; below it a spike harms no one, and sparse series are where z-scores fail
    ratio: float = 2.0,  # times the 30-day mean
    young_k: float = 1.85,  # before day 3, when a season is a guess; with the margin of every young baseline 2.25
    young_c: float = 4.0,  # then: deviations above the moving average
    young_floor: int = 30,  # then: calls
    young_ratio: float = 3.0,  # then: times the mean
    recurring_k: float = 0.15,  # added to k where spikes were found on several of the last 14 days: a series that bursts by nature
    share: float = 0.5,  # of the busiest IP; above it, it is that IP's spike, unless the others alone make one too
    high: float = 10.0,  # times the expected count from which on it is severe
) -> Iterator[Sighting]:
    """Calls of one status class > max(rule B, `ratio` x 30-day mean, `floor` - 1); where the series has a heavy tail or bursts came back on two days of the last
    fourteen, also more than those explain. Not when one IP has more than `share` of them and
    the others alone stay below. High from `high` x the expected count on."""
    if baseline.days < YOUNG_DAYS:
        k, c, floor, ratio = young_k, young_c, young_floor, young_ratio
    for kind in JUDGED:
        observed = window.classes[kind]
        if observed < floor:
            continue
        name = STATUS_CLASSES[kind - 1]
        usual = baseline.series.get(name)
        mean = usual.mean if usual else 0.0
        if observed <= ratio * mean:
            continue
        days = baseline.recurs.get(name, 0)
        own = baseline.threshold(name, window.start, (k + recurring_k * bool(days)) * baseline.heavy(name), c)
        threshold = max(own, baseline.came_back(name, window.start), ratio * mean, floor - 1)
        if observed > threshold:
            busiest = max((n for ip, n in window.ips[kind].items() if ip not in NOBODY), default=0)
            if busiest > share * observed and observed - busiest <= threshold:
                continue
            expected = baseline.expected(name, window.start) or 0.0
            evidence: dict[str, str | int | float] = {
                "client IPs": len(window.ips[kind]),
                "share of the busiest IP": round(busiest / observed, 2),
            }
            if days:
                evidence["has happened on days of the last 14"] = days
            yield Sighting(
                observed,
                expected,
                threshold,
                status_class=name,
                severity=Severity.HIGH if observed >= high * max(expected, mean, 1.0) else None,
                mean=mean,
                deviation=usual.deviation if usual else 0.0,
                evidence=evidence,
            )
