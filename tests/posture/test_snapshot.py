"""Snapshots: whatever form the resources come in, the same configuration is read, without secrets and people."""

import html
import json
from typing import Any

import pytest

from posture.arm_json import NotResources
from posture.policies import effective, scopes_of
from posture.resources import from_resources
from posture.snapshot import OtherVersion, pack, unpack

SERVICE = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ApiManagement/service/contoso"
PASSWORD = "Tr0ub4dor" + "<3xyz"
POLICY = f"""<policies>
  <inbound><base /><set-header name="Authorization"><value>Bearer {"abcdefgh" * 4}</value></set-header>
    <authentication-basic username="shop" password="{html.escape(PASSWORD)}" /></inbound>
  <backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"""
FLAT: list[dict[str, Any]] = [
    {"id": SERVICE, "type": "Microsoft.ApiManagement/service", "name": "contoso", "sku": {"name": "Developer"}, "properties": {"publisherEmail": "ann@example.com"}},
    {"id": f"{SERVICE}/apis/orders", "type": "Microsoft.ApiManagement/service/apis", "name": "orders", "properties": {"path": "orders", "protocols": ["https"], "subscriptionRequired": True}},
    {"id": f"{SERVICE}/apis/orders/operations/search", "type": "Microsoft.ApiManagement/service/apis/operations", "name": "search", "properties": {
        "displayName": "Search", "method": "get", "urlTemplate": "/shops/{shop}/search?q={q}", "templateParameters": [{"name": "shop", "type": "string", "required": True}, {"name": "q", "type": "string"}],
        "request": {"queryParameters": [{"name": "page", "type": "integer"}]}, "responses": [{"statusCode": 200, "representations": [{"contentType": "application/json", "schemaId": "s1", "typeName": "Hits"}]}]}},
    {"id": f"{SERVICE}/apis/orders/policies/policy", "type": "Microsoft.ApiManagement/service/apis/policies", "name": "policy", "properties": {"format": "rawxml", "value": POLICY}},
    {"id": f"{SERVICE}/subscriptions/web", "type": "Microsoft.ApiManagement/service/subscriptions", "name": "web", "properties": {"scope": f"{SERVICE}/apis", "state": "active", "ownerId": f"{SERVICE}/users/ann"}},
    {"id": f"{SERVICE}/namedValues/password", "type": "Microsoft.ApiManagement/service/namedValues", "name": "password", "properties": {"displayName": "password", "secret": False, "value": PASSWORD}},
]  # fmt: skip


def nested() -> list[dict[str, Any]]:
    """The same, as a template nests it: children inside their parents, names and types relative, keys in other case, no ids."""
    service, api, operation, policy, subscription, value = json.loads(json.dumps(FLAT))
    for resource in (service, api, operation, policy, subscription, value):
        del resource["id"]
    api |= {
        "type": "apis",
        "Properties": api.pop("properties"),
        "resources": [operation | {"type": "operations"}, policy | {"type": "policies"}],
    }
    return [service | {"resources": [api, subscription | {"type": "Subscriptions"}, value | {"type": "properties"}]}]


def template() -> dict[str, Any]:
    """The same, as the portal exports a template."""
    resources = json.loads(json.dumps(FLAT))
    for resource in resources:
        path = resource.pop("id").removeprefix(SERVICE).strip("/").split("/")[1::2]
        resource["name"] = f"[concat(parameters('service_name'), '/{'/'.join(path)}')]" if path else "[parameters('service_name')]"
    return {"parameters": {"service_name": {"defaultValue": "contoso", "type": "String"}}, "resources": resources}


@pytest.mark.parametrize("document", [FLAT, {"value": FLAT}, nested(), template()], ids=["az", "value", "nested", "template"])
def test_every_form_is_read_the_same(document: Any) -> None:
    (snapshot,) = from_resources(document)
    assert (snapshot.name, list(snapshot.apis), list(snapshot.policies)) == ("contoso", ["apis/orders"], ["apis/orders"])
    operation = snapshot.apis["apis/orders"].operations["search"]
    assert (operation.method, operation.template) == ("GET", "/shops/{shop}/search")
    assert [(one.name, one.required) for one in operation.path] == [("shop", True)]
    assert [(one.name, one.required) for one in operation.query] == [("q", True), ("page", False)]
    assert operation.responses[0].representations[0].type_name == "Hits"
    assert snapshot.subscriptions["subscriptions/web"].scope == "apis"
    assert snapshot.named_values["namedValues/password"].credential


def test_nothing_secret_and_nobody_is_kept() -> None:
    (snapshot,) = from_resources(FLAT)
    kept = repr(unpack(pack(snapshot)))
    for secret in (PASSWORD, "Tr0ub4dor", "abcdefghabcdefgh", "ann"):
        assert secret not in kept
    assert snapshot.policies["apis/orders"].secrets == (
        ("inbound/set-header[Authorization]/value", "Bearer credential"),
        ("inbound/authentication-basic@password", "password"),
    )


def test_packing_gives_everything_back() -> None:
    (snapshot,) = from_resources(FLAT)
    assert unpack(pack(snapshot)) == snapshot
    with pytest.raises(OtherVersion):
        unpack(b"\x00" + pack(snapshot)[1:])


@pytest.mark.parametrize("document", [None, 3, "text"])
def test_what_is_no_export_is_refused(document: Any) -> None:
    with pytest.raises(NotResources, match="ARM"):
        from_resources(document)


def test_an_api_alone_is_read_without_its_service() -> None:
    (snapshot,) = from_resources([{"type": "Microsoft.ApiManagement/service/apis", "name": "api-1", "properties": {"protocols": ["http"]}}])
    assert snapshot.service is None
    assert snapshot.apis["apis/api-1"].protocols == ("http",)
    assert snapshot.resource("apis/api-1") == "api-1"


INNER = "<policies><inbound>{}</inbound><backend /><outbound /><on-error /></policies>"


@pytest.mark.parametrize(
    ("api", "operation", "runs"),
    [
        ("<base /><cors />", None, ["rate-limit", "cors"]),
        ("<cors />", None, ["cors"]),
        ("<!-- <base /> --><cors />", None, ["cors"]),
        ("<base /><cors />", "<quota /><base />", ["quota", "rate-limit", "cors"]),
        ("<cors />", "<base />", ["cors"]),
        ('<choose><when condition="true"><cors /></when></choose>', None, ["choose", "when", "cors"]),
    ],
)
def test_policies_are_put_together_through_base(api: str, operation: str | None, runs: list[str]) -> None:
    policies = {"policies/policy": "<rate-limit />", "apis/orders/policies/policy": api}
    if operation:
        policies["apis/orders/operations/search/policies/policy"] = operation
    kinds = {1: "policies", 2: "apis/policies", 3: "apis/operations/policies"}
    resources = [
        {
            "id": f"{SERVICE}/{path}",
            "type": f"Microsoft.ApiManagement/service/{kinds[path.count('/') // 2 + 1]}",
            "properties": {"value": INNER.format(text)},
        }
        for path, text in policies.items()
    ]
    (snapshot,) = from_resources(resources)
    found = effective(snapshot, scopes_of("apis/orders", "search" if operation else None))
    assert [one.element.tag for one in found] == runs


def test_children_without_their_parents_names_are_kept_apart() -> None:
    """Some exporters list everything below the service flat, by the last part of its name only."""
    kind = "Microsoft.ApiManagement/service"
    policies = [
        {"type": f"{kind}/apis/policies", "name": "policy", "properties": {"value": INNER.format(text)}}
        for text in ("<cors />", "<base />")
    ]
    document = [
        {
            "type": kind,
            "name": "contoso",
            "properties": {},
            "resources": [{"type": f"{kind}/apis", "name": "orders", "properties": {}}, *policies],
        }
    ]
    (snapshot,) = from_resources(document)
    assert list(snapshot.apis) == ["apis/orders"]
    assert len(snapshot.policies) == 2


def test_services_of_one_name_are_two_snapshots() -> None:
    kind = "Microsoft.ApiManagement/service"
    first, second = ({"type": kind, "name": "contoso", "sku": {"name": sku}, "properties": {}} for sku in ("Developer", "Premium"))
    child = {"type": f"{kind}/apis", "name": "contoso/orders", "properties": {}}
    found = from_resources([first, second, child])
    assert [(one.service.sku if one.service else "", len(one.apis)) for one in found] == [("Developer", 0), ("Premium", 1)]


def test_children_without_ids_belong_to_the_service_in_which_they_are_nested() -> None:
    service = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/apim-a"
    operation = {"type": "operations", "name": "list", "properties": {"method": "GET", "urlTemplate": "/orders"}}
    api = {"type": "Microsoft.ApiManagement/service/apis", "name": "apim-a/shop", "properties": {"path": "shop"}, "resources": [operation]}
    (found,) = from_resources(
        [{"id": service, "type": "Microsoft.ApiManagement/service", "name": "apim-a", "properties": {}, "resources": [api]}]
    )
    assert found.id == service
    assert [(path, list(one.operations)) for path, one in found.apis.items()] == [("apis/shop", ["list"])]


def test_the_expressions_of_a_template_are_worked_out_as_far_as_they_can_be_told() -> None:
    kind = "Microsoft.ApiManagement/service"
    document = {
        "parameters": {"plain": {"type": "bool", "defaultValue": True}},
        "resources": [
            {"type": f"{kind}/apis", "name": "x/a", "properties": {"protocols": ["[if(parameters('plain'), 'http', 'https')]"], "subscriptionRequired": "[not(true())]"}},
            {"type": f"{kind}/subscriptions", "name": "x/s", "properties": {"scope": f"[concat(resourceId('{kind}', 'x'), '/apis')]", "state": "[string('active')]"}},
        ],
    }  # fmt: skip
    (snapshot,) = from_resources(document)
    assert (snapshot.apis["apis/a"].protocols, snapshot.apis["apis/a"].subscription_required) == (("http",), False)
    assert (snapshot.subscriptions["subscriptions/s"].scope, snapshot.subscriptions["subscriptions/s"].state) == ("apis", "active")


def test_a_plain_list_of_resources_says_nothing_of_them() -> None:
    bare = [{"type": "Microsoft.ApiManagement/service", "name": "x", "properties": None}]
    bare += [
        {"type": f"Microsoft.ApiManagement/service/{kind}", "name": "x/a", "properties": None}
        for kind in ("apis", "products", "backends", "certificates")
    ]
    (snapshot,) = from_resources(bare)
    assert (snapshot.service, snapshot.backends, snapshot.certificates) == (None, {}, {})
    assert {"apis/a", "products/a", "service"} <= snapshot.gaps.keys()
