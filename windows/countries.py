"""Countries of callers: codes, their names, and what one service's day comes to. An address has the country that a database says, "" for none."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from model import NOBODY, Minute
from stats.sketch import Sketch, shorten, sketch, union
from windows.tally import Tally
from windows.values import hash_value

MINUTES_PER_DAY = 24 * 60
ADDRESSES = 16_384
"""Hashes in the sketch of a service's day: 80 KiB at most, one percent off beyond."""
ADDRESSES_OF_ONE = 512
"""Hashes in the sketch of one country of a day: four percent off beyond; 250 countries still fit into one entity."""
NOT_COUNTRIES = {"EU": "Europe (unspecified)", "AP": "Asia/Pacific (unspecified)"}
"""Shown, and not counted as countries: registries have blocks that belong to a region."""


def code(country: str) -> int:
    """Two letters as a number, 0 for none: what a tally holds."""
    return int.from_bytes(country.encode("ascii"), "big") if country else 0


def country(code: int) -> str:
    return code.to_bytes(2, "big").decode("ascii") if code else ""


def normal(text: object) -> str:
    """What a database says as two upper-case letters, "" for anything else."""
    if not isinstance(text, str) or len(text) != 2 or not text.isascii() or not text.isalpha():
        return ""
    return text.upper()


class Count(msgspec.Struct, array_like=True):
    """Calls of one country in one day; `first` and `last` are minutes at which windows began."""

    calls: int = 0
    ok: int = 0
    first: Minute = -1
    last: Minute = -1
    addresses: Sketch = Sketch()
    distinct: int = -1
    """Once the sketch is gone: what it said."""

    def add(self, minute: Minute, n: int, status_class: int) -> None:
        self.calls += n
        self.ok += n if status_class == 2 else 0
        self.first = minute if self.first < 0 else min(self.first, minute)
        self.last = max(self.last, minute)


class CountryDay(msgspec.Struct):
    """One service's day: country ("" for unknown) -> what came from there."""

    service: str
    day: int
    """Days since 1970-01-01."""
    countries: dict[str, Count] = {}
    addresses: Sketch = Sketch()
    distinct: int = -1
    """Once the sketch is gone: what it said."""
    upto: dict[str, int] = {}
    """Hub partition -> position of the last tally that is in here: a repeat is harmless."""


Key = tuple[str, int]
"""Service, day."""


def merge(known: Callable[[Key], CountryDay | None], tallies: Iterable[tuple[str, int, Tally]], key: bytes) -> dict[Key, CountryDay]:
    """The days that some tallies (hub partition, position, tally) change. What a day contains already is not added again.

    `key` keys the hashes of addresses, so that whoever reads a sketch learns none.
    """
    changed: dict[Key, CountryDay] = {}
    hashes: dict[str, int] = {}
    addresses: dict[tuple[Key, str], set[int]] = {}
    for partition, position, tally in tallies:
        mine: dict[Key, CountryDay] = {}
        for place in {(tally.endpoints[endpoint].service, minute // MINUTES_PER_DAY) for minute, endpoint, *_ in tally.rows("countries")}:
            ours = changed.get(place)  # copied once, however many tallies change it
            one = ours or known(place)
            if one is None or one.upto.get(partition, -1) < position:
                mine[place] = changed[place] = ours or _copy(one, place)
                mine[place].upto[partition] = position
        for minute, endpoint, number, status_class, n in tally.rows("countries"):
            if day := mine.get((tally.endpoints[endpoint].service, minute // MINUTES_PER_DAY)):
                day.countries.setdefault(country(number), Count()).add(minute, n, status_class)
        _read_addresses(addresses, mine, tally, key, hashes)
    for (place, name), some in addresses.items():  # sketches are joined once, however many tallies there are
        day = changed[place]
        day.addresses = union((day.addresses, sketch(some, ADDRESSES)), ADDRESSES)
        if count := day.countries.get(name):
            count.addresses = union((count.addresses, sketch(some, ADDRESSES_OF_ONE)), ADDRESSES_OF_ONE)
    return changed


def _copy(one: CountryDay | None, place: Key) -> CountryDay:
    if one is None:
        return CountryDay(*place, countries={}, upto={})
    countries = {name: msgspec.structs.replace(count) for name, count in one.countries.items()}
    return msgspec.structs.replace(one, countries=countries, upto=dict(one.upto))


def _read_addresses(
    found: dict[tuple[Key, str], set[int]], days: Mapping[Key, CountryDay], tally: Tally, key: bytes, hashes: dict[str, int]
) -> None:
    """Add the short hashes of the tally's addresses to `found`: (service and day, country) -> hashes. `hashes`: address -> hash, as far as they are known."""
    for minute, endpoint, ip, _, _, number, *_ in tally.rows("callers"):
        address = tally.ips[ip]
        place = tally.endpoints[endpoint].service, minute // MINUTES_PER_DAY
        if place in days and address not in NOBODY:
            short = hashes.get(address)
            if short is None:
                short = hashes[address] = shorten(hash_value(address, key))
            found.setdefault((place, country(number)), set()).add(short)


def stripped(day: CountryDay) -> CountryDay:
    """The day with numbers in the place of its sketches: nothing that stands for an address is left."""
    countries = {
        name: msgspec.structs.replace(count, addresses=Sketch(), distinct=_distinct([count])) for name, count in day.countries.items()
    }
    return msgspec.structs.replace(day, countries=countries, addresses=Sketch(), distinct=_distinct([day]))


def _distinct(parts: Sequence[Count | CountryDay], capacity: int = ADDRESSES) -> int:
    """Distinct addresses of several days: the union of the sketches, and at least what a day said whose sketch is gone."""
    return max([round(union((part.addresses for part in parts), capacity).distinct), *(part.distinct for part in parts)], default=0)


class Total(msgspec.Struct, frozen=True):
    """One country over several days. `share`: of all calls, 0 to 1."""

    country: str
    calls: int
    ok: int
    share: float
    addresses: int
    first_day: int
    last_day: int


def totals(days: Iterable[CountryDay]) -> tuple[list[Total], int]:
    """The countries of some days, most calls first, and how many distinct addresses there were in all."""
    found: dict[str, list[tuple[int, Count]]] = {}
    days = list(days)
    for day in days:
        for name, count in day.countries.items():
            found.setdefault(name, []).append((day.day, count))
    everything = sum(count.calls for counts in found.values() for _, count in counts)
    rows = [
        Total(
            name,
            calls := sum(count.calls for _, count in counts),
            sum(count.ok for _, count in counts),
            calls / everything if everything else 0.0,
            _distinct([count for _, count in counts], ADDRESSES_OF_ONE),
            min(day for day, _ in counts),
            max(day for day, _ in counts),
        )
        for name, counts in found.items()
    ]
    return sorted(rows, key=lambda row: (-row.calls, row.country)), _distinct(days)


def of_endpoints(tally: Tally) -> Mapping[int, dict[str, int]]:
    """Number of an endpoint in the tally -> country -> calls: for the inventory."""
    found: dict[int, dict[str, int]] = {}
    for _, endpoint, number, _, n in tally.rows("countries"):
        if number:
            counts = found.setdefault(endpoint, {})
            counts[country(number)] = counts.get(country(number), 0) + n
    return found
