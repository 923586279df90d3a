"""Health for anyone: one look however many ask, and an answer in time however slow a store is."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from time import sleep

import pytest
from azure.core.exceptions import AzureError

from adapters.evidence import Evidence
from adapters.patience import Patience
from adapters.probe import Health, Probe
from adapters.tables import Tables
from settings import Connection

QUICK = Patience(connect=1, answer=1, retries=1)


def now() -> datetime:
    return datetime.now(UTC)


def test_a_hundred_who_ask_cost_one_look() -> None:
    looks = 0

    def look(_: datetime) -> Health:
        nonlocal looks
        looks += 1
        sleep(0.05)
        return True, {"status": "healthy", "problems": []}

    probe = Probe(look, now)
    with ThreadPoolExecutor(20) as many:
        answers = list(many.map(lambda _: probe.answer(), range(100)))
    assert looks == 1
    assert all(well and body["ageSeconds"] >= 0 for well, body in answers)


def test_an_answer_ages_and_is_renewed() -> None:
    moment = now()
    states: Iterator[Health] = iter([(True, {"problems": []}), (False, {"problems": ["gone"]})])
    probe = Probe(lambda _: next(states), lambda: moment)
    assert probe.answer()[0]
    moment += timedelta(seconds=14)
    assert probe.answer() == (True, {"problems": [], "ageSeconds": 14.0})
    moment += timedelta(seconds=1)
    assert probe.answer() == (False, {"problems": ["gone"], "ageSeconds": 0.0})


def test_a_look_that_hangs_is_red_and_shows_what_was_known() -> None:
    go, moment, looks = Event(), now(), iter([False, True, True])

    def look(_: datetime) -> Health:
        if next(looks):
            go.wait(30)
        return True, {"problems": [], "version": "1"}

    probe = Probe(look, lambda: moment, longest=0.2)
    assert probe.answer()[0]
    moment += timedelta(seconds=20)
    well, body = probe.answer()
    assert (well, body["status"], body["version"], body["ageSeconds"]) == (False, "unhealthy", "1", 20.0)
    assert body["problems"] == ["health is slow to be read, and what was read before stays in force"]
    go.set()


class Hanging:
    """A store that takes connections and never says a word."""

    def __init__(self, listening: socket.socket) -> None:
        self.tries = 0
        self.connection = Connection(
            "local",
            "DefaultEndpointsProtocol=http;AccountName=account;AccountKey=a2V5a2V5;"
            + "".join(f"{kind}Endpoint=http://127.0.0.1:{listening.getsockname()[1]}/account;" for kind in ("Table", "Blob")),
        )
        self._listening, self._taken = listening, list[socket.socket]()
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed at the end
            while True:
                self._taken.append(self._listening.accept()[0])
                self.tries += 1


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        store = Hanging(listening)
        yield store
        listening.shutdown(socket.SHUT_RDWR)
        for connection in store._taken:
            connection.close()


@pytest.mark.parametrize(
    "ask",
    [lambda store: Tables(store, QUICK).get("progress", "a", "b"), lambda store: Evidence(store, QUICK).get("configuration", "name")],
    ids=["tables", "blobs"],
)
def test_a_store_that_hangs_is_given_up_after_the_tries_that_its_caller_can_wait_for(
    hanging: Hanging, ask: Callable[[Connection], object]
) -> None:
    with pytest.raises(AzureError):
        ask(hanging.connection)
    assert hanging.tries == 1 + QUICK.retries
