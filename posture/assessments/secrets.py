"""Named values, certificates and loggers: where the gateway's secrets are, and whether they are renewed."""

import re
from collections.abc import Iterator
from datetime import timedelta

from model import Severity
from posture.assessments import Context, Evidence, Verdict, assessment, healthy, judged, not_applicable, unhealthy, unknown
from posture.assessments.encryption import time_of
from posture.snapshot import Snapshot

OF_A_LOGGER = "logger-credentials-"
SOON = timedelta(days=30)
_VERSION = re.compile(r"(?i)/secrets/[^/]+/[0-9a-f]{8,}/?$")


@assessment(
    id="named-value-not-vault",
    title="API Management secret named values should be stored in Azure Key Vault",
    severity=Severity.MEDIUM,
    resource="named value",
    when="secret is true and there is no keyVault.secretIdentifier.",
    why="A secret in the gateway is renewed by hand, if at all, and everybody who may list secrets of the service may read it.",
    steps=("Put the secret into Key Vault, and give the service's identity the role Key Vault Secrets User.", "Set properties.keyVault.secretIdentifier of the named value to its identifier, without a version."),
    policy="f1cc7827-022c-473e-836e-5a51cae0b249",
    mcsb=("IM-8", "DP-6"),
    owasp=("API8:2023",),
    needs=("named values",),
)  # fmt: skip
def named_value_not_vault(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, one in snapshot.named_values.items():
        if one.name.casefold().startswith(OF_A_LOGGER):
            yield not_applicable(path, "a logger made it: see logger-keys")
        elif path.startswith("workspaces/"):
            yield not_applicable(path, "workspaces have no Key Vault named values")
        elif one.secret is not True and not one.vault:
            yield not_applicable(path, "not secret")
        else:
            yield judged(path, [] if one.vault else [Evidence("properties.keyVault.secretIdentifier")])


@assessment(
    id="named-value-vault-broken",
    title="Key Vault references of named values should work",
    severity=Severity.MEDIUM,
    resource="named value",
    when="keyVault.lastStatus.code is not Success.",
    why="The gateway goes on with the last value it got: a renewed secret does not arrive, and calls fail one day.",
    steps=("Read properties.keyVault.lastStatus.message.", "Give the service's identity the role Key Vault Secrets User, and let it through the vault's firewall.", "Refresh the named value."),
    needs=("named values",),
)  # fmt: skip
def named_value_vault_broken(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, one in snapshot.named_values.items():
        if not one.vault:
            yield not_applicable(path, "no Key Vault reference")
        elif not one.vault_status:
            yield unknown(path, "the state of its reference is not given")
        else:
            wrong = one.vault_status.casefold() != "success"
            yield judged(path, [Evidence("properties.keyVault.lastStatus.code", one.vault_status)] if wrong else [])


@assessment(
    id="named-value-pinned",
    title="Key Vault references of named values should not name a version",
    severity=Severity.LOW,
    resource="named value",
    when="keyVault.secretIdentifier ends with a version.",
    why="The gateway keeps that version for ever: a renewed secret never arrives.",
    steps=("Set properties.keyVault.secretIdentifier to the identifier without its version; the gateway then looks every four hours.",),
    mcsb=("IM-8",),
    needs=("named values",),
)
def named_value_pinned(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, one in snapshot.named_values.items():
        if not one.vault:
            yield not_applicable(path, "no Key Vault reference")
        else:
            yield judged(path, [Evidence("properties.keyVault.secretIdentifier", one.vault)] if _VERSION.search(one.vault) else [])


@assessment(
    id="named-value-plain-secret",
    title="Named values should not hold credentials in plain text",
    severity=Severity.HIGH,
    resource="named value",
    when="secret is false and the value looks like a credential. Only the type is kept, never the value.",
    why="Everybody who may read the service, and every export of its configuration, has it.",
    steps=("Renew the credential: it has been readable.", "Put the new one into Key Vault, and set properties.keyVault.secretIdentifier of the named value.", "At least set properties.secret to true."),
    mcsb=("IM-8",),
    owasp=("API8:2023",),
    needs=("named values",),
)  # fmt: skip
def named_value_plain_secret(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, one in snapshot.named_values.items():
        if one.secret is True or one.vault:
            yield not_applicable(path, "secret")
        else:
            yield judged(path, [Evidence("properties.value", f"looks like: {one.credential}")] if one.credential else [])


@assessment(
    id="certificate-expiry",
    title="Certificates of API Management should be renewed in time",
    severity=Severity.MEDIUM,
    resource="certificate",
    when="expirationDate is within 30 days.",
    why="When it ends, backends refuse the gateway, or policies refuse every client.",
    steps=(
        "Renew the certificate.",
        "Upload it, or set properties.keyVault.secretIdentifier of certificates/<id>, which renews by itself.",
    ),
    needs=("certificates",),
)
def certificate_expiry(snapshot: Snapshot, context: Context) -> Iterator[Verdict]:
    for path, one in snapshot.certificates.items():
        end = time_of(one.expiry)
        if end is None:
            yield unknown(path, "its end is not given")
        else:
            near = end - context.now <= SOON
            yield judged(path, [Evidence("properties.expirationDate", end.date().isoformat())] if near else [])


@assessment(
    id="certificate-vault",
    title="Certificates of API Management should come from Key Vault",
    severity=Severity.LOW,
    resource="certificate",
    when="keyVault is missing.",
    why="An uploaded certificate does not renew by itself, and its key was on somebody's disk.",
    steps=(
        "Put the certificate into Key Vault.",
        "Set properties.keyVault.secretIdentifier of certificates/<id> to its secret identifier, without a version.",
    ),
    mcsb=("DP-7",),
    needs=("certificates",),
)
def certificate_vault(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, one in snapshot.certificates.items():
        yield judged(path, [] if one.key_vault else [Evidence("properties.keyVault.secretIdentifier")])


@assessment(
    id="logger-keys",
    title="Loggers should use a managed identity",
    severity=Severity.LOW,
    resource="logger",
    when="credentials has a connectionString or an instrumentationKey, and no identityClientId.",
    why="Whoever has the string can write into your logs, or read the hub.",
    steps=("Give the service's identity the role Azure Event Hubs Data Sender (or Monitoring Metrics Publisher).", "Set properties.credentials of the logger to endpointAddress, identityClientId and name.", "Delete the named value Logger-Credentials-… that is left."),
    mcsb=("IM-3",),
    owasp=("API8:2023",),
    needs=("loggers",),
)  # fmt: skip
def logger_keys(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, one in snapshot.loggers.items():
        names = {name.casefold(): name for name in one.credentials}
        keys = [names[name] for name in ("connectionstring", "instrumentationkey") if name in names]
        if not names:
            yield not_applicable(path, "it has no credentials")
        elif "identityclientid" in names or not keys:
            yield healthy(path)
        else:
            yield unhealthy(path, *(Evidence(f"properties.credentials.{name}") for name in keys))


KEYS = re.compile(r"(?i)^(authorization|proxy-authorization|cookie|set-cookie|x-api-key|api-key|ocp-apim-subscription-key|x-functions-key|.*subscription-key|.*-token|.*secret.*)$")  # fmt: skip


@assessment(
    id="diagnostic-leaks",
    title="Diagnostics should not write credentials or bodies into logs",
    severity=Severity.MEDIUM,
    resource="diagnostic",
    when="headers holds authorization, cookie or a key's header without dataMasking. Low: bodies are logged (body.bytes above 0).",
    why="Logs are read by more people than the traffic, and kept longer.",
    steps=(
        "Take the header out of properties.frontend.request.headers (and backend, response) of the diagnostic.",
        'Or mask it: properties.frontend.request.dataMasking.headers = [{"value": "<name>", "mode": "Hide"}].',
        "Set properties.frontend.request.body.bytes (and the others) to 0.",
    ),
    mcsb=("LT-3",),
    owasp=("API8:2023",),
    needs=("diagnostics",),
)
def diagnostic_leaks(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    own = {name.casefold() for api in snapshot.apis.values() for name in (api.key_header,) if name}
    for path, one in snapshot.diagnostics.items():
        leaks, bodies = [], []
        for capture in one.captures:
            masked = {name.casefold() for name in capture.masked}
            names = [name for name in capture.headers if (KEYS.match(name) or name.casefold() in own) and name.casefold() not in masked]
            leaks += [Evidence(f"properties.{capture.where}.headers", name) for name in names]
            if capture.body_bytes > 0:
                bodies.append(Evidence(f"properties.{capture.where}.body.bytes", str(capture.body_bytes)))
        yield judged(path, leaks + bodies, None if leaks else Severity.LOW)
