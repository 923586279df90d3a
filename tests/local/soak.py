"""`python -m tests.local.soak`: the laptop stack under traffic and faults for minutes; at the end every count is equal, memory flat, and health told each fault.

Killed are the functions host and the hub, by SIGKILL at a random moment. Azurite is stopped in order, for a kill would lose what it has acknowledged (it writes
its tables every five seconds, as no storage in Azure would); and it is frozen, which is storage that accepts and does not answer. A second host joins and leaves.
What the hub holds at the end is the truth: a sender whose hub died does not know what arrived, and sends it again.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any

from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext
from azure.eventhub.exceptions import EventHubError

from adapters import windows
from adapters.batches import BatchLog, Tail
from adapters.evidence import Evidence
from adapters.tables import Tables
from local import traffic
from local.play import Sender
from local.stack import PARTITIONS, Child, Stack, StackError, evaluated, ingested
from model import window_start
from settings import Connection
from tests.counting import counted, straight
from windows.tally import unpack

POISON = (b"", b"null", b'{"v":1', b"\xff\xfe\x00", b"[" * 200, b'{"v":1,"status":"x"}', b"not json at all")
EVERY = 20.0
"""Seconds between two faults, on average."""
TOLD_WITHIN = 40.0
"""Seconds in which health says that a part is gone: it is looked up every 15, and the look waits for what does not answer."""
WELL_AGAIN = 120.0
MOST_GROWTH = 1.5
"""Times the memory of a process when it was young."""
YOUNG = 30.0


@dataclass
class Watch:
    """What was seen from outside while it ran."""

    told: dict[str, float] = field(default_factory=dict)
    """Fault and its number -> seconds until health told it."""
    missed: list[str] = field(default_factory=list)
    recovered: list[float] = field(default_factory=list)
    memory: list[tuple[str, int, float, int]] = field(default_factory=list)
    """(part, process, its age in seconds, bytes)"""


def health(stack: Stack) -> tuple[int, Any]:
    with suppress(StackError, AssertionError, OSError):
        return stack.get("/api/health")
    return 0, None


def told(stack: Stack, word: str) -> bool:
    status, body = health(stack)
    return status == 503 and isinstance(body, dict) and any(word in problem for problem in body["problems"])


def well(stack: Stack) -> bool:
    """Whether nothing that a fault here causes is wrong. Traffic that stopped for a while is told for longer, and rightly."""
    status, body = health(stack)
    return status in (200, 503) and not [
        p for p in (body or {}).get("problems", ["?"]) if "cannot be r" in p or "counts differ" in p or p == "?"
    ]


def within(seconds: float, is_so: Callable[[], bool]) -> float | None:
    """Seconds until it was so; None where it was not."""
    began = monotonic()
    while monotonic() - began < seconds:
        if is_so():
            return monotonic() - began
        sleep(0.5)
    return None


class Player(threading.Thread):
    """Sends made-up calls of the present at a rate, some of them poison, through whatever happens to the hub."""

    def __init__(self, stack: Stack, rate: float, random: Random) -> None:
        super().__init__(name="player", daemon=True)
        self.stack, self.rate, self.random = stack, rate, random
        self.over = threading.Event()
        self.tries = 0

    def run(self) -> None:
        sender: Sender | None = None
        waiting: list[bytes] = []
        while not self.over.is_set():
            began = monotonic()
            waiting += [self._message() for _ in range(max(1, round(self.rate)))] if not waiting else []
            try:
                sender = sender or Sender(self.stack.hub)
                sender.send(waiting)
                waiting = []
            except (EventHubError, AssertionError, OSError):
                self.tries += 1
                sender = None
            self.over.wait(max(0.0, 1.0 - (monotonic() - began)))

    def _message(self) -> bytes:
        if self.random.random() < 0.01:
            return self.random.choice(POISON)
        return traffic.encode(traffic.call(self.random, datetime.now(UTC) - timedelta(seconds=self.random.random() * 30)))


def faults(stack: Stack, watch: Watch, random: Random, until: float) -> None:
    """One fault after another, each ended before the next."""
    kinds = ["host", "hub", "azurite", "slow", "rival"]
    number = 0
    while monotonic() + EVERY < until:
        sleep(random.uniform(0.5, 1.5) * EVERY / 2)
        kind = kinds[number % len(kinds)] if number < len(kinds) else random.choice(kinds)
        number += 1
        name = f"{number} {kind}"
        began = monotonic()
        print(f"{datetime.now(UTC):%H:%M:%S} fault {name}", flush=True)
        if kind == "host":
            stack.kill_host()
            stack.start_host()
        elif kind == "hub":
            stack.kill_hubs()
            _note(watch, name, within(TOLD_WITHIN, lambda: told(stack, "event hub")))
            stack.start_hubs()
        elif kind == "azurite":
            stack.azurite.stop()
            _note(watch, name, within(TOLD_WITHIN, lambda: told(stack, "cannot be read")))
            stack.azurite.restart()
        elif kind == "slow":
            assert stack.azurite.pid is not None
            os.kill(stack.azurite.pid, signal.SIGSTOP)
            try:
                _note(watch, name, within(TOLD_WITHIN, lambda: told(stack, "tables of StateStorage cannot be read")))
            finally:
                os.kill(stack.azurite.pid, signal.SIGCONT)
        else:
            rival = second_host(stack)
            sleep(random.uniform(5, 15))
            rival.kill()
        took = within(WELL_AGAIN, lambda: well(stack))
        if took is None:
            watch.missed.append(f"{name}: health is not well {WELL_AGAIN:.0f} s after it: {(health(stack)[1] or {}).get('problems')}")
        else:
            watch.recovered.append(took)
        print(f"         over after {monotonic() - began:.0f} s", flush=True)


def _note(watch: Watch, name: str, seconds: float | None) -> None:
    if seconds is None:
        watch.missed.append(f"{name}: health did not tell it within {TOLD_WITHIN:.0f} s")
    else:
        watch.told[name] = seconds


def second_host(stack: Stack) -> Child:
    return Child(
        "the second host",
        [*stack.host_arguments[:1], "--port", "0", *stack.host_arguments[3:]],
        stack.host_environment,
        stack.folder / "rival.log",
    )


def sample(stack: Stack, watch: Watch, over: threading.Event) -> None:
    born: dict[int, float] = {}
    while not over.wait(2):
        for part, pid in dict(stack.pids).items():
            with suppress(OSError, ValueError, IndexError):
                pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
                age = monotonic() - born.setdefault(pid, monotonic())
                watch.memory.append((part, pid, age, pages * os.sysconf("SC_PAGE_SIZE")))


def held(stack: Stack) -> Iterator[bytes]:
    """Every message that the hub has, poison too."""
    bodies: list[bytes] = []
    client = EventHubConsumerClient.from_connection_string(stack.hub, consumer_group="soak", eventhub_name="calls")
    with client:
        ends = {id: client.get_partition_properties(id) for id in client.get_partition_ids()}
        left = {id for id, end in ends.items() if not end["is_empty"]}

        def take(partition: PartitionContext, events: list[EventData]) -> None:
            bodies.extend(b"".join(event.body) for event in events)  # type: ignore[arg-type]
            if events and events[-1].sequence_number == ends[partition.partition_id]["last_enqueued_sequence_number"]:
                left.discard(partition.partition_id)
                if not left:
                    client.close()

        if left:
            client.receive_batch(take, starting_position="-1", max_batch_size=1000, max_wait_time=1)
    yield from bodies


def differences(stack: Stack) -> list[str]:
    """Where counts are not those of a straight count of what the hub holds."""
    calls, poison = [], 0
    for body in held(stack):
        try:
            made = json.loads(body)
            assert made["requestId"]
            calls.append(made)
        except (ValueError, AssertionError, TypeError, KeyError):
            poison += 1
    connection = Connection("azurite", stack.storage)
    tables = Tables(connection)
    log = BatchLog(tables)
    found = counted(unpack(batch.packed) for partition in sorted(log.partitions()) for batch in log.read(partition, Tail(-1, None)))
    expected = straight(calls, Evidence(connection).hash_key())
    kept = {key[0] for key in expected}
    counts = {(*key[:-1], "") if key[0] == "callers" else key: value for key, value in found.items() if key[0] in kept}
    wrong = [f"batches: {len(set(counts.items()) ^ set(expected.items()))} counts differ"] if counts != expected else []
    by_window: Counter[Any] = Counter()
    for made in calls:
        minute = int(datetime.fromisoformat(made["time"]).timestamp()) // 60
        by_window[made["service"], made["method"], made["urlTemplate"], window_start(minute), made["status"]] += 1
    stored: Counter[Any] = Counter()
    for day in {datetime.fromisoformat(made["time"]).date() for made in calls}:
        for row in windows.read(tables, day):
            if row.endpoint.template != "*":
                for status, n in row.record.calls.items():
                    stored[row.endpoint.service, row.endpoint.method, row.endpoint.template, row.window, status] += n
    if stored != by_window:
        wrong.append(f"windows: {sum(stored.values())} calls, {sum(by_window.values())} are in the hub")
    print(f"{len(calls)} calls and {poison} messages that are none in the hub, {sum(v for k, v in stored.items())} calls in windows")
    return wrong


def growth(watch: Watch) -> list[str]:
    """Parts whose processes are larger at their end than when they were young."""
    wrong = []
    for pid in {pid for _, pid, _, _ in watch.memory}:
        ages = [(part, age, size) for part, other, age, size in watch.memory if other == pid]
        young = [size for _, age, size in ages if YOUNG <= age < 2 * YOUNG]
        if young and ages[-1][1] > 4 * YOUNG and ages[-1][2] > MOST_GROWTH * max(young):
            wrong.append(f"{ages[0][0]} grew from {max(young) >> 20} to {ages[-1][2] >> 20} MiB in {ages[-1][1]:.0f} s")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.local.soak", description=__doc__)
    parser.add_argument("--duration", type=float, default=1200, help="seconds of traffic (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=300, help="events a second (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of faults and traffic")
    arguments = parser.parse_args()
    random, watch, over = Random(arguments.seed), Watch(), threading.Event()
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        player = Player(stack, arguments.rate, Random(arguments.seed + 1))
        sampler = threading.Thread(target=sample, args=(stack, watch, over), daemon=True)
        player.start()
        sampler.start()
        faults(stack, watch, random, monotonic() + arguments.duration)
        player.over.set()
        player.join()
        stack.wait(ingested, "counting", 300)
        stack.run_now("evaluate")
        stack.wait(evaluated, "evaluating", 300)
        sleep(5)  # the last windows are written
        stack.run_now("evaluate")
        sleep(5)
        over.set()
        sampler.join()
        wrong = [*differences(stack), *watch.missed, *growth(watch)]
    print(f"sent again {player.tries} times; health told: {', '.join(f'{name} {took:.0f} s' for name, took in watch.told.items())}")
    print(f"well again after {max(watch.recovered, default=0):.0f} s at most, {PARTITIONS} partitions")
    for pid in dict.fromkeys(pid for _, pid, _, _ in watch.memory):
        ages = [(part, age, size) for part, other, age, size in watch.memory if other == pid]
        if ages[-1][1] > YOUNG:
            print(
                f"{ages[0][0]}: {ages[min(len(ages) - 1, 15)][2] >> 20} MiB after {ages[min(len(ages) - 1, 15)][1]:.0f} s, {ages[-1][2] >> 20} after {ages[-1][1]:.0f}"
            )
    for sentence in wrong:
        print(f"wrong: {sentence}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
