"""What many addresses did in the last 24 hours, in sorted arrays: some ten bytes for what a dictionary of dictionaries holds in a hundred or more.

An address is known by 40 bits of a hash, a value by 24: among 100,000 addresses one in ten million meets another, and of a thousand values of one address
three in a hundred times one is counted too few. What came in the current window waits in a dictionary, and is merged when the next window begins.
"""

from array import array
from collections.abc import Container, Iterable, Iterator, Set

import numpy as np
from numpy.typing import NDArray

from model import WINDOW_MINUTES, WINDOWS_PER_DAY, Minute
from stats.moments import Moments
from windows.sparse import EMPTY

VALUE_BITS = 24
ADDRESS = (1 << 40) - 1
VALUE = (1 << VALUE_BITS) - 1
MOST_OPEN = 256
_OPEN_SHARE = 32
"""So many values wait in a dictionary, or a 32nd of those in the arrays, before they are merged."""
SLOTS = 256
"""Windows are numbered modulo this: more than a day has, so an age is never mistaken."""

_NO_IDS: NDArray[np.uint64] = np.empty(0, np.uint64)
_NO_SLOTS: NDArray[np.uint8] = np.empty(0, np.uint8)
_NO_BYTES: NDArray[np.uint64] = np.empty(0, np.uint64)
_NOBODY = np.array([1 << 40], np.uint64)
"""No address has this hash."""


class Asked:
    """The distinct values of one parameter by address, each with the window in which it was asked for last."""

    __slots__ = ("_ids", "_largest", "_largest_new", "_new", "_open", "_slots")

    def __init__(self) -> None:
        self._ids, self._slots = _NO_IDS, _NO_SLOTS
        self._largest: int | None = 0
        """Values of the address with the most in the arrays; None until somebody asks."""
        self._largest_new = 0
        self._open: dict[int, int] = EMPTY
        """address and value -> window number: newer than what the arrays say"""
        self._new: dict[int, int] = EMPTY
        """address -> how many of its open values the arrays do not have"""

    def __len__(self) -> int:
        return len(self._ids) + sum(self._new.values())

    def add(self, ip: str, value: int, slot: int, now: int) -> bool:
        """Whether the value is new for this address. `slot` and `now`: numbers of windows."""
        address = hash(ip) & ADDRESS
        id = address << VALUE_BITS | value >> (64 - VALUE_BITS)
        last = self._open.get(id)
        if last is None:
            at = int(self._ids.searchsorted(np.uint64(id)))
            if at < len(self._ids) and int(self._ids[at]) == id:
                if now - (now - int(self._slots[at])) % SLOTS < slot:
                    self._open = self._open or {}
                    self._open[id] = slot
                return False
            if len(self._open) >= MOST_OPEN and len(self._open) * _OPEN_SHARE >= len(self._ids):
                self._merge()
            self._open, self._new = self._open or {}, self._new or {}
            self._open[id] = slot
            new = self._new[address] = self._new.get(address, 0) + 1
            if new > self._largest_new:
                self._largest_new = new
            return True
        if last < slot:
            self._open[id] = slot
        return False

    def distinct(self, ip: str) -> int:
        address = hash(ip) & ADDRESS
        low, high = self._range(address)
        return high - low + self._new.get(address, 0)

    def more(self, ips: Iterable[str], scale: float, than: float) -> list[tuple[str, int]]:
        """(address, distinct values) of those of these addresses whose distinct values times `scale` are more than this: all looked up at once, for a busy minute
        has hundreds of them."""
        if self._most() * scale <= than:
            return []
        known = list(ips)
        addresses = [hash(ip) & ADDRESS for ip in known]
        new = self._new
        counts = np.fromiter((new.get(address, 0) for address in addresses), np.int64, len(known))
        if len(self._ids):
            first = np.array(addresses, np.uint64) << np.uint64(VALUE_BITS)
            counts += self._ids.searchsorted(first | np.uint64(VALUE), "right") - self._ids.searchsorted(first)
        return [(known[at], int(counts[at])) for at in np.flatnonzero(counts * scale > than)]

    def _most(self) -> int:
        """No address has more than this."""
        if self._largest is None:
            ends = np.flatnonzero(np.diff(self._ids >> np.uint64(VALUE_BITS), append=_NOBODY))
            self._largest = int(np.diff(ends, prepend=-1).max(initial=0))
        return self._largest + self._largest_new

    def distinct_since(self, ip: str, slot: int, now: int) -> int:
        """Of values asked for in this window or later."""
        address = hash(ip) & ADDRESS
        low, high = self._range(address)
        ids = self._ids[low:high]
        ages = np.uint8(now % SLOTS) - self._slots[low:high]
        recent = set(ids[ages <= now - slot].tolist()) if slot <= now else set()
        recent.update(id for id, last in self._open.items() if id >> VALUE_BITS == address and last >= slot)
        return len(recent)

    def addresses(self) -> int:
        """How many addresses asked."""
        known = self._ids >> np.uint64(VALUE_BITS)
        new = np.fromiter(self._new, np.uint64, len(self._new))
        if not len(known):
            return len(new)
        met = known[np.minimum(known.searchsorted(new), len(known) - 1)] == new
        return int(np.count_nonzero(np.diff(known))) + 1 + len(new) - int(np.count_nonzero(met))

    def counts(self, without: Container[int]) -> Iterator[int]:
        """Distinct values of each address, but for these hashes of addresses."""
        addresses, counts = np.unique(self._ids >> np.uint64(VALUE_BITS), return_counts=True)
        found = dict(zip(addresses.tolist(), counts.tolist(), strict=True))
        for address, n in self._new.items():
            found[address] = found.get(address, 0) + n
        yield from (n for address, n in found.items() if address not in without)

    def advance(self, now: int) -> None:
        """Merge what is open, and forget what is older than a day."""
        if self._open:
            self._merge()
        fresh = np.uint8(now % SLOTS) - self._slots < WINDOWS_PER_DAY
        if not fresh.all():
            self._ids, self._slots, self._largest = self._ids[fresh], self._slots[fresh], None

    def _merge(self) -> None:
        ids = np.fromiter(sorted(self._open), np.uint64, len(self._open))
        slots = np.fromiter((self._open[int(id)] % SLOTS for id in ids), np.uint8, len(ids))
        at = self._ids.searchsorted(ids)
        if len(self._ids):
            known = self._ids[np.minimum(at, len(self._ids) - 1)] == ids
            self._slots[at[known]] = slots[known]
            ids, slots, at = ids[~known], slots[~known], at[~known]
        self._ids, self._slots = np.insert(self._ids, at, ids), np.insert(self._slots, at, slots)
        self._open = self._new = EMPTY
        self._largest, self._largest_new = None, 0

    def cut(self, bound: int) -> None:
        """Keep only values below a bound of 64 bits."""
        limit = bound >> (64 - VALUE_BITS)
        kept = (self._ids & np.uint64(VALUE)) < limit
        self._ids, self._slots = self._ids[kept], self._slots[kept]
        self._open = {id: slot for id, slot in self._open.items() if id & VALUE < limit}
        self._new = {}
        for id in self._open:
            if not _has(self._ids, id):
                self._new[id >> VALUE_BITS] = self._new.get(id >> VALUE_BITS, 0) + 1
        self._largest, self._largest_new = None, max(self._new.values(), default=0)

    def _range(self, address: int) -> tuple[int, int]:
        if not len(self._ids):
            return 0, 0
        first = address << VALUE_BITS
        low, high = self._ids.searchsorted(np.array((first, first | VALUE), np.uint64))
        return int(low), int(high) + (int(high) < len(self._ids) and int(self._ids[high]) == first | VALUE)


class Taken:
    """Bytes by address and window."""

    __slots__ = ("_bytes", "_ids", "_open", "_slots")

    def __init__(self) -> None:
        self._ids, self._slots, self._bytes = _NO_IDS, _NO_SLOTS, _NO_BYTES
        self._open: dict[int, dict[int, int]] = {}
        """window number -> address -> bytes"""

    def __len__(self) -> int:
        return len(self._ids) + sum(map(len, self._open.values()))

    def __contains__(self, ip: str) -> bool:
        address = hash(ip) & ADDRESS
        return any(address in own for own in self._open.values()) or _has(self._ids, address)

    def add(self, ip: str, n: int, slot: int) -> None:
        own = self._open.setdefault(slot, {})
        address = hash(ip) & ADDRESS
        own[address] = own.get(address, 0) + n

    def total(self, ip: str) -> int:
        address = hash(ip) & ADDRESS
        low, high = self._range(address)
        return int(self._bytes[low:high].sum()) + sum(own.get(address, 0) for own in self._open.values())

    def total_since(self, ip: str, slot: int, now: int) -> int:
        """Of this window and later."""
        address = hash(ip) & ADDRESS
        low, high = self._range(address)
        ages = np.uint8(now % SLOTS) - self._slots[low:high]
        before = int(self._bytes[low:high][ages <= now - slot].sum()) if slot <= now else 0
        return before + sum(own.get(address, 0) for number, own in self._open.items() if number >= slot)

    def totals(self, without: Container[int]) -> Iterator[int]:
        """Of each address, but for these hashes of addresses."""
        found: dict[int, int] = {}
        addresses, places = np.unique(self._ids, return_inverse=True)
        sums = np.bincount(places, weights=self._bytes.astype(np.float64), minlength=len(addresses))
        found.update((address, round(total)) for address, total in zip(addresses.tolist(), sums.tolist(), strict=True))
        for own in self._open.values():
            for address, n in own.items():
                found[address] = found.get(address, 0) + n
        yield from (n for address, n in found.items() if address not in without)

    def advance(self, now: int) -> None:
        for slot in [slot for slot in self._open if slot < now]:
            own = self._open.pop(slot)
            if slot > now - WINDOWS_PER_DAY:
                ids = np.fromiter(sorted(own), np.uint64, len(own))
                at = self._ids.searchsorted(ids)
                self._ids = np.insert(self._ids, at, ids)
                self._slots = np.insert(self._slots, at, np.uint8(slot % SLOTS))
                self._bytes = np.insert(self._bytes, at, np.fromiter((own[int(id)] for id in ids), np.uint64, len(ids)))
        fresh = np.uint8(now % SLOTS) - self._slots < WINDOWS_PER_DAY
        if not fresh.all():
            self._ids, self._slots, self._bytes = self._ids[fresh], self._slots[fresh], self._bytes[fresh]

    def _range(self, address: int) -> tuple[int, int]:
        if not len(self._ids):
            return 0, 0
        low, high = self._ids.searchsorted(np.array((address, address + 1), np.uint64))
        return int(low), int(high)


class Latencies:
    """Window -> moments of the logarithms of milliseconds."""

    __slots__ = ("_numbers", "_windows")

    def __init__(self) -> None:
        self._windows = array("q")
        self._numbers = array("d")

    def __setitem__(self, window: Minute, moments: Moments) -> None:
        numbers = array("d", (moments.n, moments.total, moments.squares))
        if window in self._windows:
            at = self._windows.index(window)
            self._numbers[3 * at : 3 * at + 3] = numbers
        else:
            self._windows.append(window)
            self._numbers.extend(numbers)

    def get(self, window: Minute, otherwise: Moments) -> Moments:
        return self._moments(self._windows.index(window)) if window in self._windows else otherwise

    def between(self, start: Minute, end: Minute) -> Moments:
        """Of all windows from `start` on and before `end`."""
        return sum((self._moments(at) for at, window in enumerate(self._windows) if start <= window < end), Moments())

    def forget_until(self, window: Minute) -> None:
        """What began at this minute or earlier."""
        kept = [at for at, known in enumerate(self._windows) if known > window]
        if len(kept) < len(self._windows):
            self._windows, numbers = array("q", (self._windows[at] for at in kept)), self._numbers
            self._numbers = array("d")
            for at in kept:
                self._numbers.extend(numbers[3 * at : 3 * at + 3])

    def _moments(self, at: int) -> Moments:
        n, total, squares = self._numbers[3 * at : 3 * at + 3]
        return Moments(int(n), total, squares)


def hashes(addresses: Set[str]) -> set[int]:
    """As `Asked.counts` and `Taken.totals` know addresses."""
    return {hash(ip) & ADDRESS for ip in addresses}


def slot_of(window: Minute) -> int:
    return window // WINDOW_MINUTES


def _has(ids: NDArray[np.uint64], id: int) -> bool:
    at = int(ids.searchsorted(np.uint64(id)))
    return at < len(ids) and int(ids[at]) == id
