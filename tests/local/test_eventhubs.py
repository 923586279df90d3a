"""The embedded Event Hubs, asked by the unmodified SDK over real sockets."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventData, EventDataBatch, EventHubConsumerClient, EventHubProducerClient, PartitionContext
from azure.eventhub.aio import EventHubConsumerClient as AioConsumer
from azure.eventhub.aio import EventHubProducerClient as AioProducer
from azure.eventhub.aio import PartitionContext as AioContext
from azure.eventhub.amqp import AmqpAnnotatedMessage, AmqpMessageBodyType
from azure.eventhub.exceptions import ConnectError, ConnectionLostError, EventDataSendError
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore
from azure.storage.blob.aio import ContainerClient

from local.azurite import Azurite
from local.eventhubs.event import partition_of
from local.eventhubs.server import EventHubs
from tests.local.eventhubs_thread import DEADLINE, poll, running

# the SDK forgets to close its socket when it reconnects; `forgotten_sockets` finds those while they are still allowed
pytestmark = [
    pytest.mark.usefixtures("forgotten_sockets"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

_names = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventHubs]:
    """One server; every test takes a hub of its own from it."""
    hubs = {f"hub-{i}": 4 for i in range(30)}
    with running(tmp_path_factory.mktemp("hubs"), hubs) as server:
        yield server


@pytest.fixture
def hub() -> str:
    return f"hub-{next(_names)}"


@pytest.fixture
def producer(server: EventHubs, hub: str) -> Iterator[EventHubProducerClient]:
    with EventHubProducerClient.from_connection_string(server.connection_string, eventhub_name=hub, retry_total=0) as client:
        yield client


class Receiver:
    """A consumer client on one partition in a thread; `events` and `errors` are what it was given so far."""

    def __init__(self, server: EventHubs, hub: str, partition: str = "0", *, group: str = "$Default", **options: Any) -> None:
        self.events: list[EventData] = []
        self.errors: list[Exception] = []
        self.client = EventHubConsumerClient.from_connection_string(
            server.connection_string, consumer_group=group, eventhub_name=hub, retry_total=0
        )
        options = {"starting_position": "-1", "partition_id": partition, "max_wait_time": 0.2, **options}
        self.thread = threading.Thread(
            target=self.client.receive_batch,
            kwargs={"on_event_batch": self._on_batch, "on_error": self._on_error, **options},
            daemon=True,
        )

    def _on_batch(self, _: PartitionContext, events: list[EventData]) -> None:
        self.events.extend(events)

    def _on_error(self, _: PartitionContext, error: Exception) -> None:
        self.errors.append(error)

    def __enter__(self) -> Receiver:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.thread.join(DEADLINE)

    def wait(self, count: int) -> list[EventData]:
        assert poll(lambda: len(self.events) >= count), f"{len(self.events)} of {count} events; {self.errors}"
        return self.events


def receive(server: EventHubs, hub: str, count: int, partition: str = "0", **options: Any) -> list[EventData]:
    with Receiver(server, hub, partition, **options) as receiver:
        return receiver.wait(count)


def bodies(events: list[EventData]) -> list[str]:
    return [event.body_as_str() for event in events]


def batch(producer: EventHubProducerClient, texts: list[str], **where: Any) -> EventDataBatch:
    filled = producer.create_batch(**where)
    for text in texts:
        filled.add(EventData(text))
    return filled


def test_properties_of_an_empty_hub(producer: EventHubProducerClient, hub: str) -> None:
    about = producer.get_eventhub_properties()
    assert about["eventhub_name"] == hub
    assert about["partition_ids"] == ["0", "1", "2", "3"]
    assert abs(about["created_at"] - datetime.now(UTC)) < timedelta(hours=1)
    empty = producer.get_partition_properties("2")
    assert (empty["id"], empty["is_empty"], empty["last_enqueued_sequence_number"], empty["last_enqueued_offset"]) == ("2", True, -1, "-1")


def test_every_way_to_send_arrives_once_in_order(server: EventHubs, producer: EventHubProducerClient, hub: str) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    producer.send_batch(batch(producer, [f"batch {i}" for i in range(1200)], partition_id="1"))
    producer.send_batch([EventData(f"list {i}") for i in range(3)], partition_id="1")
    producer.send_event(EventData(b"alone"), partition_id="1")
    events = receive(server, hub, 1204, "1")
    assert bodies(events) == [f"batch {i}" for i in range(1200)] + ["list 0", "list 1", "list 2", "alone"]
    assert [event.sequence_number for event in events] == list(range(1204))
    offsets = [int(str(event.offset)) for event in events]
    assert offsets == sorted(set(offsets))
    assert offsets != list(range(1204)), "an offset must not pass for a sequence number"
    times = [event.enqueued_time for event in events]
    assert times == sorted(times)  # type: ignore[type-var]
    assert before <= times[0] <= datetime.now(UTC)  # type: ignore[operator]
    about = producer.get_partition_properties("1")
    assert (about["is_empty"], about["beginning_sequence_number"], about["last_enqueued_sequence_number"]) == (False, 0, 1203)
    assert (about["last_enqueued_offset"], about["last_enqueued_time_utc"]) == (events[-1].offset, times[-1])


def test_events_of_any_size_survive(server: EventHubs, producer: EventHubProducerClient, hub: str) -> None:
    sizes = [0, 1, 255, 256, 65_400, 65_536, 200_000, 1_048_000]  # around one frame of 64 KiB, and the limit of 1 MiB
    sent = [bytes(i % 251 for i in range(size)) for size in sizes]
    for body in sent:
        producer.send_event(EventData(body), partition_id="0")
    producer.send_batch([EventData(body) for body in sent[:-1]], partition_id="0")
    events = receive(server, hub, 2 * len(sent) - 1)
    assert [b"".join(event.body) for event in events] == sent + sent[:-1]  # type: ignore[arg-type]


def test_what_is_attached_to_an_event_survives(server: EventHubs, producer: EventHubProducerClient, hub: str) -> None:
    properties: dict[str | bytes, Any] = {
        "text": "Zürich €",
        "whole": 7,
        "big": 1 << 30,
        "real": 1.5,
        "yes": True,
        "raw": b"\x00\xff",
        "none": None,
    }
    plain = EventData(b"\x00\xff")
    plain.properties = properties
    plain.content_type, plain.correlation_id, plain.message_id = "application/json", "c-1", "m-1"
    annotated = AmqpAnnotatedMessage(
        value_body={"a": [1, "b"]},
        annotations={"x-mine": "kept", "x-opt-sequence-number": 999, "x-opt-offset": "999"},
        header={"durable": True},
    )
    producer.send_event(plain, partition_id="0")
    producer.send_batch([plain], partition_id="0")
    producer.send_event(annotated, partition_id="0")
    producer.send_batch([annotated], partition_id="0")
    first, second, third, fourth = receive(server, hub, 4)
    for event in (first, second):
        assert event.properties == {
            b"text": "Zürich €".encode(), b"whole": 7, b"big": 1 << 30, b"real": 1.5, b"yes": True, b"raw": b"\x00\xff", b"none": None,
        }  # fmt: skip
        assert (event.content_type, event.correlation_id, event.message_id) == ("application/json", "c-1", "m-1")
    for number, event in ((2, third), (3, fourth)):
        assert event.body_type == AmqpMessageBodyType.VALUE
        assert event.body == {b"a": [1, b"b"]}
        assert event.system_properties[b"x-mine"] == b"kept"
        assert event.sequence_number == number, "a sender cannot choose the hub's annotations"


@pytest.mark.parametrize("how", ["batch", "list", "single"])
def test_a_key_decides_the_partition_and_survives(server: EventHubs, producer: EventHubProducerClient, hub: str, how: str) -> None:
    keys = ["a", "b", "c", "Zürich", "x" * 128]
    for key, turn in itertools.product(keys, range(2)):
        text = f"{key} {turn}"
        if how == "batch":
            producer.send_batch(batch(producer, [text, text + "!"], partition_key=key))
        elif how == "list":
            producer.send_batch([EventData(text), EventData(text + "!")], partition_key=key)
        else:
            producer.send_event(EventData(text), partition_key=key)
            producer.send_event(EventData(text + "!"), partition_key=key)
    mine = [[key for key in keys if partition_of(key, 4) == partition] for partition in range(4)]
    assert sum(map(bool, mine)) > 1
    with ThreadPoolExecutor(4) as pool:
        read = pool.map(lambda partition: receive(server, hub, 4 * len(mine[partition]), str(partition)), range(4))
        for partition, events in enumerate(read):
            expected = [f"{key} {turn}{mark}" for key in mine[partition] for turn in range(2) for mark in ("", "!")]
            assert sorted(bodies(events)) == sorted(expected)
            assert all(event.partition_key == event.body_as_str().rsplit(" ", 1)[0].encode() for event in events)


def test_without_key_or_partition_all_partitions_take_turns(producer: EventHubProducerClient) -> None:
    for i in range(8):
        producer.send_event(EventData(f"{i}"))
    assert [producer.get_partition_properties(p)["last_enqueued_sequence_number"] for p in "0123"] == [1, 1, 1, 1]


def test_every_start_position(server: EventHubs, producer: EventHubProducerClient, hub: str) -> None:
    for i in range(6):
        producer.send_batch(batch(producer, [f"{i}"], partition_id="0"))
        last = producer.get_partition_properties("0")["last_enqueued_time_utc"]
        poll(lambda last=last: datetime.now(UTC) > last + timedelta(milliseconds=2))  # type: ignore[misc]  # six different times
    events = receive(server, hub, 6)
    offset, number, when = events[2].offset, events[2].sequence_number, events[2].enqueued_time
    assert when is not None
    cases: list[tuple[Any, bool, int]] = [
        ("-1", False, 0), ("-1", True, 0),
        (offset, False, 3), (offset, True, 2), (number, False, 3), (number, True, 2), (-1, False, 0), (0, True, 0), (0, False, 1),
        (when, False, 3), (when, True, 2), (when - timedelta(milliseconds=1), False, 2), (datetime(2020, 1, 1, tzinfo=UTC), False, 0),
    ]  # fmt: skip

    def read(case: tuple[Any, bool, int]) -> list[str]:
        position, inclusive, first = case
        return bodies(receive(server, hub, 6 - first, starting_position=position, starting_position_inclusive=inclusive))

    with ThreadPoolExecutor(len(cases)) as pool:
        for case, found in zip(cases, pool.map(read, cases), strict=True):
            assert found == [f"{i}" for i in range(case[2], 6)], case


@pytest.mark.parametrize("position", ["@latest", "the end"])
def test_a_reader_at_the_end_gets_only_what_comes(server: EventHubs, producer: EventHubProducerClient, hub: str, position: str) -> None:
    producer.send_batch(batch(producer, ["old"], partition_id="0"))
    at = "@latest" if position == "@latest" else producer.get_partition_properties("0")["last_enqueued_offset"]
    with Receiver(server, hub, starting_position=at) as receiver:
        assert poll(lambda: readers(server, hub) == 1)
        for number, text in enumerate(["new", "newer"], 1):
            producer.send_batch(batch(producer, [text], partition_id="0"))
            assert bodies(receiver.wait(number)) == ["new", "newer"][:number]


def readers(server: EventHubs, hub: str, partition: int = 0) -> int:
    return len(server._namespace.hubs[hub].readers[partition])


@pytest.mark.parametrize("position", ["10000", 10000])
def test_a_checkpoint_from_a_log_that_is_gone_is_refused(
    server: EventHubs, producer: EventHubProducerClient, hub: str, position: Any
) -> None:
    producer.send_batch(batch(producer, ["one"], partition_id="0"))
    with Receiver(server, hub, starting_position=position) as receiver:
        assert poll(lambda: bool(receiver.errors))
    assert "com.microsoft:argument-error" in str(receiver.errors[0])
    assert "10000" in str(receiver.errors[0])


def test_consumer_groups_read_apart(server: EventHubs, producer: EventHubProducerClient, hub: str) -> None:
    with Receiver(server, hub, group="first") as one, Receiver(server, hub, group="second", owner_level=3) as two:
        producer.send_batch(batch(producer, [f"{i}" for i in range(700)], partition_id="0"))
        assert bodies(one.wait(700)) == bodies(two.wait(700)) == [f"{i}" for i in range(700)]
        assert not one.errors + two.errors


@pytest.mark.parametrize(("before", "after"), [(1, 2), (1, 1), (0, 0), (None, 0)])
def test_an_owner_takes_over(server: EventHubs, producer: EventHubProducerClient, hub: str, before: int | None, after: int) -> None:
    with Receiver(server, hub, owner_level=before) as older:
        assert poll(lambda: readers(server, hub) == 1)
        with Receiver(server, hub, owner_level=after) as newer:
            assert poll(lambda: bool(older.errors))
            assert isinstance(older.errors[0], ConnectionLostError)
            assert "amqp:link:stolen" in str(older.errors[0])
            older.client.close()
            producer.send_batch(batch(producer, ["for the owner"], partition_id="0"))
            assert bodies(newer.wait(1)) == ["for the owner"]
            assert not newer.errors
    assert not older.events


@pytest.mark.parametrize("rival", [4, None])
def test_an_owner_is_not_displaced_by_less(server: EventHubs, producer: EventHubProducerClient, hub: str, rival: int | None) -> None:
    with Receiver(server, hub, owner_level=5) as owner:
        assert poll(lambda: readers(server, hub) == 1)
        with Receiver(server, hub, owner_level=rival) as refused:
            assert poll(lambda: bool(refused.errors))
            assert "amqp:link:stolen" in str(refused.errors[0])
            assert "'5'" in str(refused.errors[0])
        producer.send_batch(batch(producer, ["still mine"], partition_id="0"))
        assert bodies(owner.wait(1)) == ["still mine"]
        assert not owner.errors
    assert poll(lambda: readers(server, hub) == 0)
    assert bodies(receive(server, hub, 1)) == ["still mine"], "once the owner is gone anyone may read"


def test_a_reader_can_follow_how_far_the_partition_is(server: EventHubs, producer: EventHubProducerClient, hub: str) -> None:
    producer.send_batch(batch(producer, ["1", "2", "3"], partition_id="0"))
    about = producer.get_partition_properties("0")
    contexts: list[Any] = []
    client = EventHubConsumerClient.from_connection_string(server.connection_string, consumer_group="g", eventhub_name=hub, retry_total=0)
    thread = threading.Thread(
        target=client.receive,
        kwargs={
            "on_event": lambda context, event: contexts.append(context.last_enqueued_event_properties) if event else None,
            "partition_id": "0", "starting_position": "-1", "track_last_enqueued_event_properties": True,
        },
    )  # fmt: skip
    thread.start()
    assert poll(lambda: len(contexts) >= 3)
    client.close()
    thread.join(DEADLINE)
    assert contexts[0]["sequence_number"] == 2
    assert contexts[0]["offset"] == about["last_enqueued_offset"]
    assert contexts[0]["enqueued_time"] == about["last_enqueued_time_utc"]


def test_a_message_above_the_limit_is_refused_and_the_link_lives(server: EventHubs, producer: EventHubProducerClient, hub: str) -> None:
    assert producer.create_batch().max_size_in_bytes == 1 << 20
    for _ in range(2):
        with pytest.raises(EventDataSendError, match="LinkMessageSizeExceeded"):
            producer.send_event(EventData(b"x" * (1 << 20)), partition_id="0")
        producer.send_event(EventData(b"small"), partition_id="0")
    assert bodies(receive(server, hub, 2)) == ["small", "small"]


def test_unknown_places_are_refused_with_the_errors_of_the_service(server: EventHubs, hub: str) -> None:
    with EventHubProducerClient.from_connection_string(server.connection_string, eventhub_name="nowhere", retry_total=0) as lost:
        with pytest.raises(ConnectError, match="404"):  # a producer asks for the partitions first
            lost.send_event(EventData(b"x"))
        with pytest.raises(ConnectError, match="404"):
            lost.get_eventhub_properties()
    with EventHubProducerClient.from_connection_string(server.connection_string, eventhub_name=hub, retry_total=0) as client:
        with pytest.raises(ConnectError, match="Invalid partition 4"):
            client.send_event(EventData(b"x"), partition_id="4")
        with pytest.raises(ConnectError, match="400"):
            client.get_partition_properties("99999999999999999999")
    for place, partition, error, said in [("nowhere", "0", ConnectError, "404"), (hub, "4", ValueError, "Wrong partition")]:
        with Receiver(server, place, partition) as receiver:
            assert poll(lambda receiver=receiver: bool(receiver.errors))  # type: ignore[misc]
        assert isinstance(receiver.errors[0], error)
        assert said in str(receiver.errors[0])


def test_names_are_compared_without_case(server: EventHubs, producer: EventHubProducerClient, hub: str) -> None:
    producer.send_event(EventData(b"x"), partition_id="0")
    assert bodies(receive(server, hub.upper(), 1)) == ["x"]


def test_buffered_producer(server: EventHubs, hub: str) -> None:
    sent: list[int] = []
    client = EventHubProducerClient.from_connection_string(
        server.connection_string, eventhub_name=hub, buffered_mode=True,
        on_success=lambda events, _: sent.append(len(events)), on_error=lambda _events, _, error: pytest.fail(str(error)),
    )  # fmt: skip
    with client:
        client.send_batch([EventData(f"{i}") for i in range(500)], partition_id="3")
        client.flush()
    assert sum(sent) == 500
    assert bodies(receive(server, hub, 500, "3")) == [f"{i}" for i in range(500)]


def test_an_idle_producer_is_let_go_and_comes_back(tmp_path: Path) -> None:
    with (
        running(tmp_path, {"calls": 1}, idle_timeout=timedelta(seconds=0.3)) as server,
        EventHubProducerClient.from_connection_string(server.connection_string, eventhub_name="calls") as client,
    ):
        client.send_event(EventData(b"before"))
        assert poll(lambda: not server._connections)
        client.send_event(EventData(b"after"))
        assert bodies(receive(server, "calls", 2)) == ["before", "after"]


def test_a_restart_keeps_everything_and_clients_come_back(tmp_path: Path) -> None:
    with running(tmp_path, {"calls": 1}) as server:
        port = server.port
        client = EventHubProducerClient.from_connection_string(server.connection_string, eventhub_name="calls")
        client.send_batch([EventData(b"first")])
        receiver = Receiver(server, "calls")
        receiver.thread.start()
        receiver.wait(1)
    with running(tmp_path, {"calls": 1}, port=port) as server, client:
        client.send_batch([EventData(b"second")])
        receiver.client.close()
        receiver.thread.join(DEADLINE)
        events = receive(server, "calls", 2)
    assert bodies(events) == ["first", "second"]
    assert [event.sequence_number for event in events] == [0, 1]


def test_aio_both_ways(server: EventHubs, hub: str) -> None:
    async def scenario() -> dict[str, list[int]]:
        got: dict[str, list[int]] = defaultdict(list)
        done = asyncio.Event()
        errors: list[Exception] = []
        sender = AioProducer.from_connection_string(server.connection_string, eventhub_name=hub)
        reader = AioConsumer.from_connection_string(
            server.connection_string, consumer_group="$Default", eventhub_name=hub, load_balancing_interval=0.2
        )

        async def on_batch(context: AioContext, events: list[EventData]) -> None:
            got[context.partition_id].extend(int(event.body_as_str()) for event in events)
            if sum(map(len, got.values())) >= 4000:
                done.set()

        async def on_error(_: AioContext, error: Exception) -> None:
            errors.append(error)

        async with sender, reader:
            # one client, four partitions, without a checkpoint store: four receivers in this event loop
            tasks = [
                asyncio.create_task(reader.receive_batch(on_batch, on_error=on_error, partition_id=p, starting_position="-1", prefetch=77))
                for p in await sender.get_partition_ids()
            ]
            for start in range(0, 4000, 250):
                batch = await sender.create_batch(partition_id=str(start // 250 % 4))
                for number in range(start, start + 250):
                    batch.add(EventData(f"{number}"))
                await sender.send_batch(batch)
            await asyncio.wait_for(done.wait(), DEADLINE)
            await reader.close()
            await asyncio.gather(*tasks)
        assert not errors
        return got

    got = asyncio.run(scenario())
    for partition, numbers in got.items():
        assert numbers == sorted(numbers)
        assert all(number // 250 % 4 == int(partition) for number in numbers)
    assert sorted(itertools.chain(*got.values())) == list(range(4000))


def test_two_clients_share_four_partitions_and_one_takes_over(
    server: EventHubs, hub: str, azurite: Azurite, storage_name: Callable[[str], str]
) -> None:
    container = storage_name("checkpoints")

    async def scenario() -> None:
        async with ContainerClient.from_connection_string(azurite.connection_string, container) as blobs:
            await blobs.create_container()
        owners: dict[str, str] = {}  # partition: the client that read it last
        got: list[str] = []

        def client(name: str) -> tuple[AioConsumer, asyncio.Task[None]]:
            store = BlobCheckpointStore.from_connection_string(azurite.connection_string, container)
            consumer = AioConsumer.from_connection_string(
                server.connection_string, consumer_group="pair", eventhub_name=hub, checkpoint_store=store,
                load_balancing_interval=0.5, partition_ownership_expiration_interval=5.0,
            )  # fmt: skip

            async def on_batch(context: AioContext, events: list[EventData]) -> None:
                owners[context.partition_id] = name
                got.extend(event.body_as_str() for event in events)
                if events:
                    await context.update_checkpoint(events[-1])

            async def work() -> None:
                async with store:
                    await consumer.receive_batch(on_batch, starting_position="-1", max_wait_time=0.1)

            return consumer, asyncio.create_task(work())

        async def until(condition: Callable[[], bool]) -> None:
            async with asyncio.timeout(2 * DEADLINE):
                while not condition():
                    await asyncio.sleep(0.05)

        async with AioProducer.from_connection_string(server.connection_string, eventhub_name=hub) as sender:

            async def send(word: str) -> None:
                for partition in "0123":
                    await sender.send_batch([EventData(f"{word} {partition} {i}") for i in range(50)], partition_id=partition)

            await send("one")
            first, first_task = client("first")
            await until(lambda: len(set(got)) == 200)
            second, second_task = client("second")
            await until(lambda: sorted(owners.values()) == ["first", "first", "second", "second"])
            await send("two")
            await until(lambda: len(set(got)) == 400)
            await first.close()
            await first_task
            await until(lambda: set(owners.values()) == {"second"})
            await send("three")
            await until(lambda: len(set(got)) == 600)
            await second.close()
            await second_task
        assert set(got) == {f"{word} {p} {i}" for word in ("one", "two", "three") for p in range(4) for i in range(50)}
        # a partition that changes hands in a batch may be read again from its checkpoint, never from its beginning
        assert len(got) < 600 + 200

    asyncio.run(scenario())
