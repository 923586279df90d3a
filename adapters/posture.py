"""The posture function: reads gateways' configuration as far as time allows, goes on where it stopped, and draws what follows from it."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from adapters import outbox, posture_status, recommendations, snapshots
from adapters.evidence import Evidence
from adapters.facts import traffic_of
from adapters.identity import credential
from adapters.posture_status import Status
from adapters.tables import Changed, Tables
from model import minute_of
from posture import attack_paths, risk
from posture.assessments import Context, Result, assess, discovered
from posture.facts import Traffic
from posture.reading import PHASES, Work, apply, begin, coming, refused
from posture.recommendations import Recommendation, updated
from posture.snapshot import Snapshot, service_key

if TYPE_CHECKING:
    from adapters.arm import Arm

log = logging.getLogger("gatewatch.posture")

KEEP_EVERY = 400
"""Reads after which a pass is kept, should the process end."""
_SERVICE = "/providers/microsoft.apimanagement/service/"


@dataclass(frozen=True, slots=True)
class Reach:
    """What to read and how. `places`: ARM ids of subscriptions, resource groups or services; `endpoint`: of the resource manager."""

    places: Sequence[str]
    endpoint: str
    client_id: str | None = None


class Posture:
    """Runs of one process. Two at a time would read twice, and write the same."""

    def __init__(
        self,
        tables: Tables,
        evidence: Evidence,
        reach: Reach,
        arm: "Callable[[str, Callable[[], bool]], Arm] | None" = None,
        key: bytes = b"",
    ) -> None:
        """`arm`: makes the resource manager of a subscription; told when its run is out of time. `key`: of the hashes by which uses of keys are found."""
        self._key = key
        self._tables, self._evidence, self._reach = tables, evidence, reach
        self._arm = arm or self._real

    def run(self, now: datetime, out_of_time: Callable[[], bool] = lambda: False) -> int:
        """Go on with every service; the number of reads. Raises for a storage fault."""
        reads = 0
        for subscription, places in self._by_subscription().items():
            arm = self._arm(subscription, out_of_time)
            try:
                for service in self._services(arm, places, now):
                    if out_of_time():
                        break
                    self._service(arm, service, now, out_of_time)
            finally:
                reads += arm.reads
                arm.close()
        return reads

    def _by_subscription(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for place in self._reach.places:
            found.setdefault(place.split("/")[2], []).append(place)
        return found

    def _real(self, subscription: str, out_of_time: Callable[[], bool]) -> "Arm":
        from time import monotonic

        from adapters.arm import Arm

        identity = None if self._reach.endpoint.startswith("http:") else credential(self._reach.client_id)
        return Arm(subscription, self._reach.endpoint, identity, until=lambda: monotonic() if out_of_time() else monotonic() + 60)

    def _services(self, arm: "Arm", places: Sequence[str], now: datetime) -> Iterator[str]:
        """ARM ids. Those of a subscription or group are looked up once a day."""
        from adapters.arm import Later, NoPermission, NotAnswered, NotInTier

        for place in places:
            if _SERVICE in place.casefold():
                yield place
                continue
            key = f"places.{service_key(place)}"
            row = self._tables.get("progress", "postureplaces", key)
            if row is None or row["day"] != now.date().isoformat():
                parts = place.split("/")
                try:
                    found = arm.services(parts[4] if len(parts) > 4 else "")
                except (NoPermission, NotAnswered, NotInTier, Later) as why:
                    posture_status.note(self._tables, Status(place, notice=f"{place} cannot be listed: {why}"))
                    continue
                posture_status.forget(self._tables, place)
                row = {"PartitionKey": "postureplaces", "RowKey": key, "day": now.date().isoformat(), "ids": json.dumps(found)}
                self._tables.upsert("progress", [row])
            yield from json.loads(row["ids"])

    def _service(self, arm: "Arm", service: str, now: datetime, out_of_time: Callable[[], bool]) -> None:
        status = posture_status.find(self._tables, service)
        today = now.date().isoformat()
        work = snapshots.kept(self._evidence, service)
        if work is None:
            if status.done and status.begun == today:
                return
            before = snapshots.of(self._evidence, service)
            work = begin(service, before, minute_of(now), self._contradicted(before, now) if before else ())
            status = msgspec.structs.replace(status, begun=today, done=False, reads=0)
        first = not work.snapshot.complete
        status = self._read(arm, work, status, now, out_of_time)
        if work.cursor.is_done:
            work.snapshot.taken = minute_of(now)
            status = msgspec.structs.replace(status, done=True, taken=minute_of(now), complete=True, phase="")
        if work.cursor.is_done or (first and work.snapshot.service is not None):
            snapshots.publish(self._evidence, work.snapshot)
            self.draw(work.snapshot, now)
        if work.cursor.is_done:
            snapshots.forget(self._evidence, service)
        posture_status.note(self._tables, status)

    def _read(self, arm: "Arm", work: Work, status: Status, now: datetime, out_of_time: Callable[[], bool]) -> Status:
        """Read until all is read, time is out, or the service refuses as a whole."""
        from adapters.arm import Later, NoPermission, NotAnswered, NotInTier

        before, kept_at, notice = arm.reads, arm.reads, ""
        minute = minute_of(now)
        for read in coming(work):
            if out_of_time():
                break
            try:
                apply(work, read, arm.read(work.snapshot.id, read), minute)
            except NotInTier:
                refused(work, read, "not in this tier")
            except Later as later:
                notice = f"the resource manager {later}; the reading goes on in the next run"
                break
            except (NoPermission, NotAnswered) as why:
                notice = f"{read.kind}: {why}"
                log.warning("%s of %s: %s", read.kind, work.snapshot.name, why)
                if read.kind == "service":
                    break
                refused(work, read, "no permission" if isinstance(why, NoPermission) else "not answered")
            if arm.reads - kept_at >= KEEP_EVERY:
                kept_at = arm.reads
                snapshots.keep(self._evidence, work)
        work.cursor.reads += arm.reads - before
        if not work.cursor.is_done and work.snapshot.service is not None:
            snapshots.keep(self._evidence, work)
        phase = "" if work.cursor.is_done else PHASES[work.cursor.phase]
        return msgspec.structs.replace(status, phase=phase, reads=work.cursor.reads, notice=notice)

    def _contradicted(self, snapshot: Snapshot, now: datetime) -> list[str]:
        """APIs whose traffic says other than their policy: anonymous 2xx though the policy demands a token."""
        traffic = traffic_of(self._tables, snapshot, now, self._key)
        results = assess(
            snapshot, Context(now), [one for one in discovered() if one.id in ("api-no-authentication", "oauth-declared-only")]
        ).results
        demanding = {result.verdict.path.split("/operations/")[0] for result in results if result.verdict.state == "healthy"}
        answered = {f"apis/{one.api}" for one in traffic.endpoints if one.authentication in ("Unauthenticated", "Mixed")}
        return sorted(demanding & answered)

    def draw(self, snapshot: Snapshot, now: datetime) -> None:
        """Recommendations of a snapshot, written and announced."""
        traffic = traffic_of(self._tables, snapshot, now, self._key)
        assessed = assess(snapshot, Context(now, traffic))
        for failure in assessed.failures:
            log.error("assessment %s failed with %s", failure.assessment, failure.what)
        by_assessment: dict[str, list[Result]] = {one.id: [] for one in discovered()}
        for result in assessed.results:
            by_assessment[result.assessment.id].append(result)
        scores = _scores(snapshot, traffic)
        failed = {failure.assessment for failure in assessed.failures}
        stored = {one.recommendation.assessment: one for one in recommendations.of_service(self._tables, snapshot.id)}
        made: list[tuple[recommendations.Stored | None, Recommendation]] = []
        for id, results in by_assessment.items():
            before = stored.get(id)
            if id not in failed and (before is not None or results):
                made.append((before, updated(before.recommendation if before else None, snapshot, id, results, scores, now)))
        news = [outbox.Marked(one.id, one.first or minute_of(now)) for before, one in made if _is_news(before, one, now)]
        outbox.mark(self._tables, news, now)  # before the write, that a crash after it forgets nobody
        for before, one in made:
            if before is None or before.recommendation != one:
                id = one.assessment
                self._write(before, one, partial(_anew, snapshot, id, by_assessment[id], scores, now))
        outbox.mark(self._tables, news, now)

    def _write(self, before: "recommendations.Stored | None", made: Recommendation, again: Callable[[Recommendation | None], Recommendation]) -> None:  # fmt: skip
        """`again` makes it anew of what somebody else has written meanwhile."""
        try:
            recommendations.write(self._tables, before, made)
        except Changed:
            recommendations.change(self._tables, made.id, again)


def _anew(snapshot: Snapshot, assessment: str, results: list[Result], scores: Mapping[str, int], now: datetime, known: Recommendation | None) -> Recommendation:  # fmt: skip
    return updated(known, snapshot, assessment, results, scores, now)


def _is_news(before: "recommendations.Stored | None", made: Recommendation, now: datetime) -> bool:
    """Whether somebody is to be told: it opened, opened again, or is no longer open."""
    state = made.state(now)
    return state == "open" if before is None else before.recommendation.history[-1:] != made.history[-1:] and (state == "open" or bool(before.told))  # fmt: skip


def _scores(snapshot: Snapshot, traffic: Traffic) -> dict[str, int]:
    """Risk of endpoints by their operation's path."""
    by_template = {(api.base_id, one.method, one.template): f"{path}/operations/{one.id}" for path, api in snapshot.apis.items() for one in api.operations.values()}  # fmt: skip
    found: dict[str, int] = {}
    for facts in traffic.endpoints:
        path = by_template.get((facts.api, facts.method, facts.template), f"apis/{facts.api}/operations/?")
        found[path] = risk.score(facts, reachable=attack_paths.reachable(snapshot, snapshot.apis.get(f"apis/{facts.api}"))).score
    return found
