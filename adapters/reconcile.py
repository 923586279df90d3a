"""Counts compared: what the batches of a day say was called, and what windows, ledger, inventory and usage make of it. Nothing may differ."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from adapters import inventory, ledger, windows
from adapters.baseline import EPOCH, summaries
from adapters.batches import BatchLog, Tail
from adapters.progress import Progress, read_progress
from adapters.tables import Tables
from model import NOBODY, Endpoint, is_service_endpoint, moment
from pipeline.placing import placed
from pipeline.templates import Templates
from windows.baseline import MINUTES_PER_DAY
from windows.live import ACTORS
from windows.tally import Tally, unpack

NAMED = 5
"""Endpoints that a sentence names."""


@dataclass(slots=True)
class Counted:
    """What the batches say of one day of event time."""

    calls: Counter[Endpoint] = field(default_factory=Counter)
    """Of every batch that was evaluated."""
    stocked: Counter[Endpoint] = field(default_factory=Counter)
    """Of every batch that is in the inventory's rows."""
    addressed: int = 0
    """Calls of known addresses."""
    differences: list[str] = field(default_factory=list)


def run(tables: Tables, batches: BatchLog, now: datetime, until: Callable[[], bool] = lambda: False) -> list[str] | None:
    """Compare yesterday, and keep what differs, a sentence each. None where its last window is not closed yet, or the time did not suffice."""
    progress = read_progress(tables)
    if progress.closed_until is None:
        return None
    day = moment(progress.closed_until).date() - timedelta(days=1)
    counted = _count(tables, batches, progress, day, until)
    if counted is None:
        return None
    differences = [*counted.differences, *_compared(tables, day, counted)]
    row = {
        "PartitionKey": "reconciliation",
        "RowKey": "reconciliation",
        "day": day.isoformat(),
        "made": now,
        "differences": json.dumps(differences[:50]),
    }
    tables.upsert("progress", [row])
    return differences


def last(tables: Tables) -> tuple[date, list[str]] | None:
    """The day that was compared last, and what differed."""
    row = tables.get("progress", "reconciliation", "reconciliation")
    return (date.fromisoformat(row["day"]), json.loads(row["differences"])) if row else None


def _count(tables: Tables, batches: BatchLog, progress: Progress, day: date, until: Callable[[], bool]) -> Counted | None:
    found, templates = Counted(), Templates(inventory.learned(tables))
    start = (day - EPOCH).days * MINUTES_PER_DAY
    for partition, tail in sorted(progress.tails.items()):
        stocked = progress.stocked.get(partition, Tail(-1, None)).last
        for batch in batches.recall(partition, tail, start):
            if until():
                return None
            tally = placed(unpack(batch.packed), templates).tally
            events = batch.last - batch.first + 1 - batch.missing
            if tally.calls + batch.rejected != events and batch.first:  # the first batch of a chain begins wherever the hub did
                found.differences.append(
                    f"partition {partition}: the batch of {batch.first} to {batch.last} holds {tally.calls} calls and {batch.rejected} rejected of {events} events"
                )
            _add(found, tally, start, is_stocked=batch.last <= stocked)
    return found


def _add(found: Counted, tally: Tally, start: int, *, is_stocked: bool) -> None:
    endpoints = tally.endpoints
    for minute, endpoint, ip, _, n, *_ in tally.rows("calls"):
        if start <= minute < start + MINUTES_PER_DAY:
            found.calls[endpoints[endpoint]] += n
            found.addressed += n if tally.ips[ip] not in NOBODY else 0
            if is_stocked:
                found.stocked[endpoints[endpoint]] += n


def _compared(tables: Tables, day: date, counted: Counted) -> list[str]:
    number = (day - EPOCH).days
    seen: Counter[Endpoint] = Counter()
    is_exact = True
    for row in windows.read(tables, day):
        if not is_service_endpoint(row.endpoint):
            seen[row.endpoint] += row.record.n
            is_exact = is_exact and row.record.ips < ACTORS * 3 // 4
    stocked = Counter(
        {
            endpoint: known.days[number].calls
            for endpoint, known in inventory.read(tables)
            if known is not None and number in known.days and not is_service_endpoint(endpoint)
        }
    )
    found = [*_differs(f"windows of {day}", counted.calls, seen), *_differs(f"inventory of {day}", counted.stocked, stocked)]
    kept = ledger.total(tables, day)
    if kept > counted.addressed or (is_exact and kept < counted.addressed):
        found.append(f"ledger of {day}: {kept} calls, the batches say {counted.addressed}")
    learned = sum(one.calls for one in summaries(tables, day) if not is_service_endpoint(one.endpoint))
    again = tables.get(f"days{day:%Y%m}", f"{day:%Y%m%d}", windows.AGAIN)
    if learned and not again and learned != seen.total():
        found.append(f"usage of {day}: {learned} calls, the windows say {seen.total()}")
    return found


def _differs(what: str, batches: Counter[Endpoint], found: Counter[Endpoint]) -> list[str]:
    wrong = sorted(endpoint for endpoint in batches.keys() | found.keys() if batches[endpoint] != found[endpoint])
    if not wrong:
        return []
    named = "; ".join(f"{endpoint} {found[endpoint]} for {batches[endpoint]}" for endpoint in wrong[:NAMED])
    return [f"{what}: {found.total()} calls, the batches say {batches.total()} ({len(wrong)} endpoints differ: {named})"]


def state(tables: Tables) -> dict[str, Any] | None:
    """For health."""
    found = last(tables)
    return {"day": found[0].isoformat(), "differences": found[1]} if found else None
