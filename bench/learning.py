"""`python -m bench.learning`: the memory and the CPU of the daily run of `baseline`, with thousands of endpoints that were all called in every window of 30 days.

It reads made-up rows of the size of real ones, a page of the service's at a time: yesterday's windows, which it summarises, and 29 days of summaries. What it writes is
counted and forgotten. So the storage is left out, and nothing else. Memory is the largest resident set (Linux).
"""

import argparse
import json
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import msgspec
import numpy as np
from rich.console import Console

from adapters import baseline, windows
from adapters.tables import Entity, Tables, pieces
from bench.day import PARAMETERS, resident
from model import WINDOW_MINUTES, WINDOWS_PER_DAY, Endpoint, minute_of
from pipeline.learn import DAY_VALUES, DaySummary, DayTops, ParameterDay, pack_summary
from stats.moments import Moments
from stats.sketch import pack, sketch
from windows.baseline import MINUTES_PER_DAY
from windows.record import LEARNT_VALUES, ParameterRecord, Record, WindowRow

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
GOAL = 300
"""MiB, with 5,000 endpoints."""
PAGE = 1000


class MadeUp(Tables):
    """Tables of one answer: rows are made when they are read."""

    def __init__(self, endpoints: int, parts: int) -> None:
        self.written = 0
        self._again: dict[tuple[str, str], Entity] = {}
        random = np.random.default_rng(7)
        self._day_sketches = [pack(sketch(random.integers(0, 1 << 32, DAY_VALUES).tolist(), DAY_VALUES)) for _ in range(64)]
        self._window_sketches = [pack(sketch(random.integers(0, 1 << 32, 200).tolist(), LEARNT_VALUES)) for _ in range(64)]
        self._parts: dict[str, list[Endpoint]] = defaultdict(list)
        for number in range(endpoints):
            endpoint = Endpoint("contoso", f"api{number % 50}", "GET", f"/v1/things{number}/{{id}}")
            if int(endpoint.id[:2], 16) < parts:
                self._parts[endpoint.id[:2]].append(endpoint)
        self.count = sum(map(len, self._parts.values()))
        self._yesterday = NOW.date() - timedelta(days=1)

    def get(self, table: str, partition: str, row: str) -> Entity | None:
        if table == "progress":
            closed = minute_of(NOW) // MINUTES_PER_DAY * MINUTES_PER_DAY
            state: dict[str, Any] = {"tails": {}, "watermark": closed, "closedUntil": closed, "evaluated": None}
            return {"state": json.dumps(state), "etag": "1"}
        return self._again.get((partition, row))

    def take(self, table: str, entity: Entity) -> None:  # noqa: ARG002
        del self._again[entity["PartitionKey"], entity["RowKey"]]

    def upsert(self, table: str, entities: Iterable[Entity], mode: Any = None) -> None:  # noqa: ARG002
        held = list(entities)  # the real one sorts them first
        self.written += len(held)
        self._again |= {(one["PartitionKey"], one["RowKey"]): one for one in held if one["RowKey"] == windows.AGAIN}

    def query(self, table: str, where: str, /, select: list[str] | None = None, per_request: int = PAGE, **values: Any) -> Iterator[Entity]:  # noqa: ARG002
        rows = self._rows(table, select, values)
        while page := list(islice(rows, PAGE)):
            yield from page

    def _rows(self, table: str, select: list[str] | None, values: dict[str, Any]) -> Iterator[Entity]:
        if table.startswith("windows"):
            yield from self._windows(values.get("first", ""), bare=select is not None)
        elif table.startswith("days"):
            kind, _, part = str(values["low"]).partition("-")
            day = datetime.strptime(values["day"], "%Y%m%d").date()
            if (kind == "summary") == (day < self._yesterday):
                for endpoint in self._of(part):
                    key = {"RowKey": f"{kind}-{endpoint.id}"}
                    yield (
                        key
                        if select
                        else key
                        | pieces(self._summary(endpoint, (day - baseline.EPOCH).days) if kind == "summary" else self._tops(endpoint))
                    )

    def _of(self, part: str) -> Iterator[Endpoint]:
        for known, endpoints in sorted(self._parts.items()):
            if known.startswith(part):
                yield from sorted(endpoints, key=lambda endpoint: endpoint.id)

    def _windows(self, part: str, *, bare: bool) -> Iterator[Entity]:
        start = (self._yesterday - baseline.EPOCH).days * MINUTES_PER_DAY
        for endpoint in self._of(part):
            for slot in range(WINDOWS_PER_DAY):
                record = Record() if bare else self._record(slot)
                yield windows.row_of(WindowRow(endpoint, start + slot * WINDOW_MINUTES, record))

    def _record(self, slot: int) -> Record:
        bound, hashes = self._window_sketches[slot % 64]
        one = ParameterRecord(200, 190, 200, 150, {3: 200}, {3: 5}, 150, bound, hashes)
        return Record(
            {200: 180, 201: 10, 404: 8, 401: 2}, 150, 0, 900_000, {f"{n} {of}": dict.fromkeys(range(40, 70), 3) for n in (1, 2) for of in ("2xx", "4xx")},
            dict.fromkeys(PARAMETERS, one), {"okhttp/4.12": 200}, {"2xx subscription-key": 190}, {}, {}, self._series(int), self._tops_of(), {"2xx": 150, "4xx": 10},
        )  # fmt: skip

    def _summary(self, endpoint: Endpoint, day: int) -> bytes:
        bound, hashes = self._day_sketches[day % 64]
        one = ParameterDay(14_000, 9_000, {3: 14_000}, {3: 900}, bound, hashes)
        moments = {f"{n} {of}": Moments(10_000, 92_103.0, 850_000.0) for n in (1, 2) for of in ("2xx", "4xx")}
        series = self._series(lambda n: [n] * WINDOWS_PER_DAY)
        return pack_summary(
            DaySummary(
                endpoint,
                day,
                14_000,
                (1 << WINDOWS_PER_DAY) - 1,
                series,
                self._tops_of(),
                {"2xx": 9_000},
                moments,
                dict.fromkeys(PARAMETERS, one),
                13_000,
            )
        )

    def _series(self, made: Any) -> dict[str, Any]:
        names = ("2xx", "4xx", "auth", *(f"{kind}:{name}" for kind in ("distinct", "unseen") for name in PARAMETERS))
        return {name: made(100 + number) for number, name in enumerate(names)}

    def _tops(self, endpoint: Endpoint) -> bytes:
        day = (self._yesterday - baseline.EPOCH).days
        return msgspec.msgpack.encode(DayTops(endpoint, day, {f"day:{name}": [20.0] * 12 for name in PARAMETERS}))

    def _tops_of(self) -> dict[str, list[float]]:
        names = ("2xx", "4xx", *PARAMETERS)
        return {
            f"{kind}:{name}": [1000.5 - n for n in range(12)] for kind in ("calls", "identity", "distinct", "response") for name in names
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where the peak is above the goal."""
    parser = argparse.ArgumentParser(prog="python -m bench.learning", description=__doc__)
    parser.add_argument("--endpoints", type=int, default=5_000)
    parser.add_argument(
        "--parts", type=int, default=256, help="of the 256 in which endpoints are learned, so many; memory holds one at a time"
    )
    options = parser.parse_args(arguments)
    found, began = {"endpoints": options.endpoints, "MiB before": resident()}, time.process_time()
    tables = MadeUp(options.endpoints, options.parts)
    found["baselines"] = baseline.run(tables, NOW)
    found |= {"rows written": tables.written, "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
    found["seconds of CPU"] = round(time.process_time() - began)
    for name, value in found.items():
        Console().print(f"{name:>20} {value:,}")
    return int(found["peak MiB"] > GOAL or found["baselines"] != tables.count)


if __name__ == "__main__":
    sys.exit(main())
