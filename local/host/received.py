"""What the pump needs of a received event, without the two message objects that the SDK's EventData builds: a fifth of the pump's CPU."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Self

import azure.eventhub.aio._consumer_async as consumer
from azure.eventhub import EventData

_NAME = "EventData"  # in the private module that makes them


class ReceivedEvent:
    """A received AMQP message with the attributes of `azure.eventhub.EventData` that this host and the client's receiver read."""

    __slots__ = ("_annotations", "_message")

    def __init__(self, message: Any) -> None:
        self._message = message
        self._annotations: dict[bytes, Any] = message.message_annotations or {}

    @classmethod
    def _from_message(cls, message: Any) -> Self:
        return cls(message)

    @property
    def body(self) -> list[bytes]:
        """The data sections; empty for an AMQP value or sequence, which no gateway sends."""
        return self._message.data or []

    @property
    def sequence_number(self) -> int | None:
        return self._annotations.get(b"x-opt-sequence-number")

    @property
    def offset(self) -> str | None:
        offset = self._annotations.get(b"x-opt-offset")
        return offset.decode() if isinstance(offset, bytes) else None

    @property
    def enqueued_time(self) -> datetime | None:
        milliseconds = self._annotations.get(b"x-opt-enqueued-time")
        return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None

    @property
    def partition_key(self) -> bytes | None:
        return self._annotations.get(b"x-opt-partition-key")

    @property
    def properties(self) -> dict[Any, Any]:
        return self._message.application_properties or {}


def install() -> bool:
    """Makes the async consumer client of this process hand out ReceivedEvents; False, and nothing is changed, if it does not look as known."""
    if getattr(consumer, _NAME, None) is EventData:
        setattr(consumer, _NAME, ReceivedEvent)
    return getattr(consumer, _NAME, None) is ReceivedEvent
