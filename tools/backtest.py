"""Back-test: run the whole pipeline over recorded events in event time, without storage, and write the alerts that it would have raised.

    python -m tools.backtest FILES... [--alerts OUT.jsonl] [--limits LIMITS.json] [--tor FILE] [--intel DIR]
        [--countries [FILE.mmdb]] [--shards N]

FILES hold one event of the contract a line (.jsonl or .jsonl.gz), in time order. Windows are judged minute by minute and baselines are
learned at each day's end, as the evaluation does it live.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from adapters.countries import Countries
from classifiers.taxonomy import Taxonomy
from detectors import by_id
from intel.feeds import Feed, describe
from intel.formats import parse as parse_feed
from intel.index import Index, compile_index
from local.jsonl import lines_of
from model import Alert, ApiCall, Failure, is_service_endpoint, moment
from pipeline.callers import is_guarded
from pipeline.decode import Rejected, decode
from pipeline.limits import Limits, parse
from pipeline.looks import look_by
from pipeline.rehearsal import Rehearsal
from pipeline.step import Step

BATCH = 1000
Batch = tuple[list[ApiCall], list[bytes]]
"""Calls, and the messages that they were decoded from."""


def calls(events: Iterable[bytes], rejected: Counter[str]) -> Iterator[Batch]:
    """The calls in batches; what is no call is counted by its reason."""
    batch: Batch = [], []
    for event in events:
        try:
            batch[0].append(decode(event))
            batch[1].append(event)
        except Rejected as reason:
            rejected[str(reason)] += 1
        if len(batch[0]) == BATCH:
            yield batch
            batch = [], []
    if batch[0]:
        yield batch


def _files(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if not found:
        raise ValueError(f"{folder} holds no feeds")
    return found


def index_of(tor: Path | None, folder: Path | None, now: datetime) -> Index:
    """The addresses that the lists name: a Tor exit list, and the feeds of a folder. Raises OSError or ValueError that names the file."""
    found = []
    if tor is not None:
        found.append(parse_feed(Feed(tor.stem, "tor", fetched_at=now), tor.read_bytes(), now))
    for path in _files(folder) if folder is not None else ():
        content = path.read_bytes()
        parsed = parse_feed(describe(path.name, content, datetime.fromtimestamp(path.stat().st_mtime, UTC)), content, now)
        if parsed.something_else:
            raise ValueError(f"{path} is no list of addresses: {parsed.bad} of its lines hold none")
        found.append(parsed)
    return compile_index(found)


def country_of(database: str) -> Callable[[str], str]:
    """Raises ValueError for a file that is no country database."""
    countries = Countries(database)
    source = countries.at(datetime.now(UTC))
    if database and not source.exact:
        raise ValueError("; ".join(countries.notices(datetime.now(UTC))))
    return source.look


def backtest(
    batches: Iterable[Batch],
    *,
    limits: Limits | None = None,
    index: Index | None = None,
    country: Callable[[str], str] | None = None,
    shards: int = 1,
) -> Iterator[Step]:
    """The steps of a rehearsal of these batches, the last ones while everything is closed."""
    listed = index.rules if index is not None else None
    rehearsal = Rehearsal(look_into=look_by(Taxonomy()), listed=listed, limits=limits, country=country, shards=shards)
    for some, messages in batches:
        yield rehearsal.play(some, messages)
    yield from rehearsal.finishing()


def line_of(alert: Alert) -> dict[str, str | int | float | None]:
    """One line of the alerts file."""
    return {
        "id": alert.id,
        "detector": alert.detector,
        "title": by_id()[alert.detector].title,
        "severity": alert.severity.label,
        "endpoint": "*" if is_service_endpoint(alert.endpoint) else str(alert.endpoint),
        "actor": alert.sighting.actor,
        "status_class": alert.sighting.status_class,
        "parameter": alert.sighting.parameter,
        "start": moment(alert.first).isoformat(),
        "end": moment(alert.last + 1).isoformat(),
        "raised": moment(alert.raised + 1).isoformat(),
        "observed": alert.sighting.observed,
        "expected": alert.sighting.expected,
        "threshold": alert.sighting.threshold,
        "incident": alert.incident,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.backtest", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILES")
    parser.add_argument("--alerts", type=Path, help="write one alert a line (JSON) to this file")
    parser.add_argument("--limits", type=Path, help="overrides of the detectors' limits (JSON)")
    parser.add_argument("--tor", type=Path, help="a Tor exit list, one address a line")
    parser.add_argument(
        "--countries", nargs="?", const="", metavar="FILE", help="know countries, by the registries' lists or by an .mmdb file"
    )
    parser.add_argument("--intel", type=Path, metavar="DIR", help="a folder of threat-intelligence feeds")
    parser.add_argument(
        "--shards", type=int, default=1, choices=range(1, 33), metavar="N", help="evaluate in so many shards: the alerts are the same"
    )
    options = parser.parse_args(arguments)
    screen = Console(stderr=True)
    try:
        limits = parse(options.limits.read_bytes()) if options.limits else None
        index = index_of(options.tor, options.intel, datetime.now(UTC)) if options.tor or options.intel else None
        sizes = {path: path.stat().st_size for path in options.files}
        country = country_of(options.countries) if options.countries is not None else None
    except (OSError, ValueError) as error:
        screen.print(f"[red]{error}[/red]", highlight=False)
        return 2

    alerts: dict[str, Alert] = {}
    rejected: Counter[str] = Counter()
    guarded: Counter[str] = Counter()
    failures: list[Failure] = []
    n, cpu = 0, time.process_time()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.fields[at]}"))
    with Progress(*columns, console=screen, transient=True) as progress:
        bar = progress.add_task("back-test", total=sum(sizes.values()), at="")

        def everything() -> Iterator[bytes]:
            for path in sizes:
                for line, taken in lines_of(str(path)):
                    if taken:
                        progress.advance(bar, taken)
                    if line.strip():
                        yield line

        def counted() -> Iterator[Batch]:
            nonlocal n
            for batch in calls(everything(), rejected):
                n += len(batch[0])
                guarded.update((call.guard or "").partition(":")[0] for call in batch[0] if is_guarded(call))
                yield batch

        try:
            for step in backtest(counted(), limits=limits, index=index, country=country, shards=options.shards):
                alerts.update((alert.id, alert) for alert in step.alerts)
                failures.extend(step.failures)
                if step.watermark is not None:
                    progress.update(bar, at=f"{moment(step.watermark):%Y-%m-%d}, {len(alerts)} alerts")
        except (OSError, EOFError) as error:
            screen.print(f"[red]{error}[/red]", highlight=False)
            return 2
    cpu = time.process_time() - cpu
    ordered = sorted(alerts.values(), key=lambda alert: (alert.raised, alert.id))
    if options.alerts:
        options.alerts.write_text("".join(json.dumps(line_of(alert), ensure_ascii=False) + "\n" for alert in ordered))
    screen.print(
        f"{n:,} calls, {len(ordered)} alerts in {len({alert.incident for alert in ordered})} incidents; {cpu:.1f} s of CPU"
        f" ({cpu / max(n, 1) * 1e6:.0f} µs a call)",
        highlight=False,
    )
    for id, count in sorted(Counter(alert.detector for alert in ordered).items()):
        screen.print(f"{count:6} {id}", highlight=False)
    for verdict, count in sorted(guarded.items()):
        judged = "judged by nobody" if verdict in ("blocked", "slowed") else "judged as calls that happened"
        screen.print(f"{count:6} calls with guard {verdict}: {judged}", highlight=False)
    for reason, count in rejected.most_common():
        screen.print(f"{count:6} messages were no calls: {reason}", highlight=False)
    for (id, reason), count in sorted(Counter((failure.detector, failure.error) for failure in failures).items()):
        screen.print(f"[red]{count:6} failures of {id}: {reason}[/red]", highlight=False)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
