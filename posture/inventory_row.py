"""One row of the inventory at a moment: its columns, from what was counted of an endpoint, what is declared of it, and how closely its gateway was watched."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from model import Endpoint, Minute, moment
from posture.facts import Authentication, EndpointFacts, Status, sensitivity
from posture.inventory import DAYS, Day, Exposure, Inventory
from posture.inventory_coverage import WATCHED, Coverage, as_of, gap
from posture.inventory_declared import Declared, Estate
from posture.inventory_shape import DAY, is_proven, proofs
from stats.buckets import quantile
from stats.recent import distinct

Origin = Literal["declared", "behind-wildcard", "undeclared", "never-seen", "removed-but-called"]
MONTH = DAYS * DAY


class Surroundings(NamedTuple):
    """What is the same for all endpoints of a gateway at a moment. `first_of_api`: minute of the first event of each API."""

    estate: Estate
    coverage: Coverage | None
    first_of_api: Mapping[str, Minute]
    now: Minute
    """By the clock."""
    at: Minute
    """As of when it is judged."""
    hole: str
    """The longest gap of events as a sentence."""


class Row(NamedTuple):
    """Times are minutes; None where nothing is known. `kinds`: share of the calls answered 2xx that showed each kind of proof."""

    endpoint: Endpoint
    declared: Declared | None
    origin: Origin
    status: Status
    cause: str
    last: Minute | None
    first: Minute | None
    calls: int
    all_calls: int
    callers: int
    authentication: Authentication
    kinds: Mapping[str, float]
    contradiction: str
    external: bool | None
    external_first: Minute | None
    external_last: Minute | None
    exposures: tuple[Exposure, ...]
    looks: int
    statuses: tuple[int, ...]
    """Calls of the 30 days by status class, 1xx to 5xx."""
    at: Minute = 0
    overlooked: int = 0
    """Calls that looked like attacks and were not looked into, for there were too many."""

    countries: tuple[str, ...] = ()
    """Two letters, those with the most calls first."""

    p95: float | None = None
    """Milliseconds within which 95 % of the calls of the 30 days were answered, to 5 %."""

    @property
    def api_name(self) -> str:
        return self.declared.api_name if self.declared else ""

    @property
    def sensitive(self) -> tuple[str, ...]:
        """Types that are claimed, the surest first."""
        best: dict[str, int] = {}
        for one in self.exposures:
            if one.confidence:
                best[one.type] = max(best.get(one.type, 0), one.confidence)
        return tuple(sorted(best, key=lambda kind: (-best[kind], kind)))

    def facts(self, open_alerts: int = 0, deviations: int = 0) -> EndpointFacts:
        """As assessments, attack paths and risk take it."""
        return EndpointFacts(
            self.endpoint.id,
            self.endpoint.service,
            self.endpoint.api.partition(";rev=")[0],
            self.endpoint.method,
            self.endpoint.template,
            authentication=self.authentication,
            key_only=bool(self.kinds) and set(self.kinds) == {"subscription-key"},
            status=self.status,
            external=self.external,
            sensitivity=sensitivity((one.type, one.confidence) for one in self.exposures),
            sensitive=self.sensitive,
            in_path="{" in self.endpoint.template.replace("{…}", ""),
            open_alerts=open_alerts,
            deviations=deviations,
            is_shadow=self.origin in ("undeclared", "removed-but-called"),
            succeeded=self.statuses[1] > 0,
            calls=self.calls,
        )


def surroundings(estate: Estate, coverage: Coverage | None, first_of_api: Mapping[str, Minute], now: Minute) -> Surroundings:
    at = as_of(coverage, now)
    return Surroundings(estate, coverage, first_of_api, now, at, gap(coverage, at) if coverage is not None else "")


def first_of_apis(endpoints: Iterable[tuple[Endpoint, Minute]]) -> dict[str, dict[str, Minute]]:
    """Service -> API -> minute of its first event."""
    found: dict[str, dict[str, Minute]] = {}
    for endpoint, first in endpoints:
        if first >= 0:
            of_service = found.setdefault(endpoint.service, {})
            of_service[endpoint.api] = min(of_service.get(endpoint.api, first), first)
    return found


def row(endpoint: Endpoint, known: Inventory | None, around: Surroundings) -> Row:
    """Of an endpoint that was seen."""
    declared = around.estate.find(*endpoint[:4]) if endpoint.matched else None
    if known is None or known.first < 0:
        status, cause = _unused(endpoint.api, declared, around)
        return _blank(endpoint, declared, origin(endpoint, None, declared, around), status, cause, around.at)
    at = around.at
    known = known.aged(at)
    days = list(known.days.values())
    classes = [sum(day.classes[at] for day in days) for at in range(5)]
    calls = sum(classes)
    authentication, kinds = _authentication(known)
    if known.last > at - MONTH:
        status, cause = "Active", ""
    else:
        status, cause = _unused(endpoint.api, declared, around)
    if around.now != at and not cause:
        cause = f"As of {moment(at):%Y-%m-%d}: no event of the gateway came since."
    return Row(
        endpoint, declared, origin(endpoint, known, declared, around), status, cause, known.last, known.first, calls, known.calls,
        distinct(known.callers, at // DAY - DAYS + 1), authentication, kinds, _contradiction(known, declared),
        _external(known, calls, at), known.external_first, known.external_last, tuple(known.exposures), known.looks, tuple(classes), at, known.overlooked,
        tuple(sorted(known.countries, key=lambda name: (-known.countries[name][0], name))), _p95(days),
    )  # fmt: skip


def never_seen(declared: Declared, around: Surroundings) -> Row:
    """Of an operation that no event told of."""
    endpoint = Endpoint(declared.service, declared.api, declared.method, declared.template)
    status, cause = _unused(declared.api, declared, around)
    return _blank(endpoint, declared, "never-seen", status, cause, around.at)


def _blank(endpoint: Endpoint, declared: Declared | None, origin: Origin, status: Status, cause: str, at: Minute) -> Row:
    return Row(
        endpoint, declared, origin, status, cause, None, None, 0, 0, 0, "Awaiting data", {}, "", None, None, None, (), 0, (0,) * 5, at
    )


def origin(endpoint: Endpoint, known: Inventory | None, declared: Declared | None, around: Surroundings) -> Origin:
    """Where an endpoint comes from. What the gateway matched is declared, unless there is a description of the gateway and it is not in it."""
    estate = around.estate
    if declared is not None:
        return "declared" if declared.is_current else "removed-but-called"
    last = known.last if known is not None else -1
    if endpoint.matched:
        taken = estate.taken.get(endpoint.service.casefold())
        if endpoint.service.casefold() not in estate.services or (taken is not None and known is not None and known.first > taken):
            return "declared"  # nothing is known of the gateway, or the operation is newer than what is known
        gone = estate.was_declared(*endpoint[:4])
        return "undeclared" if gone is None and taken is None else "removed-but-called" if gone is None or last > gone else "declared"
    gone = estate.was_declared(*endpoint[:4])
    if gone is not None and last > gone:
        return "removed-but-called"
    wildcard = known is not None and known.wildcard > 0
    return "behind-wildcard" if wildcard or estate.is_behind_wildcard(*endpoint[:4]) else "undeclared"


def _unused(api: str, declared: Declared | None, around: Surroundings) -> tuple[Status, str]:
    """Inactive, if it was watched for 30 days without a gap; else what is missing to say so."""
    service = around.coverage.service.casefold() if around.coverage else declared.service.casefold() if declared else ""
    share = around.estate.sampling.get(service, 100.0)
    first = around.first_of_api.get(api)
    cause = ""
    if declared is not None and declared.is_watched is False:
        cause = "The API is not watched: no policy in force includes the fragments."
    elif declared is not None and declared.silent:
        cause = f"Not to be seen: {declared.silent}."
    elif share < 100:
        cause = f"Only {share:g} % of the calls send an event."
    elif around.coverage is None or first is None:
        cause = "No event of this API has come yet."
    elif around.at - first < WATCHED * DAY:
        cause = f"Watched since {moment(first):%Y-%m-%d}, for less than {WATCHED} days."
    elif around.hole:
        cause = f"Not watched all the time: {around.hole}."
    return ("Awaiting data", cause) if cause else ("Inactive", "")


def _authentication(known: Inventory) -> tuple[Authentication, dict[str, float]]:
    shown: Counter[str] = Counter()
    for day in known.days.values():
        shown.update(day.proofs)
    total = sum(shown.values())
    if not total:
        return "Awaiting data", {}
    kinds: Counter[str] = Counter()
    proven = 0
    for evidence, n in shown.items():
        kinds.update(dict.fromkeys(proofs(evidence), n))
        proven += n if is_proven(evidence) else 0
    shares = {kind: round(n / total, 4) for kind, n in sorted(kinds.items())}
    return ("Authenticated" if proven == total else "Mixed" if proven else "Unauthenticated"), shares


def _p95(days: Iterable[Day]) -> float | None:
    histogram: Counter[int] = Counter()
    for day in days:
        histogram.update(day.durations)
    return quantile(histogram, 0.95)


def _contradiction(known: Inventory, declared: Declared | None) -> str:
    if declared is None or declared.demand is None or not declared.demand.kinds or (declared.policy and declared.policy != known.policy):
        return ""
    total = sum(n for day in known.days.values() for n in day.proofs.values())
    nothing = sum(n for day in known.days.values() for kind, n in day.proofs.items() if not is_proven(kind))
    if not nothing:
        return ""
    return (
        f"The policy demands {' and '.join(declared.demand.kinds)}, yet {nothing} of {total} calls that were answered 2xx proved nothing."
    )


def _external(known: Inventory, calls: int, at: Minute) -> bool | None:
    """Whether a call from a public address came in the 30 days; None where none came from anywhere."""
    if known.external_last is not None and known.external_last > at - MONTH:
        return True
    return False if calls else None
