"""What an evaluation writes, on real storage: late activity is there, an erased person's past is not, and nothing is read past a hole in the chain."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count, pairwise

import pytest

from adapters import alerts, campaigns, health, ledger, tombstones, windows
from adapters.batches import Batch, BatchLog, Tail
from adapters.patience import WORK
from adapters.steps import write_step
from adapters.tables import Tables
from alerts.campaign import FoldedAlert, FoldedPage
from model import Endpoint, Minute, Severity, minute_of
from pipeline.learn import DayTops
from pipeline.step import Activity, Behind, Late, Regular, Step
from retention.guard import Guard
from retention.policy import DAY
from retention.subject import Tombstones, subject_hash
from settings import SETTINGS, Connection
from tests.adapters.world import World
from tests.build import alert
from windows.record import Record, WindowRow
from windows.tally import Tally, pack

KEY = b"k" * 32
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
TODAY = NOW.date()
WINDOW: Minute = minute_of(NOW) // 20 * 20 - 120
ENDPOINT = Endpoint("contoso", "shop", "GET", "/v1/orders/{id}")
ERASED, OTHER = "203.0.113.7", "198.51.100.7"


def step(of: Minute) -> Step:
    """One of everything for both."""
    both = (ERASED, OTHER)
    late = [Late(ENDPOINT, of, "0", 7, Record(calls={200: 10}), [Activity(ip, ENDPOINT, of, "2xx", 5) for ip in both])]
    return Step(
        {},
        None,
        None,
        late=late,
        activity=[Activity(ip, ENDPOINT, of, "2xx", 3) for ip in both],
        behind=[Behind(ip, of, ("user:1",), ("okhttp/4.12",)) for ip in both],
        regulars=[Regular(of // 1440, ENDPOINT, "calls:2xx", ip, 25.0) for ip in both],
    )


def test_everything_of_a_step_is_written_and_a_repeat_changes_nothing(tables: Tables) -> None:
    found = alert(first=WINDOW, last=WINDOW + 1)
    folded = FoldedAlert(OTHER, ENDPOINT, "2xx", None, Severity.LOW, WINDOW, WINDOW, 9.0)
    whole = replace(
        step(WINDOW),
        changed=[WindowRow(ENDPOINT, WINDOW + 20, Record(calls={200: 1}))],
        closed=[WindowRow(ENDPOINT, WINDOW, Record(calls={200: 7}))],
        days=[DayTops(ENDPOINT, WINDOW // 1440, {"day:path:id": [3.0]})],
        alerts=[found],
        folded=[FoldedPage(found.id, 0, [folded])],
    )
    for _ in range(2):
        write_step(tables, whole, Guard(KEY, NOW), NOW)
        rows = {row.window: row.record.calls for row in windows.read(tables, TODAY)}
        assert rows == {WINDOW: {200: 17}, WINDOW + 20: {200: 1}}
        assert [one.id for one in alerts.read(tables, 0)] == [found.id]
        assert campaigns.page(tables, found.id, 0) == ([folded], None)
        assert tables.get(f"days{TODAY:%Y%m}", f"{TODAY:%Y%m%d}", f"tops-{ENDPOINT.id}")
        assert tables.get(f"days{TODAY:%Y%m}", f"{TODAY:%Y%m%d}", windows.AGAIN), "what came late is learned again"
        assert calls(tables, OTHER) == [3, 5]


def guard(before: datetime) -> Guard:
    return Guard(KEY, NOW, tombstones=Tombstones(KEY, {subject_hash(ERASED, KEY): minute_of(before)}))


def calls(tables: Tables, ip: str) -> list[int]:
    return sorted(entry.n for entry in ledger.look_up(tables, ip, KEY))


def regulars(tables: Tables) -> list[str]:
    return sorted(one.actor for one in ledger.regulars(tables, TODAY - timedelta(days=1)))


def test_what_comes_late_is_in_the_ledger_and_an_erased_persons_past_is_nowhere(tables: Tables) -> None:
    write_step(tables, step(WINDOW), guard(NOW), NOW)
    assert calls(tables, OTHER) == [3, 5]
    assert calls(tables, ERASED) == []
    assert regulars(tables) == [OTHER]
    (behind,) = list(tables.query(f"{ledger.PREFIX}{TODAY:%Y%m%d}", "PartitionKey ge 'behind' and PartitionKey lt 'behindz'"))
    write_step(tables, step(WINDOW), Guard(KEY, NOW), NOW)
    (both,) = list(tables.query(f"{ledger.PREFIX}{TODAY:%Y%m%d}", "PartitionKey ge 'behind' and PartitionKey lt 'behindz'"))
    assert len(both["d0"]) > len(behind["d0"])
    assert (calls(tables, ERASED), regulars(tables)) == ([3, 5], [OTHER, ERASED])


def test_who_calls_again_after_an_erasure_is_written(tables: Tables) -> None:
    write_step(tables, step(WINDOW), guard(NOW - DAY), NOW)
    assert calls(tables, ERASED) == [3, 5]
    assert regulars(tables) == [OTHER, ERASED]


def test_nothing_is_written_into_a_days_table_that_is_gone(tables: Tables) -> None:
    write_step(tables, step(WINDOW - 31 * 1440), Guard(KEY, NOW), NOW)
    assert tables.names(ledger.PREFIX) == []


def test_a_writer_learns_of_an_erasure_long_before_it_settles(tables: Tables) -> None:
    store = tombstones.TombstoneStore(tables, KEY)
    assert not store.at(NOW)
    tombstones.add(tables, subject_hash(ERASED, KEY), NOW)
    assert not store.at(NOW + tombstones.FRESH - timedelta(seconds=1)), "it is not asked for every write"
    assert store.at(NOW + tombstones.FRESH).hides(ERASED, minute_of(NOW) - 1)
    tries = (WORK.retries + 1) * (WORK.connect + WORK.answer) + 0.5 * 2**WORK.retries
    assert tombstones.FRESH + timedelta(seconds=tries) < tombstones.SETTLED


def test_a_tick_that_catches_up_asks_again_who_was_erased(account: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(account, NOW)
    for _ in range(3):
        world.play([world.call(ERASED)])
    reads: list[datetime] = []
    read = tombstones.TombstoneStore.at

    def noted(store: tombstones.TombstoneStore, now: datetime) -> Tombstones:
        reads.append(now)
        return read(store, now)

    monkeypatch.setattr(tombstones.TombstoneStore, "at", noted)
    monkeypatch.setattr("adapters.recall.BATCHES_PER_STEP", 1)
    seconds = count(0, 20)
    monkeypatch.setattr("adapters.evaluate.monotonic", lambda: float(next(seconds)))
    world.evaluate()
    assert len(reads) >= 3
    assert all(two - one >= tombstones.FRESH for one, two in pairwise(reads))


def test_nothing_behind_a_hole_in_the_chain_is_read_until_it_is_filled(tables: Tables) -> None:
    log = BatchLog(tables)

    def append(first: int) -> None:
        log.append(Batch("0", first, first + 9, date(2026, 11, 24), pack(Tally()), 0))

    def read() -> list[int]:
        return [batch.first for batch in log.read("0", Tail(-1, None))]

    for first in (0, 20, 30):
        append(first)
    assert read() == [0]
    assert log.tail("0", Tail(-1, None)).last == 9
    assert [(partition, [batch.first for batch in some]) for partition, some in log.grown({"0": Tail(9, TODAY)})] == [("0", [])]
    append(10)
    assert read() == [0, 10, 20, 30]


@pytest.mark.parametrize(
    ("age", "said"), [(None, "nothing has been evaluated yet"), (0.0, ""), (120.0, ""), (121.0, "the last evaluation was 121 s ago")]
)
def test_health_bears_eight_ticks_of_silence(age: float | None, said: str) -> None:
    assert health.silence(age) == said
    assert float(SETTINGS["EVALUATE_SECONDS"].default or 0) * 8 == health.LONGEST_SILENCE
