"""GET /api/recommendations, /api/recommendations/{id}, /api/attack-paths and /api/posture, and PATCH of exemptions."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from adapters import outbox, recommendations, snapshots
from adapters.evidence import Evidence
from adapters.facts import traffic_of
from adapters.posture_status import statuses
from adapters.recommendations import Stored
from adapters.tables import Changed, Tables
from alerts.request_body import decoded, reason
from model import iso_utc, moment
from posture import attack_paths
from posture.assessments import Assessment, by_id
from posture.reading import PHASES
from posture.recommendations import ALL, LONGEST_EXEMPTION, Recommendation, exempted, lifted, since
from web.caller import caller

KEY = "function key"
SEVERITIES = ("High", "Medium", "Low", "Informational")
STATES = ("open", "exempted", "unknown", "resolved", "notApplicable")
OF_PATHS = ("no-rate-limit", "api-plaintext", "api-backend-plaintext")
"""Assessments that attack paths are made of."""
Answer = tuple[int, Any, str]


def _error(status: int, code: str, message: str) -> Answer:
    return status, {"error": {"code": code, "message": message}}, ""


def page(tables: Tables, parameters: Mapping[str, str], now: datetime) -> tuple[int, Any]:
    """Recommendations, the riskiest first; `state`, `severity` and `resource` (a part of an ARM id) choose. `counts`: open ones by severity, whatever is chosen."""
    state, severity, resource = (parameters.get(name, "") for name in ("state", "severity", "resource"))
    if state and state not in STATES:
        return 400, _error(400, "BadState", f"state must be one of {', '.join(STATES)}")[1]
    if severity and severity not in SEVERITIES:
        return 400, _error(400, "BadSeverity", f"severity must be one of {', '.join(SEVERITIES)}")[1]
    every = [_summary(assessment, some, now) for assessment, some in _grouped(tables, now)]
    counts = Counter(one["severity"] for one in every if one["state"] == "open")
    touched = {assessment.id for assessment, some in _grouped(tables, now) if _touches(some, resource)} if resource else None
    chosen = [
        one
        for one in every
        if (not state or one["state"] == state)
        and (not severity or one["severity"] == severity)
        and (touched is None or one["id"] in touched)
    ]
    chosen.sort(key=lambda one: (STATES.index(one["state"]), -one["risk"], SEVERITIES.index(one["severity"]), one["id"]))
    return 200, {"value": chosen, "next": None, "total": len(chosen), "counts": {name: counts[name] for name in SEVERITIES}}


def _grouped(tables: Tables, now: datetime) -> Iterator[tuple[Assessment, list[Recommendation]]]:
    """The recommendations of every service by assessment. One that another already says is left out."""
    found: dict[str, list[Recommendation]] = {}
    for stored in recommendations.read(tables):
        found.setdefault(stored.recommendation.assessment, []).append(stored.recommendation)
    for id, some in found.items():
        assessment = by_id().get(id)
        if assessment is None:
            continue
        said = {one.service for one in found.get(assessment.shown_with, ()) if one.state(now) == "open"}
        rest = [one for one in some if one.service not in said]
        if rest:
            yield assessment, rest


def _touches(some: list[Recommendation], resource: str) -> bool:
    wanted = resource.casefold()
    return any(wanted in _id(one, path).casefold() for one in some for path in one.resources)


def _id(one: Recommendation, path: str) -> str:
    return f"{one.service}/{path}".rstrip("/")


def _state(some: list[Recommendation], now: datetime) -> str:
    states = {one.state(now) for one in some}
    return next(state for state in STATES if state in states)


def _summary(assessment: Assessment, some: list[Recommendation], now: datetime) -> dict[str, Any]:
    state = _state(some, now)
    severities = [one.severity(now) for one in some if one.state(now) == state]
    first = [one.first for one in some if one.first is not None]
    return {
        "id": assessment.id,
        "title": assessment.title,
        "severity": min(severities, key=SEVERITIES.index),
        "state": state,
        "affected": sum(len(one.affected(now)) for one in some),
        "exempted": sum(one.count("unhealthy") - len(one.affected(now)) for one in some),
        **{name: sum(one.count(name) for one in some) for name in ("healthy", "notApplicable", "unknown")},
        "firstSeen": iso_utc(moment(min(first))) if first else None,
        "since": iso_utc(min(since(one, now) for one in some if one.state(now) == state)),
        "risk": max(one.risk for one in some),
        "defenderId": assessment.defender or None,
        "policyId": assessment.policy or None,
        "mcsb": list(assessment.mcsb),
        "owasp": list(assessment.owasp),
    }


def one(tables: Tables, id: str, now: datetime) -> Answer:
    """One recommendation with its resources and its history."""
    assessment, stored = by_id().get(id), recommendations.of_assessment(tables, id) if id in by_id() else []
    if assessment is None or not stored:
        return _error(404, "NotFound", "there is no recommendation of this id")
    etag = _etag(stored)
    some = [each.recommendation for each in stored]
    history = sorted((change for each in some for change in each.history), key=lambda change: change.when)
    body = _summary(assessment, some, now) | {
        "description": f"{assessment.when} {assessment.why}",
        "when": assessment.when,
        "why": assessment.why,
        "remediation": list(assessment.steps),
        "resources": [_resource(each, path, now) for each in some for path in _worst_first(each)],
        "history": [
            {"when": iso_utc(change.when), "state": change.state, **({"by": change.by} if change.by else {})} for change in history
        ],
        "etag": etag,
    }
    return 200, body, etag


def _worst_first(one: Recommendation) -> list[str]:
    order = ("unhealthy", "unknown", "healthy", "notApplicable")
    return sorted(one.resources, key=lambda path: (order.index(one.resources[path].state), path))


def _resource(one: Recommendation, path: str, now: datetime) -> dict[str, Any]:
    found, exemption = one.resources[path], one.exemption_of(path, now)
    exempt = exemption is not None and found.state == "unhealthy"
    return {
        "resource": _id(one, path),
        "state": "exempted" if exempt else found.state,
        **({"severity": found.severity} if found.severity else {}),
        **({"cause": found.cause or found.stale} if found.cause or found.stale else {}),
        "evidence": [{"path": where, "value": value} for where, value in found.evidence],
        "since": iso_utc(moment(found.since)),
        **({"exemption": {"who": exemption.who, "why": exemption.why, "until": iso_utc(exemption.until)}} if exemption else {}),
    }


def _etag(stored: list[Stored]) -> str:
    """One for the rows of all services, which stand for each other's changes."""
    from hashlib import blake2b

    return f'"{blake2b(" ".join(sorted(each.etag for each in stored)).encode(), digest_size=12).hexdigest()}"'


class Exempt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    why: str
    until: datetime


class ExemptionPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`resource`: its ARM id, None for all; `exempt` None: the exemption ends."""

    exempt: Exempt | None
    resource: str | None = None


_FORM = '{"resource": "/subscriptions/…", "exempt": {"why": "the backend authenticates", "until": "2027-01-31T00:00:00Z"}}'


def amend(tables: Tables, id: str, body: bytes, headers: Mapping[str, str], now: datetime) -> Answer:
    """Exempt a resource, or all, until a moment; or end it. Guarded by If-Match as the alerts are."""
    try:
        patch = decoded(body, ExemptionPatch, _FORM)
        _checked(patch, now)
    except ValueError as error:
        return _error(400, "BadRequest", str(error))
    wanted = headers.get("if-match", "").strip()
    if not wanted:
        return _error(428, "PreconditionRequired", "If-Match is missing: send the etag of the recommendation as you have read it, or *")
    stored = recommendations.of_assessment(tables, id) if id in by_id() else []
    if not stored:
        return _error(404, "NotFound", "there is no recommendation of this id")
    if wanted != "*" and wanted.removeprefix("W/") != _etag(stored):
        return _changed(tables, id, now)
    targets = [(each, path) for each in stored if (path := _path(each.recommendation, patch.resource)) is not None]
    if not targets:
        return _error(404, "NoSuchResource", "the recommendation has no such resource")
    who = caller(headers, KEY)
    try:
        for each, path in targets:
            _write(tables, each, path, patch, who, now, wanted)
    except Changed:
        return _changed(tables, id, now)
    return one(tables, id, now)


def _write(tables: Tables, stored: Stored, path: str, patch: ExemptionPatch, who: str, now: datetime, wanted: str) -> None:
    def made(known: Recommendation | None) -> Recommendation:
        found = known or stored.recommendation
        return exempted(found, path, who, patch.exempt.why, patch.exempt.until, now) if patch.exempt else lifted(found, path, who, now)

    tells = outbox.Marked(stored.recommendation.id, stored.recommendation.first or 0)
    outbox.mark(tables, [tells], now)
    recommendations.change(tables, stored.recommendation.id, made, stored.etag if wanted != "*" else None)
    outbox.mark(tables, [tells], now)


def _path(one: Recommendation, resource: str | None) -> str | None:
    """The path that an ARM id has below the recommendation's service; ALL for None; None where it is another's."""
    if resource is None:
        return ALL
    return next((path for path in one.resources if _id(one, path).casefold() == resource.rstrip("/").casefold()), None)


def _checked(patch: ExemptionPatch, now: datetime) -> None:
    """Raises ValueError."""
    if patch.exempt is None:
        return
    if not reason("why", patch.exempt.why):
        raise ValueError("why must say why")
    until = patch.exempt.until
    if until.tzinfo is None or not now < until <= now + timedelta(days=LONGEST_EXEMPTION):
        raise ValueError(f"until must be a time with a zone, within the next {LONGEST_EXEMPTION} days")


def _changed(tables: Tables, id: str, now: datetime) -> Answer:
    _, current, etag = one(tables, id, now)
    return 412, {"error": {"code": "Changed", "message": "the recommendation was changed since it was read"}, "current": current}, etag


def paths(tables: Tables, evidence: Evidence, now: datetime, key: bytes = b"") -> tuple[int, Any]:
    """Attack paths of every service, the riskiest first."""
    states: dict[str, dict[str, dict[str, str]]] = {}
    for assessment in OF_PATHS:
        for stored in recommendations.of_assessment(tables, assessment):
            found = stored.recommendation
            states.setdefault(found.service, {})[assessment] = {path: each.state for path, each in found.resources.items()}
    found_paths = [
        path
        for snapshot in snapshots.published(evidence)
        for path in attack_paths.find(snapshot, traffic_of(tables, snapshot, now, key), states.get(snapshot.id, {}))
    ]
    found_paths.sort(key=lambda path: (-path.risk, path.kind, path.id))
    return 200, {"value": [_drawn(path) for path in found_paths], "next": None, "total": len(found_paths)}


def _drawn(path: attack_paths.Path) -> dict[str, Any]:
    return {
        "id": path.id,
        "kind": path.kind,
        "title": path.title,
        "severity": path.severity,
        "risk": path.risk,
        "nodes": [{"kind": node.kind, "name": node.name, **({"id": node.id} if node.id else {})} for node in path.nodes],
        "edges": [{"from": edge.source, "to": edge.target, "label": edge.label} for edge in path.edges],
        "fix": {"text": path.fix, "step": path.step},
        "endpoint": path.endpoint,
        "evidence": list(path.evidence),
    }


def services(tables: Tables, places: tuple[str, ...]) -> tuple[int, Any]:
    """How far every service has been read. `places`: what the setting names."""
    found = [
        {
            "service": status.service,
            "snapshotAt": iso_utc(at) if (at := status.taken_at) else None,
            "complete": status.complete,
            "progress": 1.0 if status.done else round(PHASES.index(status.phase) / len(PHASES), 2) if status.phase in PHASES else 0.0,
            "reads": status.reads,
            **({"notice": status.notice} if status.notice else {}),
        }
        for status in statuses(tables)
    ]
    if not places:
        return 200, {"services": found, "notice": "the setting POSTURE_SERVICES is empty: no gateway's configuration is read"}
    return 200, {"services": found}
