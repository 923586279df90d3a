"""Risk and attack paths: the points are printed and add up, what is not known is named and counts for nothing, and each path needs all its parts."""

from typing import Any

import msgspec
import pytest

from posture.attack_paths import find, reachable
from posture.facts import EndpointFacts, KeyUse, Traffic, sensitivity
from posture.resources import from_resources
from posture.risk import band, of_recommendation, score
from posture.snapshot import Snapshot
from tests.posture.estate import api, child, operation, service

WORST = EndpointFacts("e", "contoso", "orders", "GET", "/orders/{id}", authentication="Unauthenticated", status="Active", external=True, sensitivity=3, sensitive=("IBAN",), in_path=True, succeeded=True)  # fmt: skip
NOTHING = EndpointFacts("e", "contoso", "orders", "GET", "/orders/{id}")


@pytest.mark.parametrize(
    ("changed", "assessments", "reach", "expected"),
    [
        ({}, {}, None, 25 + 30 + 25),
        ({"external": False}, {}, True, 15 + 30 + 25),
        ({"external": False}, {}, False, 30 + 25),
        ({"authentication": "Mixed"}, {}, None, 25 + 20 + 25),
        ({"authentication": "Authenticated"}, {}, None, 25 + 25),
        ({"authentication": "Authenticated", "key_only": True}, {}, None, 25 + 8 + 25),
        ({"sensitivity": 1}, {}, None, 25 + 30 + 10),
        ({"sensitivity": 2}, {}, None, 25 + 30 + 18),
        ({}, {"High": 1, "Medium": 1, "Low": 1}, None, 80 + 10),
        ({}, {"High": 9}, None, 80 + 15),
        ({"open_alerts": 3}, {}, None, 80 + 10),
        ({"is_shadow": True, "open_alerts": 1}, {"High": 9}, None, 100),
        ({"status": "Inactive", "external": False, "authentication": "Authenticated", "sensitivity": 2}, {}, False, 18 - 10),
        ({"status": "Inactive"}, {}, None, 80),
    ],
)
def test_points_add_up(changed: dict[str, Any], assessments: dict[str, int], reach: bool | None, expected: int) -> None:
    found = score(msgspec.structs.replace(WORST, **changed), assessments, reachable=reach)
    assert found.score == expected
    assert found.score == min(100, max(0, sum(point.points for point in found.points)))
    assert found.band == band(expected)
    assert len(found.lower) == sum(point.points > 0 for point in found.points)


def test_what_is_not_known_counts_for_nothing_and_is_named() -> None:
    found = score(NOTHING)
    assert (found.score, found.points, found.band) == (0, (), "Low")
    assert found.unknown == ("exposure: awaiting data", "authentication: awaiting data", "use: awaiting data")


@pytest.mark.parametrize(("value", "name"), [(0, "Low"), (24, "Low"), (25, "Medium"), (49, "Medium"), (50, "High"), (74, "High"), (75, "Critical"), (100, "Critical")])  # fmt: skip
def test_bands(value: int, name: str) -> None:
    assert band(value) == name


@pytest.mark.parametrize(
    ("found", "level"),
    [([], 0), ([("email", 2)], 1), ([("email", 1)], 1), ([("iban", 2)], 3), ([("iban", 1)], 2), ([("iban", 0)], 0), ([("a tenant's own", 2)], 2), ([("email", 2), ("iban", 1)], 2)],
)  # fmt: skip
def test_sensitivity_is_the_worst_claimed_type_by_its_confidence(found: list[tuple[str, int]], level: int) -> None:
    assert sensitivity(found) == level


def test_a_recommendation_without_affected_resources_has_no_risk() -> None:
    assert of_recommendation("High", 0, [100]) == 0
    assert of_recommendation("High", 3, [80]) > of_recommendation("High", 3, []) > of_recommendation("Medium", 3, [])


def snapshot(*more: dict[str, Any], **properties: Any) -> Snapshot:
    (found,) = from_resources(
        [service(**properties), api(serviceUrl="http://b"), operation("apis/orders/operations/get", template="/orders/{id}"), *more]
    )
    return found


BAD = {name: {"apis/orders": "unhealthy"} for name in ("no-rate-limit", "api-plaintext", "api-backend-plaintext")}


def kinds(facts: EndpointFacts, states: dict[str, dict[str, str]] | None = None, **properties: Any) -> set[str]:
    return {path.kind for path in find(snapshot(**properties), Traffic((facts,)), states or {})}


@pytest.mark.parametrize(
    ("changed", "states", "expected"),
    [
        ({}, BAD, {"A", "B", "C", "E"}),
        ({}, {}, {"A"}),
        ({"authentication": "Authenticated"}, BAD, {"B", "E"}),
        ({"authentication": "Awaiting data"}, {}, set()),
        ({"sensitivity": 0}, BAD, {"C"}),
        ({"in_path": False}, BAD, {"A", "C", "E"}),
        ({"is_shadow": True}, {}, {"A", "D"}),
        ({"is_shadow": True, "succeeded": False}, {}, {"A"}),
        ({}, {"no-rate-limit": {"apis/orders": "unhealthy", "apis/orders/operations/get": "healthy"}}, {"A"}),
        ({}, {"no-rate-limit": {"apis/orders": "healthy", "apis/orders/operations/get": "unhealthy"}}, {"A", "B"}),
    ],
)
def test_a_path_needs_all_its_parts(changed: dict[str, Any], states: dict[str, dict[str, str]], expected: set[str]) -> None:
    assert kinds(msgspec.structs.replace(WORST, **changed), states) == expected


def test_possible_exposure_is_said_to_be_possible() -> None:
    quiet = msgspec.structs.replace(WORST, external=False)
    (path,) = find(snapshot(), Traffic((quiet,)), {})
    assert (path.kind, path.severity) == ("A", "Medium")
    assert "reachable from the internet by its configuration" in path.evidence
    assert kinds(quiet, {}, publicNetworkAccess="Disabled") == set()
    assert kinds(quiet, {}, virtualNetworkType="Internal") == set()
    assert reachable(Snapshot("", "x")) is None


@pytest.mark.parametrize(
    ("id", "use", "scope", "expected"),
    [
        ("master", KeyUse(1, True), "", {"F"}),
        ("master", KeyUse(1, False), "", set()),
        ("wide", KeyUse(1, True), "/apis", {"F"}),
        ("narrow", KeyUse(1, True), "/products/p", set()),
    ],
)
def test_a_key_to_everything_used_from_outside_is_a_path(id: str, use: KeyUse, scope: str, expected: set[str]) -> None:
    found = snapshot(child(f"subscriptions/{id}", scope=scope, state="active"))
    assert {path.kind for path in find(found, Traffic(keys={id: use}), {})} == expected


def test_paths_are_ordered_by_risk_and_their_ids_stay() -> None:
    worse = msgspec.structs.replace(WORST, id="f", open_alerts=1)
    traffic = Traffic((WORST, worse))
    first, second = find(snapshot(), traffic, {}), find(snapshot(), traffic, {})
    assert [path.id for path in first] == [path.id for path in second]
    assert [path.risk for path in first] == sorted((path.risk for path in first), reverse=True)
    assert len({path.id for path in first}) == len(first)
