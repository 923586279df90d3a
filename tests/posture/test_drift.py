"""Drift, kind by kind: what is told, and the nearest thing that is not."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local import traffic
from model import minute_of
from pipeline.contents import Look, look, parts
from posture.drift import KINDS, Deviation
from posture.inventory_declared import Declared, DeclaredBody, DeclaredParameter, Demand, Estate
from posture.openapi_read import NotOpenApi, declared
from tests.pipeline.test_decode import WHOLE
from tools.inventory import report, stock

START = datetime(2026, 11, 20, tzinfo=UTC)
INT, TEXT = frozenset({"integer"}), frozenset({"string"})


def look_into(message: bytes) -> Look:
    return look(parts(message), [], set())


def calls(n: int = 60, *, callers: int = 9, days: int = 2, **changed: Any) -> list[dict[str, Any]]:
    bare = WHOLE | {
        "query": "",
        "pathParameters": {},
        "responseBody": None,
        "requestBody": None,
        "responseContentType": None,
        "requestContentType": None,
    }
    step = timedelta(days=days) / n
    return [
        bare | {"time": (START + step * at).isoformat(), "service": "s", "apiId": "a", "method": "GET", "urlTemplate": "/x", "path": "/x", "status": 200, "auth": ["jwt"], "scheme": "https",
                "clientIp": f"192.0.2.{at % callers}"} | {name: value(at) if callable(value) else value for name, value in changed.items()}
        for at in range(n)
    ]  # fmt: skip


def found(events: list[dict[str, Any]], *operations: Declared, former: Any = None) -> list[Deviation]:
    estate = Estate(operations, {"s": 0} if former else None, former=former)
    return report(stock(map(traffic.encode, events), look_into), estate).found


def kinds(events: list[dict[str, Any]], *operations: Declared, former: Any = None) -> dict[str, str]:
    """Kind and subject -> severity."""
    return {f"{one.kind} {one.subject}".strip(): one.severity.label for one in found(events, *operations, former=former)}


def operation(**said: Any) -> Declared:
    return Declared("s", "a", "GET", "/x", **({"statuses": ("200",)} | said))


def parameter(name: str, kinds: frozenset[str] = TEXT, **said: Any) -> DeclaredParameter:
    return DeclaredParameter(name, "query", kinds, **said)


CASES: list[tuple[str, list[dict[str, Any]], Declared, dict[str, str]]] = [
    ("as described", calls(query="page=1"), operation(parameters=(parameter("page", INT),)), {}),
    ("a parameter that nobody described", calls(query="debug=1"), operation(), {"parameter-undeclared query:debug": "Low"}),
    ("of one caller alone", calls(query="debug=1", callers=2), operation(), {}),
    ("of one day alone", calls(query="debug=1", days=1), operation(), {}),
    ("in calls that failed", calls(query="debug=1", status=404), operation(statuses=("200", "404")), {}),
    ("too rare", calls(2000, query=lambda at: "debug=1" if at < 5 or at > 1994 else ""), operation(), {}),
    ("a scanner's names", calls(query=lambda at: f"x{at}9f1c5a526c5e=1"), operation(), {}),
    ("integers where text is described", calls(query="page=1"), operation(parameters=(parameter("page"),)), {}),
    ("text where integers are described", calls(query="page=one"), operation(parameters=(parameter("page", INT),)), {"parameter-type query:page": "Low"}),
    ("decimals where integers are described", calls(query="page=1.5"), operation(parameters=(parameter("page", INT),)), {"parameter-type query:page": "Low"}),
    ("a description that says no type", calls(query="page=one"), operation(parameters=(parameter("page", frozenset()),)), {}),
    ("required and missing", calls(query=lambda at: "q=1" if at % 2 else ""), operation(parameters=(parameter("q", required=True),)), {"required-missing query:q": "Low"}),
    ("required and there", calls(query="q=a"), operation(parameters=(parameter("q", required=True),)), {}),
    ("described and never used", calls(1000), operation(parameters=(parameter("old"),)), {"parameter-unused query:old": "Informational"}),
    ("too few calls to say so", calls(900), operation(parameters=(parameter("old"),)), {}),
    ("a status that nobody described", calls(status=503), operation(), {"status-undeclared 503": "Medium"}),
    ("a success that nobody described", calls(status=202), operation(), {"status-undeclared 202": "Low"}),
    ("a refusal that nobody described", calls(status=404), operation(), {"status-undeclared 404": "Informational"}),
    ("a default answer is described", calls(status=503), operation(statuses=("200", "default")), {}),
    ("a range is described", calls(status=503), operation(statuses=("200", "5XX")), {}),
    ("a rare status", calls(10, status=503), operation(), {}),
    ("another media type", calls(responseContentType="text/html; charset=utf-8"), operation(response_media=("application/json",)), {"media-undeclared response text/html": "Low"}),
    ("no media type is described", calls(responseContentType="text/html"), operation(), {}),
    ("a range of media types", calls(responseContentType="text/html"), operation(response_media=("text/*",)), {}),
    ("a vendor's type of callers", calls(requestContentType="application/vnd.x.y+json"), operation(request_media=("application/vnd.x.y+json",)), {}),
    ("plain http", calls(scheme="http"), operation(schemes=("https",)), {"plain-http": "High"}),
    ("plain http is described", calls(scheme="http"), operation(schemes=("http", "https")), {}),
    ("proof is demanded and not given", calls(auth=[]), operation(demand=Demand(("jwt",)), policy="p"), {"authentication": "High"}),
    ("shown and not validated", calls(auth=["jwt?"]), operation(demand=Demand(("jwt",))), {"authentication": "High"}),
    ("proof under a condition", calls(auth=[]), operation(demand=Demand((), ("jwt",))), {}),
    ("refused without proof", calls(auth=[], status=401), operation(demand=Demand(("jwt",)), statuses=("401",)), {}),
    ("nothing is described", calls(query="a=1&b=2", status=202), operation(statuses=()), {"not-described": "Informational"}),
]  # fmt: skip


@pytest.mark.parametrize(("events", "described", "told"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_told_of_an_operation(events: list[dict[str, Any]], described: Declared, told: dict[str, str]) -> None:
    assert kinds(events, described) == told


BODY = DeclaredBody({"$.id": INT, "$.lines[*].sku": TEXT})


@pytest.mark.parametrize(
    ("body", "described", "told"),
    [
        ({"id": 1, "lines": [{"sku": "a b"}]}, BODY, {}),
        ({"id": 1, "internal": {"cost": 2}}, BODY, {"response-field-undeclared $.internal.cost": "Informational"}),
        ({"id": 1, "lines": [{"sku": "x", "cost": 1}]}, BODY, {"response-field-undeclared $.lines[*].cost": "Informational"}),
        ({"id": 1, "internal": {"cost": 2}}, DeclaredBody(BODY.fields, frozenset({"$.internal"})), {}),
        ({"id": 1, "ann@example.com": 2}, BODY, {}),
        ({"id": 1, "internal": 3}, None, {}),
    ],
)
def test_fields_of_answers(body: Any, described: DeclaredBody | None, told: dict[str, str]) -> None:
    events = calls(responseBody=json.dumps(body), responseContentType="application/json")
    assert kinds(events, operation(response_body=described)) == told


def test_fields_that_callers_send_and_nobody_described_are_mass_assignment_once_several_do() -> None:
    sent: dict[str, Any] = {"requestBody": '{"id": 1, "isAdmin": true}', "requestContentType": "application/json"}
    (one,) = found(calls(**sent), operation(request_body=BODY))
    assert (one.kind, one.subject, one.severity.label, one.direction) == ("request-field-undeclared", "$.isAdmin", "Medium", "api-off")
    assert kinds(calls(callers=2, **sent), operation(request_body=BODY)) == {}
    assert kinds(calls(status=400, **sent), operation(request_body=BODY, statuses=("400",))) == {}


def test_shadow_and_zombie_endpoints() -> None:
    shadow = calls(urlTemplate=None, path="/debug/dump")
    assert kinds(shadow, operation()) == {"operation-undeclared": "Medium"}
    assert kinds(calls(urlTemplate=None, path="/debug/dump", status=404), operation()) == {}
    assert kinds(calls(2, days=1, urlTemplate=None, path="/debug/dump"), operation()) == {}
    removed = {("s", "a", "GET", "/old/{}"): minute_of(START)}
    assert kinds(calls(urlTemplate=None, path="/old/7"), operation(), former=removed) == {"removed-but-called": "Medium"}
    assert kinds(calls(urlTemplate=None, path="/other/7"), operation(), former=removed) == {"operation-undeclared": "Medium"}
    old = Declared("s", "a", "GET", "/x", is_current=False)
    (row,) = [one.row for one in report(stock(map(traffic.encode, calls()), look_into), Estate([old])).listed]
    assert row.origin == "removed-but-called"


def test_behind_a_wildcard_is_no_shadow() -> None:
    wild = Declared("s", "a", "GET", "/*")
    assert kinds(calls(urlTemplate="/*", path="/files/7"), wild) == {}


def test_an_id_is_of_what_deviates_and_nothing_else() -> None:
    few, many = found(calls(60, query="debug=1"), operation()), found(calls(90, query="debug=1"), operation())
    assert few[0].id == many[0].id
    assert few[0].observed != many[0].observed
    assert {one.kind for one in few} <= KINDS.keys()


def test_an_openapi_document_declares_what_it_says() -> None:
    document = {
        "openapi": "3.1.0",
        "servers": [{"url": "https://api.contoso.com/shop"}],
        "security": [{"key": []}],
        "paths": {
            "/orders/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "get": {
                    "parameters": [{"$ref": "#/components/parameters/Page"}],
                    "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}}, "4XX": {}},
                },
                "delete": {"security": [{}], "responses": {"default": {}}},
            }
        },
        "components": {
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "k"}},
            "parameters": {"Page": {"name": "page", "in": "query", "schema": {"type": ["integer", "null"]}}},
            "schemas": {
                "Order": {"allOf": [{"$ref": "#/components/schemas/Base"}, {"properties": {"lines": {"type": "array", "items": {"properties": {"sku": {"type": "string"}}}}}}]},
                "Base": {"type": "object", "properties": {"id": {"type": "integer"}, "parent": {"$ref": "#/components/schemas/Order"}, "extra": {"type": "object", "additionalProperties": True}}},
            },
        },
    }  # fmt: skip
    get, delete = declared(document, "s", "a")
    assert {(one.name, one.place, one.types) for one in get.parameters} == {
        ("id", "path", INT),
        ("page", "query", frozenset({"integer", "null"})),
    }
    assert (get.statuses, get.demand, delete.demand, get.schemes) == (
        ("200", "4XX"),
        Demand(("subscription-key",)),
        Demand((), ()),
        ("https",),
    )
    body = get.response_body
    assert body is not None
    assert {"$.id", "$.lines[*].sku"} <= body.fields.keys()
    assert body.has("$.extra.anything")
    assert body.has("$.parent.id")  # round: anything goes from there
    assert not body.has("$.cost")


@pytest.mark.parametrize(
    ("server", "seen"),
    [
        ("https://api.contoso.com/Shop/", "/shop/orders/{}"),
        ("/shop", "/shop/orders/{id}/"),
        ("https://api.contoso.com/{base}", "/shop/orders/{id}"),
        ("https://api.contoso.com", "/Orders/{order}/"),
    ],
)
def test_what_traffic_spells_with_the_path_of_the_server_is_found(server: str, seen: str) -> None:
    document = {
        "openapi": "3.0.3",
        "servers": [{"url": server, "variables": {"base": {"default": "shop"}}}],
        "paths": {"/orders/{id}": {"get": {"responses": {}}}},
    }
    estate = Estate(declared(document, "s", "a"))
    assert estate.find("s", "a", "GET", seen) is not None
    assert estate.find("s", "a", "GET", "/shopping/orders/{id}") is None


@pytest.mark.parametrize(
    "document", [[], {}, {"openapi": "4.0", "paths": {}}, {"openapi": "3.1.0"}, {"swagger": "1.2", "paths": {}}, "x", None]
)
def test_what_is_no_openapi_is_refused(document: Any) -> None:
    with pytest.raises(NotOpenApi):
        list(declared(document, "s", "a"))


def test_hostile_documents_end() -> None:
    schema: dict[str, Any] = {"properties": {name: {"$ref": "#/components/schemas/A"} for name in "abcdefgh"}}
    document = {"openapi": "3.1.0", "paths": {"/x": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}}}, "put": 3}, "/y": 7}, "components": {"schemas": {"A": schema}}}  # fmt: skip
    (one,) = declared(document, "s", "a")
    assert one.response_body is not None
    deep: dict[str, Any] = {}
    at = deep
    for _ in range(500):
        at["properties"] = {"a": {}, "b": {}}
        at = at["properties"]["a"]
    document["components"] = {"schemas": {"A": deep}}
    assert len(list(declared(document, "s", "a"))) == 1
