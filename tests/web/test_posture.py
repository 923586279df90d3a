"""Recommendations, attack paths and exemptions over the handlers of HTTP, on real storage."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import ocsf_json_schema  # type: ignore[import-untyped]
import pytest

from adapters import inventory, ledger, outbox, recommendations, snapshots
from adapters.deliver import Deliver
from adapters.evidence import Evidence
from adapters.posture import Posture, Reach
from adapters.tables import Tables
from alerts.outgoing import Message
from local.estate import SERVICE, resources
from model import Endpoint, minute_of
from pipeline.step import Behind
from posture.inventory import Day, Exposure, Inventory
from posture.recommendations import Recommendation
from posture.resources import from_resources
from posture.snapshot import Snapshot
from settings import Connection
from web import posture

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = b"k" * 32
ENDPOINT = Endpoint("contoso", "shop", "GET", "/v1/orders/{id}")


class Estate:
    """The shop's configuration and one endpoint's traffic, drawn."""

    def __init__(self, account: Connection) -> None:
        self.tables, self.evidence = Tables(account), Evidence(account)
        self.posture = Posture(self.tables, self.evidence, Reach((), "https://management.azure.com"), key=KEY)
        (self.snapshot,) = from_resources(resources())
        self.snapshot.labels = {}
        minute = minute_of(NOW) - 60
        exposure = Exposure("email", "response.body $.email", 2, minute, minute, 5, [2])
        counted = Inventory(
            ENDPOINT, minute, minute, 100, 100, minute, [exposure],
            days={minute // 1440: Day([0, 100, 0, 0, 0], {"": 20, "subscription-key": 80})}, external_first=minute, external_last=minute,
        )  # fmt: skip
        inventory.write(self.tables, [counted])
        used = Behind("203.0.113.7", minute // 20 * 20, ("subscription:partner", "subscription:web"), ())
        for _, entity in ledger.behind_rows([used], KEY):
            self.tables.upsert(ledger.table_of(NOW.date()), [entity])
        self.draw(NOW)

    def draw(self, now: datetime, snapshot: Snapshot | None = None) -> None:
        snapshots.publish(self.evidence, snapshot or self.snapshot)
        self.posture.draw(snapshot or self.snapshot, now)

    def page(self, **parameters: str) -> Any:
        status, body = posture.page(self.tables, parameters, NOW)
        assert status == 200, body
        return body

    def amend(self, id: str, body: Any, etag: str = "*", now: datetime = NOW) -> tuple[int, Any, str]:
        headers = {"if-match": etag, "x-ms-client-principal-name": "ann@contoso.com"} if etag else {}
        return posture.amend(self.tables, id, json.dumps(body).encode(), headers, now)


@pytest.fixture
def estate(account: Connection) -> Estate:
    return Estate(account)


def test_recommendations_are_grouped_counted_and_ordered_by_risk(estate: Estate) -> None:
    body = estate.page()
    by_id = {one["id"]: one for one in body["value"]}
    plain = by_id["api-plaintext"]
    assert (plain["state"], plain["severity"], plain["affected"], plain["healthy"], plain["notApplicable"]) == ("open", "High", 1, 1, 1)
    assert plain["policyId"] == "ee7495e7-3ba7-40b6-bfee-c29e22cc75d4"
    assert plain["firstSeen"] == "2026-11-24T12:00:00Z"
    still_open = [one["risk"] for one in body["value"] if one["state"] == "open"]
    assert still_open == sorted(still_open, reverse=True)
    assert body["counts"]["High"] == sum(one["severity"] == "High" and one["state"] == "open" for one in body["value"])
    assert body["total"] == len(body["value"])


def test_one_setting_is_one_recommendation(estate: Estate) -> None:
    """tenant/access is direct management and a configuration endpoint."""
    ids = {one["id"] for one in estate.page()["value"]}
    assert "config-endpoints" in ids
    assert "direct-management" not in ids


@pytest.mark.parametrize(
    ("parameters", "has", "lacks"),
    [
        ({"state": "open"}, "api-plaintext", "platform-stv1"),
        ({"state": "resolved"}, "platform-stv1", "api-plaintext"),
        ({"severity": "Low"}, "public-network", "api-plaintext"),
        ({"resource": "backends/orders"}, "backend-no-auth", "api-plaintext"),
    ],
)
def test_filters(estate: Estate, parameters: dict[str, str], has: str, lacks: str) -> None:
    ids = {one["id"] for one in estate.page(**parameters)["value"]}
    assert has in ids
    assert lacks not in ids


@pytest.mark.parametrize("parameters", [{"state": "bad"}, {"severity": "high"}])
def test_a_wrong_filter_is_refused_in_one_sentence(estate: Estate, parameters: dict[str, str]) -> None:
    status, body = posture.page(estate.tables, parameters, NOW)
    assert status == 400
    assert "must be one of" in body["error"]["message"]


def test_one_recommendation_says_what_where_and_how(estate: Estate) -> None:
    status, body, etag = posture.one(estate.tables, "backend-no-auth", NOW)
    assert (status, body["etag"]) == (200, etag)
    worst = body["resources"][0]
    assert worst["resource"] == f"{SERVICE}/backends/orders"
    assert worst["state"] == "unhealthy"
    assert {"path": "properties.url", "value": "https://orders.internal.contoso.com"} in worst["evidence"]
    assert body["remediation"]
    assert [change["state"] for change in body["history"]] == ["open"]
    assert posture.one(estate.tables, "no-such", NOW)[0] == 404


UNTIL = "2026-12-24T00:00:00Z"


def test_an_exempted_resource_counts_no_more_until_the_exemption_ends(estate: Estate) -> None:
    _, _, etag = posture.one(estate.tables, "backend-no-auth", NOW)
    wish = {"resource": f"{SERVICE}/backends/orders", "exempt": {"why": "it is in our network", "until": UNTIL}}
    status, body, changed = estate.amend("backend-no-auth", wish, etag)
    assert (status, body["state"], body["affected"], body["exempted"]) == (200, "exempted", 0, 1)
    assert body["resources"][0]["exemption"] == {"who": "ann@contoso.com", "why": "it is in our network", "until": UNTIL}
    assert changed != etag
    later = NOW + timedelta(days=40)
    estate.draw(later)
    assert posture.one(estate.tables, "backend-no-auth", later)[1]["state"] == "open"
    assert [change["state"] for change in posture.one(estate.tables, "backend-no-auth", later)[1]["history"]] == [
        "open",
        "exempted",
        "open",
    ]


def test_an_exemption_of_all_covers_what_comes_and_can_be_lifted(estate: Estate) -> None:
    assert estate.amend("api-plaintext", {"exempt": {"why": "an old device", "until": UNTIL}})[1]["state"] == "exempted"
    status, body, _ = estate.amend("api-plaintext", {"exempt": None})
    assert (status, body["state"]) == (200, "open")


@pytest.mark.parametrize(
    ("body", "etag", "status", "says"),
    [
        ({"exempt": {"why": "x", "until": UNTIL}}, "", 428, "If-Match is missing"),
        ({"exempt": {"why": "x", "until": UNTIL}}, '"old"', 412, "was changed"),
        ({"exempt": {"why": "", "until": UNTIL}}, "*", 400, "why must say why"),
        ({"exempt": {"why": "x", "until": "2020-01-01T00:00:00Z"}}, "*", 400, "within the next"),
        ({"exempt": {"why": "x", "until": "2036-01-01T00:00:00Z"}}, "*", 400, "within the next"),
        ({"exempt": {"why": "x", "until": "2026-12-24T00:00:00"}}, "*", 400, "with a zone"),
        ({"resource": "/subscriptions/other", "exempt": {"why": "x", "until": UNTIL}}, "*", 404, "no such resource"),
        ({"resource": 3}, "*", 400, "must be JSON"),
        ([], "*", 400, "must be JSON"),
    ],
)
def test_bad_requests_change_nothing(estate: Estate, body: Any, etag: str, status: int, says: str) -> None:
    answer = estate.amend("api-plaintext", body, etag)
    assert answer[0] == status
    assert says in answer[1]["error"]["message"]
    assert posture.one(estate.tables, "api-plaintext", NOW)[1]["state"] == "open"


def test_attack_paths_join_configuration_and_traffic(estate: Estate) -> None:
    status, body = posture.paths(estate.tables, estate.evidence, NOW, KEY)
    assert status == 200
    kinds = {path["kind"]: path for path in body["value"]}
    assert {"A", "B", "C", "E", "F"} <= kinds.keys()
    path = kinds["A"]
    assert [node["kind"] for node in path["nodes"]] == ["internet", "gateway", "api", "endpoint", "data"]
    assert path["endpoint"] == "GET /v1/orders/{id}"
    assert path["fix"]["step"]
    assert len(path["edges"]) == len(path["nodes"]) - 1
    assert [one["nodes"][1]["name"] for one in body["value"] if one["kind"] == "F"] == ["subscription partner"]
    assert "203.0.113.7" not in json.dumps(body)


def test_traffic_decides_what_only_it_can(estate: Estate) -> None:
    unproven = {one["resource"]: one["state"] for one in posture.one(estate.tables, "endpoint-unauthenticated", NOW)[1]["resources"]}
    assert unproven[f"{SERVICE}/apis/shop/operations/get-v1-orders-id"] == "unhealthy"
    assert unproven[f"{SERVICE}/apis/shop/operations/get-v1-search"] == "unknown"
    assert posture.one(estate.tables, "master-key-used", NOW)[1]["state"] == "resolved"


def test_services_say_how_far_they_are_read(estate: Estate) -> None:
    assert posture.services(estate.tables, ())[1]["notice"].startswith("the setting POSTURE_SERVICES is empty")


# delivery


class Takes:
    """A receiver that takes everything."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def configuration(self) -> str | None:
        return "takes"

    def send(self, message: Message) -> None:
        self.messages.append(message)

    def close(self) -> None:
        pass


def delivered(estate: Estate, now: datetime, formats: tuple[str, ...] = ("mdc", "ocsf", "cef")) -> list[Message]:
    hub, webhook = Takes(), Takes()
    Deliver(estate.tables, {"hub": hub, "webhook": webhook}, formats).run(now)
    assert sorted(message.id for message in hub.messages) == sorted(message.id for message in webhook.messages)
    return hub.messages


def mended(estate: Estate, now: datetime) -> None:
    (fixed,) = from_resources([{**one, "properties": {**one["properties"], "protocols": ["https"]}} if one["id"].endswith("/apis/shop") else one for one in resources()])  # fmt: skip
    fixed.labels = {}
    estate.draw(now, fixed)


def of(messages: list[Message], assessment: str) -> list[Message]:
    return [message for message in messages if message.id.startswith(Recommendation(assessment, SERVICE).id + "-")]


def test_what_opens_and_what_ends_is_told_once_in_every_format(estate: Estate) -> None:
    first = delivered(estate, NOW)
    opened = {message.format: message for message in of(first, "api-plaintext")}
    assert {message.change for message in opened.values()} == {"created"}
    defender = json.loads(opened["mdc"].body)
    assert defender["type"] == "Microsoft.Security/assessments"
    assert defender["properties"]["status"]["code"] == "Unhealthy"
    assert defender["id"].startswith(f"{SERVICE}/apis/shop/providers/Microsoft.Security/assessments/")
    assert opened["cef"].body.startswith(b"CEF:0|Gatewatch|Gatewatch|")
    assert b"api-plaintext" in opened["cef"].body
    assert of(first, "platform-stv1") == []  # healthy from the beginning is no news
    assert delivered(estate, NOW + timedelta(minutes=1)) == []
    estate.draw(NOW + timedelta(days=1))
    assert delivered(estate, NOW + timedelta(days=1)) == []
    mended(estate, NOW + timedelta(days=2))
    closed = of(delivered(estate, NOW + timedelta(days=2)), "api-plaintext")
    assert {message.change for message in closed} == {"closed"}
    assert json.loads(next(message.body for message in closed if message.format == "mdc"))["properties"]["status"]["code"] == "Healthy"
    estate.draw(NOW + timedelta(days=3))
    again = of(delivered(estate, NOW + timedelta(days=3)), "api-plaintext")
    assert {message.change for message in again} == {"updated"}
    ids = [message.id for message in [*opened.values(), *closed, *again]]
    assert len(set(ids)) == len(ids)


def test_an_exemption_is_told_to_whoever_was_told_of_the_finding(estate: Estate) -> None:
    delivered(estate, NOW)
    estate.amend("api-plaintext", {"exempt": {"why": "an old device", "until": UNTIL}})
    (message,) = [one for one in of(delivered(estate, NOW + timedelta(minutes=1)), "api-plaintext") if one.format == "mdc"]
    assert json.loads(message.body)["properties"]["status"] | {"statusChangeDate": "", "firstEvaluationDate": ""} == {
        "code": "NotApplicable", "cause": "Exempt", "statusChangeDate": "", "firstEvaluationDate": "",
    }  # fmt: skip


def test_a_crash_between_writing_and_telling_forgets_nobody(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outbox has it before the row is written: whoever dies after the write has already promised to tell."""
    mended(estate, NOW + timedelta(days=1))
    delivered(estate, NOW + timedelta(days=1))
    marks: list[int] = []
    real = outbox.mark

    def once(*arguments: Any) -> None:
        if marks:
            raise KeyboardInterrupt
        marks.append(1)
        real(*arguments)

    monkeypatch.setattr(outbox, "mark", once)
    with pytest.raises(KeyboardInterrupt):
        estate.draw(NOW + timedelta(days=2))
    monkeypatch.setattr(outbox, "mark", real)
    assert of(delivered(estate, NOW + timedelta(days=2, minutes=30)), "api-plaintext")


def test_ocsf_findings_are_valid_by_the_published_schema(estate: Estate) -> None:
    schema = ocsf_json_schema.OcsfJsonSchemaEmbedded(ocsf_json_schema.get_ocsf_schema("1.5.0")).get_class_schema(
        "compliance_finding", ["cloud"]
    )
    validator = jsonschema.Draft202012Validator(schema)
    findings = [json.loads(message.body) for message in delivered(estate, NOW, ("ocsf",))]
    assert len(findings) > 10
    assert [error.message for finding in findings for error in validator.iter_errors(finding)] == []


def test_rows_survive_a_rival_who_writes_meanwhile(estate: Estate) -> None:
    id = Recommendation("api-plaintext", SERVICE).id
    stale = recommendations.find(estate.tables, id)
    assert stale is not None
    estate.amend("api-plaintext", {"exempt": {"why": "an old device", "until": UNTIL}})
    estate.posture._write(stale, stale.recommendation, lambda known: known or stale.recommendation)
    kept = recommendations.find(estate.tables, id)
    assert kept is not None
    assert [one.why for one in kept.recommendation.exemptions] == ["an old device"]
