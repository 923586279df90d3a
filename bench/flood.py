"""`python -m bench.flood`: what a flood of alerts costs, in CPU seconds a tick: thousands of actors found at once, then found again, then over.

Two kinds: one cause, which becomes a campaign, and a hundred causes at once (detectors and services), of which each becomes one.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from time import process_time

from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from adapters.intake import collect_seldom
from alerts.group import Grouping
from alerts.links import QUIET
from detectors import by_id
from model import Endpoint, Finding, Severity, Sighting
from windows.context import NOTHING_KNOWN

ACTORS = 40_000
GOAL = 0.5
"""Seconds of CPU a tick."""
START = 29_000_160
"""The first minute of a window."""
ENDPOINTS = 500
"""Whose windows close while everyone is accused."""


def findings(actors: int, detectors: Sequence[str], services: int, minute: int) -> list[Finding]:
    found = []
    for number in range(actors):
        endpoint = Endpoint(f"contoso{number % services}", "shop", "GET", f"/v1/things{number % ENDPOINTS}/{{id}}")
        sighting = Sighting(40.0, 3.0, 30.0, actor=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", status_class="2xx")
        detector = detectors[number // services % len(detectors)]
        found.append(Finding(detector, endpoint, START, minute, Severity.MEDIUM, sighting, {200: 40}, 30, 40))
    return found


def tick(grouping: Grouping, some: Iterable[Finding]) -> float:
    began = process_time()
    for one in some:
        grouping.traffic(one.endpoint.service, one.window, 1_000_000)
        grouping.add(one, NOTHING_KNOWN)
    grouping.drain()
    grouping.drain_folded()
    return process_time() - began


def measure(actors: int) -> dict[str, dict[str, float]]:
    """Kind -> step -> CPU seconds."""
    collect_seldom()  # as the app does
    own = [id for id, one in by_id().items() if one.key == "actor"]
    kinds = {"one cause": (own[:1], 1), "a hundred causes": (own[:5], 20)}
    found: dict[str, dict[str, float]] = {}
    for kind, (detectors, services) in kinds.items():
        grouping, times = Grouping(), dict[str, float]()
        times["found"] = tick(grouping, findings(actors, detectors, services, START + 3))
        times["found again"] = tick(grouping, findings(actors, detectors, services, START + 4))
        times["stronger"] = tick(
            grouping, [replace(one, severity=Severity.HIGH) for one in findings(actors, detectors, services, START + 5)]
        )
        times["next window"] = tick(
            grouping, [replace(one, window=START + 20) for one in findings(actors, detectors, services, START + 23)]
        )
        began = process_time()
        for _ in range(ENDPOINTS):
            for service in range(services):
                grouping.accused(f"contoso{service}", START, START + 20)
        times["windows close"] = process_time() - began
        began = process_time()
        grouping.pass_time(START + 24 + QUIET)
        grouping.drain()
        grouping.drain_folded()
        times["over"] = process_time() - began
        found[kind] = times
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where a tick takes longer than the goal."""
    parser = argparse.ArgumentParser(prog="python -m bench.flood", description=__doc__)
    parser.add_argument("--actors", type=int, default=ACTORS)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    found = measure(options.actors)
    if options.json:
        print(json.dumps(found, indent=1))
    else:
        table = Table(title=f"{options.actors:,} actors, seconds of CPU a tick (goal ≤ {GOAL})")
        steps = list(next(iter(found.values())))
        for column in ("kind", *steps):
            table.add_column(column, justify="left" if column == "kind" else "right")
        for kind, times in found.items():
            table.add_row(kind, *(f"{times[step]:.2f}" for step in steps))
        Console().print(table)
    return int(any(seconds > GOAL for times in found.values() for seconds in times.values()))


if __name__ == "__main__":
    sys.exit(main())
