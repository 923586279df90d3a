"""The last day on which each subscription's key was used: kept under a hash, told to posture, exported, erased and purged."""

from datetime import timedelta

import pytest

from adapters import key_uses
from adapters.facts import traffic_of
from adapters.key_uses import KeyUses
from intel.addresses import is_public
from model import minute_of
from pipeline.decode import decode
from pipeline.fold import fold
from posture.assessments import Context, assess, discovered
from posture.inventory_shape import DAY
from posture.key_uses import Use, Watched, uses, watched
from posture.resources import from_resources
from posture.snapshot import Snapshot
from retention.subject import of
from settings import Connection
from tests.adapters.world import KEY, World
from tests.pipeline.test_decode import message
from tests.posture.estate import child, policy, service

SEND = '<policies><inbound><include-fragment fragment-id="gatewatch-capture" /><base /></inbound><outbound><base /><include-fragment fragment-id="gatewatch-emit" /></outbound></policies>'
STALE = [one for one in discovered() if one.id in ("subscription-stale", "master-key-used")]


@pytest.fixture
def world(account: Connection) -> World:
    return World(account)


def snapshot() -> Snapshot:
    keys = [child(f"subscriptions/{name}", scope="/apis", state="active") for name in ("web", "Ann Example", "master")]
    (found,) = from_resources(
        [service(), child("apis/orders", protocols=["https"], isCurrent=True), policy("apis/orders", text=SEND), *keys]
    )
    return found


def keep(world: World, *calls: bytes) -> None:
    """What evaluation does, by an instance that remembers nothing."""
    KeyUses(world.tables, KEY).add(world.tables, [fold([decode(call) for call in calls], KEY)], lambda _name, _minute: True)


def states(world: World) -> dict[str, str]:
    known = snapshot()
    traffic = traffic_of(world.tables, known, world.now, KEY)
    return {
        result.verdict.path.rpartition("/")[2]: f"{result.verdict.state} {result.verdict.cause}".strip()
        for result in assess(known, Context(world.now, traffic), STALE).results
        if (result.assessment.id == "master-key-used") == result.verdict.path.endswith("/master")
    }


def test_a_key_that_nobody_used_for_90_days_is_told_and_one_that_a_user_has_is_not(world: World) -> None:
    first = world.now
    world.play([world.call("203.0.113.7", subscriptionId="web", userId="7"), world.call("10.0.0.5", subscriptionId="Ann Example")])
    world.evaluate()
    assert states(world) == {"web": "healthy", "Ann Example": "healthy", "master": "healthy"}
    for day in range(3, 94, 3):
        world.now = first + timedelta(days=day)
        keep(world, world.call("203.0.113.7", subscriptionId="web", userId="7", identity="a" * 64))
    assert states(world) == {"web": "healthy", "Ann Example": "unhealthy", "master": "healthy"}
    keep(world, world.call("203.0.113.7", subscriptionId="master", userId="1"), world.call("10.0.0.5"))
    assert states(world)["master"] == "unhealthy"
    lately = traffic_of(world.tables, snapshot(), world.now, KEY).keys
    assert lately is not None
    assert {name: use.public for name, use in lately.items()} == {"web": True, "master": False}  # a private address in the same minute
    rows = [str(dict(row)) for row in world.tables.query(key_uses.TABLE, "PartitionKey ge ''")]
    assert not [row for row in rows if "web" in row or "Ann" in row]


def test_uses_are_exported_erased_and_purged(world: World) -> None:
    ann = of("subscriptionId", "Ann Example")
    world.play([world.call("203.0.113.7", subscriptionId="Ann Example", userId="9"), world.call("203.0.113.8", subscriptionId="web")])
    world.evaluate()
    content = world.requests.export(ann, "test", world.now)[1]
    assert content is not None
    assert [item["day"] for item in content["items"] if item["place"] == "key-uses"] == [world.now.date().isoformat()]
    world.now += timedelta(hours=1)
    assert key_uses.erase(world.tables, ann.actor, KEY, minute_of(world.now)) == 1
    assert list(key_uses.of_subject(world.tables, ann.actor, KEY)) == []
    assert key_uses.history(world.tables, "contoso", ["web", "Ann Example"], KEY).since == minute_of(world.now)
    world.now += timedelta(days=91, hours=23)
    assert world.run_purge().removed["key-uses"] == 1
    assert key_uses.count(world.tables) == (0, None)


def test_what_another_key_hashed_is_forgotten(world: World) -> None:
    tally = fold([decode(message(subscriptionId="web"))], KEY)
    for key in (KEY, b"x" * 32):
        KeyUses(world.tables, key).add(world.tables, [tally], lambda _name, _minute: True)
    assert key_uses.history(world.tables, "contoso", ["web"], KEY).since is None
    assert key_uses.history(world.tables, "contoso", ["web"], b"x" * 32).since is not None


@pytest.mark.parametrize(("addresses", "public"), [(["8.8.8.8"], True), (["10.0.0.1"], False), (["8.8.8.8", "10.0.0.1"], False)])
def test_a_use_is_public_where_no_other_call_of_its_minute_can_be_meant(addresses: list[str], public: bool) -> None:
    assert is_public("8.8.8.8")
    (found,) = uses([fold([decode(message(subscriptionId="web", clientIp=ip)) for ip in addresses], KEY)]).values()
    assert (found.public == found.last) is public


def test_the_watch_begins_anew_after_days_of_silence() -> None:
    known = watched(None, 100, 200)
    assert known == Watched(100, 0)
    assert watched(known, 3 * DAY, 3 * DAY).since == 100
    assert watched(known, 4 * DAY, 4 * DAY) == Watched(4 * DAY, 4)
    assert Use(5, 3).joined(Use(4, 4)) == Use(5, 4)
