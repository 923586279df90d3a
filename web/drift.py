"""GET /api/drift and PATCH /api/drift/{id}: where endpoints do other than described, and what analysts accepted of it."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from adapters import drift
from adapters.drift import Stored
from adapters.inventory_index import InventoryIndex
from adapters.tables import Changed, Tables
from alerts.request_body import decoded, reason
from posture.drift import KINDS
from web.caller import caller
from web.paging import BY_OFFSET, limits
from web.times import time

KEY = "function key"
_STATES = ("open", "accepted", "closed")
_ETAG = re.compile(r'(?:W/)?"r([0-9]{1,9})"', re.ASCII)
Answer = tuple[int, dict[str, Any], str]
"""Status, body, and the ETag or ""."""


class Reason(msgspec.Struct, forbid_unknown_fields=True):
    why: str


class DriftPatch(msgspec.Struct, forbid_unknown_fields=True):
    """`accept` null takes an acceptance back."""

    accept: Reason | None


def page(index: InventoryIndex, parameters: Mapping[str, str], now: datetime) -> tuple[int, dict[str, Any]]:
    """The worst first. Query parameters `kind` and `state` (several separated by commas; open and accepted by default), `service`, `endpoint` (its id), `limit`, `cursor`."""
    kinds, states = _several(parameters, "kind"), _several(parameters, "state") or ["open", "accepted"]
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        return 400, {"error": {"code": "BadRequest", "message": f"kind {unknown[0][:40]!r} is not one of {', '.join(KINDS)}"}}
    if any(state not in (*_STATES, "all") for state in states):
        return 400, {"error": {"code": "BadRequest", "message": "state must be open, accepted, closed or all"}}
    try:
        limit, cursor = limits(parameters, usual=100, cursor=BY_OFFSET)
    except ValueError as error:
        return 400, {"error": {"code": "BadRequest", "message": str(error)}}
    view = index.view(now)
    service, endpoint = parameters.get("service", "").casefold(), parameters.get("endpoint", "")
    found = [
        one
        for one in view.drift
        if (not kinds or one.deviation.kind in kinds)
        and ("all" in states or one.state in states)
        and (not service or one.deviation.endpoint.service.casefold() == service)
        and (not endpoint or one.deviation.endpoint.id == endpoint)
    ]
    found.sort(key=lambda one: (-one.deviation.severity, -one.deviation.last, one.deviation.id))
    start = int(cursor or 0)
    described = [one.row for one in view.listed if one.row.declared is not None]
    return 200, {
        "value": [document_of(one) for one in found[start : start + limit]],
        "next": str(start + limit) if start + limit < len(found) else None,
        "total": len(found),
        "described": {
            "operations": len(described),
            "withDetails": sum(row.declared is not None and row.declared.is_described for row in described),
        },
    }


def amend(tables: Tables, id: str, body: bytes, headers: Mapping[str, str], now: datetime) -> Answer:
    """Accept a deviation, or take that back, guarded by If-Match. 412 with the present state where somebody else was first."""
    try:
        patch = decoded(body, DriftPatch, '{"accept": {"why": "…"}} or {"accept": null}')
        why = reason("why", patch.accept.why) if patch.accept is not None else None
        if why == "":
            raise ValueError("why must say why")
    except ValueError as error:
        return 400, {"error": {"code": "BadRequest", "message": str(error)}}, ""
    condition = headers.get("if-match", "").strip()
    matched = _ETAG.fullmatch(condition)
    if not condition:
        return (
            428,
            {"error": {"code": "NoCondition", "message": "If-Match is missing: send the etag of the deviation as you have read it, or *"}},
            "",
        )
    if condition != "*" and matched is None:
        return 400, {"error": {"code": "BadRequest", "message": 'If-Match must be the etag of a deviation, such as "r0", or *'}}, ""
    if not re.fullmatch(r"[0-9a-f]{32}", id):
        return _NOT_FOUND
    try:
        stored = drift.accept(tables, id, int(matched[1]) if matched else None, why, caller(headers, KEY), now)
    except Changed:
        current = drift.find(tables, id)
        if current is None:
            return _NOT_FOUND
        return (
            412,
            {"error": {"code": "Changed", "message": "the deviation was changed since it was read"}, "current": document_of(current)},
            _etag(current),
        )
    return (200, document_of(stored), _etag(stored)) if stored is not None else _NOT_FOUND


_NOT_FOUND: Answer = 404, {"error": {"code": "NotFound", "message": "there is no deviation of this id"}}, ""


def document_of(stored: Stored) -> dict[str, Any]:
    one, acceptance = stored.deviation, stored.acceptance
    return {
        "id": one.id,
        "kind": one.kind,
        "title": KINDS[one.kind].title if one.kind in KINDS else one.kind,
        "service": one.endpoint.service,
        "api": one.endpoint.api,
        "endpoint": str(one.endpoint),
        "endpointId": one.endpoint.id,
        "subject": one.subject or None,
        "declared": one.declared,
        "observed": one.observed,
        "direction": one.direction,
        "severity": one.severity.label,
        "first": time(one.first),
        "last": time(one.last),
        "closed": time(stored.closed) if stored.closed >= 0 else None,
        "state": stored.state,
        "accepted": acceptance._asdict() if acceptance else None,
        "etag": _etag(stored),
    }


def _etag(stored: Stored) -> str:
    return f'"r{stored.revision}"'


def _several(parameters: Mapping[str, str], name: str) -> list[str]:
    return [part.strip() for part in parameters.get(name, "").split(",") if part.strip()]
