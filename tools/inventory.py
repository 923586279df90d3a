"""The inventory of endpoints, drift and the learned description of APIs, from a file of events, without Azure.

python -m tools.inventory calls.jsonl.gz [--declared openapi.yaml|resources.json] [--json] [--csv FILE] [--openapi OUT.json] [--check]

Events are one JSON object a line, as the gateway's policy sends them, gzipped or not, in any order. `--declared` takes OpenAPI documents (JSON or YAML; of one API each) and
exports of ARM resources, several if need be. `--check` ends with 1 where something differs from what is declared: for a pipeline.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from adapters.estate import estate_of, parsed
from adapters.inventory_index import Listed
from intel.addresses import TrustedProxies
from local.jsonl import lines_of
from model import ApiCall, Endpoint, Minute, Severity, is_bucket
from pipeline.callers import is_guarded
from pipeline.contents import Look, Sampler
from pipeline.decode import Rejected, decode
from pipeline.fold import fold
from pipeline.looks import look_by
from pipeline.placing import placed
from pipeline.templates import Templates
from posture import risk
from posture.arm_json import NotResources
from posture.drift import KINDS, Deviation, deviations
from posture.inventory import Inventory, merge
from posture.inventory_coverage import Coverage, cover
from posture.inventory_declared import Declared, Estate
from posture.inventory_row import Surroundings, first_of_apis, never_seen, origin, row, surroundings
from posture.openapi_read import NotOpenApi
from posture.openapi_read import declared as declared_in
from posture.openapi_write import Seen, Version, document
from posture.resources import from_resources
from posture.snapshot import Snapshot
from tools.backtest import country_of
from tools.classify import cached_taxonomy
from web.inventory import counters, csv_of, document_of
from web.times import time
from windows.tally import pack, unpack

BATCH = 1000
KEY = b"an inventory of a file keeps no hash"
COLOURS = {"Critical": "red", "High": "red", "Medium": "yellow", "Low": "green"}


class Refused(Exception):
    """Nothing can be done; one sentence."""


@dataclass
class Stock:
    """What events came to."""

    inventories: dict[Endpoint, Inventory] = field(default_factory=dict)
    coverages: dict[str, Coverage] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    guarded: Counter[str] = field(default_factory=Counter)
    """Calls that the gateway's guard touched, by what it did."""
    calls: int = 0
    unplaced: int = 0
    """Calls on paths that no operation describes and that too few clients were answered on to make an endpoint."""

    @property
    def newest(self) -> Minute:
        return max((one.last for one in self.coverages.values()), default=0)


def stock(
    messages: Iterable[bytes],
    look_into: Callable[[bytes], Look] | None = None,
    trusted: TrustedProxies | None = None,
    country: Callable[[str], str] | None = None,
) -> Stock:
    """Count events as the app does: decode, look into a sample of them, fold, merge. `look_into`: None looks into none; `country`: of an address."""
    found = Stock()
    sampler, templates = Sampler(), Templates()
    packed = []
    for calls, bodies in _batches(messages, found.rejected):
        looks = {}
        for at, call in enumerate(calls):
            if look_into is not None and (shape := sampler.wants(call)) is not None:
                looks[at] = seen = look_into(bodies[at])
                shape.saw({(kind, place) for kind, place, _ in seen.found})
        found.guarded.update((call.guard or "").partition(":")[0] for call in calls if is_guarded(call))
        tally = fold(calls, KEY, looks, trusted, country=country)
        for minute, endpoint, ip, status, n, *_ in tally.rows("calls"):
            if not tally.endpoints[endpoint].matched and status // 100 == 2:
                templates.see(tally.endpoints[endpoint], tally.ips[ip], minute, n)
        found.coverages |= cover(found.coverages, [tally])
        found.calls += len(calls)
        packed.append(pack(tally))
    templates.learn(since=0)
    for position, one in enumerate(packed):  # again, for now it is known which endpoints there are
        found.inventories |= merge(found.inventories, [("0", position, placed(unpack(one), templates).tally)], KEY)
    buckets = [endpoint for endpoint in found.inventories if is_bucket(endpoint)]
    found.unplaced = sum(found.inventories.pop(bucket).calls for bucket in buckets)
    return found


def _batches(messages: Iterable[bytes], rejected: Counter[str]) -> Iterator[tuple[list[ApiCall], list[bytes]]]:
    calls: list[ApiCall] = []
    bodies: list[bytes] = []
    for message in messages:
        try:
            calls.append(decode(message))
            bodies.append(message)
        except Rejected as reason:
            rejected[str(reason)] += 1
        if len(calls) == BATCH:
            yield calls, bodies
            calls, bodies = [], []
    if calls:
        yield calls, bodies


@dataclass(frozen=True)
class Report:
    listed: list[Listed]
    found: list[Deviation]
    inventories: dict[Endpoint, Inventory]
    around: dict[str, Surroundings]


def report(stocked: Stock, estate: Estate, now: Minute | None = None) -> Report:
    """Rows and deviations as of the newest event, or `now`. What is declared is taken to have been in force all the time."""
    at = stocked.newest if now is None else now
    known = {}
    for endpoint, one in stocked.inventories.items():
        declared = estate.find(*endpoint[:4]) if endpoint.matched else None
        known[endpoint] = msgspec.structs.replace(one, policy=declared.policy) if declared is not None else one
    firsts = first_of_apis((endpoint, one.first) for endpoint, one in known.items())
    services = {endpoint.service for endpoint in known} | {one.service for one in estate}
    around = {service: surroundings(estate, stocked.coverages.get(service), firsts.get(service, {}), at) for service in sorted(services)}
    listed, found = [], []
    for endpoint, one in sorted(known.items()):
        here = around[endpoint.service]
        declared = estate.find(*endpoint[:4]) if endpoint.matched else None
        mine = deviations(one, declared, origin(endpoint, one, declared, here), here.at)
        found += mine
        made, kinds = row(endpoint, one, here), Counter(each.kind for each in mine)
        listed.append(Listed(made, risk.score(made.facts(0, len(mine))), 0, kinds, endpoint.id))
    seen = {id(estate.find(*endpoint[:4])) for endpoint in known if endpoint.matched}
    for declared in estate:
        if id(declared) not in seen and declared.is_current:
            made = never_seen(declared, around[declared.service])
            listed.append(Listed(made, risk.score(made.facts()), 0, {}, made.endpoint.id))
    found.sort(key=lambda each: (-each.severity, each.endpoint, each.kind, each.subject))
    return Report(sorted(listed, key=lambda each: each.row.endpoint), found, known, around)


def declared_of(names: Sequence[str], service: str, api: str, stocked: Stock) -> Estate:
    """What files declare. An OpenAPI document is of the API named, or of the only one in the events. Raises Refused."""
    snapshots: list[Snapshot] = []
    documents: list[tuple[Minute, list[Declared]]] = []
    for name in names:
        try:
            content = Path(name).read_bytes()
            read = parsed(content, name)
            if isinstance(read, dict) and ("openapi" in read or "swagger" in read):
                documents.append((stocked.newest, list(declared_in(read, *_owner(name, service, api, stocked)))))
            else:
                snapshots += from_resources(read)
        except OSError as error:
            raise Refused(f"{name} cannot be read: {error.strerror or type(error).__name__}") from None
        except (NotOpenApi, NotResources, ValueError) as error:
            raise Refused(f"{name}: {error}") from None
    for snapshot in snapshots:
        snapshot.taken = snapshot.taken or stocked.newest
    return estate_of(snapshots, documents)


def _owner(name: str, service: str, api: str, stocked: Stock) -> tuple[str, str]:
    """Service and API that an OpenAPI document describes."""
    pairs = sorted({(endpoint.service, endpoint.api) for endpoint in stocked.inventories if endpoint.matched})
    chosen = [pair for pair in pairs if (not service or pair[0] == service) and (not api or pair[1] == api)]
    if len(chosen) == 1:
        return chosen[0]
    if service and api:
        return service, api
    known = ", ".join(f"{one} of {other}" for other, one in pairs[:8]) or "none"
    raise Refused(f"say with --service and --api which API {name} describes; in the events: {known}")


def openapi_of(made: Report, version: Version) -> dict[str, Any]:
    """The learned description: the document of the only API, or "SERVICE/API" -> document."""
    by_api: dict[tuple[str, str], list[Seen]] = {}
    for one in made.listed:
        endpoint = one.row.endpoint
        by_api.setdefault((endpoint.service, endpoint.api), []).append(Seen(one.row, made.inventories.get(endpoint), one.deviations))
    documents = {f"{service}/{api}": document(api, seen, version) for (service, api), seen in sorted(by_api.items())}
    documents = {name: one for name, one in documents.items() if one["paths"]}
    return next(iter(documents.values())) if len(documents) == 1 else documents


def described(made: Report, stocked: Stock) -> dict[str, Any]:
    """As JSON: rows as the API shows them, and drift."""
    return {
        "calls": stocked.calls,
        "rejected": dict(stocked.rejected),
        "guarded": dict(sorted(stocked.guarded.items())),
        "unplaced": stocked.unplaced,
        "asOf": {service: time(around.at) for service, around in made.around.items()},
        "counters": counters(made.listed),
        "inventory": [document_of(one) for one in made.listed],
        "drift": [
            {
                "id": one.id, "kind": one.kind, "title": KINDS[one.kind].title, "service": one.endpoint.service, "api": one.endpoint.api,
                "endpoint": str(one.endpoint), "subject": one.subject or None, "declared": one.declared, "observed": one.observed,
                "direction": one.direction, "severity": one.severity.label, "first": time(one.first), "last": time(one.last),
            }
            for one in made.found
        ],
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    screen = Console(stderr=True)
    try:
        return _run(options, screen)
    except Refused as error:
        screen.print(f"[red]{error}[/red]", highlight=False)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.inventory", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", metavar="EVENTS", help="files of events; - is standard input")
    parser.add_argument("--declared", action="append", default=[], metavar="FILE", help="an OpenAPI document or an export of ARM resources")
    parser.add_argument("--service", default="", help="the gateway that an OpenAPI document belongs to")
    parser.add_argument("--api", default="", help="the API that an OpenAPI document describes")
    parser.add_argument("--trusted", default="", metavar="CIDRS", help="proxies whose X-Forwarded-For is believed, with commas between")
    parser.add_argument(
        "--countries", nargs="?", const="", metavar="FILE.mmdb", help="know countries, by the registries' lists or by a file of yours"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--csv", metavar="FILE", help="write the inventory as CSV")
    parser.add_argument("--openapi", metavar="FILE", help="write the learned description")
    parser.add_argument("--openapi-version", choices=("3.1", "3.0.3"), default="3.1")
    parser.add_argument("--no-look", action="store_true", help="do not look into calls: no information types, no fields of bodies; faster")
    parser.add_argument("--check", action="store_true", help="end with 1 where something differs from what is declared")
    return parser


def _run(options: argparse.Namespace, screen: Console) -> int:
    try:
        trusted = TrustedProxies.parse(filter(None, (text.strip() for text in options.trusted.split(",")))) if options.trusted else None
        country = country_of(options.countries) if options.countries is not None else None
    except ValueError as error:
        raise Refused(str(error)) from None
    for name in options.declared:  # a wrong name is said before minutes of reading
        if not Path(name).is_file():
            raise Refused(f"{name} is not a file")
    stocked = _read(options, screen, trusted, country)
    if not stocked.calls:
        raise Refused("no line of the files is an event" + (f": {next(iter(stocked.rejected))}" if stocked.rejected else ""))
    estate = declared_of(options.declared, options.service, options.api, stocked)
    made = report(stocked, estate)
    if options.openapi:
        _write(options.openapi, json.dumps(openapi_of(made, options.openapi_version), indent=2, ensure_ascii=False) + "\n")
    if options.csv:
        _write(options.csv, csv_of(made.listed))
    if options.json:
        sys.stdout.write(json.dumps(described(made, stocked), indent=2, ensure_ascii=False) + "\n")
    else:
        _show(Console(), made)
    for reason, n in stocked.rejected.most_common():
        screen.print(f"{n:,} lines were no calls: {reason}", highlight=False)
    for verdict, n in sorted(stocked.guarded.items()):
        screen.print(f"{n:,} calls with guard {verdict}", highlight=False)
    if stocked.unplaced:
        screen.print(
            f"{stocked.unplaced:,} calls were on paths that no operation describes and that are no endpoint: too few clients were answered there with success.",
            highlight=False,
        )
    differs = [one for one in made.found if one.severity > Severity.INFORMATIONAL]
    return 1 if options.check and differs else 0


def _read(options: argparse.Namespace, screen: Console, trusted: TrustedProxies | None, country: Callable[[str], str] | None) -> Stock:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    try:
        total = sum(Path(name).stat().st_size for name in options.files if name != "-")
    except OSError as error:
        raise Refused(f"{error.filename} cannot be read: {error.strerror or type(error).__name__}") from None
    with Progress(*columns, console=screen, transient=True) as progress:
        bar = progress.add_task("reading events", total=total or None)

        def lines() -> Iterator[bytes]:
            for name in options.files:
                for line, taken in lines_of(name):
                    if taken:
                        progress.advance(bar, taken)
                    if line.strip():
                        yield line

        try:
            return stock(
                lines(),
                None
                if options.no_look
                else look_by(cached_taxonomy(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatewatch")),
                trusted,
                country,
            )
        except (OSError, EOFError) as error:
            raise Refused(f"the events cannot be read: {error}") from None


def _write(name: str, text: str) -> None:
    try:
        Path(name).write_text(text, "utf-8")
    except OSError as error:
        raise Refused(f"{name} cannot be written: {error.strerror or type(error).__name__}") from None


def _show(console: Console, made: Report) -> None:
    table = Table(show_edge=False, pad_edge=False, box=None)
    table.add_column("endpoint", overflow="fold", ratio=1)
    for name in ("status", "calls", "proof", "external", "risk"):
        table.add_column(name, no_wrap=True, justify="right" if name == "calls" else "left")
    for one in made.listed:
        row = one.row
        about = [*([row.origin] if row.origin != "declared" else []), *row.sensitive]
        where = Text(f"{row.endpoint.api} {row.endpoint}") + Text(f"\n  {', '.join(about)}" if about else "", "dim")
        external = {True: "yes", False: "no", None: ""}[row.external]
        risk_text = Text(f"{one.risk.score} {one.risk.band}", COLOURS[one.risk.band])
        table.add_row(where, row.status, f"{row.calls:,}", row.authentication, external, risk_text)
    console.print(table)
    for deviation in made.found:
        place = f"{deviation.endpoint.api} {deviation.endpoint}"
        subject = f" {deviation.subject}" if deviation.subject else ""
        console.print(
            Text(
                f"{deviation.severity.label:13} {place}: {KINDS[deviation.kind].title}:{subject} {deviation.observed} (described: {deviation.declared})"
            )
        )
    causes = Counter(one.row.cause for one in made.listed if one.row.status == "Awaiting data")
    for cause, n in causes.most_common():
        console.print(Text(f"{n} endpoints await data: {cause}"))


if __name__ == "__main__":
    sys.exit(main())
