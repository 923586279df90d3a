"""What a step of the evaluation says, written into the tables: every write is an overwrite or guarded by an etag, so a repeat is harmless."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from adapters import alerts, campaigns, ledger, outbox, windows
from adapters.tables import Entity, Tables, pieces
from model import Endpoint, Minute, moment
from pipeline.step import Activity, Late, Step
from retention.guard import Guard
from windows.record import Record, merge_late


def write_step(tables: Tables, step: Step, guard: Guard, now: datetime, share: str = "") -> None:
    """`share`: whose part of the evaluation it is, where that is in shards: rows of several endpoints together are kept apart by it."""
    for table, some in _by_table(windows.PREFIX, "%Y%m", ((row.window, windows.row_of(row)) for row in step.changed + step.closed)):
        tables.upsert(table, some)
    _merge_late(tables, step.late, guard, share)
    _write_activity(tables, step.activity, guard, share)
    behind = ledger.behind_rows((one for one in step.behind if guard.keeps(one.ip, one.window)), guard.key)
    for table, some in _by_table(ledger.PREFIX, "%Y%m%d", behind):
        if guard.takes(table):
            tables.upsert(table, some)
    kept = (regular for regular in step.regulars if guard.keeps(regular.actor, regular.day * 1440))
    for table, some in _by_table(ledger.PREFIX, "%Y%m%d", ((found.day * 1440, ledger.regular_row(found, guard.key)) for found in kept)):
        if guard.takes(table):
            tables.upsert(table, some)
    days = ((day.day * 1440, _tops_row(day.endpoint, day.day, msgspec.msgpack.encode(day))) for day in step.days)
    for table, some in _by_table("days", "%Y%m", days):
        tables.upsert(table, some)
    campaigns.write(tables, step.folded, guard)
    with outbox.announced(tables, step.alerts, now):
        alerts.write(tables, map(guard.alert, step.alerts), map(guard.incident, step.incidents))


def _merge_late(tables: Tables, late: Iterable[Late], guard: Guard, share: str) -> None:
    by_window: dict[tuple[Endpoint, Minute], list[Late]] = defaultdict(list)
    by_tally: dict[tuple[str, int], list[Activity]] = defaultdict(list)
    for one in late:  # in the order of positions
        by_window[one.endpoint, one.window].append(one)
        by_tally[one.partition, one.position].extend(one.activity)
    windows.learn_again(tables, (window for _, window in by_window))
    for (endpoint, window), some in by_window.items():
        windows.merge(tables, endpoint, window, lambda stored, some=some: _merged(stored, some))  # type: ignore[misc]
    for (partition, position), activity in by_tally.items():
        _write_activity(
            tables, activity, guard, f"late-{partition}-{position}{'-' + share if share else ''}"
        )  # of all endpoints together: a row's key does not name them


def _merged(stored: Record | None, late: Iterable[Late]) -> Record:
    merged = stored if stored is not None else Record()
    for one in late:
        merged = merge_late(merged, one.partition, one.position, one.record)
    return merged


def _write_activity(tables: Tables, activity: Iterable[Activity], guard: Guard, suffix: str = "") -> None:
    kept = (entry for entry in activity if guard.keeps(entry.ip, entry.window))
    for table, some in _by_table(ledger.PREFIX, "%Y%m%d", ledger.rows(kept, guard.key, suffix)):
        if guard.takes(table):  # a replay of history does not bring back what was dropped
            tables.upsert(table, some)


def _by_table(prefix: str, form: str, rows: Iterable[tuple[Minute, Entity]]) -> Iterator[tuple[str, list[Entity]]]:
    """The rows by the table of their time: `windows202611`, `activity20261124`."""
    found: dict[str, list[Entity]] = defaultdict(list)
    for minute, row in rows:
        found[f"{prefix}{moment(minute):{form}}"].append(row)
    yield from sorted(found.items())


def _tops_row(endpoint: Endpoint, day: int, packed: bytes) -> Entity:
    return {"PartitionKey": f"{moment(day * 1440):%Y%m%d}", "RowKey": f"tops-{endpoint.id}", **pieces(packed)}
