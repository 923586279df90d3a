"""Many client IPs together ask for values of a parameter that no one asked for in a month."""

from collections.abc import Iterator

from detectors import detector
from model import Severity, Sighting
from stats.rank import rth
from windows.baseline import GROWN_DAYS, Baseline
from windows.window import Window

RANK, WINDOWS = 3, 720
"""The 3rd-largest of 10 days; of fewer days the rank that lets as small a share pass."""
KNOWN = 72
"""Windows in which values were told from known ones; a day of them is little enough."""


@detector(
    id="API_DistributedParameterEnumeration",
    title="Distributed parameter enumeration on an API endpoint",
    severity=Severity.MEDIUM,
    sees="All callers together sent far more values of one parameter that were never seen in 30 days, or more distinct ones, than this endpoint ever gets in 20 minutes.",
    causes="Enumeration of identifiers from many addresses (a botnet, rotating proxies) to stay below limits per IP; or a campaign, an import of new objects.",
    remediation=(
        "Check that the operation tests whether the caller may see each object (object level authorisation).",
        "Limit calls per identity rather than per IP, and require authentication where there is none.",
        "Look at how many values were answered with success: those objects were read.",
    ),
    tactic="InitialAccess",
    techniques=("T1190", "T1213", "T1090.003"),
    owasp_2019=("API1", "API2"),
    owasp_2023=("API1", "API2", "API6"),
    watches="values",
    min_days=7,
    min_calls=200,
    key="parameter",
    taints="distinct:{parameter}",
    refractory=4 * 60,
    grows="most_values",
    least=("floor", "few_floor", "distinct_floor"),
)
def distributed_parameter_enumeration(
    window: Window,
    baseline: Baseline,
    *,
    floor: int = 15,  # unseen values in 20 minutes
    ratio: float = 1.25,  # times the 3rd-largest such window of the last 10 days
    few_floor: int = 30,  # before day 14, when ordinary calls still bring values that a month would have shown, and few windows their largest
    few_ratio: float = 2.0,  # then: times that window
    k: float = 1.25,  # own residuals of the number of distinct values above its season
    c: float = 3.0,  # deviations of that number above its moving average
    distinct_floor: int = 20,  # distinct values at least for that second rule
    distinct_ratio: float = 2.0,  # times the mean of 30 days at least for that second rule
    share: float = 0.5,  # of the busiest IP's values; above it, it is that IP's enumeration
    read: int = 60,  # distinct values answered with success from which on it is severe
) -> Iterator[Sighting]:
    """Values of an identifier that no one sent in 30 days > max(`floor`, `ratio` x 3rd-largest window of 10 days), before day 14
    > max(`few_floor`, `few_ratio` x that window); or distinct values > max(rule B, `distinct_ratio` x 30-day mean,
    `distinct_floor` - 1). Not when one IP has more than `share` of them. High once `read` values were answered with success."""
    if baseline.days < GROWN_DAYS:
        floor, ratio = few_floor, few_ratio
    least = min(floor + 1, distinct_floor)
    for name in window.touched_values:
        parameter = window.parameters[name]
        if len(parameter.values) < least or not window.identifies(name):
            continue
        found = _unseen(window, baseline, name, floor, ratio) or _more(window, baseline, name, k, c, distinct_floor, distinct_ratio)
        if found is None:
            continue
        observed, usual, threshold, unit = found
        distinct = len(parameter.values)
        if parameter.most > share * distinct:
            continue
        ok = sum(parameter.values.values())
        yield Sighting(
            observed,
            usual,
            threshold,
            unit,
            parameter=name,
            severity=Severity.HIGH if ok >= read else None,
            evidence={"distinct values": distinct, "values answered 2xx": ok, "client IPs": len(parameter.by_ip)},
        )


Found = tuple[float, float | None, float, str]


def _unseen(window: Window, baseline: Baseline, name: str, floor: int, ratio: float) -> Found | None:
    fresh, seen = baseline.fresh.get(name), baseline.seen.get(name)
    if fresh is None or seen is None or fresh.windows < KNOWN:
        return None
    usual = rth(fresh.largest, max(1, round(RANK * fresh.windows / WINDOWS))) or 0.0
    threshold = max(floor, ratio * usual)
    unseen = window.unseen(name, seen)
    return (unseen, usual, threshold, "values never seen in 30 days") if unseen > threshold else None


def _more(window: Window, baseline: Baseline, name: str, k: float, c: float, floor: int, ratio: float) -> Found | None:
    series = f"distinct:{name}"
    usual, observed = baseline.series.get(series), len(window.parameters[name].values)
    if usual is None or observed < floor or observed <= ratio * usual.mean:
        return None
    threshold = max(baseline.threshold(series, window.start, k, c), ratio * usual.mean, floor - 1)
    return (observed, baseline.expected(series, window.start), threshold, "distinct values") if observed > threshold else None
