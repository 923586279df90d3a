"""A cold start: what was open is rebuilt from the log of batches, what only the slowest attacks need a few seconds at a time."""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain, islice, takewhile
from time import monotonic
from typing import Protocol

from adapters import ledger
from adapters.batches import Batch, BatchLog, Tail
from adapters.progress import Progress
from adapters.stock import Stock
from adapters.tables import Tables, joined
from model import Endpoint, Minute, is_service_endpoint, minute_of, moment
from pipeline.evaluation import RECALL
from pipeline.share import Share
from pipeline.step import Regular
from windows.baseline import MINUTES_PER_DAY, Baseline, unpack_baseline
from windows.context import Context
from windows.tally import Tally, unpack

log = logging.getLogger("gatewatch.evaluate")

BATCHES_PER_STEP = 64
"""Of one partition: bounds what a step holds in memory after a long pause."""
RECALL_SECONDS = 10.0
"""Of one tick, for rebuilding what only the slowest attacks need."""


class Recalls(Protocol):
    """An evaluation, or a part of one."""

    def recall(self, partition: str, tally: Tally, position: int) -> None: ...
    def settle(self, until: Minute) -> None: ...


class Knows(Protocol):
    def placed(self, tally: Tally) -> Tally: ...
    def know(self, contexts: Mapping[Endpoint, Context]) -> None: ...


class Recall:
    def __init__(self, batches: BatchLog, evaluation: Recalls, stored: Progress) -> None:
        """Rebuild the windows that are not closed, a few batches at a time; what the rolling days need beside them is left for `go_on`."""
        self._evaluation = evaluation
        self._recalled = 0
        closed, since = stored.closed_until or 0, (stored.watermark or 0) - RECALL
        older = [batches.recall(partition, tail, since, closed) for partition, tail in sorted(stored.tails.items())]
        self._older: Iterator[Batch] | None = chain.from_iterable(older) if stored.watermark is not None else None
        live = {partition: batches.recall(partition, tail, closed) for partition, tail in sorted(stored.tails.items())}
        while live:
            reached: list[Minute] = []
            for partition, found in list(live.items()):
                some = list(islice(found, BATCHES_PER_STEP))
                for batch in some:
                    evaluation.recall(partition, unpack(batch.packed), batch.last)
                if len(some) == BATCHES_PER_STEP:
                    reached.append(some[-1].newest)
                else:
                    del live[partition]
            if reached:
                evaluation.settle(min(reached))

    def go_on(self, closed_until: Minute | None, now: datetime) -> None:
        """Go on with the rolling days: on a busy hub a day is tens of thousands of batches, and what is live must not wait for them. Before a day is closed it
        must be whole."""
        if self._older is None:
            return
        hurried = (closed_until or 0) // MINUTES_PER_DAY == minute_of(now) // MINUTES_PER_DAY
        until = monotonic() + RECALL_SECONDS
        for batch in self._older:
            self._evaluation.recall(batch.partition, unpack(batch.packed), batch.last)
            self._recalled += 1
            if hurried and monotonic() > until:
                return
        if self._recalled:
            log.info("recalled the rolling days from %d batches", self._recalled)
        self._older, self._recalled = None, 0


def recall_stock(batches: BatchLog, stored: Progress, stock: Stock, evaluation: Knows) -> None:
    """Count again what was evaluated and is not in every row of the inventory yet."""
    for partition, tail in sorted(stored.tails.items()):
        behind = batches.read(partition, stored.stocked.get(partition, Tail(-1, None)))
        for batch in takewhile(lambda one, last=tail.last: one.last <= last, behind):  # type: ignore[misc]
            tally = evaluation.placed(unpack(batch.packed))
            evaluation.know(stock.take([(partition, batch.last, tally)], stored.watermark or 0))


def baselines(tables: Tables, share: Share | None = None) -> Iterator[Baseline]:
    """Those of a share, and those of services, by which every share is told how well a service is known."""
    for row in tables.query("baselines", "PartitionKey eq 'baselines'"):
        baseline = unpack_baseline(joined(row))
        if share is None or is_service_endpoint(baseline.endpoint) or share.holds(baseline.endpoint):
            yield baseline


def regulars(tables: Tables, stored: Progress, share: Share | None = None) -> Iterator[Regular]:
    for regular in ledger.regulars(tables, (moment(stored.closed_until or 0) - timedelta(days=30)).date()):
        if share is None or share.holds(regular.endpoint):
            yield regular
