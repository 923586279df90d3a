"""The evaluation: tallies go in, event time passes, and a step says what has to be written."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from alerts.group import Grouping
from alerts.suppression import Rules
from detectors.detector_failure import ID as FAILURE
from model import WINDOW_MINUTES, Endpoint, Failure, Finding, Minute, Severity, Sighting, is_service_endpoint, minute_of, window_start
from pipeline.feed import CALLERS, LATENCY, Slice, Source, WindowsOf, feed, know_callers, recall, route, slice_order, slices_of
from pipeline.findings import At, Findings, Groups, Notebook, finding_order
from pipeline.judge import detector_sets, judge
from pipeline.learn import LEARNING_DAYS, DayTops, Learner, day_tops
from pipeline.limits import Limits
from pipeline.live import Knowledge, LiveWindows
from pipeline.placing import placed
from pipeline.plan import Plan
from pipeline.regulars import Regulars
from pipeline.share import Share
from pipeline.start import Criteria, EvaluationState
from pipeline.step import Late, Regular, Step
from pipeline.watermark import Watermark
from pipeline.written import Written, activity_of, behind_of
from stats.moments import log_moments
from stats.sketch import Sketch
from windows.baseline import MINUTES_PER_DAY, Baseline
from windows.closing import record_of
from windows.context import Context
from windows.day import LATELY
from windows.live import LiveWindow
from windows.record import WindowRow
from windows.sparse import EMPTY
from windows.tally import Tally

CLOSE_AFTER = 60
"""Minutes of event time after its end at which a window closes."""
RECALL = 27 * 60
"""Minutes of event time before the watermark that a cold start has to recall: the rolling day of low-and-slow enumeration and the unfinished day."""
ENDED = 2
"""Minutes after its end at which a window that has ended is judged: what was on its way has arrived."""


class Evaluation:
    """Feed tallies, then take a step. Pure: the clock is the argument `now`, and the same feeds and steps give the same answers.

    History (event time long before `now`) is walked minute by minute behind the watermark, so that it is judged exactly as it would have been live.
    What is live is judged at once.
    """

    def __init__(
        self,
        state: EvaluationState | None = None,
        criteria: Criteria | None = None,
        *,
        learner: Learner | None = None,
        close_after: int = CLOSE_AFTER,
        live_rows: bool = True,
        share: Share | None = None,
    ) -> None:
        """With a `learner` days are learned as they close, in event time; without one, call `learn` when new baselines are there.
        `close_after`: minutes. `live_rows` False leaves Step.changed empty. With a `share` it holds only what is of that, takes no steps of its own but
        follows plans, and notes what it finds instead of grouping it."""
        state, criteria = state or EvaluationState(), criteria or Criteria()
        found = None if criteria.detectors is None else tuple(criteria.detectors)
        self._detectors = detector_sets(found)
        known = None if found is None else {one.id: one for one in found}
        self._share = share
        self._notes = Notebook(known, state.accused) if share is not None else None
        self._group: Groups = self._notes or Grouping(state.alerts, state.incidents, known, state.folded)
        self._group.rules = criteria.rules or Rules()
        self._limits = criteria.limits if criteria.limits is not None else Limits()
        self._learner = learner
        self._close_after = close_after
        self._live_rows = live_rows
        self._positions = dict(state.positions)
        self._watermark = Watermark(state.watermark)
        self._closed_until = state.closed_until
        self._ended_until = state.closed_until
        """Windows that end at or before this minute were judged as ended."""
        self._settled = state.settled
        self._today: int | None = None
        self._fed: set[str] = set()
        self._is_to_learn = False
        self._pending: dict[Minute, list[Slice]] = {}
        self._knowledge = Knowledge(criteria.baselines, Regulars(state.regulars), criteria.contexts)
        self._live = LiveWindows(self._knowledge, state.learned)
        self._tops: dict[int, list[DayTops]] = {}
        self._written = Written()
        self.learn(())

    def recall(self, partition: str, tally: Tally, position: int) -> None:
        """After a cold start: a tally at or before the stored `positions`, from RECALL minutes before the watermark on. What is of closed windows goes into
        the rolling day at once, in any order; what is live waits for `settle`, or the next step, and has to come before anything is fed."""
        for at, slice_ in slices_of(self._source(tally, partition, position)):
            self._watermark.reach(partition, at)
            start = window_start(at)
            if self._is_closed(start):
                recall(slice_, self._live, self._knowledge, start, sees=self._share is None or self._share.is_lead)
            else:
                self._pending.setdefault(at, []).append(slice_)

    def settle(self, until: Minute) -> None:
        """Walk what was recalled up to this minute: nothing more of that time is to be recalled, and memory need not hold it all."""
        for minute in sorted(minute for minute in self._pending if minute < until):
            self._walk(minute, self._pending.pop(minute))
        if self._ended_until is not None:
            for start, windows in self._live.by_start.items():
                if start + WINDOW_MINUTES <= self._ended_until:
                    for window in windows.values():
                        window.dirty = False  # what is recalled was written before the positions were
            self._live.freeze(self._ended_until, until)

    def feed(self, partition: str, tally: Tally, position: int) -> None:
        """A tally behind the stored position of its partition; one that is not is ignored."""
        if position <= self._positions.get(partition, -1):
            return
        self._positions[partition] = position
        self._fed.add(partition)
        for at, slice_ in slices_of(self._source(tally, partition, position)):
            self._watermark.reach(partition, at)
            self._pending.setdefault(at, []).append(slice_)

    def placed(self, tally: Tally) -> Tally:
        """The tally with the endpoints under which its calls are counted, be it fed or yet to be fed."""
        return placed(tally, self._live.templates).tally

    def _source(self, tally: Tally, partition: str, position: int) -> Source:
        found = placed(tally, self._live.templates)
        tally, shapes, outlines = found if self._share is None else self._share.part(found)
        endpoints = self._live.known(tally.endpoints)
        outlines = endpoints if outlines is tally.endpoints else self._live.known(outlines)
        return Source(replace(tally, endpoints=endpoints), shapes, outlines, partition, position)

    def step(self, now: datetime) -> Step:
        """Merge, judge, group, close and learn what was fed."""
        clock = minute_of(now)
        self._watermark.advance(clock, self._fed)
        self._fed.clear()
        self._advance(is_history=self._watermark.is_history(clock))
        self.learn_endpoints()
        return self._drained()

    def _advance(self, *, is_history: bool) -> None:
        watermark = self._watermark.at
        for minute in sorted(self._pending):
            if is_history and watermark is not None and minute >= watermark:
                break
            self._walk(minute, self._pending.pop(minute))
        if watermark is not None:
            self._pass_time(watermark)

    def learn_endpoints(self) -> None:
        """Where windows have ended since it was asked last."""
        if self._is_to_learn:
            self._live.learn(window_start(self._watermark.newest) + WINDOW_MINUTES)
            self._is_to_learn = False

    def finish(self, by: int | None = None) -> Step:
        """Nothing more will come: judge and close everything, or `by` minutes of it. For the back-test."""
        for minute in sorted(self._pending):
            self._watermark.raise_to(minute)
            self._walk(minute, self._pending.pop(minute))
        if self._watermark.at is not None:
            self._watermark.raise_to(self._watermark.at + (2 * WINDOW_MINUTES + self._close_after if by is None else by))
            self._pass_time(self._watermark.at)
        return self._drained()

    # as a share of a whole

    def prepare(self, plan: Plan) -> None:
        """Before the tallies of a plan are fed: know what the lead has learned."""
        self._live.templates.add(plan.learned)
        share = self._share
        self.know({endpoint: context for endpoint, context in plan.contexts.items() if share is not None and share.holds(endpoint)})

    def follow(self, plan: Plan, *, learns: bool = False) -> Step:
        """As `step`, as far as the lead has planned. `learns`: endpoints, too, which is for the lead to do."""
        assert self._notes is not None
        self._watermark.at, self._settled = plan.watermark, plan.settled
        if plan.closed_until is not None:
            self._closed_until = self._ended_until = plan.closed_until
        self._notes.accusations.update(plan.accused)
        self._advance(is_history=plan.is_history)
        if learns:
            self.learn_endpoints()
        step = self._drained()
        for of in [of for of in self._notes.accusations if of[1] <= (self._closed_until or 0)]:
            del self._notes.accusations[of]
        return step

    @property
    def closed_until(self) -> Minute | None:
        return self._closed_until

    @property
    def is_empty(self) -> bool:
        """No window is open."""
        return self._live.is_empty

    @property
    def pending(self) -> Mapping[Minute, list[Slice]]:
        """What was fed and not judged yet, by minute."""
        return self._pending

    def judge_by(self, baselines: Iterable[Baseline]) -> None:
        """From now on judge these endpoints by these baselines."""
        self._knowledge.baselines.put(baselines)

    def learn(self, baselines: Iterable[Baseline], regulars: Iterable[Regular] = ()) -> None:
        """From now on judge these endpoints by these baselines, and know these regulars as well."""
        self.judge_by(baselines)
        for regular in regulars:
            self._knowledge.regulars.remember(regular)
        if self._watermark.at is not None:
            self._knowledge.regulars.turn_to(self._watermark.at // MINUTES_PER_DAY)

    def know(self, contexts: Mapping[Endpoint, Context]) -> None:
        """From now on weigh what is found at these endpoints by what the inventory knows of them."""
        self._knowledge.contexts.update(contexts)

    def limit(self, limits: Limits) -> None:
        """From now on judge by these limits."""
        self._limits = limits

    def suppress(self, rules: Rules) -> None:
        """From now on tell nobody of what these rules cover, and learn of open windows what the rules expect."""
        if rules is self._group.rules:
            return
        self._group.rules = rules
        for start, endpoint, marks in list(self._live.marked()):
            expected = {key for key, *_ in marks if rules.teaching(key, start, start + WINDOW_MINUTES)}
            if expected:
                self._live.window(endpoint, start).forgive(expected)

    # the walk through event time

    def _is_closed(self, start: Minute) -> bool:
        return self._closed_until is not None and start + WINDOW_MINUTES <= self._closed_until

    def _walk(self, minute: Minute, slices: list[Slice]) -> None:
        watermark = self._watermark.at
        self._pass_time(minute if watermark is None else min(minute, watermark))
        self._turn_to(minute // MINUTES_PER_DAY)
        start = window_start(minute)
        closed = self._is_closed(start)
        touched: dict[LiveWindow, None] = {}
        for slice_ in sorted(slices, key=slice_order):
            if slice_.table == CALLERS:
                if not closed:
                    touched.update(dict.fromkeys(know_callers(slice_, self._live, start)))
                continue
            if self._share is None or not self._share.is_lead:
                windows = WindowsOf(self._live, slice_.source, start, closed)
                feed(slice_, windows)
                for window in windows.values():
                    window.change(slice_.table)
                    touched[window] = None
            if slice_.table == "calls" and not closed and (self._share is None or self._share.is_lead):
                touched.update(dict.fromkeys(route(slice_, self._live, start)))
        for window in touched:
            window.minute = max(minute, window.minute)
            window.dirty = self._live_rows
            window.trim()
            window.day.trim()
        if closed:
            for window in touched:
                window.changed = tuple(
                    table for table in window.changed if table == "sightings"
                )  # too late for counts, but what one call proves stays true
        if self._notes is not None:
            self._notes.at = At(minute, 1)
            self._note_traffic(touched)
        self._judge(touched)

    def _note_traffic(self, windows: Iterable[LiveWindow]) -> None:
        """The lead's windows are those of services."""
        if self._share is not None and self._share.is_lead:
            for window in windows:
                self._group.traffic(window.endpoint.service, window.start, window.n)

    def _pass_time(self, until: Minute) -> None:
        """End and close windows in order, as far as event time has come."""
        if self._closed_until is None or self._ended_until is None:
            self._closed_until = self._ended_until = window_start(until) - WINDOW_MINUTES * -(-self._close_after // WINDOW_MINUTES)
        while True:
            ends, closes = self._ended_until + WINDOW_MINUTES + ENDED, self._closed_until + WINDOW_MINUTES + self._close_after
            if min(ends, closes) > until or (closes < ends and closes > self._settled):
                break
            if self._today is not None:
                self._turn_to((min(ends, closes) - 1) // MINUTES_PER_DAY)
            if ends <= closes:
                self._group.pass_time(ends)
                self._end(self._ended_until)
                self._ended_until += WINDOW_MINUTES
            elif self._live.is_empty and self._group.idle and until - closes > 2 * MINUTES_PER_DAY:
                self._closed_until = self._ended_until = window_start(until) - MINUTES_PER_DAY  # nothing can happen in a silent age
            else:
                self._group.pass_time(closes)
                self._close(self._closed_until)
                self._closed_until += WINDOW_MINUTES
                if self._closed_until % MINUTES_PER_DAY == 0:
                    self._close_day(self._closed_until // MINUTES_PER_DAY - 1)

    def _end(self, start: Minute) -> None:
        self._is_to_learn = True
        self._judge(map(self._ended, self._live.whole(start)), ended=True)

    def _ended(self, window: LiveWindow) -> LiveWindow:
        window.day.latency[window.start] = log_moments(window.sizes.get(LATENCY, {}).items())
        self._knowledge.regulars.read_day(window)
        self._note_traffic((window,))
        return window

    def _close(self, start: Minute) -> None:
        for endpoint, window in self._live.close(start):
            window.accuse(self._group.accused(endpoint.service, start, start + WINDOW_MINUTES))
            window.day.forget_calls(start + WINDOW_MINUTES - LATELY)
            row = WindowRow(endpoint, start, record_of(window, self._seen(endpoint)))
            self._written.closed.append(row)
            if self._learner is not None:
                self._learner.add(row)
            self._written.activity.extend(activity_of(window))
            self._written.behind.extend(behind_of(window))
            self._knowledge.regulars.read_window(window)

    def _seen(self, endpoint: Endpoint) -> Mapping[str, Sketch] | None:
        """The values to tell new ones from; None while too few days are known to call any value new."""
        known = self._knowledge.baselines
        return known.seen(endpoint) if known.days(endpoint) >= LEARNING_DAYS else None

    def _turn_to(self, day: int) -> None:
        """At midnight: read the rolling days, which are exactly the day that ends, and let its regulars count."""
        if self._today is None:
            self._today = day
        if day <= self._today:
            return
        ended, self._today = self._today, day
        tops = self._tops[ended] = []
        for endpoint, rolling in sorted(self._live.days.items()):
            rolling.advance((ended + 1) * MINUTES_PER_DAY - WINDOW_MINUTES)
            read = day_tops(endpoint, ended, rolling, self._group.accused(endpoint.service, ended * MINUTES_PER_DAY, day * MINUTES_PER_DAY))
            if read.tops:
                tops.append(read)
        self._knowledge.regulars.turn_to(day)

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
            self._knowledge.baselines.put(baselines)

    # judging

    def _judge(self, windows: Iterable[LiveWindow], *, ended: bool = False) -> None:
        found: list[tuple[Finding, LiveWindow]] = []
        for window in windows:
            judgement = judge(window, self._knowledge.baseline(window.endpoint), self._detectors, self._limits, ended=ended)
            if judgement.findings or judgement.failures:
                found.extend((finding, window) for finding in (*judgement.findings, *self._failed(judgement.failures, window)))
            window.day.touched = EMPTY
            if not ended:
                window.judged()
            elif not window.dirty and not judgement.findings and not judgement.failures and not is_service_endpoint(window.endpoint):
                self._live.pack(window, is_running=False)
        if len(found) > 1:
            found.sort(key=lambda one: finding_order(one[0]))
        for finding, window in found:
            self._accuse(finding, window)

    def _failed(self, failures: Iterable[Failure], window: LiveWindow) -> list[Finding]:
        """A detector that failed is a finding itself, where the detector that says so is among the detectors."""
        found = []
        for failure in failures:
            self._written.failures.append(failure)
            if FAILURE in self._group.detectors:
                sighting = Sighting(1, unit="failures", parameter=failure.detector, evidence={"error": failure.error})
                found.append(Finding(FAILURE, window.endpoint, window.start, window.minute, Severity.LOW, sighting))
        return found

    def _accuse(self, finding: Finding, window: LiveWindow) -> None:
        """Group the finding into an alert, and keep what it accuses from being learned unless a rule expects it."""
        sighting = finding.sighting
        window.find(finding.detector)
        key, taints = self._group.key(finding), self._group.detectors[finding.detector].taints
        if not self._group.rules.teaching(key, window.start, window.start + WINDOW_MINUTES):
            window.mark(key, sighting.actor, taints.format(status_class=sighting.status_class, parameter=sighting.parameter))
        if self._notes is None:
            service = self._live.at(window.start).get(self._live.service(finding.endpoint.service))
            self._group.traffic(finding.endpoint.service, window.start, service.n if service is not None else 0)
        self._group.add(finding, self._knowledge.context(finding.endpoint))

    # what goes out

    def _drained(self) -> Step:
        written, self._written = self._written, Written()
        late = self._drained_late()
        changed = self._drained_changed()
        alerts, incidents = self._group.drain()
        return Step(
            positions=dict(self._positions),
            watermark=self._watermark.at,
            closed_until=self._closed_until,
            learned=self._live.drain_learned(),
            changed=changed,
            closed=written.closed,
            late=late,
            alerts=alerts,
            folded=self._group.drain_folded(),
            incidents=incidents,
            activity=written.activity,
            behind=written.behind,
            regulars=self._knowledge.regulars.drain(),
            days=written.days,
            summaries=written.summaries,
            baselines=written.baselines,
            failures=written.failures,
            findings=self._notes.take() if self._notes is not None else Findings(),
        )

    def _drained_late(self) -> list[Late]:
        drained = []
        for (endpoint, start, partition, position), window in self._live.drain_late():
            window.accuse(self._group.accused(endpoint.service, start, start + WINDOW_MINUTES))
            record = record_of(window, self._seen(endpoint))
            drained.append(Late(endpoint, start, partition, position, record, activity_of(window)))
            if self._learner is not None:
                self._learner.add_late(endpoint, start, record)
        return drained

    def _drained_changed(self) -> list[WindowRow]:
        """The rows of the live windows that got calls since the last step."""
        changed: list[WindowRow] = []
        for start, windows in sorted(self._live.by_start.items()):
            for window in sorted((window for window in windows.values() if window.dirty), key=_endpoint):
                window.dirty = False
                changed.append(WindowRow(window.endpoint, start, record_of(window, self._seen(window.endpoint))))
        if self._ended_until is not None and self._watermark.at is not None:
            self._live.freeze(self._ended_until, self._watermark.at)
        return changed


def _endpoint(window: LiveWindow) -> Endpoint:
    return window.endpoint
