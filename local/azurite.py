"""Azurite, Microsoft's storage emulator, as a child process: tables and blobs on free ports, on disk or in memory."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from queue import Empty, Queue
from time import monotonic
from types import TracebackType
from typing import IO, Final, Self

from azure.data.tables import TableServiceClient

ROOT: Final = Path(__file__).resolve().parent.parent
OLDEST_NODE: Final = 20
_LISTENING: Final = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at http://[^:]+:(\d+)")
_PORT_TAKEN: Final = re.compile(r"EADDRINUSE: address already in use [^:]+:(\d+)")
_FLAGS: Final = ("--skipApiVersionCheck", "--disableTelemetry", "--silent")  # the SDKs are newer than 3.35; telemetry is on by default


class AzuriteError(RuntimeError):
    """Azurite cannot run here; the message is one sentence that says what to do."""


class Azurite:
    """One Azurite. `folder` keeps its data between runs; without it everything is in memory and gone at the end.

    A port of 0 takes any free one. Usable as a context manager. It ends when this process does, however that ends.
    """

    def __init__(self, folder: Path | None = None, *, blob_port: int = 0, queue_port: int = 0, table_port: int = 0) -> None:
        self._folder = folder
        self._asked = {"Blob": blob_port, "Queue": queue_port, "Table": table_port}
        self._ports: dict[str, int] = {}
        self._process: subprocess.Popen[str] | None = None

    def start(self, *, timeout: float = 60.0) -> Self:
        """Returns once all services listen. Raises AzuriteError if they do not within `timeout` seconds."""
        node = _node()
        if not (ROOT / "node_modules" / "azurite" / "package.json").is_file():
            raise AzuriteError('Azurite is not installed: run "make setup" in the repository.')
        command = [node, str(Path(__file__).with_name("azurite.cjs")), *_FLAGS]
        if self._folder is None:
            command.append("--inMemoryPersistence")
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            command += ["--location", str(self._folder)]
        for service, port in self._asked.items():
            command += [f"--{service.lower()}Host", "127.0.0.1", f"--{service.lower()}Port", str(port)]
        self._process = subprocess.Popen(
            command,
            cwd=self._folder or tempfile.gettempdir(),  # it is not to write anything into the folder that we happen to be in
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C in the terminal is for its parent, which stops things in their order
        )
        try:
            self._ports = _await_ports(self._process, timeout)
        except BaseException:
            self.stop()
            raise
        return self

    def restart(self, *, timeout: float = 60.0) -> None:
        """Where it was before, with what is in its folder."""
        self._asked = dict(self._ports)
        self.start(timeout=timeout)

    def stop(self) -> None:
        """Ends Azurite and waits for its end; data on disk is complete then. Does nothing if it is not running."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()  # the sign to stop, on every system
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """None when it does not run, or no longer."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def blob_endpoint(self) -> str:
        return self._endpoint("Blob")

    @property
    def queue_endpoint(self) -> str:
        return self._endpoint("Queue")

    @property
    def table_endpoint(self) -> str:
        return self._endpoint("Table")

    @property
    def connection_string(self) -> str:
        """For the account devstoreaccount1, whose key is public and the same in every Azurite."""
        account = _emulator_account()
        return (
            f"DefaultEndpointsProtocol=http;AccountName={account[0]};AccountKey={account[1]};"
            f"BlobEndpoint={self.blob_endpoint};QueueEndpoint={self.queue_endpoint};TableEndpoint={self.table_endpoint};"
        )

    def _endpoint(self, service: str) -> str:
        if service not in self._ports:
            raise AzuriteError("Azurite has not been started.")
        return f"http://127.0.0.1:{self._ports[service]}/devstoreaccount1"


def _emulator_account() -> tuple[str, str]:
    """Name and key; asked of the SDK, so that no scanner finds a key in this repository."""
    with TableServiceClient.from_connection_string("UseDevelopmentStorage=true") as emulator:
        named = emulator.credential.named_key  # type: ignore[union-attr]
    return named.name, named.key


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        raise AzuriteError(f"Node.js is missing: Azurite, the storage emulator, needs version {OLDEST_NODE} or newer on the PATH.")
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    version = re.match(r"v(\d+)\.", answer)
    if version is None or int(version[1]) < OLDEST_NODE:
        raise AzuriteError(f"Node.js {answer or 'of an unknown version'} is too old: Azurite needs version {OLDEST_NODE} or newer.")
    return node


def _await_ports(process: subprocess.Popen[str], timeout: float) -> dict[str, int]:
    lines: Queue[str | None] = Queue()
    assert process.stdout is not None
    threading.Thread(target=_pass_on, args=(process.stdout, lines), name="azurite-output", daemon=True).start()
    deadline = monotonic() + timeout
    ports: dict[str, int] = {}
    said: list[str] = []
    while len(ports) < 3:
        try:
            line = lines.get(timeout=max(0.0, deadline - monotonic()))
        except Empty:
            raise AzuriteError(f"Azurite did not answer within {timeout:.0f} s.") from None
        if line is None:
            raise AzuriteError(_why_it_ended("".join(said)))
        said.append(line)
        if found := _LISTENING.search(line):
            ports[found[1]] = int(found[2])
    return ports


def _pass_on(output: IO[str], lines: Queue[str | None]) -> None:
    """Reads to the end, so that the child never blocks on a full pipe; what comes after the start is of no use."""
    with output:
        for line in output:
            if lines.qsize() < 100:
                lines.put(line)
    lines.put(None)


def _why_it_ended(said: str) -> str:
    if taken := _PORT_TAKEN.search(said):
        return f"Port {taken[1]} is taken: stop the program that uses it, or give Azurite another port (0 for any free one)."
    last = said.strip().splitlines()[-1:] or ["it said nothing"]
    return f"Azurite ended at its start: {last[0]}"
