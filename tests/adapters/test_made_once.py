"""What is made on first use is made once, whoever asks first and however many at once."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest

from adapters.app import App
from adapters.made_once import made_once
from settings import Connection, read
from tests.test_settings import LOCAL

THREADS = 12
PATIENCE = 60
"""Seconds after which a test gives up; nothing here takes one."""


class Things:
    """Counts what is made."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.may_go_on = Event()

    @made_once
    def slow(self) -> object:
        self.made.append("slow")
        assert self.may_go_on.wait(PATIENCE)
        return object()

    @made_once
    def quick(self) -> object:
        """Says what it is."""
        self.made.append("quick")
        return object()

    @made_once
    def both(self) -> tuple[object, object]:
        return self.slow, self.quick

    @made_once
    def at_the_second_try(self) -> str:
        self.made.append("try")
        if len(self.made) == 1:
            raise OSError("storage is away")
        return "there"


def at_once(ask: Callable[[int], Any]) -> list[Any]:
    """What every thread got, all having begun together."""
    begin = Barrier(THREADS)

    def run(number: int) -> Any:
        begin.wait(PATIENCE)
        return ask(number)

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(run, range(THREADS), timeout=PATIENCE))


def test_all_threads_get_the_one_that_was_made() -> None:
    things = Things()
    things.may_go_on.set()
    found = at_once(lambda number: things.slow if number % 2 else things.both[0])
    assert len({id(one) for one in found}) == 1
    assert sorted(things.made) == ["quick", "slow"]
    assert Things.quick.__doc__ == "Says what it is."


def test_what_is_slow_keeps_nobody_from_what_is_not() -> None:
    things = Things()
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(lambda: things.slow)
        try:
            assert things.quick is things.quick
            assert not waiting.done()
        finally:
            things.may_go_on.set()
    assert waiting.result() is things.slow


def test_what_failed_is_tried_again() -> None:
    things = Things()
    with pytest.raises(OSError, match="storage is away"):
        _ = things.at_the_second_try
    assert things.at_the_second_try == "there"


def test_the_first_requests_of_an_app_go_out_together(account: Connection) -> None:
    storage = account.connection_string or ""
    app = App(read(LOCAL | {"StateStorage": storage, "EvidenceStorage": storage}))
    asked: tuple[Callable[[], object], ...] = (
        lambda: list(app.tables.query("alerts", "PartitionKey eq 'x'")),
        lambda: app.hash_key,
        lambda: app.evaluator,
        lambda: app.inventory_index,
    )
    at_once(lambda number: asked[number % len(asked)]())
    assert app.evaluator is app.evaluator
    assert app.tables is app.batches._tables


FIRST = """
import sys, threading
import azure.functions as func
import triggers.page
assert not {"azure.data.tables", "azure.storage.blob"} & sys.modules.keys(), "a cold start loads what the first view does not need"
sys.setswitchinterval(1e-5)
from tests.web.test_access import cookie
answer = triggers.page.page_api.build().get_user_function()
begin, statuses = threading.Barrier(len(sys.argv) - 1), []
def ask(path):
    begin.wait(60)
    statuses.append((path, answer(func.HttpRequest("GET", "https://x/ui/api/" + path, headers=cookie("Reader"), route_params={"path": path}, body=b"")).status_code))
threads = [threading.Thread(target=ask, args=(path,)) for path in sys.argv[1:]]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(*sorted(f"{path}={status}" for path, status in statuses))
"""


def test_a_process_that_has_just_begun_answers_all_its_first_requests(account: Connection) -> None:
    """In a process of its own, for what is imported and opened on first use is so only once."""
    paths = sorted(["me", "alerts", "incidents", "inventory", "usage", "countries", "recommendations", "drift", "suppressions", "audit"])
    storage = {"StateStorage": account.connection_string or "", "EvidenceStorage": account.connection_string or ""}
    environment = {**os.environ, **LOCAL, **storage, "SIGN_IN": "entra", "WEBSITE_AUTH_ENABLED": "True", "DASHBOARD_URL": "https://x"}
    done = subprocess.run(
        [sys.executable, "-c", FIRST, *paths],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == ([f"{path}=200" for path in paths], "")
