"""Assessments of the configuration: one family a file, found by discovery. An assessment is a pure generator of verdicts over a snapshot.

Adding one touches one file here and its test. States: healthy, unhealthy, not applicable and unknown, the last two with their cause. What was not read is never unhealthy.
"""

import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Literal, NamedTuple

from model import Severity
from posture.facts import Traffic
from posture.snapshot import Snapshot

State = Literal["healthy", "unhealthy", "notApplicable", "unknown"]


class Evidence(NamedTuple):
    """What was found where. `path`: of the property in its resource, "properties.protocols[0]", or of an element of its policy; `value` None: not set, or not to be shown."""

    path: str
    value: str | None = None


class Verdict(NamedTuple):
    """What an assessment says of one resource, by its path below the service. `severity` None: the assessment's own."""

    path: str
    state: State
    evidence: tuple[Evidence, ...] = ()
    cause: str = ""
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What verdicts depend on beside the snapshot. `traffic` None: nothing is known of it."""

    now: datetime
    traffic: Traffic | None = None


Function = Callable[[Snapshot, Context], Iterator[Verdict]]


@dataclass(frozen=True, slots=True)
class Assessment:
    id: str
    title: str
    severity: Severity
    resource: str
    """What it judges: service, API, operation, …"""
    when: str
    """When it is unhealthy, in one sentence."""
    why: str
    """What may happen, for who must decide whether to mend it."""
    steps: tuple[str, ...]
    """How it is mended, with the exact setting."""
    function: Function
    mcsb: tuple[str, ...] = ()
    owasp: tuple[str, ...] = ()
    policy: str = ""
    """Azure Policy's definition, where there is a built-in one."""
    defender: str = ""
    """Defender for Cloud's assessment, where it has one."""
    needs: tuple[str, ...] = ()
    """Sections of the snapshot without which it has nothing to judge."""
    shown_with: str = ""
    """Another assessment of the same setting: where that one is unhealthy, this is no second recommendation."""

    def verdicts(self, snapshot: Snapshot, context: Context) -> Iterator[Verdict]:
        """One verdict a resource. A section that could not be read is one verdict on the service."""
        for section in self.needs:
            gap = snapshot.gaps.get(section)
            if gap == "not in this tier":
                yield not_applicable("", f"{section}: {gap}")
                return
            if gap is not None and (snapshot.service is not None or gap != "not in the export"):
                yield unknown("", f"{section}: {gap}")
                return
            if gap is not None and section == "service":
                return
        yield from self.function(snapshot, context)


@dataclass(frozen=True, slots=True)
class Result:
    """A verdict, signed."""

    assessment: Assessment
    verdict: Verdict

    @property
    def severity(self) -> Severity:
        return self.assessment.severity if self.verdict.severity is None else self.verdict.severity


@dataclass(frozen=True, slots=True)
class Failure:
    """An assessment that raised: a mistake of ours, which must not cost the others. `what` is the exception's name."""

    assessment: str
    what: str


@dataclass(frozen=True, slots=True)
class Assessed:
    results: tuple[Result, ...] = ()
    failures: tuple[Failure, ...] = field(default=())


def healthy(path: str, *evidence: Evidence) -> Verdict:
    return Verdict(path, "healthy", evidence)


def unhealthy(path: str, *evidence: Evidence, severity: Severity | None = None, cause: str = "") -> Verdict:
    return Verdict(path, "unhealthy", evidence, cause, severity)


def not_applicable(path: str, cause: str) -> Verdict:
    return Verdict(path, "notApplicable", (), cause)


def unknown(path: str, cause: str, *evidence: Evidence) -> Verdict:
    return Verdict(path, "unknown", evidence, cause)


def judged(path: str, wrong: Iterable[Evidence], severity: Severity | None = None) -> Verdict:
    """Unhealthy with this evidence, healthy without any."""
    found = tuple(wrong)
    return unhealthy(path, *found, severity=severity) if found else healthy(path)


def assessment(
    *, id: str, title: str, severity: Severity, resource: str, when: str, why: str, steps: tuple[str, ...], mcsb: tuple[str, ...] = (),
    owasp: tuple[str, ...] = (), policy: str = "", defender: str = "", needs: tuple[str, ...] = (), shown_with: str = "",
) -> Callable[[Function], Assessment]:  # fmt: skip
    """Makes an assessment of a generator `(snapshot, context)`. The arguments are the fields of Assessment."""

    def made(function: Function) -> Assessment:
        return Assessment(id, title, severity, resource, when, why, steps, function, mcsb, owasp, policy, defender, needs, shown_with)

    return made


def collect(modules: Iterable[ModuleType]) -> tuple[Assessment, ...]:
    """The assessments of some modules by id. Raises ValueError when two have one id."""
    found: dict[str, Assessment] = {}
    for module in modules:
        for one in vars(module).values():
            if isinstance(one, Assessment) and found.setdefault(one.id, one) is not one:
                raise ValueError(f"two assessments are called {one.id}")
    return tuple(found[id] for id in sorted(found))


@cache
def discovered() -> tuple[Assessment, ...]:
    """Every assessment of this folder, by id."""
    return collect(import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__) if not module.ispkg)


@cache
def by_id() -> Mapping[str, Assessment]:
    return {one.id: one for one in discovered()}


def assess(snapshot: Snapshot, context: Context, assessments: Iterable[Assessment] | None = None) -> Assessed:
    """Every verdict of every assessment."""
    results: list[Result] = []
    failures: list[Failure] = []
    for one in discovered() if assessments is None else assessments:
        try:
            results += [Result(one, verdict) for verdict in one.verdicts(snapshot, context)]
        except Exception as error:
            failures.append(Failure(one.id, type(error).__name__))
    return Assessed(tuple(results), tuple(failures))
