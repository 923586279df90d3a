"""The hourly purge: what is about to be older than its promise goes, and every run leaves a record of what went, what was late and how long it took.

Every removal is one call that may be repeated, and each run begins with what the last one left: killed anywhere, the next completes it.
"""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from time import monotonic
from typing import Any, TypeVar

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobProperties, ContainerClient

from adapters import alerts, country_days, kept_names, key_uses, losses, outbox, plans, purge_record, responses, suppressions, tombstones
from adapters.batches import BatchLog, day_of
from adapters.evidence import Evidence
from adapters.progress import read_progress
from adapters.purge_record import Run, last_run, row_key
from adapters.tables import Changed, Entity, Tables
from adapters.telemetry import Reporter
from alerts import render
from alerts.triage import rewritten
from model import Alert, Severity, Sighting, alert_id, minute_of, moment, service_endpoint
from pipeline.step import Step
from retention.policy import (
    BY_ID,
    EARLY,
    HOUR,
    POLICY,
    Place,
    Promises,
    begins,
    container_place,
    deadline,
    is_due,
    promises,
    pseudonymised_before,
    span,
    table_place,
)
from retention.subject import pseudonymised

log = logging.getLogger("gatewatch.purge")

T = TypeVar("T")

BREACH = render.BREACH.id
AT_ONCE = 100
TRIES = 5


class OutOfTimeError(Exception):
    """The function's time is over; the next run goes on."""


class Purge:
    def __init__(self, tables: Tables, batches: BatchLog, evidence: Evidence, key: bytes, kept: Promises | None = None) -> None:
        self._tables, self._batches, self._evidence, self._key = tables, batches, evidence, key
        self._kept = kept or promises()
        self._reporter = Reporter()

    def run(
        self,
        now: datetime,
        out_of_time: Callable[[], bool] = lambda: False,
        hub: Callable[[], Iterable[str]] = tuple,
        jobs: Callable[[], object] = lambda: None,
    ) -> Run:
        """Remove what is due at `now`. `hub` says what is wrong with the hub's retention; `jobs` goes on with unfinished erasures. Raises only where the record
        cannot be written."""
        last, began = last_run(self._tables), monotonic()
        run = Run(now, kept=self._kept, before=last.kept if last else {})
        self._out_of_time = out_of_time
        daily = last is None or last.started.date() != now.date() or not last.complete
        for work in (
            self._drop_tables,
            self._delete_blobs,
            self._pseudonymise,
            self._delete_rules,
            self._delete_responses,
            self._delete_key_uses,
            self._delete_findings,
            *((self._forget,) if daily else ()),
        ):
            try:
                work(run, now)
            except OutOfTimeError:
                run.complete = False
            except AzureError as error:
                run.complete = False
                run.problems.append(f"{work.__name__.strip('_').replace('_', ' ')}: {type(error).__name__}")
        if daily:
            for name, check in (("the hub's retention", hub), ("soft delete", self._soft_delete), ("copies elsewhere", self._copies)):
                self._check(run, name, check)
        elif last:
            run.standing, run.unseen = last.standing, last.unseen
        try:
            jobs()
        except AzureError as error:
            run.complete = False
            run.problems.append(f"erasures: {type(error).__name__}")
        run.seconds = monotonic() - began
        self._alert(run, last, now)
        purge_record.write(self._tables, run)
        return run

    def _go_on(self, run: Run, place: Place | None = None, until: datetime | None = None) -> None:
        if self._out_of_time():
            if place and until:
                run.look(place, until)
            raise OutOfTimeError

    # what is removed

    def _drop_tables(self, run: Run, now: datetime) -> None:
        events = _event_clock(self._tables, now)
        for table in self._tables.names(""):
            place = table_place(table)
            if place is None:
                run.problems.append(f"table {table} is named by no promise")
                continue
            if place.kind not in ("tables by day", "tables by month"):
                continue
            until = deadline(place, table, self._kept)
            if not is_due(until, now if place.personal else events):
                continue
            self._go_on(run, place if place.personal else None, until)
            if place.id == "batches":
                self._batches.seal(day_of(table))
                if self._is_unread(table):
                    if now < until - HOUR:
                        continue  # evaluation gets another hour
                    run.unevaluated += 1
            self._tables.drop(table)
            run.note(place, until if place.personal else now)

    def _is_unread(self, table: str) -> bool:
        tails = read_progress(self._tables).tails
        day = day_of(table)
        return any(
            (tail := tails.get(partition)) is None or not tail.day or tail.day <= day for partition in self._batches.partitions_in(table)
        )

    def _delete_blobs(self, run: Run, now: datetime) -> None:
        service = self._evidence.service
        for container in [container["name"] for container in service.list_containers()]:
            place = container_place(container)
            if place is None:
                run.problems.append(f"container {container} is named by no promise")
            elif place.personal:
                client = service.get_container_client(container)
                blobs = list(_blobs(client))
                self._look_behind(run, place, [blob for blob in blobs if is_remains(blob)])
                for some in _chunks(_due_blobs(blobs, place, self._kept, now)):
                    self._go_on(run, place, some[0][1])
                    for blob, until in some:
                        try:
                            client.delete_blob(blob, delete_snapshots="include")
                        except ResourceNotFoundError:
                            continue
                        run.note(place, until)

    def _look_behind(self, run: Run, place: Place, remains: Sequence[BlobProperties]) -> None:
        """What the account keeps although it was deleted is still kept, and only its owner can end that."""
        if remains:
            run.problems.append(
                f"container {place.name} still has {len(remains)} deleted messages or earlier versions: switch soft delete and versions off"
            )
        for blob in remains:
            run.look(place, _begins_or(place, blob.name, blob.last_modified) + self._kept[place.id])

    def _pseudonymise(self, run: Run, now: datetime) -> None:
        place = BY_ID["alerts"]
        oldest = pseudonymised_before(self._kept, now)
        for partition, column in (("alerts", "alert"), ("incidents", "incident"), ("folded", "folded")):
            where = "PartitionKey eq @partition and RowKey gt @key and not (pseudonymous eq true)"
            rows = self._tables.query("alerts", where, select=["RowKey"], partition=partition, key=alerts.key(minute_of(oldest), "~"))
            for row in reversed([row["RowKey"] for row in rows]):  # the oldest first
                until = moment(alerts.first_of(row)) + self._kept["alerts"]
                self._go_on(run, place, until)
                if self._pseudonymise_row(partition, row, column):
                    run.note(place, until)

    def _pseudonymise_row(self, partition: str, row: str, column: str) -> bool:
        """Whether the row named anybody."""
        for _ in range(TRIES):
            entity = self._tables.get("alerts", partition, row)
            if entity is None:
                return False
            changed = _nameless(entity, column, self._key)
            try:
                self._tables.replace("alerts", changed | {"pseudonymous": True}, entity["etag"])
            except Changed:  # the evaluation or an analyst wrote meanwhile
                continue
            return any(changed[name] != entity[name] for name in changed)
        return False

    def _delete_rules(self, run: Run, now: datetime) -> None:
        """Suppression rules that name somebody, after their time; those that name nobody once they have been over for as long."""
        place, kept = BY_ID["suppressions"], self._kept["suppressions"]
        for rule in suppressions.read(self._tables):
            if is_due((rule.made if rule.personal else rule.until) + kept, now):
                self._go_on(run, place if rule.personal else None, rule.made + kept)
                suppressions.delete(self._tables, rule.id)
                run.note(place, rule.made + kept if rule.personal else now)

    def _delete_responses(self, run: Run, now: datetime) -> None:
        """Records of responses, which name whom they hit; the gateway's own entries ended long before."""
        place, kept = BY_ID["responses"], self._kept["responses"]
        for one in responses.read(self._tables):
            if is_due(one.when + kept, now):
                self._go_on(run, place, one.when + kept)
                responses.delete(self._tables, one.id)
                run.note(place, one.when + kept)

    def _delete_findings(self, run: Run, now: datetime) -> None:
        """What the shards of the evaluation left ungrouped."""
        place, kept = BY_ID["findings"], self._kept["findings"]
        for partition, key, at, _ in plans.rows(self._tables, before=now - kept + EARLY):
            self._go_on(run, place, at + kept)
            plans.delete(self._tables, partition, key)
            run.note(place, at + kept)

    def _delete_key_uses(self, run: Run, now: datetime) -> None:
        place, kept = BY_ID["key-uses"], self._kept["key-uses"]
        for partition, row, day in key_uses.older(self._tables, minute_of(now - kept + EARLY) // 1440 + 1):
            until = moment(day * 1440) + kept
            self._go_on(run, place, until)
            self._tables.delete(key_uses.TABLE, [(partition, row)])
            run.note(place, until)

    def _forget(self, run: Run, now: datetime) -> None:
        """Records, and what names nobody, after its time."""
        if stripped := country_days.strip(self._tables, (now - self._kept["countries"] + EARLY).date()):
            run.removed["countries"] += stripped
        country_days.delete(self._tables, (now - BY_ID["windows"].longest).date())  # type: ignore[operator]
        tombstones.remove_expired(self._tables, now)
        events = _event_clock(self._tables, now)
        over = alerts.key(minute_of(events - BY_ID["windows"].longest), "~")  # type: ignore[operator]
        for partition in ("alerts", "incidents", "folded"):
            self._delete_rows(run, "alerts", partition, "RowKey gt @key", key=over)
        self._delete_rows(run, "purges", "purges", "RowKey gt @key", key=row_key(now - self._kept["purges"]))
        self._delete_rows(run, "drift", "drift", "closed ge 0 and closed lt @key", key=minute_of(now - self._kept["drift"]))
        losses.expire(self._tables, now - self._kept["losses"])
        kept_names.mend(self._tables, lambda: self._go_on(run))
        for receiver in outbox.RECEIVERS:
            if lost := outbox.expire(self._tables, receiver, now - self._kept["outbox"]):
                log.error("alerts that the %s was never told of: %d, which waited for %s", receiver, lost, span(self._kept["outbox"]))
        done = self._delete_rows(run, "requests", "requests", "asked lt @before", before=now - self._kept["requests"])
        if done:
            run.removed["requests"] += done

    def _delete_rows(self, run: Run, table: str, partition: str, where: str, **values: Any) -> int:
        rows = self._tables.query(table, f"PartitionKey eq @partition and {where}", select=["RowKey"], partition=partition, **values)
        keys = [(partition, row["RowKey"]) for row in rows]
        for some in _chunks(keys):
            self._go_on(run)
            self._tables.delete(table, some)
        return len(keys)

    # what is looked at

    def _check(self, run: Run, name: str, check: Callable[[], Iterable[str]]) -> None:
        try:
            run.standing.extend(check())
        except HttpResponseError as error:
            if error.status_code == 403:
                run.unseen.append(f"{name}: the app may not look (its role does not allow it)")
            else:
                run.standing.append(f"{name}: the check failed ({type(error).__name__})")
        except AzureError as error:
            run.standing.append(f"{name}: the check failed ({type(error).__name__})")

    def _soft_delete(self) -> Iterator[str]:
        kept = self._evidence.service.get_service_properties().get("delete_retention_policy")
        if kept is not None and kept.enabled:
            yield f"soft delete of the evidence account keeps deleted messages for {kept.days} more days: switch it off"

    def _copies(self) -> Iterator[str]:
        sku = str(self._evidence.service.get_account_information().get("sku_name", ""))
        if sku and not sku.endswith(("_LRS", "_ZRS")) and not _is_emulator(self._evidence.service.url):
            yield f"the evidence account is {sku}, which copies data into another region: use Standard_LRS or Standard_ZRS"

    # what is said

    def _alert(self, run: Run, last: Run | None, now: datetime) -> None:
        minute = minute_of(now)
        open_since, id = (last.since, last.breach) if last and last.breach else (minute, "")
        if run.broken and not id:
            id = alert_id(minute, BREACH)
        if not id:
            return
        if run.broken:
            run.breach, run.since = id, open_since
        evidence: dict[str, str | int | float] = {f"late:{place}": count for place, count in sorted(run.late.items())}
        sighting = Sighting(float(run.late.total()), 0.0, 0.0, "items", evidence={**evidence, "worst seconds": round(run.worst)})
        alert = Alert(id, BREACH, service_endpoint("gatewatch"), Severity.HIGH, open_since, minute, open_since, sighting, open=run.broken)
        with outbox.announced(self._tables, [alert], now):
            alerts.write(self._tables, [alert], [])
        self._reporter.step(Step(positions={}, watermark=None, closed_until=None, alerts=[alert]), now)


@dataclass(frozen=True, slots=True)
class State:
    """One place now. `oldest`: the beginning of the oldest thing there; `until`: when it must be gone."""

    place: Place
    items: int
    oldest: datetime | None = None
    until: datetime | None = None


def states(tables: Tables, evidence: Evidence, kept: Promises, now: datetime) -> list[State]:
    """What each place holds, without looking into it."""
    names = tables.names("")
    found = []
    for place in POLICY:
        if place.kind in ("tables by day", "tables by month"):
            mine = [name for name in names if table_place(name) is place]
            oldest = begins(place, mine[0]) if mine else None
            found.append(State(place, len(mine), oldest, deadline(place, mine[0], kept) if mine else None))
        elif place.kind == "container" and place.personal:
            blobs = [item.name for item in _blobs(evidence.service.get_container_client(place.name))]
            oldest = _begins_or(place, blobs[0], now) if blobs else None
            found.append(State(place, len(blobs), oldest, oldest + kept[place.id] if oldest else None))
        elif place.id == suppressions.TABLE:
            made = sorted(rule.made for rule in suppressions.read(tables) if rule.personal)
            found.append(State(place, len(made), made[0] if made else None, made[0] + kept[place.id] if made else None))
        elif place.id == responses.TABLE:
            made = sorted(one.when for one in responses.read(tables))
            found.append(State(place, len(made), made[0] if made else None, made[0] + kept[place.id] if made else None))
        elif place.id == plans.TABLE:
            items, written = plans.age(tables)
            found.append(State(place, items, written, written + kept[place.id] if written else None))
        elif place.id == "key-uses":
            items, day = key_uses.count(tables)
            oldest = moment(day * 1440) if day is not None else None
            found.append(State(place, items, oldest, oldest + kept[place.id] if oldest else None))
        elif place.id == "alerts":
            where = "PartitionKey eq 'alerts' and not (pseudonymous eq true)"
            rows = [row["RowKey"] for row in tables.query("alerts", where, select=["RowKey"])]
            oldest = moment(alerts.first_of(rows[-1])) if rows else None
            found.append(State(place, len(rows), oldest, oldest + kept["alerts"] if oldest else None))
        else:
            found.append(State(place, 0))
    return found


def _event_clock(tables: Tables, now: datetime) -> datetime:
    """What names nobody is kept by event time: a replay of old history is not thrown away while it is looked at."""
    watermark = read_progress(tables).watermark
    return min(now, moment(watermark)) if watermark is not None else now


def _blobs(client: ContainerClient) -> Iterator[BlobProperties]:
    try:
        yield from client.list_blobs(include=["snapshots", "deleted", "versions"])
    except ResourceNotFoundError:
        return


def is_remains(blob: BlobProperties) -> bool:
    """Whether a listed blob is what the account keeps of a deleted or overwritten one. A snapshot goes with its blob."""
    return bool(blob.deleted) or (blob.version_id is not None and not blob.is_current_version)


def _due_blobs(blobs: Iterable[BlobProperties], place: Place, kept: Promises, now: datetime) -> Iterator[tuple[str, datetime]]:
    """In the order of their names, which is that of their hours."""
    for blob in blobs:
        if is_remains(blob) or blob.snapshot:
            continue
        until = _begins_or(place, blob.name, blob.last_modified) + kept[place.id]
        if is_due(until, now):
            yield blob.name, until


def _begins_or(place: Place, name: str, otherwise: datetime) -> datetime:
    try:
        return begins(place, name)
    except ValueError:
        return otherwise


def _nameless(entity: Entity, column: str, key: bytes) -> Entity:
    found = {name: value for name, value in entity.items() if name != "etag"}
    for name, value in found.items():
        if name == column:
            found[name] = json.dumps(pseudonymised(json.loads(value), key), ensure_ascii=False, separators=(",", ":"))
            if json.loads(found[name]) == json.loads(value):
                found[name] = value
        elif name == "changes":
            found[name] = rewritten(value, lambda text: str(pseudonymised(text, key)))
        elif isinstance(value, str) and name not in (*alerts.OURS, "endpoint"):
            found[name] = pseudonymised(value, key)
    return found


def _is_emulator(url: str) -> bool:
    return "devstoreaccount1" in url


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, AT_ONCE)):
        yield some
