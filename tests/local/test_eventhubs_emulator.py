"""The files for Microsoft's emulator fit its schema and the example settings; the emulator itself needs Docker and is not run here."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EMULATOR = ROOT / "local" / "emulator"


def test_the_hubs_are_those_of_the_example_settings() -> None:
    settings = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    config = json.loads((EMULATOR / "config.json").read_text())["UserConfig"]
    assert config["LoggingConfig"]["Type"] in ("File", "Console")
    (namespace,) = config["NamespaceConfig"]
    assert (namespace["Type"], namespace["Name"]) == ("EventHub", "emulatorNs1"), "the emulator takes no other"
    hubs = {hub["Name"]: hub for hub in namespace["Entities"]}
    assert {name: hub["PartitionCount"] for name, hub in hubs.items()} == {"calls": "4", "alerts": "1"}
    groups = [group["Name"] for group in hubs[settings["EVENT_HUB_NAME"]]["ConsumerGroups"]]
    assert settings["EVENT_HUB_CONSUMER_GROUP"] in groups
    assert "$default" not in map(str.lower, groups), "implicit, and refused when named"


def test_the_emulator_gets_that_file_and_azurite_is_the_pinned_one() -> None:
    compose = (EMULATOR / "docker-compose.yaml").read_text()
    assert "./config.json:/Eventhubs_Emulator/ConfigFiles/Config.json" in compose
    pinned = json.loads((ROOT / "package.json").read_text())["dependencies"]["azurite"]
    assert f"azurite:{pinned}" in compose
    assert all(port.startswith("127.0.0.1:") for port in re.findall(r"- (\S+:\d+:\d+)$", compose, re.MULTILINE)), (
        "reachable from this machine only"
    )
