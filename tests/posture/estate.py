"""Builds small exports: a service and what it holds, as ARM resources."""

from typing import Any

SERVICE = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ApiManagement/service/contoso"
WHOLE = "<policies><inbound>{}</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
Resource = dict[str, Any]


def service(sku: str = "Developer", identity: str = "", created: str = "2024-01-01", **properties: Any) -> Resource:
    body: Resource = {"id": SERVICE, "type": "Microsoft.ApiManagement/service", "name": "contoso", "properties": properties}
    if sku:
        body["sku"] = {"name": sku, "capacity": 1}
    if identity:
        body["identity"] = {"type": identity}
    if created:
        body["systemData"] = {"createdAt": f"{created}T00:00:00Z"}
    return body


def child(path: str, /, **properties: Any) -> Resource:
    """`path`: "apis/orders/operations/get"."""
    parts = path.split("/")
    kind = "Microsoft.ApiManagement/service/" + "/".join(parts[::2])
    return {"id": f"{SERVICE}/{path}", "type": kind, "name": parts[-1], "properties": properties}


def api(name: str = "orders", **properties: Any) -> Resource:
    return child(f"apis/{name}", **{"displayName": name, "path": name, "protocols": ["https"], "subscriptionRequired": True, **properties})


def operation(path: str, method: str = "GET", template: str = "/", **properties: Any) -> Resource:
    return child(path, **{"displayName": path, "method": method, "urlTemplate": template, **properties})


def policy(scope: str, inbound: str = "<base />", text: str = "") -> Resource:
    """A policy with this in its inbound section, or this whole text. `scope`: "" for all APIs."""
    path = f"{scope}/policies/policy" if scope else "policies/policy"
    return child(path, format="rawxml", value=text or WHOLE.format(inbound))


def fragment(name: str, inner: str = "") -> Resource:
    return child(f"policyFragments/{name}", format="rawxml", value=f"<fragment>{inner}</fragment>")


def custom(**settings: str) -> dict[str, str]:
    """customProperties by the ends of their names: Protocols__Tls10="true"."""
    return {"Microsoft.WindowsAzure.ApiManagement.Gateway.Security." + name.replace("__", "."): value for name, value in settings.items()}
