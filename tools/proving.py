"""Plays proofs against a Gatewatch that runs: their histories are learned, then they attack all at once, and every alert's time is taken.

Event time decides the order. Where nothing was judged yet, histories are played as past days and judged as if they had been live, and what is judged when a window
has ended is played into the last full window. Where event time is past them already, histories come late: they are merged into closed windows and learned like
any; they are not judged, so whatever only the judging of a day leaves behind is missing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any

from azure.core.exceptions import ResourceExistsError

from adapters import intel
from adapters.evidence import Evidence
from detectors import Detector, by_id
from local.play import Sender
from local.stack import Site, StackError
from local.traffic import encode
from model import WINDOW_MINUTES, minute_of, moment, window_start
from pipeline.evaluation import CLOSE_AFTER, ENDED
from tools.proofs import PREFIX, UNPROVABLE, Proof, Scene, proofs

RULE_GOAL, WINDOW_GOAL = 5.0, 30.0
"""Seconds from the call that crosses the limit to its alert: for what one call proves, and for counts."""
POLL = 0.25
PATIENCE = 60.0
"""Seconds after which an alert is not waited for any more."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HISTORY_HOURS = 24 * (max(item.days for item in proofs().values()) + 2)
"""What MAX_EVENT_AGE_HOURS must be for the longest history: its days, today and yesterday."""
AGAIN = 15.0
"""Seconds after which a call from a listed address is sent again, while ingest may go on with the list that it has."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is proven, and what may be done to it."""

    site: Site
    sender: Sender
    evidence: Evidence | None = None
    """The account of the threat-intelligence feeds; None where it is not at hand."""
    history: bool = True
    """Whether past days may be played."""
    fresh: bool = False
    """It was started for this: nothing has read the feeds yet."""


@dataclass(frozen=True, slots=True)
class Result:
    """`seconds` from the call that crossed the limit to the first poll that showed the alert; None: it did not come. `reason`: why nothing was played."""

    detector: str
    days: int = 0
    calls: int = 0
    seconds: float | None = None
    reason: str = ""
    also: tuple[str, ...] = ()
    """Other detectors that the proof raised."""

    @property
    def goal(self) -> float:
        return goal(by_id()[self.detector])

    @property
    def in_time(self) -> bool:
        return self.seconds is not None and self.seconds <= self.goal


def goal(detector: Detector) -> float:
    return RULE_GOAL if detector.watches == "sightings" else WINDOW_GOAL


@dataclass(slots=True)
class _Played:
    """A proof on its way."""

    proof: Proof
    scene: Scene
    calls: int = 0
    crossed: float | None = None
    """Monotonic seconds at which its last call was sent."""
    seconds: float | None = None
    reason: str = ""
    also: set[str] = field(default_factory=set)

    @property
    def waits(self) -> bool:
        return not self.reason and self.seconds is None


class Proving:
    """One run over some detectors. `say` is told what is being done; `run`: six hex digits that no other run has."""

    def __init__(self, target: Target, run: str, say: Callable[[str], None]) -> None:
        self._target, self._run, self._say = target, run, say

    def results(self, ids: Iterable[str]) -> list[Result]:
        """In the order of the ids. Raises StackError where the target stops answering, azure.eventhub's EventHubError where the hub does."""
        ids = list(ids)
        now = datetime.now(UTC)
        played = {id: _Played(proofs()[id], Scene(self._run, proofs()[id].name, now)) for id in ids if id not in UNPROVABLE}
        with self._listed([item for item in played.values() if item.proof.feed]):
            began = minute_of(now) - 4 * WINDOW_MINUTES
            self._teach([item for item in played.values() if item.proof.days])
            ends = self._begin_ended([item for item in played.values() if by_id()[item.proof.detector].ended and item.waits])
            self._attack([item for item in played.values() if not by_id()[item.proof.detector].ended and item.waits])
            self._watch(list(played.values()), began, ends)
        return [_result(id, played.get(id)) for id in ids]

    # what must be there before

    @contextmanager
    def _listed(self, listed: Sequence[_Played]) -> Iterator[None]:
        """Feeds that name the attackers, while the proofs are played."""
        evidence = self._target.evidence
        if listed and evidence is None:
            for incident in listed:
                incident.reason = "it needs a feed in the container intel: give --evidence, and the master key to have it compiled"
            listed = ()
        if not listed or evidence is None:
            yield
            return
        self._say("compiling the threat-intelligence feeds")
        container = evidence.service.get_container_client(intel.CONTAINER)
        with suppress(ResourceExistsError):
            container.create_container()
        names = {f"{incident.scene.service}.txt": incident for incident in listed}
        try:
            for name, item in names.items():
                container.upload_blob(
                    name, f"# kind: {item.proof.feed}\n# max-age-hours: 1\n{item.scene.attacker}\n".encode(), overwrite=True
                )
            self._compile(evidence, lambda known: all(incident.scene.service in known for incident in listed))
            yield
        finally:
            for name in names:
                container.delete_blob(name)
            self._compile(evidence, lambda known: not any(incident.scene.service in known for incident in listed))

    def _compile(self, evidence: Evidence, done: Callable[[set[str]], bool]) -> None:
        self._target.site.run_now("intel")
        deadline = monotonic() + PATIENCE
        while not done({feed.feed.name for feed in intel.read(evidence).feeds}):
            if monotonic() > deadline:
                raise StackError(f"the feeds were not compiled within {PATIENCE:.0f} s")
            sleep(POLL)

    def _teach(self, taught: Sequence[_Played]) -> None:
        """Play the histories of those for which it is possible, and have them learned."""
        if not taught:
            return
        site, sender = self._target.site, self._target.sender
        start, until = stage(datetime.now(UTC))
        first = until - timedelta(days=max(item.proof.days for item in taught))
        health = site.health()
        late = (_event_time(health) or EPOCH) > first
        for item in taught:
            item.reason = self._cannot_learn(item.proof, late)
        taught = [item for item in taught if not item.reason]
        if not taught:
            return
        days = {item.scene.service: list(item.proof.history(item.scene, until)) for item in taught}
        sent = {service: sum(map(len, some)) for service, some in days.items()}
        lessons = [event for item in taught if item.proof.teaches for event in days[item.scene.service].pop(0)]
        if lessons:
            self._say("playing what the inventory must know")
            sender.send([encode(event) for event in lessons])
            self._settle()
        rest = sorted((event for some in days.values() for day in some for event in day), key=lambda event: str(event["time"]))
        self._say(f"playing {len(rest) + len(lessons)} calls of history")
        sender.send([encode(event) for event in rest])
        self._push(start)
        self._settle()
        counted = self._counted(first)
        for item in taught:
            if counted.get(item.scene.service, 0) < sent[item.scene.service]:
                item.reason = f"its history was refused: set MAX_EVENT_AGE_HOURS to {HISTORY_HOURS}"
        if all(item.reason for item in taught):
            return
        self._say("learning")
        learned = site.learn()
        if learned["baselines"]["until"] < until.date().isoformat():
            raise StackError(f"the baselines end at {learned['baselines']['until']}, before the history: windows close too late here")
        since = monotonic()
        site.wait(lambda health: (health["evaluationAgeSeconds"] or 0.0) < monotonic() - since, "an evaluation", every=POLL)

    def _cannot_learn(self, proof: Proof, late: bool) -> str:
        if not self._target.history:
            return f"it needs history: set MAX_EVENT_AGE_HOURS to {HISTORY_HOURS}, give the master key, and run with --history"
        if late and proof.judged:
            return (
                "it needs history that is judged in its order, and event time here is past it: prove it with --own, or in a new deployment"
            )
        return ""

    def _counted(self, first: datetime) -> Mapping[str, int]:
        """Service -> calls since the month of `first`, as the windows have them: the inventory writes its counts more seldom."""
        found: Counter[str] = Counter()
        for month in sorted({f"{first:%Y-%m}", f"{datetime.now(UTC):%Y-%m}"}):
            status, usage = self._target.site.get(f"/api/usage?month={month}")
            if status != 200:
                raise StackError(f"the usage cannot be read (HTTP {status})")
            for one in usage["value"]:
                found[one["service"]] += one["calls"]
        return found

    def _settle(self) -> None:
        """Until everything that was sent so far is evaluated."""
        site = self._target.site
        sent = {partition["partition"]: partition["counted"] + (partition["lag"] or 0) for partition in site.health()["partitions"]}
        site.wait(
            lambda health: all(partition["evaluated"] >= sent.get(partition["partition"], -1) for partition in health["partitions"]),
            "evaluating",
            every=POLL,
        )

    def _push(self, at: datetime) -> None:
        """Event time is as far as its slowest partition: let all of them know that it is `at`."""
        clock = Scene(self._run, "spray", at)
        here = {"service": f"{PREFIX}-{self._run}", "apiId": f"{PREFIX}-{self._run}"}
        self._target.sender.send([encode(clock.call(at, **here)) for _ in range(self._target.sender.partitions)])

    # the attacks

    def _begin_ended(self, ended: Sequence[_Played]) -> datetime | None:
        """Play what is judged when its window has ended, and bring event time to now; when the window will have ended, if that is still to come."""
        site, now = self._target.site, datetime.now(UTC)
        start, _ = stage(now)
        still_open = (_event_time(site.health()) or EPOCH) < start + timedelta(minutes=WINDOW_MINUTES + ENDED)
        for item in ended:
            self._play(item, start + timedelta(minutes=1) if still_open else now)
        if ended:
            self._settle()
        self._say("bringing event time to now")
        crossed = monotonic()
        self._push(datetime.now(UTC))
        for item in ended:
            item.crossed = crossed if still_open else None
        while still_open and any(item.waits for item in ended) and monotonic() < crossed + PATIENCE:
            self._look(ended, minute_of(start))
            sleep(POLL)
        least = moment(minute_of(now) - 1)
        site.wait(lambda health: (_event_time(health) or EPOCH) >= least, "bringing event time to now", every=POLL)
        return None if still_open or not ended else moment(window_start(minute_of(now)) + WINDOW_MINUTES + ENDED)

    def _attack(self, attackers: Sequence[_Played]) -> None:
        self._say("attacking")
        for item in sorted(attackers, key=lambda item: goal(by_id()[item.proof.detector])):
            self._play(item, datetime.now(UTC))

    def _play(self, played: _Played, at: datetime) -> None:
        played.scene = replace(played.scene, at=at)
        messages = [encode(event) for event in played.proof.attack(played.scene)]
        played.crossed = monotonic()
        played.calls += self._target.sender.send(messages)

    def _watch(self, played: Sequence[_Played], began: int, ends: datetime | None) -> None:
        """Poll until every alert is there or has had its time."""
        deadline = monotonic() + PATIENCE
        if not self._target.fresh and any(item.proof.feed and item.waits for item in played):
            deadline += intel.FRESH.total_seconds()
        if ends is not None:
            left = (ends - datetime.now(UTC)).total_seconds()
            self._say(f"waiting {left / 60:.0f} minutes for the window to end")
            deadline = max(deadline, monotonic() + left + PATIENCE)
        while any(item.waits for item in played) and monotonic() < deadline:
            self._look(played, began)
            if ends is not None and datetime.now(UTC) >= ends:
                ends = None
                for item in played:
                    if item.waits and by_id()[item.proof.detector].ended:
                        item.crossed = monotonic()
                self._push(datetime.now(UTC))
            for item in played:
                if (
                    item.waits
                    and item.proof.feed
                    and not self._target.fresh
                    and item.crossed is not None
                    and monotonic() > item.crossed + AGAIN
                ):
                    self._play(item, datetime.now(UTC))
            sleep(POLL)

    def _look(self, played: Sequence[_Played], since: int) -> None:
        by_service = {item.scene.service: item for item in played}
        for service, detector in self._alerts(since):
            accused = by_service.get(service)
            if accused is None:
                continue
            if detector != accused.proof.detector:
                accused.also.add(detector)
            elif accused.seconds is None and accused.crossed is not None:
                accused.seconds = monotonic() - accused.crossed

    def _alerts(self, since: int) -> Iterator[tuple[str, str]]:
        """(service, detector) of the alerts whose first window began at minute `since` or later."""
        after = ""
        while True:
            status, page = self._target.site.get(f"/api/alerts?limit=200{after}")
            if status != 200:
                raise StackError(f"the alerts cannot be read (HTTP {status})")
            for alert in page["value"]:
                properties = alert["properties"]
                if minute_of(datetime.fromisoformat(properties["startTimeUtc"])) < since:
                    return
                yield _service_of(properties), properties["extendedProperties"]["Gatewatch Detector"]
            if not page["next"]:
                return
            after = f"&cursor={page['next']}"


def _result(id: str, played: _Played | None) -> Result:
    if played is None:
        return Result(id, reason=UNPROVABLE[id])
    return Result(id, played.proof.days, played.calls, played.seconds, played.reason, tuple(sorted(played.also)))


def stage(now: datetime) -> tuple[datetime, datetime]:
    """The start of the last window that can be judged as a whole by `now`, up to which event time is brought, and the midnight at which histories end: what
    was before it is closed by then."""
    start = moment(window_start(minute_of(now) - ENDED) - WINDOW_MINUTES)
    return start, (start - timedelta(minutes=CLOSE_AFTER)).replace(hour=0, minute=0)


def _event_time(health: Mapping[str, Any]) -> datetime | None:
    """How far event time has come; None before the first call."""
    told = health["eventTime"]
    return datetime.fromisoformat(told) if told else None


def _service_of(properties: Mapping[str, Any]) -> str:
    """A proof's service by the API of the same name, which stays when the gateway's resource is named, or by what is said of all its endpoints."""
    resource = str(properties["resourceIdentifiers"][0]["azureResourceId"])
    _, whole, service = str(properties["compromisedEntity"]).partition("all endpoints of ")
    return service if whole else resource.rpartition("/apis/")[2]
