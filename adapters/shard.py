"""One shard of the evaluation: follows what the lead has planned, for its own endpoints."""

import logging
from datetime import datetime, timedelta
from itertools import takewhile
from threading import Lock
from time import monotonic

from adapters import inventory, plans
from adapters.progress import Claim, ClaimedTables, Progress, read_own, shard_row, write_progress, writer_name
from adapters.recall import Recall, baselines, regulars
from adapters.sources import FRESH, Sources
from adapters.steps import write_step
from adapters.tables import Changed
from adapters.telemetry import Reporter
from pipeline.evaluation import Evaluation
from pipeline.plan import Plan
from pipeline.share import Share
from pipeline.start import Criteria, EvaluationState
from retention.guard import Guard
from windows.tally import unpack

log = logging.getLogger("gatewatch.evaluate")


class ShardEvaluator:
    """Holds its part of the evaluation between ticks, and starts cold from the tables after a fault, as the whole one does."""

    def __init__(self, share: Share, sources: Sources) -> None:
        self._share, self._sources, self._tables = share, sources, sources.tables
        self._row = shard_row(*share)
        self._evaluation: Evaluation | None = None
        self._recall: Recall | None = None
        self._progress = Progress()
        self._learned: str | None = None
        self._reporter = Reporter()
        self._name = writer_name()
        self._lock = Lock()
        self._began = monotonic()

    def tick(self, now: datetime, deadline: datetime) -> int:
        """Follow every plan that there is, or until `deadline`; how many. Raises only for a storage fault."""
        with self._lock:
            return self._tick(now, deadline)

    def _tick(self, now: datetime, deadline: datetime) -> int:
        done, self._began = 0, monotonic()
        while True:
            lead, stored = read_own(self._tables), read_own(self._tables, self._row)
            if lead.shards != self._share.of or stored.etag is None:
                self._evaluation = None  # the evaluation is divided otherwise, or will be in a moment
                return done
            if stored.is_claimed(self._name, self._sources.clock()):
                log.warning("another instance is writing shard %d; it goes first", self._share.number)
                return done
            if stored.planned >= lead.planned:
                self._is_well(stored, now)
                return done
            claim = Claim(self._tables, stored.copy(), self._name, self._sources.clock)
            try:
                self._follow(stored, claim, now)
            except Changed:
                self._evaluation = None
                log.warning("another instance evaluates shard %d too; starting again from the tables", self._share.number)
                return done
            except BaseException:
                self._evaluation = None  # nothing was advanced: what was written is written again, to the same keys
                claim.release()
                raise
            done += 1
            if datetime.now(tz=deadline.tzinfo) >= deadline:
                return done

    def _is_well(self, stored: Progress, now: datetime) -> None:
        """Say once in a while that there is nothing to do."""
        if stored.evaluated is not None and now - stored.evaluated < FRESH:
            return
        is_ours = stored.etag == self._progress.etag
        stored.evaluated = now
        try:
            stored.etag = write_progress(self._tables, stored)
        except Changed:
            return
        if is_ours:
            self._progress = stored

    def _follow(self, stored: Progress, claim: Claim, now: datetime) -> None:
        evaluation = self._warm(stored, now)
        evaluation.suppress(self._sources.rules(now))
        evaluation.limit(self._sources.limits(now))
        if self._recall is not None:
            self._recall.go_on(self._progress.closed_until, now)
        try:
            plan, tails = plans.read_plan(self._tables, stored.planned + 1)
        except LookupError as gone:
            self._pass_over(stored, str(gone))
            return
        evaluation.prepare(plan)
        progress = self._progress
        if any(tail.last > progress.tails[partition].last if partition in progress.tails else True for partition, tail in tails.items()):
            for partition, batches in self._sources.batches.grown(progress.tails):
                end = plan.positions.get(partition, -1)
                for batch in takewhile(lambda one, end=end: one.last <= end, batches):  # type: ignore[misc]
                    evaluation.feed(partition, unpack(batch.packed), batch.last)
        progress.tails = tails
        self._write(evaluation, plan, claim, now)

    def _pass_over(self, stored: Progress, why: str) -> None:
        """After days without a run a plan is purged: go on with the next, from what the tables say."""
        log.error("shard %d goes on without what was purged: %s", self._share.number, why)
        stored.planned += 1
        self._evaluation = None
        write_progress(self._tables, stored)

    def _warm(self, stored: Progress, now: datetime) -> Evaluation:
        """The evaluation of this share, rebuilt from the tables unless it is ours and up to date."""
        learned = self._tables.get("progress", "baseline", "baseline")
        version = str(learned["etag"]) if learned else None
        if self._evaluation is not None and stored.etag == self._progress.etag:
            if version != self._learned:
                self._evaluation.learn(baselines(self._tables, self._share), regulars(self._tables, stored, self._share))
                self._learned = version
            return self._evaluation
        self._evaluation = None
        contexts = (
            (one.endpoint, known.context())
            for one, _ in inventory.packed(self._tables)
            if self._share.holds(one.endpoint) and (known := one.inventory()) is not None
        )
        evaluation = Evaluation(
            EvaluationState(
                positions={partition: tail.last for partition, tail in stored.tails.items()},
                watermark=stored.watermark,
                closed_until=stored.closed_until,
                settled=stored.settled if stored.settled is not None else -1,
                accused=plans.accused_of_days(self._tables),
                learned=inventory.learned(self._tables),
                regulars=regulars(self._tables, stored, self._share),
            ),
            Criteria(
                baselines=baselines(self._tables, self._share),
                contexts=dict(contexts),
                limits=self._sources.limits(now),
                rules=self._sources.rules(now),
            ),
            close_after=self._sources.close_after,
            share=self._share,
        )
        self._recall = Recall(self._sources.batches, evaluation, stored)
        self._evaluation, self._progress, self._learned = evaluation, stored, version
        return evaluation

    def _write(self, evaluation: Evaluation, plan: Plan, claim: Claim, now: datetime) -> None:
        step = evaluation.follow(plan)
        tables = ClaimedTables(self._tables, claim)
        claim.hold()
        lately = now + timedelta(seconds=monotonic() - self._began)
        guard = Guard(self._sources.key, now, self._sources.kept, self._sources.stones.at(lately))
        write_step(tables, step, guard, now, self._row)
        plans.write_findings(tables, plan.number, self._share.number, step.findings, guard.keeps)
        progress = self._progress
        progress.planned, progress.settled = plan.number, plan.settled
        progress.watermark, progress.closed_until, progress.evaluated = step.watermark, step.closed_until, now
        progress.writer, progress.claimed_until, progress.etag = "", None, claim.etag
        progress.etag = write_progress(self._tables, progress)
        self._reporter.step(step, now)
