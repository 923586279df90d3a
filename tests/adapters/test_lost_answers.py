"""The network drops every kind of write once, delays it until it was sent again, or loses its answer: what is evaluated equals a straight count all the same."""

import os
from datetime import datetime, timedelta

import pytest
from azure.core.exceptions import AzureError

from adapters.evaluate import Evaluator
from adapters.evidence import Evidence
from adapters.patience import WORK, Patience
from adapters.progress import CLAIM
from adapters.tables import Tables
from settings import Connection
from tests.adapters.faulty import Fault, Once, proxy
from tests.adapters.test_exact import NOW, START, World, call, derived, expected, straight, undescribed

FAULTS: list[Fault] = ["lose", "drop", "delay"] if os.environ.get("GATEWATCH_PROOF") == "full" else ["lose"]
TRIES = 40
HASTY = Patience(connect=5, answer=1, retries=3)
"""Gives up before what is delayed arrives."""


@pytest.mark.parametrize("fault", FAULTS)
def test_each_kind_of_write_fails_once_and_every_table_equals_a_straight_count(
    account: Connection, evidence: Evidence, fault: Fault
) -> None:
    assert account.connection_string
    world = World(Tables(account), evidence)
    world.play([call(NOW)])
    world.evaluator().tick(NOW, NOW)
    made = [call(NOW - timedelta(minutes=at % 30), f"203.0.113.{at}", userAgent="sqlmap/1.5") for at in range(40)] + [
        undescribed(NOW, "cart")
    ]
    late = [call(START + timedelta(minutes=30 * at), f"203.0.113.{at}", urlTemplate=f"/things/{at}") for at in range(3)]
    world.play(made)
    world.play(late, "1")
    (address,) = [part for part in account.connection_string.split(";") if part.startswith("TableEndpoint=")]
    once = Once(fault)
    with proxy(address.removeprefix("TableEndpoint="), once) as through:
        connection = Connection("broken", account.connection_string.replace(address, f"TableEndpoint={through}"))
        broken = World(Tables(connection, HASTY if fault == "delay" else WORK), evidence)
        judge = broken.evaluator()
        for minutes in (0, 100):
            assert any(is_done(judge, broken, NOW + timedelta(minutes=minutes)) for _ in range(TRIES))
    assert len(once.done) >= 10, once.done
    world.clock.now = broken.clock.now
    world.settle()
    assert derived(world.tables) == expected(straight([call(NOW), *made, *late]))


def is_done(judge: Evaluator, world: World, now: datetime) -> bool:
    """A tick, unless a request failed that the SDK does not try again; the timer makes the next."""
    world.clock.now += CLAIM  # what a tick that was given up had claimed is free
    try:
        judge.tick(now, NOW)
    except AzureError:
        return False
    return True
