"""The cost model against bills worked out by hand, its limits, and the deployment that it claims to price."""

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.stock import EVERY
from settings import SETTINGS
from tools import cost, document_cost
from tools.cost import (
    INVENTORY_SECONDS,
    MONTH_SECONDS,
    TIMERS,
    Deployment,
    Traffic,
    batches_in_month,
    bill,
    billed_seconds,
    next_million,
    throughput_units,
)

ROOT = Path(__file__).parents[2]
UNITS = cost.load_units((ROOT / "tools" / "cost_units.json").read_text(encoding="utf-8"))
PRICES = cost.load_prices((ROOT / "tools" / "prices.json").read_text(encoding="utf-8"))
SEED = Traffic(400_000_000, cost.parse_bytes("1.21TiB"))
DEPLOYMENT = Deployment()


def lines(traffic: Traffic, deployment: Deployment = DEPLOYMENT) -> dict[str, cost.Line]:
    return {line.item: line for line in bill(traffic, deployment, UNITS, PRICES).lines}


def test_shards_by_hand() -> None:
    """Four of them run 175,200 times a month each, a billed second on 2 GB, and ask for 4 partitions and 6 rows more."""
    month = lines(SEED, replace(DEPLOYMENT, shards=4))
    assert month["Functions, shards"].cost == 4 * 175_200 * 2 * Decimal("0.000026")
    assert month["Tables, shards"].quantity == 4 * 175_200 * 10 / Decimal(1_000_000)
    assert {"Functions, shards", "Tables, shards"}.isdisjoint(lines(SEED))


def test_the_seed_case_by_hand() -> None:
    """400 M calls, 1.21 TiB: each figure below was worked out with a pocket calculator from the price list."""
    month = lines(SEED)
    # 400e6 / 2,628,000 s = 152.2/s mean, 456.6/s peak; 1.3304e12 B -> 0.506 MB/s mean, 1.519 MB/s peak: 2 units
    assert month["Event Hubs, throughput units at peak"].cost == 2 * Decimal("21.90")
    # 3,326 B an event: one billing unit each
    assert month["Event Hubs, events in"].cost == 400 * Decimal("0.028")
    # 38.05/s a partition: 500 are there after 13.1 s, before the 15 s: 800,000 batches of a billed second on 2 GB
    assert batches_in_month(SEED, DEPLOYMENT) == 800_000
    assert month["Functions, ingest"].quantity == 800_000 * 2
    assert month["Functions, ingest"].cost == Decimal("25.6")
    # every 15 s: 175,200 runs of a billed second on 2 GB
    assert month["Functions, evaluate"].cost == 175_200 * 2 * Decimal("0.000026")
    # every 30 s: 87,600 runs, each with two queries
    assert month["Functions, deliver"].cost == 87_600 * 2 * Decimal("0.000026")
    assert month["Tables, deliver"].quantity == Decimal("0.1752")
    # asked every 5 minutes: 8,760 runs
    assert month["Functions, health"].cost == 8_760 * 2 * Decimal("0.000026")
    assert month["Functions, instances kept warm"].cost == 2 * 2_628_000 * Decimal("0.000004")
    # watch every 2 min 21,900 runs of two seconds; respond every 5 min 8,760 and purge every hour 730 of one, intel 730 of two, baseline 30 of sixty
    assert month["Functions, watch, respond, purge, intel, baseline"].quantity == (43_800 + 8_760 + 730 + 1_460 + 1_800) * 2
    assert month["Functions, reconcile"].quantity == (8_000 + 730) * 2  # 800,000 batches of 0.01 s, and a second an hour
    assert month["Functions, posture"].quantity == 2_920 * 2  # every quarter of an hour, whether there is something to read or not
    assert month["Tables, inventory"].quantity == Decimal("0.876")  # every ten minutes 200 rows: 4,380 times
    # watch 21,900 * 23, purge 730 * 20, baseline 30 * 8,500, posture 2,920 * 2, and 0.05 a batch
    assert month["Tables, the other timers"].quantity == Decimal("0.81914")
    # batches, evaluations, deliveries, probes and 35,800 runs of the other timers
    assert month["Functions, executions"].cost == Decimal("1.10736") * Decimal("0.40")
    assert month["Tables, writes of ingest"].cost == Decimal("0.8") * Decimal("0.036")
    # (400e6 * 72 B * 2/30) + (400e6 * 12 B) + (13 * 152e6 B) = 1.92 + 4.8 + 1.976 GB
    assert month["Tables, stored"].quantity == Decimal("8.696")
    assert month["Logs"].cost == Decimal("1.10736") * 2 * Decimal("2.99")


def test_the_goal_of_a_dollar_a_million() -> None:
    assert next_million(SEED, DEPLOYMENT, UNITS, PRICES) < 1


@pytest.mark.parametrize(("seconds", "billed"), [("0", "1"), ("0.3", "1"), ("1", "1"), ("1.01", "1.1"), ("1.1", "1.1"), ("59.999", "60.0")])
def test_the_least_that_flex_bills(seconds: str, billed: str) -> None:
    assert billed_seconds(Decimal(seconds)) == Decimal(billed)


@pytest.mark.parametrize(
    ("calls", "total_bytes", "units"),
    [
        (0, 0, 1),
        (876_000_000, 0, 1),  # 333.3/s mean, 1,000/s peak
        (876_000_001, 0, 2),
        (1, 876_000_000_000, 1),  # 1 MB/s peak
        (1, 876_000_000_001, 2),
    ],
)
def test_throughput_units_by_events_or_bytes(calls: int, total_bytes: int, units: int) -> None:
    assert throughput_units(Traffic(calls, total_bytes)) == units


@pytest.mark.parametrize(("size", "units"), [(1, 1), (65_536, 1), (65_537, 2), (180_000, 3)])
def test_large_events_count_as_several(size: int, units: int) -> None:
    assert lines(Traffic(1_000_000, 1_000_000 * size))["Event Hubs, events in"].quantity == units


def test_little_traffic_is_batched_by_time() -> None:
    """At 1,000,000 calls a month each partition hands over every 15 s what has come."""
    assert batches_in_month(Traffic(1_000_000, 0), DEPLOYMENT) == MONTH_SECONDS * 4 // 15
    assert batches_in_month(Traffic(5, 0), DEPLOYMENT) == 5
    assert batches_in_month(Traffic(0, 0), DEPLOYMENT) == 0


def test_no_calls_cost_what_stands_ready() -> None:
    month = bill(Traffic(0, 0), DEPLOYMENT, UNITS, PRICES)
    assert month.total > 0
    assert {line.item for line in month.lines if line.variable} == {
        "Functions, executions", "Functions, reconcile", "Tables, the other timers", "Tables, stored", "Logs",
    }  # fmt: skip


CALLS = st.integers(min_value=0, max_value=10**11)


@given(CALLS, CALLS, st.integers(0, 200_000))
def test_more_traffic_never_costs_less(one: int, other: int, size: int) -> None:
    fewer, more = sorted((one, other))
    small = bill(Traffic(fewer, fewer * size), DEPLOYMENT, UNITS, PRICES)
    large = bill(Traffic(more, more * size), DEPLOYMENT, UNITS, PRICES)
    # A batch that fills is billed in whole tenths: the sum may fall by that rounding and by nothing else.
    assert small.total <= large.total * Decimal("1.1")
    assert all(line.cost >= 0 for line in large.lines)


def test_a_private_network_and_less_memory() -> None:
    private = lines(SEED, replace(DEPLOYMENT, private_endpoints=4, private_dns_zones=3))
    assert private["Private endpoints"].cost == 4 * Decimal("7.30")
    assert private["Private endpoints, traffic in and out"].quantity == Decimal(2 * SEED.total_bytes) / 10**9
    assert lines(SEED, replace(DEPLOYMENT, memory_mb=512))["Functions, ingest"].cost == Decimal("6.4")
    assert "Functions, instances kept warm" not in lines(SEED, replace(DEPLOYMENT, always_ready=0))
    assert lines(SEED, replace(DEPLOYMENT, always_ready=0))["Functions, ingest"].price == PRICES["flex_on_demand_gb_s"]


# ---- the figures are the deployment's ----------------------------------------------------------------------------------


def test_the_batch_is_that_of_host_json() -> None:
    hubs = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]["eventHubs"]
    hours, minutes, seconds = map(int, hubs["maxWaitTime"].split(":"))
    assert DEPLOYMENT.batch_wait_seconds == hours * 3600 + minutes * 60 + seconds
    assert DEPLOYMENT.batch_events == hubs["minEventBatchSize"]


def test_the_rest_is_that_of_the_template() -> None:
    main = (ROOT / "infra" / "main.bicep").read_text(encoding="utf-8")
    assert f"param partitions int = {DEPLOYMENT.partitions}\n" in main
    assert f"param instanceMemoryMb int = {DEPLOYMENT.memory_mb}\n" in main
    assert f"{{ name: 'function:ingest', instanceCount: {DEPLOYMENT.always_ready} }}" in main
    alerts = (ROOT / "infra" / "modules" / "alerts.bicep").read_text(encoding="utf-8")
    every = re.findall(r"every: '(\w+)'", alerts)
    assert (every.count("PT5M"), every.count("PT15M")) == (DEPLOYMENT.log_alerts_5_min, DEPLOYMENT.log_alerts_15_min)
    assert alerts.count("    metric: '") == DEPLOYMENT.metric_alerts
    places = re.search(r"param probeLocations string\[\] = \[([^\]]+)\]", alerts)
    assert places
    assert places[1].count(",") + 1 == DEPLOYMENT.probe_locations
    assert SETTINGS["EVALUATE_SECONDS"].default == str(DEPLOYMENT.evaluate_seconds)
    assert SETTINGS["EVALUATE_SHARDS"].default == str(DEPLOYMENT.shards)
    assert SETTINGS["DELIVER_SECONDS"].default == str(DEPLOYMENT.deliver_seconds)


def test_every_function_with_a_timer_is_billed() -> None:
    """As often as function_app.py runs it."""
    app = (ROOT / "function_app.py").read_text(encoding="utf-8")
    found = dict(re.findall(r'function_name\("(\w+)"\)\n@app.timer_trigger\(arg_name="timer", schedule=f?"([^"]+)"', app))
    own = {"evaluate", "deliver"}  # settings say how often
    assert found.keys() - own == TIMERS.keys()
    for name, schedule in found.items():
        if name not in own:
            assert 86_400 // runs_a_day(schedule) == TIMERS[name], name
    assert EVERY.total_seconds() == INVENTORY_SECONDS


def runs_a_day(schedule: str) -> int:
    """Of "second minute hour * * *": one second, minutes a number, a list or */n, hours a number or *."""
    _, minute, hour, *_ = schedule.split()
    minutes = 60 // int(minute[2:]) if minute.startswith("*/") else len(minute.split(","))
    return minutes * (24 if hour == "*" else 1)


@pytest.mark.parametrize(("file", "section", "field"), [("prices.json", "prices", "price"), ("cost_units.json", "units", "value")])
def test_every_number_has_a_source_and_a_date(file: str, section: str, field: str) -> None:
    for name, entry in json.loads((ROOT / "tools" / file).read_text(encoding="utf-8"))[section].items():
        assert re.fullmatch(r"20\d\d-\d\d(-\d\d)?", entry["date"]), name
        assert entry["source"], name
        assert isinstance(entry[field], int | float), name
        assert isinstance(entry["checked" if section == "prices" else "measured"], bool), name


def test_no_number_is_idle() -> None:
    """Every unit and every price changes some bill."""
    deployment = replace(DEPLOYMENT, private_endpoints=4, private_dns_zones=3, shards=2)

    def total(units: dict[str, Decimal], prices: dict[str, Decimal]) -> Decimal:
        # Both with and without a warm instance, and with batches long enough for their seconds to be billed.
        return sum(
            (
                bill(SEED, item, units, prices).total
                for item in (
                    deployment,
                    replace(deployment, always_ready=0),
                    replace(deployment, batch_events=10**6, batch_wait_seconds=10**5),
                )
            ),
            Decimal(0),
        )

    usual = total(UNITS, PRICES)
    for name in UNITS:
        assert total(UNITS | {name: UNITS[name] * 1000}, PRICES) > usual, name
    for name in PRICES:
        assert total(UNITS, PRICES | {name: PRICES[name] * 1000}) > usual, name


# ---- command line ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "calls"), [("400e6", 400_000_000), ("400_000_000", 400_000_000), ("0", 0), ("1.5e6", 1_500_000)])
def test_calls(text: str, calls: int) -> None:
    assert cost.parse_calls(text) == calls


@pytest.mark.parametrize("text", ["", "many", "-1", "0.5", "nan", "inf", "1e99", "1e16"])
def test_no_number_of_calls(text: str) -> None:
    with pytest.raises(ValueError, match="is no number of calls; write 400e6"):
        cost.parse_calls(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1.21TiB", 1_330_409_069_608), ("900 GB", 900_000_000_000), ("1330000000000", 1_330_000_000_000), ("5b", 5), ("1KiB", 1024)],
)
def test_bytes(text: str, number: int) -> None:
    assert cost.parse_bytes(text) == number


@pytest.mark.parametrize("text", ["", "x", "-5", "1 PB", "1.2.3GB", "1e9", "9" * 40])
def test_no_number_of_bytes(text: str) -> None:
    with pytest.raises(ValueError, match="is no number of bytes; write"):
        cost.parse_bytes(text)


def test_json_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert cost.main(["--calls", "400e6", "--bytes", "1.21TiB", "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert answer["calls"] == 400_000_000
    assert answer["defenderForApis"]["cheapest"] == "P4"
    assert {plan["plan"]: plan["total"] for plan in answer["defenderForApis"]["plans"]}["P4"] == 28_000
    assert answer["gatewatch"]["total"] == pytest.approx(sum(line["cost"] for line in answer["gatewatch"]["lines"]), abs=0.1)


def test_the_page_is_current() -> None:
    assert document_cost.TARGET.read_text("utf-8") == document_cost.document(), "run `python -m tools.document_cost`"


def test_tables_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert cost.main(["--calls", "1e6"]) == 0
    shown = capsys.readouterr().out
    assert "P1 (cheapest)" in shown
    assert "a million calls more" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--calls", "x"], "is no number of calls"),
        (["--calls", "1", "--bytes", "y"], "is no number of bytes"),
        (["--calls", "1", "--peak", "0"], "--peak must be 1 to 1000"),
        (["--calls", "1", "--peak", "nan"], "--peak must be 1 to 1000"),
        (["--calls", "1", "--partitions", "33"], "--partitions must be 1 to 32"),
        (["--calls", "1", "--always-ready", "-1"], "--always-ready must be 0 to 1000"),
        (["--calls", "1", "--prices", "/nowhere.json"], "nowhere.json"),
    ],
)
def test_wrong_arguments(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cost.main(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON of the form"),
        ("[]", "no JSON of the form"),
        ('{"prices": []}', "no JSON of the form"),
        ('{"prices": {"a": 1}}', "no JSON of the form"),
        ('{"prices": {"a": {"price": "1"}}}', "must be numbers, 0 or more: a"),
        ('{"prices": {"a": {"price": -1}}}', "must be numbers, 0 or more: a"),
        ('{"prices": {}}', "is missing from"),
    ],
)
def test_wrong_price_files(tmp_path: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "prices.json"
    file.write_text(text, encoding="utf-8")
    assert cost.main(["--calls", "1", "--prices", str(file)]) == 2
    assert said in capsys.readouterr().err
