"""The inventory of one endpoint: which information types it takes in and gives out, where, since when, and how closely it was looked at."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b

import msgspec

from intel.addresses import is_public
from model import NOBODY, OTHER, Endpoint, Minute
from posture.inventory_shape import (
    DAY,
    FIELDS,
    GENERATION,
    KINDS_OF_PROOF,
    MARK_BITS,
    MEDIA,
    PARAMETERS,
    REVISIONS,
    STATUSES,
    Call,
    Generation,
    Shape,
    add,
    copied,
    count,
    count_name,
    is_proven,
    new,
)
from stats.recent import Recent, saw, without_days_before
from windows.context import Context
from windows.countries import country
from windows.tally import METRICS, Tally

AGES_OUT = 30 * 24 * 60
"""Minutes without a sighting after which an information type is no longer said to be at a place."""
PLACES = 200
"""Of one endpoint: callers choose the names in what they send."""
CONFIDENCES = ("low", "medium", "high")
DAYS = 30
"""Days of event time (UTC) that are counted one by one: today, and the 29 before."""
DIRECTIONS = ("request", "response")
_DURATION = METRICS.index("milliseconds")


class Exposure(msgspec.Struct, omit_defaults=True):
    """One information type at one place. `place`: where and general path, "response.body $.payee.iban"; `n`: calls looked into that showed it."""

    type: str
    place: str
    confidence: int
    """Index into CONFIDENCES of the surest look."""
    first: Minute
    last: Minute
    n: int = 0
    classes: list[int] = []
    """Status classes, 1..5, with which it was answered."""

    @property
    def direction(self) -> str:
        return self.place.partition(".")[0]


class Day(msgspec.Struct, array_like=True):
    """One day of an endpoint (UTC). `classes`: calls by status class 1xx to 5xx; `proofs`: evidence -> calls answered 2xx, "" for nothing;
    `durations`: bucket of milliseconds, see `stats.buckets` -> calls."""

    classes: list[int]
    proofs: dict[str, int] = {}
    durations: dict[int, int] = {}

    @property
    def calls(self) -> int:
        return sum(self.classes)


class Inventory(msgspec.Struct):
    """`calls` are all, `looks` those that were looked into; `anonymous` is the last minute at which a caller who proved nothing got a 2xx."""

    endpoint: Endpoint
    first: Minute
    last: Minute
    calls: int = 0
    looks: int = 0
    anonymous: Minute | None = None
    exposures: list[Exposure] = []
    upto: dict[str, int] = {}
    """Hub partition -> position of the last tally that is in here: a repeat is harmless."""
    days: dict[int, Day] = {}
    """Days since 1970 -> what was counted of the last DAYS."""
    external_first: Minute | None = None
    external_last: Minute | None = None
    """Calls from a public address, be they answered or not."""
    callers: Recent = {}
    """Addresses, as a sketch that keeps none."""
    policy: str = ""
    """Hash of the policies under which `proofs` were shown; "" where no configuration was read."""
    wildcard: int = 0
    """Calls that matched an operation whose template ends in a wildcard."""
    countries: dict[str, list[int]] = {}
    """Country -> calls, and the last day (since 1970) on which one came from there."""
    shape: Shape | None = None
    overlooked: int = 0
    """Calls that may have carried an attack and were not looked into: a batch had too many of them."""

    def context(self) -> Context:
        """What the severity of a finding depends on."""
        claimed = {exposure.type for exposure in self.exposures if exposure.confidence}
        return Context(tuple(sorted(claimed)), self.anonymous is not None)

    def news(self) -> tuple[object, ...]:
        """What is worth telling at once; that another call came is not."""
        exposures = frozenset((exposure.type, exposure.place, exposure.confidence) for exposure in self.exposures)
        return exposures, self.anonymous is None, self.external_first is None

    def aged(self, now: Minute) -> "Inventory":
        kept = [exposure for exposure in self.exposures if exposure.last > now - AGES_OUT]
        anonymous = self.anonymous if self.anonymous is not None and self.anonymous > now - AGES_OUT else None
        oldest = now // DAY - DAYS
        return msgspec.structs.replace(
            self,
            exposures=kept,
            anonymous=anonymous,
            days={day: counts for day, counts in self.days.items() if day > oldest},
            callers=without_days_before(self.callers, oldest + 1),
            countries={name: seen for name, seen in self.countries.items() if seen[1] > oldest},
        )

    def forgotten(self, policy: str) -> "Inventory":
        """As it stands when the policies of its API have changed: how callers prove themselves is to be learned anew."""
        days = {day: Day(list(counts.classes), {}, dict(counts.durations)) for day, counts in self.days.items()}
        return msgspec.structs.replace(self, days=days, anonymous=None, policy=policy)

    @property
    def unseen_share(self) -> float | None:
        """The share of calls below which a type may still hide, with 95 % confidence: the rule of three; None before the first look."""
        return min(1.0, 3 / self.looks) if self.looks else None


def merge(
    known: Mapping[Endpoint, Inventory],
    tallies: Iterable[tuple[str, int, Tally]],
    key: bytes = b"",
    *,
    is_own: bool = False,
) -> dict[Endpoint, Inventory]:
    """The inventories that some tallies (hub partition, position, tally) change. What an inventory contains already is not added again.
    The endpoints of a tally are those that its calls belong to. `key` keys the hashes of addresses. `is_own`: nobody else
    holds what `known` gives, so that it may be changed in place."""
    changed: dict[Endpoint, Inventory] = {}
    for partition, position, tally in tallies:
        mine: dict[int, Inventory] = {}
        called = {row[1] for row in tally.tables.get("calls", ())}
        for number, endpoint in enumerate(tally.endpoints):
            if number not in called:
                continue
            ours = changed.get(endpoint)  # copied once, however many tallies change it
            one = ours or known.get(endpoint)
            if one is None or one.upto.get(partition, -1) < position:
                mine[number] = changed[endpoint] = one if one is not None and (ours or is_own) else _copy(one, endpoint)
        hashes = [_hashed(address, key) for address in tally.ips]
        _add_counts(mine, tally, hashes)
        for minute, number, kind, place, confidence, status_class, n in tally.rows("sensitive"):
            if number in mine:
                _sighted(mine[number], tally.information[kind], tally.places[place], confidence, minute, status_class, n)
        _add_shapes(mine, tally, hashes)
        for one in mine.values():
            one.upto[partition] = position
    return changed


def _hashed(address: str, key: bytes) -> int:
    """64 bits of a keyed hash, which go no further than a sketch and a mark; 0 for nobody."""
    return 0 if address in NOBODY else int.from_bytes(blake2b(address.encode(), key=key, digest_size=8).digest(), "little")


def _copy(one: Inventory | None, endpoint: Endpoint) -> Inventory:
    if one is None:
        return Inventory(endpoint, -1, -1, exposures=[], upto={}, days={}, callers={}, countries={})
    return msgspec.structs.replace(
        one,
        exposures=[msgspec.structs.replace(exposure, classes=list(exposure.classes)) for exposure in one.exposures],
        upto=dict(one.upto),
        days={day: Day(list(counts.classes), dict(counts.proofs), dict(counts.durations)) for day, counts in one.days.items()},
        countries={name: list(seen) for name, seen in one.countries.items()},
        callers={register: list(kept) for register, kept in one.callers.items()},
        shape=copied(one.shape),
    )


def _add_counts(mine: Mapping[int, Inventory], tally: Tally, hashes: list[int]) -> None:
    public = [address not in NOBODY and is_public(address) for address in tally.ips]
    for minute, endpoint, ip, status, n, *_ in tally.rows("calls"):
        if (one := mine.get(endpoint)) is None:
            continue
        one.calls += n
        one.first = minute if one.first < 0 else min(one.first, minute)
        one.last = max(one.last, minute)
        if (counts := _day(one, minute)) is not None:
            counts.classes[status // 100 - 1] += n
            if hashes[ip]:
                saw(one.callers, hashes[ip], minute // DAY)
        if public[ip]:
            one.external_first = minute if one.external_first is None else min(one.external_first, minute)
            one.external_last = minute if one.external_last is None else max(one.external_last, minute)
    for minute, endpoint, code, _, n in tally.rows("countries"):
        if (one := mine.get(endpoint)) is not None and (name := country(code)):
            seen = one.countries.setdefault(name, [0, 0])
            seen[0], seen[1] = seen[0] + n, max(seen[1], minute // DAY)
    for minute, endpoint, metric, _, bucket, n in tally.rows("sizes"):
        if metric == _DURATION and (one := mine.get(endpoint)) is not None and (counts := _day(one, minute)) is not None:
            counts.durations[bucket] = counts.durations.get(bucket, 0) + n
    for _, endpoint, n in tally.rows("looks"):
        if endpoint in mine:
            mine[endpoint].looks += n
    for _, endpoint, n in tally.rows("overlooked"):
        if endpoint in mine:
            mine[endpoint].overlooked += n
    for minute, endpoint, evidence, status, n in tally.rows("auth"):
        if status // 100 != 2 or (one := mine.get(endpoint)) is None:
            continue
        shown = tally.evidence[evidence]
        if (counts := _day(one, minute)) is not None:
            kind = shown if shown in counts.proofs or len(counts.proofs) < KINDS_OF_PROOF else OTHER
            counts.proofs[kind] = counts.proofs.get(kind, 0) + n
        if not is_proven(shown):
            one.anonymous = max(one.anonymous or 0, minute)


def _day(one: Inventory, minute: Minute) -> Day | None:
    """The day of a minute; None where it is too old to be counted by itself."""
    day = minute // DAY
    counts = one.days.get(day)
    if counts is None:
        newest = max(one.days, default=day)
        if day <= newest - DAYS - 1:
            return None
        counts = one.days[day] = Day([0] * 5, {}, {})
        for old in [known for known in one.days if known < max(day, newest) - DAYS]:
            del one.days[old]
    return counts


def _add_shapes(mine: Mapping[int, Inventory], tally: Tally, hashes: list[int]) -> None:
    marks = [hashed & ((1 << MARK_BITS) - 1) if hashed else -1 for hashed in hashes]

    def generation(endpoint: int, minute: Minute) -> Generation | None:
        one = mine.get(endpoint)
        if one is None:
            return None
        if one.shape is None:
            one.shape = Shape(new(minute // GENERATION))
        return one.shape.at(minute)

    for minute, endpoint, ip, status, n, *_ in tally.rows("calls"):
        if found := generation(endpoint, minute):
            found.calls += n
            found.ok += n if status // 100 == 2 else 0
            count(found.statuses, status, Call(minute, n, marks[ip]), STATUSES)
    for minute, endpoint, ip, parameter, _, _, ok, kind in tally.rows("values"):
        if ok and (found := generation(endpoint, minute)):
            count_name(found.parameters, tally.parameters[parameter], kind, Call(minute, ok, marks[ip]), PARAMETERS)
    for minute, endpoint, direction, media, status_class, n in tally.rows("media"):
        if status_class == 2 and (found := generation(endpoint, minute)):
            count(found.media, f"{DIRECTIONS[direction]} {tally.media[media]}", Call(minute, n), MEDIA)
    for minute, endpoint, wildcard, plain, revision, n in tally.rows("forms"):
        if wildcard and endpoint in mine:
            mine[endpoint].wildcard += n
        if found := generation(endpoint, minute):
            found.plain = add(found.plain, Call(minute, n)) if plain else found.plain
            if revision:
                count(found.revisions, revision, Call(minute, n), REVISIONS)
    for minute, endpoint, direction, n in tally.rows("bodies"):
        if found := generation(endpoint, minute):
            found.bodies[DIRECTIONS[direction]] = found.bodies.get(DIRECTIONS[direction], 0) + n
    for minute, endpoint, ip, field, kind, n in tally.rows("fields"):
        if found := generation(endpoint, minute):
            count_name(found.fields, tally.fields[field], kind, Call(minute, n, marks[ip]), FIELDS)


def _sighted(one: Inventory, kind: str, place: str, confidence: int, minute: Minute, status_class: int, n: int) -> None:
    exposure = next((exposure for exposure in one.exposures if exposure.type == kind and exposure.place == place), None)
    if exposure is None and len(one.exposures) >= PLACES:
        place = f"{place.partition(' ')[0]} {OTHER}"
        exposure = next((exposure for exposure in one.exposures if exposure.type == kind and exposure.place == place), None)
    if exposure is None:
        if len(one.exposures) >= 2 * PLACES:
            return  # every type at every OTHER place fits; nothing else is new
        exposure = Exposure(kind, place, confidence, minute, minute, classes=[])
        one.exposures.append(exposure)
    exposure.confidence = max(exposure.confidence, confidence)
    exposure.first, exposure.last = min(exposure.first, minute), max(exposure.last, minute)
    exposure.n += n
    if status_class not in exposure.classes:
        exposure.classes.append(status_class)
