"""Evaluating from storage: whatever crashes, starts cold, comes late or has a rival, the windows say what a straight count says."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import msgspec
import pytest
from azure.core.exceptions import HttpResponseError

from adapters import alerts, baseline, inventory, ledger, windows
from adapters.alert_index import AlertIndex
from adapters.app import App
from adapters.batches import Batch, BatchLog, Tail
from adapters.estate import EstateSource
from adapters.evaluate import Evaluator
from adapters.evidence import Evidence
from adapters.ingest import Event, Ingest
from adapters.inventory_index import InventoryIndex
from adapters.progress import read_progress
from adapters.sources import Sources
from adapters.stock import EVERY
from adapters.tables import Entity, Tables, joined, pieces
from local import traffic
from model import WINDOW_MINUTES, minute_of, moment
from pipeline.learn import pack_summary, unpack_summary
from settings import read
from stats.recent import distinct
from tests.inventory_truth import truth
from tests.pipeline.test_decode import WHOLE
from tests.test_settings import LOCAL
from web.inventory import page as inventory_page
from web.usage import page

KEY = b"k" * 32
START = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
NOW = START + timedelta(hours=4)
QUIET = NOW + timedelta(minutes=10)
"""So long after the last batch nothing is waited for any more."""
SCHEDULES = 40

Calls = Counter[tuple[str, datetime, int]]


class FaultyTables(Tables):
    """Real tables whose next writes can be made to fail."""

    failing_after: int | None = None

    def upsert(self, table: str, entities: Iterable[Entity], *args: Any, **kwargs: Any) -> None:
        if self.failing_after is not None:
            self.failing_after -= 1
            if self.failing_after < 0:
                self.failing_after = None
                raise HttpResponseError("the server is busy")
        super().upsert(table, entities, *args, **kwargs)


def evaluator(tables: Tables) -> Evaluator:
    return Evaluator(Sources(tables, BatchLog(tables), KEY, 60))


def ingest(tables: Tables, evidence: Evidence) -> Ingest:
    return Ingest(BatchLog(tables), evidence, KEY, timedelta(days=2), lambda _: Tail(-1, None))


def of(call: dict[str, Any]) -> tuple[str, datetime, int]:
    at = datetime.fromisoformat(call["time"])
    start = at - timedelta(minutes=at.minute % WINDOW_MINUTES, seconds=at.second, microseconds=at.microsecond)
    return f"{call['method']} {call['urlTemplate']}", start, call["status"]


def stored(tables: Tables, days: Iterable[date] = (START.date(), NOW.date())) -> Calls:
    found: Calls = Counter()
    for day in days:
        for row in windows.read(tables, day):
            if row.endpoint.template != "*":
                for status, n in row.record.calls.items():
                    found[str(row.endpoint), moment(row.window), status] += n
    return found


def dump(tables: Tables) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {
        (name, row["PartitionKey"], row["RowKey"]): dict(row)
        for name in tables.names("")
        if name not in ("progress",) and not name.startswith("batches")
        for row in tables.query(name, "PartitionKey ge @least", least="")
    }


def calls(random: Random, minutes: int, count: int) -> list[dict[str, Any]]:
    """In order of arrival: most as they happen, some minutes or an hour late."""
    found = []
    for number in range(count):
        arrived = START + timedelta(minutes=minutes * number / count)
        late = timedelta(minutes=random.choice((0, 0, 0, 0, 0, 1, 15, 70, 130)))
        changed = {"time": (arrived - late).isoformat(), "requestId": str(number)}
        found.append(WHOLE | traffic.call(random, arrived, random.choice(traffic.OPERATIONS[:3]), **changed))
    return found


@pytest.mark.parametrize("group", range(4))
def test_windows_equal_a_straight_count_through_crashes_cold_starts_and_late_calls(tables: Tables, evidence: Evidence, group: int) -> None:
    for number in range(SCHEDULES // 4):
        for name in tables.names(""):
            tables.service.delete_table(name)
        random = Random(group * SCHEDULES + number)
        faulty = FaultyTables.__new__(FaultyTables)
        faulty.service = tables.service
        some = calls(random, 200, random.randrange(1, 120))
        intake, judge = ingest(tables, evidence), evaluator(faulty)
        sequence = [0, 0]
        at = 0
        while at < len(some):
            batch = some[at : at + random.choice((1, 5, 20))]
            partition = random.randrange(2)
            events = [Event(sequence[partition] + n, NOW, traffic.encode(call)) for n, call in enumerate(batch)]
            intake.batch(str(partition), events, NOW)
            sequence[partition] += len(batch)
            at += len(batch)
            if random.random() < 0.4:
                faulty.failing_after = random.choice((None, None, 0, 1, 2, 4))
                with suppress(HttpResponseError):
                    judge.tick(NOW, NOW)
                faulty.failing_after = None
            if random.random() < 0.2:
                judge = evaluator(faulty)
        judge.tick(NOW, NOW)
        judge.tick(QUIET, NOW)
        judge.tick(QUIET + EVERY, NOW)
        assert stored(tables) == Counter(of(call) for call in some), f"schedule {group}/{number}"
        expect_inventory(tables, some)


def expect_inventory(tables: Tables, some: list[dict[str, Any]]) -> None:
    """Every column of every endpoint equals a straight count."""
    known = {endpoint: row for endpoint, row in inventory.read(tables) if row is not None and endpoint.matched}
    expected = truth(some)
    assert known.keys() == expected.keys()
    for endpoint, true in expected.items():
        row = known[endpoint]
        assert (row.calls, row.first, row.last) == (len(true.minutes), min(true.minutes), max(true.minutes))
        assert {day: counts.classes for day, counts in row.days.items()} == {
            day: [counts[kind] for kind in range(1, 6)] for day, counts in true.classes.items()
        }
        assert {day: counts.proofs for day, counts in row.days.items() if counts.proofs} == true.proofs
        assert (row.external_first, row.external_last) == (min(true.public), max(true.public))
        assert abs(distinct(row.callers, 0) - len(true.callers)) <= 1
        assert row.shape is not None
        shape = row.shape.whole()
        assert (shape.calls, {status: seen.n for status, seen in shape.statuses.items()}) == (len(true.minutes), true.statuses)
        assert {name: one.seen.n for name, one in shape.parameters.items()} == true.parameters
        assert {name: seen.n for name, seen in shape.media.items()} == true.media
    coverage = inventory.coverages(tables)[traffic.SERVICE]
    minutes = [minute for true in expected.values() for minute in true.minutes]
    assert (coverage.first, coverage.last) == (min(minutes), max(minutes))
    assert sum(bits.bit_count() for bits in coverage.hours.values()) == len({minute // 60 for minute in minutes})


def fill(tables: Tables, evidence: Evidence, some: list[dict[str, Any]], first: int = 0) -> None:
    ingest(tables, evidence).batch("0", [Event(first + n, NOW, traffic.encode(call)) for n, call in enumerate(some)], NOW)


def test_a_repeat_changes_nothing(tables: Tables, evidence: Evidence) -> None:
    some = calls(Random(1), 200, 300)
    fill(tables, evidence, some)
    evaluator(tables).tick(NOW, NOW)
    progress = read_progress(tables)
    before = dump(tables)
    tables.delete("progress", [("evaluate", "progress")])  # as if the write of progress had been lost
    evaluator(tables).tick(NOW, NOW)
    assert dump(tables) == before
    assert read_progress(tables).tails == progress.tails


class CountingLog(BatchLog):
    """Real batches, and how many of them a cold start read."""

    recalled = 0

    def recall(self, partition: str, until: Tail, oldest: int, newest: int | None = None) -> Iterator[Batch]:
        for batch in super().recall(partition, until, oldest, newest):
            self.recalled += 1
            yield batch


def test_a_cold_start_reads_no_more_than_the_rolling_day_and_lets_what_is_live_go_first(
    tables: Tables, evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two days in 80 batches; every tenth batch of the second day meets an instance that starts anew, in steps of two batches and with no time for the day:
    its windows are what a straight count says, and those of an instance that lives on."""
    some = calls(Random(3), 2 * 24 * 60, 800)
    log = CountingLog(tables)
    intake, judge = ingest(tables, evidence), Evaluator(Sources(tables, log, KEY, 60))
    monkeypatch.setattr("adapters.recall.BATCHES_PER_STEP", 2)
    monkeypatch.setattr("adapters.recall.RECALL_SECONDS", 0.0)
    for number in range(0, 800, 10):
        now = START + timedelta(minutes=2 * 24 * 60 * (number + 10) / 800)
        intake.batch("0", [Event(number + n, now, traffic.encode(call)) for n, call in enumerate(some[number : number + 10])], now)
        if number >= 400 and number % 100 == 0:
            judge, log.recalled = Evaluator(Sources(tables, log, KEY, 60)), 0
            is_closing = (read_progress(tables).closed_until or 0) // 1440 < minute_of(now) // 1440  # yesterday is not closed yet
            judge.tick(now, now)
            assert is_closing or 0 < log.recalled < 12  # some two hours are live, in batches of 36 minutes; and one of the day
            for _ in range(60):
                judge.tick(now, now)
            assert 40 <= log.recalled < 56  # 27 hours before what is late, not all that are there
        else:
            judge.tick(now, now)
    judge.tick(QUIET + timedelta(days=2), NOW)
    days = [START.date() + timedelta(days=n) for n in range(3)]
    assert stored(tables, days) == Counter(of(call) for call in some)


def test_two_instances_take_turns_and_nothing_is_counted_twice(tables: Tables, evidence: Evidence) -> None:
    some = calls(Random(2), 200, 300)
    rivals = [evaluator(tables), evaluator(tables)]
    for turn in range(10):
        fill(tables, evidence, some[turn * 30 : turn * 30 + 30], turn * 30)
        rivals[turn % 2].tick(NOW, NOW)
    rivals[0].tick(NOW, NOW)
    rivals[0].tick(QUIET, NOW)
    assert stored(tables) == Counter(of(call) for call in some)


def test_closed_windows_say_which_address_called_what(tables: Tables, evidence: Evidence) -> None:
    some = calls(Random(3), 200, 300)
    fill(tables, evidence, some)
    evaluator(tables).tick(NOW, NOW)
    closed_until = read_progress(tables).closed_until
    assert closed_until is not None
    address = Counter(call["clientIp"] for call in some).most_common(1)[0][0]
    expected = Counter(
        of(call)[:2]
        for call in some
        if call["clientIp"] == address and of(call)[1] + timedelta(minutes=WINDOW_MINUTES) <= moment(closed_until)
    )
    found: Counter[tuple[str, datetime]] = Counter()
    for entry in ledger.look_up(tables, address, KEY):
        found[str(entry.endpoint), moment(entry.window)] += entry.n
    assert found == expected


def test_history_teaches_and_an_attack_alerts(tables: Tables, evidence: Evidence) -> None:
    end = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    past = list(traffic.history(end, 8, seed=5))
    took = ingest(tables, evidence)
    took._max_age = timedelta(days=60)
    for at in range(0, len(past), 1000):
        took.batch("0", [Event(at + n, end, traffic.encode(call)) for n, call in enumerate(past[at : at + 1000])], end)
    judge = evaluator(tables)
    judge.tick(end, end + timedelta(minutes=5))
    assert baseline.run(tables, end) == len(traffic.OPERATIONS) + 1  # and the service as a whole
    assert baseline.run(tables, end) == len(traffic.OPERATIONS) + 1
    attack = list(traffic.attack("spike", end + timedelta(minutes=1)))
    took.batch("0", [Event(len(past) + n, end, traffic.encode(call)) for n, call in enumerate(attack)], end + timedelta(minutes=2))
    judge.tick(end + timedelta(minutes=3), end)
    found = {alert.detector: alert for alert in alerts.read(tables, since=0) if moment(alert.first) >= end}
    spike = found["API_PopulationSpikeInAPITraffic"]
    assert str(spike.endpoint) == "PUT /v1/orders/{id}"
    assert (spike.sighting.observed, spike.statuses, spike.baseline_days) == (600, {204: 600}, 8)
    assert spike.sighting.mean is not None
    assert spike.sighting.deviation is not None
    page, following = alerts.read_page(tables, 1, "")
    assert len(page) == 1
    more, _ = alerts.read_page(tables, 200, following or "")
    assert len(more) == len(list(alerts.read(tables, since=0))) - 1


def test_usage_is_counted_from_summaries_and_from_the_windows_of_days_without_one(tables: Tables, evidence: Evidence) -> None:
    some = calls(Random(4), 200, 200)  # before and after midnight
    fill(tables, evidence, some)
    judge = evaluator(tables)
    judge.tick(NOW, NOW)
    judge.tick(QUIET, NOW)
    status, before = page(tables, {}, NOW)
    sent, answered = sum(call.get("requestBytes", 0) for call in some), sum(call.get("responseBytes", 0) for call in some)
    shop = {"service": "contoso", "api": "shop", "calls": 200, "requestBytes": sent, "responseBytes": answered}
    assert (status, before["calls"], before["value"]) == (200, 200, [shop])
    assert (before["requestBytes"], before["responseBytes"], before["daysWithoutBytes"]) == (sent, answered, 0)
    later = [WHOLE | traffic.call(Random(5), NOW + timedelta(days=1), traffic.OPERATIONS[0]) for _ in range(3)]
    ingest(tables, evidence).batch(
        "0", [Event(200 + n, NOW, traffic.encode(call)) for n, call in enumerate(later)], NOW + timedelta(days=1)
    )
    judge.tick(NOW + timedelta(days=1), NOW)
    baseline.run(tables, NOW + timedelta(days=1))
    after = page(tables, {"month": "2026-11"}, NOW + timedelta(days=1))[1]
    assert after["calls"] == 203
    assert (after["requestBytes"], after["responseBytes"]) == (
        sent + sum(call.get("requestBytes", 0) for call in later),
        answered + sum(call.get("responseBytes", 0) for call in later),
    )
    assert answered > 0
    assert {plan["plan"]: plan["total"] for plan in after["defenderForApis"]["plans"]}["P1"] == 200
    assert page(tables, {"month": "2026-10"}, NOW)[1]["calls"] == 0
    # a day that was learned by a version that kept no bytes
    day = f"{START:%Y%m%d}"
    for row in list(tables.query("days202611", "PartitionKey eq @day and RowKey ge 'summary-' and RowKey lt 'summary-~'", day=day)):
        old = msgspec.structs.replace(unpack_summary(joined(row)), request_bytes=-1, response_bytes=-1)
        tables.upsert("days202611", [{"PartitionKey": day, "RowKey": row["RowKey"], **pieces(pack_summary(old))}])
    aged = page(tables, {"month": "2026-11"}, NOW + timedelta(days=1))[1]
    assert (aged["calls"], aged["daysWithoutBytes"]) == (203, 1)
    assert 0 < aged["responseBytes"] < after["responseBytes"]
    assert page(tables, {"month": "2026-13"}, NOW)[0] == 400


def test_what_calls_carry_becomes_the_inventory(tables: Tables, evidence: Evidence) -> None:
    took = Ingest(
        BatchLog(tables),
        evidence,
        KEY,
        timedelta(days=2),
        lambda _: Tail(-1, None),
        look=App(read(LOCAL | {"EvidenceStorage": connected(evidence)})).look,
    )
    body = json.dumps({"payee": {"iban": "NL91ABNA0417164300"}})
    call = WHOLE | {"time": NOW.isoformat(), "responseBody": body, "query": "expand=lines"}
    took.batch("0", [Event(n, NOW, traffic.encode(call)) for n in range(200)], NOW)
    evaluator(tables).tick(NOW, NOW)
    evaluator(tables).tick(NOW, NOW)
    index = InventoryIndex(tables, EstateSource(tables, evidence, list), AlertIndex(tables))
    (endpoint,) = inventory_page(index, {"sensitive": "any"}, NOW)[1]["value"]
    assert (endpoint["endpoint"], endpoint["calls"]) == ("GET /orders/{id}", 200)
    assert 50 <= endpoint["lookedInto"] < 60
    assert endpoint["unseenShareBelow"] == round(3 / endpoint["lookedInto"], 4)
    (one,) = endpoint["sensitive"]
    (place,) = one["places"]
    assert (one["type"], one["confidence"], place["where"], place["path"], place["direction"]) == (
        "iban",
        "high",
        "response.body",
        "$.payee.iban",
        "response",
    )
    assert (place["statusClasses"], place["count"]) == (["2xx"], endpoint["lookedInto"])
    assert "NL91ABNA" not in json.dumps(list(dump(tables).values()), default=str)


def connected(evidence: Evidence) -> str:
    """The connection string that a client was made from."""
    key = evidence.service.credential.account_key
    return f"AccountName={evidence.service.account_name};AccountKey={key};BlobEndpoint={evidence.service.primary_endpoint}"


def test_what_comes_after_its_day_was_learned_is_learned_too(tables: Tables, evidence: Evidence) -> None:
    some = calls(Random(11), 100, 60)
    fill(tables, evidence, [*some, some[0] | {"time": NOW.isoformat(), "requestId": "today"}])
    judge = evaluator(tables)
    judge.tick(QUIET, NOW)
    assert baseline.run(tables, NOW)
    learned = sum(one.calls for one in baseline.summaries(tables, START.date()) if one.endpoint.template != "*")
    late = [call | {"time": (START + timedelta(minutes=5)).isoformat(), "requestId": f"late {n}"} for n, call in enumerate(some[:7])]
    fill(tables, evidence, late, 61)
    judge.tick(QUIET, NOW)
    for _ in range(2):  # the second run finds it learned
        baseline.run(tables, NOW)
        assert sum(one.calls for one in baseline.summaries(tables, START.date()) if one.endpoint.template != "*") == learned + 7
    assert tables.get(f"days{START:%Y%m}", f"{START:%Y%m%d}", windows.AGAIN) is None
