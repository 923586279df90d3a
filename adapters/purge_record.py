"""The record of the purges: what each removed, what was late, and whether the promises about personal data are kept."""

import json
import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapters.tables import Tables
from retention.policy import BY_ID, HOUR, Place, Promises, deadline, is_due, promises, span

log = logging.getLogger("gatewatch.purge")

MOST_SILENCE = 3 * HOUR
"""Without a run: the next would still be in time for one promise, but not for long."""


@dataclass(slots=True)
class Run:
    """What one purge did. `late` counts what was there when its promise was broken; `worst` is by how much, in seconds."""

    started: datetime
    seconds: float = 0.0
    removed: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    worst: float = 0.0
    unevaluated: int = 0
    """Batch tables that had to go before evaluation had read them."""
    problems: list[str] = field(default_factory=list)
    standing: list[str] = field(default_factory=list)
    """What the checks said, which are made once a day."""
    unseen: list[str] = field(default_factory=list)
    """What the app has no right to look at: neither well nor broken, somebody else has to look."""
    complete: bool = True
    breach: str = ""
    """The alert's id, while a promise is broken."""
    since: int = 0
    kept: Promises = field(default_factory=promises)
    before: Promises = field(default_factory=dict)
    """The promises of the run before: what a setting has just made shorter was not promised then."""

    @property
    def broken(self) -> bool:
        return bool(self.late)

    def note(self, place: Place, until: datetime, count: int = 1) -> None:
        self.removed[place.id] += count
        self.look(place, until, count)

    def look(self, place: Place, until: datetime, count: int = 1) -> None:
        until += max(timedelta(), self.before.get(place.id, timedelta()) - self.kept[place.id])
        if self.started > until:
            self.late[place.id] += count
            self.worst = max(self.worst, (self.started - until).total_seconds())


def write(tables: Tables, run: Run) -> None:
    state = {
        "seconds": round(run.seconds, 3),
        "removed": run.removed,
        "late": run.late,
        "worstSeconds": round(run.worst),
        "unevaluated": run.unevaluated,
        "problems": run.problems[:20],
        "standing": run.standing[:20],
        "unseen": run.unseen,
        "complete": run.complete,
        "breach": run.breach,
        "since": run.since,
        "kept": {place: kept.total_seconds() for place, kept in run.kept.items()},
    }
    tables.upsert("purges", [{"PartitionKey": "purges", "RowKey": row_key(run.started), "started": run.started, "run": json.dumps(state)}])
    log.info(
        "purge removed %d items, %d of them late, in %.1f s%s",
        run.removed.total(),
        run.late.total(),
        run.seconds,
        "" if run.complete else "; it goes on in the next run",
        extra={"microsoft.custom_event.name": "GatewatchPurge", **{f"removed.{place}": n for place, n in run.removed.items()}},
    )


def runs(tables: Tables, limit: int) -> list[Run]:
    """The latest runs, newest first."""
    found = []
    for row in tables.query("purges", "PartitionKey eq 'purges'"):
        state = json.loads(row["run"])
        found.append(
            Run(
                row["started"],
                state["seconds"],
                Counter(state["removed"]),
                Counter(state["late"]),
                state["worstSeconds"],
                state["unevaluated"],
                state["problems"],
                state["standing"],
                state.get("unseen", []),
                state["complete"],
                state["breach"],
                state["since"],
                {place: timedelta(seconds=kept) for place, kept in state["kept"].items()},
            )
        )
        if len(found) == limit:
            break
    return found


def last_run(tables: Tables) -> Run | None:
    return next(iter(runs(tables, 1)), None)


def wrong(tables: Tables, now: datetime) -> list[str]:
    """Sentences for the health function: what is wrong with the promises."""
    last = last_run(tables)
    if last is None:
        due = [name for name in tables.names("batches") if is_due(deadline(BY_ID["batches"], name, promises()), now)]
        return [f"no purge has run yet, and {due[0]} is due"] if due else []  # a new app: the first run comes within the hour
    found = [
        f"a promise about personal data was broken: {', '.join(f'{n} × {BY_ID[place].name}' for place, n in sorted(last.late.items()))}"
    ]
    found = found if last.broken else []
    if now - last.started > MOST_SILENCE:
        found.append(f"the last purge was {span(now - last.started)} ago")
    return found + last.problems + last.standing


def row_key(at: datetime) -> str:
    """The latest first."""
    return f"{999_999_999_999 - int(at.timestamp()):012d}"
