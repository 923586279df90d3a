"""The activity ledger: which address called which endpoint how often, a table a day, packed and spread over buckets by a keyed hash of the address.

Closing a window writes at most BUCKETS rows, whatever the number of addresses, until a bucket outgrows an entity; a look-up of one address
reads one bucket of each day.
"""

import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from adapters.tables import Changed, Entity, Tables, joined, pieces
from intel.addresses import is_public
from model import STATUS_CLASSES, Endpoint, Minute, StatusClass
from pipeline.step import Activity, Behind, Regular
from windows.values import hash_value

PREFIX = "activity"
BUCKETS = 64
SHARED = "shared"
"""The bucket of every address in a window of few: one row instead of dozens, and still little to read."""
FEW = 500
"""(address, endpoint, class) of one window."""
GROUPS = 4
SEVERAL = 12 * FEW
"""So many go to GROUPS rows: a storm of some thousand addresses writes few of them."""
COUNTS_PER_ROW = 24_000
"""At most 30 bytes each: below what an entity holds."""
BEHIND = "behind-"
"""Begins the partitions that say who was behind an address."""
IDENTITY, AGENT = 0, 1
ADDRESSES_PER_ROW = 6_000
"""At most 16 hashes of 5 bytes each, and the address: below what an entity holds."""
READERS = 8
"""Days that are read at a time."""

_Packed = tuple[list[Endpoint], dict[str, list[int]]]
"""Endpoints; address -> (index of endpoint, status class 1..5, calls) flattened."""
_decoder = msgspec.msgpack.Decoder(_Packed)


class Entry(NamedTuple):
    table: str
    endpoint: Endpoint
    window: Minute
    status_class: StatusClass
    n: int


def table_of(day: date) -> str:
    return f"{PREFIX}{day:%Y%m%d}"


def bucket_of(actor: str, key: bytes) -> int:
    return hash_value(actor, key) % BUCKETS


def _bucket(ip: str, entries: int, key: bytes) -> str:
    """Where an address is kept of a window that has so many entries."""
    return _buckets(ip, key)[(entries > FEW) + (entries > SEVERAL)]


def _buckets(ip: str, key: bytes) -> tuple[str, str, str]:
    """Every bucket that can hold an address: of windows of few entries, of several, of many."""
    number = bucket_of(ip, key)
    return SHARED, f"group{number % GROUPS}", f"{number:02x}"


def rows(activity: Iterable[Activity], key: bytes, suffix: str = "") -> Iterator[tuple[Minute, Entity]]:
    """One row a bucket and closed window, split where it is too large for an entity. Same activity, same rows: a repeat is harmless."""
    found: dict[tuple[Minute, str], dict[str, list[Activity]]] = defaultdict(lambda: defaultdict(list))
    buckets: dict[tuple[str, int], str] = {}
    activity = list(activity)
    many = Counter(entry.window for entry in activity)
    for entry in activity:
        of = entry.ip, many[entry.window]
        bucket = buckets.get(of) or buckets.setdefault(of, _bucket(*of, key))
        found[entry.window, bucket][entry.ip].append(entry)
    for (window, bucket), of_bucket in sorted(found.items()):
        for number, part in enumerate(_parts(of_bucket)):
            endpoints = sorted({alert.endpoint for some in part.values() for alert in some})
            place = {endpoint: at for at, endpoint in enumerate(endpoints)}
            counts = {
                ip: [value for alert in some for value in (place[alert.endpoint], STATUS_CLASSES.index(alert.status_class) + 1, alert.n)]
                for ip, some in sorted(part.items())
            }
            row = f"{window:08d}-{number:04d}{'-' + suffix if suffix else ''}"
            yield window, {"PartitionKey": bucket, "RowKey": row, **pieces(_pack((endpoints, counts)))}


def behind_rows(behind: Iterable[Behind], key: bytes) -> Iterator[tuple[Minute, Entity]]:
    """One row a bucket and closed window: address -> hashes of who was behind it. Same input, same rows: a repeat is harmless."""
    found: dict[tuple[Minute, str], dict[str, list[int]]] = defaultdict(dict)
    behind = list(behind)
    many = Counter(one.window for one in behind)
    for one in behind:
        whos = [who_of(name, kind, key) for kind, names in ((IDENTITY, one.identities), (AGENT, one.agents)) for name in names]
        of_bucket = found[one.window, BEHIND + _bucket(one.ip, many[one.window], key)]
        of_bucket[one.ip] = sorted({*of_bucket.get(one.ip, ()), *whos})
    for (window, bucket), of_bucket in sorted(found.items()):
        addresses = sorted(of_bucket.items())
        for number, at in enumerate(range(0, len(addresses), ADDRESSES_PER_ROW)):
            packed = _pack(([], dict(addresses[at : at + ADDRESSES_PER_ROW])))
            yield window, {"PartitionKey": bucket, "RowKey": f"{window:08d}-{number:04d}", **pieces(packed)}


def who_of(name: str, kind: int, key: bytes) -> int:
    """An identity or a user agent as 32 bits: 31 of a keyed hash, and which of the two it is. Enough to count the few behind one address."""
    return hash_value(name, key) >> 33 << 1 | kind


def _parts(of_bucket: dict[str, list[Activity]]) -> Iterator[dict[str, list[Activity]]]:
    part: dict[str, list[Activity]] = {}
    size = 0
    for ip, some in of_bucket.items():
        for at in range(0, len(some), COUNTS_PER_ROW):
            counts = some[at : at + COUNTS_PER_ROW]
            if part and size + len(counts) > COUNTS_PER_ROW:
                yield part
                part, size = {}, 0
            part[ip] = counts
            size += len(counts)
    if part:
        yield part


def _pack(packed: _Packed) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(packed), 1)


def _unpack(entity: Entity) -> bytes:
    return zlib.decompress(joined(entity))


def regular_row(regular: Regular, key: bytes) -> Entity:
    """Its key begins with the actor's bucket, so that one actor's are found without reading all."""
    name = "\0".join((regular.endpoint.id, regular.measure, regular.actor))
    return {
        "PartitionKey": "regulars",
        "RowKey": f"{bucket_of(regular.actor, key):02x}{blake2b(name.encode(), digest_size=16, key=key).hexdigest()}",
        "regular": msgspec.json.encode(regular).decode(),
    }


def regulars(tables: Tables, since: date) -> Iterator[Regular]:
    for table in tables.names(PREFIX):
        if table >= table_of(since):
            for row in tables.query(table, "PartitionKey eq 'regulars'"):
                yield msgspec.json.decode(row["regular"], type=Regular)


def total(tables: Tables, day: date) -> int:
    """All calls of a day's table."""
    buckets = "PartitionKey lt 'regulars' or PartitionKey gt 'regulars'"
    return sum(sum(counts[2::3]) for row in tables.query(table_of(day), buckets) for counts in _decoder.decode(_unpack(row))[1].values())


# one person


def look_up(tables: Tables, ip: str, key: bytes, days: Sequence[str] | None = None) -> list[Entry]:
    """Everything that the ledger (or these tables of it) holds of one address, oldest first. Ends early with what a dropped table still gave."""

    def of_table(table: str) -> list[Entry]:
        return [
            Entry(table, packed[0][e], window, STATUS_CLASSES[status_class - 1], n)
            for entity, packed in _rows_of(tables, table, ip, key)
            for window in (int(entity["RowKey"][:8]),)
            for e, status_class, n in zip(*[iter(packed[1][ip])] * 3, strict=True)
        ]

    return [entry for some in _each(of_table, days if days is not None else tables.names(PREFIX)) for entry in some]


def look_up_all(tables: Tables, is_meant: Callable[[str], bool], hint: str, days: Sequence[str]) -> list[tuple[str, Entry]]:
    """(address, entry) of every address that `is_meant`. `hint`: what the spelling of each of them holds. Reads all buckets of these tables."""

    def of_table(table: str) -> list[tuple[str, Entry]]:
        return [
            (ip, Entry(table, packed[0][e], int(entity["RowKey"][:8]), STATUS_CLASSES[kind - 1], n))
            for entity, packed in _rows_with(tables, table, hint)
            for ip, counts in packed[1].items()
            if is_meant(ip)
            for e, kind, n in zip(*[iter(counts)] * 3, strict=True)
        ]

    return [found for some in _each(of_table, days) for found in some]


def _rows_with(tables: Tables, table: str, hint: str, *, behind: bool = False) -> Iterator[tuple[Any, _Packed]]:
    """Rows of every bucket of a table in which a text stands."""
    needle = hint.encode()
    inside = "PartitionKey ge @low and PartitionKey lt @high"
    where = inside if behind else "PartitionKey lt @low or PartitionKey ge @high and PartitionKey ne 'regulars'"
    for entity in tables.query(table, where, low=BEHIND, high=BEHIND + "~"):
        raw = _unpack(entity)
        if needle in raw:
            yield entity, _decoder.decode(raw)


def regulars_of(tables: Tables, actor: str, key: bytes, days: Sequence[str] | None = None) -> list[tuple[str, Regular]]:
    """(table, regular) of one actor."""

    def of_table(table: str) -> list[tuple[str, Regular]]:
        return [(table, regular) for _, regular in _regulars_of(tables, table, actor, key)]

    return [found for some in _each(of_table, days if days is not None else tables.names(PREFIX)) for found in some]


def erase(tables: Tables, table: str, actor: str, key: bytes, before: Minute) -> int:
    """Take what one actor did until a minute out of a day; the number of rows that held it. Every row is written at once, so a crash leaves
    whole rows. Raises Changed after five rivals in a row."""
    done = 0
    for row, regular in list(_regulars_of(tables, table, actor, key)):
        if regular.day * 1440 <= before:
            tables.delete(table, [("regulars", row)])
            done += 1
    if actor.startswith(("subscription:", "user:", "subject:")):
        return done
    for entity, packed in list(_rows_of(tables, table, actor, key, ("", BEHIND))):
        if int(entity["RowKey"][:8]) <= before:
            _erase_row(tables, table, dict(entity) | {"etag": entity.metadata["etag"]}, packed, actor)
            done += not entity["PartitionKey"].startswith(BEHIND)  # the same windows again
    return done


def _erase_row(tables: Tables, table: str, entity: Entity | None, packed: _Packed, actor: str) -> None:
    for _ in range(5):
        if entity is None or actor not in packed[1]:
            return
        del packed[1][actor]
        key = {"PartitionKey": entity["PartitionKey"], "RowKey": entity["RowKey"]}
        try:  # an empty row stays: it holds nobody, and a delete could not tell whether a rival wrote meanwhile
            tables.replace(table, {**key, **pieces(_pack(packed))}, entity["etag"])
            return
        except Changed:
            entity = tables.get(table, entity["PartitionKey"], entity["RowKey"])
            packed = _decoder.decode(_unpack(entity)) if entity else ([], {})
    raise Changed(table)


def behind(tables: Tables, ip: str, key: bytes, since: Minute, days: Sequence[str]) -> tuple[set[int], set[int]]:
    """Hashes of the identities and of the user agents that were behind an address in windows from a minute on, in these tables."""
    whos = {
        who
        for table in days
        for entity, packed in _rows_of(tables, table, ip, key, (BEHIND,))
        if int(entity["RowKey"][:8]) >= since
        for who in packed[1][ip]
    }
    return {who for who in whos if who & 1 == IDENTITY}, {who for who in whos if who & 1 == AGENT}


def behind_all(tables: Tables, is_meant: Callable[[str], bool], hint: str, since: Minute, days: Sequence[str]) -> tuple[set[int], set[int]]:
    """As `behind`, of all addresses that `is_meant` together."""
    whos = {
        who
        for table in days
        for entity, packed in _rows_with(tables, table, hint, behind=True)
        if int(entity["RowKey"][:8]) >= since
        for ip, some in packed[1].items()
        if is_meant(ip)
        for who in some
    }
    return {who for who in whos if who & 1 == IDENTITY}, {who for who in whos if who & 1 == AGENT}


def used(tables: Tables, identities: Iterable[str], key: bytes, days: Sequence[str]) -> dict[str, tuple[Minute, bool]]:
    """Of these identities those that called in these tables: the last window, and whether some address was public. An address alone is never given out."""
    known = {who_of(name, IDENTITY, key): name for name in identities}
    found: dict[str, tuple[Minute, bool]] = {}
    for table in days:
        for entity in tables.query(table, "PartitionKey ge @low and PartitionKey lt @high", low=BEHIND, high=BEHIND + "~"):
            window = int(entity["RowKey"][:8])
            for ip, whos in _decoder.decode(_unpack(entity))[1].items():
                for name in (known[who] for who in whos if who in known):
                    last, public = found.get(name, (window, False))
                    found[name] = max(last, window), public or is_public(ip)
    return found


def windows_behind(tables: Tables, ip: str, key: bytes, days: Sequence[str]) -> list[tuple[Minute, int]]:
    """(window, how many identities and user agents) of the rows that say who was behind an address."""
    rows = (row for table in days for row in _rows_of(tables, table, ip, key, (BEHIND,)))
    return [(int(entity["RowKey"][:8]), len(packed[1][ip])) for entity, packed in rows]


def _rows_of(tables: Tables, table: str, ip: str, key: bytes, prefixes: Sequence[str] = ("",)) -> Iterator[tuple[Any, _Packed]]:
    needle = msgspec.msgpack.encode(ip)
    for bucket in [prefix + name for prefix in prefixes for name in _buckets(ip, key)]:  # one query for all would scan the table
        for entity in tables.query(table, "PartitionKey eq @bucket", bucket=bucket):
            raw = _unpack(entity)
            if needle in raw:  # nearly every row is done with here, undecoded
                packed = _decoder.decode(raw)
                if ip in packed[1]:
                    yield entity, packed


def _regulars_of(tables: Tables, table: str, actor: str, key: bytes) -> Iterator[tuple[str, Regular]]:
    bucket = bucket_of(actor, key)
    where = "PartitionKey eq 'regulars' and RowKey ge @low and RowKey lt @high"
    for row in tables.query(table, where, low=f"{bucket:02x}", high=f"{bucket:02x}~"):
        regular = msgspec.json.decode(row["regular"], type=Regular)
        if regular.actor == actor:
            yield row["RowKey"], regular


def _each(read: Callable[[str], Any], names: Sequence[str]) -> list[Any]:
    with ThreadPoolExecutor(READERS) as readers:
        return list(readers.map(read, names))
