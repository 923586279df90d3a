"""GET /api/inventory: every endpoint, which information types it takes in and gives out, where, and how closely it was looked at."""

from collections.abc import Iterable
from typing import Any

from model import Endpoint, Minute, moment
from pipeline.contents import EVERY, STABLE
from posture.inventory import CONFIDENCES, Exposure, Inventory


def page(inventories: Iterable[tuple[Endpoint, Inventory | None]]) -> dict[str, Any]:
    """Sorted by service, API and template; what was not seen in the 30 days before the newest call is left out."""
    known = sorted(((endpoint, row) for endpoint, row in inventories if row is not None), key=lambda one: one[0])
    newest = max((alert.last for _, alert in known), default=0)
    return {
        "value": [_endpoint(endpoint, alert.aged(newest)) for endpoint, alert in known],
        "sampling": f"every call of a shape until {STABLE} in a row show nothing new, then 1 in {EVERY}, and again every call when something new appears",
    }


def _endpoint(endpoint: Endpoint, inventory: Inventory) -> dict[str, Any]:
    return {
        "service": endpoint.service,
        "api": endpoint.api,
        "endpoint": str(endpoint),
        "matched": endpoint.matched,
        "firstSeen": _time(inventory.first),
        "lastSeen": _time(inventory.last),
        "calls": inventory.calls,
        "lookedInto": inventory.looks,
        "overlooked": inventory.overlooked,
        "unseenShareBelow": round(inventory.unseen_share, 4) if inventory.unseen_share is not None else None,
        "answeredWithoutAuthentication": _time(inventory.anonymous) if inventory.anonymous is not None else None,
        "sensitive": [_exposure(one) for one in sorted(inventory.exposures, key=lambda one: (-one.confidence, one.type, one.place))],
    }


def _exposure(one: Exposure) -> dict[str, Any]:
    where, _, path = one.place.partition(" ")
    return {
        "type": one.type,
        "direction": one.direction,
        "where": where,
        "path": path,
        "statusClasses": [f"{kind}xx" for kind in sorted(one.classes)],
        "confidence": CONFIDENCES[one.confidence],
        "firstSeen": _time(one.first),
        "lastSeen": _time(one.last),
        "count": one.n,
    }


def _time(minute: Minute) -> str:
    return moment(minute).isoformat().replace("+00:00", "Z")
