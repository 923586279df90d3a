"""The live window: the counts of one endpoint's 20 minutes while they last, fed row by row.

A count is declared once, as a field of LiveWindow. What detectors may read of it stands in windows.window; what is kept of it in windows.closing.
"""

from collections.abc import Container, Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from model import NOBODY, OTHER, AlertKey, Endpoint, Minute
from stats.sketch import Sketch
from windows.context import NOTHING_KNOWN, Context
from windows.day import RollingDay
from windows.parameter import Parameter
from windows.record import REFUSED
from windows.sparse import EMPTY, NOBODY_YET, Sizes, with_one

ACTORS = 20_000
"""IPs, and identities, that a window tells apart; the least active are folded into OTHER, so a flood of spoofed ones cannot hide a busy one."""
PARAMETERS = 64
NAMES = 64
"""User agents, reasons, kinds of evidence, details of sightings: each."""
BEHIND = 8
"""Identities, and user agents, that are told apart behind one address: more than it takes to call it shared."""
ROUTES = 512
"""Distinct endpoints that are counted for one IP."""
SENSITIVE_PLACES = 500
"""(information type, place) of one window."""
BURST = 10
"""Refused calls of one IP after which its next success is a break-in."""

Mark = tuple[AlertKey, str | None, str]
"""What was found, the actor accused, and the series concerned."""
_NEW: Any = object()
_NOBODY_BEHIND: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


def _by_status_class() -> list[dict[str, int]]:
    return [EMPTY] * 6


@dataclass(slots=True, eq=False)
class LiveWindow:
    """`touched…` name the actors that got calls since `judged()`. `busiest…` say how much the busiest actor did, so that a detector need not look at each
    where none did enough."""

    endpoint: Endpoint
    start: Minute
    day: RollingDay = field(default_factory=RollingDay)
    regulars: Mapping[str, Mapping[str, float]] = EMPTY
    context: Context = NOTHING_KNOWN
    service_days: int = 0
    homes: Mapping[str, Mapping[str, int]] = EMPTY
    minute: Minute = -1
    """Up to which it was fed."""

    n: int = 0
    classes: list[int] = field(default_factory=lambda: [0] * 6)
    statuses: dict[int, int] = EMPTY
    ips: list[dict[str, int]] = field(default_factory=_by_status_class)
    identities: list[dict[str, int]] = field(default_factory=_by_status_class)
    bytes: Sizes = EMPTY
    codes: dict[int, dict[str, int] | None] = EMPTY
    """HTTP status -> IP or identity -> calls; None where it is the only status of its class so far, so that `ips` and `identities` say the same."""
    request_bytes: int = 0
    response_bytes: int = 0
    refused: dict[str, int] = EMPTY
    entered: dict[str, int] = EMPTY
    parameters: dict[str, Parameter] = EMPTY
    agents: dict[str, int] = EMPTY
    auth: dict[str, int] = EMPTY
    """"2xx jwt+subscription-key" -> calls"""
    reasons: dict[str, int] = EMPTY
    sizes: dict[tuple[int, int], dict[int, int]] = EMPTY
    sightings: dict[tuple[str, str, str], dict[int, int]] = EMPTY
    sensitive: dict[tuple[str, str], dict[int, int]] = EMPTY
    routes: dict[str, tuple[Endpoint, ...] | set[Endpoint]] = EMPTY
    unknown: dict[str, int] = EMPTY
    lost: dict[str, tuple[Endpoint, ...] | set[Endpoint]] = EMPTY
    behind: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = EMPTY
    origins: dict[str, dict[str, int]] = EMPTY
    errors: dict[str, int] = EMPTY

    busiest: list[int] = field(default_factory=lambda: [0] * 6)
    busiest_lately: list[int] = field(default_factory=lambda: [0] * 6)
    most_calls: int = 0
    busiest_request: int = 0
    busiest_response: int = 0
    busiest_answer: int = 0
    busiest_identity: int = 0
    busiest_values: int = 0
    most_values: int = 0
    busiest_errors: int = 0
    busiest_routes: int = 0
    refusals: int = 0
    failed: int = 0
    changed: tuple[str, ...] = ()
    """Tables of the tally that added something since `judged()`."""
    touched: set[str] = NOBODY_YET
    touched_identities: set[str] = NOBODY_YET
    touched_values: dict[str, set[str]] = EMPTY
    touched_sightings: set[tuple[str, str, str]] = NOBODY_YET

    dirty: bool = False
    """Its row has to be written."""
    marks: set[Mark] = NOBODY_YET
    flagged: set[str] = NOBODY_YET
    """Actors that were found in it: not learned."""
    tainted: set[str] = NOBODY_YET
    """Series that were found in it: not learned."""
    found: set[str] = NOBODY_YET
    """Detectors that found something in it."""

    def __post_init__(self) -> None:
        self.minute = self.start

    # what is read of it

    @property
    def busiest_third(self) -> int:
        return self.bytes.third if isinstance(self.bytes, Sizes) else 0

    def statuses_of(self, actor: str | None) -> dict[int, int]:
        if actor is None:
            return dict(self.statuses)
        found = {}
        for status, own in self.codes.items():
            if own is not None:
                n = own.get(actor, 0)
            else:
                n = self.ips[status // 100].get(actor, 0) or self.identities[status // 100].get(actor, 0)
            if n:
                found[status] = n
        return found

    def identifies(self, name: str) -> bool:
        return name.startswith("path:") or self.parameters[name].has_identifiers()

    def unseen(self, name: str, seen: Sketch) -> float:
        return self.parameters[name].count_unseen(seen)

    # what judging leaves in it

    def find(self, detector: str) -> None:
        """This detector found something in it."""
        self.found = self.found or set()
        self.found.add(detector)

    def mark(self, key: AlertKey, actor: str | None, series: str) -> None:
        """Something was found: neither the actor nor the series ("" for none) is to be learned."""
        self.marks = self.marks or set()
        self.marks.add((key, actor, series))
        if actor is not None:
            self.flagged = self.flagged or set()
            self.flagged.add(actor)
        if series:
            self.tainted = self.tainted or set()
            self.tainted.add(series)

    def change(self, table: str) -> None:
        """This table of a tally added something."""
        if table not in self.changed:
            self.changed = (*self.changed, table)

    def accuse(self, actors: Set[str]) -> None:
        """None of these actors is to be learned. Only those that called are remembered: in a flood thousands are accused, and most endpoints saw few of them."""
        if actors:
            known: list[Mapping[str, object]] = [
                *filter(None, self.codes.values()),
                *self.ips,
                *self.identities,
                self.refused,
                self.routes,
                self.unknown,
                self.behind,
            ]
            known += [parameter.by_ip for parameter in self.parameters.values()]
            self.flagged = {*self.flagged}.union(*(actors & own.keys() for own in known))

    def forgive(self, expected: Container[AlertKey]) -> None:
        """What was found and turns out to be expected is to be learned after all."""
        kept = {mark for mark in self.marks if mark[0] not in expected}
        if len(kept) < len(self.marks):
            self.marks = kept
            self.flagged = {actor for _, actor, _ in kept if actor is not None}
            self.tainted = {series for _, _, series in kept if series}
            self.dirty = True

    def judged(self) -> None:
        """Forget what was touched: everything so far has been judged."""
        self.changed = ()
        self.touched = self.touched_identities = self.touched_sightings = NOBODY_YET
        self.touched_values = EMPTY

    # a method a table of the tally

    def call(
        self, ip: str, status: int, n: int, request: int, response: int, request_max: int, response_max: int, minute: Minute | None = None
    ) -> None:
        """`minute` is the window's first where none is given."""
        status_class = status // 100
        self.n += n
        self.classes[status_class] += n
        if self.bytes is EMPTY:
            self.bytes = Sizes()
        self.statuses = self.statuses or {}
        self.statuses[status] = self.statuses.get(status, 0) + n
        own = self._counts_of(status)
        if own is not None:
            own[ip] = own.get(ip, 0) + n
        ips = self.ips[status_class]
        if ips is EMPTY:
            ips = self.ips[status_class] = {}
        calls = ips[ip] = ips.get(ip, 0) + n
        if calls > self.busiest[status_class]:
            self.busiest[status_class] = calls
        lately = self.day.called(status_class, ip, n, self.start if minute is None else minute)
        if lately > self.busiest_lately[status_class]:
            self.busiest_lately[status_class] = lately
            if lately > self.most_calls:
                self.most_calls = lately
        if calls > self.most_calls:
            self.most_calls = calls
        self.request_bytes += request
        self.response_bytes += response
        answered = self.bytes.add(ip, request, response, request_max, response_max)
        if answered > self.busiest_response:
            self.busiest_response = answered
        if response_max > self.busiest_answer:
            self.busiest_answer = response_max
        if request_max > self.busiest_request:
            self.busiest_request = request_max
        if status_class == 4:
            if status in REFUSED:
                self.refused = self.refused or {}
                self.refused[ip] = self.refused.get(ip, 0) + n
                self.refusals += n
        elif status_class == 5:
            self.failed += n
        elif status_class == 2:
            if self.refused.get(ip, 0) >= BURST:
                self.entered = self.entered or {}
                self.entered.setdefault(ip, self.refused[ip])
            if self.context.sensitive:
                self.day.answered(ip, response, self.start)
        if self.touched is NOBODY_YET:
            self.touched = set()
        self.touched.add(ip)

    def _counts_of(self, status: int) -> dict[str, int] | None:
        """Actor -> calls answered with this status; None while no other status of its class was seen."""
        own: dict[str, int] | None = self.codes.get(status, _NEW)
        if own is not _NEW:
            return own
        others = [one for one in self.codes if one // 100 == status // 100]
        self._tell_apart(others)
        self.codes = self.codes or {}
        self.codes[status] = own = {} if others else None
        return own

    def _tell_apart(self, statuses: Iterable[int]) -> None:
        """Count the actors of these by themselves, where the counts of their classes said the same until now."""
        for status in statuses:
            if self.codes[status] is None:
                self.codes[status] = {**self.ips[status // 100], **self.identities[status // 100]}

    def route(self, ip: str, status: int, n: int, endpoint: Endpoint) -> None:
        """Only for a whole service: a call of one IP to this endpoint of it."""
        self.n += n
        self.classes[status // 100] += n
        if self.routes is EMPTY:
            self.routes, self.ips[0] = {}, {}
        self.statuses = self.statuses or {}
        self.statuses[status] = self.statuses.get(status, 0) + n
        routes = self.routes.get(ip, ())
        if len(routes) < ROUTES:
            routes = self.routes[ip] = with_one(routes, endpoint)
            if len(routes) > self.busiest_routes:
                self.busiest_routes = len(routes)
        ips = self.ips[0]
        ips[ip] = ips.get(ip, 0) + n
        if status // 100 == 4:
            self.errors = self.errors or {}
            errors = self.errors[ip] = self.errors.get(ip, 0) + n
            if errors > self.busiest_errors:
                self.busiest_errors = errors
            if not endpoint.matched:
                if not self.unknown:
                    self.unknown, self.lost = {}, {}
                self.unknown[ip] = self.unknown.get(ip, 0) + n
                lost = self.lost.get(ip, ())
                if len(lost) < ROUTES:
                    self.lost[ip] = with_one(lost, endpoint)
        if self.touched is NOBODY_YET:
            self.touched = set()
        self.touched.add(ip)

    def caller(self, ip: str, identity: str, agent: str, country: str, ok: int) -> None:
        """Only for a whole service: who called from this address, and from where."""
        if ip not in NOBODY:
            self.behind = self.behind or {}
            people, programs = self.behind.get(ip) or self.behind.setdefault(ip, _NOBODY_BEHIND)
            is_person = identity not in NOBODY and len(people) < BEHIND and identity not in people
            is_program = bool(agent) and len(programs) < BEHIND and agent not in programs
            if is_person or is_program:
                self.behind[ip] = (*people, identity) if is_person else people, (*programs, agent) if is_program else programs
        if identity not in NOBODY and country and ok:
            self.origins = self.origins or {}
            countries = self.origins.setdefault(identity, {})
            countries[country] = countries.get(country, 0) + ok

    def identity(self, identity: str, status: int, n: int) -> None:
        own = self._counts_of(status)
        if own is not None:
            own[identity] = own.get(identity, 0) + n
        known = self.identities[status // 100]
        if known is EMPTY:
            known = self.identities[status // 100] = {}
        calls = known[identity] = known.get(identity, 0) + n
        if calls > self.busiest_identity:
            self.busiest_identity = calls
        if self.touched_identities is NOBODY_YET:
            self.touched_identities = set()
        self.touched_identities.add(identity)

    def value(self, ip: str, name: str, value: int, n: int, ok: int, value_type: int) -> None:
        parameter = self.parameters.get(name)
        if parameter is None:
            if len(self.parameters) >= PARAMETERS:
                name = f"query:{OTHER}"
                parameter = self.parameters.get(name)
            if parameter is None:
                self.parameters = self.parameters or {}
                parameter = self.parameters[name] = Parameter()
        parameter.add(ip, value, n, ok, value_type)
        if parameter.most > self.busiest_values:
            self.busiest_values = parameter.most
        if len(parameter.values) > self.most_values:
            self.most_values = len(parameter.values)
        touched = self.touched_values.get(name)
        if touched is None:
            self.touched_values = self.touched_values or {}
            touched = self.touched_values[name] = set()
        touched.add(ip)
        self.day.value(ip, name, value, self.start)

    def size(self, metric: int, status_class: int, bucket: int, n: int) -> None:
        key = metric, status_class
        histogram = self.sizes.get(key)
        if histogram is None:
            self.sizes = self.sizes or {}
            histogram = self.sizes[key] = {}
        histogram[bucket] = histogram.get(bucket, 0) + n

    def agent(self, name: str, n: int) -> None:
        self.agents = self.agents or {}
        count(self.agents, name, n)

    def evidence(self, name: str, status: int, n: int) -> None:
        self.auth = self.auth or {}
        count(self.auth, f"{status // 100}xx {name}", n)

    def reason(self, name: str, n: int) -> None:
        self.reasons = self.reasons or {}
        count(self.reasons, name, n)

    def sighting(self, rule: str, ip: str, status: int, detail: str, n: int) -> None:
        key = rule, ip, detail
        if key not in self.sightings and len(self.sightings) >= 16 * NAMES:
            key = rule, OTHER, detail
        self.sightings = self.sightings or {}
        if self.touched_sightings is NOBODY_YET:
            self.touched_sightings = set()
        statuses = self.sightings.setdefault(key, {})
        statuses[status] = statuses.get(status, 0) + n
        self.touched_sightings.add(key)

    def carry(self, information: str, place: str, status_class: int, n: int) -> None:
        """What looking into calls of one status class showed."""
        key = information, place
        if key not in self.sensitive and len(self.sensitive) >= SENSITIVE_PLACES:
            key = information, OTHER
        self.sensitive = self.sensitive or {}
        classes = self.sensitive.setdefault(key, {})
        classes[status_class] = classes.get(status_class, 0) + n

    def trim(self) -> None:
        """Fold the least active actors into OTHER where there are more than ACTORS. Called after each minute."""
        many = [counts for counts in (*self.ips, *self.identities, self.refused, self.unknown, self.errors) if len(counts) > ACTORS]
        if many or len(self.bytes) > ACTORS:
            self._tell_apart(self.codes)
        for counts in many:
            for name in _least(counts):
                counts[OTHER] = counts.get(OTHER, 0) + counts.pop(name)
        if len(self.bytes) > ACTORS:
            least = _least({ip: sizes[1] + sizes[0] for ip, sizes in self.bytes.items() if ip != OTHER})
            self.bytes.fold(least, OTHER)
            for codes in filter(None, self.codes.values()):
                for name in least:
                    codes.pop(name, None)
            if self.touched:
                self.touched.difference_update(least)
        if len(self.behind) > ACTORS:
            for name in _least({ip: len(people) + len(programs) for ip, (people, programs) in self.behind.items()}):
                del self.behind[name]
        if len(self.origins) > ACTORS:
            for name in _least({identity: sum(countries.values()) for identity, countries in self.origins.items()}):
                del self.origins[name]
        if len(self.routes) > ACTORS:
            for name in _least({ip: len(routes) for ip, routes in self.routes.items()}):
                del self.routes[name]
        for parameter in self.parameters.values():
            if len(parameter.by_ip) > ACTORS:
                for name in _least(dict(parameter.by_ip.counts())):
                    parameter.by_ip.forget(name)


def count(counts: dict[str, int], name: str, n: int) -> None:
    """Add to a name's count; names past NAMES are counted as OTHER."""
    if name not in counts and len(counts) >= NAMES:
        name = OTHER
    counts[name] = counts.get(name, 0) + n


def _least(counts: Mapping[str, int]) -> list[str]:
    """The names to fold, so that three quarters of ACTORS stay; equals by name, so that the order of arrival does not matter."""
    return sorted(counts.keys() - {OTHER}, key=lambda name: (counts[name], name))[: len(counts) - ACTORS * 3 // 4]
