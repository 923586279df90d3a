"""The `keyuses` table: of each gateway, under a keyed hash of a subscription's id, the last day on which its key was used; and since when that is watched.

The ids themselves are not kept: they may be a person's name. Whoever knows an id, as posture does from the gateway's configuration, finds its row.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import NamedTuple

from azure.data.tables import UpdateMode

from adapters.tables import Entity, Tables
from model import Minute
from posture.inventory_shape import DAY
from posture.key_uses import SUBSCRIPTION, Use, Watched, uses, watched, watches
from windows.tally import Tally

TABLE = "keyuses"
WATCH = "watch"
"""Row of a gateway itself. `mark`: tells the key of the hashes, for those of another key are found no more."""


class KeyUses:
    """What evaluation adds. Only a later day is written, and the same again after a crash."""

    def __init__(self, tables: Tables, key: bytes) -> None:
        self._tables, self._key = tables, key
        self._watches: dict[str, Watched] = {}
        self._known: dict[str, dict[str, Use]] = {}
        """Service -> row -> its use."""

    def add(self, tables: Tables, tallies: Iterable[Tally], keeps: Callable[[str, Minute], bool]) -> None:
        """`tables`: those to write to; `keeps`: whether what somebody did at a minute may be written."""
        some = list(tallies)
        rows: list[Entity] = []
        for service, (first, last) in watches(some).items():
            self._load(service)
            before = self._watches.get(service)
            after = watched(before, first, last)
            if after != before:
                rows.append(_watch_row(service, after, self._key, whole=before is None or after.since != before.since))
                self._watches[service] = after
        tables.upsert(TABLE, rows, UpdateMode.MERGE)
        changed: list[Entity] = []
        for (service, name), use in uses(some, keeps).items():
            known, row = self._known.setdefault(service, {}), row_of(name, self._key)
            before_it = known.get(row)
            joined = use.joined(
                before_it if before_it is not None and keeps(name, before_it.last * DAY) else None
            )  # not the past of the erased
            if joined != before_it:
                known[row] = joined
                changed.append({"PartitionKey": partition_of(service), "RowKey": row, "last": joined.last, "public": joined.public})
        tables.upsert(TABLE, changed)

    def _load(self, service: str) -> None:
        if service in self._known:
            return
        self._known[service] = {}
        for row in self._tables.query(TABLE, "PartitionKey eq @partition", partition=partition_of(service)):
            if row["RowKey"] != WATCH:
                self._known[service][row["RowKey"]] = Use(row["last"], row["public"])
            elif row["mark"] == _mark(self._key):
                self._watches[service] = Watched(row["since"], row["upto"])


class KeyHistory(NamedTuple):
    """Of one gateway. `uses`: subscription id -> its last use; `since`: minute from which on all uses are in there, None where none is."""

    uses: Mapping[str, Use]
    since: Minute | None


def history(tables: Tables, service: str, ids: Iterable[str], key: bytes) -> KeyHistory:
    """Of these subscriptions of a gateway."""
    names = {row_of(SUBSCRIPTION + id, key): id for id in ids}
    found, since = {}, None
    for row in tables.query(TABLE, "PartitionKey eq @partition", partition=partition_of(service)):
        if row["RowKey"] == WATCH:
            since = row["since"] if row["mark"] == _mark(key) else None
        elif row["RowKey"] in names:
            found[names[row["RowKey"]]] = Use(row["last"], row["public"])
    return KeyHistory(found, since)


def of_subject(tables: Tables, actor: str, key: bytes, before: Minute = 1 << 40) -> Iterator[tuple[str, Use]]:
    """(partition, use) of a subscription at every gateway, of days that had begun by a minute."""
    if actor.startswith(SUBSCRIPTION):
        for row in tables.query(TABLE, "RowKey eq @row", row=row_of(actor, key)):
            if row["last"] * DAY <= before:
                yield row["PartitionKey"], Use(row["last"], row["public"])


def erase(tables: Tables, actor: str, key: bytes, before: Minute) -> int:
    """Forget a subscription's uses; how many rows. What is not there would read as never used, so the watch of its gateway begins anew."""
    partitions = [partition for partition, _ in of_subject(tables, actor, key, before)]
    for partition in partitions:
        tables.upsert(TABLE, [{"PartitionKey": partition, "RowKey": WATCH, "since": before}], UpdateMode.MERGE)
        tables.delete(TABLE, [(partition, row_of(actor, key))])
    return len(partitions)


def older(tables: Tables, day: int) -> Iterator[tuple[str, str, int]]:
    """(partition, row, day) of what was used last before a day."""
    for row in tables.query(TABLE, "last lt @day", day=day):
        yield row["PartitionKey"], row["RowKey"], row["last"]


def count(tables: Tables) -> tuple[int, int | None]:
    """How many keys' uses are kept, and the oldest of their days."""
    days = [row["last"] for row in tables.query(TABLE, "last ge 0", select=["last"])]
    return len(days), min(days, default=None)


def partition_of(service: str) -> str:
    return service.casefold().encode().hex() or "-"


def row_of(name: str, key: bytes) -> str:
    """32 hex digits of a subscription, as tallies spell it."""
    return blake2b(name.encode("utf-8", "surrogatepass"), key=key, digest_size=16, person=b"gw-key-uses").hexdigest()


def _mark(key: bytes) -> str:
    return blake2b(b"mark", key=key, digest_size=8, person=b"gw-key-uses").hexdigest()


def _watch_row(service: str, watch: Watched, key: bytes, *, whole: bool) -> Entity:
    """Without `whole` all but since when: an erasure may have set that meanwhile."""
    row: Entity = {"PartitionKey": partition_of(service), "RowKey": WATCH, "upto": watch.upto}
    return row | {"since": watch.since, "mark": _mark(key)} if whole else row
