"""Puts chosen APIs of an API Management service under watch, shows what it changes first, and takes it back byte for byte.

python -m tools.onboard plan|apply|remove --subscription ID --resource-group NAME --service NAME
    [--api ID ...] [--product ID ...] [--all] [--unmatched] [--guard | --no-guard]
    [--yes] [--json]

plan writes nothing; apply and remove write only with --yes. Every write says which version of the policy it was made from (ETag): whoever
edited it meanwhile wins, and nothing is overwritten.
"""

from __future__ import annotations

import argparse
import difflib
import ipaddress
import json
import os
import re
import secrets
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext
from azure.identity import DefaultAzureCredential
from azure.mgmt.apimanagement import ApiManagementClient
from azure.mgmt.apimanagement.models import ApiContract, PolicyContract
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from posture.policy_text import PolicyNotUnderstood
from tools import policy_edit

GLOBAL = "(all APIs)"
"""How the global policy is named in output."""
FRAGMENTS = policy_edit.FRAGMENTS
MASKED = "gatewatch-masked-parameters"
ALWAYS_MASKED = "subscription-key"
WRITING_ROLE = "API Management Service Contributor"
READING_ROLE = "API Management Service Reader Role"


@dataclass(frozen=True)
class Arguments:
    """The command line, checked."""

    command: str
    subscription: str
    resource_group: str
    service: str
    apis: tuple[str, ...]
    products: tuple[str, ...]
    every: bool
    unmatched: bool
    guard: bool | None
    yes: bool
    as_json: bool
    endpoint: str
    skip_operations: bool
    verify_url: str | None
    verify_hub: str
    verify_namespace: str | None
    verify_seconds: float


@dataclass
class Result:
    """What became, or would become, of one policy.

    action: `add`, `update`, `remove`, `none` (as it should be already), `skip` (cannot be watched), `refuse` (not understood, or changed
    meanwhile), `fail` (the service said no). `problem` says why for the last three. `written`: the service has it.
    """

    id: str
    name: str
    action: str
    written: bool = False
    diff: str = ""
    notes: list[str] = field(default_factory=list)
    problem: str | None = None

    @property
    def is_bad(self) -> bool:
        return self.action in ("refuse", "fail")


class OnboardingError(Exception):
    """Nothing can be done at all; the message is for the user."""


@dataclass(frozen=True)
class Service:
    """One API Management service, through its management interface."""

    client: ApiManagementClient
    resource_group: str
    name: str

    def check(self) -> None:
        """Raises OnboardingError if the service is not there."""
        try:
            self.client.api_management_service.get(self.resource_group, self.name)
        except ResourceNotFoundError as error:
            raise OnboardingError(f"there is no API Management service {self.name} in resource group {self.resource_group}") from error

    def missing_fragments(self, fragments: Sequence[str]) -> list[str]:
        missing = []
        for fragment in fragments:
            try:
                self.client.policy_fragment.get(self.resource_group, self.name, fragment)
            except ResourceNotFoundError:
                missing.append(fragment)
        return missing

    def masked_parameters(self) -> set[str] | None:
        """The names whose values the gateway masks; None if the named value is not there."""
        try:
            value = self.client.named_value.get(self.resource_group, self.name, MASKED).value
        except ResourceNotFoundError:
            return None
        return {ALWAYS_MASKED, *(name for name in re.split("[,; ]+", (value or "").lower()) if name)}

    def apis(self) -> list[ApiContract]:
        """Every API's current revision."""
        return [api for api in self.client.api.list_by_service(self.resource_group, self.name) if api.is_current is not False]

    def apis_of(self, product: str) -> set[str]:
        """The ids of a product's APIs. Raises OnboardingError for a product that is not there."""
        try:
            return {api.name or "" for api in self.client.product_api.list_by_product(self.resource_group, self.name, product)}
        except ResourceNotFoundError as error:
            raise OnboardingError(f"there is no product {product} in {self.name}") from error

    def policy(self, api: str | None) -> tuple[str | None, str | None]:
        """The text and ETag of an API's policy, or of the global one; (None, None) if there is none."""

        tags: list[str | None] = []

        def tagged(_response: Any, policy: PolicyContract, headers: dict[str, str]) -> PolicyContract:
            tags.append(headers.get("ETag"))
            return policy

        try:
            if api is None:
                found = self.client.policy.get(self.resource_group, self.name, "policy", format="rawxml", cls=tagged)
            else:
                found = self.client.api_policy.get(self.resource_group, self.name, api, "policy", format="rawxml", cls=tagged)
        except ResourceNotFoundError:
            return None, None
        text, etag = found.value, tags[0]
        if text is not None and not etag:
            raise OnboardingError("the service gave a policy without an ETag: an edit could overwrite someone else's")
        return text, etag

    def write(self, api: str | None, text: str | None, etag: str | None) -> None:
        """Put a policy, or delete it (text None), if it is still the version that `etag` names (None: still not there)."""
        if text is None:
            assert api is not None
            assert etag is not None
            self.client.api_policy.delete(self.resource_group, self.name, api, "policy", if_match=etag)
            return
        contract = PolicyContract(value=text, format="rawxml")
        if api is None:
            self.client.policy.create_or_update(self.resource_group, self.name, "policy", contract, if_match=etag)
        else:
            self.client.api_policy.create_or_update(self.resource_group, self.name, api, "policy", contract, if_match=etag)

    def operation_policies(self, api: str) -> Iterator[tuple[str, str]]:
        """(operation id, policy text) of each operation that has a policy of its own."""
        for operation in self.client.api_operation.list_by_api(self.resource_group, self.name, api):
            identifier = operation.name or ""
            try:
                policy = self.client.api_operation_policy.get(self.resource_group, self.name, api, identifier, "policy", format="rawxml")
            except ResourceNotFoundError:
                continue
            if policy.value:
                yield identifier, policy.value


def explain(error: AzureError) -> str:
    """An error of the management interface in words that say what to do."""
    if isinstance(error, ClientAuthenticationError):
        return "not signed in, or not for this directory: run `az login` (or give the identity credentials) and try again"
    if isinstance(error, HttpResponseError):
        said = " ".join(((error.error.message if error.error is not None else None) or error.message or "").split())[:400]
        if error.status_code == 403:
            return f"no permission. Reading needs the role {READING_ROLE}, apply and remove need {WRITING_ROLE}. The service says: {said}"
        if error.status_code == 412:
            return "someone changed this policy after it was read; nothing was written. Look at it and run the command again"
        if error.status_code == 404:
            return f"not found. The service says: {said}"
        return f"the service answered {error.status_code}: {said}"
    return f"the service cannot be reached: {' '.join(str(error).split())[:400]}"


def _diff(name: str, before: str | None, after: str | None) -> str:
    lines = difflib.unified_diff((before or "").splitlines(), (after or "").splitlines(), f"{name} (now)", f"{name} (then)", lineterm="")
    return "\n".join(lines)


def _change(command: str, api: str | None, text: str | None, guard: bool | None) -> str | None:
    """The policy after the command. Raises PolicyNotUnderstood."""
    if api is None:
        if text is None:
            raise PolicyNotUnderstood(
                "there is no global policy: without <forward-request /> a new one would stop every API, so none is made"
            )
        return policy_edit.watch_unmatched(text) if command != "remove" else policy_edit.unwatch_unmatched(text)
    if command != "remove":
        return policy_edit.watch(text, guard=guard)
    return None if text is None else policy_edit.unwatch(text)


def _action(command: str, api: str | None, before: str | None, after: str | None) -> str:
    if before == after:
        return "none"
    if command == "remove":
        return "remove"
    watched = before is not None and (policy_edit.is_watched(before) if api else policy_edit.unwatch_unmatched(before) != before)
    return "update" if watched else "add"


def _notes(service: Service, api: ApiContract, after: str | None, masked: set[str] | None, *, operations: bool) -> list[str]:
    notes = []
    names = api.subscription_key_parameter_names
    query = (names.query or "").lower() if names is not None else ""
    if query and masked is not None and query not in masked:
        notes.append(
            f"its subscription key may come in the query as {query}: add that name to the named value {MASKED}, or keys leave the gateway"
        )
    if after is not None:
        ends = policy_edit.answers_itself(after)
        if ends:
            notes.append(f"calls that {' or '.join(ends)} answers before outbound ends are not seen")
    if not operations:
        return notes
    for identifier, text in service.operation_policies(api.name or ""):
        try:
            bare = policy_edit.sections_without_base(text)
        except PolicyNotUnderstood as why:
            notes.append(f"operation {identifier}: its policy is not understood ({why})")
            continue
        if bare:
            notes.append(
                f"operation {identifier}: no <base /> in {', '.join(bare)}, so what the API's policy does there is skipped: its calls are not seen whole"
            )
    return notes


def _handle(service: Service, arguments: Arguments, api: ApiContract | None, masked: set[str] | None) -> Result:
    identifier = (api.name or "") if api is not None else None
    result = Result(identifier or GLOBAL, (api.display_name or "" if api is not None else "global policy"), "none")
    if api is not None and api.api_type == "websocket" and arguments.command != "remove":
        result.action, result.problem = "skip", "a WebSocket API has policies for its handshake only"
        return result
    try:
        before, etag = service.policy(identifier)
        after = _change(arguments.command, identifier, before, arguments.guard)
        result.action = _action(arguments.command, identifier, before, after)
        result.diff = _diff(result.id, before, after)
        if api is not None and arguments.command != "remove":
            result.notes = _notes(service, api, after, masked, operations=not arguments.skip_operations)
        if result.action != "none" and arguments.command != "plan" and arguments.yes:
            service.write(identifier, after, etag)
            result.written = True
            stored, _ = service.policy(identifier)
            if stored != after:
                result.notes.append(
                    "the service stores the policy with other white space than was sent: remove will not give back every byte"
                )
    except PolicyNotUnderstood as why:
        result.action, result.problem = "refuse", f"policy not understood: {why}"
    except OnboardingError as why:
        result.action, result.problem = "refuse", str(why)
    except AzureError as error:
        result.problem = explain(error)
        result.action = "refuse" if isinstance(error, HttpResponseError) and error.status_code == 412 else "fail"
    return result


def _chosen(service: Service, arguments: Arguments) -> list[ApiContract]:
    """The APIs that the command line names, in the service's order. Raises OnboardingError for one that is not there."""
    if not (arguments.every or arguments.apis or arguments.products):
        return []
    apis = service.apis()
    wanted = set(arguments.apis)
    unknown = wanted - {api.name for api in apis}
    if unknown:
        raise OnboardingError(f"there is no API {', '.join(sorted(unknown))} (current revision) in {service.name}")
    for product in arguments.products:
        wanted |= service.apis_of(product)
    return [api for api in apis if arguments.every or api.name in wanted]


# ---- one call, and the event that it must leave


class _Caller:
    """Reads a hub from before a call until the event of that call comes by."""

    def __init__(self, client: EventHubConsumerClient, agent: str) -> None:
        self._client = client
        self._agent = agent
        self.found = threading.Event()
        self._positions: dict[str, str | int] = {}

    def note_positions(self) -> None:
        for partition in self._client.get_partition_ids():
            last = self._client.get_partition_properties(partition)["last_enqueued_sequence_number"]
            self._positions[partition] = last if last >= 0 else "-1"

    def _take(self, _context: PartitionContext, event: EventData | None) -> None:
        if event is None:
            return
        try:
            call = json.loads(event.body_as_str())
        except (ValueError, TypeError):
            return
        if isinstance(call, dict) and call.get("userAgent") == self._agent:
            self.found.set()

    def wait(self, seconds: float) -> bool:
        thread = threading.Thread(
            target=self._client.receive,
            kwargs={"on_event": self._take, "starting_position": self._positions, "on_error": lambda _context, _error: None},
            daemon=True,
        )
        thread.start()
        try:
            return self.found.wait(seconds)
        finally:
            self._client.close()
            thread.join(timeout=10)


def _consumer(arguments: Arguments) -> EventHubConsumerClient:
    connection = os.environ.get("GATEWATCH_VERIFY_CONNECTION")
    if connection:
        return EventHubConsumerClient.from_connection_string(connection, "$Default", eventhub_name=arguments.verify_hub)
    if not arguments.verify_namespace:
        raise OnboardingError(
            "--verify-url needs --verify-namespace (Event Hubs namespace), or GATEWATCH_VERIFY_CONNECTION in the environment"
        )
    host = arguments.verify_namespace if "." in arguments.verify_namespace else f"{arguments.verify_namespace}.servicebus.windows.net"
    return EventHubConsumerClient(host, arguments.verify_hub, "$Default", DefaultAzureCredential())


def verify(arguments: Arguments) -> dict[str, Any]:
    """Call the URL once and wait for its event: {"url", "status", "arrived", "seconds"}. Raises OnboardingError if the hub or the URL cannot be reached."""
    assert arguments.verify_url is not None
    agent = f"gatewatch-onboard/{secrets.token_hex(8)}"
    client = _consumer(arguments)
    caller = _Caller(client, agent)
    try:
        caller.note_positions()
        request = urllib.request.Request(arguments.verify_url, headers={"User-Agent": agent})
        started = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                status = response.status
        except urllib.error.HTTPError as answer:
            with answer:
                status = answer.code
        arrived = caller.wait(arguments.verify_seconds)
    except AzureError as error:
        raise OnboardingError(f"the hub {arguments.verify_hub} cannot be read: {' '.join(str(error).split())[:300]}") from error
    except (OSError, ValueError) as error:
        raise OnboardingError(f"the call of {arguments.verify_url} failed: {error}") from error
    finally:
        client.close()
    return {"url": arguments.verify_url, "status": status, "arrived": arrived, "seconds": round(time.monotonic() - started, 1)}


# ---- command line and output


def _loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.onboard", description="Put APIs of an API Management service under Gatewatch's watch."
    )
    parser.add_argument("command", choices=("plan", "apply", "remove"))
    parser.add_argument("--subscription", required=True, help="id of the subscription")
    parser.add_argument("--resource-group", required=True)
    parser.add_argument("--service", required=True, help="name of the API Management service")
    parser.add_argument("--api", action="extend", nargs="+", default=[], metavar="ID", help="ids of APIs")
    parser.add_argument("--product", action="extend", nargs="+", default=[], metavar="ID", help="every API of these products")
    parser.add_argument("--all", action="store_true", help="every API")
    parser.add_argument(
        "--guard",
        action=argparse.BooleanOptionalAction,
        help="with the guard, which refuses or slows callers that are listed; without the option it stays as it is (new APIs: without)",
    )
    parser.add_argument("--unmatched", action="store_true", help="calls that match no operation, by the global policy")
    parser.add_argument("--yes", action="store_true", help="write; without it apply and remove only show")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--skip-operations", action="store_true", help="do not look at the policies of single operations")
    parser.add_argument("--endpoint", default="https://management.azure.com", help="the resource manager, for other clouds and for tests")
    parser.add_argument("--verify-url", metavar="URL", help="after apply: call this and wait for its event")
    parser.add_argument("--verify-namespace", metavar="NAME", help="Event Hubs namespace to read the event from")
    parser.add_argument("--verify-hub", default="calls", metavar="NAME")
    parser.add_argument("--verify-seconds", type=float, default=90.0, metavar="S")
    return parser


def _arguments(argv: Sequence[str] | None) -> Arguments:
    parser = _parser()
    found = parser.parse_args(argv)
    if not (found.api or found.product or found.all or found.unmatched):
        parser.error("choose what to watch: --api, --product, --all or --unmatched")
    if found.all and (found.api or found.product):
        parser.error("--all is every API already: leave out --api and --product")
    endpoint = urlsplit(found.endpoint)
    if endpoint.scheme != "https" and not (endpoint.scheme == "http" and _loopback(endpoint.hostname)):
        parser.error("--endpoint must be https (http only to this machine): it gets a token")
    if found.verify_url and urlsplit(found.verify_url).scheme not in ("http", "https"):
        parser.error("--verify-url must be http or https")
    return Arguments(
        command=found.command,
        subscription=found.subscription,
        resource_group=found.resource_group,
        service=found.service,
        apis=tuple(found.api),
        products=tuple(found.product),
        every=found.all,
        unmatched=found.unmatched,
        guard=found.guard,
        yes=found.yes,
        as_json=found.json,
        endpoint=found.endpoint.rstrip("/"),
        skip_operations=found.skip_operations,
        verify_url=found.verify_url,
        verify_hub=found.verify_hub,
        verify_namespace=found.verify_namespace,
        verify_seconds=found.verify_seconds,
    )


def _client(arguments: Arguments, extra: dict[str, Any]) -> ApiManagementClient:
    options: dict[str, Any] = {**extra, "base_url": arguments.endpoint, "credential_scopes": [arguments.endpoint + "/.default"]}
    if arguments.endpoint.startswith("http:"):
        options["authentication_policy"] = SansIOHTTPPolicy()  # an emulated service on this machine: no token for plain http
    return ApiManagementClient(DefaultAzureCredential(), arguments.subscription, **options)


def _visible(text: str) -> str:
    """A text from the service without characters that steer a terminal."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


_WORDS = {
    ("add", False): "would be put under watch",
    ("add", True): "put under watch",
    ("update", False): "would be brought up to date",
    ("update", True): "brought up to date",
    ("remove", False): "would be left unwatched, as it was",
    ("remove", True): "left unwatched, as it was",
    ("skip", False): "skipped",
    ("refuse", False): "refused",
    ("fail", False): "failed",
}
_COLOURS = {"add": "green", "update": "green", "remove": "yellow", "refuse": "red", "fail": "red", "skip": "yellow"}
_DIFF_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def _show(console: Console, result: Result, command: str) -> None:
    unchanged = "not watched" if command == "remove" else "watched already"
    words = _WORDS.get((result.action, result.written and result.action in ("add", "update", "remove")), unchanged)
    line = Text.assemble((_visible(result.id), "bold"), f" {_visible(result.name)}: ", (words, _COLOURS.get(result.action, "dim")))
    if result.problem:
        line.append(f": {_visible(result.problem)}")
    console.print(line)
    for note in result.notes:
        console.print(Text(f"  note: {_visible(note)}", "yellow"))
    for row in _visible(result.diff).splitlines() if result.diff and not result.is_bad else ():
        console.print(Text(row, _DIFF_COLOURS.get(row[:1], "")), soft_wrap=True)


def _policies(arguments: Arguments, console: Console, problems: list[str], options: dict[str, Any]) -> list[Result]:
    """Plan, apply or remove, policy by policy. Raises OnboardingError and AzureError if nothing can be done at all."""
    with _client(arguments, options) as client:
        service = Service(client, arguments.resource_group, arguments.service)
        service.check()
        masked = None
        if arguments.command != "remove":
            missing = service.missing_fragments((*FRAGMENTS, policy_edit.GUARD_FRAGMENT) if arguments.guard else FRAGMENTS)
            if missing:
                problem = f"the service has no policy fragment {' or '.join(missing)}: deploy infra/ with the gateway part first{' (GATEWATCH_GUARD)' if arguments.guard else ''}"
                if arguments.command == "apply":
                    raise OnboardingError(problem)
                problems.append(problem)
            masked = service.masked_parameters()
        targets: list[ApiContract | None] = [*_chosen(service, arguments)]
        if arguments.unmatched:
            targets.append(None)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        results = []
        with Progress(*columns, console=console, transient=True, disable=arguments.as_json or not console.is_terminal) as progress:
            task = progress.add_task(arguments.command, total=len(targets))
            for target in targets:
                results.append(_handle(service, arguments, target, masked))
                progress.advance(task)
        return results


def main(argv: Sequence[str] | None = None, *, console: Console | None = None, out: Callable[[str], Any] = print, **options: Any) -> int:
    """Exit status 0: all as it should be; 1: something was refused or failed; 2: the command line is wrong.

    options: of the SDK's client, as `retry_total`.
    """
    arguments = _arguments(argv)
    console = console or Console(stderr=arguments.as_json)
    results: list[Result] = []
    problems: list[str] = []
    verified: dict[str, Any] | None = None
    try:
        results = _policies(arguments, console, problems, options)
        done = arguments.command == "apply" and arguments.yes and not any(result.is_bad for result in results)
        if arguments.verify_url and done:
            verified = verify(arguments)
            if not verified["arrived"]:
                problems.append(
                    f"no event of the call arrived within {arguments.verify_seconds:g} s: see the logger, its identity's role on the hub, "
                    "and the switch gatewatch-enabled"
                )
    except OnboardingError as why:
        problems.append(str(why))
    except AzureError as error:
        problems.append(explain(error))
    status = 1 if problems or any(result.is_bad for result in results) else 0
    if arguments.as_json:
        report = {
            "command": arguments.command,
            "service": arguments.service,
            "written": any(result.written for result in results),
            "policies": [asdict(result) for result in results],
            "problems": problems,
            "verified": verified,
        }
        out(json.dumps(report, indent=2))
        return status
    for result in results:
        _show(console, result, arguments.command)
    for problem in problems:
        console.print(Text(f"problem: {_visible(problem)}", "red"))
    if verified and verified["arrived"]:
        console.print(Text(f"verified: the event of {_visible(verified['url'])} arrived in {verified['seconds']} s", "green"))
    if arguments.command != "plan" and not arguments.yes and any(result.action in ("add", "update", "remove") for result in results):
        console.print(Text("Nothing was written. Add --yes to write.", "bold"))
    return status


if __name__ == "__main__":
    sys.exit(main())
