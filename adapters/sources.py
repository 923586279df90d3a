"""What every part of the evaluation reads from and is measured by."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adapters import suppressions
from adapters.batches import BatchLog
from adapters.progress import Progress
from adapters.tables import Tables
from adapters.tombstones import TombstoneStore
from alerts.suppression import Rules
from pipeline.limits import Limits
from retention.policy import Promises, promises

if TYPE_CHECKING:
    from adapters.drift_step import DriftStep

Divide = Callable[[Progress, datetime, datetime], bool]
"""Progress as it is stored, now, deadline -> whether the evaluation is divided as it should be by then."""
FRESH = timedelta(minutes=1)
"""How long a new suppression rule may take to be in force."""


@dataclass
class Sources:
    """`limits`: those in force at a moment; without it the detectors' own. `drift`: compares the inventory with what is declared. `clock`: what a claim is
    measured by."""

    tables: Tables
    batches: BatchLog
    key: bytes
    close_after: int
    tombstones: TombstoneStore | None = None
    kept: Promises = field(default_factory=promises)
    limits: Callable[[datetime], Limits] = field(default=lambda _: Limits())
    drift: "DriftStep | None" = None
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    _rules: Rules = field(default_factory=Rules)
    _rules_until: datetime | None = None

    @property
    def stones(self) -> TombstoneStore:
        if self.tombstones is None:
            self.tombstones = TombstoneStore(self.tables, self.key)
        return self.tombstones

    def rules(self, now: datetime) -> Rules:
        """The suppression rules in force; the same object while they are the same."""
        if self._rules_until is None or now >= self._rules_until:
            self._rules, self._rules_until = Rules(suppressions.read(self.tables)), now + FRESH
        return self._rules
