"""Writes docs/posture.md from the assessments themselves: `python -m tools.document_posture [--check]`."""

import sys
from pathlib import Path

from posture.assessments import Assessment, discovered
from tools.generated import command

TARGET = Path(__file__).parent.parent / "docs" / "posture.md"

HEAD = """# Posture

Generated from `posture/assessments/` by `python -m tools.document_posture`; a test checks that it is current.

The function `posture` reads the configuration of API Management services, assesses it, and keeps what follows: recommendations with a life, attack paths, risk. It
only reads, and nothing of it is needed for alerts.

## Without deploying anything

```
python -m tools.posture snapshot --subscription … --resource-group … --service contoso --out resources.json   # your own login, GETs only
python -m tools.posture assess --export resources.json                                                        # a table; --json, --html report.html
```
`assess` takes ARM resources in every form that people have: an array, what `az` prints, an exported template with its children nested or flat. What a file lacks is *unknown*, never
unhealthy. A service in the file is taken as whole: an API of it without a policy has none.

## Deployed

| setting | |
|---|---|
| `POSTURE_SERVICES` | ARM ids of services, resource groups or subscriptions, separated by commas. The Bicep sets it to the gateway that it wires up. Empty: health says so once, and everything else works |
| `RESOURCE_MANAGER` | the address of Azure Resource Manager; the Bicep sets the cloud's own |

The app's identity needs *API Management Service Reader Role* on each service (`infra/modules/gateway-identity.bicep` gives it for the gateway that it wires up; for a group or
subscription give it there). That role reads no keys and no users. Secret named values are read without their value, owners of subscriptions are not kept, and a secret that stands in a policy is
replaced before anything is stored: the snapshot (container `posture`) holds configuration and nobody's data.

Every quarter of an hour it looks whether there is work, and reads at five GETs a second, a fifth of what Azure refills. A service of 500 APIs with 20 operations each needs some 12,200
reads once (41 minutes, over five runs), then at most 1,800 a night: everything but the policies of single operations, schemas and diagnostics of APIs, of which those come that were read longest ago,
a seventh a night while that fits, and first the APIs whose traffic contradicts their policy. 429 is obeyed; a run that ends goes on in the next where it stopped. What may not be read is *unknown (no permission)*, and what was
known of it stays as it was; what a tier does not have is *not applicable*.

## States

*healthy*, *unhealthy*, *not applicable* and *unknown*, the last two with their cause. Policies are judged by what runs: the documents of all scopes put together through `<base />`, with fragments, without
comments. What only runs under a condition is unknown. A recommendation is *open*, *exempted* (who, why, until when), *resolved* by itself, or open again; its history is kept. What opens and what
ends goes to hub and webhook as alerts do: as Defender's assessment JSON, OCSF Compliance Finding or CEF, at least once and under a stable id.

## HTTP

| | |
|---|---|
| `GET /api/recommendations?state=&severity=&resource=` | grouped by assessment, the riskiest first; `counts` of open ones by severity |
| `GET /api/recommendations/{id}` | its resources with evidence, how to mend it, history, `etag` |
| `PATCH /api/recommendations/{id}` | `{"resource": "/subscriptions/…", "exempt": {"why": "…", "until": "2027-01-31T00:00:00Z"}}` with If-Match; without `resource` all, `"exempt": null` ends it |
| `GET /api/attack-paths` | the few ways that an attacker would take, each with its nodes and the one cheapest step that cuts it |
| `GET /api/posture` | how far each service has been read |

## Attack paths

| | when |
|---|---|
| A | exposed, answers callers who prove nothing, carries sensitive data |
| B | exposed, sensitive, no rate limit is effective, and an id stands in the path |
| C | takes unencrypted calls from callers who prove nothing |
| D | described by no operation, answers 2xx, carries sensitive data |
| E | sensitive data goes to the backend unencrypted |
| F | the built-in key, or one of all APIs, is used from a public address |

*Exposed* is a fact (a public caller was seen within 30 days) or possible (the configuration lets the internet in); the path says which.

## Risk

A sum of points, each printed with its reason, at most 100: called from the internet 25, only reachable 15; no authentication 30, some callers without 20, a key alone 8; sensitive data
10, 18 or 25 by its class and confidence; open recommendations of the endpoint and its API 6, 3, 1 each, at most 15; an open alert 10; undescribed or other than described 8; unused
and not exposed −10. Below 25 Low, below 50 Medium, below 75 High, else Critical. What is awaited adds nothing and is named.

## What Gatewatch itself fails

It is assessed as strictly as everything else, and two findings are its own:

- Its fragments stand before `<base />`, so that a call which a parent's policy refuses is seen too. `policy-base` asks for `<base />` in each section, wherever; Azure Policy's d5448c98 asks for it
  as the first child and calls every watched API non-compliant. Exempt the APIs there, or move the capture fragment behind `<base />` and lose those calls.
- `gatewatch-identity-key` is a secret named value outside Key Vault ([why](decisions/no-key-vault.md)): `named-value-not-vault` shows it. Deploy with
  `GATEWATCH_IDENTITY_KEY_IN_VAULT` ([deploy.md](deploy.md)), or exempt it.

## Assessments
"""


def document() -> str:
    found = discovered()
    rows = [f"| [{one.id}](#{one.id}) | {one.severity.label} | {one.resource} | {_when(one)} |" for one in found]
    table = ["| id | severity | judges | unhealthy when |", "|---|---|---|---|", *rows]
    return "\n".join([HEAD, *table, "", *map(_section, found)])


def _when(one: Assessment) -> str:
    return one.when.replace("|", "\\|")


def _section(one: Assessment) -> str:
    ids = [
        f"Azure Policy `{one.policy}`" if one.policy else "",
        f"Defender `{one.defender}`" if one.defender else "",
        f"MCSB {', '.join(one.mcsb)}" if one.mcsb else "",
        f"OWASP {', '.join(one.owasp)}" if one.owasp else "",
    ]
    said = "; ".join(filter(None, ids))
    lines = [f'### <a id="{one.id}"></a>{one.id}', "", f"**{one.title}**, {one.severity.label}. {one.why}", ""]
    lines += [f"{said}.", ""] if said else []
    return "\n".join([*lines, *(f"{n}. {step}" for n, step in enumerate(one.steps, 1))]) + "\n"


def main(arguments: list[str] | None = None) -> int:
    return command("tools.document_posture", TARGET, document(), arguments)


if __name__ == "__main__":
    sys.exit(main())
