"""The lead of an evaluation in shards: judges whole services, plans what the shards do next, and groups what all of them find, in event time.

A shard needs of the grouping one thing only: who is accused in a window that closes, or a day that ends, so that nobody learns of it. So windows close, and
days end, only in plans that say so; and such a plan is made once everything before it was found and grouped. That is the whole of what they wait for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from alerts.group import Grouping
from alerts.suppression import Rules
from model import WINDOW_MINUTES, Endpoint, Minute, minute_of, window_start
from pipeline.evaluation import CLOSE_AFTER, Evaluation
from pipeline.feed import JUDGED
from pipeline.findings import Accused, At, Calls, Findings, Found, finding_order
from pipeline.limits import Limits
from pipeline.plan import Plan
from pipeline.share import LEAD, Share
from pipeline.start import Criteria, EvaluationState
from pipeline.step import Regular, Step
from pipeline.watermark import Watermark
from windows.baseline import MINUTES_PER_DAY, Baseline
from windows.context import Context
from windows.tally import Tally


class Lead:
    """Feed tallies, ask for plans, hear what was found. Pure, as the evaluation is."""

    def __init__(
        self,
        shards: int,
        state: EvaluationState | None = None,
        criteria: Criteria | None = None,
        *,
        planned: int = 0,
        grouped: int = 0,
        close_after: int = CLOSE_AFTER,
        live_rows: bool = True,
    ) -> None:
        """`planned`, `grouped`: numbers of the last plan that was made, and that was grouped; what was found in between has to be heard again."""
        state, criteria = state or EvaluationState(settled=-1), criteria or Criteria()
        found = None if criteria.detectors is None else {one.id: one for one in criteria.detectors}
        self._shards = shards
        alerts = list(state.alerts)
        self._grouping = Grouping(alerts, state.incidents, found, state.folded)
        self._grouping.rules = criteria.rules or Rules()
        self._services = {alert.endpoint.service for alert in alerts}
        """Of which anything was found."""
        self._evaluation = Evaluation(state, criteria, close_after=close_after, live_rows=live_rows, share=Share(LEAD, shards))
        self._close_after = close_after
        self._watermark = Watermark(state.watermark)
        self._fed: set[str] = set()
        self._positions = dict(state.positions)
        self._is_history = False
        self._is_caught_up = True
        self._is_finishing = False
        self.planned, self.grouped = planned, grouped
        self._planned_to = state.watermark
        self._planned_positions: Mapping[str, int] = dict(state.positions)
        self.settled: Minute = state.settled
        self._learned: Mapping[Endpoint, Minute] = {}
        self._contexts: dict[Endpoint, Context] = {}
        self._step: Step | None = None
        self._heard: dict[int, dict[int, Findings]] = {}
        self._traffic: dict[tuple[str, Minute], int] = {}

    # what goes in

    def recall(self, partition: str, tally: Tally, position: int) -> None:
        self._watermark.reach(partition, _newest(tally))
        self._evaluation.recall(partition, tally, position)

    def settle(self, until: Minute) -> None:
        self._evaluation.settle(until)

    @property
    def is_hungry(self) -> bool:
        """Whether more may be fed: what is history is judged to its end first, so that it is judged the same however it was read."""
        return self._is_caught_up or not self._is_history

    def feed(self, partition: str, tally: Tally, position: int) -> None:
        if position <= self._positions.get(partition, -1):
            return
        self._positions[partition] = position
        self._fed.add(partition)
        self._watermark.reach(partition, _newest(tally))
        self._evaluation.feed(partition, tally, position)

    def placed(self, tally: Tally) -> Tally:
        return self._evaluation.placed(tally)

    def hear(self, number: int, shard: int, findings: Findings) -> None:
        """What a shard found while it followed a plan, or the lead itself, whose number is LEAD."""
        if number > self.grouped:
            self._heard.setdefault(number, {})[shard] = findings

    def know(self, contexts: Mapping[Endpoint, Context]) -> None:
        """To be told to the shards: what the inventory knows of endpoints."""
        self._contexts.update(contexts)

    def has_heard(self, number: int, shard: int) -> bool:
        return number <= self.grouped or shard in self._heard.get(number, {})

    def learn(self, baselines: Iterable[Baseline], regulars: Iterable[Regular] = ()) -> None:
        self._evaluation.learn(baselines, regulars)

    def judge_by(self, baselines: Iterable[Baseline]) -> None:
        self._evaluation.judge_by(baselines)

    def limit(self, limits: Limits) -> None:
        self._evaluation.limit(limits)

    def suppress(self, rules: Rules) -> None:
        self._evaluation.suppress(rules)
        self._grouping.rules = rules

    # planning

    def plan(self, now: datetime) -> Plan | None:
        """The next plan, which the lead has followed itself. None where there is nothing to do, or what has to be done waits for what the shards find."""
        if self._is_caught_up or not self._is_history:
            clock = minute_of(now)
            self._watermark.advance(clock, self._fed)
            self._fed.clear()
            self._is_history = self._watermark.is_history(clock)
        return self._next()

    def finish(self) -> Plan | None:
        """Nothing more will come: as `plan`, until everything is judged and closed. For the back-test."""
        if not self._is_finishing and not self._is_caught_up:
            return self._next()
        if not self._is_finishing and self._watermark.at is not None:
            waiting = self._waiting()
            self._watermark.raise_to(waiting[1] if waiting else 0)
            self._watermark.raise_to(self._watermark.at + 2 * WINDOW_MINUTES + self._close_after)
            self._is_history = self._is_finishing = True
        return self._next()

    def _next(self) -> Plan | None:
        target, waiting = self._watermark.at, self._waiting()
        if target is None:
            return None
        first, last = waiting or (target, target)
        closed_until, settled = self._opened(min(first, target))
        edge = self._edge(closed_until, settled)
        is_day_over = not self._is_history and waiting is not None and self._midnight(settled) <= last
        is_due = target >= edge and (not self._is_history or self._is_walked(edge))
        if (is_due or is_day_over) and self.grouped == self.planned:
            return self._settling(self._midnight(settled) if is_day_over and not is_due else edge, closed_until, target, min(first, target))
        if is_day_over or (is_due and self._is_history):
            return None
        return self._walking(min(target, edge), closed_until, settled, edge)

    def _waiting(self) -> tuple[Minute, Minute] | None:
        """The first and the last minute of what was fed and not judged yet; None where there is nothing."""
        pending = self._evaluation.pending
        return (min(pending), max(pending)) if pending else None

    def _is_walked(self, edge: Minute) -> bool:
        """Whether nothing is to be judged before this minute."""
        waiting, planned_to = self._waiting(), self._planned_to
        is_judged = self._evaluation.is_empty or (planned_to is not None and planned_to >= edge)  # windows end before the edge, too
        return is_judged and (waiting is None or waiting[0] >= edge)

    def _opened(self, until: Minute) -> tuple[Minute, Minute]:
        """Where closing has come to, or begins; up to where is settled who is accused."""
        closed_until = self._evaluation.closed_until
        if closed_until is not None:
            return closed_until, self.settled
        closed_until = window_start(until) - WINDOW_MINUTES * -(-self._close_after // WINDOW_MINUTES)
        return closed_until, closed_until + self._close_after

    def _edge(self, closed_until: Minute, settled: Minute) -> Minute:
        """Up to where nobody asks who is accused."""
        return min(closed_until + WINDOW_MINUTES + self._close_after, self._midnight(settled))

    def _midnight(self, settled: Minute) -> Minute:
        return (settled // MINUTES_PER_DAY + 1) * MINUTES_PER_DAY

    def _walking(self, watermark: Minute, closed_until: Minute, settled: Minute, edge: Minute) -> Plan | None:
        """What calls for no settling."""
        waiting = self._waiting()
        is_new = self._positions != self._planned_positions or self._planned_to is None or watermark > self._planned_to
        if is_new or (waiting is not None and (not self._is_history or waiting[0] < watermark)):
            return self._made(watermark, closed_until, settled, self._late(closed_until), edge)
        self._is_caught_up = True
        return None

    def _settling(self, edge: Minute, closed_until: Minute, target: Minute, until: Minute) -> Plan:
        """Windows close, a day ends, or a silent age is passed over."""
        closed = closed_until
        closes = closed + WINDOW_MINUTES + self._close_after
        if edge == closes and self._evaluation.is_empty and self._grouping.idle and until - closes > 2 * MINUTES_PER_DAY:
            closed = window_start(until) - MINUTES_PER_DAY
            settled = closed + self._close_after
            return self._made(edge, closed, settled, {}, self._edge(closed, settled))
        self._grouping.pass_time(edge)
        is_closing, midnight = edge == closes, self._midnight(self.settled)
        accused = self._late(closed + WINDOW_MINUTES * is_closing)
        if is_closing:
            accused[closed, closed + WINDOW_MINUTES] = self._accused(closed, closed + WINDOW_MINUTES)
        if edge == midnight:
            accused[edge - MINUTES_PER_DAY, edge] = self._accused(edge - MINUTES_PER_DAY, edge)
        after = self._edge(closed + WINDOW_MINUTES * is_closing, edge)
        return self._made(edge if self._is_history else min(target, after), closed_until, edge, accused, after)

    def _late(self, closed_until: Minute) -> dict[tuple[Minute, Minute], Mapping[str, frozenset[str]]]:
        """Who is accused in the windows that get calls too late."""
        windows: dict[Minute, set[str]] = {}
        for minute, slices in self._evaluation.pending.items():
            if (start := window_start(minute)) + WINDOW_MINUTES <= closed_until:
                windows.setdefault(start, set()).update(of.source.tally.endpoints[row[1]].service for of in slices for row in of.rows)
        return {
            (start, start + WINDOW_MINUTES): self._accused(start, start + WINDOW_MINUTES, services) for start, services in windows.items()
        }

    def _accused(self, start: Minute, end: Minute, services: Iterable[str] | None = None) -> dict[str, frozenset[str]]:
        asked = self._services if services is None else services
        found = ((service, frozenset(self._grouping.accused(service, start, end))) for service in asked)
        return {service: actors for service, actors in found if actors}

    def _made(self, watermark: Minute, closed_until: Minute, settled: Minute, accused: Accused, edge: Minute) -> Plan:
        """`edge`: the one that comes after it."""
        self.planned += 1
        opened = closed_until if closed_until != self._evaluation.closed_until else None
        watermark = watermark if self._planned_to is None else max(watermark, self._planned_to)
        plan = Plan(
            self.planned, dict(self._positions), watermark, self._is_history, settled, accused, self._contexts, self._learned, opened
        )
        self._contexts = {}
        target = watermark if self._watermark.at is None else self._watermark.at
        self._is_caught_up = not self._is_history or (watermark >= target and edge > target)
        self._step = self._evaluation.follow(plan, learns=self._is_caught_up and not self._is_finishing)
        self._planned_to, self._planned_positions, self.settled, self._learned = watermark, plan.positions, settled, self._step.learned
        self.hear(plan.number, LEAD, self._step.findings)
        return plan

    # grouping

    def group(self) -> None:
        """What all have found of the plans that come next."""
        while len(heard := self._heard.get(self.grouped + 1, {})) == self._shards + 1:
            self._replay([findings for _, findings in sorted(heard.items())])
            self.grouped += 1
            del self._heard[self.grouped]

    def _replay(self, heard: list[Findings]) -> None:
        found: dict[At, list[Found]] = {}
        calls: dict[At, list[Calls]] = {}
        for findings in heard:
            for one in findings.found:
                found.setdefault(one.at, []).append(one)
            for count in findings.calls:
                calls.setdefault(count.at, []).append(count)
        passed = {At(minute, 0) for minute in heard[0].passed}
        for at in sorted(passed | found.keys() | calls.keys()):
            if at in passed:
                self._pass_time(at.minute)
            self._traffic.update(((count.service, count.window), count.n) for count in calls.get(at, ()))
            for one in sorted(found.get(at, ()), key=lambda one: finding_order(one.finding)):
                of = one.finding.endpoint.service, one.finding.window
                self._grouping.traffic(*of, self._traffic.get(of, 0))
                self._grouping.add(one.finding, one.context)
                self._services.add(of[0])

    def _pass_time(self, minute: Minute) -> None:
        self._grouping.pass_time(minute)
        for of in [of for of in self._traffic if of[1] + WINDOW_MINUTES + self._close_after <= minute]:
            del self._traffic[of]

    def drain(self) -> Step:
        """What has to be written since the last call: of the last plan, and of what was grouped."""
        alerts, incidents = self._grouping.drain()
        step = self._step or Step(self._planned_positions, self._planned_to, self._evaluation.closed_until)
        self._step = None
        return replace(step, alerts=alerts, incidents=incidents, folded=self._grouping.drain_folded())


def _newest(tally: Tally) -> Minute:
    return tally.since + max((rows[-1][0] for name, rows in tally.tables.items() if rows and name in JUDGED), default=-tally.since - 1)
