"""A country that is new to an identity."""

from collections.abc import Mapping

import pytest

from detectors.new_country import new_country
from model import service_endpoint
from tests.build import START, baseline, window
from windows.baseline import MINUTES_PER_DAY

SERVICE = service_endpoint("contoso")
TODAY = START // MINUTES_PER_DAY
ANN = "subject:ann"


@pytest.mark.parametrize(
    ("case", "homes", "origins", "found"),
    [
        ("busy from a new country", {"NL": TODAY - 20}, {"DE": 20}, ["country:DE"]),
        ("one call fewer", {"NL": TODAY - 20}, {"DE": 19}, []),
        ("from home", {"NL": TODAY - 20}, {"NL": 500}, []),
        ("known for thirteen days only", {"NL": TODAY - 13}, {"DE": 20}, []),
        ("known for fourteen", {"NL": TODAY - 14}, {"DE": 20}, ["country:DE"]),
        ("never seen before", {}, {"DE": 500}, []),
        ("a stray exit of a large company", {"NL": TODAY - 20}, {"NL": 1_000, "DE": 20}, []),
        ("one in fifty of it", {"NL": TODAY - 20}, {"NL": 980, "DE": 20}, ["country:DE"]),
        ("seen there yesterday", {"NL": TODAY - 20, "DE": TODAY - 1}, {"DE": 500}, []),
        ("from two at once", {"NL": TODAY - 20}, {"DE": 30, "FR": 30}, ["country:DE", "country:FR"]),
    ],
)
def test_new_country(case: str, homes: Mapping[str, int], origins: Mapping[str, int], found: list[str]) -> None:
    judged = window(endpoint=SERVICE)
    judged.homes = {ANN: homes}
    for country, ok in origins.items():
        judged.caller("192.0.2.1", ANN, "okhttp", country, ok)
    assert [sighting.parameter for sighting in new_country(judged, baseline(endpoint=SERVICE))] == found, case
    for sighting in new_country(judged, baseline(endpoint=SERVICE)):
        assert sighting.actor == ANN
        assert sighting.evidence["countries before"] == ", ".join(sorted(homes))
