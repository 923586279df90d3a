"""A webhook receiver on a real socket: verifies what it gets as any receiver would, keeps it, and answers as it is told."""

import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import standardwebhooks

SECRET = "whsec_" + b64encode(b"s" * 32).decode()


class Arrived(NamedTuple):
    id: str
    format: str
    change: str
    content_type: str
    body: bytes


Answer = tuple[int, Mapping[str, str]]
TAKEN: Answer = (204, {})


@dataclass
class Receiver:
    """`answers` decides by what arrived; `arrived` is what was answered with 2xx, `tried` everything. `secret`: what it verifies with."""

    secret: str = SECRET
    answers: Callable[[Arrived], Answer] = lambda _: TAKEN
    drips: bool = False
    arrived: list[Arrived] = field(default_factory=list)
    tried: list[Arrived] = field(default_factory=list)
    forged: list[str] = field(default_factory=list)
    port: int = 0
    context: ssl.SSLContext | None = None
    open: threading.Event = field(default_factory=threading.Event)
    """Set: requests are answered; clear: they hang."""

    @property
    def url(self) -> str:
        return f"http{'s' if self.context else ''}://127.0.0.1:{self.port}/hooks/gatewatch?token=t0ken-in-the-url"

    @contextmanager
    def running(self) -> Iterator["Receiver"]:
        self.open.set()
        ended = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                message = Arrived(
                    headers["webhook-id"], headers["gatewatch-format"], headers["gatewatch-change"], headers["content-type"], body
                )
                receiver.tried.append(message)
                try:
                    hook = standardwebhooks.Webhook(receiver.secret)
                    if message.format == "cef":  # `verify` reads JSON afterwards, and this is a line
                        at = int(headers["webhook-timestamp"])
                        assert abs(at - time.time()) < 300
                        expected = hook.sign(message.id, datetime.fromtimestamp(at, UTC), body.decode())
                        assert expected in headers["webhook-signature"].split(" ")
                    else:
                        hook.verify(body.decode(), headers)
                except (AssertionError, standardwebhooks.WebhookVerificationError) as error:
                    receiver.forged.append(str(error))
                    self._say(401, {})
                    return
                while not receiver.open.wait(0.1):
                    if ended.is_set():
                        return
                if receiver.drips:
                    self._drip()
                    return
                status, more = receiver.answers(message)
                if 200 <= status < 300:
                    receiver.arrived.append(message)
                self._say(status, more)

            def _say(self, status: int, headers: Mapping[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "5")
                self.end_headers()
                self.wfile.write(b"t4ken")

            def _drip(self) -> None:
                try:
                    while not ended.is_set():
                        self.wfile.write(b"H")
                        self.wfile.flush()
                        time.sleep(0.1)
                except OSError:
                    return

            def log_message(self, *_: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                return  # who hung up

        server = Server(("127.0.0.1", self.port), Handler)
        if self.context:
            server.socket = self.context.wrap_socket(server.socket, server_side=True)
        self.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            ended.set()
            server.shutdown()
            thread.join()
            server.server_close()
