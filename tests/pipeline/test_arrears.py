"""How far ingest lags behind, in time: a quiet hub is well, one that is not read is not, and what expires is said while it can still be saved."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.arrears import SLOW, STALLED, Arrears, PartitionState, problems

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


SOON = ago(seconds=5)


@pytest.mark.parametrize(
    ("case", "arrears", "said"),
    [
        ("an empty hub", Arrears("0", -1, PartitionState(0, -1)), []),
        ("everything counted", Arrears("0", 9, PartitionState(0, 9), ago(hours=9), ago(hours=9)), []),
        ("events that have just come", Arrears("0", 9, PartitionState(0, 12), ago(seconds=20), ago(seconds=18)), []),
        ("the first event after a quiet night", Arrears("0", 9, PartitionState(0, 10), ago(hours=9), ago(hours=9), oldest=SOON), []),
        (
            "events that nobody reads",
            Arrears("0", 9, PartitionState(0, 12), ago(seconds=130), ago(seconds=125)),
            ["partition 0 is not read: 3 events wait since 2026-11-24 11:57:50, the last batch was written at 2026-11-24 11:57:55"],
        ),
        ("a hub that was never read", Arrears("0", -1, PartitionState(0, 4), oldest=ago(minutes=3)), ["partition 0 is not read: 5 events wait since 2026-11-24 11:57:00"]),
        ("read, but slowly", Arrears("0", 9, PartitionState(0, 999), ago(minutes=16), SOON), ["partition 0 is 16 min behind: 990 events wait"]),
        (
            "about to be lost",
            Arrears("0", 9, PartitionState(0, 999), ago(hours=23), SOON),
            ["partition 0 is 23 h 0 min behind: 990 events wait", "the hub drops the calls of partition 0 that wait in 1 h 0 min, unless they are read"],
        ),
        (
            "lost already",
            Arrears("0", 9, PartitionState(2010, 2010), SOON, SOON),
            ["the hub dropped 2000 calls of partition 0 before they were read"],
        ),
        ("lost, and nothing is left", Arrears("0", 9, PartitionState(15, 14), SOON, SOON), ["the hub dropped 5 calls of partition 0 before they were read"]),
        ("what was there before the first batch", Arrears("0", -1, PartitionState(500, 499)), []),
    ],
)  # fmt: skip
def test_what_is_said(case: str, arrears: Arrears, said: list[str]) -> None:
    assert problems([arrears], DAY, NOW) == said, case


def test_the_hub_is_asked_only_where_the_age_is_not_known() -> None:
    assert not Arrears("0", 9, PartitionState(0, 9), ago(hours=9)).is_to_be_looked_up(NOW)
    assert not Arrears("0", 9, PartitionState(0, 10), SOON).is_to_be_looked_up(NOW)
    assert Arrears("0", 9, PartitionState(0, 10), ago(hours=9)).is_to_be_looked_up(NOW)
    assert Arrears("0", -1, PartitionState(0, 10)).is_to_be_looked_up(NOW)
    assert not Arrears("0", 9, PartitionState(0, 10), ago(hours=9), oldest=SOON).is_to_be_looked_up(NOW)


def test_a_short_retention_is_a_shorter_patience() -> None:
    late = Arrears("0", 9, PartitionState(0, 99), ago(minutes=10), SOON)
    assert problems([late], DAY, NOW) == []
    assert len(problems([late], timedelta(minutes=30), NOW)) == 2
    assert STALLED < SLOW
