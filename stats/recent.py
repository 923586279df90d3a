"""How many different callers there were in the last days, in bounded memory and without keeping any of them: a sliding HyperLogLog.

Each register keeps, of the ranks that its hashes showed, those that no later day outdid, with the day (Chabchoub, Hébrail: Sliding HyperLogLog, 2010).
Few distinct values are counted by the registers that are still empty (Whang et al.: linear counting, 1990), so small counts are nearly exact.
No hash is kept, only how many zeros it began with: nobody can be looked up in it.
"""

from collections.abc import Iterable, Mapping
from math import log

REGISTERS = 1024
"""Standard error 1.04 / √1024 = 3.3 % of large counts."""
_BITS = REGISTERS.bit_length() - 1
_ALPHA = 0.7213 / (1 + 1.079 / REGISTERS)

Recent = dict[int, list[int]]
"""Register -> alternating rank and day, ranks falling and days rising."""


def saw(recent: Recent, value_hash: int, day: int) -> None:
    """Take in the 64-bit hash of what was seen on a day (days since 1970). A repeat changes nothing."""
    register, rest = value_hash & (REGISTERS - 1), value_hash >> _BITS
    rank = 65 - _BITS - rest.bit_length()
    kept = recent.get(register)
    if kept is None:
        recent[register] = [rank, day]
        return
    if kept[-1] >= day and kept[-2] >= rank:
        return
    pairs = sorted({(kept[at], kept[at + 1]) for at in range(0, len(kept), 2)} | {(rank, day)}, reverse=True)
    left: list[int] = []
    latest = -1
    for known_rank, known_day in pairs:
        if known_day > latest:
            left += (known_rank, known_day)
            latest = known_day
    recent[register] = left


def distinct(recent: Mapping[int, Iterable[int]], since: int) -> int:
    """How many different ones were seen from the day `since` on."""
    total, used = 0.0, 0
    for kept in recent.values():
        numbers = iter(kept)
        rank = next((rank for rank, day in zip(numbers, numbers, strict=True) if day >= since), 0)
        if rank:
            used += 1
            total += 2.0**-rank
    empty = REGISTERS - used
    estimate = _ALPHA * REGISTERS * REGISTERS / (total + empty)
    if empty and estimate <= 2.5 * REGISTERS:
        estimate = REGISTERS * log(REGISTERS / empty)
    return round(estimate)


def without_days_before(recent: Recent, since: int) -> Recent:
    """What still counts for readings from the day `since` on; the same object where that is everything."""
    if all(kept[1] >= since for kept in recent.values()):  # the first day is the oldest
        return recent
    found: Recent = {}
    for register, kept in recent.items():
        left = [number for at in range(0, len(kept), 2) if kept[at + 1] >= since for number in kept[at : at + 2]]
        if left:
            found[register] = left
    return found
