"""What the triggers share in one process: clients, built on first use from the settings."""

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from settings import Settings

if TYPE_CHECKING:
    from adapters.batches import BatchLog
    from adapters.evaluate import Evaluator
    from adapters.evidence import Evidence
    from adapters.ingest import Ingest
    from adapters.tables import Tables


class App:
    """Each trigger imports only what it uses: the storage SDKs cost more than the app itself at a cold start."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def tables(self) -> "Tables":
        from adapters.tables import Tables

        return Tables(self.settings.state)

    @cached_property
    def batches(self) -> "BatchLog":
        from adapters.batches import BatchLog

        return BatchLog(self.tables)

    @cached_property
    def evidence(self) -> "Evidence":
        from adapters.evidence import Evidence

        return Evidence(self.settings.evidence)

    @cached_property
    def hash_key(self) -> bytes:
        return self.settings.hash_key or self.evidence.hash_key()

    @cached_property
    def ingest(self) -> "Ingest":
        from adapters.batches import Tail
        from adapters.evaluate import read_progress
        from adapters.ingest import Ingest

        return Ingest(
            self.batches,
            self.evidence,
            self.hash_key,
            timedelta(hours=self.settings.max_event_age_hours),
            lambda partition: read_progress(self.tables).tails.get(partition, Tail(-1, None)),
        )

    @cached_property
    def evaluator(self) -> "Evaluator":
        from adapters.evaluate import Evaluator

        return Evaluator(self.tables, self.batches, self.hash_key, self.settings.window_close_minutes)
