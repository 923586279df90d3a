"""Recommendations: what assessments found, grouped by assessment, with a life: open, exempted, resolved by itself, open again. Pure: `now` is an argument."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from model import Minute, minute_of, moment
from posture.assessments import Assessment, Result, by_id
from posture.risk import of_recommendation
from posture.snapshot import Snapshot, service_key

State = Literal["open", "exempted", "resolved", "notApplicable", "unknown"]
PREFIX = "recommendation-"
ALL = "*"
"""An exemption of every resource, those to come too."""
HISTORY = 100
"""Changes kept, the newest."""
LONGEST_EXEMPTION = 366
"""Days."""


class Exemption(msgspec.Struct, frozen=True):
    """`path`: of a resource below the service, or ALL."""

    path: str
    who: str
    why: str
    made: datetime
    until: datetime


class Affected(msgspec.Struct, frozen=True, omit_defaults=True):
    """One resource. `since`: the minute from which it has been in this state; `stale`: why the state is that of an earlier reading, "" where it is not."""

    state: str
    since: Minute
    cause: str = ""
    severity: str = ""
    evidence: tuple[tuple[str, str | None], ...] = ()
    stale: str = ""


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """`by`: who exempted or lifted it, "" where it changed by itself."""

    when: datetime
    state: str
    by: str = ""


class Recommendation(msgspec.Struct, omit_defaults=True):
    """One assessment at one service. `service`: its ARM id, or name; `resources`: by path below the service; `risk`: 0 to 100, of its last evaluation."""

    assessment: str
    service: str
    name: str = ""
    resources: dict[str, Affected] = {}
    exemptions: list[Exemption] = []
    history: list[Change] = []
    first: Minute | None = None
    """Since when it was ever open."""
    risk: int = 0

    @property
    def id(self) -> str:
        """Stable; fit for a row's key and for a webhook's message, which allows no full stop."""
        return f"{PREFIX}{service_key(self.service)}-{self.assessment}"

    @property
    def definition(self) -> Assessment | None:
        """None for one that this version does not have."""
        return by_id().get(self.assessment)

    def exemption_of(self, path: str, now: datetime) -> Exemption | None:
        return next((one for one in reversed(self.exemptions) if one.path in (path, ALL) and one.until > now), None)

    def affected(self, now: datetime) -> list[str]:
        """Paths that are unhealthy and not exempted."""
        return [path for path, one in self.resources.items() if one.state == "unhealthy" and self.exemption_of(path, now) is None]

    def state(self, now: datetime) -> State:
        states = {one.state for one in self.resources.values()}
        if "unhealthy" in states:
            return "open" if self.affected(now) else "exempted"
        if "healthy" in states:
            return "resolved"
        return "unknown" if "unknown" in states or not states else "notApplicable"

    def severity(self, now: datetime) -> str:
        """The worst of what is open; the assessment's own where nothing is."""
        order = ("High", "Medium", "Low", "Informational")
        found = {self.resources[path].severity for path in self.affected(now)}
        definition = self.definition
        return next((one for one in order if one in found), definition.severity.label if definition else "Informational")

    def count(self, state: str) -> int:
        return sum(one.state == state for one in self.resources.values())


def parts_of(id: str) -> tuple[str, str] | None:
    """(service key, assessment) of a recommendation's id; None for what is none."""
    found = re.fullmatch(rf"{PREFIX}([0-9a-f]{{32}})-([a-z0-9-]{{1,64}})", id)
    return (found[1], found[2]) if found else None


def updated(before: Recommendation | None, snapshot: Snapshot, assessment: str, results: Iterable[Result], scores: Mapping[str, int], now: datetime) -> Recommendation:  # fmt: skip
    """A recommendation after a new reading. What could not be read this time stays what it was, and says so. `scores`: risk of endpoints by path."""
    minute = minute_of(now)
    known = before.resources if before else {}
    resources: dict[str, Affected] = {}
    for result in results:
        path, old = result.verdict.path, known.get(result.verdict.path)
        resources[path] = _resource(result, old, minute)
    # What stands below something that could not be judged was not looked at: it stays what it was.
    blind = {path: one.cause for path, one in resources.items() if one.state == "unknown" or one.stale}
    for path, one in known.items():
        above = next((blind[up] for up in _above(path) if up in blind), None)
        if path not in resources and above is not None:
            resources[path] = msgspec.structs.replace(one, stale=above or "not read")
    if len(resources) > 1 and "" in blind and _are_stale(resources):
        del resources[""]
    found = Recommendation(
        assessment, snapshot.id or snapshot.name, snapshot.name, resources,
        exemptions=[one for one in before.exemptions if one.until > now] if before else [],
        history=list(before.history) if before else [],
        first=before.first if before else None,
    )  # fmt: skip
    affected = found.affected(now)
    found.risk = of_recommendation(
        found.severity(now), len(affected), [score for path, score in scores.items() if _touches(affected, path)]
    )
    return _noted(found, now)


def _above(path: str) -> list[str]:
    """The paths above one: its API of an operation, the service of everything."""
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(len(parts) - 2, 0, -2)] + [""] if path else []


def _are_stale(resources: Mapping[str, Affected]) -> bool:
    """Whether the service's own verdict only says that its resources could not be read."""
    return any(path and one.stale for path, one in resources.items())


def _resource(result: Result, old: Affected | None, minute: Minute) -> Affected:
    verdict = result.verdict
    if verdict.state == "unknown" and old is not None and old.state in ("healthy", "unhealthy"):
        return msgspec.structs.replace(old, stale=verdict.cause)
    since = old.since if old is not None and old.state == verdict.state else minute
    bad = verdict.state == "unhealthy"
    return Affected(
        verdict.state,
        since,
        verdict.cause,
        result.severity.label if bad else "",
        tuple(verdict.evidence) if bad or verdict.evidence else (),
    )


def _touches(affected: Iterable[str], path: str) -> bool:
    """Whether an endpoint is one of the resources, or below one."""
    return any(path == one or path.startswith(one + "/") or not one for one in affected)


def _noted(found: Recommendation, now: datetime, by: str = "") -> Recommendation:
    """With its state in the history, if that is another than before."""
    state = found.state(now)
    if not found.history or found.history[-1].state != state:
        found.history = [*found.history, Change(now, state, by)][-HISTORY:]
    if state == "open" and found.first is None:
        found.first = minute_of(now)
    return found


def exempted(found: Recommendation, path: str, who: str, why: str, until: datetime, now: datetime) -> Recommendation:
    """With an exemption of a resource, or of ALL; one before of the same gives way."""
    others = [one for one in found.exemptions if one.path != path and one.until > now]
    changed = msgspec.structs.replace(found, exemptions=[*others, Exemption(path, who, why, now, until)])
    return _noted(changed, now, who)


def lifted(found: Recommendation, path: str, who: str, now: datetime) -> Recommendation:
    """Without the exemption of a resource, or of ALL."""
    return _noted(msgspec.structs.replace(found, exemptions=[one for one in found.exemptions if one.path != path]), now, who)


def since(found: Recommendation, now: datetime) -> datetime:
    """From when it has been in its state."""
    state = found.state(now)
    for change in reversed(found.history):
        if change.state == state:
            return change.when
    return now if found.first is None else moment(found.first)
