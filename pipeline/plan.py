"""What the lead tells its shards to do next: up to where they read, how far event time has come, and who is accused in what closes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from model import Endpoint, Minute
from pipeline.findings import Accused
from windows.context import Context


@dataclass(frozen=True, slots=True)
class Plan:
    """Plans are followed one by one in the order of their numbers. Whoever follows the same ones does the same."""

    number: int
    positions: Mapping[str, int]
    """Partition -> position of the last tally that belongs to it."""
    watermark: Minute
    is_history: bool
    settled: Minute
    """Windows close, and days end, up to this minute: who is accused in them is known."""
    accused: Accused = field(default_factory=dict)
    """Of what closes, what ends, and what is late. Personal data."""
    contexts: Mapping[Endpoint, Context] = field(default_factory=dict)
    """What the inventory has learned of endpoints since the plan before."""
    learned: Mapping[Endpoint, Minute] = field(default_factory=dict)
    """Endpoints that hold for tallies from this plan on."""
    closed_until: Minute | None = None
    """Where closing begins, or goes on after a silent age; None: where it was."""
