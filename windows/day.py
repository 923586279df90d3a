"""The rolling day of one endpoint: which values each IP asked for in the last 24 hours, for enumeration too slow for any window; and its last minutes, for
floods that a window's edge cuts in two."""

from collections.abc import Iterable, Iterator, Set
from typing import Any

from model import OTHER, WINDOW_MINUTES, WINDOWS_PER_DAY, Minute
from stats.moments import Moments
from windows.compact import Asked, Latencies, Taken, hashes
from windows.sparse import EMPTY

ENTRIES = 100_000
"""(parameter, IP, value) triples in memory; beyond it only a uniform sample of the values is kept and readings are scaled up."""
HASHES = 1 << 64
LATELY = 10
"""Minutes over which an IP's calls are counted across the edges of windows."""
FEW = 8
"""Rows of the last minutes that are looked through one by one."""
LATEST = 3
"""Windows that do not count as usual yet, for a slow one may have begun in them."""

_COLUMNS = 4
_NOTHING_TAKEN = Taken()


class RollingDay:
    """Distinct values per (parameter, IP), and bytes per IP, over the current window and the 71 before it; calls per IP over the last minutes."""

    __slots__ = ("_asked", "_bound", "_lately", "_log", "_minute", "_slot", "_taken", "latency", "touched")

    def __init__(self) -> None:
        self._asked: dict[str, Asked] = EMPTY
        self._taken = _NOTHING_TAKEN
        self.latency = Latencies()
        """Of successful calls, once a window has ended."""
        self._log: list[Any] = []
        """minute, status class, ip and calls of each row of the last LATELY minutes, one after the other"""
        self._lately: dict[int, dict[str, int]] = EMPTY
        """status class -> ip -> calls of the log, once it has more than FEW rows"""
        self._minute = -1
        self._slot = -1
        self._bound = HASHES
        self.touched: dict[str, set[str]] = EMPTY
        """parameter -> ips that asked for something new since the last judgement"""

    def value(self, ip: str, parameter: str, value: int, window: Minute) -> None:
        if value >= self._bound:
            return
        slot = window // WINDOW_MINUTES
        if slot > self._slot:
            self._advance(slot)
        elif slot <= self._slot - WINDOWS_PER_DAY:
            return
        asked = self._asked.get(parameter)
        if asked is None:
            self._asked = self._asked or {}
            asked = self._asked[parameter] = Asked()
        if asked.add(ip, value, slot, self._slot):
            touched = self.touched.get(parameter)
            if touched is None:
                self.touched = self.touched or {}
                touched = self.touched[parameter] = set()
            touched.add(ip)

    def answered(self, ip: str, n: int, window: Minute) -> None:
        """This IP was answered with so many bytes."""
        slot = window // WINDOW_MINUTES
        if slot > self._slot:
            self._advance(slot)
        elif slot <= self._slot - WINDOWS_PER_DAY:
            return
        if len(self._taken) >= ENTRIES and ip not in self._taken:
            ip = OTHER
        if self._taken is _NOTHING_TAKEN:
            self._taken = Taken()
        self._taken.add(ip, n, slot)

    def called(self, status_class: int, ip: str, n: int, minute: Minute) -> int:
        """This IP called so often; answers with its calls of the last LATELY minutes. 0 for what comes later than that, or from one IP too many."""
        if minute > self._minute:
            self._minute = minute
            self.forget_calls(minute - LATELY)
        elif minute <= self._minute - LATELY:
            return 0
        lately = self.lately(status_class, ip) + n
        if lately == n and self._told_apart() >= ENTRIES:
            return 0
        self._log += (minute, status_class, ip, n)
        if self._lately is not EMPTY:
            counts = self._lately.get(status_class)
            if counts is None:
                counts = self._lately[status_class] = {}
            counts[ip] = lately
        elif len(self._log) > _COLUMNS * FEW:
            self._lately = {}
            for _, kind, who, calls in _rows(self._log):
                counts = self._lately.setdefault(kind, {})
                counts[who] = counts.get(who, 0) + calls
        return lately

    def lately(self, status_class: int, ip: str) -> int:
        """The calls of this IP and status class in the last LATELY minutes."""
        if self._lately is not EMPTY:
            counts = self._lately.get(status_class)
            return counts.get(ip, 0) if counts is not None else 0
        return sum(n for _, kind, who, n in _rows(self._log) if who == ip and kind == status_class) if self._log else 0

    def forget_calls(self, until: Minute) -> None:
        """What was called at this minute or before is none of the last minutes any more."""
        log = self._log
        if not log or min(log[::_COLUMNS]) > until:
            return
        self._log = [cell for row in _rows(log) if row[0] > until for cell in row]
        if not self._log:
            self._lately = EMPTY
        elif self._lately is not EMPTY:
            for minute, kind, who, n in _rows(log):
                if minute <= until:
                    counts = self._lately[kind]
                    counts[who] -= n
                    if not counts[who]:
                        del counts[who]

    def _told_apart(self) -> int:
        """Pairs of status class and IP of the last minutes."""
        return (
            sum(map(len, self._lately.values())) if self._lately is not EMPTY else len({(kind, ip) for _, kind, ip, _ in _rows(self._log)})
        )

    def taken(self, ip: str) -> int:
        """The bytes that this IP was answered with in the last 24 hours."""
        return self._taken.total(ip) if len(self._taken) else 0

    def latency_before(self, window: Minute) -> Moments:
        """Of the 24 hours up to an hour before this window: what was usual when it began, deploys included."""
        return self.latency.between(window - 24 * 60, window - LATEST * WINDOW_MINUTES)

    def distinct(self, parameter: str, ip: str) -> float:
        """How many different values this IP asked for in the last 24 hours."""
        asked = self._asked.get(parameter)
        return self._scaled(asked.distinct(ip)) if asked else 0.0

    def asked_more(self, than: float) -> Iterator[tuple[str, str, float]]:
        """(parameter, ip, distinct values in 24 hours) of those that asked for something since the last judgement and for more than so many in all."""
        for parameter, ips in self.touched.items():
            asked = self._asked.get(parameter)
            for ip, n in asked.more(ips, HASHES / self._bound, than) if asked is not None else ():
                yield parameter, ip, self._scaled(n)

    def busy(self, parameter: str, ips: Iterable[str], window: Minute, least: int) -> Iterator[tuple[str, float]]:
        """(ip, distinct values in the 24 hours up to now) of those that asked for `least` of them or more since midnight of the window's day: only such a day
        counts, for the rolling 24 hours hold a part of the day before as well."""
        midnight, asked = _midnight(window), self._asked.get(parameter)
        for ip, n in asked.more(ips, 1.0, least - 1) if asked is not None else ():
            if asked is not None and asked.distinct_since(ip, midnight, self._slot) >= least:
                yield ip, self._scaled(n)

    def takers(self, ips: Iterable[str], window: Minute, least: int) -> Iterator[tuple[str, int]]:
        """(ip, bytes in the 24 hours up to now) of those that were answered with `least` of them or more since midnight of the window's day."""
        midnight = _midnight(window)
        for ip in ips if len(self._taken) else ():
            n = self._taken.total(ip)
            if n >= least and self._taken.total_since(ip, midnight, self._slot) >= least:
                yield ip, n

    def ips(self, parameter: str) -> int:
        """How many IPs sent this parameter in the last 24 hours (a lower bound once values are sampled)."""
        asked = self._asked.get(parameter)
        return asked.addresses() if asked else 0

    def parameters(self) -> list[str]:
        """Those that anybody sent in the last 24 hours."""
        return [parameter for parameter, asked in self._asked.items() if len(asked)]

    def distinct_values(self, parameter: str, without: Set[str] = frozenset()) -> Iterator[float]:
        """Of each IP but these."""
        return map(self._scaled, self._asked[parameter].counts(hashes(without)))

    def totals(self, without: Set[str] = frozenset()) -> Iterator[int]:
        """The bytes of each IP but these."""
        return self._taken.totals(hashes(without)) if len(self._taken) else iter(())

    def advance(self, window: Minute) -> None:
        """Time passes, also where no call comes."""
        if window // WINDOW_MINUTES > self._slot:
            self._advance(window // WINDOW_MINUTES)

    def trim(self) -> None:
        """Halve the sample until it fits. Called after each minute."""
        while sum(map(len, self._asked.values())) > ENTRIES:
            self._bound //= 2
            for asked in self._asked.values():
                asked.cut(self._bound)

    def _scaled(self, n: int) -> float:
        return n * (HASHES / self._bound)

    def _advance(self, slot: int) -> None:
        self._slot = slot
        self.latency.forget_until((slot - WINDOWS_PER_DAY - LATEST) * WINDOW_MINUTES)
        if len(self._taken):
            self._taken.advance(slot)
        for parameter, asked in list(self._asked.items()):
            asked.advance(slot)
            if not len(asked):
                del self._asked[parameter]
        self._asked = self._asked or EMPTY


def _rows(log: list[Any]) -> Iterator[tuple[Minute, int, str, int]]:
    cells = iter(log)
    return zip(cells, cells, cells, cells, strict=True)


def _midnight(window: Minute) -> int:
    """The number of the first window of this window's day."""
    return window // WINDOW_MINUTES // WINDOWS_PER_DAY * WINDOWS_PER_DAY
