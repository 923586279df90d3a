"""An evaluation in shards within one process: the lead and its shards, each at its own pace. For the back-test and the tests.

The app runs the same lead and the same shards, each on an instance of its own; what goes from one to the other here goes through tables there.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

from model import Endpoint, Minute, is_service_endpoint
from pipeline.evaluation import CLOSE_AFTER, Evaluation
from pipeline.lead import Lead
from pipeline.learn import DayTops, Learner
from pipeline.plan import Plan
from pipeline.share import Share
from pipeline.start import Criteria, EvaluationState
from pipeline.step import Step
from windows.baseline import MINUTES_PER_DAY
from windows.context import Context
from windows.tally import Tally


@dataclass(slots=True)
class _Shard:
    share: Share
    evaluation: Evaluation
    tallies: deque[tuple[str, Tally, int]] = field(default_factory=deque)
    plans: deque[Plan] = field(default_factory=deque)


class Ensemble:
    """Takes what an Evaluation takes, and answers with the same steps."""

    def __init__(
        self,
        shards: int,
        criteria: Criteria | None = None,
        *,
        learner: Learner | None = None,
        close_after: int = CLOSE_AFTER,
        live_rows: bool = True,
    ) -> None:
        state = EvaluationState(settled=-1)
        self._lead = Lead(shards, state, criteria, close_after=close_after, live_rows=live_rows)
        shares = [Share(number, shards) for number in range(1, shards + 1)]
        self._shards = [_Shard(one, Evaluation(state, criteria, close_after=close_after, live_rows=live_rows, share=one)) for one in shares]
        self._learner = learner
        self._tops: list[DayTops] = []
        self._day: int | None = None
        """The day that ended with the last plan: what it teaches comes before the next."""
        self._closed_until: Minute | None = None

    def feed(self, partition: str, tally: Tally, position: int) -> None:
        """Only while `is_hungry`."""
        self._lead.feed(partition, tally, position)
        for shard in self._shards:
            shard.tallies.append((partition, tally, position))

    @property
    def is_hungry(self) -> bool:
        return self._lead.is_hungry

    @property
    def is_behind(self) -> bool:
        """Whether a plan is not grouped yet."""
        return self._lead.grouped < self._lead.planned

    def placed(self, tally: Tally) -> Tally:
        return self._lead.placed(tally)

    def know(self, contexts: Mapping[Endpoint, Context]) -> None:
        self._lead.know(contexts)

    def step(self, now: datetime | None) -> Step:
        """Everything that can be done. `now` None: nothing more will come."""
        steps = [self.lead(now)]
        while self.is_behind:
            steps += [self.shard(number) for number in range(len(self._shards))]
            steps.append(self.lead(now))
        return together(steps)

    def finish(self) -> Step:
        return self.step(None)

    def lead(self, now: datetime | None) -> Step:
        """A turn of the lead: group what was found, and plan what can be planned."""
        self._lead.group()
        learned = Step({}, None, None)
        if self._day is not None:
            if self.is_behind:
                return self._lead.drain()
            learned, self._day, self._tops = self._learn(self._day), None, []
        plan = self._lead.finish() if now is None else self._lead.plan(now)
        step = self._lead.drain()
        if plan is not None:
            for shard in self._shards:
                shard.plans.append(plan)
            closed, self._closed_until = self._closed_until, step.closed_until
            if closed is not None and plan.closed_until is None and step.closed_until not in (None, closed):
                self._day = closed // MINUTES_PER_DAY if (step.closed_until or 0) % MINUTES_PER_DAY == 0 else None
        self._note(step)
        return together([step, learned])

    def shard(self, number: int) -> Step:
        """A turn of one shard: follow its next plan, if there is one."""
        shard = self._shards[number]
        if not shard.plans:
            return Step({}, None, None)
        plan = shard.plans.popleft()
        shard.evaluation.prepare(plan)
        while shard.tallies and shard.tallies[0][2] <= plan.positions.get(shard.tallies[0][0], -1):
            shard.evaluation.feed(*shard.tallies.popleft())
        step = shard.evaluation.follow(plan)
        self._lead.hear(plan.number, number + 1, step.findings)
        self._note(step)
        return step

    def _note(self, step: Step) -> None:
        if self._learner is None:
            return
        for row in step.closed:
            self._learner.add(row)
        for late in step.late:
            self._learner.add_late(late.endpoint, late.window, late.record)
        self._tops += step.days

    def _learn(self, day: int) -> Step:
        if self._learner is None:
            return Step({}, None, None)
        summaries, baselines = self._learner.close(day, [top for top in self._tops if top.day == day])
        self._lead.judge_by(one for one in baselines if is_service_endpoint(one.endpoint))
        for shard in self._shards:
            shard.evaluation.judge_by(one for one in baselines if is_service_endpoint(one.endpoint) or shard.share.holds(one.endpoint))
        return Step({}, None, None, summaries=summaries, baselines=baselines)


def together(steps: Iterable[Step]) -> Step:
    """The steps as one: what the last lead says stands, and everything else adds up."""
    steps = list(steps)
    last = next((step for step in reversed(steps) if step.watermark is not None), steps[-1])
    return replace(
        last,
        learned={endpoint: since for step in steps for endpoint, since in step.learned.items()},
        changed=list(chain.from_iterable(step.changed for step in steps)),
        closed=list(chain.from_iterable(step.closed for step in steps)),
        late=list(chain.from_iterable(step.late for step in steps)),
        alerts=list(chain.from_iterable(step.alerts for step in steps)),
        folded=list(chain.from_iterable(step.folded for step in steps)),
        incidents=list(chain.from_iterable(step.incidents for step in steps)),
        activity=list(chain.from_iterable(step.activity for step in steps)),
        behind=list(chain.from_iterable(step.behind for step in steps)),
        regulars=list(chain.from_iterable(step.regulars for step in steps)),
        days=list(chain.from_iterable(step.days for step in steps)),
        summaries=list(chain.from_iterable(step.summaries for step in steps)),
        baselines=list(chain.from_iterable(step.baselines for step in steps)),
        failures=list(chain.from_iterable(step.failures for step in steps)),
    )
