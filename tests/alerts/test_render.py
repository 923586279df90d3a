"""Alerts in the shape of Microsoft.Security/alerts, with and without the accused."""

import json

import pytest

from alerts.render import EVERYONE, Gateway, Point, render, series_name
from detectors import discovered
from model import Severity, service_endpoint
from tests.build import ENDPOINT, IP, START, alert

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
PLACE = Gateway(
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.ApiManagement/service/contoso", "https://api.contoso.com/shop"
)
REQUIRED = {
    "version", "alertType", "systemAlertId", "productComponentName", "alertDisplayName", "description", "severity", "intent", "startTimeUtc",
    "endTimeUtc", "timeGeneratedUtc", "processingEndTimeUtc", "resourceIdentifiers", "remediationSteps", "vendorName", "productName", "status",
    "extendedLinks", "alertUri", "entities", "isIncident", "correlationKey", "compromisedEntity", "techniques", "subTechniques",
    "extendedProperties", "supportingEvidence",
}  # fmt: skip
POPULATION = alert(
    detector="API_PopulationSpikeInAPITraffic",
    sighting={"actor": None, "observed": 865.0, "mean": 71.17, "deviation": 57.8, "expected": 64.2, "threshold": 201.4},
)


def test_the_shape() -> None:
    found = render(alert(), PLACE)
    properties = found["properties"]
    assert properties.keys() == REQUIRED
    assert found["name"] == properties["systemAlertId"] == alert().id
    assert (properties["alertType"], properties["severity"], properties["intent"]) == ("API_SpikeInAPITraffic", "Medium", "Impact")
    assert properties["startTimeUtc"] == "2026-03-04T12:00:00Z"
    assert properties["endTimeUtc"] == "2026-03-04T12:10:00Z"
    assert properties["extendedProperties"]["SubscriptionId"] == SUBSCRIPTION
    assert properties["extendedProperties"]["Url"] == "https://api.contoso.com/shop/v1/orders/{id}"
    assert properties["extendedProperties"]["Actor (Client IP)"] == IP
    assert properties["extendedProperties"]["Observed Status Codes"] == "200 (80), 204 (20)"
    assert {"$id": "2", "address": IP, "type": "ip"} in properties["entities"]
    json.dumps(found)


def test_a_population_spike_reads_as_defenders() -> None:
    properties = render(POPULATION, PLACE)["properties"]["extendedProperties"]
    assert properties["Actor"] == EVERYONE
    assert (
        properties["Event of Interest"]
        == "(Spike) 865 calls answered 2XX within 20 minutes by all callers together at GET /v1/orders/{id}."
    )
    assert properties["Historical Behavior"] == (
        "Over 30 days the mean of a 20-minute window was 71.17 calls with a standard deviation of 57.80. At this hour 64.2 are expected."
    )
    assert properties["Deviation from Historical Behavior"] == "13.7 standard deviations above the mean; 13.5 times the expected"
    assert properties["Spike (Number of API calls in 20 minutes)"] == "865"
    assert properties["Would have stayed silent if"] == "not more than 201 calls had been counted"


@pytest.mark.parametrize("actor", [IP, "2001:db8::7", "user:alice", "subject:9f1c"])
def test_without_actors_nothing_names_them(actor: str) -> None:
    named = json.dumps(render(alert(sighting={"actor": actor})))
    hidden = json.dumps(render(alert(sighting={"actor": actor}), actors=False))
    assert actor in named
    assert actor not in hidden
    assert actor.partition(":")[2] not in hidden or actor == IP


def test_payload_alerts_carry_defenders_one_id_and_are_told_apart() -> None:
    found = [render(alert(detector=f"API_SpikeInPayload_{which}"))["properties"] for which in ("Response", "Request")]
    assert {one["alertType"] for one in found} == {"API_SpikeInPayload"}
    assert len({one["alertDisplayName"] for one in found}) == 2
    assert [one["extendedProperties"]["Gatewatch Detector"] for one in found] == [
        "API_SpikeInPayload_Response",
        "API_SpikeInPayload_Request",
    ]


@pytest.mark.parametrize("id", [one.id for one in discovered()])
@pytest.mark.parametrize("days", [0, 1, 5, 30])
def test_every_detector_renders(id: str, days: int) -> None:
    for found in (
        alert(detector=id, baseline_days=days),
        alert(detector=id, baseline_days=days, endpoint=service_endpoint("contoso"), severity=Severity.LOW),
    ):
        properties = render(found, status="Dismissed")["properties"]
        assert properties["status"] == "Dismissed"
        assert properties["techniques"] or not properties["subTechniques"]
        assert all("." in technique for technique in properties["subTechniques"])
        assert all(properties["extendedProperties"].values())


def test_a_rule_needs_no_history() -> None:
    properties = render(alert(detector="API_Injection", sighting={"expected": None, "threshold": None}))["properties"]["extendedProperties"]
    assert properties["Historical Behavior"] == "This is judged call by call; it needs no history."
    assert properties["Would have stayed silent if"].startswith("the detector were off")


def test_a_limit_without_a_usual_is_no_rule_of_single_calls() -> None:
    properties = render(alert(sighting={"expected": None, "mean": None, "threshold": 30}))["properties"]["extendedProperties"]
    assert properties["Historical Behavior"] == "No usual is known to compare with; 30 calls are tolerated."


def test_the_series_to_draw() -> None:
    evidence = render(alert(), series=[Point(START - 20, 4, 5.5), Point(START, 100, None)])["properties"]["supportingEvidence"]
    assert [(point["observed"], point["expected"]) for point in evidence["points"]] == [(4, 5.5), (100, None)]
    assert series_name(POPULATION) == "2xx"
    assert series_name(alert(detector="API_AuthenticationFailures")) == "auth"
    assert series_name(alert(detector="API_DistributedParameterEnumeration", sighting={"parameter": "path:id"})) == "distinct:path:id"
    assert series_name(alert(detector="API_Injection", sighting={"status_class": None})) is None


def test_an_unknown_detector_is_an_error() -> None:
    with pytest.raises(KeyError, match="API_Removed"):
        render(alert(detector="API_Removed", endpoint=ENDPOINT))
