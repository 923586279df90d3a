"""Filters, counts and pages over many alerts: what they find, and how often they ask storage; several changed at once, and what a rule would cover."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from msgspec.structs import replace

from adapters import alerts, suppressions
from adapters.alert_index import AlertIndex, by_day
from adapters.countries import Source
from adapters.tables import Entity, Tables
from model import Endpoint, Severity, alert_id, minute_of
from settings import Connection
from tests.adapters.world import START
from tests.build import alert
from web.alerts import amend, amend_many, page
from web.suppressions import add, preview

NOW = START + timedelta(hours=10)
MANY = 2_300
SEVERITIES = (Severity.HIGH, Severity.MEDIUM, Severity.LOW)
LOGIN = Endpoint("contoso", "shop", "POST", "/v1/login")


class Counting(Tables):
    """Real tables; how many requests a listing took, as the service counts them."""

    requests = 0

    def query(self, table: str, where: str, /, select: list[str] | None = None, per_request: int = 1000, **values: Any) -> Iterator[Entity]:
        pages = self.service.get_table_client(table).query_entities(where, parameters=values, select=select, results_per_page=per_request)
        with suppress(ResourceNotFoundError):
            for entities in pages.by_page():
                self.requests += 1
                yield from entities


def made(number: int) -> Any:
    first = minute_of(NOW) - 20 - 3 * number
    return alert(
        id=alert_id(first, str(number)),
        first=first,
        last=first + 9,
        severity=SEVERITIES[number % 3],
        detector="API_Injection" if number % 10 == 0 else "API_SpikeInAPITraffic",
        sighting={"actor": f"203.0.113.{number % 50}"},
        **({"endpoint": LOGIN} if number % 7 == 0 else {}),
    )


@pytest.fixture
def tables(account: Connection) -> Counting:
    found = Counting(account)
    alerts.write(found, [made(number) for number in range(MANY)], [])
    return found


def ids(answer: tuple[int, dict[str, Any]]) -> list[str]:
    assert answer[0] == 200, answer
    return [one["name"] for one in answer[1]["value"]]


def all_of(tables: Tables, index: AlertIndex, parameters: Mapping[str, str]) -> list[str]:
    found, cursor = [], ""
    while True:
        status, answer = page(tables, index, {**parameters, "limit": "200", "cursor": cursor}, NOW)
        assert status == 200
        found += [one["name"] for one in answer["value"]]
        if not (cursor := answer["next"] or ""):
            return found


def test_filters_find_what_a_reader_would_find_by_hand_and_ask_storage_little(tables: Counting) -> None:
    index = AlertIndex(tables)
    ids(page(tables, index, {}, NOW))
    assert tables.requests == 1, "the first page reads a page"
    everything = [made(number) for number in range(MANY)]
    middle = everything[1000]
    cases: list[tuple[dict[str, str], Any]] = [
        ({}, lambda _: True),
        ({"severity": "High"}, lambda one: one.severity is Severity.HIGH),
        (
            {"severity": "High,Low", "detector": "API_Injection"},
            lambda one: one.severity is not Severity.MEDIUM and one.detector == "API_Injection",
        ),
        ({"actor": "203.0.113.7", "endpoint": "POST /v1/login"}, lambda one: one.sighting.actor == "203.0.113.7" and one.endpoint == LOGIN),
        ({"q": "INJECTION"}, lambda one: one.detector == "API_Injection"),
        ({"q": middle.id}, lambda one: one.id == middle.id),
        ({"service": "elsewhere"}, lambda _: False),
        ({"status": "Resolved"}, lambda _: False),
    ]
    for parameters, wanted in cases:
        assert all_of(tables, index, parameters) == [one.id for one in everything if wanted(one)], parameters
    whole = -(-MANY // 1000)
    tables.requests = 0
    ids(page(tables, index, {"actor": "203.0.113.49", "severity": "Low"}, NOW))
    assert tables.requests <= 1, "what is remembered is not read again"
    tables.requests = 0
    ids(page(tables, AlertIndex(tables), {"actor": "203.0.113.49"}, NOW))
    assert tables.requests <= whole


def test_lists_say_where_the_accused_is_registered_and_can_be_asked_for_it(tables: Counting) -> None:
    source = Source("registry data of 2026-11-01", lambda ip: "NL" if ip.endswith("7") else "FR", None, "NRO", False)
    index = AlertIndex(tables)

    def asked(**parameters: str) -> tuple[int, dict[str, Any]]:
        return page(tables, index, {"limit": "5", **parameters}, NOW, source=source)

    found = asked(country="nl,xx", counts="true")[1]
    assert found["total"] == sum(str(made(number).sighting.actor).endswith("7") for number in range(MANY))
    first = found["value"][0]
    assert first["registeredIn"] == {"country": "NL", "name": "NL", "label": "registered in", "source": source.name, "attribution": "NRO"}
    assert [one["location"] for one in first["properties"]["entities"] if one["type"] == "ip"] == [{"countryCode": "NL"}]
    assert asked(country="DE")[1]["value"] == []
    assert asked(country="Holland")[0] == 400
    assert asked()[1]["value"][0]["registeredIn"]["country"] == "FR"


def test_times_are_those_that_an_alert_overlaps(tables: Counting) -> None:
    one = made(500)
    at = NOW - timedelta(minutes=1520)
    found = all_of(tables, AlertIndex(tables), {"from": at.isoformat(), "to": at.isoformat()})
    assert one.id in found
    assert len(found) == 4  # each lasts nine minutes, one begins every three


def test_counts_say_what_could_be_chosen_instead(tables: Counting) -> None:
    index = AlertIndex(tables)
    for number in range(5):
        amend(tables, made(number).id, b'{"status": "Resolved"}', {"if-match": "*"}, NOW)
    status, answer = page(tables, index, {"severity": "High", "status": "Active", "counts": "true", "limit": "1"}, NOW)
    assert status == 200
    high = [number for number in range(MANY) if number % 3 == 0]
    assert answer["total"] == len(high) - 2  # 0 and 3 are resolved
    assert answer["counts"]["status"] == {"Active": len(high) - 2, "Resolved": 2}
    assert answer["counts"]["severity"] == {"High": len(high) - 2, "Medium": len(high) - 2, "Low": MANY // 3 - 1}
    assert answer["titles"]["API_Injection"]
    assert sum(int(day[name]) for day in by_day(index.rows(NOW), NOW, 30) for name in ("High", "Medium", "Low")) == MANY


def test_what_another_instance_writes_is_seen(tables: Counting, account: Connection) -> None:
    index, other = AlertIndex(tables), Tables(account)
    before = len(index.rows(NOW))
    amend(other, made(7).id, b'{"status": "InProgress"}', {"if-match": "*"}, NOW)
    newest = replace(made(0), id=alert_id(made(0).first, "new"), severity=Severity.HIGH)
    alerts.write(other, [newest], [])
    index.forget()
    tables.requests = 0
    rows = index.rows(NOW)
    assert len(rows) == before + 1
    assert [row.status for row in rows if row.key.endswith(made(7).id)] == ["InProgress"]
    assert tables.requests <= 4
    assert len({row.key for row in rows}) == len(rows)


@pytest.mark.parametrize(
    "parameters", [{"status": "Closed"}, {"severity": "high"}, {"from": "yesterday"}, {"q": "x" * 501}, {"limit": "0"}, {"cursor": "x"}]
)
def test_a_wrong_filter_is_said(account: Connection, parameters: dict[str, str]) -> None:
    tables = Tables(account)
    status, answer = page(tables, AlertIndex(tables), parameters, NOW)
    assert (status, set(answer)) == (400, {"error"})


def test_several_are_changed_with_one_comment_and_a_result_each(tables: Counting) -> None:
    chosen = [made(number) for number in (1, 2, 3)]
    amend(tables, chosen[1].id, b'{"status": "InProgress"}', {"if-match": "*"}, NOW)  # somebody was faster
    asked = {
        "alerts": [*({"id": one.id, "etag": '"r0"'} for one in chosen), {"id": "0" * 32, "etag": "*"}, {"id": "x", "etag": "r"}],
        "change": {"status": "Resolved", "comment": "scanner of our own"},
    }
    status, answer = amend_many(tables, json.dumps(asked).encode(), {}, NOW)
    assert status == 200
    assert [one["status"] for one in answer["value"]] == [200, 412, 200, 404, 400]
    assert answer["value"][1]["last"][0]["status"] == "InProgress"
    index = AlertIndex(tables)
    assert set(ids(page(tables, index, {"status": "Resolved"}, NOW))) == {chosen[0].id, chosen[2].id}
    again = {"alerts": [{"id": chosen[1].id, "etag": answer["value"][1]["etag"]}], "change": {"expected": True}}
    assert amend_many(tables, json.dumps(again).encode(), {}, NOW)[1]["value"][0]["now"] == "Dismissed"
    assert [rule.alert for rule in suppressions.read(tables)] == [chosen[1].id]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"alerts": [], "change": {"status": "Resolved"}}',
        b'{"alerts": [{"id": "x", "etag": "*"}], "change": {}}',
        b'{"alerts": [{"id": "x", "etag": "*"}, {"id": "x", "etag": "*"}], "change": {"status": "Resolved"}}',
        json.dumps({"alerts": [{"id": str(n), "etag": "*"} for n in range(101)], "change": {"status": "Resolved"}}).encode(),
    ],
)
def test_a_wrong_change_of_several_changes_nothing(account: Connection, body: bytes) -> None:
    status, answer = amend_many(Tables(account), body, {}, NOW)
    assert (status, set(answer)) == (400, {"error"})


def test_a_preview_covers_what_the_rule_would_and_makes_none(tables: Counting) -> None:
    index = AlertIndex(tables)
    body = json.dumps({"actor": "203.0.113.0/29", "detector": "API_Injection", "until": (NOW + timedelta(days=2)).isoformat()}).encode()
    status, answer = preview(index, body, {}, NOW)
    expected = [number for number in range(1000) if number % 10 == 0 and number % 50 < 8]
    assert (status, answer["covered"], answer["of"], answer["open"]) == (200, len(expected), 1000, len(expected))
    assert [one["id"] for one in answer["samples"]] == [made(number).id for number in expected[:5]]
    assert list(suppressions.read(tables)) == []
    assert add(tables, index, body, {}, NOW)[0] == 201
    assert preview(index, b'{"until": "2027-01-01T00:00:00Z"}', {}, NOW)[0] == 400
