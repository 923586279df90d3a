"""One call of a watched API, and the event that it must leave in the hub."""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
import urllib.error
import urllib.request
from typing import Any

from azure.core.exceptions import AzureError
from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext
from azure.identity import DefaultAzureCredential

from tools.gateway_policies import OnboardingError


class _Caller:
    """Reads a hub from before a call until the event of that call comes by."""

    def __init__(self, client: EventHubConsumerClient, agent: str) -> None:
        self._client = client
        self._agent = agent
        self.found = threading.Event()
        self._positions: dict[str, str | int] = {}

    def note_positions(self) -> None:
        for partition in self._client.get_partition_ids():
            last = self._client.get_partition_properties(partition)["last_enqueued_sequence_number"]
            self._positions[partition] = last if last >= 0 else "-1"

    def _take(self, _context: PartitionContext, event: EventData | None) -> None:
        if event is None:
            return
        try:
            call = json.loads(event.body_as_str())
        except (ValueError, TypeError):
            return
        if isinstance(call, dict) and call.get("userAgent") == self._agent:
            self.found.set()

    def wait(self, seconds: float) -> bool:
        thread = threading.Thread(
            target=self._client.receive,
            kwargs={"on_event": self._take, "starting_position": self._positions, "on_error": lambda _context, _error: None},
            daemon=True,
        )
        thread.start()
        try:
            return self.found.wait(seconds)
        finally:
            self._client.close()
            thread.join(timeout=10)


def _consumer(hub: str, namespace: str | None) -> EventHubConsumerClient:
    connection = os.environ.get("GATEWATCH_VERIFY_CONNECTION")
    if connection:
        return EventHubConsumerClient.from_connection_string(connection, "$Default", eventhub_name=hub)
    if not namespace:
        raise OnboardingError(
            "--verify-url needs --verify-namespace (Event Hubs namespace), or GATEWATCH_VERIFY_CONNECTION in the environment"
        )
    host = namespace if "." in namespace else f"{namespace}.servicebus.windows.net"
    return EventHubConsumerClient(host, hub, "$Default", DefaultAzureCredential())


def verify(url: str, hub: str, namespace: str | None, patience: float) -> dict[str, Any]:
    """Call the URL once and wait `patience` seconds for its event: {"url", "status", "arrived", "seconds"}. Raises OnboardingError if the hub or the URL cannot be reached."""
    agent = f"gatewatch-onboard/{secrets.token_hex(8)}"
    client = _consumer(hub, namespace)
    caller = _Caller(client, agent)
    try:
        caller.note_positions()
        request = urllib.request.Request(url, headers={"User-Agent": agent})
        started = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                status = response.status
        except urllib.error.HTTPError as answer:
            with answer:
                status = answer.code
        arrived = caller.wait(patience)
    except AzureError as error:
        raise OnboardingError(f"the hub {hub} cannot be read: {' '.join(str(error).split())[:300]}") from error
    except (OSError, ValueError) as error:
        raise OnboardingError(f"the call of {url} failed: {error}") from error
    finally:
        client.close()
    return {"url": url, "status": status, "arrived": arrived, "seconds": round(time.monotonic() - started, 1)}
