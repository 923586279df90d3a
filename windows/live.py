"""The live window: the counts of one endpoint's 20 minutes while they last, fed row by row.

A count is declared once, as a field of LiveWindow. What detectors may read of it stands in windows.window; what is kept of it in windows.closing.
"""

from collections.abc import Container, Mapping, Set
from dataclasses import dataclass, field

from model import NOBODY, OTHER, AlertKey, Endpoint, Minute
from stats.sketch import Sketch
from windows.context import NOTHING_KNOWN, Context
from windows.day import RollingDay
from windows.parameter import Parameter
from windows.record import REFUSED

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


def _by_status_class() -> tuple[dict[str, int], ...]:
    return ({}, {}, {}, {}, {}, {})


@dataclass(slots=True, eq=False)
class LiveWindow:
    """`touched…` name the actors that got calls since `judged()`. `busiest…` say how much the busiest actor did, so that a detector need not look at each
    where none did enough."""

    endpoint: Endpoint
    start: Minute
    day: RollingDay = field(default_factory=RollingDay)
    regulars: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    context: Context = NOTHING_KNOWN
    service_days: int = 0
    homes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    minute: Minute = -1
    """Up to which it was fed."""

    n: int = 0
    classes: list[int] = field(default_factory=lambda: [0] * 6)
    statuses: dict[int, int] = field(default_factory=dict)
    ips: tuple[dict[str, int], ...] = field(default_factory=_by_status_class)
    identities: tuple[dict[str, int], ...] = field(default_factory=_by_status_class)
    bytes: dict[str, list[int]] = field(default_factory=dict)
    codes: dict[int, dict[str, int]] = field(default_factory=dict)
    """HTTP status -> IP or identity -> calls: a dictionary for each of many actors would take three times the room"""
    request_bytes: int = 0
    response_bytes: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    entered: dict[str, int] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    agents: dict[str, int] = field(default_factory=dict)
    auth: dict[str, int] = field(default_factory=dict)
    """"2xx jwt+subscription-key" -> calls"""
    reasons: dict[str, int] = field(default_factory=dict)
    sizes: dict[tuple[int, int], dict[int, int]] = field(default_factory=dict)
    sightings: dict[tuple[str, str, str], dict[int, int]] = field(default_factory=dict)
    sensitive: dict[tuple[str, str], dict[int, int]] = field(default_factory=dict)
    routes: dict[str, dict[Endpoint, int]] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    lost: dict[str, set[Endpoint]] = field(default_factory=dict)
    behind: dict[str, tuple[set[str], set[str]]] = field(default_factory=dict)
    origins: dict[str, dict[str, int]] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)

    busiest: list[int] = field(default_factory=lambda: [0] * 6)
    busiest_lately: list[int] = field(default_factory=lambda: [0] * 6)
    busiest_request: int = 0
    busiest_response: int = 0
    busiest_routes: int = 0
    changed: set[str] = field(default_factory=set)
    """Tables of the tally that added something since `judged()`."""
    touched: set[str] = field(default_factory=set)
    touched_identities: set[str] = field(default_factory=set)
    touched_values: dict[str, set[str]] = field(default_factory=dict)
    touched_sightings: set[tuple[str, str, str]] = field(default_factory=set)

    dirty: bool = False
    """Its row has to be written."""
    marks: set[tuple[AlertKey, str | None, str]] = field(default_factory=set)
    """What was found in it, the actor accused, and the series concerned."""
    flagged: set[str] = field(default_factory=set)
    """Actors that were found in it: not learned."""
    tainted: set[str] = field(default_factory=set)
    """Series that were found in it: not learned."""
    found: set[str] = field(default_factory=set)
    """Detectors that found something in it."""

    def __post_init__(self) -> None:
        self.minute = self.start

    # what is read of it

    def statuses_of(self, actor: str | None) -> dict[int, int]:
        if actor is None:
            return dict(self.statuses)
        return {status: own[actor] for status, own in self.codes.items() if actor in own}

    def identifies(self, name: str) -> bool:
        return name.startswith("path:") or self.parameters[name].has_identifiers()

    def unseen(self, name: str, seen: Sketch) -> float:
        return self.parameters[name].count_unseen(seen)

    # what judging leaves in it

    def mark(self, key: AlertKey, actor: str | None, series: str) -> None:
        """Something was found: neither the actor nor the series ("" for none) is to be learned."""
        self.marks.add((key, actor, series))
        if actor is not None:
            self.flagged.add(actor)
        if series:
            self.tainted.add(series)

    def accuse(self, actors: Set[str]) -> None:
        """None of these actors is to be learned. Only those that called are remembered: in a flood thousands are accused, and most endpoints saw few of them."""
        if actors:
            known: list[Mapping[str, object]] = [
                *self.codes.values(),
                *self.ips,
                *self.identities,
                self.refused,
                self.routes,
                self.unknown,
                self.behind,
            ]
            known += [parameter.by_ip for parameter in self.parameters.values()]
            for own in known:
                self.flagged.update(actors & own.keys())

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
        self.changed.clear()
        self.touched.clear()
        self.touched_identities.clear()
        self.touched_values.clear()
        self.touched_sightings.clear()

    # a method a table of the tally

    def call(
        self, ip: str, status: int, n: int, request: int, response: int, request_max: int, response_max: int, minute: Minute | None = None
    ) -> None:
        """`minute` is the window's first where none is given."""
        status_class = status // 100
        self.n += n
        self.classes[status_class] += n
        self.statuses[status] = self.statuses.get(status, 0) + n
        ips = self.ips[status_class]
        calls = ips[ip] = ips.get(ip, 0) + n
        if calls > self.busiest[status_class]:
            self.busiest[status_class] = calls
        lately = self.day.called(status_class, ip, n, self.start if minute is None else minute)
        if lately > self.busiest_lately[status_class]:
            self.busiest_lately[status_class] = lately
        self.request_bytes += request
        self.response_bytes += response
        codes = self.codes.get(status)
        if codes is None:
            codes = self.codes[status] = {}
        codes[ip] = codes.get(ip, 0) + n
        sizes = self.bytes.get(ip)
        if sizes is None:
            sizes = self.bytes[ip] = [request, response, request_max, response_max, 0, 0]
        else:
            sizes[0] += request
            sizes[1] += response
            if request_max > sizes[2]:
                sizes[2] = request_max
            if response_max > sizes[5]:
                sizes[3:] = sorted((*sizes[3:5], response_max), reverse=True)
        if sizes[1] > self.busiest_response:
            self.busiest_response = sizes[1]
        if request_max > self.busiest_request:
            self.busiest_request = request_max
        if status_class == 4:
            if status in REFUSED:
                self.refused[ip] = self.refused.get(ip, 0) + n
        elif status_class == 2:
            if self.refused.get(ip, 0) >= BURST:
                self.entered.setdefault(ip, self.refused[ip])
            if self.context.sensitive:
                self.day.answered(ip, response, self.start)
        self.touched.add(ip)

    def route(self, ip: str, status: int, n: int, endpoint: Endpoint) -> None:
        """Only for a whole service: a call of one IP to this endpoint of it."""
        self.n += n
        self.classes[status // 100] += n
        self.statuses[status] = self.statuses.get(status, 0) + n
        routes = self.routes.get(ip)
        if routes is None:
            routes = self.routes[ip] = {}
        if endpoint in routes:
            routes[endpoint] += n
        elif len(routes) < ROUTES:
            routes[endpoint] = n
            if len(routes) > self.busiest_routes:
                self.busiest_routes = len(routes)
        ips = self.ips[0]
        ips[ip] = ips.get(ip, 0) + n
        if status // 100 == 4:
            self.errors[ip] = self.errors.get(ip, 0) + n
            if not endpoint.matched:
                self.unknown[ip] = self.unknown.get(ip, 0) + n
                lost = self.lost.setdefault(ip, set())
                if len(lost) < ROUTES:
                    lost.add(endpoint)
        self.touched.add(ip)

    def caller(self, ip: str, identity: str, agent: str, country: str, ok: int) -> None:
        """Only for a whole service: who called from this address, and from where."""
        if ip not in NOBODY:
            people, programs = self.behind.get(ip) or self.behind.setdefault(ip, (set(), set()))
            if identity not in NOBODY and len(people) < BEHIND:
                people.add(identity)
            if agent and len(programs) < BEHIND:
                programs.add(agent)
        if identity not in NOBODY and country and ok:
            countries = self.origins.setdefault(identity, {})
            countries[country] = countries.get(country, 0) + ok

    def identity(self, identity: str, status: int, n: int) -> None:
        known = self.identities[status // 100]
        known[identity] = known.get(identity, 0) + n
        codes = self.codes.setdefault(status, {})
        codes[identity] = codes.get(identity, 0) + n
        self.touched_identities.add(identity)

    def value(self, ip: str, name: str, value: int, n: int, ok: int, value_type: int) -> None:
        parameter = self.parameters.get(name)
        if parameter is None:
            if len(self.parameters) >= PARAMETERS:
                name = f"query:{OTHER}"
                parameter = self.parameters.get(name)
            if parameter is None:
                parameter = self.parameters[name] = Parameter()
        parameter.add(ip, value, n, ok, value_type)
        touched = self.touched_values.get(name)
        if touched is None:
            touched = self.touched_values[name] = set()
        touched.add(ip)
        self.day.value(ip, name, value, self.start)

    def size(self, metric: int, status_class: int, bucket: int, n: int) -> None:
        key = metric, status_class
        histogram = self.sizes.get(key)
        if histogram is None:
            histogram = self.sizes[key] = {}
        histogram[bucket] = histogram.get(bucket, 0) + n

    def agent(self, name: str, n: int) -> None:
        count(self.agents, name, n)

    def evidence(self, name: str, status: int, n: int) -> None:
        count(self.auth, f"{status // 100}xx {name}", n)

    def reason(self, name: str, n: int) -> None:
        count(self.reasons, name, n)

    def sighting(self, rule: str, ip: str, status: int, detail: str, n: int) -> None:
        key = rule, ip, detail
        if key not in self.sightings and len(self.sightings) >= 16 * NAMES:
            key = rule, OTHER, detail
        statuses = self.sightings.setdefault(key, {})
        statuses[status] = statuses.get(status, 0) + n
        self.touched_sightings.add(key)

    def carry(self, information: str, place: str, status_class: int, n: int) -> None:
        """What looking into calls of one status class showed."""
        key = information, place
        if key not in self.sensitive and len(self.sensitive) >= SENSITIVE_PLACES:
            key = information, OTHER
        classes = self.sensitive.setdefault(key, {})
        classes[status_class] = classes.get(status_class, 0) + n

    def trim(self) -> None:
        """Fold the least active actors into OTHER where there are more than ACTORS. Called after each minute."""
        for counts in (*self.ips, *self.identities, self.refused, self.unknown, self.errors):
            if len(counts) > ACTORS:
                for name in _least(counts):
                    counts[OTHER] = counts.get(OTHER, 0) + counts.pop(name)
        if len(self.bytes) > ACTORS:
            rest = self.bytes.setdefault(OTHER, [0] * 6)
            for name in _least({ip: sizes[1] + sizes[0] for ip, sizes in self.bytes.items() if ip != OTHER}):
                sizes = self.bytes.pop(name)
                for codes in self.codes.values():
                    codes.pop(name, None)
                self.touched.discard(name)
                rest[:3] = rest[0] + sizes[0], rest[1] + sizes[1], max(rest[2], sizes[2])
                rest[3:] = sorted((*rest[3:], *sizes[3:]), reverse=True)[:3]
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
                for name in _least({ip: len(own) for ip, own in parameter.by_ip.items()}):
                    del parameter.by_ip[name]


def count(counts: dict[str, int], name: str, n: int) -> None:
    """Add to a name's count; names past NAMES are counted as OTHER."""
    if name not in counts and len(counts) >= NAMES:
        name = OTHER
    counts[name] = counts.get(name, 0) + n


def _least(counts: Mapping[str, int]) -> list[str]:
    """The names to fold, so that three quarters of ACTORS stay; equals by name, so that the order of arrival does not matter."""
    return sorted(counts.keys() - {OTHER}, key=lambda name: (counts[name], name))[: len(counts) - ACTORS * 3 // 4]
