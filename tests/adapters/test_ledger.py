"""The activity ledger: what is written is found again by address, exactly, in bounded writes, and one address can be taken out alone."""

from collections import Counter
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import ledger
from adapters.tables import LARGEST_ENTITY, Entity, Tables, joined
from model import STATUS_CLASSES, Endpoint, minute_of
from pipeline.step import Activity, Behind, Regular
from tests.adapters.killing import KilledError, killing

KEY = b"k" * 32
WINDOW = minute_of(datetime(2026, 11, 24, 10, 0, tzinfo=UTC))
TABLE = "activity20261124"
ENDPOINTS = [Endpoint("contoso", f"api{number}", "GET", "/v1/things/{id}") for number in range(5)]


def activity(random: Random, ips: list[str], calls: int, window: int = WINDOW) -> list[Activity]:
    counts = Counter((random.choice(ips), random.choice(ENDPOINTS), random.choice(STATUS_CLASSES)) for _ in range(calls))
    return [Activity(ip, endpoint, window, kind, n) for (ip, endpoint, kind), n in counts.items()]


def write(tables: Tables, some: list[Activity]) -> int:
    rows = [row for _, row in ledger.rows(some, KEY)]
    tables.upsert(TABLE, rows)
    return len(rows)


def test_every_address_is_found_with_exactly_its_counts(tables: Tables) -> None:
    random = Random(1)
    ips = [f"198.51.100.{number}" for number in range(200)] + [f"2001:db8::{number:x}" for number in range(1, 100)]
    all_of_it = [entry for window in range(WINDOW, WINDOW + 60, 20) for entry in activity(random, ips, 3000, window)]
    write(tables, all_of_it)
    for ip in [*random.sample(ips, 20), "203.0.113.250"]:
        found = sorted((e.endpoint, e.window, e.status_class, e.n) for e in ledger.look_up(tables, ip, KEY))
        assert found == sorted((entry.endpoint, entry.window, entry.status_class, entry.n) for entry in all_of_it if entry.ip == ip)


def test_a_window_costs_at_most_one_row_a_bucket_however_many_addresses_called() -> None:
    random = Random(2)
    rows = []
    for count in (0, 1, ledger.FEW, ledger.FEW + 1, 20_000):
        ips = [f"{random.randrange(256)}.{random.randrange(256)}.{number >> 8}.{number & 255}" for number in range(count)]
        rows.append(len(list(ledger.rows([Activity(ip, ENDPOINTS[0], WINDOW, "2xx", 1) for ip in ips], KEY))))
    assert rows == [0, 1, 1, ledger.GROUPS, ledger.BUCKETS]


def test_a_row_never_outgrows_an_entity() -> None:
    endpoints = [Endpoint("s" * 100, "a" * 100, "GET", f"/{number}/" + "t" * 100) for number in range(60)]
    ips = [f"2001:db8:{number:x}:ffff:ffff:ffff:ffff:{number:x}" for number in range(1, 2000)]
    own = [ip for ip in ips if ledger.bucket_of(ip, KEY) == ledger.bucket_of(ips[0], KEY)]
    some = [Activity(ip, endpoint, WINDOW, kind, 2**40) for ip in own for endpoint in endpoints for kind in STATUS_CLASSES] * 4
    rows = list(ledger.rows(some, KEY))
    assert len(rows) > 1
    assert all(len(joined(row)) < LARGEST_ENTITY for _, row in rows)
    assert len({row["RowKey"] for _, row in rows}) == len(rows)


def test_the_same_activity_makes_the_same_rows() -> None:
    some = activity(Random(3), [f"10.0.0.{n}" for n in range(50)], 500)
    shuffled = Random(4).sample(some, len(some))
    assert [row["RowKey"] for _, row in ledger.rows(some, KEY)] == [row["RowKey"] for _, row in ledger.rows(shuffled, KEY)]
    assert list(ledger.rows(some, KEY)) == list(ledger.rows(some, KEY))


def test_late_activity_has_rows_of_its_own(tables: Tables) -> None:
    write(tables, [Activity("10.0.0.1", ENDPOINTS[0], WINDOW, "2xx", 5)])
    tables.upsert(TABLE, [row for _, row in ledger.rows([Activity("10.0.0.1", ENDPOINTS[0], WINDOW, "2xx", 2)], KEY, "late-0-17")])
    assert [(entry.window, entry.n) for entry in ledger.look_up(tables, "10.0.0.1", KEY)] == [(WINDOW, 5), (WINDOW, 2)]


def test_one_address_is_taken_out_and_every_other_stays(tables: Tables) -> None:
    random = Random(5)
    ips = [f"198.51.100.{number}" for number in range(250)]
    write(tables, activity(random, ips, 4000))
    before = {ip: ledger.look_up(tables, ip, KEY) for ip in ips}
    assert ledger.erase(tables, TABLE, ips[7], KEY, WINDOW) == 1
    assert ledger.erase(tables, TABLE, ips[7], KEY, WINDOW) == 0
    assert {ip: ledger.look_up(tables, ip, KEY) for ip in ips} == before | {ips[7]: []}


def test_what_came_after_the_erasure_stays(tables: Tables) -> None:
    write(tables, [Activity("10.0.0.1", ENDPOINTS[0], WINDOW + at, "2xx", 1) for at in (0, 20, 40)])
    ledger.erase(tables, TABLE, "10.0.0.1", KEY, WINDOW + 25)
    assert [entry.window for entry in ledger.look_up(tables, "10.0.0.1", KEY)] == [WINDOW + 40]


def test_regulars_are_found_by_their_actor_and_taken_out(tables: Tables) -> None:
    day = WINDOW // 1440
    actors = [f"10.0.{number // 250}.{number % 250}" for number in range(300)] + ["subscription:mobile-app"]
    regulars = [Regular(day, endpoint, "calls:2xx", actor, 25.0) for actor in actors for endpoint in ENDPOINTS[:2]]
    tables.upsert(TABLE, [ledger.regular_row(regular, KEY) for regular in regulars])
    assert sorted(regular.actor for regular in ledger.regulars(tables, datetime(2026, 11, 24, tzinfo=UTC).date())) == sorted(
        regular.actor for regular in regulars
    )
    for actor in (actors[3], "subscription:mobile-app"):
        assert len(ledger.regulars_of(tables, actor, KEY)) == 2
        assert ledger.erase(tables, TABLE, actor, KEY, WINDOW) == 2
        assert ledger.regulars_of(tables, actor, KEY) == []
    assert len(list(ledger.regulars(tables, datetime(2026, 11, 24, tzinfo=UTC).date()))) == len(regulars) - 4


def test_a_rival_who_writes_the_same_row_loses_nothing(tables: Tables) -> None:
    ips = ["10.0.0.1"]
    ips += [ip for ip in (f"10.0.1.{n}" for n in range(250)) if ledger.bucket_of(ip, KEY) == ledger.bucket_of(ips[0], KEY)][:2]
    some = [Activity(ip, ENDPOINTS[0], WINDOW, "2xx", 1) for ip in ips]
    write(tables, some)
    write_one, rivals = tables.replace, [True]

    def overtaken(table: str, entity: Entity, etag: str | None) -> str:
        if rivals:
            rivals.pop()
            ledger.erase(tables, TABLE, ips[1], KEY, WINDOW)
        return write_one(table, entity, etag)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "replace", overtaken)
        assert ledger.erase(tables, TABLE, ips[0], KEY, WINDOW) == 1
    assert [len(ledger.look_up(tables, ip, KEY)) for ip in ips] == [0, 0, 1]


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_any_activity_survives_packing(seed: int) -> None:
    random = Random(seed)
    ips = [f"10.0.{random.randrange(1, 40)}.1" for _ in range(random.randrange(1, 40))]
    some = activity(random, ips, random.randrange(1, 2000))
    found = Counter[tuple[str, Endpoint, str]]()
    for window, row in ledger.rows(some, KEY):
        assert window == WINDOW
        endpoints, counts = ledger._decoder.decode(ledger._unpack(row))
        for ip, flat in counts.items():
            assert row["PartitionKey"] in ledger._buckets(ip, KEY)
            for at in range(0, len(flat), 3):
                found[ip, endpoints[flat[at]], STATUS_CLASSES[flat[at + 1] - 1]] += flat[at + 2]
    assert found == Counter({(alert.ip, alert.endpoint, alert.status_class): alert.n for alert in some})


def test_a_dropped_day_is_empty(tables: Tables) -> None:
    assert ledger.look_up(tables, "10.0.0.1", KEY, ["activity20200101"]) == []
    assert ledger.erase(tables, "activity20200101", "10.0.0.1", KEY, WINDOW) == 0


@pytest.mark.parametrize("after", [False, True])
def test_an_erasure_killed_between_two_rows_leaves_whole_rows(tables: Tables, after: bool) -> None:
    ips = ["10.0.0.1", "10.0.0.2"]
    for at in range(0, 80, 20):
        write(tables, [Activity(ip, ENDPOINTS[0], WINDOW + at, "2xx", 1) for ip in ips])
    with killing() as killer:
        killer.arm(9, after=after)  # seven searches, the first row, and then the second
        with pytest.raises(KilledError):
            ledger.erase(tables, TABLE, ips[0], KEY, WINDOW + 60)
        killer.disarm()
    assert 0 < len(ledger.look_up(tables, ips[0], KEY)) < 4
    ledger.erase(tables, TABLE, ips[0], KEY, WINDOW + 60)
    assert [len(ledger.look_up(tables, ip, KEY)) for ip in ips] == [0, 4]


def test_who_was_behind_an_address_is_counted_by_hashes_and_erased_with_it(tables: Tables) -> None:
    shared = [
        Behind("192.0.2.1", WINDOW, ("user:1", "user:2"), ("okhttp",)),
        Behind("192.0.2.1", WINDOW + 20, ("user:2", "user:3"), ("okhttp", "curl/8")),
        Behind("192.0.2.2", WINDOW, ("user:1",), ()),
    ]
    rows = [row for _, row in ledger.behind_rows(shared, KEY)]
    assert "user" not in str(rows)
    for _ in range(2):  # a repeat is harmless
        tables.upsert(TABLE, rows)
    people, programs = ledger.behind(tables, "192.0.2.1", KEY, WINDOW, [TABLE])
    assert (len(people), len(programs)) == (3, 2)
    assert len(ledger.behind(tables, "192.0.2.1", KEY, WINDOW + 1, [TABLE])[0]) == 2
    assert ledger.behind(tables, "192.0.2.3", KEY, WINDOW, [TABLE]) == (set(), set())
    assert [n for _, n in ledger.windows_behind(tables, "192.0.2.1", KEY, [TABLE])] == [3, 4]
    ledger.erase(tables, TABLE, "192.0.2.1", KEY, WINDOW + 60)
    assert ledger.windows_behind(tables, "192.0.2.1", KEY, [TABLE]) == []
    assert len(ledger.behind(tables, "192.0.2.2", KEY, WINDOW, [TABLE])[0]) == 1
