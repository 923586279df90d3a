"""The app in the real Python worker of Azure Functions, where that is: GATEWATCH_WORKER names its folder (with funchost.py), GATEWATCH_WORKER_PYTHON a Python
3.12 that has what both need. The worker checks annotations and bindings more strictly than azure-functions alone, and a function that it refuses takes
the whole app with it.
"""

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from adapters.batches import BatchLog, Tail
from adapters.tables import Tables
from local import traffic
from local.azurite import Azurite
from settings import Connection
from windows.tally import unpack

ROOT = Path(__file__).resolve().parent.parent
WORKER, PYTHON = os.environ.get("GATEWATCH_WORKER", ""), os.environ.get("GATEWATCH_WORKER_PYTHON", "")

pytestmark = pytest.mark.skipif(
    not (PYTHON and (Path(WORKER) / "azure_functions_worker/protos/FunctionRpc_pb2.py").is_file()),
    reason="GATEWATCH_WORKER names no folder of the real worker with its protocol compiled",
)


def asked(azurite: Azurite, *command: str) -> list[dict[str, Any]]:
    """What the host's side of the protocol prints, a JSON object a line."""
    hub = "Endpoint=sb://localhost;SharedAccessKeyName=none;SharedAccessKey=none;UseDevelopmentEmulator=true;"
    storage = {"StateStorage": azurite.connection_string, "EvidenceStorage": azurite.connection_string}
    done = subprocess.run(
        [PYTHON, str(Path(WORKER) / "funchost.py"), "--timeout", "300", str(ROOT), *command],
        env={**os.environ, **storage, "EventHubConnection": hub, "EVENT_HUB_NAME": "calls", "EVENT_HUB_CONSUMER_GROUP": "gatewatch"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_the_worker_loads_every_function(azurite: Azurite) -> None:
    loaded = {function["name"]: function["bindings"] for function in asked(azurite, "list")}
    for name in (
        "ingest",
        "evaluate",
        "deliver",
        "watch",
        "reconcile",
        "baseline",
        "posture",
        "intel",
        "purge",
        "respond",
        "page",
        "alerts",
        "health",
    ):
        assert loaded[name]


def test_a_batch_is_counted_and_what_is_no_call_refused(azurite: Azurite, tmp_path: Path) -> None:
    calls = [traffic.encode(traffic.call(Random(1), datetime.now(UTC))) for _ in range(300)]
    (tmp_path / "events.jsonl").write_bytes(b"\n".join([*calls, b"null"]))
    (done,) = asked(azurite, "eventhub", "ingest", str(tmp_path / "events.jsonl"), "--batch", "1000")
    assert (done["ok"], done["events"]) == (True, 301)
    (batch,) = BatchLog(Tables(Connection("azurite", azurite.connection_string))).read("0", Tail(-1, None))
    assert (unpack(batch.packed).calls, batch.rejected, batch.last) == (300, 1, 300)


def test_evaluate_runs_and_the_app_answers(azurite: Azurite) -> None:
    (done,) = asked(azurite, "timer", "evaluate")
    assert done["ok"], done["error"]
