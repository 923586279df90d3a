"""Writes docs/api.md from the table of addresses: `python -m tools.document_api [--check]`. An address that is not described here stops it."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tools.generated import command
from web.routes import RESOURCES, Resource

TARGET = Path(__file__).parent.parent / "docs" / "api.md"


class Described(NamedTuple):
    """`request`: parameters of the query, headers and the body; "" for none. `errors`: beside those that every address has."""

    answers: str
    request: str = ""
    errors: str = ""


PAGED = "`limit` (1 to 200, 50 by default), `cursor` (the `next` of the page before)"
IF_MATCH = "header `If-Match`: the ETag as read, or `*`"
AMENDED = "400; 404; 412 with the present state where somebody else was first; 428 without `If-Match`"

DESCRIBED: Mapping[tuple[str, str], Described] = {
    ("dsr_export", "POST"): Described("200 with everything held about one person; 202 with the address of it where it is large", "body: whom, see [privacy](privacy.md)", "400"),
    ("dsr_delete", "POST"): Described("202 with the id under which the erasure can be followed", "body: whom, see [privacy](privacy.md)", "400"),
    ("dsr_status", "GET"): Described("200: how far a request is; asking goes on with it", "", "404"),
    ("privacy", "GET"): Described("200: the retention policy, what each place holds now, and what the last purges removed"),
    ("alerts", "GET"): Described("200: alerts as Microsoft.Security/alerts objects, newest first", f"`status`, `severity`, `detector`, `service`, `api`, `endpoint`, `actor`, `incident`, `country`, `from`, `to`, `q`; `counts=true`; {PAGED}", "400"),
    ("alerts", "PATCH"): Described("200 with what became of each alert, in the order asked for", "body: the alerts with their ETags and the change, see [alerts](alerts.md)", "400"),
    ("alert", "GET"): Described("200: one alert with the 48 hours around it, its responses and its history", "", "404"),
    ("alert", "PATCH"): Described("200: the alert as it is now", f"{IF_MATCH}; body: the new status, see [alerts](alerts.md)", AMENDED),
    ("alert_actors", "GET"): Described("200: the alerts that a campaign stands for", "`cursor`", "400; 404"),
    ("incidents", "GET"): Described("200: incidents, newest first", PAGED, "400"),
    ("incident", "GET"): Described("200: one incident with its alerts", "", "404"),
    ("suppressions", "GET"): Described("200: rules: in force, to come, over"),
    ("suppressions", "POST"): Described("201: the rule", "body: the rule, see [alerts](alerts.md)", "400; 409 where it would cover much, unless `confirm` names it, or where too many are in force"),
    ("suppressions_preview", "POST"): Described("200: what the rule would have covered among the newest alerts; nothing is made", "body: the rule", "400"),
    ("suppression", "GET"): Described("200: one rule", "", "404"),
    ("suppression", "DELETE"): Described("200: the rule that is over now", "", "404"),
    ("overview", "GET"): Described("200: what is open, what changed, what needs somebody, and whether everything works"),
    ("responses", "GET"): Described("200: responses at the gateway, newest first, and what the gateway says is in force"),
    ("responses", "POST"): Described("201: the response; 200 where it was in force already", "body: whom and for how long, see [response](response.md)", "400; 409 where the app may not write or a guard rail stands against it; 502 where the gateway refuses"),
    ("responses_plan", "POST"): Described("200: whom it would hit; nothing is written", "body: as above", "400; 404"),
    ("response", "DELETE"): Described("200: the response that is taken back", "", "404; 409; 502"),
    ("countries", "GET"): Described("200: calls and addresses by country", "`from`, `to`: days, both included, the last 28 by default; `service`", "400"),
    ("inventory", "GET"): Described("200: endpoints with their use, authentication, exposure, risk and information types; `text/csv` with `format=csv` or by `Accept`", "filters `service`, `api`, `version`, `product`, `tag`, `method`, `q`, `origin`, `status`, `authentication`, `external`, `country`, `sensitive`, `risk`; `sort`, `limit`, `cursor`, see [inventory](inventory.md)", "400"),
    ("recommendations", "GET"): Described("200: recommendations, the riskiest first", "`state`, `severity`, `resource`", "400"),
    ("recommendation", "GET"): Described("200: one recommendation with its resources and its history", "", "404"),
    ("recommendation", "PATCH"): Described("200: the recommendation as it is now", f"{IF_MATCH}; body: an exemption, see [posture](posture.md)", AMENDED),
    ("attack_paths", "GET"): Described("200: attack paths of every service, the riskiest first"),
    ("configuration", "GET"): Described("200: how far the configuration of each service was read"),
    ("endpoint", "GET"): Described("200: one endpoint with its last 48 hours, its parameters and its deviations", "", "404"),
    ("drift", "GET"): Described("200: deviations from what is described, the worst first", "`kind`, `state`, `service`, `endpoint`, `limit`, `cursor`", "400"),
    ("deviation", "PATCH"): Described("200: the deviation as it is now", f'{IF_MATCH}; body: `{{"accept": {{"why": "…"}}}}` or `{{"accept": null}}`', AMENDED),
    ("openapi", "GET"): Described("200: the learned OpenAPI description of an API", "`version`: 3.1 (default) or 3.0.3", "400; 404"),
    ("usage", "GET"): Described("200: calls, bytes, countries and addresses of a month, and what Defender for APIs would have charged", "`month`: YYYY-MM, this month by default", "400"),
    ("health", "GET"): Described("200 where every part works, else 503; the state of every part"),
    ("alive", "GET"): Described("200: the process answers; no store is asked"),
    ("audit", "GET"): Described("200: who changed what, when, from what to what", PAGED, "400"),
    ("me", "GET"): Described("200: who asks, and the roles"),
}  # fmt: skip
"""(name of the resource, method) -> what a caller must know."""

HEAD = """# HTTP API

Generated from `web/routes.py` by `python -m tools.document_api`; `make lint` and a test hold that it is current.

Every address exists twice with the same answer. Programs call `/api/…` with a key in `x-functions-key`: a function key, or the master key where the table says so.
The page calls `/ui/api/…` as the person who signed in, who must have the role: Reader, Analyst (who may do all that a Reader may) or PrivacyOfficer (who sees
promises and requests, and no alerts).

Bodies and answers are JSON in UTF-8. Times are ISO 8601 in UTC. A refusal says why in `error`. Beside the errors of the table: 401 without a valid key, 403 for a
person without the role, and 400 for a body that cannot be read.

| request | key, and role of a person | parameters and body | answers | errors |
|---|---|---|---|---|
"""


def document() -> str:
    """Raises ValueError that names what is described and does not exist, or the other way round."""
    there = {(resource.name, method) for resource in RESOURCES for method in resource.methods}
    if missing := sorted(there - DESCRIBED.keys()):
        raise ValueError(f"describe {missing} in DESCRIBED of tools/document_api.py")
    if gone := sorted(DESCRIBED.keys() - there):
        raise ValueError(f"DESCRIBED of tools/document_api.py describes {gone}, which web/routes.py does not have")
    rows = [_row(resource, method) for resource in sorted(RESOURCES, key=lambda one: one.path) for method in resource.methods]
    return HEAD + "".join(rows)


def _row(resource: Resource, method: str) -> str:
    role, _ = resource.methods[method]
    key = "none" if resource.open else "master key" if resource.needs_master_key else "function key"
    told = DESCRIBED[resource.name, method]
    who = "anybody who signed in" if resource.any_role else role.value
    cells = (f"`{method} /api/{resource.path}`", f"{key}; {who}", told.request or "–", told.answers, told.errors or "–")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def main(arguments: list[str] | None = None) -> int:
    return command("tools.document_api", TARGET, document(), arguments)


if __name__ == "__main__":
    sys.exit(main())
