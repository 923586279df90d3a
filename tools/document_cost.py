"""Writes docs/cost.md from measured units and list prices: `python -m tools.document_cost [--check]`."""

import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from posture.usage import defender_charge, defender_charges
from tools.cost import INVENTORY_SECONDS, TIMERS, Bill, Deployment, Traffic, bill, load_prices, load_units, next_million, parse_bytes
from tools.generated import command

HERE = Path(__file__).parent
TARGET = HERE.parent / "docs" / "cost.md"
UNITS = load_units((HERE / "cost_units.json").read_text("utf-8"))
PRICES = load_prices((HERE / "prices.json").read_text("utf-8"))
MILLION = 1_000_000
EXAMPLE = Traffic(400 * MILLION, parse_bytes("1.21TiB"))
BASE = Deployment()
EVENT = 3_300
"""Bytes of a call in the smaller tables."""

GROUPS = (
    ("hub: 2 throughput units at the peak, 400 M events in", ("Event Hubs",)),
    ("ingest: 800,000 batches of one billed second, and the warm instance", ("Functions, ingest", "Functions, instances")),
    ("evaluate every 15 s, deliver every 30 s, health every 5 min", ("Functions, evaluate", "Functions, deliver", "Functions, health")),
    ("the other timers: watch, respond, posture, purge, intel, reconcile, baseline", ("Functions, watch", "Functions, reconcile", "Functions, posture")),
    ("tables, blobs, executions", ("Tables", "Blobs", "Functions, executions")),
    ("logs", ("Logs",)),
    ("alert rules and health probe", ("Alert rules", "Health probe")),
)  # fmt: skip


def of(traffic: Traffic, deployment: Deployment = BASE) -> Bill:
    return bill(traffic, deployment, UNITS, PRICES)


def total(calls: int, deployment: Deployment = BASE) -> Decimal:
    return of(Traffic(calls, calls * EVENT), deployment).total


def document() -> str:
    month = of(EXAMPLE)
    rows = [(name, sum((line.cost for line in month.lines if line.item.startswith(begins)), Decimal(0))) for name, begins in GROUPS]
    if sum(cost for _, cost in rows) != month.total:
        raise ValueError("a line of the bill stands in no row of the page, or in two")
    charges = sorted(defender_charges(EXAMPLE.calls), key=lambda one: one.total)
    private = of(EXAMPLE, replace(BASE, private_endpoints=4, private_dns_zones=3))
    small = Deployment(partitions=1, memory_mb=512, always_ready=0)
    posture = [of(EXAMPLE, replace(BASE, posture_reads=reads)).total - month.total for reads in (1_800, 400)]
    inventory = next(line for line in month.lines if line.item == "Tables, inventory")
    few = BASE.deliver_seconds
    deliver = {
        seconds: next(line.cost for line in of(EXAMPLE, replace(BASE, deliver_seconds=seconds)).lines if line.item == "Functions, deliver")
        for seconds in (few, 15, 5)
    }
    delays = [(15, 15, "30 s and the work itself"), (15, 5, "20 s"), (5, 5, "10 s"), (1, 2, "3 s")]
    lines = [HEAD]
    lines += [f"| {name} | {cost:,.2f} |" for name, cost in rows]
    lines += [
        f"| **Gatewatch** | **${month.total:,.2f}** |",
        f"| Defender for APIs, plan {charges[0].plan.name[1:]} (cheapest) | {charges[0].total:,.0f} |",
        *(f"| plan {charge.plan.name[1:]} | {charge.total:,.0f} |" for charge in charges[1:]),
        "",
        f"A million calls more cost {next_million(EXAMPLE, BASE, UNITS, PRICES) * 100:.0f} cents, but for the step of a throughput unit; the goal was a dollar. With the private network: ${private.total:,.2f}, mostly "
        "traffic through private endpoints.",
        "",
        f"Rows of the inventory are written at most every {INVENTORY_SECONDS // 60} minutes, and at once where they have something new to say: {inventory.quantity:.2f} M operations a month with 200 busy endpoints, "
        f"{inventory.cost:.2f} USD; with 5,000 that are called all the time {inventory.cost * 25:.2f}. Timers run whether there is something to do or not, and each run is billed a second at least: "
        + ", ".join(f"`{name}` {_every(seconds)}" for name, seconds in TIMERS.items())
        + ". Operations of `watch` are counted by a test, those of `purge` were counted once, those of `reconcile` and `baseline` in part; see the units.",
        "",
        "## Other sizes",
        "| calls a month (3.3 kB each) | Gatewatch | Defender's cheapest plan |",
        "|---:|---:|---:|",
        *(
            f"| {calls:,} M | {total(calls * MILLION):,.2f} | {defender_charge(calls * MILLION).total:,.0f} |"
            for calls in (1, 10, 100, 400, 1_000)
        ),
        "",
        "## Paying less",
        f"- Little traffic: what costs is standing ready. One partition, 512 MB, nothing warm: ${total(MILLION, small):,.2f} at 1 million calls (`--partitions 1 --memory-mb 512 --always-ready 0`). 512 MB is not yet",
        LESS,
        *(
            f"| {wait} s, {every} s{' (as `make run` does)' if wait == 1 else ''} | {after} | "
            + " | ".join(
                f"{total(calls * MILLION, replace(BASE, batch_wait_seconds=wait, evaluate_seconds=every)):,.0f}" for calls in (10, 400)
            )
            + " |"
            for wait, every, after in delays
        ),
        "",
        f"An alert is in `/api/alerts` at once; hub and webhook get it within `DELIVER_SECONDS` ({few} s, ${deliver[few]:.2f} a month of the above; 15 s: ${deliver[15]:.2f}, 5 s: ${deliver[5]:.2f}, as `deliver` is "
        "billed a second however little it does).",
        "",
        "(`--batch-wait-seconds`, `--evaluate-seconds`, `--deliver-seconds`.)",
        "",
        "## What posture adds",
        "A look every quarter of an hour whether there is something to read is in the table above; reading the gateways' configuration is not: `--posture-reads 1800` adds it. A service of 500 APIs with 20 operations",
        f"each, the largest night: 1,800 reads at five a second are six minutes, **${posture[0]:.2f} a month**; a service of a hundred APIs (400 reads) ${posture[1]:.2f}. Reads of Azure Resource Manager are free; recommendations are",
        TAIL,
    ]
    return "\n".join(lines)


def _every(seconds: int) -> str:
    named = {3600: "every hour", 86_400: "every day"}
    return named.get(seconds, f"every {seconds // 60} min")


HEAD = """# Cost

Generated from `tools/cost_units.json` and `tools/prices.json` by `python -m tools.document_cost`; a test checks that it is current.

```
python -m tools.cost --calls 400e6 --bytes 1.21TiB          # tables; --json for machines
```
It multiplies units of work (`tools/cost_units.json`: what was measured, what is assumed) with list prices (`tools/prices.json`: each with source and date; `checked: false` is
general knowledge that no published source confirmed). Prices differ by region and contract: put your own in and run it again. No free grant is counted, and batches that overlap on
one instance are counted as if they did not: the real bill should be lower.

## 400 million calls in four weeks, 1.21 TiB
152 calls/s on average, three times that in the busiest second; 4 partitions, 2 GB, one warm instance, public network.

| | USD a month |
|---|---:|"""
LESS = """  proven on Azure.
- A longer `maxWaitTime` in host.json: fewer batches, each billed a second at least; alerts come as much later.
- `gatewatch-body-bytes`: an event above 64 KiB counts as two or more; smaller bodies save throughput units.
- `gatewatch-sampling-percent` saves last: counts and baselines then see a part, thresholds mean something else.
- An inflated namespace does not come down by itself: `az eventhubs namespace update -g <group> -n <namespace> --capacity 1`.

## Earlier alerts
A call is judged once its batch went (`maxWaitTime` of host.json, 15 s) and the next evaluation ran (`EVALUATE_SECONDS`, 15 s). Both can be shorter; a month then costs, in USD:

| `maxWaitTime`, `EVALUATE_SECONDS` | a call is judged after at most | 10 M calls | 400 M calls |
|---|---|---|---|"""
TAIL = """some 60 table operations and two blobs a day. The first pass of that large service, once, is 41 minutes: $0.13.

## What access logs add
`GATEWATCH_ACCESS_LOGS=all` writes a row for each read of a table: the 36 million requests of `evaluate` above are as many rows. At a kilobyte a row, which is a guess, that is 36 GB and some $107 a month, as much as
all the rest; the daily cap of a gigabyte (`GATEWATCH_ACCESS_LOG_DAILY_CAP_GB`) ends a day's log before the day. `evidence`, the default, writes some thousand rows a day.

## What is not in it
API Management itself (its logger takes gateway capacity; not measured), traffic between regions, Sentinel, your time. Defender's prices are those of Microsoft's cost estimator,
collected in November 2026; its bill counts all calls of all onboarded APIs of a subscription in a calendar month.
"""


def main(arguments: list[str] | None = None) -> int:
    return command("tools.document_cost", TARGET, document(), arguments)


if __name__ == "__main__":
    sys.exit(main())
