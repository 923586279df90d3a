"""The lead of an evaluation in shards: judges whole services, plans what the shards do next, groups what they found, and keeps what is kept once for all."""

import logging
from datetime import datetime, timedelta
from itertools import chain, islice
from threading import Lock
from time import monotonic

from adapters import alerts, campaigns, inventory, losses, plans, recall, responses
from adapters.batches import Batch, Tail
from adapters.country_days import CountryDays
from adapters.key_uses import KeyUses
from adapters.progress import Claim, ClaimedTables, Progress, read_own, read_shards, write_progress, writer_name
from adapters.recall import Recall, baselines, recall_stock, regulars
from adapters.sources import Divide, Sources
from adapters.steps import write_step
from adapters.stock import Stock, Tallies
from adapters.tables import Changed
from adapters.telemetry import Reporter
from model import minute_of
from pipeline.findings import Findings
from pipeline.lead import Lead
from pipeline.plan import Plan
from pipeline.share import LEAD, Share
from pipeline.start import Criteria, EvaluationState
from pipeline.step import Step
from retention.guard import Guard
from windows.context import NOTHING_KNOWN
from windows.tally import unpack

log = logging.getLogger("gatewatch.evaluate")

MOST_PLANS = 64
"""That are not grouped yet: where a shard does not get on, the lead goes no further."""


class LeadEvaluator:
    """Holds the lead between ticks, and starts cold from the tables after a fault, as the whole evaluation does."""

    def __init__(self, shards: int, sources: Sources, divide: Divide = lambda *_: False, *, is_ending: bool = False) -> None:
        """`divide`: makes so many shards of an evaluation that is in others; without it such a one is left alone. `is_ending`: what is planned is grouped, and
        nothing more is planned."""
        self._divide = divide
        self._shards, self._sources, self._tables, self._is_ending = shards, sources, sources.tables, is_ending
        self._lead: Lead | None = None
        self._recall: Recall | None = None
        self._progress = Progress()
        self._fed: dict[str, Tail] = {}
        self._tallies: Tallies = []
        self._gaps: list[tuple[Batch, datetime | None]] = []
        self._enqueued: dict[str, datetime] = {}
        self._learned: str | None = None
        self._stock = Stock((), {}, sources.key)
        self._countries = CountryDays(self._tables, sources.key)
        self._key_uses = KeyUses(self._tables, sources.key)
        self._reporter = Reporter()
        self._name = writer_name()
        self._lock = Lock()
        self._began = monotonic()

    def tick(self, now: datetime, deadline: datetime) -> int:
        """Plan and group until everything waits for something, or `deadline` has come; how many plans. Raises only for a storage fault."""
        with self._lock:
            return self._tick(now, deadline)

    def _tick(self, now: datetime, deadline: datetime) -> int:
        done, self._began = 0, monotonic()
        is_first = True
        while True:
            stored = read_own(self._tables)
            if stored.shards != self._shards:
                if not self._divide(stored, now, deadline):
                    return done
                continue
            if stored.is_claimed(self._name, self._sources.clock()):
                log.warning("another instance is writing an evaluation; it goes first")
                return done
            claim = Claim(self._tables, stored.copy(), self._name, self._sources.clock)
            try:
                is_new = self._advance(stored, claim, now, is_first=is_first)
            except Changed:
                self._lead = None
                log.warning("another instance evaluates too; starting again from the tables")
                return done
            except BaseException:
                self._lead = None  # nothing was advanced: what was written is written again, to the same keys
                claim.release()
                raise
            done, is_first = done + is_new, False
            if not is_new or datetime.now(tz=deadline.tzinfo) >= deadline:
                return done

    def _advance(self, stored: Progress, claim: Claim, now: datetime, *, is_first: bool) -> bool:
        """Group what has been found, feed what the log has grown by, plan, and write all of it, as one. Whether there was anything to plan or to group."""
        lead = self._warm(stored, now)
        lead.suppress(self._sources.rules(now))
        lead.limit(self._sources.limits(now))
        if self._recall is not None:
            self._recall.go_on(self._progress.closed_until, now)
        grouped = lead.grouped
        every = read_shards(self._tables, self._shards)
        self._hear(lead, every)
        lead.group()
        plan = None
        if not self._is_ending and lead.planned - lead.grouped < MOST_PLANS:
            if lead.is_hungry:
                self._feed(lead)
            plan = lead.plan(now)
        is_new = plan is not None or lead.grouped > grouped
        if is_new or is_first:
            self._write(lead, plan, claim, now, is_quiet=is_first and plan is None)
        if lead.grouped > grouped:
            followed = min(one.planned for one in every.values())
            plans.forget(self._tables, min(lead.grouped, followed), min(one.closed_until or 0 for one in every.values()))
        return is_new

    def _hear(self, lead: Lead, every: dict[int, Progress]) -> None:
        for number in range(lead.grouped + 1, lead.planned + 1):
            for shard in range(self._shards + 1):
                if (shard == LEAD or every[shard].planned >= number) and not lead.has_heard(number, shard):
                    lead.hear(number, shard, self._found(number, shard))

    def _found(self, number: int, shard: int) -> Findings:
        try:
            return plans.read_findings(self._tables, number, shard)
        except LookupError as gone:  # nobody grouped it for days
            log.error("the evaluation goes on without what was purged: %s", gone)
            return Findings()

    def _feed(self, lead: Lead) -> None:
        for partition, batches in self._sources.batches.grown(self._fed):
            for batch in islice(batches, recall.BATCHES_PER_STEP):
                tally = unpack(batch.packed)
                lead.feed(partition, tally, batch.last)
                self._tallies.append((partition, batch.last, lead.placed(tally)))
                self._fed[partition] = Tail(batch.last, batch.day)
                if batch.missing:
                    self._gaps.append((batch, self._enqueued.get(partition)))
                if batch.enqueued:
                    self._enqueued[partition] = batch.enqueued

    def _warm(self, stored: Progress, now: datetime) -> Lead:
        """The lead, rebuilt from the tables unless it is ours and up to date."""
        share = Share(LEAD, self._shards)
        learned = self._tables.get("progress", "baseline", "baseline")
        version = str(learned["etag"]) if learned else None
        if self._lead is not None and stored.etag == self._progress.etag:
            if version != self._learned:
                self._lead.learn(baselines(self._tables, share), regulars(self._tables, stored, share))
                self._learned = version
            return self._lead
        self._lead = None
        self._countries = CountryDays(self._tables, self._sources.key)
        self._key_uses = KeyUses(self._tables, self._sources.key)
        self._stock = Stock(inventory.read(self._tables), inventory.coverages(self._tables), self._sources.key)
        since = (stored.watermark or 0) - 24 * 60
        lately = list(alerts.read(self._tables, since))
        lead = Lead(
            self._shards,
            EvaluationState(
                positions={partition: tail.last for partition, tail in stored.tails.items()},
                watermark=stored.watermark,
                closed_until=stored.closed_until,
                settled=stored.settled if stored.settled is not None else -1,
                alerts=lately,
                folded=campaigns.read(self._tables, lately),
                incidents=alerts.read_incidents(self._tables, since),
                learned=inventory.learned(self._tables),
                regulars=regulars(self._tables, stored, share),
            ),
            Criteria(
                baselines=baselines(self._tables, share),
                limits=self._sources.limits(now),
                rules=self._sources.rules(now),
            ),
            planned=stored.planned,
            grouped=stored.grouped,
            close_after=self._sources.close_after,
        )
        lead.know({endpoint: context for endpoint, context in self._stock.contexts().items() if context != NOTHING_KNOWN})
        recall_stock(self._sources.batches, stored, self._stock, lead)
        self._recall = Recall(self._sources.batches, lead, stored)
        self._fed, self._tallies, self._gaps, self._enqueued = dict(stored.tails), [], [], dict(stored.enqueued)
        self._lead, self._progress, self._learned = lead, stored, version
        return lead

    def _write(self, lead: Lead, plan: Plan | None, claim: Claim, now: datetime, *, is_quiet: bool) -> None:
        step = lead.drain()
        tables = ClaimedTables(self._tables, claim)
        claim.hold()
        lately = now + timedelta(seconds=monotonic() - self._began)
        guard = Guard(self._sources.key, now, self._sources.kept, self._sources.stones.at(lately))
        progress = self._progress
        if plan is not None:
            self._write_plan(tables, plan, step, guard, now)
            progress.tails, progress.enqueued = dict(self._fed), dict(self._enqueued)
            progress.planned, progress.settled = plan.number, plan.settled
            progress.watermark, progress.closed_until = step.watermark, step.closed_until
        write_step(tables, step, guard, now)
        if plan is not None:
            self._count(lead, tables, step, guard)
        if self._sources.drift is not None:
            lead.know(self._stock.compare(self._sources.drift, now))
        progress.stocked = self._stock.write(tables, progress.tails, now, is_quiet=is_quiet) or progress.stocked
        progress.grouped, progress.evaluated, progress.shards = lead.grouped, now, self._shards
        progress.writer, progress.claimed_until, progress.etag = "", None, claim.etag
        progress.etag = write_progress(self._tables, progress)
        self._reporter.step(step, now)

    def _write_plan(self, tables: ClaimedTables, plan: Plan, step: Step, guard: Guard, now: datetime) -> None:
        losses.write(tables, self._gaps, now)
        called = (tally.endpoints[row[1]] for _, _, tally in self._tallies for row in tally.rows("calls"))
        self._stock.admit(tables, step.learned, chain((row.endpoint for row in chain(step.changed, step.closed)), called))
        plans.write_findings(tables, plan.number, LEAD, step.findings, guard.keeps)
        plans.write_plan(tables, plan, self._fed)

    def _count(self, lead: Lead, tables: ClaimedTables, step: Step, guard: Guard) -> None:
        """What is counted once for all shards. Shards are told with the next plan what the inventory has learned: what was called is judged by what it said
        before."""
        tallies = self._tallies
        lead.know(self._stock.take(tallies, step.watermark if step.watermark is not None else minute_of(guard.now)))
        responses.count(tables, tallies)
        self._countries.add(tallies)
        self._key_uses.add(tables, (tally for _, _, tally in tallies), guard.keeps)
        self._tallies, self._gaps = [], []
