"""The log of the embedded Event Hubs, and its process: what was acknowledged is there after SIGKILL, a torn end is cut, old events go."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub._pyamqp._decode import decode_payload
from azure.eventhub.exceptions import EventHubError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import local.eventhubs.partition
from local.eventhubs.amqp import AmqpError
from local.eventhubs.event import Event
from local.eventhubs.hubs import Hub, Namespace
from local.eventhubs.partition import Partition
from local.eventhubs.server import EventHubs
from tests.local.eventhubs_thread import DEADLINE, poll

ROOT = Path(__file__).resolve().parents[2]
DAY = timedelta(hours=24)

# the SDK forgets to close its socket when the server is gone; `forgotten_sockets` finds those while they are still allowed
pytestmark = [
    pytest.mark.usefixtures("forgotten_sockets"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Clock:
    """Stands in for the module `time`; `now` is in ms since 1970."""

    now = 5_000_000_000

    def time_ns(self) -> int:
        return self.now * 1_000_000


def events(*contents: bytes) -> list[Event]:
    return [Event(b"\x00\x53\x75\xb0" + len(content).to_bytes(4, "big") + content) for content in contents]


def stored(partition: Partition) -> list[tuple[int, int, int, bytes]]:
    """Sequence number, offset, enqueued time and content of every event, as a receiver decodes them."""
    found: list[tuple[int, int, int, bytes]] = []
    at = partition.begin
    while True:
        at, messages = partition.read(at, 7, 1000)
        if not messages:
            return found
        for message in messages:
            received = EventData._from_message(decode_payload(memoryview(message)))
            when = received.system_properties[b"x-opt-enqueued-time"]
            found.append((received.sequence_number or 0, int(str(received.offset)), when, b"".join(received.body)))  # type: ignore[arg-type]


@contextmanager
def opened(folder: Path, *, retention: timedelta = DAY, segment_bytes: int = 1 << 20) -> Iterator[Partition]:
    partition = Partition(folder, retention, segment_bytes=segment_bytes)
    try:
        yield partition
    finally:
        partition.close()


def last_log(folder: Path) -> Path:
    return max(folder.glob("*.log"))


def test_a_torn_end_is_cut_wherever_it_tore(tmp_path: Path) -> None:
    with opened(tmp_path) as partition:
        partition.append(events(b"one", b"two"))
        before = stored(partition)
        whole = last_log(tmp_path).stat().st_size
        partition.append(events(b"torn"))
    content = last_log(tmp_path).read_bytes()
    damaged = [content[:size] for size in range(whole, len(content))]
    damaged += [content[:at] + bytes((content[at] ^ 0x10,)) + content[at + 1 :] for at in range(whole, len(content))]
    for torn in damaged:
        last_log(tmp_path).write_bytes(torn)
        with opened(tmp_path) as partition:
            assert stored(partition) == before
            assert partition.next == 2
        assert last_log(tmp_path).read_bytes() == content[:whole]
    with opened(tmp_path) as partition:
        partition.append(events(b"after"))
        assert [(number, body) for number, _, _, body in stored(partition)] == [(0, b"one"), (1, b"two"), (2, b"after")]


def test_a_segment_that_was_never_begun_is_forgotten(tmp_path: Path) -> None:
    with opened(tmp_path, segment_bytes=1) as partition:
        for content in (b"a", b"b"):
            partition.append(events(content))
    (tmp_path / f"{2:020d}.log").write_bytes(b"GWEH")
    with opened(tmp_path) as partition:
        assert partition.next == 2
        partition.append(events(b"c"))
        assert [body for *_, body in stored(partition)] == [b"a", b"b", b"c"]


@pytest.mark.parametrize("damage", ["a record", "the head", "another file"])
def test_damage_elsewhere_stops_the_start_and_nothing_is_cut(tmp_path: Path, damage: str) -> None:
    with opened(tmp_path, segment_bytes=1) as partition:
        for content in (b"a", b"b", b"c"):
            partition.append(events(content))
    first = min(tmp_path.glob("*.log"))
    damaged = bytearray(first.read_bytes())
    damaged[-1 if damage == "a record" else 0] ^= 1
    if damage == "another file":
        first = tmp_path / "notes.log"
        damaged = bytearray(b"not a segment, and long enough to look like one")
    first.write_bytes(damaged)
    with pytest.raises(ValueError, match=first.name):
        Partition(tmp_path, DAY)
    assert first.read_bytes() == damaged


@given(
    batches=st.lists(st.lists(st.binary(max_size=60), min_size=1, max_size=5), max_size=12),
    segment_bytes=st.sampled_from([1, 200, 1000, 1 << 20]),
    reopen=st.sets(st.integers(0, 11)),
)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
def test_everything_is_found_by_number_offset_and_time(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]], segment_bytes: int, reopen: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    partition = Partition(folder, DAY, segment_bytes=segment_bytes)
    for index, contents in enumerate(batches):
        partition.append(events(*contents))
        if index in reopen:
            partition.close()
            partition = Partition(folder, DAY, segment_bytes=segment_bytes)
    found = stored(partition)
    assert [body for *_, body in found] == [content for contents in batches for content in contents]
    assert [number for number, *_ in found] == list(range(len(found)))
    assert all(one[1] < two[1] and one[2] <= two[2] for one, two in pairwise(found))
    places = {place for _, offset, when, _ in found for place in (offset - 1, offset, offset + 1, when - 1, when, when + 1)} | {-1, 0}
    for place in places:
        for inclusive in (False, True):
            by_offset = [n for n, offset, _, _ in found if offset > place - inclusive]
            by_time = [n for n, _, when, _ in found if when > place - inclusive]
            assert partition.after_offset(place, inclusive) == min(by_offset, default=partition.next)
            assert partition.after_time(place, inclusive) == min(by_time, default=partition.next)
    assert partition.last_offset == (found[-1][1] if found else -1)
    partition.close()


def test_time_never_runs_backwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(local.eventhubs.partition, "time", clock)
    with opened(tmp_path, segment_bytes=1) as partition:
        partition.append(events(b"a"))
        clock.now -= 1000
        partition.append(events(b"b"))
    with opened(tmp_path, segment_bytes=1) as partition:
        partition.append(events(b"c"))
        clock.now += 3000
        partition.append(events(b"d"))
        assert [when for _, _, when, _ in stored(partition)] == [5_000_000_000] * 3 + [5_000_002_000]


def test_old_events_go_a_segment_at_a_time_and_numbers_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(local.eventhubs.partition, "time", clock)
    hour = 3_600_000
    with opened(tmp_path, retention=timedelta(hours=2), segment_bytes=1) as partition:
        for content in (b"a", b"b", b"c"):
            partition.append(events(content))
            clock.now += hour
        last_offset = partition.last_offset
        partition.expire()
        assert [body for *_, body in stored(partition)] == [b"b", b"c"]
        assert partition.begin == 1
        assert partition.read(0, 10, 10**6)[0] == 2, "a reader whose next event is gone goes on with the oldest"
        assert partition.after_offset(0, False) == 1
        clock.now += 10 * hour
        partition.expire()
        assert (partition.begin, partition.next, stored(partition)) == (3, 3, [])
        assert len(list(tmp_path.glob("*.log"))) == 1
        assert partition.last_time == 5_000_000_000 + 2 * hour
    with opened(tmp_path, retention=timedelta(hours=2), segment_bytes=1) as partition:
        assert (partition.begin, partition.next) == (3, 3)
        assert last_offset < partition.last_offset + 1, "a checkpoint at the event that went is still behind the next one"
        partition.append(events(b"d"))
        ((number, offset, _, body),) = stored(partition)
        assert (number, body) == (3, b"d")
        assert offset > last_offset
        assert partition.after_offset(last_offset, False) == 3


def test_a_full_disk_refuses_and_changes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as partition:
        partition.append(events(b"before"))
        hub = Hub("calls", 0, [partition], [[]])
        large = b"\x00\x53\x75\xb0" + (100_000).to_bytes(4, "big") + b"x" * 100_000
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (last_log(tmp_path).stat().st_size + 50_000, limits[1]))
        try:
            with pytest.raises(AmqpError, match="File too large") as refusal:
                hub.send(None, large, 0)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert refusal.value.condition == "amqp:internal-error"
        hub.send(None, b"\x00\x53\x75\xa0\x05after", 0)
        expected = stored(partition)
    with opened(tmp_path) as partition:
        assert stored(partition) == expected
        assert [body for *_, body in expected] == [b"before", b"after"]


@pytest.mark.parametrize(
    ("hubs", "problem"),
    [
        ({"a/b": 1}, "no name"),
        ({"..": 1}, "no name"),
        ({"": 1}, "no name"),
        ({"calls": 0}, "1 to 32"),
        ({"calls": 33}, "1 to 32"),
        ({"calls": 1}, "has 2"),
    ],
)
def test_hubs_that_cannot_be(tmp_path: Path, hubs: dict[str, int], problem: str) -> None:
    (tmp_path / "calls" / "0").mkdir(parents=True)
    (tmp_path / "calls" / "1").mkdir()
    with pytest.raises(ValueError, match=problem):
        Namespace().open(tmp_path, hubs, DAY)


# the process


class Process:
    """`python -m local.eventhubs`, ready."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local.eventhubs", *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        said = json.loads(self.process.stdout.readline())
        assert said["ready"] is True
        self.port: int = said["port"]
        self.connection_string: str = said["connectionString"]

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGKILL)

    def end(self, sign: int) -> int:
        if self.process.poll() is None:
            self.process.send_signal(sign)
        code = self.process.wait(DEADLINE)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        return code


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.eventhubs", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=False
    )


def test_what_was_acknowledged_survives_sigkill(tmp_path: Path) -> None:
    acknowledged: list[str] = []

    def send(server: Process, stop: threading.Event, life: int) -> None:
        client = EventHubProducerClient.from_connection_string(server.connection_string, eventhub_name="calls", retry_total=0)
        with client, contextlib.suppress(EventHubError):  # until the server is gone
            for number in range(100_000):
                if stop.is_set():
                    return
                texts = [f"{life} {number} {i}" for i in range(20)]
                client.send_batch([EventData(text + " " * 500) for text in texts], partition_id="0")
                acknowledged.extend(texts)

    for life in range(3):
        with Process("--folder", str(tmp_path), "--hub", "calls=1") as server:
            stop, count = threading.Event(), len(acknowledged)
            sender = threading.Thread(target=send, args=(server, stop, life), daemon=True)
            sender.start()
            assert poll(lambda count=count: len(acknowledged) > count + 400)  # type: ignore[misc]
            assert server.end(signal.SIGKILL) == -signal.SIGKILL
            stop.set()
            sender.join(DEADLINE)
    with opened(tmp_path / "calls" / "0", segment_bytes=64 << 20) as partition:
        found = stored(partition)
    texts = [body.decode().rstrip() for *_, body in found]
    assert [number for number, *_ in found] == list(range(len(found)))
    assert len(set(texts)) == len(texts)
    assert [text for text in texts if text in set(acknowledged)] == acknowledged, "all of it, in its order"
    assert len(texts) <= len(acknowledged) + 3 * 20, "and no more than one batch a life that was never acknowledged"


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(tmp_path: Path, sign: int) -> None:
    with (
        Process("--folder", str(tmp_path), "--hub", "calls=1", "--hub", "alerts=2", "--retention-hours", "1") as server,
        EventHubProducerClient.from_connection_string(server.connection_string, eventhub_name="alerts") as client,
    ):
        assert client.get_partition_ids() == ["0", "1"]
        assert server.end(sign) == 0  # with the client still there
    with Process("--folder", str(tmp_path), "--hub", "calls=1"):
        pass  # the folder is free again


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    parent = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'local.eventhubs', '--with-parent', *sys.argv[1:]],"
        " stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\nprint(child.pid, flush=True)\ntime.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent, "--folder", str(tmp_path), "--hub", "calls=1"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        os.kill(child, 0)
        process.kill()
    assert poll(lambda: gone(child))


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def refused(*arguments: str) -> str:
    ended = run(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"port {port} of 127.0.0.1 is taken" in refused("--folder", str(tmp_path), "--hub", "calls=1", "--port", port)


def test_a_folder_in_use_is_one_sentence(tmp_path: Path) -> None:
    with Process("--folder", str(tmp_path), "--hub", "calls=1"):
        assert "another Event Hubs server uses the folder" in refused("--folder", str(tmp_path), "--hub", "calls=1")


@pytest.mark.parametrize(("hub", "said"), [("calls=99", "1 to 32"), ("/=1", "no name for a hub")])
def test_a_hub_that_cannot_be_is_one_sentence(tmp_path: Path, hub: str, said: str) -> None:
    assert said in refused("--folder", str(tmp_path), "--hub", hub)


@pytest.mark.parametrize(
    "arguments",
    [["--hub", "calls"], ["--hub", "calls=x"], ["--hub", "calls=1", "--port", "70000"], ["--hub", "calls=1", "--retention-hours", "0"], []],
)
def test_wrong_arguments_are_refused(tmp_path: Path, arguments: Sequence[str]) -> None:
    ended = run("--folder", str(tmp_path), *arguments)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def test_nothing_is_left_open_when_it_cannot_start(tmp_path: Path) -> None:
    async def start(port: int) -> None:
        await EventHubs(tmp_path, {"calls": 4}, port=port).start()

    with socket.create_server(("127.0.0.1", 0)) as taken:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            with pytest.raises(OSError, match="in use"):
                asyncio.run(start(taken.getsockname()[1]))
        assert len(os.listdir("/proc/self/fd")) == before
