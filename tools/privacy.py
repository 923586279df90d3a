"""Privacy on the command line: the state of every promise, the whole proof on this machine, and how fast one person is found.

python -m tools.privacy report [--url URL]    every place, its promise, what it holds and what the last purge removed; 1 where something is wrong
python -m tools.privacy prove                 31 days hour by hour, a thousand kills, and markers in every field of an event, against a real Azurite
python -m tools.privacy measure               look-up and search at five million addresses, into tools/privacy_measured.json

report reads GET /api/privacy of the stack that runs here, or of --url with the master key in GATEWATCH_MASTER_KEY.
"""

import argparse
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import monotonic, process_time
from typing import Any

from rich.console import Console
from rich.table import Table

from adapters import ledger
from adapters.batches import Batch, BatchLog
from adapters.data_subjects import Places
from adapters.dsr import WORKERS
from adapters.evidence import Evidence
from adapters.tables import Tables
from local.azurite import ROOT, Azurite
from model import Endpoint, minute_of
from pipeline.step import Activity
from retention.policy import promises
from retention.subject import fingerprints, of
from settings import Connection
from windows.tally import Row, Tally, pack
from windows.values import hash_value

MEASURED = ROOT / "tools" / "privacy_measured.json"
PROOF = (
    "tests/retention",
    "tests/adapters/test_purge.py",
    "tests/adapters/test_erase.py",
    "tests/adapters/test_nameless.py",
    "tests/adapters/test_ledger.py",
    "tests/adapters/test_lost_answers.py",
    "tests/adapters/test_telemetry.py",
    "tests/web/test_dsr.py",
)
SECONDS = 30

# the size of the issue: five million addresses and 400 million calls in four weeks
CALLS = 400_000_000
CALLS_PER_DAY = CALLS // 28
WINDOWS = 72
CALLS_PER_COUNT = 2
"""Calls that share address, endpoint, class and window: few, which is the larger ledger."""
ENDPOINTS_PER_ADDRESS = 2
"""In one window."""
ADDRESSES = 5_000_000
BATCH = 1000
BATCH_HOURS = 46
"""A day's batches are dropped so long after its beginning."""
SAMPLE_BATCHES = 400


def report(url: str, key: str, console: Console) -> int:
    """Prints the privacy page; 1 where it names a problem or cannot be had."""
    request = urllib.request.Request(url.rstrip("/") + "/api/privacy", headers={"x-functions-key": key})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            page = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        error.close()
        console.print(f"error: {url} answers {error.code}" + (": give its master key in GATEWATCH_MASTER_KEY" if error.code == 401 else ""))
        return 1
    except (OSError, ValueError) as error:
        console.print(f"error: {url} cannot be reached ({type(error).__name__})")
        return 1
    show(page, console)
    return 1 if page["problems"] else 0


def show(page: Mapping[str, Any], console: Console) -> None:
    table = Table(title=f"Promises at {page['time'][:16]} UTC", title_justify="left")
    for heading in ("place", "promise", "items", "oldest", "gone by", "removed by the last purge"):
        table.add_column(heading, justify="right" if heading in ("items", "removed by the last purge") else "left")
    for place in page["places"]:
        if place["personal"]:
            moments = [text[:16] if (text := place[name]) else "–" for name in ("oldest", "goneBy")]
            removed = place["removedByLastPurge"]
            table.add_row(
                f"{place['kind']} {place['name']}",
                place["promise"],
                str(place["items"]),
                *moments,
                str(removed if removed is not None else "–"),
            )
    console.print(table)
    if page["purges"]:
        run = page["purges"][0]
        late = sum(run["late"].values())
        console.print(
            f"Last purge {run['started'][:16]}: {sum(run['removed'].values())} removed, {late} of them late, in {run['seconds']:.1f} s"
            + ("" if run["complete"] else "; not complete")
        )
    else:
        console.print("No purge has run yet.")
    if page["legalHold"]:
        console.print(f"Legal hold until {page['legalHold']['until']}: {page['legalHold']['reason']}")
    for problem in page["problems"]:
        console.print(f"PROBLEM: {problem}", highlight=False)
    for text in page["notSeen"]:
        console.print(f"Not seen from here: {text}", highlight=False)


def prove() -> int:
    """pytest's exit status."""
    environment = {**os.environ, "GATEWATCH_PROOF": "full"}
    return subprocess.run([sys.executable, "-m", "pytest", "-n", "2", "-v", *PROOF], cwd=ROOT, env=environment, check=False).returncode


# measured


def _addresses(random: Random, key: bytes, wanted: Callable[[int], bool]) -> Iterator[str]:
    while True:
        number = random.getrandbits(32)
        address = ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
        if wanted(hash_value(address, key) % ledger.BUCKETS):
            yield address


def measure_ledger(tables: Tables, key: bytes) -> dict[str, float]:
    """Thirty days of one bucket, at full size: a look-up and an erasure read no other."""
    random = Random(1)
    endpoints = [Endpoint("contoso", f"api{number % 5}", "GET", f"/v1/things/{number}/{{id}}") for number in range(40)]
    counts = CALLS_PER_DAY // WINDOWS // CALLS_PER_COUNT // ledger.BUCKETS
    found = _addresses(random, key, lambda bucket: bucket == 7)
    known = [next(found) for _ in range(ADDRESSES // ledger.BUCKETS)]
    victim = known[0]
    start = datetime(2026, 11, 1, tzinfo=UTC)
    size = rows = 0
    for day in range(30):
        for window in range(WINDOWS):
            minute = minute_of(start + timedelta(days=day, minutes=20 * window))
            callers = [*random.sample(known, counts // ENDPOINTS_PER_ADDRESS), *([victim] if window % 9 == 0 else [])]
            activity = [
                Activity(ip, endpoint, minute, "2xx", CALLS_PER_COUNT)
                for ip in set(callers)
                for endpoint in random.sample(endpoints, ENDPOINTS_PER_ADDRESS)
            ]
            for _, entity in ledger.rows(activity, key):
                size, rows = size + sum(len(value) for value in entity.values() if isinstance(value, bytes)), rows + 1
                tables.upsert(ledger.table_of((start + timedelta(days=day)).date()), [entity])
    wall, cpu = monotonic(), process_time()
    entries = ledger.look_up(tables, victim, key)
    looked = {
        "lookUpSeconds": round(monotonic() - wall, 2),
        "lookUpProcessorSeconds": round(process_time() - cpu, 2),
        "entriesFound": len(entries),
    }
    wall = monotonic()
    with ThreadPoolExecutor(WORKERS) as workers:
        rewritten = sum(workers.map(lambda table: ledger.erase(tables, table, victim, key, 1 << 40), tables.names(ledger.PREFIX)))
    erased = round(monotonic() - wall, 2)
    if not entries or ledger.look_up(tables, victim, key):
        raise RuntimeError("the look-up does not find what was written, or still what was erased")
    return {
        **looked,
        "eraseSeconds": erased,
        "rowsRewritten": rewritten,
        "rows": rows,
        "bucketMegabytes": round(size / 1e6, 1),
        "ledgerGigabytes": round(size * ledger.BUCKETS / 1e9, 1),
    }


def measure_batches(tables: Tables, places: Places, key: bytes) -> dict[str, float]:
    """The search of a sample of batches, each of a thousand callers; the time of one row is what counts."""
    random, log = Random(2), BatchLog(tables)
    found = _addresses(random, key, lambda _: True)
    day = datetime(2026, 11, 24, tzinfo=UTC).date()
    for number in range(SAMPLE_BATCHES):
        ips = [next(found) for _ in range(BATCH)]
        tables_of: dict[str, list[Row]] = {"calls": [(0, 0, at, 200, 1, 0, 512, 0, 512) for at in range(BATCH)]}
        tally = Tally(minute_of(datetime(2026, 11, 24, tzinfo=UTC)), [Endpoint("contoso", "api", "GET", "/")], ips, tables=tables_of)
        log.append(Batch("0", number * BATCH, (number + 1) * BATCH - 1, day, pack(tally), 0, fingerprints(tally), tally.newest))
    wall, cpu = monotonic(), process_time()
    places.count("batches20261124/0", of("ip", "203.0.113.7"), 1 << 40)
    return {
        "batchSearchMilliseconds": round((monotonic() - wall) / SAMPLE_BATCHES * 1000, 3),
        "batchSearchProcessorMilliseconds": round((process_time() - cpu) / SAMPLE_BATCHES * 1000, 3),
        "batchesHeld": CALLS_PER_DAY // BATCH * BATCH_HOURS // 24,
    }


def measure() -> dict[str, float]:
    key = b"m" * 32
    with Azurite() as azurite:
        connection = Connection("azurite", azurite.connection_string)
        tables = Tables(connection)
        places = Places(tables, BatchLog(tables), Evidence(connection), key, promises())
        return measure_ledger(tables, key) | measure_batches(tables, places, key)


def _stack(folder: Path) -> tuple[str, str]:
    """Address and master key of the stack that runs there. Raises OSError or ValueError."""
    details = json.loads((folder / "stack.json").read_text())
    return str(details["url"]), str(details["keys"]["master"])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.privacy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    reporting = commands.add_parser("report", help="the state of every promise")
    reporting.add_argument("--url", help="address of a deployed app")
    reporting.add_argument("--folder", type=Path, default=Path(".gatewatch/run"), help="folder of the running stack (default: %(default)s)")
    commands.add_parser("prove", help="the whole proof, on this machine")
    commands.add_parser("measure", help="how fast one person is found")
    chosen = parser.parse_args(arguments)
    if chosen.command == "prove":
        return prove()
    if chosen.command == "measure":
        MEASURED.write_text(json.dumps(measure(), indent=2) + "\n")
        print(f"{MEASURED.name} is written; now run python -m tools.document_privacy")
        return 0
    if chosen.url:
        return report(chosen.url, os.environ.get("GATEWATCH_MASTER_KEY", ""), Console())
    try:
        url, key = _stack(chosen.folder)
    except (OSError, ValueError, KeyError):
        print(f"error: no stack runs in {chosen.folder}: start one with `make run`, or give --url", file=sys.stderr)
        return 1
    return report(url, key, Console())


if __name__ == "__main__":
    sys.exit(main())
