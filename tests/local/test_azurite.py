"""The storage emulator starts, answers, keeps its data, says in one sentence why it cannot start, and never outlives its parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

import local.azurite
from local.azurite import ROOT, Azurite, AzuriteError


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z"


def poll(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_tables_and_blobs_answer(azurite: Azurite, storage_name: Callable[[str], str]) -> None:
    table, container = storage_name("calls"), storage_name("evidence")
    with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
        tables.create_table(table).create_entity({"PartitionKey": "0", "RowKey": "1", "n": 7})
        assert tables.get_table_client(table).get_entity("0", "1")["n"] == 7
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:  # a newer API than Azurite knows
        blobs.create_container(container).upload_blob("a", b"\x00\xff")
        assert blobs.get_blob_client(container, "a").download_blob().readall() == b"\x00\xff"


def test_names_are_unique_and_valid(storage_name: Callable[[str], str]) -> None:
    names = [storage_name(prefix) for prefix in ("", "A-b_c", "x" * 99, "x" * 99)]
    assert len(set(names)) == 4
    assert all(3 <= len(name) <= 63 and name[0].isalpha() and name.isalnum() and name.islower() for name in names)


def test_data_on_disk_outlives_it_and_it_ends(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "storage"
    with Azurite(folder) as first:
        pid = first.pid
        assert pid is not None
        with TableServiceClient.from_connection_string(first.connection_string) as tables:
            tables.create_table("kept").create_entity({"PartitionKey": "0", "RowKey": "1"})
    assert first.pid is None
    assert gone(pid)
    with Azurite(folder) as second, TableServiceClient.from_connection_string(second.connection_string) as tables:
        assert [entity["RowKey"] for entity in tables.get_table_client("kept").list_entities()] == ["1"]
    second.stop()  # a second stop does nothing


def test_a_taken_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(AzuriteError, match=f"^Port {port} is taken: ") as caught, Azurite(table_port=port):
            pass
    assert "\n" not in str(caught.value)


def test_no_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AzuriteError, match=r"^Node.js is missing: .*20 or newer on the PATH\.$"):
        Azurite().start()


@pytest.mark.parametrize("answer", ["v18.20.4", "v8.0.0", "", "no version"])
def test_old_node(answer: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\necho '{answer}'\n")
    node.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(AzuriteError, match=r"^Node.js .* is too old: Azurite needs version 20 or newer\.$"):
        Azurite().start()


def test_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(local.azurite, "ROOT", tmp_path)
    with pytest.raises(AzuriteError, match=r'^Azurite is not installed: run "make setup"'):
        Azurite().start()


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError):
        Azurite(tmp_path / "file").start()


def test_no_endpoint_before_the_start() -> None:
    with pytest.raises(AzuriteError, match="not been started"):
        _ = Azurite().connection_string


def test_it_dies_with_a_parent_that_is_killed() -> None:
    """SIGKILL leaves the parent no chance to stop anything."""
    parent = subprocess.Popen(
        [sys.executable, "-c", "from local.azurite import Azurite; import time; print(Azurite().start().pid, flush=True); time.sleep(600)"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.communicate()
    assert poll(lambda: gone(pid)), "Azurite outlived its parent"
