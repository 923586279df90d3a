"""What Gatewatch asks for over the network ends in time, and with the error that its caller expects, whatever is at the other end."""

import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from threading import Thread
from time import monotonic, sleep

import pytest
from azure.core.exceptions import AzureError
from azure.eventhub.exceptions import EventHubError

from adapters.alert_hub import AlertHub
from adapters.arm import Arm, NotAnswered
from adapters.evidence import Evidence
from adapters.hub import Hub
from adapters.patience import Patience
from adapters.probe import Health, Probe
from adapters.reload import Reloaded
from adapters.tables import Tables
from alerts.outgoing import DeliveryFailed, Message
from settings import Connection

# the SDK's asynchronous client leaves its socket to the garbage collector where it is cancelled
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

QUICK = Patience(connect=1, answer=1, retries=0)
LONGEST = 1.0
NEVER = 45.0
"""Seconds after which something hangs: far longer than any deadline here, for machines are slow at times."""
ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops"


def drops(connection: socket.socket) -> None:
    connection.close()


def hangs(connection: socket.socket) -> None:
    pass


def fails(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    connection.sendall(ERROR)
    connection.close()


def is_slow(connection: socket.socket) -> None:
    """It answers, later than anybody waits."""
    sleep(3 * LONGEST)
    connection.sendall(ERROR)


def drips(connection: socket.socket) -> None:
    """It never stops to answer, one octet at a time: each comes in time, and the answer never does."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    _drip(connection)


def drips_content(connection: socket.socket) -> None:
    is_part = b"x-ms-range" in connection.recv(1 << 16).lower()
    status = b"206 Partial Content\r\nContent-Range: bytes 0-59999/60000" if is_part else b"200 OK"
    connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n")
    _drip(connection)


def _drip(connection: socket.socket) -> None:
    while True:  # until it is hung up
        connection.sendall(b" ")
        sleep(0.1)


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """What the SDK left is collected here and not in another test, where it would be an error."""
    yield
    gc.collect()


PEERS = (drops, hangs, fails, is_slow, drips, drips_content)


@contextmanager
def serving(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a peer that behaves so on every connection."""
    taken: list[socket.socket] = []

    def talk(connection: socket.socket) -> None:
        with suppress(OSError):
            behave(connection)

    def accept() -> None:
        with suppress(OSError):  # closed at the end
            while True:
                taken.append(listening.accept()[0])
                Thread(target=talk, args=(taken[-1],), daemon=True).start()

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        for connection in taken:
            connection.close()


def store(port: int) -> Connection:
    kinds = "".join(f"{kind}Endpoint=http://127.0.0.1:{port}/account;" for kind in ("Table", "Blob"))
    return Connection("local", f"DefaultEndpointsProtocol=http;AccountName=account;AccountKey=a2V5a2V5;{kinds}")


def hub(port: int) -> Connection:
    key = "SharedAccessKeyName=a;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    return Connection("local", f"Endpoint=sb://127.0.0.1:{port};{key}")


def tables(port: int) -> None:
    Tables(store(port), QUICK).get("progress", "a", "b")


def blobs(port: int) -> None:
    Evidence(store(port), QUICK).get("configuration", "name")


def partitions(port: int) -> None:
    Hub(hub(port), "calls", "gatewatch", LONGEST).partitions()


def waiting(port: int) -> None:
    if Hub(hub(port), "calls", "gatewatch", LONGEST).enqueued({"0": 1}) == {}:
        raise EventHubError("nobody says since when")


def resource_manager(port: int) -> None:
    arm = Arm("0" * 8, f"http://127.0.0.1:{port}", None, rest=lambda _: None, answer=LONGEST / 4)
    try:
        arm.services()
    finally:
        arm.close()


def alert(port: int) -> None:
    sender = AlertHub(hub(port), "alerts", LONGEST)
    try:
        sender.send(Message("1", "ocsf", "created", "application/json", b"{}"))
    finally:
        sender.close()


ASKED: dict[Callable[[int], None], type[Exception]] = {
    tables: AzureError,
    blobs: AzureError,
    partitions: EventHubError,
    waiting: EventHubError,
    alert: DeliveryFailed,
    resource_manager: NotAnswered,
}


@pytest.mark.parametrize("ask", ASKED, ids=lambda ask: ask.__name__)
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.__name__)
def test_whatever_is_there_the_question_ends_with_an_error_of_its_kind(
    peer: Callable[[socket.socket], None], ask: Callable[[int], None]
) -> None:
    ended: list[BaseException | None] = []

    def question(port: int) -> None:
        try:
            ask(port)
            ended.append(None)
        except BaseException as error:
            ended.append(error)

    with serving(peer) as port:
        asking = Thread(target=question, args=(port,), daemon=True)
        began = monotonic()
        asking.start()
        asking.join(NEVER)
        assert ended, f"no end after {monotonic() - began:.0f} s"
    error = ended.pop()
    assert isinstance(error, ASKED[ask]), error


def test_a_list_that_drips_is_not_waited_for_and_its_reading_comes_to_an_end() -> None:
    """A reading without an end would leave the list as it was for good: it is never begun twice at a time."""
    at, moment = [0], datetime(2026, 11, 1, tzinfo=UTC)
    found = Reloaded("the list", lambda: Evidence(store(at[0]), QUICK).get("configuration", "list"), timedelta(minutes=1), b"old", 0.1)
    with serving(drips_content) as port:
        at[:] = [port]
        assert found.at(moment) == b"old"
        reading = found._reading
        assert reading is not None
        reading.join(NEVER)
        assert not reading.is_alive()
        assert "cannot be read" in found.problem
        assert found.at(moment + timedelta(minutes=1)) == b"old"
        assert found._reading is not reading


def test_health_is_well_again_after_a_hub_that_hung() -> None:
    """A question without an end would leave health at its last answer for good: it is never asked twice at a time."""
    at: list[int] = []
    moments = iter(range(1_000))

    def look(_: datetime) -> Health:
        try:
            partitions(at[0])
        except EventHubError as error:
            return False, {"status": "unhealthy", "problems": [str(error).partition("\n")[0]]}
        return True, {"status": "healthy", "problems": []}

    probe = Probe(look, lambda: datetime(2026, 11, 1, 0, next(moments) % 60, tzinfo=UTC), longest=NEVER)
    with serving(hangs) as port:
        at[:] = [port]
        _, body = probe.answer()
        assert body["problems"] == ["no answer within 1 s"]
    at[:] = [port]  # nobody listens there any more: another answer, so it was asked again
    _, body = probe.answer()
    assert body["problems"] != ["no answer within 1 s"]
