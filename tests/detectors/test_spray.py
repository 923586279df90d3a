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
    judged = window(endpoint=service_endpoint("contoso"), routes=[(IP, 404, route) for route in UNKNOWN[:8]])
    assert len(list(spray(judged, cold(service_endpoint("contoso"))))) == 1
    judged = window(endpoint=service_endpoint("contoso"), routes=[(IP, 200, route) for route in KNOWN])
    assert list(spray(judged, cold(service_endpoint("contoso")))) == []
    judged = window(endpoint=service_endpoint("contoso"), routes=[("", 404, route) for route in UNKNOWN])
    assert list(spray(judged, cold(service_endpoint("contoso")))) == []


@pytest.mark.parametrize(
    ("case", "routes", "tops", "regulars", "found"),
    [
        ("a page and its files behind a wildcard", [(200, route) for route in UNKNOWN], {"routes": [20.0] * 12}, {}, 0),
        ("not modified is no refusal", [(304, route) for route in UNKNOWN[:4]], {}, {}, 0),
        ("dead links, as many as busy clients follow here", [(404, route) for route in UNKNOWN[:5]], {"lost": [4.0] * 12}, {}, 0),
        ("more than busy clients follow here", [(404, route) for route in UNKNOWN[:6]], {"lost": [4.0] * 12}, {}, 1),
        ("a crawler known for days", [(404, route) for route in UNKNOWN[:8]], {}, {"lost": {IP: 6.0}, "routes": {IP: 6.0}}, 0),
        ("a crawler that does far more than it ever did", [(404, route) for route in UNKNOWN[:10]], {}, {"lost": {IP: 6.0}}, 1),
        ("a job that walks the whole API every day", [(200, route) for route in KNOWN[:9]], {}, {"routes": {IP: 9.0}}, 0),
    ],
)
def test_what_is_usual_here(
    case: str, routes: list[tuple[int, Endpoint]], tops: dict[str, list[float]], regulars: dict[str, dict[str, float]], found: int
) -> None:
    service = service_endpoint("contoso")
    judged = window(endpoint=service, routes=[(IP, status, route) for status, route in routes], regulars=regulars)
    assert len(list(spray(judged, baseline(endpoint=service, tops=tops)))) == found, case


def test_a_young_service_needs_more_and_the_alert_says_what_is_usual() -> None:
    service = service_endpoint("contoso")
    for n, found in ((7, 0), (8, 1)):
        judged = window(endpoint=service, routes=[(IP, 404, route) for route in UNKNOWN[:n]])
        assert len(list(spray(judged, baseline(endpoint=service, days=2)))) == found
    judged = window(endpoint=service, routes=[(IP, 404, route) for route in UNKNOWN[:9]])
    (sighting,) = spray(judged, baseline(endpoint=service, tops={"lost": [4.0] * 12}))
    assert (sighting.observed, sighting.expected, sighting.threshold) == (9, 4.0, 5.0)


def test_a_scan_that_is_spread_over_many_addresses() -> None:
    service = service_endpoint("contoso")

    def spread(clients: int, usual: int = 0, days: int = 30, others: int = 0) -> int:
        probes = [(f"203.0.113.{i}", 404, route) for i in range(clients) for route in UNKNOWN[:2]]
        calls = [(f"198.51.100.{i}", 200, KNOWN[0]) for i in range(others)]
        tops = {"lost:clients": [float(usual)] * 12} if usual else {}
        return len(list(spray(window(endpoint=service, routes=[*probes, *calls]), baseline(endpoint=service, days=days, tops=tops))))

    assert spread(29) == 0
    assert spread(30) == 30
    assert spread(90, usual=30) == 0, "so many follow dead links here"
    assert spread(91, usual=30) == 91
    assert spread(30, days=0) == 30
    assert spread(30, days=0, others=400) == 0, "a busy young site"
