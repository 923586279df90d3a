"""Who may do what: the principal that App Service authentication proves, its roles, and what a page of another site must not be able to send."""

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

CLAIMS = frozenset({"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"})
"""Types of a claim that names an app role: the short one, and the one with WEBSITE_AUTH_USE_LEGACY_CLAIMS=False."""
OBJECT_IDS = frozenset({"oid", "http://schemas.microsoft.com/identity/claims/objectidentifier"})
PREFIX = "x-ms-client-principal"
"""Begins the headers that App Service authentication sets, and strips from what comes from outside while it is on."""
LARGEST_PRINCIPAL = 64 * 1024
SAFE = ("GET", "HEAD")


class Role(StrEnum):
    """App roles of the registration, by their values."""

    READER = "Reader"
    ANALYST = "Analyst"
    PRIVACY = "PrivacyOfficer"


ALLOWS: Mapping[Role, frozenset[Role]] = {
    Role.READER: frozenset({Role.READER}),
    Role.ANALYST: frozenset({Role.READER, Role.ANALYST}),
    Role.PRIVACY: frozenset({Role.PRIVACY}),
}
"""Whoever has the role may do what needs one of these. A privacy officer sees promises and requests, and no alerts."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who signed in. `roles` of the registration that are known here."""

    name: str
    id: str
    roles: frozenset[Role]

    def may(self, needs: Role) -> bool:
        return any(needs in ALLOWS[role] for role in self.roles)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered. `status` 401 or 403."""

    status: int
    code: str
    message: str


SIGNED_OUT = Refusal(401, "SignedOut", "sign in: this address needs Entra sign-in, and the request came without it")
NO_ROLE = Refusal(
    403, "NoRole", "you are signed in, but have no role here: ask for Reader, Analyst or PrivacyOfficer of the enterprise application"
)
FOREIGN = Refusal(403, "Foreign", "a change must come from the page of this site, as JSON and with the header X-Gatewatch: 1")


def believable(headers: Mapping[str, str], trusted: bool) -> dict[str, str]:
    """The headers, names in lower case, without those of App Service authentication unless the platform and our own setting say that it is on:
    while it is off, anybody can send them."""
    found = {name.lower(): value for name, value in headers.items()}
    return found if trusted else {name: value for name, value in found.items() if not name.startswith(PREFIX)}


def principal(headers: Mapping[str, str]) -> Principal | None:
    """Who `believable` headers name; None where nobody is named, or in no form that is known."""
    text = headers.get(PREFIX, "")
    if not text or len(text) > LARGEST_PRINCIPAL:
        return None
    try:
        claims = json.loads(base64.b64decode(text, validate=True)).get("claims", [])
        pairs = [(str(claim["typ"]), str(claim["val"])) for claim in claims]
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    known = {role.value: role for role in Role}
    id = next((value for kind, value in pairs if kind in OBJECT_IDS), "") or headers.get(f"{PREFIX}-id", "")
    return Principal(
        headers.get(f"{PREFIX}-name", ""), id, frozenset(known[value] for kind, value in pairs if kind in CLAIMS and value in known)
    )


def refusal(needs: Role | None, method: str, headers: Mapping[str, str], sites: Collection[str]) -> Refusal | None:
    """Why a request of the page is not answered; None where it is. `needs` None: any role will do. `headers` as `believable` gives them; `sites`: origins that are this app's own."""
    who = principal(headers)
    if who is None:
        return SIGNED_OUT
    if not who.roles:
        return NO_ROLE
    if needs is not None and not who.may(needs):
        return Refusal(403, "WrongRole", f"this needs the role {needs.value}, and you have {', '.join(sorted(who.roles))}")
    return FOREIGN if method not in SAFE and _is_foreign(headers, sites) else None


def _is_foreign(headers: Mapping[str, str], sites: Collection[str]) -> bool:
    """A cookie goes along with what another site sends; the platform looks only at POST. Browsers say where a request comes from, and only a page of
    the same origin can set a header of its own."""
    came_from = headers.get("sec-fetch-site")
    ours = came_from == "same-origin" if came_from is not None else headers.get("origin", "").lower() in sites
    json_body = headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
    return not (ours and json_body and headers.get("x-gatewatch") == "1")
