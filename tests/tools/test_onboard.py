"""Onboarding through the real SDK against an emulated management interface over real HTTP."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventData, EventHubProducerClient
from rich.console import Console

from tests.local.eventhubs_thread import running
from tests.tools.arm_emulator import GROUP, NAME, SUBSCRIPTION, Api, ArmService, serving
from tests.tools.test_policy_edit import GLOBAL, USUAL, WATCHED
from tools.onboard import main
from tools.policy_edit import CAPTURE, EMIT, GUARD, NEW_POLICY

# A policy with everything that a careless rewrite would change: tabs, CRLF, a BOM, bare quotes, no final newline.
AWKWARD = USUAL.replace("    ", "\t").replace("\n", "\r\n").replace("<policies>", "<policies  >").replace("@(", "@(  ")


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "GATEWATCH_VERIFY_CONNECTION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def service() -> ArmService:
    return ArmService(
        apis=[
            Api("orders", {"get-order": None}),
            Api("awkward"),
            Api("bare", {"list": None, "stream": "<policies><inbound><base /></inbound><outbound></outbound></policies>"}),
            Api("sockets", properties={"type": "websocket"}),
            Api("old", properties={"isCurrent": False}),
        ],
        products={"retail": ["orders", "bare"]},
        policies={"orders": USUAL, "awkward": AWKWARD, "": GLOBAL},
    )


@pytest.fixture
def endpoint(service: ArmService) -> Iterator[str]:
    with serving(service) as address:
        yield address


Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def run(endpoint: str) -> Run:
    """Runs the command with --json; exit status and report."""

    def command(verb: str, *more: str, service: str = NAME) -> tuple[int, dict[str, Any]]:
        out: list[str] = []
        where = ["--subscription", SUBSCRIPTION, "--resource-group", GROUP, "--service", service, "--endpoint", endpoint]
        status = main([verb, *where, "--json", *more], console=Console(file=io.StringIO()), out=out.append)
        (report,) = out
        return status, json.loads(report)

    return command


def actions(report: dict[str, Any]) -> dict[str, str]:
    return {policy["id"]: policy["action"] for policy in report["policies"]}


def test_plan_shows_and_writes_nothing(run: Run, service: ArmService) -> None:
    status, report = run("plan", "--all", "--unmatched", "--yes")
    assert status == 0
    assert service.writes() == []
    assert actions(report) == {"orders": "add", "awkward": "add", "bare": "add", "sockets": "skip", "(all APIs)": "add"}
    assert not report["written"]
    diff = report["policies"][0]["diff"].splitlines()
    assert diff[:2] == ["--- orders (now)", "+++ orders (then)"]
    assert [line for line in diff[2:] if line[0] == "-"] == []
    assert [line[1:].strip() for line in diff[2:] if line[0] == "+"] == [
        CAPTURE,
        '<set-variable name="gatewatch-auth-jwt" value="gatewatch" />',
        EMIT,
        CAPTURE,
        EMIT,
    ]


def test_apply_without_yes_writes_nothing(run: Run, service: ArmService) -> None:
    assert actions(run("apply", "--all")[1])["orders"] == "add"
    assert service.writes() == []


def test_apply_twice_then_remove_gives_back_every_byte(run: Run, service: ArmService) -> None:
    before = dict(service.policies)
    status, report = run("apply", "--all", "--unmatched", "--yes")
    assert status == 0
    assert actions(report) == {"orders": "add", "awkward": "add", "bare": "add", "sockets": "skip", "(all APIs)": "add"}
    assert service.policies["orders"] == WATCHED
    assert service.policies["bare"] == NEW_POLICY
    assert service.policies["awkward"] != before["awkward"]

    written = len(service.writes())
    status, report = run("apply", "--all", "--unmatched", "--yes")
    assert (status, len(service.writes())) == (0, written)
    assert set(actions(report).values()) == {"none", "skip"}
    assert not report["written"]

    status, report = run("remove", "--all", "--unmatched", "--yes")
    assert status == 0
    assert service.policies == before
    assert actions(report) == {"orders": "remove", "awkward": "remove", "bare": "remove", "sockets": "none", "(all APIs)": "remove"}

    written = len(service.writes())
    assert set(actions(run("remove", "--all", "--unmatched", "--yes")[1]).values()) == {"none"}
    assert len(service.writes()) == written


def test_the_guard_is_a_choice(run: Run, service: ArmService) -> None:
    status, report = run("apply", "--api", "orders", "--guard", "--yes")
    assert status == 1
    assert report["problems"] == [
        "the service has no policy fragment gatewatch-guard: deploy infra/ with the gateway part first (GATEWATCH_GUARD)"
    ]
    service.fragments.add("gatewatch-guard")
    assert run("apply", "--api", "orders", "--guard", "--yes")[0] == 0
    assert GUARD in service.policies["orders"]
    assert run("apply", "--api", "orders", "--yes")[1]["policies"][0]["action"] == "none"
    assert run("apply", "--api", "orders", "--no-guard", "--yes")[1]["policies"][0]["action"] == "update"
    assert GUARD not in service.policies["orders"]
    assert run("remove", "--api", "orders", "--yes")[0] == 0
    assert service.policies["orders"] == USUAL


def test_every_write_names_the_version_that_it_was_made_from(run: Run, service: ArmService) -> None:
    run("apply", "--all", "--unmatched", "--yes")
    run("remove", "--all", "--unmatched", "--yes")
    created = 0
    for method, path, match in service.requests:
        if method in ("PUT", "DELETE"):
            if match is None:
                assert path.endswith("/apis/bare/policies/policy")
                created += 1
            assert match != "*"
    assert created == 1


def test_single_apis_and_products(run: Run, service: ArmService) -> None:
    assert list(actions(run("apply", "--api", "awkward", "--yes")[1])) == ["awkward"]
    assert service.policies["orders"] == USUAL
    assert list(actions(run("plan", "--api", "awkward", "bare", "--product", "retail")[1])) == ["orders", "awkward", "bare"]
    assert actions(run("plan", "--api", "awkward")[1]) == {"awkward": "none"}


def test_a_policy_with_an_older_part_is_brought_up_to_date(run: Run, service: ArmService) -> None:
    service.edit("orders", WATCHED.replace("    </inbound>", "        <validate-client-certificate />\n    </inbound>"))
    assert actions(run("apply", "--api", "orders", "--yes")[1]) == {"orders": "update"}
    assert "gatewatch-auth-client-certificate" in service.policies["orders"]


@pytest.mark.parametrize("verb", ["apply", "remove"])
def test_a_concurrent_edit_wins(run: Run, service: ArmService, verb: str) -> None:
    if verb == "remove":
        service.edit("orders", WATCHED)
    theirs = USUAL.replace("Authorization", "X-Other")

    def edit(key: str) -> None:
        if key == "orders":
            service.edit(key, theirs)

    service.after_get = edit
    status, report = run(verb, "--api", "orders", "--api", "awkward", "--yes")
    assert status == 1
    assert service.policies["orders"] == theirs
    refused = report["policies"][0]
    assert (refused["action"], refused["written"]) == ("refuse", False)
    assert "someone changed this policy after it was read; nothing was written" in refused["problem"]
    assert report["policies"][1]["action"] == ("add" if verb == "apply" else "none")  # the others go on


def test_a_policy_made_meanwhile_is_not_overwritten(run: Run, service: ArmService) -> None:
    original = service.policies.get

    class Late(dict[str, str]):
        """A policy that appears between the read that found none and the write."""

        reads = 0

        def __contains__(self, key: object) -> bool:
            if key == "bare":
                Late.reads += 1
                return Late.reads > 1
            return super().__contains__(key)

    service.policies = Late(service.policies)
    assert original("bare") is None
    status, report = run("apply", "--api", "bare", "--yes")
    assert status == 1
    assert actions(report) == {"bare": "refuse"}
    assert service.policies.get("bare") is None


def test_no_such_service(run: Run, service: ArmService) -> None:
    status, report = run("apply", "--all", "--yes", service="nowhere")
    assert status == 1
    assert report["problems"] == ["there is no API Management service nowhere in resource group rg"]
    assert report["policies"] == []


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--api", "orders", "--api", "nope"], "there is no API nope (current revision) in contoso"),
        (["--api", "old"], "there is no API old (current revision) in contoso"),
        (["--product", "nope"], "there is no product nope in contoso"),
    ],
)
def test_what_is_not_there(run: Run, service: ArmService, more: list[str], problem: str) -> None:
    status, report = run("apply", "--yes", *more)
    assert (status, report["problems"]) == (1, [problem])
    assert service.writes() == []


def test_without_the_fragments_nothing_is_applied(run: Run, service: ArmService) -> None:
    service.fragments = {"gatewatch-capture"}
    status, report = run("apply", "--all", "--yes")
    assert status == 1
    assert report["problems"] == ["the service has no policy fragment gatewatch-emit: deploy infra/ with the gateway part first"]
    assert service.writes() == []
    assert run("plan", "--api", "orders")[0] == 1  # shown, and said
    service.edit("orders", WATCHED)
    assert run("remove", "--api", "orders", "--yes")[0] == 0  # leaving needs nothing
    assert service.policies["orders"] == USUAL


def test_no_permission_to_write(run: Run, service: ArmService) -> None:
    service.forbidden = {("PUT", "/apis/orders/policies/policy")}
    status, report = run("apply", "--api", "orders", "--api", "awkward", "--yes")
    assert status == 1
    assert actions(report) == {"orders": "fail", "awkward": "add"}
    assert "apply and remove need API Management Service Contributor" in report["policies"][0]["problem"]
    assert service.policies["orders"] == USUAL


def test_no_permission_to_read(run: Run, service: ArmService) -> None:
    service.forbidden = {("GET", f"/service/{NAME}")}
    status, report = run("plan", "--all")
    assert status == 1
    assert "Reading needs the role API Management Service Reader Role" in report["problems"][0]


def test_the_service_refuses_the_policy(run: Run, service: ArmService) -> None:
    service.broken = {("PUT", "/apis/orders/policies/policy"): 400}
    status, report = run("apply", "--api", "orders", "--yes")
    assert status == 1
    assert report["policies"][0]["problem"] == "the service answered 400: One or more fields contain incorrect values:"


def test_a_policy_that_is_not_understood_is_left_alone(run: Run, service: ArmService) -> None:
    by_hand = USUAL.replace("<base />", CAPTURE + "<base />", 1)
    for text, why in ((by_hand, "by hand"), ("<policies><outbound /></policies>", "no <inbound>"), ("<policies><inbound>", "never closed")):
        service.edit("orders", text)
        for verb in ("apply", "remove"):
            if verb == "remove" and "no <inbound>" in why:
                continue  # nothing of ours in it: nothing to do
            status, report = run(verb, "--api", "orders", "--yes")
            assert status == 1
            assert actions(report) == {"orders": "refuse"}
            assert why in report["policies"][0]["problem"]
            assert service.policies["orders"] == text


def test_no_global_policy_is_made(run: Run, service: ArmService) -> None:
    del service.policies[""]
    status, report = run("apply", "--unmatched", "--yes")
    assert status == 1
    assert "<forward-request />" in report["policies"][0]["problem"]
    assert service.writes() == []


def test_a_service_that_rewrites_white_space_is_told_of(run: Run, service: ArmService) -> None:
    service.stores = lambda text: text.replace("    ", "\t")
    _, report = run("apply", "--api", "orders", "--yes")
    assert any("other white space" in note for note in report["policies"][0]["notes"])
    assert actions(run("remove", "--api", "orders", "--yes")[1]) == {"orders": "remove"}
    assert service.policies["orders"] == USUAL.replace("    ", "\t")


def test_notes_say_what_will_not_be_seen(run: Run, service: ArmService) -> None:
    service.apis[0].properties["subscriptionKeyParameterNames"] = {"header": "Ocp-Apim-Subscription-Key", "query": "Shop-Key"}
    service.edit("orders", USUAL.replace("<base />", "<choose><otherwise><return-response /></otherwise></choose>", 1))
    report = run("plan", "--api", "orders", "--api", "bare")[1]
    orders, bare = (policy["notes"] for policy in report["policies"])
    assert [note.split(":")[0] for note in orders] == [
        "its subscription key may come in the query as shop-key",
        "calls that return-response answers before outbound ends are not seen",
    ]
    assert bare == [
        "operation stream: no <base /> in outbound, so what the API's policy does there is skipped: its calls are not seen whole"
    ]
    assert run("plan", "--api", "bare", "--skip-operations")[1]["policies"][0]["notes"] == []


def test_the_service_is_out_of_reach() -> None:
    out: list[str] = []
    arguments = ["plan", "--subscription", SUBSCRIPTION, "--resource-group", GROUP, "--service", NAME, "--all", "--json"]
    probe = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    port = probe.server_port
    probe.server_close()
    status = main([*arguments, "--endpoint", f"http://127.0.0.1:{port}"], out=out.append, retry_total=0)
    assert status == 1
    assert "cannot be reached" in json.loads(out[0])["problems"][0]


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["--all", "--api", "orders"],
        ["--all", "--endpoint", "http://management.example"],
        ["--all", "--endpoint", "ftp://127.0.0.1"],
        ["--all", "--verify-url", "file:///etc/passwd"],
    ],
)
def test_command_lines_that_are_wrong(more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["apply", "--subscription", SUBSCRIPTION, "--resource-group", GROUP, "--service", NAME, *more])
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_what_people_see(service: ArmService, endpoint: str) -> None:
    where = ["--subscription", SUBSCRIPTION, "--resource-group", GROUP, "--service", NAME, "--endpoint", endpoint]
    service.apis[0].properties["displayName"] = "Orders\x1b[2J [bold]"

    def seen(*arguments: str) -> str:
        console = Console(file=io.StringIO(), force_terminal=True, width=120, color_system="standard")
        main([arguments[0], *where, *arguments[1:]], console=console)
        text = console.file.getvalue() if isinstance(console.file, io.StringIO) else ""
        assert "\x1b[2J" not in text.replace("\x1b[2K", "")
        return text

    text = seen("apply", "--api", "orders")
    assert "would be put under watch" in text
    assert "[bold]" in text
    assert "\x1b[32m+        <include-fragment" in text  # an added line, in green
    assert "Nothing was written. Add --yes to write." in text
    text = seen("apply", "--api", "orders", "--yes")
    assert "put under watch" in text
    assert "Nothing was written" not in text
    assert "watched already" in seen("apply", "--api", "orders", "--yes")
    assert "not watched" in seen("remove", "--api", "bare")


# ---- one call, and its event


@contextmanager
def gateway(connection: str, hub: str, *, sends: bool) -> Iterator[str]:
    """Answers calls 404 and, as the policy does, sends the event of each; among others' events and noise."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            event = {"v": 1, "userAgent": self.headers["User-Agent"], "path": self.path}
            with EventHubProducerClient.from_connection_string(connection, eventhub_name=hub) as producer:
                noise = ["no json", "[]", json.dumps({"userAgent": "someone else"})]
                producer.send_batch([EventData(text) for text in [*noise, *([json.dumps(event)] if sends else [])]])
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/orders/1"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.mark.parametrize("sends", [True, False])
def test_verify_waits_for_the_event_of_its_own_call(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sends: bool) -> None:
    with running(tmp_path, {"calls": 2}) as hubs:
        connection = hubs.connection_string
        monkeypatch.setenv("GATEWATCH_VERIFY_CONNECTION", connection)
        with gateway(connection, "calls", sends=sends) as url:
            started = time.monotonic()
            status, report = run("apply", "--api", "orders", "--yes", "--verify-url", url, "--verify-seconds", "60" if sends else "1.5")
    assert (report["verified"]["arrived"], report["verified"]["status"]) == (sends, 404)
    assert status == (0 if sends else 1)
    if sends:
        assert time.monotonic() - started < 60
    else:
        assert "no event of the call arrived within 1.5 s" in report["problems"][0]


def test_verify_needs_a_hub(run: Run) -> None:
    status, report = run("apply", "--api", "orders", "--yes", "--verify-url", "http://127.0.0.1:9/")
    assert status == 1
    assert "--verify-namespace" in report["problems"][0]
    assert actions(report) == {"orders": "add"}  # what was done is told all the same
