"""A whole answer within its time: the read timeout of an HTTP client is for each piece, and a peer that drips one octet at a time never exceeds it."""

import http.client
import io
import socket
from time import monotonic
from typing import Any

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import Retry


class Answer(http.client.HTTPResponse):
    """An answer whose last octet has to come within the time that its socket waits for one. Raises TimeoutError while it is read."""

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        seconds = sock.gettimeout()
        if seconds is not None:
            self.fp = io.BufferedReader(_Within(sock, self.fp.detach(), seconds))


class _Within(io.RawIOBase):
    """What a socket says within so many seconds from now."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, seconds: float) -> None:
        self._sock, self._raw, self._until = sock, raw, monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int | None:
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(left)
        return self._raw.readinto(into)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Connection(HTTPConnection):
    response_class = Answer


class _SecureConnection(HTTPSConnection):
    response_class = Answer


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named, blocksize=32 * 1024)  # as the SDK's own
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class Transport(RequestsTransport):  # type: ignore[misc]  # azure.core loads it lazily, by name
    """Of a client of an Azure SDK. `answer`: seconds from the request to the last octet of its answer, of one try."""

    def __init__(self, connect: float, answer: float) -> None:
        super().__init__(connection_timeout=connect, read_timeout=answer)

    def _init_session(self, session: requests.Session) -> None:
        super()._init_session(session)
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter(max_retries=Retry(total=False, redirect=False, raise_on_status=False)))  # the SDK has its own
