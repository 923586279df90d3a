"""Assesses the configuration of an API Management service, from a file or from Azure, with nothing deployed.

python -m tools.posture assess --export resources.json [--json] [--html report.html]
python -m tools.posture snapshot --subscription ID --resource-group NAME --service NAME [--out resources.json]

assess takes ARM resources in any form: an array, what `az` prints, an exported template, children nested or not. snapshot writes such a file from a live service, with
your own login and the role API Management Service Reader Role; it only reads, five requests a second, and no secret's value.
"""

from __future__ import annotations

import argparse
import codecs
import ipaddress
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from model import minute_of
from posture.arm_json import NotResources
from posture.assessments import Context, Failure, Result, assess
from posture.reading import Read, apply, begin, coming, path_of, refused
from posture.report import counted, described, html, ordered
from posture.resources import from_resources
from posture.snapshot import Snapshot

if TYPE_CHECKING:
    from adapters.arm import Arm

Found = list[tuple[Snapshot, Result]]
PEOPLE = frozenset({"ownerid", "publisheremail", "publishername", "notificationsenderemail", "createdby", "lastmodifiedby", "contact"})
"""Properties that name people; a snapshot's file does without them."""
COLOURS = {"High": "red", "Medium": "yellow", "Low": "cyan", "Informational": "white"}


class Refused(Exception):
    """Nothing can be done; one sentence."""


def read_export(path: str) -> Any:
    """The document in a file, or on standard input for "-". Raises Refused."""
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return json.loads(content.decode("utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"))
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror or type(error).__name__}") from None
    except UnicodeDecodeError:
        raise Refused(f"{path} is no text in UTF-8 or UTF-16") from None
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Refused(f"{path} is no JSON{where}") from None


def assessed(document: Any, now: datetime) -> tuple[Found, list[Failure]]:
    """Every verdict on every service of an export. Raises Refused."""
    try:
        snapshots = from_resources(document)
    except NotResources as why:
        raise Refused(str(why)) from None
    if not snapshots:
        raise Refused("the file holds no resource of Microsoft.ApiManagement/service")
    found: Found = []
    failures: list[Failure] = []
    for snapshot in snapshots:
        results = assess(snapshot, Context(now))
        found += [(snapshot, result) for result in results.results]
        failures += results.failures
    if not found and not failures:
        raise Refused(
            "the resources of the file have no properties: a list of resources has only their names, an export of each or a template has all"
        )
    return ordered(found), failures


def _assess(arguments: argparse.Namespace, console: Console, out: Callable[[str], Any]) -> int:
    found, failures = assessed(read_export(arguments.export), datetime.now(UTC))
    counts = counted(found)
    if arguments.html:
        try:
            Path(arguments.html).write_text(_encodable(html(found, counts)), "utf-8")
        except OSError as error:
            raise Refused(f"{arguments.html} cannot be written: {error.strerror or type(error).__name__}") from None
    if arguments.json:
        report = {
            "assessments": [described(snapshot, result) for snapshot, result in found],
            "counts": counts,
            "failures": [{"id": failure.assessment, "what": failure.what} for failure in failures],
        }
        out(_encodable(json.dumps(report, indent=2, ensure_ascii=False)))
    else:
        _show(console, found, counts)
    for failure in failures:
        console.print(Text(f"problem: the assessment {failure.assessment} failed ({failure.what})", "red"))
    return 1 if failures else 0


def _show(console: Console, found: Found, counts: Mapping[str, int]) -> None:
    table = Table(show_edge=False, pad_edge=False)
    for name in ("severity", "assessment", "resource", "evidence"):
        table.add_column(name, overflow="fold")
    for snapshot, result in found:
        if result.verdict.state != "unhealthy":
            continue
        evidence = "\n".join(f"{item.path} = {item.value}" if item.value else f"{item.path} is not set" for item in result.verdict.evidence)
        severity = result.severity.label
        row = (result.assessment.id, _visible(snapshot.resource(result.verdict.path).partition("/service/")[2] or snapshot.resource(result.verdict.path)), _visible(evidence))  # fmt: skip
        table.add_row(Text(severity, COLOURS[severity]), *map(Text, row))
    console.print(table)
    severities = Counter(result.severity.label for _, result in found if result.verdict.state == "unhealthy")
    said = ", ".join(f"{n} {severity}" for severity, n in sorted(severities.items(), key=lambda pair: list(COLOURS).index(pair[0])))
    console.print(f"{counts['unhealthy']} unhealthy ({said or 'none'}), {counts['healthy']} healthy, {counts['notApplicable']} not applicable, {counts['unknown']} unknown")  # fmt: skip


def _encodable(text: str) -> str:
    """Without halves of characters, which JSON can write and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()


def _visible(text: str) -> str:
    """A text from a file without characters that steer a terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text)


# a live service


def nobody(body: Any) -> Any:
    """A resource without what names people."""
    if isinstance(body, Mapping):
        return {key: nobody(value) for key, value in body.items() if str(key).casefold() not in PEOPLE}
    return [nobody(one) for one in body] if isinstance(body, list) else body


def collected(arm: Arm, service: str, progress: Callable[[Read, int, int], None]) -> tuple[list[dict[str, Any]], list[str]]:
    """Every resource of a service, and what could not be read. Raises Refused."""
    from adapters.arm import Later, NoPermission, NotAnswered, NotInTier

    now = minute_of(datetime.now(UTC))
    work = begin(service, None, now)
    resources: dict[str, dict[str, Any]] = {}
    problems: dict[str, str] = {}
    for read in coming(work):
        try:
            found = arm.read(service, read)
        except NotInTier:
            refused(work, read, "not in this tier")
            continue
        except (NoPermission, NotAnswered, Later) as why:
            if read.kind == "service":
                raise Refused(f"{service.rpartition('/')[2]} cannot be read: {why}") from None
            problems.setdefault(read.kind, str(why))
            refused(work, read, "no permission" if isinstance(why, NoPermission) else "not answered")
            continue
        apply(work, read, found, now)
        for body in found:
            path = path_of(read, body)
            kind = "/".join(["Microsoft.ApiManagement/service", *path.split("/")[::2]]).rstrip("/")
            resources[path] = {**nobody(body), "id": f"{service}/{path}".rstrip("/"), "type": kind}
        progress(read, arm.reads, sum(len(api.operations) for api in work.snapshot.apis.values()))
    return list(resources.values()), [f"{kind}: {why}" for kind, why in problems.items()]


def _snapshot(arguments: argparse.Namespace, console: Console, out: Callable[[str], Any]) -> int:
    from azure.core.credentials import TokenCredential
    from azure.identity import DefaultAzureCredential

    from adapters.arm import Arm

    credential: TokenCredential | None = None if arguments.endpoint.startswith("http:") else DefaultAzureCredential()
    service = f"/subscriptions/{arguments.subscription}/resourceGroups/{arguments.resource_group}/providers/Microsoft.ApiManagement/service/{arguments.service}"
    arm = Arm(arguments.subscription, arguments.endpoint, credential)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bars = Console(stderr=True) if arguments.out == "-" else console
    try:
        with Progress(*columns, console=bars, transient=True, disable=not bars.is_terminal) as bar:
            task = bar.add_task("reading", total=None)

            def progress(read: Read, reads: int, operations: int) -> None:
                total = reads if read.kind != "operation policy" else max(reads, operations + 50)
                bar.update(task, description=read.kind, completed=reads, total=total)

            resources, problems = collected(arm, service, progress)
    finally:
        arm.close()
    text = json.dumps(resources, indent=1, ensure_ascii=False)
    if arguments.out == "-":
        out(text)
    else:
        try:
            Path(arguments.out).write_text(text + "\n", "utf-8")
        except OSError as error:
            raise Refused(f"{arguments.out} cannot be written: {error.strerror or type(error).__name__}") from None
    for problem in problems:
        bars.print(Text(f"not read: {_visible(problem)}", "yellow"))
    bars.print(f"{len(resources)} resources by {arm.reads} reads{'' if arguments.out == '-' else f' in {arguments.out}'}")
    return 0


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.posture", description="Assesses the configuration of an API Management service.")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("assess", help="assess a file of ARM resources")
    check.add_argument("--export", required=True, metavar="FILE", help='ARM resources as JSON; "-" for standard input')
    check.add_argument("--json", action="store_true", help="one JSON object on standard output")
    check.add_argument("--html", metavar="FILE", help="write a page as well")
    live = commands.add_parser("snapshot", help="write such a file from a live service")
    live.add_argument("--subscription", required=True, help="id of the subscription")
    live.add_argument("--resource-group", required=True)
    live.add_argument("--service", required=True, help="name of the API Management service")
    live.add_argument("--out", default="-", metavar="FILE", help="default: standard output")
    live.add_argument("--endpoint", default="https://management.azure.com", help="the resource manager, for other clouds and for tests")
    found = parser.parse_args(argv)
    if found.command == "snapshot":
        endpoint = urlsplit(found.endpoint)
        if endpoint.scheme != "https" and not (endpoint.scheme == "http" and _is_loopback(endpoint.hostname)):
            live.error("--endpoint must be https (http only to this machine): it gets a token")
        found.endpoint = found.endpoint.rstrip("/")
    return found


def main(argv: Sequence[str] | None = None, *, console: Console | None = None, out: Callable[[str], Any] = print) -> int:
    """Exit status 0: done, whatever was found; 1: the file or the service cannot be read; 2: the command line is wrong."""
    arguments = _arguments(argv)
    to_error = arguments.command == "snapshot" or arguments.json
    console = console or Console(stderr=to_error)
    try:
        return (_assess if arguments.command == "assess" else _snapshot)(arguments, console, out)
    except Refused as why:
        print(f"error: {why}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
