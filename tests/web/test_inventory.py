"""Inventory, drift, the learned description and the overview, from events through real storage to answers; and how fast answers over thousands of endpoints are."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from adapters import drift, inventory
from adapters.alert_index import AlertIndex
from adapters.batches import BatchLog, Tail
from adapters.drift_step import EVERY, DriftStep
from adapters.estate import EstateSource
from adapters.evaluate import Evaluator
from adapters.evidence import Evidence
from adapters.ingest import Event, Ingest
from adapters.inventory_index import InventoryIndex, View
from adapters.sources import Sources
from adapters.tables import Tables
from local import traffic
from model import Endpoint, minute_of
from posture.inventory import Day, Inventory
from posture.inventory_coverage import Coverage
from posture.inventory_shape import DAY
from posture.resources import from_resources
from posture.snapshot import Snapshot
from settings import Connection
from web import drift as drift_web
from web import inventory as web
from web import openapi, overview

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = b"k" * 32
JWT = '<policies><inbound><base /><validate-jwt header-name="Authorization"><issuers><issuer>https://login</issuer></issuers></validate-jwt></inbound></policies>'


def resources(policy: str = "", *extra: dict[str, Any]) -> list[dict[str, Any]]:
    """A gateway with three operations, one of them never called."""
    operations = [
        ("list", "GET", "/v1/products"),
        ("get", "GET", "/v1/products/{id}"),
        ("old", "DELETE", "/v1/reports"),
        *((one["name"], one["method"], one["template"]) for one in extra),
    ]
    children: list[dict[str, Any]] = [
        {
            "type": "operations",
            "name": name,
            "properties": {"method": method, "urlTemplate": template, "displayName": name, "responses": [{"statusCode": 200}]},
            **({"resources": [{"type": "tags", "name": "t1", "properties": {"displayName": "Read"}}]} if method == "GET" else {}),
        }
        for name, method, template in operations
    ]
    if policy:
        children.append({"type": "policies", "name": "policy", "properties": {"value": policy, "format": "rawxml"}})
    api = {
        "displayName": "Shop API",
        "apiVersion": "v1",
        "path": "",
        "protocols": ["https"],
        "isCurrent": True,
        "subscriptionRequired": False,
    }
    return [
        {
            "type": "Microsoft.ApiManagement/service", "name": "contoso",
            "properties": {"gatewayUrl": "https://contoso.azure-api.net"},
            "resources": [
                {"type": "apis", "name": "shop", "properties": api, "resources": [*children, {"type": "tags", "name": "public"}]},
                {
                    "type": "products", "name": "retail", "properties": {"displayName": "Retail", "subscriptionRequired": True},
                    "resources": [{"type": "apis", "name": "shop"}],
                },
            ],
        }
    ]  # fmt: skip


class World:
    """One app over real storage, with a description of its gateway that can change."""

    def __init__(self, tables: Tables, evidence: Evidence) -> None:
        self.tables, self.evidence = tables, evidence
        self.described: list[Snapshot] = []
        self._sequence = 0
        self.restart()

    def restart(self) -> None:
        """Another process."""
        self.source = EstateSource(self.tables, self.evidence, lambda: self.described)
        self.ingest = Ingest(BatchLog(self.tables), self.evidence, KEY, timedelta(days=2), lambda _: Tail(-1, None))
        self.evaluator = Evaluator(Sources(self.tables, BatchLog(self.tables), KEY, 60, drift=DriftStep(self.tables, self.source)))
        self.alerts = AlertIndex(self.tables)
        self.index = InventoryIndex(self.tables, EstateSource(self.tables, self.evidence, lambda: self.described), self.alerts)

    def describe(self, documents: Any, at: datetime) -> None:
        self.described = from_resources(documents)
        for one in self.described:
            one.taken = minute_of(at)

    def play(self, events: Iterable[dict[str, Any]], now: datetime = NOW) -> None:
        some = [Event(self._sequence + n, now, traffic.encode(event)) for n, event in enumerate(events)]
        self._sequence += len(some)
        self.ingest.batch("0", some, now)
        self.evaluator.tick(now, now)

    def page(self, now: datetime = NOW, **parameters: Any) -> Any:
        self.index.forget()
        return web.page(self.index, parameters, now)

    def rows(self, now: datetime = NOW, **parameters: str) -> dict[str, Any]:
        status, body = self.page(now, **parameters)
        assert status == 200, body
        return {one["endpoint"]: one for one in body["value"]}

    def drift(self, now: datetime = NOW, **parameters: str) -> list[dict[str, Any]]:
        self.index.forget()
        status, body = drift_web.page(self.index, parameters, now)
        assert status == 200, body
        found: list[dict[str, Any]] = body["value"]
        return found


@pytest.fixture
def tables(account: Connection) -> Tables:
    return Tables(account)


@pytest.fixture
def evidence(account: Connection) -> Evidence:
    return Evidence(account)


@pytest.fixture
def world(tables: Tables, evidence: Evidence) -> World:
    return World(tables, evidence)


def call(n: int, operation: int = 0, *, at: datetime = NOW, **changed: Any) -> dict[str, Any]:
    made = traffic.call(
        Random(n), at - timedelta(minutes=5, seconds=n % 50), traffic.OPERATIONS[operation], status=200, clientIp=f"203.0.113.{n % 40}"
    )
    return made | {"query": "", "auth": ["jwt"]} | changed


def test_an_endpoint_from_its_first_call_to_its_row(world: World) -> None:
    world.describe(resources(), NOW - timedelta(days=3))
    dump: dict[str, Any] = {"urlTemplate": None, "apiId": None, "path": "/debug/dump", "auth": []}
    for hours in (3, 2, 1):  # several clients, over time: nobody makes an endpoint alone
        at = NOW - timedelta(hours=hours)
        world.play([call(n, clientIp=f"10.0.0.{n % 4}", at=at, **dump) for n in range(9)], at)
    shadow = [call(n, clientIp="10.0.0.5", **dump) for n in range(9)]
    world.play([*(call(n) for n in range(30)), *(call(n, 1, auth=["jwt?"]) for n in range(20)), *shadow])
    rows = world.rows()
    assert {name: (row["origin"], row["status"], row["authentication"], row["external"]) for name, row in rows.items()} == {
        "GET /v1/products": ("declared", "Active", "Authenticated", True),
        "GET /v1/products/{id}": ("declared", "Active", "Unauthenticated", True),
        "DELETE /v1/reports": ("never-seen", "Awaiting data", "Awaiting data", None),
        "GET /debug/dump": ("undeclared", "Active", "Unauthenticated", False),
    }
    listed = rows["GET /v1/products"]
    assert (listed["apiName"], listed["calls"], listed["unused30"], listed["authenticationKinds"]) == ("Shop API", 30, False, {"jwt": 1.0})
    assert (listed["firstSeen"][:13], listed["lastCalled"][:13]) == ("2026-11-24T11", "2026-11-24T11")
    assert abs(listed["callers"] - 30) <= 1
    assert rows["DELETE /v1/reports"]["unused30"] is None
    body = world.page()[1]
    assert body["counters"] == {
        "numberOfApiEndpoints": 4, "numberOfInactiveApiEndpoints": 0, "numberOfUnauthenticatedApiEndpoints": 2, "numberOfExternalApiEndpoints": 2,
        "numberOfApiEndpointsWithSensitiveDataExposed": 0,
    }  # fmt: skip
    assert (body["total"], body["next"]) == (4, None)
    status, one = web.one(world.tables, world.index, listed["id"], NOW)
    assert (status, one["statusMix"], sum(point.get("2xx", 0) for point in one["series"])) == (200, {"200": 30}, 30)
    assert web.one(world.tables, world.index, "0" * 32, NOW)[0] == 404
    never = web.one(world.tables, world.index, rows["DELETE /v1/reports"]["id"], NOW)
    assert (never[0], never[1]["series"], never[1]["operation"]["id"]) == (200, [], "old")


def test_filters_sorting_paging_and_csv(world: World) -> None:
    world.describe(resources(), NOW - timedelta(days=3))
    world.play([*(call(n, durationMs=n) for n in range(30)), *(call(n, 1, auth=[], durationMs=500) for n in range(20))])
    assert set(world.rows(status="Active")) == {"GET /v1/products", "GET /v1/products/{id}"}
    assert set(world.rows(origin="never-seen,undeclared")) == {"DELETE /v1/reports"}
    assert set(world.rows(authentication="unauthenticated", method="get", service="CONTOSO", api="shop api")) == {"GET /v1/products/{id}"}
    assert set(world.rows(q="reports")) == {"DELETE /v1/reports"}
    assert set(world.rows(external="unknown")) == {"DELETE /v1/reports"}
    assert set(world.rows(sensitive="none")) == set(world.rows())
    assert next(iter(world.rows(sort="-calls"))) == "GET /v1/products"
    assert next(iter(world.rows(sort="calls"))) == "DELETE /v1/reports"
    assert next(iter(world.rows(sort="-risk"))) == "GET /v1/products/{id}"
    assert next(iter(world.rows(sort="-p95Milliseconds"))) == "GET /v1/products/{id}"
    assert set(world.rows(tag="read")) == {"GET /v1/products", "GET /v1/products/{id}"}
    assert set(world.rows(product="RETAIL,other", tag="public", version="V1")) == set(world.rows())
    assert world.rows(product="other") == world.rows(version="v2") == world.rows(country="nl") == {}
    listed = world.rows()["GET /v1/products"]
    assert {name: listed[name] for name in ("operationId", "operationName", "apiVersion", "products", "tags", "numberOfCountries")} == {
        "operationId": "list", "operationName": "list", "apiVersion": "v1", "products": ["Retail"], "tags": ["Read", "public"], "numberOfCountries": 0,
    }  # fmt: skip
    assert listed["p95Milliseconds"] == pytest.approx(28, rel=0.05)
    first = world.page(limit="2")[1]
    rest = world.page(limit="2", cursor=first["next"])[1]
    assert [one["endpoint"] for one in (*first["value"], *rest["value"])] == list(world.rows())
    assert (rest["next"], rest["total"]) == (None, 3)
    for wrong in (
        {"limit": "0"},
        {"limit": "x"},
        {"sort": "size"},
        {"status": "Busy"},
        {"cursor": "-1"},
        {"format": "xml"},
        {"origin": "declared,moon"},
    ):
        status, answer = web.page(world.index, wrong, NOW)
        assert (status, answer["error"]["code"]) == (400, "BadRequest")
    status, text = world.page(format="csv", sort="-calls")
    table = list(csv.DictReader(io.StringIO(text)))
    assert (table[0]["products"], table[0]["tags"], table[0]["apiVersion"], table[2]["p95Milliseconds"]) == (
        "Retail",
        "Read; public",
        "v1",
        "",
    )
    assert [(row["method"], row["template"], row["calls"], row["externalLast"][:10]) for row in table] == [
        ("GET", "/v1/products", "30", "2026-11-24"), ("GET", "/v1/products/{id}", "20", "2026-11-24"), ("DELETE", "/v1/reports", "0", ""),
    ]  # fmt: skip


def test_no_cell_of_the_csv_is_a_formula(world: World) -> None:
    world.play([call(n, urlTemplate='=HYPERLINK("http://x")') for n in range(3)])
    (row,) = csv.DictReader(io.StringIO(world.page(format="csv")[1]))
    assert row["template"] == '\'=HYPERLINK("http://x")'


def test_the_policys_word_its_contradiction_and_a_policy_that_changes(world: World) -> None:
    world.describe(resources(JWT), NOW - timedelta(days=1))
    world.play([call(n, auth=[] if n < 10 else ["jwt"]) for n in range(30)])
    row = world.rows()["GET /v1/products"]
    assert row["authenticationByPolicy"] == "jwt"
    assert row["contradiction"] == "The policy demands jwt, yet 10 of 30 calls that were answered 2xx proved nothing."
    (found,) = world.drift(kind="authentication")
    assert (found["severity"], found["direction"], found["state"], found["declared"]) == ("High", "api-off", "open", "jwt")
    later = NOW + timedelta(hours=1)
    world.describe(resources(JWT.replace("https://login", "https://other")), later)
    world.restart()
    world.play([call(1, 1, at=later)], later)
    assert world.rows(later)["GET /v1/products"]["authentication"] == "Awaiting data"
    assert world.rows(later)["GET /v1/products"]["contradiction"] is None
    after = later + EVERY
    world.play([call(n, at=after) for n in range(5)], after)
    row = world.rows(after)["GET /v1/products"]
    assert (row["authentication"], row["calls"], row["firstSeen"][:13]) == ("Authenticated", 35, "2026-11-24T11")
    assert world.drift(after, kind="authentication") == []
    assert world.drift(after, kind="authentication", state="closed")[0]["closed"] is not None


def test_a_deviation_is_accepted_with_name_and_date_and_taken_back(world: World) -> None:
    world.describe(resources(JWT), NOW - timedelta(days=1))
    world.play([call(n, auth=[]) for n in range(30)])
    (found,) = world.drift(kind="authentication")
    id, headers = found["id"], {"if-match": found["etag"], "x-ms-client-principal-name": "alice@contoso.com"}
    assert drift_web.amend(world.tables, id, b'{"accept": {"why": "x"}}', {}, NOW)[0] == 428
    for wrong in (
        b"",
        b"{}",
        b'{"accept": {"why": " "}}',
        b'{"accept": 1}',
        b'{"accept": null, "x": 1}',
        b'{"accept": {"why": "a"}, "accept": null}',
        b'{"accept": {"why": "' + b"x" * 2000 + b'"}}',
        b"\xff",
    ):
        assert drift_web.amend(world.tables, id, wrong, headers, NOW)[0] == 400
    status, body, etag = drift_web.amend(world.tables, id, b'{"accept": {"why": "behind a front door"}}', headers, NOW)
    assert (status, body["state"], body["accepted"]) == (
        200, "accepted", {"who": "alice@contoso.com", "when": "2026-11-24T12:00:00Z", "why": "behind a front door"},
    )  # fmt: skip
    status, body, now_etag = drift_web.amend(world.tables, id, b'{"accept": null}', headers, NOW)
    assert (status, body["error"]["code"], body["current"]["state"], now_etag) == (412, "Changed", "accepted", etag)
    assert world.rows()["GET /v1/products"]["deviations"] == {}
    world.restart()  # evaluation writes its half again and keeps theirs
    world.play([call(n, auth=[], at=NOW + timedelta(days=1, hours=1)) for n in range(3)], NOW + timedelta(days=1, hours=1))
    (again,) = world.drift(NOW + timedelta(days=1, hours=1), state="accepted", kind="authentication")
    assert again["observed"].startswith("33 of 33")
    status, body, _ = drift_web.amend(world.tables, id, b'{"accept": null}', {"if-match": "*"}, NOW)
    assert (status, body["state"], body["accepted"]) == (200, "open", None)
    assert drift_web.amend(world.tables, "0" * 32, b'{"accept": null}', {"if-match": "*"}, NOW)[0] == 404
    assert drift_web.amend(world.tables, "x' or 1", b'{"accept": null}', {"if-match": "*"}, NOW)[0] == 404
    for bad in ({"kind": "x"}, {"state": "x"}, {"limit": "0"}, {"cursor": "x"}):
        assert drift_web.page(world.index, bad, NOW)[0] == 400


def test_what_is_described_no_longer_and_still_called(world: World) -> None:
    world.describe(resources("", {"name": "gone", "method": "GET", "template": "/v1/gone/{id}"}), NOW - timedelta(days=2))
    world.play([call(n) for n in range(3)])
    world.describe(resources(), NOW)
    world.restart()
    later = NOW + timedelta(hours=2)
    for minutes in (150, 120, 60, 0):
        at = later - timedelta(minutes=minutes)
        world.play([call(n, urlTemplate=None, apiId="shop", path=f"/v1/gone/{n}", at=at) for n in range(30)], at)
    world.restart()
    world.play([call(99, at=later + EVERY)], later + EVERY)
    assert world.rows(later + EVERY)["GET /v1/gone/{integer}"]["origin"] == "removed-but-called"
    (found,) = world.drift(later + EVERY, kind="removed-but-called")
    assert found["endpoint"] == "GET /v1/gone/{integer}"
    changes = world.index.view(later + EVERY).changes
    assert ("gone", "GET /v1/gone/{}") in {(one.change, str(one.endpoint)) for one in changes}


def test_an_uploaded_description_counts_and_a_broken_one_is_told(world: World) -> None:
    document = {
        "openapi": "3.0.3",
        "paths": {"/v1/products": {"get": {"responses": {"200": {}}}}, "/v1/new": {"get": {"responses": {"200": {}}}}},
    }
    world.evidence.put("configuration", "openapi/contoso/shop.json", json.dumps(document).encode())
    world.evidence.put("configuration", "openapi/contoso/other.yaml", b"a: [")
    world.play([call(n) for n in range(30)])
    rows = world.rows()
    assert {name: row["origin"] for name, row in rows.items()} == {"GET /v1/products": "declared", "GET /v1/new": "never-seen"}
    assert world.page()[1]["problems"] == ["openapi/contoso/other.yaml: not YAML, in line 2"]


def test_the_learned_description_of_an_api(world: World) -> None:
    world.describe(resources(), NOW - timedelta(days=1))
    world.play([call(n, query=f"page={n}") for n in range(60)])
    status, document = openapi.one(world.tables, world.index, "contoso", "shop", {}, NOW)
    assert (status, document["openapi"], document["info"]["title"]) == (200, "3.1.0", "Shop API")
    assert set(document["paths"]) == {"/v1/products", "/v1/products/{id}", "/v1/reports"}
    assert openapi.one(world.tables, world.index, "contoso", "shop", {"version": "3.0.3"}, NOW)[1]["openapi"] == "3.0.3"
    assert openapi.one(world.tables, world.index, "contoso", "shop", {"version": "2"}, NOW)[0] == 400
    assert openapi.one(world.tables, world.index, "contoso", "x' or 1", {}, NOW)[0] == 404


def test_the_overview_counts_and_links(world: World) -> None:
    world.describe(resources(JWT), NOW - timedelta(days=1))
    world.play([call(n, auth=[]) for n in range(30)])
    body = overview.page(world.index, world.alerts, {"High": 2}, (True, {"status": "healthy", "notices": ["a notice"]}), NOW)[1]
    assert (body["recommendations"]["High"], body["health"]) == (2, {"state": "healthy", "notices": ["a notice"]})
    assert body["endpoints"]["numberOfApiEndpoints"] == 3
    assert {one["kind"] for one in body["needsYou"]} == {"contradiction", "recommendations", "drift"}
    assert len(body["bySeverityDay"]) == 30
    assert set(body["changes"]) == {f"{kind}{days}" for kind in ("new", "changed", "unused", "gone") for days in (7, 30)}


def test_the_overview_tells_where_calls_were_overlooked(world: World) -> None:
    world.play([call(n) for n in range(3)])
    (one,) = world.index.view(NOW).listed
    index = SimpleNamespace(view=lambda _: View(listed=(replace(one, row=one.row._replace(overlooked=7)),)))
    (need,) = [
        one
        for one in overview.page(cast(InventoryIndex, index), world.alerts, {}, (True, {}), NOW)[1]["needsYou"]
        if one["kind"] == "overlooked"
    ]
    assert need["text"] == "1 endpoint is so full of odd calls at once that some were not looked into for attacks"
    assert world.page(sort=need["link"].partition("sort=")[2])[0] == 200


def test_nothing_is_known_yet(world: World) -> None:
    assert world.page() == (
        200,
        {
            "value": [],
            "next": None,
            "total": 0,
            "counters": dict.fromkeys(world.page()[1]["counters"], 0),
            "sampling": world.page()[1]["sampling"],
        },
    )
    assert world.drift() == []
    assert overview.page(world.index, world.alerts, {}, (True, {}), NOW)[0] == 200


def test_rows_of_an_older_version_are_read(tables: Tables, world: World) -> None:
    endpoint = Endpoint("contoso", "shop", "GET", "/old")
    old = {
        "endpoint": endpoint,
        "first": minute_of(NOW) - 50,
        "last": minute_of(NOW) - 5,
        "calls": 7,
        "looks": 0,
        "anonymous": None,
        "exposures": [],
        "upto": {"0": 4},
    }
    row = {
        "PartitionKey": "endpoints",
        "RowKey": endpoint.id,
        "service": "contoso",
        "api": "shop",
        "method": "GET",
        "template": "/old",
        "matched": True,
    }
    tables.upsert("endpoints", [{**row, "d0": msgspec.msgpack.encode(old)}])
    assert world.rows()["GET /old"]["callsTotal"] == 7
    world.play([call(n, urlTemplate="/old") for n in range(3)])
    found = world.rows()["GET /old"]
    assert (found["callsTotal"], found["calls"]) == (7, 0)  # positions 0 to 2 are in it already
    assert found["status"] == "Active"


def many(count: int) -> list[Inventory]:
    """Endpoints as a month of traffic leaves them."""
    minute = minute_of(NOW)
    return [
        Inventory(
            Endpoint("contoso", f"api{n % 60}", "GET", f"/v1/things{n}/{{id}}"), minute - 40 * DAY, minute - n % 900, 10_000 + n, 100,
            days={minute // DAY - day: Day([0, 300 + n % 7, 0, 20, 1], {"jwt": 290, "": 10 + n % 3}) for day in range(30)},
            external_first=minute - 30 * DAY, external_last=minute - 9,
            callers={(n * 31 + at * 7) % 1024: [1 + at % 9, minute // DAY - at % 20] for at in range(60)},
        )
        for n in range(count)
    ]  # fmt: skip


def test_a_page_over_many_endpoints_reads_storage_only_for_what_changed(tables: Tables, world: World) -> None:
    inventory.write(tables, many(800))
    inventory.write_coverage(tables, [Coverage("contoso", minute_of(NOW) - 40 * DAY, minute_of(NOW), {})])
    assert len(world.index.view(NOW).listed) == 800
    asked: list[str] = []
    real = Tables.query

    def query(self: Tables, table: str, where: str, *arguments: Any, **values: Any) -> Any:
        asked.append(table)
        return real(self, table, where, *arguments, **values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tables, "query", query)
        for parameters in ({"sort": "-risk"}, {"q": "things799"}, {"status": "Active", "cursor": "600"}):
            status, body = web.page(world.index, {"limit": "200", **parameters}, NOW)
            assert status == 200
    assert "endpoints" not in asked or asked.count("endpoints") <= 2
    assert body["total"] == 800


def test_drift_is_read_back_as_it_was_written(tables: Tables) -> None:
    assert list(drift.read(tables)) == []
    assert drift.find(tables, "0" * 32) is None
