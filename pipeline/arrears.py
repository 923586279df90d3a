"""How far ingest lags behind the hub: not in events alone but in time, for what waits longer than the hub keeps it is lost."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

STALLED = timedelta(minutes=2)
"""A batch waits 15 s to fill, a failed one at most a minute for its next try: what waits longer without any batch is not being read."""
SLOW = timedelta(minutes=15)
"""So far behind, alerts come too late to be of use."""
SHARE = 0.25
"""Of the hub's retention: what lags so far will be lost if nobody acts today."""


@dataclass(frozen=True, slots=True)
class PartitionState:
    """What the hub says of a partition: the sequence numbers of the oldest event that it still has and of the newest one, -1 while it never had any."""

    begin: int
    newest: int
    newest_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Arrears:
    """One partition of the hub. `counted`: the last sequence number in a batch, -1 for none; `counted_at` when the hub got that event; `batched` when the last
    batch was written; `oldest` when the hub got the first event that waits, as far as it was looked up."""

    partition: str
    counted: int
    hub: PartitionState
    counted_at: datetime | None = None
    batched: datetime | None = None
    oldest: datetime | None = None

    @property
    def waiting(self) -> int:
        """Events that the hub has and no batch does."""
        return max(0, self.hub.newest - max(self.counted, self.hub.begin - 1))

    @property
    def expired(self) -> int:
        """Events that the hub dropped before they were read, and that no batch has noticed yet. What was there before the first batch is not missed."""
        return max(0, min(self.hub.begin, self.hub.newest + 1) - self.counted - 1) if self.counted >= 0 else 0

    @property
    def since(self) -> datetime | None:
        """The earliest time from which an event may wait; None where none does."""
        if not self.waiting:
            return None
        return self.oldest or self.counted_at

    def is_to_be_looked_up(self, now: datetime) -> bool:
        """Whether the hub has to be asked for the age of what waits: the last event that was counted may be old because nothing came after it."""
        return bool(self.waiting) and self.oldest is None and (self.counted_at is None or now - self.counted_at > STALLED)

    def problems(self, retention: timedelta, now: datetime) -> Iterator[str]:
        if self.expired:
            yield f"the hub dropped {self.expired} calls of partition {self.partition} before they were read"
        since = self.since
        if since is None:
            return
        behind = now - since
        batched = "" if self.batched is None else f", the last batch was written at {self.batched:%Y-%m-%d %H:%M:%S}"
        if behind > STALLED and (self.batched is None or now - self.batched > STALLED):
            yield f"partition {self.partition} is not read: {self.waiting} events wait since {since:%Y-%m-%d %H:%M:%S}{batched}"
        elif behind > min(SLOW, SHARE * retention):
            yield f"partition {self.partition} is {_span(behind)} behind: {self.waiting} events wait"
        if behind > SHARE * retention:
            yield f"the hub drops the calls of partition {self.partition} that wait in {_span(max(timedelta(), retention - behind))}, unless they are read"


def problems(arrears: Iterable[Arrears], retention: timedelta, now: datetime) -> list[str]:
    return [problem for one in arrears for problem in one.problems(retention, now)]


def _span(time: timedelta) -> str:
    minutes = int(time.total_seconds()) // 60
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
