"""The one policy table: every place where personal data can be, what it holds, until when, why, and what removes it.

Purge, export, erase, `docs/privacy.md` and the privacy API are made from it; adapters may create no table and no container that it does not name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

Kind = Literal["hub", "container", "table", "tables by day", "tables by month", "memory", "gateway", "telemetry"]

EARLY = 2 * HOUR
"""Purge runs every hour and removes what falls due before the run after the next: one run may fail without a promise being broken."""
WRITE_MARGIN = 2 * HOUR
"""Nothing is written into a table that is removed so soon: longer than any tick lasts, so no writer can bring a dropped table back."""


@dataclass(frozen=True, slots=True)
class Shortening:
    """The setting that shortens a promise. `unit` is hours or days; `shortest` in it."""

    name: str
    unit: Literal["hours", "days"]
    shortest: int
    default: int

    @property
    def step(self) -> timedelta:
        return HOUR if self.unit == "hours" else DAY


@dataclass(frozen=True, slots=True)
class Place:
    """One kind of place. `name`: of the hub, container or table, or what its names begin with where there is one for each day, month or use."""

    id: str
    kind: Kind
    name: str
    holds: str
    personal: bool
    longest: timedelta | None
    """None: for as long as what it describes exists."""
    since: str
    """What the promise counts from."""
    purpose: str
    reason: str
    """Why it may not be kept longer, said to whoever tries."""
    mechanism: str
    erasure: str
    setting: Shortening | None = None


POLICY: tuple[Place, ...] = (
    Place(
        id="calls", kind="hub", name="calls", holds="every call as the gateway sent it: addresses, identities, parameters, the beginnings of bodies", personal=True,
        longest=48 * HOUR, since="the hub received it", purpose="the way of a call from the gateway to Gatewatch",
        reason="bodies are promised to be gone after 48 hours", mechanism="the hub's own retention; its oldest event is looked at and compared",
        erasure="a hub cannot delete single events: named in the answer with the time when they are gone; an erased person's events are counted without the person",
        setting=Shortening(name="HUB_RETENTION_HOURS", unit="hours", shortest=1, default=24),
    ),
    Place(
        id="alert-feed", kind="hub", name="alerts", holds="alerts as they were raised, with the accused address or identity", personal=True,
        longest=48 * HOUR, since="the hub received it", purpose="the way of an alert to whoever subscribes", reason="it is a way, not a store", mechanism="the hub's own retention",
        erasure="a hub cannot delete single events: named in the answer with the time when they are gone",
    ),
    Place(
        id="quarantine", kind="container", name="quarantine", holds="the first 4 KiB of messages that were no calls: whatever is in them", personal=True,
        longest=48 * HOUR, since="the hub received the message", purpose="to see why a message was no call", reason="bodies are promised to be gone after 48 hours",
        mechanism="purge deletes by the hour in a blob's name; soft delete, snapshots and versions are looked for", erasure="the message is deleted, its reason and number stay",
        setting=Shortening(name="RETAIN_QUARANTINE_HOURS", unit="hours", shortest=3, default=48),
    ),
    Place(
        id="exports", kind="container", name="exports", holds="one person's export, where it is too large for an answer", personal=True,
        longest=24 * HOUR, since="it was made", purpose="to be fetched by who asked for it", reason="it is a copy", mechanism="purge deletes by the hour in a blob's name", erasure="deleted",
    ),
    Place(
        id="batches", kind="tables by day", name="batches", holds="counts of each batch by minute, address and identity; keyed hashes of parameter values; paths that no operation describes, without what reads like an id or a name", personal=True,
        longest=48 * HOUR, since="it was written", purpose="to count every call exactly once and to evaluate it",
        reason="after 48 hours nothing reads it any more", mechanism="purge drops the day's table", erasure="the person is taken out of the counts, which stay; a path goes with its day",
    ),
    Place(
        id="findings", kind="table", name="findings", holds="where the evaluation is in shards: what each of them found, and whom alerts accuse, on the way from one to the other", personal=True,
        longest=48 * HOUR, since="it was written", purpose="to group what all shards found", reason="what batches say is promised to be gone after 48 hours",
        mechanism="it is deleted as soon as it is grouped, who is accused in a day when the day is closed; purge deletes what was left", erasure="the person is taken out",
    ),
    Place(
        id="activity", kind="tables by day", name="activity", holds="which address called which endpoint how often, in windows of 20 minutes; actors that are regularly busy, and from which country; keyed hashes of who was behind an address", personal=True,
        longest=30 * DAY, since="the call", purpose="to tell a regular caller from a new one, and what an accused address did",
        reason="addresses are promised to be gone after 30 days", mechanism="purge drops the day's table", erasure="deleted",
        setting=Shortening(name="RETAIN_ACTIVITY_DAYS", unit="days", shortest=2, default=30),
    ),
    Place(
        id="alerts", kind="table", name="alerts", holds="alerts, incidents and the alerts folded into campaigns, with the accused address or identity", personal=True,
        longest=30 * DAY, since="the first call that it accuses", purpose="to answer an attack", reason="addresses are promised to be gone after 30 days",
        mechanism="purge puts a keyed hash in place of the actor; after 13 months the alert goes", erasure="the actor is redacted, unless a legal hold covers the alerts",
        setting=Shortening(name="RETAIN_ALERT_ACTOR_DAYS", unit="days", shortest=1, default=30),
    ),
    Place(
        id="suppressions", kind="table", name="suppressions", holds="rules of what is not told, some with an address, a household's network or an identity; who made them", personal=True,
        longest=30 * DAY, since="the rule was made", purpose="to spare analysts what they know", reason="addresses are promised to be gone after 30 days",
        mechanism="purge deletes rules that name somebody, and others 30 days after they ended", erasure="the rules that name the person are deleted; a comment that names them is redacted",
    ),
    Place(
        id="responses", kind="table", name="responses", holds="who was blocked, slowed or suspended at the gateway: an address, an identity or a subscription; who asked for it, and how many calls it stopped", personal=True,
        longest=30 * DAY, since="it was made", purpose="to take it back, and to say who did what", reason="addresses are promised to be gone after 30 days",
        mechanism="purge deletes", erasure="the record is deleted, and its entry at the gateway",
    ),
    Place(
        id="guard-list", kind="gateway", name="gatewatch-blocked", holds="who is refused or slowed at the gateway: addresses, or keyed hashes of them, and the beginnings of identities' hashes; named values of API Management", personal=True,
        longest=7 * DAY, since="it was listed", purpose="to refuse or slow them", reason="it is a measure for an hour or a week, not a firewall",
        mechanism="every entry carries its own end, which the gateway reads; the timer `respond` and tools.respond take off what is over", erasure="where the app may write at the gateway the entries that name the person are taken off; else they end by themselves",
    ),
    Place(
        id="countries", kind="table", name="countries", holds="calls of each service and day by country, and sketches of keyed hashes by which distinct addresses are counted", personal=True,
        longest=30 * DAY, since="the day", purpose="to say from where calls come, and from how many addresses", reason="hashes of addresses are promised to be gone after 30 days",
        mechanism="purge puts numbers in the place of the sketches, and deletes rows after 13 months", erasure="of one person nothing can be told apart in a sketch: it goes with its day",
    ),
    Place(
        id="key-uses", kind="table", name="keyuses", holds="under a keyed hash of each subscription of a gateway the last day on which its key was used, and the last from a public address", personal=True,
        longest=92 * DAY, since="the last use", purpose="to tell which keys nobody has used for 90 days", reason="after that it is told apart from never used by nobody",
        mechanism="purge deletes", erasure="the subscription's row is deleted; unused keys of its gateway are told again 90 days later",
    ),
    Place(
        id="requests", kind="table", name="requests",
        holds="requests for export and erasure: who asked, when, a keyed hash of the person; encrypted with a key kept elsewhere, and only until it is done, the person; "
        "keyed hashes of the erased, by which what is still in flight is recognised (four days)", personal=True,
        longest=1095 * DAY, since="the request", purpose="to show that rights were granted", reason="claims lapse after three years", mechanism="purge deletes", erasure="it is the record of the erasure",
    ),
    Place(
        id="memory", kind="memory", name="evaluate", holds="the windows, days and alerts that are being judged", personal=True,
        longest=28 * HOUR, since="the call", purpose="to judge calls", reason="detectors look back one day", mechanism="windows close, the rolling day moves on, the process ends",
        erasure="what it writes is checked against the erased",
    ),
    Place(
        id="windows", kind="tables by month", name="windows", holds="counts of each endpoint in windows of 20 minutes", personal=False,
        longest=396 * DAY, since="the end of its month", purpose="to show and learn what is usual", reason="thirteen months compare a month with its last year's", mechanism="purge drops the month's table", erasure="nothing of a person is there",
    ),
    Place(
        id="days", kind="tables by month", name="days", holds="summaries of each endpoint's days", personal=False,
        longest=396 * DAY, since="the end of its month", purpose="to learn what is usual", reason="as windows", mechanism="purge drops the month's table", erasure="nothing of a person is there",
    ),
    Place(
        id="audit", kind="tables by month", name="audit", holds="who changed which alert, rule, exemption or response, when, from what to what", personal=False,
        longest=1095 * DAY, since="the end of its month", purpose="to answer who did what", reason="claims lapse after three years", mechanism="purge drops the month's table", erasure="no caller of an API is there: addresses, identities and comments are left out",
    ),
    Place(id="baselines", kind="table", name="baselines", holds="what is usual at each endpoint", personal=False, longest=None, since="", purpose="to judge", reason="", mechanism="overwritten daily; names as for endpoints", erasure="nothing of a person is there"),
    Place(id="endpoints", kind="table", name="endpoints", holds="the endpoints seen and declared, and what their calls look like: counts, names and types; of callers a sketch that tells how many there were and not who", personal=False, longest=None, since="", purpose="the inventory", reason="", mechanism="overwritten; what is older than 30 to 60 days falls out of the counts; names that an earlier version kept and that may be values are generalised by the first purge", erasure="nothing of a person is there"),
    Place(id="drift", kind="table", name="drift", holds="where endpoints do other than described; who accepted that", personal=False, longest=396 * DAY, since="it was found no more", purpose="to mend descriptions and APIs", reason="as windows", mechanism="purge deletes", erasure="a reason that names somebody is refused; one of before is redacted"),
    Place(id="recommendations", kind="table", name="recommendations", holds="what is configured badly where, by resources' ids; which analyst exempted what, why and until when", personal=False, longest=None, since="", purpose="to have it mended", reason="", mechanism="overwritten daily; an exemption that is over goes with the next reading", erasure="a reason that names somebody is refused; one of before is redacted"),
    Place(id="posture", kind="container", name="posture", holds="the gateways' configuration without secrets, and without the owners of subscriptions", personal=False, longest=None, since="", purpose="to assess it, and to compare it with traffic", reason="", mechanism="overwritten daily", erasure="nothing of a caller is there"),
    Place(id="progress", kind="table", name="progress", holds="how far evaluation, learning and the comparison of counts have come, and what was counted", personal=False, longest=None, since="", purpose="to go on after a restart", reason="", mechanism="overwritten", erasure="nothing of a person is there"),
    Place(id="losses", kind="table", name="losses", holds="how many calls the hub dropped unread, of which partition and when", personal=False, longest=396 * DAY, since="its month", purpose="to say what is missing from the counts", reason="as windows", mechanism="purge deletes", erasure="nothing of a person is there"),
    Place(id="outbox", kind="table", name="outbox", holds="which alerts the hub and the webhook were not told of yet, by their ids", personal=False, longest=30 * DAY, since="the alert changed last", purpose="nothing is lost while a receiver is down", reason="later it is history", mechanism="it goes as soon as it is told; purge deletes", erasure="nothing of a person is there"),
    Place(id="purges", kind="table", name="purges", holds="what each purge removed, when, and what was late", personal=False, longest=396 * DAY, since="the run", purpose="the evidence of this policy", reason="as windows", mechanism="purge deletes", erasure="nothing of a person is there"),
    Place(id="configuration", kind="container", name="configuration", holds="the key of all hashes; compiled information types and lists of addresses", personal=False, longest=None, since="", purpose="to run", reason="", mechanism="–", erasure="nothing of a person is there"),
    Place(id="intel", kind="container", name="intel", holds="lists of addresses that others publish: Tor exits, attackers, exceptions", personal=False, longest=None, since="", purpose="to recognise them", reason="", mechanism="whoever puts a list there replaces it", erasure="nothing of a caller is there"),
    Place(id="package", kind="container", name="app-package", holds="the deployed app", personal=False, longest=None, since="", purpose="to run", reason="", mechanism="–", erasure="nothing of a person is there"),
    Place(id="host", kind="container", name="azure-webjobs-", holds="the host's leases, keys and checkpoints", personal=False, longest=None, since="", purpose="to run", reason="", mechanism="the host's own", erasure="nothing of a person is there"),
    Place(id="telemetry", kind="telemetry", name="logs, metrics, traces", holds="names and counts", personal=False, longest=None, since="", purpose="to run", reason="", mechanism="the workspace's own retention", erasure="nothing of a person is there"),
    Place(id="access-logs", kind="telemetry", name="access logs", holds="who of the operator's people and programs read, wrote and deleted what in storage, hub and app, from which address; the keys that were asked for, which are hashes", personal=False, longest=None, since="", purpose="to find out who read what", reason="", mechanism="the workspace's own retention of 30 days", erasure="nothing of a caller is there"),
)  # fmt: skip

BY_ID: Mapping[str, Place] = {place.id: place for place in POLICY}

Promises = Mapping[str, timedelta]
"""Place id -> how long: the longest of the policy, or what a setting made shorter."""


def promises(shorter: Mapping[str, timedelta] | None = None) -> Promises:
    """Raises ValueError for a place that has no promise, and for a longer one, with the reason."""
    found = {place.id: place.longest for place in POLICY if place.longest is not None}
    found["calls"] = found["alert-feed"] = 24 * HOUR
    for id, wanted in (shorter or {}).items():
        place = BY_ID[id]
        if place.longest is None:
            raise ValueError(f"the policy has no promise for {id}")
        shortest = place.setting.shortest * place.setting.step if place.setting else HOUR
        if wanted > place.longest:
            raise ValueError(f"{id} cannot be kept longer than {span(place.longest)}: {place.reason}")
        if wanted < shortest:
            raise ValueError(f"{id} is needed for {span(shortest)}")
        found[id] = wanted
    return found


def place_of(kinds: tuple[Kind, ...], name: str) -> Place | None:
    """The place that a table or container of this name is, None where the policy does not name it."""
    for place in POLICY:
        if place.kind in kinds:
            rest = name.removeprefix(place.name) if name.startswith(place.name) else None
            if rest is None:
                continue
            if place.kind == "tables by day" and re.fullmatch(r"\d{8}", rest):
                return place
            if place.kind == "tables by month" and re.fullmatch(r"\d{6}", rest):
                return place
            if place.kind in ("table", "container", "hub") and (not rest or place.name.endswith("-")):
                return place
    return None


def table_place(name: str) -> Place | None:
    return place_of(("table", "tables by day", "tables by month"), name)


def container_place(name: str) -> Place | None:
    return place_of(("container",), name)


def begins(place: Place, name: str) -> datetime:
    """When what a day's or month's table, or an hour's blob (`2026-11-24T13/…`), holds begins. Raises ValueError for a name of another form."""
    if place.kind == "tables by day":
        return datetime.strptime(name.removeprefix(place.name), "%Y%m%d").replace(tzinfo=UTC)
    if place.kind == "tables by month":
        return datetime.strptime(name.removeprefix(place.name), "%Y%m").replace(tzinfo=UTC)
    return datetime.strptime(name.partition("/")[0], "%Y-%m-%dT%H").replace(tzinfo=UTC)


def deadline(place: Place, name: str, kept: Promises) -> datetime:
    """The moment at which the promise about the oldest item of a table or blob would be broken."""
    start = begins(place, name)
    if place.kind == "tables by month":
        start = (start + 31 * DAY).replace(day=1)
    return start + kept[place.id]


def is_due(moment: datetime, now: datetime) -> bool:
    """Whether what must be gone by `moment` is to be removed in this run."""
    return now >= moment - EARLY


def is_writable(place: Place, name: str, kept: Promises, now: datetime) -> bool:
    """Whether a day's table may still be written at `now`, or even be made: late data never bring back what was dropped."""
    return now < deadline(place, name, kept) - EARLY - WRITE_MARGIN


def is_open(day: date, kept: Promises, now: datetime) -> bool:
    """Whether a batch table of this day may be made."""
    return is_writable(BY_ID["batches"], f"batches{day:%Y%m%d}", kept, now)


def first_open_day(day: date, kept: Promises, now: datetime) -> date:
    """The first day from this one on whose batch table may be made."""
    return max(day, (now.astimezone(UTC) - kept["batches"] + EARLY + WRITE_MARGIN).date() + timedelta(days=1))


def pseudonymised_before(kept: Promises, now: datetime) -> datetime:
    """Alerts that accuse no later call than this name nobody."""
    return now - kept["alerts"] + EARLY


def span(time: timedelta) -> str:
    """ "48 hours", "30 days"."""
    hours = round(time / HOUR)
    return f"{hours // 24} days" if hours % 24 == 0 and hours > 48 else f"{hours} hours"
