"""Learned descriptions: valid, deterministic, without a value of traffic, and read back as they were written."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from classifiers.taxonomy import Taxonomy
from local import traffic
from pipeline.contents import Look, look, parts
from pipeline.looks import NEVER_IN_URLS
from posture.inventory_declared import Declared, DeclaredParameter, Estate
from posture.openapi_read import declared
from posture.openapi_write import VERSIONS, Version
from tests.pipeline.test_decode import WHOLE
from tools.inventory import openapi_of, report, stock

START = datetime(2026, 11, 20, tzinfo=UTC)
VALIDATORS = {"3.1": OpenAPIV31SpecValidator, "3.0.3": OpenAPIV30SpecValidator}
SECRETS = (
    "sk_live_51HzGxYzL3k9aQpR", "ann.smith@example.com", "4111111111111111", "NL91ABNA0417164300", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
    "AKIAIOSFODNN7EXAMPLE", "203.0.113.77", "+31612345678", "Hunter-2-is 9 my 8 password", "9f1c5a526c5e4d0a8f0e0f3f2b6f6a11",
)  # fmt: skip

_taxonomy: list[Taxonomy] = []


def look_into(message: bytes) -> Look:
    if not _taxonomy:
        _taxonomy.append(Taxonomy())
    carried = parts(message)
    never = frozenset(kind.id for kind in _taxonomy[0].types if kind.family in NEVER_IN_URLS)
    return look(carried, _taxonomy[0].classify(carried), never)


def call(n: int, **changed: Any) -> dict[str, Any]:
    at = START + timedelta(minutes=7 * n)
    plain = {
        "time": at.isoformat(),
        "requestId": str(n),
        "clientIp": f"192.0.2.{n % 40}",
        "service": "contoso",
        "apiId": "orders",
        "status": 200,
    }
    return WHOLE | {"requestBody": None, "responseBody": None, "query": "", "pathParameters": {}, "userAgent": "x"} | plain | changed


def learned(events: list[dict[str, Any]], version: Version = "3.1", estate: Estate | None = None) -> dict[str, Any]:
    return openapi_of(report(stock(map(traffic.encode, events), look_into), estate or Estate()), version)


def poisoned(n: int) -> dict[str, Any]:
    """A call that carries every secret in every place: keys, values, headers, query, path, media types."""
    secret = SECRETS[n % len(SECRETS)]
    body = json.dumps({"order": {"sku": secret, secret: secret, "lines": [{secret: 1, "amount": 2.5}]}, "note": secret})
    return call(
        n, method="POST", urlTemplate="/orders/{id}", path=f"/shop/orders/{secret}", pathParameters={"id": secret, secret: secret},
        query=f"page={n}&q={secret}&{secret}={secret}", requestBody=body, responseBody=body, requestContentType=f"application/{secret}",
        responseContentType="application/json", requestHeaders={"x-trace": secret}, responseHeaders={"x-next": secret}, userAgent=secret,
        errorReason=secret, identity=secret, subscriptionId=secret,
    )  # fmt: skip


def shadow(n: int) -> dict[str, Any]:
    secret = SECRETS[n % len(SECRETS)]
    return call(n, urlTemplate=None, path=f"/{secret}/{secret}", clientIp=f"192.0.2.{n % 40}")


@pytest.mark.parametrize("version", VERSIONS)
def test_no_value_of_traffic_is_in_a_description(version: Version) -> None:
    events = [*(poisoned(n) for n in range(600)), *(shadow(n) for n in range(600))]
    text = json.dumps(learned(events, version)).casefold()
    for secret in SECRETS:
        assert secret.casefold() not in text
    for word in ('"example"', '"examples"', '"default":', '"enum"', '"const"', '"pattern"'):
        assert word not in text.replace('"responses": {"default":', "")
    document = learned(events, version)
    schema = document["paths"]["/orders/{id}"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]) == {"order", "note"}
    assert set(schema["properties"]["order"]["properties"]) == {"sku", "lines"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_description_is_valid_and_says_what_was_seen(version: Version) -> None:
    body = {
        "id": 7,
        "total": 9.5,
        "paid": True,
        "when": "2026-11-24T10:00:00Z",
        "mail": "a@example.com",
        "note": None,
        "lines": [{"sku": "a b"}],
    }
    events = [
        *(call(n, urlTemplate="/orders/{id}", pathParameters={"id": str(n)}, query=f"page={n}", responseBody=json.dumps(body), responseContentType="application/json", auth=["jwt"]) for n in range(1200)),
        *(call(n, method="POST", urlTemplate="/orders", requestBody='{"sku":"a b","amount":2}', requestContentType="application/json", status=201, auth=[] if n % 3 else ["subscription-key"]) for n in range(300)),
        *(call(n, method="DELETE", urlTemplate="/orders/{id}", pathParameters={"id": str(n)}, status=404, auth=["client-certificate"]) for n in range(5)),
    ]  # fmt: skip
    document = learned(events, version)
    assert not list(VALIDATORS[version](document).iter_errors())
    assert document == learned(list(events), version)
    assert document["openapi"] == VERSIONS[version]
    get = document["paths"]["/orders/{id}"]["get"]
    assert get["parameters"] == [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
        {"name": "page", "in": "query", "required": True, "schema": {"type": "integer"}},
    ]
    properties = get["responses"]["200"]["content"]["application/json"]["schema"]["properties"]
    assert {name: properties[name] for name in ("id", "total", "paid", "mail", "when")} == {
        "id": {"type": "integer"}, "total": {"type": "number"}, "paid": {"type": "boolean"},
        "mail": {"type": "string", "format": "email"}, "when": {"type": "string", "format": "date-time"},
    }  # fmt: skip
    assert properties["lines"] == {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}}
    assert get["security"] == [{"jwt": []}]
    assert document["paths"]["/orders"]["post"]["security"] == [{"subscription-key": []}, {}]
    assert document["paths"]["/orders/{id}"]["delete"]["responses"] == {"4XX": {"description": "Refused"}}
    assert "1505 calls on 6 days" in document["info"]["description"]
    back = {(one.method, one.template): one for one in declared(document, "contoso", "orders")}
    assert back["GET", "/orders/{id}"].response_body is not None
    assert back["GET", "/orders/{id}"].response_body.fields["$.lines[*].sku"] == {"string"}


def test_a_map_whose_keys_are_data_shows_no_key() -> None:
    events = [
        call(
            n,
            urlTemplate="/stock",
            responseBody=json.dumps({f"item{chr(97 + at // 26)}{chr(97 + at % 26)}": 1 for at in range(80)}),
            responseContentType="application/json",
        )
        for n in range(80)
    ]
    schema = learned(events)["paths"]["/stock"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"type": "object", "additionalProperties": {"type": "integer"}}


def test_an_enumeration_comes_from_the_description_alone() -> None:
    parameter = DeclaredParameter("sort", "query", frozenset({"string"}), False, ("price", "name"))
    estate = Estate([Declared("contoso", "orders", "GET", "/list", parameters=(parameter,), servers=("https://api.contoso.com/shop",))])
    document = learned([call(n, urlTemplate="/list", query="sort=price&dir=up") for n in range(60)], estate=estate)
    assert document["servers"] == [{"url": "https://api.contoso.com/shop"}]
    by_name = {one["name"]: one["schema"] for one in document["paths"]["/list"]["get"]["parameters"]}
    assert by_name == {"dir": {"type": "string"}, "sort": {"type": "string", "enum": ["price", "name"]}}


def test_what_one_caller_alone_shows_is_not_described() -> None:
    scanner = [call(n, urlTemplate=None, path="/backup/files", clientIp="203.0.113.9") for n in range(100)]
    mine = [call(n, urlTemplate="/list", query="zz=1" if n % 2 else "", clientIp="203.0.113.9") for n in range(100)]
    assert learned(scanner) == {}
    assert "parameters" not in learned(mine)["paths"]["/list"]["get"]
