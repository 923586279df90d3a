"""Reads API Management through Azure Resource Manager: GETs only, slowly, and without any secret's value.

Importing this costs the management SDK (0.12 s, 14 MB): only the posture function and tools do.
"""

import json
import logging
from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import Any

from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, DeserializationError, HttpResponseError, ResourceNotFoundError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.apimanagement import ApiManagementClient

from adapters.deadline import Transport
from posture.arm_json import field
from posture.reading import Read, tag_of

log = logging.getLogger("gatewatch.posture")

EVERY = 0.2
"""Seconds between two reads: five a second, a fifth of what Azure refills for one identity in one subscription."""
LOW = 50
"""Reads that Azure still grants, below which it is left to refill."""
REST = 5.0
"""Seconds of that."""
TRIES = 4
LONGEST_PAUSE = 300.0
"""Seconds; whoever is asked to wait longer stops and goes on another time."""
CONNECT, ANSWER = 5.0, 60.0
"""Seconds of one request, until it is connected and until the last octet of its answer."""
BACKENDS_VERSION = "2025-03-01-preview"
"""The first that shows a backend's managed identity."""


class NoPermission(Exception):
    """The identity may not read this, or cannot sign in; the text says which."""


class NotInTier(Exception):
    """The service's tier has no such thing."""


class NotAnswered(Exception):
    """The resource manager does not answer, or answers what cannot be read; the text says how."""


class Later(Exception):
    """The resource manager wants to be left alone for longer than this run may wait. `seconds`: how long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"asked to wait {seconds:.0f} s")
        self.seconds = seconds


class _NoToken:
    """What signs in to an emulated resource manager: nothing, and never."""

    def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        raise AssertionError(f"no token of {', '.join(scopes)} goes over plain http")


class _Pace(SansIOHTTPPolicy[Any, Any]):
    """Spaces requests, counts them, and keeps what was answered as ARM wrote it: the SDK's models lose what they do not know."""

    def __init__(self, clock: Callable[[], float], rest: Callable[[float], None]) -> None:
        self._clock, self._rest = clock, rest
        self._next = 0.0
        self.reads = 0
        self.bodies: list[Any] = []

    def on_request(self, request: PipelineRequest[Any]) -> None:
        if request.http_request.method != "GET":
            raise AssertionError("posture only reads")
        wait = self._next - self._clock()
        if wait > 0:
            self._rest(wait)
        self._next = self._clock() + EVERY
        self.reads += 1

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:  # noqa: ARG002  the SDK calls it so
        answer = response.http_response
        left = str(answer.headers.get("x-ms-ratelimit-remaining-subscription-reads", ""))
        if left.isdigit() and int(left) < LOW:
            self._next = self._clock() + REST
        if answer.status_code == 200:
            try:
                self.bodies.append(json.loads(answer.text()))
            except ValueError:
                self.bodies.append(None)


class Arm:
    """One subscription's resource manager. `clock` and `rest` in seconds; `until`: the moment of the clock after which no run waits any more."""

    def __init__(
        self,
        subscription: str,
        endpoint: str,
        credential: TokenCredential | None,
        *,
        clock: Callable[[], float] = monotonic,
        rest: Callable[[float], None] = sleep,
        until: Callable[[], float] = lambda: float("inf"),
        answer: float = ANSWER,
    ) -> None:
        """`answer`: seconds of one request. `credential` None: an emulated resource manager of this machine, over plain http."""
        self._clock, self._rest, self._until = clock, rest, until
        self._pace = _Pace(clock, rest)
        options: dict[str, Any] = {"base_url": endpoint, "credential_scopes": [endpoint + "/.default"], "retry_total": 0, "per_retry_policies": [self._pace]}  # fmt: skip
        if credential is None:
            options["authentication_policy"] = SansIOHTTPPolicy()  # no token for plain http
        signs_in = credential or _NoToken()
        # Of its own, not by argument: the SDK asks for a list's further pages with the client's version.
        self._newer = ApiManagementClient(
            signs_in, subscription, api_version=BACKENDS_VERSION, transport=Transport(CONNECT, answer), **options
        )
        self._client = ApiManagementClient(signs_in, subscription, transport=Transport(CONNECT, answer), **options)

    @property
    def reads(self) -> int:
        return self._pace.reads

    def close(self) -> None:
        self._client.close()
        self._newer.close()

    def services(self, group: str = "") -> list[str]:
        """ARM ids of the services of a resource group, or of the subscription. Raises as `read`."""
        of = self._client.api_management_service
        found = self._asked(lambda: list(of.list_by_resource_group(group) if group else of.list()))
        return [str(field(body, "id")) for body in found]

    def read(self, service: str, read: Read) -> list[Mapping[str, Any]]:
        """The resources that one read gives, as ARM wrote them; none where there is nothing. `service`: its ARM id. Raises NoPermission, NotInTier, NotAnswered, Later."""
        group, name = service.split("/")[4], service.rpartition("/")[2]
        keys = read.key.split("/")[1::2]
        call = _CALLS[read.kind]
        client = self._newer if read.kind == "backends" else self._client
        found = self._asked(lambda: call(client, group, name, *keys), missing=read.kind != "service")
        if read.kind == "tags":
            return list(filter(None, map(tag_of, found)))
        if read.kind == "fragments":
            found = [body if field(body, "properties", "value") else self._fragment(group, name, str(body.get("name"))) for body in found]
        return found

    def _fragment(self, group: str, name: str, id: str) -> Mapping[str, Any]:
        found = self._asked(lambda: self._client.policy_fragment.get(group, name, id, format="rawxml"))
        return found[0] if found else {"name": id}

    def _asked(self, call: Callable[[], Any], *, missing: bool = True) -> list[Mapping[str, Any]]:
        for attempt in range(1, TRIES + 1):
            self._pace.bodies.clear()
            try:
                found = call()
                if hasattr(found, "__next__") or hasattr(found, "by_page"):
                    for _ in found:  # every page
                        pass
                return self._found()
            except ResourceNotFoundError:
                if missing:
                    return []
                raise NotAnswered("there is no such service") from None
            except ClientAuthenticationError as error:
                raise NoPermission(f"the identity cannot sign in ({type(error).__name__})") from None
            except HttpResponseError as error:
                self._refused(error, attempt)
            except (AzureError, DeserializationError) as error:
                self._again(attempt, 2.0**attempt, f"it cannot be reached ({type(error).__name__})")
        raise NotAnswered("it cannot be reached")

    def _found(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        for body in self._pace.bodies:
            listed = field(body, "value")
            found += [one for one in (listed if isinstance(listed, list) else [body]) if isinstance(one, Mapping)]
        return found

    def _refused(self, error: HttpResponseError, attempt: int) -> None:
        """Wait, or raise."""
        status = error.status_code or 0
        code = str(error.error.code) if error.error is not None else ""
        if status == 403:
            raise NoPermission("the identity may not read it: it needs the role API Management Service Reader Role") from None
        if status == 400 and code == "MethodNotAllowedInPricingTier":
            raise NotInTier from None
        if status == 429 or status >= 500:
            headers: Mapping[str, str] = getattr(error.response, "headers", {})
            after = headers.get("Retry-After", "")
            self._again(attempt, float(after) if after.isdigit() else 2.0**attempt, f"it answers {status}", throttled=status == 429)
            return
        raise NotAnswered(f"it answers {status} {code}".strip()) from None

    def _again(self, attempt: int, seconds: float, what: str, *, throttled: bool = False) -> None:
        """Wait before the next try. Raises Later or NotAnswered where there is none."""
        if attempt < TRIES and seconds <= LONGEST_PAUSE and self._clock() + seconds < self._until():
            self._rest(seconds)
        elif throttled:
            raise Later(seconds) from None
        else:
            raise NotAnswered(what) from None


_Call = Callable[..., Any]

_CALLS: Mapping[str, _Call] = {
    "service": lambda c, g, n: c.api_management_service.get(g, n),
    "tenant": lambda c, g, n: c.tenant_access.list_by_service(g, n),
    "portal": lambda c, g, n: c.portal_config.list_by_service(g, n),
    "signup": lambda c, g, n: c.sign_up_settings.get(g, n),
    "identity providers": lambda c, g, n: c.identity_provider.list_by_service(g, n),
    "apis": lambda c, g, n: c.api.list_by_service(g, n),
    "products": lambda c, g, n: c.product.list_by_service(g, n),
    "tags": lambda c, g, n: c.tag_resource.list_by_service(g, n),
    "subscriptions": lambda c, g, n: c.subscription.list(g, n),
    "backends": lambda c, g, n: c.backend.list_by_service(g, n),
    "named values": lambda c, g, n: c.named_value.list_by_service(g, n),
    "certificates": lambda c, g, n: c.certificate.list_by_service(g, n),
    "loggers": lambda c, g, n: c.logger.list_by_service(g, n),
    "diagnostics": lambda c, g, n: c.diagnostic.list_by_service(g, n),
    "gateways": lambda c, g, n: c.gateway.list_by_service(g, n),
    "policy": lambda c, g, n: c.policy.get(g, n, "policy", format="rawxml"),
    "fragments": lambda c, g, n: c.policy_fragment.list_by_service(g, n),
    "product apis": lambda c, g, n, product: c.product_api.list_by_product(g, n, product),
    "product groups": lambda c, g, n, product: c.product_group.list_by_product(g, n, product),
    "product policy": lambda c, g, n, product: c.product_policy.get(g, n, product, "policy", format="rawxml"),
    "gateway hosts": lambda c, g, n, gateway: c.gateway_hostname_configuration.list_by_service(g, n, gateway),
    "api policy": lambda c, g, n, api: c.api_policy.get(g, n, api, "policy", format="rawxml"),
    "operations": lambda c, g, n, api: c.api_operation.list_by_api(g, n, api),
    "api diagnostics": lambda c, g, n, api: c.api_diagnostic.list_by_service(g, n, api),
    "schemas": lambda c, g, n, api: c.api_schema.list_by_api(g, n, api),
    "operation policy": lambda c, g, n, api, operation: c.api_operation_policy.get(g, n, api, operation, "policy", format="rawxml"),
}
"""Every read is a GET of `Microsoft.ApiManagement/service/*/read`: listSecrets and listValue are POSTs of their own roles."""
