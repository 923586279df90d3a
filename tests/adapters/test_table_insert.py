"""An entity inserted by our own protocol is the entity that the SDK would have written, and whatever is not plain is the SDK's to do."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.exceptions import ClientAuthenticationError

from adapters import table_insert
from adapters.table_insert import Inserter
from adapters.tables import Exists, Missing, Tables, int64

ENTITY: dict[str, Any] = {
    "PartitionKey": "0",
    "RowKey": "00000000000000000007",
    "last": int64(1 << 40),
    "rejected": 3,
    "below": -(1 << 31),
    "text": "Zoë \"'\\ \u2028",
    "bytes": bytes(range(256)) * 200,
    "nothing": b"",
    "enqueued": datetime(2026, 11, 24, 10, 0, 3, 127_456, UTC),
    "elsewhere": datetime(2026, 11, 24, 10, 0, 3, tzinfo=timezone(timedelta(hours=2))),
}
KEY = AzureNamedKeyCredential("account", "a2V5")


def inserter(tables: Tables) -> Inserter:
    return Inserter(tables.service.url, tables.service.credential, 5, 10)


def test_it_writes_what_the_sdk_writes(tables: Tables, storage_name: Callable[[str], str]) -> None:
    ours, theirs = storage_name("ours"), storage_name("theirs")
    tables.service.create_table(ours)
    tables.service.create_table(theirs).create_entity(ENTITY)
    direct = inserter(tables)
    assert direct.insert(ours, ENTITY) == ""
    assert tables.get(ours, "0", ENTITY["RowKey"]) == tables.get(theirs, "0", ENTITY["RowKey"]) | {"etag": any_etag(tables, ours)}  # type: ignore[operator]
    assert direct.insert(ours, ENTITY) == "EntityAlreadyExists"
    assert direct.insert(ours, ENTITY | {"RowKey": "8"}) == ""


def any_etag(tables: Tables, table: str) -> str:
    found = tables.get(table, "0", ENTITY["RowKey"])
    assert found
    return str(found["etag"])


def test_a_table_is_made_when_it_is_first_needed(tables: Tables, storage_name: Callable[[str], str]) -> None:
    table = storage_name("made")
    with pytest.raises(Missing):
        tables.insert(table, ENTITY, create=False)
    tables.insert(table, ENTITY)
    with pytest.raises(Exists):
        tables.insert(table, ENTITY)
    assert len(list(tables.query(table, "PartitionKey eq @p", p="0"))) == 1


@pytest.mark.parametrize("value", [1 << 31, 1.5, None, True, datetime(2026, 1, 1), ["a list"]], ids=repr)
def test_a_value_of_another_type_is_for_the_sdk(value: object) -> None:
    assert Inserter("http://127.0.0.1:1/account", KEY, 1, 1).insert("t", {"PartitionKey": "0", "RowKey": "1", "value": value}) == "?"


class Peer:
    """A service that says one thing to everybody. `answer` None: it closes without a word."""

    def __init__(self, answer: bytes | None) -> None:
        self.asked = 0
        self._answer, self._socket = answer, socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}/account"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                received = b""
                while b"RowKey" not in received and (some := connection.recv(65536)):
                    received += some
                self.asked += 1
                if self._answer is not None:
                    connection.sendall(self._answer)

    def close(self) -> None:
        self._socket.close()


@contextmanager
def peer(answer: bytes | None) -> Iterator[Peer]:
    found = Peer(answer)
    try:
        yield found
    finally:
        found.close()


def said(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status.encode(), len(body), body)


@pytest.mark.parametrize(
    ("answer", "code", "asks_again"),
    [
        (None, "?", False),
        (b"no HTTP", "?", False),
        (said("500 Internal Server Error", b"<html>"), "?", False),
        (said("403 Forbidden", b'{"odata.error":{"code":"AuthenticationFailed"}}'), "AuthenticationFailed", False),
        (said("409 Conflict", b'{"odata.error":{"code":"TableBeingDeleted"}}'), "TableBeingDeleted", True),
        (said("404 Not Found", b'{"odata.error":{"code":"TableNotFound"}}'), "TableNotFound", True),
        (said("409 Conflict", b"[]"), "?", True),
    ],
)
def test_what_is_not_plain_is_named(answer: bytes | None, code: str, asks_again: bool) -> None:
    with peer(answer) as service:
        direct = Inserter(service.address, KEY, 30, 30)
        assert direct.insert("t", {"PartitionKey": "0", "RowKey": "1"}) == code
        assert direct.insert("t", {"PartitionKey": "0", "RowKey": "1"}) == (code if asks_again else "?")
        assert service.asked == (2 if asks_again else 1)


def test_a_kept_connection_that_was_closed_meanwhile_is_opened_again(tables: Tables, storage_name: Callable[[str], str]) -> None:
    table, direct = storage_name("closed"), inserter(tables)
    tables.service.create_table(table)
    assert direct.insert(table, ENTITY) == ""
    ((_, kept),) = direct._idle
    kept.sock.shutdown(socket.SHUT_RDWR)
    assert direct.insert(table, ENTITY | {"RowKey": "8"}) == ""
    assert not direct._resting


@pytest.mark.parametrize(
    ("address", "credential"),
    [
        ("http://127.0.0.1:1/account", AzureSasCredential("sv=1")),
        ("http://127.0.0.1:1/account?sv=1", KEY),
        ("http://127.0.0.1:1/account", SimpleNamespace(get_token=None)),
        ("http://127.0.0.1:1/account", None),
    ],
)
def test_other_ways_to_authorise_are_the_sdks(address: str, credential: object) -> None:
    direct = Inserter(address, credential, 1, 1)
    assert direct.insert("t", {"PartitionKey": "0", "RowKey": "1"}) == "?"
    assert not direct._resting  # it did not even try


def test_a_proxy_is_for_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "near.example")
    assert Inserter("https://far.example", KEY, 1, 1)._sign is None
    assert Inserter("https://near.example", KEY, 1, 1)._sign is not None


def test_a_token_is_kept_until_shortly_before_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    now = [1000.0]
    monkeypatch.setattr(table_insert, "time", SimpleNamespace(time=lambda: now[0], monotonic=time.monotonic))

    def get_token(scope: str) -> object:
        asked.append(scope)
        return SimpleNamespace(token=f"t{len(asked)}", expires_on=now[0] + 3600)

    sign = table_insert._token(SimpleNamespace(get_token=get_token))
    assert [sign("t", ""), sign("t", "")] == ["Bearer t1", "Bearer t1"]
    now[0] += 3600 - table_insert.EARLY + 1
    assert sign("t", "") == "Bearer t2"
    assert asked == ["https://storage.azure.com/.default"] * 2


def test_without_a_token_the_sdk_says_why() -> None:
    def get_token(_: str) -> object:
        raise ClientAuthenticationError("no identity")

    assert (
        Inserter("https://127.0.0.1:1", SimpleNamespace(get_token=get_token), 1, 1).insert("t", {"PartitionKey": "0", "RowKey": "1"}) == "?"
    )
