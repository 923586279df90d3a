"""Alerts on their way out of the whole stack: an attack, and what arrives at the hub and at a webhook that is down at first."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext

from adapters.evidence import Evidence
from alerts.exports import FORMATS
from local import traffic
from local.play import Sender
from local.stack import Stack
from settings import Connection
from tests.adapters.receiver import TAKEN, Receiver
from tests.adapters.test_webhook import configure
from tests.alerts.test_exports import RESOURCE, problems, read_cef

pytestmark = pytest.mark.xdist_group("stack")


def at_hub(stack: Stack, count: int) -> list[EventData]:
    """The first events of the hub `alerts`, as any reader gets them."""
    found: list[EventData] = []
    client = EventHubConsumerClient.from_connection_string(stack.hub, "siem", eventhub_name="alerts")

    def take(_: PartitionContext, event: EventData | None) -> None:
        if event is not None:
            found.append(event)
        if len(found) == count:
            client.close()

    client.receive(take, starting_position="-1", max_wait_time=1)
    return found


def test_an_attack_reaches_hub_and_webhook_in_every_format(tmp_path: Path) -> None:
    settings = {"ALERT_FORMATS": ",".join(FORMATS), "GATEWAY_RESOURCE_ID": RESOURCE}
    receiver = Receiver(answers=lambda _: (503, {"retry-after": "1"}))
    with receiver.running(), Stack(tmp_path / "run", settings=settings) as stack:
        configure(Evidence(Connection("azurite", stack.storage)), receiver.url)
        with Sender(stack.hub) as sender:
            sender.send([traffic.encode(event) for event in traffic.attack("agent", datetime.now(UTC) - timedelta(seconds=1))])
        stack.wait_evaluated()
        ids = {item["name"] for item in stack.get("/api/alerts?limit=200")[1]["value"]}
        assert ids
        stack.wait(lambda health: _output(health, "hub")["waiting"] == 0, "telling the hub")
        stack.wait(lambda health: _output(health, "webhook")["last"] == "HTTP 503", "trying the webhook")
        assert receiver.arrived == []
        receiver.answers = lambda _: TAKEN
        stack.wait(lambda health: _output(health, "webhook")["waiting"] == 0, "telling the webhook")
        arrived = {message.id: (message.format, message.change, message.body) for message in receiver.arrived}
        first = {id: message for id, message in arrived.items() if message[1] == "created"}
        assert {(id.partition("-")[0], item[0]) for id, item in first.items()} == {(id, name) for id in ids for name in FORMATS}
        events = at_hub(stack, len(ids) * len(FORMATS))
        assert {event.properties[b"id"].decode().partition("-")[0] for event in events} <= ids
    assert receiver.forged == []
    for form, _, body in first.values():
        if form == "ocsf":
            assert problems(json.loads(body), "1.5.0") == []
        elif form == "cef":
            assert read_cef(body.decode())[0][1] == "Gatewatch"
        else:
            assert json.loads(body)["properties"]["resourceIdentifiers"][0]["azureResourceId"].startswith(RESOURCE)
    said = b"".join(log.read_bytes() for log in (tmp_path / "run").glob("*.log"))
    assert b"the webhook takes no alerts (HTTP 503)" in said
    assert b"t0ken-in-the-url" not in said


def _output(health: dict[str, object], name: str) -> dict[str, object]:
    outputs = health["outputs"]
    assert isinstance(outputs, list)
    return next((output for output in outputs if output["name"] == name), {"waiting": None, "last": None})
