"""One AMQP connection as the server sees it: the socket, headers and SASL, frames to sessions, heartbeats, and what ends it."""

import asyncio
import logging
import struct
from datetime import timedelta
from typing import Any

from local.eventhubs import amqp
from local.eventhubs.amqp import NULL, AmqpError, ubyte, uint, ushort
from local.eventhubs.hubs import Namespace
from local.eventhubs.session import HANDLE_MAX, WINDOW, Session, Wire

MAX_FRAME_BYTES = 65536
CHANNEL_MAX = 255
LINGER = 1.0  # seconds between our last octet and the end of the socket, so that the peer can read it
_U32 = 0xFFFFFFFF
_HIGH_WATER = 1 << 20
_SASL = ("ANONYMOUS", "PLAIN", "MSSBCBS", "EXTERNAL")

_LOG = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """The server's end of one TCP connection. Whatever arrives on it, it can end only itself."""

    def __init__(self, namespace: Namespace, connections: set["Connection"], idle_timeout: timedelta) -> None:
        self._connections = connections
        self._idle_timeout = idle_timeout.total_seconds()
        self._loop = asyncio.get_running_loop()
        self._wire = Wire(self._write, namespace, self._loop)
        self._buffer = bytearray()
        self._expects = "header"  # then sasl and plain header, or at once: amqp; at the end: nothing
        self._opened = False
        self._sessions: dict[int, Session] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
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
            session.release()
        self._sessions.clear()

    def pause_writing(self) -> None:
        """The peer does not read: send no more to it, and take no more requests from it either."""
        self._wire.paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._wire.paused = False
        self._transport.resume_reading()
        for session in self._sessions.values():
            session.pump_all()

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
            session.release()
        self._sessions.clear()
        for timer in self._timers.values():
            timer.cancel()
        if not self._transport.is_closing():
            try:
                self._transport.write_eof()
            except OSError:  # the peer has reset the connection since: there is nobody to say it to
                self._transport.abort()
                return
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
                session.attach(fields)
            case amqp.FLOW:
                session.flow(fields)
            case amqp.TRANSFER:
                session.transfer(fields, payload)
            case amqp.DETACH:
                session.detach(fields)
            case amqp.END:
                self._sessions.pop(channel).release()
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
        self._wire.max_frame = min(amqp.number(fields, 2, _U32), 1 << 20)
        if self._wire.max_frame < 512:
            raise AmqpError("amqp:invalid-field", "max-frame-size must be 512 or more")
        self._send_open()
        peer_idle = amqp.number(fields, 4, 0) / 1000
        if peer_idle:
            self._heartbeat(max(peer_idle / 2, 0.05))

    def _begin(self, channel: int, fields: list[Any]) -> None:
        if channel > CHANNEL_MAX or channel in self._sessions:
            raise AmqpError("amqp:not-allowed", f"channel {channel} is in use or above {CHANNEL_MAX}")
        self._sessions[channel] = Session(self._wire, channel, amqp.number(fields, 1), amqp.number(fields, 2))
        windows = uint(0), uint(WINDOW), uint(WINDOW), uint(HANDLE_MAX)
        self._write(amqp.frame(channel, amqp.BEGIN, ushort(channel), *windows, NULL, NULL, NULL))
