"""Learning: window records become day summaries, up to 30 of them a baseline. Nothing here has ever seen an IP."""

import pickle
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence, Set

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.latency_spike import latency_spike
from model import NOBODY, STATUS_CLASSES, WINDOW_MINUTES, WINDOWS_PER_DAY, Endpoint, Minute, StatusClass
from stats.moments import Moments, log_moments
from stats.rank import largest
from stats.seasonal import Seasonal, fit
from stats.sketch import Sketch, union
from stats.sketch import pack as pack_sketch
from stats.sketch import unpack as unpack_sketch
from windows.baseline import DAYS, LATENCY_ERRORS, MINUTES_PER_DAY, Baseline, Fresh, weekday
from windows.day import RollingDay
from windows.record import FOUND, Record, WindowRow, merge_records, untainted
from windows.usual_code import together, usual

FORMAT = 1
"""Stands first in every packed summary and baseline: a reader refuses what a newer writer wrote instead of misreading it."""

DAY_VALUES = 2048
"""Hashes in the sketch of one parameter of a day: 8 KiB at most."""
MONTH_VALUES = 8192
"""Hashes in the sketch of one parameter of a baseline: 32 KiB at most."""
FRESH_DAYS = 10
"""Recent days of which the windows with the most unseen values are remembered."""
LATENCY_DAYS = 7
LATENCY = "2 2xx"
"""Milliseconds of successful calls, as records and summaries call them."""
LATENCY_FOUND = latency_spike.id
LEAST_LATENCY = 3
"""Calls below which a window's latency is not judged."""
OUTAGE = 6
"""Windows in a row without any call to the service, at hours at which it is usually called, are no silence of an endpoint."""
MARKED_SHARE = 0.5
"""When more than this share of a day's windows was found suspicious, the series has changed for good and is learned as it is."""
RECURS_DAYS = 3
"""A series of calls in which a spike was found on so many days ..."""
RECURS_WITHIN = 14
"""... of the last so many bursts by nature: its bursts are learned as well."""
RISE = 2.0
LINE_K, LINE_C, LINE_FLOOR = 1.25, 3.0, 20.0
"""Of rule B: the line that a found window crossed."""
ROLLED_OUT = 5
"""IPs that used a parameter or a type on one day make it known ..."""
SETTLED_DAYS = 3
"""... and so do days on which it was used: one caller alone cannot teach it in a single burst."""
LEARNING_DAYS = 7
"""In an endpoint's first days everything is new: what is seen then by two is known."""


class DayTops(msgspec.Struct, frozen=True, array_like=True):
    """The largest per-IP measures of a whole day of one endpoint, without the IPs: what window records cannot tell.

    `tops`: "day:<parameter>" -> distinct values of the busiest IPs; "ips:<parameter>" -> [distinct IPs that sent it].
    """

    endpoint: Endpoint
    day: int
    tops: dict[str, list[float]]


class ParameterDay(msgspec.Struct, frozen=True, array_like=True):
    """`types` and `type_ips`: index into fold.VALUE_TYPES -> calls, and distinct IPs (at least). `bound` and `hashes` are a packed sketch."""

    n: int
    ips: int
    types: dict[int, int]
    type_ips: dict[int, int]
    bound: int
    hashes: bytes


class DaySummary(msgspec.Struct, frozen=True, array_like=True):
    """One endpoint's day, as `baseline_of` reads it. `day` is days since 1970-01-01 (UTC)."""

    endpoint: Endpoint
    day: int
    calls: int
    alive: int
    """Bit h is set when the service got any call in window h of the day."""
    series: dict[str, list[int]] = {}
    """"2xx", "auth" (401 and 403), "distinct:<parameter>", "unseen:<parameter>" -> 72 counts, -1 - n for a window that was found, which is
    learned only if that comes back."""
    tops: dict[str, list[float]] = {}
    """"calls:2xx", "identity:2xx", "refused", "response:sum", "distinct:<parameter>", "day:<parameter>" ... -> largest per (actor, window)"""
    pairs: dict[str, int] = {}
    """Status class -> (IP, window) pairs"""
    logs: dict[str, Moments] = {}
    """"2 2xx" (index into tally.METRICS, status class) -> moments of the logarithms of bytes or milliseconds"""
    parameters: dict[str, ParameterDay] = {}
    answered: int = 0
    """Calls answered 2xx."""
    code: dict[str, tuple[int, int]] = {}
    """See windows.usual_code"""
    request_bytes: int = -1
    """-1: learned before bytes were kept of a day."""
    response_bytes: int = -1


def day_tops(endpoint: Endpoint, day: int, rolling: RollingDay, accused: Set[str]) -> DayTops:
    """Read a rolling day at its end, without the actors that were found in it."""
    measures: dict[str, list[float]] = {}
    nobody = {*accused, *NOBODY}
    for parameter in rolling.parameters():
        measures[f"day:{parameter}"] = largest(rolling.distinct_values(parameter, nobody))
        measures[f"ips:{parameter}"] = [sum(1 for _ in rolling.distinct_values(parameter, accused))]
    taken = largest(rolling.totals(nobody))
    if taken:
        measures["day:bytes"] = taken
    return DayTops(endpoint, day, measures)


def summarise(
    day: int,
    rows: Iterable[WindowRow],
    tops: Iterable[DayTops] = (),
    known: Iterable[Endpoint] = (),
    heard: Mapping[str, int] | None = None,
) -> list[DaySummary]:
    """The summaries of one day, from all its closed windows (the services' own rows, template "*", among them), sorted by endpoint.

    `known`: endpoints with an earlier summary: a day of silence is information, unless the whole service was silent. `heard`: where `rows` are of some
    endpoints only, service -> a bit for each window in which any of its endpoints was called.
    """
    by_endpoint: dict[Endpoint, dict[int, Record]] = {endpoint: {} for endpoint in known}
    alive: dict[str, int] = defaultdict(int, heard or {})
    start = day * MINUTES_PER_DAY
    for row in rows:
        slot = (row.window - start) // WINDOW_MINUTES
        if not 0 <= slot < WINDOWS_PER_DAY:
            continue
        by_endpoint.setdefault(row.endpoint, {})[slot] = row.record
        alive[row.endpoint.service] |= 1 << slot
    whole_day = {top.endpoint: top.tops for top in tops if top.day == day}
    return [
        _summary(endpoint, day, alive[endpoint.service], records, whole_day.get(endpoint, {}))
        for endpoint, records in sorted(by_endpoint.items())
        if alive.get(endpoint.service)
    ]


def _summary(endpoint: Endpoint, day: int, alive: int, records: Mapping[int, Record], day_tops: Mapping[str, list[float]]) -> DaySummary:
    series: dict[str, list[int]] = {}
    histograms: dict[str, dict[int, int]] = {}
    pairs: dict[str, int] = {}
    for slot, record in records.items():
        for name, n in record.series.items():
            series.setdefault(name, [0] * WINDOWS_PER_DAY)[slot] = n
        for key, histogram in record.sizes.items():
            whole_day = histograms.setdefault(key, {})
            for bucket, n in histogram.items():
                whole_day[bucket] = whole_day.get(bucket, 0) + n
        for key, n in record.pairs.items():
            pairs[key] = pairs.get(key, 0) + n
    names = {name for record in records.values() for name in record.parameters}
    tops = {
        measure: largest(*(record.tops[measure] for record in records.values() if measure in record.tops))
        for measure in {measure for record in records.values() for measure in record.tops}
    }
    for measure in [measure for measure in tops if measure.startswith(FOUND)]:
        usual = tops.pop(measure)[:1]
        measure = measure.removeprefix(FOUND)
        tops[measure] = largest(tops.get(measure, ()), usual)
    tops.update({measure: found for measure, found in day_tops.items() if not measure.startswith("ips:")})
    slow = _latency_errors(histograms.get(LATENCY, {}), records.values())
    if slow:
        tops[LATENCY_ERRORS] = slow
    return DaySummary(
        endpoint=endpoint,
        day=day,
        calls=sum(record.n for record in records.values()),
        alive=alive,
        series={name: _learnable(counts) for name, counts in series.items()},
        tops=tops,
        pairs=pairs,
        logs={key: log_moments(histogram.items()) for key, histogram in histograms.items()},
        parameters={name: _parameter_day(name, records.values(), day_tops) for name in names},
        answered=sum(n for record in records.values() for status, n in record.calls.items() if status // 100 == 2),
        code=together(record.code for record in records.values()),
        request_bytes=sum(record.request_bytes for record in records.values()),
        response_bytes=sum(record.response_bytes for record in records.values()),
    )


def _latency_errors(of_day: Mapping[int, int], records: Iterable[Record]) -> list[float]:
    """How many standard errors above the day's mean the slowest windows were, in logarithms of milliseconds; without those in which that was found."""
    day = log_moments(of_day.items())
    if day.mean is None or not day.deviation:
        return []
    found = (
        log_moments(record.sizes[LATENCY].items()) for record in records if LATENCY in record.sizes and LATENCY_FOUND not in record.found
    )
    errors = ((one.mean - day.mean) / day.deviation * one.n**0.5 for one in found if one.mean is not None and one.n >= LEAST_LATENCY)
    return largest(round(error, 2) for error in errors if error > 1)


def _learnable(counts: list[int]) -> list[int]:
    marked = sum(n < 0 for n in counts)
    return [untainted(n) for n in counts] if marked > MARKED_SHARE * len(counts) else counts


def _parameter_day(name: str, records: Iterable[Record], day_tops: Mapping[str, list[float]]) -> ParameterDay:
    found = [record.parameters[name] for record in records if name in record.parameters]
    types: dict[int, int] = {}
    type_ips: dict[int, int] = {}
    for one in found:
        for kind, n in one.types.items():
            types[kind] = types.get(kind, 0) + n
        for kind, ips in one.type_ips.items():
            type_ips[kind] = max(type_ips.get(kind, 0), ips)
    ips = max(one.usual_ips for one in found)
    bound, hashes = pack_sketch(union((unpack_sketch(one.bound, one.hashes) for one in found), DAY_VALUES))
    return ParameterDay(
        n=sum(one.n for one in found),
        ips=max(ips, *(int(n) for n in day_tops.get(f"ips:{name}", [0]))) if ips else 0,
        types=types,
        type_ips=type_ips,
        bound=bound,
        hashes=hashes,
    )


def baseline_of(endpoint: Endpoint, summaries: Sequence[DaySummary]) -> Baseline:
    """The baseline from an endpoint's day summaries, oldest first; only the last 30 days count, and no days are no baseline.

    docs/detectors.md has rule B, and what is strict while a baseline is young.
    """
    if not summaries:
        return Baseline(endpoint)
    last = summaries[-1].day
    summaries = [summary for summary in summaries if summary.day > last - DAYS]
    first = summaries[0].day
    days = last - first + 1
    silent = _outages(summaries, first, days)
    series: dict[str, Seasonal] = {}
    recurs: dict[str, int] = {}
    for name in sorted({name for summary in summaries for name in summary.series if not name.startswith("unseen:")}):
        counts = np.full((days, WINDOWS_PER_DAY), np.nan)
        for summary in summaries:
            counts[summary.day - first] = summary.series.get(name, 0)
        found = np.where(counts < 0, -1 - counts, np.nan)
        counts[(counts < 0) | silent] = np.nan
        fitted = fit(counts, weekday(first), found)
        days_found = int((found[-RECURS_WITHIN:] > 0).any(axis=1).sum()) if name in STATUS_CLASSES else 0
        if fitted is not None and days_found >= RECURS_DAYS:
            recurs[name] = days_found
            fitted = fit(_with_recurring(counts, found, fitted, weekday(first)), weekday(first), found)
        if fitted is not None:
            series[name] = fitted
    parameters, types = _known(summaries, first)
    return Baseline(
        endpoint=endpoint,
        day=last,
        days=days,
        calls=sum(summary.calls for summary in summaries),
        series=series,
        tops={
            measure: largest(*(summary.tops[measure] for summary in summaries if measure in summary.tops))
            for measure in sorted({measure for summary in summaries for measure in summary.tops})
        },
        pairs={name: sum(summary.pairs.get(name, 0) for summary in summaries) for name in STATUS_CLASSES},
        logs=_logs(summaries),
        latency=_latency([summary for summary in summaries if summary.day > last - LATENCY_DAYS]),
        parameters=parameters,
        types=types,
        fresh=_fresh([summary for summary in summaries if summary.day > last - FRESH_DAYS]),
        seen=_seen(summaries),
        noticed=sorted(summaries[-1].parameters) if days > LEARNING_DAYS else [],
        recurs=recurs,
        code=usual((summary.answered, summary.code) for summary in summaries),
    )


def _with_recurring(counts: NDArray[np.float64], found: NDArray[np.float64], without: Seasonal, first: int) -> NDArray[np.float64]:
    """The counts, and those of the windows that were found: none counts for more than RISE times the line that it crossed, so that nobody can lift the line
    quickly. Only counts of everyone are marked as found; what one actor alone does is never in them."""
    for day, slot in np.argwhere(found > 0):
        line = max(without.threshold((first + int(day)) % 7, int(slot), LINE_K, LINE_C), LINE_FLOOR)
        counts[day, slot] = min(found[day, slot], RISE * line)
    return counts


def _outages(summaries: Sequence[DaySummary], first: int, days: int) -> NDArray[np.bool_]:
    """Which windows of the days were an outage of the whole service; a day without a summary is one."""
    alive = np.zeros((days, WINDOWS_PER_DAY), bool)
    for summary in summaries:
        alive[summary.day - first] = [bool(summary.alive >> slot & 1) for slot in range(WINDOWS_PER_DAY)]
    usually = alive.mean(axis=0) > 0.5
    edges = np.flatnonzero(np.diff(np.concatenate(([0], (~alive).ravel().astype(int), [0]))))
    long = np.zeros(alive.size, bool)
    for start, end in edges.reshape(-1, 2):
        long[start:end] = end - start >= OUTAGE
    silent: NDArray[np.bool_] = ~alive & usually & long.reshape(alive.shape)
    return silent


def _logs(summaries: Iterable[DaySummary]) -> dict[str, Moments]:
    found: dict[str, Moments] = {}
    for summary in summaries:
        for key, moments in summary.logs.items():
            found[key] = found.get(key, Moments()) + moments
    return found


def _latency(summaries: Iterable[DaySummary]) -> dict[StatusClass, Moments]:
    found = _logs(summaries)
    return {name: found[f"2 {name}"] for name in STATUS_CLASSES if f"2 {name}" in found}


def _known(summaries: Sequence[DaySummary], first: int) -> tuple[dict[str, int], dict[str, dict[int, int]]]:
    """The parameters, and their types, that several callers or several days have shown."""
    calls: dict[str, int] = {}
    types: dict[str, dict[int, int]] = {}
    learned: dict[tuple[str, int | None], int] = {}
    for summary in summaries:
        for name, one in summary.parameters.items():
            calls[name] = calls.get(name, 0) + one.n
            own = types.setdefault(name, {})
            learned[name, None] = learned.get((name, None), 0) + _lesson(summary.day - first, one.ips)
            for kind, n in one.types.items():
                own[kind] = own.get(kind, 0) + n
                learned[name, kind] = learned.get((name, kind), 0) + _lesson(summary.day - first, one.type_ips.get(kind, 0))
    names = sorted(name for name in calls if learned[name, None] >= ROLLED_OUT)
    return (
        {name: calls[name] for name in names},
        {name: {kind: n for kind, n in sorted(types[name].items()) if learned[name, kind] >= ROLLED_OUT} for name in names},
    )


def _lesson(age: int, ips: int) -> int:
    """What one day teaches, of ROLLED_OUT: everything when enough IPs were there; else its share of SETTLED_DAYS."""
    if ips >= (2 if age < LEARNING_DAYS else ROLLED_OUT):
        return ROLLED_OUT
    return -(-ROLLED_OUT // SETTLED_DAYS) if ips else 0


def _fresh(summaries: Iterable[DaySummary]) -> dict[str, Fresh]:
    found: dict[str, list[int]] = {}
    for summary in summaries:
        for name, counts in summary.series.items():
            if name.startswith("unseen:"):
                found.setdefault(name.removeprefix("unseen:"), []).extend(n for n in counts if n >= 0)
    return {name: Fresh(len(counts), largest(counts)) for name, counts in found.items()}


def _seen(summaries: Iterable[DaySummary]) -> dict[str, Sketch]:
    found: dict[str, list[Sketch]] = {}
    for summary in summaries:
        for name, one in summary.parameters.items():
            found.setdefault(name, []).append(unpack_sketch(one.bound, one.hashes))
    return {name: union(sketches, MONTH_VALUES) for name, sketches in found.items()}


_encode = msgspec.msgpack.Encoder().encode
_decode_summary = msgspec.msgpack.Decoder(tuple[int, DaySummary, bytes]).decode


def pack_summary(summary: DaySummary) -> bytes:
    # msgpack has no integers of 72 bits
    return _encode((FORMAT, msgspec.structs.replace(summary, alive=0), summary.alive.to_bytes(WINDOWS_PER_DAY // 8, "little")))


def unpack_summary(packed: bytes) -> DaySummary:
    """Raises ValueError on what `pack_summary` of this format did not write."""
    try:
        format_, summary, alive = _decode_summary(packed)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a packed day summary: {error}") from error
    if format_ != FORMAT:
        raise ValueError(f"a day summary of format {format_}, where this version reads {FORMAT}: upgrade before reading it")
    return msgspec.structs.replace(summary, alive=int.from_bytes(alive, "little"))


class Learner:
    """Keeps 30 days of summaries in memory and makes the next day's baselines as event time passes: for replays and the back-test."""

    def __init__(self, summaries: Iterable[DaySummary] = (), rows: Iterable[WindowRow] = ()) -> None:
        """`rows`: closed windows of days not yet summarised."""
        self._summaries: dict[Endpoint, deque[DaySummary]] = {}
        for summary in sorted(summaries, key=lambda summary: summary.day):
            self._keep(summary)
        self._rows: dict[int, dict[Endpoint, dict[Minute, bytes]]] = {}
        """Day -> endpoint -> window -> its record, pickled: as objects a day of thousands of endpoints takes gigabytes"""
        for row in rows:
            self.add(row)

    def add(self, row: WindowRow) -> None:
        """A window has closed."""
        rows = self._rows.setdefault(row.window // MINUTES_PER_DAY, {})
        rows.setdefault(row.endpoint, {})[row.window] = pickle.dumps(row.record, protocol=5)

    def add_late(self, endpoint: Endpoint, window: Minute, late: Record) -> None:
        """Something came after a window had closed; it is learned while its day is not."""
        rows = self._rows.get(window // MINUTES_PER_DAY)
        if rows is not None:
            stored = rows.get(endpoint, {}).get(window)
            self.add(WindowRow(endpoint, window, merge_records(pickle.loads(stored), late) if stored is not None else late))

    def close(self, day: int, tops: Iterable[DayTops]) -> tuple[list[DaySummary], list[Baseline]]:
        """All windows of the day are closed: its summaries, and the baselines to judge by from now on."""
        rows = self._rows.pop(day, {})
        for old in [old for old in self._rows if old < day]:
            del self._rows[old]
        heard: dict[str, int] = {}
        for endpoint, own in rows.items():
            for window in own:
                heard[endpoint.service] = heard.get(endpoint.service, 0) | 1 << (window % MINUTES_PER_DAY // WINDOW_MINUTES)
        whole_day = {top.endpoint: top for top in tops}
        summaries: list[DaySummary] = []
        for endpoint in sorted({*rows, *self._summaries}):
            own_rows = (WindowRow(endpoint, window, pickle.loads(packed)) for window, packed in rows.get(endpoint, {}).items())
            own_tops = (whole_day[endpoint],) if endpoint in whole_day else ()
            summaries += summarise(day, own_rows, own_tops, (endpoint,), heard)
        for summary in summaries:
            self._keep(summary)
        return summaries, [baseline_of(summary.endpoint, list(self._summaries[summary.endpoint])) for summary in summaries]

    def _keep(self, summary: DaySummary) -> None:
        self._summaries.setdefault(summary.endpoint, deque(maxlen=DAYS)).append(summary)
