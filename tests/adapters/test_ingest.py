"""Exactly once: whatever is delivered again, batched anew, lost in a crash or written by a rival, every aggregate equals a straight count."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from adapters.batches import Batch, BatchLog, Behind, Tail
from adapters.evidence import QUARANTINE, Evidence
from adapters.ingest import Event, Ingest
from adapters.tables import Tables
from local import traffic
from pipeline.contents import Look
from settings import Connection
from tests.counting import Counts, counted, straight
from tests.pipeline.test_decode import WHOLE
from windows.tally import unpack

KEY = b"k" * 32
NOW = datetime(2026, 11, 24, 23, 59, 50, tzinfo=UTC)
NOWHERE = Tail(-1, None)
SCHEDULES = 1_000
GROUPS = 10


class CrashError(Exception):
    """The instance died here."""


@dataclass
class FaultyLog(BatchLog):
    """A log on real storage; `before` and `after` an insert a test may crash, or let a rival go first."""

    tables: Tables
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None
    transactions: int = 0

    def __post_init__(self) -> None:
        super().__init__(self.tables)

    def append(self, batch: Batch) -> None:
        self.before()
        self.transactions += 1
        super().append(batch)
        self.after()


@dataclass
class Hub:
    """One partition: its events, and what a straight count of its calls comes to."""

    random: Random
    events: list[Event] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        sequence = self.random.choice((0, 0, 7, 5_000))
        enqueued = NOW - timedelta(seconds=self.random.choice((5, 30, 3600)))  # some streams pass midnight
        for _ in range(self.random.randrange(1, 40)):
            enqueued += timedelta(seconds=self.random.choice((0, 0, 1, 5)))
            sequence += self.random.choice((1, 1, 1, 1, 1, 9))  # retention leaves holes
            if self.random.random() < 0.1:
                body = self.random.choice((b"", b"null", b"\xff", b'{"v":1', b"[" * 500))
            else:
                late = timedelta(minutes=self.random.choice((0, 0, 0, 1, 19, 61, 600)))
                changed = {"requestId": str(sequence), "time": (enqueued - late).isoformat(), "responseBytes": self.random.randrange(9_000)}
                operation = self.random.choice(traffic.OPERATIONS)
                call = WHOLE | traffic.call(self.random, enqueued, operation, **changed)
                body = traffic.encode(call)
                self.calls.append(call)
            self.events.append(Event(sequence, enqueued, body))


def read(tables: Tables, partition: str) -> tuple[Counts, list[Batch]]:
    batches = list(BatchLog(tables).read(partition, NOWHERE))
    return counted(unpack(batch.packed) for batch in batches), batches


def play(random: Random, tables: Tables, evidence: Evidence, partition: str, hub: Hub) -> None:
    """Deliver all events at least once, by instances that crash, come back, share the partition and never trust each other."""
    delivered = 0  # the checkpoint: everything before it was committed

    def instance() -> tuple[Ingest, FaultyLog]:
        log = FaultyLog(tables)
        return Ingest(log, evidence, KEY, timedelta(hours=24), lambda _: NOWHERE), log

    rivals = [instance(), instance()]
    while delivered < len(hub.events):
        who = random.randrange(2)
        ingest, log = rivals[who]
        start = max(0, delivered - random.choice((0, 0, 1, 5, 40)))
        end = min(len(hub.events), max(start + 1, delivered + random.choice((1, 3, 10, 40))))
        log.before = log.after = lambda: None
        fate = random.random()
        if fate < 0.15:
            log.before = crash
        elif fate < 0.3:
            log.after = crash
        elif fate < 0.5:
            log.before = once(lambda r=rivals[1 - who], s=start, e=end: overtake(random, r, hub, s, e))  # type: ignore[misc]
        try:
            ingest.batch(partition, hub.events[start:end], NOW)
            delivered = max(delivered, end)
        except CrashError:
            if random.random() < 0.7:
                rivals[who] = instance()  # else the same process tries again, with what it remembers


def crash() -> None:
    raise CrashError


def once(action: Callable[[], None]) -> Callable[[], None]:
    done: list[bool] = []

    def first_time() -> None:
        if not done:
            done.append(True)
            action()

    return first_time


def overtake(random: Random, rival: tuple[Ingest, FaultyLog], hub: Hub, start: int, end: int) -> None:
    ingest, log = rival
    log.before = log.after = lambda: None
    begin = max(0, start - random.choice((0, 3)))
    ingest.batch(CURRENT[0], hub.events[begin : random.randrange(start, end) + 1], NOW)


CURRENT = [""]


@pytest.mark.parametrize("group", range(GROUPS))
def test_every_aggregate_equals_a_straight_count_in_random_schedules(tables: Tables, evidence: Evidence, group: int) -> None:
    for number in range(SCHEDULES // GROUPS):
        random = Random(group * SCHEDULES + number)
        partition = CURRENT[0] = str(number)
        hub = Hub(random)
        play(random, tables, evidence, partition, hub)
        counts, batches = read(tables, partition)
        assert {key: value for key, value in counts.items() if key[0] != "sightings"} == straight(hub.calls, KEY), (
            f"schedule {group}/{number}"
        )
        assert [batch.first for batch in batches[1:]] == [batch.last + 1 for batch in batches[:-1]]
        assert batches[-1].last == hub.events[-1].sequence
        assert sum(batch.rejected for batch in batches) == len(hub.events) - len(hub.calls)


def events(bodies: list[bytes], first: int = 0) -> list[Event]:
    return [Event(first + at, NOW, body) for at, body in enumerate(bodies)]


def call(**changed: Any) -> bytes:
    return traffic.encode(WHOLE | {"time": NOW.isoformat()} | changed)


def test_one_insert_a_batch(tables: Tables, evidence: Evidence) -> None:
    log = FaultyLog(tables)
    ingest = Ingest(log, evidence, KEY, timedelta(hours=24), lambda _: NOWHERE)
    for number in range(20):
        ingest.batch("0", events([call()] * 1000, number * 1000), NOW)
    assert log.transactions == 20


def test_rejected_messages_are_kept_with_reason_partition_and_sequence_number(tables: Tables, evidence: Evidence) -> None:
    ingest = Ingest(BatchLog(tables), evidence, KEY, timedelta(hours=24), lambda _: NOWHERE)
    done = ingest.batch(
        "3", events([call(), b"null", call(status="200"), b"\xff" * 10_000, call(time="1970-01-01T00:00:00Z"), call()]), NOW
    )
    assert (done.calls, done.rejected, done.repeated) == (2, 4, 0)
    container = evidence.service.get_container_client(QUARANTINE)
    (blob,) = container.list_blobs()
    assert blob.name == "2026-11-24T23/3-00000000000000000001.jsonl"
    kept = [json.loads(line) for line in container.download_blob(blob.name).readall().splitlines()]
    assert [(found["reason"], found["partition"], found["sequenceNumber"]) for found in kept] == [
        ("not an object", "3", 1),
        ("status has a wrong type or value", "3", 2),
        ("not UTF-8", "3", 3),
        ("time is too old", "3", 4),
    ]
    assert base64.b64decode(kept[0]["prefix"]) == b"null"
    assert kept[2]["bytes"] == 10_000
    assert len(base64.b64decode(kept[2]["prefix"])) == 4096


def test_a_batch_of_no_known_partition_is_quarantined_whole(tables: Tables, evidence: Evidence) -> None:
    log = BatchLog(tables)
    ingest = Ingest(log, evidence, KEY, timedelta(hours=24), lambda _: NOWHERE)
    for later in (0, 1, 0):  # another batch with the same numbers, and a repeat of the first
        some = [Event(at, NOW + timedelta(seconds=later), call()) for at in range(3)]
        assert (ingest.batch("", some, NOW).calls, ingest.batch("", some, NOW).rejected) == (0, 3)
    container = evidence.service.get_container_client(QUARANTINE)
    kept = [json.loads(line) for blob in container.list_blobs() for line in container.download_blob(blob.name).readall().splitlines()]
    assert [found["reason"] for found in kept] == ["the host did not say of which partition the message is"] * 6
    assert not log.partitions()
    assert ingest.batch("", [], NOW).rejected == 0


def test_a_batch_too_large_for_one_entity_is_written_in_parts(tables: Tables, evidence: Evidence) -> None:
    ingest = Ingest(BatchLog(tables), evidence, KEY, timedelta(hours=24), lambda _: NOWHERE)
    bodies = [call(query="&".join(f"p{at}={number}x{at}" for at in range(64))) for number in range(1000)]
    assert ingest.batch("0", events(bodies), NOW).calls == 1000
    counts, batches = read(tables, "0")
    assert len(batches) > 1
    assert sum(value[0] for key, value in counts.items() if key[0] == "calls") == 1000


def test_the_chain_goes_on_where_older_days_are_dropped(tables: Tables, evidence: Evidence) -> None:
    log = BatchLog(tables)
    Ingest(log, evidence, KEY, timedelta(hours=24), lambda _: NOWHERE).batch("0", events([call()] * 3), NOW)
    tables.service.delete_table("batches20261124")
    later = [Event(3 + at, NOW + timedelta(days=1), call()) for at in range(2)]
    Ingest(log, evidence, KEY, timedelta(hours=48), lambda _: Tail(2, NOW.date())).batch("0", later, NOW)
    assert [(batch.first, batch.last) for batch in log.read("0", Tail(2, NOW.date()))] == [(3, 4)]
    assert [(batch.first, batch.last) for batch in log.read("0", NOWHERE)] == [(3, 4)]


class CountingTables(Tables):
    """Counts how often the tables are listed."""

    listed = 0

    def names(self, prefix: str) -> list[str]:
        self.listed += 1
        return super().names(prefix)


def test_what_every_partition_has_grown_by_is_read_with_one_listing(account: Connection) -> None:
    counting = CountingTables(account)
    log = BatchLog(counting)
    for partition, first, last, day in (("0", 0, 9, NOW), ("0", 10, 14, NOW + timedelta(days=1)), ("7", 0, 4, NOW), ("12", 0, 0, NOW)):
        log.append(Batch(partition, first, last, day.date(), b"x", 0))
    counting.listed = 0
    found = {partition: list(batches) for partition, batches in log.grown({"0": Tail(9, NOW.date()), "12": Tail(0, NOW.date())})}
    assert {partition: [(batch.first, batch.last) for batch in batches] for partition, batches in found.items()} == {
        "0": [(10, 14)],
        "12": [],
        "7": [(0, 4)],
    }
    assert counting.listed == 1
    assert found["7"] == list(log.read("7", NOWHERE))


def test_the_same_row_is_refused(tables: Tables) -> None:
    log = BatchLog(tables)
    batch = Batch("0", 0, 9, NOW.date(), b"x", 0)
    log.append(batch)
    with pytest.raises(Behind):
        log.append(batch)


def test_a_storage_fault_raises(tables: Tables, evidence: Evidence) -> None:
    log = FaultyLog(tables)
    ingest = Ingest(log, evidence, KEY, timedelta(hours=24), lambda _: NOWHERE)

    def unavailable() -> None:
        raise HttpResponseError("the server is busy")

    log.before = unavailable
    with pytest.raises(HttpResponseError):
        ingest.batch("0", events([call()]), NOW)
    log.before = lambda: None
    assert ingest.batch("0", events([call()]), NOW).calls == 1


def test_all_instances_share_one_hash_key(evidence: Evidence) -> None:
    keys = {evidence.hash_key() for _ in range(3)}
    assert len(keys) == 1
    assert len(keys.pop()) == 32


def test_suspects_over_the_budget_are_drawn_by_lot_and_the_rest_is_counted(tables: Tables, evidence: Evidence) -> None:
    """A crowd of oddities from one address hides neither another's attack nor how much was not looked into."""
    random = Random(9)
    ingest = Ingest(BatchLog(tables), evidence, KEY, timedelta(days=1), lambda _: NOWHERE, look=lambda _: Look([], []))
    known = [WHOLE | traffic.call(random, NOW, traffic.OPERATIONS[0], status=200) for _ in range(60)]
    crowd = [WHOLE | traffic.call(random, NOW, traffic.OPERATIONS[0], status=200) for _ in range(400)]
    for call in crowd:
        call |= {"clientIp": "203.0.113.9", "requestBody": '{"note":"it is (nearly) done; wait"}'}
    crowd[-1] |= {"clientIp": "203.0.113.10", "requestBody": '{"name":"<script>alert(1)</script>"}'}
    ingest.batch("0", [Event(n, NOW, traffic.encode(call)) for n, call in enumerate(known)], NOW)
    done = ingest.batch("0", [Event(60 + n, NOW, traffic.encode(call)) for n, call in enumerate(crowd)], NOW)
    tally = [unpack(batch.packed) for batch in BatchLog(tables).read("0", NOWHERE)][-1]
    looked = sum(n for *_, n in tally.rows("looks"))
    assert done.overlooked == 400 - looked - 250 == sum(n for *_, n in tally.rows("overlooked"))
    assert [tally.ips[ip] for _, _, _, ip, *_ in tally.rows("sightings")] == ["203.0.113.10"]


def test_an_attack_in_a_header_or_a_body_is_seen_in_every_call_of_a_shape_that_is_known(tables: Tables, evidence: Evidence) -> None:
    """By then one call in fifty is looked into; those that may be attacks are, too, and say nothing about what the shape carries."""
    random = Random(9)
    ingest = Ingest(BatchLog(tables), evidence, KEY, timedelta(days=1), lambda _: NOWHERE, look=lambda _: Look([], []))
    calls = [WHOLE | traffic.call(random, NOW, traffic.OPERATIONS[0], status=200) for _ in range(340)]
    attacks = ({"requestHeaders": {"x-api-version": "1' UNION SELECT 1,2--"}}, {"requestBody": '{"name":"<script>alert(1)</script>"}'})
    for number, call in enumerate(calls[220:320]):
        call |= {"clientIp": "203.0.113.9", **attacks[number % 2]}
    for at in range(0, 340, 20):
        ingest.batch("0", [Event(at + n, NOW, traffic.encode(call)) for n, call in enumerate(calls[at : at + 20])], NOW)
    tallies = [unpack(batch.packed) for batch in BatchLog(tables).read("0", NOWHERE)]
    seen = {
        (tally.details[detail], tally.ips[ip]): n for tally in tallies for _, _, rule, ip, _, detail, n in tally.rows("sightings") if tally.rules[rule] == "API_Injection"
    }  # fmt: skip
    assert {key[0] for key in seen} == {"sql in request.header x-api-version", "script in request.body $.name"}
    assert {key[1] for key in seen} == {"203.0.113.9"}
    found = sum(n for tally in tallies for *_, n in tally.rows("sightings"))
    assert found >= 98  # a few were among those that are looked into anyway, by a look that sees nothing here
    assert sum(n for tally in tallies for *_, n in tally.rows("looks")) == 50 + 340 // 50 - 1
