"""The namespace: which addresses exist, who reads what from where, and what `$management` answers."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from local.eventhubs import amqp, event
from local.eventhubs.amqp import AmqpError, Described
from local.eventhubs.partition import SEGMENT_BYTES, Partition

MAX_MESSAGE_BYTES = 1 << 20  # Standard tier
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9])?")
_POSITION = re.compile(r"amqp\.annotation\.x-opt-(offset|sequence-number|enqueued-time) *(>=?) *'?(@latest|-?\d{1,19})'?")
_READ_BYTES = 256 << 10


@dataclass(eq=False)
class Reader:
    """One receiver of one partition: its position, and how to tell it of new events and of its end."""

    partition: Partition
    group: str
    epoch: int | None
    next: int
    metrics: bool
    wake: Callable[[], None]
    detach: Callable[[AmqpError], None]

    def fetch(self, count: int) -> list[bytes]:
        """Return the next messages, at most `count`, and move on; empty when there are none yet."""
        self.next, messages = self.partition.read(self.next, count, _READ_BYTES)
        if messages and self.metrics:
            last = _runtime_metrics(self.partition)
            return [last + message for message in messages]
        return messages


@dataclass
class Hub:
    name: str
    created_ms: int = 0
    partitions: list[Partition] = field(default_factory=list)
    readers: list[list[Reader]] = field(default_factory=list)  # by partition
    turn: int = 0

    def send(self, partition: int | None, payload: bytes, message_format: int) -> None:
        """Stores what one transfer carries: in `partition`, else by key, else in the partition whose turn it is."""
        events, key = event.read_events(payload, message_format)
        if partition is None and key is not None:
            partition = event.partition_of(key, len(self.partitions))
        elif partition is None:
            partition = self.turn = (self.turn + 1) % len(self.partitions)
        try:
            self.partitions[partition].append(events)
        except OSError as problem:
            raise AmqpError("amqp:internal-error", f"the event could not be stored: {problem.strerror}") from problem
        for reader in self.readers[partition]:
            reader.wake()


@dataclass
class Namespace:
    """All hubs of one server. Names are compared without case, as the service does."""

    hubs: dict[str, Hub] = field(default_factory=dict)

    def open(self, folder: Path, hubs: Mapping[str, int], retention: timedelta, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Opens or creates the partitions of `hubs` (name: number of partitions) under `folder`.

        Raises ValueError for a bad name, a partition count outside 1-32 or below what is on disk, or a damaged file.
        """
        for name, count in hubs.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f'"{name}" is no name for a hub: use letters, digits, ".", "_" and "-", for example calls')
            if not 1 <= count <= 32:
                raise ValueError(f"hub {name} cannot have {count} partitions: use 1 to 32")
            place = folder / name.lower()
            found = sum(path.is_dir() for path in place.iterdir()) if place.exists() else 0
            if found > count:  # more is fine, as in the Premium tier; fewer would hide events
                raise ValueError(f"hub {name} has {found} partitions in {place}, not {count}: keep the number or choose another folder")
            hub = self.hubs[name.lower()] = Hub(name)
            for index in range(count):
                hub.partitions.append(Partition(place / str(index), retention, segment_bytes=segment_bytes))
                hub.readers.append([])
            hub.created_ms = int(place.stat().st_mtime * 1000)

    def partitions(self) -> list[Partition]:
        return [partition for hub in self.hubs.values() for partition in hub.partitions]

    def _hub(self, name: str) -> Hub:
        hub = self.hubs.get(name.lower())
        if hub is None:
            raise AmqpError("amqp:not-found", f"The messaging entity '{name}' could not be found.")
        return hub

    def _partition(self, hub: Hub, text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 4 or int(text) >= len(hub.partitions):
            raise AmqpError(
                "com.microsoft:argument-out-of-range",
                f"The specified partition is invalid for an EventHub partition sender or receiver. It should be between 0 and {len(hub.partitions) - 1}.",
            )
        return int(text)

    def sender(self, address: str) -> Callable[[bytes, int], None]:
        """Return what stores transfers sent to `<hub>` or `<hub>/Partitions/<n>`; raises AmqpError if there is no such place."""
        match _segments(address):
            case [name]:
                hub, partition = self._hub(name), None
            case [name, "partitions", text]:
                hub = self._hub(name)
                partition = self._partition(hub, text)
            case _:
                raise AmqpError("amqp:not-found", f"The messaging entity '{address}' could not be found.")
        return lambda payload, message_format: hub.send(partition, payload, message_format)

    def read(
        self,
        address: str,
        filters: object,
        *,
        epoch: object,
        metrics: bool,
        wake: Callable[[], None],
        detach: Callable[[AmqpError], None],
    ) -> Reader:
        """Return a reader of `<hub>/ConsumerGroups/<group>/Partitions/<n>`, after it took over from those it outranks.

        Raises AmqpError: amqp:not-found, com.microsoft:argument-out-of-range (partition), com.microsoft:argument-error
        (start position), amqp:link:stolen (a reader of a higher epoch is there, or of any epoch and this has none).
        """
        match _segments(address):
            case [name, "consumergroups", group, "partitions", text]:
                hub = self._hub(name)
                index = self._partition(hub, text)
            case _:
                raise AmqpError("amqp:not-found", f"The messaging entity '{address}' could not be found.")
        if epoch is not None and (not isinstance(epoch, int) or epoch < 0):
            raise AmqpError("com.microsoft:argument-error", "the epoch must be a number from 0 up")
        partition = hub.partitions[index]
        reader = Reader(partition, group.lower(), epoch, _position(partition, filters), metrics, wake, detach)
        rivals = [rival for rival in hub.readers[index] if rival.group == reader.group]
        owner = max((rival.epoch for rival in rivals if rival.epoch is not None), default=None)
        if owner is not None and (epoch is None or epoch < owner):
            mine = "no epoch" if epoch is None else f"epoch '{epoch}'"
            raise AmqpError(
                "amqp:link:stolen",
                f"A receiver with a higher epoch '{owner}' already exists. A new receiver with {mine} cannot be created.",
            )
        if epoch is not None:
            for rival in rivals:
                hub.readers[index].remove(rival)
                rival.detach(
                    AmqpError(
                        "amqp:link:stolen",
                        f"New receiver with higher epoch of '{epoch}' is created hence current receiver is disconnected.",
                    )
                )
        hub.readers[index].append(reader)
        return reader

    def release(self, reader: Reader) -> None:
        for hub in self.hubs.values():
            for readers in hub.readers:
                if reader in readers:
                    readers.remove(reader)

    def management(self, asked: dict[str, Any]) -> tuple[int, str, bytes]:
        """Return status code, description and encoded body for a `$management` request with these application properties."""
        if asked.get("operation") != "READ":
            return 501, "only the operation READ is supported", amqp.NULL
        try:
            hub = self._hub(str(asked.get("name")))
            if asked.get("type") == "com.microsoft:eventhub":
                return 200, "OK", _hub_properties(hub)
            if asked.get("type") == "com.microsoft:partition":
                return 200, "OK", _partition_properties(hub, self._partition(hub, str(asked.get("partition"))))
        except AmqpError as fault:
            return 404 if fault.condition == "amqp:not-found" else 400, fault.description, amqp.NULL
        return 501, "only the types com.microsoft:eventhub and com.microsoft:partition are supported", amqp.NULL


def _segments(address: str) -> list[str]:
    """The path of an address, with or without scheme and host, the words of the scheme in lower case."""
    try:
        path = urlsplit(address).path
    except ValueError:
        return []
    parts = [unquote(part) for part in path.strip("/").split("/")]
    return [part.lower() if part.lower() in ("partitions", "consumergroups") else part for part in parts]


def _position(partition: Partition, filters: object) -> int:
    """The sequence number at which a source filter starts: `amqp.annotation.x-opt-… > '…'`; the beginning without one."""
    wanted = filters.get("apache.org:selector-filter:string") if isinstance(filters, dict) else None
    if isinstance(wanted, Described):
        wanted = wanted.value
    if wanted is None:
        return partition.begin
    found = _POSITION.fullmatch(wanted.strip()) if isinstance(wanted, str) else None
    if found is None:
        raise AmqpError("com.microsoft:argument-error", "The start position is not understood.")
    kind, operator, text = found.groups()
    if text == "@latest":
        return partition.next
    value, inclusive = int(text), operator == ">="
    if kind == "enqueued-time":
        return partition.after_time(value, inclusive)
    if value < 0:
        return partition.begin
    last = partition.last_offset if kind == "offset" else partition.next - 1
    if value > last + (inclusive and kind != "offset"):
        # a checkpoint from a log that is gone: waiting for it to be reached again would lose what comes until then
        raise AmqpError(
            "com.microsoft:argument-error", f"The supplied {kind} '{value}' is invalid. The last {kind} in the system is '{last}'."
        )
    if kind == "offset":
        return partition.after_offset(value, inclusive)
    return value if inclusive else value + 1


def _hub_properties(hub: Hub) -> bytes:
    return amqp.mapped(
        (amqp.string(key), value)
        for key, value in (
            ("name", amqp.string(hub.name)),
            ("type", amqp.string("com.microsoft:eventhub")),
            ("created_at", amqp.timestamp(hub.created_ms)),
            ("partition_count", amqp.int32(len(hub.partitions))),
            ("partition_ids", amqp.array(0xB1, map(str, range(len(hub.partitions))))),
        )
    )


def _partition_properties(hub: Hub, index: int) -> bytes:
    partition = hub.partitions[index]
    return amqp.mapped(
        (amqp.string(key), value)
        for key, value in (
            ("name", amqp.string(hub.name)),
            ("type", amqp.string("com.microsoft:partition")),
            ("partition", amqp.string(str(index))),
            ("begin_sequence_number", amqp.long(partition.begin)),
            ("last_enqueued_sequence_number", amqp.long(partition.next - 1)),
            ("last_enqueued_offset", amqp.string(str(partition.last_offset))),
            ("last_enqueued_time_utc", amqp.timestamp(partition.last_time)),
            ("is_partition_empty", amqp.boolean(partition.next == partition.begin)),
        )
    )


def _runtime_metrics(partition: Partition) -> bytes:
    """The delivery annotations that a receiver with `com.microsoft:enable-receiver-runtime-metric` asked for."""
    return amqp.described(
        event.DELIVERY_ANNOTATIONS,
        amqp.mapped(
            (amqp.symbol(key), value)
            for key, value in (
                ("last_enqueued_sequence_number", amqp.long(partition.next - 1)),
                ("last_enqueued_offset", amqp.string(str(partition.last_offset))),
                ("last_enqueued_time_utc", amqp.timestamp(partition.last_time)),
                ("runtime_info_retrieval_time_utc", amqp.timestamp(time.time_ns() // 1_000_000)),
            )
        ),
    )
