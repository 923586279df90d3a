"""The stand-in for App Service authentication: what it puts before the app, and what it takes from whoever sends it himself."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping

ROLES = {"reader": "Reader", "analyst": "Analyst", "privacy": "PrivacyOfficer"}
"""What can be said on the command line -> the app role."""
NAME = "analyst@contoso.com"
OBJECT_ID = "00000000-0000-4000-8000-000000000015"


def stand_in(roles: Iterable[str]) -> dict[str, str]:
    """The headers of somebody with these roles; none where there are none: then the module is off, and everybody comes with a key."""
    assigned = sorted({ROLES[role] for role in roles})
    if not assigned:
        return {}
    claims = [{"typ": "oid", "val": OBJECT_ID}, {"typ": "name", "val": NAME}, *({"typ": "roles", "val": role} for role in assigned)]
    principal = {"auth_typ": "aad", "claims": claims, "name_typ": "name", "role_typ": "roles"}
    return {
        "x-ms-client-principal": base64.b64encode(json.dumps(principal).encode()).decode(),
        "x-ms-client-principal-id": OBJECT_ID,
        "x-ms-client-principal-idp": "aad",
        "x-ms-client-principal-name": NAME,
    }


def through(headers: Mapping[str, str], signed_in: Mapping[str, str]) -> dict[str, str]:
    """A request's headers (names in lower case) as they come out of the module: whoever sends its headers himself is not believed."""
    return {name: value for name, value in headers.items() if not name.startswith("x-ms-client-")} | dict(signed_in)


def is_local(host: str) -> bool:
    """Whether a Host header names this machine: a foreign name that leads here is an attempt to reach the page from another one (DNS rebinding)."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return name.lower() in ("127.0.0.1", "localhost", "[::1]")
