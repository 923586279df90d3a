"""The real Bicep compiler, on a copy of infra/, and what its snapshots hold."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
Resource = dict[str, Any]

VARIANTS: dict[str, dict[str, str]] = {
    "public": {},
    "gateway": {
        "GATEWATCH_GATEWAY_NAME": "contoso",
        "GATEWATCH_GATEWAY_RESOURCE_GROUP": "rg-apim",
        "GATEWATCH_ALERT_EMAILS": "a@example.com,b@example.com",
        "GATEWATCH_ACCESS_LOGS": "all",
    },
    "responding": {
        "GATEWATCH_GATEWAY_NAME": "contoso",
        "GATEWATCH_GATEWAY_RESOURCE_GROUP": "rg-apim",
        "GATEWATCH_GUARD": "standard",
        "GATEWATCH_ACCESS_LOGS": "off",
        "GATEWATCH_ZONE_REDUNDANT": "true",
        "GATEWATCH_HTTP_CONCURRENCY": "8",
        "GATEWATCH_ALWAYS_READY": "function:ingest=1,function:evaluate=1,http=3",
        "GATEWATCH_RESPONSE": "callersAndSubscriptions",
        "GATEWATCH_APP_SETTINGS": '{"TRUSTED_PROXIES": "10.0.0.0/16", "RESPONSE_LIMITS": "identities=4"}',
    },
    "elsewhere": {
        "GATEWATCH_NETWORK_MODE": "private",
        "GATEWATCH_GATEWAY_NAME": "contoso",
        "GATEWATCH_GATEWAY_RESOURCE_GROUP": "rg-apim",
        "GATEWATCH_GATEWAY_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000002",
        "GATEWATCH_GATEWAY_IDENTITY_CLIENT_ID": "00000000-0000-0000-0000-0000000000c1",
        "GATEWATCH_GATEWAY_IDENTITY_PRINCIPAL_ID": "00000000-0000-0000-0000-0000000000b1",
        "GATEWATCH_IDENTITY_KEY_IN_VAULT": "https://contoso.vault.azure.net/secrets/identity-key",
        "GATEWATCH_GATEWAY_SUBNET_ID": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-apim/providers/Microsoft.Network/virtualNetworks/vnet-apim/subnets/endpoints",
    },
    "private": {
        "GATEWATCH_NETWORK_MODE": "private",
        "GATEWATCH_STORAGE_REDUNDANCY": "Standard_ZRS",
        "GATEWATCH_HUB_RETENTION_HOURS": "48",
        "GATEWATCH_GEOGRAPHY": "eu",
        "GATEWATCH_SIGN_IN_CLIENT_ID": "00000000-0000-0000-0000-0000000000e1",
    },
    "privateExceptHub": {
        "GATEWATCH_NETWORK_MODE": "privateExceptHub",
        "GATEWATCH_HUB_ALLOWED_IP_RANGES": "198.51.100.0/24",
        "GATEWATCH_APP_ALLOWED_IP_RANGES": "203.0.113.0/24",
        "GATEWATCH_APP_SETTINGS": '{"TRUSTED_PROXIES": "10.0.0.0/16", "MAX_EVENT_AGE_HOURS": "36"}',
    },
}


def find() -> str | None:
    """The compiler that the variable BICEP names, else the one on the PATH, else the one that the Azure CLI installed."""
    named = os.environ.get("BICEP") or shutil.which("bicep")
    installed = Path.home() / ".azure" / "bin" / "bicep"
    return named or (str(installed) if installed.is_file() else None)


class Bicep:
    """The compiler, on a copy of infra/ so that nothing is written beside the sources."""

    def __init__(self, program: Path, work: Path) -> None:
        self.program = program
        self.work = work
        self.infra = work / "infra"
        shutil.copytree(INFRA, self.infra)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.work),
            "DOTNET_BUNDLE_EXTRACT_BASE_DIR": str(self.work / "bundle"),
            "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
            "DOTNET_TieredPGO": "0",  # it is run many times for two seconds each
        }
        return subprocess.run(
            [str(self.program), *arguments],
            cwd=self.infra,
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def snapshot(self, **variables: str) -> subprocess.CompletedProcess[str]:
        base = {"AZURE_ENV_NAME": "prod", "AZURE_LOCATION": "westeurope", "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION}
        return self.run("snapshot", "main.bicepparam", "--mode", "overwrite", "--subscription-id", SUBSCRIPTION, **(base | variables))

    def resources(self, **variables: str) -> list[Resource]:
        written = self.infra / "main.snapshot.json"
        written.unlink(missing_ok=True)
        done = self.snapshot(**variables)
        assert done.returncode == 0, done.stderr + done.stdout
        snapshot = json.loads(written.read_text(encoding="utf-8"))
        assert snapshot["diagnostics"] == []
        resources: list[Resource] = snapshot["predictedResources"]
        return resources


def of_type(resources: list[Resource], kind: str) -> list[Resource]:
    return [resource for resource in resources if resource["type"].lower() == kind.lower()]


def one(resources: list[Resource], kind: str, name: str = "") -> Resource:
    found = [resource for resource in of_type(resources, kind) if name in resource["name"]]
    assert len(found) == 1, f"{kind} {name}: {len(found)}"
    return found[0]


def resolved(value: str) -> str:
    """A value of the snapshot as Azure's public cloud would fill it in; what only a deployment knows becomes a stand-in."""
    if not value.startswith("["):
        return value
    text = value[1:-1].replace("environment().suffixes.storage", "'core.windows.net'")
    text = text.replace("environment().resourceManager", "'https://management.azure.com/'")
    text = re.sub(r"reference\(.*\)\.outputs\.connectionString\.value", "'InstrumentationKey=stand-in'", text)
    text = re.sub(r"reference\(.*\)\.outputs\.\w+\.value", "'00000000-0000-0000-0000-0000000000aa'", text)
    found = re.fullmatch(r"format\('([^']*)'((?:, '[^']*')*)\)", text)
    if not found:
        literal = re.fullmatch(r"'([^']*)'", text)
        assert literal, f"unresolved: {value}"
        return literal[1]
    arguments = re.findall(r"'([^']*)'", found[2])
    return re.sub(r"\{(\d)\}", lambda match: str(arguments[int(match[1])]), found[1])


def app_settings(resources: list[Resource]) -> dict[str, str]:
    return {name: resolved(value) for name, value in one(resources, "Microsoft.Web/sites/config", "appsettings")["properties"].items()}
