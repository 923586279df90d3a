"""How quiet and how right the detectors are, on real and on labelled traffic, in one table.

    python -m tools.quality [--data ../shared/data] [--only WORD] [--json OUT]

DATA holds `logs/website-*.jsonl.gz` (a real site's log, which nobody attacked in an unusual way) and `traffic/events-N.jsonl.gz` with `truth-N.json`
(labelled). Each log is judged as it is and varied: its hours shuffled, half of its clients, two days told as one. Labelled traffic is judged whole, with its
history cut to 0 and to 7 days (cold start), and with its attacks put into its history as well, from other addresses (poisoned history).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from random import Random

import msgspec
from rich.console import Console
from rich.table import Table

from intel.index import Index
from model import Alert, ApiCall
from pipeline.decode import Rejected, decode
from pipeline.rehearsal import Rehearsal
from tools.backtest import BATCH, index_of
from tools.score import Attack, Score, Truth, score

DATA = Path(os.environ.get("GATEWATCH_SAMPLES", "samples"))
SHIFT = timedelta(days=15)
"""Attacks are put so far before themselves: a whole evaluation phase, into the later half of the history."""
ENDPOINTS = 13
"""Operations of the labelled API: what "1000 endpoint-days" means."""
WEAK = 30
"""Times the median: exfiltration that is put into clean traffic to measure recall where the labelled attacks are too few."""


@dataclass(frozen=True, slots=True)
class Run:
    """One line of the table. `score`: only of labelled traffic."""

    name: str
    calls: int
    days: float
    alerts: list[Alert]
    seconds: float
    score: Score | None = None

    @property
    def incidents(self) -> int:
        return len({alert.incident for alert in self.alerts if alert.incident})

    def line(self) -> dict[str, object]:
        found: dict[str, object] = {
            "name": self.name,
            "calls": self.calls,
            "days": round(self.days, 2),
            "incidents a day": round(self.incidents / self.days, 2),
            "alerts a day": {name: round(n / self.days, 2) for name, n in sorted(Counter(a.detector for a in self.alerts).items())},
            "µs a call": round(self.seconds / max(self.calls, 1) * 1e6),
        }
        if self.score is not None:
            per = 1000 / (ENDPOINTS * self.score.days)
            found |= {
                "false per 1000 endpoint-days": {name: round(n * per, 1) for name, n in sorted(self.score.false.items())},
                "false per 1000 endpoint-days, all": round(self.score.false.total() * per, 1),
                "in benign surges": {name: round(n * per, 1) for name, n in sorted(self.score.surges.items())},
                "false incidents a day": round(self.score.false_incidents / self.score.days, 2),
                "found": {kind: " ".join(f"{n}/{of}" for n, of in levels) for kind, levels in self.score.found.items()},
                "delay": self.score.delays,
            }
        return found


def read(path: Path) -> list[ApiCall]:
    """The calls of a file of events; what is no call is left out, as the back-test counts it."""
    found = []
    with gzip.open(path) as lines:
        for line in lines:
            try:
                found.append(decode(line))
            except Rejected:
                continue
    return found


def judged(
    name: str,
    calls: Sequence[ApiCall],
    truth: Truth | None = None,
    index: Index | None = None,
    since: float | None = None,
    until: float | None = None,
) -> Run:
    """The back-test over some calls, in time order."""
    began = time.process_time()
    alerts: dict[str, Alert] = {}
    batches = (calls[at : at + BATCH] for at in range(0, len(calls), BATCH))
    rehearsal = Rehearsal(listed=index.rules if index is not None else None)
    for batch in batches:
        alerts.update((alert.id, alert) for alert in rehearsal.play(batch).alerts)
    alerts.update((alert.id, alert) for alert in rehearsal.finish().alerts)
    seconds = time.process_time() - began
    days = (calls[-1].time - calls[0].time) / timedelta(days=1) if calls else 0.0
    kept = list(alerts.values())
    return Run(name, len(calls), max(days, 1 / 72), kept, seconds, score(truth, kept, since, until) if truth is not None else None)


# a log, varied


def shuffled(calls: Iterable[ApiCall]) -> list[ApiCall]:
    """The hours of each day in another order: what looks like a rush of one hour comes at another."""
    order = list(range(24))
    Random(12).shuffle(order)
    return _in_order(_at(call, call.time.replace(hour=order[call.time.hour])) for call in calls)


def halved(calls: Iterable[ApiCall]) -> list[ApiCall]:
    """Half of the clients."""
    return [call for call in calls if blake2b((call.client_ip or "").encode()).digest()[0] % 2]


def merged(calls: Iterable[ApiCall]) -> list[ApiCall]:
    """Two days told as one: twice the traffic."""
    calls = list(calls)
    first = calls[0].time.date().toordinal()
    return _in_order(_at(call, call.time - timedelta(days=-(-(call.time.date().toordinal() - first) // 2))) for call in calls)


VARIATIONS: dict[str, Callable[[Iterable[ApiCall]], list[ApiCall]]] = {
    "": list,
    "shuffled hours": shuffled,
    "half of the clients": halved,
    "two days as one": merged,
    "another site": lambda calls: merged(shuffled(halved(calls))),
}

# labelled traffic, varied


def poisoned(calls: Sequence[ApiCall], truth: Truth) -> list[ApiCall]:
    """The attacks of the evaluation phase once more, in the history and from other addresses."""
    lines = [at for attack in truth.attacks if attack.phase == "eval" for at in attack.event_lines]
    before = (_at(calls[at], calls[at].time - SHIFT, _other(calls[at].client_ip or "")) for at in lines)
    return _in_order([*calls, *before])


def since(calls: Sequence[ApiCall], truth: Truth, days: float) -> list[ApiCall]:
    """With a history of so many days."""
    start = datetime.fromtimestamp(truth.eval_start, UTC) - timedelta(days=days)
    return [call for call in calls if call.time >= start]


def weak_exports(calls: Sequence[ApiCall], truth: Truth, each: int = 4) -> tuple[list[ApiCall], Truth]:
    """`each` exports of 5 calls of WEAK times the median at every operation that answers at all, in the evaluation phase; the labelled ones are left out."""
    labelled = {at for attack in truth.attacks for at in attack.event_lines}
    kept = [call for at, call in enumerate(calls) if at not in labelled]
    by_endpoint: dict[tuple[str, str], list[ApiCall]] = {}
    for call in kept:
        if call.url_template and call.status // 100 == 2 and call.response_bytes:
            by_endpoint.setdefault((call.method, call.url_template), []).append(call)
    random = Random(30)
    attacks: list[Attack] = []
    added: list[ApiCall] = []
    for (method, template), own in sorted(by_endpoint.items()):
        usual = sorted(call.response_bytes or 0 for call in own)[len(own) // 2]
        for number in range(each):
            model = own[random.randrange(len(own))]
            start = truth.eval_start + random.uniform(0.02, 0.95) * (truth.end - truth.eval_start)
            ip = f"198.18.{len(attacks) // 250}.{len(attacks) % 250 + 1}"
            for _ in range(5):
                at = datetime.fromtimestamp(start + random.uniform(0, 1200), UTC)
                sized = _at(model, at, ip)
                sized.response_bytes = round(usual * WEAK * random.lognormvariate(0, 0.2))
                added.append(sized)
            attacks.append(
                Attack(
                    id=f"{template} {number}",
                    type="exfil 30x",
                    intensity=0,
                    method=method,
                    endpoint=template,
                    start=start,
                    end=start + 1200,
                    phase="eval",
                    ip=ip,
                )
            )
    return _in_order([*kept, *added]), msgspec.structs.replace(truth, attacks=attacks)


def _in_order(calls: Iterable[ApiCall]) -> list[ApiCall]:
    return sorted(calls, key=lambda call: call.time)


def _at(call: ApiCall, moment: datetime, ip: str | None = None) -> ApiCall:
    return msgspec.structs.replace(call, time=moment, client_ip=ip or call.client_ip)


def _other(ip: str) -> str:
    digest = blake2b(ip.encode()).digest()
    return f"11.{digest[0]}.{digest[1]}.{digest[2]}"


# all of it


def runs(data: Path, only: str = "") -> Iterator[Run]:
    """Every line of the table whose name holds `only`."""
    for path in sorted((data / "logs").glob("*.jsonl.gz")):
        log = path.name.removesuffix(".jsonl.gz")
        names = {how: f"{log}, {how}" if how else log for how in VARIATIONS}
        if any(only in name for name in names.values()):
            calls = read(path)
            yield from (judged(names[how], varied(calls)) for how, varied in VARIATIONS.items() if only in names[how])
    for path in sorted((data / "traffic").glob("events-*.jsonl.gz")):
        number = path.name.removeprefix("events-").removesuffix(".jsonl.gz")
        cases = ("whole", "no history", "7 days of history", "poisoned history", "weak exports")
        wanted = [case for case in cases if only in f"labelled {number}, {case}"]
        if wanted:
            yield from _labelled(
                path, data / "traffic" / f"truth-{number}.json", data / "traffic" / f"tor-exits-{number}.txt", number, wanted
            )


def _labelled(events: Path, truth_file: Path, tor: Path, number: str, wanted: Sequence[str]) -> Iterator[Run]:
    calls = read(events)
    truth = msgspec.json.decode(truth_file.read_bytes(), type=Truth)
    index = index_of(tor, None, datetime.now(UTC)) if tor.exists() else None
    for case in wanted:
        some, labels, end = list(calls), truth, None
        if case == "no history":
            some, end = since(calls, truth, 0), truth.eval_start + 3 * 86_400
        elif case == "7 days of history":
            some = since(calls, truth, 7)
        elif case == "poisoned history":
            some = poisoned(calls, truth)
        elif case == "weak exports":
            some, labels = weak_exports(calls, truth)
        yield judged(f"labelled {number}, {case}", some, labels, index, until=end)


def table(found: Iterable[Run]) -> Table:
    rows = Table(
        "traffic",
        "incidents a day",
        "alerts a day, by detector; of labelled traffic: false per 1000 endpoint-days, recall and delay",
        pad_edge=False,
    )
    for run in found:
        line = run.line()
        if run.score is None:
            told = _told(line["alerts a day"])
        else:
            false = f"false {line['false per 1000 endpoint-days, all']}: {_told(line['false per 1000 endpoint-days'])}"
            delays = run.score.delays
            recall = ", ".join(f"{kind} {n} ({delays[kind]} min)" for kind, n in line["found"].items())  # type: ignore[attr-defined]
            told = f"{false}\n{recall}\nfalse incidents a day {line['false incidents a day']}"
        rows.add_row(run.name, str(line["incidents a day"]), told)
    return rows


def _told(counts: object) -> str:
    return ", ".join(f"{name.removeprefix('API_')} {n}" for name, n in counts.items()) if isinstance(counts, dict) else ""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA, help="a folder with logs/ and traffic/ (default: %(default)s)")
    parser.add_argument("--only", default="", metavar="WORD", help="only lines whose name holds this")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the lines to this file, too")
    options = parser.parse_args(arguments)
    screen = Console(stderr=True)
    if not options.data.is_dir():
        screen.print(f"[red]no folder {options.data}[/red]: give one with --data", highlight=False)
        return 2
    found = []
    for run in runs(options.data, options.only):
        screen.print(f"{run.name}: {run.incidents / run.days:.2f} incidents a day ({run.seconds:.0f} s of CPU)", highlight=False)
        found.append(run)
    Console().print(table(found))
    if options.json:
        options.json.write_text(json.dumps([run.line() for run in found], ensure_ascii=False, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
