"""One entity into a table by the REST protocol itself: a tenth of what the SDK spends on it, for the one write that every batch makes.

Protocol: "Insert Entity" and "Authorize with Shared Key" of the Table service REST reference, version 2019-02-02. Only the plain case is done here:
whatever else is answered, or is not, is left to the SDK, which tries again by its own rules.
"""

import base64
import hashlib
import hmac
import ssl
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import msgspec
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import AzureError
from azure.data.tables import EdmType, EntityProperty

from adapters.deadline import Answer

SCOPE = "https://storage.azure.com/.default"
IDLE = 20.0
"""Seconds after which a connection is not used again: the service closes it soon after."""
REST = 30.0
"""Seconds for which a service that did not answer is left to the SDK."""
EARLY = 300
"""Seconds before its end at which a token is renewed."""
INT32 = 1 << 31

HEADERS = {
    "Content-Type": "application/json;odata=nometadata",
    "Accept": "application/json;odata=nometadata",
    "Prefer": "return-no-content",
    "DataServiceVersion": "3.0",
    "x-ms-version": "2019-02-02",
}

_encode = msgspec.json.Encoder().encode


class Inserter:
    """Inserts into the tables of one account. Keeps connections, and a token, for itself."""

    def __init__(self, address: str, credential: Any, connect: float, answer: float) -> None:
        """`credential`: the SDK's. `connect` and `answer`: seconds."""
        parts = urlsplit(address)
        self._host, self._path, self._timeouts = parts.netloc, parts.path.rstrip("/"), (connect, answer)
        self._sign: Callable[[str, str], str] | None = None
        if isinstance(credential, AzureNamedKeyCredential):
            self._sign = _shared_key(*credential.named_key, self._path)
        elif hasattr(credential, "get_token") and parts.scheme == "https":
            self._sign = _token(credential)
        if parts.query or parts.scheme not in ("http", "https") or _is_proxied(parts.scheme, parts.hostname or ""):
            self._sign = None
        self._tls = _tls() if self._sign is not None and parts.scheme == "https" else None
        self._idle: deque[tuple[float, HTTPConnection]] = deque(maxlen=32)
        weakref.finalize(self, _close, self._idle)
        self._resting = 0.0

    def insert(self, table: str, entity: Mapping[str, Any]) -> str:
        """The service's word: "" for done, its code for a refusal, "?" where it is for the SDK to find out."""
        properties = _properties(entity)
        if self._sign is None or properties is None or time.monotonic() < self._resting:
            return "?"
        try:
            status, said = self._ask(table, _encode(properties))
        except (OSError, HTTPException, AzureError):  # AzureError: no token
            self._resting = time.monotonic() + REST
            return "?"
        if status >= 500 or status in (401, 403):
            self._resting = time.monotonic() + REST
        return "" if status in (201, 204) else _code(said)

    def _ask(self, table: str, body: bytes) -> tuple[int, bytes]:
        date = formatdate(usegmt=True)
        headers = HEADERS | {"x-ms-date": date, "Authorization": self._sign(table, date) if self._sign else ""}
        connection = self._kept()
        if connection is not None:
            try:
                return self._said(connection, table, body, headers)
            except (ConnectionError, HTTPException):
                pass  # closed since; were it inserted and the answer lost, the next is refused as a repeat, as any other is
        return self._said(self._fresh(), table, body, headers)

    def _said(self, connection: HTTPConnection, table: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        try:
            if connection.sock is not None:
                connection.sock.settimeout(self._timeouts[1])  # the last answer left it what was left of its time
            connection.request("POST", f"{self._path}/{table}", body, headers)  # opens it again where the service closed it
            connection.sock.settimeout(self._timeouts[1])
            answer = connection.getresponse()
            said = answer.read()
        except BaseException:
            connection.close()
            raise
        self._idle.append((time.monotonic(), connection))
        return answer.status, said

    def _kept(self) -> HTTPConnection | None:
        while True:
            try:
                since, connection = self._idle.pop()
            except IndexError:
                return None
            if time.monotonic() - since < IDLE:
                return connection
            connection.close()

    def _fresh(self) -> HTTPConnection:
        connect, _ = self._timeouts
        fresh = (
            HTTPSConnection(self._host, timeout=connect, context=self._tls) if self._tls else HTTPConnection(self._host, timeout=connect)
        )
        fresh.response_class = Answer
        fresh.connect()
        return fresh


def _close(idle: deque[tuple[float, HTTPConnection]]) -> None:
    for _, connection in idle:
        connection.close()


def _properties(entity: Mapping[str, Any]) -> dict[str, Any] | None:
    """As the protocol writes them; None where a value is none of those that are known here."""
    found: dict[str, Any] = {}
    for name, value in entity.items():
        if type(value) is EntityProperty and value.edm_type is EdmType.INT64:
            found[f"{name}@odata.type"], found[name] = "Edm.Int64", str(value.value)
        elif type(value) is bytes:
            found[f"{name}@odata.type"], found[name] = "Edm.Binary", value  # the encoder writes base64
        elif type(value) is datetime and value.tzinfo is not None:
            found[f"{name}@odata.type"], found[name] = "Edm.DateTime", value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        elif type(value) is str or (type(value) is int and -INT32 <= value < INT32):
            found[name] = value
        else:
            return None
    return found


def _code(said: bytes) -> str:
    try:
        return str(msgspec.json.decode(said)["odata.error"]["code"]) or "?"
    except (msgspec.DecodeError, KeyError, TypeError):
        return "?"


def _shared_key(name: str, key: str, path: str) -> Callable[[str, str], str]:
    secret = base64.b64decode(key)

    def sign(table: str, date: str) -> str:
        text = f"POST\n\napplication/json;odata=nometadata\n{date}\n/{name}{path}/{table}"
        return f"SharedKey {name}:{base64.b64encode(hmac.digest(secret, text.encode(), hashlib.sha256)).decode()}"

    return sign


def _token(credential: Any) -> Callable[[str, str], str]:
    known: list[Any] = [None]

    def sign(_table: str, _date: str) -> str:
        token = known[0]
        if token is None or token.expires_on - EARLY < time.time():
            token = known[0] = credential.get_token(SCOPE)
        return f"Bearer {token.token}"

    return sign


def _is_proxied(scheme: str, host: str) -> bool:
    return scheme in getproxies() and not proxy_bypass(host)


def _tls() -> ssl.SSLContext:
    import certifi  # what the SDK trusts

    return ssl.create_default_context(cafile=certifi.where())
