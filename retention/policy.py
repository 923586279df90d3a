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
        "calls", "hub", "calls", "every call as the gateway sent it: addresses, identities, parameters, the beginnings of bodies", True,
        48 * HOUR, "the hub received it", "the way of a call from the gateway to Gatewatch",
        "bodies are promised to be gone after 48 hours", "the hub's own retention; its oldest event is looked at and compared",
        "a hub cannot delete single events: named in the answer with the time when they are gone; an erased person's events are counted without the person",
        Shortening("HUB_RETENTION_HOURS", "hours", 1, 24),
    ),
    Place(
        "alert-feed", "hub", "alerts", "alerts as they were raised, with the accused address or identity", True,
        48 * HOUR, "the hub received it", "the way of an alert to whoever subscribes", "it is a way, not a store", "the hub's own retention",
        "a hub cannot delete single events: named in the answer with the time when they are gone",
    ),
    Place(
        "quarantine", "container", "quarantine", "the first 4 KiB of messages that were no calls: whatever is in them", True,
        48 * HOUR, "the hub received the message", "to see why a message was no call", "bodies are promised to be gone after 48 hours",
        "purge deletes by the hour in a blob's name; soft delete, snapshots and versions are looked for", "the message is deleted, its reason and number stay",
        Shortening("RETAIN_QUARANTINE_HOURS", "hours", 3, 48),
    ),
    Place(
        "exports", "container", "exports", "one person's export, where it is too large for an answer", True,
        24 * HOUR, "it was made", "to be fetched by who asked for it", "it is a copy", "purge deletes by the hour in a blob's name", "deleted",
    ),
    Place(
        "batches", "tables by day", "batches", "counts of each batch by minute, address and identity; keyed hashes of parameter values", True,
        48 * HOUR, "it was written", "to count every call exactly once and to evaluate it",
        "after 48 hours nothing reads it any more", "purge drops the day's table", "the person is taken out of the counts, which stay",
    ),
    Place(
        "activity", "tables by day", "activity", "which address called which endpoint how often, in windows of 20 minutes; actors that are regularly busy, and from which country; keyed hashes of who was behind an address", True,
        30 * DAY, "the call", "to tell a regular caller from a new one, and what an accused address did",
        "addresses are promised to be gone after 30 days", "purge drops the day's table", "deleted",
        Shortening("RETAIN_ACTIVITY_DAYS", "days", 2, 30),
    ),
    Place(
        "alerts", "table", "alerts", "alerts, incidents and the alerts folded into campaigns, with the accused address or identity", True,
        30 * DAY, "the first call that it accuses", "to answer an attack", "addresses are promised to be gone after 30 days",
        "purge puts a keyed hash in place of the actor; after 13 months the alert goes", "the actor is redacted, unless a legal hold covers the alerts",
        Shortening("RETAIN_ALERT_ACTOR_DAYS", "days", 1, 30),
    ),
    Place(
        "suppressions", "table", "suppressions", "rules of what is not told, some with an address, a household's network or an identity; who made them", True,
        30 * DAY, "the rule was made", "to spare analysts what they know", "addresses are promised to be gone after 30 days",
        "purge deletes rules that name somebody, and others 30 days after they ended", "the rules that name the person are deleted",
    ),
    Place(
        "responses", "table", "responses", "who was blocked, slowed or suspended at the gateway: an address, an identity or a subscription; who asked for it, and how many calls it stopped", True,
        30 * DAY, "it was made", "to take it back, and to say who did what", "addresses are promised to be gone after 30 days",
        "purge deletes", "the record is deleted, and its entry at the gateway",
    ),
    Place(
        "guard-list", "gateway", "gatewatch-blocked", "who is refused or slowed at the gateway: addresses, or keyed hashes of them, and the beginnings of identities' hashes; named values of API Management", True,
        7 * DAY, "it was listed", "to refuse or slow them", "it is a measure for an hour or a week, not a firewall",
        "every entry carries its own end, which the gateway reads; the timer `respond` and tools.respond take off what is over", "where the app may write at the gateway the entries that name the person are taken off; else they end by themselves",
    ),
    Place(
        "countries", "table", "countries", "calls of each service and day by country, and sketches of keyed hashes by which distinct addresses are counted", True,
        30 * DAY, "the day", "to say from where calls come, and from how many addresses", "hashes of addresses are promised to be gone after 30 days",
        "purge puts numbers in the place of the sketches, and deletes rows after 13 months", "of one person nothing can be told apart in a sketch: it goes with its day",
    ),
    Place(
        "requests", "table", "requests",
        "requests for export and erasure: who asked, when, a keyed hash of the person; encrypted with a key kept elsewhere, and only until it is done, the person; "
        "keyed hashes of the erased, by which what is still in flight is recognised (four days)", True,
        1095 * DAY, "the request", "to show that rights were granted", "claims lapse after three years", "purge deletes", "it is the record of the erasure",
    ),
    Place(
        "memory", "memory", "evaluate", "the windows, days and alerts that are being judged", True,
        28 * HOUR, "the call", "to judge calls", "detectors look back one day", "windows close, the rolling day moves on, the process ends",
        "what it writes is checked against the erased",
    ),
    Place(
        "windows", "tables by month", "windows", "counts of each endpoint in windows of 20 minutes", False,
        396 * DAY, "the end of its month", "to show and learn what is usual", "thirteen months compare a month with its last year's", "purge drops the month's table", "nothing of a person is there",
    ),
    Place(
        "days", "tables by month", "days", "summaries of each endpoint's days", False,
        396 * DAY, "the end of its month", "to learn what is usual", "as windows", "purge drops the month's table", "nothing of a person is there",
    ),
    Place(
        "audit", "tables by month", "audit", "who changed which alert, rule, exemption or response, when, from what to what", False,
        1095 * DAY, "the end of its month", "to answer who did what", "claims lapse after three years", "purge drops the month's table", "no caller of an API is there: addresses, identities and comments are left out",
    ),
    Place("baselines", "table", "baselines", "what is usual at each endpoint", False, None, "", "to judge", "", "overwritten daily", "nothing of a person is there"),
    Place("endpoints", "table", "endpoints", "the endpoints seen and declared, and what their calls look like: counts, names and types; of callers a sketch that tells how many there were and not who", False, None, "", "the inventory", "", "overwritten; what is older than 30 to 60 days falls out of the counts", "nothing of a person is there"),
    Place("drift", "table", "drift", "where endpoints do other than described; who accepted that", False, 396 * DAY, "it was found no more", "to mend descriptions and APIs", "as windows", "purge deletes", "nothing of a caller is there"),
    Place("recommendations", "table", "recommendations", "what is configured badly where, by resources' ids; which analyst exempted what, why and until when", False, None, "", "to have it mended", "", "overwritten daily; an exemption that is over goes with the next reading", "nothing of a caller is there"),
    Place("posture", "container", "posture", "the gateways' configuration without secrets, and without the owners of subscriptions", False, None, "", "to assess it, and to compare it with traffic", "", "overwritten daily", "nothing of a caller is there"),
    Place("progress", "table", "progress", "how far evaluation and learning have come", False, None, "", "to go on after a restart", "", "overwritten", "nothing of a person is there"),
    Place("losses", "table", "losses", "how many calls the hub dropped unread, of which partition and when", False, 396 * DAY, "its month", "to say what is missing from the counts", "as windows", "purge deletes", "nothing of a person is there"),
    Place("outbox", "table", "outbox", "which alerts the hub and the webhook were not told of yet, by their ids", False, 30 * DAY, "the alert changed last", "nothing is lost while a receiver is down", "later it is history", "it goes as soon as it is told; purge deletes", "nothing of a person is there"),
    Place("purges", "table", "purges", "what each purge removed, when, and what was late", False, 396 * DAY, "the run", "the evidence of this policy", "as windows", "purge deletes", "nothing of a person is there"),
    Place("configuration", "container", "configuration", "the key of all hashes; compiled information types and lists of addresses", False, None, "", "to run", "", "–", "nothing of a person is there"),
    Place("intel", "container", "intel", "lists of addresses that others publish: Tor exits, attackers, exceptions", False, None, "", "to recognise them", "", "whoever puts a list there replaces it", "nothing of a caller is there"),
    Place("package", "container", "app-package", "the deployed app", False, None, "", "to run", "", "–", "nothing of a person is there"),
    Place("host", "container", "azure-webjobs-", "the host's leases, keys and checkpoints", False, None, "", "to run", "", "the host's own", "nothing of a person is there"),
    Place("telemetry", "telemetry", "logs, metrics, traces", "names and counts", False, None, "", "to run", "", "the workspace's own retention", "nothing of a person is there"),
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
