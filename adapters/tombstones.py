"""The lately erased, as every writer knows them: keyed hashes in the `requests` table, read again every few seconds."""

from datetime import datetime, timedelta

from adapters.tables import Tables
from model import Minute, minute_of
from retention.subject import Tombstones

TABLE = "requests"
PARTITION = "tombstones"
FRESH = timedelta(seconds=15)
"""How long a writer trusts what it read."""
SETTLED = timedelta(minutes=4)
"""After so long whatever was being written without knowledge of a tombstone is there to be found: more than FRESH and all tries of a write together."""
LASTS = timedelta(days=4)
"""The hub keeps an event for at most two days, and the evaluation remembers a call for a little more than one."""


class TombstoneStore:
    """One for each process."""

    def __init__(self, tables: Tables, key: bytes) -> None:
        self._tables, self._key = tables, key
        self._read: datetime | None = None
        self._known = Tombstones(key)

    def at(self, now: datetime) -> Tombstones:
        if self._read is None or not timedelta() <= now - self._read < FRESH:
            self._known, self._read = Tombstones(self._key, _stored(self._tables)), now
        return self._known


def add(tables: Tables, hash: str, now: datetime) -> None:
    """A second erasure of the same person moves the time forward."""
    tables.upsert(TABLE, [{"PartitionKey": PARTITION, "RowKey": hash, "before": minute_of(now), "until": now + LASTS}])


def latest(tables: Tables) -> Minute:
    """When somebody was erased last, of those who still have a tombstone; -1 where nobody has."""
    return max(_stored(tables).values(), default=-1)


def remove_expired(tables: Tables, now: datetime) -> int:
    """Remove those whose time is over."""
    where = "PartitionKey eq @partition and until lt @now"
    over = [row["RowKey"] for row in tables.query(TABLE, where, select=["RowKey"], partition=PARTITION, now=now)]
    tables.delete(TABLE, [(PARTITION, row) for row in over])
    return len(over)


def _stored(tables: Tables) -> dict[str, Minute]:
    return {row["RowKey"]: int(row["before"]) for row in tables.query(TABLE, "PartitionKey eq @partition", partition=PARTITION)}
