"""What is read again: never waited for long, never lost, said once."""

import logging
from collections.abc import Callable
from datetime import timedelta
from threading import Event
from time import monotonic

import pytest
from azure.core.exceptions import ServiceRequestError

from adapters.reload import Reloaded
from tests.adapters.test_ingest import NOW

FRESH = timedelta(minutes=1)
LONG = 0.2


def failing(error: Exception) -> Callable[[], str]:
    def read() -> str:
        raise error

    return read


def test_it_is_read_once_until_it_is_due() -> None:
    answers = iter("abc")
    found = Reloaded("lists", lambda: next(answers), FRESH, "")
    assert [found.at(NOW + timedelta(seconds=s)) for s in (0, 1, 59, 60, 61, 200)] == ["a", "a", "a", "b", "b", "c"]


@pytest.mark.parametrize("error", [ValueError("wrong"), ServiceRequestError("10.0.0.1 is away"), KeyError("mistake")])
def test_an_error_keeps_the_last_good_answer_and_is_said_once(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    reads: list[Callable[[], str]] = [lambda: "good", failing(error), failing(error), lambda: "better"]
    found = Reloaded("lists", lambda: reads.pop(0)(), FRESH, "")
    with caplog.at_level(logging.ERROR):
        assert [found.at(NOW + FRESH * n) for n in range(3)] == ["good"] * 3
        assert found.problem.startswith("lists ")
        assert found.at(NOW + FRESH * 3) == "better"
    assert found.problem == ""
    assert len(caplog.records) == 1
    assert "10.0.0.1" not in caplog.text


def test_a_slow_store_is_waited_for_once_and_its_answer_is_taken_when_it_comes() -> None:
    go, came, started = Event(), Event(), 0

    def read() -> str:
        nonlocal started
        started += 1
        go.wait(30)
        came.set()
        return "late"

    found = Reloaded("lists", read, FRESH, "first", LONG)
    began = monotonic()
    assert found.at(NOW) == "first"
    assert monotonic() - began >= LONG
    assert [found.at(NOW + FRESH * n) for n in range(1, 50)] == ["first"] * 49, (
        "a reading that hangs is not started again, and nobody waits for it"
    )
    assert started == 1
    assert "slow" in found.problem
    go.set()
    assert came.wait(30)
    while found.at(NOW) != "late":
        pass
    assert found.problem == ""
