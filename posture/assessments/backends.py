"""Backends: how the gateway proves itself to them, and how it checks them."""

from collections.abc import Iterator

from model import Severity
from posture.assessments import Context, Evidence, Verdict, assessment, healthy, judged, not_applicable, unhealthy
from posture.policies import NotUnderstood, effective, root_of
from posture.snapshot import Snapshot

SIGNS_IN = frozenset({"authentication-managed-identity", "authentication-certificate", "authentication-basic"})


def signed_in_by_policy(snapshot: Snapshot, backend: str) -> str:
    """The scope of a policy that sends calls to a backend and proves the gateway to it, "" for none."""
    for scope, policy in snapshot.policies.items():
        root = root_of(policy.text)
        if root is None or not any(one.tag == "set-backend-service" and one.attributes.get("backend-id") == backend for one in root.walk()):
            continue
        parts = scope.split("/operations/")
        chain = [scope, *([parts[0]] if len(parts) == 2 else []), ""]
        try:
            runs = effective(snapshot, chain, "inbound") + effective(snapshot, chain, "backend")
        except NotUnderstood:
            continue
        if any(one.element.tag in SIGNS_IN or (one.element.tag == "set-header" and one.element.attributes.get("name", "").casefold() == "authorization") for one in runs):  # fmt: skip
            return scope or "all APIs"
    return ""


@assessment(
    id="backend-no-auth",
    title="API Management calls to API backends should be authenticated",
    severity=Severity.MEDIUM,
    resource="backend",
    when="url and protocol http, and neither certificate, certificateIds, authorization, header, query nor managedIdentity in credentials, nor an authentication policy that goes there.",
    why="A backend that believes every caller can be called past the gateway by who finds its address.",
    steps=(
        "Give the service a managed identity, and let the backend accept only its tokens.",
        "Put <authentication-managed-identity resource=\"…\" /> into the policy, or set credentials of the backend: managedIdentity, a client certificate, or authorization.",
    ),
    policy="c15dcc82-b93c-4dcb-9332-fbf121685b54",
    mcsb=("IM-4",),
    owasp=("API8:2023", "API10:2023"),
    needs=("backends",),
)  # fmt: skip
def backend_no_auth(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, one in snapshot.backends.items():
        if one.type.casefold() == "pool" or one.members:
            yield not_applicable(path, "a pool: its members are judged")
        elif one.fabric:
            yield not_applicable(path, "a Service Fabric cluster, which has its own certificate")
        elif not one.url or one.protocol.casefold() not in ("", "http"):
            yield not_applicable(path, "no address" if not one.url else f"protocol {one.protocol}")
        elif one.credentials:
            yield healthy(path)
        elif scope := signed_in_by_policy(snapshot, one.id):
            yield healthy(path, Evidence("policy", scope))
        else:
            yield unhealthy(path, Evidence("properties.credentials"), Evidence("properties.url", one.url))


@assessment(
    id="backend-cert-unchecked",
    title="API Management calls to API backends should not bypass certificate thumbprint or name validation",
    severity=Severity.MEDIUM,
    resource="backend",
    when="tls.validateCertificateChain or tls.validateCertificateName is false.",
    why="Whoever stands between gateway and backend can show any certificate, and read and change everything.",
    steps=("Give the backend a certificate of a known authority, or upload its authority's certificate to the service.", "Set properties.tls.validateCertificateChain and validateCertificateName to true."),
    policy="92bb331d-ac71-416a-8c91-02f2cb734ce4",
    mcsb=("IM-4",),
    owasp=("API8:2023",),
    needs=("backends",),
)  # fmt: skip
def backend_cert_unchecked(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, one in snapshot.backends.items():
        checks = {"validateCertificateChain": one.chain, "validateCertificateName": one.names}
        yield judged(path, [Evidence(f"properties.tls.{name}", "false") for name, on in checks.items() if on is False])


@assessment(
    id="backend-plaintext",
    title="Backends should be called over encrypted connections",
    severity=Severity.MEDIUM,
    resource="backend",
    when="url begins with http://.",
    why="What the gateway protects travels readable behind it.",
    steps=("Give the backend a certificate and https.", "Set properties.url of the backend to its https address."),
    mcsb=("DP-3",),
    owasp=("API8:2023",),
    needs=("backends",),
)
def backend_plaintext(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, one in snapshot.backends.items():
        if one.type.casefold() == "pool" or (not one.url and one.members):
            yield not_applicable(path, "a pool: its members are judged")
        else:
            yield judged(path, [Evidence("properties.url", one.url)] if one.url.casefold().startswith(("http://", "ws://")) else [])
