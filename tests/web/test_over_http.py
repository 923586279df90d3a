"""Export, erasure and the privacy page as whoever holds the key uses them: over HTTP, of the app that runs."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.tombstones import SETTLED
from local import traffic
from local.azurite import ROOT
from local.play import Sender
from local.stack import Stack
from tests.adapters.world import dump, where_found

pytestmark = pytest.mark.xdist_group("stack")
VICTIM, OTHER = "203.0.113.177", "198.51.100.133"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """It has seen two people, calls and broken messages."""
    now = datetime.now(UTC) - timedelta(minutes=1)
    events = list(traffic.attack("spike", now))
    for number, event in enumerate(events):
        event["clientIp"] = (VICTIM, OTHER)[number % 2]
    with Stack(tmp_path / "run") as running:
        with Sender(running.hub) as sender:
            sender.send([traffic.encode(event) for event in events])
            sender.send([f'{{"broken": "{ip}"'.encode() for ip in (VICTIM, OTHER)])
        running.wait_evaluated()
        yield running


def ask(stack: Stack, method: str, path: str, body: bytes | None = None, key: str | None = None) -> tuple[int, str]:
    headers = {} if key == "" else {"x-functions-key": stack.keys["master"] if key is None else key}
    request = urllib.request.Request(stack.url + path, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def subject(ip: str) -> bytes:
    return json.dumps({"subject": {"ip": ip}}).encode()


WITH_KEY = (("POST", "/api/dsr/export"), ("POST", "/api/dsr/delete"), ("GET", "/api/dsr/" + "0" * 32), ("GET", "/api/privacy"))
BAD = (
    (b"", 400),
    (b"x", 400),
    (b'{"subject": {"ip": "api.contoso.com"}}', 400),
    (b'{"subject": {"ip": "203.0.113.0/24"}}', 400),
    (b'{"subject": {"ip": "203.0.113.177", "userId": "1"}}', 400),
    (b'{"subject": {"key": "1"}}', 400),
    (b" " * (1 << 20), 413),
    (b"\xff" * 100, 400),
)


def test_only_the_master_key_and_a_good_request_export_and_erase_one_person(stack: Stack) -> None:
    for method, path in WITH_KEY:
        for key in ("", "wrong", stack.keys["default"]):
            assert ask(stack, method, path, subject(VICTIM) if method == "POST" else None, key) == (401, "")
    for body, status in BAD:
        for path in ("/api/dsr/export", "/api/dsr/delete"):
            code, text = ask(stack, "POST", path, body)
            assert code == status
            assert set(json.loads(text)) == {"error"}
            assert VICTIM not in text
    code, text = ask(stack, "POST", "/api/dsr/export", subject("::ffff:" + VICTIM))
    assert code == 200
    content: dict[str, Any] = json.loads(text)
    assert {item["place"] for item in content["items"]} >= {"batches", "quarantine"}
    assert OTHER not in text
    code, text = ask(stack, "POST", "/api/dsr/delete", subject(VICTIM))
    assert code == 202
    request: dict[str, Any] = json.loads(text)
    assert request["stage"] == "settling"
    assert datetime.fromisoformat(request["searchedAgainFrom"]) == datetime.fromisoformat(request["asked"]) + SETTLED
    code, again = ask(stack, "GET", request["status"])
    assert (code, json.loads(again)["erased"]) == (200, request["erased"])
    left = where_found(dump(stack.storage), [VICTIM, OTHER])
    assert {text for text, _ in left} == {OTHER}
    # new calls from elsewhere are evaluated by an app that remembers the person
    with Sender(stack.hub) as sender:
        sender.send([traffic.encode(event) for event in traffic.attack("flood", datetime.now(UTC))][:50])
    stack.wait_evaluated()
    assert not where_found(dump(stack.storage), [VICTIM])
    code, text = ask(stack, "GET", "/api/privacy")
    assert code == 200
    assert not where_found([("page", text.encode())], [VICTIM, OTHER])
    tool = subprocess.run(
        [sys.executable, "-m", "tools.privacy", "report", "--folder", str(stack.folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert tool.returncode == 0, tool.stdout + tool.stderr
    assert "Promises at" in tool.stdout
    for log in Path(stack.folder).glob("*.log"):
        assert not where_found([(log.name, log.read_bytes())], [VICTIM, OTHER])
