"""GET and POST /api/responses, DELETE /api/responses/{id}, POST /api/responses/plan: what is done about callers at the gateway, and whom it would hit."""

import logging
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from adapters import alerts
from adapters.guard_list import GatewayRefused
from adapters.responses import Response, Responses, Shown, TooMany, new_id, until_of
from adapters.tables import Tables
from alerts.request_body import parsed_once
from intel.addresses import canonical_ip
from model import NOBODY, iso_utc, minute_of
from response.entries import Full, key_of
from response.rails import Action, Facts, Kind, Networks, Plan, plan
from web.caller import caller

if TYPE_CHECKING:
    from adapters.app import App

log = logging.getLogger("gatewatch.respond")

KEY = "function key"
LATELY = 60
"""Minutes of event time: a rule answers what happens, not what happened."""
FIELDS = {"alert", "ip", "identity", "subscription", "action", "minutes", "dryRun", "wide", "allow", "confirmed", "calls"}
ACTIONS = ("block", "slow", "suspend")
Body = dict[str, Any]
Gather = Callable[[Kind, str, int, datetime, bool], Facts]
"""Kind, target, days, now, and whether the target's /24 is meant, to what is known of the target."""


class Wrong(Exception):
    """A request that cannot be done; the text is one sentence for whoever made it."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code = status, code

    @property
    def answer(self) -> tuple[int, Body]:
        return self.status, {"error": {"code": self.code, "message": str(self)}}


def page(responses: Responses, now: datetime) -> tuple[int, Body]:
    """Newest first; what the gateway says is in force, where it may be asked."""
    problem = ""
    try:
        rows = responses.shown(now)
    except GatewayRefused as error:
        problem = str(error)
        rows = Responses(responses.tables, None, responses.rails).shown(now)
    found: Body = {"value": [shown(row) for row in rows], "next": None, "mayWrite": responses.may_write}
    return 200, found | ({"notice": problem} if problem else {})


def of_alert(responses: Responses, alert: str, now: datetime) -> list[Body]:
    """What was done about an alert: its time line at the gateway, from the records alone."""
    records = Responses(responses.tables, None, responses.rails)
    return [shown(row) for row in records.shown(now) if row.response.alert == alert]


def preview(tables: Tables, responses: Responses, gather: Gather, networks: Networks, body: bytes, now: datetime) -> tuple[int, Body]:
    """The paper dry run: whom would an action have hit. Writes nothing, and needs no right to write."""
    try:
        wanted = _parsed(tables, body)
        return 200, {**planned(_plan(wanted, responses, gather, networks, now)), "mayWrite": responses.may_write}
    except Wrong as wrong:
        return wrong.answer


def add(
    tables: Tables, responses: Responses, gather: Gather, networks: Networks, body: bytes, headers: Mapping[str, str], now: datetime
) -> tuple[int, Body]:
    """List a caller at the gateway, for so many minutes. 409 where the app may not write, or where a guard rail stands against it."""
    try:
        wanted = _parsed(tables, body)
        return apply(wanted, responses, gather, networks, caller(headers, KEY), now)
    except Wrong as wrong:
        return wrong.answer


def apply(
    wanted: "Wanted", responses: Responses, gather: Gather, networks: Networks, who: str, now: datetime, rule: str = ""
) -> tuple[int, Body]:
    """Raises Wrong."""
    if wanted.action is None:
        raise Wrong(400, "InvalidRequest", f"action must be one of {', '.join(ACTIONS)}")
    if not responses.may_write:
        raise Wrong(
            409, "NotConfigured", "the app may not write at the gateway: deploy with GATEWATCH_RESPONSE, which sets RESPONSE_CLIENT_ID"
        )
    if wanted.action == "suspend" and not responses.may_suspend:
        raise Wrong(
            409,
            "NotConfigured",
            "the app may not suspend subscriptions: deploy with GATEWATCH_RESPONSE=callersAndSubscriptions, which sets RESPONSE_SUBSCRIPTIONS",
        )
    verdict = _plan(wanted, responses, gather, networks, now)
    if wanted.action not in verdict.allowed:
        names = ", ".join(sorted(verdict.overridable)) or "none"
        answer = Wrong(409, "GuardRail", f"{wanted.action} is not allowed ({verdict.verdict}): {'; '.join(verdict.reasons)}").answer
        return answer[0], answer[1] | {"plan": planned(verdict), "allow": names}
    minutes = wanted.minutes or responses.rails.minutes
    response = Response(
        new_id(), who, now, wanted.kind, wanted.target, wanted.action, until_of(now, minutes), "dry" if wanted.dry else "on",
        _key(wanted, responses), (wanted.calls or responses.rails.calls) if wanted.action == "slow" else None, wanted.alert, rule, verdict.verdict,
    )  # fmt: skip
    try:
        made, is_new = responses.apply(response, now, confirmed=wanted.confirmed)
    except TooMany as error:
        raise Wrong(409, "GuardRail", f"{error}: send confirmed") from None
    except Full:
        raise Wrong(409, "Full", "the guard's list is full: undo some, wait until some are over, or block them at a firewall") from None
    except GatewayRefused as error:
        raise Wrong(502, "Gateway", str(error)) from None
    return (201 if is_new else 200), shown(Shown(made, "active", 0, 0)) | {
        "mode": made.mode,
        "plan": planned(verdict),
        "guard": _mode(responses),
    }


def remove(responses: Responses, id: str, headers: Mapping[str, str], now: datetime) -> tuple[int, Body]:
    """Take one response back; the others stay as they are."""
    if not responses.may_write:
        return Wrong(
            409, "NotConfigured", "the app may not write at the gateway: deploy with GATEWATCH_RESPONSE, which sets RESPONSE_CLIENT_ID"
        ).answer
    try:
        undone = responses.undo(id, caller(headers, KEY), now) if re.fullmatch("[0-9a-z]{1,16}", id) else None
    except GatewayRefused as error:
        return Wrong(502, "Gateway", str(error)).answer
    if undone is None:
        return Wrong(404, "NotFound", "there is no such response").answer
    return 200, shown(Shown(undone, "undone", 0, 0))


def tick(app: "App", now: datetime) -> tuple[int, int]:
    """Take off what is over and finish what was interrupted, then let the rules speak; how many responses ended and were made. Raises GatewayRefused."""
    ended = app.responses.prune(now)
    return ended, automatic(app.tables, app.responses, app.footprints.of, app.response_networks, app.settings.response_automatic, now)


def automatic(tables: Tables, responses: Responses, gather: Gather, networks: Networks, detectors: Collection[str], now: datetime) -> int:
    """Slow whom these detectors accuse, never block, and no more at a time than the guard rails say; how many. An alert is answered once: who was
    taken off by hand stays off."""
    if not detectors:
        return 0
    records = list(responses.records())
    answered = {one.alert for one in records}
    room = responses.rails.automatic - sum(1 for one in records if one.rule and not one.undone_at and one.until > now)
    made = 0
    for alert in alerts.read(tables, minute_of(now) - LATELY):
        actor = alert.sighting.actor
        if (
            alert.detector not in detectors
            or not alert.open
            or alert.suppressed
            or alert.id in answered
            or not (actor and canonical_ip(actor))
        ):
            continue
        if made >= room:
            log.warning("no room for another response by a rule: %d are in force (RESPONSE_LIMITS automatic)", responses.rails.automatic)
            break
        wanted = Wanted("ip", canonical_ip(actor), "slow")
        wanted.alert, wanted.confirmed = alert.id, True
        try:
            made += apply(wanted, responses, gather, networks, f"rule {alert.detector}", now, alert.detector)[0] == 201
        except Wrong as wrong:
            log.warning("a rule could not respond: %s", wrong.code)
    return made


# requests


class Wanted:
    """What a request asks for, checked."""

    __slots__ = ("action", "alert", "allow", "calls", "confirmed", "dry", "kind", "minutes", "target", "wide")

    def __init__(self, kind: Kind, target: str, action: Action | None = None) -> None:
        self.kind, self.target, self.action = kind, target, action
        self.alert, self.minutes, self.calls = "", 0, 0
        self.dry = self.wide = self.confirmed = False
        self.allow: frozenset[str] = frozenset()


def _parsed(tables: Tables, body: bytes) -> Wanted:
    try:
        given = parsed_once(body)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict) or not set(given) <= FIELDS:
        raise Wrong(
            400, "InvalidRequest", f"the body must be a JSON object that names no key twice, with some of {', '.join(sorted(FIELDS))}"
        )
    return wanted_of(tables, given)


def wanted_of(tables: Tables, given: Mapping[str, Any]) -> Wanted:
    """Raises Wrong."""
    named = [name for name in ("alert", "ip", "identity", "subscription") if given.get(name)]
    if len(named) != 1 or not isinstance(given[named[0]], str):
        raise Wrong(400, "InvalidRequest", "name exactly one of alert, ip, identity and subscription, as a text")
    wanted = _target(tables, named[0], given[named[0]].strip())
    action = given.get("action")
    if action is not None and action not in ACTIONS:
        raise Wrong(400, "InvalidRequest", f"action must be one of {', '.join(ACTIONS)}")
    if action is not None and (action == "suspend") != (wanted.kind == "subscription"):
        raise Wrong(400, "InvalidRequest", "a subscription is suspended; an address or an identity is blocked or slowed")
    wanted.action = action
    for name, most in (("minutes", 7 * 24 * 60), ("calls", 100_000)):
        value = given.get(name, 0)
        if type(value) is not int or not 0 <= value <= most:
            raise Wrong(400, "InvalidRequest", f"{name} must be a whole number up to {most}")
        setattr(wanted, name, value)
    for name, field in (("dryRun", "dry"), ("wide", "wide"), ("confirmed", "confirmed")):
        if type(given.get(name, False)) is not bool:
            raise Wrong(400, "InvalidRequest", f"{name} must be true or false")
        setattr(wanted, field, given.get(name, False))
    allow = given.get("allow", [])
    if not isinstance(allow, list) or not all(isinstance(name, str) for name in allow):
        raise Wrong(400, "InvalidRequest", "allow must be a list of the names of guard rails")
    wanted.allow = frozenset(allow)
    return wanted


def _target(tables: Tables, name: str, text: str) -> Wanted:
    if name == "alert":
        stored = alerts.find(tables, text) if re.fullmatch("[0-9a-f]{32}", text) else None
        if stored is None:
            raise Wrong(404, "NotFound", "there is no such alert")
        actor = stored.alert.sighting.actor
        if actor is None or actor in NOBODY:
            raise Wrong(409, "NoActor", "this alert accuses nobody in particular: nothing could be listed")
        wanted = _actor(actor)
        wanted.alert = text
        return wanted
    if name == "ip":
        address = canonical_ip(text)
        if not address:
            raise Wrong(400, "InvalidRequest", "ip must be an IPv4 or IPv6 address")
        return Wanted("ip", address)
    return _actor(
        text if name == "identity" and text.startswith("subject:") else f"{'subject' if name == 'identity' else 'subscription'}:{text}"
    )


def _actor(actor: str) -> Wanted:
    if address := canonical_ip(actor):
        return Wanted("ip", address)
    if re.fullmatch(r"subject:[0-9a-f]{64}", actor):
        return Wanted("identity", actor)
    if found := re.fullmatch(r"subscription:([^/\s]{1,80})", actor):
        return Wanted("subscription", found[1])
    raise Wrong(409, "NoTarget", "only an address, the subject of a token or a subscription can be acted on")


def _key(wanted: Wanted, responses: Responses) -> str:
    return key_of(wanted.target, wide=wanted.wide, secret=responses.secret) if wanted.kind == "ip" else ""


def _plan(wanted: Wanted, responses: Responses, gather: Gather, networks: Networks, now: datetime) -> Plan:
    facts = gather(wanted.kind, wanted.target, responses.rails.days, now, wanted.wide)
    return plan(facts, responses.rails, networks, wanted.allow)


def _mode(responses: Responses) -> str:
    """What the guard does with entries: an entry under `off` waits."""
    try:
        return responses.guard.mode()
    except GatewayRefused:
        return "unknown"


# answers


def shown(row: Shown) -> Body:
    one = row.response
    found: Body = {
        "id": one.id,
        "who": one.who,
        "when": iso_utc(one.when),
        "alert": one.alert or None,
        "target": {one.kind: one.target},
        "action": one.action,
        "rule": one.rule or None,
        "expires": iso_utc(one.until),
        "mode": one.mode,
        "state": row.state,
        "callsStopped": row.stopped,
        "callsWouldStop": row.would,
        "verdict": one.verdict,
    }
    if one.calls is not None:
        found["callsPerMinute"] = one.calls
    if one.undone_at:
        found |= {"undoneBy": one.undone_by, "undoneAt": iso_utc(one.undone_at)}
    return found


def planned(one: Plan) -> Body:
    facts = one.facts
    return {
        "target": {facts.kind: facts.target},
        "network": facts.network or None,
        "addresses": facts.addresses,
        "days": facts.days,
        "calls": facts.calls,
        "ok2xxShare": round(facts.ok / facts.calls, 4) if facts.calls else None,
        "endpoints": [
            {"endpoint": str(use.endpoint), "api": use.endpoint.api, "calls": use.calls, "ok2xx": use.ok} for use in facts.uses[:20]
        ],
        "otherIdentities": facts.identities,
        "agents": facts.agents,
        "shareOfEndpoint": [{"endpoint": str(use.endpoint), "percent": round(use.share, 2)} for use in facts.uses[:20] if use.everybody],
        "verdict": one.verdict,
        "allowed": list(one.allowed),
        "reasons": list(one.reasons),
        "overridable": dict(one.overridable),
    }
