"""Who may do what: every address, every role, and every way to come in without one."""

import base64
import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import azure.functions as func
import pytest

from settings import Connection
from tests.test_settings import LOCAL
from web.access import Role
from web.routes import RESOURCES, Resource, find

SITE = "https://gatewatch.contoso.com"
PAGE = {"sec-fetch-site": "same-origin", "x-gatewatch": "1", "content-type": "application/json"}
"""What the page sends with each change."""
LONG_CLAIM = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"


def cookie(*roles: str, claim: str = "roles") -> dict[str, str]:
    """What the platform makes of a session cookie."""
    claims = [{"typ": "oid", "val": "1111"}, *({"typ": claim, "val": role} for role in roles)]
    principal = base64.b64encode(json.dumps({"auth_typ": "aad", "claims": claims}).encode()).decode()
    return {"x-ms-client-principal": principal, "x-ms-client-principal-name": "alice@contoso.com", "x-ms-client-principal-id": "1111"}


def loaded(environment: Mapping[str, str]) -> Iterator[ModuleType]:
    modules = ("triggers.page", "triggers.http", "triggers.app")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**LOCAL, **environment, "DASHBOARD_URL": SITE}.items():
            patch.setenv(name, value)
        for name in modules:
            patch.delitem(sys.modules, name, raising=False)
        yield importlib.import_module("triggers.page")
        for name in modules:
            patch.delitem(sys.modules, name, raising=False)


@pytest.fixture
def page(account: Connection) -> Iterator[ModuleType]:
    """The page's own functions as in Azure with sign-in, on real storage."""
    storage = {"StateStorage": account.connection_string or "", "EvidenceStorage": account.connection_string or ""}
    yield from loaded({**storage, "SIGN_IN": "entra", "WEBSITE_AUTH_ENABLED": "True"})


def ask(page: ModuleType, method: str, path: str, headers: Mapping[str, str], body: bytes = b"{}") -> tuple[int, dict[str, Any]]:
    request = func.HttpRequest(method, f"{SITE}/ui/api/{path}", headers=headers, route_params={"path": path}, body=body)
    answer = page.page_api.build().get_user_function()(request)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    text = answer.get_body()
    return answer.status_code, json.loads(text) if answer.mimetype == "application/json" and text else {}


def may(resource: Resource, method: str, *roles: str) -> bool:
    """What the table of the specification says: Reader all that is read but privacy, Analyst triage too, PrivacyOfficer privacy and nothing else."""
    if resource.any_role:
        return bool(roles)
    if resource.path.startswith(("dsr", "privacy")):
        return "PrivacyOfficer" in roles
    return "Analyst" in roles or ("Reader" in roles and method == "GET")


EVERY = [pytest.param(resource, method, id=f"{method} {resource.path}") for resource in RESOURCES for method in resource.methods]


@pytest.mark.parametrize(("resource", "method"), EVERY)
def test_every_address_asks_for_its_role(page: ModuleType, resource: Resource, method: str) -> None:
    path = resource.path.replace("{id}", "0" * 32).replace("{service}", "contoso").replace("{api}", "shop")
    for roles in ((), ("Reader",), ("Analyst",), ("PrivacyOfficer",), ("Analyst", "PrivacyOfficer"), ("Owner",)):
        status, body = ask(page, method, path, cookie(*roles) | PAGE)
        if may(resource, method, *(role for role in roles if role in set(Role))):
            assert status not in (401, 403, 405), (roles, body)
        else:
            assert (status, body["error"]["code"]) == (403, "WrongRole" if {*roles} & set(Role) else "NoRole"), roles
    # a key opens the keyed addresses, and this one never; a name without a principal is nobody's
    for headers in (
        {},
        {"x-functions-key": "k"},
        {"x-ms-client-principal-name": "alice@contoso.com"},
        {"x-ms-client-principal": "bm90IGpzb24="},
    ):
        status, body = ask(page, method, path, PAGE | headers)
        assert (status, body["error"]["code"], body["error"]["signIn"]) == (401, "SignedOut", "/.auth/login/aad"), headers
    if method != "GET":  # a signed-in browser that another site makes send this
        everything = cookie("Analyst", "PrivacyOfficer") | PAGE
        for foreign in (
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"sec-fetch-site": "none"},
            {"x-gatewatch": ""},
            {"content-type": "text/plain"},
        ):
            status, body = ask(page, method, path, everything | foreign)
            assert (status, body["error"]["code"]) == (403, "Foreign"), foreign
        without = {name: value for name, value in everything.items() if name != "sec-fetch-site"}
        assert ask(page, method, path, without)[0] == 403
        assert ask(page, method, path, without | {"origin": "https://elsewhere.example"})[0] == 403
        assert ask(page, method, path, without | {"origin": SITE})[0] not in (401, 403)


@pytest.mark.parametrize(
    "environment",
    [{"SIGN_IN": "entra"}, {"SIGN_IN": "entra", "WEBSITE_AUTH_ENABLED": "false"}, {"WEBSITE_AUTH_ENABLED": "true"}, {}],
    ids=["our setting alone", "the module is off", "the module alone", "neither"],
)
def test_a_forged_principal_is_nobody_unless_platform_and_setting_agree(environment: dict[str, str]) -> None:
    for module in loaded(environment):
        for path in ("alerts", "me", "privacy"):
            status, body = ask(module, "GET", path, cookie("Analyst", "PrivacyOfficer"))
            assert (status, body["error"]["signIn"]) == (401, None)


def test_both_spellings_of_the_role_claim_are_known(page: ModuleType) -> None:
    for claim in ("roles", LONG_CLAIM):
        assert ask(page, "GET", "me", cookie("Reader", claim=claim))[1] == {
            "name": "alice@contoso.com",
            "roles": ["Reader"],
            "signIn": "entra",
        }


def test_unknown_addresses_and_methods_are_refused(page: ModuleType) -> None:
    assert ask(page, "GET", "nothing", cookie("Analyst"))[0] == 404
    assert ask(page, "GET", "alerts/a/b", cookie("Analyst"))[0] == 404
    assert ask(page, "PUT", "usage", cookie("Analyst"))[0] == 405


def test_literal_paths_go_before_free_ones() -> None:
    found = find("dsr/export")
    assert found is not None
    assert found[0].name == "dsr_export"
