"""The inventory between two ticks: what is seen counts at once, and is written when it says something new, or with everything else some minutes later, or
as soon as nothing more comes.

On a busy hub every batch touches hundreds of endpoints, and writing each of their rows for every batch was most of what evaluation wrote.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from adapters import inventory
from adapters.batches import Tail
from adapters.tables import Tables
from model import Endpoint, Minute
from posture.inventories import Inventories
from posture.inventory import Inventory, merge
from posture.inventory_coverage import Coverage, cover
from windows.context import Context
from windows.tally import Tally

if TYPE_CHECKING:
    from adapters.drift_step import DriftStep

EVERY = timedelta(minutes=10)
"""How far a row's counts may lag behind while calls come."""
MOST_BATCHES = 2_000
"""So many batches are not left to be read again after a cold start."""

Tallies = list[tuple[str, int, Tally]]


class Stock:
    def __init__(self, known: Iterable[tuple[Endpoint, Inventory | None]], coverages: Mapping[str, Coverage], key: bytes) -> None:
        """`known`: as it was written, read once; None for an endpoint of which nothing is known yet. `coverages`: when each gateway was heard. `key` keys the hashes
        of addresses."""
        self._key = key
        self._coverages = dict(coverages)
        self._uncovered: set[str] = set()
        self._endpoints: set[Endpoint] = set()
        self._inventories = Inventories()
        self._contexts: dict[Endpoint, Context] = {}
        self._news: dict[Endpoint, int] = {}
        for endpoint, one in known:
            self._endpoints.add(endpoint)
            if one is not None:
                self._know([one])
        self._said = dict(self._news)
        self._unwritten: set[Endpoint] = set()
        self._batches = 0
        self._written: datetime | None = None

    def contexts(self) -> dict[Endpoint, Context]:
        return dict(self._contexts)

    def _know(self, inventories: Iterable[Inventory]) -> dict[Endpoint, Context]:
        """What is known now of these endpoints."""
        contexts = {}
        for one in inventories:
            self._inventories.put((one,))
            self._news[one.endpoint] = hash(one.news())
            contexts[one.endpoint] = self._contexts[one.endpoint] = one.context()
        return contexts

    def admit(self, tables: Tables, learned: Mapping[Endpoint, Minute], endpoints: Iterable[Endpoint]) -> None:
        """Store from when on the learned endpoints hold, and give the new ones among these endpoints a row."""
        inventory.learn(tables, learned)
        new = set(endpoints) - self._endpoints
        if new:
            inventory.admit(tables, new)
            self._endpoints |= new

    def take(self, tallies: Tallies, now: Minute) -> dict[Endpoint, Context]:
        """Count some tallies, which were placed; what is known now of the endpoints concerned. What a row holds already is not counted again."""
        changed = self._know(one.aged(now) for one in merge(self._inventories, tallies, self._key, is_own=True).values())
        covered = cover(self._coverages, (tally for _, _, tally in tallies))
        self._uncovered |= covered.keys()
        self._coverages |= covered
        self._unwritten |= changed.keys()
        self._batches += len(tallies)
        return changed

    def compare(self, drift: "DriftStep", now: datetime) -> dict[Endpoint, Context]:
        """Compare with what is declared, when it is time; what is known now of the endpoints that this changed."""
        return self._know(drift.run(self._inventories, self._coverages, now))

    def write(self, tables: Tables, tails: Mapping[str, Tail], now: datetime, *, is_quiet: bool) -> dict[str, Tail] | None:
        """Write the rows that have something new to say, and all of them where it is time. Then answers how far the rows have come, else None. `is_quiet`:
        nothing came since the tick before."""
        is_time = self._written is None or now - self._written >= EVERY or self._batches >= MOST_BATCHES or (is_quiet and self._batches > 0)
        due = [endpoint for endpoint in self._unwritten if is_time or self._said.get(endpoint) != self._news[endpoint]]
        inventory.write(tables, (self._inventories[endpoint] for endpoint in due))
        self._said.update((endpoint, self._news[endpoint]) for endpoint in due)
        self._endpoints.update(due)
        self._unwritten.difference_update(due)
        if not is_time:
            return None
        inventory.write_coverage(tables, (self._coverages[service] for service in self._uncovered))
        self._uncovered.clear()
        self._written, self._batches = now, 0
        return dict(tails)
