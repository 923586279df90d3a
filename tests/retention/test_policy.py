"""The policy table: every promise is one that can be shortened and never lengthened, and times follow from names alone."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.policy import (
    BY_ID,
    DAY,
    EARLY,
    HOUR,
    POLICY,
    WRITE_MARGIN,
    Place,
    begins,
    container_place,
    deadline,
    first_open_day,
    is_due,
    is_open,
    is_writable,
    promises,
    pseudonymised_before,
    span,
    table_place,
)

NOW = datetime(2026, 11, 24, 10, 5, tzinfo=UTC)


@pytest.mark.parametrize("place", POLICY, ids=lambda place: place.id)
def test_a_place_says_all_that_an_auditor_asks(place: Place) -> None:
    assert place.holds
    assert place.purpose
    assert place.erasure
    if place.personal:
        assert place.longest
        assert place.longest <= 30 * DAY or place.id in ("requests", "key-uses")
        assert all((place.since, place.reason, place.mechanism))


def test_bodies_are_gone_after_48_hours_and_addresses_after_30_days() -> None:
    kept = promises()
    assert {id: kept[id] for id in ("quarantine", "batches", "activity", "alerts")} == {
        "quarantine": 48 * HOUR,
        "batches": 48 * HOUR,
        "activity": 30 * DAY,
        "alerts": 30 * DAY,
    }
    assert kept["calls"] <= 48 * HOUR


def test_ids_and_names_are_unique() -> None:
    assert len(BY_ID) == len(POLICY)
    assert len({(place.kind, place.name) for place in POLICY}) == len(POLICY)


@pytest.mark.parametrize("place", [place for place in POLICY if place.longest], ids=lambda place: place.id)
def test_a_promise_is_shortened_and_never_lengthened(place: Place) -> None:
    assert place.longest
    with pytest.raises(ValueError, match=f"{place.id} cannot be kept longer than .*: {place.reason}"):
        promises({place.id: place.longest + HOUR})
    shortest = place.setting.shortest * place.setting.step if place.setting else HOUR
    assert promises({place.id: shortest})[place.id] == shortest
    with pytest.raises(ValueError, match=f"{place.id} is needed for"):
        promises({place.id: shortest - timedelta(minutes=1)})


def test_what_has_no_promise_cannot_be_shortened() -> None:
    with pytest.raises(ValueError, match="no promise for baselines"):
        promises({"baselines": DAY})


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("batches20261124", "batches"),
        ("activity20261124", "activity"),
        ("windows202611", "windows"),
        ("days202611", "days"),
        ("alerts", "alerts"),
        ("requests", "requests"),
        ("outbox", "outbox"),
        ("batches", None),
        ("batches2026112", None),
        ("batches202611240", None),
        ("windows20261124", None),
        ("alerts2", None),
        ("quarantine", None),  # a container's
        ("", None),
    ],
)
def test_tables_by_name(name: str, id: str | None) -> None:
    place = table_place(name)
    assert (place.id if place else None) == id


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("quarantine", "quarantine"),
        ("exports", "exports"),
        ("azure-webjobs-hosts", "host"),
        ("azure-webjobs-eventhub", "host"),
        ("app-package", "package"),
        ("app-package-x", None),
        ("quarantine2", None),
        ("alerts", None),  # a table's
    ],
)
def test_containers_by_name(name: str, id: str | None) -> None:
    place = container_place(name)
    assert (place.id if place else None) == id


def test_deadlines() -> None:
    kept = promises()
    assert deadline(BY_ID["batches"], "batches20261124", kept) == datetime(2026, 11, 26, tzinfo=UTC)
    assert deadline(BY_ID["activity"], "activity20261124", kept) == datetime(2026, 12, 24, tzinfo=UTC)
    assert deadline(BY_ID["quarantine"], "2026-11-24T13/0-1.jsonl", kept) == datetime(2026, 11, 26, 13, tzinfo=UTC)
    assert deadline(BY_ID["windows"], "windows202612", kept) == datetime(2027, 1, 1, tzinfo=UTC) + 396 * DAY
    for name in ("hash-key", "2026-13-24T13/x", "batches"):
        with pytest.raises(ValueError, match=r"does not match format|out of range"):
            begins(BY_ID["quarantine"], name)


@given(hours=st.integers(0, 24 * 40), minutes=st.integers(0, 59), place=st.sampled_from(["batches", "activity"]))
def test_an_hourly_run_removes_in_time_though_one_fails_and_nobody_writes_by_then(hours: int, minutes: int, place: str) -> None:
    """Whatever the minute at which the hourly run comes: the second chance still is before the deadline, and writers stopped before the first."""
    kept, start = promises(), datetime(2026, 11, 24, tzinfo=UTC)
    name = f"{place}{start:%Y%m%d}"
    until = deadline(BY_ID[place], name, kept)
    now = start + timedelta(hours=hours, minutes=minutes)
    if is_due(until, now):
        assert not is_writable(BY_ID[place], name, kept, now)
        assert not is_writable(BY_ID[place], name, kept, now - WRITE_MARGIN)
    if not is_due(until, now - HOUR) and is_due(until, now):  # the first run that sees it due
        assert now + HOUR < until


@given(days=st.integers(-5, 5), hour=st.integers(0, 23))
def test_a_late_batch_goes_into_the_first_table_that_is_open(days: int, hour: int) -> None:
    kept, now = promises(), datetime(2026, 11, 24, hour, tzinfo=UTC)
    day = date(2026, 11, 24) + timedelta(days=days)
    first = first_open_day(day, kept, now)
    assert first >= day
    assert is_open(first, kept, now)
    assert first in (day, date(2026, 11, 23), date(2026, 11, 24))
    assert first == day or not is_open(first - DAY, kept, now)


def test_alerts_lose_their_actor_in_time() -> None:
    assert pseudonymised_before(promises(), NOW) == NOW - 30 * DAY + EARLY
    assert pseudonymised_before(promises({"alerts": 2 * DAY}), NOW) == NOW - 2 * DAY + EARLY


def test_spans_in_words() -> None:
    assert [span(item) for item in (HOUR, 48 * HOUR, 72 * HOUR, 30 * DAY, 25 * HOUR)] == [
        "1 hours",
        "48 hours",
        "3 days",
        "30 days",
        "25 hours",
    ]
