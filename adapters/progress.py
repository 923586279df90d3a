"""How far the evaluation has come: the one row that says from where to go on, and who is writing a step just now. In shards, one row for each beside it."""

import json
import os
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from azure.core.exceptions import AzureError
from azure.data.tables import UpdateMode

from adapters.batches import Tail
from adapters.tables import Changed, Entity, Tables
from model import Minute

CLAIM = timedelta(seconds=180)
"""For so long after its last sign nobody else writes: longer than a request and its repeats may take (`patience.WORK`)."""
RENEW = timedelta(seconds=20)
WHOLE = "progress"
"""The row of the evaluation that is in one piece, and of the lead of one that is not."""


@dataclass(slots=True)
class Progress:
    """The positions of the log, the minutes of event time, and how far the inventory was written, which is less often than the rest."""

    tails: dict[str, Tail] = field(default_factory=dict)
    watermark: Minute | None = None
    closed_until: Minute | None = None
    evaluated: datetime | None = None
    etag: str | None = None
    stocked: dict[str, Tail] = field(default_factory=dict)
    """What lies between these and `tails` is not in every endpoint's row yet."""
    enqueued: dict[str, datetime] = field(default_factory=dict)
    """When the hub got the last event of each partition that was evaluated."""
    writer: str = ""
    claimed_until: datetime | None = None
    shards: int = 1
    planned: int = 0
    """Number of the last plan: of the lead the last that it made, of a shard the last that it followed."""
    grouped: int = 0
    settled: Minute | None = None
    row: str = WHOLE

    def copy(self) -> "Progress":
        return replace(self, tails=dict(self.tails), stocked=dict(self.stocked), enqueued=dict(self.enqueued))

    def is_claimed(self, by: str, now: datetime) -> bool:
        """Whether somebody else is writing. Who is known to have died is not waited for."""
        if not self.writer or self.writer == by or self.claimed_until is None:
            return False
        return now < self.claimed_until and not _is_gone(self.writer)


def read_progress(tables: Tables) -> Progress:
    """How far all of it has come: the slowest shard, where there are several."""
    lead = read_own(tables)
    if lead.shards == 1:
        return lead
    every = read_shards(tables, lead.shards).values()
    partitions = [partition for partition in lead.tails if all(partition in one.tails for one in every)]
    return replace(
        lead,
        tails={partition: min((one.tails[partition] for one in every), key=lambda tail: tail.last) for partition in partitions},
        closed_until=min((one.closed_until for one in every if one.closed_until is not None), default=lead.closed_until),
        evaluated=min((one.evaluated for one in (lead, *behind(lead, every)) if one.evaluated is not None), default=None),
    )


def behind(lead: Progress, shards: Iterable[Progress]) -> list[Progress]:
    """Those that have not followed every plan."""
    return [one for one in shards if one.planned < lead.planned]


def read_shards(tables: Tables, shards: int) -> dict[int, Progress]:
    """The rows of so many shards, by number."""
    found = {row["RowKey"]: row for row in tables.rows("progress", "PartitionKey eq 'evaluate'")}
    return {number: _progress(found.get(row), row) for number in range(1, shards + 1) for row in (shard_row(number, shards),)}


def shard_row(number: int, of: int) -> str:
    """The number of shards is in the key: what is left of another division is never taken for a part of this one."""
    return f"shard-{number:02d}-of-{of:02d}"


def read_own(tables: Tables, row: str = WHOLE) -> Progress:
    return _progress(tables.get("progress", "evaluate", row), row)


def _progress(entity: Entity | None, row: str) -> Progress:
    if entity is None:
        return Progress(row=row)
    state = json.loads(entity["state"])
    return Progress(
        _tails(state["tails"]),
        state["watermark"],
        state["closedUntil"],
        _moment(state["evaluated"]),
        entity["etag"],
        _tails(state.get("stocked", state["tails"])),
        {partition: datetime.fromisoformat(at) for partition, at in state.get("enqueued", {}).items()},
        state.get("writer", ""),
        _moment(state.get("claimedUntil")),
        state.get("shards", 1),
        state.get("planned", 0),
        state.get("grouped", 0),
        state.get("settled"),
        row,
    )


def write_progress(tables: Tables, progress: Progress) -> str:
    """The new etag. Raises Changed where somebody else wrote since it was read."""
    state = {
        "tails": _written(progress.tails),
        "watermark": progress.watermark,
        "closedUntil": progress.closed_until,
        "evaluated": progress.evaluated.isoformat() if progress.evaluated else None,
        "stocked": _written(progress.stocked),
        "enqueued": {partition: at.isoformat() for partition, at in progress.enqueued.items()},
        "writer": progress.writer,
        "claimedUntil": progress.claimed_until.isoformat() if progress.claimed_until else None,
    }
    if progress.shards > 1:
        state |= {"shards": progress.shards, "planned": progress.planned, "grouped": progress.grouped, "settled": progress.settled}
    return tables.replace("progress", {"PartitionKey": "evaluate", "RowKey": progress.row, "state": json.dumps(state)}, progress.etag)


class Claim:
    """The right to write a step. It is the progress row's: whoever changes the row under its etag has it, and everybody else starts again from the tables.

    A step that is not written whole leaves the row as it was but for the claim, so what the step had written is written again, to the same keys."""

    def __init__(self, tables: Tables, stored: Progress, writer: str, clock: Callable[[], datetime]) -> None:
        """`stored`: progress as it was read."""
        self._tables, self._stored, self._writer, self._clock = tables, stored, writer, clock
        self._renew_at: datetime | None = None

    @property
    def etag(self) -> str | None:
        return self._stored.etag

    def hold(self) -> None:
        """Take or keep it, before each write. Raises Changed where somebody else has taken it."""
        now = self._clock()
        if self._renew_at is None or now >= self._renew_at:
            self._stored.writer, self._stored.claimed_until = self._writer, now + CLAIM
            self._stored.etag = write_progress(self._tables, self._stored)
            self._renew_at = now + RENEW

    def release(self) -> None:
        """Let others go on at once, if they can be told."""
        if self._renew_at is not None:
            self._stored.writer, self._stored.claimed_until = "", None
            with suppress(Changed, AzureError):
                self._stored.etag = write_progress(self._tables, self._stored)
            self._renew_at = None


class ClaimedTables(Tables):
    """Tables that write only while the claim is held."""

    def __init__(self, tables: Tables, claim: Claim) -> None:
        self.service, self._tables, self._claim = tables.service, tables, claim

    def insert(self, table: str, entity: Entity, *, create: bool = True) -> None:
        self._claim.hold()
        self._tables.insert(table, entity, create=create)

    def replace(self, table: str, entity: Entity, etag: str | None, mode: UpdateMode = UpdateMode.REPLACE) -> str:
        self._claim.hold()
        return self._tables.replace(table, entity, etag, mode)

    def upsert(self, table: str, entities: Iterable[Entity], mode: UpdateMode = UpdateMode.REPLACE) -> None:
        self._claim.hold()
        self._tables.upsert(table, entities, mode)

    def delete(self, table: str, keys: Iterable[tuple[str, str]]) -> None:
        self._claim.hold()
        self._tables.delete(table, keys)


def writer_name() -> str:
    """A name of its own for each evaluator, by which others on this machine see whether its process lives."""
    return f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex}"


def _is_gone(writer: str) -> bool:
    """Whether the writer was a process of this machine that is no more."""
    host, _, rest = writer.partition("/")
    if host != socket.gethostname() or os.name != "posix":
        return False
    try:
        os.kill(int(rest.partition("/")[0]), 0)  # asks, and sends nothing
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


def _tails(state: dict[str, Any]) -> dict[str, Tail]:
    return {partition: Tail(last, date.fromisoformat(day)) for partition, (last, day) in state.items()}


def _written(tails: dict[str, Tail]) -> dict[str, tuple[int, str]]:
    return {partition: (tail.last, tail.day.isoformat()) for partition, tail in tails.items() if tail.day}


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
