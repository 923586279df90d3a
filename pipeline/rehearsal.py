"""The whole of Gatewatch without its storage: calls are looked into, folded, judged, and become part of the inventory, in the order in which the app does it.

The back-test, the proofs and the tests drive it, so what raises an alert here raises it there.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from model import WINDOW_MINUTES, ApiCall, minute_of
from pipeline.contents import Look
from pipeline.ensemble import Ensemble
from pipeline.evaluation import CLOSE_AFTER, Evaluation
from pipeline.fold import fold
from pipeline.learn import Learner
from pipeline.limits import Limits
from pipeline.looks import Looks
from pipeline.start import Criteria
from pipeline.step import Step
from posture.inventories import Inventories
from posture.inventory import merge

KEY = b"a back-test keeps no values at all"
PARTITION = "0"
HISTORY = datetime(9999, 1, 1, tzinfo=UTC)
"""A clock so late that every event is history: judged behind its watermark, minute by minute."""


class Rehearsal:
    def __init__(
        self,
        *,
        look_into: Callable[[bytes], Look] | None = None,
        listed: Callable[[str], Iterable[tuple[str, str]]] | None = None,
        limits: Limits | None = None,
        country: Callable[[str], str] | None = None,
        shards: int = 1,
    ) -> None:
        """`look_into`: what one message carries; without it nobody looks. `listed`: (rule, list) for each list that an address is on. `country`: two letters, or "", of an address."""
        self._looks = Looks(look_into, KEY) if look_into is not None else None
        self._listed, self._country = listed, country
        criteria = Criteria(limits=limits)
        self._evaluation: Evaluation | Ensemble
        if shards == 1:
            self._evaluation = Evaluation(criteria=criteria, learner=Learner(), live_rows=False)
        else:
            self._evaluation = Ensemble(shards, criteria, learner=Learner(), live_rows=False)
        self._inventories = Inventories()
        self._position = -1

    def play(self, calls: Sequence[ApiCall], messages: Sequence[bytes] | None = None, now: datetime = HISTORY) -> Step:
        """Judge one batch of calls. `messages`: the events that they were decoded from; without them nobody looks."""
        looks = self._looks.of(calls, messages) if self._looks is not None and messages is not None else None
        tally = fold(calls, KEY, looks, listed=self._listed, country=self._country)
        self._position += 1
        self._evaluation.feed(PARTITION, tally, self._position)
        step = self._evaluation.step(now)
        changed = merge(self._inventories, [(PARTITION, self._position, self._evaluation.placed(tally))], KEY, is_own=True)
        at = step.watermark if step.watermark is not None else minute_of(now)
        aged = [one.aged(at) for one in changed.values()]
        self._inventories.put(aged)
        self._evaluation.know({one.endpoint: one.context() for one in aged})
        return step

    def finish(self) -> Step:
        """Nothing more will come: judge and close everything."""
        return self._evaluation.finish()

    def finishing(self) -> Iterator[Step]:
        """As `finish`, where there is one shard a window a step: memory need not hold all that is closed."""
        if not isinstance(self._evaluation, Evaluation):
            yield self.finish()
            return
        for _ in range(0, 2 * WINDOW_MINUTES + CLOSE_AFTER, WINDOW_MINUTES):
            yield self._evaluation.finish(by=WINDOW_MINUTES)
