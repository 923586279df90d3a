"""The proofs: for every detector the smallest traffic that must raise its alert, with a history of its own where it needs one, and the same traffic just below.

A proof plays under a service and from addresses of its own (documentation addresses, RFC 3849), so that no two proofs, no two runs and no customer meet: not in a
baseline, not in a refractory time, not in an incident. Every count is read from the detector's limits.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from random import Random
from typing import Any, Literal

from detectors import Limit, by_id
from detectors.latency_spike import KNOWN
from local.traffic import Event, Operation, call
from model import WINDOW_MINUTES

Feed = Literal["tor", "malicious"]

PREFIX = "gatewatch-proof"
"""How the services of all proofs begin: what an analyst filters by."""
USUAL = 24
"""Calls of a day of history where the detector asks for no more."""
CALLERS = 5
"""Addresses that call in a history: enough for a parameter to be known."""
EARLIER = timedelta(minutes=WINDOW_MINUTES)
"""What a slow attack did in an earlier window, which is still open for an hour."""
OPERATION = Operation("GET", "/v1/things/{id}", 1, 20, 300, 900)


@dataclass(slots=True)
class Scene:
    """Where one proof is played. `run`: six hex digits; `name`: the detector's; `at`: when the attack is."""

    run: str
    name: str
    at: datetime
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.service)

    @property
    def service(self) -> str:
        return f"{PREFIX}-{self.run}-{self.name.replace('_', '-')}"

    def address(self, number: int) -> str:
        """The address of caller `number`, 1 to 65535; attackers are 0x100 and above."""
        return f"2001:db8:{self.run[:4]}:{self.run[4:]}{_names().index(self.name):02x}::{number:x}"

    @property
    def attacker(self) -> str:
        return self.address(0x100)

    def call(self, at: datetime, id: object = 1, **changed: Any) -> Event:
        """A call of this service's one operation; `id` is its path parameter."""
        here = {
            "service": self.service,
            "apiId": self.service,
            "host": "proof.example",
            "path": OPERATION.template.replace("{id}", str(id)),
            "pathParameters": {"id": str(id)},
            "clientIp": self.address(1),
            "subscriptionId": self.service,
            "status": 200,
        }
        return call(self.random, at, OPERATION, **{**here, **changed})

    def unmatched(self, path: str, **changed: Any) -> Event:
        """A call now to a path that no operation has."""
        return self.call(self.at, path=path, pathParameters={}, urlTemplate=None, operationId=None, clientIp=self.attacker, **changed)

    def usual(self, day: datetime, calls: int, **changed: Any) -> Iterator[Event]:
        """Calls spread evenly over the day that begins at `day`."""
        for number in range(calls):
            at = day + timedelta(days=1) * (number + 0.5) / calls
            yield self.call(at, number % CALLERS + 1, **{"clientIp": self.address(number % CALLERS + 1), **changed})


@cache
def _names() -> list[str]:
    return sorted(one.name for one in by_id().values())


Calls = Callable[[Scene], Sequence[Event]]
Day = Callable[[Scene, datetime], Iterator[Event]]


@dataclass(frozen=True, slots=True)
class Proof:
    """`attack`: the smallest that raises the alert, in the order in which it is sent; the last call crosses the limit. `below`: the same, not quite: without that
    last call where nothing else is said."""

    detector: str
    attack: Calls
    below: Calls
    days: int = 0
    """Of history; 0 where the detector needs none."""
    day: Day | None = None
    """One day of it."""
    teaches: bool = False
    """The inventory must know the first day before the rest is judged."""
    judged: bool = False
    """The history must have been judged in its order: what comes late makes no whole day of an address, and no windows of a whole service."""
    feed: Feed | None = None
    """The kind of list that must name the attacker."""

    @property
    def name(self) -> str:
        return by_id()[self.detector].name

    def history(self, scene: Scene, until: datetime) -> Iterator[list[Event]]:
        """Day by day, the last one ending at `until`, a midnight."""
        for back in range(self.days, 0, -1):
            if self.day is not None:
                yield list(self.day(scene, until - timedelta(days=back)))


UNPROVABLE = {
    "API_NewCountry": "an identity has to have been busy for fourteen days, and to call from addresses of two countries",
    "Gatewatch_DetectorFailure": "no traffic makes a detector fail: traffic that did would be a fault to repair",
}
"""Detectors that cannot be provoked from outside, and why."""


@cache
def proofs() -> dict[str, Proof]:
    """Detector id -> its proof; every detector is here or in UNPROVABLE."""
    return {one.detector: one for one in (*_rules(), *_over_all_endpoints(), *_counts(), *_values(), *_sizes())}


def _limits(id: str) -> dict[str, Limit]:
    return dict(by_id()[id].limits)


def _rule(id: str, attack: Callable[[Scene], Event], below: Callable[[Scene], Event], **more: Any) -> Proof:
    """One call suffices, and the same call with something harmless in it does not."""
    return Proof(id, lambda scene: [attack(scene)], lambda scene: [below(scene)], **more)


def _counted(id: str, attack: Calls, **more: Any) -> Proof:
    """So many calls suffice, and one fewer does not."""
    return Proof(id, attack, lambda scene: attack(scene)[:-1], **more)


def _usual(id: str, known: int = 0, **changed: Any) -> dict[str, Any]:
    """As many days and calls of history as the detector asks for, and at least `known` calls."""
    detector = by_id()[id]
    calls = max(USUAL, -(-max(detector.min_calls, known) // max(detector.min_days, 1)))
    return {"days": detector.min_days, "day": lambda scene, day: scene.usual(day, calls, **changed)}


# what one call proves


def _rules() -> Iterator[Proof]:
    def attacked(**changed: Any) -> Callable[[Scene], Event]:
        return lambda scene: scene.call(scene.at, **{"clientIp": scene.attacker, **changed})

    def neighbour(scene: Scene) -> Event:
        return scene.call(scene.at, clientIp=scene.address(0x101))

    yield _rule("API_AccessFromSuspiciousUserAgent", attacked(userAgent="javascript:"), attacked(userAgent="okhttp/4.12.0"))
    yield _rule("API_AccessFromTorExitNode", attacked(), neighbour, feed="tor")
    yield _rule("API_AccessFromSuspiciousIP", attacked(), neighbour, feed="malicious")
    yield _rule("API_Injection", attacked(query="name=1%27%20OR%20%271%27%3D%271"), attacked(query="name=O%27Brien"))
    yield _rule("API_ParameterPollution", attacked(query="id=1&id=2"), attacked(query="id=1&id=1"))
    # the number that python-stdnum tests with: nobody's
    yield _rule("API_SensitiveDataInUrl", attacked(query="steuerId=36574261809"), attacked(query="steuerId=36574261890"))

    id = "API_NewSensitiveDataExposed"
    yield Proof(
        id,
        lambda scene: [scene.call(scene.at, responseBody='{"email":"someone@example.com"}') for _ in range(int(_limits(id)["calls"]))],
        lambda scene: [scene.call(scene.at, responseBody='{"email":"none"}')],
        **_usual(id, responseBody='{"email":"none"}'),
    )


# what one caller does across a service


def _over_all_endpoints() -> Iterator[Proof]:
    id = "API_SprayInRequests"
    unknown = int(max(_limits(id)["young_unknown"], _limits(id)["young_unknown_routes"]))
    yield _counted(id, lambda scene: [scene.unmatched(f"/{chr(ord('a') + n)}", status=404) for n in range(unknown)])

    scan = _limits("API_ScannerBehaviour")
    calls, routes = int(scan["calls"]), int(scan["routes"])
    yield _counted(
        "API_ScannerBehaviour",
        lambda scene: [
            scene.call(scene.at, urlTemplate=f"/v1/{n % routes}/{{id}}", path=f"/v1/{n % routes}/1", clientIp=scene.attacker, status=404)
            for n in range(calls)
        ],
    )

    shadow = _limits("API_ShadowEndpoint")
    yield _counted(
        "API_ShadowEndpoint",
        lambda scene: [scene.unmatched("/internal/metrics", status=200) for _ in range(int(shadow["calls"]))],
        days=int(shadow["service_days"]),
        day=lambda scene, day: scene.usual(day, USUAL),
        judged=True,
    )


# how often


def _counts() -> Iterator[Proof]:
    id = "API_SpikeInAPITraffic"
    alone = int(_limits(id)["few_floor"]) + 1
    yield _counted(id, lambda scene: [scene.call(scene.at, clientIp=scene.attacker) for _ in range(alone)], **_usual(id))

    id = "API_PopulationSpikeInAPITraffic"
    crowd = int(_limits(id)["young_floor"])
    yield _counted(id, lambda scene: [scene.call(scene.at, clientIp=scene.address(0x100 + n)) for n in range(crowd)], **_usual(id))

    id = "API_SpikeByIdentity"
    owned = int(_limits(id)["few_floor"]) + 1
    yield _counted(
        id,
        lambda scene: [
            scene.call(scene.at, clientIp=scene.address(0x100 + n % 4), subscriptionId=f"{scene.service}-stolen") for n in range(owned)
        ],
        **_usual(id),
    )

    id = "API_AuthenticationFailures"
    refused = int(_limits(id)["floor"])
    yield _counted(
        id, lambda scene: [scene.call(scene.at, clientIp=scene.address(0x100 + n), status=401) for n in range(refused)], **_usual(id)
    )

    id = "API_ErrorBurst"
    failed = int(_limits(id)["floor"])
    yield _counted(id, lambda scene: [scene.call(scene.at, clientIp=scene.address(n + 1), status=500) for n in range(failed)], **_usual(id))


# which values


def _values() -> Iterator[Proof]:
    id = "API_ParameterEnumeration"
    window = int(_limits(id)["floor"]) + 1
    yield _counted(
        id, lambda scene: [scene.call(scene.at, 1000 + n, clientIp=scene.attacker, status=404) for n in range(window)], **_usual(id)
    )

    id = "API_SlowParameterEnumeration"
    day = int(_limits(id)["floor"]) + 1
    yield _counted(
        id,
        lambda scene: [
            scene.call(scene.at - (EARLIER if n < day // 2 else timedelta()), 1000 + n, clientIp=scene.attacker, status=404)
            for n in range(day)
        ],
        **_usual(id),
    )

    # half of them are answered 404, or there would be a spike as well
    id = "API_DistributedParameterEnumeration"
    many = int(_limits(id)["distinct_floor"])
    yield _counted(
        id,
        lambda scene: [
            scene.call(scene.at, 1000 + n, clientIp=scene.address(0x100 + n), status=404 if n % 2 else 200) for n in range(many)
        ],
        **_usual(id),
    )

    id = "API_UnseenParam"
    yield _rule(id, lambda scene: scene.call(scene.at, query="debug=1"), lambda scene: scene.call(scene.at), **_usual(id))

    id = "API_UnseenParamType"
    yield _rule(id, lambda scene: scene.call(scene.at, "none"), lambda scene: scene.call(scene.at, 7), **_usual(id))


# how large, how slow


def _larger(id: str, field: str) -> Proof:
    """One byte above the floor suffices where a tenth of it is usual."""
    floor = int(_limits(id)["floor"])
    return _rule(
        id,
        lambda scene: scene.call(scene.at, **{field: floor + 1}),
        lambda scene: scene.call(scene.at, **{field: floor}),
        **_usual(id, int(_limits(id).get("few_calls", 0)), **{field: floor // 10}),
    )


def _sizes() -> Iterator[Proof]:
    yield _larger("API_SpikeInPayload_Request", "requestBytes")
    yield _larger("API_SpikeInPayload_Response", "responseBytes")

    # in every window as much as any caller takes, so that it is no spike of a window: an eighth answer is what makes the day too large
    id = "API_DataExfiltration"
    share = int(_limits(id)["floor"]) // 7
    holds = {"responseBytes": share, "responseBody": '{"email":"someone@example.com"}'}
    visits = -(-by_id()[id].min_calls // 3 // by_id()[id].min_days) + 1

    def visited(scene: Scene, day: datetime) -> Iterator[Event]:
        for visit in range(visits):
            for _ in range(3):
                yield scene.call(day + timedelta(days=1) * (visit + 0.5) / visits, clientIp=scene.address(visit + 1), **holds)

    yield _counted(
        id,
        lambda scene: [scene.call(scene.at - EARLIER * (2 - n // 3), clientIp=scene.attacker, **holds) for n in range(8)],
        days=by_id()[id].min_days,
        day=visited,
        teaches=True,
        judged=True,
    )

    id = "API_SpikeInLatency"
    slow = int(_limits(id)["least"])
    known = -(-KNOWN // by_id()[id].min_days)
    yield _counted(
        id,
        lambda scene: [scene.call(scene.at, durationMs=20_000.0) for _ in range(slow)],
        days=by_id()[id].min_days,
        day=lambda scene, day: scene.usual(day, known),
    )
