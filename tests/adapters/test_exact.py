"""Exact everywhere: whatever dies, comes late, was never described or evaluates at the same time, every derived table equals a straight count."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from math import inf
from random import Random
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from adapters import inventory, ledger, reconcile, stock, windows
from adapters.batches import Batch, BatchLog, Tail
from adapters.evaluate import Evaluator
from adapters.evidence import Evidence
from adapters.ingest import Event, Ingest
from adapters.progress import CLAIM, read_progress
from adapters.sources import Sources
from adapters.tables import Tables
from local import traffic
from model import Endpoint, Minute, bucket_of, window_start
from tests.adapters.killing import KilledError, killing
from tests.pipeline.test_decode import WHOLE

KEY = b"k" * 32
START = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
"""Two hours before a midnight."""
NOW = START + timedelta(hours=4)

LAST = "/last"
"""A last call in each partition brings event time up to the present. It is not counted."""

Calls = Counter[tuple[Endpoint, Minute, str, int]]
"""(endpoint, minute, address, HTTP status) -> calls"""


class Clock:
    """What claims are measured by."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class World:
    def __init__(self, tables: Tables, evidence: Evidence) -> None:
        self.tables, self.clock = tables, Clock()
        self.log = BatchLog(tables)
        self.ingest = Ingest(self.log, evidence, KEY, timedelta(days=2), lambda _: Tail(-1, None))
        self.next: dict[str, int] = {}

    def evaluator(self, log: BatchLog | None = None, clock: Callable[[], datetime] | None = None) -> Evaluator:
        return Evaluator(Sources(self.tables, log or self.log, KEY, 60, clock=clock or self.clock))

    def play(self, calls: Iterable[dict[str, Any]], partition: str = "0") -> None:
        events = []
        for call in calls:
            self.next[partition] = number = self.next.get(partition, -1) + 1
            events.append(Event(number, NOW, traffic.encode(call)))
        self.ingest.batch(partition, events, NOW)

    def settle(self) -> None:
        for partition in list(self.next):
            self.play([call(NOW, urlTemplate=LAST)], partition)
        self.clock.now += CLAIM
        judge = self.evaluator()
        for minutes in range(0, 110, 10):  # time passes although nothing comes: every window closes
            judge.tick(NOW + timedelta(minutes=minutes), NOW)
        self.evaluator().tick(NOW + timedelta(minutes=110), NOW)  # one that starts cold writes what the inventory's rows lag behind


def call(at: datetime, ip: str = "203.0.113.7", **changed: Any) -> dict[str, Any]:
    return {name: value for name, value in (WHOLE | {"time": at.isoformat(), "clientIp": ip} | changed).items() if name != "forwardedFor"}


def undescribed(at: datetime, name: str, ip: str = "203.0.113.7") -> dict[str, Any]:
    made = call(at, ip, path=f"/hidden/{name}", urlTemplate=None)
    del made["operationId"]
    return made


def endpoint_of(made: dict[str, Any], learned: Mapping[Endpoint, Minute]) -> Endpoint:
    template = made["urlTemplate"]
    endpoint = Endpoint(made["service"], made["apiId"], made["method"], template or made["path"], matched=bool(template))
    return endpoint if template or learned.get(endpoint, inf) <= window_start(minute(made)) else bucket_of(*endpoint[:2])


def minute(made: dict[str, Any]) -> Minute:
    return int(datetime.fromisoformat(made["time"]).timestamp()) // 60


def straight(calls: Iterable[dict[str, Any]], learned: Mapping[Endpoint, Minute] | None = None) -> Calls:
    """`learned`: as it is stored, endpoints of paths that no operation describes and the windows from which on they hold."""
    return Counter((endpoint_of(made, learned or {}), minute(made), made["clientIp"], made["status"]) for made in calls)


def derived(tables: Tables) -> dict[str, Counter[Any]]:
    """What the tables say, brought to one form: calls by (endpoint, window, status) and by (endpoint, window, class, address); of an endpoint in all."""
    days = [START.date(), NOW.date()]
    rows = [row for day in days for row in windows.read(tables, day) if row.endpoint.template not in ("*", LAST)]
    addresses = {ip for table in tables.names("activity") for ip in _addresses(tables, table)}
    found: dict[str, Counter[Any]] = {"windows": Counter(), "ledger": Counter(), "inventory": Counter()}
    for row in rows:
        for status, n in row.record.calls.items():
            found["windows"][row.endpoint, row.window, status] += n
    for ip in addresses:
        for entry in ledger.look_up(tables, ip, KEY):
            if entry.endpoint.template != LAST:
                found["ledger"][entry.endpoint, entry.window, entry.status_class, ip] += entry.n
    for endpoint, known in inventory.read(tables):
        if known is not None and endpoint.template not in ("*", LAST):
            found["inventory"][endpoint] += known.calls
    return found


def _addresses(tables: Tables, table: str) -> Iterator[str]:
    for row in tables.query(table, "PartitionKey lt 'regulars' or PartitionKey gt 'regulars'"):
        yield from ledger._decoder.decode(ledger._unpack(row))[1]


def expected(calls: Calls) -> dict[str, Counter[Any]]:
    found: dict[str, Counter[Any]] = {"windows": Counter(), "ledger": Counter(), "inventory": Counter()}
    for (endpoint, minute, ip, status), n in calls.items():
        found["windows"][endpoint, window_start(minute), status] += n
        found["ledger"][endpoint, window_start(minute), f"{status // 100}xx", ip] += n
        found["inventory"][endpoint] += n
    return found


@pytest.fixture
def world(tables: Tables, evidence: Evidence) -> World:
    return World(tables, evidence)


def test_late_calls_of_one_address_to_several_endpoints_are_all_in_the_ledger(world: World) -> None:
    live = [call(NOW)]
    world.play(live)
    world.evaluator().tick(NOW, NOW)
    late = [call(NOW - timedelta(hours=3), urlTemplate=f"/things/{number}") for number in range(8)]
    world.play(late)
    world.settle()
    assert derived(world.tables) == expected(straight(live + late))


def test_undescribed_paths_are_counted_from_their_first_call_on_and_as_endpoints_once_they_are_learned(world: World) -> None:
    """The clock is far ahead, so the calls are history, and the last minutes of them wait for the watermark while their tally was fed."""
    names = [f"{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(20)]
    made = [undescribed(START + timedelta(minutes=at / 2), names[at % 20], f"203.0.113.{at % 7}") for at in range(400)]
    for at in range(0, len(made), 30):
        world.play(made[at : at + 30])
        world.evaluator().tick(NOW, NOW)
    world.settle()
    learned = inventory.learned(world.tables)
    assert derived(world.tables) == expected(straight(made, learned))
    assert len([since for since in learned.values() if since]) == 20
    assert 0 < derived(world.tables)["inventory"][bucket_of("contoso", "orders")] < len(made)


class Interrupted(BatchLog):
    """A log whose batches can be read, until a read fails."""

    fails_after: int | None = None

    def _follow(self, *arguments: Any) -> Iterator[Batch]:
        for batch in super()._follow(*arguments):
            if self.fails_after is not None:
                self.fails_after -= 1
                if self.fails_after < 0:
                    self.fails_after = None
                    raise HttpResponseError("the answer was lost")
            yield batch


def test_a_read_that_fails_between_feeding_and_writing_loses_nothing(world: World) -> None:
    log = Interrupted(world.tables)
    judge = world.evaluator(log=log)
    made = [call(START + timedelta(minutes=at), f"203.0.113.{at}") for at in range(60)]
    for at in range(0, 60, 5):
        world.play(made[at : at + 2], "0")
        world.play(made[at + 2 : at + 5], "1")
        if at % 15 == 10:
            log.fails_after = 1
            with pytest.raises(HttpResponseError):
                judge.tick(NOW, NOW)
        judge.tick(NOW, NOW)
    world.settle()
    assert derived(world.tables) == expected(straight(made))


@pytest.mark.parametrize("writes", range(1, 9))
@pytest.mark.parametrize("is_dead", [False, True])
def test_two_evaluators_at_once_lose_nothing(world: World, writes: int, is_dead: bool) -> None:
    """The second comes while the first is before its n-th write. It lets the first go first, or takes over where that seems dead; then the first gives up."""
    first, rest = (
        [call(NOW - timedelta(minutes=at)) for at in range(40)],
        [call(NOW - timedelta(hours=3), f"203.0.113.{at}") for at in range(9)],
    )
    world.play(first)
    world.evaluator().tick(NOW, NOW)
    world.play(rest[:6])

    looks = 0

    def overtaken() -> datetime:  # whoever writes looks at the clock before
        nonlocal looks
        looks += 1
        if looks == writes:
            if is_dead:
                world.clock.now += CLAIM
            world.play(rest[6:])
            world.evaluator().tick(NOW, NOW)
        return world.clock()

    world.evaluator(clock=overtaken).tick(NOW, NOW)
    assert looks >= writes
    world.settle()
    assert derived(world.tables) == expected(straight(first + rest))


def test_the_inventory_is_written_less_often_and_counts_every_call_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Endpoint] = []
    write = inventory.write

    def counting(tables: Tables, some: Iterable[Any]) -> None:
        rows = list(some)
        written.extend(one.endpoint for one in rows)
        write(tables, rows)

    monkeypatch.setattr("adapters.stock.inventory.write", counting)
    judge = world.evaluator()
    made = [call(NOW - timedelta(minutes=5), urlTemplate=f"/things/{at % 5}") for at in range(100)]
    for at in range(0, 100, 10):
        world.play(made[at : at + 10])
        judge.tick(NOW + timedelta(seconds=at), NOW)
    assert Counter(written) == dict.fromkeys({endpoint_of(one, {}) for one in made}, 1)
    assert read_progress(world.tables).stocked["0"].last == 9
    world.evaluator().tick(NOW + timedelta(minutes=2), NOW)  # one that starts cold counts what was not written
    assert derived(world.tables)["inventory"] == expected(straight(made))["inventory"]


def test_the_inventory_is_whole_as_soon_as_nothing_more_comes(world: World) -> None:
    judge = world.evaluator()
    made = [call(NOW - timedelta(minutes=5)) for _ in range(20)]
    for at in (0, 10):
        world.play(made[at : at + 10])
        judge.tick(NOW + timedelta(seconds=at), NOW)
    assert derived(world.tables)["inventory"] == expected(straight(made[:10]))["inventory"]
    judge.tick(NOW + timedelta(seconds=20), NOW)
    assert derived(world.tables)["inventory"] == expected(straight(made))["inventory"]


SCHEDULES = 8


@pytest.mark.parametrize("seed", range(SCHEDULES))
def test_any_schedule_comes_out_equal(tables: Tables, evidence: Evidence, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(seed)
    monkeypatch.setattr(stock, "EVERY", timedelta(seconds=random.choice((0, 40, 10_000))))
    monkeypatch.setattr("adapters.recall.BATCHES_PER_STEP", random.choice((1, 3, 64)))
    world = World(tables, evidence)
    made: list[dict[str, Any]] = []
    clock = START + timedelta(minutes=20)
    judges = [world.evaluator(), world.evaluator()]
    with killing() as killer:
        for _ in range(14):
            clock += timedelta(minutes=random.choice((0, 3, 11, 25)))
            clock = min(clock, NOW)
            batch = []
            for _ in range(random.randrange(1, 12)):
                at = clock - timedelta(minutes=random.choice((0, 0, 1, 5, 30, 90, 130)))
                at, ip = max(at, START), f"203.0.113.{random.randrange(5)}"
                kind = random.random()
                batch.append(
                    undescribed(at, random.choice(("cart", "till", "depot")), ip)
                    if kind < 0.5
                    else call(at, ip, urlTemplate=f"/things/{random.randrange(4)}", status=random.choice((200, 200, 404)))
                )
            world.play(batch, random.choice("01"))
            made += batch
            tick_at = random.choice((clock, clock, NOW))  # in time, or behind the watermark
            if random.random() < 0.35:
                killer.arm(random.randrange(1, 40), after=random.random() < 0.5)
                with suppress(KilledError):
                    judges[0].tick(tick_at, NOW)
                killer.disarm()
                judges[0] = world.evaluator()
                world.clock.now += random.choice((timedelta(), CLAIM))
            else:
                random.choice(judges).tick(tick_at, NOW)
        world.settle()
    assert derived(tables) == expected(straight(made, inventory.learned(tables)))
    assert reconcile.run(tables, world.log, NOW) == []
