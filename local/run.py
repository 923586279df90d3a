"""`make run`: the whole of Gatewatch on this machine, from an empty folder to an alert on the screen."""

import argparse
import shutil
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any

from azure.eventhub.exceptions import EventHubError
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from local import traffic
from local.azurite import AzuriteError
from local.host.sign_in import ROLES
from local.play import Sender, groups, paced, progress_bar, read_events, time_of
from local.stack import Stack, StackError

QUIET_SECONDS = 8
"""Live traffic before the attack: enough to see that ordinary calls raise nothing."""
COLOURS = {"High": "red", "Medium": "yellow", "Low": "cyan", "Informational": "white"}

console = Console()


def main() -> int:
    arguments = _arguments()
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a background job of a script is born with SIGINT ignored
        signal.signal(sign, _interrupt)
    if not arguments.keep:
        shutil.rmtree(arguments.folder, ignore_errors=True)
    if arguments.events is not None and not arguments.events.is_file():
        print(f"error: there is no file {arguments.events}", file=sys.stderr)
        return 1
    try:
        with console.status("starting Azurite, Event Hubs and the functions host"):
            stack = Stack(arguments.folder, port=arguments.port, roles=arguments.roles or ["analyst"]).__enter__()
        try:
            _say(stack)
            seen = Cards(stack)
            with Sender(stack.hub) as sender:
                if arguments.events:
                    _replay(stack, sender, seen, read_events(arguments.events))
                    console.print("That was the whole file. Ctrl-C stops everything.")
                    while not arguments.once:
                        stack.check()
                        sleep(1)
                    return 0
                return _demonstrate(stack, sender, seen, arguments)
        finally:
            with console.status("stopping"):
                stack.stop()
    except (StackError, AzuriteError, EventHubError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        console.print("stopped; nothing is left running")
        return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--events", type=Path, help="play this JSONL(.gz) file of contract events instead of made-up traffic")
    parser.add_argument("--days", type=int, default=30, help="days of made-up history (default: %(default)s)")
    parser.add_argument("--attack", choices=sorted(traffic.ATTACKS), default="spike", help="default: %(default)s")
    parser.add_argument("--folder", type=Path, default=Path(".gatewatch/run"), help="data and logs (default: %(default)s)")
    parser.add_argument("--port", type=int, default=7071, help="of HTTP, 0 for any free one (default: %(default)s)")
    parser.add_argument(
        "--as",
        dest="roles",
        action="append",
        choices=sorted(ROLES),
        help="who opens the page, more than once for more roles (default: analyst)",
    )
    parser.add_argument("--keep", action="store_true", help="go on with the data of the last run")
    parser.add_argument("--once", action="store_true", help="end after the attack's alert instead of going on until Ctrl-C")
    return parser.parse_args()


def _interrupt(sign: int, _frame: object) -> None:
    raise KeyboardInterrupt(sign)


def _say(stack: Stack) -> None:
    """Each address on a line of its own, whole however narrow the terminal is."""
    for name, address in (
        ("open", f"{stack.url}/ui"),
        ("health", f"{stack.url}/api/health"),
        ("keys", f"{stack.folder}/keys.json (x-functions-key of {stack.url}/api/…)"),
        ("logs", f"{stack.folder}/*.log"),
    ):
        console.print(f"[bold]{name:6}[/bold]  {address}", soft_wrap=True, highlight=False)


def _demonstrate(stack: Stack, sender: Sender, seen: "Cards", arguments: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    total = arguments.days * traffic.CALLS_PER_DAY
    with progress_bar() as bar:
        task = bar.add_task(f"playing {arguments.days} days of history", total=total)
        for group in groups(traffic.encode(event) for event in traffic.history(now, arguments.days)):
            bar.advance(task, sender.send(group))
            stack.check()
        bar.update(task, total=bar.tasks[0].completed)
    with console.status("counting and evaluating the history"):
        stack.wait_evaluated(240)
    with console.status("learning what is usual"):
        stack.learn()
        baselines = stack.health()["baselines"]
    console.print(f"learned the usual of {baselines['count']} endpoints until {baselines['until']}")
    stack.run_now("posture")  # by itself it would begin within a quarter of an hour
    seen.show(quietly=True)

    live = threading.Thread(target=_live, args=(sender, stopped := threading.Event()), daemon=True)
    live.start()
    try:
        console.print(f"live traffic flows; the attack ({arguments.attack}) begins in {QUIET_SECONDS} s")
        sleep(QUIET_SECONDS)
        began = monotonic()
        console.print(f"[red]attack[/red]: {(traffic.ATTACKS[arguments.attack].__doc__ or '').strip()}")
        with Sender(stack.hub) as attacker:
            attack = traffic.attack(arguments.attack, datetime.now(UTC))
            for message in paced(((datetime.fromisoformat(event["time"]), traffic.encode(event)) for event in attack), 1.0):
                attacker.send([message])
                if seen.show():
                    break
        while not seen.shown and monotonic() - began < 180:
            seen.show()
            sleep(0.5)
        if not seen.shown:
            raise StackError("the attack raised no alert within three minutes")
        console.print(
            f"first alert {monotonic() - began:.0f} s after the attack began; more attacks: make attack KIND=…; Ctrl-C stops everything"
        )
        while not arguments.once:
            stack.check()
            seen.show()
            sleep(2)
    finally:
        stopped.set()
        live.join()
    return 0


def _live(sender: Sender, stopped: threading.Event) -> None:
    """Ordinary calls at their ordinary rate, now."""
    random = Random()
    while not stopped.wait(random.expovariate(traffic.rate(datetime.now(UTC)))):
        sender.send([traffic.encode(traffic.call(random, datetime.now(UTC)))])


def _replay(stack: Stack, sender: Sender, seen: "Cards", messages: Iterable[bytes]) -> None:
    """A file day by day of its own time: each day is judged by what the days before it taught."""
    with progress_bar() as bar:
        task = bar.add_task("playing", total=None)
        for day, some in _by_day(messages):
            bar.update(task, description=f"playing {day}")
            for group in groups(some):
                bar.advance(task, sender.send(group))
            stack.wait_evaluated(600)
            stack.learn(600)
            seen.show()


def _by_day(messages: Iterable[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    day, some = "", list[bytes]()
    for message in messages:
        time = time_of(message)
        this = time.astimezone(UTC).date().isoformat() if time else day
        if this > day and some:
            yield day, some
            some = []
        day = max(day, this)
        some.append(message)
    if some:
        yield day, some


class Cards:
    """Prints each alert once, as a card."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._known: set[str] = set()
        self.shown = 0

    def show(self, *, quietly: bool = False) -> bool:
        """Look for alerts that were not there before; whether there were any. `quietly` only remembers them."""
        status, page = self._stack.get("/api/alerts?limit=200")
        if status != 200:
            raise StackError(f"the alerts cannot be read (HTTP {status})")
        new = [alert for alert in page["value"] if alert["name"] not in self._known]
        for alert in reversed(new):
            self._known.add(alert["name"])
            if not quietly:
                self.shown += 1
                console.print(card(alert["properties"]))
        return bool(new) and not quietly


def card(alert: dict[str, Any]) -> Panel:
    """What an analyst wants to know first."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold", no_wrap=True)
    for name, value in alert["extendedProperties"].items():
        rows.add_row(name, str(value))
    severity = alert["severity"]
    return Panel(
        rows,
        title=f"[{COLOURS.get(severity, 'white')}]{severity}[/] {alert['alertDisplayName']}",
        subtitle=f"{alert['alertType']}  {alert['startTimeUtc']} to {alert['endTimeUtc']}",
        title_align="left",
        subtitle_align="left",
    )


if __name__ == "__main__":
    sys.exit(main())
