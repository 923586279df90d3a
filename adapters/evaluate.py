"""One tick of the evaluation: read what the log has grown by, let the pure evaluation judge it, write what it says."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, islice, takewhile
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from adapters import alerts, campaigns, inventory, ledger, losses, responses, suppressions
from adapters.batches import Batch, BatchLog, Tail
from adapters.country_days import CountryDays
from adapters.key_uses import KeyUses
from adapters.progress import Claim, ClaimedTables, Progress, read_progress, write_progress, writer_name
from adapters.steps import write_step
from adapters.stock import Stock, Tallies
from adapters.tables import Changed, Tables, joined
from adapters.telemetry import Reporter
from adapters.tombstones import TombstoneStore
from alerts.suppression import Rules
from model import Minute, minute_of, moment
from pipeline.evaluation import RECALL, Evaluation
from pipeline.limits import Limits
from pipeline.start import Criteria, EvaluationState
from pipeline.step import Regular, Step
from retention.guard import Guard
from retention.policy import Promises, promises
from windows.baseline import MINUTES_PER_DAY, Baseline, unpack_baseline
from windows.tally import unpack

if TYPE_CHECKING:
    from adapters.drift_step import DriftStep

log = logging.getLogger("gatewatch.evaluate")

BATCHES_PER_STEP = 64
"""Of one partition: bounds what a step holds in memory after a long pause."""
RECALL_SECONDS = 10.0
"""Of one tick, for rebuilding what only the slowest attacks need."""
FRESH = timedelta(minutes=1)
"""How long a new suppression rule may take to be in force."""


class Evaluator:
    """Holds the evaluation between ticks; when another instance wrote progress, or after a fault, it starts cold from the tables."""

    def __init__(
        self,
        tables: Tables,
        batches: BatchLog,
        key: bytes,
        close_after: int,
        tombstones: TombstoneStore | None = None,
        kept: Promises | None = None,
        limits: Callable[[datetime], Limits] | None = None,
        drift: "DriftStep | None" = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`limits`: those in force at a moment; without it the detectors' own. `drift`: compares the inventory with what is declared. `clock`: what a claim
        is measured by."""
        self._tables, self._batches, self._key, self._close_after = tables, batches, key, close_after
        self._tombstones, self._kept = tombstones or TombstoneStore(tables, key), kept or promises()
        self._limits = limits or (lambda _: Limits())
        self._drift = drift
        self._rules = Rules()
        self._rules_until: datetime | None = None
        self._evaluation: Evaluation | None = None
        self._older: Iterator[Batch] | None = None
        """What is still to be recalled of the rolling days."""
        self._recalled = 0
        self._progress = Progress()
        self._learned: str | None = None
        self._stock = Stock((), {}, key)
        self._countries = CountryDays(tables, key)
        self._key_uses = KeyUses(tables, key)
        self._reporter = Reporter()
        self._name, self._clock = writer_name(), clock
        self._lock = Lock()
        self._began = monotonic()

    def tick(self, now: datetime, deadline: datetime) -> int:
        """Evaluate until the log has no more or `deadline` has come; the number of batches. Raises only for a storage fault."""
        with self._lock:  # the timer, and whoever runs it on demand
            return self._tick(now, deadline)

    def _tick(self, now: datetime, deadline: datetime) -> int:
        done, self._began = 0, monotonic()
        if self._rules_until is None or now >= self._rules_until:
            self._rules, self._rules_until = Rules(suppressions.read(self._tables)), now + FRESH
        while True:
            stored = read_progress(self._tables)
            if stored.is_claimed(self._name, self._clock()):
                log.warning("another instance is writing an evaluation; it goes first")
                return done
            claim = Claim(self._tables, stored.copy(), self._name, self._clock)
            try:
                fed = self._advance(stored, claim, now, is_first=not done)
            except Changed:
                self._evaluation = None
                log.warning("another instance evaluates too; starting again from the tables")
                return done
            except BaseException:
                self._evaluation = None  # nothing was advanced: what was written is written again, to the same keys
                claim.release()
                raise
            done += fed
            if not fed or datetime.now(UTC) >= deadline:
                return done

    def _advance(self, stored: Progress, claim: Claim, now: datetime, *, is_first: bool) -> int:
        """Feed what the log has grown by, judge it and write it, as one: whatever fails in between, the next tick begins where this one did. `is_first`: of
        its tick."""
        evaluation = self._warm(stored, now)
        evaluation.suppress(self._rules)
        evaluation.limit(self._limits(now))
        self._recall_days(evaluation, now)
        tallies: Tallies = []
        gaps: list[tuple[Batch, datetime | None]] = []
        for partition, batches in self._batches.grown(self._progress.tails):
            for batch in islice(batches, BATCHES_PER_STEP):
                tally = unpack(batch.packed)
                evaluation.feed(partition, tally, batch.last)
                tallies.append((partition, batch.last, evaluation.placed(tally)))
                self._progress.tails[partition] = Tail(batch.last, batch.day)
                if batch.missing:
                    gaps.append((batch, self._progress.enqueued.get(partition)))
                if batch.enqueued:
                    self._progress.enqueued[partition] = batch.enqueued
        self._write(evaluation, evaluation.step(now), tallies, gaps, claim, now, is_quiet=is_first and not tallies)
        return len(tallies)

    def _warm(self, stored: Progress, now: datetime) -> Evaluation:
        """The evaluation, rebuilt from the tables unless it is ours and up to date."""
        learned = self._tables.get("progress", "baseline", "baseline")
        version = str(learned["etag"]) if learned else None
        if self._evaluation is not None and stored.etag == self._progress.etag:
            if version != self._learned:
                self._evaluation.learn(_baselines(self._tables), self._regulars(stored))
                self._learned = version
            return self._evaluation
        self._evaluation = None
        self._countries = CountryDays(self._tables, self._key)
        self._key_uses = KeyUses(self._tables, self._key)
        self._stock = Stock(inventory.read(self._tables), inventory.coverages(self._tables), self._key)
        since = (stored.watermark or 0) - 24 * 60
        lately = list(alerts.read(self._tables, since))
        evaluation = Evaluation(
            EvaluationState(
                watermark=stored.watermark,
                closed_until=stored.closed_until,
                alerts=lately,
                folded=campaigns.read(self._tables, lately),
                incidents=alerts.read_incidents(self._tables, since),
                learned=inventory.learned(self._tables),
                regulars=self._regulars(stored),
            ),
            Criteria(
                baselines=_baselines(self._tables),
                contexts=self._stock.contexts(),
                limits=self._limits(now),
                rules=self._rules,
            ),
            close_after=self._close_after,
        )
        self._recall_stock(evaluation, stored)
        self._recall_live(evaluation, stored)
        self._evaluation, self._progress, self._learned = evaluation, stored, version
        return evaluation

    def _recall_stock(self, evaluation: Evaluation, stored: Progress) -> None:
        """Count again what was evaluated and is not in every row of the inventory yet."""
        for partition, tail in sorted(stored.tails.items()):
            behind = self._batches.read(partition, stored.stocked.get(partition, Tail(-1, None)))
            for batch in takewhile(lambda one, last=tail.last: one.last <= last, behind):  # type: ignore[misc]
                tally = evaluation.placed(unpack(batch.packed))
                evaluation.know(self._stock.take([(partition, batch.last, tally)], stored.watermark or 0))

    def _recall_live(self, evaluation: Evaluation, stored: Progress) -> None:
        """Rebuild the windows that are not closed, a few batches at a time; what the rolling days need beside them is left for `_recall_days`."""
        closed, since = stored.closed_until or 0, (stored.watermark or 0) - RECALL
        older = [self._batches.recall(partition, tail, since, closed) for partition, tail in sorted(stored.tails.items())]
        self._older = chain.from_iterable(older) if stored.watermark is not None else None
        live = {partition: self._batches.recall(partition, tail, closed) for partition, tail in sorted(stored.tails.items())}
        while live:
            reached: list[Minute] = []
            for partition, batches in list(live.items()):
                some = list(islice(batches, BATCHES_PER_STEP))
                for batch in some:
                    evaluation.recall(partition, unpack(batch.packed), batch.last)
                if len(some) == BATCHES_PER_STEP:
                    reached.append(some[-1].newest)
                else:
                    del live[partition]
            if reached:
                evaluation.settle(min(reached))

    def _recall_days(self, evaluation: Evaluation, now: datetime) -> None:
        """Go on rebuilding the rolling days after a cold start, for some seconds a tick: on a busy hub a day is tens of thousands of batches, and what is live
        must not wait for them. Before a day is closed it must be whole."""
        if self._older is None:
            return
        hurried = (self._progress.closed_until or 0) // MINUTES_PER_DAY == minute_of(now) // MINUTES_PER_DAY
        until = monotonic() + RECALL_SECONDS
        for batch in self._older:
            evaluation.recall(batch.partition, unpack(batch.packed), batch.last)
            self._recalled += 1
            if hurried and monotonic() > until:
                return
        if self._recalled:
            log.info("recalled the rolling days from %d batches", self._recalled)
        self._older, self._recalled = None, 0

    def _regulars(self, stored: Progress) -> Iterator[Regular]:
        return ledger.regulars(self._tables, (moment(stored.closed_until or 0) - timedelta(days=30)).date())

    def _write(
        self,
        evaluation: Evaluation,
        step: Step,
        tallies: Tallies,
        gaps: list[tuple[Batch, datetime | None]],
        claim: Claim,
        now: datetime,
        *,
        is_quiet: bool,
    ) -> None:
        tables = ClaimedTables(self._tables, claim)
        claim.hold()
        losses.write(tables, gaps, now)
        lately = now + timedelta(seconds=monotonic() - self._began)  # a tick that catches up lasts longer than the erased may be unknown
        guard = Guard(self._key, now, self._kept, self._tombstones.at(lately))
        self._stock.admit(tables, step.learned, (row.endpoint for row in chain(step.changed, step.closed)))
        write_step(tables, step, guard, now)
        minute = step.watermark if step.watermark is not None else minute_of(now)
        evaluation.know(self._stock.take(tallies, minute))  # judged by what the inventory said before
        responses.count(tables, tallies)
        self._countries.add(tallies)
        self._key_uses.add(tables, (tally for _, _, tally in tallies), guard.keeps)
        if self._drift is not None:
            evaluation.know(self._stock.compare(self._drift, now))
        progress = self._progress
        progress.stocked = self._stock.write(tables, progress.tails, now, is_quiet=is_quiet) or progress.stocked
        progress.watermark, progress.closed_until, progress.evaluated = step.watermark, step.closed_until, now
        progress.writer, progress.claimed_until, progress.etag = "", None, claim.etag
        progress.etag = write_progress(self._tables, progress)
        self._reporter.step(step, now)


def _baselines(tables: Tables) -> Iterator[Baseline]:
    for row in tables.query("baselines", "PartitionKey eq 'baselines'"):
        yield unpack_baseline(joined(row))
