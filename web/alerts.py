"""GET /api/alerts, and GET and PATCH /api/alerts/{id}: alerts as Microsoft.Security/alerts objects, and where they stand with the analysts."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters import alerts, outbox, series, suppressions, windows
from adapters.alerts import Stored
from adapters.tables import Changed, Tables
from alerts.render import Point, gateway_of, render
from alerts.triage import described, parse
from model import WINDOW_MINUTES
from web.caller import caller
from web.paging import limits

KEY = "function key"
Answer = tuple[int, dict[str, Any], str]
"""Status, body, and the ETag or ""."""


def page(tables: Tables, parameters: Mapping[str, str], gateway: str = "") -> tuple[int, dict[str, Any]]:
    """Newest first; query parameters are those of `web.paging`. `gateway`: ARM id of the API Management service, or ""."""
    try:
        limit, cursor = limits(parameters)
    except ValueError as error:
        return 400, {"error": str(error)}
    found, following = alerts.read_page(tables, limit, cursor)
    return 200, {"value": [_document(stored, gateway) for stored in found], "next": following}


def one(tables: Tables, id: str, gateway: str = "") -> Answer:
    """One alert with the 48 hours that it stands in, and everything that analysts did with it."""
    stored = _find(tables, id)
    return _answer(tables, stored, gateway) if stored else _NOT_FOUND


def amend(tables: Tables, id: str, body: bytes, headers: Mapping[str, str], now: datetime, gateway: str = "") -> Answer:
    """Change its status, guarded by If-Match, so that nobody overwrites what he has not seen. 412 with the present state otherwise. What is expected is
    suppressed for a day and learned."""
    try:
        patch = parse(body)
        revision = _revision(headers.get("if-match", ""))
    except ValueError as error:
        return 400, {"error": str(error)}, ""
    if revision is None:
        return 428, {"error": "If-Match is missing: send the etag of the alert as you have read it, or *"}, ""
    stored = _find(tables, id)
    if stored is None:
        return _NOT_FOUND
    try:
        with outbox.announced(tables, [stored.alert], now):
            changed = alerts.amend(tables, id, None if revision == ANY else revision, patch, caller(headers, KEY), now)
    except Changed:
        _, body_now, etag = one(tables, id, gateway)
        return 412, {"error": "the alert was changed since it was read", "current": body_now}, etag
    if changed is None:
        return _NOT_FOUND
    if patch.expected:
        suppressions.expect(tables, changed, now)
        windows.learn_again(tables, (*range(changed.alert.first, changed.alert.last, WINDOW_MINUTES), changed.alert.last))
    return _answer(tables, changed, gateway)


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


def _document(stored: Stored, gateway: str, points: list[Point] | None = None) -> dict[str, Any]:
    return {**render(stored.alert, gateway_of(stored.alert, gateway), status=stored.status, series=points or ()), "etag": _etag(stored)}


def _answer(tables: Tables, stored: Stored, gateway: str) -> Answer:
    document = _document(stored, gateway, series.of(tables, stored.alert))
    return 200, {**document, "changes": described(stored.triage)}, _etag(stored)
