"""The embedded Event Hubs on the wire: flow control, heartbeats, refusals, and whatever bytes a stranger sends."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import struct
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub._pyamqp import performatives as p
from azure.eventhub._pyamqp._decode import decode_frame, decode_payload
from azure.eventhub._pyamqp._encode import encode_frame, encode_payload, encode_value
from azure.eventhub._pyamqp.endpoints import Source, Target
from azure.eventhub._pyamqp.message import BatchMessage, Header, Message, Properties
from azure.eventhub._pyamqp.types import TYPE, VALUE, AMQPTypes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.eventhubs import amqp, event
from local.eventhubs.amqp import AmqpError, Described
from local.eventhubs.hubs import Namespace
from local.eventhubs.server import EventHubs
from tests.local.eventhubs_thread import poll, running

OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END, CLOSE = range(0x10, 0x19)


class Peer:
    """A client that says exactly what a test wants, with the SDK's own encoder as second opinion on the format."""

    def __init__(self, server: EventHubs) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), 10)
        self.buffer = b""

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *frames: Any, channel: int = 0) -> None:
        self.socket.sendall(b"".join(encoded(frame, channel) for frame in frames))

    def raw(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only when the server has closed."""
        while len(self.buffer) < size:
            more = self.socket.recv(1 << 16)
            if not more:
                break
            self.buffer += more
        found, self.buffer = self.buffer[:size], self.buffer[size:]
        return found

    def frame(self) -> tuple[int, list[Any]]:
        """Return code and fields of the next frame, heartbeats as (0, []); (-1, []) when the server has closed."""
        head = self.raw(8)
        if len(head) < 8:
            return -1, []
        body = self.raw(struct.unpack(">I", head[:4])[0] - 8)
        return decode_frame(memoryview(body)) if body else (0, [])

    def until(self, code: int) -> list[Any]:
        """Return the fields of the next frame of this kind; other frames are skipped."""
        while True:
            found, fields = self.frame()
            if found == code:
                return fields
            assert found != -1, "the server has closed"

    def silent(self, seconds: float = 0.3) -> bool:
        """Whether nothing comes for a while."""
        self.socket.settimeout(seconds)
        try:
            return not self.buffer and not self.socket.recv(1 << 16, socket.MSG_PEEK)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(10)

    def open(self, *, max_frame: int = 65536, window: int = 5000, idle: int | None = None) -> Peer:
        self.socket.sendall(amqp.PLAIN_HEADER)
        assert self.raw(8) == amqp.PLAIN_HEADER
        self.send(make(p.OpenFrame, container_id="t", max_frame_size=max_frame, channel_max=10, idle_timeout=idle))
        self.send(make(p.BeginFrame, next_outgoing_id=0, incoming_window=window, outgoing_window=5000, handle_max=100))
        self.until(BEGIN)
        return self

    def attach(self, address: str, *, receiver: bool, handle: int = 1, filters: Any = None, properties: Any = None) -> list[Any]:
        """Attach a link and return the server's attach."""
        self.send(attach(address, receiver=receiver, handle=handle, filters=filters, properties=properties))
        return self.until(ATTACH)

    def credit(self, credit: int, *, count: int = 0, window: int = 5000, next_id: int = 0, handle: int | None = 1, **more: Any) -> None:
        self.send(
            make(p.FlowFrame,
                next_incoming_id=next_id, incoming_window=window, next_outgoing_id=0, outgoing_window=5000,
                handle=handle, delivery_count=count, link_credit=credit, **more,
            )
        )  # fmt: skip

    def transfer(self, payload: bytes, *, delivery: int = 0, message_format: int = 0, handle: int = 1, **more: Any) -> None:
        self.send(
            make(
                p.TransferFrame,
                handle=handle,
                delivery_id=delivery,
                delivery_tag=b"t",
                message_format=message_format,
                settled=False,
                payload=payload,
                **more,
            )
        )


def make(kind: Any, *first: Any, **named: Any) -> Any:
    """A performative whose other fields are null."""
    return kind(**dict.fromkeys(kind._fields) | dict(zip(kind._fields, first, strict=False)) | named)


def encoded(frame: Any, channel: int = 0, kind: bytes = b"\x00") -> bytes:
    head, body = encode_frame(frame, kind)
    return head + struct.pack(">H", channel) + body if body else bytes(head)


def attach(address: str, *, receiver: bool, handle: int = 1, filters: Any = None, properties: Any = None) -> Any:
    return make(p.AttachFrame,
        name=f"link {handle}", handle=handle, role=receiver,
        source=make(Source, address=address, filters=filters) if receiver else make(Source, address="me"),
        target=make(Target, address="me") if receiver else make(Target, address=address),
        initial_delivery_count=None if receiver else 0, properties=properties,
    )  # fmt: skip


def message(**sections: Any) -> bytes:
    output = bytearray()
    encode_payload(output, Message(**sections))
    return bytes(output)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventHubs]:
    with running(tmp_path_factory.mktemp("hubs"), {"calls": 2, "ten": 1, "large": 1}) as server:
        with Peer(server) as peer:
            peer.open().attach("ten", receiver=False)
            for number in range(10):
                peer.transfer(message(data=[b"%d" % number]), delivery=number)
                peer.until(DISPOSITION)
        yield server


@pytest.fixture(autouse=True)
def no_surprise(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """An exception that no check foresaw is logged, and costs one connection; here it also fails the test."""
    with caplog.at_level(logging.WARNING):
        yield
    assert not caplog.records


def alive(server: EventHubs) -> bool:
    with Peer(server) as peer:
        peer.open().attach("ten/ConsumerGroups/g/Partitions/0", receiver=True)
        peer.credit(1)
        return body(peer.until(TRANSFER)) == b"0"


def body(transfer: list[Any]) -> bytes:
    data: Any = decode_payload(transfer[11]).data
    return bytes(data[0])


# flow control


def test_no_event_without_credit_and_never_more_than_that(server: EventHubs) -> None:
    with Peer(server) as peer:
        peer.open().attach("ten/ConsumerGroups/g/Partitions/0", receiver=True)
        assert peer.silent()
        peer.credit(3)
        assert [body(peer.until(TRANSFER)) for _ in range(3)] == [b"0", b"1", b"2"]
        assert peer.silent()
        peer.credit(1, count=3, next_id=3)
        assert body(peer.until(TRANSFER)) == b"3"
        assert peer.silent()
        # this credit was computed before the fourth event arrived: it allows one more, not two
        peer.credit(2, count=3, next_id=4)
        assert body(peer.until(TRANSFER)) == b"4"
        assert peer.silent()


def test_the_session_window_holds_for_all_links(server: EventHubs) -> None:
    with Peer(server) as peer:
        peer.open(window=2)
        for handle in (1, 2):
            peer.attach("ten/ConsumerGroups/g/Partitions/0", receiver=True, handle=handle)
        peer.credit(10, window=2)
        peer.credit(10, window=0, next_id=2, handle=2)
        assert [body(peer.until(TRANSFER)) for _ in range(2)] == [b"0", b"1"]
        assert peer.silent()
        peer.credit(0, window=100, next_id=2, handle=None)
        found = [peer.until(TRANSFER) for _ in range(18)]
        assert sorted((t[0], body(t)) for t in found) == [(1, b"%d" % n) for n in range(2, 10)] + [(2, b"%d" % n) for n in range(10)]


def test_drain_gives_back_what_cannot_be_used(server: EventHubs) -> None:
    with Peer(server) as peer:
        peer.open().attach("ten/ConsumerGroups/g/Partitions/0", receiver=True)
        peer.credit(25, drain=True)
        assert [body(peer.until(TRANSFER)) for _ in range(10)] == [b"%d" % n for n in range(10)]
        flow = peer.until(FLOW)
        assert (flow[4], flow[5], flow[6]) == (1, 25, 0)


def test_a_large_event_is_cut_to_the_frames_and_the_window_of_its_reader(server: EventHubs) -> None:
    large = os.urandom(300_000)
    with Peer(server) as peer:
        peer.open().attach("large", receiver=False)
        payload = message(data=[large])
        for start in range(0, len(payload), 50_000):  # and comes in cut as well
            peer.transfer(payload[start : start + 50_000], more=start + 50_000 < len(payload))
        assert peer.until(DISPOSITION)[4] == {"accepted": []}
    with Peer(server) as peer:
        peer.open(max_frame=1000, window=100).attach("large/ConsumerGroups/g/Partitions/0", receiver=True)
        peer.credit(1, window=100)
        parts, frames = [], 0
        while True:
            transfer = peer.until(TRANSFER)
            frames += 1
            parts.append(bytes(transfer[11]))
            if not transfer[5]:
                break
            if frames % 100 == 0:
                assert peer.silent(0.05)
                peer.credit(0, count=1, window=100, next_id=frames)
    assert frames > 300
    assert max(map(len, parts)) < 1000
    assert decode_payload(memoryview(b"".join(parts))).data == [large]


def test_a_reader_that_does_not_read_stops_its_own_stream_only(tmp_path: Path) -> None:
    with running(tmp_path, {"calls": 1}) as server:
        with Peer(server) as peer:
            peer.open().attach("calls", receiver=False)
            payload = message(data=[b"x" * 60_000])
            for number in range(400):
                peer.transfer(payload, delivery=number)
            for _ in range(400):
                peer.until(DISPOSITION)
        with Peer(server) as lazy:
            lazy.open(max_frame=1 << 20).attach("calls/ConsumerGroups/g/Partitions/0", receiver=True)
            lazy.credit(400)
            connection = next(iter(server._connections))
            assert poll(lambda: connection._wire.paused)
            assert connection._transport.get_write_buffer_size() < 4 << 20, "24 MB must not pile up in memory"
            with Peer(server) as other:
                other.open().attach("calls/ConsumerGroups/g/Partitions/0", receiver=True)
                other.credit(1)
                assert len(body(other.until(TRANSFER))) == 60_000
            assert len([lazy.until(TRANSFER) for _ in range(400)]) == 400


# life of a connection


@pytest.mark.parametrize("mechanism", ["ANONYMOUS", "PLAIN", "MSSBCBS"])
def test_sasl(server: EventHubs, mechanism: str) -> None:
    with Peer(server) as peer:
        peer.socket.sendall(amqp.SASL_HEADER)
        assert peer.raw(8) == amqp.SASL_HEADER
        assert mechanism.encode() in peer.until(0x40)[0]
        peer.socket.sendall(
            encoded(make(p.SASLInit, mechanism=mechanism.encode(), initial_response=b"\x00a\x00b", hostname="h"), kind=b"\x01")
        )
        assert peer.until(0x44)[0] == 0
        peer.open()


def test_an_unknown_sasl_mechanism_is_refused(server: EventHubs) -> None:
    with Peer(server) as peer:
        peer.socket.sendall(amqp.SASL_HEADER + encoded(make(p.SASLInit, mechanism=b"NTLM"), kind=b"\x01"))
        peer.raw(8)
        assert peer.until(0x44)[0] == 1
        assert peer.frame() == (-1, [])


def test_heartbeats_come_as_often_as_the_peer_asks(server: EventHubs) -> None:
    with Peer(server) as peer:
        peer.open(idle=400)
        start = time.monotonic()
        for _ in range(3):
            assert peer.frame() == (0, [])
        assert time.monotonic() - start < 1.2
        peer.socket.sendall(b"\xff" * 8)  # and they end with the connection
        assert peer.until(CLOSE)[0][0] == b"amqp:connection:framing-error"
        assert peer.silent(0.5)


def test_a_silent_peer_is_let_go_a_beating_one_is_not(tmp_path: Path) -> None:
    with running(tmp_path, {"calls": 1}, idle_timeout=timedelta(seconds=0.2)) as server, Peer(server) as silent, Peer(server) as beating:
        silent.open()
        beating.open()
        beaten = 0
        silent.socket.setblocking(False)
        while True:
            try:
                if silent.socket.recv(1 << 16, socket.MSG_PEEK):
                    break
            except BlockingIOError:
                beating.socket.sendall(amqp.EMPTY_FRAME)
                beaten += 1
                time.sleep(0.02)
        silent.socket.setblocking(True)
        assert silent.until(CLOSE)[0][0] == b"amqp:connection:forced"
        assert beaten > 5
        assert beating.attach("calls", receiver=False)[5]


def test_links_sessions_and_connections_end_cleanly(server: EventHubs) -> None:
    with Peer(server) as peer:
        peer.open().attach("ten/ConsumerGroups/g/Partitions/0", receiver=True)
        peer.send(make(p.DetachFrame, handle=1, closed=True))
        assert peer.until(DETACH) == [1, True, None]
        peer.attach("ten/ConsumerGroups/g/Partitions/0", receiver=True, handle=1)  # a handle can be used again
        peer.send(make(p.EndFrame))
        peer.until(END)
        peer.send(make(p.BeginFrame, next_outgoing_id=0, incoming_window=1, outgoing_window=1, handle_max=1))  # and a channel
        peer.until(BEGIN)
        peer.send(make(p.CloseFrame))
        assert peer.until(CLOSE) == [None]
        assert peer.frame() == (-1, [])
    assert poll(lambda: not server._connections)
    assert not any(readers for hub in server._namespace.hubs.values() for readers in hub.readers)


def test_forty_connections_at_once(server: EventHubs) -> None:
    peers = [Peer(server).open() for _ in range(40)]
    for peer in peers:
        peer.attach("ten/ConsumerGroups/g/Partitions/0", receiver=True)
        peer.credit(10)
    for peer in peers:
        assert [body(peer.until(TRANSFER)) for _ in range(10)] == [b"%d" % n for n in range(10)]
        peer.socket.close()
    assert poll(lambda: not server._connections)


# refusals that leave the connection as it was


@pytest.mark.parametrize(
    ("address", "receiver", "condition"),
    [
        ("nowhere", False, b"amqp:not-found"),
        ("", False, b"amqp:not-found"),
        ("calls/Partitions/2", False, b"com.microsoft:argument-out-of-range"),
        ("calls/Partitions/\u0661", False, b"com.microsoft:argument-out-of-range"),
        ("amqp://[/calls", False, b"amqp:not-found"),
        ("calls/ConsumerGroups/g", True, b"amqp:not-found"),
        ("nowhere/ConsumerGroups/g/Partitions/0", True, b"amqp:not-found"),
        ("calls/ConsumerGroups/g/Partitions/x", True, b"com.microsoft:argument-out-of-range"),
    ],
)
def test_a_link_to_nowhere_is_refused(server: EventHubs, address: str, receiver: bool, condition: bytes) -> None:
    with Peer(server) as peer:
        reply = peer.open().attach(address, receiver=receiver)
        assert (reply[5], reply[6]) == (None, None)
        handle, closed, error = peer.until(DETACH)
        assert (handle, closed, error[0]) == (1, True, condition)
        assert peer.attach("amqps://any.host:5671/CALLS/partitions/1", receiver=False, handle=2)[6]


@pytest.mark.parametrize(
    "selector", ["", "x-opt-offset > 1", "amqp.annotation.x-opt-offset > 'a' OR 1=1", "amqp.annotation.x-opt-offset < '1'", 7]
)
def test_a_start_position_that_is_none_is_refused(server: EventHubs, selector: Any) -> None:
    key = b"apache.org:selector-filter:string"
    with Peer(server) as peer:
        peer.open().attach("ten/ConsumerGroups/g/Partitions/0", receiver=True, filters={key: (key, selector)})
        assert peer.until(DETACH)[2][0] == b"com.microsoft:argument-error"


def test_an_epoch_that_is_none_is_refused(server: EventHubs) -> None:
    with Peer(server) as peer:
        peer.open().attach("ten/ConsumerGroups/g/Partitions/0", receiver=True, properties={b"com.microsoft:epoch": "first"})
        assert peer.until(DETACH)[2][0] == b"com.microsoft:argument-error"


GOOD = message(data=[b"good"])
BAD_MESSAGES = {
    "nothing": b"",
    "no body": message(application_properties={"a": 1}),
    "cut": GOOD[:-1],
    "longer than it says": GOOD + b"\x00",
    "not described": b"\xa0\x04good",
    "unknown section": b"\x00\x53\x79\xa0\x00",
    "data that is text": b"\x00\x53\x75\xa1\x04good",
    "annotations that are a list": b"\x00\x53\x72\x45" + GOOD,
    "a map with half a pair": b"\x00\x53\x74\xc1\x04\x01\xa1\x01a" + GOOD,
    "a map with a list as key": b"\x00\x53\x74\xc1\x03\x02\x45\x40" + GOOD,
    "a property that is not UTF-8": b"\x00\x53\x74\xc1\x07\x02\xa1\x01\xff\xa1\x01a" + GOOD,
    "4 billion items": b"\x00\x53\x77\xd0\x00\x00\x00\x08\xff\xff\xff\xff\x40\x40\x40\x40",
    "4 billion nulls": b"\x00\x53\x77\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40",
    "deep": b"\x00\x53\x77" + b"\xc0\x7f\x01" * 4000 + b"\x40",
    "deep descriptors": b"\x00\x53\x77" + b"\x00" * 60_000,
    "14 properties": b"\x00\x53\x73\xc0\x0f\x0e" + b"\x40" * 14 + GOOD,
    "a type the SDK cannot read": b"\x00\x53\x77\x73\x00\x00\x00\x41",
}


@pytest.mark.parametrize("name", BAD_MESSAGES)
@pytest.mark.parametrize("batched", [False, True])
def test_a_malformed_event_is_rejected_alone(server: EventHubs, name: str, batched: bool) -> None:
    payload = BAD_MESSAGES[name]
    with Peer(server) as peer:
        peer.open().attach("calls/Partitions/0", receiver=False)
        before = server._namespace.hubs["calls"].partitions[0].next
        if batched:
            output = bytearray()
            encode_payload(output, BatchMessage(data=[GOOD, payload]))
            peer.transfer(bytes(output), message_format=event.BATCH_FORMAT)
        else:
            peer.transfer(payload)
        assert peer.until(DISPOSITION)[4]["rejected"][0][0] == b"amqp:decode-error"
        assert server._namespace.hubs["calls"].partitions[0].next == before, "nothing of a bad batch is stored"
        peer.transfer(GOOD, delivery=1)
        assert peer.until(DISPOSITION)[4] == {"accepted": []}


@pytest.mark.parametrize("batched", [False, True])
def test_a_body_of_null_is_an_empty_one(server: EventHubs, batched: bool) -> None:
    """As the JavaScript client sends it."""
    null = b"\x00\x53\x75\x40"
    with Peer(server) as peer, Peer(server) as reader:
        peer.open().attach("calls/Partitions/0", receiver=False)
        partition = server._namespace.hubs["calls"].partitions[0]
        output = bytearray()
        encode_payload(output, BatchMessage(data=[GOOD, null]))
        peer.transfer(bytes(output) if batched else null, message_format=event.BATCH_FORMAT if batched else 0)
        assert peer.until(DISPOSITION)[4] == {"accepted": []}
        key, selector = b"apache.org:selector-filter:string", f"amqp.annotation.x-opt-sequence-number > '{partition.next - 2}'"
        reader.open().attach("calls/ConsumerGroups/g/Partitions/0", receiver=True, filters={key: (key, selector)})
        reader.credit(1)
        assert body(reader.until(TRANSFER)) == b""


def test_messages_that_never_end_are_bounded_over_all_links(server: EventHubs) -> None:
    with Peer(server) as peer:
        peer.open()
        for handle in range(30):
            peer.attach("calls/Partitions/0", receiver=False, handle=handle)
        part, limit = b"x" * 60_000, 16 << 20
        with suppress(OSError):  # the server has closed before all was sent
            for number in range(2 * limit // len(part)):
                peer.transfer(part, handle=number % 30, delivery=number % 30, more=True)
        assert peer.until(CLOSE)[0][0] == b"amqp:resource-limit-exceeded"
    assert alive(server)


def test_other_message_formats_are_rejected(server: EventHubs) -> None:
    with Peer(server) as peer:
        peer.open().attach("calls", receiver=False)
        peer.transfer(GOOD, message_format=1)
        assert peer.until(DISPOSITION)[4]["rejected"][0][0] == b"amqp:not-implemented"


def test_an_aborted_delivery_is_forgotten(server: EventHubs) -> None:
    with Peer(server) as peer:
        peer.open().attach("calls/Partitions/1", receiver=False)
        before = server._namespace.hubs["calls"].partitions[1].next
        peer.transfer(GOOD[:5], more=True)
        peer.transfer(b"", aborted=True)
        peer.transfer(GOOD, delivery=1)
        assert peer.until(DISPOSITION)[1] == 1
        assert server._namespace.hubs["calls"].partitions[1].next == before + 1


def test_management_says_what_it_does_not_know(tmp_path: Path) -> None:
    namespace = Namespace()
    namespace.open(tmp_path, {"calls": 2}, timedelta(hours=1))
    read = {"operation": "READ", "name": "calls"}
    hub, partition = {"type": "com.microsoft:eventhub"}, {"type": "com.microsoft:partition"}
    asked: list[tuple[dict[str, Any], int]] = [
        ({}, 501), ({"operation": "DELETE"}, 501), (read, 501), (read | hub, 200), (read | hub | {"name": None}, 404),
        (read | partition | {"partition": "1"}, 200), (read | partition | {"partition": "2"}, 400), (read | partition | {"partition": b"0"}, 400),
        (read | partition, 400),
    ]  # fmt: skip
    for request, status in asked:
        assert namespace.management(request)[0] == status, request
    for found in namespace.partitions():
        found.close()


def test_a_request_without_a_link_for_its_reply_is_rejected(server: EventHubs) -> None:
    with Peer(server) as peer:
        peer.open().attach("$management", receiver=False)
        peer.transfer(message(properties=Properties(message_id="1"), application_properties={"operation": "READ"}))
        assert peer.until(DISPOSITION)[4]["rejected"][0][0] == b"amqp:not-found"


@pytest.mark.parametrize("message_id", ["text", uuid.UUID(int=5), 7, b"raw", None])
def test_replies_wait_for_credit_and_carry_the_id_of_their_request(server: EventHubs, message_id: Any) -> None:
    with Peer(server) as peer:
        peer.open().attach("$cbs", receiver=False, handle=1)
        peer.attach("$cbs", receiver=True, handle=2)
        peer.transfer(message(properties=Properties(message_id=message_id), application_properties={"operation": "put-token"}))
        peer.until(DISPOSITION)
        assert peer.silent()
        peer.credit(1, handle=2)
        reply = decode_payload(peer.until(TRANSFER)[11])
        assert reply.properties is not None
        assert reply.properties.correlation_id == (message_id.encode() if isinstance(message_id, str) else message_id)
        assert reply.application_properties[b"status-code"] == 202  # type: ignore[index]


def test_replies_that_nobody_takes_do_not_pile_up(server: EventHubs) -> None:
    with Peer(server) as peer:
        peer.open().attach("$cbs", receiver=False, handle=1)
        peer.attach("$cbs", receiver=True, handle=2)
        states = []
        for number in range(102):
            peer.transfer(message(properties=Properties("1")), delivery=number)
            states.append(next(iter(peer.until(DISPOSITION)[4])))
        assert states == ["accepted"] * 100 + ["rejected"] * 2


# what ends a connection, and only that one


def plain(*after: bytes) -> bytes:
    return amqp.PLAIN_HEADER + b"".join(after)


OPENED = plain(encoded(make(p.OpenFrame, container_id="t", max_frame_size=65536)))
BEGUN = OPENED + encoded(make(p.BeginFrame, next_outgoing_id=0, incoming_window=9, outgoing_window=9, handle_max=9))
CLOSING: dict[str, tuple[bytes, bytes]] = {
    "a huge frame": (OPENED + b"\xff\xff\xff\xff\x02\x00\x00\x00", b"amqp:connection:framing-error"),
    "a frame above the limit": (OPENED + struct.pack(">IBBH", 65537, 2, 0, 0), b"amqp:connection:framing-error"),
    "a frame below its head": (OPENED + b"\x00\x00\x00\x07\x02\x00\x00\x00", b"amqp:connection:framing-error"),
    "an offset into the head": (OPENED + b"\x00\x00\x00\x08\x01\x00\x00\x00", b"amqp:connection:framing-error"),
    "an offset past the end": (OPENED + b"\x00\x00\x00\x08\x03\x00\x00\x00", b"amqp:connection:framing-error"),
    "a SASL frame": (OPENED + b"\x00\x00\x00\x08\x02\x01\x00\x00", b"amqp:connection:framing-error"),
    "no performative": (OPENED + b"\x00\x00\x00\x09\x02\x00\x00\x00\x40", b"amqp:decode-error"),
    "an unknown performative": (OPENED + amqp.frame(0, 0x19), b"amqp:not-implemented"),
    "a cut performative": (OPENED + b"\x00\x00\x00\x0a\x02\x00\x00\x00\x00\x53", b"amqp:decode-error"),
    "too many fields": (OPENED + amqp.frame(0, END, amqp.NULL, amqp.NULL), b"amqp:decode-error"),
    "text for a number": (OPENED + amqp.frame(0, BEGIN, amqp.NULL, amqp.string("x"), amqp.uint(1), amqp.uint(1)), b"amqp:decode-error"),
    "a number above 32 bits": (OPENED + amqp.frame(0, BEGIN, amqp.NULL, amqp.ulong(1 << 32), amqp.uint(1), amqp.uint(1)), b"amqp:decode-error"),
    "nothing for a number": (OPENED + amqp.frame(0, BEGIN), b"amqp:decode-error"),
    "begin before open": (plain(amqp.frame(0, BEGIN, amqp.NULL, *3 * (amqp.uint(1),))), b"amqp:not-allowed"),
    "a second open": (OPENED + encoded(make(p.OpenFrame, container_id="t")), b"amqp:not-allowed"),
    "tiny frames": (plain(encoded(make(p.OpenFrame, container_id="t", max_frame_size=511))), b"amqp:invalid-field"),
    "attach before begin": (OPENED + encoded(attach("calls", receiver=False)), b"amqp:not-allowed"),
    "a second begin": (BEGUN + BEGUN[len(OPENED) :], b"amqp:not-allowed"),
    "a handle twice": (BEGUN + 2 * encoded(attach("calls", receiver=False)), b"amqp:session:handle-in-use"),
    "a handle above the limit": (BEGUN + encoded(attach("calls", receiver=False, handle=1024)), b"amqp:invalid-field"),
    "no name": (BEGUN + amqp.frame(0, ATTACH, amqp.NULL, amqp.uint(1), amqp.TRUE), b"amqp:invalid-field"),
    "a source that is text": (
        BEGUN + amqp.frame(0, ATTACH, amqp.string("x"), amqp.uint(1), amqp.TRUE, amqp.NULL, amqp.NULL, amqp.string("calls")), b"amqp:decode-error",
    ),
    "transfer without a link": (
        BEGUN + encoded(make(p.TransferFrame, handle=3, delivery_id=0, delivery_tag=b"", payload=GOOD)), b"amqp:session:unattached-handle",
    ),
    "transfer to a reader": (
        BEGUN + encoded(attach("ten/ConsumerGroups/g/Partitions/0", receiver=True))
        + encoded(make(p.TransferFrame, handle=1, delivery_id=0, delivery_tag=b"", payload=GOOD)), b"amqp:session:unattached-handle",
    ),
    "flow without a link": (BEGUN + encoded(make(p.FlowFrame, 0, 1, 0, 1, handle=5)), b"amqp:session:unattached-handle"),
    "detach without a link": (BEGUN + encoded(make(p.DetachFrame, handle=5)), b"amqp:session:unattached-handle"),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSING)
def test_a_malformed_frame_closes_its_connection_with_the_reason(server: EventHubs, name: str) -> None:
    conversation, condition = CLOSING[name]
    with Peer(server) as bystander, Peer(server) as peer:
        bystander.open().attach("ten/ConsumerGroups/other/Partitions/0", receiver=True)
        peer.socket.sendall(conversation)
        assert peer.raw(8) == amqp.PLAIN_HEADER
        assert peer.until(CLOSE)[0][0] == condition
        assert peer.frame() == (-1, [])
        bystander.credit(1)
        assert body(bystander.until(TRANSFER)) == b"0"


@pytest.mark.parametrize(
    "greeting",
    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"AMQP\x00\x00\x09\x01", b"AMQP\x02\x01\x00\x00", b"\x16\x03\x01\x02\x00\x01\x00\x01"],
)
def test_another_protocol_is_told_which_one_is_spoken_here(server: EventHubs, greeting: bytes) -> None:
    with Peer(server) as peer:
        peer.socket.sendall(greeting)
        assert peer.raw(100) == amqp.SASL_HEADER
    with Peer(server) as peer:  # also instead of the header that follows SASL
        peer.socket.sendall(amqp.SASL_HEADER + encoded(make(p.SASLInit, mechanism=b"ANONYMOUS"), kind=b"\x01") + greeting)
        assert peer.raw(8) == amqp.SASL_HEADER
        peer.until(0x44)
        assert peer.raw(100) == amqp.SASL_HEADER


EARLY: dict[str, bytes] = {
    "nothing": b"",
    "half a SASL header": amqp.SASL_HEADER[:5],
    "a SASL header": amqp.SASL_HEADER,
    "an unknown mechanism": amqp.SASL_HEADER + encoded(make(p.SASLInit, mechanism=b"NTLM"), kind=b"\x01"),
    "an open without TLS or SASL": OPENED,
    "a session": BEGUN,
    "the start of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
    "a frame that is none": OPENED + b"\x00\x00\x00\x04\xff\x00\x00\x00",
}


@pytest.mark.parametrize("how", ["reset", "gone"])
@pytest.mark.parametrize("said", EARLY)
def test_a_peer_that_is_gone_before_the_answer_is_let_go_without_a_word(
    tmp_path: Path, said: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In one thread: the server cannot answer before the peer is gone. A peer that is gone answers ours with a reset while we still speak."""

    async def play() -> list[dict[str, Any]]:
        complaints: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        async with EventHubs(tmp_path, {"calls": 1}) as server:
            stranger = socket.create_connection(("127.0.0.1", server.port), 10)
            stranger.sendall(EARLY[said])
            if how == "reset":
                stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stranger.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(amqp.SASL_HEADER)
            assert await reader.readexactly(8) == amqp.SASL_HEADER
            writer.close()
            await writer.wait_closed()
        return complaints

    assert asyncio.run(play()) == []
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


def conversation() -> bytes:
    """What a whole client says that attaches everything, sends, reads and closes."""
    filters = {b"apache.org:selector-filter:string": (b"apache.org:selector-filter:string", "amqp.annotation.x-opt-offset > '-1'")}
    batch = bytearray()
    encode_payload(
        batch,
        BatchMessage(data=[GOOD, message(header=Header(durable=True), message_annotations={"x-opt-partition-key": "k"}, data=[b"b"])]),
    )
    request = message(
        properties=Properties(message_id=uuid.uuid4()),
        application_properties={"operation": "READ", "type": "com.microsoft:partition", "name": "calls", "partition": "0"},
    )
    frames = [
        attach("$cbs", receiver=True, handle=0), attach("$cbs", receiver=False, handle=1), attach("$management", receiver=True, handle=2),
        attach("$management", receiver=False, handle=3), attach("calls", receiver=False, handle=4),
        attach("ten/ConsumerGroups/f/Partitions/0", receiver=True, handle=5, filters=filters, properties={b"com.microsoft:epoch": 1}),
        make(p.FlowFrame, 0, 100, 0, 100, handle=0, delivery_count=0, link_credit=10), make(p.FlowFrame, 0, 100, 0, 100, handle=2, delivery_count=0, link_credit=10),
        make(p.TransferFrame, handle=1, delivery_id=0, delivery_tag=b"0", payload=message(properties=Properties(message_id="1"), value="token")),
        make(p.TransferFrame, handle=3, delivery_id=1, delivery_tag=b"1", payload=request),
        make(p.TransferFrame, handle=4, delivery_id=2, delivery_tag=b"2", payload=bytes(batch), message_format=event.BATCH_FORMAT),
        make(p.TransferFrame, handle=4, delivery_id=3, delivery_tag=b"3", payload=GOOD[:4], more=True),
        make(p.TransferFrame, handle=4, delivery_id=3, delivery_tag=b"3", payload=GOOD[4:]),
        make(p.FlowFrame, 0, 100, 0, 100, handle=5, delivery_count=0, link_credit=10, echo=True),
        make(p.DetachFrame, handle=5, closed=True), make(p.EndFrame), make(p.CloseFrame),
    ]  # fmt: skip
    return BEGUN + b"".join(map(encoded, frames))


def drain(peer: Peer) -> None:
    try:
        peer.socket.shutdown(socket.SHUT_WR)
        while peer.socket.recv(1 << 16):
            pass
    except OSError:
        pass


def test_the_server_survives_noise(server: EventHubs) -> None:
    noise = random.Random(7)
    for _ in range(100):
        with Peer(server) as peer:
            prefix = noise.choice([b"", amqp.SASL_HEADER, amqp.PLAIN_HEADER, OPENED, BEGUN])
            peer.socket.sendall(prefix + noise.randbytes(noise.randrange(1, 3000)))
            drain(peer)
    assert alive(server)


def test_the_server_survives_a_client_with_damaged_bytes(server: EventHubs) -> None:
    whole = conversation()
    with Peer(server) as peer:
        peer.socket.sendall(whole)
        assert peer.raw(8) == amqp.PLAIN_HEADER
        assert peer.until(CLOSE) == [None], "undamaged, it must be a good conversation"
    damage = random.Random(11)
    for turn in range(500):
        broken = bytearray(whole)
        for _ in range(damage.randrange(1, 4)):
            at = damage.randrange(8, len(broken))
            match turn % 3:
                case 0:
                    broken[at] = damage.randrange(256)
                case 1:
                    del broken[at : at + damage.randrange(1, 40)]
                case _:
                    broken[at:at] = damage.randbytes(damage.randrange(1, 20))
        with Peer(server) as peer:
            peer.socket.sendall(broken)
            drain(peer)
    assert poll(lambda: not server._connections)
    assert alive(server)


@pytest.mark.parametrize("size", [1, 7])
def test_frames_may_come_in_any_pieces(server: EventHubs, size: int) -> None:
    whole = conversation()
    with Peer(server) as peer:
        for start in range(0, len(whole), size):
            peer.socket.sendall(whole[start : start + size])
        assert peer.raw(8) == amqp.PLAIN_HEADER
        assert peer.until(CLOSE) == [None]


# the codec

_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.floats(allow_nan=False) | st.text(max_size=300) | st.binary(max_size=300) | st.uuids(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@given(_values)
def test_what_the_sdk_encodes_is_decoded(value: Any) -> None:
    output = bytearray()
    encode_value(output, {TYPE: None, VALUE: value})
    assert amqp.decode(bytes(output)) == (value, len(output))


@given(_values, st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_damaged_values_are_values_or_refused(value: Any, data: st.DataObject) -> None:
    output = bytearray()
    encode_value(output, {TYPE: None, VALUE: value})
    at = data.draw(st.integers(0, len(output) - 1))
    output[at] = data.draw(st.integers(0, 255))
    assert refusal(lambda: amqp.decode(bytes(output))) in (None, "amqp:decode-error")


def refusal(call: Callable[[], object]) -> str | None:
    """The condition with which a call refused, None when it did not; any other exception passes."""
    try:
        call()
    except AmqpError as fault:
        return fault.condition
    return None


@given(st.binary(max_size=200))
def test_any_bytes_are_values_or_refused(noise: bytes) -> None:
    assert refusal(lambda: amqp.decode(noise)) in (None, "amqp:decode-error")
    assert refusal(lambda: event.read_events(noise, 0)) in (None, "amqp:decode-error")
    assert refusal(lambda: event.read_events(noise, event.BATCH_FORMAT)) in (None, "amqp:decode-error")
    assert refusal(lambda: amqp.decode_performative(noise)) in (None, "amqp:decode-error", "amqp:not-implemented")


@given(
    st.dictionaries(st.text(max_size=5), _values, max_size=3), st.none() | st.dictionaries(st.text(min_size=1, max_size=5), _values, max_size=2),
    _values, st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=3),
)  # fmt: skip
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=200)
def test_no_event_that_is_taken_can_break_its_readers(
    properties: dict[str, Any], annotations: dict[str, Any] | None, value: Any, damage: list[tuple[int, int]]
) -> None:
    """One event that the SDK cannot decode would stop every reader of its partition for ever."""
    sent = bytearray(
        message(message_annotations=annotations, properties=Properties("id"), application_properties=properties or None, value=value)
    )
    for at, octet in damage:
        sent[at % len(sent)] = octet
    for payload, message_format in ((bytes(sent), 0), (b"\x00\x53\x75\xb0" + struct.pack(">I", len(sent)) + sent, event.BATCH_FORMAT)):
        try:
            events, _ = event.read_events(payload, message_format)
        except AmqpError:
            continue
        for taken in events:
            received = EventData._from_message(decode_payload(memoryview(event.stamp(taken, 5, 50, 1_700_000_000_000))))
            assert (received.sequence_number, received.offset) == (5, "50")
            assert received.body is not None or received.body_type != "data"
            assert isinstance(received.system_properties, dict)


@pytest.mark.parametrize(
    ("kind", "value"),
    [(AMQPTypes.ulong, 2**64 - 1), (AMQPTypes.long, -(2**63)), (AMQPTypes.uint, 2**32 - 1), (AMQPTypes.ushort, 65535), (AMQPTypes.short, -5),
     (AMQPTypes.ubyte, 255), (AMQPTypes.byte, -128), (AMQPTypes.float, 0.5), (AMQPTypes.timestamp, 1_700_000_000_123), (AMQPTypes.symbol, "a"),
     (AMQPTypes.array, [1, 2, 300])],
)  # fmt: skip
def test_every_primitive_type_is_decoded(kind: str, value: Any) -> None:
    output = bytearray()
    items = [{TYPE: AMQPTypes.int, VALUE: item} for item in value] if isinstance(value, list) else value
    encode_value(output, {TYPE: kind, VALUE: items})
    assert amqp.decode(bytes(output)) == (value, len(output))


def test_described_values_keep_their_descriptor() -> None:
    assert amqp.decode(amqp.described(7, amqp.listed(amqp.TRUE, amqp.mapped([(amqp.symbol("a"), amqp.ubyte(3))]))))[0] == Described(
        7, [True, {"a": 3}]
    )


@given(
    st.lists(
        st.tuples(
            st.binary(max_size=400), st.dictionaries(st.text(min_size=1, max_size=8), st.integers(0, 9) | st.text(max_size=8), max_size=3),
            st.none() | st.text(min_size=1, max_size=20), st.booleans(),
        ),
        max_size=6,
    ),
    st.none() | st.text(min_size=1, max_size=20),
)  # fmt: skip
def test_every_event_of_a_batch_is_what_was_sent(sent: list[tuple[bytes, dict[str, Any], str | None, bool]], shared: str | None) -> None:
    messages = [
        message(
            header=Header(durable=True) if durable else None,
            message_annotations={"x-opt-partition-key": key, "x-opt-offset": "7"} if key else None,
            application_properties=properties or None,
            data=[content],
        )
        for content, properties, key, durable in sent
    ]
    output = bytearray()
    encode_payload(output, BatchMessage(data=messages, message_annotations={"x-opt-partition-key": shared} if shared else None))
    events, key = event.read_events(bytes(output), event.BATCH_FORMAT)
    assert key == shared
    assert len(events) == len(sent)
    for index, (found, (content, properties, own, _)) in enumerate(zip(events, sent, strict=True)):
        received = EventData._from_message(decode_payload(memoryview(event.stamp(found, index, 1000 + index, 1_700_000_000_000))))
        assert b"".join(received.body) == content  # type: ignore[arg-type]
        assert received.properties == {k.encode(): v.encode() if isinstance(v, str) else v for k, v in properties.items()}
        wanted = own or shared
        assert received.partition_key == (wanted.encode() if wanted else None)
        assert (received.sequence_number, received.offset) == (index, str(1000 + index))
