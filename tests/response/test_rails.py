"""Guard rails: who is one caller, who is shared, who is refused, each with its number."""

import pytest

from intel.addresses import network
from model import Endpoint
from response.limits import Rails, parse
from response.rails import MASTER, Facts, Networks, Use, network_of, plan

ENDPOINT = Endpoint("contoso", "shop", "GET", "/v1/orders/{id}")
NETWORKS = Networks((network("198.51.100.0/28"),), (network("203.0.113.0/28"),))
ME = "192.0.2.7"


def facts(target: str = ME, identities: int = 1, agents: int = 1, before: int = 0, everybody: int = 1000) -> Facts:
    return Facts("ip", target, 7, [Use(ENDPOINT, 400, 400, before, everybody)], identities, agents)


@pytest.mark.parametrize(
    ("case", "known", "allow", "verdict", "allowed"),
    [
        ("one person", facts(), (), "one caller", ("block", "slow")),
        ("a household", facts(identities=2, agents=4), (), "one caller", ("block", "slow")),
        ("three identities", facts(identities=3), (), "shared", ("slow",)),
        ("five user agents", facts(agents=5), (), "shared", ("slow",)),
        ("two percent of an endpoint", facts(before=20), (), "shared", ("slow",)),
        ("less of it", facts(before=19), (), "one caller", ("block", "slow")),
        ("a flood of today is not its usual traffic", facts(before=0, everybody=0), (), "one caller", ("block", "slow")),
        ("three, and somebody knows better", facts(identities=3), ("identities",), "shared", ("block", "slow")),
        ("three and five, and one of them allowed", facts(identities=3, agents=5), ("agents",), "shared", ("slow",)),
        ("a trusted proxy", facts("198.51.100.9"), (), "proxy: refused", ()),
        ("a trusted proxy whatever is allowed", facts("198.51.100.9"), ("proxy", "private", "spared"), "proxy: refused", ()),
        ("a private address", facts("10.1.2.3"), (), "private: refused", ()),
        ("a carrier's address", facts("100.64.0.1"), (), "private: refused", ()),
        ("a private address that is meant", facts("10.1.2.3"), ("private",), "one caller", ("block", "slow")),
        ("our own egress", facts("203.0.113.7"), (), "spared: refused", ()),
        ("link-local", facts("fe80::1"), (), "private: refused", ()),
        ("IPv6", facts("2001:db8::1"), (), "one caller", ("block", "slow")),
    ],
)  # fmt: skip
def test_addresses(case: str, known: Facts, allow: tuple[str, ...], verdict: str, allowed: tuple[str, ...]) -> None:
    found = plan(known, Rails(), NETWORKS, allow)
    assert (found.verdict, found.allowed) == (verdict, allowed), case


@pytest.mark.parametrize(
    ("network", "verdict"),
    [
        ("198.51.100.0/24", "proxy: refused"),
        ("203.0.113.0/24", "spared: refused"),
        ("192.0.2.0/24", "one caller"),
        ("2001:db8::/64", "one caller"),
    ],
)
def test_a_wide_entry_is_judged_by_its_whole_network(network: str, verdict: str) -> None:
    found = plan(Facts("ip", network.replace("/24", "").replace("::/64", "::200"), 7, network=network, addresses=4), Rails(), NETWORKS)
    assert found.verdict == verdict
    if verdict == "one caller":
        assert found.reasons[0] == f"4 addresses of {network} called in 7 days"


@pytest.mark.parametrize(
    ("address", "wide", "network"),
    [
        ("192.0.2.7", False, ""),
        ("192.0.2.7", True, "192.0.2.0/24"),
        ("2001:db8::7", False, "2001:db8::/64"),
        ("2001:db8:0:5::7", True, "2001:db8:0:5::/64"),
    ],
)
def test_what_an_entry_lists(address: str, wide: bool, network: str) -> None:
    assert network_of(address, wide=wide) == network


def test_the_numbers_are_in_the_answer() -> None:
    found = plan(facts(identities=3, agents=2, before=20), Rails(), NETWORKS)
    assert found.reasons == (
        "identities behind it in 24 hours: 3; from 3 on it is shared (identities)",
        "user agents behind it in 24 hours: 2; from 5 on it is shared (agents)",
        "2.0 percent of the successful calls of GET /v1/orders/{id} before the last day; from 2 percent on it is shared (share)",
    )
    assert set(found.overridable) == {"identities", "share"}


@pytest.mark.parametrize(
    ("proven", "allow", "allowed"),
    [(True, (), ("block", "slow")), (False, (), ()), (None, (), ()), (False, ("unproven",), ("block", "slow"))],
)
def test_an_identity_is_listed_only_where_something_proved_it(
    proven: bool | None, allow: tuple[str, ...], allowed: tuple[str, ...]
) -> None:
    assert plan(Facts("identity", "subject:" + "a" * 64, 2, proven=proven), Rails(), NETWORKS, allow).allowed == allowed


def test_subscriptions() -> None:
    assert plan(Facts("subscription", "mobile-app", 2), Rails(), NETWORKS).allowed == ("suspend",)
    assert plan(Facts("subscription", MASTER, 2), Rails(), NETWORKS, ("master",)).allowed == ()


@pytest.mark.parametrize(
    ("text", "rails"), [("", Rails()), ("identities=4, share=5", Rails(identities=4, share=5)), ("days=30", Rails(days=30))]
)
def test_numbers_are_settings(text: str, rails: Rails) -> None:
    assert parse(text) == rails


@pytest.mark.parametrize("text", ["identities", "identities=", "identities=0", "days=31", "x=1", "longest=20000", "share=-1", "share=2.5"])
def test_a_wrong_number_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="whole number"):
        parse(text)
