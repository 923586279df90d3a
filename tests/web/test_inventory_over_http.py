"""Inventory, drift, the learned description and the overview of the app that runs: over HTTP, with the configuration of the laptop's made-up estate."""

import csv
import io
import json
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import monotonic, sleep

import pytest

from adapters import inventory
from adapters.tables import Tables
from local import traffic
from local.play import Sender
from local.stack import Stack
from model import Endpoint, minute_of
from settings import Connection
from tests.web.test_analyst_over_http import ask

pytestmark = pytest.mark.xdist_group("stack")


def test_endpoints_are_listed_compared_described_and_accepted(tmp_path: Path) -> None:
    now = datetime.now(UTC) - timedelta(minutes=2)
    random = Random(3)
    events = [traffic.call(random, now + timedelta(milliseconds=50 * n)) for n in range(900)]
    shadow = [
        traffic.call(random, now, status=200, urlTemplate=None, operationId=None, path="/v1/debug/dump", method="GET", auth=[])
        for _ in range(9)
    ]
    hidden = Endpoint(traffic.SERVICE, events[0]["apiId"], "GET", "/v1/debug/dump", matched=False)
    with Stack(tmp_path / "run") as stack:
        stack.kill_host()
        # as three clients in an hour teach it: too long for a test
        inventory.learn(Tables(Connection("azurite", stack.storage)), {hidden: minute_of(now - timedelta(hours=1))})
        stack.start_host()
        stack.run_now("posture")
        with Sender(stack.hub) as sender:
            sender.send([traffic.encode(event) for event in (*events, *shadow)])
        stack.wait_evaluated()
        until = monotonic() + 90
        while not ask(stack, "GET", "/api/inventory?origin=never-seen")[1]["value"]:
            assert monotonic() < until, "the gateway's configuration was not read"
            sleep(1)
        most = max(
            sum(event["urlTemplate"] == one.template and event["method"] == one.method for event in events) for one in traffic.OPERATIONS
        )
        status, page, _ = ask(stack, "GET", "/api/inventory?limit=3&sort=-calls")
        while page["value"][0]["calls"] != most:  # rows say it once nothing more comes
            assert monotonic() < until, "the inventory lags behind calls that were evaluated"
            sleep(1)
            status, page, _ = ask(stack, "GET", "/api/inventory?limit=3&sort=-calls")
        assert status == 200
        assert (len(page["value"]), page["next"], page["total"] > 3) == (3, "3", True)
        rows = {one["endpoint"]: one for one in ask(stack, "GET", "/api/inventory?limit=200")[1]["value"]}
        assert (rows["GET /v1/products"]["origin"], rows["GET /v1/products"]["status"]) == ("declared", "Active")
        assert "never-seen" in {row["origin"] for row in rows.values()}
        (dump,) = [row for row in rows.values() if row["origin"] == "undeclared"]
        assert (dump["authentication"], dump["external"]) == ("Unauthenticated", True)
        status, one, _ = ask(stack, "GET", f"/api/inventory/{dump['id']}")
        assert (status, one["statusMix"]) == (200, {"200": 9})
        assert ask(stack, "GET", "/api/inventory/nothing")[0] == 404
        assert ask(stack, "GET", "/api/inventory?status=Busy")[1]["error"]["code"] == "BadRequest"
        request = urllib.request.Request(
            stack.url + "/api/inventory", headers={"x-functions-key": stack.keys["default"], "Accept": "text/csv"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.headers["Content-Type"].startswith("text/csv")
            assert len(list(csv.DictReader(io.StringIO(answer.read().decode())))) == len(rows)

        status, found, _ = ask(stack, "GET", "/api/drift?kind=operation-undeclared")
        while not found["value"]:  # compared every few minutes
            assert monotonic() < until + 180, "nothing was compared"
            sleep(1)
            status, found, _ = ask(stack, "GET", "/api/drift?kind=operation-undeclared")
        (deviation,) = found["value"]
        assert (status, deviation["endpointId"], deviation["direction"]) == (200, dump["id"], "api-off")
        path = f"/api/drift/{deviation['id']}"
        assert ask(stack, "PATCH", path, {"accept": {"why": "a test"}})[0] == 428
        status, accepted, etag = ask(stack, "PATCH", path, {"accept": {"why": "a test"}}, if_match=deviation["etag"])
        assert (status, accepted["state"], accepted["accepted"]["why"]) == (200, "accepted", "a test")
        assert ask(stack, "PATCH", path, {"accept": None}, if_match=deviation["etag"])[0] == 412
        assert ask(stack, "GET", "/api/drift?state=open&kind=operation-undeclared")[1]["value"] == []
        assert ask(stack, "PATCH", path, {"accept": None}, if_match=etag)[1]["state"] == "open"

        status, document, _ = ask(stack, "GET", "/api/openapi/contoso/shop?version=3.0.3")
        assert (status, document["openapi"]) == (200, "3.0.3")
        assert "/v1/products/{id}" in document["paths"]
        assert ask(stack, "GET", "/api/openapi/contoso/moon")[0] == 404
        status, overview, _ = ask(stack, "GET", "/api/overview")
        assert (status, overview["endpoints"]["numberOfApiEndpoints"]) == (200, len(rows))
        assert sum(overview["recommendations"].values()) > 0
        assert "shadow" in {need["kind"] for need in overview["needsYou"]}
        for path in ("/api/overview", "/api/inventory", "/api/drift", "/api/openapi/contoso/shop"):
            assert ask(stack, "GET", path, x_functions_key="wrong")[0] == 401
        assert json.dumps(rows).count("203.0.113.") == 0
