"""Proves that every detector works: plays the smallest traffic that must raise each alert, and reports which alerts came and after how many seconds.

    python -m tools.prove [--detector ID]... [--own | --folder FOLDER] [--json] [--strict]
    python -m tools.prove --namespace NAME.servicebus.windows.net --url https://NAME.azurewebsites.net [--history] [--evidence https://NAME.blob.core.windows.net]

Without an address it proves the stack that runs here (`make run`), or one that it starts and stops itself. Against a deployment it sends to the hub as whoever is
signed in (or with --connection) and reads the alerts with the function key in GATEWATCH_KEY; the master key in GATEWATCH_MASTER_KEY lets it run `baseline` and
`intel`, which what needs history or a feed asks for. Every proof has a service of its own, gatewatch-proof-<run>-<detector>, so it disturbs no baseline and no alert.

Exit codes: 0 all that can be proven came, 1 something did not (with --strict also: came late), 2 nothing could be proven.
"""

import argparse
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from time import monotonic

from azure.core.exceptions import AzureError
from azure.eventhub.exceptions import EventHubError
from rich.console import Console
from rich.table import Table

from adapters.evidence import Evidence
from detectors import by_id
from local.azurite import AzuriteError
from local.play import Sender
from local.stack import Site, Stack, StackError
from settings import Connection
from tools.proving import Proving, Result, Target


class Unusable(Exception):
    """The command cannot be carried out; the text is one sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code."""
    options = _options(arguments)
    screen = Console(stderr=True)
    began = monotonic()
    try:
        ids = _chosen(options.detector)
        with screen.status("looking for what is to be proven") as status, _target(options, status.update) as target:
            results = Proving(target, secrets.token_hex(3), status.update).results(ids)
    except (Unusable, StackError, AzuriteError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; nothing is left running", file=sys.stderr)
        return 130
    except EventHubError as error:
        print(f"error: the event hub {options.hub} cannot be reached ({type(error).__name__})", file=sys.stderr)
        return 2
    except AzureError as error:
        print(f"error: the container of the feeds cannot be used ({type(error).__name__})", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps({"seconds": round(monotonic() - began, 1), "results": [_line(result) for result in results]}, indent=1))
    else:
        show(results, Console(), monotonic() - began)
    return code(results, options.strict)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.prove", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--detector", action="append", metavar="ID", help="prove only this one; may be repeated")
    parser.add_argument("--own", action="store_true", help="start a stack for this, whether one runs or not")
    parser.add_argument(
        "--folder", type=Path, default=Path(".gatewatch/run"), help="folder of the stack that runs here (default: %(default)s)"
    )
    parser.add_argument("--connection", help="connection string of a deployment's Event Hubs namespace")
    parser.add_argument("--namespace", help="host name of a deployment's Event Hubs namespace, to sign in to")
    parser.add_argument("--hub", default="calls", help="name of its event hub (default: %(default)s)")
    parser.add_argument("--url", help="address of its functions app")
    parser.add_argument("--key", help="function key; better in GATEWATCH_KEY, which no process list shows")
    parser.add_argument("--history", action="store_true", help="play past days, too: MAX_EVENT_AGE_HOURS must let them in")
    parser.add_argument("--evidence", help="address or connection string of its evidence account, to put a feed there for a minute")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--strict", action="store_true", help="exit code 1 also when an alert came late")
    return parser.parse_args(arguments)


def _chosen(wanted: Sequence[str] | None) -> list[str]:
    known = sorted(by_id())
    for id in wanted or ():
        if id not in known:
            nearest = get_close_matches(id, known, 1, 0.0)
            raise Unusable(f"there is no detector {id!r}: did you mean {nearest[0]!r}? Known are {', '.join(known)}")
    return [id for id in known if not wanted or id in wanted]


@contextmanager
def _target(options: argparse.Namespace, say: Callable[[str], None]) -> Iterator[Target]:
    """What the arguments name. Raises Unusable, StackError, AzuriteError or EventHubError where it cannot be had."""
    if options.connection or options.namespace or options.url:
        yield from _deployment(options)
    elif not options.own and (options.folder / "stack.json").is_file():
        yield from _running(options.folder)
    else:
        say("starting Azurite, Event Hubs and the functions host")
        with tempfile.TemporaryDirectory(prefix="gatewatch-prove-") as folder, Stack(Path(folder)) as stack, Sender(stack.hub) as sender:
            yield Target(stack.site, sender, Evidence(Connection("local", stack.storage)), fresh=True)


def _running(folder: Path) -> Iterator[Target]:
    try:
        details = json.loads((folder / "stack.json").read_text())
        site, hub, storage = Site(details["url"], details["keys"], logs=f"{folder}/host.log"), details["hub"], details["storage"]
    except (OSError, ValueError, KeyError, TypeError):
        raise Unusable(f"{folder}/stack.json cannot be read: start the stack again with `make run`, or give --own") from None
    site.health()
    with Sender(hub) as sender:
        yield Target(site, sender, Evidence(Connection("local", storage)))


def _deployment(options: argparse.Namespace) -> Iterator[Target]:
    if bool(options.connection) == bool(options.namespace) or not options.url:
        raise Unusable("a deployment needs --url, and --connection or --namespace")
    key, master = options.key or os.environ.get("GATEWATCH_KEY", ""), os.environ.get("GATEWATCH_MASTER_KEY", "")
    if not key and not master:
        raise Unusable("a deployment needs a function key in GATEWATCH_KEY, or --key")
    if not options.url.startswith(("https://", "http://")):
        raise Unusable("--url must begin with https://")
    if options.history and not master:
        raise Unusable("--history needs the master key in GATEWATCH_MASTER_KEY, to have the history learned")
    site = Site(options.url, {"default": key or master, "master": master})
    site.health()
    status, _ = site.get("/api/alerts?limit=1")
    if status in (401, 403):
        raise Unusable(f"the key in {'--key' if options.key else 'GATEWATCH_KEY'} is not one of {options.url} (HTTP {status})")
    evidence = None
    if options.evidence and master:
        stored = None if options.evidence.startswith("http") else options.evidence
        evidence = Evidence(Connection(options.evidence if stored is None else "the evidence account", stored))
    try:
        sender = Sender(options.connection, options.hub) if options.connection else Sender.signed_in(options.namespace, options.hub)
    except AzureError as error:
        raise Unusable(
            f"nobody is signed in who may send to {options.namespace} ({type(error).__name__}): sign in with `az login`"
        ) from None
    except ValueError:
        raise Unusable("--connection is no connection string of an Event Hubs namespace") from None
    with sender:
        yield Target(site, sender, evidence, history=options.history)


def code(results: Sequence[Result], strict: bool) -> int:
    """The exit code."""
    provable = [result for result in results if not result.reason]
    if not all(result.in_time if strict else result.seconds is not None for result in provable):
        return 1
    return 0 if provable else 2


def _line(result: Result) -> dict[str, object]:
    arrived = None if result.reason else result.seconds is not None
    seconds = None if result.seconds is None else round(result.seconds, 2)
    return {**asdict(result), "title": by_id()[result.detector].title, "arrived": arrived, "seconds": seconds, "goal": result.goal}


WIDE = 130
"""Columns of a terminal from which on an alert's title has room beside its id."""


def show(results: Sequence[Result], screen: Console, lasted: float) -> None:
    table = Table(title="Proofs", title_justify="left")
    is_wide = screen.width >= WIDE
    for heading in ("detector", "alert") if is_wide else ("detector",):
        table.add_column(heading, overflow="fold")
    for heading in ("days of history" if is_wide else "days", "calls", "arrived", "seconds", "goal"):
        table.add_column(heading, justify="right")
    for result in (result for result in results if not result.reason):
        arrived = "[red]no[/]" if result.seconds is None else "[green]yes[/]" if result.in_time else "[yellow]late[/]"
        seconds = "–" if result.seconds is None else f"{result.seconds:.1f}"
        table.add_row(
            result.detector,
            *((by_id()[result.detector].title,) if is_wide else ()),
            str(result.days or "–"),
            str(result.calls),
            arrived,
            seconds,
            f"{result.goal:.0f}",
        )
    screen.print(table)
    for reason in dict.fromkeys(result.reason for result in results if result.reason):
        ids = ", ".join(result.detector for result in results if result.reason == reason)
        screen.print(f"{ids}: not provable here, because {reason}", highlight=False)
    for result in results:
        for other in result.also:
            screen.print(f"{result.detector}: its traffic raised {other}, too", highlight=False)
    provable = [result for result in results if not result.reason]
    came = sum(result.seconds is not None for result in provable)
    in_time = sum(result.in_time for result in provable)
    screen.print(f"{came} of {len(provable)} alerts arrived, {in_time} within their goal; {lasted:.0f} s in all", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
