"""The guard's list where it lives: named values of API Management, edited one at a time, each edit from the version that it was made from (ETag)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, ResourceNotFoundError

from model import Minute
from response.entries import EMPTY, LISTS, MODE, MODES, Entry, live, place, pruned, put, without

if TYPE_CHECKING:
    from azure.mgmt.apimanagement import ApiManagementClient

KEY = "gatewatch-guard-key"
ROLE = "the custom role Gatewatch responder (infra/modules/response.bicep), or API Management Service Contributor"
TRIES = 8
"""Edits of one value that somebody else may come before."""
OPTIONS: dict[str, Any] = {"retry_total": 3}
CONNECT, ANSWER = 5.0, 30.0
"""Seconds of one try."""
"""Of the SDK's client: a request that somebody waits for."""
_GATEWAY = re.compile(r"(?i)/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.ApiManagement/service/([^/]+)")


class GatewayRefused(Exception):
    """The gateway's management interface said no, or is not there; the text says what to do, in one sentence."""


class Address(NamedTuple):
    """Where one API Management service is."""

    subscription: str
    group: str
    service: str

    @classmethod
    def parse(cls, resource_id: str) -> Address:
        """Raises ValueError for what is no ARM id of a service."""
        found = _GATEWAY.fullmatch(resource_id)
        if found is None:
            raise ValueError("not the ARM id of an API Management service")
        return cls(*found.groups())


def connect(
    address: Address, client_id: str | None = None, endpoint: str = "https://management.azure.com", **options: Any
) -> ApiManagementClient:
    """A client with a short patience. Plain http is an emulated service on this machine, and gets no token."""
    from azure.core.pipeline.policies import SansIOHTTPPolicy
    from azure.identity import DefaultAzureCredential
    from azure.mgmt.apimanagement import ApiManagementClient  # 0.12 s and 14 MB: only who responds needs it

    from adapters.deadline import Transport

    credential = DefaultAzureCredential(managed_identity_client_id=client_id) if client_id else DefaultAzureCredential()
    given: dict[str, Any] = {
        "transport": Transport(CONNECT, ANSWER),
        **OPTIONS,
        **options,
        "base_url": endpoint,
        "credential_scopes": [endpoint + "/.default"],
    }
    if endpoint.startswith("http:"):
        given["authentication_policy"] = SansIOHTTPPolicy()
    return ApiManagementClient(credential, address.subscription, **given)


class GuardList:
    """One service's list and switch."""

    def __init__(self, client: ApiManagementClient, address: Address) -> None:
        self._client, self.address = client, address

    def mode(self) -> str:
        """ "off", "dry" or "on"; an unknown value is off, as at the gateway. Raises GatewayRefused."""
        value = self._get(MODE)[0].strip()
        return value if value in MODES else "off"

    def switch(self, mode: str) -> None:
        """Raises GatewayRefused, and ValueError for no mode."""
        if mode not in MODES:
            raise ValueError(f"the mode must be one of {', '.join(MODES)}")
        self._edit(MODE, lambda _: mode)

    def entries(self, now: Minute) -> list[Entry]:
        """Everybody who is listed and not over. Raises GatewayRefused."""
        return [entry for name in LISTS for entry in live(self._get(name)[0], now)]

    def put(self, entry: Entry, now: Minute) -> bool:
        """Whether anything had to be written. Raises GatewayRefused, and Full."""
        return self._edit(LISTS[place(entry.key)], lambda value: put(value, entry, now), same=lambda value: entry in live(value, now))

    def remove(self, id: str, now: Minute) -> bool:
        """Take one response off, wherever it stands; whether it was there. What others wrote meanwhile stays. Raises GatewayRefused."""
        return self._each(lambda value: without(value, id, now), lambda value: id not in {entry.id for entry in live(value, now)})

    def prune(self, now: Minute) -> bool:
        """Take off what is over. Raises GatewayRefused."""
        return self._each(lambda value: pruned(value, now), lambda value: pruned(value, now) == value)

    def take_off(self, keys: set[str], now: Minute) -> bool:
        """Take off every entry of these keys: a person is erased. Raises GatewayRefused."""

        def kept(value: str) -> str:
            for entry in live(value, now):
                if entry.key in keys:
                    value = without(value, entry.id, now)
            return value

        return self._each(kept, lambda value: not keys & {entry.key for entry in live(value, now)})

    def set_key(self, key: str) -> None:
        """Let the guard look for keyed hashes. Raises GatewayRefused."""
        self._edit(KEY, lambda _: key, secret=True)

    # subscriptions

    def suspend(self, subscription: str, comment: str) -> bool:
        """Whether anything had to be changed. Raises GatewayRefused."""
        return self._set_state(subscription, "suspended", comment, lambda state, _: state == "suspended")

    def resume(self, subscription: str, comment: str) -> bool:
        """Make a subscription active that was suspended with this comment; one that somebody changed since is left alone. Raises GatewayRefused."""
        return self._set_state(subscription, "active", "", lambda state, said: state != "suspended" or said != comment)

    def _set_state(self, subscription: str, state: str, comment: str, done: Callable[[str, str], bool]) -> bool:
        from azure.mgmt.apimanagement.models import SubscriptionUpdateParameters

        where = self.address.group, self.address.service
        for _ in range(TRIES):
            tags: list[str] = []
            try:
                found = self._client.subscription.get(*where, subscription, cls=_tagged(tags))
                if done(str(found.state or ""), found.state_comment or ""):
                    return False
                changed = SubscriptionUpdateParameters(state=state, state_comment=comment)
                self._client.subscription.update(*where, subscription, tags[0], changed, notify=False)
                return True
            except AzureError as error:
                if getattr(error, "status_code", 0) != 412:
                    raise GatewayRefused(explain(error, f"subscription {subscription}")) from None
        raise GatewayRefused(f"subscription {subscription} was changed by somebody else {TRIES} times in a row: try again")

    # named values

    def _each(self, change: Callable[[str], str], same: Callable[[str], bool]) -> bool:
        return sum(self._edit(name, change, same=same) for name in LISTS) > 0  # every one, also after the first that changed

    def _get(self, name: str) -> tuple[str, str]:
        tags: list[str] = []
        try:
            found = self._client.named_value.get(self.address.group, self.address.service, name, cls=_tagged(tags))
        except AzureError as error:
            raise GatewayRefused(explain(error, name)) from None
        return (found.value or EMPTY), tags[0]

    def _edit(self, name: str, change: Callable[[str], str], *, same: Callable[[str], bool] | None = None, secret: bool = False) -> bool:
        """Read, change, write if nobody wrote meanwhile, else again; whether anything had to be written."""
        from azure.mgmt.apimanagement.models import NamedValueUpdateParameters

        for _ in range(TRIES):
            value, tag = self._get(name)
            after = change(value)
            if not secret and (after == value or (same is not None and same(value))):
                return False
            try:
                changed = NamedValueUpdateParameters(value=after)
                self._client.named_value.begin_update(self.address.group, self.address.service, name, tag, changed).result(60)
                return True
            except AzureError as error:
                if getattr(error, "status_code", 0) != 412:
                    raise GatewayRefused(explain(error, name)) from None
        raise GatewayRefused(f"{name} was changed by somebody else {TRIES} times in a row: try again")


def _tagged(tags: list[str]) -> Callable[[Any, Any, Any], Any]:
    def take(_response: Any, found: Any, headers: Any) -> Any:
        tags.append(headers.get("ETag") or "")
        return found

    return take


def explain(error: AzureError, what: str) -> str:
    """An error of the management interface in words that say what to do."""
    if isinstance(error, ClientAuthenticationError):
        return "not signed in at Azure: run `az login`, or give the app the writing identity (RESPONSE_CLIENT_ID)"
    if isinstance(error, ResourceNotFoundError):
        return f"there is no {what}: deploy the guard first (GATEWATCH_GUARD), or look at the name"
    if isinstance(error, HttpResponseError):
        if error.status_code == 403:
            return f"no permission to write {what}: this needs {ROLE}; `tools.respond apply --print` writes nothing"
        return f"the gateway's management interface answered {error.status_code} for {what}"
    return f"the gateway's management interface cannot be reached ({type(error).__name__})"
