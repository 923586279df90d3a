"""The event hub, asked how far it has come."""

from azure.eventhub import EventHubConsumerClient

from adapters.identity import credential
from settings import Connection


def last_enqueued(connection: Connection, hub: str, group: str) -> dict[str, int]:
    """Partition id -> sequence number of its newest event, -1 while it is empty. Raises azure.eventhub's EventHubError."""
    if connection.connection_string:
        client = EventHubConsumerClient.from_connection_string(connection.connection_string, group, eventhub_name=hub, retry_total=0)
    else:
        client = EventHubConsumerClient(connection.address, hub, group, credential(connection.client_id), retry_total=0)
    with client:
        found = {partition: client.get_partition_properties(partition) for partition in client.get_partition_ids()}
    return {partition: -1 if state["is_empty"] else int(state["last_enqueued_sequence_number"]) for partition, state in found.items()}
