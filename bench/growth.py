"""`python -m bench.growth`: what an hour of calls costs a back-test (fold, evaluation, inventory) with few endpoints and with many: memory, CPU, and the room of a window.

Each size runs in a process of its own. Endpoints and addresses are drawn by Zipf's law: few are busy, most are not. Memory is the largest resident set (Linux).
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from adapters.intake import collect_seldom
from bench.day import zipf
from model import ApiCall
from pipeline.rehearsal import Rehearsal
from windows.frozen import freeze
from windows.record import pack_record

BATCH = 1000
START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
SIZES = ((50, 1_000), (5_000, 100_000), (50_000, 100_000))
"""Endpoints, addresses."""
MEMORY, CPU, LARGEST = 1.3, 1.5, 900
"""Goals: of 5,000 endpoints against 50, and MiB of 50,000."""
QUIET = 1024
"""Bytes: goal of the room of a quiet endpoint's window, packed: once it has ended, or got no call for some minutes."""


def batches(endpoints: int, addresses: int, calls: int) -> Iterator[list[ApiCall]]:
    draw, random = np.random.default_rng(7), Random(7)
    endpoint_odds, address_odds = zipf(endpoints, 0.9), zipf(addresses, 0.7)
    for at in range(0, calls, BATCH):
        which = np.searchsorted(endpoint_odds, draw.random(BATCH)).tolist()
        who = np.searchsorted(address_odds, draw.random(BATCH)).tolist()
        time = START + timedelta(hours=1) * (at / calls)
        yield [_call(which[n], who[n], time + timedelta(milliseconds=n), random) for n in range(BATCH)]


def _call(endpoint: int, address: int, time: datetime, random: Random) -> ApiCall:
    status = random.choice((200, 200, 200, 200, 200, 200, 201, 404))
    id = random.randrange(1_000_000)
    return ApiCall(
        v=1, request_id="7c0f5a52-6c5e-4d0a-8f0e-0f3f2b6f6a11", time=time, method="GET", path=f"/v1/things{endpoint}/{id}", status=status,
        service="contoso", api_id=f"api{endpoint % 50}", url_template=f"/v1/things{endpoint}/{{id}}", query=f"page={id % 20}",
        path_parameters={"id": str(id)}, client_ip=f"{10 + (address >> 16)}.{address >> 8 & 255}.{address & 255}.7", user_agent="okhttp/4.12.0",
        subscription_id="mobile-app", auth=["subscription-key"], duration_ms=random.uniform(5, 90), request_bytes=0, response_bytes=random.randrange(200, 50_000),
        response_content_type="application/json",
    )  # fmt: skip


def measure(endpoints: int, addresses: int, calls: int) -> dict[str, Any]:
    collect_seldom()  # as the app does
    rehearsal, seconds = Rehearsal(), 0.0
    for batch in batches(endpoints, addresses, calls):
        began = time.process_time()
        rehearsal.play(batch)
        seconds += time.process_time() - began
    began = time.process_time()
    quiet = sorted(len(pack_record(row.record)) for step in rehearsal.finishing() for row in step.closed)
    seconds += time.process_time() - began
    return {
        "endpoints": endpoints,
        "addresses": addresses,
        "calls": calls,
        "MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "microseconds": round(seconds / calls * 1e6, 1),
        "row": quiet[len(quiet) // 2],
        "quiet window": _quiet(endpoints),
    }


def _quiet(endpoints: int) -> int:
    """Bytes of a packed window of a quiet endpoint: one call, as most of the many endpoints get in 20 minutes."""
    from pipeline.feed import Source, WindowsOf, feed, slices_of
    from pipeline.fold import fold
    from pipeline.live import Knowledge, LiveWindows
    from pipeline.placing import placed
    from pipeline.regulars import Regulars

    tally = fold([_call(endpoints - 1, 1, START, Random(7))], b"k" * 32)
    live = LiveWindows(Knowledge((), Regulars(), {}), {})
    source = Source(*placed(tally, live.templates), "0", 0)
    windows = WindowsOf(live, source, tally.since - tally.since % 20, late=False)
    for _, slice_ in slices_of(source):
        if slice_.table != "callers":
            feed(slice_, windows)
    (window,) = windows.values()
    return len(freeze(window))


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--calls", type=int, default=300_000)
    parser.add_argument(
        "--one", type=int, nargs=2, metavar=("ENDPOINTS", "ADDRESSES"), help="measure this size in this process, and print JSON"
    )
    parser.add_argument(
        "--sizes", nargs="+", type=_size, default=SIZES, metavar="ENDPOINTS:ADDRESSES", help="others than those of the goals"
    )
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(measure(options.one[0], options.one[1], options.calls)))
        return 0
    found = []
    for endpoints, addresses in options.sizes:
        command = [sys.executable, "-m", "bench.growth", "--calls", str(options.calls), "--one", str(endpoints), str(addresses)]
        found.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    show(found)
    if options.sizes != SIZES:
        return 0
    few, many, most = found
    kept = many["MiB"] <= MEMORY * few["MiB"] and many["microseconds"] <= CPU * few["microseconds"]
    return int(not (kept and most["MiB"] <= LARGEST and most["quiet window"] <= QUIET))


def _size(text: str) -> tuple[int, int]:
    endpoints, _, addresses = text.partition(":")
    return int(endpoints), int(addresses)


def show(found: list[dict[str, Any]]) -> None:
    table = Table(title=f"{found[0]['calls']:,} calls in an hour, Python {sys.version.split()[0]}")
    for column in ("endpoints", "addresses", "MiB", "× memory", "µs a call", "× CPU", "stored row, median bytes", "quiet window, bytes"):
        table.add_column(column, justify="right")
    for one in found:
        memory, cpu = one["MiB"] / found[0]["MiB"], one["microseconds"] / found[0]["microseconds"]
        table.add_row(
            f"{one['endpoints']:,}", f"{one['addresses']:,}", str(one["MiB"]), f"{memory:.2f}", f"{one['microseconds']:.0f}", f"{cpu:.2f}",
            str(one["row"]), str(one["quiet window"]),
        )  # fmt: skip
    Console(width=140).print(table)


if __name__ == "__main__":
    sys.exit(main())
