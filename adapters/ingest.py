"""Ingest one batch of events: decode, quarantine what is no call, fold the rest, append it to the chain exactly once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from adapters.batches import Batch, BatchLog, Behind, Tail
from adapters.evidence import Evidence, Rejection
from adapters.intake import Arrived, enqueued_at
from adapters.tables import LARGEST_ENTITY, Missing
from adapters.tombstones import TombstoneStore
from intel.addresses import TrustedProxies
from model import ApiCall, minute_of
from pipeline.contents import Look
from pipeline.decode import decode_all
from pipeline.fold import fold
from pipeline.looks import Looks
from retention.policy import Promises, first_open_day, is_open, promises
from retention.subject import Tombstones, actors, fingerprints, without
from windows.tally import pack

if TYPE_CHECKING:
    from azure.functions import EventHubEvent

    from adapters.countries import Countries
    from adapters.reload import Reloaded
    from intel.index import Index


NO_PARTITION = "the host did not say of which partition the message is"
QUARANTINED_OF_BATCH = 100
"""Messages of one batch that are kept to be looked at: a sender that is broken sends the same a thousand times."""
QUARANTINED_OF_HOUR = 2_000
"""Messages of one partition and hour, as far as one process remembers: 8 MiB, at most 1.5 GiB in 48 hours and four partitions."""
REMEMBERED = 16_384
"""Addresses of which is remembered whether they are listed."""

AHEAD = timedelta(minutes=10)
"""How far a gateway's clock may run ahead of ours."""


class Event(NamedTuple):
    """One message of one hub partition. `enqueued` is aware."""

    sequence: int
    enqueued: datetime
    body: bytes


class Events:
    """Events of one hub partition as columns, so that of a thousand nobody makes a thousand objects."""

    __slots__ = ("_read", "_stamps", "bodies", "sequences")

    def __init__(self, sequences: list[int], bodies: list[bytes], stamps: Sequence[Any], read: Callable[[Any], datetime]) -> None:
        """`stamps`: when each was enqueued, in a form that `read` makes an aware time of: of most nobody asks."""
        self.sequences, self.bodies, self._stamps, self._read = sequences, bodies, stamps, read

    @classmethod
    def of(cls, events: Sequence[Event]) -> "Events":
        return cls(
            [event.sequence for event in events], [event.body for event in events], [event.enqueued for event in events], lambda at: at
        )

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, part: slice) -> "Events":
        return Events(self.sequences[part], self.bodies[part], self._stamps[part], self._read)

    def enqueued(self, at: int) -> datetime:
        return self._read(self._stamps[at])

    def after(self, last: int) -> "Events":
        """Those with larger sequence numbers."""
        if min(self.sequences, default=last + 1) > last:
            return self
        kept = [at for at, sequence in enumerate(self.sequences) if sequence > last]
        return Events([self.sequences[at] for at in kept], [self.bodies[at] for at in kept], [self._stamps[at] for at in kept], self._read)


def events_of(events: Sequence["EventHubEvent"]) -> Events:
    """The events of a trigger's batch. Raises ValueError where the host gave one no sequence number: it could be counted twice."""
    if isinstance(events, Arrived):
        return Events(events.sequence_numbers, events.bodies, events.enqueued, enqueued_at)
    found = []
    for event in events:
        sequence, enqueued = event.sequence_number, event.enqueued_time
        if sequence is None:
            raise ValueError("an event without a sequence number")
        if enqueued is None:
            enqueued = datetime.now(UTC)
        elif enqueued.tzinfo is None:  # the worker's times are UTC and do not say so
            enqueued = enqueued.replace(tzinfo=UTC)
        found.append(Event(sequence, enqueued, event.get_body()))
    return Events.of(found)


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one batch came to: `repeated` events had been counted before; `overlooked` calls may carry an attack and found no time to be looked into."""

    calls: int
    rejected: int
    repeated: int
    overlooked: int = 0


class Ingest:
    """Knows where the chain of each partition ended; that knowledge may be stale, and the chain then says so."""

    def __init__(
        self,
        log: BatchLog,
        evidence: Evidence,
        key: bytes,
        max_age: timedelta,
        progress: Callable[[str], Tail],
        tombstones: TombstoneStore | None = None,
        kept: Promises | None = None,
        look: Callable[[bytes], Look] | None = None,
        trusted: TrustedProxies | None = None,
        listed: "Reloaded[Index] | None" = None,
        countries: "Countries | None" = None,
    ) -> None:
        """`progress`: a place on a partition's chain to start looking for its end from. `look`: what a message carries; without it nobody looks."""
        self._log, self._evidence, self._key, self._max_age, self._progress = log, evidence, key, max_age, progress
        self._looks, self._trusted, self._listed = Looks(look, key) if look is not None else None, trusted, listed
        self._countries = countries
        self._tombstones, self._kept = tombstones, kept or promises()
        self._tails: dict[str, Tail] = {}
        self._remembered: tuple[Index, Callable[[str], list[tuple[str, str]]]] | None = None
        self._quarantined: dict[str, tuple[str, int]] = {}
        """Partition -> hour, and messages kept of it."""

    def batch(self, partition: str, events: Events | Sequence[Event], now: datetime) -> Ingested:
        """Count the events, in sequence order, that nobody has counted yet. Raises only for a storage fault. `partition` "": the host did not say of which
        one they are, so no chain can hold them; they are quarantined whole."""
        events = events if isinstance(events, Events) else Events.of(events)
        if not partition:
            return self._without_partition(events, now)
        counted = rejected = overlooked = 0
        tail = self._tails.get(partition) or self._find(partition)
        erased = self._tombstones.at(now) if self._tombstones else Tombstones()
        left = events.after(tail.last)
        while left:
            if left.sequences[0] > tail.last + 1 and tail == self._tails.get(partition):
                # a hole: events that the hub dropped, or a rival that went on while we slept
                tail = self._find(partition)
            else:
                calls, messages, sent, refused = decode_all(left.bodies, now - self._max_age, now + AHEAD)
                rejections = [Rejection(partition, left.sequences[at], left.enqueued(at), why, left.bodies[at]) for at, why in refused]
                looks = self._looks.of(calls, messages, sent) if self._looks is not None else {}
                batch = self._pack(partition, tail, left, (calls, looks), len(rejections), erased, now)
                if batch is None:
                    half = self.batch(partition, left[: len(left) // 2], now)
                    rest = self.batch(partition, left[len(left) // 2 :], now)
                    repeated = len(events) - len(left)
                    return Ingested(half.calls + rest.calls, half.rejected + rest.rejected, repeated, half.overlooked + rest.overlooked)
                if rejections:
                    self._quarantine(partition, rejections, now, erased)
                try:
                    self._log.append(batch)
                    tail = self._tails[partition] = Tail(batch.last, batch.day)
                    counted, rejected = len(calls), len(rejections)
                    overlooked = sum(look.overlooked for look in looks.values())
                except Behind:
                    tail = self._find(partition)
                except Missing:
                    tail = self._after_dropped(partition, tail, batch.day, now)
            left = left.after(tail.last)
        return Ingested(counted, rejected, len(events) - counted - rejected, overlooked)

    def _without_partition(self, events: Events, now: datetime) -> Ingested:
        erased = self._tombstones.at(now) if self._tombstones else Tombstones()
        # two partitions can have the same numbers in one hour: the moment of the first tells their blobs apart
        name = f"unknown-{events.enqueued(0):%H%M%S%f}" if events else ""
        found = [
            Rejection(name, sequence, events.enqueued(at), NO_PARTITION, body)
            for at, (sequence, body) in enumerate(zip(events.sequences, events.bodies, strict=True))
        ]
        if found:
            self._evidence.quarantine([self._kept_of(rejection, now, erased) for rejection in found])
        return Ingested(0, len(found), 0)

    def _find(self, partition: str) -> Tail:
        known = self._tails.get(partition) or self._progress(partition)
        self._tails.pop(partition, None)
        return self._log.tail(partition, known)

    def _after_dropped(self, partition: str, known: Tail, day: date, now: datetime) -> Tail:
        """The end of a chain whose table was dropped before these late events came: where no later table has it, the first open one takes it."""
        self._tails.pop(partition, None)
        tail = self._log.tail(partition, max(known, self._progress(partition), key=lambda item: item.last))
        return tail if tail.day and tail.day > day else Tail(tail.last, first_open_day(day, self._kept, now))

    def _quarantine(self, partition: str, rejections: Sequence[Rejection], now: datetime, erased: Tombstones) -> None:
        """Keep some of a batch's rejections, fewer the more there were in this hour; each is counted in the batch's row in any case."""
        hour = f"{rejections[0].enqueued:%Y%m%d%H}"
        known_hour, before = self._quarantined.get(partition, (hour, 0))
        before = before if known_hour == hour else 0
        kept = rejections[: max(0, min(QUARANTINED_OF_BATCH, QUARANTINED_OF_HOUR - before))]
        if kept:
            self._evidence.quarantine([self._kept_of(item, now, erased) for item in kept])
        self._quarantined[partition] = hour, before + len(kept)

    def _kept_of(self, rejection: Rejection, now: datetime, erased: Tombstones) -> Rejection:
        """Without the message where it may not be kept: it is too old already, or names someone who was erased."""
        minute = minute_of(rejection.enqueued)
        if rejection.enqueued + self._kept["quarantine"] <= now or (
            erased and any(erased.hides(actor, minute) for actor in actors(rejection.body))
        ):
            return replace(rejection, body=b"")
        return rejection

    def _rules(self, now: datetime) -> Callable[[str], list[tuple[str, str]]]:
        """What the lists say of an address, remembered as long as the lists are the same: addresses repeat from batch to batch."""
        assert self._listed is not None
        index, known = self._listed.at(now), self._remembered
        if known is None or known[0] is not index:
            known = self._remembered = index, lru_cache(REMEMBERED)(index.rules)
        return known[1]

    def _pack(
        self,
        partition: str,
        tail: Tail,
        events: Events,
        looked: tuple[list[ApiCall], dict[int, Look]],
        rejected: int,
        erased: Tombstones,
        now: datetime,
    ) -> Batch | None:
        """None where the batch must be halved to fit into an entity."""
        listed = self._rules(now) if self._listed else None
        country = self._countries.at(now).look if self._countries else None
        tally = fold(looked[0], self._key, looked[1], self._trusted, listed, country)
        tally = without(tally, erased.hides) if erased else tally
        packed = pack(tally)
        if len(packed) > LARGEST_ENTITY and len(events) > 1:  # the caps of fold keep one call below 100 KiB
            return None
        day = events.enqueued(0).astimezone(UTC).date()
        day = max(day, tail.day or day)  # a sealed chain goes on in a later table
        return Batch(
            partition,
            tail.last + 1,
            events.sequences[-1],
            day,
            packed,
            rejected,
            fingerprints(tally),
            tally.newest,
            events.enqueued(-1),
            now,
            _missing(tail, events),
            not is_open(day, self._kept, now),
        )


def _missing(tail: Tail, events: Events) -> int:
    """How many sequence numbers between the end of the chain and the last event never came. What was there before the first batch is not missed."""
    before = tail.last if tail.last >= 0 else events.sequences[0] - 1
    return events.sequences[-1] - before - len(set(events.sequences))
