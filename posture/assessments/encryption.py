"""Protocols, ciphers and the certificates of host names."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from model import Severity
from posture.arm_json import is_expression
from posture.assessments import Context, Evidence, Verdict, assessment, healthy, judged, not_applicable, unhealthy, unknown
from posture.assessments.service import custom, is_consumption, is_v2
from posture.snapshot import Snapshot

SECURITY = "Microsoft.WindowsAzure.ApiManagement.Gateway.Security."
OLD = ("Tls10", "Tls11", "Ssl30")
OFF_BY_DEFAULT_SINCE = "2018-04-01"
"""Services made before have old protocols on where nothing is said."""
WEAK = (
    "TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_256_CBC_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA256", "TLS_RSA_WITH_AES_256_CBC_SHA", "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
)  # fmt: skip
SOON, NOW = timedelta(days=30), timedelta(days=7)
_ALL = "Send all customProperties in one PATCH: one that leaves some out sets those back to their defaults."


def _names(prefix: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{SECURITY}{prefix}{name}" for name in names)


def _switched_on(snapshot: Snapshot, names: tuple[str, ...]) -> Verdict:
    service = snapshot.service
    assert service is not None
    on = [Evidence(f"properties.customProperties['{name}']", value) for name in names if (value := custom(service, name)) and value.casefold() == "true"]  # fmt: skip
    if on:
        return unhealthy("", *on)
    if any(is_expression(custom(service, name) or "") for name in names):
        return unknown("", "customProperties are expressions of the template")
    if service.created and service.created[:10] < OFF_BY_DEFAULT_SINCE and any(custom(service, name) is None for name in names):
        return unknown("", "not set, and a service made before April 2018 has another default")
    return healthy("")


@assessment(
    id="tls-client",
    title="API Management should not accept outdated protocols from clients",
    severity=Severity.HIGH,
    resource="service",
    when="one of the custom properties Protocols.Tls10, Tls11, Ssl30 is true.",
    why="TLS 1.0, TLS 1.1 and SSL 3.0 can be broken by who stands between client and gateway.",
    steps=("Find clients that still speak them: they must be updated first.", "Set properties.customProperties['…Gateway.Security.Protocols.Tls10'], Tls11 and Ssl30 to False.", _ALL),
    mcsb=("DP-3",),
    owasp=("API8:2023",),
    needs=("service",),
)  # fmt: skip
def tls_client(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    yield _switched_on(snapshot, _names("Protocols.", OLD))


@assessment(
    id="tls-backend",
    title="API Management should not use outdated protocols towards backends",
    severity=Severity.MEDIUM,
    resource="service",
    when="one of the custom properties Backend.Protocols.Tls10, Tls11, Ssl30 is true.",
    why="What the gateway sends to backends can be read by who stands between them.",
    steps=("Let every backend speak TLS 1.2.", "Set properties.customProperties['…Gateway.Security.Backend.Protocols.Tls10'], Tls11 and Ssl30 to False.", _ALL),
    mcsb=("DP-3",),
    owasp=("API8:2023",),
    needs=("service",),
)  # fmt: skip
def tls_backend(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    yield _switched_on(snapshot, _names("Backend.Protocols.", OLD))


@assessment(
    id="cipher-3des",
    title="API Management should not offer the 3DES cipher",
    severity=Severity.MEDIUM,
    resource="service",
    when="the custom property Ciphers.TripleDes168 is true.",
    why="3DES leaks after many blocks under one key (Sweet32).",
    steps=("Set properties.customProperties['…Gateway.Security.Ciphers.TripleDes168'] to False.", _ALL),
    mcsb=("DP-3",),
    owasp=("API8:2023",),
    needs=("service",),
)
def cipher_3des(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    yield _switched_on(snapshot, _names("Ciphers.", ("TripleDes168",)))


@assessment(
    id="cipher-weak",
    title="API Management should not offer ciphers without forward secrecy or in CBC mode",
    severity=Severity.LOW,
    resource="service",
    when="one of seven ciphers (TLS_RSA_*, TLS_ECDHE_RSA_*_CBC_SHA) is not set to False.",
    why="Whoever gets the certificate's key later can read what was recorded; CBC modes have a history of attacks. They are on unless switched off.",
    steps=("Find clients that have no better cipher.", "Set properties.customProperties['…Gateway.Security.Ciphers.<name>'] to False for: " + ", ".join(WEAK) + ".", _ALL),
    mcsb=("DP-3",),
    owasp=("API8:2023",),
    needs=("service",),
)  # fmt: skip
def cipher_weak(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    service = snapshot.service
    assert service is not None
    if is_consumption(service) or is_v2(service):
        yield not_applicable("", f"the tier {service.sku} cannot change ciphers")
        return
    names = _names("Ciphers.", WEAK)
    values = {name: custom(service, name) for name in names}
    yield judged("", [Evidence(f"properties.customProperties['{name}']", value) for name, value in values.items() if (value or "").casefold() != "false"])  # fmt: skip


def time_of(text: str) -> datetime | None:
    """A date of ARM; None for what is none."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


@assessment(
    id="host-certificate-expiry",
    title="Certificates of API Management host names should be renewed in time",
    severity=Severity.MEDIUM,
    resource="service",
    when="the certificate of a host name ends within 30 days; High within 7.",
    why="When it ends, every client refuses the gateway.",
    steps=(
        "Renew the certificate.",
        "Set it at properties.hostnameConfigurations[], best as keyVaultId without a version, which renews by itself.",
    ),
    needs=("service",),
)
def host_certificate_expiry(snapshot: Snapshot, context: Context) -> Iterator[Verdict]:
    service = snapshot.service
    assert service is not None
    own = [(n, one, time_of(one.expiry)) for n, one in enumerate(service.hostnames) if one.source.casefold() not in ("managed", "builtin")]
    dated = [(n, end) for n, _, end in own if end is not None]
    if not dated:
        yield not_applicable("", "no host name has a certificate of its own")
        return
    near = [(n, end) for n, end in dated if end - context.now <= SOON]
    urgent = any(end - context.now <= NOW for _, end in near)
    evidence = [Evidence(f"properties.hostnameConfigurations[{n}].certificate.expiry", end.date().isoformat()) for n, end in near]
    yield judged("", evidence, Severity.HIGH if urgent else None)


@assessment(
    id="host-certificate-vault",
    title="Certificates of API Management host names should come from Key Vault",
    severity=Severity.LOW,
    resource="service",
    when="a host name has certificateSource Custom and no keyVaultId.",
    why="An uploaded certificate does not renew by itself, and its key was on somebody's disk.",
    steps=("Put the certificate into Key Vault, and give the service's identity the role Key Vault Secrets User.", "Set properties.hostnameConfigurations[].keyVaultId to its secret identifier, without a version."),
    mcsb=("DP-7",),
    needs=("service",),
)  # fmt: skip
def host_certificate_vault(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    service = snapshot.service
    assert service is not None
    own = [(n, one) for n, one in enumerate(service.hostnames) if one.source.casefold() == "custom"]
    if not own:
        yield not_applicable("", "no host name has a certificate of its own")
        return
    yield judged("", [Evidence(f"properties.hostnameConfigurations[{n}].keyVaultId") for n, one in own if not one.key_vault])
