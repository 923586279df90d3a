"""Values never seen, by many IPs together."""

import pytest

from detectors.distributed_parameter_enumeration import distributed_parameter_enumeration
from model import Severity
from tests.build import IP, baseline, seasonal, value, window
from windows.baseline import Baseline

NEW = range(1_000, 1_060)


def spread(numbers: range, ok: bool = False) -> list[tuple[str, str, list[int], bool]]:
    return [(f"198.51.100.{i % 200}", "path:id", [number], ok) for i, number in enumerate(numbers)]


@pytest.mark.parametrize(
    ("case", "values", "learned", "found"),
    [
        ("known values", spread(range(18)), baseline(), 0),
        ("15 new ones", spread(NEW[:15]), baseline(), 0),
        ("60 new ones", spread(NEW), baseline(), 1),
        ("new ones are usual here", spread(NEW), baseline(unseen=[50, 50, 50], series={}), 0),
        ("one IP alone is another detector's", [(IP, "path:id", NEW, False)], baseline(), 0),
        ("no value was ever known", spread(NEW[:30]), baseline(seen={"path:id": []}, series={}), 1),
        ("far more distinct ones than usual", spread(range(90)), baseline(series={"distinct:path:id": seasonal(4.0)}, seen={}), 1),
        ("as many as usual", spread(range(90)), baseline(series={"distinct:path:id": seasonal(80.0)}), 0),
    ],
)
def test_distributed(case: str, values: list[tuple[str, str, list[int], bool]], learned: Baseline, found: int) -> None:
    sightings = list(distributed_parameter_enumeration(window(values=values), learned))
    assert [(s.actor, s.parameter) for s in sightings] == [(None, "path:id")] * found, case


@pytest.mark.parametrize(
    ("case", "days", "new", "usual", "found"),
    [
        ("a month, more than the floor", 14, 16, 3, 1),
        ("a week, more than a month's floor", 13, 30, 3, 0),
        ("a week, more than its own", 13, 31, 3, 1),
        ("a month, 1.25 times the usual", 14, 38, 30, 1),
        ("a week, twice the usual", 13, 60, 30, 0),
        ("a week, more than twice the usual", 13, 61, 30, 1),
    ],
)
def test_the_first_two_weeks_are_strict(case: str, days: int, new: int, usual: int, found: int) -> None:
    learned = baseline(days=days, unseen=[usual] * 3, series={})
    assert len(list(distributed_parameter_enumeration(window(values=spread(range(1_000, 1_000 + new))), learned))) == found, case


def test_the_second_rule_is_as_strict_as_ever_then() -> None:
    learned = baseline(days=13, series={"distinct:path:id": seasonal(2.0)}, unseen=[30] * 3)
    assert [len(list(distributed_parameter_enumeration(window(values=spread(range(n))), learned))) for n in (19, 20)] == [0, 1]


def test_a_parameter_that_is_not_known_at_all_is_left_to_its_own_detector() -> None:
    values = [(ip, "query:user", numbers, ok) for ip, _, numbers, ok in spread(NEW)]
    assert list(distributed_parameter_enumeration(window(values=values), baseline())) == []


def test_objects_that_were_read_make_it_severe() -> None:
    assert [s.severity for s in distributed_parameter_enumeration(window(values=spread(NEW)), baseline())] == [None]
    assert [s.severity for s in distributed_parameter_enumeration(window(values=spread(NEW, ok=True)), baseline())] == [Severity.HIGH]


def test_counting_on_is_counting_at_once() -> None:
    learned = baseline()
    once, twice = window(values=spread(NEW)), window(values=spread(NEW[:20]))
    list(distributed_parameter_enumeration(twice, learned))
    for ip, name, numbers, ok in spread(NEW):
        for number in numbers:
            twice.value(ip, name, value(number), 1, int(ok), 3)
    assert [s.observed for s in distributed_parameter_enumeration(twice, learned)] == [
        s.observed for s in distributed_parameter_enumeration(once, learned)
    ]
