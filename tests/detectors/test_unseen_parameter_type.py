"""Types that a parameter never had."""

import pytest

from detectors.unseen_parameter_type import unseen_parameter_type
from model import Severity
from tests.build import IP, baseline, window

TEXT, EMPTY, INTEGER = 0, 1, 3
FREE = dict.fromkeys((0, 2, 3, 4, 10), 1000)


@pytest.mark.parametrize(
    ("case", "kind", "types", "found"),
    [
        ("a number as always", INTEGER, {INTEGER: 1_000}, 0),
        ("text where there were numbers", TEXT, {INTEGER: 1_000}, 1),
        ("nothing says nothing", EMPTY, {INTEGER: 1_000}, 0),
        ("a parameter that takes anything", 7, FREE, 0),
        ("too few values known", TEXT, {INTEGER: 99}, 0),
    ],
)
def test_unseen_type(case: str, kind: int, types: dict[int, int], found: int) -> None:
    judged = window(values=[(IP, "path:id", [1], False)], value_type=kind)
    sightings = list(unseen_parameter_type(judged, baseline(types={"path:id": types})))
    assert [(s.actor, s.parameter) for s in sightings] == [(IP, "path:id")] * found, case


def test_five_callers_are_a_roll_out() -> None:
    judged = window(values=[(f"198.51.100.{i}", "path:id", [1], True) for i in range(5)], value_type=TEXT)
    assert [s.severity for s in unseen_parameter_type(judged, baseline())] == [Severity.INFORMATIONAL]
