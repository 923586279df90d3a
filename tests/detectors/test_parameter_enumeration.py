"""Distinct values of one parameter by one IP in 20 minutes."""

import pytest

from detectors.parameter_enumeration import parameter_enumeration
from model import Severity
from tests.build import IP, baseline, window

INTEGER, WORD = 3, 10


@pytest.mark.parametrize(
    ("case", "parameter", "kind", "n", "own", "found"),
    [
        ("a person", "path:id", INTEGER, 20, None, 0),
        ("an enumeration", "path:id", INTEGER, 21, None, 1),
        ("a crawler within its own", "path:id", INTEGER, 60, 40.0, 0),
        ("a crawler beyond its own", "path:id", INTEGER, 61, 40.0, 1),
        ("numbers in the query", "query:user", INTEGER, 30, None, 1),
        ("search terms", "query:q", WORD, 60, None, 0),
        ("very many names", "query:name", WORD, 61, None, 1),
    ],
)
def test_parameter_enumeration(case: str, parameter: str, kind: int, n: int, own: float | None, found: int) -> None:
    regulars = {f"distinct:{parameter}": {IP: own}} if own else {}
    judged = window(values=[(IP, parameter, range(n), False), (IP, parameter, range(n), False)], value_type=kind, regulars=regulars)
    sightings = list(parameter_enumeration(judged, baseline()))
    assert [(s.actor, s.parameter, s.observed) for s in sightings] == [(IP, parameter, n)] * found, case


def test_only_objects_that_were_read_make_it_severe() -> None:
    refused = window(values=[(IP, "path:id", range(100), False)])
    read = window(values=[(IP, "path:id", range(80), False), (IP, "path:id", range(60, 80), True)])
    assert [s.severity for s in parameter_enumeration(refused, baseline())] == [None]
    assert [s.severity for s in parameter_enumeration(read, baseline())] == [Severity.HIGH]
