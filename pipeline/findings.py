"""What is found by a part of the evaluation, kept in the order of event time until the lead groups what all of them found."""

from collections.abc import Mapping, Set
from typing import NamedTuple, Protocol

import msgspec

from alerts.campaign import FoldedPage
from alerts.suppression import Rules
from detectors import Detector, by_id
from model import Alert, AlertKey, Endpoint, Finding, Incident, Minute, alert_key
from windows.context import Context

FORMAT = 1
"""Stands first in what is packed: a reader refuses what a newer writer wrote instead of misreading it."""


class At(NamedTuple):
    """A point of the walk through event time. `phase` 0: windows end and close at this minute; 1: its calls are judged."""

    minute: Minute
    phase: int


class Found(msgspec.Struct, frozen=True, array_like=True):
    """One finding, with what grouping asks for beside it."""

    at: At
    finding: Finding
    context: Context


class Calls(msgspec.Struct, frozen=True, array_like=True):
    """How many calls a whole service had in one window, so far."""

    at: At
    service: str
    window: Minute
    n: int


class Findings(msgspec.Struct, frozen=True, array_like=True):
    """Personal data: what one part found while it followed one plan. `passed`: the minutes at which windows ended or closed; `calls`: of services, from the
    lead alone."""

    passed: list[Minute] = []
    calls: list[Calls] = []
    found: list[Found] = []


Accused = Mapping[tuple[Minute, Minute], Mapping[str, frozenset[str]]]
"""(first minute, end) -> service -> the actors whom alerts name in this time."""


class Groups(Protocol):
    """What takes in findings: the grouping itself, or a notebook for the lead's."""

    detectors: Mapping[str, Detector]
    rules: Rules

    def key(self, found: Finding | Alert) -> AlertKey: ...
    def pass_time(self, minute: Minute) -> None: ...
    def traffic(self, service: str, window: Minute, calls: int) -> None: ...
    def add(self, finding: Finding, context: Context) -> None: ...
    def accused(self, service: str, start: Minute, end: Minute) -> Set[str]: ...
    def drain(self) -> tuple[list[Alert], list[Incident]]: ...
    def drain_folded(self) -> list[FoldedPage]: ...
    @property
    def idle(self) -> bool: ...


class Notebook:
    """Stands in the place of the grouping: notes what is found, and knows of alerts what the lead has told."""

    idle = False
    """When nothing can happen any more is the lead's to say."""

    def __init__(self, detectors: Mapping[str, Detector] | None = None, accused: Accused | None = None) -> None:
        self.detectors = by_id() if detectors is None else detectors
        self.rules = Rules()
        self.accusations = dict(accused or {})
        self.at = At(-1, 0)
        self._passed: list[Minute] = []
        self._calls: dict[tuple[At, str, Minute], int] = {}
        self._found: list[Found] = []

    def key(self, found: Finding | Alert) -> AlertKey:
        return alert_key(found, self.detectors[found.detector].key)

    def pass_time(self, minute: Minute) -> None:
        self.at = At(minute, 0)
        self._passed.append(minute)

    def traffic(self, service: str, window: Minute, calls: int) -> None:
        self._calls[self.at, service, window] = calls

    def add(self, finding: Finding, context: Context) -> None:
        self._found.append(Found(self.at, finding, context))

    def accused(self, service: str, start: Minute, end: Minute) -> frozenset[str]:
        return self.accusations.get((start, end), {}).get(service, frozenset())

    def drain(self) -> tuple[list[Alert], list[Incident]]:
        return [], []

    def drain_folded(self) -> list[FoldedPage]:
        return []

    def take(self) -> Findings:
        """What was noted since the last call."""
        noted = Findings(self._passed, [Calls(*key, n) for key, n in self._calls.items()], self._found)
        self._passed, self._calls, self._found = [], {}, []
        return noted


def finding_order(finding: Finding) -> tuple[str, Endpoint, str, str]:
    """In which findings of one minute are grouped."""
    return finding.detector, finding.endpoint, finding.sighting.actor or "", finding.sighting.parameter or ""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, Findings]).decode


def pack_findings(findings: Findings) -> bytes:
    return _encode((FORMAT, findings))


def unpack_findings(packed: bytes) -> Findings:
    """Raises ValueError on what `pack_findings` of this format did not write."""
    try:
        format_, findings = _decode(packed)
    except msgspec.DecodeError as error:
        raise ValueError(f"not packed findings: {error}") from error
    if format_ != FORMAT:
        raise ValueError(f"findings of format {format_}, where this version reads {FORMAT}: upgrade before reading them")
    return findings
