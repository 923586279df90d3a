"""Ingest one batch of events: decode, quarantine what is no call, fold the rest, append it to the chain exactly once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adapters.batches import Batch, BatchLog, Behind, Tail
from adapters.evidence import Evidence, Rejection
from adapters.tables import LARGEST_ENTITY
from model import ApiCall
from pipeline.decode import Rejected, decode
from pipeline.fold import fold
from pipeline.tally import pack

if TYPE_CHECKING:
    from azure.functions import EventHubEvent

AHEAD = timedelta(minutes=10)
"""How far a gateway's clock may run ahead of ours."""


@dataclass(frozen=True, slots=True)
class Event:
    """One message of one hub partition. `enqueued` is aware."""

    sequence: int
    enqueued: datetime
    body: bytes


def events_of(events: Sequence["EventHubEvent"]) -> list[Event]:
    """The events of a trigger's batch. Raises ValueError where the host gave one no sequence number: it could be counted twice."""
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
    return found


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one batch came to: `repeated` events had been counted before."""

    calls: int
    rejected: int
    repeated: int


class Ingest:
    """Knows where the chain of each partition ended; that knowledge may be stale, and the chain then says so."""

    def __init__(self, log: BatchLog, evidence: Evidence, key: bytes, max_age: timedelta, progress: Callable[[str], Tail]) -> None:
        """`progress`: a place on a partition's chain to start looking for its end from."""
        self._log, self._evidence, self._key, self._max_age, self._progress = log, evidence, key, max_age, progress
        self._tails: dict[str, Tail] = {}

    def batch(self, partition: str, events: Sequence[Event], now: datetime) -> Ingested:
        """Count the events, in sequence order, that nobody has counted yet. Raises only for a storage fault."""
        counted = rejected = 0
        tail = self._tails.get(partition) or self._find(partition)
        left = [event for event in events if event.sequence > tail.last]
        while left:
            if left[0].sequence > tail.last + 1 and tail == self._tails.get(partition):
                # a hole: events that the hub dropped, or a rival that went on while we slept
                tail = self._find(partition)
            else:
                calls, rejections = self._decode(partition, left, now)
                batch = self._pack(partition, tail, left, calls, len(rejections))
                if batch is None:
                    half = self.batch(partition, left[: len(left) // 2], now)
                    rest = self.batch(partition, left[len(left) // 2 :], now)
                    return Ingested(half.calls + rest.calls, half.rejected + rest.rejected, len(events) - len(left))
                if rejections:
                    self._evidence.quarantine(rejections)
                try:
                    self._log.append(batch)
                    tail = self._tails[partition] = Tail(batch.last, batch.day)
                    counted, rejected = len(calls), len(rejections)
                except Behind:
                    tail = self._find(partition)
            left = [event for event in left if event.sequence > tail.last]
        return Ingested(counted, rejected, len(events) - counted - rejected)

    def _find(self, partition: str) -> Tail:
        known = self._tails.get(partition) or self._progress(partition)
        self._tails.pop(partition, None)
        return self._log.tail(partition, known)

    def _decode(self, partition: str, events: Sequence[Event], now: datetime) -> tuple[list[ApiCall], list[Rejection]]:
        oldest, newest = now - self._max_age, now + AHEAD
        calls: list[ApiCall] = []
        rejections: list[Rejection] = []
        for event in events:
            try:
                calls.append(decode(event.body, oldest, newest))
            except Rejected as error:
                rejections.append(Rejection(partition, event.sequence, event.enqueued, str(error), event.body))
        return calls, rejections

    def _pack(self, partition: str, tail: Tail, events: Sequence[Event], calls: list[ApiCall], rejected: int) -> Batch | None:
        """None where the batch must be halved to fit into an entity."""
        packed = pack(fold(calls, self._key))
        if len(packed) > LARGEST_ENTITY and len(events) > 1:  # the caps of fold keep one call below 100 KiB
            return None
        day = events[0].enqueued.astimezone(UTC).date()
        return Batch(partition, tail.last + 1, events[-1].sequence, day, packed, rejected)
