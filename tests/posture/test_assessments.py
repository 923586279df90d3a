"""Assessments: for each what is healthy, unhealthy and not applicable, and the mistake that a simpler check makes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from model import Severity, minute_of
from posture.assessments import Context, Result, assess, by_id, collect, discovered
from posture.assessments.encryption import WEAK
from posture.facts import EndpointFacts, KeyUse, Traffic
from posture.resources import from_resources
from tests.posture.estate import Resource, api, child, custom, fragment, operation, policy, service

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
JWT = '<validate-jwt header-name="Authorization"><audiences><audience>a</audience></audiences><issuers><issuer>i</issuer></issuers></validate-jwt>'
LIMIT = '<rate-limit calls="5" renewal-period="60" />'
BAD, GOOD, NONE, OPEN = "unhealthy", "healthy", "notApplicable", "unknown"
TRUSTED = "Microsoft.WindowsAzure.ApiManagement.Gateway.ManagedIdentity.DisableOverPrivilegedAccess"
SECRET = "Kj8" + "sdf73HsdfLk2jhsd98fhKJHsd7f"


def found(id: str, resources: list[Resource], traffic: Traffic | None = None) -> list[Result]:
    return [result for snapshot in from_resources(resources) for result in assess(snapshot, Context(NOW, traffic), [by_id()[id]]).results]


def host(**settings: Any) -> Resource:
    return service(hostnameConfigurations=[{"type": "Proxy", "hostName": "api.contoso.com", **settings}])


def backend(**properties: Any) -> Resource:
    return child("backends/b", **{"url": "https://b.contoso.com", "protocol": "http", **properties})


def named(name: str = "n", **properties: Any) -> Resource:
    return child(f"namedValues/{name}", **{"displayName": name, **properties})


def diagnostic(**request: Any) -> Resource:
    return child("diagnostics/applicationinsights", frontend={"request": request})


def cors(origin: str = "https://contoso.com", method: str = "GET", **attributes: str) -> str:
    more = " ".join(f'{name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f"<cors {more}><allowed-origins><origin>{origin}</origin></allowed-origins><allowed-methods><method>{method}</method></allowed-methods></cors>"


VAULT = "https://v.vault.azure.net/secrets/s"
KEY = {"secretIdentifier": VAULT, "lastStatus": {"code": "Success"}}
PINNED = {"secretIdentifier": f"{VAULT}/0123456789abcdef0123456789abcdef"}
COMMON = [service(), api(subscriptionRequired=False)]

CASES: list[tuple[str, str, list[Resource], list[str]]] = [
    # service
    ("min-api-version", "set", [service(apiVersionConstraint={"minApiVersion": "2021-08-01"})], [GOOD]),
    ("min-api-version", "a preview", [service(apiVersionConstraint={"minApiVersion": "2020-06-01-preview"})], [GOOD]),
    ("min-api-version", "missing", [service()], [BAD]),
    ("min-api-version", "too old", [service(apiVersionConstraint={"minApiVersion": "2018-01-01"})], [BAD]),
    ("min-api-version", "no date at all", [service(apiVersionConstraint={"minApiVersion": "new"})], [BAD]),
    ("min-api-version", "Consumption", [service("Consumption")], [NONE]),
    ("virtual-network", "external", [service(virtualNetworkType="External")], [GOOD]),
    ("virtual-network", "none", [service("Premium", virtualNetworkType="None")], [BAD]),
    ("virtual-network", "a tier that cannot", [service("Basic")], [NONE]),
    ("virtual-network", "a private endpoint instead", [service(publicNetworkAccess="Disabled", privateEndpointConnections=[{"properties": {"privateLinkServiceConnectionState": {"status": "Approved"}}}])], [GOOD]),
    ("virtual-network", "a private endpoint that nobody approved", [service(publicNetworkAccess="Disabled", privateEndpointConnections=[{"properties": {"privateLinkServiceConnectionState": {"status": "Pending"}}}])], [BAD]),
    ("vnet-capable-tier", "Premium", [service("Premium")], [GOOD]),
    ("vnet-capable-tier", "Basic", [service("Basic")], [BAD]),
    ("vnet-capable-tier", "a tier that the SDK does not know", [service("PremiumV2")], [GOOD]),
    ("vnet-capable-tier", "not given", [service("")], [OPEN]),
    ("public-network", "disabled", [service(publicNetworkAccess="Disabled")], [GOOD]),
    ("public-network", "the default", [service()], [BAD]),
    ("public-network", "internal", [service(virtualNetworkType="Internal")], [NONE]),
    ("platform-stv1", "stv2", [service(platformVersion="stv2.1")], [GOOD]),
    ("platform-stv1", "stv1", [service(platformVersion="stv1")], [BAD]),
    ("platform-stv1", "one location", [service(platformVersion="stv2", additionalLocations=[{"location": "x", "platformVersion": "stv1"}])], [BAD]),
    ("platform-stv1", "Consumption", [service("Consumption", platformVersion="mtv1")], [NONE]),
    ("platform-stv1", "a version of tomorrow", [service(platformVersion="stv9")], [GOOD]),
    ("platform-stv1", "not given", [service()], [OPEN]),
    ("managed-identity", "system", [service(identity="SystemAssigned")], [GOOD]),
    ("managed-identity", "both, with a blank", [service(identity="SystemAssigned, UserAssigned")], [GOOD]),
    ("managed-identity", "none", [service(identity="None")], [BAD]),
    ("trusted-connectivity", "off", [service(customProperties={TRUSTED: "True"})], [GOOD]),
    ("trusted-connectivity", "not said", [service()], [BAD]),
    ("trusted-connectivity", "never had it", [service(created="2026-01-01")], [NONE]),
    ("legacy-config-api", "off", [service(configurationApi={"legacyApi": "Disabled"}), child("gateways/g")], [GOOD]),
    ("legacy-config-api", "the default", [service(), child("gateways/g")], [BAD]),
    ("legacy-config-api", "no gateway is known", [service()], [OPEN]),
    # encryption
    ("tls-client", "off", [service(customProperties=custom(Protocols__Tls10="False"))], [GOOD]),
    ("tls-client", "absent is off", [service()], [GOOD]),
    ("tls-client", "a string, in any case", [service(customProperties=custom(Protocols__Tls11="true"))], [BAD]),
    ("tls-client", "absent, in an old service", [service(created="2017-05-01")], [OPEN]),
    ("tls-client", "that of backends is another", [service(customProperties=custom(Backend__Protocols__Tls11="True"))], [GOOD]),
    ("tls-backend", "off", [service(customProperties=custom(Backend__Protocols__Tls10="False"))], [GOOD]),
    ("tls-backend", "on, 1.1 as well", [service(customProperties=custom(Backend__Protocols__Tls11="True"))], [BAD]),
    ("cipher-3des", "off", [service(customProperties=custom(Ciphers__TripleDes168="false"))], [GOOD]),
    ("cipher-3des", "on", [service(customProperties=custom(Ciphers__TripleDes168="True"))], [BAD]),
    ("cipher-weak", "all off", [service(customProperties=custom(**{f"Ciphers__{name}": "False" for name in WEAK}))], [GOOD]),
    ("cipher-weak", "on is the default", [service()], [BAD]),
    ("cipher-weak", "v2 cannot", [service("StandardV2")], [NONE]),
    ("host-certificate-expiry", "a year", [host(certificateSource="Custom", certificate={"expiry": "2027-11-24T00:00:00+00:00"})], [GOOD]),
    ("host-certificate-expiry", "twenty days", [host(certificateSource="Custom", certificate={"expiry": "2026-12-14T00:00:00Z"})], [BAD]),
    ("host-certificate-expiry", "managed", [host(certificateSource="Managed", certificate={"expiry": "2026-12-01T00:00:00Z"})], [NONE]),
    ("host-certificate-expiry", "no date", [host(certificateSource="Custom", certificate={"expiry": "soon"})], [NONE]),
    ("host-certificate-vault", "from the vault", [host(certificateSource="Custom", keyVaultId=VAULT)], [GOOD]),
    ("host-certificate-vault", "uploaded", [host(certificateSource="Custom")], [BAD]),
    ("host-certificate-vault", "built in", [host(certificateSource="BuiltIn")], [NONE]),
    # tenant, portal, gateways
    ("direct-management", "off", [service(), child("tenant/access", enabled=False)], [GOOD]),
    ("direct-management", "on", [service(), child("tenant/access", enabled=True)], [BAD]),
    ("direct-management", "not read", [service()], [OPEN]),
    ("config-endpoints", "off", [service(), child("tenant/access", enabled=False), child("tenant/gitAccess", enabled=False)], [GOOD]),
    ("config-endpoints", "a way that the SDK does not know", [service(), child("tenant/access", enabled=False), child("tenant/gatewayaccess", enabled=True)], [BAD]),
    ("config-endpoints", "Consumption", [service("Consumption"), child("tenant/access", enabled=True)], [NONE]),
    ("portal-basic-auth", "off", [service(), child("portalconfigs/default", enableBasicAuth=False)], [GOOD]),
    ("portal-basic-auth", "the default", [service(), child("portalconfigs/default")], [BAD]),
    ("portal-basic-auth", "no portal", [service(developerPortalStatus="Disabled"), child("portalconfigs/default", enableBasicAuth=True)], [NONE]),
    ("portal-open-signup", "closed", [service(), child("portalsettings/signup", enabled=False)], [GOOD]),
    ("portal-open-signup", "open", [service(), child("portalsettings/signup", enabled=True)], [BAD]),
    ("portal-open-signup", "with Entra", [service(), child("portalsettings/signup", enabled=True), child("identityProviders/aad", type="aad")], [GOOD]),
    ("portal-open-signup", "no portal", [service(developerPortalStatus="Disabled"), child("portalsettings/signup", enabled=True)], [NONE]),
    ("gateway-tls", "new", [child("gateways/g/hostnameConfigurations/h", tls10Enabled=False, tls11Enabled=False)], [GOOD]),
    ("gateway-tls", "old", [child("gateways/g/hostnameConfigurations/h", tls10Enabled=False, tls11Enabled=True)], [BAD]),
    # APIs
    ("api-plaintext", "https", [api()], [GOOD]),
    ("api-plaintext", "both", [api(protocols=["http", "https"])], [BAD]),
    ("api-plaintext", "a socket", [api(protocols=["ws"])], [BAD]),
    ("api-plaintext", "an old revision", [api(protocols=["http"], isCurrent=False)], [NONE]),
    ("api-plaintext", "offline", [api(protocols=["http"], isOnline=False)], [NONE]),
    ("api-plaintext", "an expression that cannot be told", [api(protocols=["[parameters('wanted')]"])], [OPEN]),
    ("tls-client", "an expression that cannot be told", [service(customProperties=custom(Protocols__Tls11="[parameters('wanted')]"))], [OPEN]),
    ("api-plaintext", "not said", [api(protocols=None)], [GOOD]),
    ("api-backend-plaintext", "https", [service(), api(serviceUrl="https://b")], [GOOD]),
    ("api-backend-plaintext", "http", [service(), api(serviceUrl="HTTP://b")], [BAD]),
    ("api-backend-plaintext", "absent", [service(), api()], [GOOD]),
    ("api-backend-plaintext", "absent, and the API alone", [api()], [GOOD]),
    ("api-backend-plaintext", "by policy", [service(), api(), policy("apis/orders", '<base /><set-backend-service base-url="http://b" />')], [BAD]),
    ("api-backend-plaintext", "by a named value", [service(), api(), named("url", value="http://b"), policy("apis/orders", '<set-backend-service base-url="{{url}}" />')], [BAD]),
    ("api-backend-plaintext", "at one operation", [service(), api(serviceUrl="https://b"), operation("apis/orders/operations/get"), operation("apis/orders/operations/put"), policy("apis/orders/operations/get", '<set-backend-service base-url="http://b" />')], [GOOD, BAD]),
    ("api-no-authentication", "a key", [service(), api()], [GOOD]),
    ("api-no-authentication", "nothing", COMMON, [BAD]),
    ("api-no-authentication", "a token", [*COMMON, policy("apis/orders", "<base />" + JWT)], [GOOD]),
    ("api-no-authentication", "a token in a comment", [*COMMON, policy("apis/orders", f"<base /><!-- {JWT} -->")], [BAD]),
    ("api-no-authentication", "inherited", [*COMMON, policy("", JWT), policy("apis/orders")], [GOOD]),
    ("api-no-authentication", "not inherited without base", [*COMMON, policy("", JWT), policy("apis/orders", "<cors />")], [BAD]),
    ("api-no-authentication", "under a condition", [*COMMON, policy("apis/orders", f'<choose><when condition="true">{JWT}</when></choose>')], [OPEN]),
    ("api-no-authentication", "in a fragment", [*COMMON, fragment("auth", JWT), policy("apis/orders", '<include-fragment fragment-id="auth" />')], [GOOD]),
    ("api-no-authentication", "by address", [*COMMON, policy("apis/orders", '<ip-filter action="allow"><address>10.0.0.1</address></ip-filter>')], [GOOD]),
    ("api-no-authentication", "by address, but forbidding", [*COMMON, policy("apis/orders", '<ip-filter action="forbid"><address>10.0.0.1</address></ip-filter>')], [BAD]),
    ("api-no-authentication", "an operation opens what the API demands", [*COMMON, operation("apis/orders/operations/get"), operation("apis/orders/operations/put"), policy("apis/orders", JWT), policy("apis/orders/operations/get", "<cors />")], [GOOD, BAD]),
    ("api-no-authentication", "each operation demands", [*COMMON, operation("apis/orders/operations/get"), policy("apis/orders/operations/get", JWT)], [NONE, GOOD]),
    ("api-no-authentication", "the API alone: its policies are not known", [api(subscriptionRequired=False)], [OPEN]),
    ("api-no-authentication", "offline", [service(), api(subscriptionRequired=False, isOnline=False)], [NONE]),
    ("api-no-authentication", "a policy that is none", [*COMMON, policy("apis/orders", text="<policies><inbound>")], [OPEN]),
    ("oauth-declared-only", "declares nothing", [service(), api(authenticationSettings={"oAuth2": None, "openidAuthenticationSettings": []})], [NONE]),
    ("oauth-declared-only", "declares only", [service(), api(authenticationSettings={"oAuth2": {"authorizationServerId": "a"}})], [BAD]),
    ("oauth-declared-only", "and validates", [service(), api(authenticationSettings={"openid": {"openidProviderId": "a"}}), policy("apis/orders", '<validate-azure-ad-token tenant-id="t" />')], [GOOD]),
    ("operation-wildcard", "a path", [api(), operation("apis/orders/operations/get", template="/orders/{id}")], [GOOD]),
    ("operation-wildcard", "everything", [api(), operation("apis/orders/operations/get", template="/*")], [BAD]),
    ("operation-wildcard", "a parameter that is none", [api(), operation("apis/orders/operations/get", template="/a*b")], [GOOD]),
    ("old-revision-online", "current", [api(isCurrent=True, isOnline=True)], [NONE]),
    ("old-revision-online", "old and online", [api("orders;rev=1", isCurrent=False, isOnline=True)], [BAD]),
    ("old-revision-online", "old and offline", [api("orders;rev=1", isCurrent=False, isOnline=False)], [GOOD]),
    # products, subscriptions
    ("product-open", "closed", [child("products/p", subscriptionRequired=True, state="published")], [GOOD]),
    ("product-open", "open", [child("products/p", subscriptionRequired=False, state="published")], [BAD]),
    ("product-open", "open and not published", [child("products/p", subscriptionRequired=False, state="notPublished")], [NONE]),
    ("product-no-approval", "approved", [child("products/p", subscriptionRequired=True, approvalRequired=True)], [GOOD]),
    ("product-no-approval", "not", [child("products/p", subscriptionRequired=True, approvalRequired=False)], [BAD]),
    ("product-no-approval", "nothing to approve", [child("products/p", subscriptionRequired=False, approvalRequired=False)], [NONE]),
    ("product-sample", "own", [child("products/retail")], [GOOD]),
    ("product-sample", "sample", [child("products/Starter")], [BAD]),
    ("product-guests", "developers", [child("products/p"), child("products/p/groups/developers")], [GOOD]),
    ("product-guests", "guests", [child("products/p"), child("products/p/groups/guests")], [BAD]),
    ("product-guests", "not known", [child("products/p")], [OPEN]),
    ("subscription-all-apis", "one product", [child("subscriptions/s", scope="/products/p", state="active")], [GOOD]),
    ("subscription-all-apis", "all", [child("subscriptions/s", scope="/subscriptions/x/resourceGroups/g/providers/Microsoft.ApiManagement/service/contoso/apis", state="active")], [BAD]),
    ("subscription-all-apis", "suspended", [child("subscriptions/s", scope="/apis", state="suspended")], [GOOD]),
    ("subscription-all-apis", "one API, which ends otherwise", [child("subscriptions/s", scope="/apis/orders", state="active")], [GOOD]),
    ("subscription-all-apis", "built in", [child("subscriptions/master", scope="/subscriptions/x/resourceGroups/g/providers/Microsoft.ApiManagement/service/contoso/", state="active")], [NONE]),
    # backends
    ("backend-no-auth", "certificate", [backend(credentials={"certificate": ["A"]})], [GOOD]),
    ("backend-no-auth", "nothing", [backend()], [BAD]),
    ("backend-no-auth", "half an authorization", [backend(credentials={"authorization": {"scheme": "Basic"}})], [BAD]),
    ("backend-no-auth", "a key in a header", [backend(credentials={"header": {"x-functions-key": ["{{k}}"]}})], [GOOD]),
    ("backend-no-auth", "a managed identity, which Azure Policy does not see", [backend(credentials={"managedIdentity": {"resource": "https://b"}})], [GOOD]),
    ("backend-no-auth", "by policy", [service(), backend(), api(), policy("apis/orders", '<set-backend-service backend-id="b" /><authentication-managed-identity resource="https://b" />')], [GOOD]),
    ("backend-no-auth", "a pool", [child("backends/b", type="Pool", pool={"services": [{"id": "/backends/c"}]})], [NONE]),
    ("backend-no-auth", "Service Fabric", [backend(properties={"serviceFabricCluster": {"managementEndpoints": ["x"]}})], [NONE]),
    ("backend-no-auth", "soap", [backend(protocol="soap")], [NONE]),
    ("backend-cert-unchecked", "missing", [backend()], [GOOD]),
    ("backend-cert-unchecked", "chain", [backend(tls={"validateCertificateChain": False, "validateCertificateName": True})], [BAD]),
    ("backend-cert-unchecked", "name", [backend(tls={"validateCertificateName": False})], [BAD]),
    ("backend-plaintext", "https", [backend()], [GOOD]),
    ("backend-plaintext", "http", [backend(url="http://b")], [BAD]),
    ("backend-plaintext", "a pool", [child("backends/b", type="Pool", pool={"services": []})], [NONE]),
    # secrets
    ("named-value-not-vault", "vault", [named(secret=True, keyVault=KEY)], [GOOD]),
    ("named-value-not-vault", "in the gateway", [named(secret=True)], [BAD]),
    ("named-value-not-vault", "not secret", [named(secret=False, value="5")], [NONE]),
    ("named-value-not-vault", "a logger's own", [named("Logger-Credentials--0123", secret=True)], [NONE]),
    ("named-value-not-vault", "of a workspace", [child("workspaces/w/namedValues/n", displayName="n", secret=True)], [NONE]),
    ("named-value-not-vault", "Gatewatch's own, which gets no pardon", [named("gatewatch-identity-key", secret=True)], [BAD]),
    ("named-value-vault-broken", "works", [named(secret=True, keyVault=KEY)], [GOOD]),
    ("named-value-vault-broken", "broken", [named(secret=True, keyVault={"secretIdentifier": VAULT, "lastStatus": {"code": "AccessDenied"}})], [BAD]),
    ("named-value-vault-broken", "not said", [named(secret=True, keyVault={"secretIdentifier": VAULT})], [OPEN]),
    ("named-value-vault-broken", "no vault", [named(secret=True)], [NONE]),
    ("named-value-pinned", "the newest", [named(secret=True, keyVault=KEY)], [GOOD]),
    ("named-value-pinned", "one version", [named(secret=True, keyVault=PINNED)], [BAD]),
    ("named-value-pinned", "no vault", [named(secret=True)], [NONE]),
    ("named-value-plain-secret", "a number", [named("timeout", secret=False, value="30")], [GOOD]),
    ("named-value-plain-secret", "a key", [named("api-key", secret=False, value=SECRET)], [BAD]),
    ("named-value-plain-secret", "an address", [named("backend", secret=False, value="https://b.contoso.com/v1")], [GOOD]),
    ("named-value-plain-secret", "secret", [named("api-key", secret=True)], [NONE]),
    ("certificate-expiry", "next year", [child("certificates/c", expirationDate="2027-11-24T00:00:00Z")], [GOOD]),
    ("certificate-expiry", "over", [child("certificates/c", expirationDate="2026-01-01T00:00:00Z")], [BAD]),
    ("certificate-expiry", "not said", [child("certificates/c")], [OPEN]),
    ("certificate-vault", "vault", [child("certificates/c", keyVault={"secretIdentifier": VAULT})], [GOOD]),
    ("certificate-vault", "uploaded", [child("certificates/c")], [BAD]),
    ("logger-keys", "identity", [child("loggers/l", credentials={"endpointAddress": "x", "identityClientId": "SystemAssigned", "name": "calls"})], [GOOD]),
    ("logger-keys", "keys", [child("loggers/l", credentials={"connectionString": "{{Logger-Credentials--1}}", "name": "calls"})], [BAD]),
    ("logger-keys", "Application Insights with an identity", [child("loggers/l", credentials={"connectionString": "InstrumentationKey=…", "identityClientId": "SystemAssigned"})], [GOOD]),
    ("logger-keys", "none", [child("loggers/l", loggerType="azureMonitor")], [NONE]),
    ("diagnostic-leaks", "harmless", [diagnostic(headers=["user-agent"], body={"bytes": 0})], [GOOD]),
    ("diagnostic-leaks", "a token", [diagnostic(headers=["Authorization"])], [BAD]),
    ("diagnostic-leaks", "a token, masked", [diagnostic(headers=["Authorization"], dataMasking={"headers": [{"value": "authorization", "mode": "Hide"}]})], [GOOD]),
    ("diagnostic-leaks", "the API's own key header", [api(subscriptionKeyParameterNames={"header": "X-Shop"}), diagnostic(headers=["x-shop"])], [BAD]),
    ("diagnostic-leaks", "bodies", [diagnostic(body={"bytes": 512})], [BAD]),
    # policies
    ("policy-base", "inherits", [policy("apis/orders")], [GOOD]),
    ("policy-base", "inherits, but not first, as Gatewatch's fragments stand", [policy("apis/orders", '<include-fragment fragment-id="gatewatch-capture" /><base />')], [GOOD]),
    ("policy-base", "not in one section", [policy("apis/orders", "<cors />")], [BAD]),
    ("policy-base", "only in a comment", [policy("apis/orders", "<!-- <base /> -->")], [BAD]),
    ("policy-base", "a section is missing", [policy("apis/orders", text="<policies><inbound><base /></inbound></policies>")], [BAD]),
    ("policy-base", "all APIs", [policy("", "<cors />")], [NONE]),
    ("policy-base", "no policy", [policy("apis/orders", text="nonsense")], [OPEN]),
    ("cors-wildcard", "named", [policy("apis/orders", cors())], [GOOD]),
    ("cors-wildcard", "any origin", [policy("apis/orders", cors("*"))], [BAD]),
    ("cors-wildcard", "any method", [policy("", cors(method="*"))], [BAD]),
    ("cors-wildcard", "none", [policy("apis/orders")], [GOOD]),
    ("no-rate-limit", "limited", [service(), api(), policy("apis/orders", LIMIT)], [GOOD]),
    ("no-rate-limit", "not", [service(), api(), policy("apis/orders")], [BAD]),
    ("no-rate-limit", "by all products", [service(), api(), child("products/p", subscriptionRequired=True), child("products/p/apis/orders"), policy("products/p", LIMIT)], [GOOD]),
    ("no-rate-limit", "by a product, but another key opens it", [service(), api(), child("products/p"), child("products/p/apis/orders"), policy("products/p", LIMIT), child("subscriptions/s", scope="/apis", state="active")], [BAD]),
    ("no-rate-limit", "offline", [service(), api(isOnline=False)], [NONE]),
    ("jwt-weak", "whole", [policy("apis/orders", JWT)], [GOOD]),
    ("jwt-weak", "for whomever", [policy("apis/orders", '<validate-jwt header-name="Authorization"><openid-config url="https://i" /></validate-jwt>')], [BAD]),
    ("jwt-weak", "unsigned", [policy("apis/orders", JWT.replace("<validate-jwt ", '<validate-jwt require-signed-tokens="False" '))], [BAD]),
    ("jwt-weak", "none", [policy("apis/orders")], [NONE]),
    ("inline-secret", "a reference", [policy("apis/orders", '<set-header name="Authorization"><value>Basic {{key}}</value></set-header>')], [GOOD]),
    ("inline-secret", "a literal", [policy("apis/orders", '<set-header name="x-functions-key"><value>' + SECRET + "</value></set-header>")], [BAD]),
    ("inline-secret", "a password", [policy("apis/orders", '<authentication-basic username="u" password="hunter2-x" />')], [BAD]),
    ("inline-secret", "in an expression", [policy("apis/orders", '<set-header name="Authorization"><value>@("Bearer ' + SECRET + '")</value></set-header>')], [BAD]),
    ("inline-secret", "an expression that reads one", [policy("apis/orders", '<set-header name="Authorization"><value>@("Bearer " + context.Variables["token"])</value></set-header>')], [GOOD]),
    ("inline-secret", "in a fragment", [fragment("f", '<set-query-parameter name="code"><value>' + SECRET + "</value></set-query-parameter>")], [BAD]),
    ("no-validation", "validates", [service(), api(), policy("apis/orders", '<validate-parameters specified-parameter-action="prevent" />')], [GOOD]),
    ("no-validation", "not", [service(), api()], [BAD]),
    ("no-validation", "offline", [service(), api(isOnline=False)], [NONE]),
]  # fmt: skip


@pytest.mark.parametrize(("id", "case", "resources", "states"), CASES, ids=[f"{id}: {case}" for id, case, *_ in CASES])
def test_states(id: str, case: str, resources: list[Resource], states: list[str]) -> None:
    results = found(id, resources)
    assert [result.verdict.state for result in results] == states
    for result in results:
        if result.verdict.state in (NONE, OPEN):
            assert result.verdict.cause
        if result.verdict.state == BAD:
            assert result.verdict.evidence


FACTS = EndpointFacts("e", "contoso", "orders", "GET", "/", authentication="Mixed", status="Inactive")
HERE = [service(), api(), operation("apis/orders/operations/get")]
SUBSCRIBED = [service(), api(), child("products/p"), child("products/p/apis/orders"), child("subscriptions/web", scope="/products/p", state="active"), policy("apis/orders", text='<policies><inbound><include-fragment fragment-id="gatewatch-capture" /><base /></inbound><outbound><base /><include-fragment fragment-id="gatewatch-emit" /></outbound></policies>')]  # fmt: skip
LATE, EARLY = minute_of(NOW) - 60, minute_of(NOW) - 100 * 1440
WATCHED = '<include-fragment fragment-id="gatewatch-capture" /><base />'
BOTH = f'<policies><inbound>{WATCHED}</inbound><outbound><base /><include-fragment fragment-id="gatewatch-emit" /></outbound></policies>'


@pytest.mark.parametrize(
    ("id", "resources", "traffic", "states"),
    [
        ("endpoint-unauthenticated", HERE, Traffic((FACTS,)), [BAD]),
        ("endpoint-unauthenticated", HERE, Traffic(), [OPEN]),
        ("endpoint-unauthenticated", HERE, None, [OPEN]),
        ("endpoint-unused", HERE, Traffic((FACTS,)), [BAD]),
        ("endpoint-unused", HERE, Traffic(), [OPEN]),
        ("master-key-used", SUBSCRIBED, Traffic(keys={"master": KeyUse(LATE)}), [BAD]),
        ("master-key-used", SUBSCRIBED, Traffic(keys={"web": KeyUse(LATE)}), [GOOD]),
        ("master-key-used", SUBSCRIBED, None, [OPEN]),
        ("subscription-stale", SUBSCRIBED, Traffic(uses={"web": LATE}, since=EARLY), [GOOD]),
        ("subscription-stale", SUBSCRIBED, Traffic(uses={}, since=EARLY), [BAD]),
        ("subscription-stale", SUBSCRIBED, Traffic(uses={"web": EARLY}, since=LATE), [BAD]),
        ("subscription-stale", SUBSCRIBED, Traffic(uses={}, since=LATE), [OPEN]),
        ("subscription-stale", SUBSCRIBED, Traffic(uses={}, since=None), [OPEN]),
        ("subscription-stale", SUBSCRIBED, Traffic(uses={}, since=EARLY, hole="no event of the gateway came for 9 hours"), [OPEN]),
        ("subscription-stale", [service(), child("subscriptions/web", scope="/products/p", state="active")], Traffic(uses={}, since=EARLY), [OPEN]),
        ("subscription-stale", [service(), api(), child("subscriptions/web", scope="/apis", state="active")], Traffic(uses={}, since=EARLY), [OPEN]),
        ("subscription-stale", [*SUBSCRIBED, named("gatewatch-sampling-percent", value="50", secret=False)], Traffic(uses={}, since=EARLY), [OPEN]),
        ("subscription-stale", [service(), child("subscriptions/web", scope="/products/p", state="active", createdDate="2026-11-01T00:00:00Z"), child("products/p"), child("products/p/apis/orders")], Traffic(uses={}, since=EARLY), [OPEN]),
        ("subscription-stale", [service(), child("subscriptions/web", scope="/apis", state="suspended")], Traffic(uses={}, since=EARLY), [NONE]),
        ("api-not-watched", HERE, None, [OPEN]),
        ("api-not-watched", HERE, Traffic(), [BAD]),
        ("api-not-watched", [*HERE, policy("apis/orders", text=BOTH)], Traffic(), [GOOD]),
        ("api-not-watched", [*HERE, policy("", text=BOTH), policy("apis/orders")], Traffic(), [GOOD]),
        ("api-not-watched", [service(), api(type="websocket")], Traffic(), [NONE]),
    ],
)  # fmt: skip
def test_states_by_traffic(id: str, resources: list[Resource], traffic: Traffic | None, states: list[str]) -> None:
    assert [result.verdict.state for result in found(id, resources, traffic)] == states


@pytest.mark.parametrize(
    ("id", "resources", "severity"),
    [
        ("host-certificate-expiry", [host(certificateSource="Custom", certificate={"expiry": "2026-11-28T00:00:00Z"})], Severity.HIGH),
        ("host-certificate-expiry", [host(certificateSource="Custom", certificate={"expiry": "2026-12-14T00:00:00Z"})], Severity.MEDIUM),
        ("cors-wildcard", [policy("apis/orders", cors("*", allow_credentials="true"))], Severity.HIGH),
        ("cors-wildcard", [policy("apis/orders", cors(method="*", allow_credentials="true"))], Severity.LOW),
        ("diagnostic-leaks", [diagnostic(body={"bytes": 512})], Severity.LOW),
        ("product-open", [service(), api(), child("products/p", subscriptionRequired=False, state="published"), child("products/p/apis/orders"), policy("apis/orders", JWT)], Severity.MEDIUM),
        ("product-open", [service(), api(), child("products/p", subscriptionRequired=False, state="published"), child("products/p/apis/orders")], Severity.HIGH),
    ],
)  # fmt: skip
def test_severity_depends_on_what_was_found(id: str, resources: list[Resource], severity: Severity) -> None:
    assert [result.severity for result in found(id, resources)] == [severity]


def test_no_evidence_holds_a_secret() -> None:
    resources = [named("api-key", secret=False, value=SECRET), policy("apis/orders", f'<set-header name="Authorization"><value>Bearer {SECRET}</value></set-header>')]  # fmt: skip
    (snapshot,) = from_resources(resources)
    assert SECRET not in repr(assess(snapshot, Context(NOW)))


@pytest.mark.parametrize("one", discovered(), ids=lambda one: str(one.id))
def test_every_assessment_says_what_to_do_and_has_its_cases(one: Any) -> None:
    assert one.steps
    assert one.why
    assert one.when.endswith(".")
    states = {state for id, _, _, states in CASES if id == one.id for state in states}
    assert {BAD, GOOD} <= states or one.id in (
        "endpoint-unauthenticated",
        "endpoint-unused",
        "api-not-watched",
        "master-key-used",
        "subscription-stale",
    )


def test_two_assessments_of_one_id_stop_the_start() -> None:
    import types

    one = discovered()[0]
    module = types.ModuleType("twice")
    vars(module).update(a=one, b=type(one)(one.id, *(getattr(one, name) for name in list(one.__slots__)[1:])))
    with pytest.raises(ValueError, match=one.id):
        collect([module])


def test_what_an_export_lacks_is_never_unhealthy() -> None:
    """A service alone: nothing is said against its subscriptions, backends or portal."""
    (snapshot,) = from_resources([service()])
    assessed = assess(snapshot, Context(NOW))
    assert not assessed.failures
    of_children = [result for result in assessed.results if result.verdict.path and result.verdict.state == BAD]
    assert of_children == []


@pytest.mark.parametrize("value", [None, 3, [], {}, "nonsense", [None, 3, "x"], {"a": None}])
def test_strange_properties_never_crash(value: Any) -> None:
    names = ("customProperties", "hostnameConfigurations", "protocols", "tls", "credentials", "scope", "urlTemplate", "value", "keyVault", "frontend", "apiVersionConstraint", "additionalLocations")  # fmt: skip
    paths = ("apis/a", "apis/a/operations/o", "products/p", "subscriptions/s", "backends/b", "namedValues/n", "certificates/c", "loggers/l", "diagnostics/d", "policies/policy", "apis/a/schemas/s", "tenant/access")  # fmt: skip
    strange = dict.fromkeys(names, value)
    for snapshot in from_resources([service(**strange), *(child(path, **strange) for path in paths)]):
        assert not assess(snapshot, Context(NOW)).failures
