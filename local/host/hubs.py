"""Event Hubs: batches of each partition go to a function one at a time, the checkpoint follows; outputs are sent."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from time import monotonic
from types import SimpleNamespace
from typing import Any

import msgspec
from azure.core.exceptions import ResourceExistsError
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient, PartitionContext
from azure.eventhub.exceptions import EventHubError
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore
from azure.functions import meta
from azure.functions.eventhub import EventHubConverter, EventHubTriggerConverter
from azure.storage.blob.aio import ContainerClient

from local.host.bindings import Function, HubOutput, HubTrigger
from local.host.invocation import Invoker, Stopped
from local.host.received import install
from local.host.settings import HubOptions, SettingError

CONTAINER = "azure-webjobs-eventhub"  # where the extension keeps its checkpoints, in the same form
RECONNECT = 3.0  # seconds until a partition whose link broke is taken up again
BEAT = 0.05  # seconds without an event after which a batch goes as it is
LINGER = 0.2  # seconds that a batch may grow while events keep coming: each costs a checkpoint, however small

_log = logging.getLogger("host.hubs")


class HubPump:
    """Feeds one function with the events of all partitions of its hub."""

    def __init__(self, function: Function, trigger: HubTrigger, options: HubOptions, invoker: Invoker, storage: str) -> None:
        """`storage` is the connection string of the account that holds the checkpoints."""
        self._function = function
        self._trigger = trigger
        self._options = options
        self._invoker = invoker
        self._storage = storage
        self._partitions: dict[str, _Partition] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = AsyncExitStack()

    async def start(self) -> None:
        """Begins to receive. Raises SettingError if the hub or the storage cannot be reached at all."""
        install()  # the EventData of this module are ReceivedEvents in fact
        async with ContainerClient.from_connection_string(self._storage, CONTAINER) as container:
            with suppress(ResourceExistsError):
                await container.create_container()
        checkpoints = await self._closing.enter_async_context(BlobCheckpointStore.from_connection_string(self._storage, CONTAINER))
        client = EventHubConsumerClient.from_connection_string(
            self._trigger.connection,
            self._trigger.group,
            eventhub_name=self._trigger.hub,
            checkpoint_store=checkpoints,
            load_balancing_interval=RECONNECT,
        )
        self._closing.push_async_callback(_close, client)
        try:
            partitions = await client.get_partition_ids()
        except EventHubError as error:
            raise SettingError(
                f"Function {self._function.name} cannot reach the Event Hub {self._trigger.hub} ({type(error).__name__}): "
                "does it exist, and is the connection string that of a running namespace?"
            ) from error
        # One receiver a partition, without ownership blobs: this host is the only one on the machine, and after a SIGKILL the next one
        # need not wait for the dead one's ownership to expire. The epoch still disconnects a forgotten rival.
        self._tasks = [asyncio.create_task(self._receive(client, partition)) for partition in partitions]

    async def stop(self) -> None:
        """Waits for the batches that are being worked on, then closes the links. What was not checkpointed comes again at the next start."""
        await asyncio.gather(*(partition.idle() for partition in self._partitions.values()))
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=10)
        await self._closing.aclose()

    async def _receive(self, client: EventHubConsumerClient, partition_id: str) -> None:
        partition = self._partitions[partition_id] = _Partition(self._function, self._trigger, self._options, self._invoker)

        async def failed(_: PartitionContext | None, error: Exception) -> None:
            _log.warning("%s: partition %s: %s; trying again", self._trigger.hub, partition_id, type(error).__name__)

        async def initialised(_: PartitionContext) -> None:
            partition.forget()

        while not self._invoker.stopping:
            try:
                await client.receive_batch(
                    partition.take,
                    max_batch_size=self._options.max_batch,
                    max_wait_time=BEAT,
                    partition_id=partition_id,
                    prefetch=self._options.prefetch,
                    starting_position=self._options.start,
                    on_error=failed,
                    on_partition_initialize=initialised,
                )
            except Exception as error:  # the client retries by itself; what comes out of it all the same must not end the partition
                await failed(None, error)
            await self._invoker.wait(RECONNECT)


class _Partition:
    """What one partition has received and not yet handed over, and the one batch that is being worked on."""

    def __init__(self, function: Function, trigger: HubTrigger, options: HubOptions, invoker: Invoker) -> None:
        self._function = function
        self._trigger = trigger
        self._options = options
        self._invoker = invoker
        self._waiting: list[EventData] = []
        self._since = 0.0
        self._since_checkpoint = 0
        self._lock = asyncio.Lock()

    def forget(self) -> None:
        """The link is new and starts at the checkpoint: what waits here will come again."""
        self._waiting.clear()

    async def idle(self) -> None:
        async with self._lock:
            pass

    async def take(self, context: PartitionContext, events: Sequence[EventData]) -> None:
        """Called by the client with what has arrived, or with nothing after a quiet beat; called again only when this has returned."""
        if not self._waiting:
            self._since = monotonic()
        self._waiting.extend(events)
        while self._ready(len(events)) and not self._invoker.stopping:
            size = self._options.max_batch
            batch, self._waiting = self._waiting[:size], self._waiting[size:]
            self._since = monotonic()
            # a partition that is closed under a running function does not cut it off
            await asyncio.shield(asyncio.create_task(self._work(context, batch)))

    def _ready(self, arrived: int) -> bool:
        if len(self._waiting) >= self._options.max_batch:
            return True
        waited = monotonic() - self._since
        if len(self._waiting) >= self._options.min_batch:
            return not arrived or waited >= LINGER
        return bool(self._waiting) and waited >= self._options.max_wait

    async def _work(self, context: PartitionContext, batch: Sequence[EventData]) -> None:
        async with self._lock:
            if self._invoker.stopping:
                return
            try:
                await self._invoker.invoke(self._function, lambda: decode(context, batch))
            except Stopped:
                return
            self._since_checkpoint += 1
            # moved whether or not the function succeeded, but never while stopping: as the extension does
            if self._since_checkpoint >= self._options.checkpoint_frequency and not self._invoker.stopping:
                try:
                    await context.update_checkpoint(batch[-1])
                    self._since_checkpoint = 0
                except Exception as error:  # a batch that comes twice is expected; a partition that stands still is not
                    _log.warning("%s: checkpoint of partition %s not written: %s", self._trigger.hub, context.partition_id, error)


def decode(context: PartitionContext, batch: Sequence[EventData]) -> Any:
    """The `List[func.EventHubEvent]`, through the stock converter, from what the real host would send."""
    bodies = [b"".join(event.body) for event in batch]  # type: ignore[arg-type]  # the data sections
    return EventHubTriggerConverter.decode(
        meta.Datum(SimpleNamespace(bytes=bodies), "collection_bytes"), trigger_metadata=trigger_metadata(context, batch)
    )


def trigger_metadata(context: PartitionContext, batch: Sequence[EventData]) -> dict[str, meta.Datum]:
    """The trigger's metadata on the wire, in the shape of the extension's EventHubTriggerBindingStrategy."""
    system, times, properties, offsets, keys, sequence_numbers = [], [], [], [], [], []
    for event in batch:
        time = _dotnet_time(event.enqueued_time or datetime.fromtimestamp(0, UTC))
        offset = event.offset or ""
        key = event.partition_key.decode("utf-8", "replace") if event.partition_key else None
        number = event.sequence_number or 0
        entry: dict[str, Any] = {
            "x-opt-sequence-number": number,
            "x-opt-offset": offset,
            "x-opt-enqueued-time": time + "+00:00",
            "SequenceNumber": number,
            "Offset": int(offset) if offset.isdecimal() else offset,
            "OffsetString": offset,
            "PartitionKey": key,
            "EnqueuedTimeUtc": time,  # without a Z, as seen in the worker's log
        }
        if key is not None:
            entry["x-opt-partition-key"] = key
        system.append(entry)
        times.append(time)
        properties.append(_plain(event.properties))
        offsets.append(offset)
        sequence_numbers.append(number)
        if key is not None:
            keys.append(key)  # the host drops empty entries from collections of strings
    partition = {
        "FullyQualifiedNamespace": context.fully_qualified_namespace,
        "EventHubName": context.eventhub_name,
        "ConsumerGroup": context.consumer_group,
        "PartitionId": context.partition_id,
        "IsCheckpointingAfterInvocation": True,
    }
    now = _dotnet_time(datetime.now(UTC)) + "Z"
    return {
        "PartitionContext": _json(partition),
        "SystemPropertiesArray": _json(system),
        "EnqueuedTimeUtcArray": _json(times),
        "PropertiesArray": _json(properties),
        "SequenceNumberArray": meta.Datum(SimpleNamespace(sint64=sequence_numbers), "collection_sint64"),
        "OffsetArray": meta.Datum(SimpleNamespace(string=offsets), "collection_string"),
        "OffsetStringArray": meta.Datum(SimpleNamespace(string=offsets), "collection_string"),
        "PartitionKeyArray": meta.Datum(SimpleNamespace(string=keys), "collection_string"),
        "sys": _json({"UtcNow": now}),
    }


def _json(value: Any) -> meta.Datum:
    return meta.Datum(msgspec.json.encode(value).decode(), "json")


def _dotnet_time(time: datetime) -> str:
    text = time.replace(tzinfo=None).isoformat()
    return text.rstrip("0") if "." in text else text


def _plain(properties: Any) -> dict[str, Any]:
    """Application properties with text for bytes; what JSON cannot say becomes text too."""

    def text(value: Any) -> Any:
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        return value if isinstance(value, str | int | float | bool | None) else str(value)

    return {str(text(name)): text(value) for name, value in (properties or {}).items()}


class HubSender:
    """Sends the values of Event Hub output bindings; one client a hub, opened at the first event."""

    def __init__(self) -> None:
        self._clients: dict[HubOutput, EventHubProducerClient] = {}

    async def send(self, output: HubOutput, value: Any) -> None:
        client = self._clients.get(output)
        if client is None:
            client = self._clients[output] = EventHubProducerClient.from_connection_string(output.connection, eventhub_name=output.hub)
        waiting = [EventData(body) for body in outgoing(value)]
        while waiting:
            batch = await client.create_batch()
            with suppress(ValueError):  # the batch is full
                while waiting:
                    batch.add(waiting[0])
                    del waiting[0]
            if not len(batch):
                raise ValueError("an event of an output binding is larger than the Event Hub takes")
            await client.send_batch(batch)

    async def close(self) -> None:
        for client in self._clients.values():
            await _close(client)


async def _close(client: EventHubConsumerClient | EventHubProducerClient) -> None:
    with suppress(TimeoutError, EventHubError, OSError):  # the server may be gone already
        await asyncio.wait_for(client.close(), 5)


def outgoing(value: Any) -> list[bytes]:
    """The events that the host makes of a function's output: a list, or a text that is a JSON array, is an event an item."""
    datum = EventHubConverter.encode(value, expected_type=None)
    if datum.type is None:
        raise TypeError(f'unable to encode outgoing TypedData: unsupported type "eventHub" for Python type "{type(value).__name__}"')
    if datum.type == "bytes":
        return [datum.value]
    items: Any = datum.value
    if isinstance(items, str):
        with suppress(ValueError):
            items = json.loads(items)
    if not isinstance(items, list):
        return [str(datum.value).encode()]
    return [(item if isinstance(item, str) else json.dumps(item)).encode() for item in items]
