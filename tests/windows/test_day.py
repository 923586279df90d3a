"""The rolling day against sets counted the slow way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import windows.day as module
from stats.moments import Moments
from tests.build import IP, START, value
from windows.day import RollingDay

events = st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["a", "b"]), st.integers(0, 6)), max_size=60)


@given(events)
def test_against_sets(found: list[tuple[int, str, int]]) -> None:
    day = RollingDay()
    found.sort(key=lambda event: event[0])
    for slot, ip, number in found:
        day.value(ip, "path:id", value(number), START + slot * 20)
    now = found[-1][0] if found else 0
    for ip in ("a", "b"):
        expected = {number for slot, who, number in found if who == ip and slot > now - 72}
        assert day.distinct("path:id", ip) == len(expected)
    for least in range(5):
        told = {ip: n for _, ip, n in day.asked_more(least)}
        assert told == {ip: n for ip in day.touched.get("path:id", ()) if (n := day.distinct("path:id", ip)) > least}
    assert day.ips("path:id") == len({ip for slot, ip, _ in found if slot > now - 72})


@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["a", "b"]), st.integers(1, 9)), max_size=60))
def test_bytes_against_sums(found: list[tuple[int, str, int]]) -> None:
    day = RollingDay()
    found.sort(key=lambda event: event[0])
    for slot, ip, n in found:
        day.answered(ip, n, START + slot * 20)
    now = found[-1][0] if found else 0
    for ip in ("a", "b"):
        assert day.taken(ip) == sum(n for slot, who, n in found if who == ip and slot > now - 72)


@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["a", "b"]), st.integers(2, 4), st.integers(1, 9)), max_size=60))
def test_the_last_minutes_against_sums(found: list[tuple[int, str, int, int]]) -> None:
    day = RollingDay()
    found.sort(key=lambda event: event[0])
    for at, (minute, ip, kind, n) in enumerate(found, 1):
        expected = sum(m for when, who, class_, m in found[:at] if (who, class_) == (ip, kind) and when > minute - module.LATELY)
        assert day.called(kind, ip, n, START + minute) == day.lately(kind, ip) == expected


def test_a_late_minute_counts_while_it_is_of_the_last_ones() -> None:
    day = RollingDay()
    assert day.called(2, IP, 5, START + 10) == 5
    assert day.called(2, IP, 3, START + 1) == 8
    assert day.called(2, IP, 7, START) == 0
    assert day.called(2, IP, 1, START + 11) == 6


def test_the_last_minutes_hold_only_so_many_ips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENTRIES", 2)
    day = RollingDay()
    assert [day.called(2, ip, 1, START) for ip in ("a", "b", "c", "a")] == [1, 1, 0, 2]
    assert day.called(2, "c", 1, START + module.LATELY) == 1


def test_what_comes_late_counts_while_it_is_of_the_day() -> None:
    day = RollingDay()
    day.value(IP, "path:id", value(1), START)
    day.value(IP, "path:id", value(2), START - 20)
    day.value(IP, "path:id", value(3), START - 24 * 60)
    assert day.distinct("path:id", IP) == 2
    day.advance(START + 71 * 20)
    assert day.distinct("path:id", IP) == 1
    day.advance(START + 72 * 20)
    assert day.distinct("path:id", IP) == 0
    assert day.parameters() == []


def test_a_busy_day_is_read_as_24_hours_are() -> None:
    day, midnight = RollingDay(), START - START % 1440
    for number in range(20):
        day.value(IP, "path:id", value(number), midnight - 40)
        day.answered(IP, 10, midnight - 40)
    for number in range(100, 115):
        day.value(IP, "path:id", value(number), midnight + 20)
        day.answered(IP, 10, midnight + 20)
    assert list(day.busy("path:id", [IP, "a"], midnight + 20, 15)) == [(IP, 35.0)], "two runs of a job within 24 hours"
    assert list(day.takers([IP, "a"], midnight + 20, 150)) == [(IP, 350)]
    assert list(day.busy("path:id", [IP], midnight + 20, 16)) == []
    assert list(day.takers([IP], midnight + 20, 151)) == [], "what it did yesterday makes no busy day of today"


def test_sampling_keeps_the_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENTRIES", 500)
    day = RollingDay()
    for number in range(4_000):
        day.value(IP, "path:id", value(number), START)
        if number % 100 == 0:
            day.trim()
    day.trim()
    assert day.distinct("path:id", IP) == pytest.approx(4_000, rel=0.15)
    assert len(day._asked["path:id"]) <= 500


def test_latency_before_leaves_out_the_last_hour() -> None:
    day = RollingDay()
    for back in range(80):
        day.latency[START - back * 20] = Moments(1, 1.0, 1.0)
    assert day.latency_before(START).n == 72 - 3
    assert RollingDay().latency_before(START) == Moments()
