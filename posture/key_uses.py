"""The last day on which each subscription's key was used, from tallies: enough to tell, after 90 days, which keys nobody needs."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from intel.addresses import is_public
from model import NOBODY, Minute
from posture.inventory_shape import DAY
from windows.tally import Tally

SUBSCRIPTION = "subscription:"
"""Begins the identities of tallies that are subscriptions."""


class Use(NamedTuple):
    """Days since 1970. `public`: of the last use that came from a public address for certain, -1 for none."""

    last: int
    public: int = -1

    def joined(self, other: "Use | None") -> "Use":
        return self if other is None else Use(max(self.last, other.last), max(self.public, other.public))


class Watched(NamedTuple):
    """Since which minute a gateway's keys are watched, and the last day on which events came."""

    since: Minute
    upto: int


SILENCE = 3
"""Days without any event after which it cannot be said that nobody called: the watch begins anew."""


def uses(tallies: Iterable[Tally], keeps: Callable[[str, Minute], bool] = lambda _name, _minute: True) -> dict[tuple[str, str], Use]:
    """(service, "subscription:ID") -> its last use in some tallies. `keeps`: whether what somebody did at a minute may be written."""
    found: dict[tuple[str, str], Use] = {}
    for tally in tallies:
        names = {number: name for number, name in enumerate(tally.identities) if name.startswith(SUBSCRIPTION)}
        if not names:
            continue
        services = [endpoint.service for endpoint in tally.endpoints]
        private = _private(tally)
        for minute, endpoint, identity, *_ in tally.rows("identities"):
            name = names.get(identity)
            if name is None or not keeps(name, minute):
                continue
            day = minute // DAY
            key = services[endpoint], name
            found[key] = Use(day, -1 if (minute, endpoint) in private else day).joined(found.get(key))
    return found


def _private(tally: Tally) -> set[tuple[int, int]]:
    """(minute, endpoint) at which some call came from no public address: whose it was cannot be told."""
    public = [address not in NOBODY and is_public(address) for address in tally.ips]
    return {(minute, endpoint) for minute, endpoint, ip, *_ in tally.rows("calls") if not public[ip]}


def watches(tallies: Iterable[Tally]) -> dict[str, tuple[Minute, Minute]]:
    """Service -> minutes of the first and the last call in some tallies."""
    found: dict[str, tuple[Minute, Minute]] = {}
    for tally in tallies:
        rows = tally.tables.get("calls")
        if not rows:
            continue
        first, last = tally.since + rows[0][0], tally.since + rows[-1][0]  # sorted by minute
        for service in {endpoint.service for endpoint in tally.endpoints}:
            before = found.get(service, (first, last))
            found[service] = min(first, before[0]), max(last, before[1])
    return found


def watched(known: Watched | None, first: Minute, last: Minute) -> Watched:
    """How long a gateway's keys are watched after calls from `first` to `last`."""
    if known is None:
        return Watched(first, last // DAY)
    since = first if first // DAY > known.upto + SILENCE else known.since
    return Watched(since, max(known.upto, last // DAY))
