"""A storm on real storage: one incident, few writes, and every address can be asked for, exported and erased."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from azure.data.tables import UpdateMode

from adapters import alerts, campaigns
from adapters.data_subjects import Places
from adapters.tables import Entity, Tables
from retention.subject import Subject
from settings import Connection
from tests.adapters.world import KEY, World
from web.campaigns import page
from web.incidents import one

ADDRESSES, PATHS = 3_000, 9_000
TICKS = 12
WRITES = 20
"""Of one tick, for the storm and everything else."""


class CountingTables(Tables):
    """Real tables that count what they write; a first try on a table that is not there yet writes nothing."""

    writes = 0

    def _upsert(self, table: str, entities: list[Entity], mode: UpdateMode) -> None:
        super()._upsert(table, entities, mode)
        self.writes += 1

    def replace(self, *args: Any, **kwargs: Any) -> str:
        self.writes += 1
        return super().replace(*args, **kwargs)


def storm(world: World, tick: int) -> Iterable[bytes]:
    """Its part of ADDRESSES, each at unknown paths of its own; nothing is there."""
    for number in range(tick * ADDRESSES // TICKS, (tick + 1) * ADDRESSES // TICKS):
        for path in range(number * PATHS // ADDRESSES, (number + 1) * PATHS // ADDRESSES):
            yield world.call(
                f"10.7.{number >> 8}.{number & 255}",
                path=f"/probe{path:x}/x",
                urlTemplate=None,
                operationId=None,
                pathParameters={},
                query="",
                status=404,
            )


def test_a_storm_is_one_incident_and_few_writes(account: Connection) -> None:
    world = World(account)
    world.tables = CountingTables(account)
    world.restart()
    most = 0
    for tick in range(TICKS + 14):
        world.now += timedelta(minutes=5)
        if tick < TICKS:
            world.play(storm(world, tick))
        if tick == TICKS // 2:
            world.restart()
        before = world.tables.writes
        world.evaluate()
        most = max(most, world.tables.writes - before)
    assert most <= WRITES

    (incident,) = [found for found in alerts.read_incidents(world.tables, 0) if not found.merged_into]
    assert incident.campaign is not None
    assert ADDRESSES * 0.98 <= incident.campaign.actors <= ADDRESSES, "the first of a storm may be gone before it is one"
    status, told = one(world.tables, incident.id)
    assert status == 200
    assert told["campaign"]["networks"][0]["actors"] > 250
    (campaign,) = [found for found in alerts.read(world.tables, 0) if found.campaign]

    victim = "10.7.9.9"
    assert victim in _actors(world.tables, campaign.id)
    subject = Subject("ip", victim)
    people = Places(world.tables, world.log, world.evidence, KEY, world.kept)
    assert people.export("alerts/folded", subject)
    assert people.erase("alerts/folded", subject, 1 << 40)
    assert victim not in _actors(world.tables, campaign.id)
    assert not people.export("alerts/folded", subject)
    assert len(_actors(world.tables, campaign.id)) == incident.campaign.folded


def _actors(tables: Tables, campaign: str) -> list[str]:
    found, cursor = [], "0"
    while cursor:
        status, answer = page(tables, campaign, {"cursor": cursor})
        assert status == 200
        found += [entry["actor"] for entry in answer["value"]]
        cursor = answer["next"]
    return found


def test_what_is_no_campaign_has_no_actors(tables: Tables) -> None:
    assert page(tables, "0" * 32, {}) == (200, {"value": [], "next": None})
    assert page(tables, "nothing", {})[0] == 404
    assert page(tables, "0" * 32, {"cursor": "x"})[0] == 400
    assert campaigns.read(tables, []) == {}
