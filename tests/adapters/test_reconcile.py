"""Counts are compared day by day: over as many runs as it takes, none left out, each batch read once, and what could not be compared is said."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from adapters import reconcile, tombstones
from adapters.batches import Batch
from adapters.tables import Tables
from settings import Connection
from tests.adapters.world import START, World

MIDNIGHT = START + timedelta(days=1)


def day(world: World, first: datetime, *, hours: int = 24, every: int = 5) -> None:
    """So many hours of calls, a batch every few, evaluated as they come."""
    for hour in range(0, hours, every):
        world.now = first + timedelta(hours=hour)
        world.play([world.call(f"203.0.113.{hour}"), world.call("203.0.113.7", urlTemplate=f"/v1/{hour % 4}")], "01"[hour // every % 2])
        world.evaluate()


def closed(world: World, until: datetime) -> None:
    """Time passes until the windows before it are closed and the inventory is written."""
    for minutes in (90, 130):
        world.now = until + timedelta(minutes=minutes)
        world.play([world.call("203.0.113.9")], "0")
        world.play([world.call("203.0.113.9")], "1")
        world.evaluate()
        world.evaluate()


def after(n: int) -> Callable[[], bool]:
    """The time is over after so many looks at the clock."""
    left = iter(range(n))
    return lambda: next(left, None) is None


def result(tables: Tables) -> reconcile.Result:
    found = reconcile.result(tables)
    assert found is not None
    return found


def test_a_day_is_compared_over_several_runs_and_no_batch_is_read_twice(account: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(account)
    read: list[tuple[str, int]] = []
    count = reconcile._Counting._count

    def noted(self: reconcile._Counting, counted: reconcile._Counted, batch: Batch) -> None:
        read.append((batch.partition, batch.first))
        count(self, counted, batch)

    monkeypatch.setattr(reconcile._Counting, "_count", noted)
    day(world, START)
    assert reconcile.run(world.tables, world.log, world.now, after(3)) is None
    assert (len(read), result(world.tables).next) == (3, "2026-10-31")
    closed(world, MIDNIGHT)
    assert reconcile.run(world.tables, world.log, world.now, after(2)) is None
    assert result(world.tables).behind > 0
    found = [reconcile.run(world.tables, world.log, world.now) for _ in range(3)]
    assert found == [[], [], None]
    assert (result(world.tables).day, result(world.tables).next) == ("2026-11-01", "2026-11-02")
    assert len(read) == len(set(read)) == 5 + 4


def test_the_first_calls_of_a_day_are_counted_before_the_table_that_holds_them_is_dropped(account: Connection) -> None:
    world = World(account)
    world.now = MIDNIGHT - timedelta(seconds=5)
    world.play([world.call("203.0.113.7"), world.call("203.0.113.8", time=(MIDNIGHT + timedelta(seconds=4)).isoformat())], "0")
    world.evaluate()
    closed(world, MIDNIGHT)
    assert reconcile.run(world.tables, world.log, world.now) == []
    day(world, MIDNIGHT + timedelta(hours=4), hours=20)
    assert reconcile.run(world.tables, world.log, world.now) is None
    world.tables.drop("batches20261101")
    closed(world, MIDNIGHT + timedelta(days=1))
    assert reconcile.run(world.tables, world.log, world.now) == []
    assert (result(world.tables).day, result(world.tables).missed) == ("2026-11-02", [])


def test_a_day_whose_batches_went_before_they_were_counted_is_not_compared_and_that_is_said(account: Connection) -> None:
    world = World(account)
    day(world, START)
    closed(world, MIDNIGHT)
    assert reconcile.run(world.tables, world.log, world.now) == []
    day(world, MIDNIGHT + timedelta(hours=4), hours=20)
    closed(world, MIDNIGHT + timedelta(days=1))
    world.tables.drop("batches20261102")
    assert [reconcile.run(world.tables, world.log, world.now) for _ in range(2)] == [None, None]
    assert result(world.tables).missed == ["2026-11-02", "2026-11-03"][: len(result(world.tables).missed)]
    assert reconcile.notices(result(world.tables), world.now)[0] == (
        "counts of 2026-11-02 could not be compared: some of its batches were removed before they were counted"
    )


def test_a_comparison_that_does_not_keep_up_is_said_and_an_erasure_makes_no_difference(account: Connection) -> None:
    world = World(account)
    day(world, START)
    closed(world, MIDNIGHT)
    row = next(iter(world.tables.query("activity20261101", "PartitionKey ne 'regulars'")))
    world.tables.delete("activity20261101", [(row["PartitionKey"], row["RowKey"])])  # as the erasure of a person does
    tombstones.add(world.tables, "a" * 64, MIDNIGHT)
    assert reconcile.run(world.tables, world.log, world.now) == []
    late = datetime(2026, 11, 3, 22, 0, tzinfo=UTC)
    assert reconcile.notices(result(world.tables), late - timedelta(minutes=1)) == []
    assert reconcile.notices(result(world.tables), late) == [
        "counts of 2026-11-02 are not compared yet: 0 events that were evaluated are still to be counted"
    ]
