"""Retention, proven on raw storage: what is past its promise is nowhere, what is not is untouched, and a purge may be killed anywhere."""

import ast
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobProperties, RetentionPolicy

from adapters import alerts, suppressions
from adapters.batches import Batch, BatchLog, Tail, table_of
from adapters.evidence import Rejection
from adapters.purge import BREACH, is_remains, states
from adapters.purge_record import last_run, runs, wrong
from adapters.tables import Missing, Tables
from model import minute_of
from retention import policy
from retention.policy import DAY, HOUR, container_place, promises, table_place
from settings import Connection
from tests.adapters.killing import KilledError, killing
from tests.adapters.world import START, World, dump, spelled, where_found
from tests.alerts.test_suppression import rule
from windows.tally import unpack

ROOT = Path(__file__).parent.parent.parent
FULL = os.environ.get("GATEWATCH_PROOF") == "full"
"""Every hour is looked into (`python -m tools.privacy prove`), not only those around which something falls due."""
KILLS = 500 if FULL else 100
GROUPS = 2


@pytest.fixture
def world(account: Connection) -> World:
    return World(account)


def storage(world: World) -> str:
    assert world.connection.connection_string
    return world.connection.connection_string


# the proof


EVERY = 6 if FULL else 12
"""Hours between two bursts of traffic. What comes at noon falls due at noon and at midnight, so the hours before are those that matter."""


def played_hours() -> list[int]:
    return [hour for hour in range(31 * 24 + 13) if FULL or hour < 12 or hour % 12 in (0, 10, 11)]


def looked_into(hour: int) -> bool:
    days, of_day = divmod(hour, 24)
    return FULL or (of_day in (0, 12) and (days in (1, 2, 3, 29, 30, 31) or days % 7 == 0))


def test_after_every_hour_of_31_days_nothing_is_older_than_its_promise(world: World) -> None:
    """In each burst a new address calls, in every other it attacks, and a message with a secret is no call."""
    played: dict[str, datetime] = {}
    secrets: dict[str, datetime] = {}
    for hour in played_hours():
        world.now = START + timedelta(hours=hour, minutes=5)
        if hour % EVERY == 0:
            number = hour // EVERY
            ip = f"198.51.{100 + number // 100}.{100 + number % 100}" if number % 3 else f"2001:db8::{0x1000 + number:x}:7777"
            secret = f"secret{number:05d}marker"
            played[ip], secrets[secret] = world.now, world.now
            agent = "sqlmap/1.5" if number % 2 == 0 else "okhttp/4.12.0"
            world.play([*[world.call(ip, userAgent=agent, query=f"q={n}") for n in range(25)], f'{{"broken": "{secret} {ip}"'.encode()])
        if hour % 6 == 0 or hour % 12 == 10:
            world.evaluate()
        run = world.run_purge()
        assert run.complete
        assert not run.problems + run.standing
        assert not run.late, f"hour {hour}"
        assert not run.unevaluated, f"hour {hour}"
        if looked_into(hour):
            stored = list(dump(storage(world)))
            calls_gone = [ip for ip, at in played.items() if at <= world.now - 30 * DAY]
            bodies_gone = [secret for secret, at in secrets.items() if at <= world.now - 48 * HOUR]
            assert not where_found(stored, calls_gone + bodies_gone), f"hour {hour}"
            short = [ip for ip, at in played.items() if at <= world.now - 48 * HOUR]
            assert not where_found(((where, item) for where, item in stored if where.startswith(("batches", "quarantine"))), short), (
                f"hour {hour}"
            )
    # and what may be there is: the proof does not pass because nothing was stored
    stored = list(dump(storage(world)))
    kept = {ip for ip, at in played.items() if at > world.now - 29 * DAY}
    assert {ip for ip, where in where_found(stored, kept) if where.startswith(("activity", "batches"))} == kept
    assert {item for item, _ in where_found(stored, secrets)} == {item for item, at in secrets.items() if at > world.now - 46 * HOUR}
    old = [alert for alert in alerts.read(world.tables, 0) if alert.first < minute_of(world.now - 30 * DAY)]
    assert old
    assert all(alert.sighting.actor and alert.sighting.actor.startswith("pseudonym-") for alert in old)


def test_what_names_nobody_stays_thirteen_months(world: World) -> None:
    world.play([world.call("203.0.113.7")])
    world.evaluate()
    world.now += timedelta(hours=3)
    world.play([world.call("203.0.113.7")])
    world.evaluate()
    before = [(where, endpoint) for where, endpoint in dump(storage(world), ["windows", "days", "baselines", "endpoints"])]
    world.now += 35 * DAY
    world.run_purge()
    after = [(where, endpoint) for where, endpoint in dump(storage(world), ["windows", "days", "baselines", "endpoints"])]
    assert [row for row in before if row[0] != "table name"] == [row for row in after if row[0] != "table name"]
    world.play([world.call("203.0.113.8")])
    world.evaluate()
    assert "windows202611" in world.tables.names("windows")
    world.now += 400 * DAY
    world.play([world.call("203.0.113.8")])  # event time moves on
    world.evaluate()
    world.run_purge()
    assert "windows202611" not in world.tables.names("windows")


# dropped, and never again


def rows(world: World, partition: str = "0") -> list[Batch]:
    return list(BatchLog(world.tables).read(partition, Tail(-1, None)))


def test_a_late_batch_goes_on_in_a_later_table_and_never_makes_a_dropped_one_again(world: World) -> None:
    world.play([world.call("203.0.113.7")])
    late = [world.event(world.call("203.0.113.8")), world.event(world.call("203.0.113.9"))]  # enqueued on day one
    stale = world.ingest
    world.evaluate()
    world.now = START + timedelta(hours=46)
    world.restart()
    world.run_purge()  # seals, and waits for the evaluation to read the seal
    assert world.tables.names("batches") == ["batches20261101"]
    world.evaluate()
    world.run_purge()
    assert world.tables.names("batches") == []
    stale.batch("0", late[:1], world.now)  # it remembers an end of the chain in the dropped table
    world.ingest.batch("0", late, world.now)
    assert world.tables.names("batches") == ["batches20261102"]
    assert [(row.first, row.last) for row in rows(world)] == [(1, 1), (2, 2)]
    world.evaluate()
    assert sum(unpack(row.packed).calls for row in rows(world)) == 2


def test_a_writer_that_does_not_know_of_the_seal_is_refused_and_follows(world: World) -> None:
    world.play([world.call("203.0.113.7")])
    stale = world.ingest
    sealed = world.log.seal(START.date())
    assert sealed == 1
    assert world.log.seal(START.date()) == 0
    late = world.event(world.call("203.0.113.8"))
    stale.batch("0", [late], world.now)
    assert [(row.first, row.last, row.day.day) for row in rows(world)] == [(0, 0, 1), (1, 0, 2), (1, 1, 2)]
    assert table_of(rows(world)[-1].day) == "batches20261102"
    world.restart()
    world.ingest.batch("0", [late], world.now)  # redelivered
    world.evaluate()
    assert [(row.first, row.last) for row in rows(world)] == [(0, 0), (1, 0), (1, 1)]


def test_rivals_on_both_sides_of_a_seal_count_everything_once(world: World) -> None:
    both = [World(world.connection, world.now) for _ in range(2)]
    for number in range(15):
        random = Random(number)
        partition = f"p{number}"
        events = [world.event(world.call("203.0.113.7"), partition=partition) for _ in range(12)]
        rivals = [rival.ingest for rival in both]
        for rival in both:
            rival.restart()
        delivered = 0
        seal_at = random.randrange(12)
        while delivered < len(events):
            start = max(0, delivered - random.choice((0, 1, 4)))
            end = min(len(events), delivered + random.choice((1, 2, 5)))
            if start <= seal_at < end:
                world.log.seal(START.date())
            random.choice(rivals).batch(partition, events[start:end], world.now)
            delivered = max(delivered, end)
        found = [row for row in rows(world, partition) if row.last >= row.first]
        assert [row.first for row in found[1:]] == [row.last + 1 for row in found[:-1]]
        assert sum(unpack(row.packed).calls for row in found) == 12, f"schedule {number}"


def test_a_missing_table_of_a_late_batch_is_not_made(world: World) -> None:
    with pytest.raises(Missing):
        world.log.append(Batch("0", 0, 0, START.date(), b"x", 0, late=True))
    assert world.tables.names("batches") == []


def test_activity_of_replayed_history_is_not_written_where_it_would_be_dropped(world: World) -> None:
    world.now = START + 60 * DAY
    old = START + timedelta(hours=1)
    events = [
        world.event(world.call("203.0.113.7", time=(old + timedelta(minutes=n)).isoformat(), userAgent="sqlmap/1.5"))
        for n in range(0, 300, 20)
    ]
    world.ingest._max_age = timedelta(days=90)
    world.ingest.batch("0", events, world.now)
    world.evaluate()
    assert world.tables.names("activity") == []
    assert world.tables.names("windows") == ["windows202611"]
    assert where_found(dump(storage(world), ["alerts", "activity", "windows"]), ["203.0.113.7"]) == []
    assert len(list(alerts.read(world.tables, 0))) > 0
    assert not world.run_purge().late


# killed anywhere


def small(world: World, number: int) -> tuple[list[str], list[str]]:
    """Something in every place: addresses past their promise, and addresses that are not."""
    old, new = f"192.0.2.{100 + number}", f"198.51.100.{100 + number}"
    at = world.now - 31 * DAY
    tables = world.tables
    day = f"{at:%Y%m%d}"
    tables.upsert(f"activity{day}", [{"PartitionKey": "00", "RowKey": "1", "what": old}])
    tables.upsert(f"activity{world.now:%Y%m%d}", [{"PartitionKey": "00", "RowKey": f"{number}", "what": new}])
    log = BatchLog(tables)
    log.append(Batch(f"{number}", 0, 3, at.date(), old.encode(), 0))
    log.append(Batch(f"{number}", 4, 9, world.now.date(), new.encode(), 0))
    for moment, ip in ((at, old), (world.now, new)):
        world.evidence.quarantine([Rejection(f"{number}", number, moment, "no call", ip.encode())])
        first = minute_of(moment)
        alert = {"id": f"{number:032x}", "first": first, "sighting": {"actor": ip, "evidence": {"ip": ip}}}
        row = {"PartitionKey": "alerts", "RowKey": alerts.key(first, f"{number:032x}"), "alert": json.dumps(alert), "note": f"seen {ip}"}
        tables.upsert("alerts", [row])
    return [old], [new]


@pytest.mark.parametrize("group", range(GROUPS))
def test_a_purge_killed_anywhere_is_completed_by_the_next(world: World, group: int) -> None:
    kills = schedules = 0
    random = Random(group)
    with killing() as killer:
        while kills < KILLS // GROUPS:
            schedules += 1
            world.empty()
            world.now = START + (40 + schedules) * DAY
            old, new = small(world, schedules)
            while True:
                world.restart()
                if random.random() < 0.8:
                    killer.arm(random.randrange(1, 26), after=random.random() < 0.5)
                try:
                    run = world.run_purge()
                    killer.disarm()
                    break
                except KilledError:
                    killer.disarm()
                    kills += 1
            assert run.complete
            stored = list(dump(storage(world)))
            assert not where_found(stored, old)
            assert {where.split("/")[0][:8] for _, where in where_found(stored, new)} == {"activity", "batches2", "quaranti", "alerts"}


def test_a_purge_out_of_time_goes_on_in_the_next_run(world: World) -> None:
    world.now = START + 40 * DAY
    for hour in range(5):
        world.evidence.quarantine([Rejection("0", hour, START + timedelta(hours=hour), "no call", b"x")])
    for day in range(5):
        world.tables.upsert(f"activity202611{day + 1:02d}", [{"PartitionKey": "0", "RowKey": "0"}])
    calls = iter([False, False, True])
    run = world.purge.run(world.now, lambda: next(calls, True))
    assert not run.complete
    assert run.removed["activity"] == 2
    assert run.late["activity"] == 3  # two that went late, and one that is late still
    assert world.run_purge().complete
    assert world.tables.names("activity") == []


# what the account keeps behind our back


def test_a_snapshot_goes_with_its_message(world: World) -> None:
    world.play([b'{"secret": "marker00001"'])
    client = world.evidence.service.get_container_client("quarantine")
    (blob,) = client.list_blobs()
    client.get_blob_client(blob.name).create_snapshot()
    world.now += 2 * DAY - 2 * HOUR
    assert world.run_purge().removed == {"quarantine": 1}
    assert list(client.list_blobs(include=["snapshots", "deleted", "versions"])) == []


def test_soft_delete_is_a_problem_even_before_it_keeps_anything(world: World) -> None:
    service = world.evidence.service
    service.set_service_properties(delete_retention_policy=RetentionPolicy(enabled=True, days=7))
    try:
        run = world.run_purge()
        said = "soft delete of the evidence account keeps deleted messages for 7 more days: switch it off"
        assert run.standing == [said]
        assert said in wrong(world.tables, world.now)
    finally:
        service.set_service_properties(delete_retention_policy=RetentionPolicy(enabled=False))


def listed(name: str, **changed: object) -> BlobProperties:
    blob = BlobProperties(name=name)
    for field, value in changed.items():
        setattr(blob, field, value)
    return blob


@pytest.mark.parametrize(
    ("changed", "is_kept"),
    [
        ({}, False),
        ({"deleted": True}, True),
        ({"version_id": "1", "is_current_version": True}, False),
        ({"version_id": "1", "is_current_version": None}, True),
        ({"snapshot": "1"}, False),
    ],
)
def test_what_a_listing_says_was_kept_although_it_was_deleted(changed: dict[str, object], is_kept: bool) -> None:
    assert is_remains(listed("2026-11-01T00/0-1.jsonl", **changed)) == is_kept


def test_a_deleted_message_that_the_account_keeps_is_a_broken_promise(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator knows no soft delete, so here the listing is the service's as its documentation says."""
    world.play([b"null"])
    monkeypatch.setattr("adapters.purge._blobs", lambda _: iter([listed("2026-11-01T00/0-1.jsonl", deleted=True)]))
    world.now += DAY
    run = world.run_purge()
    assert run.problems == ["container quarantine still has 1 deleted messages or earlier versions: switch soft delete and versions off"]
    assert not run.late
    world.now += 2 * DAY
    assert world.run_purge().late["quarantine"] == 1


@pytest.mark.parametrize(("status", "unseen", "standing"), [(403, 1, 0), (500, 0, 1)])
def test_what_the_app_may_not_look_at_is_no_breach_but_a_failure_is(world: World, status: int, unseen: int, standing: int) -> None:
    def hub() -> Iterator[str]:
        error = HttpResponseError("no")
        error.status_code = status
        yield from ()
        raise error

    run = world.purge.run(world.now, hub=hub)
    assert (len(run.unseen), len(run.standing)) == (unseen, standing)
    assert run.complete
    assert len(wrong(world.tables, world.now)) == standing


# what is said


def test_a_broken_promise_is_an_alert_and_a_problem_until_it_is_mended(world: World) -> None:
    world.play([world.call("203.0.113.7")])
    world.evaluate()
    world.now += 40 * DAY
    run = world.run_purge()
    assert run.late["batches"] == 1
    assert run.worst > 37 * 86400
    (alert,) = (alert for alert in alerts.read(world.tables, 0) if alert.detector == BREACH)
    assert (alert.open, alert.severity.label, alert.sighting.evidence["late:batches"]) == (True, "High", 1)
    assert any("promise about personal data was broken" in problem for problem in wrong(world.tables, world.now))
    world.now += HOUR
    assert not world.run_purge().late
    (closed,) = (alert for alert in alerts.read(world.tables, 0) if alert.detector == BREACH)
    assert (closed.id, closed.open) == (alert.id, False)
    assert wrong(world.tables, world.now) == []
    assert wrong(world.tables, world.now + 4 * HOUR) == ["the last purge was 4 hours ago"]


def test_a_shorter_promise_is_kept_from_the_next_run_on_and_was_not_broken_before(world: World) -> None:
    world.now = START
    for day in range(20):
        world.tables.upsert(f"activity{START + day * DAY:%Y%m%d}", [{"PartitionKey": "0", "RowKey": "0"}])
    world.now = START + 20 * DAY
    world.run_purge()
    assert len(world.tables.names("activity")) == 20
    world.kept = promises({"activity": 7 * DAY})
    world.restart()
    run = world.run_purge()
    assert run.removed["activity"] == 14
    assert not run.late
    assert world.tables.names("activity")[0] == "activity20261115"


def test_every_run_leaves_a_record_without_names(world: World) -> None:
    world.play([world.call("203.0.113.7"), b'{"body": "203.0.113.7"'])
    world.evaluate()
    world.now += 3 * DAY
    world.run_purge()
    record = last_run(world.tables)
    assert record is not None
    assert record.removed == {"batches": 1, "quarantine": 1}
    assert record.seconds > 0
    world.now += HOUR
    world.run_purge()
    assert [run.started.hour for run in runs(world.tables, 10)] == [1, 0]
    assert where_found(dump(storage(world), ["purges", "progress"]), ["203.0.113.7"]) == []


def test_states_say_what_is_oldest_and_when_it_goes(world: World) -> None:
    world.play([world.call("203.0.113.7", userAgent="sqlmap/1.5"), b"null"])
    world.evaluate()
    found = {state.place.id: state for state in states(world.tables, world.evidence, world.kept, world.now)}
    assert found["quarantine"].until == START + 2 * DAY
    assert found["batches"].oldest == START
    assert found["alerts"].items == 1
    assert found["alerts"].until == START + 30 * DAY


# one policy


TABLE_VERBS = {"insert", "upsert", "replace", "get", "query", "delete", "drop", "names"}


def names_in(path: Path) -> Iterator[tuple[int, str]]:
    """Every table or container that a file names where it calls a verb of Tables, `_by_table`, or a verb that takes a container."""
    tree = ast.parse(path.read_text())
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        if not (
            (called in TABLE_VERBS and owner.endswith("tables"))
            or called in ("_by_table", "get_table_client", "get_container_client", "get_blob_client", "_creating", "put", "_names")
        ):
            continue
        first = node.args[0]
        if isinstance(first, ast.JoinedStr) and isinstance(first.values[0], ast.Constant):
            yield node.lineno, str(first.values[0].value)
        elif isinstance(first, ast.Constant) and first.value:
            yield node.lineno, str(first.value)
        elif isinstance(first, ast.Name) and first.id in constants:
            yield node.lineno, constants[first.id]


FILES = [path for folder in ("adapters", "web") for path in sorted((ROOT / folder).glob("*.py"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_table_and_container_that_the_adapters_name_has_a_promise(path: Path) -> None:
    known = {place.name for place in policy.POLICY if place.kind.startswith(("table", "container"))}
    for line, name in names_in(path):
        assert name in known, f"{path.name}:{line} names {name!r}, for which retention/policy.py has no promise"


def test_the_walk_sees_a_new_table(tmp_path: Path) -> None:
    file = tmp_path / "new.py"
    file.write_text(
        'T = "secretly"\ndef f(tables):\n    tables.upsert(T, [])\n    tables.upsert(f"more{1}", [])\n    _by_table("third", "", [])\n'
    )
    assert [name for _, name in names_in(file)] == ["secretly", "more", "third"]


def test_everything_that_a_full_run_makes_has_a_promise(world: World) -> None:
    from adapters.baseline import run as learn
    from retention.subject import of

    for hour in range(0, 60, 5):
        world.now = START + timedelta(hours=hour)
        world.play([*[world.call("203.0.113.7", userAgent="sqlmap/1.5", query=f"a={n}") for n in range(30)], b"null"])
        world.evaluate()
    learn(world.tables, world.now)
    suppressions.write(world.tables, rule(made=world.now, until=world.now + DAY, actor="203.0.113.0/24"))
    world.requests.export(of("ip", "203.0.113.7"), "test", world.now)
    world.requests.erase(of("ip", "203.0.113.7"), "test", world.now)
    world.evidence.hash_key()
    world.run_purge()
    tables = world.tables.names("")
    assert all(table_place(table) for table in tables)
    made_by_others = {
        "audit",
        "countries",
        "drift",
        "findings",
        "losses",
        "recommendations",
        "responses",
    }  # by HTTP, by the posture function, where countries are known, where the hub dropped calls, by an evaluation in shards
    assert {place.id for table in tables if (place := table_place(table))} | made_by_others == {
        place.id for place in policy.POLICY if place.kind.startswith("table")
    }
    containers = [container.name for container in world.evidence.service.list_containers()]
    assert containers
    assert all(container_place(container) for container in containers)
    world.tables.upsert("surprise", [{"PartitionKey": "0", "RowKey": "0"}])
    assert "table surprise is named by no promise" in world.run_purge().problems


def test_dropping_a_day_takes_the_same_few_requests_however_large_it_is(world: World) -> None:
    taken = []
    world.now = START
    world.run_purge()
    for day, count in ((1, 1), (2, 2000)):
        table = f"activity202611{day:02d}"
        world.tables.upsert(table, ({"PartitionKey": "00", "RowKey": f"{number:06d}"} for number in range(count)))
        world.now = datetime(2026, 11, day, tzinfo=UTC) + 30 * DAY - 2 * HOUR
        world.now -= HOUR
        world.run_purge()  # what is done once a day
        world.now += HOUR
        with killing() as counter:
            run = world.run_purge()
            taken.append(counter.requests)
        assert run.removed == {"activity": 1}
    assert taken[0] == taken[1]


def test_the_search_of_these_tests_finds_every_spelling() -> None:
    import base64

    coded = base64.b64encode(b'{"ip":"203.0.113.7"}')
    for text in (b"at 203.0.113.7.", coded, "203.0.113.7".encode("utf-16-le"), b"::ffff:203.0.113.7"):
        assert where_found([("here", text)], ["203.0.113.7"]), text
    assert where_found([("here", b"2001:0DB8:0000:0000:0000:0000:0000:0007")], ["2001:db8::7"])
    assert not where_found([("here", b"203.0.113.8"), ("there", b"x")], ["203.0.113.7"])
    assert spelled("text")


def test_tables_of_another_name_are_left_alone(world: World) -> None:
    Tables(world.connection).upsert("activities20200101", [{"PartitionKey": "0", "RowKey": "0"}])
    world.now += 40 * DAY
    run = world.run_purge()
    assert run.problems == ["table activities20200101 is named by no promise"]
    assert world.tables.names("activities") == ["activities20200101"]
