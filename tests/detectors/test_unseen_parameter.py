"""Parameters that no one sent in 30 days."""

import msgspec
import pytest

from detectors.unseen_parameter import MANY, unseen_parameter
from model import Severity
from tests.build import IP, baseline, window

OTHERS = [f"198.51.100.{i}" for i in range(9)]


@pytest.mark.parametrize(
    ("case", "callers", "severity"),
    [("one call", [IP], None), ("four callers", OTHERS[:4], None), ("five callers are a roll-out", OTHERS[:5], Severity.INFORMATIONAL)],
)
def test_unseen_parameter(case: str, callers: list[str], severity: Severity | None) -> None:
    judged = window(values=[(ip, "query:isAdmin", [1], True) for ip in callers])
    sightings = list(unseen_parameter(judged, baseline()))
    assert [(s.parameter, s.severity) for s in sightings] == [("query:isAdmin", severity)], case
    assert sightings[0].actor == (IP if callers == [IP] else None)


def test_known_ones_are_silent() -> None:
    assert list(unseen_parameter(window(values=[(IP, "path:id", [1], True)]), baseline())) == []


def test_a_hundred_invented_names_are_one_sighting() -> None:
    judged = window(values=[(IP, f"query:x{i}", [1], False) for i in range(100)])
    assert [s.parameter for s in unseen_parameter(judged, baseline())] == [MANY]


def test_the_same_new_one_on_the_next_day_is_no_news() -> None:
    judged = window(values=[(IP, "query:isAdmin", [1], True)])
    noticed = msgspec.structs.replace(baseline(), noticed=["query:isAdmin"])
    assert list(unseen_parameter(judged, noticed)) == []
