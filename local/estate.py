"""A made-up but complete estate: how the gateway of the shop in `local.traffic` is configured, with the mistakes that gateways have."""

from datetime import UTC, datetime, timedelta
from typing import Any

from local import traffic

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
GROUP = "rg-shop"
SERVICE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.ApiManagement/service/{traffic.SERVICE}"
SECURITY = "Microsoft.WindowsAzure.ApiManagement.Gateway.Security."

Resource = dict[str, Any]

CAPTURE = '<include-fragment fragment-id="gatewatch-capture" />'
EMIT = '<include-fragment fragment-id="gatewatch-emit" />'
WATCHED = """<policies>
    <inbound>
        {capture}
        <base />
        {inbound}
    </inbound>
    <backend>
        <base />
    </backend>
    <outbound>
        <base />
        {emit}
    </outbound>
    <on-error>
        {capture}
        {emit}
        <base />
    </on-error>
</policies>
"""
GLOBAL = """<policies>
    <inbound>
        <cors allow-credentials="true"><allowed-origins><origin>*</origin></allowed-origins><allowed-methods><method>GET</method></allowed-methods></cors>
    </inbound>
    <backend>
        <forward-request />
    </backend>
    <outbound />
    <on-error />
</policies>
"""
JWT = (
    '<validate-jwt header-name="Authorization"><openid-config url="https://login.contoso.com/.well-known/openid-configuration" />'
    "<audiences><audience>admin</audience></audiences><issuers><issuer>https://login.contoso.com</issuer></issuers></validate-jwt>"
)


def child(path: str, /, **properties: Any) -> Resource:
    parts = path.split("/")
    return {
        "id": f"{SERVICE}/{path}",
        "type": "Microsoft.ApiManagement/service/" + "/".join(parts[::2]),
        "name": parts[-1],
        "properties": properties,
    }


def policy(scope: str, text: str) -> Resource:
    return child(f"{scope}/policies/policy" if scope else "policies/policy", format="rawxml", value=text)


def watched(inbound: str = "") -> str:
    return WATCHED.format(capture=CAPTURE, emit=EMIT, inbound=inbound)


def resources() -> list[Resource]:
    """Everything that the resource manager shows of the shop's gateway."""
    return [*_service(), *_shop(), *_admin(), *_products(), *_behind()]


def _service() -> list[Resource]:
    soon = (datetime.now(UTC) + timedelta(days=20)).isoformat(timespec="seconds")
    properties = {
        "gatewayUrl": f"https://{traffic.HOST}",
        "platformVersion": "stv2.1",
        "publicNetworkAccess": "Enabled",
        "virtualNetworkType": "None",
        "publisherEmail": "nobody@contoso.com",
        "createdAtUtc": "2023-03-01T09:00:00Z",
        "customProperties": {f"{SECURITY}Protocols.Tls11": "True", f"{SECURITY}Protocols.Tls10": "False", f"{SECURITY}Ciphers.TripleDes168": "True"},
        "hostnameConfigurations": [
            {"type": "Proxy", "hostName": traffic.HOST, "certificateSource": "Custom", "certificate": {"expiry": soon, "thumbprint": "0", "subject": "CN=api.contoso.com"}}
        ],
        "developerPortalStatus": "Enabled",
    }  # fmt: skip
    service = {
        "id": SERVICE,
        "type": "Microsoft.ApiManagement/service",
        "name": traffic.SERVICE,
        "location": "West Europe",
        "sku": {"name": "Developer", "capacity": 1},
        "identity": {"type": "SystemAssigned"},
        "properties": properties,
    }
    return [
        service,
        child("tenant/access", enabled=True, principalId="integration"),
        child("tenant/gitAccess", enabled=False),
        child("portalconfigs/default", enableBasicAuth=True),
        child("portalsettings/signup", enabled=True),
        policy("", GLOBAL),
        child("policyFragments/gatewatch-capture", format="rawxml", value="<fragment><set-variable name=\"gatewatch-captured\" value=\"@(true)\" /></fragment>"),
        child("policyFragments/gatewatch-emit", format="rawxml", value='<fragment><log-to-eventhub logger-id="gatewatch">@("…")</log-to-eventhub></fragment>'),
    ]  # fmt: skip


def _shop() -> list[Resource]:
    found = [
        child(
            f"apis/{traffic.API}",
            displayName="Shop",
            path="v1",
            apiRevision="1",
            isCurrent=True,
            isOnline=True,
            protocols=["http", "https"],
            subscriptionRequired=False,
            serviceUrl="http://shop.internal.contoso.com",
            subscriptionKeyParameterNames={"header": "Ocp-Apim-Subscription-Key", "query": "subscription-key"},
            authenticationSettings={"oAuth2": {"authorizationServerId": "contoso"}},
        ),
        policy(f"apis/{traffic.API}", watched()),
        child(f"apis/{traffic.API};rev=0", displayName="Shop", path="v1", apiRevision="0", isCurrent=False, isOnline=True, protocols=["https"], subscriptionRequired=True),
        child(f"apis/{traffic.API}/diagnostics/applicationinsights", loggerId=f"{SERVICE}/loggers/insights", frontend={"request": {"headers": ["Authorization"], "body": {"bytes": 512}}}),
        child(f"apis/{traffic.API}/schemas/orders", contentType="application/vnd.oai.openapi.components+json", document={"components": {"schemas": {"Order": {"type": "object", "properties": {"id": {"type": "integer"}, "status": {"type": "string"}}}}}}),
    ]  # fmt: skip
    return found + [_operation(one) for one in traffic.OPERATIONS if one.template != "/v1/health"] + [_unused()]


def _operation(one: traffic.Operation) -> Resource:
    id = f"{one.method.lower()}{one.template.replace('/', '-').replace('{', '').replace('}', '')}"
    query = [{"name": name, "type": "string", "required": False, "values": []} for name, _ in one.query]
    template = [{"name": "id", "type": "integer", "required": True, "values": []}] if "{id}" in one.template else []
    representation: Resource = {"contentType": "application/json"}
    if one.template == "/v1/orders/{id}" and one.method == "GET":
        representation |= {"schemaId": "orders", "typeName": "Order"}
    return child(
        f"apis/{traffic.API}/operations/{id}",
        displayName=f"{one.method.title()} {one.template.removeprefix('/v1/')}",
        method=one.method,
        urlTemplate=one.template,
        templateParameters=template,
        request={"queryParameters": query, "headers": [], "representations": [{"contentType": "application/json"}] if one.method in ("POST", "PUT") else []},
        responses=[{"statusCode": 200, "representations": [representation]}, {"statusCode": 404, "representations": []}],
    )  # fmt: skip


def _unused() -> Resource:
    return child(
        f"apis/{traffic.API}/operations/get-v1-vouchers", displayName="Vouchers", method="GET", urlTemplate="/v1/vouchers", responses=[]
    )


def _admin() -> list[Resource]:
    return [
        child("apis/admin", displayName="Back office", path="admin", isCurrent=True, isOnline=True, protocols=["https"], subscriptionRequired=True, serviceUrl="https://admin.internal.contoso.com"),
        policy("apis/admin", watched(JWT + '<rate-limit calls="100" renewal-period="60" />')),
        child("apis/admin/operations/everything", displayName="Everything", method="GET", urlTemplate="/*", responses=[]),
        child("apis/admin/operations/report", displayName="Report", method="GET", urlTemplate="/report", responses=[]),
        policy("apis/admin/operations/report", '<policies><inbound><set-header name="Authorization" exists-action="override"><value>Basic {{admin-basic}}</value></set-header></inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>'),
    ]  # fmt: skip


def _products() -> list[Resource]:
    return [
        child("products/retail", displayName="Retail", state="published", subscriptionRequired=True, approvalRequired=False),
        child("products/retail/apis/shop", displayName="Shop"),
        child("apis/shop/tags/public", displayName="public"),
        child("products/retail/tags/public", displayName="public"),
        child("products/retail/groups/guests", displayName="Guests"),
        child("products/unlimited", displayName="Unlimited", state="published", subscriptionRequired=True, approvalRequired=True),
        *(child(f"subscriptions/{name}", displayName=name, scope=f"{SERVICE}/products/retail", state="active", ownerId=f"{SERVICE}/users/1") for name in ("web", "mobile-app")),
        child("subscriptions/partner", displayName="partner", scope=f"{SERVICE}/apis", state="active", ownerId=f"{SERVICE}/users/2"),
        child("subscriptions/master", displayName="Built-in all-access subscription", scope=f"{SERVICE}/", state="active", ownerId=f"{SERVICE}/users/1"),
    ]  # fmt: skip


def _behind() -> list[Resource]:
    return [
        child("backends/orders", url="https://orders.internal.contoso.com", protocol="http", tls={"validateCertificateChain": False, "validateCertificateName": True}),
        child("backends/stock", url="https://stock.internal.contoso.com", protocol="http", credentials={"managedIdentity": {"resource": "https://stock"}}),
        child("namedValues/gatewatch-identity-key", displayName="gatewatch-identity-key", secret=True),
        child("namedValues/admin-basic", displayName="admin-basic", secret=True, keyVault={"secretIdentifier": "https://shop.vault.azure.net/secrets/admin/0123456789abcdef0123456789abcdef", "lastStatus": {"code": "Success"}}),
        child("namedValues/stock-url", displayName="stock-url", secret=False, value="https://stock.internal.contoso.com"),
        child("certificates/mtls", subject="CN=shop", thumbprint="0", expirationDate="2027-09-01T00:00:00Z"),
        child("loggers/gatewatch", loggerType="azureEventHub", credentials={"endpointAddress": "contoso.servicebus.windows.net", "identityClientId": "SystemAssigned", "name": "calls"}),
        child("loggers/insights", loggerType="applicationInsights", credentials={"instrumentationKey": "{{Logger-Credentials--0000}}"}),
    ]  # fmt: skip
