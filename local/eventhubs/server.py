"""The Event Hubs of the laptop stack: listens on the loopback interface, keeps hubs in a folder."""

import asyncio
import fcntl
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from local.eventhubs.amqp import AmqpError
from local.eventhubs.connection import Connection
from local.eventhubs.hubs import Namespace
from local.eventhubs.partition import SEGMENT_BYTES

_EXPIRY_SECONDS = 30.0


class EventHubs:
    """A namespace with `hubs` (name: number of partitions) in `folder`, for clients of this machine only.

    Events older than `retention` go, a segment of `segment_bytes` at a time. Any key and any consumer group is good.
    """

    def __init__(
        self,
        folder: Path,
        hubs: Mapping[str, int],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        retention: timedelta = timedelta(hours=24),
        idle_timeout: timedelta = timedelta(minutes=2),
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self._folder, self._hubs = folder, dict(hubs)
        self._host, self._wanted_port = host, port
        self._retention, self._idle_timeout, self._segment_bytes = retention, idle_timeout, segment_bytes
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Returns once it listens.

        Raises ValueError for hubs or files that cannot be used, OSError if the port is taken, BlockingIOError if another
        server has the folder.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        self._namespace = Namespace()
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._namespace.open(self._folder, self._hubs, self._retention, self._segment_bytes)
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(
                lambda: Connection(self._namespace, self._connections, self._idle_timeout), self._host, self._wanted_port
            )
        except BaseException:
            self._close_files()
            raise
        self._expire()

    def _expire(self) -> None:
        for partition in self._namespace.partitions():
            partition.expire()
        self._expiry = asyncio.get_running_loop().call_later(_EXPIRY_SECONDS, self._expire)

    async def stop(self) -> None:
        """Ends every connection with an AMQP Close and closes the files. Does nothing if it is not running."""
        server, self._server = self._server, None
        if server is None:
            return
        self._expiry.cancel()
        server.close()
        for connection in list(self._connections):
            connection.fail(AmqpError("amqp:connection:forced", "The server stops."))
        deadline = asyncio.get_running_loop().time() + 2
        while self._connections and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.abort()
        self._close_files()

    def _close_files(self) -> None:
        for partition in self._namespace.partitions():
            partition.close()
        os.close(self._lock)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        assert self._server is not None, "the server is not running"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def connection_string(self) -> str:
        """What the SDKs connect with; its key is Microsoft's placeholder for their emulator, a key of nothing."""
        return (
            f"Endpoint=sb://{self._host}:{self.port};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
        )
