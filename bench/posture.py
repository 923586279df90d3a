"""What reading a large service costs: reads of the first pass and of a night, runs, time without waiting, and memory. `python -m bench.posture [--apis 500] [--operations 20]`.

The resource manager is an emulated one in a process of its own, the SDK, the storage emulator and everything between are real; only the waiting between reads is left out.
"""

import argparse
import multiprocessing
import resource
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection as Pipe
from time import perf_counter

from adapters import posture_status
from adapters.arm import Arm
from adapters.evidence import Evidence
from adapters.posture import Posture, Reach
from adapters.tables import Tables
from local.arm import Estate, Resource, serving
from local.azurite import Azurite
from local.estate import SERVICE, SUBSCRIPTION, child
from settings import Connection

TICK = 480.0
"""Seconds of one run, as function_app.py gives it."""


def large(apis: int, operations: int, policies: int = 10) -> Estate:
    """A service of so many APIs with so many operations each; of these, one in `policies` has a policy of its own. A product for every tenth API."""
    return Estate({SERVICE: {str(one["id"]).removeprefix(SERVICE).strip("/"): one for one in _bodies(apis, operations, policies)}})


def _bodies(apis: int, operations: int, policies: int) -> Iterator[Resource]:
    yield {"id": SERVICE, "name": "contoso", "type": "Microsoft.ApiManagement/service", "sku": {"name": "Premium"}, "properties": {}}
    text = "<policies><inbound><base />{}</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
    for a in range(apis):
        path = f"apis/api{a:03d}"
        yield child(path, displayName=f"API {a}", path=f"a{a}", protocols=["https"], subscriptionRequired=True, isCurrent=True)
        yield child(f"{path}/policies/policy", format="rawxml", value=text.format('<rate-limit calls="9" renewal-period="60" />' * 20))
        for o in range(operations):
            one = f"{path}/operations/op{o:02d}"
            yield child(
                one, displayName=f"Operation {o}", method="GET", urlTemplate=f"/a{a}/b{o}/{{id}}", templateParameters=[{"name": "id", "type": "string", "required": True}],
                responses=[{"statusCode": 200, "representations": [{"contentType": "application/json"}]}],
            )  # fmt: skip
            if o % policies == 0:
                yield child(f"{one}/policies/policy", format="rawxml", value=text.format(""))
        if a % 10 == 0:
            yield child(f"products/p{a:03d}", displayName=f"Product {a}", state="published", subscriptionRequired=True)
            yield child(f"products/p{a:03d}/apis/api{a:03d}")


def _serve(apis: int, operations: int, pipe: Pipe) -> None:
    with serving(large(apis, operations)) as address:
        pipe.send(address)
        pipe.recv()


class _Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def rest(self, seconds: float) -> None:
        self.seconds += seconds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.posture", description=__doc__)
    parser.add_argument("--apis", type=int, default=500)
    parser.add_argument("--operations", type=int, default=20)
    arguments = parser.parse_args()
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(arguments.apis, arguments.operations, theirs), daemon=True)
    server.start()
    try:
        with Azurite() as azurite:
            _measure(str(ours.recv()), Connection("azurite", azurite.connection_string))
    finally:
        ours.send("stop")
        server.join(10)
    return 0


def _measure(address: str, account: Connection) -> None:
    tables, evidence, clock = Tables(account), Evidence(account), _Clock()
    end = 0.0
    posture = Posture(tables, evidence, Reach((SERVICE,), address), lambda *_: Arm(SUBSCRIPTION, address, None, clock=clock, rest=clock.rest, until=lambda: end))  # fmt: skip
    before, now = _peak_mb(), datetime(2026, 11, 24, 3, 7, tzinfo=UTC)
    for night in ("first pass", "a night", "the next night"):
        reads, runs, began, waited = 0, 0, perf_counter(), clock.seconds
        while runs == 0 or not posture_status.find(tables, SERVICE).done:
            end = clock.seconds + TICK
            reads += posture.run(now, lambda end=end: clock.seconds >= end)  # type: ignore[misc]
            runs += 1
            now += timedelta(minutes=15)
        print(f"{night}: {reads} reads in {runs} runs, {clock.seconds - waited:.0f} s at five a second, {perf_counter() - began:.1f} s of work; peak {_peak_mb():.0f} MB ({before:.0f} before)", flush=True)  # fmt: skip
        now += timedelta(days=1)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)


if __name__ == "__main__":
    raise SystemExit(main())
