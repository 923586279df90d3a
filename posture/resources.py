"""Makes snapshots of ARM resources: of an export's, all at once, or of a live service's, one after the other as they are read."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from posture.api_resources import api, operation, owner, schema, without_userinfo
from posture.arm_json import Resource, field, flag, flatten, items, prop, text, texts
from posture.credentials import credential
from posture.policies import kept
from posture.snapshot import (
    Backend,
    Capture,
    Certificate,
    Diagnostic,
    GatewayHost,
    Hostname,
    Logger,
    NamedValue,
    Policy,
    Product,
    Service,
    Snapshot,
    Subscription,
)

SAMPLING = "gatewatch-sampling-percent"
"""The named value that says of which share of the calls an event is sent."""
_ADDRESS = re.compile(r"https?://[^\s@]+")


def from_resources(document: Any) -> list[Snapshot]:
    """One snapshot for each service that an export holds (see `posture.arm_json.flatten`), in its order. Raises NotResources.

    What belongs to no service that is named there gets a snapshot without one. Where a resource is there twice and differs, the second begins another snapshot.
    """
    snapshots: list[Snapshot] = []
    current: dict[str, Snapshot] = {}
    seen: dict[int, dict[str, Mapping[str, Any]]] = {}
    for resource in flatten(document):
        key = resource.service.casefold()
        snapshot = current.get(key)
        known = seen.get(id(snapshot), {}).get(resource.path.casefold())
        if known is not None and _bare(known) == _bare(resource.body):
            continue
        if snapshot is None or known is not None:
            identified = "/" in resource.service
            name = resource.service.rpartition("/")[2]
            snapshot = Snapshot(resource.service if identified else "", name, complete=True)
            snapshots.append(snapshot)
            current[key] = snapshot
            seen[id(snapshot)] = {}
        seen[id(snapshot)][resource.path.casefold()] = resource.body
        snapshot.labels[resource.path] = resource.label
        if isinstance(field(resource.body, "properties"), Mapping) or not _says_nothing(snapshot, resource):
            add(snapshot, resource)
    for snapshot in snapshots:
        _close(snapshot)
    return snapshots


def _says_nothing(snapshot: Snapshot, resource: Resource) -> bool:
    """Whether a resource without properties, as a plain list of resources has them, is none to be judged. What stands below it may be."""
    parts = resource.path.split("/") if resource.path else []
    workspace = "/".join(parts[:2]) + "/" if parts[:1] == ["workspaces"] else ""
    kind, names = tuple(parts[2 if workspace else 0 :][::2]), parts[2 if workspace else 0 :][1::2]
    if kind in _LINKS:
        return False
    if kind == ("apis",):
        owner(snapshot, workspace, names[0])
    elif kind == ("products",):
        _bundle(snapshot, workspace, names[0])
    return True


def _bare(body: Mapping[str, Any]) -> str:
    """A resource without its children, to compare it with another."""
    return json.dumps({key: value for key, value in body.items() if key.casefold() != "resources"}, sort_keys=True, default=str)


def _close(snapshot: Snapshot) -> None:
    """An export is what it is: what it lacks may be missing there only. With the service in it, APIs and products without a policy have none."""
    empty = {
        "tenant": not snapshot.tenant, "portal": not snapshot.portal, "signup": snapshot.signup is None, "gateways": not snapshot.gateways,
        "policies": not snapshot.policies and snapshot.service is None, "operation policies": not snapshot.policies and snapshot.service is None,
    }  # fmt: skip
    snapshot.gaps |= {section: "not in the export" for section, missing in empty.items() if missing}
    if snapshot.service is None:
        snapshot.gaps["service"] = "not in the export"


def add(snapshot: Snapshot, resource: Resource) -> None:
    """Put one resource into a snapshot, over what it held of it. What is not known here is left out."""
    parts = resource.path.split("/") if resource.path else []
    workspace = ""
    if parts[:1] == ["workspaces"] and len(parts) > 2:
        workspace, parts = "/".join(parts[:2]) + "/", parts[2:]
    handler = _HANDLERS.get(tuple(parts[::2]))
    if handler is not None:
        handler(snapshot, workspace, parts[1::2], resource.body)


# the service


def _service(snapshot: Snapshot, _workspace: str, _names: list[str], body: Mapping[str, Any]) -> None:
    custom = prop(body, "customProperties")
    connections = items(prop(body, "privateEndpointConnections"))
    snapshot.service = Service(
        location=text(field(body, "location")),
        sku=text(field(body, "sku", "name")),
        created=text(prop(body, "createdAtUtc")) or text(field(body, "systemData", "createdAt")),
        platform=text(prop(body, "platformVersion")),
        identity=text(field(body, "identity", "type")),
        virtual_network=text(prop(body, "virtualNetworkType")),
        public_access=text(prop(body, "publicNetworkAccess")),
        private_endpoints=sum(
            text(prop(one, "privateLinkServiceConnectionState", "status")).casefold() == "approved" for one in connections
        ),
        min_api_version=text(prop(body, "apiVersionConstraint", "minApiVersion")),
        custom={str(key): str(value) for key, value in custom.items()} if isinstance(custom, Mapping) else {},
        hostnames=tuple(map(_hostname, items(prop(body, "hostnameConfigurations")))),
        locations=tuple(
            (text(field(one, "location")), text(field(one, "platformVersion"))) for one in items(prop(body, "additionalLocations"))
        ),
        portal_status=text(prop(body, "developerPortalStatus")),
        legacy_api=text(prop(body, "configurationApi", "legacyApi")),
        gateway_url=text(prop(body, "gatewayUrl")),
    )


def _hostname(one: Any) -> Hostname:
    return Hostname(
        host=text(field(one, "hostName")),
        type=text(field(one, "type")),
        source=text(field(one, "certificateSource")),
        key_vault=bool(text(field(one, "keyVaultId"))),
        expiry=text(field(one, "certificate", "expiry")),
    )


def _tenant(snapshot: Snapshot, _workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    snapshot.tenant[names[0].casefold()] = flag(prop(body, "enabled"))


def _portal(snapshot: Snapshot, _workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    snapshot.portal[names[0]] = flag(prop(body, "enableBasicAuth"))


def _portal_setting(snapshot: Snapshot, _workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    if names[0].casefold() == "signup":
        snapshot.signup = flag(prop(body, "enabled"))


def _identity_provider(snapshot: Snapshot, _workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    kind = text(prop(body, "type")) or names[0]
    snapshot.identity_providers = tuple(dict.fromkeys((*snapshot.identity_providers, kind)))


def _gateway(snapshot: Snapshot, _workspace: str, names: list[str], _body: Mapping[str, Any]) -> None:
    snapshot.gateways = tuple(dict.fromkeys((*snapshot.gateways, names[0])))


def _gateway_host(snapshot: Snapshot, _workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    path = f"gateways/{names[0]}/hostnameConfigurations/{names[1]}"
    snapshot.gateway_hosts[path] = GatewayHost(path, flag(prop(body, "tls10Enabled")), flag(prop(body, "tls11Enabled")))


# APIs


# products, tags, subscriptions


def _product(snapshot: Snapshot, workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    path = f"{workspace}products/{names[0]}"
    before = snapshot.products.get(path)
    snapshot.gaps.pop(path, None)
    snapshot.products[path] = Product(
        id=names[0],
        name=text(prop(body, "displayName")),
        state=text(prop(body, "state")),
        subscription_required=flag(prop(body, "subscriptionRequired")),
        approval_required=flag(prop(body, "approvalRequired")),
        apis=before.apis if before else None,
        groups=before.groups if before else None,
    )


def _bundle(snapshot: Snapshot, workspace: str, name: str) -> Product:
    path = f"{workspace}products/{name}"
    if path not in snapshot.products:
        snapshot.products[path] = Product(name)
        snapshot.gaps[path] = "not in the export"
    return snapshot.products[path]


def _product_api(snapshot: Snapshot, workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    product = _bundle(snapshot, workspace, names[0])
    linked = text(prop(body, "apiId")).rpartition("/")[2] or names[1]
    product.apis = tuple(dict.fromkeys((*(product.apis or ()), linked)))


def _product_group(snapshot: Snapshot, workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    product = _bundle(snapshot, workspace, names[0])
    linked = text(prop(body, "groupId")).rpartition("/")[2] or names[1]
    product.groups = tuple(dict.fromkeys((*(product.groups or ()), linked)))


def _tag(collection: str) -> "_Handler":
    """A tag on an API, an operation or a product: below it, or a link of the tag to it."""

    def handler(snapshot: Snapshot, workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
        *owners, id = names
        path = workspace + "/".join(part for pair in zip(collection.split("/"), owners, strict=True) for part in pair)
        _tagged(snapshot, path, text(prop(body, "displayName")) or id)

    return handler


def _tag_link(snapshot: Snapshot, workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    target = text(prop(body, "apiId")) or text(prop(body, "operationId")) or text(prop(body, "productId"))
    path = workspace + re.sub(r"(?i)^.*?/service/[^/]+", "", target).strip("/")
    if path != workspace:
        _tagged(snapshot, path, names[0])


def _tagged(snapshot: Snapshot, path: str, name: str) -> None:
    snapshot.tags[path] = tuple(dict.fromkeys((*snapshot.tags.get(path, ()), name)))


def _subscription(snapshot: Snapshot, workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    scope = re.sub(r"(?i)^.*?/service/[^/]+", "", text(prop(body, "scope"))).strip("/")
    snapshot.subscriptions[f"{workspace}subscriptions/{names[0]}"] = Subscription(
        names[0], scope, text(prop(body, "state")), text(prop(body, "createdDate"))
    )


# backends, values, certificates, loggers


def _backend(snapshot: Snapshot, workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    credentials = prop(body, "credentials")
    kinds = [kind for kind in ("certificate", "certificateIds", "header", "query", "managedIdentity") if field(credentials, kind)]
    if text(field(credentials, "authorization", "scheme")) and text(field(credentials, "authorization", "parameter")):
        kinds.append("authorization")
    members = [text(field(one, "id")) for one in items(prop(body, "pool", "services"))]
    snapshot.backends[f"{workspace}backends/{names[0]}"] = Backend(
        id=names[0],
        url=without_userinfo(text(prop(body, "url"))),
        protocol=text(prop(body, "protocol")),
        type=text(prop(body, "type")),
        credentials=tuple(kinds),
        chain=flag(prop(body, "tls", "validateCertificateChain")),
        names=flag(prop(body, "tls", "validateCertificateName")),
        members=tuple(f"{workspace}backends/{one.rpartition('/')[2]}" for one in members if one),
        fabric=prop(body, "properties", "serviceFabricCluster") is not None,
    )


def _named_value(snapshot: Snapshot, workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    secret = flag(prop(body, "secret"))
    value = text(prop(body, "value")) if secret is not True else ""
    name = text(prop(body, "displayName")) or names[0]
    vault = text(prop(body, "keyVault", "secretIdentifier"))
    kind = credential(name, value) if not vault else ""
    if name == SAMPLING:
        snapshot.sampling = float(value) if re.fullmatch(r"\s*\d{1,3}(\.\d{1,6})?\s*", value) else None
    snapshot.named_values[f"{workspace}namedValues/{names[0]}"] = NamedValue(
        id=names[0],
        name=name,
        secret=secret,
        vault=vault,
        vault_status=text(prop(body, "keyVault", "lastStatus", "code")),
        credential=kind,
        address=without_userinfo(value) if not kind and _ADDRESS.fullmatch(value) else "",
    )


def _certificate(snapshot: Snapshot, workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    vault = text(prop(body, "keyVault", "secretIdentifier"))
    snapshot.certificates[f"{workspace}certificates/{names[0]}"] = Certificate(names[0], text(prop(body, "expirationDate")), bool(vault))


def _logger(snapshot: Snapshot, workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    credentials = prop(body, "credentials")
    known: Mapping[Any, Any] = credentials if isinstance(credentials, Mapping) else {}
    references = [name for value in known.values() for name in re.findall(r"\{\{([^{}]+)\}\}", str(value))]
    snapshot.loggers[f"{workspace}loggers/{names[0]}"] = Logger(
        names[0], text(prop(body, "loggerType")), tuple(str(key) for key, value in known.items() if value), tuple(references)
    )


def _diagnostic(snapshot: Snapshot, workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    path = f"{workspace}apis/{names[0]}/diagnostics/{names[1]}" if len(names) == 2 else f"{workspace}diagnostics/{names[0]}"
    captures = []
    for side in ("frontend", "backend"):
        for direction in ("request", "response"):
            settings = prop(body, side, direction)
            if not isinstance(settings, Mapping):
                continue
            bytes_ = field(settings, "body", "bytes")
            masked = [text(field(one, "value")) for one in items(field(settings, "dataMasking", "headers"))]
            captures.append(
                Capture(
                    f"{side}.{direction}",
                    tuple(texts(field(settings, "headers"))),
                    tuple(filter(None, masked)),
                    bytes_ if isinstance(bytes_, int) else 0,
                )
            )
    snapshot.diagnostics[path] = Diagnostic(path, tuple(captures))


# policies


def _policy_at(scope_of: Callable[[list[str]], str]) -> "_Handler":
    def handler(snapshot: Snapshot, workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
        snapshot.policies[(workspace + scope_of(names)).rstrip("/")] = _document(body)

    return handler


def _document(body: Mapping[str, Any]) -> Policy:
    value = prop(body, "value")
    if value is None:  # what older versions of the interface called it
        value = prop(body, "policyContent")
    if text(prop(body, "format")).casefold().endswith("-link"):
        return Policy("", problem="not in the export: it is linked")
    return kept(value) if isinstance(value, str) else Policy("", problem="not in the export")


def _fragment(snapshot: Snapshot, workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    snapshot.fragments[f"{workspace}{names[0]}"] = _document(body)


_Handler = Callable[[Snapshot, str, list[str], Mapping[str, Any]], None]

_LINKS = frozenset(
    {
        ("gateways",),
        ("identityProviders",),
        ("apis", "tags"),
        ("apis", "operations", "tags"),
        ("products", "apis"),
        ("products", "apiLinks"),
        ("products", "groups"),
        ("products", "groupLinks"),
        ("products", "tags"),
    }
)
"""What says all by being there."""

_HANDLERS: dict[tuple[str, ...], _Handler] = {
    (): _service,
    ("tenant",): _tenant,
    ("portalconfigs",): _portal,
    ("portalsettings",): _portal_setting,
    ("identityProviders",): _identity_provider,
    ("gateways",): _gateway,
    ("gateways", "hostnameConfigurations"): _gateway_host,
    ("apis",): api,
    ("apis", "operations"): operation,
    ("apis", "schemas"): schema,
    ("apis", "diagnostics"): _diagnostic,
    ("diagnostics",): _diagnostic,
    ("products",): _product,
    ("products", "apis"): _product_api,
    ("products", "apiLinks"): _product_api,
    ("products", "groups"): _product_group,
    ("products", "groupLinks"): _product_group,
    ("apis", "tags"): _tag("apis"),
    ("apis", "operations", "tags"): _tag("apis/operations"),
    ("products", "tags"): _tag("products"),
    ("tags", "apiLinks"): _tag_link,
    ("tags", "operationLinks"): _tag_link,
    ("tags", "productLinks"): _tag_link,
    ("subscriptions",): _subscription,
    ("backends",): _backend,
    ("namedValues",): _named_value,
    ("certificates",): _certificate,
    ("loggers",): _logger,
    ("policies",): _policy_at(lambda _names: ""),
    ("apis", "policies"): _policy_at(lambda names: f"apis/{names[0]}"),
    ("products", "policies"): _policy_at(lambda names: f"products/{names[0]}"),
    ("apis", "operations", "policies"): _policy_at(lambda names: f"apis/{names[0]}/operations/{names[1]}"),
    ("policyFragments",): _fragment,
}
