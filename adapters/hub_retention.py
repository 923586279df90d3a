"""The hub's own retention, as its data plane tells: how old the oldest event is that it still hands out."""

from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext
from azure.eventhub.exceptions import EventHubError

from adapters.identity import credential
from retention.policy import DAY, Promises, span
from settings import Connection

GROUP = "$Default"
"""Every hub has it, and the epoch reader of our own group would be in the way."""
SECONDS = 20.0
GRACE = DAY
"""The hub drops whole blocks of events, some time after the last of a block is over."""


def check(connection: Connection, hub: str, kept: Promises, now: datetime) -> Iterator[str]:
    """A sentence where the hub hands out events that are older than promised, or does not say."""
    try:
        oldest = oldest_enqueued(connection, hub)
    except EventHubError as error:
        yield f"the age of the hub's oldest event is unknown ({type(error).__name__})"
        return
    if oldest is not None and now - oldest > kept["calls"] + GRACE:
        yield f"hub {hub} keeps calls for {span(now - oldest)}, but HUB_RETENTION_HOURS says {span(kept['calls'])}: lower its retention"


def oldest_enqueued(connection: Connection, hub: str) -> datetime | None:
    """When the oldest event of any partition came, None where all are empty or silent. Raises azure.eventhub's EventHubError."""
    if connection.connection_string:
        client = EventHubConsumerClient.from_connection_string(connection.connection_string, GROUP, eventhub_name=hub, retry_total=0)
    else:
        client = EventHubConsumerClient(connection.address, hub, GROUP, credential(connection.client_id), retry_total=0)
    with client:
        states = [client.get_partition_properties(partition) for partition in client.get_partition_ids()]
        waiting = {str(state["id"]) for state in states if not state["is_empty"]}
        found: list[datetime] = []
        done = Event()

        def first(context: PartitionContext, events: list[EventData]) -> None:
            if events and context.partition_id in waiting:
                waiting.discard(context.partition_id)
                if events[0].enqueued_time is not None:
                    found.append(events[0].enqueued_time.astimezone(UTC))
            if not waiting:
                done.set()

        if waiting:
            receive: dict[str, Any] = {
                "on_event_batch": first,
                "starting_position": "-1",
                "max_batch_size": 1,
                "max_wait_time": 5,
                "prefetch": 1,
            }
            reader = Thread(target=client.receive_batch, kwargs=receive, name="oldest-event", daemon=True)
            reader.start()
            done.wait(SECONDS)
            client.close()
            reader.join(SECONDS)
    return min(found, default=None)
