"""The few ways that an attacker would take: what is exposed, open and worth having, joined into paths, each with the one cheapest step that cuts it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import pairwise
from typing import Literal, NamedTuple

from posture.facts import EndpointFacts, Traffic
from posture.risk import score
from posture.snapshot import Api, Snapshot

Kind = Literal["A", "B", "C", "D", "E", "F"]


class Node(NamedTuple):
    """`kind`: internet, gateway, api, endpoint, data, backend, subscription."""

    kind: str
    name: str
    id: str = ""


class Edge(NamedTuple):
    source: str
    target: str
    label: str


class Path(NamedTuple):
    """`endpoint`: "GET /orders/{id}", "" for a path that ends at a key; `fix` and `step`: what cuts it, and the exact setting."""

    id: str
    kind: Kind
    title: str
    severity: str
    risk: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    fix: str
    step: str
    endpoint: str
    evidence: tuple[str, ...]


TITLES: Mapping[Kind, str] = {
    "A": "An endpoint open to the internet gives sensitive data to callers who prove nothing",
    "B": "An endpoint open to the internet lets ids be tried one after the other, and answers with sensitive data",
    "C": "An API takes unencrypted calls from callers who prove nothing",
    "D": "An endpoint that nobody described answers with sensitive data",
    "E": "Sensitive data travels unencrypted between gateway and backend",
    "F": "A key that opens every API is used from the internet",
}

States = Mapping[str, Mapping[str, str]]
"""Assessment id -> path of a resource below the service -> its state."""


def find(snapshot: Snapshot, traffic: Traffic, states: States) -> list[Path]:
    """All paths of one service, the riskiest first."""
    paths: list[Path] = []
    for facts in traffic.endpoints:
        here = _Here(snapshot, facts, states)
        paths += [path for rule in _RULES if (path := rule(here)) is not None]
    paths += _keys(snapshot, traffic)
    return sorted(paths, key=lambda path: (-path.risk, path.kind, path.id))


def reachable(snapshot: Snapshot, api: Api | None = None) -> bool | None:
    """Whether the configuration lets the internet in; None where the service was not read."""
    service = snapshot.service
    if service is None:
        return None
    online = api is None or api.online is not False
    closed = service.public_access.casefold() == "disabled" or service.virtual_network.casefold() == "internal"
    return online and not closed


class _Here:
    """One endpoint with what is known around it."""

    def __init__(self, snapshot: Snapshot, facts: EndpointFacts, states: States) -> None:
        self.snapshot, self.facts, self._states = snapshot, facts, states
        self.api_path = f"apis/{facts.api}"
        self.api = snapshot.apis.get(self.api_path)
        operations = self.api.operations.values() if self.api else ()
        mine = (one.id for one in operations if one.method == facts.method and one.template == facts.template)
        self.operation = next(mine, "")
        self.exposed = "seen" if facts.external else "possible" if reachable(snapshot, self.api) else ""

    @property
    def is_open(self) -> bool:
        return self.facts.authentication in ("Unauthenticated", "Mixed")

    def has(self, assessment: str) -> bool:
        """Whether it is unhealthy at the operation, or at its API where the operation has no verdict of its own."""
        states = self._states.get(assessment, {})
        own = states.get(f"{self.api_path}/operations/{self.operation}")
        return (own or states.get(self.api_path)) == "unhealthy"

    def path(self, kind: Kind, severity: str, fix: str, step: str, evidence: Iterable[str], *, backend: str = "") -> Path:
        facts = self.facts
        nodes = [Node("internet", "The internet")] if self.exposed else []
        nodes += [Node("gateway", facts.service, self.snapshot.id)]
        if facts.api:
            nodes.append(Node("api", self.api.name if self.api and self.api.name else facts.api, self.snapshot.resource(self.api_path)))
        nodes.append(Node("endpoint", facts.endpoint, facts.id))
        if backend:
            nodes.append(Node("backend", backend))
        if facts.sensitivity:
            nodes.append(Node("data", ", ".join(facts.sensitive[:3]) or "sensitive data"))
        risk = score(facts, reachable=reachable(self.snapshot, self.api)).score
        seen = {"seen": "called from the internet", "possible": "reachable from the internet by its configuration"}
        said = [seen[self.exposed], *evidence] if self.exposed else list(evidence)
        return Path(
            _id(kind, facts.id),
            kind,
            TITLES[kind],
            severity,
            risk,
            tuple(nodes),
            _edges(nodes, self),
            fix,
            step,
            facts.endpoint,
            tuple(said),
        )


def _edges(nodes: list[Node], here: _Here) -> tuple[Edge, ...]:
    labels = {
        "gateway": "may call" if here.exposed == "possible" else "calls",
        "api": "publishes",
        "endpoint": "has" if here.api else "lets through",
        "backend": "sends to",
        "data": "answers with",
    }
    return tuple(Edge(before.name, after.name, labels[after.kind]) for before, after in pairwise(nodes))


def _id(*parts: str) -> str:
    return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


_JWT = (
    "In the policy of {where}, put <validate-jwt> or <validate-azure-ad-token> into <inbound>, after <base />, with audiences and issuers."
)


def _open_data(here: _Here) -> Path | None:
    if not (here.exposed and here.is_open and here.facts.sensitivity):
        return None
    where = f"the API {here.facts.api}" if here.facts.api else "all APIs"
    evidence = [f"authentication: {here.facts.authentication}", f"carries {', '.join(here.facts.sensitive[:3])}"]
    severity = "High" if here.exposed == "seen" else "Medium"
    return here.path("A", severity, "Demand a token", _JWT.format(where=where), evidence)


def _enumeration(here: _Here) -> Path | None:
    if not (here.exposed and here.facts.sensitivity and here.facts.in_path and here.has("no-rate-limit")):
        return None
    step = f'In the policy of the API {here.facts.api}, put <rate-limit-by-key calls="60" renewal-period="60" counter-key="@(context.Subscription?.Id ?? context.Request.IpAddress)" /> into <inbound>.'
    evidence = ["no rate limit is effective", f"an id stands in the path {here.facts.template}"]
    return here.path("B", "Medium", "Limit the rate of calls", step, evidence)


def _plaintext(here: _Here) -> Path | None:
    if not (here.has("api-plaintext") and here.is_open):
        return None
    step = f'Set properties.protocols of the API {here.facts.api} to ["https"].'
    return here.path(
        "C", "High", "Take encrypted calls only", step, ["protocols contains http or ws", f"authentication: {here.facts.authentication}"]
    )


def _shadow(here: _Here) -> Path | None:
    if not (here.facts.is_shadow and here.facts.succeeded and here.facts.sensitivity):
        return None
    step = "Describe it as an operation with its own policy, or answer it with 404 in the policy of all APIs."
    return here.path("D", "High", "Describe it, or switch it off", step, ["described by no operation", "answered 2xx"])


def _backend(here: _Here) -> Path | None:
    if not (here.facts.sensitivity and here.api):
        return None
    address = here.api.service_url
    if not here.has("api-backend-plaintext"):
        return None
    step = f"Set properties.serviceUrl of the API {here.facts.api}, or base-url of its set-backend-service, to an https address."
    plain = address if address.startswith("http://") else "an unencrypted backend"
    return here.path("E", "Medium", "Encrypt the way to the backend", step, ["the backend is called over http"], backend=plain)


_RULES: tuple[Callable[[_Here], Path | None], ...] = (_open_data, _enumeration, _plaintext, _shadow, _backend)


def _keys(snapshot: Snapshot, traffic: Traffic) -> Iterator[Path]:
    """F: the built-in key, or one of all APIs, from a public address."""
    wide = {one.id for one in snapshot.subscriptions.values() if one.scope.casefold() in ("apis", "") and one.state.casefold() == "active"}
    for id, use in sorted((traffic.keys or {}).items()):
        if not use.public or id not in wide | {"master"}:
            continue
        name = "the built-in all-access key" if id == "master" else f"subscription {id}"
        nodes = (
            Node("internet", "The internet"),
            Node("subscription", name, snapshot.resource(f"subscriptions/{id}")),
            Node("gateway", snapshot.name, snapshot.id),
        )
        edges = (Edge(nodes[0].name, nodes[1].name, "uses"), Edge(nodes[1].name, nodes[2].name, "opens every API of"))
        step = f"Give its user a subscription of one product, then regenerate the keys of {id}." if id == "master" else f"Set properties.scope of subscription {id} to one product or API."  # fmt: skip
        yield Path(
            _id("F", snapshot.id, id),
            "F",
            TITLES["F"],
            "High",
            60,
            nodes,
            edges,
            "Use a key of one product",
            step,
            "",
            ("used from a public address",),
        )
