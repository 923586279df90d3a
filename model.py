"""The nouns of Gatewatch: what a call, an endpoint, a sighting and an alert are."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

WINDOW_MINUTES = 20
WINDOWS_PER_DAY = 24 * 60 // WINDOW_MINUTES

Minute = int
"""Minutes since 1970-01-01T00:00Z: the resolution of every count."""

StatusClass = Literal["1xx", "2xx", "3xx", "4xx", "5xx"]
STATUS_CLASSES: tuple[StatusClass, ...] = ("1xx", "2xx", "3xx", "4xx", "5xx")

OTHER = "other"
"""What overflows a cap is counted under this name, so that totals stay true."""


class Severity(IntEnum):
    """Microsoft.Security/alerts severities, ordered."""

    INFORMATIONAL = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def label(self) -> str:
        return self.name.capitalize()


class ApiCall(msgspec.Struct, rename="camel", gc=False, kw_only=True):
    """One request and its response, as the event contract names its fields; bodies and headers are left in the message.

    `time` is aware (UTC); `duration_ms` milliseconds; `request_bytes` and `response_bytes` bytes.
    """

    # in the order of the event contract, in which the decoder looks for them
    v: Literal[1]
    request_id: str
    time: datetime
    service: str | None = None
    region: str | None = None
    api_id: str | None = None
    api_revision: str | None = None
    operation_id: str | None = None
    url_template: str | None = None
    method: str
    scheme: str | None = None
    path: str
    query: str | None = None
    path_parameters: dict[str, str] | None = None
    client_ip: str | None = None
    forwarded_for: str | None = None
    user_agent: str | None = None
    subscription_id: str | None = None
    product_id: str | None = None
    user_id: str | None = None
    identity: str | None = None
    auth: list[str] | None = None
    guard: str | None = None
    """"blocked:ID", "slowed:ID", "would-block:ID" or "would-slow:ID": what the gateway's guard did, by the id of a response."""
    marks: str | None = None
    """"log4j in cookie,script in header": families of marks in what never left the gateway."""
    status: int
    error_reason: str | None = None
    duration_ms: float | None = None
    request_bytes: int | None = None
    response_bytes: int | None = None
    request_content_type: str | None = None
    response_content_type: str | None = None


class Endpoint(NamedTuple):
    """One operation of one API, or one folded template of the paths that match none (`matched` False). `method` is that of its calls."""

    service: str
    api: str
    method: str
    template: str
    matched: bool = True

    @property
    def id(self) -> str:
        """32 hex digits, stable for ever: the key of this endpoint in every table."""
        return _endpoint_id(*self)

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


@lru_cache(8192)
def _endpoint_id(service: str, api: str, method: str, template: str, matched: bool) -> str:
    return hashlib.blake2b("\0".join((service, api, method, template, str(matched))).encode(), digest_size=16).hexdigest()


class Sighting(msgspec.Struct, frozen=True):
    """A detector's evidence. `actor` is a client IP, an identity, or None for the whole population."""

    observed: float
    expected: float | None = None
    threshold: float | None = None
    unit: str = "calls"
    actor: str | None = None
    status_class: StatusClass | None = None
    parameter: str | None = None
    severity: Severity | None = None
    """None: the detector's own."""
    mean: float | None = None
    deviation: float | None = None
    """Standard deviation of the 30 days, in `unit`."""
    evidence: dict[str, str | int | float] = {}
    """Names, counts and hashes, never a value that a caller sent."""


NOBODY = ("", OTHER)
"""Not an actor: the gateway named no IP, or many were counted as one."""


def service_endpoint(service: str) -> Endpoint:
    """The pseudo-endpoint under which a service's calls are judged together: what an actor does across endpoints."""
    return Endpoint(service, "*", "*", "*")


def is_service_endpoint(endpoint: Endpoint) -> bool:
    return endpoint.template == "*" and endpoint.method == "*"


def bucket_of(service: str, api: str) -> Endpoint:
    """Where the calls of an API are counted that match no operation, or only a wildcard, and belong to no learned endpoint."""
    return Endpoint(service, api, "*", "/{…}", matched=False)


def is_bucket(endpoint: Endpoint) -> bool:
    return not endpoint.matched and endpoint.method == "*"


def status_class(status: int) -> StatusClass:
    return STATUS_CLASSES[status // 100 - 1]


def window_start(minute: Minute) -> Minute:
    return minute - minute % WINDOW_MINUTES


def minute_of(moment: datetime) -> Minute:
    return int(moment.timestamp() // 60)


def moment(minute: Minute) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


def iso_utc(when: datetime) -> str:
    """ISO 8601 in UTC, whole seconds: "2026-03-04T12:00:00Z"."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def alert_id(first: Minute, *parts: str) -> str:
    """32 hex digits: the minute, by which the alert is found where it is stored, and a hash. The same parts always make the same id, so that judging again
    updates and never doubles."""
    text = "\0".join([*parts, str(first)]).encode("utf-8", "surrogatepass")
    return f"{first:08x}{hashlib.blake2b(text, digest_size=12).hexdigest()}"


class Finding(msgspec.Struct, frozen=True):
    """A sighting that its detector has signed: one judgement on one window of one endpoint."""

    detector: str
    """Detector id, as `detectors.found()` knows it."""
    endpoint: Endpoint
    window: Minute
    minute: Minute
    """Event time through which the window had been counted when this was found."""
    severity: Severity
    sighting: Sighting
    statuses: dict[int, int] = {}
    """HTTP status -> calls of the actor (of everyone, where there is none) in this window."""
    baseline_days: int = 0
    calls: int = 0
    """Of the actor (of everyone, where there is none) in this window."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A detector that raised: counted and shown, while the others go on. Holds no message, for a message may quote traffic."""

    detector: str
    endpoint: Endpoint
    window: Minute
    error: str
    """The exception's type name and the file and line that raised it."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """What many actors did, found by one detector on one service within an hour and told as one alert."""

    actors: int = 0
    """At least; 0 where nobody is accused."""
    folded: int = 0
    """Alerts that are told by this one alone."""
    calls: int = 0
    """Of these actors, in the windows in which they were found."""
    share: float | None = None
    """Of all calls to the service in these windows."""
    busiest: tuple[tuple[str, int], ...] = ()
    """Personal data: (actor, calls) of the ten that called most."""
    networks: tuple[tuple[str, int], ...] = ()
    """(network, actors in it) of the ten /24 and /48 with the most, where there are several."""


class Alert(msgspec.Struct, frozen=True):
    """Findings of one detector on one (endpoint, status class, actor, parameter) while they last. Times are minutes of event time."""

    id: str
    """As `alert_id` makes it."""
    detector: str
    endpoint: Endpoint
    severity: Severity
    first: Minute
    """Start of the window of the first finding."""
    last: Minute
    """Minute of the last finding."""
    raised: Minute
    """Minute of event time at which the first finding could be made."""
    sighting: Sighting
    """The most severe finding's evidence; among equals the largest."""
    statuses: dict[int, int] = {}
    baseline_days: int = 0
    windows: int = 1
    """How many 20-minute windows it was found in."""
    incident: str = ""
    open: bool = True
    """False once it was quiet for an hour. The analyst's status (Active, Resolved ...) is kept apart, by whoever stores alerts."""
    formula: str = ""
    """How the severity came about, in words and numbers."""
    suppressed: str = ""
    """The suppression rule that covers it: kept, but in no incident, and told to nobody."""
    places: tuple[Endpoint, ...] = ()
    """The endpoints at which one actor was found, once they are several: then `endpoint` is the whole service."""
    campaign: Campaign | None = None
    """What it stands for, where it stands for the alerts of many actors."""


CAMPAIGN = "campaign"


class AlertKey(NamedTuple):
    """What one alert is about: what tells it from another."""

    detector: str
    endpoint: Endpoint
    status_class: StatusClass | None
    actor: str | None
    parameter: str | None


def alert_key(found: Finding | Alert, by: Literal["actor", "parameter", "both"]) -> AlertKey:
    """`by`: what tells two alerts of its detector on one endpoint and class apart."""
    if isinstance(found, Alert) and found.campaign is not None:
        return campaign_key(found)
    sighting = found.sighting
    actor = sighting.actor if by != "parameter" else None
    return AlertKey(found.detector, found.endpoint, sighting.status_class, actor, sighting.parameter if by != "actor" else None)


def campaign_key(alert: Alert) -> AlertKey:
    """Of the alert that stands for a campaign: one of a detector and service at a time."""
    return AlertKey(alert.detector, service_endpoint(alert.endpoint.service), None, None, CAMPAIGN)


class Incident(msgspec.Struct, frozen=True):
    """Alerts within an hour that share a client IP, an identity or an endpoint: what one analyst should look at as one thing."""

    id: str
    alerts: tuple[str, ...]
    """Alert ids, oldest first."""
    severity: Severity
    first: Minute
    last: Minute
    actors: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    detectors: tuple[str, ...]
    open: bool = True
    merged_into: str = ""
    """The incident that took this one's alerts, when a later alert linked both."""
    campaign: Campaign | None = None
    """The largest of its campaigns."""
