"""GET /api/incidents and /api/incidents/{id}: what one analyst should look at as one thing, newest first."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from adapters import alerts
from adapters.tables import Tables
from alerts.render import called, campaign_of, utc
from detectors import by_id
from model import Incident
from web.alerts import document_of
from web.paging import limits

SHOWN = 200
READERS = 8


def page(tables: Tables, parameters: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """Query parameters are those of `web.paging`. What was merged into an older incident names it in `mergedInto`."""
    try:
        limit, cursor = limits(parameters)
    except ValueError as error:
        return 400, {"error": str(error)}
    found, following = alerts.read_incident_page(tables, limit, cursor)
    return 200, {"value": [described(incident) for incident in found], "next": following}


def one(tables: Tables, id: str, gateway: str = "", site: str = "") -> tuple[int, dict[str, Any]]:
    """With its alerts, each as /api/alerts shows it, SHOWN at most, the oldest first."""
    try:
        incident = alerts.find_incident(tables, id)
    except ValueError:
        incident = None
    if incident is None:
        return 404, {"error": "there is no incident of this id"}
    with ThreadPoolExecutor(READERS) as readers:
        found = [stored for stored in readers.map(lambda alert: alerts.find(tables, alert), incident.alerts[:SHOWN]) if stored]
    return 200, {
        **described(incident),
        "alerts": [document_of(stored, gateway, site) for stored in found],
        "count": len(incident.alerts),
    }


def described(incident: Incident) -> dict[str, Any]:
    """As JSON; `title` names what most of it is about: its first detector's title, and how much more there is."""
    detectors = [by_id()[id].title if id in by_id() else id for id in incident.detectors]
    more = len(incident.alerts) - 1
    return {
        "id": incident.id,
        "title": f"{detectors[0]}{f' and {more} more' if more > 1 else ' and 1 more' if more else ''}",
        "severity": incident.severity.label,
        "open": incident.open,
        "startTimeUtc": utc(incident.first),
        "endTimeUtc": utc(incident.last + 1),
        "alerts": list(incident.alerts),
        "actors": list(incident.actors),
        "endpoints": [called(endpoint) for endpoint in incident.endpoints],
        "detectors": list(incident.detectors),
        "campaign": campaign_of(incident.campaign) if incident.campaign is not None else None,
        "mergedInto": incident.merged_into or None,
    }
