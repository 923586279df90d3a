"""GET /api/inventory and /api/inventory/{id}: every endpoint, whether it is used, authenticated, exposed, what it carries, and how much that matters."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from adapters import inventory, windows
from adapters.inventory_index import InventoryIndex, Listed
from adapters.tables import Tables
from model import STATUS_CLASSES, Endpoint, Minute, moment
from pipeline.contents import EVERY, STABLE
from posture.inventory import CONFIDENCES, Exposure, Inventory
from posture.inventory_changes import Changed, of_shape
from posture.inventory_declared import Declared
from posture.inventory_row import Row
from posture.inventory_shape import shown
from web.drift import document_of as described
from web.inventory_filter import parse
from web.times import time
from windows.countries import NOT_COUNTRIES

SHOWN_HOURS = 48
COUNTRIES = 5
"""Shown of one endpoint, those with the most calls first."""
MEDIA_TYPE_CSV = "text/csv"
_COLUMNS = (
    "id", "service", "api", "apiName", "method", "template", "origin", "status", "statusCause", "unused30", "lastCalled", "firstSeen", "calls", "callers",
    "authentication", "authenticationKinds", "authenticationByPolicy", "contradiction", "external", "externalFirst", "externalLast", "sensitive", "riskScore",
    "riskBand", "openAlerts", "deviations", "p95Milliseconds", "operationId", "operationName", "apiVersion", "products", "tags", "countries", "numberOfCountries",
    "reachable",
)  # fmt: skip
"""Of the CSV, in order."""


def page(index: InventoryIndex, parameters: Mapping[str, str], now: datetime) -> tuple[int, Any]:
    """Query parameters are those of `web.inventory_filter`. With format=csv all rows that the filter leaves, as text."""
    try:
        wanted = parse(parameters)
    except ValueError as error:
        return 400, {"error": {"code": "BadRequest", "message": str(error)}}
    view = index.view(now)
    found = wanted.ordered(one for one in view.listed if wanted.keeps(one))
    if wanted.csv:
        return 200, csv_of(found)
    some = found[wanted.offset : wanted.offset + wanted.limit]
    following = str(wanted.offset + wanted.limit) if wanted.offset + wanted.limit < len(found) else None
    return 200, {
        "value": [document_of(one) for one in some],
        "next": following,
        "total": len(found),
        "counters": counters(found),
        "sampling": f"every call of a shape until {STABLE} in a row show nothing new, then 1 in {EVERY}, and again every call when something new appears",
        **({"problems": list(view.problems)} if view.problems else {}),
    }


def one(tables: Tables, index: InventoryIndex, id: str, now: datetime) -> tuple[int, dict[str, Any]]:
    """One endpoint with its last 48 hours, its parameters, and what it does other than described."""
    view = index.view(now)
    listed = view.by_id.get(id)
    if listed is None:
        return 404, {"error": {"code": "NotFound", "message": "there is no endpoint of this id"}}
    stored = inventory.one(tables, id)
    known = stored[1] if stored else None
    row, endpoint = listed.row, listed.row.endpoint
    changes = [change for change in view.changes if change.endpoint[:4] == endpoint[:4]]
    if known is not None:
        changes += of_shape(known)
    return 200, {
        **document_of(listed),
        "operation": _operation(row.declared),
        "series": _series(tables, endpoint, row.at) if known is not None else [],
        **_observed(known),
        "deviations": [described(found) for found in view.drift if found.deviation.endpoint.id == id and found.state != "closed"],
        "baseline": _baseline(row),
        "changes": [_change(change) for change in sorted(changes, key=lambda change: -change.when)[:100]],
    }


def counters(listed: Iterable[Listed]) -> dict[str, int]:
    """Those of Microsoft.Security/apiCollections (2023-11-15)."""
    rows = [one.row for one in listed]
    return {
        "numberOfApiEndpoints": len(rows),
        "numberOfInactiveApiEndpoints": sum(row.status == "Inactive" for row in rows),
        "numberOfUnauthenticatedApiEndpoints": sum(row.authentication == "Unauthenticated" for row in rows),
        "numberOfExternalApiEndpoints": sum(row.external is True for row in rows),
        "numberOfApiEndpointsWithSensitiveDataExposed": sum(bool(row.sensitive) for row in rows),
    }


def document_of(listed: Listed) -> dict[str, Any]:
    row, endpoint, declared = listed.row, listed.row.endpoint, listed.row.declared
    return {
        "id": listed.id,
        "service": endpoint.service,
        "api": endpoint.api,
        "apiName": row.api_name or None,
        "apiVersion": (declared.api_version or None) if declared else None,
        "operationId": (declared.id or None) if declared else None,
        "operationName": (declared.name or None) if declared else None,
        "products": list(declared.products) if declared else [],
        "tags": list(declared.tags) if declared else [],
        "method": endpoint.method,
        "template": endpoint.template,
        "endpoint": str(endpoint),
        "matched": endpoint.matched,
        "origin": row.origin,
        "status": row.status,
        "statusCause": row.cause or None,
        "unused30": {"Inactive": True, "Active": False}.get(row.status),
        "asOf": time(row.at),
        "lastCalled": time(row.last),
        "firstSeen": time(row.first),
        "calls": row.calls,
        "callsTotal": row.all_calls,
        "callers": row.callers,
        "p95Milliseconds": None if row.p95 is None else float(f"{row.p95:.3g}"),
        "authentication": row.authentication,
        "authenticationKinds": dict(row.kinds),
        "authenticationByPolicy": policy_of(row.declared),
        "contradiction": row.contradiction or None,
        "external": row.external,
        "externalFirst": time(row.external_first),
        "externalLast": time(row.external_last),
        "reachable": listed.reachable,
        "sensitive": [_sensitive(information, row) for information in row.sensitive],
        "lookedInto": row.looks,
        "overlooked": row.overlooked,
        "unseenShareBelow": round(min(1.0, 3 / row.looks), 4) if row.looks else None,
        "countries": list(row.countries[:COUNTRIES]),
        "numberOfCountries": sum(code not in NOT_COUNTRIES for code in row.countries),
        "risk": {
            "score": listed.risk.score,
            "band": listed.risk.band,
            "points": [{"why": point.why, "points": point.points} for point in listed.risk.points],
            "lower": list(listed.risk.lower),
            "unknown": list(listed.risk.unknown),
        },
        "openAlerts": listed.alerts,
        "deviations": dict(listed.deviations),
    }


def policy_of(declared: Declared | None) -> str | None:
    """What the policies in force demand, "none" for nothing; None where they were not read."""
    if declared is None or declared.demand is None:
        return None
    demand = declared.demand
    return ", ".join([*demand.kinds, *(f"{proof} (under a condition)" for proof in demand.conditional)]) or "none"


def _sensitive(information: str, row: Row) -> dict[str, Any]:
    shown_at = [exposure for exposure in row.exposures if exposure.type == information]
    return {
        "type": information,
        "confidence": CONFIDENCES[max(exposure.confidence for exposure in shown_at)],
        "places": [_place(exposure) for exposure in sorted(shown_at, key=lambda exposure: (-exposure.confidence, exposure.place))],
    }


def _place(exposure: Exposure) -> dict[str, Any]:
    where, _, path = exposure.place.partition(" ")
    return {
        "where": where,
        "path": path,
        "direction": exposure.direction,
        "statusClasses": [f"{status_class}xx" for status_class in sorted(exposure.classes)],
        "confidence": CONFIDENCES[exposure.confidence],
        "firstSeen": time(exposure.first),
        "lastSeen": time(exposure.last),
        "count": exposure.n,
    }


def _operation(declared: Declared | None) -> dict[str, Any] | None:
    if declared is None:
        return None
    return {
        "id": declared.id or None,
        "name": declared.name or None,
        "revision": declared.revision,
        "isCurrent": declared.is_current,
        "isDescribed": declared.is_described,
        "isWatched": declared.is_watched,
        "note": declared.silent or None,
    }


def _series(tables: Tables, endpoint: Endpoint, at: Minute) -> list[dict[str, Any]]:
    """Calls of each window of the last hours by status class, oldest first; windows without a call are left out."""
    since = moment(at) - timedelta(hours=SHOWN_HOURS)
    days = (since.date() + timedelta(days=number) for number in range((moment(at).date() - since.date()).days + 1))
    found = []
    for day in days:
        for stored in windows.read(tables, day, endpoint):
            if stored.window >= int(since.timestamp()) // 60:
                classes: dict[str, int] = dict.fromkeys(STATUS_CLASSES, 0)
                for status, n in stored.record.calls.items():
                    classes[STATUS_CLASSES[status // 100 - 1]] += n
                found.append({"start": time(stored.window), **{name: n for name, n in classes.items() if n}})
    return found


def _observed(known: Inventory | None) -> dict[str, Any]:
    if known is None or known.shape is None:
        return {"statusMix": {}, "parameters": [], "mediaTypes": [], "revisions": []}
    shape = known.shape.whole()
    return {
        "statusMix": {str(status): seen.n for status, seen in sorted(shape.statuses.items())},
        "parameters": [
            {"name": name, "types": shape.parameters[name].narrow(), "calls": shape.parameters[name].seen.n}
            for name in shown(shape.parameters)
        ],
        "mediaTypes": [
            {"direction": name.partition(" ")[0], "type": name.partition(" ")[2], "calls": shape.media[name].n}
            for name in shown(shape.media)
        ],
        "revisions": sorted(shape.revisions),
    }


def _baseline(row: Row) -> dict[str, Any]:
    days = 0 if row.first is None or row.last is None else min(30, (min(row.at, row.last) - row.first) // 1440 + 1)
    return {"days": max(0, days), "calls": row.calls}


def _change(change: Changed) -> dict[str, Any]:
    return {"change": change.change, "when": time(change.when), "what": change.what}


def csv_of(listed: Iterable[Listed]) -> str:
    """With a line of column names. Cells that a spreadsheet would take for a formula are quoted with an apostrophe (OWASP: CSV injection)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for one in listed:
        document = document_of(one)
        document |= {"riskScore": one.risk.score, "riskBand": one.risk.band}
        writer.writerow([_cell(document[name]) for name in _COLUMNS])
    return text.getvalue()


_CELLS: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    list: lambda value: "; ".join(one["type"] if isinstance(one, dict) else str(one) for one in value),
    dict: lambda value: "; ".join(f"{name}={', '.join(one) if isinstance(one, list) else one}" for name, one in value.items()),
}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = _CELLS.get(type(value), str)(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
