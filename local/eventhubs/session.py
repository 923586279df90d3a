"""One session of a connection: its links, what comes on them, and what goes out as far as credit and windows allow."""

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.eventhubs import amqp, event
from local.eventhubs.amqp import NULL, AmqpError, Described, boolean, ubyte, uint
from local.eventhubs.hubs import MAX_MESSAGE_BYTES, Namespace, Reader

HANDLE_MAX = 1023
CREDIT = 1000  # transfers a sender may have under way; topped up when half is used
REPLIES_MAX = 100  # that may wait for their reader's credit
UNFINISHED_BYTES = 16 << 20  # of messages that are still arriving, over all links of a connection
WINDOW = 0x7FFFFFFF
_U32 = 0xFFFFFFFF
_PULL = 1000  # events taken from a partition at a time

# a transfer frame: its size, data offset and type, channel; up to the delivery id; the id; tag, format 0, settled, more, five unused.
# The tag is the same for all: what is settled when sent needs none, and clients keep every one they see
_TRANSFER = struct.Struct(">IHH18sI11s")
_LAST, _MORE = (b"\xa0\x01\x00\x43\x41" + more + b"\x40\x40\x42\x42\x42" for more in (b"\x42", b"\x41"))


@dataclass(eq=False)
class Incoming:
    """A link on which the peer sends: events to a hub, or requests. `accept` takes a whole message and its format."""

    handle: int
    accept: Callable[[bytes, int], None]
    count: int = 0  # deliveries begun since the attach
    closed: bool = False  # by us; the peer's detach is awaited
    delivery: tuple[int, int, bool] | None = None  # id, format, settled, of the one that is arriving
    message: bytearray = field(default_factory=bytearray)  # what of it is here; empty again once it is too large
    size: int = 0


@dataclass(eq=False)
class Outgoing:
    """A link on which the peer receives: events of a partition, or replies. `fetch` gives up to n messages."""

    handle: int
    node: str
    target: str | None
    fetch: Callable[[int], list[bytes]]
    reader: Reader | None = None
    replies: deque[bytes] = field(default_factory=deque)
    credit: int = 0
    count: int = 0
    drain: bool = False
    closed: bool = False
    scheduled: bool = False


@dataclass(eq=False)
class Wire:
    """What sessions need of their connection."""

    write: Callable[[bytes], None]
    namespace: Namespace
    loop: asyncio.AbstractEventLoop
    max_frame: int = 512  # what the peer takes
    paused: bool = False  # the peer does not read
    unfinished: int = 0  # bytes of messages that are still arriving


class Session:
    """What the peer began on one channel. Its methods take the fields of the frames of their name."""

    def __init__(self, wire: Wire, channel: int, next_incoming_id: int, window: int) -> None:
        """`window`: transfer frames that the peer will take."""
        self._wire = wire
        self.channel = channel
        self.next_incoming_id = next_incoming_id
        self.window = window
        self.next_outgoing_id = 0
        self.delivery_id = 0
        self.links: dict[int, Incoming | Outgoing] = {}
        self.unsent: deque[bytes] = deque()  # frames that wait for the window
        self.sending: Outgoing | None = None  # the link that they are of

    # links

    def attach(self, fields: list[Any]) -> None:
        name, handle, receiver = fields[0], amqp.number(fields, 1), fields[2]
        if not isinstance(name, str) or not isinstance(receiver, bool) or handle > HANDLE_MAX:
            raise AmqpError("amqp:invalid-field", "name, handle and role of an attach are wrong")
        there = self.links.get(handle)
        if there is not None and not there.closed:
            raise AmqpError("amqp:session:handle-in-use", f"handle {handle} is in use")
        source, target = _terminus(fields[5], 11), _terminus(fields[6], 7)
        address = (source if receiver else target)[0]
        address = address if isinstance(address, str) else ""
        fault = None
        link: Incoming | Outgoing
        try:
            link = self._outgoing(handle, address, source, target, fields) if receiver else self._incoming(handle, address)
        except AmqpError as refusal:  # AMQP refuses a link by attaching it without a terminus and detaching it at once
            fault = refusal
            link = Incoming(handle, _refuse, closed=True)
        self.links[handle] = link
        source_reply, target_reply = NULL, NULL
        if fault is None:
            source_reply = amqp.described(amqp.SOURCE, amqp.listed(_address(source[0]), *10 * (NULL,)))
            target_reply = amqp.described(amqp.TARGET, amqp.listed(_address(target[0]), *6 * (NULL,)))
        mode = fields[3] if fields[3] in (0, 1, 2) and not isinstance(fields[3], bool) else 2
        self._wire.write(
            amqp.frame(
                self.channel, amqp.ATTACH, amqp.string(name), uint(handle), boolean(not receiver), ubyte(1 if receiver else mode), ubyte(0),
                source_reply, target_reply, NULL, amqp.FALSE, uint(0) if receiver else NULL, amqp.ulong(MAX_MESSAGE_BYTES), NULL, NULL, NULL,
            )
        )  # fmt: skip
        if fault is not None:
            self._wire.write(amqp.frame(self.channel, amqp.DETACH, uint(handle), amqp.TRUE, amqp.error(fault)))
        elif isinstance(link, Incoming):
            self._grant(link)

    def _incoming(self, handle: int, address: str) -> Incoming:
        if address in ("$cbs", "$management"):
            return Incoming(handle, lambda payload, _: self._answer(address, payload))
        return Incoming(handle, self._wire.namespace.sender(address))

    def _outgoing(self, handle: int, address: str, source: list[Any], target: list[Any], fields: list[Any]) -> Outgoing:
        link = Outgoing(handle, address, target[0] if isinstance(target[0], str) else None, lambda _: [])
        if address in ("$cbs", "$management"):
            link.fetch = lambda count: [link.replies.popleft() for _ in range(min(count, len(link.replies)))]
            return link
        properties = fields[13] if isinstance(fields[13], dict) else {}
        wishes = fields[12] if isinstance(fields[12], list) else [fields[12]]
        link.reader = self._wire.namespace.read(
            address,
            source[7],
            epoch=properties.get("com.microsoft:epoch"),
            metrics="com.microsoft:enable-receiver-runtime-metric" in wishes,
            wake=lambda: self._wake(link),
            detach=lambda fault: self._steal(link, fault),
        )
        link.fetch = link.reader.fetch
        return link

    def _steal(self, link: Outgoing, fault: AmqpError) -> None:
        self._close_link(link)
        self._wire.write(amqp.frame(self.channel, amqp.DETACH, uint(link.handle), amqp.TRUE, amqp.error(fault)))

    def detach(self, fields: list[Any]) -> None:
        link = self.links.pop(amqp.number(fields, 0), None)
        if link is None:
            raise AmqpError("amqp:session:unattached-handle", f"handle {fields[0]} is not attached")
        if not link.closed:
            self._close_link(link)
            self._wire.write(amqp.frame(self.channel, amqp.DETACH, uint(link.handle), boolean(fields[1] is True), NULL))

    def release(self) -> None:
        for link in self.links.values():
            self._close_link(link)

    def _close_link(self, link: Incoming | Outgoing) -> None:
        link.closed = True
        if isinstance(link, Incoming):
            self._forget(link)
        else:
            if self.sending is link:
                self.unsent.clear()
            if link.reader is not None:
                self._wire.namespace.release(link.reader)
                link.reader = None

    # from the peer

    def _grant(self, link: Incoming) -> None:
        self._send_flow(uint(link.handle), uint(link.count), uint(CREDIT))

    def _send_flow(self, handle: bytes = NULL, count: bytes = NULL, credit: bytes = NULL) -> None:
        ids = uint(self.next_incoming_id), uint(WINDOW), uint(self.next_outgoing_id), uint(WINDOW)
        self._wire.write(amqp.frame(self.channel, amqp.FLOW, *ids, handle, count, credit, NULL, amqp.FALSE, amqp.FALSE, NULL))

    def transfer(self, fields: list[Any], payload: bytes) -> None:
        self.next_incoming_id = (self.next_incoming_id + 1) & _U32
        link = self.links.get(amqp.number(fields, 0))
        if not isinstance(link, Incoming):
            raise AmqpError("amqp:session:unattached-handle", "a transfer came on a handle that cannot take it")
        if link.closed:
            return
        if link.delivery is None:
            link.delivery = amqp.number(fields, 1), amqp.number(fields, 3, 0), fields[4] is True
        link.size += len(payload)
        if link.size > MAX_MESSAGE_BYTES:
            self._forget(link)
        elif link.message or fields[5] is True:
            link.message += payload
            self._wire.unfinished += len(payload)
            if self._wire.unfinished > UNFINISHED_BYTES:
                raise AmqpError("amqp:resource-limit-exceeded", f"more than {UNFINISHED_BYTES} bytes of messages are unfinished")
        if fields[5] is True:
            return
        (delivery, message_format, settled), link.delivery = link.delivery, None
        message, size = bytes(link.message) or payload, link.size
        self._forget(link)
        link.size = 0
        link.count = (link.count + 1) & _U32
        if link.count % (CREDIT // 2) == 0:
            self._grant(link)
        if fields[9] is True:  # aborted
            return
        outcome = amqp.described(amqp.ACCEPTED, amqp.listed())
        try:
            if size > MAX_MESSAGE_BYTES:
                limit = f"The received message (size {size}) exceeds the limit ({MAX_MESSAGE_BYTES} bytes) of the link."
                raise AmqpError("amqp:link:message-size-exceeded", limit)
            link.accept(message, message_format)
        except AmqpError as fault:
            outcome = amqp.described(amqp.REJECTED, amqp.listed(amqp.error(fault)))
        if not settled:
            ids = uint(delivery), uint(delivery)
            self._wire.write(amqp.frame(self.channel, amqp.DISPOSITION, amqp.TRUE, *ids, amqp.TRUE, outcome, amqp.FALSE))

    def _forget(self, link: Incoming) -> None:
        self._wire.unfinished -= len(link.message)
        link.message.clear()

    def _answer(self, node: str, payload: bytes) -> None:
        """Answers a request to `$cbs` or `$management` on the link that the peer opened for it."""
        properties: list[Any] = []
        asked: dict[str, Any] = {}
        for section in event.sections(payload):
            if section.code == event.PROPERTIES:
                properties = list(section.value)
            elif section.code == event.APPLICATION:
                asked = section.value
        properties += [None] * (13 - len(properties))
        links = [s for s in self.links.values() if isinstance(s, Outgoing) and s.node == node and not s.closed]
        link = next((s for s in links if s.target == properties[4]), links[-1] if links else None)
        if link is None:
            raise AmqpError("amqp:not-found", f"there is no receiver for replies of {node}")
        if len(link.replies) >= REPLIES_MAX:
            raise AmqpError("amqp:resource-limit-exceeded", "too many replies wait for credit")
        if node == "$management":
            status, description, body = self._wire.namespace.management(asked)
        else:  # any token is good: this server listens on the loopback interface only
            status, description, body = 202, "Accepted", NULL
        link.replies.append(
            amqp.described(event.PROPERTIES, amqp.listed(*5 * (NULL,), amqp.message_id(properties[0])))
            + amqp.described(
                event.APPLICATION,
                amqp.mapped(
                    (
                        (amqp.string("status-code"), amqp.int32(status)),
                        (amqp.string("status-description"), amqp.string(description)),
                    )
                ),
            )
            + amqp.described(event.VALUE, body)
        )
        self._pump(link)

    # to the peer

    def flow(self, fields: list[Any]) -> None:
        under_way = (self.next_outgoing_id - amqp.number(fields, 0, 0)) & _U32
        self.window = max(amqp.number(fields, 1) - under_way, 0)
        if fields[4] is not None:
            link = self.links.get(amqp.number(fields, 4))
            if link is None:
                raise AmqpError("amqp:session:unattached-handle", f"handle {fields[4]} is not attached")
            if isinstance(link, Outgoing) and not link.closed:
                behind = (link.count - amqp.number(fields, 5, 0)) & _U32
                link.credit = max(amqp.number(fields, 6, 0) - behind, 0)
                link.drain = fields[8] is True
        self.pump_all()
        if fields[9] is True:
            self._send_flow()

    def pump_all(self) -> None:
        for link in self.links.values():
            if isinstance(link, Outgoing):
                self._pump(link)

    def _wake(self, link: Outgoing) -> None:
        """There is something to send: do so in a moment, once for all that came by then."""
        if not link.scheduled and link.credit:
            link.scheduled = True
            self._wire.loop.call_soon(self._pump, link)

    def _pump(self, link: Outgoing) -> None:
        """Sends what there is, as far as the link's credit, the session's window and the socket's buffer allow."""
        link.scheduled = False
        self._flush()
        while link.credit and self.window and not (link.closed or self._wire.paused or self.unsent):
            messages = link.fetch(min(link.credit, self.window, _PULL))
            if not messages:
                break
            self._send(link, messages)
        if link.drain and link.credit and not (link.closed or self._wire.paused or self.unsent):
            link.count, link.credit, link.drain = (link.count + link.credit) & _U32, 0, False
            self._send_flow(uint(link.handle), uint(link.count), uint(0))

    def _send(self, link: Outgoing, messages: list[bytes]) -> None:
        head = b"\x00\x53\x14\xd0" + struct.pack(">IIBIB", 25, 11, 0x70, link.handle, 0x70)
        channel, delivery, pack = self.channel, self.delivery_id, _TRANSFER.pack
        overhead = _TRANSFER.size
        room = self._wire.max_frame - overhead
        out: list[bytes] = []
        for message in messages:
            size = len(message)
            if size <= room:
                out += (pack(size + overhead, 0x0200, channel, head, delivery, _LAST), message)
            else:
                for start in range(0, size, room):
                    part = message[start : start + room]
                    out += (pack(len(part) + overhead, 0x0200, channel, head, delivery, _LAST if start + room >= size else _MORE), part)
            delivery = (delivery + 1) & _U32
        self.delivery_id = delivery
        link.count = (link.count + len(messages)) & _U32
        link.credit -= len(messages)
        frames = min(len(out) // 2, self.window)
        self._wire.write(b"".join(out[: 2 * frames]))
        self.unsent.extend(map(bytes.__add__, out[2 * frames :: 2], out[2 * frames + 1 :: 2]))
        self.sending = link if self.unsent else None
        self.window -= frames
        self.next_outgoing_id = (self.next_outgoing_id + frames) & _U32

    def _flush(self) -> None:
        while self.unsent and self.window:
            self._wire.write(self.unsent.popleft())
            self.window -= 1
            self.next_outgoing_id = (self.next_outgoing_id + 1) & _U32


def _terminus(value: object, length: int) -> list[Any]:
    """The fields of a source or target, padded with None."""
    if value is None:
        return [None] * length
    if not isinstance(value, Described) or not isinstance(value.value, list) or len(value.value) > length:
        raise AmqpError("amqp:decode-error", "a source or target is malformed")
    return [*value.value, *(length - len(value.value)) * (None,)]


def _address(value: object) -> bytes:
    return amqp.string(value) if isinstance(value, str) else NULL


def _refuse(_message: bytes, _format: int) -> None:
    raise AmqpError("amqp:not-found", "the link was refused")
