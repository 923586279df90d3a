"""Regular actors: what the busiest IPs and identities do day after day, so that an actor that is always busy is only found when it exceeds itself."""

from collections.abc import Iterable, Iterator, Mapping
from heapq import nlargest

from model import NOBODY, STATUS_CLASSES, Endpoint
from pipeline.step import Regular
from windows.baseline import DAYS, MINUTES_PER_DAY
from windows.live import LiveWindow

REGULAR_CALLS = 20
"""Calls (or values) in a window, or values in a day, from which on an actor's own largest is worth remembering: 1.5 times less is below every floor."""
REGULAR_VALUES = 13
REGULAR_REFUSED = 7
REGULAR_BYTES = 60_000
REGULAR_ROUTES = 5
REGULAR_LOST = 3
"""Calls refused at unknown paths."""
REGULARS_OF_SERVICE = 20
"""Of one window and measure: a storm of thousands makes no regulars."""
REGULAR_DAYS = 3
"""Distinct days on which an actor must have been that busy: no single burst can buy an exemption."""

COUNTRY = "country:"
"""Begins the measures of identities that were busy from one country."""

Measures = Mapping[str, Mapping[str, float]]
"""measure -> actor -> the largest of its regular days"""


class Regulars:
    """The largest measures of the last 30 days, and who is a regular by them."""

    def __init__(self, stored: Iterable[Regular] = ()) -> None:
        self._history: dict[tuple[Endpoint, str], dict[str, dict[int, float]]] = {}
        """(endpoint, measure) -> actor -> day -> largest"""
        self._known: dict[Endpoint, dict[str, dict[str, float]]] = {}
        self._homes: dict[Endpoint, dict[str, dict[str, int]]] = {}
        self._new: dict[tuple[int, Endpoint, str, str], Regular] = {}
        for regular in stored:
            self.remember(regular)

    def of(self, endpoint: Endpoint) -> Measures | None:
        """What the endpoint's regulars did before the day that `turn_to` named."""
        return self._known.get(endpoint)

    def homes(self, service: Endpoint) -> Mapping[str, Mapping[str, int]] | None:
        """Identity -> country from which it was busy before the day that `turn_to` named -> the first of those days."""
        return self._homes.get(service)

    def remember(self, regular: Regular) -> bool:
        """Whether it is larger than what was known of this actor and day."""
        days = self._history.setdefault((regular.endpoint, regular.measure), {}).setdefault(regular.actor, {})
        if days.get(regular.day, 0.0) >= regular.value:
            return False
        days[regular.day] = regular.value
        return True

    def read_window(self, window: LiveWindow) -> None:
        """Remember what its busiest actors did in a window that closes."""
        day = window.start // MINUTES_PER_DAY
        for measure, actors in _busy_in(window):
            for actor, value in actors:
                self._add(Regular(day, window.endpoint, measure, actor, value))

    def read_day(self, window: LiveWindow) -> None:
        """Remember what its busiest actors did in the rolling day up to a window that ended. The detectors of the rolling day judge window by window, so this
        reads window by window: two nightly runs of a job can fall into 24 hours."""
        day = window.start // MINUTES_PER_DAY
        for name, parameter in window.parameters.items():
            for ip, n in window.day.busy(name, parameter.by_ip, window.start, REGULAR_VALUES):
                if ip not in NOBODY:
                    self._add(Regular(day, window.endpoint, f"day:{name}", ip, n))
        for ip, taken in window.day.takers(window.bytes, window.start, REGULAR_BYTES):
            if ip not in NOBODY:
                self._add(Regular(day, window.endpoint, "day:bytes", ip, taken))

    def turn_to(self, today: int) -> None:
        """From now on the days before `today` count; what is older than 30 days is forgotten."""
        known: dict[Endpoint, dict[str, dict[str, float]]] = {}
        homes: dict[Endpoint, dict[str, dict[str, int]]] = {}
        for (endpoint, measure), actors in self._history.items():
            for actor, days in list(actors.items()):
                for old in [day for day in days if day < today - DAYS]:
                    del days[old]
                if not days:
                    del actors[actor]
                    continue
                past = [value for day, value in days.items() if day < today]
                if past and measure.startswith(COUNTRY):
                    homes.setdefault(endpoint, {}).setdefault(actor, {})[measure.removeprefix(COUNTRY)] = min(days)
                if len(past) >= REGULAR_DAYS:
                    known.setdefault(endpoint, {}).setdefault(measure, {})[actor] = max(past)
        self._known, self._homes = known, homes

    def drain(self) -> list[Regular]:
        """What has to be written since the last call."""
        new, self._new = self._new, {}
        return list(new.values())

    def _add(self, regular: Regular) -> None:
        if self.remember(regular):
            self._new[regular.day, regular.endpoint, regular.measure, regular.actor] = regular


def _busy_in(window: LiveWindow) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """Measures, and the actors that did so much of it that their own largest matters."""
    for number, name in enumerate(STATUS_CLASSES, 1):
        for measure, counts in ((f"calls:{name}", window.ips[number]), (f"identity:{name}", window.identities[number])):
            busy = [(actor, float(n)) for actor, n in counts.items() if n >= REGULAR_CALLS and actor not in NOBODY]
            if busy:
                yield measure, busy
    busy = [(ip, float(n)) for ip, n in window.refused.items() if n >= REGULAR_REFUSED and ip not in NOBODY]
    if busy:
        yield "refused", busy
    of_service = {"routes": {ip: len(routes) for ip, routes in window.routes.items() if len(routes) >= REGULAR_ROUTES}}
    of_service["lost"] = {ip: n for ip, n in window.unknown.items() if n >= REGULAR_LOST}
    for measure, counts in of_service.items():
        most = nlargest(REGULARS_OF_SERVICE, ((n, ip) for ip, n in counts.items() if ip not in NOBODY))
        if most:
            yield measure, [(ip, float(n)) for n, ip in most]
    by_country: dict[str, list[tuple[str, float]]] = {}
    for identity, countries in window.origins.items():
        for country, n in countries.items():
            if n >= REGULAR_CALLS:
                by_country.setdefault(country, []).append((identity, float(n)))
    for country, busy in by_country.items():
        yield f"{COUNTRY}{country}", busy
    for parameter, found in window.parameters.items():
        busy = [(ip, float(n)) for ip, n in found.by_ip.counts() if n >= REGULAR_VALUES and ip not in NOBODY]
        if busy:
            yield f"distinct:{parameter}", busy
