"""The window as a detector reads it: one endpoint's 20 minutes so far, or those of a whole service. Nothing here may be changed by a detector.

A detector with `service=True` is asked about windows of a whole service. There `n`, `classes`, `statuses`, `errors` and
`ips[0]` count the calls to all its endpoints, `touched` names the IPs, and `routes`, `unknown`, `lost`, `behind`, `origins` and `homes` say who they are and where
they went. Everything else is empty there, and these are empty in an endpoint's window.

Status classes are numbers, 1 to 5, and "2xx" is STATUS_CLASSES[2 - 1]. An IP is "" where it is unknown and OTHER where there were too many: both are in NOBODY, whom
no finding may accuse.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from typing import Protocol

from model import Endpoint, Minute
from stats.moments import Moments
from stats.sketch import Sketch
from windows.context import Context


class Parameter(Protocol):
    """One parameter in one window. Values are known by keyed 64-bit hashes only."""

    @property
    def n(self) -> int:
        """Calls that carried it."""

    @property
    def ok(self) -> int:
        """Those of them that were answered 2xx."""

    @property
    def values(self) -> Mapping[int, bool]:
        """Distinct values -> whether one of its calls was answered 2xx."""

    @property
    def by_ip(self) -> Mapping[str, Mapping[int, bool]]:
        """IP -> its distinct values -> whether one of its calls was answered 2xx."""

    @property
    def most(self) -> int:
        """Distinct values of the IP with the most."""

    @property
    def types(self) -> Mapping[int, tuple[int, Set[str]]]:
        """Index into VALUE_TYPES -> calls, and the first few IPs."""


class Day(Protocol):
    """The 24 hours up to this window, and the last minutes, of the same endpoint."""

    def latency_before(self, window: Minute) -> Moments:
        """Moments of the logarithms of milliseconds of calls answered 2xx, of the 24 hours up to an hour before the window that starts at this minute."""

    def lately(self, status_class: int, ip: str) -> int:
        """Calls of this IP in the last `day.LATELY` minutes."""

    def taken(self, ip: str) -> int:
        """Bytes with which this IP was answered 2xx. Counted at endpoints whose answers carry sensitive data."""

    def ips(self, parameter: str) -> int:
        """How many IPs sent this parameter."""

    def distinct(self, parameter: str, ip: str) -> float:
        """How many different values this IP asked for."""

    def asked_more(self, than: float) -> Iterator[tuple[str, str, float]]:
        """(parameter, IP, distinct values) of those that asked for something new since the last judgement and for more than so many in all."""

    def busy(self, parameter: str, ips: Iterable[str], window: Minute, least: int) -> Iterator[tuple[str, float]]:
        """(IP, distinct values) of those that asked for `least` of them or more since midnight of the window's day."""


class Window(Protocol):
    """What is known of one endpoint, or service, within 20 minutes."""

    # where and when

    @property
    def endpoint(self) -> Endpoint:
        """For a whole service `is_service_endpoint(endpoint)` holds."""

    @property
    def start(self) -> Minute:
        """Its first minute."""

    @property
    def minute(self) -> Minute:
        """Its last minute that had calls."""

    # all callers together

    @property
    def n(self) -> int:
        """Calls."""

    @property
    def classes(self) -> Sequence[int]:
        """Status class -> calls."""

    @property
    def statuses(self) -> Mapping[int, int]:
        """HTTP status -> calls."""

    @property
    def sizes(self) -> Mapping[tuple[int, int], Mapping[int, int]]:
        """(index into windows.tally.METRICS, status class) -> bucket, see stats.buckets -> calls."""

    @property
    def agents(self) -> Mapping[str, int]:
        """User agent -> calls; a few dozen are told apart."""

    @property
    def auth(self) -> Mapping[str, int]:
        """Status class and what proved the caller, "2xx jwt+subscription-key", "4xx " for nothing -> calls."""

    @property
    def reasons(self) -> Mapping[str, int]:
        """The gateway's reason for refusing -> calls."""

    @property
    def sensitive(self) -> Mapping[tuple[str, str], Mapping[int, int]]:
        """(information type, place) -> status class -> calls looked into that carried it."""

    # who called

    @property
    def ips(self) -> Sequence[Mapping[str, int]]:
        """Status class -> IP -> calls. In a service's window only index 0 is filled, with calls of all classes."""

    @property
    def identities(self) -> Sequence[Mapping[str, int]]:
        """Status class -> "subscription:…", "user:…" or "subject:…" -> calls."""

    @property
    def bytes(self) -> Mapping[str, Sequence[int]]:
        """IP -> [request bytes, response bytes, largest request, largest, second and third largest response]. Of the calls that one minute counts together the
        largest stands for all."""

    @property
    def refused(self) -> Mapping[str, int]:
        """IP -> calls answered 401 or 403."""

    @property
    def entered(self) -> Mapping[str, int]:
        """IP -> how many calls had been refused when one was let in; only after `live.BURST` refusals."""

    @property
    def routes(self) -> Mapping[str, Collection[Endpoint]]:
        """Of a service: IP -> the endpoints that it called; at most `live.ROUTES` an IP."""

    @property
    def unknown(self) -> Mapping[str, int]:
        """Of a service: IP -> calls to paths that match no operation and were refused (4xx)."""

    @property
    def lost(self) -> Mapping[str, Collection[Endpoint]]:
        """Of a service: IP -> the folded paths of `unknown`."""

    @property
    def behind(self) -> Mapping[str, tuple[Collection[str], Collection[str]]]:
        """Of a service: IP -> identities, and user agents, a few of each."""

    @property
    def origins(self) -> Mapping[str, Mapping[str, int]]:
        """Of a service: identity -> country -> calls that were answered 2xx."""

    @property
    def homes(self) -> Mapping[str, Mapping[str, int]]:
        """Of a service: identity -> country from which it was busy on earlier days -> the first of those days."""

    @property
    def errors(self) -> Mapping[str, int]:
        """Of a service: IP -> calls answered 4xx."""

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """ "path:id" or "query:page" -> what it carried."""

    @property
    def sightings(self) -> Mapping[tuple[str, str, str], Mapping[int, int]]:
        """(rule, see windows.rules, IP, detail) -> HTTP status -> calls."""

    def statuses_of(self, actor: str | None) -> Mapping[int, int]:
        """HTTP status -> calls, of one IP or identity or of everyone."""

    def identifies(self, name: str) -> bool:
        """Whether a parameter looks like an identifier: it is part of the path, or its values nearly always have a type that identifiers have."""

    def unseen(self, name: str, seen: Sketch) -> float:
        """How many of a parameter's distinct values `seen` does not hold."""

    # what is worth a look: a detector that begins here costs nothing where nothing happens

    @property
    def touched(self) -> Set[str]:
        """IPs that called since the last judgement."""

    @property
    def touched_identities(self) -> Set[str]:
        """Identities that called since the last judgement."""

    @property
    def touched_values(self) -> Mapping[str, Set[str]]:
        """Parameter -> IPs that sent it since the last judgement."""

    @property
    def touched_sightings(self) -> Set[tuple[str, str, str]]:
        """Keys of `sightings` that were added to since the last judgement."""

    @property
    def busiest(self) -> Sequence[int]:
        """Status class -> calls of the IP with the most."""

    @property
    def busiest_lately(self) -> Sequence[int]:
        """Status class -> most calls of one IP within `day.LATELY` minutes, which may have begun before the window."""

    @property
    def most_calls(self) -> int:
        """The largest number in `busiest` and `busiest_lately`."""

    @property
    def refusals(self) -> int:
        """Calls answered 401 or 403: the sum of `refused`."""

    @property
    def failed(self) -> int:
        """Calls answered 5xx."""

    @property
    def busiest_identity(self) -> int:
        """Calls of one status class of the identity with the most."""

    @property
    def busiest_values(self) -> int:
        """Distinct values of one parameter by the IP with the most."""

    @property
    def most_values(self) -> int:
        """Distinct values of the parameter with the most."""

    @property
    def busiest_errors(self) -> int:
        """Of a service: calls answered 4xx of the IP with the most."""

    @property
    def busiest_request(self) -> int:
        """Bytes of the largest request."""

    @property
    def busiest_answer(self) -> int:
        """Bytes of the largest response."""

    @property
    def busiest_third(self) -> int:
        """The largest third-largest response of an IP, in bytes."""

    @property
    def busiest_response(self) -> int:
        """Response bytes of the IP with the most."""

    @property
    def busiest_routes(self) -> int:
        """Of a service: distinct endpoints of the IP with the most."""

    # what is known beside the window

    @property
    def day(self) -> Day:
        """The 24 hours up to now."""

    @property
    def regulars(self) -> Mapping[str, Mapping[str, float]]:
        """Measure, "calls:2xx" or "distinct:path:id" -> actor -> the largest that it did on its regular days; only actors with enough such days are in it."""

    @property
    def context(self) -> Context:
        """What the inventory knows of the endpoint."""

    @property
    def service_days(self) -> int:
        """Days of history of the whole service, where the endpoint itself may be young."""
