"""The daily run of learning: yesterday's windows become summaries, thirty days of summaries become baselines."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import msgspec

from adapters import suppressions, windows
from adapters.progress import read_progress
from adapters.tables import Changed, Tables, joined, pieces
from alerts.suppression import learnable
from model import Endpoint, moment
from pipeline.learn import DaySummary, DayTops, baseline_of, pack_summary, summarise, unpack_summary
from windows.baseline import DAYS, pack_baseline

EPOCH = date(1970, 1, 1)


def run(tables: Tables, now: datetime) -> int:
    """Learn every finished day of the last thirty that is not learned as it is now, then make all baselines; how many baselines there are.

    A day is finished when the evaluation has closed its last window. Repeats are harmless: the same windows give the same rows.
    """
    closed_until = read_progress(tables).closed_until
    if closed_until is None:
        return 0
    today = moment(closed_until).date()
    known: dict[Endpoint, list[DaySummary]] = {}
    for day in (today - timedelta(days=back) for back in range(DAYS, 0, -1)):
        for summary in _learned(tables, day, known.keys()):
            known.setdefault(summary.endpoint, []).append(summary)
    baselines = [baseline_of(endpoint, some) for endpoint, some in known.items()]
    tables.upsert(
        "baselines",
        (
            {"PartitionKey": "baselines", "RowKey": baseline.endpoint.id, "days": baseline.days, **pieces(pack_baseline(baseline))}
            for baseline in baselines
        ),
    )
    row = {
        "PartitionKey": "baseline",
        "RowKey": "baseline",
        "until": today.isoformat(),
        "count": len(baselines),
        "made": now.astimezone(UTC),
    }
    tables.upsert("progress", [row])
    return len(baselines)


def summaries(tables: Tables, day: date) -> list[DaySummary]:
    """What was learned of one day; empty before it was."""
    where = "PartitionKey eq @day and RowKey ge 'summary-' and RowKey lt 'summary~'"
    return [unpack_summary(joined(row)) for row in tables.query(f"days{day:%Y%m}", where, day=f"{day:%Y%m%d}")]


def _learned(tables: Tables, day: date, known: Iterable[Endpoint]) -> list[DaySummary]:
    """As it was learned, or learned now, or again because something came late or turned out to be expected."""
    again = tables.get(f"days{day:%Y%m}", f"{day:%Y%m%d}", windows.AGAIN)
    if again is None:
        return summaries(tables, day) or _summarise(tables, day, known)
    made = _summarise(tables, day, known)
    with suppress(Changed):  # something came while its windows were read: once more tomorrow
        tables.take(f"days{day:%Y%m}", again)
    return made


def _summarise(tables: Tables, day: date, known: Iterable[Endpoint]) -> list[DaySummary]:
    where = "PartitionKey eq @day and RowKey ge 'tops-' and RowKey lt 'tops~'"
    tops = [msgspec.msgpack.decode(joined(row), type=DayTops) for row in tables.query(f"days{day:%Y%m}", where, day=f"{day:%Y%m%d}")]
    rules = suppressions.teaching(tables, day)
    made = summarise((day - EPOCH).days, (learnable(row, rules) for row in windows.read(tables, day)), tops, known)
    tables.upsert(
        f"days{day:%Y%m}",
        (
            {"PartitionKey": f"{day:%Y%m%d}", "RowKey": f"summary-{summary.endpoint.id}", **pieces(pack_summary(summary))}
            for summary in made
        ),
    )
    return made
