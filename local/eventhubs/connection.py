"""One AMQP connection as the server sees it: sessions, links, credit, windows, heartbeats, and what ends it."""

import asyncio
import logging
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from local.eventhubs import amqp, event
from local.eventhubs.amqp import NULL, AmqpError, Described, boolean, ubyte, uint, ushort
from local.eventhubs.hubs import MAX_MESSAGE_BYTES, Namespace, Reader

MAX_FRAME_BYTES = 65536
CHANNEL_MAX, HANDLE_MAX = 255, 1023
CREDIT = 1000  # transfers a sender may have under way; topped up when half is used
REPLIES_MAX = 100  # that may wait for their reader's credit
UNFINISHED_BYTES = 16 << 20  # of messages that are still arriving, over all links of a connection
LINGER = 1.0  # seconds between our last octet and the end of the socket, so that the peer can read it
_U32, _WINDOW = 0xFFFFFFFF, 0x7FFFFFFF
_HIGH_WATER = 1 << 20
_PULL = 1000  # events taken from a partition at a time
_SASL = ("ANONYMOUS", "PLAIN", "MSSBCBS", "EXTERNAL")

_LOG = logging.getLogger(__name__)

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

    session: "Session"
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
class Session:
    channel: int
    next_incoming_id: int
    window: int  # transfer frames that the peer will take
    next_outgoing_id: int = 0
    delivery_id: int = 0
    links: dict[int, Incoming | Outgoing] = field(default_factory=dict)
    unsent: deque[bytes] = field(default_factory=deque)  # frames that wait for the window
    sending: Outgoing | None = None  # the link that they are of


class Connection(asyncio.Protocol):
    """The server's end of one TCP connection. Whatever arrives on it, it can end only itself."""

    def __init__(self, namespace: Namespace, connections: set["Connection"], idle_timeout: timedelta) -> None:
        self._namespace = namespace
        self._connections = connections
        self._idle_timeout = idle_timeout.total_seconds()
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._expects = "header"  # then sasl and plain header, or at once: amqp; at the end: nothing
        self._opened = self._paused = False
        self._max_frame = 512  # what the peer takes
        self._sessions: dict[int, Session] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._unfinished = 0  # bytes of messages that are still arriving
        self._last_heard = self._loop.time()

    # the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(_HIGH_WATER)
        self._connections.add(self)
        self._check_idle()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._expects = "nothing"
        self._connections.discard(self)
        for timer in self._timers.values():
            timer.cancel()
        for session in self._sessions.values():
            self._release(session)
        self._sessions.clear()

    def pause_writing(self) -> None:
        """The peer does not read: send no more to it, and take no more requests from it either."""
        self._paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        self._transport.resume_reading()
        for session in self._sessions.values():
            self._pump_all(session)

    def data_received(self, data: bytes) -> None:
        self._last_heard = self._loop.time()
        if self._expects == "nothing":
            return
        self._buffer += data
        try:
            self._consume()
        except AmqpError as fault:
            self.fail(fault)
        except Exception:
            _LOG.exception("a connection failed on a frame that no check refused")
            self.fail(AmqpError("amqp:internal-error", "the server failed on this frame"))

    def fail(self, fault: AmqpError | None) -> None:
        """Ends the connection with an AMQP Close that carries `fault`; what still arrives is ignored."""
        if self._expects == "nothing":
            return
        if self._expects == "amqp":
            self._send_open()
            self._write(amqp.frame(0, amqp.CLOSE, amqp.error(fault)))
        self._expects = "nothing"
        self._buffer.clear()
        for session in self._sessions.values():
            self._release(session)
        self._sessions.clear()
        for timer in self._timers.values():
            timer.cancel()
        if not self._transport.is_closing():
            self._transport.write_eof()
            self._timers["linger"] = self._loop.call_later(LINGER, self._transport.abort)

    def abort(self) -> None:
        self._transport.abort()

    def _write(self, frames: bytes) -> None:
        if self._expects != "nothing" and not self._transport.is_closing():
            self._transport.write(frames)

    def _check_idle(self) -> None:
        """Twice the announced time without a frame ends the connection (AMQP part 2, 2.4.5 asks for that leeway)."""
        silent = self._loop.time() - self._last_heard
        if silent >= 2 * self._idle_timeout:
            self.fail(AmqpError("amqp:connection:forced", "No frame was received for the idle time-out."))
            return
        self._timers["idle"] = self._loop.call_later(2 * self._idle_timeout - silent, self._check_idle)

    def _heartbeat(self, interval: float) -> None:
        self._write(amqp.EMPTY_FRAME)
        self._timers["heartbeat"] = self._loop.call_later(interval, self._heartbeat, interval)

    # frames

    def _consume(self) -> None:
        buffer, at = self._buffer, 0
        while self._expects != "nothing" and len(buffer) - at >= 8:
            if self._expects in ("header", "plain header"):
                self._header(bytes(buffer[at : at + 8]))
                at += 8
                continue
            size, offset, kind, channel = struct.unpack_from(">IBBH", buffer, at)
            start = 4 * offset
            if size > MAX_FRAME_BYTES or start < 8 or start > size or kind != (self._expects == "sasl"):
                raise AmqpError("amqp:connection:framing-error", "a frame header is malformed")
            if len(buffer) - at < size:
                break
            body = bytes(memoryview(buffer)[at + start : at + size])
            at += size
            if body:
                self._frame(channel, body)
        del buffer[:at]

    def _header(self, header: bytes) -> None:
        if self._expects == "header" and header == amqp.SASL_HEADER:
            self._expects = "sasl"
            self._write(amqp.SASL_HEADER + amqp.frame(0, amqp.SASL_MECHANISMS, amqp.array(0xB3, _SASL), kind=1))
        elif header == amqp.PLAIN_HEADER:
            self._expects = "amqp"
            self._write(amqp.PLAIN_HEADER)
        else:  # another protocol or version: say which one is spoken here, and hang up (AMQP part 2, 2.2)
            self._write(amqp.SASL_HEADER)
            self.fail(None)

    def _frame(self, channel: int, body: bytes) -> None:
        code, fields, payload = amqp.decode_performative(body)
        if self._expects == "sasl":
            self._sasl(code, fields)
            return
        if code == amqp.OPEN:
            self._open(fields)
            return
        if not self._opened:
            raise AmqpError("amqp:not-allowed", "the connection is not open")
        if code == amqp.BEGIN:
            self._begin(channel, fields)
            return
        if code == amqp.CLOSE:
            self.fail(None)
            return
        session = self._sessions.get(channel)
        if session is None:
            raise AmqpError("amqp:not-allowed", f"there is no session on channel {channel}")
        match code:
            case amqp.ATTACH:
                self._attach(session, fields)
            case amqp.FLOW:
                self._flow(session, fields)
            case amqp.TRANSFER:
                self._transfer(session, fields, payload)
            case amqp.DETACH:
                self._detach(session, fields)
            case amqp.END:
                self._release(self._sessions.pop(channel))
                self._write(amqp.frame(channel, amqp.END, NULL))
            case amqp.DISPOSITION:
                pass  # everything is sent settled
            case _:
                raise AmqpError("amqp:not-allowed", "that frame does not belong here")

    def _sasl(self, code: int, fields: list[Any]) -> None:
        if code != amqp.SASL_INIT or fields[0] not in _SASL:
            self._write(amqp.frame(0, amqp.SASL_OUTCOME, ubyte(1), NULL, kind=1))
            self.fail(None)
            return
        self._write(amqp.frame(0, amqp.SASL_OUTCOME, ubyte(0), NULL, kind=1))
        self._expects = "plain header"

    def _send_open(self) -> None:
        if not self._opened:
            self._opened = True
            idle = uint(int(self._idle_timeout * 1000))
            self._write(
                amqp.frame(0, amqp.OPEN, amqp.string("gatewatch"), NULL, uint(MAX_FRAME_BYTES), ushort(CHANNEL_MAX), idle, *5 * (NULL,))
            )

    def _open(self, fields: list[Any]) -> None:
        if self._opened:
            raise AmqpError("amqp:not-allowed", "the connection is open already")
        self._max_frame = min(amqp.number(fields, 2, _U32), 1 << 20)
        if self._max_frame < 512:
            raise AmqpError("amqp:invalid-field", "max-frame-size must be 512 or more")
        self._send_open()
        peer_idle = amqp.number(fields, 4, 0) / 1000
        if peer_idle:
            self._heartbeat(max(peer_idle / 2, 0.05))

    def _begin(self, channel: int, fields: list[Any]) -> None:
        if channel > CHANNEL_MAX or channel in self._sessions:
            raise AmqpError("amqp:not-allowed", f"channel {channel} is in use or above {CHANNEL_MAX}")
        self._sessions[channel] = Session(channel, amqp.number(fields, 1), amqp.number(fields, 2))
        windows = uint(0), uint(_WINDOW), uint(_WINDOW), uint(HANDLE_MAX)
        self._write(amqp.frame(channel, amqp.BEGIN, ushort(channel), *windows, NULL, NULL, NULL))

    # links

    def _attach(self, session: Session, fields: list[Any]) -> None:
        name, handle, receiver = fields[0], amqp.number(fields, 1), fields[2]
        if not isinstance(name, str) or not isinstance(receiver, bool) or handle > HANDLE_MAX:
            raise AmqpError("amqp:invalid-field", "name, handle and role of an attach are wrong")
        there = session.links.get(handle)
        if there is not None and not there.closed:
            raise AmqpError("amqp:session:handle-in-use", f"handle {handle} is in use")
        source, target = _terminus(fields[5], 11), _terminus(fields[6], 7)
        address = (source if receiver else target)[0]
        address = address if isinstance(address, str) else ""
        fault = None
        link: Incoming | Outgoing
        try:
            link = (
                self._outgoing(session, handle, address, source, target, fields) if receiver else self._incoming(session, handle, address)
            )
        except AmqpError as refusal:  # AMQP refuses a link by attaching it without a terminus and detaching it at once
            fault = refusal
            link = Incoming(handle, _refuse, closed=True)
        session.links[handle] = link
        source_reply, target_reply = NULL, NULL
        if fault is None:
            source_reply = amqp.described(amqp.SOURCE, amqp.listed(_address(source[0]), *10 * (NULL,)))
            target_reply = amqp.described(amqp.TARGET, amqp.listed(_address(target[0]), *6 * (NULL,)))
        mode = fields[3] if fields[3] in (0, 1, 2) and not isinstance(fields[3], bool) else 2
        self._write(
            amqp.frame(
                session.channel, amqp.ATTACH, amqp.string(name), uint(handle), boolean(not receiver), ubyte(1 if receiver else mode), ubyte(0),
                source_reply, target_reply, NULL, amqp.FALSE, uint(0) if receiver else NULL, amqp.ulong(MAX_MESSAGE_BYTES), NULL, NULL, NULL,
            )
        )  # fmt: skip
        if fault is not None:
            self._write(amqp.frame(session.channel, amqp.DETACH, uint(handle), amqp.TRUE, amqp.error(fault)))
        elif isinstance(link, Incoming):
            self._grant(session, link)

    def _incoming(self, session: Session, handle: int, address: str) -> Incoming:
        if address in ("$cbs", "$management"):
            return Incoming(handle, lambda payload, _: self._answer(session, address, payload))
        return Incoming(handle, self._namespace.sender(address))

    def _outgoing(self, session: Session, handle: int, address: str, source: list[Any], target: list[Any], fields: list[Any]) -> Outgoing:
        link = Outgoing(session, handle, address, target[0] if isinstance(target[0], str) else None, lambda _: [])
        if address in ("$cbs", "$management"):
            link.fetch = lambda count: [link.replies.popleft() for _ in range(min(count, len(link.replies)))]
            return link
        properties = fields[13] if isinstance(fields[13], dict) else {}
        wishes = fields[12] if isinstance(fields[12], list) else [fields[12]]
        link.reader = self._namespace.read(
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
        self._write(amqp.frame(link.session.channel, amqp.DETACH, uint(link.handle), amqp.TRUE, amqp.error(fault)))

    def _detach(self, session: Session, fields: list[Any]) -> None:
        link = session.links.pop(amqp.number(fields, 0), None)
        if link is None:
            raise AmqpError("amqp:session:unattached-handle", f"handle {fields[0]} is not attached")
        if not link.closed:
            self._close_link(link)
            self._write(amqp.frame(session.channel, amqp.DETACH, uint(link.handle), boolean(fields[1] is True), NULL))

    def _release(self, session: Session) -> None:
        for link in session.links.values():
            self._close_link(link)

    def _close_link(self, link: Incoming | Outgoing) -> None:
        link.closed = True
        if isinstance(link, Incoming):
            self._forget(link)
        else:
            if link.session.sending is link:
                link.session.unsent.clear()
            if link.reader is not None:
                self._namespace.release(link.reader)
                link.reader = None

    # from the peer

    def _grant(self, session: Session, link: Incoming) -> None:
        self._send_flow(session, uint(link.handle), uint(link.count), uint(CREDIT))

    def _send_flow(self, session: Session, handle: bytes = NULL, count: bytes = NULL, credit: bytes = NULL) -> None:
        ids = uint(session.next_incoming_id), uint(_WINDOW), uint(session.next_outgoing_id), uint(_WINDOW)
        self._write(amqp.frame(session.channel, amqp.FLOW, *ids, handle, count, credit, NULL, amqp.FALSE, amqp.FALSE, NULL))

    def _transfer(self, session: Session, fields: list[Any], payload: bytes) -> None:
        session.next_incoming_id = (session.next_incoming_id + 1) & _U32
        link = session.links.get(amqp.number(fields, 0))
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
            self._unfinished += len(payload)
            if self._unfinished > UNFINISHED_BYTES:
                raise AmqpError("amqp:resource-limit-exceeded", f"more than {UNFINISHED_BYTES} bytes of messages are unfinished")
        if fields[5] is True:
            return
        (delivery, message_format, settled), link.delivery = link.delivery, None
        message, size = bytes(link.message) or payload, link.size
        self._forget(link)
        link.size = 0
        link.count = (link.count + 1) & _U32
        if link.count % (CREDIT // 2) == 0:
            self._grant(session, link)
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
            self._write(amqp.frame(session.channel, amqp.DISPOSITION, amqp.TRUE, *ids, amqp.TRUE, outcome, amqp.FALSE))

    def _forget(self, link: Incoming) -> None:
        self._unfinished -= len(link.message)
        link.message.clear()

    def _answer(self, session: Session, node: str, payload: bytes) -> None:
        """Answers a request to `$cbs` or `$management` on the link that the peer opened for it."""
        properties: list[Any] = []
        asked: dict[str, Any] = {}
        for section in event.sections(payload):
            if section.code == event.PROPERTIES:
                properties = list(section.value)
            elif section.code == event.APPLICATION:
                asked = section.value
        properties += [None] * (13 - len(properties))
        links = [s for s in session.links.values() if isinstance(s, Outgoing) and s.node == node and not s.closed]
        link = next((s for s in links if s.target == properties[4]), links[-1] if links else None)
        if link is None:
            raise AmqpError("amqp:not-found", f"there is no receiver for replies of {node}")
        if len(link.replies) >= REPLIES_MAX:
            raise AmqpError("amqp:resource-limit-exceeded", "too many replies wait for credit")
        if node == "$management":
            status, description, body = self._namespace.management(asked)
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

    def _flow(self, session: Session, fields: list[Any]) -> None:
        under_way = (session.next_outgoing_id - amqp.number(fields, 0, 0)) & _U32
        session.window = max(amqp.number(fields, 1) - under_way, 0)
        if fields[4] is not None:
            link = session.links.get(amqp.number(fields, 4))
            if link is None:
                raise AmqpError("amqp:session:unattached-handle", f"handle {fields[4]} is not attached")
            if isinstance(link, Outgoing) and not link.closed:
                behind = (link.count - amqp.number(fields, 5, 0)) & _U32
                link.credit = max(amqp.number(fields, 6, 0) - behind, 0)
                link.drain = fields[8] is True
        self._pump_all(session)
        if fields[9] is True:
            self._send_flow(session)

    def _pump_all(self, session: Session) -> None:
        for link in session.links.values():
            if isinstance(link, Outgoing):
                self._pump(link)

    def _wake(self, link: Outgoing) -> None:
        """There is something to send: do so in a moment, once for all that came by then."""
        if not link.scheduled and link.credit:
            link.scheduled = True
            self._loop.call_soon(self._pump, link)

    def _pump(self, link: Outgoing) -> None:
        """Sends what there is, as far as the link's credit, the session's window and the socket's buffer allow."""
        link.scheduled = False
        session = link.session
        self._flush(session)
        while link.credit and session.window and not (link.closed or self._paused or session.unsent):
            messages = link.fetch(min(link.credit, session.window, _PULL))
            if not messages:
                break
            self._send(link, messages)
        if link.drain and link.credit and not (link.closed or self._paused or session.unsent):
            link.count, link.credit, link.drain = (link.count + link.credit) & _U32, 0, False
            self._send_flow(session, uint(link.handle), uint(link.count), uint(0))

    def _send(self, link: Outgoing, messages: list[bytes]) -> None:
        session = link.session
        head = b"\x00\x53\x14\xd0" + struct.pack(">IIBIB", 25, 11, 0x70, link.handle, 0x70)
        channel, delivery, pack = session.channel, session.delivery_id, _TRANSFER.pack
        overhead = _TRANSFER.size
        room = self._max_frame - overhead
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
        session.delivery_id = delivery
        link.count = (link.count + len(messages)) & _U32
        link.credit -= len(messages)
        frames = min(len(out) // 2, session.window)
        self._write(b"".join(out[: 2 * frames]))
        session.unsent.extend(map(bytes.__add__, out[2 * frames :: 2], out[2 * frames + 1 :: 2]))
        session.sending = link if session.unsent else None
        session.window -= frames
        session.next_outgoing_id = (session.next_outgoing_id + frames) & _U32

    def _flush(self, session: Session) -> None:
        while session.unsent and session.window:
            self._write(session.unsent.popleft())
            session.window -= 1
            session.next_outgoing_id = (session.next_outgoing_id + 1) & _U32


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
