"""How far the evaluation has come: the one row that says from where to go on."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime

from adapters.batches import Tail
from adapters.tables import Tables
from model import Minute


@dataclass(slots=True)
class Progress:
    tails: dict[str, Tail] = field(default_factory=dict)
    """Partition -> the last batch that was evaluated."""
    watermark: Minute | None = None
    closed_until: Minute | None = None
    evaluated: datetime | None = None
    etag: str | None = None


def read_progress(tables: Tables) -> Progress:
    entity = tables.get("progress", "evaluate", "progress")
    if entity is None:
        return Progress()
    state = json.loads(entity["state"])
    return Progress(
        tails={partition: Tail(last, date.fromisoformat(day)) for partition, (last, day) in state["tails"].items()},
        watermark=state["watermark"],
        closed_until=state["closedUntil"],
        evaluated=datetime.fromisoformat(state["evaluated"]),
        etag=entity["etag"],
    )


def write_progress(tables: Tables, progress: Progress) -> str:
    """The new ETag. Raises Changed when another instance wrote since it was read."""
    state = {
        "tails": {partition: (tail.last, tail.day.isoformat()) for partition, tail in progress.tails.items() if tail.day},
        "watermark": progress.watermark,
        "closedUntil": progress.closed_until,
        "evaluated": progress.evaluated.isoformat() if progress.evaluated else None,
    }
    entity = {"PartitionKey": "evaluate", "RowKey": "progress", "state": json.dumps(state)}
    return tables.replace("progress", entity, progress.etag)
