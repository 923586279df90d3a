"""Countries: counted exactly once however tallies come, addresses by a sketch that says as much with numbers alone."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from local import traffic
from pipeline.decode import decode
from pipeline.fold import fold
from tests.pipeline.test_decode import WHOLE
from windows.countries import CountryDay, Key, code, country, merge, normal, of_endpoints, stripped, totals
from windows.tally import Tally, pack, unpack

KEY = b"k" * 32
START = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)


def place_of(address: str) -> str:
    return {"1": "NL", "2": "DE", "3": "EU"}.get(address[-1], "")


def events(random: Random, n: int) -> list[dict[str, object]]:
    return [
        WHOLE
        | {
            "time": (START + timedelta(minutes=random.randrange(240))).isoformat(),
            "clientIp": f"198.51.{random.randrange(4)}.{random.randrange(200)}",
            "status": random.choice((200, 204, 404)),
        }
        for _ in range(n)
    ]


def tally(some: list[dict[str, object]]) -> Tally:
    return unpack(pack(fold([decode(traffic.encode(one)) for one in some], KEY, country=place_of)))


@pytest.mark.parametrize("seed", range(20))
def test_counted_exactly_once_in_any_schedule(seed: int) -> None:
    random = Random(seed)
    called = events(random, 400)
    queues = {"0": called[:150], "1": called[150:]}
    fed: list[tuple[str, int, Tally]] = []
    for partition, some in queues.items():
        at = 0
        while at < len(some):
            size = random.randrange(1, 60)
            fed.append((partition, at + size, tally(some[at : at + size])))
            at += size
    stored: dict[Key, CountryDay] = {}
    for partition in queues:
        mine = [one for one in fed if one[0] == partition]
        at = 0
        while at < len(mine):
            step = random.randrange(1, 5)
            again = random.randrange(0, 3)  # after a crash what was written already comes again
            stored |= merge(stored.get, mine[max(0, at - again) : at + step], KEY)
            at += step
    rows, addresses = totals(stored.values())
    expected: dict[str, list[int]] = {}
    for one in called:
        counts = expected.setdefault(place_of(str(one["clientIp"])), [0, 0])
        counts[0] += 1
        counts[1] += one["status"] != 404
    assert {row.country: [row.calls, row.ok] for row in rows} == expected
    assert addresses == len({one["clientIp"] for one in called})
    for row in rows:
        assert row.addresses == len({one["clientIp"] for one in called if place_of(str(one["clientIp"])) == row.country})
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert {day for _, day in stored} == {int(START.timestamp()) // 86400, int(START.timestamp()) // 86400 + 1}


def test_numbers_in_place_of_sketches_say_the_same() -> None:
    stored = merge(lambda _: None, [("0", 1, tally(events(Random(1), 300)))], KEY)
    for day in stored.values():
        bare = stripped(day)
        assert totals([bare]) == totals([day])
        assert not bare.addresses.hashes
        assert not any(count.addresses.hashes for count in bare.countries.values())
        assert stripped(bare) == bare


def test_countries_of_an_endpoint() -> None:
    found = of_endpoints(tally([WHOLE | {"clientIp": f"198.51.100.{last}"} for last in (1, 11, 2, 4)]))
    assert found == {0: {"NL": 2, "DE": 1}}


@pytest.mark.parametrize("name", ["", "NL", "EU", "AA", "ZZ"])
def test_two_letters_as_a_number(name: str) -> None:
    assert country(code(name)) == name


@pytest.mark.parametrize(
    ("given", "found"), [("nl", "NL"), ("NL", "NL"), ("NLD", ""), ("", ""), (None, ""), (7, ""), ("N1", ""), ("ÄÖ", "")]
)
def test_what_a_database_says_is_made_normal(given: object, found: str) -> None:
    assert normal(given) == found
