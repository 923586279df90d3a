"""Alerts in the forms that other systems read, judged by those systems' own schemas, parsers and verifiers."""

import base64
import copy
import json
import re
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jsonschema
import ocsf_json_schema  # type: ignore[import-untyped]
import pytest
import standardwebhooks
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.exports import (
    FORMATS,
    WITHHELD,
    Change,
    cef,
    detection_finding,
    formats,
    mdc,
    ocsf,
    without_addresses,
)
from alerts.render import Gateway, Point, render
from alerts.webhook_signature import sign, webhook_headers, webhook_key
from detectors import discovered
from intel.addresses import canonical_ip
from model import Alert, Endpoint, Severity, Sighting, service_endpoint

RESOURCE = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.ApiManagement/service/contoso"
PLACE = Gateway(RESOURCE, "https://api.example.com")
CLIENT = "203.0.113.7"
START = int(datetime(2026, 11, 24, 10, tzinfo=UTC).timestamp()) // 60
ENDPOINT = Endpoint("contoso", "orders", "PUT", "/orders/{id}")
SPIKE = Sighting(865, expected=80.5, threshold=161, status_class="2xx", mean=71.17, deviation=57.8)
Document = dict[str, Any]


def alert(detector: str = "API_PopulationSpikeInAPITraffic", sighting: Sighting = SPIKE, **changes: Any) -> Alert:
    given: dict[str, Any] = {"statuses": {204: 800, 200: 65}, "baseline_days": 30, "incident": "abc", "formula": "Medium"} | changes
    return Alert("0af7651916cd43dd8448eb211c80319c", detector, ENDPOINT, Severity.MEDIUM, START, START + 19, START + 11, sighting, **given)


def accusing(client: str = CLIENT, **changes: Any) -> Alert:
    """An alert on one client that two threat-intelligence feeds list."""
    return alert(
        "API_AccessFromSuspiciousIP",
        Sighting(12, actor=client, evidence={"what matched": "firehol, ipsum", "answered 2xx": 0}),
        statuses={401: 12},
        **changes,
    )


SERIES = [Point(START - 20, 70, 75.5), Point(START, 865, None)]
ALERTS = {
    "population": alert(), "client": accusing(), "client over IPv6": accusing("2001:db8::7"), "identity": alert(sighting=replace(SPIKE, actor="subscription:mobile-app")),
    "service": replace(alert(), endpoint=service_endpoint("contoso")), "no api": replace(alert(), endpoint=Endpoint("", "", "GET", "/{…}", matched=False)),
    "no history": alert(sighting=Sighting(1), statuses={}, baseline_days=0, incident="", formula=""), "young": alert(sighting=Sighting(1.5, expected=1e-9, threshold=0.0, unit="bytes"), baseline_days=1),
    "high": replace(accusing(), severity=Severity.HIGH), "informational": replace(alert(), severity=Severity.INFORMATIONAL, open=False),
}  # fmt: skip
SAMPLES: dict[str, tuple[Document, Alert]] = {
    **{name: (render(made, PLACE), made) for name, made in ALERTS.items()},
    **{f"{name}, unknown place": (render(made), made) for name, made in ALERTS.items()},
    "with a series": (render(alert(), PLACE, series=SERIES), alert()),
    **{status: (render(alert(), PLACE, status=status), alert()) for status in ("InProgress", "Resolved", "Dismissed")},
    "without actors": (render(accusing(), PLACE, actors=False), accusing()),
    "least": ({"properties": {}}, alert()),
    "no times": ({"properties": {"startTimeUtc": "yesterday", "endTimeUtc": 5, "timeGeneratedUtc": "2026-11-24T10:00:00"}}, alert()),
    **{found.id: (render(alert(found.id), PLACE), alert(found.id)) for found in discovered()},
}


def changed(document: Document, **properties: Any) -> Document:
    return {**document, "properties": {**document["properties"], **properties}}


_CHANGES: tuple[Change, ...] = ("created", "updated", "closed")


# OCSF


@cache
def validator(version: str, profiles: tuple[str, ...]) -> jsonschema.Draft202012Validator:
    """The published schema of the class; unknown fields are errors in it."""
    schema = ocsf_json_schema.OcsfJsonSchemaEmbedded(ocsf_json_schema.get_ocsf_schema(version)).get_class_schema(
        "detection_finding", list(profiles)
    )
    return jsonschema.Draft202012Validator(schema)


def problems(finding: dict[str, Any], version: str) -> list[str]:
    judged = copy.deepcopy(finding)
    judged["metadata"]["version"] = version
    judged.pop("unmapped", None)  # an open object by definition, which the generator closes
    found = validator(version, tuple(sorted(finding["metadata"].get("profiles", ())))).iter_errors(judged)
    return [f"{error.json_path}: {error.message[:200]}" for error in found]


@pytest.mark.parametrize("version", ["1.5.0", "1.8.0"])
@pytest.mark.parametrize("name", SAMPLES)
def test_findings_obey_the_published_schema(version: str, name: str) -> None:
    for change in _CHANGES:
        for with_ip in (True, False):
            assert problems(json.loads(ocsf(*SAMPLES[name], with_ip=with_ip, change=change, version="1.2.3")), version) == []


def test_the_validator_finds_what_is_wrong() -> None:
    finding = detection_finding(*SAMPLES["population"], with_ip=True)
    breaks: tuple[dict[str, Any], ...] = (
        {"severity_id": 42}, {"made_up": 1}, {"finding_info": {}}, {"anomaly_analyses": [{"anomalies": []}]}, {"time": "now"}, {"evidences": [{"name": "x"}]},
    )  # fmt: skip
    for break_ in breaks:
        assert problems({**finding, **break_}, "1.5.0")


def test_a_statistical_finding_carries_its_baseline_and_its_anomaly() -> None:
    finding = detection_finding(*SAMPLES["population"], with_ip=True, change="updated", version="1.2.3")
    assert (finding["type_uid"], finding["activity_name"], finding["status_id"], finding["severity_id"], finding["confidence_id"]) == (
        200402,
        "Update",
        1,
        3,
        3,
    )
    assert (finding["time"], finding["start_time"], finding["end_time"]) == ((START + 12) * 60_000, START * 60_000, (START + 20) * 60_000)
    info = finding["finding_info"]
    assert (info["uid"], info["analytic"]["type_id"], info["types"]) == (
        "0af7651916cd43dd8448eb211c80319c",
        3,
        ["API_PopulationSpikeInAPITraffic"],
    )
    assert {"tactic": {"uid": "TA0040", "name": "Impact"}, "technique": {"uid": "T1499"}, "sub_technique": {"uid": "T1499.003"}} in info[
        "attacks"
    ]
    assert len({json.dumps(attack) for attack in info["attacks"]}) == len(info["attacks"])
    assert "API4:2023 Unrestricted Resource Consumption" in next(tag["values"] for tag in info["tags"] if "2023" in tag["name"])
    analysis = finding["anomaly_analyses"][0]
    assert [(b["observation_type"], b["observations"][0]["value"]) for b in analysis["baselines"]] == [
        ("mean", "71.17"), ("standard deviation", "57.8"), ("expected at this hour", "80.5"), ("threshold", "161"),
    ]  # fmt: skip
    assert analysis["baselines"][0]["observations"][0]["timespan"] == {"type_id": 5, "type": "Days", "duration_days": 30}
    assert analysis["baselines"][0]["observed_pattern"].startswith("Over 30 days the mean")
    assert analysis["anomalies"][0]["observations"] == [
        {"value": "865", "timespan": {"type_id": 3, "type": "Minutes", "duration_mins": 20}}
    ]
    assert analysis["analysis_targets"] == [{"name": "PUT /orders/{id}", "type": "API endpoint"}]
    evidence = finding["evidences"][0]
    assert evidence["api"] == {"operation": "PUT /orders/{id}", "service": {"name": "orders"}, "response": {"code": 204}}
    assert evidence["http_request"] == {"http_method": "PUT", "url": {"path": "/orders/{id}"}}
    assert evidence["data"]["statusCodes"] == {"204": 800, "200": 65}
    assert finding["resources"][0]["uid"] == f"{RESOURCE}/apis/orders"
    assert finding["remediation"]["desc"]
    assert finding["cloud"]["account"]["uid"] == "11111111-2222-3333-4444-555555555555"
    assert "osint" not in finding


def test_the_picture_goes_out_as_observations() -> None:
    analysis = detection_finding(*SAMPLES["with a series"], with_ip=True)["anomaly_analyses"][0]
    span = {"type_id": 9, "type": "Time Interval"}
    first, second = ({**span, "start_time": minute * 60_000, "end_time": (minute + 20) * 60_000} for minute in (START - 20, START))
    assert analysis["anomalies"][1]["observations"] == [{"value": "70", "timespan": first}, {"value": "865", "timespan": second}]
    assert analysis["baselines"][-1]["observations"] == [{"value": "75.5", "timespan": first}]


def test_a_listed_client_is_open_source_intelligence() -> None:
    finding = detection_finding(*SAMPLES["client"], with_ip=True)
    assert [(item["value"], item["name"], item["type_id"]) for item in finding["osint"]] == [(CLIENT, "firehol", 1), (CLIENT, "ipsum", 1)]
    assert finding["metadata"]["profiles"] == ["cloud", "osint"]
    assert finding["evidences"][0]["src_endpoint"] == {"ip": CLIENT}
    assert finding["observables"][0]["value"] == CLIENT
    assert finding["finding_info"]["analytic"]["type_id"] == 1
    assert not {"anomaly_analyses", "confidence_id"} & set(finding)


@pytest.mark.parametrize(("code", "told"), [("NL", {"location": {"country": "NL"}}), ("EU", {}), ("", {})])
def test_where_the_client_is_registered(code: str, told: dict[str, Any]) -> None:
    one = accusing()
    document = render(one, country=code)
    finding = detection_finding(document, one, with_ip=True)
    assert finding["evidences"][0]["src_endpoint"] == {"ip": CLIENT, **told}
    assert not problems(finding, "1.5.0")
    assert "country" not in json.dumps(detection_finding(document, one, with_ip=False))
    assert b"countryCode" not in mdc(document, with_ip=False)


def test_a_place_that_is_not_known_is_not_made_up() -> None:
    finding = detection_finding(*SAMPLES["population, unknown place"], with_ip=True)
    assert "cloud" not in finding
    assert finding["resources"] == [{"uid": "apim:contoso/apis/orders", "name": "contoso", "type": "Azure API Management"}]


@pytest.mark.parametrize(("status", "uid"), [("Active", 1), ("InProgress", 2), ("Dismissed", 3), ("Resolved", 4), ("Odd", 99)])
def test_statuses(status: str, uid: int) -> None:
    assert detection_finding(render(alert(), status=status), alert(), with_ip=True)["status_id"] == uid


def test_each_change_is_an_event_of_its_own_about_one_finding() -> None:
    findings = [detection_finding(*SAMPLES["population"], with_ip=True, change=change) for change in _CHANGES]
    assert len({finding["metadata"]["uid"] for finding in findings}) == 3
    assert {finding["finding_info"]["uid"] for finding in findings} == {alert().id}


# without an address


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("client", [CLIENT, "2001:db8::7", "::1", "2001:db8:0:1:1:1:1:1"])
def test_no_address_leaves_without_the_option(form: str, client: str) -> None:
    made = accusing(client)
    document = render(made, PLACE)
    assert client in FORMATS[form](document, made, True, "created", "1").decode()
    without = FORMATS[form](document, made, False, "created", "1").decode()
    assert client not in without
    assert "/orders/{id}" in without


@given(
    st.ip_addresses(),
    st.sampled_from(
        ["{}", "from {}.", "({})", "{}:443", "[{}]:443", "a,{},b", "ip={}", "'{}'", "{}/32", "client {}: too many calls", "{} and {}"]
    ),
)
def test_an_address_in_any_text_is_withheld(address: Any, frame: str) -> None:
    text = frame.format(address, address)
    cleaned = without_addresses(
        {
            "name": "x",
            "properties": {"description": text, "extendedProperties": {"a": [text]}, "entities": [{"type": "ip", "address": str(address)}]},
        }
    )
    assert str(address) not in json.dumps(cleaned)
    assert WITHHELD in cleaned["properties"]["description"]
    assert cleaned["properties"]["entities"] == []


@pytest.mark.parametrize(
    "text",
    [
        "10:12:05",
        "2026-11-24T10:12:05.5Z",
        "API4:2023",
        "T1499.003",
        RESOURCE,
        "PUT /orders/{id}",
        "71.17",
        "v1.2.3",
        "12:34",
        "Status: 200, 204",
        "std::vector",
        "0af7651916cd43dd8448eb211c80319c",
    ],
)
def test_what_is_no_address_stays(text: str) -> None:
    assert without_addresses({"name": text, "properties": {"a": text}}) == {"name": text, "properties": {"a": text}}


def test_the_alert_itself_is_left_as_it_was() -> None:
    document = render(accusing(), PLACE)
    for form in FORMATS.values():
        form(document, accusing(), False, "created", "1")
    assert document == render(accusing(), PLACE)


@pytest.mark.parametrize("form", FORMATS)
def test_what_has_no_utf_8_is_no_obstacle(form: str) -> None:
    made = replace(alert(), endpoint=ENDPOINT._replace(template="/a\ud800b"))
    message = FORMATS[form](render(made), made, True, "created", "1")
    assert b"/a?b" in message


def test_mdc_is_the_alert() -> None:
    document, _ = SAMPLES["with a series"]
    assert json.loads(mdc(document, with_ip=True)) == document
    assert json.loads(mdc(document, with_ip=False)) == document


# CEF


def read_cef(line: str) -> tuple[list[str], dict[str, str]]:
    """A reader after the CEF specification: header fields, extension."""
    assert "\n" not in line
    assert "\r" not in line
    parts = re.split(r"(?<!\\)(?:\\\\)*\|", line, maxsplit=7)
    header, position = [], 0
    for _ in range(7):
        field = ""
        while line[position] != "|":
            if line[position] == "\\":
                position += 1
                assert line[position] in "\\|"
            field += line[position]
            position += 1
        header.append(field)
        position += 1
    assert len(parts) == 8
    extension = line[position:]
    starts = list(re.finditer(r"(?:^| )([A-Za-z][A-Za-z0-9]*)=", extension))
    values = {}
    for found, following in zip(starts, [*starts[1:], None], strict=True):
        raw = extension[found.end() : following.start() if following else None]
        assert not re.search(r"(?<!\\)(?:\\\\)*=", raw)
        values[found[1]] = re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), raw)
    return header, values


def test_cef_line() -> None:
    header, fields = read_cef(cef(*SAMPLES["high"], with_ip=True, version="1.2.3").decode())
    assert header == [
        "CEF:0",
        "Gatewatch",
        "Gatewatch",
        "1.2.3",
        "API_AccessFromSuspiciousIP",
        "API endpoint access from suspicious IP",
        "8",
    ]
    assert fields["src"] == CLIENT
    assert (fields["requestMethod"], fields["request"], fields["cs1"], fields["cs1Label"]) == (
        "PUT",
        "/orders/{id}",
        "PUT /orders/{id}",
        "Api Endpoint",
    )
    assert (fields["rt"], fields["externalId"], fields["cat"], fields["outcome"]) == (
        str((START + 12) * 60_000),
        alert().id,
        "PreAttack",
        "Active",
    )
    assert (fields["cfp1"], fields["cs2"], fields["cs2Label"]) == ("12", CLIENT, "Actor")


def test_cef_of_an_ipv6_client() -> None:
    _, fields = read_cef(cef(*SAMPLES["client over IPv6"], with_ip=True).decode())
    assert (fields["c6a2"], fields["c6a2Label"]) == ("2001:db8::7", "Source IPv6 Address")
    assert "src" not in fields


@pytest.mark.parametrize("name", SAMPLES)
def test_cef_of_every_sample(name: str) -> None:
    header, fields = read_cef(cef(*SAMPLES[name], with_ip=True).decode())
    assert len(header) == 7
    assert all(f"{field}Label" in fields for field in fields if re.fullmatch(r"c(?:s|fp)\d", field))


_nasty = st.text(alphabet=st.sampled_from([*"|\\= \n\r\tabc:/{}'\"", "\x00", "\x0b", "\x85", "\u2028", "é", "\U0001f600"]), max_size=60)


@given(_nasty, _nasty, _nasty)
@settings(max_examples=300, deadline=None)
def test_cef_survives_any_text(title: str, description: str, endpoint: str) -> None:
    document = changed(
        render(alert()), alertDisplayName=title or "-", description=description, extendedProperties={"Api Endpoint": endpoint}
    )
    header, fields = read_cef(cef(document, alert(), with_ip=True).decode())

    def kept(text: str) -> str:
        return re.sub(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]", "", re.sub(r"\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]", "\n", text))

    assert header[5] == kept(title or "-").replace("\n", " ")
    assert fields.get("msg", "").rstrip(" ") == kept(description).rstrip(" ")
    assert fields.get("cs1", "").rstrip(" ") == kept(endpoint).rstrip(" ")


def test_cef_is_bounded() -> None:
    texts = {"Historical Behavior": "\\" * 100_000, "Event of Interest": "\ud800" * 5_000}
    document = changed(render(alert()), alertDisplayName="|" * 10_000, description="=" * 100_000, extendedProperties=texts)
    line = cef(document, alert(), with_ip=True)
    assert len(line) < 25_000
    header, fields = read_cef(line.decode())
    assert (len(header[5]), len(fields["msg"]), len(fields["cs5"])) == (512, 1023, 4000)


# webhooks


def secret(fill: int = 1, size: int = 32) -> str:
    return "whsec_" + base64.b64encode(bytes([fill]) * size).decode()


def test_a_receiver_verifies_what_is_signed() -> None:
    body = ocsf(*SAMPLES["client"], with_ip=True)
    now = int(datetime.now(UTC).timestamp())
    headers = webhook_headers([webhook_key(secret())], "msg_1", now, body)
    receiver = standardwebhooks.Webhook(secret())
    assert receiver.verify(body.decode(), headers) == json.loads(body)
    for tampered in (
        {**headers, "webhook-id": "msg_2"},
        {**headers, "webhook-timestamp": str(now + 1)},
        {**headers, "webhook-signature": "v1,AAAA"},
    ):
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            receiver.verify(body.decode(), tampered)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        receiver.verify(body.decode() + " ", headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret(2)).verify(body.decode(), headers)


def test_keys_are_rotated_without_a_gap() -> None:
    now = int(datetime.now(UTC).timestamp())
    headers = webhook_headers([webhook_key(secret(1)), webhook_key(secret(2))], "msg_1", now, b"{}")
    for fill in (1, 2):
        standardwebhooks.Webhook(secret(fill)).verify("{}", headers)


def test_the_signature_of_the_specification() -> None:
    """The test vector of the reference libraries."""
    key = webhook_key("whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert (
        sign([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_short", secret(1, 23), secret(1, 65), "whsec_***", "é"])
def test_a_bad_secret_is_told_without_being_shown(text: str) -> None:
    with pytest.raises(ValueError, match="base64 of 24 to 64 bytes") as raised:
        webhook_key(text)
    assert not text.removeprefix("whsec_") or text.removeprefix("whsec_") not in str(raised.value)


def test_what_cannot_be_signed() -> None:
    with pytest.raises(ValueError, match="key"):
        sign([], "msg_1", 1, b"")
    for message_id in ("", "a.1"):
        with pytest.raises(ValueError, match="full stop"):
            sign([b"k" * 24], message_id, 1, b"")


# formats


def test_formats_are_chosen_by_name() -> None:
    assert formats(["ocsf", " CEF ", "ocsf", ""]) == (FORMATS["ocsf"], FORMATS["cef"])
    assert formats([]) == ()
    with pytest.raises(ValueError, match="alert format 'xml' is none of mdc, ocsf, cef"):
        formats(["xml"])


def test_test_addresses_are_canonical() -> None:
    assert canonical_ip(CLIENT) == CLIENT
