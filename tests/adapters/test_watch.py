"""Dead ingest is seen: health is red, an alert of Gatewatch's own is raised and closed, and lost calls are counted as lost, not as calls."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.eventhub import EventData, EventHubProducerClient

from adapters import alerts, baseline, losses, reconcile
from adapters.app import App
from adapters.health import check
from adapters.ingest import Event
from adapters.tables import Tables
from adapters.watch import Watch
from alerts.own import DIFFERS, LOST, STALLED
from model import Alert
from settings import Connection, read
from tests.adapters.killing import killing
from tests.adapters.world import World
from tests.local.eventhubs_thread import running
from tests.test_settings import LOCAL
from tools.cost import load_units
from web.usage import page

pytestmark = pytest.mark.usefixtures("forgotten_sockets")

MOST = int(load_units((Path(__file__).parents[2] / "tools" / "cost_units.json").read_text("utf-8"))["table_operations_per_watch"])


def own(tables: Tables) -> dict[str, bool]:
    """Alerts about Gatewatch itself, and whether they are open."""
    found: list[Alert] = list(alerts.read(tables, 0))
    return {alert.detector: alert.open for alert in found if alert.detector.startswith("Gatewatch_")}


def test_events_that_nobody_reads_turn_health_red_and_raise_an_alert(account: Connection, tmp_path: Path) -> None:
    world = World(account, now=datetime.now(UTC))
    with running(tmp_path, {"calls": 2}) as server:
        settings = read(LOCAL | {"EventHubConnection": server.connection_string, "StateStorage": str(account.connection_string)})
        watch = Watch(settings, world.tables, world.log)

        def problems(now: datetime) -> list[str]:
            found: list[str] = check(settings, world.tables, world.log, world.evidence, now)[1]["problems"]
            return [problem for problem in found if "partition" in problem]

        body = world.call("203.0.113.7")
        world.play([body], partition="1")
        world.evaluate()
        with EventHubProducerClient.from_connection_string(server.connection_string, eventhub_name="calls", retry_total=0) as producer:
            producer.send_batch([EventData(body)] * 3, partition_id="1")
        assert problems(datetime.now(UTC)) == []
        assert watch.run(datetime.now(UTC)) == []
        later = datetime.now(UTC) + timedelta(seconds=153)
        (said,) = problems(later)
        assert said.startswith("partition 1 is not read: 2 events wait since ")
        assert watch.run(later) == [said]
        assert watch.run(later) == [said]
        assert own(world.tables) == {STALLED.id: True}
        world.play([body, body], partition="1")
        assert problems(later) == []
        watch.run(later)
        assert own(world.tables) == {STALLED.id: False}


def test_a_quiet_hub_is_well_however_old_its_last_event(account: Connection, tmp_path: Path) -> None:
    world = World(account, now=datetime.now(UTC) - timedelta(hours=9))
    with running(tmp_path, {"calls": 1}) as server:
        settings = read(LOCAL | {"EventHubConnection": server.connection_string, "StateStorage": str(account.connection_string)})
        body = world.call("203.0.113.7")
        world.play([body])
        with EventHubProducerClient.from_connection_string(server.connection_string, eventhub_name="calls", retry_total=0) as producer:
            producer.send_batch([EventData(body)] * 2, partition_id="0")
        with killing() as counter:
            assert Watch(settings, world.tables, world.log).run(datetime.now(UTC) + timedelta(seconds=30)) == []
        assert counter.requests <= MOST, "what tools/cost_units.json counts"


def test_calls_that_expired_unread_are_counted_as_lost(account: Connection, tmp_path: Path) -> None:
    world = World(account, now=datetime.now(UTC))
    bodies = [world.call("203.0.113.7") for _ in range(6)]
    events = [Event(number, world.now, bodies[at]) for at, number in enumerate((0, 1, 2, 2003, 2004, 2010))]
    world.ingest.batch("0", events[:3], world.now)
    world.evaluate()
    world.now += timedelta(minutes=1)
    world.ingest.batch("0", events[3:], world.now)
    world.evaluate()
    (loss,) = losses.since(world.tables, world.now - timedelta(hours=1), world.now)
    assert (loss.partition, loss.first, loss.calls) == ("0", 3, 2005)
    assert loss.since == loss.until - timedelta(minutes=1) or loss.since == loss.until
    usage = page(world.tables, {}, world.now)[1]
    assert (usage["calls"], usage["lostCalls"]) == (6, 2005)
    with running(tmp_path, {"calls": 1}) as server:
        settings = read(LOCAL | {"EventHubConnection": server.connection_string, "StateStorage": str(account.connection_string)})
        app = App(settings)
        health = check(settings, world.tables, world.log, world.evidence, world.now)[1]
        assert [problem for problem in health["problems"] if problem.startswith("2005 calls were lost between ")]
        for _ in range(2):
            app.watch.run(world.now)
        assert own(world.tables)[LOST.id]
        app.watch.run(world.now + timedelta(days=2))
        assert not own(world.tables)[LOST.id]


def test_counts_that_differ_are_said(account: Connection, tmp_path: Path) -> None:
    world = World(account)
    for minute in range(0, 24 * 60, 60):
        world.now = world.now.replace(hour=minute // 60)
        world.play(
            [world.call(f"203.0.113.{minute // 60}"), world.call("203.0.113.7", urlTemplate=None, path="/hidden/door")], "01"[minute % 2]
        )
        world.evaluate()
    for _ in range(30):
        world.now += timedelta(minutes=10)
        if world.now.minute == 0:
            world.play([world.call("203.0.113.7")], "0")
        world.evaluate()
    baseline.run(world.tables, world.now)
    assert reconcile.run(world.tables, world.log, world.now) == []
    kept = list(world.tables.query("progress", "PartitionKey eq @partition", partition=reconcile.PARTITION))
    world.tables.delete("progress", [(row["PartitionKey"], row["RowKey"]) for row in kept])  # compared anew
    rows = list(world.tables.query("windows202611", "PartitionKey eq '20261101'"))
    mine = next(row for row in rows if "orders" in row["endpoint"])
    world.tables.delete("windows202611", [(mine["PartitionKey"], mine["RowKey"])])
    ledger_row = next(iter(world.tables.query("activity20261101", "PartitionKey eq 'shared'")))
    world.tables.delete("activity20261101", [("shared", ledger_row["RowKey"])])
    said = reconcile.run(world.tables, world.log, world.now)
    assert said is not None
    assert [text.split(":")[0] for text in said] == ["windows of 2026-11-01", "ledger of 2026-11-01", "usage of 2026-11-01"]
    with running(tmp_path, {"calls": 1}) as server:
        settings = read(LOCAL | {"EventHubConnection": server.connection_string, "StateStorage": str(account.connection_string)})
        health = check(settings, world.tables, world.log, world.evidence, world.now)[1]
        assert [problem for problem in health["problems"] if problem.startswith("counts differ: windows of 2026-11-01: ")]
        Watch(settings, world.tables, world.log).run(world.now)
        assert own(world.tables)[DIFFERS.id]
