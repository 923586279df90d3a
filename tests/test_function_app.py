"""The app as the platform sees it: names, bindings, and nothing that the real worker would refuse."""

import importlib
import json
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


def test_delivery_is_a_function_of_its_own(functions: dict[str, Any]) -> None:
    (binding,) = json.loads(functions["deliver"].get_function_json())["bindings"]
    assert (binding["type"], binding["schedule"]) == ("timerTrigger", "*/30 * * * * *")


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
