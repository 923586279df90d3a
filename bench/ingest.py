"""`python -m bench.ingest`: what ingest costs an event, in CPU time and as ratios to typed decoding and to the stock converter in the same process.

CPU time, the best of several rounds: these figures compare versions of one program on one machine, not machines. "as deployed" is the app's own ingest,
made from settings as the trigger makes it: the looks into content, lists, countries, tombstones, trusted proxies and the commit.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from time import process_time
from types import SimpleNamespace
from typing import Any

from azure.functions import meta
from azure.functions.eventhub import EventHubTriggerConverter
from rich.console import Console
from rich.table import Table

import settings
from adapters import intake
from adapters.app import App
from adapters.batches import BatchLog, Tail
from adapters.evidence import Evidence
from adapters.ingest import Event, Ingest, events_of
from adapters.tables import Entity, Tables
from local import traffic
from local.azurite import Azurite
from pipeline.decode import decode
from pipeline.fold import fold
from settings import Connection
from windows.tally import pack

ROUNDS = 5
BATCHES = (100, 1000, 5000)
KEY = b"k" * 32
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
BODY_BYTES = 2_000
OPTIONAL = ("region", "gateway", "apiRevision", "operationId", "scheme", "host", "productId", "auth", "responseContentType", "userAgent")
"""What a gateway that sends the least leaves out: some 350 bytes a call, as others measure."""

STOCK = meta._BaseConverter.__dict__["_parse_datetime"], EventHubTriggerConverter.__dict__["decode_multiple_events"]
DEPLOYED, STOCK_NO_OP = "as deployed: converter to commit", "stock converter, no-op"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    arguments = parser.parse_args()
    intake.collect_seldom()
    results: dict[str, Any] = {"python": sys.version.split()[0], "rows": []}
    with Azurite() as azurite:
        connection = Connection("azurite", azurite.connection_string)
        for name, size, left_out in (("short", 0, OPTIONAL), ("without bodies", 0, ()), ("with bodies", BODY_BYTES, ())):
            results["rows"] += measure(name, messages(10_000, size, left_out), connection)
        results["transactions_per_million_calls"] = transactions(messages(1_000, 0), connection)
    results["imports"] = imports()
    print(json.dumps(results, indent=1)) if arguments.json else show(results)
    return 0


def messages(count: int, body: int, left_out: Collection[str] = ()) -> list[bytes]:
    """`body`: about so many bytes of response body; `left_out`: fields that are not sent."""
    random = Random(1)
    found = []
    for _ in range(count):
        event = traffic.call(random, NOW - timedelta(seconds=random.randrange(3600)))
        event = {name: value for name, value in event.items() if name not in left_out and name != "responseBody"}
        if body:
            event["responseBody"] = json.dumps({"items": [{"id": n, "name": "Lamp", "price": "24.90"} for n in range(body // 40)]})
        found.append(traffic.encode(event))
    return found


def measure(name: str, bodies: Sequence[bytes], connection: Connection) -> list[dict[str, Any]]:
    """Rows of one kind of message: microseconds of CPU an event, and the ratio of typed decoding to it (1 is as fast as decoding alone)."""
    reference = best(lambda: [decode(body) for body in bodies], len(bodies))
    size = round(sum(map(len, bodies)) / len(bodies))
    rows = [{"messages": name, "bytes": size, "what": "typed decode", "batch": 1, "us": reference, "ratio": 1.0}]

    def row(what: str, batch: int, us: float) -> None:
        rows.append({"messages": name, "bytes": size, "what": what, "batch": batch, "us": us, "ratio": reference / us})

    for batch in BATCHES:
        some = [bodies[at : at + batch] for at in range(0, len(bodies), batch)]
        row("decode + fold", batch, best(lambda s=some: [fold([decode(b) for b in g], KEY) for g in s], len(bodies)))  # type: ignore[misc]
        row("+ pack", batch, best(lambda s=some: [pack(fold([decode(b) for b in g], KEY)) for g in s], len(bodies)))  # type: ignore[misc]
        row("+ commit to a table", batch, best(lambda s=some, n=batch: commit(s, connection, n), len(bodies), rounds=3))  # type: ignore[misc]
        wire = [datum(group, number * batch) for number, group in enumerate(some)]
        intake.install()
        row("converter, columns", batch, best(lambda w=wire: [events_of(convert(*item)) for item in w], len(bodies)))  # type: ignore[misc]
        ingest = deployed(connection)
        through(wire, ingest, batch)  # shapes of calls are looked into until their picture is stable
        row(DEPLOYED, batch, best(lambda w=wire, n=batch, i=ingest: through(w, i, n), len(bodies), rounds=3))  # type: ignore[misc]
        as_shipped()
        row(STOCK_NO_OP, batch, best(lambda w=wire[:2]: [convert(*item) for item in w], sum(map(len, some[:2])), rounds=2))  # type: ignore[misc]
        intake.install()
    return rows


def best(work: Callable[[], object], events: int, rounds: int = ROUNDS) -> float:
    """Microseconds of CPU time an event, of the best round."""
    found = []
    for _ in range(rounds):
        began = process_time()
        work()
        found.append(process_time() - began)
    return min(found) / events * 1e6


_partition = iter(range(1_000_000))


def commit(groups: Sequence[Sequence[bytes]], connection: Connection, batch: int) -> None:
    tables = Tables(connection)
    ingest = Ingest(BatchLog(tables), Evidence(connection), KEY, timedelta(days=1), lambda _: Tail(-1, None))
    partition = f"{batch}-{next(_partition)}"
    for number, group in enumerate(groups):
        ingest.batch(partition, [Event(number * batch + at, NOW, body) for at, body in enumerate(group)], NOW)


def deployed(connection: Connection) -> Ingest:
    """The ingest of the app itself, on this storage."""
    hub = "Endpoint=sb://localhost;SharedAccessKeyName=none;SharedAccessKey=none;UseDevelopmentEmulator=true;"
    storage = connection.connection_string or ""
    return App(settings.read({"EventHubConnection": hub, "StateStorage": storage, "EvidenceStorage": storage})).ingest


def through(wire: Sequence[tuple[Any, Any]], ingest: Ingest, batch: int) -> None:
    partition = f"{batch}-{next(_partition)}"
    for item in wire:
        ingest.batch(partition, events_of(convert(*item)), NOW)


def as_shipped() -> None:
    """The converter of azure-functions as it came."""
    setattr(meta._BaseConverter, "_parse_datetime", STOCK[0])  # noqa: B010  private on purpose
    setattr(EventHubTriggerConverter, "decode_multiple_events", STOCK[1])  # noqa: B010


def datum(bodies: Sequence[bytes], first: int = 0) -> tuple[Any, Any]:
    """A batch as the host sends it; `first`: the sequence number that it begins with."""

    enqueued = NOW.strftime("%Y-%m-%dT%H:%M:%S.123")  # no offset: so the extension writes it
    system = [
        {
            "x-opt-sequence-number": n,
            "x-opt-offset": str(n),
            "x-opt-enqueued-time": enqueued,
            "SequenceNumber": n,
            "Offset": n,
            "EnqueuedTimeUtc": enqueued,
        }
        for n in range(first, first + len(bodies))
    ]
    metadata = {
        "SystemPropertiesArray": meta.Datum(json.dumps(system), "json"),
        "PartitionContext": meta.Datum(json.dumps({"PartitionId": "0", "EventHubName": "calls"}), "json"),
    }
    return meta.Datum(SimpleNamespace(bytes=list(bodies)), "collection_bytes"), metadata


def convert(data: Any, metadata: Any) -> Any:
    return EventHubTriggerConverter.decode(data, trigger_metadata=metadata)


class CountingTables(Tables):
    """Counts what is asked of the service."""

    asked = 0

    def insert(self, table: str, entity: Entity, *, create: bool = True) -> None:
        self.asked += 1
        super().insert(table, entity, create=create)

    def get(self, table: str, partition: str, row: str) -> Entity | None:
        self.asked += 1
        return super().get(table, partition, row)

    def query(self, table: str, where: str, /, select: list[str] | None = None, per_request: int = 1000, **values: Any) -> Iterator[Entity]:
        self.asked += 1
        return super().query(table, where, select, per_request, **values)

    def names(self, prefix: str) -> list[str]:
        self.asked += 1
        return super().names(prefix)


def transactions(bodies: Sequence[bytes], connection: Connection) -> float:
    """Of Table Storage for a million calls in batches of a thousand, counted over a hundred batches from a cold start on."""
    tables = CountingTables(connection)
    ingest = Ingest(BatchLog(tables), Evidence(connection), KEY, timedelta(days=1), lambda _: Tail(-1, None))
    partition = f"counted-{next(_partition)}"
    for number in range(100):
        ingest.batch(partition, [Event(number * 1000 + at, NOW, body) for at, body in enumerate(bodies[:1000])], NOW)
    return tables.asked / 100_000 * 1_000_000


def imports() -> dict[str, float]:
    """Milliseconds of CPU of fresh interpreters, the best of five."""
    ingest = "import azure.functions, adapters.intake, adapters.app, pipeline.decode, pipeline.fold, windows.tally"
    with tempfile.TemporaryDirectory() as folder:
        return {
            name: min(_import(code, folder) for _ in range(6))
            for name, code in {"azure.functions": "import azure.functions", "ingest": ingest}.items()
        }


def _import(code: str, folder: str) -> float:
    """With compiled code, which the first run leaves in the folder: packages come compiled, and so does an app on a disk that can be written to."""
    command = f"import time; began = time.process_time(); {code}; print((time.process_time() - began) * 1e3)"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPYCACHEPREFIX": folder}
    return float(subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True, env=environment).stdout)


def compared(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, int, int, float]]:
    """Messages, bytes, batch, and how many times the whole of ingest as deployed the stock converter costs that then does nothing."""
    us = {(row["messages"], row["bytes"], row["batch"], row["what"]): row["us"] for row in rows}
    for messages, size, batch, what in us:
        if what == DEPLOYED:
            yield messages, size, batch, us[messages, size, batch, STOCK_NO_OP] / us[messages, size, batch, DEPLOYED]


def show(results: dict[str, Any]) -> None:
    console = Console()
    table = Table("messages", "bytes", "what", "batch", "µs CPU an event", "× typed decode", title=f"ingest, Python {results['python']}")
    for row in results["rows"]:
        table.add_row(row["messages"], str(row["bytes"]), row["what"], str(row["batch"]), f"{row['us']:.2f}", f"{row['ratio']:.3f}")
    console.print(table)
    for messages, size, batch, times in compared(results["rows"]):
        console.print(
            f"{messages}, {size} B, batch {batch}: the stock converter alone costs {times:.1f} times the whole of ingest as deployed"
        )
    console.print("(in one process: what the real worker's protocol adds to both is not in it)")
    console.print(f"table transactions for a million calls at batch 1000: {results['transactions_per_million_calls']:.0f}")
    for name, ms in results["imports"].items():
        console.print(f"import {name}: {ms:.0f} ms of CPU")


if __name__ == "__main__":
    sys.exit(main())
