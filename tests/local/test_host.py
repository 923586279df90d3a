"""The functions host runs an unmodified app as Azure would: a real hub over AMQP, a real Azurite, real processes and signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient

from local.azurite import ROOT, Azurite

APP = ROOT / "tests" / "local" / "sample_app"
PARTITIONS = 2


def poll(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return value


def lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@dataclass
class Running:
    process: subprocess.Popen[str]
    ready: dict[str, Any]
    notes: Path
    log: Path

    def noted(self, kind: str) -> list[dict[str, Any]]:
        file = self.notes / f"{kind}.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def http(
        self, path: str, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ready['port']}{path}", data=body, method=method, headers=dict(headers or {})
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, lower(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, lower(error.headers), error.read()

    def end(self, sign: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(sign)
        return self.process.wait(30)


@dataclass
class Stack:
    """What outlives a host: the hubs, the storage, the notes."""

    hub: str
    out: str
    hubs: str  # connection string
    storage: str  # connection string
    notes: Path
    producer: EventHubProducerClient

    @contextmanager
    def host(self, **environment: str) -> Iterator[Running]:
        log = self.notes / f"host-{len(list(self.notes.glob('host-*')))}.log"
        settings = {
            "SampleHubConnection": self.hubs,
            "AzureWebJobsStorage": self.storage,
            "SAMPLE_HUB": self.hub,
            "SAMPLE_GROUP": "$Default",
            "SAMPLE_OUT": self.out,
            "SAMPLE_NOTES": str(self.notes),
            "SAMPLE_NIGHTLY": "0 0 0 1 1 *",
            **environment,
        }
        with log.open("w") as stderr:
            process = start_host(settings, stderr=stderr)
        with process:
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                assert line, log.read_text()
                yield Running(process, json.loads(line), self.notes, log)
            finally:
                process.kill()

    def send(self, bodies: list[bytes | EventData], partition: str = "0") -> None:
        batch = self.producer.create_batch(partition_id=partition)
        for body in bodies:
            batch.add(body if isinstance(body, EventData) else EventData(body))
        self.producer.send_batch(batch)


def start_host(settings: Mapping[str, str], *arguments: str, app: Path = APP, stderr: Any = subprocess.PIPE) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("Azure", "SAMPLE", "Sample"))}
    return subprocess.Popen(
        [sys.executable, "-m", "local.host", "--app-root", str(app), "--port", "0", "--with-parent", *arguments],
        cwd=ROOT,
        env={**clean, **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


HUBS = [f"{use}{n}" for use in ("in", "out") for n in range(16)]


@pytest.fixture(scope="module")
def event_hubs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Connection string of a namespace with the hubs in0, in1 ... and out0, out1 ...; each test takes its own pair."""
    command = [sys.executable, "-m", "local.eventhubs", "--folder", str(tmp_path_factory.mktemp("hubs")), "--with-parent"]
    for hub in HUBS:
        command += ["--hub", f"{hub}={PARTITIONS}"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["connectionString"]
    finally:
        process.terminate()
        process.communicate(timeout=30)


_taken = iter(range(16))


@contextmanager
def new_stack(event_hubs: str, azurite: Azurite, notes: Path) -> Iterator[Stack]:
    number = next(_taken)
    with EventHubProducerClient.from_connection_string(event_hubs, eventhub_name=f"in{number}") as producer:
        yield Stack(f"in{number}", f"out{number}", event_hubs, azurite.connection_string, notes, producer)


@pytest.fixture
def stack(event_hubs: str, azurite: Azurite, tmp_path: Path) -> Iterator[Stack]:
    with new_stack(event_hubs, azurite, tmp_path) as fresh:
        yield fresh


@pytest.fixture(scope="module")
def web(event_hubs: str, azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One host for the tests that only ask it something over HTTP."""
    with new_stack(event_hubs, azurite, tmp_path_factory.mktemp("web")) as fresh, fresh.host() as running:
        yield running


def numbers(calls: list[dict[str, Any]], partition: str) -> list[int]:
    return [number for call in calls if call["partition"] == partition for number in call["numbers"]]


def test_events_arrive_as_azure_hands_them_over(stack: Stack) -> None:
    with_properties = EventData(b"{}")
    with_properties.properties = {"source": "gateway", b"bytes": b"\xff", "n": 7}
    stack.send([with_properties, b"", b"\xff\x00\xfe", *[b"%d" % i for i in range(150)]], "0")
    stack.send([b"other"], "1")
    with stack.host() as host:
        assert host.ready["functions"] == sorted(
            [
                "ingest",
                "tick",
                "nightly",
                "yearly",
                "echo",
                "text",
                "nothing",
                "a_dict",
                "fails",
                "keyed",
                "admin_only",
                "quiet",
                "send",
                "send_list",
            ]
        )
        poll(lambda: len(numbers(host.noted("done"), "0")) == 153 and numbers(host.noted("done"), "1"))
        calls = host.noted("ingest")
        zero = [call for call in calls if call["partition"] == "0"]
        assert numbers(calls, "0") == list(range(153))
        assert [body for call in zero for body in call["bodies"]][:4] == ["7b7d", "", "ff00fe", "30"]
        assert max(len(call["numbers"]) for call in zero) <= 50
        call = zero[0]
        assert (call["name"], call["retry"], call["of"], call["offset"]) == ("ingest", 0, 2, "int")
        assert Path(call["directory"]) == APP
        assert call["thread"].startswith("function")
        assert call["properties"] == {"source": "gateway", "bytes": "\ufffd", "n": 7}
        assert len({call["invocation"] for call in calls}) == len(calls)
        assert -5 < call["age"] < 600
        assert host.end() == 0
        assert "ERROR" not in host.log.read_text()
    with stack.host() as host:  # the checkpoint: nothing comes twice after an orderly stop
        stack.send([b"next"], "0")
        poll(lambda: 153 in numbers(host.noted("done"), "0"))
        assert numbers(host.noted("ingest"), "0") == list(range(154))


def test_partition_keys(stack: Stack) -> None:
    batch = stack.producer.create_batch(partition_key="käy")
    batch.add(EventData(b"keyed"))
    stack.producer.send_batch(batch)
    with stack.host() as host:
        poll(lambda: host.noted("done"))
        assert [call["keys"] for call in host.noted("ingest")] == [["käy"]]


def test_retries_then_goes_on(stack: Stack) -> None:
    stack.send([b"fail once"], "0")
    stack.send([b"fail always"], "1")
    with stack.host() as host:
        poll(lambda: len([call for call in host.noted("ingest") if call["partition"] == "1"]) >= 3)
        poll(lambda: any(call["partition"] == "0" for call in host.noted("ingest")))  # else both events may come as one batch
        stack.send([b"after"], "0")
        stack.send([b"after"], "1")
        poll(lambda: 1 in numbers(host.noted("done"), "0") and 1 in numbers(host.noted("done"), "1"))
        calls = host.noted("ingest")
        assert [(c["numbers"], c["retry"]) for c in calls if c["partition"] == "0"] == [([0], 0), ([0], 1), ([1], 0)]
        assert [(c["numbers"], c["retry"]) for c in calls if c["partition"] == "1"] == [([0], 0), ([0], 1), ([0], 2), ([1], 0)]
        log = host.log.read_text()
    failed = [line for line in log.splitlines() if "Executed ingest (Failed" in line]
    assert len(failed) == 4
    assert all("ValueError in ingest (function_app.py:" in line for line in failed)
    assert "secret" not in log


def test_killed_in_the_middle_it_goes_on_from_the_checkpoint(stack: Stack) -> None:
    for round_ in range(3):
        for partition in ("0", "1"):
            stack.send([b"%d" % i for i in range(400)], partition)
        with stack.host() as host:
            poll(lambda: len(set(numbers(host.noted("done"), "0"))) >= 400 * round_ + 100)  # noqa: B023
            host.end(signal.SIGKILL)
    with stack.host() as host:
        stack.send([b"last"], "0")
        stack.send([b"last"], "1")
        poll(lambda: 1200 in numbers(host.noted("done"), "0") and 1200 in numbers(host.noted("done"), "1"))
        calls = host.noted("done")
    for partition in ("0", "1"):
        assert set(numbers(calls, partition)) == set(range(1201)), "an event was lost"


def test_an_orderly_stop_waits_for_the_running_batch_and_does_not_count_it(stack: Stack) -> None:
    stack.send([b"sleep 1.5"], "0")
    with stack.host() as host:
        poll(lambda: host.noted("sleep"))
        stack.send([b"not started"], "0")
        assert host.end(signal.SIGINT) == 0
        assert host.noted("sleep") == [{"begin": "sleep 1.5"}, {"end": "sleep 1.5"}]
        assert numbers(host.noted("ingest"), "0") == [0]
    with stack.host() as host:  # no checkpoint was written while stopping
        poll(lambda: 1 in numbers(host.noted("done"), "0"))
        assert numbers(host.noted("ingest"), "0")[:2] == [0, 0]


def test_it_goes_on_when_the_hub_was_away(azurite: Azurite, tmp_path: Path) -> None:
    folder = tmp_path / "hubs"
    command = [sys.executable, "-m", "local.eventhubs", "--folder", str(folder), "--hub", "in=1", "--hub", "out=1", "--with-parent"]

    def start_hubs(port: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        process = subprocess.Popen([*command, "--port", port], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    def send(connection: str, body: bytes) -> None:
        with EventHubProducerClient.from_connection_string(connection, eventhub_name="in") as producer:
            producer.send_batch([EventData(body)])

    hubs, ready = start_hubs("0")
    connection = ready["connectionString"]
    with hubs, EventHubProducerClient.from_connection_string(connection, eventhub_name="in") as unused:
        stack = Stack("in", "out", connection, azurite.connection_string, tmp_path, unused)
        with stack.host() as host:
            send(connection, b"before")
            poll(lambda: numbers(host.noted("done"), "0") == [0])
            hubs.kill()
            hubs.wait()
            again, _ = start_hubs(str(ready["port"]))
            with again:
                send(connection, b"after")
                poll(lambda: numbers(host.noted("done"), "0") == [0, 1])
                assert host.end() == 0
                again.kill()


def test_partitions_work_at_the_same_time(stack: Stack) -> None:
    stack.send([b"sleep 1.01"], "0")
    stack.send([b"sleep 1.02"], "1")
    with stack.host() as host:
        poll(lambda: len(host.noted("sleep")) == 4)
        assert ["begin" in line for line in host.noted("sleep")] == [True, True, False, False]


def test_a_minimum_batch_waits_for_more_but_not_for_ever(stack: Stack) -> None:
    stack.send([b"%d" % i for i in range(10)], "0")
    options = "AzureFunctionsJobHost__extensions__eventHubs__"
    with stack.host(**{options + "minEventBatchSize": "40", options + "maxWaitTime": "00:00:02"}) as host:
        poll(lambda: numbers(host.noted("done"), "0") == list(range(10)))  # after maxWaitTime
        for start in range(10, 50, 10):
            stack.send([b"%d" % i for i in range(start, start + 10)], "0")
        poll(lambda: len(numbers(host.noted("done"), "0")) == 50)
        assert numbers(host.noted("ingest"), "0") == list(range(50))
        assert len(host.noted("ingest")) <= 4


def test_a_start_at_the_end(stack: Stack) -> None:
    stack.send([b"old"], "0")
    with stack.host(AzureFunctionsJobHost__extensions__eventHubs__initialOffsetOptions__type="fromEnd") as host:
        deadline = time.monotonic() + 60
        while not host.noted("done"):  # "the end" is where the receiver attaches, which no one can see: send until one arrives
            assert time.monotonic() < deadline
            stack.send([b"new"], "0")
            time.sleep(0.3)
        assert 0 not in numbers(host.noted("ingest"), "0")


def test_timers_fire_and_never_overlap(stack: Stack) -> None:
    with stack.host(SAMPLE_TICK="1.2") as host:
        poll(lambda: len(host.noted("tick")) >= 3)
        ticks = host.noted("tick")
        assert all(tick["alone"] and not tick["past_due"] and tick["status"] == {} for tick in ticks)
        assert ticks[1]["at"] - ticks[0]["at"] >= 1.2
        master = {"x-functions-key": host.ready["keys"]["master"]}
        assert host.http("/admin/functions/nightly", "POST", b"{}")[0] == 401
        assert host.http("/admin/functions/nightly", "POST", b"{}", {"x-functions-key": host.ready["keys"]["default"]})[0] == 401
        assert host.http("/admin/functions/Nightly", "POST", b"{}", master)[0] == 202
        assert host.http("/admin/functions/nightly", "GET", None, master)[0] == 405
        assert host.http("/admin/functions/nobody", "POST", b"{}", master)[0] == 404
        poll(lambda: host.noted("nightly"))
        assert host.noted("nightly") == [{"past_due": False, "status": {}}]
        assert host.http("/admin/functions/yearly", "POST", b"{}", master)[0] == 202
        assert received(stack, 1) == [b"a year has gone"]
        assert host.end() == 0


def test_a_run_that_was_missed_while_the_host_was_down_is_past_due(stack: Stack) -> None:
    from azure.storage.blob import BlobServiceClient

    state = {"Last": "2026-11-22T00:00:00+00:00", "Next": "2026-11-23T00:00:00+00:00", "LastUpdated": "2026-11-22T00:00:01+00:00"}
    with BlobServiceClient.from_connection_string(stack.storage) as blobs:
        container = blobs.get_container_client("azure-webjobs-hosts")
        if not container.exists():
            container.create_container()
        blob = container.get_blob_client("timers/local/Host.Functions.nightly/status")
        blob.upload_blob(json.dumps({**state, "Next": "2020-01-01T00:00:00+00:00"}), overwrite=True)
        try:
            with stack.host() as host:
                poll(lambda: host.noted("nightly"))
                assert host.noted("nightly") == [{"past_due": True, "status": {**state, "Next": "2020-01-01T00:00:00+00:00"}}]
                poll(lambda: json.loads(blob.download_blob().readall())["Next"][5:19] == "01-01T00:00:00" and True)
                assert host.end() == 0
        finally:
            blob.delete_blob()


def received(stack: Stack, count: int) -> list[bytes]:
    """The first events of the hub that the outputs go to."""
    bodies: list[bytes] = []
    with EventHubConsumerClient.from_connection_string(stack.hubs, "$Default", eventhub_name=stack.out) as consumer:

        def take(_: Any, events: list[EventData]) -> None:
            bodies.extend(b"".join(event.body) for event in events)  # type: ignore[arg-type]
            if len(bodies) >= count:
                consumer.close()

        consumer.receive_batch(take, starting_position="-1", max_wait_time=1)
    return bodies


def test_outputs_become_events(stack: Stack) -> None:
    with stack.host() as host:
        assert host.http("/api/send", "POST", "one ü".encode())[:1] == (200,)
        assert host.http("/api/send", "POST", b'[{"a": 1}, "b"]')[2] == b"sent"
        assert host.http("/api/send-list", "POST", b'["c", "d"]')[2] == b"sent"
    assert sorted(received(stack, 5)) == sorted(["one ü".encode(), b'{"a": 1}', b"b", b"c", b"d"])


def test_requests_and_responses(web: Running) -> None:
    status, headers, body = web.http("/api/ECHO/42/a/b?x=1&x=2&empty=&y=%20z", "POST", b"\x00\xff", {"X-THING": "th"})
    assert (status, headers["x-answer"], headers["content-type"]) == (203, "yes", "application/json")
    answer = json.loads(body)
    assert answer["method"] == "POST"
    assert answer["route"] == {"id": "42", "rest": "a/b"}
    assert answer["params"] == {"x": "1,2", "y": " z"}
    assert (answer["header"], answer["body"]) == ("th", "00ff")
    assert "x-thing" in answer["names"]


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:7071", 200), ("localhost", 200), ("LOCALHOST:7071", 200), ("evil.example", 403), ("127.0.0.1.evil.example:7071", 403)],
)
def test_a_foreign_name_that_leads_here_is_refused(web: Running, host: str, status: int) -> None:
    for path in ("/api/text", "/admin/functions/tick") if status == 403 else ("/api/text",):
        assert web.http(path, headers={"Host": host})[0] == status


def test_nobody_says_himself_who_he_is(web: Running) -> None:
    """This host runs without a stand-in for sign-in: whatever the module would set is taken from the request."""
    forged = {"X-MS-CLIENT-PRINCIPAL": "e30=", "x-ms-client-principal-name": "alice@contoso.com", "x-ms-client-principal-id": "1"}
    names = json.loads(web.http("/api/echo/42", headers=forged)[2])["names"]
    assert not [name for name in names if name.startswith("x-ms-client")]


def test_text_is_text(web: Running) -> None:
    status, headers, body = web.http("/api/text")
    assert (status, headers["content-type"], body) == (200, "text/plain; charset=utf-8", "text and Ünicode".encode())


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/api/nothing", "GET", 500),
        ("/api/dict", "GET", 500),
        ("/api/fails?secret=s3cr3t", "GET", 500),
        ("/api/echo/x", "GET", 404),
        ("/api/echo/7", "GET", 203),
        ("/api/echo/7", "DELETE", 405),
        ("/api", "GET", 404),
        ("/text", "GET", 404),
        ("/", "GET", 404),
        ("/api/keyed", "GET", 401),
        ("/api/keyed?code=wrong", "GET", 401),
        ("/api/admin-only?code={default}", "GET", 401),
        ("/api/keyed?code={default}", "GET", 200),
        ("/api/keyed?code={master}", "GET", 200),
        ("/api/admin-only?code={master}", "GET", 200),
    ],
)
def test_status(web: Running, path: str, method: str, status: int) -> None:
    assert web.http(path.format(**web.ready["keys"]), method)[0] == status
    if "secret" in path:
        assert "KeyError in fails (function_app.py:" in web.log.read_text()
        assert "s3cr3t" not in web.log.read_text()


def test_log_levels_of_host_json(web: Running) -> None:
    assert web.http("/api/quiet")[2] == b"quiet"
    assert "an error that host.json lets through" in web.log.read_text()
    assert "a warning that host.json silences" not in web.log.read_text()


def test_keys_are_kept_in_a_file(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "function_app.py").write_text(
        'import azure.functions as func\napp = func.FunctionApp()\n@app.route("x")\ndef x(req: func.HttpRequest) -> str:\n    return "x"\n'
    )
    keys = []
    for _ in range(2):
        process = start_host({}, "--keys", str(tmp_path / "keys" / "keys.json"), app=app)
        assert process.stdout is not None
        keys.append(json.loads(process.stdout.readline())["keys"])
        process.terminate()
        process.communicate(timeout=30)
    assert keys[0] == keys[1] == json.loads((tmp_path / "keys" / "keys.json").read_text())
    assert (tmp_path / "keys" / "keys.json").stat().st_mode & 0o77 == 0


def test_it_stops_when_its_parent_is_gone(stack: Stack) -> None:
    with stack.host() as host:
        assert host.process.stdin is not None
        host.process.stdin.close()  # what the system does when a parent dies
        assert host.process.wait(30) == 0


HEAD = "from typing import List\nimport azure.functions as func\napp = func.FunctionApp()\n"
HUB = 'arg_name="events", event_hub_name="calls", connection="Hub", cardinality="many", data_type="binary"'


@pytest.mark.parametrize(
    ("code", "settings", "says"),
    [
        (None, {}, r"error: There is no function_app.py in"),
        ("import nobody_has_this", {}, "error: function_app.py cannot be imported (ModuleNotFoundError); in Azure, no function would be there."),
        (HEAD + f"@app.event_hub_message_trigger({HUB})\ndef f(events: list[int]): ...", {}, "cannot load the f function: binding events has"),
        (HEAD + f"@app.event_hub_message_trigger({HUB})\ndef f(events): ...", {}, "error: The eventHubTrigger binding of function f needs the setting Hub:"),
        (HEAD + f"@app.event_hub_message_trigger({HUB})\ndef f(events): ...", {"Hub": "x"}, "error: Function f needs the setting AzureWebJobsStorage"),
        (HEAD + '@app.event_hub_message_trigger(arg_name="e", event_hub_name="%H%", connection="C", cardinality="many", data_type="binary")\ndef f(e): ...', {}, "needs the setting H, which is not set."),
        (HEAD + '@app.event_hub_message_trigger(arg_name="e", event_hub_name="h", connection="C")\ndef f(e): ...', {}, "must have cardinality MANY and data_type BINARY"),
        (HEAD + '@app.timer_trigger(arg_name="t", schedule="every day")\ndef f(t): ...', {"AzureWebJobsStorage": "x"}, "error: The schedule of function f must be an NCRONTAB expression"),
        (HEAD + '@app.route("{id:regex}")\ndef f(req): ...', {}, "error: The route of function f has the constraint 'regex'"),
        (HEAD + '@app.queue_trigger(arg_name="m", queue_name="q", connection="C")\ndef f(m: func.QueueMessage): ...', {}, "is of a kind that this host does not run"),
    ],
)  # fmt: skip
def test_why_it_does_not_start(code: str | None, settings: dict[str, str], says: str, tmp_path: Path) -> None:
    if code is not None:
        (tmp_path / "function_app.py").write_text(code)
    process = start_host(settings, app=tmp_path)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert says in stderr
    if code != "import nobody_has_this":
        assert "Traceback" not in stderr


def test_a_taken_port(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(HEAD + '@app.route("x")\ndef f(req) -> str:\n    return ""\n')
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = start_host({}, "--port", str(port), app=tmp_path)
        _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (
        1,
        f"error: Port {port} is taken: stop the program that uses it, or choose another with --port.\n",
    )


def test_no_hub_there(azurite: Azurite, tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(HEAD + f"@app.event_hub_message_trigger({HUB})\ndef f(events): ...\n")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    nobody = f"Endpoint=sb://localhost:{port};SharedAccessKeyName=n;SharedAccessKey=n;UseDevelopmentEmulator=true;"
    process = start_host({"Hub": nobody, "AzureWebJobsStorage": azurite.connection_string}, app=tmp_path)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "error: Function f cannot reach the Event Hub calls (" in stderr
    assert "Traceback" not in stderr


def test_local_settings_json(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(
        HEAD + 'import os\n@app.route("x", auth_level="anonymous")\ndef f(req) -> str:\n    return os.environ["A"] + os.environ["B"]\n'
    )
    (tmp_path / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": {"A": "file", "B": "file"}}))
    process = start_host({"A": "environment-"}, app=tmp_path)
    assert process.stdout is not None
    running = Running(process, json.loads(process.stdout.readline()), tmp_path, tmp_path)
    assert running.http("/api/x")[2] == b"environment-file"
    assert running.end() == 0
    process.communicate()
