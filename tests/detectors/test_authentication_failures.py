"""401 and 403: together, per IP, and with a success afterwards."""

import pytest

from detectors.authentication_failures import authentication_failures
from model import Severity
from tests.build import IP, baseline, seasonal, window


def spread(n: int, status: int = 401) -> list[tuple[str, int, int]]:
    return [(f"198.51.100.{i}", status, 1) for i in range(n)]


@pytest.mark.parametrize(
    ("case", "calls", "mean", "actors"),
    [
        ("a typing error", [(IP, 401, 3)], 0.2, []),
        ("ten by many", spread(10), 0.2, []),
        ("eleven by many", spread(11), 0.2, [None]),
        ("forbidden counts too", spread(11, 403), 0.2, [None]),
        ("not found does not", spread(50, 404), 0.2, []),
        ("usual at a busy login", spread(25), 10.0, []),
        ("one IP", [(IP, 401, 11)], 0.2, [None, IP]),
        ("one IP where many fail", [(IP, 401, 11), *spread(10)], 15.0, [IP]),
    ],
)
def test_authentication_failures(case: str, calls: list[tuple[str, int, int]], mean: float, actors: list[str | None]) -> None:
    learned = baseline(series={"auth": seasonal(mean)})
    assert [s.actor for s in authentication_failures(window(calls=calls), learned)] == actors, case


def test_a_success_after_a_burst_is_severe() -> None:
    guessed = window(calls=[(IP, 401, 12), (IP, 200, 1)])
    assert {s.severity for s in authentication_failures(guessed, baseline())} == {Severity.HIGH}
    before = window(calls=[(IP, 200, 1), (IP, 401, 12)])
    assert {s.severity for s in authentication_failures(before, baseline())} == {None}
