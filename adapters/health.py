"""Is Gatewatch well: can it reach its storage and its hub, does it keep up, does it evaluate."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from azure.core.exceptions import ServiceRequestError, ServiceResponseError

from adapters import intel, losses, outbox, overrides, posture_status, reconcile
from adapters.arrears import last_batches, look
from adapters.batches import Batch, BatchLog, Tail
from adapters.evidence import Evidence
from adapters.hub import Hub
from adapters.progress import Progress, read_progress, read_shards
from adapters.purge_record import wrong
from adapters.tables import Tables
from adapters.webhook import Webhook
from model import moment
from pipeline import arrears
from pipeline.arrears import Arrears
from settings import VERSION, Settings

LOST_LATELY = timedelta(days=1)
"""How long health stays red after calls were lost."""
LONGEST_WAIT = timedelta(minutes=15)
"""Of an alert that a receiver was not told of."""
SILENT = (ServiceRequestError, ServiceResponseError)
"""No connection, or no answer on it."""
LONGEST_SILENCE = 120
"""Seconds without an evaluation: eight ticks."""


def check(
    settings: Settings,
    tables: Tables,
    batches: BatchLog,
    evidence: Evidence,
    now: datetime,
    more: Callable[[datetime], Sequence[str]] = lambda _: (),
) -> tuple[bool, dict[str, Any]]:
    """Whether all is well, and what is known. Never raises: what cannot be reached is a problem by name. `more`: notices that others have.

    A store that gives no answer is asked once: each further question would cost as long, and whoever asks for health waits.
    """
    problems: list[str] = []
    answers = {"tables": True, "blobs": True}
    progress, learned, compared = Progress(), None, None
    shards: dict[int, Progress] = {}
    last: dict[str, Batch | Tail] = {}
    try:
        progress, learned = read_progress(tables), tables.get("progress", "baseline", "baseline")
        shards = read_shards(tables, progress.shards) if progress.shards > 1 else {}
        last = last_batches(batches, progress)
        problems += filter(None, [losses.sentence(losses.since(tables, now - LOST_LATELY, now))])
        compared = reconcile.result(tables)
        problems += [f"counts differ: {difference}" for difference in (compared.differences if compared else ())]
    except Exception as error:
        problems.append(f"the tables of StateStorage cannot be read ({type(error).__name__})")
        answers["tables"] = not isinstance(error, SILENT)
    partitions: list[dict[str, Any]] = []
    try:
        hub = Hub(settings.hub, settings.event_hub, settings.consumer_group)
        if answers["tables"]:
            lags = look(hub, last, progress, now)
        else:
            hub.partitions()  # whether it is there; how far behind we are is not known, and to ask since when takes another while
            lags = []
        problems += arrears.problems(lags, settings.kept["calls"], now)
        partitions = [_partition(lag, progress, now) for lag in lags]
    except Exception as error:
        problems.append(f"event hub {settings.event_hub} cannot be reached ({type(error).__name__})")
        partitions = [{"partition": partition, "counted": one.last, "lag": None} for partition, one in sorted(last.items())]
    try:
        problems += wrong(tables, now) if answers["tables"] else []
    except Exception as error:
        problems.append(f"the record of the purges cannot be read ({type(error).__name__})")
    notices = reconcile.notices(compared, now)
    try:
        index = intel.read(evidence, intel.SUMMARY)
        notices += index.warnings(now)
        problems += [f"threat intelligence: {item.feed.name} is stale" for item in index.feeds if item.feed.is_stale(now)]
    except Exception as error:
        problems.append(f"the blobs of EvidenceStorage cannot be read ({type(error).__name__})")
        answers["blobs"] = not isinstance(error, SILENT)
    try:
        if answers["blobs"]:
            overrides.read(evidence)
    except ValueError as error:
        problems.append(f"{overrides.NAME} is refused, and other limits are in force: {error}")
    except Exception as error:
        problems.append(f"{overrides.NAME} cannot be read ({type(error).__name__})")
    try:
        notices += more(now)
    except Exception as error:
        notices.append(f"the country data cannot be looked at ({type(error).__name__})")
    try:
        notices += posture_status.notices(tables, settings.posture) if answers["tables"] else []
    except Exception as error:
        problems.append(f"the state of posture cannot be read ({type(error).__name__})")
    outputs: list[dict[str, Any]] = []
    try:
        for name, wrong_with_it in _receivers(settings, evidence) if all(answers.values()) else ():
            problems += [wrong_with_it] if wrong_with_it else []
            backlog = outbox.backlog(tables, name)
            since = backlog.since.isoformat(timespec="seconds") if backlog.since else None
            outputs.append({"name": name, "waiting": backlog.alerts, "since": since, "last": backlog.what or None})
            if backlog.since is not None and now - backlog.since > LONGEST_WAIT:
                problems.append(
                    f"alerts wait for the {name}: {backlog.alerts}, since {since} ({backlog.what or 'function deliver does not run'})"
                )
    except Exception as error:
        problems.append(f"what waits for hub and webhook cannot be read ({type(error).__name__})")
    problems += stuck(progress, shards, now)
    if progress.shards != settings.evaluate_shards:
        notices.append(
            f"the evaluation is divided into {progress.shards} and is to be into {settings.evaluate_shards}: that changes once what is planned is done"
        )
    age = (now - progress.evaluated).total_seconds() if progress.evaluated else None
    problems += filter(None, [silence(age)])
    return not problems, {
        "status": "unhealthy" if problems else "healthy",
        "version": VERSION,
        "problems": problems,
        "notices": notices,
        "partitions": partitions,
        "outputs": outputs,
        "evaluationAgeSeconds": round(age, 1) if age is not None else None,
        "baselines": {"count": learned["count"], "until": learned["until"], "made": learned["made"].isoformat()} if learned else None,
        "counts": {"compared": compared.day or None, "next": compared.next, "behind": compared.behind} if compared else None,
        "eventTime": moment(progress.watermark).isoformat() if progress.watermark is not None else None,
    }


def stuck(lead: Progress, shards: Mapping[int, Progress], now: datetime) -> Iterator[str]:
    """The shards of the evaluation that do not get on: what they find is told by nobody, and what the others find waits for it."""
    for number, shard in shards.items():
        since = shard.evaluated
        if shard.planned < lead.planned and (since is None or (now - since).total_seconds() > LONGEST_SILENCE):
            waited = f"for {(now - since).total_seconds():.0f} s" if since else "yet"
            yield f"shard {number} of the evaluation (function evaluate_{number}) has not got on {waited}: {lead.planned - shard.planned} plans wait"


def silence(age: float | None) -> str:
    """What is wrong with the age of the last evaluation, in seconds; "" if nothing is."""
    if age is None:
        return "nothing has been evaluated yet"
    return f"the last evaluation was {age:.0f} s ago" if age > LONGEST_SILENCE else ""


def _partition(lag: Arrears, progress: Progress, now: datetime) -> dict[str, Any]:
    """`counted` and `evaluated`: sequence numbers; `lag` in events; `waitingSeconds`: the age of the oldest event that waits, at most."""
    evaluated = progress.tails[lag.partition].last if lag.partition in progress.tails else -1
    return {
        "partition": lag.partition,
        "counted": lag.counted,
        "evaluated": evaluated,
        "lag": lag.waiting,
        "waitingSeconds": round((now - lag.since).total_seconds(), 1) if lag.since else None,
        "lastBatch": lag.batched.isoformat() if lag.batched else None,
        "lost": lag.expired,
    }


def _receivers(settings: Settings, evidence: Evidence) -> Iterator[tuple[str, str]]:
    """The configured receivers of alerts, and what is wrong with their configuration, "" if nothing is."""
    if settings.alert_hub:
        yield "hub", ""
    webhook = Webhook(evidence)
    if webhook.configuration() is not None:
        yield "webhook", webhook.problem
