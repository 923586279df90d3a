"""Blocks or slows a caller at the gateway, after showing whom it would have hit; it ends by itself, and is taken back in one step.

python -m tools.respond plan  --alert ID | --ip ADDRESS | --identity HASH | --subscription ID
python -m tools.respond apply TARGET --action block|slow|suspend [--for 60m] [--dry-run] [--wide] [--calls N] [--allow NAME ...] [--yes] [--print policy|list]
python -m tools.respond list | undo ID | prune | on | dry | off

plan writes nothing. apply writes with --yes only. --print writes nothing at the gateway: it prints a piece of policy, or plain addresses for another firewall.
off is the panic switch: the guard lets everybody pass, the list stays. The gateway is GATEWAY_RESOURCE_ID (or --gateway); the tables are the app's settings.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import quoteattr

from azure.core.exceptions import AzureError
from rich.console import Console
from rich.table import Table
from rich.text import Text

import settings
from adapters.app import App
from adapters.footprint import Footprints
from adapters.guard_list import Address, GatewayRefused, GuardList, connect
from adapters.responses import Responses
from model import minute_of
from response.rails import plan
from web.responses import Wanted, Wrong, apply, page, planned, wanted_of

LIFE = re.compile(r"(\d{1,5})(m|h|d)")
MINUTES = {"m": 1, "h": 60, "d": 24 * 60}


def life(text: str) -> int:
    """Minutes of "60m", "2h" or "7d"."""
    found = LIFE.fullmatch(text)
    if found is None or not 1 <= (minutes := int(found[1]) * MINUTES[found[2]]) <= 7 * 24 * 60:
        raise argparse.ArgumentTypeError("must be like 60m, 2h or 7d, and at most 7d")
    return minutes


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.respond", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("plan", "apply", "list", "undo", "prune", "on", "dry", "off"))
    parser.add_argument("id", nargs="?", help="of the response to undo")
    for name in ("alert", "ip", "identity", "subscription"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--action", choices=("block", "slow", "suspend"))
    parser.add_argument("--for", dest="minutes", type=life, default=0, help="60m, 2h, 7d; without it the guard rails' own")
    parser.add_argument("--dry-run", action="store_true", help="list it, but let the gateway only report what it would have refused")
    parser.add_argument("--wide", action="store_true", help="the address's /24; IPv6 is always its /64")
    parser.add_argument("--calls", type=int, default=0, help="calls a minute that a slowed caller keeps")
    parser.add_argument("--allow", nargs="*", default=[], metavar="NAME", help="guard rails that do not count this time")
    parser.add_argument("--yes", action="store_true", help="write")
    parser.add_argument(
        "--print", dest="printed", choices=("policy", "list"), help="write nothing at the gateway: print it for somebody who may"
    )
    parser.add_argument("--gateway", help="ARM id of the API Management service; without it GATEWAY_RESOURCE_ID")
    parser.add_argument("--endpoint", default="https://management.azure.com", help=argparse.SUPPRESS)
    parser.add_argument("--json", dest="as_json", action="store_true")
    found = parser.parse_args(argv)
    targets = [name for name in ("alert", "ip", "identity", "subscription") if getattr(found, name)]
    if found.command in ("plan", "apply") and len(targets) != 1:
        parser.error("name one of --alert, --ip, --identity and --subscription")
    if found.command == "apply" and not found.action:
        parser.error("apply needs --action")
    if found.command == "undo" and not found.id:
        parser.error("undo needs the id of a response: see list")
    return found


class Tool:
    """One run: the app's tables, and the gateway with the operator's own login."""

    def __init__(
        self, arguments: argparse.Namespace, environment: Mapping[str, str], out: Callable[[str], Any], options: dict[str, Any]
    ) -> None:
        self._arguments, self._out = arguments, out
        self.app = App(settings.read(environment))
        gateway = arguments.gateway or self.app.settings.gateway
        if not gateway:
            raise Wrong(409, "NotConfigured", "which gateway? set GATEWAY_RESOURCE_ID, or give --gateway")
        try:
            address = Address.parse(gateway)
        except ValueError:
            raise Wrong(400, "InvalidRequest", "--gateway must be the ARM id of an API Management service") from None
        self.guard = GuardList(connect(address, None, arguments.endpoint, **options), address)
        self.responses = Responses(self.app.tables, self.guard, self.app.settings.response_rails, self.app.guard_secret)
        self.gather = Footprints(self.app.tables, self.app.batches, self.app.hash_key).of
        self.who = f"tools.respond, {getpass.getuser()}"

    def run(self, now: datetime) -> tuple[int, Any]:
        """Exit status, and what to show. Raises Wrong and GatewayRefused."""
        arguments = self._arguments
        match arguments.command:
            case "plan":
                return 0, planned(self._plan(now))
            case "apply":
                return self._apply(now)
            case "undo":
                undone = self.responses.undo(arguments.id, self.who, now)
                return (0, {"undone": undone.id}) if undone else (1, {"problem": f"there is no response {arguments.id}"})
            case "prune":
                return 0, {"ended": self.responses.prune(now)}
            case "off":
                self.responses.panic(self.who, now)
                return 0, {"mode": "off"}
            case "on" | "dry":
                self.guard.switch(arguments.command)
                return 0, {"mode": arguments.command}
            case _:
                return 0, {**page(self.responses, now)[1], "mode": self.guard.mode(), "byHand": self._by_hand(now)}

    def _by_hand(self, now: datetime) -> list[str]:
        """Ids that are listed at the gateway and that nobody recorded."""
        known = {one.id for one in self.responses.records()}
        return sorted(entry.id for entry in self.guard.entries(minute_of(now)) if entry.id not in known)

    def _wanted(self) -> Wanted:
        arguments = self._arguments
        given = {
            name: getattr(arguments, name) for name in ("alert", "ip", "identity", "subscription", "action") if getattr(arguments, name)
        }
        given |= {"minutes": arguments.minutes, "calls": arguments.calls, "wide": arguments.wide, "dryRun": arguments.dry_run}
        return wanted_of(self.app.tables, {**given, "allow": arguments.allow, "confirmed": arguments.yes})

    def _plan(self, now: datetime) -> Any:
        wanted, chosen = self._wanted(), self.app.settings
        facts = self.gather(wanted.kind, wanted.target, chosen.response_rails.days, now, wanted.wide)
        return plan(facts, chosen.response_rails, self.app.response_networks, wanted.allow)

    def _apply(self, now: datetime) -> tuple[int, Any]:
        arguments, wanted = self._arguments, self._wanted()
        verdict = self._plan(now)
        if arguments.printed:
            if wanted.action not in verdict.allowed:
                return 1, planned(verdict) | {"problem": f"{wanted.action} is not allowed ({verdict.verdict})"}
            self._out(printed(wanted, arguments.printed))
            return 0, None
        if not arguments.yes:
            return 0, planned(verdict) | {"written": False, "note": "Nothing was written. Add --yes to write."}
        status, body = apply(wanted, self.responses, self.gather, self.app.response_networks, self.who, now)
        return (0, body | {"written": status == 201}) if status < 400 else (1, body)


def printed(wanted: Wanted, form: str) -> str:
    """A piece of policy for an API's inbound, or a plain line for another firewall. Nothing ends it: whoever puts it somewhere takes it away again."""
    if wanted.kind != "ip":
        if form == "list" or wanted.kind == "subscription":
            raise Wrong(409, "NoForm", "only an address has a form that other firewalls know")
        key = wanted.target.removeprefix("subject:")
        condition = f'@(context.Variables.GetValueOrDefault<string>("gatewatch-identity", "") == "{key}")'
        return f'<choose>\n  <when condition={quoteattr(condition)}>\n    <return-response><set-status code="403" reason="Forbidden" /></return-response>\n  </when>\n</choose>'
    if form == "list":
        first = wanted.target.rpartition(".")[0]
        return f"{first}.0/24" if wanted.wide and "." in wanted.target else wanted.target
    if wanted.wide and "." in wanted.target:
        first = wanted.target.rpartition(".")[0]
        return f'<ip-filter action="forbid">\n  <address-range from="{first}.0" to="{first}.255" />\n</ip-filter>'
    return f'<ip-filter action="forbid">\n  <address>{wanted.target}</address>\n</ip-filter>'


def _show(console: Console, report: Mapping[str, Any]) -> None:
    if "value" in report:
        table = Table("id", "state", "action", "target", "mode", "until", "stopped", "would stop", "who", title=f"guard: {report['mode']}")
        for row in report["value"]:
            (target,) = row["target"].values()
            table.add_row(
                row["id"],
                row["state"],
                row["action"],
                target,
                row["mode"],
                row["expires"],
                str(row["callsStopped"]),
                str(row["callsWouldStop"]),
                row["who"],
            )
        console.print(table)
        for id in report["byHand"]:
            console.print(f"{id} is listed at the gateway, and not recorded: somebody wrote it by hand", markup=False)
        return
    console.print(Text(json.dumps(report, indent=2, ensure_ascii=False)))


def main(
    argv: Sequence[str] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    out: Callable[[str], Any] = print,
    console: Console | None = None,
    now: datetime | None = None,
    **options: Any,
) -> int:
    """Exit status 0: done, or shown; 1: refused, or the gateway said no; 2: the command line or a setting is wrong. options: of the SDK's client."""
    arguments = _arguments(argv)
    console = console or Console(stderr=arguments.as_json)
    try:
        tool = Tool(arguments, os.environ if environment is None else environment, out, options)
        status, report = tool.run(now or datetime.now(UTC))
    except settings.SettingError as error:
        console.print(Text(str(error), "red"))
        return 2
    except Wrong as wrong:
        status, report = 1, {"problem": str(wrong)}
    except GatewayRefused as error:
        status, report = 1, {"problem": str(error)}
    except AzureError as error:
        status, report = 1, {"problem": f"the tables cannot be read ({type(error).__name__}): look at StateStorage"}
    if report is not None:
        if arguments.as_json:
            out(json.dumps(report, indent=2, ensure_ascii=False))
        else:
            _show(console, report)
    return status


if __name__ == "__main__":
    sys.exit(main())
