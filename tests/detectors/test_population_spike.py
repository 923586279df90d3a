"""Calls of everyone against rule B, its floors, and the share of the busiest IP."""

import pytest

from detectors.population_spike import population_spike
from model import Severity
from tests.build import baseline, seasonal, window


def many(n: int, status: int = 200, busiest: int = 1) -> list[tuple[str, int, int]]:
    return [("198.51.100.1", status, busiest), *((f"198.51.100.{2 + i % 250}", status, 1) for i in range(n - busiest))]


@pytest.mark.parametrize(
    ("case", "calls", "mean", "days", "found"),
    [
        ("as usual", many(5), 5.0, 30, 0),
        ("below the floor, whatever the mean", many(19), 0.1, 30, 0),
        ("at the floor", many(20), 0.1, 30, 1),
        ("six times the mean", many(60), 10.0, 30, 1),
        ("twice the mean is no spike", many(20), 10.0, 30, 0),
        ("a young baseline is strict", many(29), 0.1, 2, 0),
        ("and then alerts", many(31), 0.1, 2, 1),
        ("one IP's spike is not the population's", many(60, busiest=40), 10.0, 30, 0),
        ("unless the others make one too", many(120, busiest=60), 10.0, 30, 1),
        ("client errors are a class of their own", many(30, status=404), 0.1, 30, 1),
        ("redirects say nothing", many(90, status=302), 0.1, 30, 0),
    ],
)
def test_population_spike(case: str, calls: list[tuple[str, int, int]], mean: float, days: int, found: int) -> None:
    name = f"{calls[0][1] // 100}xx"
    sightings = list(population_spike(window(calls=calls), baseline(series={name: seasonal(mean)}, days=days)))
    assert len(sightings) == found, case
    for sighting in sightings:
        assert (sighting.actor, sighting.status_class, sighting.mean) == (None, name, mean)
        assert sighting.threshold is not None
        assert sighting.observed > sighting.threshold


def test_ten_times_the_expected_is_severe() -> None:
    learned = baseline(series={"2xx": seasonal(10.0)})
    assert [s.severity for s in population_spike(window(calls=many(60)), learned)] == [None]
    assert [s.severity for s in population_spike(window(calls=many(100)), learned)] == [Severity.HIGH]


def test_a_class_that_was_never_seen_has_the_floor() -> None:
    assert [s.observed for s in population_spike(window(calls=many(25, status=503)), baseline(series={}))] == [25]
