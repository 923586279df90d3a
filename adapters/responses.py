"""Responses: every one recorded before the gateway is touched, so that a crash between two requests leaves a record that says what to finish.

What is in force is what the gateway's list says; a record says why. A record whose entry is not there was never finished, was undone, or is over.
"""

import logging
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from adapters.guard_list import GatewayRefused, GuardList
from adapters.tables import Entity, Tables
from model import minute_of, moment
from response.entries import Entry, key_of, key_of_identity
from response.limits import Rails
from response.rails import Action, Kind
from windows.tally import Tally

log = logging.getLogger("gatewatch.respond")

TABLE = "responses"
RECORDS, STOPPED, GUARD = "responses", "stopped", "guard"
ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
ID_LENGTH = 6
"""Two thousand million ids: short, for thousands of entries share four values."""
BURST = timedelta(minutes=10)
STARTING = timedelta(minutes=2)
"""Younger, a record without an entry may be one that is just being written."""


class Response(msgspec.Struct, omit_defaults=True):
    """One decision about one caller. `target`: a canonical address, "subject:…" or the id of a subscription. Times are aware."""

    id: str
    who: str
    when: datetime
    kind: Kind
    target: str
    action: Action
    until: datetime
    mode: Literal["dry", "on"] = "on"
    key: str = ""
    """Of the guard's list; "" for a subscription."""
    calls: int | None = None
    alert: str = ""
    rule: str = ""
    """The detector that made it without anybody being asked."""
    verdict: str = ""
    undone_by: str = ""
    undone_at: datetime | None = None

    @property
    def entry(self) -> Entry:
        return Entry(self.key, self.id, minute_of(self.until), self.calls, self.mode == "dry")

    @property
    def comment(self) -> str:
        """What a suspended subscription says of itself: only what still says so is made active again."""
        return f"gatewatch:{self.id}"


State = Literal["active", "undone", "over", "not applied"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A response as it stands: `stopped` calls were refused, `would` would have been."""

    response: Response
    state: State
    stopped: int
    would: int


class TooMany(Exception):
    """More new entries in a short time than the guard rails allow without a second look."""


class Stopped(msgspec.Struct):
    """What events say of one response. `upto`: hub partition -> position of the last tally that is in here."""

    stopped: int = 0
    would: int = 0
    upto: dict[str, int] = {}


class Responses:
    """`guard` None: nobody gave a right to write; what is recorded can be read."""

    def __init__(self, tables: Tables, guard: GuardList | None, rails: Rails, secret: str = "", *, may_suspend: bool = True) -> None:
        """`secret`: the key of the hashes that stand in the list in place of addresses; "" for plain addresses."""
        self.tables, self._guard, self.rails, self.secret, self.may_suspend = tables, guard, rails, secret, may_suspend

    @property
    def guard(self) -> GuardList:
        """Raises GatewayRefused where there is none."""
        if self._guard is None:
            raise GatewayRefused(
                "the app may not write at the gateway: deploy with GATEWATCH_RESPONSE, which sets RESPONSE_CLIENT_ID, or use tools.respond"
            )
        return self._guard

    @property
    def may_write(self) -> bool:
        return self._guard is not None

    # doing

    def apply(self, wanted: Response, now: datetime, *, confirmed: bool = False) -> tuple[Response, bool]:
        """Record and list; the response, and whether anything was new. The same target and action again, in force as long, is the one that is there.
        Raises GatewayRefused, TooMany, response.entries.Full."""
        guard = self.guard
        if wanted.action != "suspend" and not wanted.key:
            wanted.key = key_of_identity(wanted.target) if wanted.kind == "identity" else key_of(wanted.target, secret=self.secret)
        listed = {entry.id for entry in guard.entries(minute_of(now))} if wanted.key else set()
        for known in self.records():
            same = (known.target, known.action, known.mode, known.key, known.calls) == (
                *(wanted.target, wanted.action, wanted.mode, wanted.key, wanted.calls),
            )
            if same and not known.undone_at and known.until >= wanted.until and (known.id in listed or known.action == "suspend"):
                if known.action == "suspend":
                    return known, guard.suspend(known.target, known.comment)
                return known, False
        recent = sum(1 for known in self.records() if known.when > now - BURST)
        if recent >= self.rails.burst and not confirmed:
            raise TooMany(
                f"{recent} responses were made in the last ten minutes; from {self.rails.burst} on each has to be confirmed (burst)"
            )
        if self.secret and wanted.key.startswith("h:"):
            self._share_secret()
        self._write(wanted)
        if wanted.action == "suspend":
            guard.suspend(wanted.target, wanted.comment)
        else:
            guard.put(wanted.entry, minute_of(now))
        return wanted, True

    def undo(self, id: str, by: str, now: datetime) -> Response | None:
        """Take one response back; None for one that nobody knows. A repeat finishes what a crash left. Raises GatewayRefused."""
        known = self.find(id)
        guard = self.guard
        if known is None:  # somebody wrote it by hand
            return (
                None if not guard.remove(id, minute_of(now)) else Response(id, "", now, "ip", "", "block", now, undone_by=by, undone_at=now)
            )
        if known.undone_at is None:
            known = self._mark(known, by, now)
        self._lift(known, now)
        return known

    def panic(self, by: str, now: datetime) -> None:
        """Switch the guard off; the list stays as it is. Raises GatewayRefused."""
        self.tables.upsert(TABLE, [{"PartitionKey": GUARD, "RowKey": "off", "by": by, "at": now}])
        self.guard.switch("off")

    def prune(self, now: datetime) -> int:
        """Take off what is over, finish what was interrupted, make subscriptions active again whose time is over; how many responses ended. Raises
        GatewayRefused."""
        ended = 0
        self.guard.prune(minute_of(now))
        listed = {entry.id for entry in self.guard.entries(minute_of(now))}
        for known in self.records():
            if known.action == "suspend" and (known.undone_at or known.until <= now):
                ended += self.guard.resume(known.target, known.comment)
            elif known.undone_at and known.id in listed:
                ended += self.guard.remove(known.id, minute_of(now))
        return ended

    def _lift(self, known: Response, now: datetime) -> None:
        if known.action == "suspend":
            self.guard.resume(known.target, known.comment)
        else:
            self.guard.remove(known.id, minute_of(now))

    def _share_secret(self) -> None:
        """The gateway gets the key once; which key it has is known by its last digits' hash alone."""
        mark = key_of("0.0.0.0", secret=self.secret)
        if (row := self.tables.get(TABLE, GUARD, "key")) is None or row["mark"] != mark:
            self.guard.set_key(self.secret)
            self.tables.upsert(TABLE, [{"PartitionKey": GUARD, "RowKey": "key", "mark": mark}])

    # reading

    def records(self) -> Iterator[Response]:
        """Newest first where ids are not: order is the reader's."""
        return read(self.tables)

    def find(self, id: str) -> Response | None:
        row = self.tables.get(TABLE, RECORDS, id)
        return msgspec.json.decode(row["response"], type=Response) if row else None

    def shown(self, now: datetime) -> list[Shown]:
        """Every record as it stands, newest first. Without a right to read the gateway a record is believed."""
        listed = {entry.id for entry in self._guard.entries(minute_of(now))} if self._guard is not None else None
        counts = stopped_of(self.tables)
        rows = [
            Shown(known, _state(known, listed, now), one.stopped, one.would)
            for known in self.records()
            for one in (counts.get(known.id, Stopped()),)
        ]
        return sorted(rows, key=lambda row: row.response.when, reverse=True)

    # rows

    def _write(self, response: Response) -> None:
        self.tables.upsert(TABLE, [row_of(response)])

    def _mark(self, known: Response, by: str, now: datetime) -> Response:
        changed = msgspec.structs.replace(known, undone_by=by, undone_at=now)
        self._write(changed)
        return changed


def _state(known: Response, listed: set[str] | None, now: datetime) -> State:
    if known.undone_at:
        return "undone"
    if known.until <= now:
        return "over"
    if listed is not None and known.action != "suspend" and known.id not in listed and known.when < now - STARTING:
        return "not applied"
    return "active"


def read(tables: Tables) -> Iterator[Response]:
    """Every record; those that are over among them until they are purged."""
    for row in tables.query(TABLE, "PartitionKey eq @partition", partition=RECORDS):
        yield msgspec.json.decode(row["response"], type=Response)


def row_of(response: Response) -> Entity:
    return {
        "PartitionKey": RECORDS,
        "RowKey": response.id,
        "response": msgspec.json.encode(response).decode(),
        "until": response.until,
        "made": response.when,
    }


def new_id() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))


def delete(tables: Tables, id: str) -> None:
    tables.delete(TABLE, [(RECORDS, id)])
    tables.delete(TABLE, [(STOPPED, id)])


def of_target(tables: Tables, actor: str) -> list[Response]:
    """The records whose target is this address, "subject:…" or "subscription:…"."""
    bare = actor.removeprefix("subscription:")
    found = tables.query(TABLE, "PartitionKey eq @partition", partition=RECORDS)
    return [one for row in found if (one := msgspec.json.decode(row["response"], type=Response)).target in (actor, bare)]


# what events say


def count(tables: Tables, tallies: Iterable[tuple[str, int, Tally]]) -> None:
    """Add the calls that the guard touched to the counts of their responses. What is counted already is not counted again."""
    known: dict[str, Stopped] = {}
    changed: set[str] = set()
    for partition, position, tally in tallies:
        mine: dict[str, list[int]] = {}
        for _, _, detail, n in tally.rows("guarded"):
            verdict, _, id = tally.details[detail].partition(":")
            mine.setdefault(id, [0, 0])[verdict.startswith("would")] += n
        for id, (stopped, would) in mine.items():
            one = known.get(id) or known.setdefault(id, _stopped(tables, id))
            if one.upto.get(partition, -1) < position:
                one.stopped, one.would = one.stopped + stopped, one.would + would
                one.upto[partition] = position
                changed.add(id)
    tables.upsert(
        TABLE,
        ({"PartitionKey": STOPPED, "RowKey": id, "stopped": msgspec.json.encode(known[id]).decode()} for id in sorted(changed)),
    )


def _stopped(tables: Tables, id: str) -> Stopped:
    row = tables.get(TABLE, STOPPED, id)
    return msgspec.json.decode(row["stopped"], type=Stopped) if row else Stopped(upto={})


def stopped_of(tables: Tables) -> Mapping[str, Stopped]:
    rows = tables.query(TABLE, "PartitionKey eq @partition", partition=STOPPED)
    return {row["RowKey"]: msgspec.json.decode(row["stopped"], type=Stopped) for row in rows}


def until_of(now: datetime, minutes: int) -> datetime:
    """The end of a life of so many minutes, a whole minute."""
    return moment(minute_of(now) + minutes)
