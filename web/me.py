"""GET /api/me: who asks, and what the page may offer them."""

from collections.abc import Mapping
from typing import Any

from web.access import Role, principal


def one(headers: Mapping[str, str]) -> dict[str, Any]:
    """`roles` as they are assigned. Whoever comes with a key and no name may do what an analyst may."""
    who = principal(headers)
    if who is None:
        return {"name": "", "roles": [Role.ANALYST.value], "signIn": "key"}
    return {"name": who.name, "roles": sorted(who.roles), "signIn": "entra"}
