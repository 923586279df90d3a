"""The webhook: `configuration/webhook.json` of the evidence account says where alerts go and with which secrets they are signed (docs/alerts.md).

It speaks with `http.client`: every other client is instrumented, and a span with the URL would put a token that it may carry into telemetry.
"""

import codecs
import http.client
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from threading import Timer
from urllib.parse import urlsplit

from azure.core.exceptions import ResourceNotFoundError

from adapters.evidence import CONFIGURATION, Evidence
from alerts.outgoing import DeliveryFailed, Message, MessageRefused
from alerts.request_body import parsed_once
from alerts.webhook_signature import webhook_headers, webhook_key
from intel.destinations import is_allowed
from settings import VERSION

NAME = "webhook.json"
FORM = '{"url": "https://…", "secrets": ["whsec_…"]}'
LONGEST = 10.0
"""Seconds from the connection to the status line of the answer."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
UNAVAILABLE = frozenset({408, 425, 429})
WRONG = frozenset({401, 403, 404, 405, 410})
"""Answers that every message would get: the configuration is wrong, or the receiver's. Any other 4xx is about one message."""


@dataclass(frozen=True, slots=True)
class Target:
    """`path`: with the query."""

    is_tls: bool
    host: str
    port: int
    path: str = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)


def parse(content: bytes) -> Target:
    """Raises ValueError in one sentence that quotes neither URL nor secret."""
    try:
        found = parsed_once(content.removeprefix(codecs.BOM_UTF8))
    except (ValueError, RecursionError):
        raise ValueError(f"it is not JSON in UTF-8, or names a key twice: it must be {FORM}") from None
    if not isinstance(found, dict) or set(found) != {"url", "secrets"} or not isinstance(found["url"], str):
        raise ValueError(f"it must have exactly the keys url, a text, and secrets, a list: {FORM}")
    secrets = found["secrets"]
    if not isinstance(secrets, list) or not 1 <= len(secrets) <= 2 or not all(isinstance(secret, str) for secret in secrets):
        raise ValueError("secrets must be a list of one secret, or of two while one replaces the other")
    return _target(found["url"], tuple(map(webhook_key, secrets)))


def _target(url: str, keys: tuple[bytes, ...]) -> Target:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("url is no URL") from None
    if not url.isascii() or not url.isprintable() or " " in url or not host:
        raise ValueError("url must be an absolute URL of printable ASCII letters without spaces")
    if parts.scheme not in ("https", "http") or (parts.scheme == "http" and host not in LOOPBACK):
        raise ValueError("url must begin with https:// (http:// is for this machine alone)")
    if parts.username is not None or parts.password is not None:
        raise ValueError("url must hold no user name and no password: messages are signed")
    if parts.fragment:
        raise ValueError("url must have no #fragment: it is never sent")
    is_tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(is_tls, host, port or (443 if is_tls else 80), path, keys)


class Webhook:
    def __init__(
        self,
        evidence: Evidence,
        networks: tuple[str, ...] = (),
        trust: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        longest: float = LONGEST,
    ) -> None:
        """`networks`: CIDRs of addresses that are not public and that messages may go to all the same. `trust`: whose certificates are believed. `longest`:
        seconds."""
        self._evidence, self._networks, self._longest = evidence, networks, longest
        self._trust = cache(trust)
        self._etag: str | None = None
        self._target: Target | None = None
        self.problem = ""
        """What is wrong with the configuration, "" if nothing is."""

    def configuration(self) -> str | None:
        """The etag of the configuration, None where there is none. Raises azure.core's HttpResponseError for a storage fault."""
        try:
            blob = self._evidence.service.get_blob_client(CONFIGURATION, NAME).download_blob()
        except ResourceNotFoundError:
            return None
        etag = str(blob.properties.etag)
        if etag != self._etag:
            self._target, self.problem = None, ""
            try:
                self._target = parse(bytes(blob.readall()))
            except ValueError as error:
                self.problem = f"{CONFIGURATION}/{NAME} is refused: {error}"
            self._etag = etag
        return etag

    def send(self, message: Message) -> None:
        """Raises MessageRefused where the receiver does not want this message, DeliveryFailed where it takes none."""
        if self._target is None:
            raise DeliveryFailed(self.problem, wrong=True)
        headers = webhook_headers(self._target.keys, message.id, int(time.time()), message.body) | {
            "content-type": message.content_type,
            "user-agent": f"Gatewatch/{VERSION}",
            "gatewatch-format": message.format,
            "gatewatch-change": message.change,
            "connection": "close",
        }
        status, asked = self._post(self._target, message.body, headers)
        if 200 <= status < 300:
            return
        if status >= 500 or status < 400 or status in UNAVAILABLE | WRONG:
            raise DeliveryFailed(f"HTTP {status}", asked, wrong=status in WRONG or 300 <= status < 400)
        raise MessageRefused(f"HTTP {status}")

    def _post(self, target: Target, body: bytes, headers: dict[str, str]) -> tuple[int, timedelta | None]:
        """Status, and how long the receiver asks to wait. Nothing is followed, and the answer's body is not read."""
        kind = http.client.HTTPSConnection if target.is_tls else http.client.HTTPConnection
        connection = kind(target.host, target.port)
        # A receiver that drips its answer never times out by itself: each of its bytes comes in time. Closed from outside, it has to end.
        watchdog: Timer | None = None
        began = time.monotonic()
        try:
            plain = self._connected(target)
            connection.sock = plain
            if target.is_tls:
                connection.sock = self._trust().wrap_socket(plain, server_hostname=target.host, do_handshake_on_connect=False)
            watchdog = Timer(self._longest, _hang_up, [connection.sock])
            watchdog.daemon = True
            watchdog.start()
            if isinstance(connection.sock, ssl.SSLSocket):
                connection.sock.do_handshake()
            connection.request("POST", target.path, body, headers)
            answer = connection.getresponse()
            return answer.status, _asked(answer.getheader("retry-after"), datetime.now(UTC))
        except (OSError, http.client.HTTPException) as error:
            # No message of an exception: it may quote what the receiver sent.
            late = isinstance(error, TimeoutError) or time.monotonic() - began >= self._longest
            raise DeliveryFailed(f"no answer within {self._longest:g} s" if late else type(error).__name__) from None
        finally:
            if watchdog is not None:
                watchdog.cancel()
            connection.close()

    def _connected(self, target: Target) -> socket.socket:
        """A connection to the first address that takes one. It goes to an address that was checked: a name that is looked up twice can answer twice
        differently. Raises DeliveryFailed where the name has no address that is allowed, OSError where none takes a connection."""
        found = dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))
        allowed = [address for address in found if is_allowed(address, self._networks)]
        if not allowed:
            raise DeliveryFailed("the webhook's address is not public, and WEBHOOK_NETWORKS does not allow it", wrong=True)
        for address in allowed[:-1]:
            with suppress(OSError):
                return socket.create_connection((address, target.port), self._longest)
        return socket.create_connection((allowed[-1], target.port), self._longest)

    def close(self) -> None:
        """Nothing stays open between two messages."""


def _hang_up(open: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(open, socket.SHUT_RDWR)  # an SSLSocket's own would first wait for the other side


def _asked(text: str | None, now: datetime) -> timedelta | None:
    """Retry-After (RFC 9110, 10.2.3): seconds or a date."""
    if text is None:
        return None
    if text.strip().isdecimal() and len(text) < 10:
        return timedelta(seconds=int(text))
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return at - now if at.tzinfo else None
