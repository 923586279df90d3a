"""Puts chosen APIs of an API Management service under watch, shows what it changes first, and takes it back byte for byte.

python -m tools.onboard plan|apply|remove --subscription ID --resource-group NAME --service NAME
    [--api ID ...] [--product ID ...] [--all] [--unmatched] [--guard | --no-guard]
    [--yes] [--json]

plan writes nothing; apply and remove write only with --yes. Every write says which version of the policy it was made from (ETag): whoever
edited it meanwhile wins, and nothing is overwritten.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.identity import DefaultAzureCredential
from azure.mgmt.apimanagement import ApiManagementClient
from azure.mgmt.apimanagement.models import ApiContract
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from tools import policy_edit
from tools.arrival import verify
from tools.gateway_policies import OnboardingError, Service, explain
from tools.onboarding import Result, Wanted, chosen, onboard


@dataclass(frozen=True)
class Arguments:
    """The command line, checked."""

    wanted: Wanted
    subscription: str
    resource_group: str
    service: str
    as_json: bool
    endpoint: str
    verify_url: str | None
    verify_hub: str
    verify_namespace: str | None
    verify_seconds: float


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
    wanted = Wanted(
        command=found.command,
        apis=tuple(found.api),
        products=tuple(found.product),
        every=found.all,
        unmatched=found.unmatched,
        guard=found.guard,
        yes=found.yes,
        skip_operations=found.skip_operations,
    )
    return Arguments(
        wanted=wanted,
        subscription=found.subscription,
        resource_group=found.resource_group,
        service=found.service,
        as_json=found.json,
        endpoint=found.endpoint.rstrip("/"),
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
    wanted = arguments.wanted
    with _client(arguments, options) as client:
        service = Service(client, arguments.resource_group, arguments.service)
        service.check()
        masked = None
        if wanted.command != "remove":
            missing = service.missing_fragments(
                (*policy_edit.FRAGMENTS, policy_edit.GUARD_FRAGMENT) if wanted.guard else policy_edit.FRAGMENTS
            )
            if missing:
                problem = f"the service has no policy fragment {' or '.join(missing)}: deploy infra/ with the gateway part first{' (GATEWATCH_GUARD)' if wanted.guard else ''}"
                if wanted.command == "apply":
                    raise OnboardingError(problem)
                problems.append(problem)
            masked = service.masked_parameters()
        targets: list[ApiContract | None] = [*chosen(service, wanted)]
        if wanted.unmatched:
            targets.append(None)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        results = []
        with Progress(*columns, console=console, transient=True, disable=arguments.as_json or not console.is_terminal) as progress:
            task = progress.add_task(wanted.command, total=len(targets))
            for target in targets:
                results.append(onboard(service, wanted, target, masked))
                progress.advance(task)
        return results


def main(argv: Sequence[str] | None = None, *, console: Console | None = None, out: Callable[[str], Any] = print, **options: Any) -> int:
    """Exit status 0: all as it should be; 1: something was refused or failed; 2: the command line is wrong.

    options: of the SDK's client, as `retry_total`.
    """
    arguments = _arguments(argv)
    wanted = arguments.wanted
    console = console or Console(stderr=arguments.as_json)
    results: list[Result] = []
    problems: list[str] = []
    verified: dict[str, Any] | None = None
    try:
        results = _policies(arguments, console, problems, options)
        done = wanted.command == "apply" and wanted.yes and not any(result.is_bad for result in results)
        if arguments.verify_url and done:
            verified = verify(arguments.verify_url, arguments.verify_hub, arguments.verify_namespace, arguments.verify_seconds)
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
            "command": wanted.command,
            "service": arguments.service,
            "written": any(result.written for result in results),
            "policies": [asdict(result) for result in results],
            "problems": problems,
            "verified": verified,
        }
        out(json.dumps(report, indent=2))
        return status
    for result in results:
        _show(console, result, wanted.command)
    for problem in problems:
        console.print(Text(f"problem: {_visible(problem)}", "red"))
    if verified and verified["arrived"]:
        console.print(Text(f"verified: the event of {_visible(verified['url'])} arrived in {verified['seconds']} s", "green"))
    if wanted.command != "plan" and not wanted.yes and any(result.action in ("add", "update", "remove") for result in results):
        console.print(Text("Nothing was written. Add --yes to write.", "bold"))
    return status


if __name__ == "__main__":
    sys.exit(main())
