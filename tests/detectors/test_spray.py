"""One IP across the endpoints of a service."""

import pytest

from detectors.spray import spray
from model import Endpoint, service_endpoint
from tests.build import IP, baseline, cold, window

KNOWN = [Endpoint("contoso", "shop", "GET", f"/v1/thing{i}") for i in range(20)]
UNKNOWN = [Endpoint("contoso", "", "GET", f"/probe{i}/{{…}}", matched=False) for i in range(20)]


@pytest.mark.parametrize(
    ("case", "routes", "found"),
    [
        ("a usual visit", KNOWN[:4], 0),
        ("many operations", KNOWN[:7], 1),
        ("as many as others visit", KNOWN[:6], 0),
        ("three paths that do not exist", UNKNOWN[:3], 1),
        ("one wrong address again and again", UNKNOWN[:1] * 4, 1),
        ("two typing errors", UNKNOWN[:2], 0),
    ],
)
def test_spray(case: str, routes: list[Endpoint], found: int) -> None:
    judged = window(endpoint=service_endpoint("contoso"), routes=[(IP, 200 if route.matched else 404, route) for route in routes])
    assert [s.actor for s in spray(judged, baseline(endpoint=service_endpoint("contoso")))] == [IP] * found, case


def test_unknown_paths_need_no_history_and_known_ones_do() -> None:
    judged = window(endpoint=service_endpoint("contoso"), routes=[(IP, 404, route) for route in UNKNOWN[:5]])
    assert len(list(spray(judged, cold(service_endpoint("contoso"))))) == 1
    judged = window(endpoint=service_endpoint("contoso"), routes=[(IP, 200, route) for route in KNOWN])
    assert list(spray(judged, cold(service_endpoint("contoso")))) == []
    judged = window(endpoint=service_endpoint("contoso"), routes=[("", 404, route) for route in UNKNOWN])
    assert list(spray(judged, cold(service_endpoint("contoso")))) == []
