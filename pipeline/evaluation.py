"""The evaluation between two ticks: live windows, what they are judged to be, and everything that has to be written about it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from alerts.group import Grouping
from alerts.suppression import Rules
from detectors import Detector
from detectors.detector_failure import ID as FAILURE
from model import (
    NOBODY,
    STATUS_CLASSES,
    WINDOW_MINUTES,
    Alert,
    Endpoint,
    Failure,
    Finding,
    Incident,
    Minute,
    Severity,
    Sighting,
    StatusClass,
    minute_of,
    service_endpoint,
    window_start,
)
from pipeline.judge import detector_sets, judge
from pipeline.learn import LEARNING_DAYS, DaySummary, DayTops, Learner
from pipeline.limits import Limits
from stats.moments import Moments, log_moments
from stats.rank import largest
from stats.sketch import Sketch
from windows.baseline import DAYS, MINUTES_PER_DAY, Baseline
from windows.context import NOTHING_KNOWN, Context
from windows.day import RollingDay
from windows.record import Record, WindowRow
from windows.tally import Row, Tally
from windows.window import Window

CLOSE_AFTER = 60
"""Minutes of event time after its end at which a window closes."""
RECALL = 27 * 60
"""Minutes of event time before the watermark that a cold start has to recall: the rolling day of low-and-slow enumeration and the unfinished day."""
ENDED = 2
"""Minutes after its end at which a window is judged as a whole: what was on its way has arrived."""
LIVE = 15
"""Minutes behind the clock up to which calls are judged at once; older ones are history and wait for their watermark."""
IDLE = 5
"""Minutes of the clock without a tally after which a partition does not hold the others back."""
UNMATCHED = 100
"""Templates of unmatched paths that a service may have; the rest is one endpoint."""
FOLDED = "/{…}"
LATENCY = (2, 2)
"""Key of the window's histogram of milliseconds of successful calls."""
REGULAR_CALLS = 20
"""Calls (or values) in a window, or values in a day, from which on an actor's own largest is worth remembering: 1.5 times less is below every floor."""
REGULAR_VALUES = 13
REGULAR_REFUSED = 7
REGULAR_BYTES = 60_000
REGULAR_DAYS = 3
"""Distinct days on which an actor must have been that busy: no single burst can buy an exemption."""


@dataclass(frozen=True, slots=True)
class Late:
    """What one tally added to a window that was closed already. Merge with `window.merge_late(stored, late.partition, late.position, late.record)`,
    which changes nothing when the stored record holds this position of this partition: a repeat is harmless.
    """

    endpoint: Endpoint
    window: Minute
    partition: str
    position: int
    record: Record
    activity: list["Activity"]


@dataclass(frozen=True, slots=True)
class Activity:
    """Personal data: which IP called which endpoint how often in a closed window. Belongs in the day's `activity` table and nowhere else."""

    ip: str
    endpoint: Endpoint
    window: Minute
    status_class: StatusClass
    n: int


@dataclass(frozen=True, slots=True)
class Regular:
    """Personal data: one IP's (or identity's) largest measure of a day so far; same keys replace each other by the larger value.

    Given back to a new Evaluation for the last 30 days as `regulars`: an actor with 3 such days is only found when it exceeds itself.
    """

    day: int
    endpoint: Endpoint
    measure: str
    actor: str
    value: float


@dataclass(frozen=True, slots=True)
class Step:
    """Everything to write after one tick, in this order; then `positions`, `watermark` and `closed_until` as the state of a next cold start."""

    positions: Mapping[str, int]
    """Partition -> position of the last tally that this and all earlier steps contain."""
    watermark: Minute | None
    closed_until: Minute | None
    """Windows that end at or before this minute are closed."""
    endpoints: list[Endpoint] = field(default_factory=list)
    """Unmatched endpoints admitted by this step: persist them before the windows that name them."""
    changed: list[WindowRow] = field(default_factory=list)
    """Live windows that got calls: overwrite their rows."""
    closed: list[WindowRow] = field(default_factory=list)
    """Windows that closed in this step: overwrite their rows for the last time."""
    late: list[Late] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    """New, changed or closed alerts: upsert by id."""
    incidents: list[Incident] = field(default_factory=list)
    """New, changed or closed incidents: upsert by id."""
    activity: list[Activity] = field(default_factory=list)
    regulars: list[Regular] = field(default_factory=list)
    days: list[DayTops] = field(default_factory=list)
    """For each endpoint with traffic, once a day is closed: what the day's summary needs beside the day's window records."""
    summaries: list[DaySummary] = field(default_factory=list)
    """Only with a learner: what it learned of the days that closed."""
    baselines: list[Baseline] = field(default_factory=list)
    """Only with a learner: the baselines that the following judgements used."""
    failures: list[Failure] = field(default_factory=list)


class Evaluation:
    """Feed tallies, then take a step. Pure: the clock is the argument `now`, and the same feeds and steps give the same answers.

    History (event time long before `now`) is walked minute by minute behind the watermark, so that it is judged exactly as it would have been live;
    what is live is judged at once. The watermark is the earliest of the partitions' latest event times; a partition that has been idle does not count.
    """

    def __init__(
        self,
        *,
        baselines: Iterable[Baseline] = (),
        regulars: Iterable[Regular] = (),
        alerts: Iterable[Alert] = (),
        incidents: Iterable[Incident] = (),
        endpoints: Iterable[Endpoint] = (),
        positions: Mapping[str, int] | None = None,
        closed_until: Minute | None = None,
        watermark: Minute | None = None,
        learner: Learner | None = None,
        limits: Limits | None = None,
        rules: Rules | None = None,
        contexts: Mapping[Endpoint, Context] | None = None,
        detectors: Iterable[Detector] | None = None,
        close_after: int = CLOSE_AFTER,
        live_rows: bool = True,
    ) -> None:
        """`alerts` and `incidents`: those open or of the last 24 hours. `endpoints`: the unmatched ones admitted so far. With a `learner` days are learned as
        they close, in event time; without one, call `learn` when new baselines are there. `live_rows` False leaves Step.changed empty."""
        found = None if detectors is None else tuple(detectors)
        self._detectors = detector_sets(found)
        self._group = Grouping(alerts, incidents, None if found is None else {one.id: one for one in found})
        self._group.rules = rules or Rules()
        self._limits = limits if limits is not None else Limits()
        self._contexts = dict(contexts or {})
        self._learner = learner
        self._close_after = close_after
        self._live_rows = live_rows
        self._positions = dict(positions or {})
        self._watermark = watermark
        self._closed_until = closed_until
        self._ended_until = closed_until
        """Windows that end at or before this minute were judged as a whole."""
        self._today: int | None = None
        self._reached: dict[str, Minute] = {}
        self._heard: dict[str, Minute] = {}
        self._fed: set[str] = set()
        self._pending: dict[Minute, list[_Slice]] = {}
        self._windows: dict[Minute, dict[Endpoint, Window]] = {}
        self._days: dict[Endpoint, RollingDay] = {}
        self._baselines: dict[Endpoint, Baseline] = {}
        self._services: dict[str, Endpoint] = {}
        self._templates: dict[str, set[Endpoint]] = defaultdict(set)
        for endpoint in endpoints:
            self._templates[endpoint.service].add(endpoint)
        self._history: dict[tuple[Endpoint, str], dict[str, dict[int, float]]] = {}
        """(endpoint, measure) -> actor -> day -> largest"""
        self._own: dict[Endpoint, dict[str, dict[str, float]]] = {}
        self._tops: dict[int, list[DayTops]] = {}
        self._late: dict[tuple[Endpoint, Minute, str, int], Window] = {}
        self._written = _Written()
        self.learn(baselines, regulars)

    def recall(self, partition: str, tally: Tally, position: int) -> None:
        """After a cold start: a tally at or before the stored `positions`, from RECALL minutes before the watermark on. What is of closed windows goes into
        the rolling day at once, in any order; what is live waits for `settle`, or the next step, and has to come before anything is fed."""
        self._queue(tally, partition, position, recalled=True)

    def settle(self, until: Minute) -> None:
        """Walk what was recalled up to this minute: nothing more of that time is to be recalled, and memory need not hold it all."""
        for minute in sorted(minute for minute in self._pending if minute < until):
            self._walk(minute, self._pending.pop(minute))

    def feed(self, partition: str, tally: Tally, position: int) -> None:
        """A tally behind the stored position of its partition; one that is not is ignored."""
        if position <= self._positions.get(partition, -1):
            return
        self._positions[partition] = position
        self._fed.add(partition)
        self._queue(tally, partition, position, recalled=False)

    def step(self, now: datetime) -> Step:
        """Merge, judge, group, close and learn what was fed."""
        clock = minute_of(now)
        self._heard.update(dict.fromkeys(self._fed, clock))
        self._fed.clear()
        for partition in self._reached:  # one that was only recalled is waited for from now on, not for ever
            self._heard.setdefault(partition, clock)
        self._raise_watermark(clock)
        watermark = self._watermark
        history = watermark is not None and watermark < clock - LIVE
        for minute in sorted(self._pending):
            if history and watermark is not None and minute >= watermark:
                break
            self._walk(minute, self._pending.pop(minute))
        if watermark is not None:
            self._pass_time(watermark)
        return self._drained()

    def finish(self) -> Step:
        """Nothing more will come: judge and close everything. For the back-test."""
        for minute in sorted(self._pending):
            self._watermark = max(minute, self._watermark if self._watermark is not None else minute)
            self._walk(minute, self._pending.pop(minute))
        if self._watermark is not None:
            self._watermark += 2 * WINDOW_MINUTES + self._close_after
            self._pass_time(self._watermark)
        return self._drained()

    def learn(self, baselines: Iterable[Baseline], regulars: Iterable[Regular] = ()) -> None:
        """From now on judge these endpoints by these baselines, and know these regulars as well."""
        for baseline in baselines:
            self._baselines[baseline.endpoint] = baseline
        for regular in regulars:
            self._remember(regular)
        if self._watermark is not None:
            self._know_regulars(self._watermark // MINUTES_PER_DAY)

    def know(self, contexts: Mapping[Endpoint, Context]) -> None:
        """From now on weigh what is found at these endpoints by what the inventory knows of them."""
        self._contexts.update(contexts)

    def limit(self, limits: Limits) -> None:
        """From now on judge by these limits."""
        self._limits = limits

    def suppress(self, rules: Rules) -> None:
        """From now on keep what these rules cover from being told, and learn of what is not closed yet what they expect."""
        if rules is self._group.rules:
            return
        self._group.rules = rules
        for start, windows in self._windows.items():
            for window in windows.values():
                if window.marks:
                    window.forgive({key for key, *_ in window.marks if rules.teaching(key, start, start + WINDOW_MINUTES)})

    # what comes in

    def _queue(self, tally: Tally, partition: str, position: int, *, recalled: bool) -> None:
        source = _Source(tally, partition, position)
        for table, rows in tally.tables.items():
            if table not in _FEED:
                continue  # is not judged: the inventory's
            for minute, of_minute in groupby(rows, _minute):
                at = minute + tally.since
                if recalled and self._is_closed(window_start(at)):
                    self._recall_day(tally, table, of_minute, window_start(at))
                else:
                    self._pending.setdefault(at, []).append(_Slice(source, table, list(of_minute)))
            if rows:
                newest = rows[-1][0] + tally.since
                if newest > self._reached.get(partition, newest - 1):
                    self._reached[partition] = newest

    def _raise_watermark(self, clock: Minute) -> None:
        known = self._watermark
        heard = [reached for name, reached in self._reached.items() if self._heard[name] > clock - IDLE]
        if heard:
            reached = min(heard)
        elif known is not None and known >= clock - LIVE - IDLE:
            reached = clock - IDLE  # everything was read and nothing comes: time passes all the same
        elif self._reached:
            reached = max(self._reached.values()) + 1  # its last minute, too: nothing more comes
        else:
            return
        self._watermark = reached if known is None else max(known, reached)

    def _admitted(self, endpoint: Endpoint) -> Endpoint:
        """Unmatched endpoints only while their service has room for another template."""
        if endpoint.matched:
            return endpoint
        known = self._templates[endpoint.service]
        if endpoint in known:
            return endpoint
        if len(known) >= UNMATCHED:
            endpoint = Endpoint(endpoint.service, "", "*", FOLDED, matched=False)
            if endpoint in known:
                return endpoint
        known.add(endpoint)
        self._written.endpoints.append(endpoint)
        return endpoint

    def _day(self, endpoint: Endpoint) -> RollingDay:
        day = self._days.get(endpoint)
        if day is None:
            day = self._days[endpoint] = RollingDay()
        return day

    def _window(self, endpoint: Endpoint, start: Minute) -> Window:
        windows = self._windows.setdefault(start, {})
        window = windows.get(endpoint)
        if window is None:
            service = self._baselines.get(self._service(endpoint.service))
            window = windows[endpoint] = Window(
                endpoint,
                start,
                day=self._day(endpoint),
                regulars=self._own.get(endpoint),
                context=self._contexts.get(endpoint, NOTHING_KNOWN),
                service_days=service.days if service is not None else 0,
            )
        return window

    def _service(self, name: str) -> Endpoint:
        known = self._services.get(name)
        if known is None:
            known = self._services[name] = service_endpoint(name)
        return known

    def _late_window(self, endpoint: Endpoint, start: Minute, source: "_Source") -> Window:
        key = endpoint, start, source.partition, source.position
        window = self._late.get(key)
        if window is None:
            window = self._late[key] = Window(endpoint, start, day=self._day(endpoint))
        return window

    # the walk through event time

    def _is_closed(self, start: Minute) -> bool:
        return self._closed_until is not None and start + WINDOW_MINUTES <= self._closed_until

    def _walk(self, minute: Minute, slices: "list[_Slice]") -> None:
        self._pass_time(minute if self._watermark is None else min(minute, self._watermark))
        self._turn_to(minute // MINUTES_PER_DAY)
        start = window_start(minute)
        closed = self._is_closed(start)
        touched: dict[Window, None] = {}
        for source, table, rows in sorted(slices, key=_slice_order):
            windows = _Windows(self, source, start, closed)
            _FEED[table](source.tally, rows, windows)
            for window in windows.values():
                window.changed.add(table)
                touched[window] = None
            if table == "calls" and not closed:
                self._route(source.tally, rows, start, touched)
        for window in touched:
            window.minute = max(minute, window.minute)
            window.dirty = True
            window.trim()
            window.day.trim()
        if closed:
            for window in touched:
                window.changed.intersection_update(("sightings",))  # too late for counts, but what one call proves stays true
        self._judge(touched)

    def _route(self, tally: Tally, rows: list[Row], start: Minute, touched: dict[Window, None]) -> None:
        """The same calls once more, for what their actors do across a service's endpoints."""
        ips, endpoints = tally.ips, tally.endpoints
        windows: dict[str, Window] = {}
        for row in rows:
            endpoint = endpoints[row[1]]
            window = windows.get(endpoint.service)
            if window is None:
                window = windows[endpoint.service] = self._window(self._service(endpoint.service), start)
                window.changed.add("calls")
                touched[window] = None
            window.route(ips[row[2]], row[3], row[4], endpoint)

    def _recall_day(self, tally: Tally, table: str, rows: Iterable[Row], start: Minute) -> None:
        if table == "values":
            days: dict[RollingDay, None] = {}
            for _, endpoint, ip, parameter, value, *_ in rows:
                day = self._day(self._admitted(tally.endpoints[endpoint]))
                day.value(tally.ips[ip], tally.parameters[parameter], value, start)
                days[day] = None
            for day in days:
                day.touched.clear()
                day.trim()
        elif table == "sizes":
            for _, endpoint, kind, status_class, bucket, n in rows:
                if (kind, status_class) == LATENCY:
                    latency = self._day(self._admitted(tally.endpoints[endpoint])).latency
                    latency[start] = latency.get(start, Moments()) + log_moments(((bucket, n),))
        elif table == "calls":
            for _, endpoint, ip, status, _, _, response, *_ in rows:
                admitted = self._admitted(tally.endpoints[endpoint])
                if status // 100 == 2 and self._contexts.get(admitted, NOTHING_KNOWN).sensitive:
                    self._day(admitted).answered(tally.ips[ip], response, start)

    def _judge(self, windows: Iterable[Window], *, ended: bool = False) -> None:
        found: list[tuple[Finding, Window]] = []
        for window in windows:
            baseline = self._baselines.get(window.endpoint)
            if baseline is None:
                baseline = self._baselines[window.endpoint] = Baseline(window.endpoint)
            judgement = judge(window, baseline, self._detectors, self._limits, ended=ended)
            if judgement.findings:
                found.extend((finding, window) for finding in judgement.findings)
            for failure in judgement.failures:
                self._written.failures.append(failure)
                if FAILURE in self._group.detectors:
                    sighting = Sighting(1, unit="failures", parameter=failure.detector, evidence={"error": failure.error})
                    found.append((Finding(FAILURE, window.endpoint, window.start, window.minute, Severity.LOW, sighting), window))
            if window.day.touched:
                window.day.touched.clear()
            if not ended:
                window.judged()
        if len(found) > 1:
            found.sort(key=_finding_order)
        for finding, window in found:
            sighting = finding.sighting
            window.found.add(finding.detector)
            key, taints = self._group.key(finding), self._group.detectors[finding.detector].taints
            if not self._group.rules.teaching(key, window.start, window.start + WINDOW_MINUTES):
                window.mark(key, sighting.actor, taints.format(status_class=sighting.status_class, parameter=sighting.parameter))
            self._group.add(finding, self._contexts.get(finding.endpoint, NOTHING_KNOWN))

    def _pass_time(self, until: Minute) -> None:
        """End and close windows in order, as far as event time has come."""
        if self._closed_until is None or self._ended_until is None:
            self._closed_until = self._ended_until = window_start(until) - WINDOW_MINUTES * -(-self._close_after // WINDOW_MINUTES)
        while True:
            ends, closes = self._ended_until + WINDOW_MINUTES + ENDED, self._closed_until + WINDOW_MINUTES + self._close_after
            if min(ends, closes) > until:
                break
            if ends <= closes:
                self._group.pass_time(ends)
                ended = self._windows.get(self._ended_until, {})
                for window in ended.values():
                    window.day.latency[window.start] = log_moments(window.sizes.get(LATENCY, {}).items())
                    self._busy_days(window)
                self._judge(ended.values(), ended=True)
                self._ended_until += WINDOW_MINUTES
            elif not self._windows and self._group.idle and until - closes > 2 * MINUTES_PER_DAY:
                self._closed_until = self._ended_until = window_start(until) - MINUTES_PER_DAY  # nothing can happen in a silent age
            else:
                self._group.pass_time(closes)
                self._close(self._closed_until)
                self._closed_until += WINDOW_MINUTES
                if self._closed_until % MINUTES_PER_DAY == 0:
                    self._close_day(self._closed_until // MINUTES_PER_DAY - 1)

    def _close(self, start: Minute) -> None:
        for endpoint, window in sorted(self._windows.pop(start, {}).items()):
            window.flagged |= self._group.accused(endpoint.service, start, start + WINDOW_MINUTES)
            row = WindowRow(endpoint, start, window.record(self._seen(endpoint)))
            self._written.closed.append(row)
            if self._learner is not None:
                self._learner.add(row)
            self._written.activity.extend(_activity(window))
            day = start // MINUTES_PER_DAY
            for measure, actors in _busy(window):
                for actor, value in actors:
                    self._regular(Regular(day, endpoint, measure, actor, value))

    def _seen(self, endpoint: Endpoint) -> Mapping[str, Sketch] | None:
        """The values to tell new ones from; None while too few days are known to call any value new."""
        baseline = self._baselines.get(endpoint)
        return baseline.seen if baseline is not None and baseline.days >= LEARNING_DAYS else None

    def _turn_to(self, day: int) -> None:
        """At midnight: read the rolling days, which are exactly the day that ends, and let its regulars count."""
        if self._today is None:
            self._today = day
        if day <= self._today:
            return
        ended, self._today = self._today, day
        tops = self._tops[ended] = []
        for endpoint, rolling in sorted(self._days.items()):
            rolling.advance((ended + 1) * MINUTES_PER_DAY - WINDOW_MINUTES)
            accused = self._group.accused(endpoint.service, ended * MINUTES_PER_DAY, day * MINUTES_PER_DAY)
            measures: dict[str, list[float]] = {}
            for parameter, by_ip in rolling.by_ip().items():
                measures[f"day:{parameter}"] = largest(n for ip, n in by_ip.items() if ip not in accused and ip not in NOBODY)
                measures[f"ips:{parameter}"] = [len(by_ip.keys() - accused)]
            taken = rolling.totals()
            if taken:
                measures["day:bytes"] = largest(n for ip, n in taken.items() if ip not in accused and ip not in NOBODY)
            if measures:
                tops.append(DayTops(endpoint, ended, measures))
        self._know_regulars(day)

    def _close_day(self, day: int) -> None:
        self._turn_to(day + 1)
        tops = self._tops.pop(day, [])
        for old in [old for old in self._tops if old < day]:
            del self._tops[old]
        self._written.days.extend(tops)
        if self._learner is not None:
            summaries, baselines = self._learner.close(day, tops)
            self._written.summaries.extend(summaries)
            self._written.baselines.extend(baselines)
            self._baselines.update((baseline.endpoint, baseline) for baseline in baselines)

    # actors that are always busy

    def _busy_days(self, window: Window) -> None:
        """What the rolling day's detectors compare with must be read as they read it, window by window: two nightly runs of a job can fall into 24 hours."""
        today = window.start // MINUTES_PER_DAY
        for name, parameter in window.parameters.items():
            for ip, n in window.day.busy(name, parameter.by_ip, window.start, REGULAR_VALUES):
                if ip not in NOBODY:
                    self._regular(Regular(today, window.endpoint, f"day:{name}", ip, n))
        for ip, taken in window.day.takers(window.bytes, window.start, REGULAR_BYTES):
            if ip not in NOBODY:
                self._regular(Regular(today, window.endpoint, "day:bytes", ip, taken))

    def _regular(self, regular: Regular) -> None:
        if self._remember(regular):
            self._written.regulars[regular.day, regular.endpoint, regular.measure, regular.actor] = regular

    def _remember(self, regular: Regular) -> bool:
        days = self._history.setdefault((regular.endpoint, regular.measure), {}).setdefault(regular.actor, {})
        if days.get(regular.day, 0.0) >= regular.value:
            return False
        days[regular.day] = regular.value
        return True

    def _know_regulars(self, today: int) -> None:
        own: dict[Endpoint, dict[str, dict[str, float]]] = {}
        for (endpoint, measure), actors in self._history.items():
            for actor, days in list(actors.items()):
                for old in [day for day in days if day < today - DAYS]:
                    del days[old]
                if not days:
                    del actors[actor]
                    continue
                past = [value for day, value in days.items() if day < today]
                if len(past) >= REGULAR_DAYS:
                    own.setdefault(endpoint, {}).setdefault(measure, {})[actor] = max(past)
        self._own = own

    # what goes out

    def _drained(self) -> Step:
        written, self._written = self._written, _Written()
        late = []
        for (endpoint, start, partition, position), window in sorted(self._late.items(), key=itemgetter(0)):
            window.flagged |= self._group.accused(endpoint.service, start, start + WINDOW_MINUTES)
            record = window.record(self._seen(endpoint))
            late.append(Late(endpoint, start, partition, position, record, _activity(window)))
            if self._learner is not None:
                self._learner.add_late(endpoint, start, record)
        self._late = {}
        changed = []
        if self._live_rows:
            for start, windows in sorted(self._windows.items()):
                for endpoint, window in sorted(windows.items()):
                    if window.dirty:
                        window.dirty = False
                        changed.append(WindowRow(endpoint, start, window.record(self._seen(endpoint))))
        alerts, incidents = self._group.drain()
        return Step(
            dict(self._positions),
            self._watermark,
            self._closed_until,
            written.endpoints,
            changed,
            written.closed,
            late,
            alerts,
            incidents,
            written.activity,
            list(written.regulars.values()),
            written.days,
            written.summaries,
            written.baselines,
            written.failures,
        )


@dataclass(slots=True)
class _Written:
    """What a step has to write, as it comes up."""

    endpoints: list[Endpoint] = field(default_factory=list)
    closed: list[WindowRow] = field(default_factory=list)
    activity: list[Activity] = field(default_factory=list)
    regulars: dict[tuple[int, Endpoint, str, str], Regular] = field(default_factory=dict)
    days: list[DayTops] = field(default_factory=list)
    summaries: list[DaySummary] = field(default_factory=list)
    baselines: list[Baseline] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


class _Source(NamedTuple):
    tally: Tally
    partition: str
    position: int


class _Slice(NamedTuple):
    """The rows of one minute of one table of one tally."""

    source: _Source
    table: str
    rows: list[Row]


class _Windows(dict[int, Window]):
    """Endpoint index of a tally -> window, made when a row asks for it."""

    def __init__(self, evaluation: Evaluation, source: _Source, start: Minute, late: bool) -> None:
        super().__init__()
        self._evaluation = evaluation
        self._source = source
        self._start = start
        self._late = late

    def __missing__(self, index: int) -> Window:
        evaluation = self._evaluation
        endpoint = evaluation._admitted(self._source.tally.endpoints[index])
        window = evaluation._late_window(endpoint, self._start, self._source) if self._late else evaluation._window(endpoint, self._start)
        self[index] = window
        return window


def _feed_calls(tally: Tally, rows: list[Row], windows: _Windows) -> None:
    ips, since = tally.ips, tally.since
    for minute, endpoint, ip, status, n, request, response, request_max, response_max in rows:
        windows[endpoint].call(ips[ip], status, n, request, response, request_max, response_max, since + minute)


def _feed_identities(tally: Tally, rows: list[Row], windows: _Windows) -> None:
    for _, endpoint, identity, status, n in rows:
        windows[endpoint].identity(tally.identities[identity], status, n)


def _feed_values(tally: Tally, rows: list[Row], windows: _Windows) -> None:
    ips, parameters = tally.ips, tally.parameters
    for _, endpoint, ip, parameter, value, n, ok, kind in rows:
        windows[endpoint].value(ips[ip], parameters[parameter], value, n, ok, kind)


def _feed_agents(tally: Tally, rows: list[Row], windows: _Windows) -> None:
    for _, endpoint, agent, n in rows:
        windows[endpoint].agent(tally.agents[agent], n)


def _feed_auth(tally: Tally, rows: list[Row], windows: _Windows) -> None:
    for _, endpoint, evidence, status, n in rows:
        windows[endpoint].evidence(tally.evidence[evidence], status, n)


def _feed_reasons(tally: Tally, rows: list[Row], windows: _Windows) -> None:
    for _, endpoint, reason, n in rows:
        windows[endpoint].reason(tally.reasons[reason], n)


def _feed_sizes(tally: Tally, rows: list[Row], windows: _Windows) -> None:
    del tally
    for _, endpoint, kind, status_class, bucket, n in rows:
        windows[endpoint].size(kind, status_class, bucket, n)


def _feed_sightings(tally: Tally, rows: list[Row], windows: _Windows) -> None:
    for _, endpoint, rule, ip, status, detail, n in rows:
        windows[endpoint].sighting(tally.rules[rule], tally.ips[ip], status, tally.details[detail], n)


def _feed_sensitive(tally: Tally, rows: list[Row], windows: _Windows) -> None:
    for _, endpoint, information, place, confidence, kind, n in rows:
        if confidence:  # what is only possible is no finding
            windows[endpoint].carry(tally.information[information], tally.places[place], kind, n)


_FEED: Mapping[str, Callable[[Tally, list[Row], _Windows], None]] = {
    "calls": _feed_calls,
    "identities": _feed_identities,
    "values": _feed_values,
    "agents": _feed_agents,
    "auth": _feed_auth,
    "reasons": _feed_reasons,
    "sizes": _feed_sizes,
    "sightings": _feed_sightings,
    "sensitive": _feed_sensitive,
}
_ORDER = {table: number for number, table in enumerate(_FEED)}
_minute = itemgetter(0)


def _slice_order(slice_: _Slice) -> tuple[int, str, int]:
    """Tables in their order, so that a minute reads the same however its calls were batched and partitioned."""
    return _ORDER[slice_.table], slice_.source.partition, slice_.source.position


def _finding_order(found: tuple[Finding, Window]) -> tuple[str, Endpoint, str, str]:
    finding = found[0]
    return finding.detector, finding.endpoint, finding.sighting.actor or "", finding.sighting.parameter or ""


def _activity(window: Window) -> list[Activity]:
    return [
        Activity(ip, window.endpoint, window.start, STATUS_CLASSES[kind - 1], n)
        for kind in range(1, 6)
        for ip, n in window.ips[kind].items()
        if ip not in NOBODY
    ]


def _busy(window: Window) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """Measures, and the actors that did so much of it that their own largest matters."""
    for kind, name in enumerate(STATUS_CLASSES, 1):
        for measure, counts in ((f"calls:{name}", window.ips[kind]), (f"identity:{name}", window.identities[kind])):
            busy = [(actor, float(n)) for actor, n in counts.items() if n >= REGULAR_CALLS and actor not in NOBODY]
            if busy:
                yield measure, busy
    busy = [(ip, float(n)) for ip, n in window.refused.items() if n >= REGULAR_REFUSED and ip not in NOBODY]
    if busy:
        yield "refused", busy
    for parameter, found in window.parameters.items():
        busy = [(ip, float(len(own))) for ip, own in found.by_ip.items() if len(own) >= REGULAR_VALUES and ip not in NOBODY]
        if busy:
            yield f"distinct:{parameter}", busy
