"""The rolling day of one endpoint: which values each IP asked for in the last 24 hours, for enumeration too slow for any window; and its last minutes, for
floods that a window's edge cuts in two."""

from collections.abc import Iterable, Iterator

from model import OTHER, WINDOW_MINUTES, WINDOWS_PER_DAY, Minute
from stats.moments import Moments

ENTRIES = 100_000
"""(parameter, IP, value) triples in memory; beyond it only a uniform sample of the values is kept and readings are scaled up."""
HASHES = 1 << 64
LATELY = 10
"""Minutes over which an IP's calls are counted across the edges of windows."""
LATEST = 3
"""Windows that do not count as usual yet, for a slow one may have begun in them."""


class RollingDay:
    """Distinct values per (parameter, IP), and bytes per IP, over the current window and the 71 before it; calls per IP over the last minutes."""

    __slots__ = (
        "_arrived",
        "_bound",
        "_bytes",
        "_calls",
        "_entries",
        "_last",
        "_lately",
        "_minute",
        "_slot",
        "_totals",
        "latency",
        "touched",
    )

    def __init__(self) -> None:
        self._last: dict[str, dict[str, dict[int, int]]] = {}
        """parameter -> ip -> value -> window number in which it was last asked for"""
        self._arrived: dict[int, list[tuple[str, str, int]]] = {}
        self._bytes: dict[int, dict[str, int]] = {}
        """window number -> ip -> bytes"""
        self._totals: dict[str, int] = {}
        self.latency: dict[Minute, Moments] = {}
        """window -> moments of the logarithms of milliseconds of successful calls, once it has ended"""
        self._calls: dict[Minute, dict[tuple[int, str], int]] = {}
        """minute -> (status class, ip) -> calls"""
        self._lately: dict[tuple[int, str], int] = {}
        """Of the last LATELY minutes together."""
        self._minute = -1
        self._slot = -1
        self._bound = HASHES
        self._entries = 0
        self.touched: dict[str, set[str]] = {}
        """parameter -> ips that asked for something new since the last judgement"""

    def value(self, ip: str, parameter: str, value: int, window: Minute) -> None:
        if value >= self._bound:
            return
        slot = window // WINDOW_MINUTES
        if slot > self._slot:
            self._advance(slot)
        elif slot <= self._slot - WINDOWS_PER_DAY:
            return
        by_ip = self._last.get(parameter)
        if by_ip is None:
            by_ip = self._last[parameter] = {}
        own = by_ip.get(ip)
        if own is None:
            own = by_ip[ip] = {}
        last = own.get(value, -1)
        if last >= slot:
            return
        own[value] = slot
        if last < 0:
            self._entries += 1
            touched = self.touched.get(parameter)
            if touched is None:
                touched = self.touched[parameter] = set()
            touched.add(ip)
        self._arrived.setdefault(slot, []).append((parameter, ip, value))

    def answered(self, ip: str, n: int, window: Minute) -> None:
        """This IP was answered with so many bytes."""
        slot = window // WINDOW_MINUTES
        if slot > self._slot:
            self._advance(slot)
        elif slot <= self._slot - WINDOWS_PER_DAY:
            return
        if ip not in self._totals and len(self._totals) >= ENTRIES:
            ip = OTHER
        own = self._bytes.setdefault(slot, {})
        own[ip] = own.get(ip, 0) + n
        self._totals[ip] = self._totals.get(ip, 0) + n

    def called(self, kind: int, ip: str, n: int, minute: Minute) -> int:
        """This IP called so often; answers with its calls of the last LATELY minutes. 0 for what comes later than that, or from one IP too many."""
        if minute > self._minute:
            self._minute = minute
            for old in [one for one in self._calls if one <= minute - LATELY]:
                self._forget(self._calls.pop(old))
        elif minute <= self._minute - LATELY:
            return 0
        key = kind, ip
        lately = self._lately.get(key, 0) + n
        if lately == n and len(self._lately) >= ENTRIES:
            return 0
        self._lately[key] = lately
        counts = self._calls.get(minute)
        if counts is None:
            counts = self._calls[minute] = {}
        counts[key] = counts.get(key, 0) + n
        return lately

    def lately(self, kind: int, ip: str) -> int:
        """The calls of this IP and status class in the last LATELY minutes."""
        return self._lately.get((kind, ip), 0)

    def _forget(self, counts: dict[tuple[int, str], int]) -> None:
        for key, n in counts.items():
            left = self._lately[key] - n
            if left:
                self._lately[key] = left
            else:
                del self._lately[key]

    def taken(self, ip: str) -> int:
        """The bytes that this IP was answered with in the last 24 hours."""
        return self._totals.get(ip, 0)

    def totals(self) -> dict[str, int]:
        """ip -> bytes"""
        return dict(self._totals)

    def latency_before(self, window: Minute) -> Moments:
        """Of the 24 hours up to an hour before this window: what was usual when it began, deploys included."""
        return sum((one for start, one in self.latency.items() if window - 24 * 60 <= start < window - LATEST * WINDOW_MINUTES), Moments())

    def distinct(self, parameter: str, ip: str) -> float:
        """How many different values this IP asked for in the last 24 hours."""
        own = self._last.get(parameter, {}).get(ip)
        return self._scaled(len(own)) if own else 0.0

    def asked_more(self, than: float) -> Iterator[tuple[str, str, float]]:
        """(parameter, ip, distinct values in 24 hours) of those that asked for something since the last judgement and for more than so many in all."""
        least = than * self._bound / HASHES
        for parameter, ips in self.touched.items():
            by_ip = self._last.get(parameter, {})
            for ip in [ip for ip in ips if len(by_ip.get(ip, ())) > least]:
                yield parameter, ip, self._scaled(len(by_ip[ip]))

    def busy(self, parameter: str, ips: Iterable[str], window: Minute, least: int) -> Iterator[tuple[str, float]]:
        """(ip, distinct values in the 24 hours up to now) of those that asked for `least` of them or more since midnight of the window's day: only such a day
        counts, for the rolling 24 hours hold a part of the day before as well."""
        midnight, by_ip = _midnight(window), self._last.get(parameter, {})
        for ip in ips:
            own = by_ip.get(ip, {})
            if len(own) >= least and sum(slot >= midnight for slot in own.values()) >= least:
                yield ip, self._scaled(len(own))

    def takers(self, ips: Iterable[str], window: Minute, least: int) -> Iterator[tuple[str, int]]:
        """(ip, bytes in the 24 hours up to now) of those that were answered with `least` of them or more since midnight of the window's day."""
        midnight = _midnight(window)
        for ip in ips if self._totals else ():
            n = self._totals.get(ip, 0)
            if n >= least and sum(own.get(ip, 0) for slot, own in self._bytes.items() if slot >= midnight) >= least:
                yield ip, n

    def ips(self, parameter: str) -> int:
        """How many IPs sent this parameter in the last 24 hours (a lower bound once values are sampled)."""
        return len(self._last.get(parameter, ()))

    def by_ip(self) -> dict[str, dict[str, float]]:
        """parameter -> ip -> distinct values"""
        return {name: {ip: self._scaled(len(own)) for ip, own in by_ip.items()} for name, by_ip in self._last.items()}

    def advance(self, window: Minute) -> None:
        """Time passes, also where no call comes."""
        if window // WINDOW_MINUTES > self._slot:
            self._advance(window // WINDOW_MINUTES)

    def trim(self) -> None:
        """Halve the sample until it fits. Called after each minute."""
        while self._entries > ENTRIES:
            self._bound //= 2
            for by_ip in self._last.values():
                for ip, own in list(by_ip.items()):
                    kept = {value: slot for value, slot in own.items() if value < self._bound}
                    self._entries -= len(own) - len(kept)
                    if kept:
                        by_ip[ip] = kept
                    else:
                        del by_ip[ip]

    def _scaled(self, n: int) -> float:
        return n * (HASHES / self._bound)

    def _advance(self, slot: int) -> None:
        self._slot = slot
        for start in [start for start in self.latency if start <= (slot - WINDOWS_PER_DAY - LATEST) * WINDOW_MINUTES]:
            del self.latency[start]
        for old in [s for s in self._bytes if s <= slot - WINDOWS_PER_DAY]:
            for ip, n in self._bytes.pop(old).items():
                self._totals[ip] -= n
                if not self._totals[ip]:
                    del self._totals[ip]
        for old in [s for s in self._arrived if s <= slot - WINDOWS_PER_DAY]:
            for parameter, ip, value in self._arrived.pop(old):
                by_ip = self._last.get(parameter, {})
                own = by_ip.get(ip, {})
                if own.get(value) == old:
                    del own[value]
                    self._entries -= 1
                    if not own:
                        del by_ip[ip]
                        if not by_ip:
                            del self._last[parameter]


def _midnight(window: Minute) -> int:
    """The number of the first window of this window's day."""
    return window // WINDOW_MINUTES // WINDOWS_PER_DAY * WINDOWS_PER_DAY
