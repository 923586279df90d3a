"""python -m tools.respond on real tables and an emulated gateway: plan, apply, list, undo, off, and what it prints where nobody may write."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console

from local.azurite import Azurite
from response.entries import EMPTY, LISTS, MODE, parse
from settings import Connection
from tests.adapters.world import KEY, START, World, empty
from tests.tools.arm_emulator import ROOT, ArmService, serving
from tools.respond import main

ATTACKER = "203.0.113.177"
Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def service() -> ArmService:
    values = {**dict.fromkeys(LISTS, EMPTY), MODE: "off", "gatewatch-guard-key": EMPTY}
    return ArmService(named_values=values, subscriptions={"mobile-app": {"state": "active"}})


@pytest.fixture
def world(azurite: Azurite) -> World:
    connection = Connection("azurite", azurite.connection_string)
    empty(connection)
    return World(connection, START + timedelta(days=2))


@pytest.fixture
def run(azurite: Azurite, service: ArmService, world: World) -> Iterator[Run]:
    environment = {
        "EventHubConnection": "Endpoint=sb://localhost;SharedAccessKeyName=R;SharedAccessKey=eA==;UseDevelopmentEmulator=true;",
        "StateStorage": azurite.connection_string,
        "EvidenceStorage": azurite.connection_string,
        "HASH_KEY": base64.b64encode(KEY).decode(),
        "GATEWAY_RESOURCE_ID": ROOT,
        "TRUSTED_PROXIES": "198.51.100.0/28",
    }
    with serving(service) as endpoint:

        def command(*words: str, **more: str) -> tuple[int, Any]:
            out: list[str] = []
            arguments = [*words, "--endpoint", endpoint, *([] if "--print" in words else ["--json"])]
            status = main(
                arguments,
                environment=environment | more,
                out=out.append,
                console=Console(file=io.StringIO()),
                now=world.now,
                polling_interval=0,
                retry_total=0,
            )
            text = "".join(out)
            return status, text if "--print" in words or not text else json.loads(text)

        yield command


def listed(service: ArmService) -> list[str]:
    return [entry.key for name in LISTS for entry in parse(service.named_values[name])]


def test_from_plan_to_undo(run: Run, service: ArmService, world: World) -> None:
    world.play([world.call(ATTACKER, userAgent="sqlmap/1.8") for _ in range(5)])
    world.evaluate()
    status, plan = run("plan", "--ip", ATTACKER)
    assert (status, plan["calls"], plan["verdict"]) == (0, 5, "one caller")
    status, told = run("apply", "--ip", ATTACKER, "--action", "block")
    assert (status, told["written"], listed(service), service.writes()) == (0, False, [], [])
    status, made = run("apply", "--ip", ATTACKER, "--action", "block", "--for", "2h", "--yes")
    assert (status, made["written"], made["guard"], listed(service)) == (0, True, "off", [ATTACKER])
    assert run("on")[1] == {"mode": "on"}
    status, again = run("apply", "--ip", ATTACKER, "--action", "block", "--for", "2h", "--yes")
    assert (again["id"], again["written"]) == (made["id"], False)
    service.set_value(LISTS[0], ";192.0.2.1=b,99999999,byhand")
    _, shown = run("list")
    assert ([row["id"] for row in shown["value"]], shown["mode"], shown["byHand"]) == ([made["id"]], "on", ["byhand"])
    assert run("undo", made["id"]) == (0, {"undone": made["id"]})
    assert run("undo", "nobody")[0] == 1
    assert ATTACKER not in listed(service)
    assert run("off") == (0, {"mode": "off"})
    assert service.named_values[MODE] == "off"


def test_a_subscription_is_suspended_and_resumed(run: Run, service: ArmService) -> None:
    status, made = run("apply", "--subscription", "mobile-app", "--action", "suspend", "--yes")
    assert (status, service.subscriptions["mobile-app"]["state"]) == (0, "suspended")
    assert run("undo", made["id"])[0] == 0
    assert service.subscriptions["mobile-app"]["state"] == "active"
    assert run("apply", "--subscription", "master", "--action", "suspend", "--yes")[0] == 1


def test_where_nobody_may_write_it_prints(run: Run, service: ArmService) -> None:
    assert run("apply", "--ip", ATTACKER, "--action", "block", "--print", "list") == (0, ATTACKER)
    assert run("apply", "--ip", ATTACKER, "--action", "block", "--wide", "--print", "list") == (0, "203.0.113.0/24")
    status, policy = run("apply", "--ip", ATTACKER, "--action", "block", "--print", "policy")
    assert (status, policy) == (0, f'<ip-filter action="forbid">\n  <address>{ATTACKER}</address>\n</ip-filter>')
    assert run("apply", "--ip", "198.51.100.9", "--action", "block", "--print", "list")[0] == 1
    assert service.writes() == []


def test_a_lost_permission_is_said(run: Run, service: ArmService) -> None:
    service.forbidden = {("PATCH", name) for name in LISTS}
    status, report = run("apply", "--ip", ATTACKER, "--action", "block", "--yes")
    assert status == 1
    assert "Gatewatch responder" in report["error"]["message"] if "error" in report else "Gatewatch responder" in report["problem"]


def test_hashes_instead_of_addresses(run: Run, service: ArmService) -> None:
    assert run("apply", "--ip", ATTACKER, "--action", "block", "--yes", RESPONSE_HASHED="true")[0] == 0
    assert listed(service)[0].startswith("h:")
    assert len(service.named_values["gatewatch-guard-key"]) == 48


@pytest.mark.parametrize(
    "words",
    [
        ("plan",), ("apply", "--ip", ATTACKER), ("undo",), ("plan", "--ip", ATTACKER, "--alert", "x"), ("apply", "--ip", ATTACKER, "--action", "kill"),
        ("apply", "--ip", ATTACKER, "--action", "block", "--for", "8d"), ("apply", "--ip", ATTACKER, "--action", "block", "--for", "0m"),
    ],
)  # fmt: skip
def test_command_lines_that_are_wrong(run: Run, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(*words)
    assert stopped.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_settings_that_are_wrong_are_named(run: Run) -> None:
    assert run("list", RESPONSE_LIMITS="x=1")[0] == 2
    assert run("list", GATEWAY_RESOURCE_ID="")[1]["problem"].startswith("which gateway?")
