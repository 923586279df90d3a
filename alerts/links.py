"""Which incidents an alert could belong to: an index, so that a flood of alerts costs each of them the same."""

from collections.abc import Iterator

from detectors.latency_spike import latency_spike
from detectors.population_spike import population_spike
from model import Alert, AlertKey, Endpoint, Minute, is_service_endpoint

QUIET = 60
"""Minutes without a finding after which an alert closes; an incident too."""
TOGETHER = (latency_spike.id, population_spike.id)
"""Endpoints of one service that are slow, or flooded by everyone, at the same time are one matter."""

Link = tuple[str | Endpoint, ...]


def related(one: Alert, other: Alert) -> bool:
    """Whether two alerts belong together: one actor; or one endpoint, unless both name different actors."""
    a, b = one.sighting.actor, other.sighting.actor
    if a and b:
        return a == b
    if one.detector == other.detector and one.detector in TOGETHER and one.endpoint.service == other.endpoint.service:
        return True
    return not set(places(one)).isdisjoint(places(other))


def places(alert: Alert) -> tuple[Endpoint, ...]:
    """The endpoints that it names; none where it spans a service."""
    if alert.places:
        return alert.places
    return () if is_service_endpoint(alert.endpoint) else (alert.endpoint,)


class Links:
    """The alerts of each incident, and the incidents behind each link: what `related` says of two alerts, asked of all at once."""

    def __init__(self) -> None:
        self._behind: dict[Link, dict[str, list[int]]] = {}
        """link -> incident -> [alerts that have this link, the last minute of any of them]"""
        self._alerts: dict[str, dict[AlertKey, None]] = {}

    def put(self, key: AlertKey, alert: Alert) -> None:
        if not alert.incident:
            return
        self._alerts.setdefault(alert.incident, {})[key] = None
        for link in _given(alert):
            behind = self._behind.setdefault(link, {})
            known = behind.get(alert.incident)
            if known is None:
                behind[alert.incident] = [1, alert.last]
            else:
                known[0] += 1
                known[1] = max(known[1], alert.last)

    def take(self, key: AlertKey, alert: Alert) -> None:
        if not alert.incident:
            return
        mine = self._alerts[alert.incident]
        del mine[key]
        if not mine:
            del self._alerts[alert.incident]
        for link in _given(alert):
            behind = self._behind[link]
            known = behind[alert.incident]
            known[0] -= 1
            if not known[0]:
                del behind[alert.incident]
                if not behind:
                    del self._behind[link]

    def prolong(self, alert: Alert) -> None:
        """It is found again; nothing but its last minute matters here."""
        for link in _given(alert) if alert.incident else ():
            known = self._behind[link][alert.incident]
            known[1] = max(known[1], alert.last)

    def incidents(self, alert: Alert) -> set[str]:
        """The incidents that hold an alert related to this one, lately enough."""
        since: Minute = alert.first - QUIET
        return {id for link in _sought(alert) for id, (_, last) in self._behind.get(link, {}).items() if last >= since}

    def alerts(self, incident: str) -> list[AlertKey]:
        return list(self._alerts.get(incident, ()))


def links_alike(a: Alert, b: Alert) -> bool:
    """Whether both stand behind the same links."""
    return a.incident == b.incident and a.sighting.actor == b.sighting.actor and a.endpoint == b.endpoint and a.places == b.places


def _given(alert: Alert) -> Iterator[Link]:
    """What others find this alert by."""
    actor, endpoint = alert.sighting.actor, alert.endpoint
    if actor:
        yield "actor", actor
    for place in places(alert):
        yield "at", place
        if not actor:
            yield "nobody at", place
    if alert.detector in TOGETHER:
        yield "together", alert.detector, endpoint.service
        if not actor:
            yield "nobody together", alert.detector, endpoint.service


def _sought(alert: Alert) -> Iterator[Link]:
    """What this alert finds others by: one that names an actor meets those of the same actor, and those of nobody."""
    actor, endpoint = alert.sighting.actor, alert.endpoint
    if actor:
        yield "actor", actor
    for place in places(alert):
        yield "nobody at" if actor else "at", place
    if alert.detector in TOGETHER:
        yield "nobody together" if actor else "together", alert.detector, endpoint.service
