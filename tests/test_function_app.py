"""The app as the platform sees it: names, bindings, and nothing that the real worker would refuse."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from local.host.contract import index
from settings import SettingError
from tests.test_settings import LOCAL

ROOT = Path(__file__).parent.parent
PARTS = ("function_app", "triggers.http", "triggers.app")


@pytest.fixture(scope="module")
def app() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in LOCAL.items():
            patch.setenv(name, value)
        for module in PARTS:
            sys.modules.pop(module, None)
        return importlib.import_module("function_app")


@pytest.fixture(scope="module")
def functions(app: ModuleType) -> dict[str, Any]:
    found, refusals = index(app)
    assert refusals == []
    return {function.get_function_name(): function for function in found}


def test_the_functions_by_name(functions: dict[str, Any]) -> None:
    assert set(functions) >= {"ingest", "evaluate", "deliver", "baseline", "alerts", "health"}


def test_ingest_gets_bytes_in_batches_and_is_tried_for_ever(functions: dict[str, Any]) -> None:
    (binding,) = json.loads(functions["ingest"].get_function_json())["bindings"]
    assert binding == {
        "direction": "IN",
        "type": "eventHubTrigger",
        "name": "events",
        "connection": "EventHubConnection",
        "eventHubName": "%EVENT_HUB_NAME%",
        "consumerGroup": "%EVENT_HUB_CONSUMER_GROUP%",
        "cardinality": "MANY",
        "dataType": "BINARY",
    }
    retry = functions["ingest"].get_settings_dict("retry_policy")
    assert retry["strategy"] == "exponential_backoff"
    assert str(retry["max_retry_count"]) == "-1"


def test_evaluation_is_every_thirty_seconds_or_oftener(functions: dict[str, Any]) -> None:
    (binding,) = json.loads(functions["evaluate"].get_function_json())["bindings"]
    assert binding["schedule"] == "*/15 * * * * *"


def test_each_shard_of_the_evaluation_is_a_function_of_its_own_and_runs_after_the_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (LOCAL | {"EVALUATE_SHARDS": "3"}).items():
        monkeypatch.setenv(name, value)
    for module in PARTS:
        monkeypatch.delitem(sys.modules, module, raising=False)
    found, refusals = index(importlib.import_module("function_app"))
    assert refusals == []
    schedules = {one.get_function_name(): json.loads(one.get_function_json())["bindings"][0].get("schedule") for one in found}
    assert {name: schedule for name, schedule in schedules.items() if name.startswith("evaluate")} == {
        "evaluate": "*/15 * * * * *",
        **{f"evaluate_{number}": "5,20,35,50 * * * * *" for number in (1, 2, 3)},
    }


def test_delivery_is_a_function_of_its_own(functions: dict[str, Any]) -> None:
    (binding,) = json.loads(functions["deliver"].get_function_json())["bindings"]
    assert (binding["type"], binding["schedule"]) == ("timerTrigger", "*/30 * * * * *")


AT_START = "function_app"
FOR_A_BATCH = "azure.functions, adapters.intake, adapters.app, adapters.ingest, pipeline.decode, pipeline.fold, windows.tally"
SELDOM = {"attacks.mentions", "alerts.exports", "alerts.render", "response.rails", "classifiers.taxonomy", "detectors", "azure.eventhub", "azure.identity", "numpy", "hyperscan"}  # fmt: skip


@pytest.mark.parametrize(
    ("loads", "later"),
    [
        (AT_START, {"pipeline.fold", "pipeline.contents", "attacks.per_call", "windows.window", "azure.data.tables", "azure.storage.blob", "azure.core"}),
        (FOR_A_BATCH, {"pipeline.evaluation", "windows.baseline", "stdnum", "phonenumbers"}),
    ],
)  # fmt: skip
def test_what_a_cold_start_does_not_load(loads: str, later: set[str]) -> None:
    program = f"import {loads}, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=os.environ | LOCAL, check=True, capture_output=True, text=True)
    assert set(loaded.stdout.split()) & (SELDOM | later) == set()


def test_host_json() -> None:
    host = json.loads((ROOT / "host.json").read_text())
    hubs = host["extensions"]["eventHubs"]
    assert host["extensionBundle"]["version"].startswith("[4.")
    assert host["telemetryMode"] == "OpenTelemetry"
    assert (hubs["maxEventBatchSize"], hubs["batchCheckpointFrequency"]) == (1000, 1)
    assert hubs["prefetchCount"] >= hubs["maxEventBatchSize"]


def test_a_wrong_setting_stops_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (LOCAL | {"StateStorage": ""}).items():
        monkeypatch.setenv(name, value)
    for module in PARTS:
        monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(SettingError, match=r"^Setting StateStorage is missing: it must be .*, for example "):
        importlib.import_module("function_app")
