"""What an API Management service is configured to do, as far as posture, inventory and drift need it: compact, versioned, without secrets and without people.

`posture.resources` makes it of ARM resources; `pack` and `unpack` keep it. Everything is keyed by its path below the service, as ARM spells it:
`apis/orders;rev=2`, `apis/orders/operations/get-order`, `products/retail`. None means that the configuration does not say.
"""

import zlib
from collections.abc import Iterator
from hashlib import blake2b
from typing import Literal

import msgspec

VERSION = 1
"""A snapshot of another version is read anew from Azure."""

State = bool | None


class Parameter(msgspec.Struct, frozen=True, omit_defaults=True):
    """A declared parameter. `type` is free text, "" says nothing; `values`: the declared enumeration."""

    name: str
    type: str = ""
    required: bool = False
    values: tuple[str, ...] = ()


class Representation(msgspec.Struct, frozen=True, omit_defaults=True):
    """`schema`: key in `Api.schemas`, "" for none; `type_name`: the definition inside it; `form`: declared form fields."""

    content_type: str
    schema: str = ""
    type_name: str = ""
    form: tuple[Parameter, ...] = ()


class Response(msgspec.Struct, frozen=True, omit_defaults=True):
    status: int
    representations: tuple[Representation, ...] = ()
    headers: tuple[Parameter, ...] = ()


class Operation(msgspec.Struct, frozen=True, omit_defaults=True):
    """`template` is what stands before the `?` of ARM's urlTemplate; required query parameters behind it are in `query`, marked required."""

    id: str
    name: str
    method: str
    template: str
    path: tuple[Parameter, ...] = ()
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    request: tuple[Representation, ...] = ()
    responses: tuple[Response, ...] = ()


class Schema(msgspec.Struct, frozen=True, omit_defaults=True):
    """`document`: JSON text without examples, defaults and descriptions; "" where it was too large or not JSON (`size` says which)."""

    content_type: str
    document: str = ""
    size: int = 0


class Api(msgspec.Struct, omit_defaults=True):
    """One revision of an API. `id`: with `;rev=n` where ARM has it; `operations` and `schemas` by their ids.

    `reads`: the minute of the last reading of "operations", "schemas", "diagnostics", "policy" and "operation policies".
    """

    id: str
    name: str = ""
    path: str = ""
    type: str = "http"
    revision: str = "1"
    version: str = ""
    current: State = None
    online: State = None
    protocols: tuple[str, ...] = ()
    subscription_required: State = None
    key_header: str = ""
    key_query: str = ""
    authentication: tuple[str, ...] = ()
    """Which of oAuth2, oAuth2AuthenticationSettings, openid, openidAuthenticationSettings are declared."""
    service_url: str = ""
    operations: dict[str, Operation] = {}
    schemas: dict[str, Schema] = {}
    reads: dict[str, int] = {}

    @property
    def is_current(self) -> bool:
        return self.current is not False

    @property
    def base_id(self) -> str:
        """The id without its revision: as traffic names the API."""
        return self.id.partition(";rev=")[0]


class Hostname(msgspec.Struct, frozen=True, omit_defaults=True):
    host: str
    type: str = ""
    source: str = ""
    key_vault: bool = False
    expiry: str = ""


class Service(msgspec.Struct, omit_defaults=True):
    """The service itself. `custom`: customProperties, keys and values as they are; `locations`: (region, platform version)."""

    location: str = ""
    sku: str = ""
    created: str = ""
    platform: str = ""
    identity: str = ""
    virtual_network: str = ""
    public_access: str = ""
    private_endpoints: int = 0
    min_api_version: str = ""
    custom: dict[str, str] = {}
    hostnames: tuple[Hostname, ...] = ()
    locations: tuple[tuple[str, str], ...] = ()
    portal_status: str = ""
    legacy_api: str = ""
    gateway_url: str = ""


class Policy(msgspec.Struct, frozen=True, omit_defaults=True):
    """A policy document. Secrets in it are replaced by `{{…}}`; `secrets` says where they stood, as (element path, kind).

    `problem`: why there is no text, "" where there is.
    """

    text: str
    secrets: tuple[tuple[str, str], ...] = ()
    problem: str = ""


class Product(msgspec.Struct, omit_defaults=True):
    """`apis` and `groups` None: not read."""

    id: str
    name: str = ""
    state: str = ""
    subscription_required: State = None
    approval_required: State = None
    apis: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None


class Subscription(msgspec.Struct, frozen=True, omit_defaults=True):
    """Without its owner and its keys. `scope` below the service: "" for the service itself, "apis" for all APIs, "apis/x", "products/x"."""

    id: str
    scope: str = ""
    state: str = ""
    created: str = ""


class Backend(msgspec.Struct, frozen=True, omit_defaults=True):
    """`credentials`: the kinds that are configured, of certificate, certificateIds, authorization, header, query, managedIdentity."""

    id: str
    url: str = ""
    protocol: str = ""
    type: str = ""
    credentials: tuple[str, ...] = ()
    chain: State = None
    names: State = None
    members: tuple[str, ...] = ()
    """Paths of the members of a pool."""
    fabric: bool = False
    """A Service Fabric cluster."""


class NamedValue(msgspec.Struct, frozen=True, omit_defaults=True):
    """Never a value but a plain http(s) address, which policies may use. `credential`: the type of secret that a plain value looks like."""

    id: str
    name: str = ""
    secret: State = None
    vault: str = ""
    """secretIdentifier, "" for none."""
    vault_status: str = ""
    credential: str = ""
    address: str = ""


class Certificate(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str
    expiry: str = ""
    key_vault: bool = False


class Logger(msgspec.Struct, frozen=True, omit_defaults=True):
    """`credentials`: the names of its credential fields. `secrets`: the named values that these refer to."""

    id: str
    type: str = ""
    credentials: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


class Capture(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a diagnostic writes down of one message. `where`: "frontend.request" and so on."""

    where: str
    headers: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    """Header names that its dataMasking names."""
    body_bytes: int = 0


class Diagnostic(msgspec.Struct, frozen=True, omit_defaults=True):
    path: str
    captures: tuple[Capture, ...] = ()


class GatewayHost(msgspec.Struct, frozen=True, omit_defaults=True):
    path: str
    tls10: State = None
    tls11: State = None


Gap = Literal["no permission", "not in this tier", "not read yet", "not in the export", "not answered"]


class Snapshot(msgspec.Struct, omit_defaults=True):
    """One service. `id`: its ARM id, "" where an export does not say; `service` None: not read.

    `gaps`: why a section has nothing, by its name in `SECTIONS`. `labels`: of an export, path -> id or name as it stood there.
    """

    id: str
    name: str
    version: int = VERSION
    taken: int = 0
    """Minute at which the reading ended that this shows."""
    complete: bool = False
    service: Service | None = None
    tenant: dict[str, bool | None] = {}
    """access, gitAccess, gatewayaccess -> enabled."""
    portal: dict[str, bool | None] = {}
    """portalconfigs id -> enableBasicAuth."""
    signup: State = None
    identity_providers: tuple[str, ...] = ()
    apis: dict[str, Api] = {}
    products: dict[str, Product] = {}
    tags: dict[str, tuple[str, ...]] = {}
    """Path of an API, an operation or a product -> names of its tags."""
    subscriptions: dict[str, Subscription] = {}
    backends: dict[str, Backend] = {}
    named_values: dict[str, NamedValue] = {}
    sampling: float | None = None
    """Per cent of calls of which Gatewatch's policy sends an event; None where its named value was not read."""
    certificates: dict[str, Certificate] = {}
    loggers: dict[str, Logger] = {}
    diagnostics: dict[str, Diagnostic] = {}
    gateways: tuple[str, ...] = ()
    gateway_hosts: dict[str, GatewayHost] = {}
    policies: dict[str, Policy] = {}
    """Scope ("" for all APIs, "products/x", "apis/x", "apis/x/operations/y") -> its document."""
    fragments: dict[str, Policy] = {}
    gaps: dict[str, str] = {}
    labels: dict[str, str] = {}

    def resource(self, path: str = "") -> str:
        """The ARM id of what stands at a path, or what the export called it."""
        if path in self.labels:
            return self.labels[path]
        return f"{self.id or self.name}/{path}" if path else self.id or self.name

    def endpoints(self) -> Iterator[tuple[Api, Operation]]:
        """Every operation of every API revision that is current or online."""
        for api in self.apis.values():
            if api.is_current or api.online:
                for operation in api.operations.values():
                    yield api, operation


SECTIONS = (
    "service", "tenant", "portal", "signup", "identity providers", "apis", "operations", "products", "product apis", "product groups", "tags",
    "subscriptions", "backends", "named values", "certificates", "loggers", "diagnostics", "gateways", "policies", "operation policies",
    "fragments", "schemas",
)  # fmt: skip

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Snapshot).decode


def service_key(service: str) -> str:
    """32 hex digits of a service's ARM id, for rows and blobs."""
    return blake2b(service.casefold().encode(), digest_size=16).hexdigest()


class OtherVersion(Exception):
    """The bytes are a snapshot of a version that this one does not read."""


def pack(snapshot: Snapshot) -> bytes:
    """Compressed MessagePack; `unpack` gives it back."""
    return bytes([VERSION]) + zlib.compress(_encode(snapshot), 6)


def unpack(packed: bytes) -> Snapshot:
    """Raises OtherVersion."""
    if packed[:1] != bytes([VERSION]):
        raise OtherVersion
    return _decode(zlib.decompress(packed[1:]))
