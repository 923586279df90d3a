"""The event hub, asked how far it has come and since when something waits."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext

from adapters.identity import credential
from pipeline.arrears import PartitionState
from settings import Connection

CONNECTIONS = 8
"""At once: the SDK opens one for each question, which takes a third of a second of waiting, and a hub has up to 32 partitions."""
GROUP = "$Default"
"""Every hub has it, and the epoch readers of our own group would be in the way."""
SECONDS = 5.0


class Hub:
    """Raises azure.eventhub's EventHubError."""

    def __init__(self, connection: Connection, name: str, group: str) -> None:
        self._connection, self._name, self._group = connection, name, group

    def partitions(self) -> dict[str, PartitionState]:
        with self._client(self._group) as client, ThreadPoolExecutor(CONNECTIONS) as at_once:
            ids = client.get_partition_ids()
            return {id: _state(found) for id, found in zip(ids, at_once.map(client.get_partition_properties, ids), strict=True)}

    def enqueued(self, positions: Mapping[str, int]) -> dict[str, datetime]:
        """Partition -> when the hub got the first event at or behind this sequence number, of those that say so within some seconds."""
        found: dict[str, datetime] = {}
        done = Event()

        def first(context: PartitionContext, events: list[EventData]) -> None:
            if events and events[0].enqueued_time is not None:
                found.setdefault(context.partition_id, events[0].enqueued_time.astimezone(UTC))
            if found.keys() >= positions.keys():
                done.set()

        client = self._client(GROUP)
        with client:
            receive: dict[str, Any] = {
                "on_event_batch": first,
                "starting_position": dict(positions),
                "starting_position_inclusive": dict.fromkeys(positions, True),
                "max_batch_size": 1,
                "max_wait_time": SECONDS,
                "prefetch": 1,
            }
            if len(positions) == 1:  # one partition alone need not read the others
                ((partition, at),) = positions.items()
                receive |= {"partition_id": partition, "starting_position": at, "starting_position_inclusive": True}
            reader = Thread(target=client.receive_batch, kwargs=receive, name="waiting-event", daemon=True)
            reader.start()
            done.wait(SECONDS)
            client.close()
            reader.join(SECONDS)
        return found

    def _client(self, group: str) -> EventHubConsumerClient:
        connection = self._connection
        if connection.connection_string:
            return EventHubConsumerClient.from_connection_string(
                connection.connection_string, group, eventhub_name=self._name, retry_total=0
            )
        return EventHubConsumerClient(connection.address, self._name, group, credential(connection.client_id), retry_total=0)


def _state(found: Mapping[str, Any]) -> PartitionState:
    begin, newest, at = (
        int(found["beginning_sequence_number"]),
        int(found["last_enqueued_sequence_number"]),
        found["last_enqueued_time_utc"],
    )
    if found["is_empty"]:  # whatever it had is gone
        return PartitionState(max(begin, newest + 1), newest)
    return PartitionState(begin, newest, at.astimezone(UTC) if at is not None else None)
