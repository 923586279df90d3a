"""The evaluation in shards on real storage: whatever dies, comes late, or evaluates at the same time, and however often the number of shards changes, every
derived table equals a straight count."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from adapters import alerts, inventory, reconcile
from adapters.data_subjects import Places
from adapters.division import evaluator
from adapters.evaluate import Evaluator
from adapters.evidence import Evidence
from adapters.health import stuck
from adapters.lead import LeadEvaluator
from adapters.progress import CLAIM, Progress, read_own, read_progress
from adapters.purge import Purge
from adapters.shard import ShardEvaluator
from adapters.sources import Sources
from adapters.tables import Tables
from model import Alert, Endpoint, minute_of
from pipeline.share import Share
from retention.policy import promises
from retention.subject import Subject
from tests.adapters.killing import KilledError, killing
from tests.adapters.test_exact import KEY, NOW, START, World, call, derived, expected, minute, straight, undescribed

Tick = Callable[[datetime, datetime], int]


class Team:
    """A lead and its shards, each an instance of its own."""

    def __init__(self, world: World, shards: int) -> None:
        self.world, self.shards = world, shards
        self.members: list[Evaluator | LeadEvaluator | ShardEvaluator] = []
        self.members = [self.member(number) for number in range(shards + 1 if shards > 1 else 1)]

    def member(self, number: int) -> Evaluator | LeadEvaluator | ShardEvaluator:
        world = self.world
        sources = Sources(world.tables, world.log, KEY, 60, clock=world.clock)
        return evaluator(sources, self.shards) if number == 0 else ShardEvaluator(Share(number, self.shards), sources)

    def restart(self, number: int) -> None:
        self.members[number] = self.member(number)

    def tick(self, now: datetime, deadline: datetime) -> int:
        """Until nobody has anything to do."""
        done = 0
        far = datetime.now(deadline.tzinfo) + timedelta(minutes=5)
        while some := sum(member.tick(now, far) for member in self.members):
            done += some
        return done


class DividedWorld(World):
    """Its evaluator is a team, of as many shards as it is told."""

    shards = 2

    def evaluator(self, *_: Any, **__: Any) -> Team:  # type: ignore[override]
        return Team(self, self.shards)


def raised(tables: Tables) -> dict[str, tuple[str, str | None, int]]:
    return {alert.id: _said(alert) for alert in alerts.read(tables, 0)}


def _said(alert: Alert) -> tuple[str, str | None, int]:
    return alert.detector, alert.sighting.actor, alert.first


PROBE = "javascript:alert(1)"


@pytest.mark.parametrize("shards", [1, 3])
def test_shards_raise_the_alerts_that_one_evaluation_raises(tables: Tables, evidence: Evidence, shards: int) -> None:
    world = DividedWorld(tables, evidence)
    world.shards = shards
    made = [call(NOW - timedelta(minutes=at), f"203.0.113.{at % 7}", urlTemplate=f"/things/{at % 5}") for at in range(0, 50, 3)]
    made += [call(NOW - timedelta(minutes=40), f"198.51.100.{at}", urlTemplate=f"/things/{at}", userAgent=PROBE) for at in range(3)]
    world.play(sorted(made, key=lambda one: str(one["time"])))
    team = world.evaluator()
    team.tick(NOW, NOW)
    assert sorted(raised(tables).values()) == [
        ("API_AccessFromSuspiciousUserAgent", f"198.51.100.{at}", minute(made[-1]) // 20 * 20) for at in range(3)
    ]
    assert read_progress(tables).tails == read_own(tables).tails
    assert len(list(tables.query("findings", "PartitionKey ge ''"))) <= 2  # what is grouped is gone


def probed(world: DividedWorld) -> Team:
    """Two callers who probe, and what the lead and one of two shards make of it: what that shard found waits for the other."""
    world.shards = 2
    world.play([call(NOW, f"198.51.100.{at}", urlTemplate=f"/things/{at}", userAgent=PROBE) for at in range(4)])
    team = world.evaluator()
    team.members[0].tick(NOW, NOW)
    team.members[1].tick(NOW, NOW)
    return team


def test_what_waits_to_be_grouped_is_exported_erased_and_purged(tables: Tables, evidence: Evidence) -> None:
    world = DividedWorld(tables, evidence)
    team = probed(world)
    places = Places(tables, world.log, evidence, KEY, promises())
    ours = [f"198.51.100.{at}" for at in range(4) if Share(1, 2).holds(Endpoint("contoso", "orders", "GET", f"/things/{at}"))]
    assert ours
    subject = Subject("ip", ours[0])
    (item,) = places.export("findings", subject)
    assert (item["place"], item["found"]["detector"]) == ("findings", "API_AccessFromSuspiciousUserAgent")
    assert places.count("findings", subject, minute_of(NOW)) == 1
    assert places.erase("findings", subject, minute_of(NOW)) == 1
    assert places.export("findings", subject) == []
    team.tick(NOW, NOW)
    assert {said[1] for said in raised(tables).values()} == {f"198.51.100.{at}" for at in range(4)} - {ours[0]}


def test_what_nobody_grouped_is_purged_after_two_days_and_the_evaluation_goes_on(tables: Tables, evidence: Evidence) -> None:
    world = DividedWorld(tables, evidence)
    probed(world)
    run = Purge(tables, world.log, evidence, KEY).run(datetime.now(NOW.tzinfo) + timedelta(hours=47))
    assert run.removed["findings"] >= 2
    assert list(tables.query("findings", "PartitionKey ge ''")) == []
    world.evaluator().tick(NOW, NOW)
    assert read_own(tables).grouped == read_own(tables).planned > 0


@pytest.mark.parametrize(
    ("planned", "seconds", "said"),
    [
        (7, 500, []),
        (6, 10, []),
        (6, 500, ["shard 1 of the evaluation (function evaluate_1) has not got on for 500 s: 1 plans wait"]),
        (0, None, ["shard 1 of the evaluation (function evaluate_1) has not got on yet: 7 plans wait"]),
    ],
)
def test_a_shard_that_falls_behind_is_told(planned: int, seconds: int | None, said: list[str]) -> None:
    shard = Progress(planned=planned, evaluated=NOW - timedelta(seconds=seconds) if seconds is not None else None)
    assert list(stuck(Progress(planned=7), {1: shard}, NOW)) == said


SCHEDULES = (0, 2)


@pytest.mark.parametrize("seed", SCHEDULES)
def test_any_schedule_comes_out_equal(tables: Tables, evidence: Evidence, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(seed)
    monkeypatch.setattr("adapters.recall.BATCHES_PER_STEP", random.choice((1, 3, 64)))
    world = DividedWorld(tables, evidence)
    world.shards = random.choice((1, 2, 3))
    made: list[dict[str, Any]] = []
    clock = START + timedelta(minutes=20)
    teams = [world.evaluator()]
    with killing() as killer:
        for _ in range(6):
            clock = min(clock + timedelta(minutes=random.choice((0, 3, 11, 45))), NOW)
            batch = []
            for _ in range(random.randrange(1, 9)):
                at = max(clock - timedelta(minutes=random.choice((0, 0, 1, 5, 30, 130))), START)
                ip = f"203.0.113.{random.randrange(5)}"
                batch.append(
                    undescribed(at, random.choice(("cart", "till", "depot")), ip)
                    if random.random() < 0.4
                    else call(at, ip, urlTemplate=f"/things/{random.randrange(6)}", status=random.choice((200, 200, 404)))
                )
            world.play(batch, random.choice("01"))
            made += batch
            if random.random() < 0.25:
                world.shards = random.choice((1, 2, 3))
                teams.append(world.evaluator())  # while those of before are not gone yet
            for _ in range(random.randrange(1, 5)):
                team = random.choice(teams[-2:])
                number = random.randrange(len(team.members))
                if random.random() < 0.3:
                    killer.arm(random.randrange(1, 40), after=random.random() < 0.5)
                    with suppress(KilledError):
                        team.members[number].tick(clock, NOW)
                    killer.disarm()
                    team.restart(number)
                    world.clock.now += random.choice((timedelta(), CLAIM))
                else:
                    team.members[number].tick(random.choice((clock, NOW)), NOW)
        world.settle()
    assert derived(tables) == expected(straight(made, inventory.learned(tables)))
    assert reconcile.run(tables, world.log, NOW) == []
