"""Whom an action would hit, and what is refused: facts about a caller become a verdict, each guard rail with its number. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Literal

from intel.addresses import Range, network
from model import Endpoint
from response.limits import Rails

Kind = Literal["ip", "identity", "subscription"]
Action = Literal["block", "slow", "suspend"]

PRIVATE = tuple(
    map(network, ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "::1", "fc00::/7", "fe80::/10"))
)  # fmt: skip
MASTER = "master"
"""The built-in subscription of all APIs: suspended, nothing that uses its key works."""


@dataclass(frozen=True, slots=True)
class Use:
    """What the target did at one endpoint, beside what everybody did there in the same time."""

    endpoint: Endpoint
    calls: int
    ok: int
    """Answered 2xx."""
    before: int = 0
    """Answered 2xx before the last day: an attack of today says nothing about whose address it is."""
    everybody: int = 0
    """The same of all callers, on the days on which the target called."""

    @property
    def share(self) -> float:
        """Percent of the endpoint's successful calls before the last day, 0 where there were none."""
        return 100 * self.before / self.everybody if self.everybody else 0.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a target from `days` days. `identities` and `agents`: distinct ones behind it in the last 24 hours, and of a few the names are
    not kept; of a network, behind all of its addresses. `proven`: of an identity, whether a policy validated the tokens; None: not known."""

    kind: Kind
    target: str
    days: float
    uses: Sequence[Use] = ()
    identities: int = 0
    agents: int = 0
    proven: bool | None = None
    network: str = ""
    """What an entry for the address would really list, "203.0.113.0/24" or an IPv6 /64; "" for the address alone."""
    addresses: int = 1
    """Of the network, those that called."""

    @property
    def calls(self) -> int:
        return sum(use.calls for use in self.uses)

    @property
    def ok(self) -> int:
        return sum(use.ok for use in self.uses)


@dataclass(frozen=True, slots=True)
class Plan:
    """`verdict`: "one caller", "shared", or why it is refused. `reasons` hold every number that was compared, those that spoke for it too."""

    facts: Facts
    verdict: str
    allowed: tuple[Action, ...]
    reasons: tuple[str, ...]
    overridable: Mapping[str, str] = field(default_factory=dict)
    """Guard rail -> its sentence: each that stands against the harshest action, to be allowed by its name."""


@dataclass(frozen=True, slots=True)
class Networks:
    """Where no caller is. `trusted`: proxies before the gateway; `spared`: own egress, health probes, offices."""

    trusted: Sequence[Range] = ()
    spared: Sequence[Range] = ()


def plan(facts: Facts, rails: Rails, networks: Networks, allow: Collection[str] = ()) -> Plan:
    """`allow`: names of guard rails that do not count this time. A trusted proxy is refused whatever is allowed: it stands for everybody behind it."""
    if facts.kind == "subscription":
        return _of_subscription(facts, allow)
    if facts.kind == "identity":
        return _of_identity(facts, allow)
    whom = facts.network or facts.target
    if _in(networks.trusted, whom):
        is_one = f"{whom} is a trusted proxy" if not facts.network else f"a trusted proxy is in {whom}"
        return Plan(facts, "proxy: refused", (), (f"{is_one}: everybody behind it would be hit",))
    against: dict[str, str] = {}
    if _in(PRIVATE, whom):
        against["private"] = f"{facts.target} is a private address: a proxy, a probe or your own network"
    if _in(networks.spared, whom):
        against["spared"] = f"{f'some of {whom}' if facts.network else whom} is in RESPONSE_SPARED: your own egress, probes or offices"
    refused = {name: why for name, why in against.items() if name not in allow}
    if refused:
        return Plan(facts, f"{next(iter(refused))}: refused", (), tuple(refused.values()), against)
    reasons = [
        _compared("identities", "identities behind it in 24 hours", facts.identities, rails.identities),
        _compared("agents", "user agents behind it in 24 hours", facts.agents, rails.agents),
    ]
    shared = {
        name: why
        for (name, why), is_many in zip(reasons, (facts.identities >= rails.identities, facts.agents >= rails.agents), strict=True)
        if is_many
    }
    most = max(facts.uses, key=lambda use: use.share, default=None)
    if most is not None:
        why = f"{most.share:.1f} percent of the successful calls of {most.endpoint} before the last day; from {rails.share} percent on it is shared (share)"
        reasons.append(("share", why))
        # The whole of a quiet endpoint's traffic is what one caller looks like, too.
        if most.share >= rails.share:
            shared["share"] = why
    verdict = "shared" if shared else "one caller"
    allowed: tuple[Action, ...] = ("slow",) if shared.keys() - set(allow) else ("block", "slow")
    counted = [f"{facts.addresses} addresses of {facts.network} called in {facts.days:g} days"] if facts.network else []
    return Plan(facts, verdict, allowed, (*counted, *(why for _, why in reasons)), against | shared)


def _compared(name: str, what: str, n: int, limit: int) -> tuple[str, str]:
    return name, f"{what}: {n}; from {limit} on it is shared ({name})"


def _of_identity(facts: Facts, allow: Collection[str]) -> Plan:
    if facts.proven:
        return Plan(facts, "one caller", ("block", "slow"), ("a policy validated the tokens that carried this identity",))
    why = (
        "nothing validated the tokens that carried this identity: anybody could have named somebody else (unproven)"
        if facts.proven is False
        else "it is not known whether anything validated the tokens that carried this identity (unproven)"
    )
    allowed: tuple[Action, ...] = ("block", "slow") if "unproven" in allow else ()
    return Plan(facts, "one caller" if allowed else "unproven: refused", allowed, (why,), {"unproven": why})


def _of_subscription(facts: Facts, allow: Collection[str]) -> Plan:
    del allow
    if facts.target == MASTER:
        return Plan(facts, "master: refused", (), ("the built-in subscription of all APIs is never suspended: its key opens everything",))
    why = "everybody who uses a key of this subscription is hit, and it does not end by itself: Gatewatch's timer or tools.respond makes it active again"
    return Plan(facts, "shared", ("suspend",), (why,))


def network_of(address: str, *, wide: bool = False) -> str:
    """What an entry for a canonical address lists beside it: its /24 where `wide` is asked for, always its /64 of IPv6; "" for the address alone."""
    if ":" in address:
        return str(ip_network(f"{address}/64", strict=False))
    return f"{address.rpartition('.')[0]}.0/24" if wide else ""


def _in(ranges: Sequence[Range], whom: str) -> bool:
    """Whether an address is in one of the ranges, or some address of a network."""
    version, first, last = network(whom)
    return any(known == version and begins <= last and first <= ends for known, begins, ends in ranges)
