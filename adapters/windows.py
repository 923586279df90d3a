"""The `windows…` tables: one row for each endpoint and window, the day its partition."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime

from adapters.tables import Entity, Tables, int64, joined, pieces
from model import Endpoint, Minute, moment
from windows.record import Record, WindowRow, pack_record, unpack_record

PREFIX = "windows"
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


def get(tables: Tables, endpoint: Endpoint, window: Minute) -> Record | None:
    stored = tables.get(table_of(window), *_key(endpoint, window))
    return unpack_record(joined(stored)) if stored else None


def read(tables: Tables, day: date, endpoint: Endpoint | None = None) -> Iterator[WindowRow]:
    """The windows of one day of event time, of all endpoints or of one."""
    where = "PartitionKey eq @day and RowKey ge @first and RowKey lt @end"
    id = endpoint.id if endpoint is not None else ""
    for row in tables.query(f"{PREFIX}{day:%Y%m}", where, day=f"{day:%Y%m%d}", first=id, end=f"{id}~"):
        at = datetime.strptime(row["PartitionKey"] + row["RowKey"][-4:], "%Y%m%d%H%M").replace(tzinfo=UTC)
        yield WindowRow(Endpoint(*json.loads(row["endpoint"])), int(at.timestamp()) // 60, unpack_record(joined(row)))


def learn_again(tables: Tables, minutes: Iterable[Minute]) -> None:
    """What these minutes' days taught is out of date: the next run of `baseline` learns them again, from their windows."""
    for day in sorted({moment(minute).date() for minute in minutes}):
        tables.upsert(f"days{day:%Y%m}", [{"PartitionKey": f"{day:%Y%m%d}", "RowKey": AGAIN}])


def _key(endpoint: Endpoint, window: Minute) -> tuple[str, str]:
    at = moment(window)
    return f"{at:%Y%m%d}", f"{endpoint.id}{at:%H%M}"
