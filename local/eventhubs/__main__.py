"""`python -m local.eventhubs`: the Event Hubs of the laptop stack as a process of its own."""

import argparse
import asyncio
import contextlib
import errno
import json
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from local.eventhubs.server import EventHubs
from local.parent import when_parent_dies


def _hub(text: str) -> tuple[str, int]:
    name, sign, count = text.partition("=")
    if not sign or not count.isdigit():
        raise argparse.ArgumentTypeError(f'"{text}" must be NAME=PARTITIONS, for example calls=4')
    return name, int(count)


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f'"{text}" must be a port, 0 to 65535')
    return int(text)


def _hours(text: str) -> timedelta:
    try:
        hours = timedelta(hours=float(text))
    except (ValueError, OverflowError):
        hours = timedelta(0)
    if hours <= timedelta(0):
        raise argparse.ArgumentTypeError(f'"{text}" must be a number of hours above 0, for example 24')
    return hours


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.eventhubs", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the hubs keep their events")
    parser.add_argument("--hub", type=_hub, action="append", required=True, metavar="NAME=PARTITIONS")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_port, default=0, help="0 (default) picks a free one")
    parser.add_argument("--retention-hours", type=_hours, default=timedelta(hours=24))
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input ends: hold it open")
    return parser.parse_args(argv)


def _set(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has closed: it stops already
        loop.call_soon_threadsafe(event.set)


async def _serve(arguments: argparse.Namespace) -> None:
    server = EventHubs(
        arguments.folder,
        dict(arguments.hub),
        host=arguments.host,
        port=arguments.port,
        retention=arguments.retention_hours,
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    if arguments.with_parent:
        when_parent_dies(lambda: _set(loop, stop))
    async with server:
        print(json.dumps({"ready": True, "port": server.port, "connectionString": server.connection_string}), flush=True)
        await stop.wait()


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit code: 0 after SIGTERM, SIGINT or the parent's end, 2 with one sentence if it cannot start."""
    arguments = _arguments(argv)
    try:
        asyncio.run(_serve(arguments))
    except BlockingIOError:
        problem = f"another Event Hubs server uses the folder {arguments.folder}: stop it, or choose another with --folder"
    except ValueError as fault:
        problem = str(fault)
    except OSError as fault:
        problem = f"the Event Hubs server cannot start: {fault.strerror or fault}"
        if fault.errno == errno.EADDRINUSE:
            problem = (
                f"port {arguments.port} of {arguments.host} is taken by another program: choose another with --port (0 picks a free one)"
            )
    else:
        return 0
    print(problem, file=sys.stderr)
    return 2


if __name__ == "__main__":
    raise SystemExit(main())
