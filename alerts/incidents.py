"""What an incident says of the alerts that are in it, and what two of them say together."""

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import TypeVar

from msgspec.structs import replace

from model import Alert, Endpoint, Incident

LISTED = 100
"""Actors, endpoints and alerts that an incident names; a campaign has more, and its numbers say so."""

Name = TypeVar("Name", str, Endpoint)


def alone(alert: Alert) -> Incident:
    actors = (alert.sighting.actor,) if alert.sighting.actor else ()
    return Incident(alert.id, (alert.id,), alert.severity, alert.first, alert.last, actors, (alert.endpoint,), (alert.detector,))


def together(incident: Incident, others: Sequence[Incident]) -> Incident:
    """All as one, under the name of the first."""
    every = (incident, *others)
    alerts = incident.alerts
    if len(alerts) < LISTED:
        alerts = tuple(islice(dict.fromkeys(chain.from_iterable(one.alerts for one in every)), LISTED))
    return replace(
        incident,
        alerts=alerts,
        severity=max(one.severity for one in every),
        first=min(one.first for one in every),
        last=max(one.last for one in every),
        actors=listed(incident.actors, (one.actors for one in others)),
        endpoints=listed(incident.endpoints, (one.endpoints for one in others)),
        detectors=tuple(sorted({name for one in every for name in one.detectors})),
        campaign=max((one.campaign for one in every if one.campaign is not None), key=lambda one: one.actors, default=None),
        open=True,
    )


def listed(names: tuple[Name, ...], more: Iterable[tuple[Name, ...]]) -> tuple[Name, ...]:
    """The first LISTED of all, in order. `names` are in order."""
    new: set[Name] = set(chain.from_iterable(more)).difference(names)
    if len(names) == LISTED:
        last = names[-1]
        new = {name for name in new if name < last}
    return tuple(sorted(new.union(names))[:LISTED]) if new else names
