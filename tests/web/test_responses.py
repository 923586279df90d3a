"""Responses as analysts ask for them: the paper dry run from real tables, guard rails with their numbers, and the gateway behind them over real HTTP."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import AzureError

from adapters import alerts
from adapters import responses as stored
from adapters.countries import Countries
from adapters.data_subjects import Places
from adapters.footprint import Footprints
from adapters.guard_list import Address, GuardList, connect
from adapters.responses import Responses
from intel.addresses import network
from model import minute_of
from response.entries import EMPTY, LISTS, MODE, parse
from response.limits import Rails
from response.rails import Networks
from retention.subject import of
from tests.adapters.world import KEY, START, World
from tests.tools.arm_emulator import GROUP, NAME, SUBSCRIPTION, ArmService, serving
from web.countries import of_alert as country_of
from web.responses import add, automatic, of_alert, page, preview, remove

ATTACKER, SHARED, PROXY = "203.0.113.177", "203.0.113.10", "198.51.100.9"
NETWORKS = Networks((network("198.51.100.0/28"),), ())
ALICE = {"x-ms-client-principal-name": "alice@contoso.com"}


@pytest.fixture
def world(account: Any) -> World:
    return World(account, START + timedelta(days=3, hours=10))


@pytest.fixture
def service() -> ArmService:
    return ArmService(named_values={**dict.fromkeys(LISTS, EMPTY), MODE: "on", "gatewatch-guard-key": EMPTY})


@pytest.fixture
def known(world: World, service: ArmService) -> Iterator[Responses]:
    address = Address(SUBSCRIPTION, GROUP, NAME)
    with serving(service) as endpoint:
        yield Responses(world.tables, GuardList(connect(address, None, endpoint, polling_interval=0, retry_total=0), address), Rails())


@pytest.fixture
def ask(world: World, known: Responses) -> Any:
    gather = Footprints(world.tables, world.log, KEY).of

    def asked(what: str, **body: Any) -> tuple[int, dict[str, Any]]:
        encoded = json.dumps(body).encode()
        if what == "plan":
            return preview(world.tables, known, gather, NETWORKS, encoded, world.now)
        return add(world.tables, known, gather, NETWORKS, encoded, ALICE, world.now)

    return asked


def listed(service: ArmService) -> list[str]:
    return [entry.key for name in LISTS for entry in parse(service.named_values[name])]


def played(world: World, events: list[bytes]) -> None:
    world.play(events)
    world.evaluate()


def raised(world: World) -> list[str]:
    return [alert.id for alert in alerts.read(world.tables, 0)]


def play(world: World) -> None:
    """An attacker with one subscription and one program; three people behind one address; both lately, and some of it in closed windows."""
    for hours in (5, 0):
        at = world.now - timedelta(hours=hours)
        moment = at.isoformat()
        attack = [
            world.call(
                ATTACKER, time=moment, userAgent="sqlmap/1.8", subscriptionId="web", userId=None, identity=None, status=200 if n else 404
            )
            for n in range(10)
        ]
        people = [
            world.call(SHARED, time=moment, userAgent=f"app/{n % 2}", subscriptionId="web", userId=f"u{n}", identity=None, status=200)
            for n in range(3)
        ]
        played(world, [*attack, *people])


def test_the_paper_dry_run_says_whom_it_would_hit(world: World, ask: Any) -> None:
    play(world)
    status, plan = ask("plan", ip=ATTACKER)
    assert status == 200
    assert (plan["calls"], plan["ok2xxShare"], plan["agents"], plan["otherIdentities"]) == (20, 0.9, 1, 1)
    assert (plan["verdict"], plan["allowed"]) == ("one caller", ["block", "slow"])
    assert plan["endpoints"][0]["calls"] == 20
    _, unknown = ask("plan", ip="192.0.2.200")
    assert (unknown["calls"], unknown["ok2xxShare"], unknown["verdict"]) == (0, None, "one caller")


def test_a_wide_plan_sees_everybody_in_the_network(world: World, ask: Any) -> None:
    first, _, last = ATTACKER.rpartition(".")
    neighbours = [f"{first}.{(int(last) + n) % 250}" for n in range(1, 5)]
    for hours in (5, 0):  # in closed windows, and in batches
        moment = (world.now - timedelta(hours=hours)).isoformat()
        own = [world.call(ATTACKER, time=moment, userAgent="sqlmap/1.8", userId="u0", identity=None, status=200) for _ in range(3)]
        near = [world.call(ip, time=moment, userAgent="app/1", userId=f"u{ip}", identity=None, status=200) for ip in neighbours]
        six = [world.call(f"2001:db8:0:5::{n}", time=moment, userAgent="app/1", userId=f"six{n}", identity=None) for n in range(1, 5)]
        played(world, [*own, *near, *six])
    narrow, wide = (ask("plan", ip=ATTACKER, wide=wide)[1] for wide in (False, True))
    assert (narrow["network"], narrow["addresses"], narrow["calls"], narrow["otherIdentities"], narrow["verdict"]) == (
        None,
        1,
        6,
        1,
        "one caller",
    )
    assert (wide["network"], wide["addresses"], wide["calls"], wide["otherIdentities"]) == (f"{first}.0/24", 5, 14, 5)
    assert (wide["verdict"], wide["allowed"]) == ("shared", ["slow"])
    assert wide["reasons"][0] == f"5 addresses of {first}.0/24 called in 7 days"
    sixth = ask("plan", ip="2001:db8:0:5::1")[1]
    assert (sixth["network"], sixth["addresses"], sixth["calls"], sixth["otherIdentities"]) == ("2001:db8:0:5::/64", 4, 8, 4)


def test_a_shared_address_is_refused_a_block_and_offered_slow(world: World, ask: Any, service: ArmService) -> None:
    play(world)
    status, refused = ask("apply", ip=SHARED, action="block")
    assert status == 409
    assert "identities behind it in 24 hours: 3; from 3 on it is shared (identities)" in refused["error"]["message"]
    assert (refused["plan"]["verdict"], refused["plan"]["allowed"], listed(service)) == ("shared", ["slow"], [])
    status, made = ask("apply", ip=SHARED, action="slow", minutes=30)
    assert (status, made["action"], made["callsPerMinute"], listed(service)) == (201, "slow", 10, [SHARED])
    assert ask("apply", ip=SHARED, action="block", allow=["identities"])[0] == 201
    assert listed(service) == [SHARED]


def test_a_trusted_proxy_is_refused(ask: Any, service: ArmService) -> None:
    for action in ("block", "slow"):
        status, refused = ask("apply", ip=PROXY, action=action, allow=["proxy", "private"])
        assert (status, refused["plan"]["verdict"], listed(service)) == (409, "proxy: refused", [])


def test_from_an_alert_to_a_blocked_caller_and_back(world: World, ask: Any, known: Responses, service: ArmService) -> None:
    played(world, [world.call(ATTACKER, userAgent="sqlmap/1.8", userId=None, identity=None) for _ in range(3)])
    alert = raised(world)[0]
    status, made = ask("apply", alert=alert, action="block", minutes=60)
    assert (status, made["target"], made["alert"], made["who"]) == (201, {"ip": ATTACKER}, alert, "alice@contoso.com")
    assert listed(service) == [ATTACKER]
    played(world, [world.call(ATTACKER, guard=f"blocked:{made['id']}", status=403, userAgent="sqlmap/1.8") for _ in range(4)])
    status, shown = page(known, world.now)
    assert [(row["state"], row["callsStopped"]) for row in shown["value"]] == [("active", 4)]
    assert [row["id"] for row in of_alert(known, alert, world.now)] == [made["id"]]
    source = Countries(made_up=True).at(world.now)
    assert country_of(world.tables, alert, source) == {
        "country": "BR", "name": "BR", "label": "registered in", "source": source.name, "attribution": source.attribution,
    }  # fmt: skip
    status, undone = remove(known, made["id"], ALICE, world.now)
    assert (status, undone["undoneBy"], listed(service)) == (200, "alice@contoso.com", [])
    assert remove(known, "nobody", ALICE, world.now)[0] == remove(known, "../x", ALICE, world.now)[0] == 404


def test_a_blocked_caller_raises_nothing_more(world: World) -> None:
    played(
        world,
        [
            world.call(ATTACKER, guard="blocked:k7q2xd", status=403, errorReason="HeaderNotFound", userAgent="sqlmap/1.8")
            for _ in range(200)
        ],
    )
    assert raised(world) == []
    played(world, [world.call(ATTACKER, guard="would-block:k7q2xd", userAgent="sqlmap/1.8")])
    assert len(raised(world)) == 1  # in a dry run it happened


def test_without_a_right_to_write_the_answer_names_the_setting(world: World, ask: Any) -> None:
    bare = Responses(world.tables, None, Rails())
    body = json.dumps({"ip": ATTACKER, "action": "block"}).encode()
    status, refused = add(world.tables, bare, Footprints(world.tables, world.log, KEY).of, NETWORKS, body, {}, world.now)
    assert (status, refused["error"]["code"]) == (409, "NotConfigured")
    assert "RESPONSE_CLIENT_ID" in refused["error"]["message"]
    assert remove(bare, "k7", {}, world.now)[0] == 409
    assert page(bare, world.now) == (200, {"value": [], "next": None, "mayWrite": False})


def test_where_the_gateway_does_not_answer_records_are_still_shown(world: World, ask: Any, known: Responses, service: ArmService) -> None:
    ask("apply", ip=ATTACKER, action="block")
    service.forbidden = {("GET", name) for name in LISTS}
    status, shown = page(known, world.now)
    assert (status, len(shown["value"])) == (200, 1)
    assert "no permission" in shown["notice"]
    assert ask("apply", ip="192.0.2.1", action="block")[0] == 502


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400), ({"ip": ATTACKER}, 400), ({"ip": ATTACKER, "action": "kill"}, 400), ({"ip": ATTACKER, "alert": "x", "action": "block"}, 400),
        ({"ip": "nobody", "action": "block"}, 400), ({"ip": 7, "action": "block"}, 400), ({"ip": "10.0.0.0/8", "action": "block"}, 400),
        ({"alert": "0" * 32, "action": "block"}, 404), ({"ip": ATTACKER, "action": "suspend"}, 400), ({"subscription": "web", "action": "block"}, 400),
        ({"subscription": "master", "action": "suspend"}, 409), ({"ip": ATTACKER, "action": "block", "minutes": 10_081}, 400),
        ({"ip": ATTACKER, "action": "block", "minutes": "60"}, 400), ({"ip": ATTACKER, "action": "block", "dryRun": 1}, 400),
        ({"ip": ATTACKER, "action": "block", "allow": "shared"}, 400), ({"ip": ATTACKER, "action": "block", "sudo": True}, 400),
        ({"identity": "a" * 64, "action": "block"}, 409), ({"identity": "ann", "action": "block"}, 409), ([], 400),
    ],
)  # fmt: skip
def test_what_cannot_be_asked(ask: Any, world: World, known: Responses, service: ArmService, body: Any, status: int) -> None:
    gather = Footprints(world.tables, world.log, KEY).of
    found = add(world.tables, known, gather, NETWORKS, json.dumps(body).encode(), {}, world.now)
    assert found[0] == status, found[1]
    assert found[1]["error"]["message"]
    assert listed(service) == []


def test_a_key_named_twice_is_refused(known: Responses, world: World) -> None:
    body = b'{"ip": "192.0.2.1", "ip": "192.0.2.2", "action": "slow"}'
    status, answer = add(world.tables, known, Footprints(world.tables, world.log, KEY).of, NETWORKS, body, ALICE, world.now)
    assert (status, answer["error"]["code"]) == (400, "InvalidRequest")


def test_rules_slow_and_never_block_and_stop_at_their_cap(world: World, known: Responses, service: ArmService) -> None:
    known.rails = Rails(automatic=2)
    attackers = [f"203.0.113.{host}" for host in (21, 22, 23)]
    played(world, [world.call(ip, userAgent="sqlmap/1.8", userId=None, identity=None) for ip in attackers])
    gather = Footprints(world.tables, world.log, KEY).of
    rules = ("API_AccessFromSuspiciousUserAgent",)
    assert automatic(world.tables, known, gather, NETWORKS, (), world.now) == 0
    assert automatic(world.tables, known, gather, NETWORKS, rules, world.now) == 2
    assert automatic(world.tables, known, gather, NETWORKS, rules, world.now) == 0
    records = list(known.records())
    assert {(one.action, one.rule) for one in records} == {("slow", rules[0])}
    assert len(listed(service)) == 2
    known.undo(records[0].id, "alice", world.now)
    automatic(world.tables, known, gather, NETWORKS, rules, world.now)
    assert records[0].target not in listed(service), "who was taken off stays off"


def test_erasing_a_person_takes_the_entry_and_its_record_off(world: World, ask: Any, known: Responses, service: ArmService) -> None:
    ask("apply", ip=ATTACKER, action="block")
    ask("apply", ip="203.0.113.178", action="block")
    ask("apply", ip=ATTACKER, action="slow", wide=True)
    places = Places(world.tables, world.log, world.evidence, KEY, world.kept, known)
    subject, now = of("ip", ATTACKER), minute_of(world.now)
    assert places.count(stored.TABLE, subject, now) == 3
    assert len(places.export(stored.TABLE, subject)) == 2
    assert places.count(stored.TABLE, subject, now - 1) == 1  # the record is of later; the entry has no time
    assert places.erase(stored.TABLE, subject, now) == 3
    assert places.count(stored.TABLE, subject, now) == 0
    assert sorted(listed(service)) == ["203.0.113", "203.0.113.178"], "a network is many people's"
    assert stored.TABLE in places.units()
    service.forbidden = {("GET", name) for name in LISTS}
    with pytest.raises(AzureError):
        places.erase(stored.TABLE, subject, now)


def test_records_go_after_thirty_days(world: World, ask: Any) -> None:
    ask("apply", ip=ATTACKER, action="block")
    world.now += timedelta(days=29)
    world.run_purge()
    assert len(stored.of_target(world.tables, ATTACKER)) == 1
    world.now += timedelta(days=1)
    run = world.run_purge()
    assert stored.of_target(world.tables, ATTACKER) == []
    assert run.removed["responses"] == 1
