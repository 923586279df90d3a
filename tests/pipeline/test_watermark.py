"""How far event time has come: the slowest partition decides, an idle one does not, and it never goes back."""

from collections.abc import Sequence

import pytest

from pipeline.watermark import IDLE, LIVE, Watermark

CLOCK = 1_000
"""Minutes, as all numbers here."""


def after(at: int | None, *steps: tuple[int, dict[str, Sequence[int]]]) -> Watermark:
    """Steps: what the clock says, and the event times that each partition was read with."""
    mark = Watermark(at)
    for clock, read in steps:
        for partition, minutes in read.items():
            for minute in minutes:
                mark.reach(partition, minute)
        mark.advance(clock, [partition for partition, minutes in read.items() if minutes])
    return mark


@pytest.mark.parametrize(
    ("case", "mark", "at", "newest"),
    [
        ("nothing was ever read", after(None, (CLOCK, {})), None, -1),
        ("nothing was read since", after(700, (CLOCK, {})), 700, 700),
        ("one partition", after(None, (CLOCK, {"0": [990, 995, 993]})), 995, 995),
        ("event time may be 0", after(None, (CLOCK, {"0": [0]})), 0, 0),
        ("the slowest decides", after(None, (CLOCK, {"0": [995], "1": [980]})), 980, 995),
        ("it never goes back", after(999, (CLOCK, {"0": [995]})), 999, 995),
        ("a partition that was heard lately counts", after(None, (CLOCK, {"0": [980], "1": [980]}), (CLOCK + IDLE - 1, {"1": [999]})), 980, 999),
        ("one that is idle does not", after(None, (CLOCK, {"0": [980], "1": [980]}), (CLOCK + IDLE, {"1": [999]})), 999, 999),
        ("where all are idle and live, time passes", after(None, (CLOCK, {"0": [998]}), (CLOCK + IDLE, {})), CLOCK, 998),
        ("live ends there", after(CLOCK - LIVE, (CLOCK, {"0": [980]}), (CLOCK + IDLE, {})), CLOCK, 980),
        ("behind it the last minute is over, no more", after(None, (CLOCK, {"0": [984]}), (CLOCK + IDLE, {})), 985, 984),
    ],
)  # fmt: skip
def test_the_watermark(case: str, mark: Watermark, at: int | None, newest: int) -> None:
    assert (mark.at, mark.newest) == (at, newest), case


def test_a_partition_that_was_only_recalled_is_waited_for_from_then_on() -> None:
    mark = Watermark(None)
    mark.reach("0", 500)
    mark.reach("1", 995)
    mark.advance(CLOCK, ["1"])
    assert mark.at == 500
    mark.advance(CLOCK + IDLE - 1, ["1"])
    assert mark.at == 500
    mark.advance(CLOCK + IDLE, ["1"])
    assert mark.at == 995


@pytest.mark.parametrize(("at", "is_history"), [(None, False), (CLOCK - LIVE, False), (CLOCK - LIVE - 1, True)])
def test_what_is_far_behind_the_clock_is_history(at: int | None, is_history: bool) -> None:
    assert Watermark(at).is_history(CLOCK) is is_history
