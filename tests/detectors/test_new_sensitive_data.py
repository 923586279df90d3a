"""Information types that an endpoint never carried before."""

import pytest

from detectors.new_sensitive_data import new_sensitive_data
from model import OTHER, Severity
from tests.build import ENDPOINT, START, baseline
from windows.context import Context
from windows.live import LiveWindow

KNOWN = Context(sensitive=("email",))
OPEN = Context(sensitive=("email",), unauthenticated=True)
ANSWER, QUERY = "response.body $.iban", "request.query q"


def carrying(context: Context, *carried: tuple[str, str, int, int]) -> LiveWindow:
    made = LiveWindow(ENDPOINT, START, context=context)
    for information, place, kind, n in carried:
        made.carry(information, place, kind, n)
    return made


@pytest.mark.parametrize(
    ("case", "context", "carried", "found"),
    [
        ("nothing", KNOWN, [], []),
        ("as always", KNOWN, [("email", ANSWER, 2, 9)], []),
        ("a new type", KNOWN, [("iban", ANSWER, 2, 3)], [("iban", 3, None)]),
        ("an endpoint that carried nothing", Context(), [("email", ANSWER, 2, 1)], [("email", 1, None)]),
        ("to anyone", OPEN, [("iban", ANSWER, 2, 3)], [("iban", 3, Severity.MEDIUM)]),
        ("to anyone, but refused", OPEN, [("iban", ANSWER, 4, 3)], [("iban", 3, None)]),
        ("from anyone, which exposes nothing", OPEN, [("iban", QUERY, 2, 3)], [("iban", 3, None)]),
        ("two at once are two alerts", KNOWN, [("iban", ANSWER, 2, 1), ("ssn", QUERY, 2, 2)], [("iban", 1, None), ("ssn", 2, None)]),
        ("one call in two places is one call", KNOWN, [("iban", ANSWER, 2, 1), ("iban", QUERY, 2, 1)], [("iban", 1, None)]),
    ],
)
def test_new_sensitive_data(
    case: str, context: Context, carried: list[tuple[str, str, int, int]], found: list[tuple[str, int, object]]
) -> None:
    sightings = list(new_sensitive_data(carrying(context, *carried), baseline()))
    assert [(s.parameter, s.observed, s.severity) for s in sightings] == found, case
    assert all(s.actor is None for s in sightings), "an exposure is the endpoint's, not its callers'"


def test_the_evidence_names_places_and_the_limit_holds() -> None:
    judged = carrying(KNOWN, ("iban", QUERY, 2, 1), ("iban", ANSWER, 2, 2))
    assert [s.evidence for s in new_sensitive_data(judged, baseline())] == [{"where": f"{QUERY}, {ANSWER}"}]
    assert list(new_sensitive_data(judged, baseline(), calls=3)) == []


def test_places_that_overflow_are_still_found() -> None:
    judged = carrying(KNOWN, *(("email", f"response.body $.a{i}", 2, 1) for i in range(600)), ("iban", ANSWER, 2, 1))
    assert [(s.parameter, s.evidence) for s in new_sensitive_data(judged, baseline())] == [("iban", {"where": OTHER})]
