"""The event hub, asked how far it has come and since when something waits."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext
from azure.eventhub.aio import EventHubConsumerClient as AsynchronousClient
from azure.eventhub.exceptions import ConnectError

from adapters.alert_hub import Waiting
from adapters.identity import credential
from pipeline.arrears import PartitionState
from settings import Connection

CONNECTIONS = 8
"""At once: the SDK opens one for each question, which takes a third of a second of waiting, and a hub has up to 32 partitions."""
GROUP = "$Default"
"""Every hub has it, and the epoch readers of our own group would be in the way."""
SECONDS = 5.0


class Hub:
    """Raises azure.eventhub's EventHubError. It is asked within a deadline: the SDK's own waits for a hub that takes connections and says nothing have no end."""

    def __init__(self, connection: Connection, name: str, group: str, longest: float = SECONDS) -> None:
        """`longest`: seconds for one question."""
        self._connection, self._name, self._group, self._longest = connection, name, group, longest

    def partitions(self) -> dict[str, PartitionState]:
        try:
            return asyncio.run(asyncio.wait_for(self._partitions(), self._longest))
        except TimeoutError:
            raise ConnectError(f"no answer within {self._longest:g} s") from None

    async def _partitions(self) -> dict[str, PartitionState]:
        at_once = asyncio.Semaphore(CONNECTIONS)
        async with self._asynchronous() as client:

            async def state(id: str) -> PartitionState:
                async with at_once:
                    return _state(await client.get_partition_properties(id))

            ids = await client.get_partition_ids()
            return dict(zip(ids, await asyncio.gather(*map(state, ids)), strict=True))

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
                "max_wait_time": self._longest,
                "prefetch": 1,
            }
            if len(positions) == 1:  # one partition alone need not read the others
                ((partition, at),) = positions.items()
                receive |= {"partition_id": partition, "starting_position": at, "starting_position_inclusive": True}
            reader = Thread(target=client.receive_batch, kwargs=receive, name="waiting-event", daemon=True)
            reader.start()
            done.wait(self._longest)
            client.close()
            reader.join(self._longest)
        return found

    def _asynchronous(self) -> AsynchronousClient:
        connection = self._connection
        if connection.connection_string:
            return AsynchronousClient.from_connection_string(
                connection.connection_string, self._group, eventhub_name=self._name, retry_total=0
            )
        waiting = Waiting(credential(connection.client_id))
        return AsynchronousClient(connection.address, self._name, self._group, waiting, retry_total=0)

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
