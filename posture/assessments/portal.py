"""Ways into the service beside the gateway: direct management, Git, the developer portal, self-hosted gateways."""

from collections.abc import Iterator

from model import Severity
from posture.assessments import Context, Evidence, Verdict, assessment, healthy, judged, not_applicable, unhealthy, unknown
from posture.assessments.service import is_consumption
from posture.snapshot import Snapshot

ENDPOINTS = {"access": "Management", "gitaccess": "Git", "gatewayaccess": "Gateway Configuration"}


@assessment(
    id="direct-management",
    title="API Management direct management endpoint should not be enabled",
    severity=Severity.LOW,
    resource="service",
    when="tenant/access has enabled true.",
    why="The direct management interface passes by Azure's roles and logs: whoever has its key may do everything.",
    steps=("Find scripts that use it (they sign with a shared access signature) and move them to Azure Resource Manager.", "Set properties.enabled of tenant/access to false."),
    policy="b741306c-968e-4b67-b916-5675e5c709f4",
    mcsb=("PV-2",),
    owasp=("API8:2023",),
    needs=("tenant",),
    shown_with="config-endpoints",
)  # fmt: skip
def direct_management(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    if "access" not in snapshot.tenant:
        return
    enabled = snapshot.tenant["access"]
    if enabled is None:
        yield unknown("tenant/access", "enabled is not given")
    else:
        yield judged("tenant/access", [Evidence("properties.enabled", "true")] if enabled else [])


@assessment(
    id="config-endpoints",
    title="API Management should disable public network access to the service configuration endpoints",
    severity=Severity.MEDIUM,
    resource="service",
    when="tenant/access, tenant/gitAccess or tenant/gatewayaccess has enabled true.",
    why="Each is a public way to the configuration with keys of its own: direct management, the Git repository, the configuration of self-hosted gateways.",
    steps=("Find who uses them.", "Set properties.enabled of tenant/access and tenant/gitAccess to false.", "Set properties.enabled of tenant/gatewayaccess to false unless self-hosted gateways need it."),
    policy="df73bd95-24da-4a4f-96b9-4e8b94b402bd",
    mcsb=("NS-2",),
    owasp=("API8:2023",),
    needs=("tenant",),
)  # fmt: skip
def config_endpoints(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    service = snapshot.service
    if service is not None and is_consumption(service):
        yield not_applicable("", "the Consumption tier has no such endpoints")
        return
    known = {name: enabled for name, enabled in snapshot.tenant.items() if name in ENDPOINTS}
    if not known:
        return
    on = [Evidence(f"tenant/{name}: properties.enabled", "true") for name, enabled in known.items() if enabled]
    if not on and None in known.values():
        yield unknown("", "enabled is not given")
    else:
        yield judged("", on)


def _portal_is_off(snapshot: Snapshot) -> bool:
    return snapshot.service is not None and snapshot.service.portal_status.casefold() == "disabled"


@assessment(
    id="portal-basic-auth",
    title="API Management should have username and password authentication disabled",
    severity=Severity.MEDIUM,
    resource="developer portal",
    when="enableBasicAuth of the portal's configuration is not false.",
    why="Passwords of the portal know no second factor and no leaver's process; who signs in gets keys.",
    steps=(
        "Add Microsoft Entra ID as identity provider of the developer portal.",
        "Set properties.enableBasicAuth of portalconfigs/default to false.",
    ),
    policy="ffe25541-3853-4f4e-b71d-064422294b11",
    mcsb=("IM-1",),
    owasp=("API2:2023",),
    needs=("portal",),
)
def portal_basic_auth(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    if _portal_is_off(snapshot):
        yield not_applicable("", "the developer portal is disabled")
        return
    for id, enabled in snapshot.portal.items():
        wrong = [] if enabled is False else [Evidence("properties.enableBasicAuth", None if enabled is None else "true")]
        yield judged(f"portalconfigs/{id}", wrong)


@assessment(
    id="portal-open-signup",
    title="The developer portal should not let everybody sign up",
    severity=Severity.LOW,
    resource="developer portal",
    when="portalsettings/signup is enabled, and no identity provider is of type aad or aadB2C.",
    why="Anybody who can reach the portal makes an account, and then subscribes to what is not approved by hand.",
    steps=(
        "Add Microsoft Entra ID as identity provider of the developer portal.",
        "Set properties.enabled of portalsettings/signup to false.",
    ),
    owasp=("API2:2023",),
    needs=("signup",),
)
def portal_open_signup(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    path = "portalsettings/signup"
    if _portal_is_off(snapshot):
        yield not_applicable(path, "the developer portal is disabled")
    elif snapshot.signup is None:
        return
    elif not snapshot.signup:
        yield healthy(path)
    elif "identity providers" in snapshot.gaps:
        yield unknown(path, f"identity providers: {snapshot.gaps['identity providers']}")
    elif {kind.casefold() for kind in snapshot.identity_providers} & {"aad", "aadb2c"}:
        yield healthy(path)
    else:
        yield unhealthy(path, Evidence("properties.enabled", "true"))


@assessment(
    id="gateway-tls",
    title="Self-hosted gateways should not accept outdated protocols",
    severity=Severity.MEDIUM,
    resource="host name of a self-hosted gateway",
    when="tls10Enabled or tls11Enabled of a gateway's host name is true.",
    why="TLS 1.0 and 1.1 can be broken by who stands between client and gateway.",
    steps=("Set properties.tls10Enabled and properties.tls11Enabled of gateways/<name>/hostnameConfigurations/<id> to false.",),
    mcsb=("DP-3",),
    owasp=("API8:2023",),
)
def gateway_tls(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, host in snapshot.gateway_hosts.items():
        flags = {"tls10Enabled": host.tls10, "tls11Enabled": host.tls11}
        yield judged(path, [Evidence(f"properties.{name}", "true") for name, on in flags.items() if on])
