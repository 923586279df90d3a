"""Who evaluates what, where the evaluation is in shards: each endpoint has one shard, and what looks across endpoints is the lead's."""

from dataclasses import replace
from typing import NamedTuple

from model import Endpoint, is_service_endpoint
from pipeline.feed import CALLERS, JUDGED
from pipeline.placing import Placed

LEAD = 0
ACROSS = ("calls", CALLERS)
"""The tables that windows of whole services take in."""


class Share(NamedTuple):
    """Shard `number` 1 to `of`, or the lead, which is number 0."""

    number: int
    of: int

    @property
    def is_lead(self) -> bool:
        return self.number == LEAD

    def holds(self, endpoint: Endpoint) -> bool:
        """Whether its windows are of this share. The same endpoint is of the same one for ever, or until the number of shards changes."""
        if is_service_endpoint(endpoint) or self.is_lead:
            return self.is_lead and is_service_endpoint(endpoint)
        return self.holds_id(endpoint.id)

    def holds_id(self, id: str) -> bool:
        """As `holds`, by an endpoint's id; for no endpoint that stands for a service."""
        return not self.is_lead and int(id[:8], 16) % self.of == self.number - 1

    def part(self, placed: Placed) -> Placed:
        """What a tally holds for this share: its rows, with the numbers that they had."""
        tables = placed.tally.tables
        if self.is_lead:
            kept = {name: tables[name] for name in ACROSS if name in tables}
        else:
            own = {number for number, endpoint in enumerate(placed.tally.endpoints) if self.holds(endpoint)}
            kept = {
                name: found
                for name, rows in tables.items()
                if name in JUDGED and name != CALLERS and (found := [row for row in rows if row[1] in own])
            }
        return placed._replace(tally=replace(placed.tally, tables=kept))
