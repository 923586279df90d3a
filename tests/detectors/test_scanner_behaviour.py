"""A scan without a scanner's user agent."""

import pytest

from detectors.scanner_behaviour import scanner_behaviour
from model import Endpoint, service_endpoint
from tests.build import IP, cold, window

PATHS = [Endpoint("contoso", "", "GET", f"/p{i}/{{…}}", matched=False) for i in range(400)]
SHOP = [Endpoint("contoso", "shop", "GET", f"/v1/thing{i}") for i in range(5)]


@pytest.mark.parametrize(
    ("case", "routes", "found"),
    [
        ("a real scan: 335 paths, 273 refused", [(IP, 404 if i < 273 else 200, PATHS[i]) for i in range(335)], 1),
        ("fuzzing of known operations", [(IP, 400, SHOP[i % 5]) for i in range(40)], 1),
        ("a brute force of one operation is another matter", [(IP, 401, SHOP[0]) for _ in range(90)], 0),
        ("many paths folded to one template", [(IP, 404, PATHS[0]) for _ in range(40)], 1),
        ("a busy client with some errors", [(IP, 404 if i % 3 else 200, SHOP[i % 5]) for i in range(20)], 0),
        ("mostly successes", [(IP, 404 if i % 3 == 0 else 200, SHOP[i % 5]) for i in range(120)], 0),
    ],
)
def test_scanner_behaviour(case: str, routes: list[tuple[str, int, Endpoint]], found: int) -> None:
    judged = window(endpoint=service_endpoint("contoso"), routes=routes)
    assert [s.actor for s in scanner_behaviour(judged, cold(service_endpoint("contoso")))] == [IP] * found, case
