"""Fuzzing the embedded hub: whatever a peer says on a connection, in whatever pieces, ends that connection at most, with a reason that a check gave."""

import asyncio
import logging
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

with atheris.instrument_imports(include=["local.eventhubs"]):
    from local.eventhubs import amqp
    from local.eventhubs.amqp import NULL, boolean, string, symbol, ubyte, uint, ushort
    from local.eventhubs.connection import Connection
    from local.eventhubs.hubs import Namespace
from tests.fuzz.runner import run


class Socket(asyncio.Transport):
    """The connection's way out: counts what is said and keeps nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.said = 0
        self.ended = False

    def write(self, data: bytes) -> None:
        self.said += len(data)

    def write_eof(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return self.ended

    def abort(self) -> None:
        self.ended = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Complaints(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise AssertionError(record.getMessage()) from (record.exc_info[1] if record.exc_info else None)


LOOP = asyncio.new_event_loop()
NAMESPACE = Namespace()
FOLDER = tempfile.TemporaryDirectory()
NAMESPACE.open(Path(FOLDER.name), {"calls": 2}, timedelta(hours=1))


def attach(address: str, handle: int, receiver: bool) -> bytes:
    source = amqp.described(amqp.SOURCE, amqp.listed(string(address) if receiver else NULL, *10 * (NULL,)))
    target = amqp.described(amqp.TARGET, amqp.listed(NULL if receiver else string(address), *6 * (NULL,)))
    fields = (
        string(f"l{handle}"),
        uint(handle),
        boolean(receiver),
        ubyte(1),
        ubyte(0),
        source,
        target,
        *3 * (NULL,),
        NULL,
        NULL,
        symbol("x"),
        NULL,
    )
    return amqp.frame(0, amqp.ATTACH, *fields)


def transfer(handle: int, payload: bytes, format: int = 0) -> bytes:
    bare = amqp.frame(0, amqp.TRANSFER, uint(handle), uint(0), b"\xa0\x01a", uint(format), boolean(False), boolean(False), *5 * (NULL,))
    return (len(bare) + len(payload)).to_bytes(4, "big") + bare[4:] + payload


OPENED = amqp.PLAIN_HEADER + amqp.frame(0, amqp.OPEN, string("x"), NULL, uint(65536), ushort(10), uint(0), *5 * (NULL,))
BEGUN = OPENED + amqp.frame(0, amqp.BEGIN, NULL, uint(0), uint(100), uint(100), uint(10), *3 * (NULL,))
CREDIT = amqp.frame(
    0, amqp.FLOW, uint(0), uint(100), uint(0), uint(100), uint(1), uint(0), uint(10), NULL, boolean(False), boolean(True), NULL
)
EVENT = b"\x00\x53\x75\xa0\x05hello"
SEEDS = [
    amqp.SASL_HEADER + amqp.frame(0, amqp.SASL_INIT, symbol("ANONYMOUS"), NULL, NULL, kind=1) + BEGUN,
    BEGUN + attach("calls", 0, False) + transfer(0, EVENT) + transfer(0, b"\x00\x53\x75\xa0\x02hi", 0x80013700),
    BEGUN + attach("calls/ConsumerGroups/f/Partitions/0", 1, True) + CREDIT + amqp.frame(0, amqp.DETACH, uint(1), boolean(True), NULL),
    BEGUN + attach("$management", 1, True) + attach("$management", 2, False) + CREDIT + transfer(2, EVENT),
    BEGUN + amqp.frame(0, amqp.END, NULL) + amqp.frame(0, amqp.CLOSE, NULL),
]


def one_input(data: bytes) -> None:
    if not data:
        return
    piece, data = 1 + data[0] * 4, data[1:]
    connections: set[Connection] = set()

    async def converse() -> None:
        connection, peer = Connection(NAMESPACE, connections, timedelta(minutes=1)), Socket()
        connection.connection_made(peer)
        for at in range(0, len(data), piece):
            connection.data_received(data[at : at + piece])
        await asyncio.sleep(0)  # what was to be sent in a moment
        assert peer.said < 1 << 24
        connection.connection_lost(None)

    LOOP.run_until_complete(converse())
    assert not connections


if __name__ == "__main__":
    logging.getLogger("local.eventhubs").addHandler(Complaints())
    run("amqp", one_input, [b"\xff" + seed for seed in SEEDS] + [b"\x00" + seed for seed in SEEDS])
