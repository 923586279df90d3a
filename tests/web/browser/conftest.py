"""One stack with real data and one real Chromium for all tests of the page; whatever the page does wrong on the way fails its test."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from adapters import alerts
from adapters.tables import Tables
from local import traffic
from local.azurite import ROOT
from local.play import Sender, groups
from local.stack import Stack
from model import Alert, Endpoint, Incident, Severity, alert_id, minute_of
from settings import Connection
from tests.build import alert

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), "")
HOW = "the page's tests need Chromium: apt-get install -y --no-install-recommends chromium"
MANY = 10_000
PATIENCE = 60_000
"""Milliseconds for anything to appear: a machine that is busy with something else is slow and not wrong."""
HOSTILE = "<img src=x onerror=alert(1)>\u202egnp.exe" + "x" * 200
"""What somebody may call a path: markup, a mark that turns the text round, and length."""
SEVERITIES = (Severity.MEDIUM, Severity.LOW, Severity.HIGH, Severity.MEDIUM, Severity.INFORMATIONAL)
DETECTORS = ("API_SpikeInAPITraffic", "API_Injection", "API_SprayInRequests", "API_ErrorBurst", "API_AccessFromTorExitNode")


@dataclass
class Site:
    """The running stack, and what it was given."""

    stack: Stack
    tables: Tables
    spike: str
    """The id of an alert that real traffic raised, with 48 hours to draw."""
    hostile: str
    incident: str
    endpoint: str
    """The spike's."""
    recommendation: str


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    _needed()
    with running(tmp_path_factory.mktemp("page") / "run") as found:
        yield found


@contextmanager
def running(folder: Path) -> Iterator[Site]:
    """Three days of traffic, learned: of two an evening would know too few calls; an attack; and ten thousand older alerts."""
    with Stack(folder, roles=["analyst", "privacy"]) as stack:
        now = datetime.now(UTC)
        with Sender(stack.hub) as sender:
            for group in groups(traffic.encode(event) for event in traffic.history(now - timedelta(minutes=1), 3)):
                sender.send(group)
            stack.wait_evaluated()
            stack.learn()
            sender.send([traffic.encode(event) for event in traffic.attack("spike", datetime.now(UTC) - timedelta(seconds=1))])
            sender.send([traffic.encode(event) for event in traffic.attack("agent", datetime.now(UTC) - timedelta(seconds=1))])
        stack.wait_evaluated()
        stack.run_now("posture")
        tables = Tables(Connection("azurite", stack.storage))
        raised = list(alerts.read(tables, minute_of(now - timedelta(days=3))))
        spike = next(one for one in raised if one.detector == "API_PopulationSpikeInAPITraffic")
        hostile = _seeded(tables, now)
        incident = next(one.incident for one in raised if one.incident)
        yield Site(stack, tables, spike.id, hostile.id, incident, spike.endpoint.id, _recommended(stack))


def _recommended(stack: Stack) -> str:
    """The id of a recommendation, once the configuration has been judged."""
    deadline = monotonic() + 180
    while not (found := stack.get("/api/recommendations")[1]["value"]):
        assert monotonic() < deadline, "posture recommends nothing"
        sleep(0.5)
    return str(found[0]["id"])


def _seeded(tables: Tables, now: datetime) -> Alert:
    def made(number: int) -> Alert:
        first = minute_of(now) - 200 - 4 * number
        endpoint = Endpoint("contoso", "shop", "GET", f"/v1/things/{number % 40}/{{id}}")
        return alert(
            id=alert_id(first, str(number)), first=first, last=first + 9, severity=SEVERITIES[number % 5], detector=DETECTORS[number % 5],
            endpoint=endpoint, sighting={"actor": f"198.51.100.{number % 200}"}, open=False,
        )  # fmt: skip

    first = minute_of(now) - 190
    hostile = alert(
        id=alert_id(first, "hostile"), first=first, last=first + 9, severity=Severity.HIGH, detector="API_Injection", open=False,
        endpoint=Endpoint("contoso", "shop", "GET", f"/{HOSTILE}"), sighting={"actor": "subject:" + HOSTILE, "evidence": {HOSTILE: "y" * 20_000}},
    )  # fmt: skip
    incident = Incident(
        hostile.id,
        (hostile.id,),
        Severity.HIGH,
        first,
        first + 9,
        (hostile.sighting.actor or "",),
        (hostile.endpoint,),
        (hostile.detector,),
        False,
    )
    alerts.write(tables, [hostile, *map(made, range(MANY))], [incident])
    return hostile


def _needed() -> None:
    try:
        import playwright  # noqa: F401
    except ImportError:
        how = "the page's tests need playwright: make setup"
    else:
        how = "" if CHROMIUM else HOW
    if how and os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(how)
    if how:
        pytest.skip(how)


@pytest.fixture(scope="module")  # while it lives an event loop runs in this thread, and no other test of the process could run one
def chromium(site: Site) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@dataclass
class Watched:
    """A page, and everything that it did which it must not do. `forgiven`: beginnings of console errors that the test itself provokes."""

    page: Any
    url: str
    forgiven: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, path: str, ready: str = "main h1") -> Any:
        self.page.goto(self.url + path)
        self.page.locator(ready).first.wait_for()
        return self.page

    def check(self) -> None:
        broken = self.page.evaluate("window.broken") or []
        assert broken == [], "the page's own policy was violated"
        assert [text for text in self.errors if not any(mark in text for mark in self.forgiven)] == []
        assert [url for url in self.requests if not url.startswith((self.url, "blob:", "data:"))] == [], (
            "something was asked of another machine"
        )


def settled(page: Any) -> None:
    """Until nothing is read any more. (What polls inside the page would have to evaluate text, which the page's policy refuses.)"""
    page.locator("main h1").first.wait_for()
    page.locator("main .waiting").first.wait_for(state="detached")


Opens = Callable[..., Watched]
LISTEN = "window.broken = []; addEventListener('securitypolicyviolation', e => broken.push(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample))"


@pytest.fixture
def opens(site: Site, chromium: Any) -> Iterator[Opens]:
    """Makes a page of its own context: `opens(color_scheme="dark")`. Its wrongs fail the test at its end."""
    made: list[Watched] = []
    contexts = []

    def new(**how: Any) -> Watched:
        context = chromium.new_context(
            **({"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", "timezone_id": "Europe/Berlin"} | how)
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.stack.url)
        context.add_init_script(LISTEN)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        watched = Watched(page, site.stack.url)
        page.on("console", lambda message: watched.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: watched.errors.append(str(error)))
        page.on("request", lambda request: watched.requests.append(request.url))
        made.append(watched)
        return watched

    yield new
    try:
        for watched in made:
            watched.check()
    finally:
        for context in contexts:
            context.close()


@pytest.fixture(scope="session")
def axe() -> str:
    return (Path(ROOT) / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
