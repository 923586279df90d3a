"""An analyst's program against the app that runs: read, change, suppress, over HTTP."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local import traffic
from local.play import Sender
from local.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")


def ask(stack: Stack, method: str, path: str, body: object = None, **headers: str) -> tuple[int, dict[str, Any], str]:
    given = {"x-functions-key": stack.keys["default"], **{name.replace("_", "-"): value for name, value in headers.items()}}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(stack.url + path, content, given, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer), answer.headers.get("ETag", "")
    except urllib.error.HTTPError as error:
        with error:
            text = error.read()
            return error.code, json.loads(text) if text else {}, error.headers.get("ETag", "")


def test_an_alert_is_read_changed_and_suppressed_and_incidents_are_listed(tmp_path: Path) -> None:
    with Stack(tmp_path / "run") as stack:
        with Sender(stack.hub) as sender:
            sender.send([traffic.encode(event) for event in traffic.attack("agent", datetime.now(UTC) - timedelta(seconds=1))])
        stack.wait_evaluated()
        status, listed, _ = ask(stack, "GET", "/api/alerts")
        assert status == 200
        (alert,) = [incident for incident in listed["value"] if incident["properties"]["alertType"] == "API_AccessFromSuspiciousUserAgent"]
        path = f"/api/alerts/{alert['name']}"
        status, shown, etag = ask(stack, "GET", path)
        assert (status, shown["etag"], shown["changes"]) == (200, etag, [])
        assert ask(stack, "PATCH", path, {"status": "InProgress"})[0] == 428
        assert ask(stack, "PATCH", path, {"status": "Closed"}, if_match=etag)[0] == 400
        status, changed, second = ask(stack, "PATCH", path, {"status": "InProgress"}, if_match=etag, x_ms_client_principal_name="alice")
        assert (status, changed["properties"]["status"], changed["changes"][0]["by"]) == (
            200,
            "InProgress",
            "function key",
        )  # a name that anybody can send
        assert second not in ("", etag)
        assert ask(stack, "PATCH", path, {"status": "Resolved"}, if_match=etag)[0] == 412
        assert ask(stack, "GET", "/api/alerts/nothing")[0] == 404
        assert ask(stack, "GET", path, x_functions_key="wrong")[0] == 401
        status, incidents, _ = ask(stack, "GET", "/api/incidents")
        assert status == 200
        assert alert["name"] in incidents["value"][0]["alerts"]
        status, incident, _ = ask(stack, "GET", f"/api/incidents/{incidents['value'][0]['id']}")
        assert (status, incident["alerts"][0]["properties"]["status"]) == (200, "InProgress")
        until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
        status, rule, _ = ask(stack, "POST", "/api/suppressions", {"actor": "203.0.113.0/24", "until": until})
        assert (status, rule["inForce"]) == (201, True)
        assert ask(stack, "POST", "/api/suppressions", {"until": until})[0] == 400
        assert [rule["id"] for rule in ask(stack, "GET", "/api/suppressions")[1]["value"]] == [rule["id"]]
        assert ask(stack, "DELETE", f"/api/suppressions/{rule['id']}")[0] == 200
        assert ask(stack, "GET", "/api/suppressions")[1]["value"] == []
