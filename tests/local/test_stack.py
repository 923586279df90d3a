"""The whole stack as a user runs it: an attack becomes an alert, a killed host loses nothing, Ctrl-C leaves nothing behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest

from adapters.batches import BatchLog, Tail
from adapters.evidence import Evidence
from adapters.tables import Tables
from local import traffic
from local.play import Sender, groups
from local.stack import Stack, evaluated, ingested
from settings import Connection
from tests.counting import counted, straight
from windows.tally import unpack

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path / "run") as running:
        yield running


def test_a_host_killed_in_the_middle_of_traffic_loses_and_doubles_nothing(stack: Stack) -> None:
    end = datetime.now(UTC)
    events = list(traffic.history(end, 2, seed=3))
    messages = [traffic.encode(event) for event in events]

    def play() -> None:
        with Sender(stack.hub) as sender:
            for group in groups(messages, 100):
                sender.send(group)
                sleep(0.02)

    player = threading.Thread(target=play)
    player.start()
    stack.wait(lambda health: any(partition["counted"] >= 0 for partition in health["partitions"]), "the first batch")
    for _ in range(2):
        sleep(0.5)
        stack.kill_host()
        stack.start_host()
    player.join()
    stack.wait(ingested, "counting")
    connection = Connection("azurite", stack.storage)
    tables = Tables(connection)
    log = BatchLog(tables)
    batches = [batch for partition in sorted(log.partitions()) for batch in log.read(partition, Tail(-1, None))]
    found = counted(unpack(batch.packed) for batch in batches)
    expected = straight(events, Evidence(connection).hash_key())
    tables_counted = {key[0] for key in expected}  # the others come of looking into some calls, or of where addresses are registered
    counts = {(*key[:-1], "") if key[0] == "callers" else key: value for key, value in found.items() if key[0] in tables_counted}
    assert counts == expected
    assert {key[3] for key in found if key[0] == "sensitive"} >= {"email"}  # in the answers of orders
    stack.run_now("evaluate")
    stack.wait(evaluated, "evaluating")


def test_health_alerts_and_their_errors(stack: Stack) -> None:
    status, health = stack.get("/api/health")
    assert status in (200, 503)
    assert health["version"]
    assert stack.get("/api/alerts") == (200, {"value": [], "next": None})
    for query in ("limit=0", "limit=201", "limit=x", "cursor=x"):
        status, body = stack.get(f"/api/alerts?{query}")
        assert status == 400
        assert query.split("=")[0] in body["error"]
    stack.wait(lambda health: health["status"] == "healthy", "the first evaluation", 60)


def test_make_run_shows_an_attack_as_an_alert_and_ctrl_c_ends_everything(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-u", "-m", "local.run", "--days", "8", "--port", "0", "--folder", str(folder)]
    environment = {**os.environ, "COLUMNS": "160"}
    run = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert run.stdout is not None
    said = ""
    watchdog = threading.Timer(300, run.kill)
    watchdog.start()
    try:
        for line in run.stdout:
            said += line
            if "first alert" in line:
                break
        assert "Suspicious population-level spike in API traffic to an API endpoint" in said, said
        for fact in ("mean", "standard deviation", "PUT /v1/orders/{id}"):
            assert fact in said
        run.send_signal(signal.SIGINT)
        said += run.stdout.read()
        assert run.wait(60) == 0, said
    finally:
        watchdog.cancel()
        run.kill()
        run.stdout.close()
        run.wait()
    assert "stopped; nothing is left running" in said
    deadline = monotonic() + 20
    while left := processes(str(folder)):
        assert monotonic() < deadline, left
        sleep(0.2)


def processes(mark: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in command and str(os.getpid()) != path.parent.name:
            found.append(command)
    return found


def test_a_taken_port_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "local.run", "--port", str(port), "--folder", str(tmp_path / "run")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert re.fullmatch(rf"error: .*{port}.*\.\n", done.stderr)
    assert processes(str(tmp_path)) == []


def test_a_wrong_setting_is_one_clear_sentence() -> None:
    environment = {**os.environ, "EventHubConnection": "nonsense", "StateStorage": "UseDevelopmentStorage=true"}
    command = [sys.executable, "-m", "local.host", "--settings", "none.json", "--port", "0"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"error: Setting EventHubConnection is malformed: it must be .*, for example .*\.\n", done.stderr)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--attack", "spike", "--folder", "nowhere"], "no stack runs in nowhere"),
        (
            ["missing.jsonl", "--connection", "Endpoint=sb://localhost:1;SharedAccessKeyName=a;SharedAccessKey=b"],
            "missing.jsonl cannot be read",
        ),
    ],
)
def test_play_says_what_is_missing(arguments: list[str], sentence: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local.play", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert sentence in done.stderr


def test_made_up_traffic_is_seasonal_repeatable_and_of_the_contract() -> None:
    end = datetime(2026, 11, 24, tzinfo=UTC)
    events = list(traffic.history(end, 7))
    assert json.dumps(events) == json.dumps(list(traffic.history(end, 7)))
    assert abs(len(events) / 7 / traffic.CALLS_PER_DAY - 1) < 0.1
    by_hour = [sum(datetime.fromisoformat(event["time"]).hour == hour for event in events) for hour in range(24)]
    assert max(by_hour) > 2 * min(by_hour)
    assert all(event["time"] <= (end + timedelta(minutes=10)).isoformat() for event in events)
