"""What a step of the evaluation has to write."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from alerts.campaign import FoldedPage
from model import Alert, Endpoint, Failure, Incident, Minute, StatusClass
from pipeline.findings import Findings
from pipeline.learn import DaySummary, DayTops
from windows.baseline import Baseline
from windows.record import Record, WindowRow


@dataclass(frozen=True, slots=True)
class Activity:
    """Personal data: which IP called which endpoint how often in a closed window. Belongs in the day's `activity` table and nowhere else."""

    ip: str
    endpoint: Endpoint
    window: Minute
    status_class: StatusClass
    n: int


@dataclass(frozen=True, slots=True)
class Behind:
    """Personal data: which identities and user agents, a few of each, were behind an IP in a closed window of one service. Written as keyed hashes."""

    ip: str
    window: Minute
    identities: tuple[str, ...]
    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Regular:
    """Personal data: one IP's (or identity's) largest measure of a day so far; same keys replace each other by the larger value.

    Given back to a new Evaluation for the last 30 days: an actor with 3 such days is only found when it exceeds itself.
    """

    day: int
    endpoint: Endpoint
    measure: str
    actor: str
    value: float


@dataclass(frozen=True, slots=True)
class Late:
    """What one tally added to a window that was closed already. Merge with `merge_late(stored, late.partition, late.position, late.record)`,
    which changes nothing when the stored record holds this position of this partition: a repeat is harmless.
    """

    endpoint: Endpoint
    window: Minute
    partition: str
    position: int
    record: Record
    activity: list[Activity]


@dataclass(frozen=True, slots=True)
class Step:
    """Everything to write after one tick, in this order; then `positions`, `watermark` and `closed_until` as the state of a next cold start."""

    positions: Mapping[str, int]
    """Partition -> position of the last tally that this and all earlier steps contain."""
    watermark: Minute | None
    closed_until: Minute | None
    """Windows that end at or before this minute are closed."""
    learned: Mapping[Endpoint, Minute] = field(default_factory=dict)
    """Endpoints that this step learned, each with the minute from which on calls belong to it: they have to be stored before anything that comes later."""
    changed: list[WindowRow] = field(default_factory=list)
    """Live windows that got calls: overwrite their rows."""
    closed: list[WindowRow] = field(default_factory=list)
    """Windows that closed in this step: overwrite their rows for the last time."""
    late: list[Late] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    """New, changed or closed alerts: upsert by id."""
    folded: list[FoldedPage] = field(default_factory=list)
    """Personal data: the alerts that campaigns stand for: overwrite by campaign and number, before the alerts."""
    incidents: list[Incident] = field(default_factory=list)
    """New, changed or closed incidents: upsert by id."""
    activity: list[Activity] = field(default_factory=list)
    behind: list[Behind] = field(default_factory=list)
    regulars: list[Regular] = field(default_factory=list)
    days: list[DayTops] = field(default_factory=list)
    """For each endpoint with traffic, once a day is closed: what the day's summary needs beside the day's window records."""
    summaries: list[DaySummary] = field(default_factory=list)
    """Only with a learner: what it learned of the days that closed."""
    baselines: list[Baseline] = field(default_factory=list)
    """Only with a learner: the baselines that the following judgements used."""
    failures: list[Failure] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    """Only of a share of the evaluation: what the lead has to group."""
