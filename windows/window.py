"""A window: what is known of one endpoint's 20 minutes while they last, and the record that stays of them."""

from collections.abc import Container, Iterable, Mapping

from model import NOBODY, OTHER, STATUS_CLASSES, AlertKey, Endpoint, Minute
from stats.rank import largest
from stats.sketch import SPAN, Sketch, shorten, sketch
from stats.sketch import pack as pack_sketch
from windows.context import NOTHING_KNOWN, Context
from windows.day import RollingDay
from windows.record import FOUND, LEARNT_VALUES, REFUSED, ParameterRecord, Record, taint
from windows.usual_code import learnable
from windows.values import VALUE_TYPES

ACTORS = 20_000
"""IPs, and identities, that a window tells apart; the least active are folded into OTHER, so a flood of spoofed ones cannot hide a busy one."""
PARAMETERS = 64
VALUES = 20_000
"""Distinct values of one parameter that a window tells apart."""
VALUES_OF_ONE = 2_000
"""Distinct values of one parameter and one IP: twice what the strongest enumeration of the test traffic sends."""
NAMES = 64
"""User agents, reasons, kinds of evidence, details of sightings: each."""
FIRST_IPS = 5
"""So many IPs make a new parameter or type a roll-out."""
BEHIND = 8
"""Identities, and user agents, that are told apart behind one address: more than it takes to call it shared."""
ROUTES = 512
"""Distinct routes that are counted for one IP."""
SENSITIVE_PLACES = 500
"""(information type, place) of one window."""
BURST = 10
"""Refused calls of one IP after which its next success is a break-in."""

ID_TYPES = tuple(VALUE_TYPES.index(name) for name in ("integer", "uuid", "hex", "email"))
ID_SHARE = 0.8


class Parameter:
    """One parameter in one window. Hashes are 64-bit and keyed; whether a value was answered 2xx at least once is kept with it."""

    __slots__ = ("by_ip", "most", "n", "new", "ok", "seen", "types", "unseen", "values")

    def __init__(self) -> None:
        self.new: list[int] = []
        """Values that came since the unseen ones were counted."""
        self.seen: Sketch | None = None
        self.unseen = 0
        self.n = 0
        self.ok = 0
        self.values: dict[int, bool] = {}
        self.by_ip: dict[str, dict[int, bool]] = {}
        self.most = 0
        """Distinct values of the IP with the most."""
        self.types: dict[int, tuple[int, set[str]]] = {}


class Window:
    """The live counts of one (endpoint, window), fed row by row. `touched…` name the actors that got calls since `judged()`, `busiest…` say how much the
    busiest actor did, so that a detector need not look at each where none did enough."""

    __slots__ = (
        "agents", "auth", "behind", "busiest", "busiest_lately", "busiest_request", "busiest_response", "busiest_routes",
        "bytes", "changed", "classes", "codes", "context", "day", "dirty", "endpoint", "entered", "errors", "flagged", "found", "homes", "identities",
        "ips", "late", "lost", "marks", "minute", "n", "origins", "parameters", "reasons", "refused", "regulars", "request_bytes", "response_bytes", "routes", "sensitive",
        "service_days", "sightings", "sizes", "start", "statuses", "tainted", "touched", "touched_identities", "touched_sightings", "touched_values", "unknown",
    )  # fmt: skip

    def __init__(
        self,
        endpoint: Endpoint,
        start: Minute,
        *,
        day: RollingDay | None = None,
        regulars: Mapping[str, Mapping[str, float]] | None = None,
        context: Context = NOTHING_KNOWN,
        service_days: int = 0,
        homes: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.start = start
        self.day = day if day is not None else RollingDay()
        self.regulars = regulars if regulars is not None else {}
        """measure -> actor -> the largest that this actor did on its regular days; only actors with enough days are in it."""
        self.context = context
        self.service_days = service_days
        """Days of history of the whole service."""
        self.minute = start
        self.n = 0
        self.classes = [0] * 6
        self.statuses: dict[int, int] = {}
        self.ips: tuple[dict[str, int], ...] = ({}, {}, {}, {}, {}, {})
        self.busiest = [0] * 6
        """Status class -> calls of the busiest IP."""
        self.busiest_lately = [0] * 6
        """Status class -> most calls of one IP within `day.LATELY` minutes, which may have begun before the window."""
        self.busiest_request = 0
        """The largest request in bytes."""
        self.busiest_response = 0
        """All response bytes of the IP with the most."""
        self.busiest_routes = 0
        """Distinct routes of the IP with the most."""
        self.bytes: dict[str, list[int]] = {}
        """ip -> [request bytes, response bytes, largest request, largest, second and third largest response]; of the calls that one minute counts together,
        the largest stands for all"""
        self.codes: dict[str, dict[int, int]] = {}
        """ip or identity -> HTTP status -> n"""
        self.request_bytes = 0
        self.response_bytes = 0
        self.refused: dict[str, int] = {}
        self.entered: dict[str, int] = {}
        """ip -> how many calls had been refused when one was let in"""
        self.identities: tuple[dict[str, int], ...] = ({}, {}, {}, {}, {}, {})
        self.parameters: dict[str, Parameter] = {}
        self.agents: dict[str, int] = {}
        self.auth: dict[str, int] = {}
        self.reasons: dict[str, int] = {}
        self.sizes: dict[tuple[int, int], dict[int, int]] = {}
        """(kind, status class) -> bucket -> n"""
        self.sightings: dict[tuple[str, str, str], dict[int, int]] = {}
        """(rule, ip, detail) -> status -> n"""
        self.sensitive: dict[tuple[str, str], dict[int, int]] = {}
        """(information type, place) -> status class -> calls looked into"""
        self.routes: dict[str, set[Endpoint]] = {}
        self.homes = homes if homes is not None else {}
        """Only of a whole service: identity -> country from which it was busy on earlier days -> the first of them."""
        self.behind: dict[str, tuple[set[str], set[str]]] = {}
        """Only of a whole service: ip -> identities and user agents, a few of each."""
        self.origins: dict[str, dict[str, int]] = {}
        """Only of a whole service: identity -> country -> calls that were answered 2xx."""
        self.unknown: dict[str, int] = {}
        """ip -> calls to paths that match no operation and were refused (4xx)"""
        self.lost: dict[str, set[Endpoint]] = {}
        """ip -> the folded paths of them"""
        self.errors: dict[str, int] = {}
        self.changed: set[str] = set()
        self.touched: set[str] = set()
        self.touched_identities: set[str] = set()
        self.touched_values: dict[str, set[str]] = {}
        """parameter -> ips"""
        self.touched_sightings: set[tuple[str, str, str]] = set()
        self.dirty = False
        """Its row has to be written."""
        self.marks: set[tuple[AlertKey, str | None, str]] = set()
        """What was found in it, the actor accused, and the series concerned."""
        self.flagged: set[str] = set()
        """Actors that were found in it: not learned."""
        self.tainted: set[str] = set()
        """Series that were found in it: not learned."""
        self.found: set[str] = set()
        self.late: dict[str, int] = {}

    def mark(self, key: AlertKey, actor: str | None, series: str) -> None:
        """Something was found: neither the actor nor the series ("" for none) is to be learned."""
        self.marks.add((key, actor, series))
        if actor is not None:
            self.flagged.add(actor)
        if series:
            self.tainted.add(series)

    def forgive(self, expected: Container[AlertKey]) -> None:
        """What was found and turns out to be expected is to be learned after all."""
        kept = {mark for mark in self.marks if mark[0] not in expected}
        if len(kept) < len(self.marks):
            self.marks = kept
            self.flagged = {actor for _, actor, _ in kept if actor is not None}
            self.tainted = {series for _, _, series in kept if series}
            self.dirty = True

    def carry(self, information: str, place: str, kind: int, n: int) -> None:
        """What looking into calls of one status class showed."""
        key = information, place
        if key not in self.sensitive and len(self.sensitive) >= SENSITIVE_PLACES:
            key = information, OTHER
        classes = self.sensitive.setdefault(key, {})
        classes[kind] = classes.get(kind, 0) + n

    def call(
        self, ip: str, status: int, n: int, request: int, response: int, request_max: int, response_max: int, minute: Minute | None = None
    ) -> None:
        """`minute` is the window's first where none is given."""
        kind = status // 100
        self.n += n
        self.classes[kind] += n
        self.statuses[status] = self.statuses.get(status, 0) + n
        ips = self.ips[kind]
        calls = ips[ip] = ips.get(ip, 0) + n
        if calls > self.busiest[kind]:
            self.busiest[kind] = calls
        lately = self.day.called(kind, ip, n, self.start if minute is None else minute)
        if lately > self.busiest_lately[kind]:
            self.busiest_lately[kind] = lately
        self.request_bytes += request
        self.response_bytes += response
        sizes = self.bytes.get(ip)
        if sizes is None:
            sizes = self.bytes[ip] = [request, response, request_max, response_max, 0, 0]
            self.codes[ip] = {status: n}
        else:
            codes = self.codes[ip]
            codes[status] = codes.get(status, 0) + n
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
        if kind == 4:
            if status in REFUSED:
                self.refused[ip] = self.refused.get(ip, 0) + n
        elif kind == 2:
            if self.refused.get(ip, 0) >= BURST:
                self.entered.setdefault(ip, self.refused[ip])
            if self.context.sensitive:
                self.day.answered(ip, response, self.start)
        self.touched.add(ip)

    def route(self, ip: str, status: int, n: int, endpoint: Endpoint) -> None:
        """Only for a whole service: where else this IP went."""
        self.n += n
        self.classes[status // 100] += n
        self.statuses[status] = self.statuses.get(status, 0) + n
        routes = self.routes.get(ip)
        if routes is None:
            routes = self.routes[ip] = set()
        if len(routes) < ROUTES:
            routes.add(endpoint)
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
        codes = self.codes.setdefault(identity, {})
        codes[status] = codes.get(status, 0) + n
        self.touched_identities.add(identity)

    def value(self, ip: str, name: str, value: int, n: int, ok: int, kind: int) -> None:
        parameter = self.parameters.get(name)
        if parameter is None:
            if len(self.parameters) >= PARAMETERS:
                name = f"query:{OTHER}"
                parameter = self.parameters.get(name)
            if parameter is None:
                parameter = self.parameters[name] = Parameter()
        parameter.n += n
        parameter.ok += ok
        fine = ok > 0
        values = parameter.values
        if value in values:
            if fine:
                values[value] = True
        elif len(values) < VALUES:
            values[value] = fine
            parameter.new.append(value)
        own = parameter.by_ip.get(ip)
        if own is None:
            own = parameter.by_ip[ip] = {}
        if value in own:
            if fine:
                own[value] = True
        elif len(own) < VALUES_OF_ONE:
            own[value] = fine
            if len(own) > parameter.most:
                parameter.most = len(own)
        count, ips = parameter.types.get(kind) or (0, set())
        if len(ips) < FIRST_IPS:
            ips.add(ip)
        parameter.types[kind] = (count + n, ips)
        touched = self.touched_values.get(name)
        if touched is None:
            touched = self.touched_values[name] = set()
        touched.add(ip)
        self.day.value(ip, name, value, self.start)

    def size(self, kind: int, status_class: int, bucket: int, n: int) -> None:
        key = kind, status_class
        histogram = self.sizes.get(key)
        if histogram is None:
            histogram = self.sizes[key] = {}
        histogram[bucket] = histogram.get(bucket, 0) + n

    def agent(self, name: str, n: int) -> None:
        _count(self.agents, name, n)

    def evidence(self, name: str, status: int, n: int) -> None:
        _count(self.auth, f"{status // 100}xx {name}", n)

    def reason(self, name: str, n: int) -> None:
        _count(self.reasons, name, n)

    def sighting(self, rule: str, ip: str, status: int, detail: str, n: int) -> None:
        key = rule, ip, detail
        if key not in self.sightings and len(self.sightings) >= 16 * NAMES:
            key = rule, OTHER, detail
        statuses = self.sightings.setdefault(key, {})
        statuses[status] = statuses.get(status, 0) + n
        self.touched_sightings.add(key)

    def identifies(self, name: str) -> bool:
        """Whether a parameter looks like an identifier: it is part of the path, or its values nearly always have a type that identifiers have."""
        if name.startswith("path:"):
            return True
        parameter = self.parameters[name]
        return sum(parameter.types[kind][0] for kind in ID_TYPES if kind in parameter.types) >= ID_SHARE * parameter.n

    def unseen(self, name: str, seen: Sketch) -> float:
        """How many of a parameter's distinct values `seen` does not hold. Counts only what is new since it was last asked."""
        parameter = self.parameters[name]
        if parameter.seen is not seen:
            parameter.seen, parameter.unseen, parameter.new = seen, 0, list(parameter.values)
        bound, hashes = seen.bound, seen.hashes
        for value in parameter.new:
            short = shorten(value)
            parameter.unseen += short < bound and short not in hashes
        parameter.new.clear()
        return parameter.unseen * SPAN / bound

    def judged(self) -> None:
        """Forget what was touched: everything so far has been judged."""
        self.changed.clear()
        self.touched.clear()
        self.touched_identities.clear()
        self.touched_values.clear()
        self.touched_sightings.clear()

    def trim(self) -> None:
        """Fold the least active actors into OTHER where there are more than ACTORS. Called after each minute."""
        for counts in (*self.ips, *self.identities, self.refused, self.unknown, self.errors):
            if len(counts) > ACTORS:
                for name in _least(counts):
                    counts[OTHER] = counts.get(OTHER, 0) + counts.pop(name)
        if len(self.bytes) > ACTORS:
            rest = self.bytes.setdefault(OTHER, [0] * 6)
            self.codes.setdefault(OTHER, {})
            for name in _least({ip: sizes[1] + sizes[0] for ip, sizes in self.bytes.items() if ip != OTHER}):
                sizes = self.bytes.pop(name)
                del self.codes[name]
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

    def statuses_of(self, actor: str | None) -> dict[int, int]:
        """HTTP status -> calls, of one IP or identity or of everyone."""
        return dict(self.statuses if actor is None else self.codes.get(actor, {}))

    def record(self, seen: Mapping[str, Sketch] | None = None) -> Record:
        """What stays. `seen`: the values known of each parameter, where enough days are known; without it nothing is counted as new."""
        series, tops, pairs = self._learnable()
        parameters: dict[str, ParameterRecord] = {}
        for name, parameter in self.parameters.items():
            short = self._usual_values(parameter)
            parameters[name] = self._parameter_record(parameter, short)
            marked = f"distinct:{name}" in self.tainted
            series[f"distinct:{name}"] = taint(marked, len(short))
            if seen is not None:
                known = seen.get(name)
                series[f"unseen:{name}"] = taint(marked, round(known.unseen(short)) if known else len(short))
            left_out = self.flagged.union(NOBODY)
            _rank(tops, f"distinct:{name}", (len(own) for ip, own in parameter.by_ip.items() if ip not in left_out), 2)
        return Record(
            calls=dict(self.statuses),
            ips=len(self.bytes),
            request_bytes=self.request_bytes,
            response_bytes=self.response_bytes,
            sizes={f"{metric} {STATUS_CLASSES[of - 1]}": dict(histogram) for (metric, of), histogram in self.sizes.items()},
            parameters=parameters,
            agents=dict(self.agents),
            auth=dict(self.auth),
            reasons=dict(self.reasons),
            sightings=_sightings_by_rule(self.sightings),
            series=series,
            tops=tops,
            pairs=pairs,
            found=sorted(self.found),
            late=dict(self.late),
            code=learnable(self.sightings) if self.sightings else {},
        )

    def _learnable(self) -> tuple[dict[str, int], dict[str, list[float]], dict[str, int]]:
        """`series`, `tops` and `pairs` of the record, but for those of parameters: all without the actors that were found."""
        flagged, left_out = self.flagged, self.flagged.union(NOBODY)
        series: dict[str, int] = {}
        tops: dict[str, list[float]] = {}
        pairs: dict[str, int] = {}
        for number, status_class in enumerate(STATUS_CLASSES, 1):
            ips = self.ips[number]
            if not ips:
                continue
            usual = {ip: n for ip, n in ips.items() if ip not in flagged} if flagged else ips
            series[status_class] = taint(status_class in self.tainted, sum(usual.values()))
            pairs[status_class] = len(usual)
            _rank(tops, f"calls:{status_class}", (n for ip, n in usual.items() if ip not in left_out), 2)
            _rank(tops, f"identity:{status_class}", (n for who, n in self.identities[number].items() if who not in left_out), 2)
        if self.refused:
            series["auth"] = taint("auth" in self.tainted, sum(n for ip, n in self.refused.items() if ip not in flagged))
            _rank(tops, "refused", (n for ip, n in self.refused.items() if ip not in left_out), 2)
        sizes = [own for ip, own in self.bytes.items() if ip not in left_out]
        _rank(tops, "response:sum", (own[1] for own in sizes), 0)
        _rank(tops, "response:call", (own[3] for own in sizes), 0)
        _rank(tops, "response:third", (own[5] for own in sizes), 0)
        _rank(tops, "request:call", (own[2] for own in sizes), 0)
        _rank(tops, "routes", (len(routes) for ip, routes in self.routes.items() if ip not in left_out), 2)
        _rank(tops, "lost", (n for ip, n in self.unknown.items() if ip not in left_out), 1)
        _rank(tops, f"{FOUND}lost", (n for ip, n in self.unknown.items() if ip in flagged), 1)
        return series, tops, pairs

    def _usual_values(self, parameter: Parameter) -> set[int]:
        """Short hashes of the values that callers sent who were not found."""
        values: Iterable[int] = parameter.values
        if self.flagged:
            values = set().union(*(own for ip, own in parameter.by_ip.items() if ip not in self.flagged))
        return {shorten(value) for value in values}

    def _parameter_record(self, parameter: Parameter, short: set[int]) -> ParameterRecord:
        bound, hashes = pack_sketch(sketch(short, LEARNT_VALUES))
        return ParameterRecord(
            n=parameter.n,
            ok=parameter.ok,
            distinct=len(parameter.values),
            ips=len(parameter.by_ip),
            types={type_: count for type_, (count, _) in parameter.types.items()},
            type_ips={type_: len(ips - self.flagged) for type_, (_, ips) in parameter.types.items()},
            usual_ips=len(parameter.by_ip.keys() - self.flagged),
            bound=bound,
            hashes=hashes,
        )


def _count(counts: dict[str, int], name: str, n: int) -> None:
    if name not in counts and len(counts) >= NAMES:
        name = OTHER
    counts[name] = counts.get(name, 0) + n


def _least(counts: Mapping[str, int]) -> list[str]:
    """The names to fold, so that three quarters of ACTORS stay; equals by name, so that the order of arrival does not matter."""
    return sorted(counts.keys() - {OTHER}, key=lambda name: (counts[name], name))[: len(counts) - ACTORS * 3 // 4]


def _rank(tops: dict[str, list[float]], measure: str, values: Iterable[float], above: int) -> None:
    """Values up to `above` are left out: no threshold is that low, and a thousand ones need no room."""
    found = largest(value for value in values if value > above)
    if found:
        tops[measure] = found


def _sightings_by_rule(sightings: Mapping[tuple[str, str, str], Mapping[int, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for (rule, _, detail), statuses in sightings.items():
        _count(found, f"{rule} {detail}", sum(statuses.values()))
    return found
