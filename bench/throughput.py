"""`python -m bench.throughput`: many events a second for minutes through ingest and evaluation as they are deployed, on a real Azurite: CPU, lag, memory,
table operations, and what a month of it costs.

Time is simulated: fifteen seconds of events are ingested, then a tick of the evaluation runs, and the next begins when the clock says so or, where a tick
took longer, at its end. CPU is this process's, so Azurite's is not in it; how long a tick lasts has Azurite's answers in it, which are slower than Azure's.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from time import monotonic, process_time
from typing import Any

import numpy as np
from azure.data.tables import UpdateMode
from rich.console import Console

import settings
from adapters import intake
from adapters.app import App
from adapters.ingest import events_of
from adapters.made_once import made_once
from adapters.tables import Entity, Tables, pieces
from bench.day import Traffic, resident, zipf
from bench.ingest import convert, datum
from local.azurite import Azurite
from model import WINDOW_MINUTES
from tools import cost
from windows.baseline import pack_baseline

BATCH = 1000
HUB = "Endpoint=sb://localhost;SharedAccessKeyName=none;SharedAccessKey=none;UseDevelopmentEmulator=true;"
DISTINCT = 50_000
"""Messages that differ in more than time and id."""


class CountedTables(Tables):
    """Counts what the service bills: an operation for each entity that is written, and for each page that is read."""

    written = read = 0

    def insert(self, table: str, entity: Entity, *, create: bool = True) -> None:
        self.written += 1
        super().insert(table, entity, create=create)

    def replace(self, table: str, entity: Entity, etag: str | None, mode: UpdateMode = UpdateMode.REPLACE) -> str:
        self.written += 1
        return super().replace(table, entity, etag, mode)

    def _upsert(self, table: str, entities: list[Entity], mode: UpdateMode) -> None:
        self.written += len(entities)
        super()._upsert(table, entities, mode)

    def get(self, table: str, partition: str, row: str) -> Entity | None:
        self.read += 1
        return super().get(table, partition, row)

    def query(self, table: str, where: str, /, select: list[str] | None = None, per_request: int = 1000, **values: Any) -> Iterator[Entity]:
        self.read += 1
        for number, entity in enumerate(super().query(table, where, select, per_request, **values), 1):
            self.read += number % per_request == 0
            yield entity


class CountedApp(App):
    @made_once
    def tables(self) -> CountedTables:
        return CountedTables(self.settings.state)


class Wire:
    """Messages as the hub holds them. What is drawn at random is drawn once; time and id differ from call to call."""

    def __init__(self, traffic: Traffic, addresses: int, seed: int) -> None:
        draw, random = np.random.default_rng(seed), Random(seed)
        endpoint = np.searchsorted(zipf(len(traffic.endpoints), 0.9), draw.random(DISTINCT)).tolist()
        address = np.searchsorted(zipf(addresses, 0.7), draw.random(DISTINCT)).tolist()
        self._draw = draw
        self._messages = [_message(traffic, endpoint[n], address[n], random) for n in range(DISTINCT)]

    def batch(self, at: datetime) -> list[bytes]:
        """Of the second before `at`."""
        stamps = [
            (at - timedelta(milliseconds=n)).isoformat(timespec="milliseconds").removesuffix("+00:00").encode() for n in range(0, BATCH, 10)
        ]
        which, ids = self._draw.integers(0, DISTINCT, BATCH).tolist(), self._draw.integers(0, 1_000_000, BATCH).tolist()
        return [self._messages[w] % (stamps[n // 10], ids[n], ids[n]) for n, w in enumerate(which)]


def _message(traffic: Traffic, endpoint: int, address: int, random: Random) -> bytes:
    """One call of the event contract, with places for time and id (twice)."""
    called = traffic.endpoints[endpoint]
    event = {
        "v": 1, "requestId": "7c0f5a52-6c5e-4d0a-8f0e-0f3f2b6f6a11", "time": "\0aZ", "service": called.service, "region": "West Europe", "gateway": "managed",
        "apiId": called.api, "apiRevision": "1", "operationId": f"get-things{endpoint}", "urlTemplate": called.template, "method": "GET",
        "scheme": "https", "host": "api.contoso.com", "path": called.template.replace("{id}", "\0b"), "query": f"page={random.randrange(20)}",
        "pathParameters": {"id": "\0b"}, "clientIp": f"{10 + (address >> 16)}.{address >> 8 & 255}.{address & 255}.7", "userAgent": "okhttp/4.12.0",
        "subscriptionId": "mobile-app", "productId": "retail", "auth": ["subscription-key"],
        "status": random.choice((200, 200, 200, 200, 200, 200, 200, 201, 404)), "durationMs": round(random.uniform(5, 90), 1),
        "requestBytes": 0, "responseBytes": random.randrange(200, 50_000), "responseContentType": "application/json",
    }  # fmt: skip
    text = json.dumps(event, separators=(",", ":")).replace("%", "%%")
    return text.replace("\\u0000a", "%b").replace("\\u0000b", "%d").encode()


@dataclass
class Spent:
    """CPU seconds, and table operations."""

    cpu: float = 0.0
    written: int = 0
    read: int = 0

    @contextmanager
    def on(self, tables: CountedTables) -> Iterator[None]:
        cpu, written, read = process_time(), tables.written, tables.read
        yield
        self.cpu += process_time() - cpu
        self.written += tables.written - written
        self.read += tables.read - read


def measure(azurite: Azurite, options: argparse.Namespace) -> dict[str, Any]:
    intake.collect_seldom()
    intake.install()
    storage = {"StateStorage": azurite.connection_string, "EvidenceStorage": azurite.connection_string}
    app = CountedApp(settings.read({"EventHubConnection": HUB, "EVALUATE_SHARDS": str(options.shards), **storage}))
    traffic = Traffic(options.endpoints, options.addresses, 7)
    _learn(app.tables, traffic, options.rate)
    wire, period = Wire(traffic, options.addresses, 7), app.settings.evaluate_seconds
    start, sent, owed, free = datetime.now(UTC).replace(microsecond=0), [0] * options.partitions, 0.0, 0.0
    ingest, evaluate, shards = Spent(), Spent(), Spent()
    found: dict[str, Any] = {"lag": [], "tick": [], "resident": []}
    for second in range(1, options.minutes * 60 + 1):
        now = start + timedelta(seconds=second)
        owed += options.rate
        while owed >= BATCH:
            owed -= BATCH
            partition = min(range(options.partitions), key=sent.__getitem__)
            data = datum(wire.batch(now), sent[partition])
            with ingest.on(app.tables):
                app.ingest.batch(str(partition), events_of(convert(*data)), now)
            sent[partition] += BATCH
        if second % period == 0 and second >= free:
            lasted = _tick(app, now, evaluate, shards)
            free = second + lasted
            found["tick"].append(lasted)
            # the newest call that it counted is at most a second old when it begins; what shards found is told at the next run
            found["lag"].append(1 + lasted + (period if options.shards > 1 else 0))
            found["resident"].append(resident())
            print(f"{second} s: tick {lasted:.1f} s, {found['resident'][-1]} MiB", file=sys.stderr, flush=True)
    parts = {"ingest": ingest, "evaluate": evaluate} | ({"each shard": shards} if options.shards > 1 else {})
    shares = {"each shard": options.shards}
    spent = {name: {what: n / shares.get(name, 1) for what, n in vars(one).items()} for name, one in parts.items()}
    return found | {"events": sum(sent), "ticks": len(found["tick"]), "spent": spent}


def _tick(app: CountedApp, now: datetime, evaluate: Spent, shards: Spent) -> float:
    """Seconds that it lasts. On Azure shards run all at once, each on an instance of its own."""
    never, began, longest = datetime.max.replace(tzinfo=UTC), monotonic(), 0.0
    with evaluate.on(app.tables):
        app.evaluator.tick(now, never)
    lasted = monotonic() - began
    for shard in app.shards if app.settings.evaluate_shards > 1 else ():
        began = monotonic()
        with shards.on(app.tables):
            shard.tick(now, never)
        longest = max(longest, monotonic() - began)
    return lasted + longest


def _learn(tables: Tables, traffic: Traffic, rate: float) -> None:
    """A baseline of a month for each endpoint, at its part of the rate, so that everything is judged and little is found."""
    odds = np.diff(zipf(len(traffic.endpoints), 0.9), prepend=0.0).tolist()
    usual = [traffic.baseline(one, part * rate * WINDOW_MINUTES * 60) for one, part in zip(traffic.endpoints, odds, strict=True)]
    tables.upsert("baselines", ({"PartitionKey": "baselines", "RowKey": one.endpoint.id, **pieces(pack_baseline(one))} for one in usual))


def money(found: dict[str, Any], options: argparse.Namespace) -> dict[str, float]:
    """USD a month at this rate all month long, by tools.cost with what was measured here in the place of its own figures for evaluation."""
    here = Path(cost.__file__).parent
    units = cost.load_units((here / "cost_units.json").read_text(encoding="utf-8"))
    ticks, spent = max(found["ticks"], 1), found["spent"]
    units |= {
        "evaluate_seconds_per_run": Decimal(sum(found["tick"]) / ticks),
        "table_writes_per_evaluate": Decimal(spent["evaluate"]["written"]) / ticks,
        "ingest_seconds_per_event": Decimal(spent["ingest"]["cpu"] / found["events"]),
    }
    calls = int(options.rate * cost.MONTH_SECONDS)
    traffic = cost.Traffic(calls, calls * 600, Decimal(1))
    month = cost.bill(
        traffic,
        cost.Deployment(partitions=options.partitions, shards=options.shards, batch_events=BATCH),
        units,
        cost.load_prices((here / "prices.json").read_text(encoding="utf-8")),
    )
    return {"month": float(month.total), "million": float(month.total) / calls * 1e6, "throughput units": cost.throughput_units(traffic)}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.throughput", description=__doc__)
    parser.add_argument("--rate", type=int, default=10_000, help="events a second")
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--endpoints", type=int, default=500)
    parser.add_argument("--addresses", type=int, default=100_000)
    parser.add_argument("--partitions", type=int, default=16)
    parser.add_argument("--shards", type=int, default=1, help="EVALUATE_SHARDS")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with Azurite() as azurite:
        found = measure(azurite, options)
    found["money"] = money(found, options)
    if options.json:
        print(json.dumps(found))
    else:
        show(found, options)
    return 0


def show(found: dict[str, Any], options: argparse.Namespace) -> None:
    ticks, millions = sorted(found["tick"]), found["events"] / 1e6
    lines = [
        f"{found['events']:,} events, {options.rate:,}/s for {options.minutes} min; {options.endpoints:,} endpoints, {options.addresses:,} addresses",
        f"a tick lasts {ticks[len(ticks) // 2]:.1f} s in the middle, {ticks[-1]:.1f} s at most; behind the newest call at most {max(found['lag']):.1f} s",
        f"memory of all in one process: {found['resident'][0]} MiB after the first tick, {max(found['resident'])} MiB at most",
    ]
    lines += [
        f"{name}: {one['cpu'] / millions:.1f} µs of CPU an event; {one['written'] / millions:,.0f} entities written, "
        f"{one['read'] / millions:,.0f} pages read a million events"
        for name, one in found["spent"].items()
    ]
    money = found["money"]
    lines.append(f"a month of it: ${money['month']:,.0f}, ${money['million']:.3f} a million; {money['throughput units']} throughput units")
    for line in lines:
        Console(width=160).print(line)


if __name__ == "__main__":
    sys.exit(main())
