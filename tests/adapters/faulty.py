"""A proxy before Azurite that drops requests before they arrive, delays them until their sender has long sent them again, or loses their answers after they did:
over real sockets, so that the SDKs' own retries see it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from time import sleep
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal["drop", "lose", "delay"]
DELAY = 2.5
"""Seconds: more than the clients of a test that delays wait for an answer."""
Choice = Callable[[str, str, bytes], Fault | None]
"""Method, path and body of a request -> what happens to it; None: it passes."""
_HOP = frozenset({"connection", "transfer-encoding", "keep-alive"})


@contextmanager
def proxy(target: str, choice: Choice) -> Iterator[str]:
    """The address of a proxy before an address."""
    to = urlsplit(target)
    delayed: list[Event] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            fault = choice(self.command, self.path, body)
            self.close_connection = fault is not None
            if fault == "drop":
                return
            if fault == "delay":
                done = Event()
                delayed.append(done)
                sleep(DELAY)
            upstream = HTTPConnection(to.hostname or "", to.port, timeout=60)
            try:
                upstream.request(self.command, self.path, body, dict(self.headers))
                answer = upstream.getresponse()
                content = answer.read()
            finally:
                upstream.close()
                if fault == "delay":
                    done.set()
            if fault is not None:
                return  # after a delay nobody waits for it any more
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP | {"content-length"}:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self._pass
            raise AttributeError(name)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{to.path}"
    finally:
        for done in delayed:
            done.wait(60)  # what is delayed arrives before the proxy goes
        server.shutdown()
        thread.join()
        server.server_close()


class Once:
    """Does the same to the first write of every kind: a method and the tables that it names. `done`: those that it was done to. Reads are tried again by the SDK."""

    def __init__(self, fault: Fault) -> None:
        self._fault, self._lock = fault, Lock()
        self.done: set[str] = set()

    def __call__(self, method: str, path: str, body: bytes) -> Fault | None:
        if method == "GET":
            return None
        inner = set(re.findall(rb"(?:POST|PUT|PATCH|DELETE|MERGE) http://[^ ]+/([A-Za-z0-9]+)[( ]", body)) if "$batch" in path else set()
        kind = " ".join([method, path.partition("(")[0].partition("?")[0], *sorted(name.decode() for name in inner)])
        with self._lock:
            if kind in self.done:
                return None
            self.done.add(kind)
        return self._fault
