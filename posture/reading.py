"""How a live service is read: in which order, how much in one night, and what an answer changes. Pure: `adapters.posture` asks, this says what next.

Source of the number of reads and of Azure's limits: https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling (a bucket of 250 for
an identity, refilled by 25 a second).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from posture.arm_json import Resource, field, text
from posture.resources import add
from posture.snapshot import Snapshot

NIGHTLY = 1_800
"""Reads of one service in one night, once it has been read completely."""
NIGHTS = 7
"""In so many nights every operation's policy is read again, as far as NIGHTLY allows."""
IN_A_ROW = 3
"""Refusals in a row after which the rest of a phase is not tried."""

LISTS = (
    "tenant", "portal", "signup", "identity providers", "apis", "products", "tags", "subscriptions", "backends", "named values", "certificates", "loggers", "diagnostics", "gateways",
    "policy", "fragments",
)  # fmt: skip
PHASES = ("service", "lists", "products", "gateways", "apis", "deep", "operation policies")
OF_A_PRODUCT = ("product apis", "product groups", "product policy")
OF_AN_API = ("api policy", "operations")
DEEP = ("api diagnostics", "schemas")

SECTION = {
    "product apis": "product apis", "product groups": "product groups", "product policy": "policies", "policy": "policies", "api policy": "policies",
    "operations": "operations", "api diagnostics": "diagnostics", "schemas": "schemas", "operation policy": "operation policies", "gateway hosts": "gateways",
}  # fmt: skip
"""Which section of the snapshot a read fills, where it is not called the same."""
PREFIX = {
    "service": "", "tenant": "tenant/", "portal": "portalconfigs/", "signup": "portalsettings/", "identity providers": "identityProviders/", "apis": "apis/",
    "products": "products/", "tags": "tagResources/", "subscriptions": "subscriptions/", "backends": "backends/", "named values": "namedValues/", "certificates": "certificates/",
    "loggers": "loggers/", "diagnostics": "diagnostics/", "gateways": "gateways/", "fragments": "policyFragments/", "policy": "policies/",
    "product apis": "{0}/apis/", "product groups": "{0}/groups/", "product policy": "{0}/policies/", "gateway hosts": "{0}/hostnameConfigurations/",
    "api policy": "{0}/policies/", "operations": "{0}/operations/", "api diagnostics": "{0}/diagnostics/", "schemas": "{0}/schemas/", "operation policy": "{0}/policies/",
}  # fmt: skip


class Read(NamedTuple):
    """One thing to ask for. `key`: the path that it is of, "apis/x" or "apis/x/operations/y"; "" for a list of the service."""

    kind: str
    key: str = ""


class Cursor(msgspec.Struct, omit_defaults=True):
    """How far a pass over one service has come. `after`: the last key that is done in its phase; `deep` None: every API deeply."""

    started: int
    phase: int = 0
    after: str = ""
    reads: int = 0
    deep: list[str] | None = None
    refused: int = 0
    """Refusals in a row."""

    @property
    def is_done(self) -> bool:
        return self.phase >= len(PHASES)

    @property
    def share(self) -> float:
        return self.phase / len(PHASES)


class Work(msgspec.Struct):
    """A snapshot in the making, kept between runs."""

    snapshot: Snapshot
    cursor: Cursor


def begin(id: str, before: Snapshot | None, now: int, urgent: Iterable[str] = ()) -> Work:
    """A new pass. Without a complete snapshot everything is read; else the APIs that were read deeply longest ago, `urgent` ones first, within NIGHTLY."""
    if before is None or not before.complete:
        snapshot = Snapshot(id, id.rpartition("/")[2], gaps=dict.fromkeys(_unread(), "not read yet"))
        return Work(snapshot, Cursor(now))
    before.gaps = {section: gap for section, gap in before.gaps.items() if section in before.apis}  # each is found anew
    return Work(before, Cursor(now, deep=_deep(before, list(urgent))))


def _unread() -> list[str]:
    sections = ["service", "operation policies", "schemas", "operations", "product apis", "product groups"]
    return sections + ["policies" if one == "policy" else one for one in LISTS]


def _deep(snapshot: Snapshot, urgent: list[str]) -> list[str]:
    used = [path for path, api in snapshot.apis.items() if api.is_current or api.online]
    lists = (
        len(LISTS)
        + 1
        + sum(len(part) // 100 for part in (snapshot.apis, snapshot.tags, snapshot.named_values, snapshot.subscriptions, snapshot.backends))
    )
    left = NIGHTLY - lists - 3 * len(snapshot.products) - len(snapshot.gateways) - 2 * len(used)
    quota = -(-sum(len(snapshot.apis[path].operations) for path in used) // NIGHTS)
    first = [path for path in urgent if path in used]
    rest = sorted(
        (path for path in used if path not in first), key=lambda path: (snapshot.apis[path].reads.get("operation policies", 0), path)
    )
    chosen: list[str] = []
    for path in first + rest:
        operations = len(snapshot.apis[path].operations)
        if left < operations + len(DEEP) or (path not in first and quota <= 0):
            break
        chosen.append(path)
        left -= operations + len(DEEP)
        quota -= max(1, operations)
    return sorted(chosen)


def coming(work: Work) -> Iterator[Read]:
    """What is still to be read, in order. The caller applies each answer, or `refused`, before it asks for the next."""
    cursor, snapshot = work.cursor, work.snapshot
    while not cursor.is_done:
        phase = PHASES[cursor.phase]
        for key in [one for one in _keys(phase, work) if one > cursor.after]:
            for kind in _kinds(phase, key):
                yield Read(kind, key if phase not in ("service", "lists") else "")
            if cursor.refused >= IN_A_ROW and phase != "lists":
                break
            cursor.after = key
        _end_of(phase, snapshot)
        cursor.phase, cursor.after, cursor.refused = cursor.phase + 1, "", 0
    snapshot.complete = True


def _end_of(phase: str, snapshot: Snapshot) -> None:
    sections = {"products": ("product apis", "product groups"), "apis": ("operations",), "deep": ("schemas",), "operation policies": ("operation policies",)}  # fmt: skip
    for section in sections.get(phase, ()):
        if snapshot.gaps.get(section) == "not read yet":
            del snapshot.gaps[section]


def _keys(phase: str, work: Work) -> list[str]:
    snapshot, deep = work.snapshot, work.cursor.deep
    used = sorted(path for path, api in snapshot.apis.items() if api.is_current or api.online)
    wanted = used if deep is None else [path for path in deep if path in snapshot.apis]
    match phase:
        case "service":
            return [" "]
        case "lists":
            return [f"{n:02d} {kind}" for n, kind in enumerate(LISTS)]
        case "products":
            return sorted(snapshot.products)
        case "gateways":
            return sorted(f"gateways/{name}" for name in snapshot.gateways)
        case "apis":
            return used
        case "deep":
            return wanted
    return sorted(f"{path}/operations/{id}" for path in wanted for id in snapshot.apis[path].operations)


def _kinds(phase: str, key: str) -> Sequence[str]:
    many: Mapping[str, Sequence[str]] = {"service": ("service",), "products": OF_A_PRODUCT, "gateways": ("gateway hosts",), "apis": OF_AN_API, "deep": DEEP, "operation policies": ("operation policy",)}  # fmt: skip
    return (key[3:],) if phase == "lists" else many[phase]


def apply(work: Work, read: Read, found: Sequence[Mapping[str, Any]], now: int) -> None:
    """What an answer changes: the resources of a list in place of those before, one resource, or none where there is none. `found`: as ARM gave them."""
    snapshot = work.snapshot
    work.cursor.refused = 0
    section = SECTION.get(read.kind, read.kind)
    if read.kind in (section, "policy"):  # not that one item of a phase clears what another met
        snapshot.gaps.pop(section, None)
    paths = [path_of(read, body) for body in found]
    _clear(snapshot, read, set(paths))
    for path, body in zip(paths, found, strict=True):
        add(snapshot, Resource(snapshot.id, path, path, body))
    _remember(snapshot, read, now)


def path_of(read: Read, body: Mapping[str, Any]) -> str:
    """Where below the service a resource stands that a read gave."""
    prefix, name = PREFIX[read.kind].format(read.key), str(body.get("name", ""))
    if read.kind == "tags":
        return name  # whole, from `tag_of`
    return f"{prefix}{name}" if prefix else ""


def tag_of(body: Any) -> dict[str, Any] | None:
    """One of ARM's tagResources as the resource that it stands for, "apis/orders/tags/internal"; None where it names neither."""
    tag = field(body, "tag")
    target = next((id for kind in ("operation", "api", "product") if (id := text(field(body, kind, "id")))), "")
    id, path = text(field(tag, "id")).rpartition("/")[2], re.sub(r"(?i)^.*?/service/[^/]+", "", target).strip("/")
    if not id or not path:
        return None
    return {"name": f"{path}/tags/{id}", "properties": {"displayName": text(field(tag, "name")) or id}}


def _clear(snapshot: Snapshot, read: Read, kept: set[str]) -> None:
    """Take out what the answer no longer has."""
    prefix = PREFIX[read.kind].format(read.key)
    match read.kind:
        case "apis":
            snapshot.apis = {path: api for path, api in snapshot.apis.items() if path in kept}
            alive = {"/".join(path.split("/")[:2]) for path in kept}
            snapshot.policies = {scope: one for scope, one in snapshot.policies.items() if not scope.startswith("apis/") or "/".join(scope.split("/")[:2]) in alive}  # fmt: skip
            snapshot.diagnostics = {path: one for path, one in snapshot.diagnostics.items() if not path.startswith("apis/") or "/".join(path.split("/")[:2]) in alive}  # fmt: skip
        case "products":
            snapshot.products = {path: one for path, one in snapshot.products.items() if path in kept}
            snapshot.policies = {
                scope: one for scope, one in snapshot.policies.items() if not scope.startswith("products/") or scope in kept
            }
        case "operations":
            api = snapshot.apis[read.key]
            api.operations = {}
            stale = [scope for scope in snapshot.policies if scope.startswith(f"{read.key}/operations/") and scope not in kept]
            for scope in stale:
                del snapshot.policies[scope]
        case "schemas":
            snapshot.apis[read.key].schemas = {}
        case "product apis":
            snapshot.products[read.key].apis = ()
        case "product groups":
            snapshot.products[read.key].groups = ()
        case "policy" | "product policy" | "api policy" | "operation policy":
            snapshot.policies.pop(read.key, None)
        case "api diagnostics" | "diagnostics":
            snapshot.diagnostics = {path: one for path, one in snapshot.diagnostics.items() if not path.startswith(prefix)}
        case "gateway hosts":
            snapshot.gateway_hosts = {path: one for path, one in snapshot.gateway_hosts.items() if not path.startswith(prefix)}
        case "gateways":
            snapshot.gateways = ()
            snapshot.gateway_hosts = {path: one for path, one in snapshot.gateway_hosts.items() if "/".join(path.split("/")[:2]) in kept}
        case "identity providers":
            snapshot.identity_providers = ()
        case "tenant":
            snapshot.tenant = {}
        case "portal":
            snapshot.portal = {}
        case "signup":
            snapshot.signup = None
        case "subscriptions" | "backends" | "certificates" | "loggers" | "fragments":
            setattr(snapshot, read.kind, {})
        case "named values":
            snapshot.named_values = {}
        case "tags":
            snapshot.tags = {}


def _remember(snapshot: Snapshot, read: Read, now: int) -> None:
    path, _, operation = read.key.partition("/operations/")
    api = snapshot.apis.get(path)
    if api is not None:
        kind = SECTION.get(read.kind, read.kind)
        api.reads = {**api.reads, kind if not operation else "operation policies": now}


def refused(work: Work, read: Read, why: str) -> None:
    """An answer that is none: "no permission", "not in this tier" or "not answered". What was known stays, and its section says why it may be old."""
    work.snapshot.gaps[SECTION.get(read.kind, read.kind)] = why
    work.cursor.refused += 1
