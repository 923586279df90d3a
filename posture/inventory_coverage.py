"""Since when a gateway is watched, and whether events came all the time: "unused" may be said of what was watched without a gap, and of nothing else."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from statistics import median

import msgspec

from model import Minute, moment
from posture.inventory_shape import DAY
from windows.tally import Tally

WATCHED = 30
"""Days without a call, watched without a gap, after which an endpoint is unused."""
SILENT_HOURS = 6
"""A shorter silence of a whole gateway is no gap."""
USUAL = 2
"""Nor is one of up to this many times the longest silence of its usual day: some gateways sleep at night."""
STALE = DAY
"""Minutes without any event after which an inventory shows how things stood then, and says so."""


class Coverage(msgspec.Struct):
    """Of one gateway. `hours`: days since 1970 -> a bit for each hour in which an event came. Everything here merges by or, minimum and maximum: a repeat is harmless."""

    service: str
    first: Minute
    last: Minute
    hours: dict[int, int] = {}

    def aged(self) -> "Coverage":
        newest = self.last // DAY
        return msgspec.structs.replace(self, hours={day: bits for day, bits in self.hours.items() if day >= newest - WATCHED - 1})


def cover(known: Mapping[str, Coverage], tallies: Iterable[Tally]) -> dict[str, Coverage]:
    """The coverages that some tallies change."""
    changed: dict[str, Coverage] = {}
    for tally in tallies:
        services = [endpoint.service for endpoint in tally.endpoints]
        for minute, rows in groupby(tally.rows("calls"), lambda row: row[0]):
            day, bit = minute // DAY, 1 << minute % DAY // 60
            for service in {services[row[1]] for row in rows}:
                one = changed.get(service) or known.get(service)
                if one is not None and one.first <= minute <= one.last and one.hours.get(day, 0) & bit:
                    continue
                if service not in changed:
                    one = Coverage(service, minute, minute, {}) if one is None else msgspec.structs.replace(one, hours=dict(one.hours))
                    changed[service] = one
                one = changed[service]
                one.first, one.last = min(one.first, minute), max(one.last, minute)
                one.hours[day] = one.hours.get(day, 0) | bit
    return {service: one.aged() for service, one in changed.items()}


def as_of(coverage: Coverage | None, now: Minute) -> Minute:
    """The minute at which a gateway's endpoints are judged: now, or its last event where there was none for a day."""
    return now if coverage is None or now - coverage.last <= STALE else coverage.last


def gap(coverage: Coverage, at: Minute) -> str:
    """The longest gap of the 30 days before `at` as a sentence, "" where events came all the time."""
    start = max(coverage.first, at - WATCHED * DAY)
    silences = _silences(coverage, start // 60, at // 60)
    by_day: dict[int, int] = {}
    for begins, hours in silences:
        day = begins // 24
        by_day[day] = max(by_day.get(day, 0), hours)
    days = range(start // DAY, at // DAY + 1)
    usual = median(by_day.get(day, 0) for day in days)
    begins, hours = max(silences, key=lambda one: one[1], default=(0, 0))
    if hours <= max(SILENT_HOURS, USUAL * usual):
        return ""
    return f"no event of the gateway came for {hours} hours from {moment(begins * 60):%Y-%m-%d %H:%M}"


def _silences(coverage: Coverage, first: int, last: int) -> list[tuple[int, int]]:
    """(first silent hour since 1970, how many) of every run of whole hours without an event."""
    found: list[tuple[int, int]] = []
    for hour in range(first, last):
        if coverage.hours.get(hour // 24, 0) >> hour % 24 & 1:
            continue
        if found and sum(found[-1]) == hour:
            found[-1] = found[-1][0], found[-1][1] + 1
        else:
            found.append((hour, 1))
    return found
