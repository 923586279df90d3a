"""What is declared of a gateway's operations: from its configuration or from uploaded OpenAPI documents, in the one form that inventory and drift compare with traffic."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

_BRACES = re.compile(r"\{[^{}]*\}")


class DeclaredParameter(NamedTuple):
    """`place`: "query", "path" or "header". `types`: JSON types, empty where nothing is said."""

    name: str
    place: str
    types: frozenset[str] = frozenset()
    required: bool = False
    values: tuple[str, ...] = ()


class DeclaredBody(NamedTuple):
    """`fields`: "$.items[*].price" -> JSON types; `open`: below these paths anything goes."""

    fields: Mapping[str, frozenset[str]]
    open: frozenset[str] = frozenset()

    def has(self, path: str) -> bool:
        return path in self.fields or any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in self.open)


class Demand(NamedTuple):
    """How a policy has callers prove themselves. `kinds`: as events name proofs; `conditional`: only under a condition."""

    kinds: tuple[str, ...]
    conditional: tuple[str, ...] = ()


class Declared(msgspec.Struct, frozen=True):
    """One operation. None, and empty collections, mean that the description does not say. `silent`: why it sends no event, "" where it does."""

    service: str
    api: str
    method: str
    template: str
    id: str = ""
    name: str = ""
    api_name: str = ""
    api_version: str = ""
    products: tuple[str, ...] = ()
    """Names of the products that the API is in."""
    tags: tuple[str, ...] = ()
    """Of the operation and of its API."""
    revision: int = 1
    is_current: bool = True
    parameters: tuple[DeclaredParameter, ...] = ()
    statuses: tuple[str, ...] = ()
    request_media: tuple[str, ...] = ()
    response_media: tuple[str, ...] = ()
    request_body: DeclaredBody | None = None
    response_body: DeclaredBody | None = None
    demand: Demand | None = None
    policy: str = ""
    """Hash of the policies that act here."""
    is_watched: bool | None = None
    silent: str = ""
    schemes: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()

    @property
    def is_described(self) -> bool:
        """Whether it says more than method and path."""
        beyond = [one for one in self.parameters if one.place != "path"]
        return bool(beyond or self.statuses or self.request_media or self.response_media)

    @property
    def is_wildcard(self) -> bool:
        return self.template.endswith("*") or self.method == "*"


def template_key(template: str) -> str:
    """The same for two spellings of one template: what stands before a `?`, without names of parameters, a closing slash, and large letters."""
    return _BRACES.sub("{}", template.partition("?")[0]).rstrip("/").casefold() or "/"


def _completed(known: Declared, other: Declared) -> Declared:
    """A description with what only another one knows: a document does not say what acts at the gateway."""
    return msgspec.structs.replace(
        known,
        id=known.id or other.id,
        name=known.name or other.name,
        api_version=known.api_version or other.api_version,
        products=known.products or other.products,
        tags=tuple(dict.fromkeys((*known.tags, *other.tags))),
        demand=other.demand if known.demand is None else known.demand,
        policy=known.policy or other.policy,
        is_watched=other.is_watched if known.is_watched is None else known.is_watched,
        silent=known.silent or other.silent,
    )


Key = tuple[str, str, str, str]
"""Service, API, method, template: each as it is compared."""


def base_paths(servers: Iterable[str]) -> list[str]:
    """The paths below which an API's templates stand: "/shop" of "https://api.contoso.com/shop"."""
    found = (re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/]*|^//[^/]*", "", one).partition("?")[0].rstrip("/") for one in servers)
    return list(dict.fromkeys(path.casefold() for path in found if path.startswith("/")))


def key_of(service: str, api: str, method: str, template: str) -> Key:
    return service.casefold(), api.partition(";rev=")[0].casefold(), method.upper(), template_key(template)


class Estate:
    """Every declared operation of every gateway, found by what traffic says of a call. Immutable once made."""

    def __init__(
        self,
        operations: Iterable[Declared] = (),
        taken: Mapping[str, int] | None = None,
        sampling: Mapping[str, float] | None = None,
        former: Mapping[Key, int] | None = None,
    ) -> None:
        """`taken`: service -> minute of the description; `sampling`: service -> per cent of calls that send an event; `former`: what was declared once
        -> minute since which it is not."""
        self._operations: dict[Key, Declared] = {}
        self._wildcards: dict[tuple[str, str], list[tuple[str, re.Pattern[str]]]] = {}
        self._bases: dict[tuple[str, str], dict[str, None]] = {}
        self.services: set[str] = set()
        for one in operations:
            key = key_of(one.service, one.api, one.method, one.template)
            known = self._operations.get(key)
            if known is None or (one.is_current and not known.is_current):
                self._operations[key] = one
            elif one.is_current or not known.is_current:
                self._operations[key] = _completed(known, one)
            self.services.add(key[0])
            self._bases.setdefault(key[:2], {}).update(dict.fromkeys(base_paths(one.servers)))
            if one.is_wildcard:
                head = re.escape(template_key(one.template.rstrip("*"))).replace(r"\{\}", "[^/]+").rstrip("/")
                self._wildcards.setdefault(key[:2], []).append((key[2], re.compile(head + r"(?:/.*)?", re.IGNORECASE)))
        self.taken = {service.casefold(): minute for service, minute in (taken or {}).items()}
        self.sampling = {service.casefold(): share for service, share in (sampling or {}).items()}
        self.former = dict(former or {})

    def find(self, service: str, api: str, method: str, template: str) -> Declared | None:
        """What traffic spells with the path of the API's server before it is found too."""
        key = key_of(service, api, method, template)
        if (found := self._operations.get(key)) is not None:
            return found
        below = (
            key[3].removeprefix(base) or "/" for base in self._bases.get(key[:2], ()) if key[3] == base or key[3].startswith(f"{base}/")
        )
        return next((found for one in below if (found := self._operations.get((*key[:3], one))) is not None), None)

    def is_behind_wildcard(self, service: str, api: str, method: str, path: str) -> bool:
        """Whether a path without an operation of its own is let through by a declared wildcard."""
        keys = self._wildcards.get((service.casefold(), api.casefold()), ())
        return any(wanted in (method.upper(), "*") and pattern.fullmatch(path.casefold()) for wanted, pattern in keys)

    def was_declared(self, service: str, api: str, method: str, template: str) -> int | None:
        """The minute since which an operation is declared no longer; None where it never was. A folded template is met by what it folds."""
        wanted = key_of(service, api, method, template)
        found = self.former.get(wanted)
        if found is not None or "…" not in template:
            return found
        head = wanted[3].partition("{}")[0]
        if not head.strip("/"):
            return None
        return max(
            (since for key, since in self.former.items() if key[0] == wanted[0] and key[2] == wanted[2] and key[3].startswith(head)),
            default=None,
        )

    def __iter__(self) -> Iterator[Declared]:
        return iter(self._operations.values())

    def __len__(self) -> int:
        return len(self._operations)
