"""The part of AMQP 1.0 that Event Hubs clients use: typed values, performatives and frames, both ways.

Own code instead of `azure.eventhub._pyamqp`, because this side reads what strangers send: that decoder trusts counts (a
40-byte frame can make it allocate 16 GB) and nests without limit, and it is a private module. Two habits of that client
shape the encoder: it reads performatives by index, so every field is written (null when absent), and it takes the first
two octets of a described type for granted, so descriptors are always smallulong.

Formats: OASIS AMQP 1.0, part 1 (types), part 2 (transport), part 3 (messaging).
"""

import struct
import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple

MAX_DEPTH = 32
NULL, TRUE, FALSE = b"\x40", b"\x41", b"\x42"
EMPTY_FRAME = b"\x00\x00\x00\x08\x02\x00\x00\x00"
PLAIN_HEADER, SASL_HEADER = b"AMQP\x00\x01\x00\x00", b"AMQP\x03\x01\x00\x00"

OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END, CLOSE = range(0x10, 0x19)
SASL_MECHANISMS, SASL_INIT, SASL_OUTCOME = 0x40, 0x41, 0x44
ERROR, ACCEPTED, REJECTED, SOURCE, TARGET = 0x1D, 0x24, 0x25, 0x28, 0x29
FIELDS = {OPEN: 10, BEGIN: 8, ATTACH: 14, FLOW: 11, TRANSFER: 11, DISPOSITION: 6, DETACH: 3, END: 1, CLOSE: 1, SASL_INIT: 3}


class AmqpError(Exception):
    """What a peer did wrong, as the `condition` (a symbol) and `description` that AMQP will carry back to it."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(f"{condition}: {description}")
        self.condition = condition
        self.description = description


class Described(NamedTuple):
    """A value with the descriptor that gives it its type: an int code or a symbol."""

    descriptor: Any
    value: Any


_CONSTANTS: dict[int, Any] = {0x40: None, 0x41: True, 0x42: False, 0x43: 0, 0x44: 0}
_NUMBERS = {
    code: struct.Struct(f">{letter}")
    for codes, letter in (
        ((0x50, 0x52, 0x53), "B"), ((0x51, 0x54, 0x55), "b"), ((0x56,), "?"), ((0x60,), "H"), ((0x61,), "h"),
        ((0x70,), "I"), ((0x71,), "i"), ((0x72,), "f"), ((0x80,), "Q"), ((0x81, 0x83), "q"), ((0x82,), "d"),
    )
    for code in codes
}  # fmt: skip
_U32 = struct.Struct(">I")


def _malformed(what: str) -> AmqpError:
    return AmqpError("amqp:decode-error", what)


def decode(buffer: bytes, at: int = 0, depth: int = 0) -> tuple[Any, int]:
    """Return the value that starts at `at` and the index behind it; strings and symbols both become str.

    Raises AmqpError(amqp:decode-error) for anything that is cut, inconsistent, too deep, or of a type that the Event
    Hubs SDKs cannot read either (char, decimal32, decimal64, arrays of described or compound types).
    """
    if depth > MAX_DEPTH:
        raise _malformed(f"values nested deeper than {MAX_DEPTH}")
    if at >= len(buffer):
        raise _malformed("a value is missing")
    code = buffer[at]
    if code == 0:
        descriptor, at = decode(buffer, at + 1, depth + 1)
        value, at = decode(buffer, at, depth + 1)
        return Described(descriptor, value), at
    return _decode_body(code, buffer, at + 1, depth)


def _decode_body(code: int, buffer: bytes, at: int, depth: int) -> tuple[Any, int]:
    if code in _CONSTANTS:
        return _CONSTANTS[code], at
    if code == 0x45:
        return [], at
    number = _NUMBERS.get(code)
    if number is not None:
        if at + number.size > len(buffer):
            raise _malformed("a number is cut")
        return number.unpack_from(buffer, at)[0], at + number.size
    if code in (0x94, 0x98):
        raw = buffer[at : at + 16]
        if len(raw) < 16:
            raise _malformed("a 16-octet value is cut")
        return uuid.UUID(bytes=raw) if code == 0x98 else raw, at + 16
    if code < 0xA0:
        raise _malformed(f"type {code:#04x} is unknown")
    wide = code >> 4 in (0xB, 0xD, 0xF)
    start = at + (4 if wide else 1)
    if start > len(buffer):
        raise _malformed("a length is cut")
    end = start + (_U32.unpack_from(buffer, at)[0] if wide else buffer[at])
    if end > len(buffer):
        raise _malformed("a length points past the end")
    if code in (0xA0, 0xB0):
        return buffer[start:end], end
    if code in (0xA1, 0xB1, 0xA3, 0xB3):
        try:
            return buffer[start:end].decode("utf-8" if code & 3 == 1 else "ascii"), end
        except UnicodeDecodeError:
            raise _malformed("a string is not UTF-8 or a symbol not ASCII") from None
    if code not in (0xC0, 0xC1, 0xD0, 0xD1, 0xE0, 0xF0):
        raise _malformed(f"type {code:#04x} is unknown")
    at = start + (4 if wide else 1)
    if at > end:
        raise _malformed("a count is cut")
    count = _U32.unpack_from(buffer, start)[0] if wide else buffer[start]
    if count > end - at:  # every item takes an octet at least, so a lie is found before anything is allocated
        raise _malformed("a count is larger than its value")
    items: list[Any] = []
    if code in (0xE0, 0xF0):
        if count and (buffer[at] == 0 or buffer[at] >= 0xC0):
            raise _malformed("arrays of described or compound types are not supported")
        element, at = (buffer[at], at + 1) if count else (0x40, at)
        for _ in range(count):
            item, at = _decode_body(element, buffer, at, depth + 1)
            items.append(item)
    else:
        for _ in range(count):
            item, at = decode(buffer, at, depth + 1)
            items.append(item)
    if at != end:
        raise _malformed("a size does not fit its content")
    if code not in (0xC1, 0xD1):
        return items, end
    if count % 2:
        raise _malformed("a map has a key without a value")
    if any(isinstance(key, list | dict | Described) for key in items[::2]):
        raise _malformed("a map key is not of a primitive type")
    return dict(zip(items[::2], items[1::2], strict=True)), end


def decode_performative(body: bytes) -> tuple[int, list[Any], bytes]:
    """Return code, fields (padded with None to the full list of that performative) and what follows it (a payload)."""
    performative, end = decode(body)
    if not isinstance(performative, Described) or not isinstance(performative.value, list):
        raise _malformed("a frame holds no performative")
    code, fields = performative.descriptor, performative.value
    if not isinstance(code, int) or code not in FIELDS:
        raise AmqpError("amqp:not-implemented", "a frame holds an unknown performative")
    if len(fields) > FIELDS[code]:
        raise _malformed("a performative has too many fields")
    return code, fields + [None] * (FIELDS[code] - len(fields)), body[end:]


def number(fields: list[Any], index: int, default: int | None = None) -> int:
    """Return a field that must be a number of 32 bits, `default` when absent; AmqpError(amqp:decode-error) otherwise."""
    value = default if fields[index] is None else fields[index]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 0xFFFFFFFF:
        raise _malformed(f"field {index} must be an unsigned number of 32 bits")
    return value


def uint(value: int) -> bytes:
    return b"\x70" + _U32.pack(value)


def ushort(value: int) -> bytes:
    return struct.pack(">BH", 0x60, value)


def ubyte(value: int) -> bytes:
    return bytes((0x50, value))


def int32(value: int) -> bytes:
    return struct.pack(">Bi", 0x71, value)


def ulong(value: int) -> bytes:
    return struct.pack(">BQ", 0x80, value)


def long(value: int) -> bytes:
    return struct.pack(">Bq", 0x81, value)


def timestamp(milliseconds: int) -> bytes:
    return struct.pack(">Bq", 0x83, milliseconds)


def boolean(value: bool) -> bytes:
    return TRUE if value else FALSE


def string(text: str) -> bytes:
    raw = text.encode()
    return b"\xb1" + _U32.pack(len(raw)) + raw


def symbol(text: str) -> bytes:
    raw = text.encode("ascii")
    return b"\xb3" + _U32.pack(len(raw)) + raw


def listed(*items: bytes) -> bytes:
    content = b"".join(items)
    return b"\xd0" + struct.pack(">II", len(content) + 4, len(items)) + content


def mapped(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    items = [item for pair in pairs for item in pair]
    content = b"".join(items)
    return b"\xd1" + struct.pack(">II", len(content) + 4, len(items)) + content


def array(element: int, items: Iterable[str]) -> bytes:
    """An array of strings (`element` 0xb1) or symbols (0xb3)."""
    raw = [item.encode() for item in items]
    content = b"".join(_U32.pack(len(item)) + item for item in raw)
    return b"\xf0" + struct.pack(">IIB", len(content) + 5, len(raw), element) + content


def described(code: int, value: bytes) -> bytes:
    return bytes((0x00, 0x53, code)) + value


def message_id(value: object) -> bytes:
    """One of the four types that AMQP allows as a message id; anything else is null."""
    match value:
        case uuid.UUID():
            return b"\x98" + value.bytes
        case str():
            return string(value)
        case bytes():
            return b"\xb0" + _U32.pack(len(value)) + value
        case int() if not isinstance(value, bool) and 0 <= value < 1 << 64:
            return ulong(value)
        case _:
            return NULL


def error(fault: AmqpError | None) -> bytes:
    if fault is None:
        return NULL
    return described(ERROR, listed(symbol(fault.condition), string(fault.description), NULL))


def frame(channel: int, code: int, *fields: bytes, kind: int = 0) -> bytes:
    """One frame with one performative; `kind` 0 is AMQP, 1 is SASL."""
    body = described(code, listed(*fields))
    return struct.pack(">IBBH", len(body) + 8, 2, kind, channel) + body
