"""A baseline: what is usual at one endpoint, learned from up to 30 days, ready to judge by."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import msgspec

from model import WINDOW_MINUTES, Endpoint, Minute, StatusClass
from stats.moments import Moments
from stats.rank import rth
from stats.seasonal import Seasonal
from stats.sketch import Sketch
from stats.sketch import pack as pack_sketch
from stats.sketch import unpack as unpack_sketch

T = TypeVar("T")

FORMAT = 1
"""Stands first in every packed baseline: a reader refuses what a newer writer wrote instead of misreading it."""

DAYS = 30
MINUTES_PER_DAY = 24 * 60
YOUNG_DAYS = 3
"""Days before which a baseline has seen too little: detectors that judge by it are strict."""
GROWN_DAYS = 14
"""Days from which on a baseline has seen each day of the week twice and is fully believed ..."""
YOUNG_MARGIN = 0.4
"""... and until then so much, falling to none, is added to k: own residuals are as young as the season that they are measured from."""

LATENCY_ERRORS = "latency:errors"
"""The measure of how many standard errors above the whole day's mean the slowest windows of a day were."""


class Fresh(msgspec.Struct, frozen=True, array_like=True):
    """Unseen values per window in recent days: how many windows are known, and the largest."""

    windows: int
    largest: list[float]


class Baseline(msgspec.Struct, frozen=True, array_like=True, dict=True):
    """What is usual at one endpoint, ready to judge by. `days`: days since its first call, at most 30; 0 is no baseline at all."""

    endpoint: Endpoint
    day: int = -1
    """The last day learned."""
    days: int = 0
    calls: int = 0
    series: dict[str, Seasonal] = {}
    tops: dict[str, list[float]] = {}
    pairs: dict[str, int] = {}
    logs: dict[str, Moments] = {}
    latency: dict[StatusClass, Moments] = {}
    """Logarithms of milliseconds over the last 7 days."""
    parameters: dict[str, int] = {}
    """Known parameters -> calls"""
    types: dict[str, dict[int, int]] = {}
    """Known parameters -> known types -> calls"""
    fresh: dict[str, Fresh] = {}
    seen: dict[str, Sketch] = {}
    noticed: list[str] = []
    """Parameters that came on the last day, known or not: what is not known yet was told of then."""
    recurs: dict[str, int] = {}
    """Status class -> on how many of the last 14 days a spike was found in it, where that is often enough for it to have been learned."""
    code: list[str] = []
    """Details of injections that are usual here: see windows.usual_code"""

    @cached_property
    def _lines(self) -> dict[tuple[str, tuple[float, ...]], Any]:
        return {}

    def line(self, name: str, limits: tuple[float, ...], of: Callable[["Baseline", tuple[float, ...]], T]) -> T:
        """What `of` computes of this baseline alone, computed once for these limits. It is never stored."""
        key = name, limits
        if key not in self._lines:
            self._lines[key] = of(self, limits)
        found: T = self._lines[key]
        return found

    def expected(self, series: str, window: Minute) -> float | None:
        """How many are usual in the window that starts at this minute; None for a series that is not known."""
        found = self.series.get(series)
        return found.expected(*_place(window)) if found else None

    def usual(self, series: str, window: Minute) -> tuple[float, float] | None:
        """From how many to how many are usual in that window; None for a series that is not known."""
        found = self.series.get(series)
        return found.usual(*_place(window)) if found else None

    def threshold(self, series: str, window: Minute, k: float, c: float) -> float:
        """What a count of this series must exceed by rule B, `k` being more while the baseline is young; 0 for a series that was never seen, which leaves
        the detector's floor."""
        found = self.series.get(series)
        if self.days < GROWN_DAYS:
            k += YOUNG_MARGIN * min(1.0, (GROWN_DAYS - self.days) / (GROWN_DAYS - YOUNG_DAYS))
        return found.threshold(*_place(window), k, c) if found else 0.0

    def heavy(self, series: str) -> float:
        """By how much to multiply own residuals, since their tail is heavy."""
        found = self.series.get(series)
        return found.tail if found else 1.0

    def came_back(self, series: str, window: Minute) -> float:
        """The count that bursts of several days of the last fortnight reached, at this hour; 0 where there were none."""
        found = self.series.get(series)
        return found.came_back(*_place(window)) if found else 0.0

    def rank(self, measure: str, r: int) -> float | None:
        """The r-th largest of this measure in 30 days; of fewer days the rank that lets as small a share pass. None when it was never that common."""
        return rth(self.tops.get(measure, []), max(1, round(r * self.days / DAYS)))


def weekday(day: int) -> int:
    """0 is Monday; 1970-01-01 was a Thursday."""
    return (day + 3) % 7


def _place(window: Minute) -> tuple[int, int]:
    day, minute = divmod(window, MINUTES_PER_DAY)
    return weekday(day), minute // WINDOW_MINUTES


class _PackedBaseline(msgspec.Struct, array_like=True):
    baseline: Baseline
    seen: dict[str, tuple[int, bytes]]
    format: int = FORMAT


_decode_baseline = msgspec.msgpack.Decoder(_PackedBaseline).decode


def pack_baseline(baseline: Baseline) -> bytes:
    return msgspec.msgpack.encode(
        _PackedBaseline(msgspec.structs.replace(baseline, seen={}), {name: pack_sketch(one) for name, one in baseline.seen.items()})
    )


def unpack_baseline(packed: bytes) -> Baseline:
    """Raises ValueError on what `pack_baseline` of this format did not write."""
    try:
        found = _decode_baseline(packed)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a packed baseline: {error}") from error
    if found.format != FORMAT:
        raise ValueError(f"a baseline of format {found.format}, where this version reads {FORMAT}: upgrade before reading it")
    return msgspec.structs.replace(found.baseline, seen={name: unpack_sketch(*one) for name, one in found.seen.items()})
