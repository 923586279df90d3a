"""One person's data: an export holds all of it, an erasure leaves nothing, everybody else and every count stays."""

import base64
import json
import os
import re
import threading
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import msgspec
import pytest

from adapters import alerts, drift, recommendations, suppressions, windows
from adapters.baseline import run as learn
from adapters.batches import BatchLog, Tail
from adapters.dsr import Hold, Request, described
from adapters.inventory import read as inventory_rows
from adapters.ledger import look_up
from adapters.tombstones import LASTS, PARTITION, SETTLED, TABLE
from alerts.suppression import Rule
from alerts.triage import AlertPatch
from model import Endpoint, Severity, minute_of
from posture.drift import Deviation
from posture.recommendations import ALL, Exemption, Recommendation
from retention.policy import DAY, HOUR
from retention.subject import Subject, of
from settings import Connection
from tests.adapters.killing import KilledError, killing
from tests.adapters.world import KEY, START, World, dump, where_found
from tests.build import alert
from windows.tally import TABLES, unpack

FULL = os.environ.get("GATEWATCH_PROOF") == "full"
KILLS = 500 if FULL else 100
GROUPS = 2


@pytest.fixture
def world(account: Connection) -> World:
    world = World(account)
    world.now = START + timedelta(hours=10, minutes=1)
    return world


def stored(world: World) -> list[tuple[str, bytes]]:
    assert world.connection.connection_string
    return list(dump(world.connection.connection_string))


def places(world: World, *texts: str) -> set[str]:
    return {where.split("/")[0].rstrip("0123456789") for _, where in where_found(stored(world), texts)}


def finished(world: World, request: Request) -> Request:
    world.now += SETTLED + timedelta(minutes=1)
    done = world.requests.go_on(request, world.now)
    assert done.stage == "done", done
    return done


def totals(world: World) -> dict[str, int]:
    """What all batches come to, without anybody's name."""
    found: dict[str, int] = {}
    for partition in sorted(BatchLog(world.tables).partitions()):
        for batch in BatchLog(world.tables).read(partition, Tail(-1, None)):
            tally = unpack(batch.packed)
            for table, columns in TABLES.items():
                if table != "identities":
                    at = columns.all.index("n")
                    for row in tally.rows(table):
                        found[f"{table} {row[0]}"] = found.get(f"{table} {row[0]}", 0) + row[at]
    return found


def counts(world: World) -> list[tuple[str, int, Any]]:
    return sorted(
        ((str(row.endpoint), row.window, row.record) for row in windows.read(world.tables, world.now.date())), key=lambda item: item[:2]
    )


def everywhere(world: World, ip: str, **changed: Any) -> None:
    """The address in every place: batches, ledger, regulars, an alert, an incident, quarantine in several spellings."""
    attack = [world.call(ip, userAgent="sqlmap/1.5", query=f"a={n}", **changed) for n in range(30)]
    coded = base64.b64encode(f'{{"client":"{ip}"}}'.encode()).decode()
    broken = [f'{{"clientIp": "{ip}"'.encode(), f'{{"token": "{coded}"'.encode(), f"null {ip.replace(':', '%3A')}".encode()]
    world.play(attack + broken)
    world.evaluate()


def close(world: World, hours: float = 2.5) -> None:
    """Time passes, and the windows close."""
    world.now += timedelta(hours=hours)
    world.play([world.call("192.0.2.250")])
    world.evaluate()


@pytest.mark.parametrize("ip", ["203.0.113.177", "2001:db8::abcd:177"])
def test_an_erased_address_is_nowhere(world: World, ip: str) -> None:
    everywhere(world, ip)
    close(world)
    everywhere(world, ip)  # still in a live window
    everywhere(world, "198.51.100.133")
    assert places(world, ip) == {"batches", "activity", "alerts", "quarantine"}
    request = world.requests.erase(of("ip", ip), "test", world.now)
    assert places(world, ip) == set()
    done = finished(world, request)
    assert done.removed.keys() == {"batches", "activity", "alerts", "quarantine"}
    assert set(done.found.values()) == {0}
    close(world)  # the evaluation still remembers the address, and may not write it
    world.restart()
    world.evaluate()
    assert places(world, ip) == set()
    assert places(world, "198.51.100.133") == {"batches", "activity", "alerts", "quarantine"}


def test_one_of_ten_thousand_under_live_ingest(world: World) -> None:
    random = Random(7)
    ips = [f"198.{random.randrange(18, 20)}.{100 + number // 100}.{100 + number % 100}" for number in range(10_000)]
    victim = ips[4321]
    for number in range(0, 10_000, 1000):
        world.play([world.call(ip) for ip in ips[number : number + 1000]], f"{number // 1000 % 4}")
    world.evaluate()
    close(world)
    expected = totals(world)
    counted, stop = [0], threading.Event()
    live = World(world.connection, world.now)

    def ingest() -> None:
        while not stop.is_set():
            some = [victim, *random.sample(ips, 20)]
            events = [live.event(live.call(ip, time=(world.now - timedelta(minutes=1)).isoformat()), partition="live") for ip in some]
            live.ingest.batch("live", events, world.now)
            counted[0] += len(some)
            stop.wait(0.02)

    writer = threading.Thread(target=ingest)
    writer.start()
    try:
        asked = world.now
        while counted[0] < 100:
            stop.wait(0.01)
        request = world.requests.erase(of("ip", victim), "test", asked)
        before = counted[0]
        while counted[0] < before + 100:
            stop.wait(0.01)
        world.evaluator.tick(world.now, datetime.now(UTC))  # once: the log grows all the time
        # an instance that read the tombstones before the erasure trusts them for some seconds: here, where the clock stands still, until it is moved
        live.ingest._tombstones = None
        live.restart()
        before = counted[0]
        while counted[0] < before + 60:
            stop.wait(0.01)
    finally:
        stop.set()
        writer.join()
    done = finished(world, request)
    close(world, 3)
    assert not where_found(stored(world), [victim])
    after = totals(world)
    live_calls = sum(n for name, n in after.items() if name.startswith("calls")) - sum(
        n for name, n in expected.items() if name.startswith("calls")
    )
    assert live_calls == counted[0] + 1
    assert all(after[name] >= n for name, n in expected.items())
    others = [ip for ip in random.sample(ips, 50) if ip != victim]
    assert {ip for ip, where in where_found(stored(world), others) if where.startswith("activity")} == set(others)
    assert sum(entry.n for entry in look_up(world.tables, others[0], KEY)) >= 1
    assert done.removed["batches"] >= 2


def test_counts_and_windows_stay_exactly(world: World) -> None:
    everywhere(world, "203.0.113.177")
    close(world)
    everywhere(world, "203.0.113.178")
    before, rows = totals(world), counts(world)
    finished(world, world.requests.erase(of("ip", "203.0.113.177"), "test", world.now))
    assert totals(world) == before
    assert counts(world) == rows


NAMELESS = ("windows", "days", "baselines", "endpoints")


def nameless(world: World) -> list[tuple[str, bytes]]:
    """Of the endpoints without their sketches of how many callers there were: a rank or twelve bits of a keyed hash, which age out."""
    rows = [
        row
        for row in stored(world)
        if row[0].startswith(NAMELESS)
        and not (row[0].startswith("endpoints") and (".d" in row[0] or ".s" in row[0] or row[0].endswith(" packed")))
    ]
    known = [inventory for _, inventory in inventory_rows(world.tables) if inventory is not None]
    return rows + [
        (f"endpoints/{one.endpoint.id}", msgspec.msgpack.encode(msgspec.structs.replace(one, callers={}, shape=None)))
        for one in sorted(known, key=lambda one: one.endpoint)
    ]


def test_what_is_kept_for_long_is_the_same_whoever_called(world: World) -> None:
    """Nobody can be singled out of what is byte by byte the same when every caller is another person."""
    learned, ledgers = [], []
    for shift in (0, 100):
        world.empty()
        world.sequence.clear()
        world.now = START + timedelta(hours=10, minutes=1)
        for day in range(3):
            for hour in range(0, 8, 2):
                world.now = START + timedelta(days=day, hours=10 + hour, minutes=1)
                world.play(
                    world.call(
                        f"198.51.{shift + n % 7}.{50 + n % 11}",
                        subscriptionId=f"app-{shift + n % 5}",
                        userId=f"user-{shift + n % 5}",
                        query=f"page={n % 4}",
                        requestId=f"{day}-{hour}-{n}",
                    )
                    for n in range(60)
                )
                world.evaluate()
        world.now += timedelta(hours=4)
        learn(world.tables, world.now)
        learned.append(nameless(world))
        ledgers.append([content for where, content in stored(world) if where.startswith("activity") and where.endswith("inflated")])
    assert {where.split("/")[0].rstrip("0123456789") for where, _ in learned[0]} == set(NAMELESS)
    assert [inventory.aged(minute_of(world.now) + 61 * 1440).callers for _, inventory in inventory_rows(world.tables) if inventory] == [{}]
    assert learned[0] == learned[1]
    assert ledgers[0] != ledgers[1]


def test_a_batch_that_is_erased_before_it_is_evaluated_still_counts(account: Connection) -> None:
    seen = []
    sequence: dict[str, int] = {}
    for erase in (False, True):
        world = World(account, START + timedelta(hours=10) + erase * 5 * DAY, sequence=sequence)
        for number in range(3):
            world.play([world.call("203.0.113.177", query=f"n={n}") for n in range(10)] + [world.call("198.51.100.133")], f"{number}")
        if erase:
            world.requests.erase(of("ip", "203.0.113.177"), "test", world.now)
        world.evaluate()
        rows = [row for row in windows.read(world.tables, world.now.date()) if row.endpoint.template == "/orders/{id}"]
        seen.append([row.record.calls for row in rows])
    assert seen[0] == seen[1] != []


@pytest.mark.parametrize(
    ("subject", "changed"),
    [
        (of("subscriptionId", "victims-app"), {"subscriptionId": "victims-app"}),
        (of("userId", "victim-user-77"), {"userId": "victim-user-77"}),
        (of("identity", "9f1c" * 16), {"identity": "9f1c" * 16}),
    ],
    ids=lambda item: item.kind if isinstance(item, Subject) else "",
)
def test_an_erased_identity_is_nowhere(world: World, subject: Subject, changed: dict[str, str]) -> None:
    calls = [world.call(f"198.51.100.{100 + n}", **changed) for n in range(40)]
    world.play([*calls, json.dumps({"broken": changed}).encode()])
    world.evaluate()
    close(world)
    assert places(world, subject.value) >= {"batches", "activity", "quarantine"}
    content = world.requests.export(subject, "test", world.now)[1]
    assert content is not None
    assert {item["place"] for item in content["items"]} >= {"batches", "activity", "quarantine"}
    finished(world, world.requests.erase(subject, "test", world.now))
    close(world)
    assert places(world, subject.value) == set()
    assert places(world, "198.51.100.101") >= {"batches", "activity"}


# in flight


def test_what_is_in_flight_when_the_erasure_comes_is_counted_without_the_person(world: World) -> None:
    in_hub = [world.event(world.call("203.0.113.177")) for _ in range(5)] + [world.event(b'{"broken": "203.0.113.177"')]
    world.requests.erase(of("ip", "203.0.113.177"), "test", world.now)
    world.now += HOUR
    world.ingest.batch("0", in_hub, world.now)
    later = world.event(world.call("203.0.113.177"))
    assert places(world, "203.0.113.177") == set()
    assert sum(n for name, n in totals(world).items() if name.startswith("calls")) == 5
    world.ingest.batch("0", [later], world.now)  # a new call is a new call
    assert places(world, "203.0.113.177") == {"batches"}


def test_a_tombstone_is_a_hash_and_goes(world: World) -> None:
    world.requests.erase(of("ip", "203.0.113.177"), "test", world.now)
    (stone,) = world.tables.query(TABLE, "PartitionKey eq @p", p=PARTITION)
    assert set(stone) == {"PartitionKey", "RowKey", "before", "until"}
    assert len(stone["RowKey"]) == 32
    world.now += LASTS + HOUR
    world.run_purge()
    assert list(world.tables.query(TABLE, "PartitionKey eq @p", p=PARTITION)) == []


def test_who_calls_again_afterwards_is_erased_before_and_counted_after(world: World) -> None:
    """Also where one batch holds both: the search does not find for ever what is not to be erased."""
    asked = world.now
    before, after = (asked - timedelta(minutes=2)).isoformat(), (asked + timedelta(minutes=2)).isoformat()
    world.now += timedelta(minutes=5)
    world.play([world.call("203.0.113.177", time=time) for time in (before, before, after)])
    request = world.requests.erase(of("ip", "203.0.113.177"), "test", asked)
    assert finished(world, request).removed == {"batches": 1}
    content = world.requests.export(of("ip", "203.0.113.177"), "test", world.now)[1]
    assert content is not None
    assert [item["time"][:16] for item in content["items"] if item["counts"] == "calls"] == [after[:16]]
    assert sum(n for name, n in totals(world).items() if name.startswith("calls")) == 3


# the record


def test_the_record_of_an_erasure_holds_no_personal_data(world: World) -> None:
    everywhere(world, "203.0.113.177")
    request = world.requests.erase(of("ip", "203.0.113.177"), "officer", world.now)
    assert where_found(stored(world), ["203.0.113.177"]) == []  # also while it is under way
    assert world.tables.get(TABLE, "requests", request.id)["sealed"]  # type: ignore[index]
    done = finished(world, request)
    row = world.tables.get(TABLE, "requests", request.id)
    assert row is not None
    assert (row["by"], row["kind"], row["subjectKind"], row["stage"], row["sealed"]) == ("officer", "erase", "ip", "done", "")
    assert done.subject not in json.dumps(described(done, world.kept, world.now))
    again = world.requests.erase(of("ip", "::ffff:203.0.113.177"), "officer", world.now)
    assert again.subject == done.subject
    assert finished(world, again).removed == {}


def test_whoever_changes_the_hash_key_ends_what_was_unfinished_with_a_note(world: World) -> None:
    request = world.requests.erase(of("ip", "203.0.113.177"), "test", world.now)
    other = World(world.connection, world.now)
    from adapters.dsr import Requests

    failed = Requests(other.tables, other.log, other.evidence, b"another key" * 2).go_on(request, world.now)
    assert (failed.stage, failed.note) == ("failed", "the hash key was changed meanwhile: ask again")


@pytest.mark.parametrize("name", ["2xx", "true", "Active", "Resolved", "API_SpikeByIdentity", "High", "contoso", "mdc", "1"])
def test_whoever_is_called_like_a_word_of_ours_leaves_a_readable_alert(world: World, name: str) -> None:
    accused = alert(
        detector="API_SpikeByIdentity", sighting={"actor": f"user:{name}"}, first=minute_of(world.now), last=minute_of(world.now)
    )
    alerts.write(world.tables, [accused], [])
    patch = AlertPatch(status="Resolved", comment=f"{name} was told; he called from 203.0.113.177")
    alerts.amend(world.tables, accused.id, 0, patch, "alice", world.now)
    world.requests.erase(of("userId", name), "test", world.now)
    world.requests.erase(of("ip", "203.0.113.177"), "test", world.now)
    found = alerts.find(world.tables, accused.id)
    assert found
    assert str(found.alert.sighting.actor).startswith("erased-")
    assert (found.alert.sighting.status_class, found.alert.detector, found.status) == ("2xx", "API_SpikeByIdentity", "Resolved")
    (change,) = found.triage.changes
    assert "203.0.113.177" not in change.comment
    assert not change.comment.startswith(name)


def explained(world: World, text: str) -> tuple[str, str, str, str]:
    """Whatever an analyst writes, with this in it, past what is refused today: on an alert about somebody else, a rule, a deviation, an exemption. Their ids."""
    now = world.now
    other = alert(
        sighting={"actor": "198.51.100.9", "evidence": {"agent": "curl/8"}},
        endpoint=Endpoint("contoso", "function", "GET", "/function/true"),
        first=minute_of(now),
    )
    alerts.write(world.tables, [other], [])
    alerts.amend(world.tables, other.id, 0, AlertPatch(status="Resolved", comment=text), "function key", now)
    rule = Rule(id="r1", made=now, by="function key", since=now, until=now + DAY, detector="API_Injection", comment=text)
    suppressions.write(world.tables, rule)
    deviation = Deviation(other.endpoint, "missing", "", "a", "b", "api-off", Severity.LOW, 0, 0)
    drift.write(world.tables, {}, {deviation.id: deviation}, [other.endpoint], 0)
    drift.accept(world.tables, deviation.id, None, text, "function key", now)
    exempt = Recommendation(
        "named-value-pinned", "/subscriptions/s/apim", exemptions=[Exemption(ALL, "function key", text, now, now + DAY)]
    )
    recommendations.write(world.tables, None, exempt)
    return other.id, rule.id, deviation.id, exempt.id


def texts_of(world: World, ids: tuple[str, str, str, str]) -> list[str]:
    other, rule, deviation = alerts.find(world.tables, ids[0]), suppressions.find(world.tables, ids[1]), drift.find(world.tables, ids[2])
    exempt = recommendations.find(world.tables, ids[3])
    assert other
    assert rule
    assert deviation
    assert deviation.acceptance
    assert exempt
    assert {other.triage.changes[0].by, rule.by, deviation.acceptance.who, exempt.recommendation.exemptions[0].who} == {"function key"}
    assert other.status == "Resolved"
    return [other.triage.changes[0].comment, rule.comment, deviation.acceptance.why, exempt.recommendation.exemptions[0].why]


@pytest.mark.parametrize(
    ("subject", "written", "left"),
    [
        (of("ip", "203.0.113.177"), "the scanner at 203.0.113.177 is ours", "the scanner at … is ours"),
        (of("userId", "maria.k"), "maria.k asked for it", "… asked for it"),
        (of("identity", "Alice"), "Alice knows", "… knows"),
        (of("identity", "function"), "subject:function is known", "… is known"),
    ],
)
def test_what_analysts_wrote_of_somebody_is_told_and_erased(world: World, subject: Subject, written: str, left: str) -> None:
    ids = explained(world, written)
    content = world.requests.export(subject, "test", world.now)[1]
    assert content is not None
    assert sorted(item["place"] for item in content["items"]) == ["alerts", "drift", "recommendations", "suppressions"]
    assert json.dumps(content, ensure_ascii=False).count(written) == 4
    done = finished(world, world.requests.erase(subject, "test", world.now))
    assert done.removed == {"alerts": 1, "drift": 1, "recommendations": 1, "suppressions": 1}
    assert set(done.found.values()) == {0}
    assert [re.sub("erased-[0-9a-z-]{1,8}", "…", text) for text in texts_of(world, ids)] == [left] * 4


@pytest.mark.parametrize("name", ["function", "true", "2xx", "key", "Resolved", "GET", "agent", "7", "scanner"])
def test_whoever_is_called_like_a_word_of_ours_changes_no_record_of_ours(world: World, name: str) -> None:
    text = f"{name} it is: a true positive of the function, 2xx, key 7, agent of the scanner, GET, Resolved"
    ids = explained(world, text)
    before = records(world)
    for kind in ("userId", "identity"):
        done = finished(world, world.requests.erase(Subject(kind, name), "test", world.now))
        assert done.removed == {}
    assert texts_of(world, ids) == [text] * 4
    assert records(world) == before


def records(world: World) -> list[tuple[str, bytes]]:
    """All that is stored but the record of requests."""
    return [
        (where, content) for where, content in stored(world) if where != "table name" and not where.startswith(("requests/", "tombstones/"))
    ]


def test_a_legal_hold_keeps_alerts_until_it_ends(world: World) -> None:
    world.hold = Hold(date(2026, 11, 3), "proceedings 4 O 118/26")
    world.restart()
    everywhere(world, "203.0.113.177")
    close(world)
    request = world.requests.erase(of("ip", "203.0.113.177"), "test", world.now)
    world.now += SETTLED + timedelta(minutes=1)
    held = world.requests.go_on(request, world.now)
    assert held.stage == "held"
    assert held.note == "alerts are under a legal hold until 2026-11-03: proceedings 4 O 118/26"
    assert places(world, "203.0.113.177") == {"alerts"}
    world.now += DAY
    world.run_purge()
    assert places(world, "203.0.113.177") == {"alerts"}
    world.now += 3 * DAY
    world.run_purge()
    found = world.requests.get(request.id)
    assert found is not None
    assert (found.stage, found.sealed) == ("done", "")
    assert places(world, "203.0.113.177") == set()


def test_an_alert_past_its_promise_is_still_found_by_whom_it_accused(world: World) -> None:
    everywhere(world, "203.0.113.177")
    world.now += 31 * DAY
    world.run_purge()
    (alert,) = [alert for alert in alerts.read(world.tables, 0) if alert.detector.startswith("API_")]
    assert (alert.sighting.actor or "").startswith("pseudonym-")
    content = world.requests.export(of("ip", "203.0.113.177"), "test", world.now)[1]
    assert content is not None
    assert {item["place"] for item in content["items"]} == {"alerts"}
    finished(world, world.requests.erase(of("ip", "203.0.113.177"), "test", world.now))
    (alert,) = [alert for alert in alerts.read(world.tables, 0) if alert.detector.startswith("API_")]
    assert (alert.sighting.actor or "").startswith("erased-")


# the export


def test_an_export_is_everything_that_a_raw_search_finds(world: World) -> None:
    everywhere(world, "203.0.113.177")
    close(world)
    everywhere(world, "198.51.100.133")
    content = world.requests.export(of("ip", "203.0.113.177"), "test", world.now)[1]
    assert content is not None
    items = content["items"]
    raw = {
        where.rpartition(".")[0] if where.startswith("alerts") else where.split(" ")[0].split(".d")[0]
        for _, where in where_found(stored(world), ["203.0.113.177"])
    }
    named = {item["where"] for item in items}
    for where in raw:
        place = where.split("/")[0]
        mine = {name for name in named if name.split("/")[0] == place}
        if place.startswith("activity"):
            assert mine
        else:
            assert any(where.startswith(name) for name in mine), where
    assert "198.51.100.133" not in json.dumps(items)
    assert all(item["place"] and item["purpose"] and item["goneBy"] for item in items)
    assert sum(item["calls"] for item in items if item["place"] == "activity" and "status" in item) == 30
    assert sum(item["calls"] for item in items if item["place"] == "batches" and item["counts"] == "calls") == 30
    assert {place["place"] for place in content["notSearched"]} == {
        "hub calls",
        "hub alerts",
        "memory evaluate",
        "gateway gatewatch-blocked",
    }


def test_a_large_export_waits_a_day_and_is_erased_with_its_subject(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.dsr.LARGEST_ANSWER", 100)
    everywhere(world, "203.0.113.177")
    request, content = world.requests.export(of("ip", "203.0.113.177"), "test", world.now)
    assert content is None
    stored_request = world.requests.get(request.id)
    assert stored_request is not None
    assert json.loads(world.requests.fetch(stored_request) or b"")["subject"] == {"ip": "203.0.113.177"}
    request2, _ = world.requests.export(of("ip", "198.51.100.133"), "test", world.now)
    world.requests.erase(of("ip", "203.0.113.177"), "test", world.now)
    assert places(world, "203.0.113.177") == set()
    assert world.requests.fetch(stored_request) is None
    assert world.requests.fetch(request2) is not None
    world.now += 23 * HOUR
    world.run_purge()
    assert world.requests.fetch(request2) is None


# killed anywhere


def kept_of(found: Iterable[tuple[str, bytes]]) -> set[str]:
    return {where.split("/")[0].rstrip("0123456789") for where, _ in found}


@pytest.mark.parametrize("group", range(GROUPS))
def test_an_erasure_killed_anywhere_is_completed_and_takes_nobody_else(world: World, group: int) -> None:
    random = Random(100 + group)
    kills = number = 0
    with killing() as killer:
        while kills < KILLS // GROUPS:
            number += 1
            world.empty()
            victim, other = f"203.0.113.{100 + number}", f"198.51.100.{100 + number}"
            for ip in (victim, other):
                everywhere(world, ip)
            close(world)
            untouched = {where for _, where in where_found(stored(world), [other])}
            counts = totals(world)
            asked, request, crashed = world.now, None, 0
            while request is None or request.stage != "done":
                world.restart()
                if random.random() < 0.85:
                    killer.arm(random.randrange(1, 45), after=random.random() < 0.5)
                try:
                    if request is None:
                        request = world.requests.erase(of("ip", victim), "test", asked)
                        world.now += SETTLED + timedelta(minutes=1)
                    world.requests.resume(world.now)
                    request = world.requests.get(request.id)
                except KilledError:
                    crashed += 1
                finally:
                    killer.disarm()
            kills += crashed
            world.requests.resume(world.now)  # a request that was stored, though nobody heard of it
            found = stored(world)
            assert not where_found(found, [victim]), f"schedule {group}/{number}"
            assert {where for _, where in where_found(found, [other])} == untouched
            assert totals(world) == counts
            assert not list(world.tables.query(TABLE, "PartitionKey eq 'requests' and finished eq false"))
