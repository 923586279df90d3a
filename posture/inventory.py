"""The inventory of one endpoint: which information types it takes in and gives out, where, since when, and how closely it was looked at."""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from model import OTHER, Endpoint, Minute
from windows.context import Context
from windows.tally import Tally

AGES_OUT = 30 * 24 * 60
"""Minutes without a sighting after which an information type is no longer said to be at a place."""
PLACES = 200
"""Of one endpoint: callers choose the names in what they send."""
CONFIDENCES = ("low", "medium", "high")


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

    def context(self) -> Context:
        """What the severity of a finding depends on."""
        claimed = {exposure.type for exposure in self.exposures if exposure.confidence}
        return Context(tuple(sorted(claimed)), self.anonymous is not None)

    def aged(self, now: Minute) -> "Inventory":
        kept = [exposure for exposure in self.exposures if exposure.last > now - AGES_OUT]
        anonymous = self.anonymous if self.anonymous is not None and self.anonymous > now - AGES_OUT else None
        return msgspec.structs.replace(self, exposures=kept, anonymous=anonymous)

    @property
    def unseen_share(self) -> float | None:
        """The share of calls below which a type may still hide, with 95 % confidence: the rule of three; None before the first look."""
        return min(1.0, 3 / self.looks) if self.looks else None


def merge(
    known: Mapping[Endpoint, Inventory], tallies: Iterable[tuple[str, int, Tally]], kept: Callable[[Endpoint], bool]
) -> dict[Endpoint, Inventory]:
    """The inventories that some tallies (hub partition, position, tally) change. What an inventory contains already is not added again.
    `kept`: whether an endpoint has an inventory at all; of the paths that match no operation only so many have."""
    changed: dict[Endpoint, Inventory] = {}
    for partition, position, tally in tallies:
        mine: dict[int, Inventory] = {}
        for number, endpoint in enumerate(tally.endpoints):
            if not kept(endpoint):
                continue
            ours = changed.get(endpoint)  # copied once, however many tallies change it
            one = ours or known.get(endpoint)
            if one is None or one.upto.get(partition, -1) < position:
                mine[number] = changed[endpoint] = ours or _copy(one, endpoint)
        _add(mine, tally)
        for one in mine.values():
            one.upto[partition] = position
    return changed


def _copy(one: Inventory | None, endpoint: Endpoint) -> Inventory:
    if one is None:
        return Inventory(endpoint, -1, -1, exposures=[], upto={})
    exposures = [msgspec.structs.replace(exposure, classes=list(exposure.classes)) for exposure in one.exposures]
    return msgspec.structs.replace(one, exposures=exposures, upto=dict(one.upto))


def _add(mine: Mapping[int, Inventory], tally: Tally) -> None:
    for minute, endpoint, _, _, n, *_ in tally.rows("calls"):
        if endpoint in mine:
            one = mine[endpoint]
            one.calls += n
            one.first = minute if one.first < 0 else min(one.first, minute)
            one.last = max(one.last, minute)
    for _, endpoint, n in tally.rows("looks"):
        if endpoint in mine:
            mine[endpoint].looks += n
    for minute, endpoint, evidence, status, _ in tally.rows("auth"):
        if endpoint in mine and status // 100 == 2 and not tally.evidence[evidence]:
            one = mine[endpoint]
            one.anonymous = max(one.anonymous or 0, minute)
    for minute, endpoint, kind, place, confidence, status_class, n in tally.rows("sensitive"):
        if endpoint in mine:
            _sighted(mine[endpoint], tally.information[kind], tally.places[place], confidence, minute, status_class, n)


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
