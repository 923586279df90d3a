"""The embedded Event Hubs in a thread of the test process, for tests whose own code blocks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.eventhubs.server import EventHubs

DEADLINE = 30.0  # seconds after which a wait is a failure


@contextmanager
def running(folder: Path, hubs: Mapping[str, int], **options: Any) -> Iterator[EventHubs]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="event-hubs", daemon=True)
    thread.start()
    server = EventHubs(folder, hubs, **options)
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(DEADLINE)
        try:
            yield server
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(DEADLINE)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(DEADLINE)
        loop.close()


def poll(condition: Callable[[], bool], seconds: float = DEADLINE) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
