"""The privacy tools: the report of a running app and its errors, the page of the policy, and a measurement that finds what it looks for."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from adapters.batches import BatchLog
from adapters.data_subjects import Places
from adapters.evidence import Evidence
from adapters.tables import Tables
from local.azurite import Azurite
from retention.policy import DAY, POLICY, promises
from settings import Connection, read
from tests.adapters.world import START, World, empty
from tests.test_settings import LOCAL
from tools import privacy
from tools.document_privacy import TARGET, document, measured
from web.privacy import page

KEY = "the-master-key"


@contextmanager
def app(answer: bytes) -> Iterator[str]:
    """GET /api/privacy over a real socket, behind a key."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/api/privacy" or self.headers["x-functions-key"] != KEY:
                self.send_error(401)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: Any) -> None:
            del format, arguments

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "220")
    monkeypatch.setenv("GATEWATCH_MASTER_KEY", KEY)


@pytest.fixture
def world(azurite: Azurite) -> World:
    connection = Connection("azurite", azurite.connection_string)
    empty(connection)
    return World(connection)


def test_a_report_says_how_every_promise_stands(world: World, wide: None, capsys: pytest.CaptureFixture[str]) -> None:
    world.play([world.call("203.0.113.177", userAgent="sqlmap/1.5"), b"null"])
    world.evaluate()
    settings = read(LOCAL | {"LEGAL_HOLD": "2027-06-30 proceedings"})
    with app(json.dumps(page(settings, world.tables, world.evidence, world.now)).encode()) as url:
        assert privacy.main(["report", "--url", url]) == 0
    said = capsys.readouterr().out
    for place in POLICY:
        assert (f"{place.kind} {place.name}" in said) == place.personal
    assert "No purge has run yet." in said
    assert "Legal hold until 2027-06-30: proceedings" in said
    world.now += 3 * DAY
    world.run_purge()
    with app(json.dumps(page(settings, world.tables, world.evidence, world.now)).encode()) as url:
        assert privacy.main(["report", "--url", url]) == 1
    said = capsys.readouterr().out
    assert "Last purge 2026-11-04T00:00: 2 removed, 2 of them late" in said
    assert "PROBLEM: a promise about personal data was broken" in said
    assert "203.0.113.177" not in said


def test_a_report_that_cannot_be_had_is_one_sentence(
    wide: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert privacy.main(["report", "--folder", str(tmp_path)]) == 1
    assert "start one with `make run`" in capsys.readouterr().err
    assert privacy.main(["report", "--url", "http://127.0.0.1:9"]) == 1
    assert "cannot be reached" in capsys.readouterr().out
    with app(b"not json") as url:
        assert privacy.main(["report", "--url", url]) == 1
        assert "cannot be reached (JSONDecodeError)" in capsys.readouterr().out
        monkeypatch.setenv("GATEWATCH_MASTER_KEY", "wrong")
        assert privacy.main(["report", "--url", url]) == 1
        assert "answers 401: give its master key" in capsys.readouterr().out


def test_a_running_stack_is_found_by_its_folder(world: World, wide: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with app(json.dumps(page(read(LOCAL), world.tables, world.evidence, START)).encode()) as url:
        (tmp_path / "stack.json").write_text(json.dumps({"url": url, "keys": {"master": KEY}}))
        assert privacy.main(["report", "--folder", str(tmp_path)]) == 0
    assert "Promises at 2026-11-01T00:00 UTC" in capsys.readouterr().out


def test_the_page_is_current_and_names_every_place() -> None:
    text = TARGET.read_text("utf-8")
    assert text == document(measured())
    for place in POLICY:
        assert f"| {place.kind} `{place.name}` |" in text


def test_what_is_measured_is_what_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy, "CALLS_PER_DAY", 20_000)
    monkeypatch.setattr(privacy, "ADDRESSES", 640)
    monkeypatch.setattr(privacy, "WINDOWS", 10)
    monkeypatch.setattr(privacy, "SAMPLE_BATCHES", 3)
    found = privacy.measure_ledger(world.tables, b"m" * 32)
    assert found["rowsRewritten"] == found["entriesFound"] / 2 >= 60
    places = Places(Tables(world.connection), BatchLog(world.tables), Evidence(world.connection), b"m" * 32, promises())
    assert privacy.measure_batches(world.tables, places, b"m" * 32)["batchSearchMilliseconds"] > 0
