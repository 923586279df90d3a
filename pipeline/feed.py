"""Rows of tallies into windows, and rows of closed windows into rolling days. A new table of the tally gets its function here."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from model import NOBODY, Endpoint, Minute
from pipeline.live import Knowledge, LiveWindows
from stats.moments import Moments, log_moments
from windows.countries import country
from windows.day import RollingDay
from windows.live import LiveWindow
from windows.sparse import EMPTY
from windows.tally import Row, Tally

CALLERS = "callers"
"""The table that only windows of whole services take in."""
LATENCY = (2, 2)
"""Key of the window's histogram of milliseconds of successful calls."""


class Source(NamedTuple):
    """A placed tally, and where it came from."""

    tally: Tally
    shapes: list[Endpoint]
    outlines: list[Endpoint]
    partition: str
    position: int


class Slice(NamedTuple):
    """The rows of one minute of one table of one tally."""

    source: Source
    table: str
    rows: list[Row]


def slices_of(source: Source) -> Iterator[tuple[Minute, Slice]]:
    """(minute since 1970, its rows) of each table that is judged; the others are the inventory's."""
    tally = source.tally
    for table, rows in tally.tables.items():
        if table in _ORDER:
            for minute, of_minute in groupby(rows, itemgetter(0)):
                yield minute + tally.since, Slice(source, table, list(of_minute))


class WindowsOf(dict[int, LiveWindow]):
    """Endpoint index of a tally -> window, made when a row asks for it. `late`: the windows that begin at `start` are closed."""

    def __init__(self, live: LiveWindows, source: Source, start: Minute, late: bool) -> None:
        super().__init__()
        self._live = live
        self._source = source
        self._start = start
        self._late = late

    def __missing__(self, index: int) -> LiveWindow:
        live = self._live
        tally, *_, partition, position = self._source
        endpoint = tally.endpoints[index]
        window = live.late_window(endpoint, self._start, partition, position) if self._late else live.window(endpoint, self._start)
        self[index] = window
        return window


def feed(slice_: Slice, windows: WindowsOf) -> None:
    """Add the rows to their windows."""
    _FEED[slice_.table](slice_.source.tally, slice_.rows, windows)


def slice_order(slice_: Slice) -> tuple[int, str, int]:
    """Tables in their order, so that a minute reads the same however its calls were batched and partitioned."""
    return _ORDER[slice_.table], slice_.source.partition, slice_.source.position


def route(slice_: Slice, live: LiveWindows, start: Minute) -> list[LiveWindow]:
    """Add rows of calls to the windows of their services, for what their actors do across endpoints; the windows touched."""
    tally, shapes, outlines, *_ = slice_.source
    ips = tally.ips
    windows: dict[str, LiveWindow] = {}
    for row in slice_.rows:
        ip, status, endpoint = ips[row[2]], row[3], outlines[row[1]]
        window = windows.get(endpoint.service)
        if window is None:
            window = windows[endpoint.service] = live.window(live.service(endpoint.service), start)
            window.change("calls")
        window.route(ip, status, row[4], endpoint)
        if not endpoint.matched and status // 100 == 2 and ip not in NOBODY:
            live.templates.see(shapes[row[1]], ip, start, row[4])
    return list(windows.values())


def know_callers(slice_: Slice, live: LiveWindows, start: Minute) -> list[LiveWindow]:
    """Add rows of callers to the windows of their services; the windows touched."""
    tally = slice_.source.tally
    windows: dict[str, LiveWindow] = {}
    for _, endpoint, ip, identity, agent, number, _, ok in slice_.rows:
        service = tally.endpoints[endpoint].service
        window = windows.get(service)
        if window is None:
            window = windows[service] = live.window(live.service(service), start)
            window.change(CALLERS)
        window.caller(tally.ips[ip], tally.identities[identity], tally.agents[agent], country(number), ok)
    return list(windows.values())


# rows into windows, a function a table


def _feed_calls(tally: Tally, rows: list[Row], windows: WindowsOf) -> None:
    ips, since = tally.ips, tally.since
    for minute, endpoint, ip, status, n, request, response, request_max, response_max in rows:
        windows[endpoint].call(ips[ip], status, n, request, response, request_max, response_max, since + minute)


def _feed_identities(tally: Tally, rows: list[Row], windows: WindowsOf) -> None:
    for _, endpoint, identity, status, n in rows:
        windows[endpoint].identity(tally.identities[identity], status, n)


def _feed_values(tally: Tally, rows: list[Row], windows: WindowsOf) -> None:
    ips, parameters = tally.ips, tally.parameters
    for _, endpoint, ip, parameter, value, n, ok, value_type in rows:
        windows[endpoint].value(ips[ip], parameters[parameter], value, n, ok, value_type)


def _feed_agents(tally: Tally, rows: list[Row], windows: WindowsOf) -> None:
    for _, endpoint, agent, n in rows:
        windows[endpoint].agent(tally.agents[agent], n)


def _feed_auth(tally: Tally, rows: list[Row], windows: WindowsOf) -> None:
    for _, endpoint, evidence, status, n in rows:
        windows[endpoint].evidence(tally.evidence[evidence], status, n)


def _feed_reasons(tally: Tally, rows: list[Row], windows: WindowsOf) -> None:
    for _, endpoint, reason, n in rows:
        windows[endpoint].reason(tally.reasons[reason], n)


def _feed_sizes(tally: Tally, rows: list[Row], windows: WindowsOf) -> None:
    del tally
    for _, endpoint, metric, status_class, bucket, n in rows:
        windows[endpoint].size(metric, status_class, bucket, n)


def _feed_sightings(tally: Tally, rows: list[Row], windows: WindowsOf) -> None:
    for _, endpoint, rule, ip, status, detail, n in rows:
        windows[endpoint].sighting(tally.rules[rule], tally.ips[ip], status, tally.details[detail], n)


def _feed_sensitive(tally: Tally, rows: list[Row], windows: WindowsOf) -> None:
    for _, endpoint, information, place, confidence, status_class, n in rows:
        if confidence:  # what is only possible is no finding
            windows[endpoint].carry(tally.information[information], tally.places[place], status_class, n)


_FEED: Mapping[str, Callable[[Tally, list[Row], WindowsOf], None]] = {
    "calls": _feed_calls,
    "identities": _feed_identities,
    "values": _feed_values,
    "agents": _feed_agents,
    "auth": _feed_auth,
    "reasons": _feed_reasons,
    "sizes": _feed_sizes,
    "sightings": _feed_sightings,
    "sensitive": _feed_sensitive,
}
_ORDER = {table: number for number, table in enumerate((*_FEED, CALLERS))}
JUDGED = frozenset(_ORDER)
"""The tables that windows take in; the others are the inventory's."""


# rows of closed windows into rolling days, after a cold start


def recall(slice_: Slice, live: LiveWindows, knowledge: Knowledge, start: Minute, *, sees: bool = True) -> None:
    """Add what rolling days remember of a closed window. The order does not matter. `sees`: count what may become an endpoint."""
    tally, rows = slice_.source.tally, slice_.rows
    if slice_.table == "values":
        _recall_values(tally, rows, live, start)
    elif slice_.table == "sizes":
        _recall_latency(tally, rows, live, start)
    elif slice_.table == "calls":
        _recall_calls(slice_, live, knowledge, start, sees=sees)


def _recall_values(tally: Tally, rows: Iterable[Row], live: LiveWindows, start: Minute) -> None:
    days: dict[RollingDay, None] = {}
    for _, endpoint, ip, parameter, value, *_ in rows:
        day = live.day(tally.endpoints[endpoint])
        day.value(tally.ips[ip], tally.parameters[parameter], value, start)
        days[day] = None
    for day in days:
        day.touched = EMPTY
        day.trim()


def _recall_latency(tally: Tally, rows: Iterable[Row], live: LiveWindows, start: Minute) -> None:
    for _, endpoint, metric, status_class, bucket, n in rows:
        if (metric, status_class) == LATENCY:
            latency = live.day(tally.endpoints[endpoint]).latency
            latency[start] = latency.get(start, Moments()) + log_moments(((bucket, n),))


def _recall_calls(slice_: Slice, live: LiveWindows, knowledge: Knowledge, start: Minute, *, sees: bool) -> None:
    tally, shapes = slice_.source.tally, slice_.source.shapes
    for _, endpoint, ip, status, n, _, response, *_ in slice_.rows:
        admitted = tally.endpoints[endpoint]
        if sees and not admitted.matched and status // 100 == 2 and tally.ips[ip] not in NOBODY:
            live.templates.see(shapes[endpoint], tally.ips[ip], start, n)
        if status // 100 == 2 and knowledge.context(admitted).sensitive:
            live.day(admitted).answered(tally.ips[ip], response, start)
