"""GET and PATCH /api/alerts and /api/alerts/{id}: alerts as Microsoft.Security/alerts objects, and where they stand with the analysts."""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from adapters import alert_index, alerts, outbox, series, suppressions, windows
from adapters.alert_index import AlertIndex
from adapters.alerts import Stored
from adapters.tables import Changed, Tables
from alerts.render import IDENTITIES, Point, gateway_of, render
from alerts.request_body import decoded
from alerts.triage import AlertPatch, checked, described, parse
from detectors import by_id
from model import WINDOW_MINUTES
from web import alert_filter
from web.alert_filter import AlertFilter
from web.caller import caller
from web.countries import of_actor
from web.paging import limits

if TYPE_CHECKING:
    from adapters.countries import Source

KEY = "function key"
MOST_AT_ONCE = 100
"""Alerts that one request changes."""
WRITERS = 8
Answer = tuple[int, dict[str, Any], str]
"""Status, body, and the ETag or ""."""


def page(
    tables: Tables,
    index: AlertIndex,
    parameters: Mapping[str, str],
    now: datetime,
    gateway: str = "",
    site: str = "",
    source: "Source | None" = None,
) -> tuple[int, dict[str, Any]]:
    """Newest first; query parameters are those of `web.paging` and `web.alert_filter`. `gateway`: ARM id of the API Management service, or "". `source`: of countries.

    With counts=true also how many alerts of the last 31 days there are: `total` in the filter, and by what one could choose instead.
    """
    try:
        limit, cursor = limits(parameters)
        wanted = alert_filter.parse(parameters)
    except ValueError as error:
        return 400, {"error": str(error)}
    if source is not None:
        wanted = replace(wanted, country_of=source.of_actor)
    if wanted == AlertFilter():
        found, following = alerts.read_page(tables, limit, cursor)
    else:
        found, following = alert_index.page(index.rows(now), wanted.keeps, limit, cursor)
    counts = _counts(index, wanted, now) if parameters.get("counts") == "true" else {}
    return 200, {"value": [_listed(stored, gateway, site, source) for stored in found], "next": following, **counts}


def _listed(stored: Stored, gateway: str, site: str, source: "Source | None") -> dict[str, Any]:
    if source is None:
        return document_of(stored, gateway, site)
    actor = stored.alert.sighting.actor or ""
    return {**document_of(stored, gateway, site, country=source.of_actor(actor)), "registeredIn": of_actor(actor, source)}


def _counts(index: AlertIndex, wanted: AlertFilter, now: datetime) -> dict[str, Any]:
    total, counts = wanted.counted(index.rows(now))
    return {"total": total, "counts": counts, "titles": {id: by_id()[id].title for id in counts["detector"] if id in by_id()}}


def one(tables: Tables, id: str, gateway: str = "", site: str = "", key: bytes | None = None) -> Answer:
    """One alert with the 48 hours that it stands in, and everything that analysts did with it. `key` of the ledger: with it also what the accused did."""
    stored = _find(tables, id)
    return _answer(tables, stored, gateway, site, key) if stored else _NOT_FOUND


def amend(
    tables: Tables,
    id: str,
    body: bytes,
    headers: Mapping[str, str],
    now: datetime,
    gateway: str = "",
    site: str = "",
    key: bytes | None = None,
) -> Answer:
    """Change its status, guarded by If-Match, so that nobody overwrites what he has not seen. 412 with the present state otherwise. What is expected is
    suppressed for a day and learned."""
    try:
        patch = parse(body)
        revision = _revision(headers.get("if-match", ""))
    except ValueError as error:
        return 400, {"error": str(error)}, ""
    if revision is None:
        return 428, {"error": "If-Match is missing: send the etag of the alert as you have read it, or *"}, ""
    try:
        changed = _amended(tables, id, patch, revision, caller(headers, KEY), now)
    except Changed:
        _, body_now, etag = one(tables, id, gateway, site, key)
        return 412, {"error": "the alert was changed since it was read", "current": body_now}, etag
    return _answer(tables, changed, gateway, site, key) if changed else _NOT_FOUND


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One alert among several: `etag` as it was read, or * for whatever it is now."""

    id: str
    etag: str


class Bulk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of PATCH /api/alerts: several alerts, and one change for all."""

    alerts: list[Chosen]
    change: AlertPatch


def amend_many(tables: Tables, body: bytes, headers: Mapping[str, str], now: datetime) -> tuple[int, dict[str, Any]]:
    """200 with what became of each, in the order asked for: what would have refused one alone refuses it here, and the others go on."""
    try:
        asked = decoded(body, Bulk, '{"alerts": [{"id": "…", "etag": "\\"r0\\""}], "change": {"status": "Resolved", "comment": "…"}}')
        checked(asked.change)
        if not 1 <= len({one.id for one in asked.alerts}) == len(asked.alerts) <= MOST_AT_ONCE:
            raise ValueError(f"alerts must be 1 to {MOST_AT_ONCE} different ones")
    except ValueError as error:
        return 400, {"error": str(error)}
    by = caller(headers, KEY)
    with ThreadPoolExecutor(WRITERS) as writers:
        return 200, {"value": list(writers.map(lambda one: _result(tables, one, asked.change, by, now), asked.alerts))}


def _result(tables: Tables, chosen: Chosen, patch: AlertPatch, by: str, now: datetime) -> dict[str, Any]:
    try:
        revision = _revision(chosen.etag)
        if revision is None:
            raise ValueError("etag is missing: send it as you have read it, or *")
        changed = _amended(tables, chosen.id, patch, revision, by, now)
    except ValueError as error:
        return {"id": chosen.id, "status": 400, "error": str(error)}
    except Changed:
        there = _find(tables, chosen.id)
        last = described(there.triage)[-1:] if there else []
        return {
            "id": chosen.id,
            "status": 412,
            "error": "it was changed since it was read",
            "etag": _etag(there) if there else "",
            "last": last,
        }
    if changed is None:
        return {"id": chosen.id, "status": 404, "error": _NOT_FOUND[1]["error"]}
    return {"id": chosen.id, "status": 200, "etag": _etag(changed), "now": changed.status}


def _amended(tables: Tables, id: str, patch: AlertPatch, revision: int, by: str, now: datetime) -> Stored | None:
    """None where there is no such alert. Raises Changed."""
    stored = _find(tables, id)
    if stored is None:
        return None
    with outbox.announced(tables, [stored.alert], now):
        changed = alerts.amend(tables, id, None if revision == ANY else revision, patch, by, now)
    if changed is not None and patch.expected:
        suppressions.expect(tables, changed, now)
        windows.learn_again(tables, (*range(changed.alert.first, changed.alert.last, WINDOW_MINUTES), changed.alert.last))
    return changed


ANY = -1
_NOT_FOUND: Answer = 404, {"error": "there is no alert of this id"}, ""
_ETAG = re.compile(r'(?:W/)?"r([0-9]{1,9})"')


def _find(tables: Tables, id: str) -> Stored | None:
    try:
        return alerts.find(tables, id)
    except ValueError:
        return None


def _revision(text: str) -> int | None:
    """None where there is no condition. Raises ValueError."""
    if text.strip() == "*":
        return ANY
    if not text.strip():
        return None
    found = _ETAG.fullmatch(text.strip())
    if found is None:
        raise ValueError('If-Match must be the etag of an alert, such as "r0", or *')
    return int(found[1])


def _etag(stored: Stored) -> str:
    return f'"r{stored.triage.revision}"'


def document_of(stored: Stored, gateway: str, site: str = "", points: list[Point] | None = None, country: str = "") -> dict[str, Any]:
    """As JSON, with its etag and what it is about."""
    document = render(
        stored.alert, gateway_of(stored.alert, gateway), status=stored.status, series=points or (), site=site, country=country
    )
    return {**document, "etag": _etag(stored), "about": _about(stored)}


def _about(stored: Stored) -> dict[str, Any]:
    """What the alert is about, by the names that filters, suppressions and detectors.json take."""
    alert, sighting = stored.alert, stored.alert.sighting
    actor = sighting.actor
    kind = None if actor is None else "identity" if actor.partition(":")[0] in IDENTITIES else "ip"
    detector = by_id().get(alert.detector)
    return {
        "detector": alert.detector,
        "service": alert.endpoint.service,
        "api": alert.endpoint.api,
        "endpoint": str(alert.endpoint),
        "endpointId": alert.endpoint.id,
        "actor": actor,
        "actorKind": kind,
        "statusClass": sighting.status_class,
        "parameter": sighting.parameter,
        "open": alert.open,
        "suppressed": bool(alert.suppressed),
        "limits": dict(detector.limits) if detector else {},
        "owasp": list(detector.owasp_2023) if detector else [],
    }


def _answer(tables: Tables, stored: Stored, gateway: str, site: str, key: bytes | None) -> Answer:
    document = document_of(stored, gateway, site, series.of(tables, stored.alert, key))
    return 200, {**document, "changes": described(stored.triage)}, _etag(stored)
