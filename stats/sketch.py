"""A theta sketch: which values were seen, in bounded memory; merges by union, reads as a count of distinct and as a difference.

Keeps the hashes below a bound; when they become too many the bound falls, so that what is kept stays a uniform sample of the distinct values
(Dasgupta, Lang, Rhodes, Thaler: A Framework for Estimating Stream Expression Cardinalities, 2016). Below its capacity it is exact.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from sys import byteorder

import msgspec

WIDTH = 4
SPAN = 1 << 32
"""Hashes are 32 bits wide: among the at most 16,384 that a sketch keeps, a false match has odds of 1 in 250,000."""


class Sketch(msgspec.Struct, frozen=True, array_like=True):
    """The kept hashes are all below `bound`; `bound` / SPAN is the share of distinct values that were kept. `packed`: sorted little-endian 32-bit integers."""

    bound: int = SPAN
    packed: bytes = b""

    @property
    def hashes(self) -> frozenset[int]:
        return frozenset(self._sorted())

    @property
    def distinct(self) -> float:
        return len(self.packed) // WIDTH * SPAN / self.bound

    def unseen(self, hashes: Iterable[int]) -> float:
        """How many of these distinct hashes (32 bits) were not seen, estimated from those below the bound."""
        return self.not_seen(hashes) * SPAN / self.bound

    def not_seen(self, hashes: Iterable[int]) -> int:
        """How many of these hashes are below the bound and were not seen."""
        known, bound, found = self._sorted(), self.bound, 0
        count = len(known)
        for h in hashes:
            if h < bound:
                at = bisect_left(known, h)
                found += at == count or known[at] != h
        return found

    def _sorted(self) -> "memoryview[int] | array[int]":
        if byteorder == "little":
            return memoryview(self.packed).cast("I")
        hashes = array("I", self.packed)
        hashes.byteswap()
        return hashes


def shorten(value_hash: int) -> int:
    """The 32 bits of a 64-bit hash that sketches keep."""
    return value_hash >> 32


def sketch(hashes: Iterable[int], capacity: int) -> Sketch:
    return _cut(SPAN, set(hashes), capacity)


def union(sketches: Iterable[Sketch], capacity: int) -> Sketch:
    """The sketch of everything that any of them saw; independent of order while bounds and capacities are equal."""
    bound, found = SPAN, set[int]()
    for one in sketches:
        bound = min(bound, one.bound)
        found.update(one._sorted())
    if bound < SPAN:
        found = {h for h in found if h < bound}
    return _cut(bound, found, capacity)


def _cut(bound: int, found: set[int], capacity: int) -> Sketch:
    if len(found) > capacity:
        bound = sorted(found)[capacity]
        found = {h for h in found if h < bound}
    packed = array("I", sorted(found))
    if byteorder == "big":
        packed.byteswap()
    return Sketch(bound, packed.tobytes())


def pack(one: Sketch) -> tuple[int, bytes]:
    """Bound, and the hashes as sorted little-endian 32-bit integers."""
    return one.bound, one.packed


def unpack(bound: int, packed: bytes) -> Sketch:
    """Raises ValueError where the bytes are no whole number of hashes."""
    if len(packed) % WIDTH:
        raise ValueError(f"{len(packed)} bytes are no whole number of hashes")
    return Sketch(bound, packed)
