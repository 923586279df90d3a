"""Writes what a step of the evaluation says: what has to be merged with stored rows is read and merged first, then everything is written.

Every write overwrites its own key, so a step that was written in part is written again without harm.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from adapters import alerts, campaigns, inventory, ledger, outbox, responses, windows
from adapters.country_days import CountryDays
from adapters.tables import Entity, Tables, pieces
from model import Endpoint, Minute, minute_of, moment
from pipeline.step import Activity, Late, Regular, Step
from posture.inventory import Inventory, merge
from posture.inventory_coverage import Coverage, cover
from retention.guard import Guard
from windows.baseline import MINUTES_PER_DAY
from windows.record import WindowRow, merge_late
from windows.tally import Tally

if TYPE_CHECKING:
    from adapters.drift_step import DriftStep

Fed = tuple[str, int, Tally]
"""Partition, position and tally: what a step was made of."""


class StepWriter:
    """Knows the inventory as it is stored. After a fault in `write` make another from what is stored then."""

    def __init__(self, tables: Tables, key: bytes, known: Mapping[Endpoint, Inventory | None], coverages: dict[str, Coverage]) -> None:
        """`known`: the inventory's endpoints; None for one that was only admitted. `coverages`: when each gateway was heard."""
        self._tables, self._key = tables, key
        self._countries = CountryDays(tables, key)
        self._coverages = coverages
        self._known = set(known)
        self._inventories = {endpoint: item for endpoint, item in known.items() if item is not None}

    def write(self, step: Step, fed: Iterable[Fed], guard: Guard, now: datetime) -> Mapping[Endpoint, Inventory]:
        """What changed in the inventory. Endpoints come before the windows that name them, alerts last."""
        new = self._new(step)
        self._known |= new
        late_rows = self._merged(step.late, step.closed)
        fed = list(fed)
        changed = self._inventoried(fed, step.watermark if step.watermark is not None else minute_of(now))
        covered = cover(self._coverages, (tally for _, _, tally in fed))
        if new:
            inventory.admit(self._tables, new)
        self._write_windows([*step.changed, *step.closed])
        self._write_windows(late_rows)
        windows.learn_again(self._tables, (late.window for late in step.late))
        for late in step.late:
            self._write_activity(late.activity, guard, f"late-{late.partition}-{late.position}")
        self._write_activity(step.activity, guard)
        self._write_personal(ledger.behind_rows((one for one in step.behind if guard.keeps(one.ip, one.window)), self._key), guard)
        self._write_regulars(step.regulars, guard)
        self._write_days(step)
        inventory.write_coverage(self._tables, covered.values())
        self._coverages.update(covered)
        inventory.write(self._tables, changed.values())
        responses.count(self._tables, fed)
        self._countries.add(fed)
        self._inventories.update(changed)
        self._known |= changed.keys()
        campaigns.write(self._tables, step.folded, guard)
        with outbox.announced(self._tables, step.alerts, now):
            alerts.write(self._tables, map(guard.alert, step.alerts), map(guard.incident, step.incidents))
        return changed

    def compare(self, drift: "DriftStep", now: datetime) -> Mapping[Endpoint, Inventory]:
        """Compare the inventory with what is declared, when it is time; what changed in it by that."""
        changed = {one.endpoint: one for one in drift.run(self._inventories, self._coverages, now)}
        self._inventories.update(changed)
        return changed

    # what has to be merged

    def _new(self, step: Step) -> set[Endpoint]:
        """The endpoints that need a row in the inventory."""
        return {row.endpoint for row in (*step.changed, *step.closed)} - self._known | set(step.endpoints)

    def _merged(self, late: Iterable[Late], closed: Iterable[WindowRow]) -> list[WindowRow]:
        """The rows of closed windows with what came late; two tallies can be late for one window."""
        merged = {(row.endpoint, row.window): row.record for row in closed}
        changed: dict[tuple[Endpoint, Minute], None] = {}
        for entry in late:
            key = entry.endpoint, entry.window
            stored = merged.get(key) or windows.get(self._tables, entry.endpoint, entry.window)
            merged[key] = merge_late(stored, entry.partition, entry.position, entry.record)
            changed[key] = None
        return [WindowRow(endpoint, window, merged[endpoint, window]) for endpoint, window in changed]

    def _inventoried(self, fed: Iterable[Fed], now: Minute) -> dict[Endpoint, Inventory]:
        """The inventory's rows that these tallies change."""
        changed = merge(self._inventories, fed, lambda endpoint: endpoint.matched or endpoint in self._known, self._key)
        return {endpoint: item.aged(now) for endpoint, item in changed.items()}

    # what is written

    def _write_windows(self, rows: Iterable[WindowRow]) -> None:
        for table, some in _by_table("windows", "%Y%m", ((row.window, windows.row_of(row)) for row in rows)):
            self._tables.upsert(table, some)

    def _write_activity(self, activity: Iterable[Activity], guard: Guard, suffix: str = "") -> None:
        kept = (entry for entry in activity if guard.keeps(entry.ip, entry.window))
        self._write_personal(ledger.rows(kept, self._key, suffix), guard)

    def _write_regulars(self, regulars: Iterable[Regular], guard: Guard) -> None:
        kept = (regular for regular in regulars if guard.keeps(regular.actor, regular.day * MINUTES_PER_DAY))
        self._write_personal(((regular.day * MINUTES_PER_DAY, ledger.regular_row(regular, self._key)) for regular in kept), guard)

    def _write_personal(self, rows: Iterable[tuple[Minute, Entity]], guard: Guard) -> None:
        for table, some in _by_table("activity", "%Y%m%d", rows):
            if guard.takes(table):  # a replay of history does not bring back what was dropped
                self._tables.upsert(table, some)

    def _write_days(self, step: Step) -> None:
        rows = ((day.day * MINUTES_PER_DAY, _day_row(day.endpoint, day.day, msgspec.msgpack.encode(day))) for day in step.days)
        for table, some in _by_table("days", "%Y%m", rows):
            self._tables.upsert(table, some)


def _by_table(prefix: str, form: str, rows: Iterable[tuple[Minute, Entity]]) -> Iterator[tuple[str, list[Entity]]]:
    """The rows by the table of their time: `windows202611`, `activity20261124`."""
    found: dict[str, list[Entity]] = defaultdict(list)
    for minute, row in rows:
        found[f"{prefix}{moment(minute):{form}}"].append(row)
    yield from sorted(found.items())


def _day_row(endpoint: Endpoint, day: int, packed: bytes) -> Entity:
    return {"PartitionKey": f"{moment(day * MINUTES_PER_DAY):%Y%m%d}", "RowKey": f"tops-{endpoint.id}", **pieces(packed)}
