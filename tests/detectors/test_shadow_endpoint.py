"""Success where no operation is."""

import pytest

from detectors.shadow_endpoint import shadow_endpoint
from model import Endpoint
from tests.build import ENDPOINT, IP, baseline, cold, seasonal, window

SHADOW = Endpoint("contoso", "", "GET", "/v2/{…}", matched=False)


@pytest.mark.parametrize(
    ("case", "endpoint", "status", "days", "found"),
    [
        ("a forgotten version answers", SHADOW, 200, 30, 1),
        ("nothing answers", SHADOW, 404, 30, 0),
        ("an operation", ENDPOINT, 200, 30, 0),
        ("a service that is new", SHADOW, 200, 1, 0),
    ],
)
def test_shadow_endpoint(case: str, endpoint: Endpoint, status: int, days: int, found: int) -> None:
    judged = window(endpoint=endpoint, calls=[(IP, status, 3)], service_days=days)
    assert len(list(shadow_endpoint(judged, cold(endpoint)))) == found, case


def test_known_for_long_is_no_news() -> None:
    assert list(shadow_endpoint(window(endpoint=SHADOW, calls=[(IP, 200, 3)]), baseline(endpoint=SHADOW, series={"2xx": seasonal()}))) == []
