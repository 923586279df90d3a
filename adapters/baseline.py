"""The daily run of learning: yesterday's windows become summaries, thirty days of summaries become baselines."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

import msgspec

from adapters import suppressions, windows
from adapters.progress import read_progress
from adapters.tables import Changed, Entity, Tables, joined, pieces
from alerts.suppression import Rule, learnable
from model import Endpoint, moment
from pipeline.learn import DaySummary, DayTops, baseline_of, pack_summary, summarise, unpack_summary
from windows.baseline import DAYS, MINUTES_PER_DAY, pack_baseline

EPOCH = date(1970, 1, 1)


def run(tables: Tables, now: datetime) -> int:
    """Learn every finished day of the last thirty that is not learned as it is now, then make all baselines; how many baselines there are.

    A day is finished when the evaluation has closed its last window. Repeats are harmless: the same windows give the same rows. Endpoints are learned a part at
    a time, by the first two digits of their ids, so that memory holds the month of one part only.
    """
    closed_until = read_progress(tables).closed_until
    if closed_until is None:
        return 0
    today = moment(closed_until).date()
    days = [_Day(tables, today - timedelta(days=back)) for back in range(DAYS, 0, -1)]
    count = 0
    for part in sorted({part for day in days for part in day.parts}):
        known: dict[Endpoint, list[DaySummary]] = {}
        for day in days:
            for summary in day.learned(part, known.keys()):
                known.setdefault(summary.endpoint, []).append(summary)
        baselines = (baseline_of(endpoint, some) for endpoint, some in known.items())
        tables.upsert(
            "baselines",
            (
                {"PartitionKey": "baselines", "RowKey": baseline.endpoint.id, "days": baseline.days, **pieces(pack_baseline(baseline))}
                for baseline in baselines
            ),
        )
        count += len(known)
    for day in days:
        day.done()
    row = {"PartitionKey": "baseline", "RowKey": "baseline", "until": today.isoformat(), "count": count, "made": now.astimezone(UTC)}
    tables.upsert("progress", [row])
    return count


def summaries(tables: Tables, day: date, ids: str = "") -> Iterator[DaySummary]:
    """What was learned of one day, of all endpoints or of those whose ids begin with `ids`; nothing before it was."""
    for row in _rows(tables, day, f"summary-{ids}"):
        yield unpack_summary(joined(row))


class _Day:
    """One day, learned in parts."""

    def __init__(self, tables: Tables, day: date) -> None:
        self._tables, self._day = tables, day
        self.parts = {row["RowKey"][8:10] for row in _rows(tables, day, "summary-", ["RowKey"])}
        """The first digits of the ids of its endpoints."""
        self._again = tables.get(f"days{day:%Y%m}", f"{day:%Y%m%d}", windows.AGAIN)
        self._heard: dict[str, int] = {}
        if self._again is not None or not self.parts:
            self._heard, parts = windows.heard(tables, day)
            self.parts |= parts
        if self._heard and self._again is None:  # learned in part is not learned
            windows.learn_again(tables, [(day - EPOCH).days * MINUTES_PER_DAY])
            self._again = tables.get(f"days{day:%Y%m}", f"{day:%Y%m%d}", windows.AGAIN)

    @cached_property
    def _rules(self) -> list[Rule]:
        return suppressions.teaching(self._tables, self._day)

    def learned(self, part: str, known: Iterable[Endpoint]) -> Iterable[DaySummary]:
        """As it was learned, or learned now, or again because something came late or turned out to be expected."""
        if self._again is not None:
            return self._summarise(part, known)
        return summaries(self._tables, self._day, part) if part in self.parts else ()

    def done(self) -> None:
        if self._again is not None:
            with suppress(Changed):  # something came while its windows were read: once more tomorrow
                self._tables.take(f"days{self._day:%Y%m}", self._again)

    def _summarise(self, part: str, known: Iterable[Endpoint]) -> list[DaySummary]:
        day = self._day
        tops = [msgspec.msgpack.decode(joined(row), type=DayTops) for row in _rows(self._tables, day, f"tops-{part}")]
        rows = (learnable(row, self._rules) for row in windows.read(self._tables, day, ids=part))
        made = summarise((day - EPOCH).days, rows, tops, known, self._heard)
        self._tables.upsert(
            f"days{day:%Y%m}",
            (
                {"PartitionKey": f"{day:%Y%m%d}", "RowKey": f"summary-{summary.endpoint.id}", **pieces(pack_summary(summary))}
                for summary in made
            ),
        )
        return made


def _rows(tables: Tables, day: date, prefix: str, select: list[str] | None = None) -> Iterator[Entity]:
    where = "PartitionKey eq @day and RowKey ge @low and RowKey lt @high"
    return tables.query(f"days{day:%Y%m}", where, select=select, day=f"{day:%Y%m%d}", low=prefix, high=f"{prefix}~")
