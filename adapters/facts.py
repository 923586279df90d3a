"""What the inventory says of one service's endpoints, as assessments, attack paths and risk take it."""

from datetime import datetime

from adapters import inventory
from adapters.tables import Tables
from model import Endpoint, minute_of
from posture.facts import EndpointFacts, Traffic, sensitivity
from posture.inventory import Inventory
from posture.snapshot import Snapshot

DAYS = 30 * 24 * 60


def traffic_of(tables: Tables, snapshot: Snapshot, now: datetime) -> Traffic:
    """The facts of every endpoint of a service; its name in traffic is the one in its ARM id."""
    minute = minute_of(now)
    rows = [(endpoint, known) for endpoint, known in inventory.read(tables) if endpoint.service.casefold() == snapshot.name.casefold()]
    watched: dict[str, int] = {}
    for endpoint, known in rows:
        if known is not None and endpoint.api and known.first >= 0:
            watched[endpoint.api] = min(watched.get(endpoint.api, known.first), known.first)
    return Traffic(tuple(facts(endpoint, known, minute) for endpoint, known in rows), watched)


def facts(endpoint: Endpoint, known: Inventory | None, now: int) -> EndpointFacts:
    if known is None:
        return EndpointFacts(
            endpoint.id, endpoint.service, endpoint.api, endpoint.method, endpoint.template, is_shadow=not endpoint.matched
        )
    known = known.aged(now)
    claimed = [(exposure.type, exposure.confidence) for exposure in known.exposures]
    return EndpointFacts(
        endpoint.id,
        endpoint.service,
        endpoint.api,
        endpoint.method,
        endpoint.template,
        authentication="Mixed" if known.anonymous is not None else "Awaiting data",
        status="Active" if known.last > now - DAYS else "Awaiting data",
        sensitivity=sensitivity(claimed),
        sensitive=known.context().sensitive,
        in_path="{" in endpoint.template,
        is_shadow=not endpoint.matched,
        succeeded=known.anonymous is not None,
        calls=known.calls,
    )
