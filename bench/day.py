"""`python -m bench.day`: the memory of an evaluation that has lived a whole day, and what it costs, with made-up tallies of thousands of endpoints.

The rolling day is filled as a cold start fills it, from 24 hours of tallies at the full rate; then hours of live traffic are fed, judged and closed on top of it.
Tallies are drawn at random rather than folded: what is measured is what comes after them. Memory is the process's resident set (Linux).
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from model import WINDOWS_PER_DAY, Endpoint, minute_of, window_start
from pipeline.evaluation import Evaluation
from pipeline.plan import Plan
from pipeline.share import Share
from pipeline.start import Criteria, EvaluationState
from pipeline.step import Step
from posture.inventories import Inventories
from posture.inventory import Day, Inventory, merge
from stats.moments import Moments
from stats.recent import REGISTERS
from stats.seasonal import Seasonal
from stats.sketch import sketch
from windows.baseline import Baseline, Fresh
from windows.context import Context
from windows.tally import Row, Tally

BATCH = 1000
START = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
GOAL = 900
"""MiB of 5,000 endpoints with 165 calls/s."""
PARAMETERS = ("path:id", "query:page")
MIB = 1 << 20


class Traffic:
    """Endpoints and addresses drawn by Zipf's law: few are busy, most are not."""

    def __init__(self, endpoints: int, addresses: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.endpoints = [Endpoint("contoso", f"api{number % 50}", "GET", f"/v1/things{number}/{{id}}") for number in range(endpoints)]
        self._addresses = [f"{10 + (n >> 16)}.{n >> 8 & 255}.{n & 255}.7" for n in range(addresses)]
        self._endpoint_odds, self._address_odds = zipf(endpoints, 0.9), zipf(addresses, 0.7)

    def tally(self, minute: int) -> Tally:
        """The tally of a batch of one minute."""
        random = self._random
        endpoint = np.searchsorted(self._endpoint_odds, random.random(BATCH))
        address = np.searchsorted(self._address_odds, random.random(BATCH))
        ids, own_ips = np.unique(address, return_inverse=True)
        numbers, own_endpoints = np.unique(endpoint, return_inverse=True)
        e, i = own_endpoints.tolist(), own_ips.tolist()
        status = random.choice((200, 200, 200, 200, 200, 200, 200, 201, 404, 401), BATCH).tolist()
        size = random.integers(200, 50_000, BATCH).tolist()
        value = random.integers(0, 1 << 63, BATCH, dtype=np.uint64)
        page = (random.integers(0, 20, BATCH, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)).tolist()
        bucket = random.integers(40, 90, BATCH).tolist()
        calls: list[Row] = [(0, e[n], i[n], status[n], 1, 0, size[n], 0, size[n]) for n in range(BATCH)]
        values: list[Row] = [(0, e[n], i[n], 0, v, 1, int(status[n] < 300), 3) for n, v in enumerate(value.tolist())]
        values += [(0, e[n], i[n], 1, page[n], 1, int(status[n] < 300), 2) for n in range(0, BATCH, 2)]
        sizes: list[Row] = [(0, e[n], kind, status[n] // 100, bucket[n], 1) for n in range(BATCH) for kind in (1, 2)]
        return Tally(
            minute,
            [self.endpoints[number] for number in numbers.tolist()],
            ips=[self._addresses[id] for id in ids.tolist()],
            identities=["subscription:mobile-app"],
            parameters=list(PARAMETERS),
            agents=["okhttp/4.12"],
            evidence=["subscription-key"],
            tables={
                "calls": calls,
                "values": values,
                "sizes": sizes,
                "identities": [(0, e[n], 0, status[n], 1) for n in range(BATCH)],
                "agents": [(0, e[n], 0, 1) for n in range(BATCH)],
                "auth": [(0, e[n], 0, status[n], 1) for n in range(BATCH)],
            },
        )

    def minutes(self, start: int, minutes: int, rate: float) -> Iterator[tuple[int, Tally]]:
        """(position, tally) of so many calls a second."""
        owed, position = 0.0, start * 100
        for minute in range(start, start + minutes):
            owed += rate * 60
            while owed >= BATCH:
                owed -= BATCH
                position += 1
                yield position, self.tally(minute)

    def baseline(self, endpoint: Endpoint, calls: float = 50.0) -> Baseline:
        """Of a month of so many calls a window: the size of a real one, and far from alerting."""
        draw = self._random.random

        def series() -> Seasonal:
            weekdays, weekend = (calls + draw((2, WINDOWS_PER_DAY))).round(3).tolist()  # numbers of their own, as those that are read
            return Seasonal((weekdays, weekend), 9.0, [(14.0 + n, 1.0) for n in range(3)], calls, 7.0)

        names = ("2xx", "4xx", "auth", *(f"distinct:{name}" for name in PARAMETERS))
        tops = {
            f"{kind}:{name}": [calls * (20 - n / 50) for n in range(12)]
            for kind in ("calls", "identity", "distinct", "day")
            for name in ("2xx", "4xx", *PARAMETERS)
        }
        values = self._random.integers(0, 1 << 32, 8192).tolist()
        return Baseline(
            endpoint, minute_of(START) // 1440 - 1, 30, 80_000, {name: series() for name in names}, tops, dict.fromkeys(("2xx", "4xx"), 50_000),
            {"1 2xx": Moments(10_000, 92_103.0, 850_000.0), "2 2xx": Moments(10_000, 46_000.0, 214_000.0)}, {"2xx": Moments(10_000, 46_000.0, 214_000.0)},
            dict.fromkeys(PARAMETERS, 80_000), {"path:id": {3: 80_000}, "query:page": {2: 80_000}},
            {name: Fresh(720, [90.0] * 12) for name in PARAMETERS}, {"path:id": sketch(values, 8192), "query:page": sketch(values[:20], 8192)},
        )  # fmt: skip


def month_of(endpoints: Sequence[Endpoint]) -> Inventories:
    """Of a month of each, called from so many addresses that their sketch is full."""
    today = minute_of(START) // 1440
    days = {today - back: Day([0, 2_000, 0, 200, 0], {"subscription-key": 2_000}, dict.fromkeys(range(40, 90), 40)) for back in range(30)}
    callers = {register: [1 + register % 7, today - register % 30] for register in range(REGISTERS)}
    return Inventories(Inventory(endpoint, 0, 1, 66_000, days=days, callers=callers) for endpoint in endpoints)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    traffic = Traffic(options.endpoints, options.addresses, 7)
    begun, found = time.process_time(), {"bare": resident()}
    sensitive = dict.fromkeys(traffic.endpoints[:: options.sensitive], Context(("iban",), False)) if options.sensitive else {}
    now = START + timedelta(hours=24)
    state = EvaluationState(watermark=minute_of(now), closed_until=window_start(minute_of(now)) - 60)
    share = Share(options.shard, options.shards) if options.shards > 1 else None
    own = [endpoint for endpoint in traffic.endpoints if share is None or share.holds(endpoint)]
    evaluation = Evaluation(state, Criteria(baselines=map(traffic.baseline, own), contexts=sensitive), share=share)
    found["baselines"] = _noted("baselines")
    inventories = month_of(traffic.endpoints if share is None or share.is_lead else ())
    found["inventories"] = _noted("inventories")
    minute = minute_of(now) - 60 * options.recall_hours
    for position, tally in traffic.minutes(minute, 60 * options.recall_hours, options.rate):
        if tally.since > minute:
            minute = tally.since
            evaluation.settle(minute)  # as a cold start does: memory need not hold what is live as tallies
            if minute % 60 == 0:
                _noted(f"{(minute_of(now) - minute) // 60} hours to recall")
        evaluation.recall("0", tally, position)
    _step(evaluation, now, share)
    found["rolling day"] = _noted("rolling day")
    found["seconds to recall"] = round(time.process_time() - begun)
    begun, calls, alerts = time.process_time(), 0, 0
    minute = minute_of(now)
    for position, tally in traffic.minutes(minute, 60 * options.hours, options.rate):
        if tally.since > minute:
            minute = tally.since
            alerts += len(_step(evaluation, datetime.fromtimestamp(minute * 60, UTC), share).alerts)
            if minute == window_start(minute):
                _noted(f"{minute - minute_of(now)} minutes")
        evaluation.feed("0", tally, position)
        if share is not None and share.is_lead:
            inventories.put(merge(inventories, [("0", position, tally)], b"k" * 32, is_own=True).values())
        calls += BATCH
    found |= {
        "live": resident(),
        "inventories held": len(inventories),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "alerts": alerts,
    }
    found["microseconds a call"] = round((time.process_time() - begun) / max(calls, 1) * 1e6)
    return found


def _step(evaluation: Evaluation, now: datetime, share: Share | None) -> Step:
    """A share follows a plan that says what the evaluation would have found out for itself; nobody is accused."""
    if share is None:
        return evaluation.step(now)
    minute = minute_of(now)
    return evaluation.follow(Plan(minute, {}, minute - 1, is_history=False, settled=minute), learns=share.is_lead)


def _noted(what: str) -> int:
    held = resident()
    print(f"{what}: {held} MiB", file=sys.stderr, flush=True)
    return held


def resident() -> int:
    """MiB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // MIB


def zipf(count: int, exponent: float) -> NDArray[np.float64]:
    weights = np.arange(1, count + 1, dtype=np.float64) ** -exponent
    odds: NDArray[np.float64] = np.cumsum(weights / weights.sum())
    odds[-1] = 1.0
    return odds


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where the peak is above the goal."""
    parser = argparse.ArgumentParser(prog="python -m bench.day", description=__doc__)
    parser.add_argument("--endpoints", type=int, default=5_000)
    parser.add_argument("--addresses", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=165.0, help="calls a second")
    parser.add_argument("--recall-hours", type=int, default=24, help="of the rolling day that is there when the live hours begin")
    parser.add_argument("--hours", type=int, default=3, help="of live traffic")
    parser.add_argument("--sensitive", type=int, default=10, help="every so-maniest endpoint holds sensitive data; 0 for none")
    parser.add_argument("--shards", type=int, default=1, help="measure one part of an evaluation in so many shards")
    parser.add_argument("--shard", type=int, default=1, help="which of them; 0 is the lead, which holds the inventory too")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = measure(options)
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            Console().print(f"{name:>20} {value}")
    return int(found["peak"] > GOAL)


if __name__ == "__main__":
    raise SystemExit(main())
