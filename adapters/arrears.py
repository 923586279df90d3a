"""How far ingest lags behind the hub, looked up: positions from the tables, ages from the hub."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from adapters.batches import Batch, BatchLog, Tail
from adapters.hub import Hub
from adapters.progress import Progress
from pipeline.arrears import Arrears, PartitionState


def last_batches(batches: BatchLog, progress: Progress) -> dict[str, Batch | Tail]:
    """Partition -> the last batch that was written, or where evaluation has come, if there is no later one."""
    found: dict[str, Batch | Tail] = {}
    for partition in batches.partitions() | progress.tails.keys():
        known = progress.tails.get(partition, Tail(-1, None))
        found[partition] = batches.last(partition, known) or known
    return found


def look(hub: Hub, last: Mapping[str, Batch | Tail], progress: Progress, now: datetime) -> list[Arrears]:
    """Of every partition of the hub. Raises azure.eventhub's EventHubError."""
    found = []
    for partition, state in hub.partitions().items():
        found.append(_arrears(partition, state, last.get(partition), progress))
    waiting = {one.partition: max(one.counted + 1, one.hub.begin) for one in found if one.is_to_be_looked_up(now)}
    ages = hub.enqueued(waiting) if waiting else {}
    return [replace(one, oldest=ages.get(one.partition)) for one in sorted(found, key=lambda one: (len(one.partition), one.partition))]


def _arrears(partition: str, state: PartitionState, last: Batch | Tail | None, progress: Progress) -> Arrears:
    if isinstance(last, Batch):
        return Arrears(partition, last.last, state, last.enqueued, last.written)
    counted = last.last if last is not None else -1
    return Arrears(partition, counted, state, progress.enqueued.get(partition), progress.evaluated if counted >= 0 else None)
