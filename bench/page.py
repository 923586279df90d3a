"""`python -m bench.page`: how long the page lets somebody wait, in a real browser, on a stack with ten thousand alerts and two thousand endpoints."""

import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from adapters import alerts, inventory
from adapters.tables import Tables
from detectors.single_ip_spike import single_ip_spike
from local.stack import Stack
from model import Alert, Endpoint, Severity, Sighting, alert_id, minute_of
from posture.inventory import Inventory
from settings import Connection

ALERTS, ENDPOINTS = 10_000, 2_000
ROUNDS = 7
GOALS = {"first view": 1000.0, "later view": 300.0, "/ui/api/overview": 150.0, "/ui/api/alerts": 150.0, "/ui/api/inventory": 300.0}
"""Milliseconds."""
VIEWS = ("Alerts", "Incidents", "Inventory", "Overview")
PATHS = ("overview", "alerts?limit=50&counts=true", "alerts?severity=High&q=things&limit=50&counts=true", "inventory?limit=50")


def main() -> int:
    """0 when every median is within its goal."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        print("error: Chromium is missing: apt-get install chromium", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder) / "run", roles=["analyst"]) as stack:
        _fill(Tables(Connection("azurite", stack.storage)), datetime.now(UTC))
        missed = 0
        for name, milliseconds, goal in chain(_answers(stack), _views(stack.url, chromium)):
            print(f"{name:60} {milliseconds:8.0f} ms   goal {goal:.0f} ms{'' if milliseconds <= goal else '   MISSED'}", flush=True)
            missed += milliseconds > goal
    return int(missed > 0)


def _fill(tables: Tables, now: datetime) -> None:
    severities = (Severity.MEDIUM, Severity.LOW, Severity.HIGH, Severity.MEDIUM, Severity.INFORMATIONAL)
    endpoints = [Endpoint("contoso", f"api{number % 20}", "GET", f"/v1/things/{number}/{{id}}") for number in range(ENDPOINTS)]

    def made(number: int) -> Alert:
        first = minute_of(now - timedelta(minutes=200 + 4 * number))
        sighting = Sighting(100.0, 8.0, 30.0, actor=f"198.51.100.{number % 200}", status_class="2xx")
        id, detector = alert_id(first, str(number)), single_ip_spike.id
        return Alert(
            id,
            detector,
            endpoints[number % ENDPOINTS],
            severities[number % 5],
            first,
            first + 9,
            first + 3,
            sighting,
            {200: 100},
            30,
            open=False,
        )

    alerts.write(tables, map(made, range(ALERTS)), [])
    at = minute_of(now)
    inventory.write(tables, [Inventory(endpoint, at - 40_000, at - 10, 1_000) for endpoint in endpoints])


def _answers(stack: Stack) -> Iterator[tuple[str, float, float]]:
    """Medians of warm answers of the API, as the page asks for them."""

    def ask(path: str) -> None:
        with urllib.request.urlopen(f"{stack.url}/ui/api/{path}", timeout=60) as answer:
            answer.read()

    for path in PATHS:
        ask(path)
        name = f"/ui/api/{path}"
        yield name, _median(partial(ask, path)), GOALS[name.partition("?")[0]]


def _views(url: str, chromium: str) -> Iterator[tuple[str, float, float]]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)

        def first() -> None:
            page = browser.new_page()  # a context of its own: nothing is cached
            page.goto(f"{url}/ui/alerts")
            page.locator("a.row").first.wait_for()
            page.context.close()

        first()
        yield "first view: alerts, nothing cached", _median(first), GOALS["first view"]
        page = browser.new_page()
        page.goto(f"{url}/ui/alerts")
        page.locator("a.row").first.wait_for()
        for name in (*VIEWS, *VIEWS):  # every module is there before it counts
            _open(page, name)
        for name in VIEWS:
            opened = partial(_open, page, name)
            yield f"later view: {name}", _median(opened, between=lambda: _open(page, "Health")), GOALS["later view"]
        browser.close()


def _open(page: Any, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()
    page.locator("main h1", has_text=name).wait_for()
    page.locator("main .waiting").first.wait_for(state="detached")


def _median(work: Callable[[], None], between: Callable[[], None] = lambda: None) -> float:
    took = []
    for _ in range(ROUNDS):
        between()
        began = perf_counter()
        work()
        took.append((perf_counter() - began) * 1000)
    return median(took)


if __name__ == "__main__":
    sys.exit(main())
