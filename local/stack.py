"""The whole laptop stack as child processes: Azurite, the embedded Event Hubs, an emulated resource manager and the functions host, with an HTTP view on the latter."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import IO, Any, Self

from local.azurite import ROOT, Azurite
from local.estate import SERVICE

PARTITIONS = 4


class StackError(RuntimeError):
    """A part does not start, does not answer or stopped; the message is one sentence."""


LONGEST_HEALTH = 30.0
"""Seconds to wait for a health that was looked up after it was asked for; the app looks at least every 15."""


class Site:
    """The HTTP side of a Gatewatch that runs, here or in Azure. `keys`: "default" opens functions, "master" starts them on demand."""

    def __init__(self, url: str, keys: Mapping[str, str], *, check: Callable[[], None] | None = None, logs: str = "its log") -> None:
        """`check` raises where it is known that nothing will answer any more; `logs`: where to look when something takes too long."""
        self.url = url.rstrip("/")
        self.keys = keys
        self._check = check
        self._logs = logs

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of a GET with the function key."""
        return self._request("GET", path, self.keys.get("default", ""), None)

    def run_now(self, function: str) -> None:
        """Start a timer function on demand, as POST /admin/functions/NAME does in Azure."""
        status, _ = self._request("POST", f"/admin/functions/{function}", self.keys.get("master", ""), b'{"input": ""}')
        if status != 202:
            raise StackError(f"{function} cannot be run on demand (HTTP {status})")

    def health(self) -> dict[str, Any]:
        """As it is now: an answer that was looked up before this call is asked for again."""
        began = monotonic()
        while True:
            status, body = self.get("/api/health")
            if not isinstance(body, dict) or "problems" not in body:
                raise StackError(f"{self.url} does not answer as Gatewatch does (HTTP {status})")
            age, waited = body.get("ageSeconds"), monotonic() - began
            if age is None or age <= waited or waited > LONGEST_HEALTH:
                return body
            sleep(0.1)

    def wait(self, done: Callable[[dict[str, Any]], bool], what: str, seconds: float = 120.0, every: float = 0.3) -> dict[str, Any]:
        """The first health that is `done`. Raises StackError after `seconds`."""
        deadline = monotonic() + seconds
        while True:
            if self._check is not None:
                self._check()
            health = self.health()
            if done(health):
                return health
            if monotonic() > deadline:
                raise StackError(f"{what} took longer than {seconds:.0f} s; see {self._logs}")
            sleep(every)

    def learn(self, seconds: float = 120.0) -> dict[str, Any]:
        """Run `baseline` and wait for it."""
        before = self.health()["baselines"]
        self.run_now("baseline")
        return self.wait(lambda health: health["baselines"] != before, "learning", seconds)

    def _request(self, method: str, path: str, key: str, body: bytes | None) -> tuple[int, Any]:
        request = urllib.request.Request(self.url + path, body, {"x-functions-key": key, "Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read()
        except OSError as error:  # URLError is one
            raise StackError(f"{self.url} cannot be reached ({type(error).__name__})") from None
        try:
            return status, json.loads(text) if text else None
        except ValueError:
            return status, None


class Child:
    """A process of ours that prints one JSON line once it is ready, and ends when its standard input does."""

    def __init__(self, name: str, arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._log: IO[bytes] = log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", *arguments, "--with-parent"],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is for us, who stop the parts in their order
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            said = log.read_text(errors="replace").strip().splitlines()
            raise StackError(said[-1].removeprefix("error: ") if said else f"{name} ended at its start")
        self.ready: dict[str, Any] = json.loads(line)

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._close()

    def kill(self) -> None:
        """The hard way, as a crash would."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self._close()

    def _close(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()


class Stack:
    """Everything on free ports of 127.0.0.1, its data and logs under `folder`."""

    def __init__(self, folder: Path, *, port: int = 0, settings: Mapping[str, str] | None = None, roles: Sequence[str] = ()) -> None:
        """`roles`: who opens the page has them ("reader", "analyst", "privacy"); none: it asks for a key."""
        self._roles = tuple(roles)
        self.folder = folder
        self._port = port
        self._settings = dict(settings or {})
        self._azurite = Azurite(folder / "azurite")
        self._hubs: Child | None = None
        self._hub_port = 0
        self._manager: Child | None = None
        self._host: Child | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._azurite.start()
            self.start_hubs()
            self._manager = Child("the resource manager", ["local.arm"], {}, self.folder / "arm.log")
            self.start_host()
            details = {"url": self.url, "hub": self.hub, "storage": self.storage, "keys": self.keys}
            with os.fdopen(os.open(self.folder / "stack.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(details, file)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def host_environment(self) -> Mapping[str, str]:
        """Settings with which a host of this stack runs."""
        return {
            "AzureWebJobsStorage": self.storage,
            "StateStorage": self.storage,
            "EvidenceStorage": self.storage,
            "EventHubConnection": self.hub,
            "EVENT_HUB_NAME": "calls",
            "EVENT_HUB_CONSUMER_GROUP": "gatewatch",
            "MAX_EVENT_AGE_HOURS": "1000000",  # a replay may be of any age
            "AzureFunctionsJobHost__extensions__eventHubs__maxWaitTime": "00:00:01",  # here waiting saves no money
            "WEBHOOK_NETWORKS": "127.0.0.0/8,::1/128",
            "EVALUATE_SECONDS": "2",
            "DELIVER_SECONDS": "2",
            "ALERT_HUB_NAME": "alerts",
            "POSTURE_SERVICES": SERVICE,
            "RESOURCE_MANAGER": self.manager,
            "SIGN_IN": "entra" if self._roles else "",
            **self._settings,
        }

    @property
    def host_arguments(self) -> list[str]:
        arguments = ["local.host", "--port", str(self._port), "--keys", str(self.folder / "keys.json"), "--settings", "no.settings.json"]
        return arguments + [argument for role in self._roles for argument in ("--as", role)]

    def start_host(self) -> None:
        self._host = Child("the functions host", self.host_arguments, self.host_environment, self.folder / "host.log")

    def start_hubs(self) -> None:
        """On the port that they had, if they had one: clients come back by themselves."""
        arguments = ["local.eventhubs", "--folder", str(self.folder / "eventhubs"), "--hub", f"calls={PARTITIONS}", "--hub", "alerts=1"]
        self._hubs = Child("Event Hubs", [*arguments, "--port", str(self._hub_port)], {}, self.folder / "eventhubs.log")
        self._hub_port = int(self._hubs.ready["connectionString"].partition("//")[2].partition(";")[0].rpartition(":")[2])

    def kill_hubs(self) -> None:
        assert self._hubs is not None
        self._hubs.kill()

    def kill_host(self) -> None:
        assert self._host is not None
        self._host.kill()
        self._host = None

    def stop(self) -> None:
        for child in (self._host, self._hubs, self._manager):
            if child is not None:
                child.stop()
        self._host = self._hubs = self._manager = None
        self._azurite.stop()
        (self.folder / "stack.json").unlink(missing_ok=True)

    def check(self) -> None:
        """Raises StackError if a part has ended by itself."""
        for child in (self._host, self._hubs, self._manager):
            if child is not None and child.process.poll() is not None:
                raise StackError(f"{child.name} has stopped by itself: see {self.folder}/*.log")

    @property
    def azurite(self) -> Azurite:
        return self._azurite

    @property
    def pids(self) -> Mapping[str, int]:
        """Of the parts that run in Python."""
        parts = {"host": self._host, "hub": self._hubs}
        return {name: child.process.pid for name, child in parts.items() if child is not None and child.process.poll() is None}

    @property
    def storage(self) -> str:
        return self._azurite.connection_string

    @property
    def hub(self) -> str:
        assert self._hubs is not None
        return str(self._hubs.ready["connectionString"])

    @property
    def manager(self) -> str:
        """Address of the emulated resource manager."""
        assert self._manager is not None
        return str(self._manager.ready["url"])

    @property
    def url(self) -> str:
        assert self._host is not None
        return f"http://127.0.0.1:{self._host.ready['port']}"

    @property
    def keys(self) -> Mapping[str, str]:
        assert self._host is not None
        return dict(self._host.ready["keys"])

    @property
    def site(self) -> Site:
        return Site(self.url, self.keys, check=self.check, logs=f"{self.folder}/host.log")

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of a GET with the function key."""
        return self.site.get(path)

    def run_now(self, function: str) -> None:
        """Start a timer function on demand."""
        self.site.run_now(function)

    def health(self) -> dict[str, Any]:
        return self.site.health()

    def wait(self, done: Callable[[dict[str, Any]], bool], what: str, seconds: float = 120.0, every: float = 0.3) -> dict[str, Any]:
        """The first health that is `done`. Raises StackError after `seconds`."""
        return self.site.wait(done, what, seconds, every)

    def wait_evaluated(self, seconds: float = 120.0) -> dict[str, Any]:
        """Until every event in the hub is counted and evaluated."""
        self.wait(ingested, "counting", seconds)
        self.run_now("evaluate")
        return self.wait(evaluated, "evaluating", seconds)

    def learn(self, seconds: float = 120.0) -> None:
        """Run `baseline` and wait for it."""
        self.site.learn(seconds)


def ingested(health: dict[str, Any]) -> bool:
    return bool(health["partitions"]) and all(partition["lag"] == 0 for partition in health["partitions"])


def evaluated(health: dict[str, Any]) -> bool:
    return ingested(health) and all(partition["evaluated"] == partition["counted"] for partition in health["partitions"])
