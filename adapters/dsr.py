"""Requests of data subjects: every one recorded, exports gathered, erasures worked on until a search of every place finds nothing.

A request's row knows its subject by a keyed hash. While an erasure is unfinished it also holds the subject itself, encrypted with a key derived from the
hash key, which lives in another account: whoever reads the table alone learns nothing, and whoever goes on after a crash knows whom to look for.
"""

import base64
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import blake2b
from typing import Any, Literal
from uuid import uuid4

import msgspec
from azure.core.exceptions import ResourceNotFoundError
from cryptography.fernet import Fernet, InvalidToken

from adapters import tombstones
from adapters.batches import BatchLog
from adapters.data_subjects import SUBJECT, Item, Places, outside
from adapters.evidence import Evidence
from adapters.responses import Responses
from adapters.tables import Changed, Entity, Tables
from adapters.tombstones import SETTLED, TABLE
from model import minute_of
from retention.policy import Promises, promises
from retention.subject import Kind, Subject, subject_hash

log = logging.getLogger("gatewatch.dsr")

PARTITION = "requests"
LARGEST_ANSWER = 4 << 20
"""Bytes of an export that is answered at once; a larger one waits in the evidence account to be fetched."""
WORKERS = 8
SEARCHES = 5
"""So often an erasure that finds something again begins anew within one run; after that the next run goes on."""

Stage = Literal["erasing", "settling", "searching", "held", "done", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: alerts are not redacted before `until`."""

    until: date
    reason: str

    def covers(self, now: datetime) -> bool:
        return now.date() <= self.until


@dataclass(slots=True)
class Request:
    """One row. `stage` says what comes next; `did` which units of it are through."""

    id: str
    kind: Literal["export", "erase"]
    by: str
    asked: datetime
    subject_kind: str
    subject: str
    """Keyed hash."""
    stage: Stage
    sealed: str = ""
    did: set[str] = field(default_factory=set)
    removed: Counter[str] = field(default_factory=Counter)
    found: dict[str, int] = field(default_factory=dict)
    """What the last search found, per place."""
    searched: datetime | None = None
    finished: datetime | None = None
    note: str = ""
    etag: str | None = None


class Requests:
    def __init__(
        self,
        tables: Tables,
        batches: BatchLog,
        evidence: Evidence,
        key: bytes,
        kept: Promises | None = None,
        hold: Hold | None = None,
        known: Responses | None = None,
    ) -> None:
        """`known`: responses, where the gateway's list can be searched and edited too."""
        self._tables, self._evidence, self._key, self._hold = tables, evidence, key, hold
        self._kept = kept or promises()
        self._places = Places(tables, batches, evidence, key, self._kept, known)
        secret = blake2b(key=key, digest_size=32, person=b"gw-sealed").digest()
        self._box = Fernet(base64.urlsafe_b64encode(secret))

    # what is asked

    def refuse(self, kind: Literal["export", "erase"], by: str, why: str, now: datetime) -> None:
        """Record a request that named nobody."""
        self._store(Request(_id(), kind, by, now, "", "", "refused", finished=now, note=why))

    def export(self, subject: Subject, by: str, now: datetime) -> tuple[Request, dict[str, Any] | None]:
        """Everything held of the subject; None instead of it where it is large and waits under the request's id for `fetch`."""
        request = self._new("export", subject, by, now, "done")
        content = self._gather(subject, request, now)
        text = msgspec.json.encode(content)
        request.found = dict(Counter(item["place"] for item in content["items"]))
        request.finished = now
        large = len(text) > LARGEST_ANSWER
        if large:
            request.note = f"{now:%Y-%m-%dT%H}/{request.id}.json"
            self._evidence.put("exports", request.note, text, {SUBJECT: request.subject})
        self._store(request)
        return request, None if large else content

    def fetch(self, request: Request) -> bytes | None:
        """A large export, while it waits."""
        if request.kind != "export" or not request.note:
            return None
        try:
            return self._evidence.get("exports", request.note)
        except ResourceNotFoundError:
            return None

    def erase(self, subject: Subject, by: str, now: datetime, out_of_time: Callable[[], bool] = lambda: False) -> Request:
        """Take the subject out of every place. What is written meanwhile is searched for once it has settled."""
        request = self._new("erase", subject, by, now, "erasing")
        request.sealed = self._box.encrypt(msgspec.json.encode((subject.kind, subject.value))).decode()
        tombstones.add(self._tables, request.subject, now)
        self._store(request)
        return self.go_on(request, now, out_of_time)

    def get(self, id: str) -> Request | None:
        entity = self._tables.get(TABLE, PARTITION, id)
        return _request(entity) if entity else None

    def recent(self, limit: int) -> list[Request]:
        """The latest requests, newest first."""
        found = [_request(entity) for entity in self._tables.rows(TABLE, "PartitionKey eq @partition", partition=PARTITION)]
        return sorted(found, key=lambda request: request.asked, reverse=True)[:limit]

    def go_on(self, request: Request, now: datetime, out_of_time: Callable[[], bool] = lambda: False) -> Request:
        """Work on an unfinished erasure; a rival at the same one does no harm."""
        try:
            return self._work(request, now, out_of_time)
        except Changed:
            return self.get(request.id) or request

    def resume(self, now: datetime, out_of_time: Callable[[], bool] = lambda: False) -> int:
        """Go on with every unfinished erasure; how many are left."""
        left = 0
        for entity in list(self._tables.query(TABLE, "PartitionKey eq @partition and finished eq false", partition=PARTITION)):
            request = self.get(entity["RowKey"])
            if request and request.finished is None and not out_of_time():
                request = self.go_on(request, now, out_of_time)
            left += request is not None and request.finished is None
        return left

    # an erasure, stage by stage

    def _work(self, request: Request, now: datetime, out_of_time: Callable[[], bool]) -> Request:
        if request.finished is not None or not request.sealed:
            return request
        try:
            kind, value = msgspec.json.decode(self._box.decrypt(request.sealed.encode()), type=tuple[Kind, str])
        except InvalidToken:
            request.note = "the hash key was changed meanwhile: ask again"
            return self._finish(request, "failed", now)
        subject = Subject(kind, value)
        for _ in range(SEARCHES):
            if request.stage == "held":
                if self._is_held(now):
                    return request
                request.stage, request.did = "erasing", set()
            if request.stage == "erasing" and not self._each(request, subject, now, self._erase_unit, out_of_time):
                return request
            if request.stage in ("erasing", "settling"):
                request.stage = "settling"
                if now < request.asked + SETTLED:
                    self._store(request)
                    return request
                request.stage, request.did, request.found = "searching", set(), {}
            # what was under way when the tombstone was laid is there now: take it out, and then look into every place once more
            if not self._each(request, subject, now, self._search_unit, out_of_time):
                return request
            request.searched = now
            if not any(request.found.values()):
                if self._is_held(now):
                    request.stage = "held"
                    request.note = (
                        f"alerts are under a legal hold until {self._hold.until.isoformat()}: {self._hold.reason}" if self._hold else ""
                    )
                    self._store(request)
                    return request
                return self._finish(request, "done", now)
            request.stage, request.did = "erasing", set()
        self._store(request)
        return request

    def _is_held(self, now: datetime) -> bool:
        return self._hold is not None and self._hold.covers(now)

    def _each(
        self,
        request: Request,
        subject: Subject,
        now: datetime,
        work: Callable[[Request, str, Subject], tuple[int, int]],
        out_of_time: Callable[[], bool],
    ) -> bool:
        """Every unit that is not through; False when time is over first. What is through is stored from time to time, and again at a crash's repeat."""
        held = self._is_held(now)
        units = [unit for unit in self._places.units() if unit not in request.did and not (held and unit.startswith("alerts/"))]
        with ThreadPoolExecutor(WORKERS) as workers:
            for at in range(0, len(units), WORKERS):
                if out_of_time():
                    self._store(request)
                    return False
                some = units[at : at + WORKERS]
                for unit, (removed, found) in zip(some, workers.map(lambda unit: work(request, unit, subject), some), strict=True):
                    place = _place(unit)
                    if removed:
                        request.removed[place] += removed
                    if request.stage == "searching":
                        request.found[place] = request.found.get(place, 0) + found
                    request.did.add(unit)
                if at + WORKERS < len(units):
                    self._store(request)
        return True

    def _erase_unit(self, request: Request, unit: str, subject: Subject) -> tuple[int, int]:
        return self._places.erase(unit, subject, minute_of(request.asked)), 0

    def _search_unit(self, request: Request, unit: str, subject: Subject) -> tuple[int, int]:
        return 0, self._places.count(unit, subject, minute_of(request.asked))

    def _finish(self, request: Request, stage: Stage, now: datetime) -> Request:
        request.stage, request.sealed, request.finished, request.did = stage, "", now, set()
        self._store(request)
        log.info("erasure %s is %s: %d items", request.id, stage, request.removed.total())
        return request

    def _gather(self, subject: Subject, request: Request, now: datetime) -> dict[str, Any]:
        units = self._places.units()
        with ThreadPoolExecutor(WORKERS) as workers:
            found: Iterable[list[Item]] = workers.map(lambda unit: self._places.export(unit, subject), units)
            items = [item for some in found for item in some]
        return {
            "id": request.id,
            "made": now.isoformat(),
            "subject": {subject.kind: subject.value},
            "items": items,
            "notSearched": outside(self._kept, now),
        }

    # rows

    def _new(self, kind: Literal["export", "erase"], subject: Subject, by: str, now: datetime, stage: Stage) -> Request:
        return Request(_id(), kind, by, now, subject.kind, subject_hash(subject.actor, self._key), stage)

    def _store(self, request: Request) -> None:
        """Raises Changed where a rival stored it since."""
        entity = {
            "PartitionKey": PARTITION,
            "RowKey": request.id,
            "kind": request.kind,
            "by": request.by,
            "asked": request.asked,
            "subjectKind": request.subject_kind,
            "subject": request.subject,
            "stage": request.stage,
            "sealed": request.sealed,
            "did": json.dumps(sorted(request.did)),
            "removed": json.dumps(request.removed),
            "found": json.dumps(request.found),
            "searchedAt": request.searched.isoformat() if request.searched else "",
            "finishedAt": request.finished.isoformat() if request.finished else "",
            "finished": request.finished is not None,
            "note": request.note,
        }
        request.etag = self._tables.replace(TABLE, entity, request.etag)


def summary(request: Request) -> dict[str, Any]:
    """What a list shows of a request: names nobody."""
    return {
        "id": request.id,
        "kind": request.kind,
        "by": request.by,
        "asked": request.asked.isoformat(),
        "subjectKind": request.subject_kind,
        "stage": request.stage,
        "finished": request.finished.isoformat() if request.finished else None,
    }


def described(request: Request, kept: Promises, now: datetime) -> dict[str, Any]:
    """A request for whoever asks how far it is: names nobody."""
    found = summary(request)
    if request.kind == "export":
        return found | {"items": request.found}
    verified = None
    if request.searched is not None:
        verified = {"at": request.searched.isoformat(), "found": request.found}
    if request.stage == "settling":
        found["searchedAgainFrom"] = (request.asked + SETTLED).isoformat()
    return found | {
        "erased": dict(request.removed),
        "verified": verified,
        "note": request.note or None,
        "notSearched": outside(kept, request.asked),
        "age": round((now - request.asked).total_seconds()),
    }


def _request(entity: Entity) -> Request:
    return Request(
        entity["RowKey"],
        entity["kind"],
        entity["by"],
        entity["asked"],
        entity["subjectKind"],
        entity["subject"],
        entity["stage"],
        entity["sealed"],
        set(json.loads(entity["did"])),
        Counter(json.loads(entity["removed"])),
        json.loads(entity["found"]),
        datetime.fromisoformat(entity["searchedAt"]) if entity["searchedAt"] else None,
        datetime.fromisoformat(entity["finishedAt"]) if entity["finishedAt"] else None,
        entity["note"],
        entity["etag"],
    )


def _place(unit: str) -> str:
    table = unit.partition("/")[0]
    return next((prefix for prefix in ("batches", "activity") if table.startswith(prefix)), table)


def _id() -> str:
    return uuid4().hex
