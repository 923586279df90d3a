"""`python -m local.host`: runs the function app of a folder on this machine, unmodified, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import logging
import os
import secrets
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from socket import socket
from typing import Any

from local.host.bindings import Function, HubTrigger, TimerTrigger, read_function
from local.host.contract import index
from local.host.hubs import HubPump, HubSender
from local.host.invocation import Invoker
from local.host.log import configure
from local.host.settings import HostOptions, SettingError, connection, load_local_settings, read_host_json
from local.host.sign_in import ROLES, stand_in
from local.host.timers import Timer
from local.host.web import Keys, Site, listen
from local.parent import when_parent_dies

_log = logging.getLogger("host")


def main() -> int:
    """0 after an orderly stop, 1 with one sentence on standard error for each thing that keeps the app from starting."""
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("--app-root", type=Path, default=Path(), help="folder of function_app.py and host.json (default: here)")
    parser.add_argument("--port", type=int, default=7071, help="HTTP port on 127.0.0.1, 0 for any free one (default: %(default)s)")
    parser.add_argument("--settings", type=Path, default=Path("local.settings.json"), help="relative to the app root")
    parser.add_argument("--keys", type=Path, help="JSON file with the HTTP keys `master` and `default`; made if missing")
    parser.add_argument(
        "--as",
        dest="roles",
        action="append",
        choices=sorted(ROLES),
        default=[],
        help="stand in for App Service authentication with this role",
    )
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input ends: hold it open")
    arguments = parser.parse_args()
    try:
        keys = _keys(arguments.keys)
        with listen(arguments.port) as listening:
            signed_in = stand_in(arguments.roles)
            os.environ.setdefault("WEBSITE_HOSTNAME", f"127.0.0.1:{listening.getsockname()[1]}")
            os.environ["WEBSITE_AUTH_ENABLED"] = str(bool(signed_in))
            functions, options = load(arguments.app_root.resolve(), arguments.settings)
            asyncio.run(_serve(functions, options, keys, listening, signed_in, with_parent=arguments.with_parent))
    except SettingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def load(root: Path, settings: Path) -> tuple[list[Function], HostOptions]:
    """Imports and indexes the app as the worker does. Raises SettingError with all that the worker or this host refuses."""
    load_local_settings(root / settings, os.environ)
    options = read_host_json(root / "host.json", os.environ)
    configure(options.log_levels)
    if not (root / "function_app.py").is_file():
        raise SettingError(f"There is no function_app.py in {root}.")
    os.chdir(root)
    sys.path.insert(0, str(root))
    try:
        module = importlib.import_module("function_app")
    except Exception as error:
        if type(error).__name__ == "SettingError":  # the app's own: its sentence says everything
            raise SettingError(str(error)) from None
        traceback.print_exc()
        raise SettingError(f"function_app.py cannot be imported ({type(error).__name__}); in Azure, no function would be there.") from None
    indexed, refusals = index(module)
    if refusals:
        raise SettingError("the Azure Functions worker would refuse this app:\n  " + "\n  ".join(refusals))
    return [read_function(function, os.environ) for function in indexed], options


async def _serve(
    functions: list[Function], options: HostOptions, keys: Keys, listening: socket, signed_in: Mapping[str, str], *, with_parent: bool
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_, stop.set)
    if with_parent:
        when_parent_dies(lambda: loop.call_soon_threadsafe(stop.set))

    sender = HubSender()
    invoker = Invoker(sender.send)
    storage = _storage(functions)
    pumps = [HubPump(f, f.trigger, options.hubs, invoker, storage) for f in functions if isinstance(f.trigger, HubTrigger)]
    timers = {f.name: Timer(f, f.trigger, invoker, storage) for f in functions if isinstance(f.trigger, TimerTrigger)}
    site = Site(functions, options.route_prefix, invoker, keys, {name: timer.run_now for name, timer in timers.items()}, signed_in)
    jobs: list[asyncio.Task[Any]] = []
    try:
        port = await site.start(listening)
        for pump in pumps:
            await pump.start()
        jobs = [asyncio.create_task(timer.run(), name=name) for name, timer in timers.items()]
        ready = {"ready": True, "port": port, "functions": sorted(f.name for f in functions), "keys": asdict(keys)}
        print(json.dumps(ready), flush=True)
        await stop.wait()
        _log.info("Stopping: running invocations come to their end, no new ones start")
    finally:
        invoker.stop()
        await asyncio.gather(*(pump.stop() for pump in pumps), site.stop(), *jobs)
        await sender.close()


def _storage(functions: list[Function]) -> str:
    needs = [f.name for f in functions if isinstance(f.trigger, HubTrigger | TimerTrigger)]
    return connection("AzureWebJobsStorage", os.environ, f"Function {needs[0]}") if needs else ""


def _keys(path: Path | None) -> Keys:
    if path is None or not path.exists():
        keys = Keys(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump({"master": keys.master, "default": keys.default}, file)
        return keys
    try:
        content = json.loads(path.read_text())
        keys = Keys(content["master"], content["default"])
    except (ValueError, KeyError, TypeError):
        raise SettingError(f'{path} must hold the keys as {{"master": "...", "default": "..."}}.') from None
    if not (isinstance(keys.master, str) and isinstance(keys.default, str) and keys.master and keys.default):
        raise SettingError(f"The keys in {path} must be texts and not empty.")
    return keys


if __name__ == "__main__":
    sys.exit(main())
