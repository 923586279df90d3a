"""Finds sensitive data in events of the contract: `python -m tools.classify FILES... [--out findings.jsonl] [--types custom.yaml] [--html report.html]`."""

import argparse
import gzip
import os
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from classifiers.custom import CustomTypeError, load
from classifiers.information_type import InformationType
from classifiers.taxonomy import Found, Taxonomy, discover
from classifiers.text_values import Part
from local.jsonl import lines_of
from pipeline.contents import parts
from tools.classify_report import Location, LocationCount, html_report

SHOWN_BAD_LINES = 20
CARRYING = ("path", "query", "requestHeaders", "responseHeaders", "requestBody", "responseBody")


def endpoint_of(event: Mapping[str, Any]) -> str:
    template = event.get("urlTemplate")
    return f"{event.get('method') or '?'} {template if isinstance(template, str) and template else '(no operation)'}"


def cached_taxonomy(folder: Path | None, **options: Any) -> Taxonomy:
    """A taxonomy whose compiled shapes are kept in `folder`; a folder that cannot be written only costs the seconds of compiling."""

    def read(fingerprint: str) -> bytes | None:
        try:
            return (folder / fingerprint).read_bytes() if folder is not None else None
        except OSError:
            return None

    taxonomy = Taxonomy(database=read, **options)
    content = taxonomy.serialise() if taxonomy.recompiled and folder is not None else None
    if content is not None and folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            temporary = folder / f"{taxonomy.fingerprint}.{os.getpid()}"
            temporary.write_bytes(content)
            temporary.replace(folder / taxonomy.fingerprint)
        except OSError:
            pass
    return taxonomy


class Refusal(Exception):
    """What the user gave cannot be worked with; one sentence."""


def run(args: argparse.Namespace, console: Console) -> int:
    custom: tuple[InformationType, ...] = ()
    ids = frozenset(kind.id for kind in discover())
    if args.types:
        try:
            custom = load(Path(args.types).read_text("utf-8"), ids)
        except OSError as error:
            raise Refusal(f"the types file {args.types} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError:
            raise Refusal(f"the types file {args.types} is not UTF-8") from None
        except CustomTypeError as error:
            raise Refusal(f"the types file {args.types} is refused: {error}") from error
    for id in args.disable:
        if id not in ids:
            raise Refusal(f"there is no information type {id!r} to disable; docs/information-types.md lists them")
    for name in args.files:
        if name != "-" and not Path(name).is_file():
            raise Refusal(f"there is no file {name}")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatewatch"
    taxonomy = cached_taxonomy(cache, custom=custom, disabled=args.disable)
    locations: dict[Location, LocationCount] = {}
    calls: Counter[str] = Counter()
    bad: list[tuple[str, int, str]] = []
    partial = 0
    with ExitStack() as stack:
        try:
            out = stack.enter_context(open(args.out, "wb")) if args.out else None
            report = stack.enter_context(open(args.html, "w", encoding="utf-8")) if args.html else None
        except OSError as error:
            raise Refusal(f"{error.filename} cannot be written: {error.strerror}") from error
        progress = stack.enter_context(
            Progress(
                TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=console, transient=True
            )
        )
        for name in args.files:
            size = Path(name).stat().st_size if name != "-" else None
            task = progress.add_task(Path(name).name if name != "-" else "standard input", total=size)
            number = 0
            try:
                for line, taken in lines_of(name):
                    number += 1
                    if taken:
                        progress.advance(task, taken)
                    if not line.strip():
                        continue
                    reason, event, carried = read_event(line)
                    if reason:
                        bad.append((name, number, reason))
                        continue
                    examination = taxonomy.examine(carried)
                    partial += examination.partial
                    calls[endpoint_of(event)] += 1
                    note(event, examination.found, locations)
                    if out is not None:
                        out.write(
                            orjson.dumps({"requestId": event["requestId"], "findings": [finding(f) for f in examination.found]}) + b"\n"
                        )
            except (EOFError, gzip.BadGzipFile, OSError) as error:
                bad.append((name, number + 1, f"the file ends here: {type(error).__name__}"))
        if report is not None:
            report.write(html_report(taxonomy, calls, locations, len(bad), partial))
    summarise(console, taxonomy, calls, locations, bad, partial, minimum="low" if args.all else "medium")
    return 0


def read_event(line: bytes) -> tuple[str, dict[str, Any], list[Part]]:
    """(why the line is no event, or "", the event, what it carries)"""
    try:
        event = orjson.loads(line)
    except ValueError:
        return "not JSON", {}, []
    if not isinstance(event, dict):
        return "not a JSON object", {}, []
    if not isinstance(event.get("requestId"), str):
        return "no requestId", {}, []
    carried = parts(line)
    if not carried and any(event.get(name) for name in CARRYING):
        return "a field that carries data is of the wrong type", {}, []
    return "", event, carried


def finding(found: Found) -> dict[str, str]:
    row = {"type": found.type, "where": found.where, "path": found.path, "generalPath": found.general_path, "confidence": found.confidence}
    if found.country:
        row["country"] = found.country
    return row


def note(event: Mapping[str, Any], found: list[Found], locations: dict[Location, LocationCount]) -> None:
    rank = ("low", "medium", "high")
    for item in found:
        count = locations.setdefault(Location(endpoint_of(event), item.type, item.where, item.general_path), LocationCount())
        count.count += 1
        if rank.index(item.confidence) > rank.index(count.confidence):
            count.confidence = item.confidence
        status = event.get("status")
        count.statuses[f"{status // 100}xx" if isinstance(status, int) else "?"] += 1
        if item.country:
            count.countries.add(item.country)


def summarise(
    console: Console,
    taxonomy: Taxonomy,
    calls: Counter[str],
    locations: Mapping[Location, LocationCount],
    bad: list[tuple[str, int, str]],
    partial: int,
    minimum: str,
) -> None:
    """The findings by endpoint, the surest first, then what could not be read."""
    names = {kind.id: kind.name for kind in taxonomy.types}
    rank = ("low", "medium", "high")
    shown = [(p, t) for p, t in locations.items() if rank.index(t.confidence) >= rank.index(minimum)]
    shown.sort(key=lambda row: (row[0].endpoint, -rank.index(row[1].confidence), -row[1].count, row[0].type, row[0].path))
    for endpoint, rows in groupby(shown, key=lambda row: row[0].endpoint):
        console.print(f"\n{endpoint}", style="bold", highlight=False, markup=False)
        console.print(f"  {calls[endpoint]:,} calls", style="dim", highlight=False)
        table = Table.grid(padding=(0, 2, 0, 0))
        for column in range(5):
            table.add_column(justify="right" if column == 3 else "left", overflow="fold")
        for location, count in rows:
            country = f" ({', '.join(sorted(count.countries))})" if count.countries else ""
            seen, statuses = f"{count.count:,}", " ".join(sorted(count.statuses))
            table.add_row(
                f"  {count.confidence}",
                Text(names.get(location.type, location.type) + country),
                Text(f"{location.where} {location.path}"),
                seen,
                statuses,
            )
        console.print(table)
    if shown:
        console.print()
    kinds = len({location.type for location, _ in shown})
    console.print(
        f"{sum(calls.values()):,} calls of {len(calls):,} endpoints: {kinds} information types at {len(shown):,} places.",
        highlight=False,
    )
    possible = len(locations) - len(shown)
    if possible:
        console.print(f"{possible:,} more places are possible (low confidence); --all shows them.", highlight=False)
    if partial:
        console.print(f"{partial:,} calls were too large or too deep to be looked at completely.", highlight=False)
    if bad:
        console.print(f"{len(bad):,} lines could not be read:", style="bold", highlight=False)
        for name, number, reason in bad[:SHOWN_BAD_LINES]:
            console.print(f"  {name}:{number}: {reason}", highlight=False, markup=False, soft_wrap=True)
        if len(bad) > SHOWN_BAD_LINES:
            console.print(f"  and {len(bad) - SHOWN_BAD_LINES:,} more", highlight=False)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.classify", description="Finds sensitive data in events of the contract (JSON Lines, plain or gzip)."
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="events, one a line; - is standard input")
    parser.add_argument("--out", metavar="FILE", help="write findings, a line an event")
    parser.add_argument("--types", metavar="FILE", help="your own information types, YAML or JSON")
    parser.add_argument("--disable", metavar="ID", action="append", default=[], help="switch off an information type (repeatable)")
    parser.add_argument("--html", metavar="FILE", help="write a report to read in a browser")
    parser.add_argument("--all", action="store_true", help="show possible findings too (low confidence)")
    args = parser.parse_args(arguments)
    console = Console(stderr=True)
    try:
        return run(args, console)
    except Refusal as refusal:
        print(f"tools.classify: {refusal}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
