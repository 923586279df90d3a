"""The `losses` table: calls that never came, because the hub dropped them before they were read. How many, of which partition, and between which times."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from adapters.batches import Batch
from adapters.tables import Tables, int64, number

TABLE = "losses"


@dataclass(frozen=True, slots=True)
class Loss:
    """`first`: the first sequence number of the batch in front of which, or in which, they are missing. `since` and `until`: when the hub got the events before and
    after them."""

    partition: str
    first: int
    calls: int
    since: datetime | None
    until: datetime


def write(tables: Tables, batches: Iterable[tuple[Batch, datetime | None]], now: datetime) -> list[Loss]:
    """Keep what is missing from batches, each with when the hub got the event before it. A repeat is harmless."""
    found = [Loss(one.partition, one.first, one.missing, since, one.enqueued or now) for one, since in batches if one.missing]
    tables.upsert(
        TABLE,
        (
            {
                "PartitionKey": f"{loss.until:%Y%m}",
                "RowKey": f"{loss.partition}-{loss.first:020d}",
                "partition": loss.partition,
                "first": int64(loss.first),
                "calls": int64(loss.calls),
                "until": loss.until,
                **({"since": loss.since} if loss.since else {}),
            }
            for loss in found
        ),
    )
    return found


def read(tables: Tables, month: datetime) -> Iterator[Loss]:
    """Those of a month, oldest first within a partition."""
    for row in tables.query(TABLE, "PartitionKey eq @month", month=f"{month:%Y%m}"):
        yield Loss(row["partition"], number(row["first"]), number(row["calls"]), row.get("since"), row["until"])


def since(tables: Tables, start: datetime, now: datetime) -> list[Loss]:
    months = {f"{start:%Y%m}": start, f"{now:%Y%m}": now}
    return [loss for month in months.values() for loss in read(tables, month) if loss.until >= start]


def expire(tables: Tables, before: datetime) -> int:
    """Forget the months before; how many losses they had."""
    keys = [
        (row["PartitionKey"], row["RowKey"])
        for row in tables.query(TABLE, "PartitionKey lt @month", select=["PartitionKey", "RowKey"], month=f"{before:%Y%m}")
    ]
    tables.delete(TABLE, keys)
    return len(keys)


def sentence(losses: Iterable[Loss]) -> str:
    """How many calls were lost, and when; "" for none."""
    losses = list(losses)
    if not losses:
        return ""
    total = sum(loss.calls for loss in losses)
    partitions = ", ".join(sorted({loss.partition for loss in losses}, key=lambda name: (len(name), name)))
    first = min(loss.since or loss.until for loss in losses)
    last = max(loss.until for loss in losses)
    return f"{total} calls were lost between {first:%Y-%m-%d %H:%M} and {last:%Y-%m-%d %H:%M}: the hub dropped them unread (partition {partitions})"
