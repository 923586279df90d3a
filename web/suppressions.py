"""GET, POST and DELETE /api/suppressions: what analysts do not want to be told for a while."""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from adapters import suppressions
from adapters.alert_index import AlertIndex
from adapters.tables import Tables
from alerts.render import utc
from alerts.suppression import MOST, Rule, parse, parse_confirmed, too_broad, would_cover
from detectors import by_id
from model import moment
from web.caller import caller

KEY = "function key"
LOOKED_AT = 1000
"""Alerts that a preview compares, the newest."""
SHOWN = 5
LATELY = timedelta(days=7)
_NOT_FOUND: tuple[int, dict[str, Any]] = 404, {"error": "there is no rule of this id"}
_ID = re.compile(r"[0-9a-f]{32}")


def page(tables: Tables, now: datetime) -> tuple[int, dict[str, Any]]:
    """Those in force first, then those to come, then those that are over."""
    rules = sorted(suppressions.read(tables), key=lambda rule: (rule.until <= now, rule.since > now, rule.until))
    return 200, {"value": [described(rule, now) for rule in rules]}


def one(tables: Tables, id: str, now: datetime) -> tuple[int, dict[str, Any]]:
    rule = suppressions.find(tables, id) if _ID.fullmatch(id) else None
    return (200, described(rule, now)) if rule else _NOT_FOUND


def add(tables: Tables, index: AlertIndex, body: bytes, headers: Mapping[str, str], now: datetime) -> tuple[int, dict[str, Any]]:
    """409 for a rule that would cover much of what was told lately, or could, unless `confirm` names it."""
    try:
        rule, confirmed = parse_confirmed(body, secrets.token_hex(16), caller(headers, KEY), now)
    except ValueError as error:
        return 400, {"error": str(error)}
    lately = [row.stored.alert for row in index.rows(now)[:LOOKED_AT] if moment(row.last) >= now - LATELY]
    if confirmed != rule.scope and (why := too_broad(rule, len(would_cover(rule, lately)), len(lately))):
        return 409, {"error": f'{why}; to make it all the same, add "confirm" with the value of its {rule.broadest}'}
    if sum(1 for one in suppressions.read(tables) if one.until > now) >= MOST:
        return 409, {"error": f"{MOST} rules are in force already: delete some"}
    suppressions.write(tables, rule)
    return 201, described(rule, now)


def preview(index: AlertIndex, body: bytes, headers: Mapping[str, str], now: datetime) -> tuple[int, dict[str, Any]]:
    """What the same request would have covered among the newest alerts, without making the rule."""
    try:
        rule = parse(body, "0" * 32, caller(headers, KEY), now)
    except ValueError as error:
        return 400, {"error": str(error)}
    rows = index.rows(now)[:LOOKED_AT]
    stored = {row.stored.alert.id: row for row in rows}
    covered = would_cover(rule, [row.stored.alert for row in rows])
    samples = [
        {"id": alert.id, "title": by_id()[alert.detector].title, "start": utc(alert.first), "status": stored[alert.id].status}
        for alert in covered[:SHOWN]
    ]
    return 200, {
        "tooBroad": too_broad(rule, len(covered), len(rows)) or None,
        "covered": len(covered),
        "open": sum(stored[alert.id].status in ("Active", "InProgress") for alert in covered),
        "of": len(rows),
        "since": utc(rows[-1].first) if rows else None,
        "actors": len({alert.sighting.actor for alert in covered if alert.sighting.actor}),
        "samples": samples,
    }


def remove(tables: Tables, id: str) -> tuple[int, dict[str, Any]]:
    if not _ID.fullmatch(id) or not suppressions.delete(tables, id):
        return _NOT_FOUND
    return 200, {"id": id, "deleted": True}


def described(rule: Rule, now: datetime) -> dict[str, Any]:
    """As JSON; `inForce` now."""
    found: dict[str, Any] = msgspec.to_builtins(rule)
    return {**found, "inForce": rule.since <= now < rule.until, "teaches": rule.teaches}
