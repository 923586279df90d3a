"""The service itself: tier, networks, platform, identity."""

import re
from collections.abc import Iterator

from model import Severity
from posture.assessments import Context, Evidence, Verdict, assessment, healthy, judged, not_applicable, unhealthy, unknown
from posture.snapshot import Service, Snapshot

OLDEST_API = "2019-12-01"
VNET_TIERS = frozenset({"developer", "premium", "isolated"})
TRUSTED = "Microsoft.WindowsAzure.ApiManagement.Gateway.ManagedIdentity.DisableOverPrivilegedAccess"
TRUSTED_UNTIL = "2025-12-01"
"""Services made from this day on never had the connectivity."""
_CUSTOM_PROPERTIES = "Send all customProperties in one PATCH: one that leaves some out sets those back to their defaults."


def is_consumption(service: Service) -> bool:
    return service.sku.casefold() == "consumption"


def is_v2(service: Service) -> bool:
    return service.sku.casefold().endswith("v2")


def custom(service: Service, name: str) -> str | None:
    """A custom property, whatever case its key has."""
    if name in service.custom:
        return service.custom[name]
    return next((value for key, value in service.custom.items() if key.casefold() == name.casefold()), None)


def _service(snapshot: Snapshot) -> Service:
    assert snapshot.service is not None, "the assessment needs the section service"
    return snapshot.service


@assessment(
    id="min-api-version",
    title="API Management minimum API version should be set to 2019-12-01 or higher",
    severity=Severity.LOW,
    resource="service",
    when="apiVersionConstraint.minApiVersion is missing or before 2019-12-01.",
    why="Old versions of the management interface give secrets to readers. Microsoft has deprecated the check; it is kept because Defender shows it.",
    steps=(
        "Make sure that no tool of yours calls the management interface with an api-version before 2019-12-01.",
        "Set properties.apiVersionConstraint.minApiVersion of the service to 2019-12-01.",
        "Do not set it above 2024-05-01: Gatewatch reads with that version.",
    ),
    policy="549814b6-3212-4203-bdc8-1548d342fb67",
    needs=("service",),
    owasp=("API8:2023",),
)
def min_api_version(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    service = _service(snapshot)
    found = service.min_api_version
    if is_consumption(service):
        yield not_applicable("", "the Consumption tier has no such constraint")
    elif re.match(r"\d{4}-\d\d-\d\d", found) and found[:10] >= OLDEST_API:
        yield healthy("")
    else:
        yield unhealthy("", Evidence("properties.apiVersionConstraint.minApiVersion", found or None))


@assessment(
    id="virtual-network",
    title="API Management services should use a virtual network",
    severity=Severity.MEDIUM,
    resource="service",
    when="virtualNetworkType is missing or None in a tier that can be put into a network (Developer, Premium), and there is no private endpoint instead.",
    why="Without a network the gateway reaches backends over public addresses, which must then be open to everybody.",
    steps=(
        "Prepare a subnet and a network security group with the rules that API Management needs.",
        "Set properties.virtualNetworkType to External or Internal, and properties.virtualNetworkConfiguration.subnetResourceId to the subnet.",
        "Or set properties.publicNetworkAccess to Disabled and approve a private endpoint.",
    ),
    policy="ef619a2c-cc4d-4d03-b2ba-8c94a834d85b",
    mcsb=("NS-2",),
    owasp=("API8:2023",),
    needs=("service",),
)
def virtual_network(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    service = _service(snapshot)
    if not service.sku:
        yield unknown("", "its tier is not known")
    elif service.sku.casefold() not in ("developer", "premium"):
        yield not_applicable("", f"the tier {service.sku} cannot be put into a network this way")
    elif service.virtual_network.casefold() not in ("", "none"):
        yield healthy("")
    elif service.public_access.casefold() == "disabled" and service.private_endpoints:
        yield healthy("", Evidence("properties.privateEndpointConnections", "approved"))
    else:
        yield unhealthy("", Evidence("properties.virtualNetworkType", service.virtual_network or None))


@assessment(
    id="vnet-capable-tier",
    title="API Management service should use a SKU that supports virtual networks",
    severity=Severity.INFORMATIONAL,
    resource="service",
    when="sku.name is none of Developer, Premium, Isolated and no v2 tier.",
    why="A tier without networks can only be protected by what it checks itself.",
    steps=("Choose a tier: Standard v2 or Premium v2 for new services, Premium for existing ones.", "Change sku.name of the service, or move its APIs to a new one."),
    policy="73ef9241-5d81-4cd4-b483-8443d1730fe5",
    mcsb=("NS-2",),
    needs=("service",),
)  # fmt: skip
def vnet_capable_tier(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    service = _service(snapshot)
    if not service.sku:
        yield unknown("", "its tier is not known")
    elif service.sku.casefold() in VNET_TIERS or is_v2(service):
        yield healthy("")
    else:
        yield unhealthy("", Evidence("sku.name", service.sku))


@assessment(
    id="public-network",
    title="API Management should disable public network access",
    severity=Severity.LOW,
    resource="service",
    when="publicNetworkAccess is not Disabled, and the service is not in an internal network.",
    why="Everybody can reach the gateway. For a public API that is meant: exempt it, with the reason. It counts as exposure in attack paths.",
    steps=("Approve a private endpoint for the service.", "Set properties.publicNetworkAccess to Disabled."),
    mcsb=("NS-2",),
    needs=("service",),
)
def public_network(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    service = _service(snapshot)
    if service.virtual_network.casefold() == "internal":
        yield not_applicable("", "it is in an internal network")
    elif service.public_access.casefold() == "disabled":
        yield healthy("")
    else:
        yield unhealthy("", Evidence("properties.publicNetworkAccess", service.public_access or None))


@assessment(
    id="platform-stv1",
    title="Azure API Management platform version should be stv2",
    severity=Severity.HIGH,
    resource="service",
    when="platformVersion of the service or of one of its locations is stv1.",
    why="The stv1 platform is retired: it gets no security updates.",
    steps=("Follow Microsoft's migration from stv1 to stv2 for each location; a service in a network needs a new subnet and address.", "Check that properties.platformVersion says stv2."),
    policy="1dc2fc00-2245-4143-99f4-874c937f13ef",
    mcsb=("PV-2", "AM-2"),
    owasp=("API8:2023",),
    needs=("service",),
)  # fmt: skip
def platform_stv1(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    service = _service(snapshot)
    places = [("properties.platformVersion", service.platform)]
    places += [(f"properties.additionalLocations[{n}].platformVersion", version) for n, (_, version) in enumerate(service.locations)]
    old = [Evidence(path, version) for path, version in places if version.casefold() == "stv1"]
    if old:
        yield unhealthy("", *old)
    elif is_consumption(service):
        yield not_applicable("", "the Consumption tier has a platform of its own")
    elif not service.platform:
        yield unknown("", "platformVersion is not given")
    else:
        yield healthy("")


@assessment(
    id="managed-identity",
    title="API Management should use a managed identity",
    severity=Severity.LOW,
    resource="service",
    when="identity.type is missing or None.",
    why="Without an identity the gateway needs stored secrets for backends, Key Vault and event hubs.",
    steps=("Set identity.type of the service to SystemAssigned, or give it a user-assigned identity.", "Replace stored secrets by the identity: Key Vault named values, authentication-managed-identity, loggers."),
    mcsb=("IM-3",),
    needs=("service",),
)  # fmt: skip
def managed_identity(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    found = _service(snapshot).identity
    wrong = [] if "assigned" in found.casefold() else [Evidence("identity.type", found or None)]
    yield judged("", wrong)


@assessment(
    id="trusted-connectivity",
    title="API Management should not rely on trusted-service connectivity",
    severity=Severity.LOW,
    resource="service",
    when="the custom property DisableOverPrivilegedAccess is not True, and the service is older than December 2025.",
    why="Microsoft retired the way by which a gateway passed other services' firewalls as a trusted service in March 2026. What still relies on it stops.",
    steps=(
        "Find what the gateway reaches with its identity through a firewall: event hubs, Key Vault, storage. Give each a private endpoint or a network rule.",
        f"Set properties.customProperties['{TRUSTED}'] to True.",
        _CUSTOM_PROPERTIES,
    ),
    mcsb=("NS-2",),
    needs=("service",),
)
def trusted_connectivity(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    service = _service(snapshot)
    value = custom(service, TRUSTED)
    if service.created[:10] >= TRUSTED_UNTIL:
        yield not_applicable("", "services made since December 2025 never had it")
    elif value is not None and value.casefold() == "true":
        yield healthy("")
    else:
        yield unhealthy("", Evidence(f"properties.customProperties['{TRUSTED}']", value))


@assessment(
    id="legacy-config-api",
    title="Self-hosted gateways should not use the legacy configuration API",
    severity=Severity.LOW,
    resource="service",
    when="configurationApi.legacyApi is not Disabled, and there are self-hosted gateways.",
    why="The legacy configuration API is one more way into the service's configuration.",
    steps=("Bring every self-hosted gateway to version 2.", "Set properties.configurationApi.legacyApi of the service to Disabled."),
    needs=("service", "gateways"),
)
def legacy_config_api(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    service = _service(snapshot)
    if not snapshot.gateways:
        yield not_applicable("", "there is no self-hosted gateway")
    elif service.legacy_api.casefold() == "disabled":
        yield healthy("")
    else:
        yield unhealthy("", Evidence("properties.configurationApi.legacyApi", service.legacy_api or None))
