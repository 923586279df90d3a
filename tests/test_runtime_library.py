"""The app in the library that Azure runs it by on Python 3.13, where that is: GATEWATCH_RUNTIME_PYTHON names a Python 3.13 that has `azure-functions-runtime`
and what requirements.txt asks for. The library takes the host's messages as Python objects; here they are plain ones.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.test_settings import LOCAL

ROOT = Path(__file__).resolve().parent.parent
PYTHON = os.environ.get("GATEWATCH_RUNTIME_PYTHON", "")
PROGRAM = """
import asyncio, json, sys
from types import SimpleNamespace as Message

class Kind:
    def __init__(self, name): self.name, self.values = name, {}
    def __getattr__(self, name): return self.values.setdefault(name, Kind(name))
    def __call__(self, *given, **fields): return Message(**fields)

import azure_functions_runtime as runtime
protos = Kind("protos")
protos.BindingInfo.values.update({"in": 0, "out": 1, "inout": 2, "undefined": 0})  # numbers of the protocol
asked = Message(worker_init_request=Message(host_capabilities={}, capabilities={}, function_app_directory=sys.argv[1]))
asked = Message(request=asked, properties={"host": "127.0.0.1", "protos": protos})
begun = asyncio.run(runtime.worker_init_request(asked))
assert begun.result.status is protos.StatusResult.Success, begun.result.exception
found = asyncio.run(runtime.functions_metadata_request(asked)).function_metadata_results
from azure.functions.eventhub import EventHubTriggerConverter
fast = hasattr(vars(EventHubTriggerConverter)["decode_multiple_events"].__func__, "gatewatch_stock")
print(json.dumps({"functions": {one.name: [json.loads(binding) for binding in one.raw_bindings] for one in found}, "fast": fast}))
"""

pytestmark = pytest.mark.skipif(
    not PYTHON, reason="GATEWATCH_RUNTIME_PYTHON names no Python 3.13 with the library that runs functions there"
)


def test_the_library_indexes_every_function_and_batches_arrive_as_columns() -> None:
    done = subprocess.run(
        [PYTHON, "-c", PROGRAM, str(ROOT)], cwd=ROOT, env={**os.environ, **LOCAL}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    assert set(answer["functions"]) >= {"ingest", "evaluate", "deliver", "baseline", "posture", "purge", "alerts", "health", "page"}
    assert answer["functions"]["ingest"][0]["type"] == "eventHubTrigger"
    assert answer["fast"]
