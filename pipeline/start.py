"""What an evaluation starts from: the state that earlier ones stored, and the criteria by which it judges."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from alerts.campaign import FoldedAlert
from alerts.suppression import Rules
from detectors import Detector
from model import Alert, Endpoint, Incident, Minute
from pipeline.findings import Accused
from pipeline.limits import Limits
from pipeline.step import Regular
from windows.baseline import Baseline
from windows.context import Context

END_OF_TIME: Minute = 1 << 40


@dataclass(frozen=True, slots=True)
class EvaluationState:
    """What earlier evaluations stored; empty for the first one."""

    positions: Mapping[str, int] = field(default_factory=dict)
    """Partition -> position of the last tally that was evaluated."""
    watermark: Minute | None = None
    closed_until: Minute | None = None
    settled: Minute = END_OF_TIME
    """Of a share: up to where the lead has said who is accused; windows close no later than that."""
    accused: Accused = field(default_factory=dict)
    """Of a share: who is accused in days that are not closed."""
    alerts: Iterable[Alert] = ()
    """Those that are open or of the last 24 hours."""
    incidents: Iterable[Incident] = ()
    """Those that are open or of the last 24 hours."""
    folded: Mapping[str, Iterable[FoldedAlert]] = field(default_factory=dict)
    """Open campaign -> the alerts that are folded into it."""
    learned: Mapping[Endpoint, Minute] = field(default_factory=dict)
    """The endpoints that were learned so far, each with the minute from which on calls belong to it."""
    regulars: Iterable[Regular] = ()
    """Of the last 30 days."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """By what windows are judged."""

    baselines: Iterable[Baseline] = ()
    contexts: Mapping[Endpoint, Context] = field(default_factory=dict)
    """What the inventory knows of endpoints."""
    limits: Limits | None = None
    """None: the detectors' own."""
    rules: Rules | None = None
    """The suppression rules in force."""
    detectors: Iterable[Detector] | None = None
    """None: all that discovery finds."""
