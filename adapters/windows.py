"""The `windows…` tables: one row for each endpoint and window, the day its partition."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime

from adapters.tables import Changed, Entity, Tables, int64, joined, pieces
from model import WINDOW_MINUTES, Endpoint, Minute, moment
from windows.record import Record, WindowRow, pack_record, unpack_record

PREFIX = "windows"
TRIES = 5
AGAIN = "again"
"""The row of a day, in the table `days…`, that says that its windows have changed since it was learned."""


def table_of(window: Minute) -> str:
    return f"{PREFIX}{moment(window):%Y%m}"


def row_of(row: WindowRow) -> Entity:
    partition, key = _key(row.endpoint, row.window)
    return {
        "PartitionKey": partition,
        "RowKey": key,
        "endpoint": json.dumps(row.endpoint),
        "calls": int64(row.record.n),
        **pieces(pack_record(row.record)),
    }


def get(tables: Tables, endpoint: Endpoint, window: Minute) -> tuple[Record | None, str | None]:
    """The record and its etag."""
    stored = tables.get(table_of(window), *_key(endpoint, window))
    return (unpack_record(joined(stored)), str(stored["etag"])) if stored else (None, None)


def merge(tables: Tables, endpoint: Endpoint, window: Minute, merged: Callable[[Record | None], Record]) -> None:
    """Change a record as it is now; nobody else's change is lost. Raises Changed after five rivals in a row."""
    for _ in range(TRIES):
        before, etag = get(tables, endpoint, window)
        after = merged(before)
        if after is before:
            return
        with suppress(Changed):
            tables.replace(table_of(window), row_of(WindowRow(endpoint, window, after)), etag)
            return
    raise Changed(table_of(window))


def read(tables: Tables, day: date, endpoint: Endpoint | None = None, ids: str = "") -> Iterator[WindowRow]:
    """The windows of one day of event time, of all endpoints, of one, or of those whose ids begin with `ids`; an endpoint's stand together."""
    where = "PartitionKey eq @day and RowKey ge @first and RowKey lt @end"
    id = endpoint.id if endpoint is not None else ids
    for row in tables.query(f"{PREFIX}{day:%Y%m}", where, day=f"{day:%Y%m%d}", first=id, end=f"{id}~"):
        at = datetime.strptime(row["PartitionKey"] + row["RowKey"][-4:], "%Y%m%d%H%M").replace(tzinfo=UTC)
        yield WindowRow(Endpoint(*json.loads(row["endpoint"])), int(at.timestamp()) // 60, unpack_record(joined(row)))


def heard(tables: Tables, day: date) -> tuple[dict[str, int], set[str]]:
    """Service -> a bit for each window of the day in which any of its endpoints was called; and the first two digits of the endpoints' ids."""
    found: dict[str, int] = {}
    parts: set[str] = set()
    where = "PartitionKey eq @day"
    for row in tables.query(f"{PREFIX}{day:%Y%m}", where, select=["RowKey", "endpoint"], day=f"{day:%Y%m%d}"):
        service, at = json.loads(row["endpoint"])[0], row["RowKey"][-4:]
        parts.add(row["RowKey"][:2])
        found[service] = found.get(service, 0) | 1 << (int(at[:2]) * 60 + int(at[2:])) // WINDOW_MINUTES
    return found, parts


def learn_again(tables: Tables, minutes: Iterable[Minute]) -> None:
    """What these minutes' days taught is out of date: the next run of `baseline` learns them again, from their windows."""
    for day in sorted({moment(minute).date() for minute in minutes}):
        tables.upsert(f"days{day:%Y%m}", [{"PartitionKey": f"{day:%Y%m%d}", "RowKey": AGAIN}])


def _key(endpoint: Endpoint, window: Minute) -> tuple[str, str]:
    at = moment(window)
    return f"{at:%Y%m%d}", f"{endpoint.id}{at:%H%M}"


def is_to_be_learned_again(tables: Tables, day: date) -> bool:
    """Whether what a day taught is out of date: something came late, and its summaries do not hold it yet."""
    return tables.get(f"days{day:%Y%m}", f"{day:%Y%m%d}", AGAIN) is not None
