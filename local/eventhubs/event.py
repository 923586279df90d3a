"""One event: what a sender sent, checked and kept byte for byte behind the annotations that the hub adds."""

import struct
import zlib
from typing import Any, NamedTuple

from local.eventhubs import amqp
from local.eventhubs.amqp import AmqpError

BATCH_FORMAT = 0x80013700  # one message whose data sections are messages themselves; Microsoft's own
PARTITION_KEY = "x-opt-partition-key"
HEADER, DELIVERY_ANNOTATIONS, ANNOTATIONS, PROPERTIES, APPLICATION, DATA, SEQUENCE, VALUE, FOOTER = range(0x70, 0x79)

_OWN_ANNOTATIONS = {"x-opt-sequence-number", "x-opt-offset", "x-opt-enqueued-time"}
_SECTION_TYPES: dict[int, type] = {
    HEADER: list, DELIVERY_ANNOTATIONS: dict, ANNOTATIONS: dict, PROPERTIES: list, APPLICATION: dict,
    DATA: bytes, SEQUENCE: list, VALUE: object, FOOTER: dict,
}  # fmt: skip
_DATA_HEAD = b"\x00\x53\x75"
_EMPTY_DATA = b"\xa0\x00"
_KEY_PAIR = amqp.symbol(PARTITION_KEY)


class Event(NamedTuple):
    """`sections`: the message without header and annotations; `annotations`: the sender's own, as encoded pairs."""

    sections: bytes
    annotations: bytes = b""
    annotation_items: int = 0
    partition_key: str | None = None


class Section(NamedTuple):
    code: int
    value: Any
    start: int  # of the encoded value, behind the descriptor
    end: int


def sections(message: bytes) -> list[Section]:
    """Return the sections of a message; raises AmqpError(amqp:decode-error) unless every octet of it is understood."""
    found = []
    at = 0
    while at < len(message):
        if message[at] != 0:
            raise AmqpError("amqp:decode-error", "a message section has no descriptor")
        code, start = amqp.decode(message, at + 1)
        value, at = amqp.decode(message, start)
        if code == DATA and value is None:
            value = b""  # how the JavaScript client sends a body of null
        if not isinstance(code, int) or code not in _SECTION_TYPES or not isinstance(value, _SECTION_TYPES[code]):
            raise AmqpError("amqp:decode-error", "a message section is of no known kind")
        if code == PROPERTIES and isinstance(value, list) and len(value) > 13:
            raise AmqpError("amqp:decode-error", "a message has more than 13 properties")
        found.append(Section(code, value, start, at))
    return found


def _data_end(message: bytes, at: int) -> tuple[int, int]:
    """Where the content of a data section at `at` starts and ends; (0, 0) when there is no plain one."""
    kind = message[at + 3 : at + 4]
    if message[at : at + 3] == _DATA_HEAD:
        if kind == b"\xb0" and at + 8 <= len(message):
            start = at + 8
            return start, start + int.from_bytes(message[at + 4 : start], "big")
        if kind == b"\xa0" and at + 5 <= len(message):
            return at + 5, at + 5 + message[at + 4]
    return 0, 0


def _annotations(message: bytes, section: Section) -> tuple[bytes, int]:
    """Return the encoded pairs of an annotation map, and their number of items, without those that the hub sets."""
    wide = message[section.start] == 0xD1
    at = section.start + (9 if wide else 3)
    kept = []
    while at < section.end:
        key, middle = amqp.decode(message, at)
        _, end = amqp.decode(message, middle)
        if key not in _OWN_ANNOTATIONS:
            kept.append(message[at:end])
        at = end
    return b"".join(kept), 2 * len(kept)


def read_event(message: bytes) -> tuple[Event, int]:
    """Return an event, and the length of the message's header and annotations if those come first, else 0."""
    start, end = _data_end(message, 0)
    if start and end == len(message):
        return Event(message), 0
    annotations, items, key, prefix = b"", 0, None, 0
    kept: list[bytes] = []
    body = False
    for section in sections(message):
        if section.code == ANNOTATIONS:
            annotations, items = _annotations(message, section)
            found = section.value.get(PARTITION_KEY)
            key = found if isinstance(found, str) else None
        if section.code in (HEADER, DELIVERY_ANNOTATIONS, ANNOTATIONS):
            prefix = 0 if kept else section.end
        else:
            content = message[section.start : section.end] if section.value != b"" else _EMPTY_DATA
            kept.append(bytes((0x00, 0x53, section.code)) + content)
            body = body or section.code in (DATA, SEQUENCE, VALUE)
    if not body:
        raise AmqpError("amqp:decode-error", "an event has no body")
    return Event(b"".join(kept), annotations, items, key), prefix


def read_events(payload: bytes, message_format: int) -> tuple[list[Event], str | None]:
    """Return the events of one transfer and the partition key that they were sent with.

    Raises AmqpError: amqp:not-implemented for another message format, amqp:decode-error for a malformed message.
    """
    if message_format == 0:
        event, _ = read_event(payload)
        return [event], event.partition_key
    if message_format != BATCH_FORMAT:
        raise AmqpError("amqp:not-implemented", f"message format {message_format:#x} is not supported")
    events: list[Event] = []
    shared_key, at, size = None, 0, len(payload)
    prefix, keyed = b"", Event(b"")
    while at < size:
        start, end = _data_end(payload, at)
        if not start or end > size:
            outer = sections(payload)  # a batch opens with header and annotations when it has a key; rare otherwise
            for section in outer:
                if section.code == ANNOTATIONS and isinstance(section.value.get(PARTITION_KEY), str):
                    shared_key = section.value[PARTITION_KEY]
            messages = [section.value for section in outer if section.code == DATA]
            events.clear()
            at = size
        else:
            messages, at = [payload[start:end]], end
        for message in messages:
            # events sent with one key repeat the same header and annotations: read them once
            if prefix and message.startswith(prefix):
                first, last = _data_end(message, len(prefix))
                if first and last == len(message):
                    events.append(keyed._replace(sections=message[len(prefix) :]))
                    continue
            event, length = read_event(message)
            prefix, keyed = message[:length], event
            events.append(event)
    if shared_key is not None:
        pair = _KEY_PAIR + amqp.string(shared_key)
        events = [
            event if event.partition_key is not None
            else event._replace(
                annotations=event.annotations + pair, annotation_items=event.annotation_items + 2, partition_key=shared_key
            )
            for event in events
        ]  # fmt: skip
    return events, shared_key


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: CRC-32 of its UTF-8, stable across restarts (the service's own hash is not published)."""
    return zlib.crc32(key.encode()) % partitions


def _symbol8(name: str) -> bytes:
    return b"\xa3" + bytes((len(name),)) + name.encode()


# annotations: 00 53 72, map32 (size, item count), sequence number (long), enqueued time (timestamp), offset (string)
_STAMP = struct.Struct(
    f">4sII{len(_symbol8('x-opt-sequence-number')) + 1}sq{len(_symbol8('x-opt-enqueued-time')) + 1}sq{len(_symbol8('x-opt-offset')) + 1}sB"
)
_SEQUENCE_NUMBER = _symbol8("x-opt-sequence-number") + b"\x81"
_ENQUEUED_TIME = _symbol8("x-opt-enqueued-time") + b"\x83"
_OFFSET = _symbol8("x-opt-offset") + b"\xa1"


def stamp(event: Event, sequence_number: int, offset: int, enqueued_ms: int) -> bytes:
    """Return the message as receivers get it: the hub's annotations, the sender's, then the sender's sections."""
    text = b"%d" % offset
    size = _STAMP.size - 8 + len(text) + len(event.annotations)  # map32's size counts what follows it
    return (
        _STAMP.pack(
            b"\x00\x53\x72\xd1", size, 6 + event.annotation_items, _SEQUENCE_NUMBER, sequence_number,
            _ENQUEUED_TIME, enqueued_ms, _OFFSET, len(text),
        )
        + text + event.annotations + event.sections
    )  # fmt: skip
