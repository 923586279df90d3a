"""`python -m bench.judge`: what judging with every detector costs, an event and a changed endpoint, as a ratio to folding the same batches.

Ten days of made-up traffic are learned first, and what was learned is scaled to a gateway that is busy enough to send 1000 calls between two ticks. CPU time,
the best of several rounds. The same for traffic of other shapes: one endpoint that takes everything, hundreds of small ones, and calls that are full of values;
the goals are those of the shop's traffic.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from math import sqrt
from random import Random
from time import process_time
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

import pipeline.evaluation
from local import traffic
from model import ApiCall, Endpoint
from pipeline.decode import decode
from pipeline.evaluation import Evaluation
from pipeline.fold import fold
from pipeline.judge import Judgement, judge
from pipeline.learn import Learner
from pipeline.start import Criteria
from stats.seasonal import Seasonal
from windows.baseline import Baseline
from windows.tally import Tally

BATCH = 1000
DAYS = 10
TICKS = 15
TICK = timedelta(seconds=20)
ROUNDS = 5
KEY = b"k" * 32
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
FAR = datetime(9999, 1, 1, tzinfo=UTC)
CHANCE = 6
"""How much further the largest of a thousand times as many (IP, window) pairs lies out; the made-up callers are 600 at any rate."""
LARGEST_SHARE = 0.2
"""Of what the fold costs an event."""
LARGEST_MS = 1.0
"""Milliseconds a changed endpoint."""


def _hot(event: traffic.Event, random: Random) -> traffic.Event:
    id = str(random.randrange(5_000))
    return event | {"method": "GET", "urlTemplate": "/v1/all/{id}", "path": f"/v1/all/{id}", "query": "", "pathParameters": {"id": id}}


def _small(event: traffic.Event, random: Random) -> traffic.Event:
    number, id = random.randrange(SMALL), str(random.randrange(5_000))
    template = f"/v1/part{number}/items/{{id}}"
    return event | {
        "method": "GET",
        "urlTemplate": template,
        "path": template.replace("{id}", id),
        "query": "",
        "pathParameters": {"id": id},
    }


def _values(event: traffic.Event, random: Random) -> traffic.Event:
    return event | {"query": "&".join(f"filter{n}={random.randrange(10_000)}" for n in range(VALUES))}


Shape = Callable[[traffic.Event, Random], traffic.Event]
SHOP = "the shop"
COMMON_SHARE = 0.12
"""Of the shop's calls: those to the operation that stands for operations which the shop does not have."""
SMALL, VALUES = 500, 8
SHAPES: dict[str, Shape] = {
    SHOP: lambda event, _: event,
    "one hot endpoint": _hot,
    f"{SMALL} small endpoints": _small,
    f"{VALUES} values a call": _values,
}


class Watch:
    """Stands in for the evaluation's `judge` and sums up the CPU time of its calls."""

    def __init__(self, judge: Callable[..., Judgement]) -> None:
        self._judge = judge
        self.seconds = 0.0
        self.windows = 0

    def __call__(self, *arguments: Any, **options: Any) -> Judgement:
        began = process_time()
        found = self._judge(*arguments, **options)
        self.seconds += process_time() - began
        self.windows += 1
        return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.judge", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    found = measure()
    print(json.dumps(found, indent=1)) if arguments.json else show(found)
    shop = found[SHOP]
    return 0 if shop["share_of_fold"] <= LARGEST_SHARE and shop["ms_per_changed_endpoint"] <= LARGEST_MS else 1


def measure() -> dict[str, dict[str, float]]:
    """Of each shape: microseconds an event of fold and judge, their ratio, and milliseconds of judging a changed endpoint."""
    history = [decode(traffic.encode(event)) for event in traffic.history(NOW, DAYS)]
    baselines = learn(history)
    return {name: measured(baselines, shape) for name, shape in SHAPES.items()}


def measured(baselines: Sequence[Baseline], shape: Shape) -> dict[str, float]:
    ticks = [(NOW + n * TICK, busy(n, shape)) for n in range(1, TICKS + 1)]
    called = Counter(
        Endpoint(call.service or "", call.api_id or "", call.method, call.url_template or "") for _, calls in ticks for call in calls
    )
    known = {baseline.endpoint: baseline for baseline in baselines}
    common = known[Endpoint(traffic.SERVICE, traffic.API, "GET", "/v1/orders/{id}")]
    for endpoint in called.keys() - known.keys():
        times = called[endpoint] / called.total() / COMMON_SHARE
        known[endpoint] = msgspec.structs.replace(busier(common, times) if times > 1 else common, endpoint=endpoint)

    def learned() -> Evaluation:
        return Evaluation(criteria=Criteria(baselines=list(known.values())), live_rows=False)

    fold_seconds, judge_seconds, windows = float("inf"), float("inf"), 0
    for _ in range(ROUNDS):
        began = process_time()
        tallies = [(now, fold(calls, KEY)) for now, calls in ticks]
        fold_seconds = min(fold_seconds, process_time() - began)
        watch = judged(learned, tallies)
        judge_seconds, windows = min(judge_seconds, watch.seconds), watch.windows
    events = TICKS * BATCH
    return {
        "fold_us_per_event": fold_seconds / events * 1e6,
        "judge_us_per_event": judge_seconds / events * 1e6,
        "share_of_fold": judge_seconds / fold_seconds,
        "ms_per_changed_endpoint": judge_seconds / windows * 1e3,
        "endpoints_per_tick": windows / TICKS,
    }


def busy(seed: int, shape: Shape = SHAPES[SHOP]) -> list[ApiCall]:
    """One batch, all of the 20 seconds before a tick; one call in a hundred is an attacker's, so that detectors find something."""
    random = Random(seed)
    began = NOW + (seed - 1) * TICK
    events = [shape(traffic.call(random, began + TICK * (n / BATCH)), random) for n in range(BATCH)]
    for event in events[::100]:
        event |= {"clientIp": "203.0.113.250", "query": "q=1%27%20OR%201%3D1", "status": 404}
    return [decode(traffic.encode(event)) for event in events]


def learn(calls: Sequence[ApiCall]) -> list[Baseline]:
    """What these calls teach, as many times busier as the ticks are."""
    evaluation = Evaluation(learner=Learner(), live_rows=False)
    baselines: dict[Endpoint, Baseline] = {}
    for position, tally in enumerate(batched(calls)):
        evaluation.feed("0", tally, position)
        baselines.update((one.endpoint, one) for one in evaluation.step(FAR).baselines)
    times = BATCH / TICK.total_seconds() / (traffic.CALLS_PER_DAY / 86400)
    return [busier(one, times) for one in baselines.values()]


def busier(one: Baseline, times: float) -> Baseline:
    """The baseline of an endpoint with so many times the calls, by as many times the callers: sums grow with calls, and so does what its few
    subscriptions do; what one caller does grows by chance."""
    series = {
        name: Seasonal(
            ([n * times for n in of.seasons[0]], [n * times for n in of.seasons[1]]),
            of.residual,
            [(mean * sqrt(times), deviation) for mean, deviation in of.recent],
            of.mean * times,
            of.deviation * times,
        )
        for name, of in one.series.items()
    }
    tops = {name: [n * (times if name.startswith("identity:") else CHANCE) for n in largest] for name, largest in one.tops.items()}
    return msgspec.structs.replace(one, series=series, tops=tops)


def batched(calls: Sequence[ApiCall]) -> Iterator[Tally]:
    for at in range(0, len(calls), BATCH):
        yield fold(calls[at : at + BATCH], KEY)


def judged(learned: Callable[[], Evaluation], tallies: Sequence[tuple[datetime, Tally]]) -> Watch:
    """The time that judging took while an evaluation ticked through these tallies."""
    watch = Watch(judge)
    evaluation = learned()
    setattr(pipeline.evaluation, "judge", watch)  # noqa: B010  the function itself is what is measured, where it is called
    try:
        for position, (now, tally) in enumerate(tallies):
            evaluation.feed("0", tally, position)
            evaluation.step(now)
    finally:
        setattr(pipeline.evaluation, "judge", judge)  # noqa: B010
    return watch


def show(found: dict[str, dict[str, float]]) -> None:
    table = Table(title=f"Judging with every detector, batch {BATCH}, Python {sys.version.split()[0]}")
    table.add_column("what")
    for column in (*found, "goal"):
        table.add_column(column, justify="right")
    for what, name, form, goal in (
        ("fold, µs an event", "fold_us_per_event", ".1f", ""),
        ("judge, µs an event", "judge_us_per_event", ".1f", ""),
        ("judge / fold", "share_of_fold", ".2f", f"≤ {LARGEST_SHARE}"),
        ("judge, ms a changed endpoint", "ms_per_changed_endpoint", ".3f", f"≤ {LARGEST_MS:g}"),
        ("endpoints judged a tick", "endpoints_per_tick", ".1f", ""),
    ):
        table.add_row(what, *(format(one[name], form) for one in found.values()), goal)
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
