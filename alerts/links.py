"""Which incidents an alert could belong to: an index, so that a flood of alerts costs each of them the same."""

from collections.abc import Iterator

from alerts.campaign import Folded
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


def places(alert: Alert | Folded) -> tuple[Endpoint, ...]:
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

    def put(self, key: AlertKey, alert: Alert | Folded) -> None:
        if not alert.incident:
            return
        self._alerts.setdefault(alert.incident, {})[key] = None
        links: list[list[int]] = []
        for link in _given(alert):
            behind = self._behind.get(link)
            known = behind.get(alert.incident) if behind is not None else None
            if known is not None:
                known[0] += 1
                known[1] = max(known[1], alert.last)
            else:
                known = [1, alert.last]
                if behind is None:
                    self._behind[link] = {alert.incident: known}
                else:
                    behind[alert.incident] = known
            links.append(known)
        if isinstance(alert, Folded):
            alert.links = links

    def take(self, key: AlertKey, alert: Alert | Folded) -> None:
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

    def prolong(self, alert: Alert | Folded) -> None:
        """It is found again; nothing but its last minute matters here."""
        links = [self._behind[link][alert.incident] for link in _given(alert)] if alert.incident else []
        for known in links:
            known[1] = max(known[1], alert.last)
        if isinstance(alert, Folded):
            alert.links = links

    def incidents(self, alert: Alert) -> set[str]:
        """The incidents that hold an alert related to this one, lately enough."""
        since: Minute = alert.first - QUIET
        return {id for link in _sought(alert) for id, (_, last) in self._behind.get(link, {}).items() if last >= since}

    def alerts(self, incident: str) -> list[AlertKey]:
        return list(self._alerts.get(incident, ()))


def links_alike(a: Alert | Folded, b: Alert | Folded) -> bool:
    """Whether both stand behind the same links."""
    return a.incident == b.incident and a.sighting.actor == b.sighting.actor and a.endpoint == b.endpoint and a.places == b.places


def _given(alert: Alert | Folded) -> list[Link]:
    """What others find this alert by."""
    actor = alert.sighting.actor
    given: list[Link] = [("actor", actor)] if actor else []
    for place in places(alert):
        given.append(("at", place))
        if not actor:
            given.append(("nobody at", place))
    if alert.detector in TOGETHER:
        given.append(("together", alert.detector, alert.endpoint.service))
        if not actor:
            given.append(("nobody together", alert.detector, alert.endpoint.service))
    return given


def _sought(alert: Alert) -> Iterator[Link]:
    """What this alert finds others by: one that names an actor meets those of the same actor, and those of nobody."""
    actor, endpoint = alert.sighting.actor, alert.endpoint
    if actor:
        yield "actor", actor
    for place in places(alert):
        yield "nobody at" if actor else "at", place
    if alert.detector in TOGETHER:
        yield "nobody together" if actor else "together", alert.detector, endpoint.service
