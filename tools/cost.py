"""A month's bill for Gatewatch, from measured units and a dated price list, beside what Defender for APIs charges.

python -m tools.cost --calls 400e6 --bytes 1.21TiB [--json]
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path

from rich.console import Console
from rich.table import Table

from posture.usage import PLANS_AS_OF, Charge, defender_charge, defender_charges

MONTH_SECONDS = 730 * 3600
"""Azure's month: 730 hours."""
INGRESS_UNIT = 64 * 1024
"""Bytes that Event Hubs bills as one event."""
THROUGHPUT_UNIT_BYTES = 1_000_000
"""Bytes a second that one throughput unit takes in; or a thousand events a second, whichever comes first."""
THROUGHPUT_UNIT_EVENTS = 1_000
GB = 1_000_000_000
LEAST_BILLED = Decimal(1)
"""Seconds: Flex Consumption bills an instance's activity from one second up, then in tenths."""
INVENTORY_SECONDS = 600
"""How far the rows of the inventory may lag behind: adapters.stock.EVERY."""
TIMERS = {"watch": 120, "respond": 300, "posture": 900, "purge": 3600, "intel": 3600, "reconcile": 3600, "baseline": 86_400}
"""Functions with a timer of their own -> seconds between two runs, whether there is anything to do or not."""

Numbers = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Traffic:
    """A month of calls: how many, bytes of their events together, and how far the peak second is above the mean."""

    calls: int
    total_bytes: int
    peak_to_mean: Decimal = Decimal(3)


@dataclass(frozen=True, slots=True)
class Deployment:
    """What infra/main.bicep, host.json and function_app.py set, as far as it costs money.

    `batch_events` is the least that the trigger waits for: with traffic it goes at that, not at its maximum.
    """

    partitions: int = 4
    memory_mb: int = 2048
    always_ready: int = 1
    batch_events: int = 500
    batch_wait_seconds: int = 15
    evaluate_seconds: int = 15
    shards: int = 1
    """EVALUATE_SHARDS: above 1 so many functions beside the one that leads them, each run as often."""
    deliver_seconds: int = 30
    log_alerts_5_min: int = 1
    log_alerts_15_min: int = 2
    metric_alerts: int = 2
    probe_locations: int = 1
    posture_reads: int = 0
    """Reads of configuration a night; 0 where none is read."""
    private_endpoints: int = 0
    private_dns_zones: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill. `variable`: it grows with the calls."""

    item: str
    quantity: Decimal
    unit: str
    price: Decimal
    variable: bool

    @property
    def cost(self) -> Decimal:
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class Bill:
    """A month in USD."""

    lines: tuple[Line, ...]
    calls: int

    @property
    def total(self) -> Decimal:
        return sum((line.cost for line in self.lines), Decimal(0))

    @property
    def variable(self) -> Decimal:
        return sum((line.cost for line in self.lines if line.variable), Decimal(0))


def next_million(traffic: Traffic, deployment: Deployment, units: Numbers, prices: Numbers) -> Decimal:
    """What a million calls more, of the same size, add in USD, the step of a further throughput unit left out."""
    calls = traffic.calls + 1_000_000
    more = Traffic(calls, traffic.total_bytes * calls // traffic.calls if traffic.calls else 0, traffic.peak_to_mean)
    return bill(more, deployment, units, prices).variable - bill(traffic, deployment, units, prices).variable


def batches_in_month(traffic: Traffic, deployment: Deployment) -> int:
    """How many batches the trigger delivers: a partition's batch goes when it is full or has waited long enough.

    Never more than one a call; at an even rate.
    """
    if not traffic.calls:
        return 0
    rate = Decimal(traffic.calls) / MONTH_SECONDS / deployment.partitions
    seconds = min(deployment.batch_events / rate, Decimal(deployment.batch_wait_seconds))
    batches = min(Decimal(MONTH_SECONDS) * deployment.partitions / seconds, Decimal(traffic.calls))
    return _up(batches)


def throughput_units(traffic: Traffic) -> int:
    """Units that the peak second needs: 1 MB/s or 1,000 events/s each, one at least."""
    peak = traffic.peak_to_mean / MONTH_SECONDS
    return max(1, _up(peak * traffic.calls / THROUGHPUT_UNIT_EVENTS), _up(peak * traffic.total_bytes / THROUGHPUT_UNIT_BYTES))


def billed_seconds(seconds: Decimal) -> Decimal:
    """What Flex Consumption bills for one activity of an instance: a second at least, then whole tenths."""
    return max(LEAST_BILLED, seconds.quantize(Decimal("0.1"), rounding=ROUND_CEILING))


def bill(traffic: Traffic, deployment: Deployment, units: Numbers, prices: Numbers) -> Bill:
    """The month, line by line; an upper bound where batches overlap on one instance, and without any free grant.

    `units` and `prices` are those of tools/cost_units.json and tools/prices.json by name. Raises KeyError for one that is missing.
    """
    memory_gb = Decimal(deployment.memory_mb) / 1024
    batches = batches_in_month(traffic, deployment)
    mean_batch = Decimal(traffic.calls) / batches if batches else Decimal(0)
    evaluations = MONTH_SECONDS // deployment.evaluate_seconds
    ingest = batches * billed_seconds(units["ingest_seconds_per_batch"] + mean_batch * units["ingest_seconds_per_event"])
    evaluate = evaluations * billed_seconds(units["evaluate_seconds_per_run"])
    shard_runs = evaluations * deployment.shards if deployment.shards > 1 else 0
    deliveries = MONTH_SECONDS // deployment.deliver_seconds
    deliver = deliveries * billed_seconds(units["deliver_seconds_per_run"])
    probes = MONTH_SECONDS // 300 * deployment.probe_locations
    health = probes * billed_seconds(units["health_seconds_per_run"])
    runs = {name: MONTH_SECONDS // seconds for name, seconds in TIMERS.items()}
    posture = runs["posture"] * LEAST_BILLED + Decimal(deployment.posture_reads) / 5 * 30  # five reads a second, every night
    reconcile = batches * units["reconcile_seconds_per_batch"] + runs["reconcile"] * LEAST_BILLED
    timers = sum(
        (runs[name] * billed_seconds(units[f"{name}_seconds_per_run"]) for name in ("watch", "respond", "purge", "intel", "baseline")),
        Decimal(0),
    )
    executions = batches + evaluations + shard_runs + deliveries + probes + sum(runs.values())
    inventory_operations = MONTH_SECONDS // INVENTORY_SECONDS * units["table_writes_per_inventory_write"]
    timer_operations = sum(
        (runs[name] * units[f"table_operations_per_{name}"] for name in ("watch", "purge", "baseline", "posture")),
        batches * units["table_reads_per_batch_reconciled"],
    )
    event_units = traffic.calls * max(1, _up(Decimal(traffic.total_bytes) / traffic.calls / INGRESS_UNIT)) if traffic.calls else 0
    # Without a warm instance ingest runs on demand; with one it runs there, at the lower rate.
    ingest_rate = "flex_always_ready_execution_gb_s" if deployment.always_ready else "flex_on_demand_gb_s"
    ingest_operations = batches * units["table_inserts_per_batch"]
    evaluate_operations = evaluations * (
        deployment.partitions * units["table_reads_per_evaluate_per_partition"] + units["table_writes_per_evaluate"]
    )
    stored = (
        traffic.calls * units["batch_bytes_per_event"] * 2 / 30  # two days of thirty
        + traffic.calls * units["activity_bytes_per_event"]
        + units["window_bytes_per_month"] * 13
    )
    million = Decimal(1_000_000)
    lines = (
        Line("Event Hubs, throughput units at peak", Decimal(throughput_units(traffic)), "TU", prices["throughput_unit_month"], False),
        Line("Event Hubs, events in", event_units / million, "M", prices["ingress_events"], True),
        Line("Functions, ingest", ingest * memory_gb, "GB-s", prices[ingest_rate], True),
        Line("Functions, evaluate", evaluate * memory_gb, "GB-s", prices["flex_on_demand_gb_s"], False),
        Line(
            "Functions, shards",
            shard_runs * billed_seconds(units["evaluate_seconds_per_run"]) * memory_gb,
            "GB-s",
            prices["flex_on_demand_gb_s"],
            False,
        ),
        Line("Functions, deliver", deliver * memory_gb, "GB-s", prices["flex_on_demand_gb_s"], False),
        Line("Functions, health", health * memory_gb, "GB-s", prices["flex_on_demand_gb_s"], False),
        Line("Functions, watch, respond, purge, intel, baseline", timers * memory_gb, "GB-s", prices["flex_on_demand_gb_s"], False),
        Line("Functions, reconcile", reconcile * memory_gb, "GB-s", prices["flex_on_demand_gb_s"], True),
        Line("Functions, posture", posture * memory_gb, "GB-s", prices["flex_on_demand_gb_s"], False),
        Line(
            "Functions, instances kept warm",
            deployment.always_ready * memory_gb * MONTH_SECONDS,
            "GB-s",
            prices["flex_always_ready_baseline_gb_s"],
            False,
        ),
        Line("Functions, executions", executions / million, "M", prices["flex_executions"], True),
        Line("Tables, writes of ingest", ingest_operations / million, "M", prices["table_operations"], True),
        Line("Tables, evaluate", evaluate_operations / million, "M", prices["table_operations"], False),
        Line(
            "Tables, shards",
            shard_runs
            * (deployment.partitions * units["table_reads_per_evaluate_per_partition"] + units["table_operations_per_shard_run"])
            / million,
            "M",
            prices["table_operations"],
            False,
        ),
        Line("Tables, inventory", inventory_operations / million, "M", prices["table_operations"], False),
        Line("Tables, the other timers", timer_operations / million, "M", prices["table_operations"], True),
        Line("Tables, deliver", deliveries * units["table_reads_per_deliver"] / million, "M", prices["table_operations"], False),
        Line("Tables, stored", stored / GB, "GB", prices["table_gb_month"], True),
        Line(
            "Blobs, quarantine",
            traffic.calls * units["quarantined_per_million"] / million / million,
            "M",
            prices["blob_writes"],
            True,
        ),
        Line("Logs", executions * units["log_bytes_per_execution"] / GB, "GB", prices["log_gb"], True),
        Line("Alert rules, 5 min", Decimal(deployment.log_alerts_5_min), "rules", prices["log_alert_5_min_month"], False),
        Line("Alert rules, 15 min", Decimal(deployment.log_alerts_15_min), "rules", prices["log_alert_15_min_month"], False),
        Line("Alert rules, metric", Decimal(deployment.metric_alerts), "rules", prices["metric_alert_month"], False),
        Line("Health probe", Decimal(probes), "tests", prices["availability_test"], False),
        Line("Private endpoints", Decimal(deployment.private_endpoints), "endpoints", prices["private_endpoint_month"], False),
        Line("Private DNS zones", Decimal(deployment.private_dns_zones), "zones", prices["private_dns_zone_month"], False),
        Line(
            "Private endpoints, traffic in and out",
            # A call passes the hub's endpoint twice: in from the gateway, out to the app.
            Decimal(traffic.total_bytes * 2 if deployment.private_endpoints else 0) / GB,
            "GB",
            prices["private_endpoint_gb"],
            True,
        ),
    )
    return Bill(tuple(line for line in lines if line.quantity), traffic.calls)


def parse_calls(text: str) -> int:
    """`400e6`, `400000000`, `400_000_000`. Raises ValueError."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no number of calls; write 400e6 or 400000000") from None
    if not value.is_finite() or value < 0 or value > 10**15 or value != value.to_integral_value():
        raise ValueError(f"{text!r} is no number of calls; write 400e6 or 400000000")
    return int(value)


_PREFIXES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def parse_bytes(text: str) -> int:
    """`1.21TiB`, `900 GB`, `1330000000000`. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,18}(?:\.\d{1,6})?)\s*(?:([kmgt]i?)b|b)?", text.strip().lower(), re.ASCII)
    if not found:
        raise ValueError(f"{text!r} is no number of bytes; write 1.21TiB, 900GB or 1330000000000")
    return int(Decimal(found[1]) * _PREFIXES[found[2] or ""])


def load_units(text: str) -> dict[str, Decimal]:
    """Name to value of tools/cost_units.json. Raises ValueError."""
    return _numbers(text, "units", "value")


def load_prices(text: str) -> dict[str, Decimal]:
    """Name to price of tools/prices.json. Raises ValueError."""
    return _numbers(text, "prices", "price")


def report(month: Bill, million: Decimal, charges: Sequence[Charge]) -> dict[str, object]:
    """The bill and its rivals as JSON, money in whole cents."""
    return {
        "calls": month.calls,
        "gatewatch": {
            "lines": [
                {
                    "item": line.item,
                    "quantity": float(round(line.quantity, 3)),
                    "unit": line.unit,
                    "cost": _cents(line.cost),
                    "variable": line.variable,
                }
                for line in month.lines
            ],
            "total": _cents(month.total),
            "nextMillionCalls": float(round(million, 4)),
        },
        "defenderForApis": {
            "asOf": PLANS_AS_OF,
            "plans": [
                {"plan": charge.plan.name, "overageCalls": charge.overage_calls, "total": _cents(charge.total)} for charge in charges
            ],
            "cheapest": defender_charge(month.calls).plan.name,
        },
    }


def show(month: Bill, million: Decimal, charges: Sequence[Charge], console: Console) -> None:
    """The bill and its rivals as two tables."""
    table = Table(title=f"Gatewatch, {month.calls:,} calls a month")
    table.add_column("item")
    table.add_column("quantity", justify="right")
    table.add_column("unit")
    table.add_column("USD", justify="right")
    table.add_column("grows with calls")
    for line in month.lines:
        table.add_row(line.item, f"{line.quantity:,.2f}", line.unit, f"{line.cost:,.2f}", "yes" if line.variable else "")
    table.add_section()
    table.add_row("total", "", "", f"{month.total:,.2f}", "")
    table.add_row("a million calls more", "", "", f"{million:,.3f}", "")
    console.print(table)

    rivals = Table(title=f"Defender for APIs, prices of {PLANS_AS_OF}")
    rivals.add_column("plan")
    rivals.add_column("fee", justify="right")
    rivals.add_column("calls beyond", justify="right")
    rivals.add_column("USD", justify="right")
    rivals.add_column("times Gatewatch", justify="right")
    cheapest = defender_charge(month.calls).plan
    for charge in charges:
        name = f"{charge.plan.name} (cheapest)" if charge.plan == cheapest else charge.plan.name
        rivals.add_row(
            name,
            f"{charge.plan.fee:,}",
            f"{charge.overage_calls:,}",
            f"{charge.total:,.2f}",
            f"{charge.total / month.total:,.1f}",
        )
    console.print(rivals)


def main(arguments: Sequence[str] | None = None) -> int:
    """0, or 2 with one sentence on stderr when an argument or a file is wrong."""
    here = Path(__file__).parent
    base = Deployment()
    parser = argparse.ArgumentParser(prog="python -m tools.cost", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--calls", required=True, help="calls a month, such as 400e6")
    parser.add_argument("--bytes", help="bytes of all events of the month, such as 1.21TiB (default: 3.3 kB a call)")
    parser.add_argument("--peak", default="3", help="calls in the busiest second over the mean (default 3)")
    parser.add_argument("--partitions", type=int, default=base.partitions)
    parser.add_argument("--memory-mb", type=int, default=base.memory_mb, choices=(512, 2048, 4096))
    parser.add_argument("--always-ready", type=int, default=base.always_ready, help="warm instances for ingest")
    parser.add_argument(
        "--batch-wait-seconds", type=int, default=base.batch_wait_seconds, help="maxWaitTime of host.json (default %(default)s)"
    )
    parser.add_argument("--evaluate-seconds", type=int, default=base.evaluate_seconds, help="EVALUATE_SECONDS (default %(default)s)")
    parser.add_argument("--shards", type=int, default=base.shards, help="EVALUATE_SHARDS (default %(default)s)")
    parser.add_argument("--deliver-seconds", type=int, default=base.deliver_seconds, help="DELIVER_SECONDS (default %(default)s)")
    parser.add_argument(
        "--posture-reads", type=int, default=base.posture_reads, help="reads of configuration a night, 1800 for a large service"
    )
    parser.add_argument("--private-network", action="store_true", help="four private endpoints and three DNS zones")
    parser.add_argument("--units", type=Path, default=here / "cost_units.json")
    parser.add_argument("--prices", type=Path, default=here / "prices.json")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    try:
        calls = parse_calls(options.calls)
        traffic = Traffic(calls, parse_bytes(options.bytes) if options.bytes else calls * 3_300, _ratio(options.peak))
        deployment = Deployment(
            partitions=_within("--partitions", options.partitions, 1, 32),
            memory_mb=options.memory_mb,
            always_ready=_within("--always-ready", options.always_ready, 0, 1000),
            batch_wait_seconds=_within("--batch-wait-seconds", options.batch_wait_seconds, 1, 600),
            evaluate_seconds=_within("--evaluate-seconds", options.evaluate_seconds, 2, 30),
            shards=_within("--shards", options.shards, 1, 32),
            deliver_seconds=_within("--deliver-seconds", options.deliver_seconds, 2, 30),
            posture_reads=_within("--posture-reads", options.posture_reads, 0, 1_000_000),
            private_endpoints=4 if options.private_network else 0,
            private_dns_zones=3 if options.private_network else 0,
        )
        units = load_units(options.units.read_text(encoding="utf-8"))
        prices = load_prices(options.prices.read_text(encoding="utf-8"))
        month = bill(traffic, deployment, units, prices)
        million = next_million(traffic, deployment, units, prices)
    except KeyError as missing:
        print(f"tools.cost: {missing} is missing from {options.units} or {options.prices}", file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        print(f"tools.cost: {error}", file=sys.stderr)
        return 2
    charges = defender_charges(calls)
    if options.json:
        print(json.dumps(report(month, million, charges) | {"deployment": asdict(deployment)}, indent=2))
    else:
        show(month, million, charges, Console())
    return 0


def _numbers(text: str, section: str, field: str) -> dict[str, Decimal]:
    try:
        entries = json.loads(text, parse_float=Decimal, parse_int=Decimal)[section].items()
        numbers = {name: entry[field] for name, entry in entries}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"no JSON of the form {{{section!r}: {{name: {{{field!r}: number}}}}}}: {error}") from None
    wrong = [name for name, number in numbers.items() if not isinstance(number, Decimal) or number < 0]
    if wrong:
        raise ValueError(f"{section} must be numbers, 0 or more: {', '.join(wrong)}")
    return numbers


def _within(name: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise ValueError(f"{name} must be {low} to {high}, not {value}")
    return value


def _ratio(text: str) -> Decimal:
    try:
        ratio = Decimal(text)
    except InvalidOperation:
        ratio = Decimal(0)
    if not ratio.is_finite() or not 1 <= ratio <= 1000:
        raise ValueError(f"--peak must be 1 to 1000, not {text!r}")
    return ratio


def _up(value: Decimal) -> int:
    return int(value.to_integral_value(rounding=ROUND_CEILING))


def _cents(value: Decimal) -> float:
    return float(value.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))


if __name__ == "__main__":
    raise SystemExit(main())
