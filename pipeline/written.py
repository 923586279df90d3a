"""What a step of the evaluation has to write, as it comes up."""

from dataclasses import dataclass, field

from model import NOBODY, STATUS_CLASSES, Failure
from pipeline.learn import DaySummary, DayTops
from pipeline.step import Activity, Behind
from windows.baseline import Baseline
from windows.live import LiveWindow
from windows.record import WindowRow


@dataclass(slots=True)
class Written:
    closed: list[WindowRow] = field(default_factory=list)
    activity: list[Activity] = field(default_factory=list)
    behind: list[Behind] = field(default_factory=list)
    days: list[DayTops] = field(default_factory=list)
    summaries: list[DaySummary] = field(default_factory=list)
    baselines: list[Baseline] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def activity_of(window: LiveWindow) -> list[Activity]:
    """Which addresses called in it."""
    return [
        Activity(ip, window.endpoint, window.start, status_class, n)
        for number, status_class in enumerate(STATUS_CLASSES, 1)
        for ip, n in window.ips[number].items()
        if ip not in NOBODY
    ]


def behind_of(window: LiveWindow) -> list[Behind]:
    """Who was behind the addresses of a service."""
    return [
        Behind(ip, window.start, tuple(sorted(people)), tuple(sorted(programs))) for ip, (people, programs) in sorted(window.behind.items())
    ]
