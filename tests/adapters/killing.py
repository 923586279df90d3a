"""Kills whatever talks to storage at a chosen request: before it is sent, or after it was answered and nobody heard."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from azure.core.pipeline.transport import RequestsTransport


class KilledError(BaseException):
    """The process died here; no retry policy catches it."""


class Killer:
    def __init__(self) -> None:
        self._lock = Lock()
        self._left: int | None = None
        self._after = False
        self.requests = 0

    def arm(self, requests: int, *, after: bool) -> None:
        self._left, self._after = requests, after

    def disarm(self) -> None:
        self._left = None

    def send(self, original: Any, transport: RequestsTransport, request: Any, **options: Any) -> Any:
        with self._lock:
            self.requests += 1
            if self._left is not None:
                self._left -= 1
            dead = self._left is not None and self._left <= 0
        if dead and (self._left != 0 or not self._after):
            raise KilledError  # also for the threads that the dead process had
        answer = original(transport, request, **options)
        if dead:
            raise KilledError
        return answer


@contextmanager
def killing() -> Iterator[Killer]:
    killer, original = Killer(), RequestsTransport.send

    def send(transport: RequestsTransport, request: Any, **options: Any) -> Any:
        return killer.send(original, transport, request, **options)

    RequestsTransport.send = send
    try:
        yield killer
    finally:
        RequestsTransport.send = original
