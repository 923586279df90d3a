"""A sliding count of distinct values beside a set that remembers everything."""

from random import Random

import pytest

from stats.recent import REGISTERS, Recent, distinct, saw, without_days_before


def hashes(random: Random, count: int) -> list[int]:
    return [random.getrandbits(64) for _ in range(count)]


@pytest.mark.parametrize("count", [0, 1, 3, 20, 60])
def test_few_are_counted_nearly_exactly(count: int) -> None:
    recent: Recent = {}
    for value in hashes(Random(count), count):
        saw(recent, value, 10)
    assert abs(distinct(recent, 10) - count) <= max(0, count // 20)


@pytest.mark.parametrize("count", [500, 5_000, 50_000])
def test_many_are_counted_within_four_standard_errors(count: int) -> None:
    recent: Recent = {}
    for value in hashes(Random(count), count):
        saw(recent, value, 10)
    assert abs(distinct(recent, 10) - count) < 4 * 1.04 / REGISTERS**0.5 * count


def test_what_was_seen_last_before_a_day_does_not_count_from_it_on() -> None:
    random = Random(4)
    recent: Recent = {}
    seen: dict[int, int] = {}
    for day in range(40):
        for value in random.sample(range(1, 400), 20):
            hashed = Random(value).getrandbits(64)
            saw(recent, hashed, day)
            seen[hashed] = day
    for since in (0, 10, 30, 39, 40):
        truth = sum(day >= since for day in seen.values())
        assert abs(distinct(recent, since) - truth) <= 0.1 * truth
        assert distinct(without_days_before(recent, since), since) == distinct(recent, since)
    assert without_days_before(recent, 40) == {}


def test_order_and_repeats_do_not_matter() -> None:
    random = Random(5)
    seen = [(value, random.randrange(30)) for value in hashes(random, 300)]
    forwards: Recent = {}
    backwards: Recent = {}
    for value, day in seen:
        saw(forwards, value, day)
    for value, day in [*reversed(seen), *seen]:
        saw(backwards, value, day)
    assert forwards == backwards


def test_no_hash_is_kept() -> None:
    recent: Recent = {}
    for value in hashes(Random(6), 1000):
        saw(recent, value, 20_000)
    kept = [number for numbers in recent.values() for number in numbers]
    assert all(number <= 55 or number == 20_000 for number in kept)
