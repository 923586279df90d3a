"""Campaigns: alerts of one detector on one service from many actors, or at many places, within an hour are one matter and are told as one alert.

The first ones stay alerts of their own. From the CROWD-th actor on, or the MANY-th alert, the rest are folded: counted and kept as short rows, which can be
asked for and erased, while one alert tells all of them together.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from ipaddress import IPv6Address

import msgspec
from msgspec.structs import replace

from model import (
    Alert,
    AlertKey,
    Campaign,
    Endpoint,
    Finding,
    Minute,
    Severity,
    Sighting,
    StatusClass,
    alert_id,
    campaign_key,
    service_endpoint,
)

HOUR = 60
CROWD = 5
"""Actors that have an alert of their own within an hour; more are a campaign."""
MANY = 20
"""Alerts of one detector and service within an hour, whoever made them; more are a campaign."""
KEPT = 5_000
"""Folded alerts of one campaign that are kept; what is beyond is counted."""
COUNTED = 100_000
"""Actors of one campaign that are told apart; beyond it their number is a lower bound."""
BUSIEST = 10
NETWORKS = 10
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(rf"({_OCTET}\.{_OCTET}\.{_OCTET})\.{_OCTET}", re.ASCII)
PER_PAGE = 150
"""Folded alerts in one stored row: below 32,000 characters of JSON."""


class FoldedAlert(msgspec.Struct, frozen=True, array_like=True):
    """Personal data: an alert that a campaign tells of. `calls`: of its actor, in the windows in which it was found."""

    actor: str | None
    endpoint: Endpoint
    status_class: StatusClass | None
    parameter: str | None
    severity: Severity
    first: Minute
    last: Minute
    observed: float
    calls: int = 0


class Folded(msgspec.Struct, gc=False):
    """Such an alert while it goes on. It changes in place, for a flood has tens of thousands of them; nothing that it holds refers back to it.

    Its attributes mean what those of `Alert` mean. `calls`: as its row says. `links`: its entries in `Links`."""

    detector: str
    endpoint: Endpoint
    severity: Severity
    first: Minute
    last: Minute
    sighting: Sighting
    incident: str = ""
    folded_into: str = ""
    """The campaign's alert that tells it."""
    statuses: dict[int, int] = {}
    baseline_days: int = 0
    formula: str = ""
    places: tuple[Endpoint, ...] = ()
    suppressed: str = ""
    open: bool = True
    calls: int = 0
    page: int = -1
    """Of its row; -1: it has none in the campaign that goes on."""
    links: Sequence[list[int]] = ()

    @property
    def row(self) -> FoldedAlert:
        sighting = self.sighting
        return FoldedAlert(
            sighting.actor, self.endpoint, sighting.status_class, sighting.parameter,
            self.severity, self.first, self.last, sighting.observed, self.calls,
        )  # fmt: skip

    @property
    def shown(self) -> tuple[Severity, str, Sighting, dict[int, int], int]:
        return self.severity, self.formula, self.sighting, self.statuses, self.baseline_days

    def prolong_links(self) -> None:
        last = self.last
        for known in self.links:
            if known[1] < last:
                known[1] = last


@dataclass(frozen=True, slots=True)
class FoldedPage:
    """Some folded alerts of one campaign, as they are stored: overwrite by campaign and number."""

    campaign: str
    number: int
    alerts: list[FoldedAlert]


class _Calls(msgspec.Struct, gc=False):
    window: Minute = -1
    now: int = 0
    before: int = 0

    def count(self, window: Minute, n: int) -> None:
        if window > self.window:
            self.before, self.window, self.now = self.before + self.now, window, 0
        if window == self.window:
            self.now = max(self.now, n)

    @property
    def total(self) -> int:
        return self.before + self.now


@dataclass(slots=True)
class Crowd:
    """The alerts of one detector on one service: those of the last hour that stand alone, and the campaign that the rest are folded into."""

    detector: str
    service: str
    alone: dict[AlertKey, Minute] = field(default_factory=dict)
    """Alert -> when it was raised."""
    campaign: AlertKey | None = None
    id: str = ""
    folded: dict[AlertKey, Folded] = field(default_factory=dict)
    """In the order in which they came: the order of their pages."""
    beyond: int = 0
    """Folded and not kept."""
    dirty: bool = False
    _pages: set[int] = field(default_factory=set)
    _calls: dict[str, _Calls] = field(default_factory=dict)
    _traffic: dict[Minute, int] = field(default_factory=dict)
    _uncounted: set[int] = field(default_factory=set)
    _endpoints: set[Endpoint] = field(default_factory=set)
    _known_actors: int = 0
    _alone: int = 0
    """Actors of an earlier run that have alerts of their own."""
    _networks: dict[str, int] = field(default_factory=dict)
    """Of the actors in `_calls`."""

    def overflows(self, actor: str | None, minute: Minute) -> bool:
        """Whether one more alert makes it a campaign."""
        for key in [key for key, raised in self.alone.items() if minute - raised >= HOUR]:
            del self.alone[key]
        actors = {key.actor for key in self.alone if key.actor}
        return len(self.alone) >= MANY or (actor is not None and actor not in actors and len(actors) >= CROWD)

    def begin(self, members: Sequence[Alert | Folded], alert: Folded) -> Alert:
        """The alert that stands for all of them, of which `alert` is found just now."""
        members = [*members, alert]
        first = min(one.first for one in members)
        where = service_endpoint(self.service)
        self.id = alert_id(first, self.detector, where.id, "campaign")
        for left in self.folded.values():
            left.page = -1  # a campaign that began in the same window has the same id
        self.folded, self.beyond = {}, 0
        self._pages, self._uncounted = set(), set()
        self._calls, self._networks = {}, {}
        for one in members:
            self._meet(one.sighting.actor)
        self._traffic, self._known_actors, self._alone = {}, 0, 0
        self._endpoints = {one.endpoint for one in members}
        made = Alert(
            self.id,
            self.detector,
            where,
            max(one.severity for one in members),
            first,
            alert.last,
            alert.last,
            Sighting(0),
            campaign=Campaign(),
        )
        self.campaign = campaign_key(made)
        return made

    def resume(self, campaign: Alert, folded: Iterable[FoldedAlert]) -> list[tuple[AlertKey, Folded]]:
        """Go on with a stored one, and with what is folded into it."""
        self.campaign, self.id = campaign_key(campaign), campaign.id
        known = campaign.campaign or Campaign()
        self.folded, self._calls, self._networks = {}, {}, {}
        for actor, n in known.busiest:
            self._meet(actor, n)
        resumed = []
        for row in folded:
            key = AlertKey(self.detector, row.endpoint, row.status_class, row.actor, row.parameter)
            sighting = Sighting(row.observed, actor=row.actor, status_class=row.status_class, parameter=row.parameter)
            one = Folded(self.detector, row.endpoint, row.severity, row.first, row.last, sighting, campaign.incident, campaign.id)
            one.calls = row.calls
            self._put(key, one)
            self._meet(row.actor, row.calls)
            resumed.append((key, one))
        self.beyond = max(0, known.folded - len(self.folded))
        self._known_actors = known.actors
        actors = {one.sighting.actor for one in self.folded.values()}
        self._alone = max(0, known.actors - known.folded - len(self._calls.keys() - actors))
        self._pages.clear()
        return resumed

    def has_room(self, key: AlertKey) -> bool:
        """Whether this alert is kept, or could be."""
        return len(self.folded) < KEPT or key in self.folded

    def fold(self, key: AlertKey, one: Folded) -> None:
        """Keep one for which there is room."""
        self._endpoints.add(one.endpoint)
        self.update(key, one, is_told=True)

    def pass_by(self, finding: Finding) -> None:
        """Count the actor of one for which there is no room."""
        self.dirty = True
        self._endpoints.add(finding.endpoint)
        actor = finding.sighting.actor
        if actor and actor not in self._calls:
            name = hash(actor)
            if name not in self._uncounted and len(self._uncounted) < COUNTED:
                self._uncounted.add(name)
                self.beyond += 1

    def update(self, key: AlertKey, one: Folded, *, is_told: bool) -> None:
        """One that is kept goes on. `is_told`: its row says something else now, its actor's calls left aside."""
        actor = one.sighting.actor
        if one.page < 0:
            self._meet(actor)
            self._put(key, one)
            is_told = True
        calls = self._calls[actor].total if actor else 0
        if is_told or calls != one.calls:
            one.calls = calls
            self._pages.add(one.page)
            self.dirty = True

    def count(self, finding: Finding, traffic: int) -> None:
        """What a finding adds: its actor's calls in its window, and those of the whole service in it."""
        own = self._calls.get(finding.sighting.actor or "")
        if own is not None:
            window = finding.window
            own.count(window, finding.calls)
            if self._traffic.get(window, -1) < traffic:
                self._traffic[window] = traffic
            self.dirty = True

    def told(self, campaign: Alert) -> Alert:
        """The campaign's alert, up to date."""
        actors = max(len(self._calls) + len(self._uncounted) + self._alone, self._known_actors)
        calls = [(own.before + own.now, actor) for actor, own in self._calls.items()]
        total, traffic = sum([n for n, _ in calls]), sum(self._traffic.values())
        busiest = tuple((actor, n) for n, actor in nlargest(BUSIEST, calls))
        several = tuple((name, n) for name, n in nlargest(NETWORKS, self._networks.items(), key=lambda item: (item[1], item[0])) if n > 1)
        share = round(min(1.0, total / traffic), 4) if traffic else None
        (only,) = self._endpoints if len(self._endpoints) == 1 else (service_endpoint(self.service),)
        evidence: dict[str, str | int | float] = {"calls of these actors": total, "endpoints": len(self._endpoints)}
        if share is not None:
            evidence["share of the service's calls"] = share
        sighting = Sighting(
            actors or len(self.folded), threshold=CROWD if actors else MANY, unit="actors" if actors else "alerts", evidence=evidence
        )
        numbers = Campaign(actors, len(self.folded) + self.beyond, total, share, busiest, several)
        return replace(campaign, endpoint=only, sighting=sighting, campaign=numbers)

    def drain(self) -> list[FoldedPage]:
        """The pages that changed since the last call."""
        if not self._pages:
            return []
        rows, pages = list(self.folded.values()), sorted(self._pages)
        self._pages = set()
        return [FoldedPage(self.id, number, [one.row for one in rows[number * PER_PAGE : (number + 1) * PER_PAGE]]) for number in pages]

    def _meet(self, actor: str | None, calls: int | None = None) -> None:
        """`calls`: those of an earlier run."""
        if not actor:
            return
        if actor not in self._calls:
            self._calls[actor] = _Calls(before=calls or 0)
            if network := network_of(actor):
                self._networks[network] = self._networks.get(network, 0) + 1
        elif calls is not None:
            self._calls[actor] = _Calls(before=calls)

    def _put(self, key: AlertKey, one: Folded) -> None:
        before = self.folded.get(key)
        one.page = before.page if before is not None else len(self.folded) // PER_PAGE
        self.folded[key] = one


def network_of(actor: str) -> str:
    """The /24 or /48 of an address; "" of what is none."""
    if found := _IPV4.fullmatch(actor):
        return f"{found[1]}.0/24"
    try:
        address = int(IPv6Address(actor))
    except ValueError:
        return ""
    return f"{IPv6Address(address >> 80 << 80)}/48"
