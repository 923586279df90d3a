"""Into how many shards the evaluation is divided, and how that changes: what was planned is followed and grouped to its end, and then everybody starts cold.

The row of the lead says which division holds. Each division has rows of its own for its shards, and what they write together is kept apart by these rows'
names, so whoever still works by another division writes nothing that counts twice.
"""

import logging
from datetime import datetime

from adapters import alerts, campaigns, plans
from adapters.evaluate import Evaluator
from adapters.lead import LeadEvaluator
from adapters.progress import Claim, Progress, read_own, read_shards, shard_row, write_progress, writer_name
from adapters.shard import ShardEvaluator
from adapters.sources import Sources
from adapters.tables import Changed
from alerts.group import Grouping
from model import Minute
from pipeline.share import Share
from windows.baseline import MINUTES_PER_DAY

log = logging.getLogger("gatewatch.evaluate")


def evaluator(sources: Sources, shards: int) -> Evaluator | LeadEvaluator:
    """The whole evaluation, or the lead of one in shards; it changes the division where that is another one."""

    def divide(stored: Progress, now: datetime, deadline: datetime) -> bool:
        return change(sources, stored, shards, now, deadline)

    return Evaluator(sources, divide) if shards == 1 else LeadEvaluator(shards, sources, divide)


def change(sources: Sources, stored: Progress, to: int, now: datetime, deadline: datetime) -> bool:
    """Divide the evaluation into `to` shards. Whether that is done; else another tick goes on with it."""
    if not _is_at_its_end(sources, stored, now, deadline):
        return False
    stored = read_own(sources.tables)
    name = writer_name()
    if stored.shards == to or stored.is_claimed(name, sources.clock()):
        return stored.shards == to
    before = stored.shards
    claim = Claim(sources.tables, stored.copy(), name, sources.clock)
    try:
        claim.hold()
        settled = stored.watermark if stored.settled is None or before == 1 else stored.settled
        for number in range(1, to + 1) if to > 1 else ():
            mine = read_own(sources.tables, shard_row(number, to))
            claim.hold()
            write_progress(
                sources.tables,
                Progress(
                    dict(stored.tails), stored.watermark, stored.closed_until, now, mine.etag, planned=stored.planned, shards=to, settled=settled, row=mine.row
                ),
            )  # fmt: skip
        if before == 1:
            _accuse(sources, stored, now)
        stored.shards, stored.settled, stored.evaluated = to, settled, now
        stored.writer, stored.claimed_until, stored.etag = "", None, claim.etag
        write_progress(sources.tables, stored)
    except Changed:
        return False
    except BaseException:
        claim.release()
        raise
    log.warning("the evaluation is in %d shards now, it was in %d", to, before)
    sources.tables.delete("progress", [("evaluate", shard_row(number, before)) for number in range(1, before + 1) if before > 1])
    return True


def _is_at_its_end(sources: Sources, stored: Progress, now: datetime, deadline: datetime) -> bool:
    """Finish what is under way in the division that holds: its own functions may be gone."""
    if stored.shards == 1:
        if stored.writer:  # a step was not written whole
            Evaluator(sources).tick(now, now)
        return not read_own(sources.tables).writer
    for number in range(1, stored.shards + 1):
        ShardEvaluator(Share(number, stored.shards), sources).tick(now, deadline)
    if stored.grouped < stored.planned or stored.writer:
        LeadEvaluator(stored.shards, sources, is_ending=True).tick(now, deadline)
    lead, every = read_own(sources.tables), read_shards(sources.tables, stored.shards)
    is_followed = all(one.planned >= lead.planned and not one.writer for one in every.values())
    return lead.shards == stored.shards and is_followed and lead.grouped == lead.planned and not lead.writer


def _accuse(sources: Sources, stored: Progress, now: datetime) -> None:
    """Who is accused in a day that has ended and is not closed: no plan says so."""
    midnight: Minute = (stored.watermark or 0) // MINUTES_PER_DAY * MINUTES_PER_DAY
    if (stored.closed_until or 0) >= midnight:
        return
    lately = list(alerts.read(sources.tables, midnight - 2 * MINUTES_PER_DAY))
    grouping = Grouping(lately, (), None, campaigns.read(sources.tables, lately))
    grouping.rules = sources.rules(now)
    day = midnight - MINUTES_PER_DAY, midnight
    plans.write_day(
        sources.tables, day, {service: frozenset(grouping.accused(service, *day)) for service in {one.endpoint.service for one in lately}}
    )
