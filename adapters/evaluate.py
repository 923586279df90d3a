"""One tick of the evaluation: read what the log has grown by, let the pure evaluation judge it, write what it says."""

import logging
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from threading import Lock
from time import monotonic

from adapters import alerts, campaigns, inventory, losses, recall, responses
from adapters.batches import Batch, Tail
from adapters.country_days import CountryDays
from adapters.key_uses import KeyUses
from adapters.progress import Claim, ClaimedTables, Progress, read_own, write_progress, writer_name
from adapters.recall import Recall, baselines, recall_stock, regulars
from adapters.sources import Divide, Sources
from adapters.steps import write_step
from adapters.stock import Stock, Tallies
from adapters.tables import Changed
from adapters.telemetry import Reporter
from alerts.suppression import Rules
from model import minute_of
from pipeline.evaluation import Evaluation
from pipeline.start import Criteria, EvaluationState
from pipeline.step import Step
from retention.guard import Guard
from windows.tally import unpack

log = logging.getLogger("gatewatch.evaluate")


class Evaluator:
    """Holds the evaluation between ticks; when another instance wrote progress, or after a fault, it starts cold from the tables."""

    def __init__(self, sources: Sources, divide: Divide = lambda *_: False) -> None:
        """`divide`: makes one of an evaluation that was in shards; without it such a one is left alone."""
        self._sources, self._tables, self._divide = sources, sources.tables, divide
        self._rules = Rules()
        self._evaluation: Evaluation | None = None
        self._recall: Recall | None = None
        self._progress = Progress()
        self._learned: str | None = None
        self._stock = Stock((), {}, sources.key)
        self._countries = CountryDays(self._tables, sources.key)
        self._key_uses = KeyUses(self._tables, sources.key)
        self._reporter = Reporter()
        self._name = writer_name()
        self._lock = Lock()
        self._began = monotonic()

    def tick(self, now: datetime, deadline: datetime) -> int:
        """Evaluate until the log has no more or `deadline` has come; the number of batches. Raises only for a storage fault."""
        with self._lock:  # the timer, and whoever runs it on demand
            return self._tick(now, deadline)

    def _tick(self, now: datetime, deadline: datetime) -> int:
        done, self._began = 0, monotonic()
        self._rules = self._sources.rules(now)
        while True:
            stored = read_own(self._tables)
            if stored.shards > 1:
                if not self._divide(stored, now, deadline):
                    return done
                continue
            if stored.is_claimed(self._name, self._sources.clock()):
                log.warning("another instance is writing an evaluation; it goes first")
                return done
            claim = Claim(self._tables, stored.copy(), self._name, self._sources.clock)
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
        evaluation.limit(self._sources.limits(now))
        if self._recall is not None:
            self._recall.go_on(self._progress.closed_until, now)
        tallies: Tallies = []
        gaps: list[tuple[Batch, datetime | None]] = []
        for partition, batches in self._sources.batches.grown(self._progress.tails):
            for batch in islice(batches, recall.BATCHES_PER_STEP):
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
                self._evaluation.learn(baselines(self._tables), regulars(self._tables, stored))
                self._learned = version
            return self._evaluation
        self._evaluation = None
        self._countries = CountryDays(self._tables, self._sources.key)
        self._key_uses = KeyUses(self._tables, self._sources.key)
        self._stock = Stock(inventory.read(self._tables), inventory.coverages(self._tables), self._sources.key)
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
                regulars=regulars(self._tables, stored),
            ),
            Criteria(
                baselines=baselines(self._tables),
                contexts=self._stock.contexts(),
                limits=self._sources.limits(now),
                rules=self._rules,
            ),
            close_after=self._sources.close_after,
        )
        recall_stock(self._sources.batches, stored, self._stock, evaluation)
        self._recall = Recall(self._sources.batches, evaluation, stored)
        self._evaluation, self._progress, self._learned = evaluation, stored, version
        return evaluation

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
        guard = Guard(self._sources.key, now, self._sources.kept, self._sources.stones.at(lately))
        self._stock.admit(tables, step.learned, (row.endpoint for row in chain(step.changed, step.closed)))
        write_step(tables, step, guard, now)
        minute = step.watermark if step.watermark is not None else minute_of(now)
        evaluation.know(self._stock.take(tallies, minute))  # judged by what the inventory said before
        responses.count(tables, tallies)
        self._countries.add(tallies)
        self._key_uses.add(tables, (tally for _, _, tally in tallies), guard.keeps)
        if self._sources.drift is not None:
            evaluation.know(self._stock.compare(self._sources.drift, now))
        progress = self._progress
        progress.stocked = self._stock.write(tables, progress.tails, now, is_quiet=is_quiet) or progress.stocked
        progress.watermark, progress.closed_until, progress.evaluated = step.watermark, step.closed_until, now
        progress.writer, progress.claimed_until, progress.etag = "", None, claim.etag
        progress.etag = write_progress(self._tables, progress)
        self._reporter.step(step, now)
