"""What all tests can ask for: a real Azurite, and names in it that no other test has."""

from __future__ import annotations

import gc
import itertools
import os
import re
import secrets
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from local.azurite import Azurite
from tests import left_out

_count = itertools.count()

# timing decides no test; and what CI tries is the same for everyone, while a developer's machine goes on looking for more
settings.register_profile("gatewatch", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("gatewatch")


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One Azurite in memory for each test process (so one for each pytest-xdist worker), started when a test first asks for it."""
    with Azurite() as running:
        yield running


@pytest.fixture
def forgotten_sockets() -> Iterator[None]:
    """Finds the sockets that the hub's SDK forgot to close while the test that made them may still be said to have done so."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def sockets_of_the_stack(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test with a running stack talks to its hub: what the SDK forgot is found within the same test, and not by whoever comes next."""
    yield
    if _is_of_the_stack(request.node):
        gc.collect()


def _is_of_the_stack(item: pytest.Item) -> bool:
    group = item.get_closest_marker("xdist_group")
    return group is not None and group.args == ("stack",)


@pytest.fixture
def storage_name() -> Callable[[str], str]:
    """Makes names valid for tables, containers and queues alike (3-63 of a-z and 0-9, a letter first) that nothing else uses."""

    def unique(prefix: str = "test") -> str:
        letters = re.sub(r"[^a-z0-9]", "", prefix.lower()) or "test"
        return f"{letters[:30]}{os.getpid():x}x{next(_count):x}x{secrets.token_hex(4)}"

    return unique


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a running stack are one worker's, and the longest: begun first, they do not keep a worker waiting for them at the end."""
    items.sort(key=lambda one: one.get_closest_marker("xdist_group") is None)
    for one in filter(_is_of_the_stack, items):
        one.add_marker(pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"))


def _skipped(reporter: pytest.TerminalReporter) -> list[str]:
    """Why each test was skipped that could not run here."""
    found = [report.longrepr for report in reporter.stats.get("skipped", ())]
    return [str(where[2]).removeprefix("Skipped: ") for where in found if isinstance(where, tuple)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in left_out.lines(_skipped(terminalreporter)):
        terminalreporter.write_line(line)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and os.environ.get("CI", "").lower() in ("1", "true") and left_out.fails_ci(_skipped(reporter)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
