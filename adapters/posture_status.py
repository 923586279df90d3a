"""How far the posture function has read each service: rows of the `progress` table, for it, health and the page."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from adapters.tables import Tables
from model import moment
from posture.snapshot import service_key

PARTITION = "posture"


class Status(msgspec.Struct, omit_defaults=True):
    """How the reading of one service stands. `begun`: the day of the pass that is under way or was done last; `reads`: of that pass."""

    service: str
    begun: str = ""
    done: bool = False
    taken: int | None = None
    """Minute at which the last complete pass ended."""
    complete: bool = False
    """Every section was read at least once."""
    phase: str = ""
    reads: int = 0
    notice: str = ""

    @property
    def taken_at(self) -> datetime | None:
        return moment(self.taken) if self.taken is not None else None


def statuses(tables: Tables) -> Iterator[Status]:
    for row in tables.query("progress", "PartitionKey eq @partition", partition=PARTITION):
        yield msgspec.json.decode(row["state"], type=Status)


def find(tables: Tables, service: str) -> Status:
    row = tables.get("progress", PARTITION, service_key(service))
    return msgspec.json.decode(row["state"], type=Status) if row else Status(service)


def note(tables: Tables, status: Status) -> None:
    row = {"PartitionKey": PARTITION, "RowKey": service_key(status.service), "state": msgspec.json.encode(status).decode()}
    tables.upsert("progress", [row])


def forget(tables: Tables, service: str) -> None:
    tables.delete("progress", [(PARTITION, service_key(service))])


def notices(tables: Tables, places: tuple[str, ...]) -> list[str]:
    """What whoever looks after Gatewatch should know of the reading. `places`: what the setting names."""
    if not places:
        return ["POSTURE_SERVICES is empty: no gateway's configuration is read, and nothing is recommended"]
    return [f"configuration of {status.service.rpartition('/')[2]}: {status.notice}" for status in statuses(tables) if status.notice]
