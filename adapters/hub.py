"""The event hub, asked how far it has come."""

from concurrent.futures import ThreadPoolExecutor

from azure.eventhub import EventHubConsumerClient

from adapters.identity import credential
from settings import Connection

CONNECTIONS = 8
"""At once: the SDK opens one for each question, which takes a third of a second of waiting, and a hub has up to 32 partitions."""


def last_enqueued(connection: Connection, hub: str, group: str) -> dict[str, int]:
    """Partition id -> sequence number of its newest event, -1 while it is empty. Raises azure.eventhub's EventHubError."""
    if connection.connection_string:
        client = EventHubConsumerClient.from_connection_string(connection.connection_string, group, eventhub_name=hub, retry_total=0)
    else:
        client = EventHubConsumerClient(connection.address, hub, group, credential(connection.client_id), retry_total=0)
    with client, ThreadPoolExecutor(CONNECTIONS) as at_once:
        partitions = client.get_partition_ids()
        found = dict(zip(partitions, at_once.map(client.get_partition_properties, partitions), strict=True))
    return {partition: -1 if state["is_empty"] else int(state["last_enqueued_sequence_number"]) for partition, state in found.items()}
