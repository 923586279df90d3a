"""What has changed in the estate lately: endpoints that are new, changed, unused or gone."""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from model import Endpoint, Minute
from posture.inventory import Inventory
from posture.inventory_ledger import Ledger
from posture.inventory_row import MONTH, Row
from posture.inventory_shape import DAY, MARKS

Change = Literal["new", "changed", "unused", "gone"]
LEARNING = 3 * DAY
"""Minutes after an endpoint's first call in which what it shows is not news."""


class Changed(NamedTuple):
    """`what`: in words, with names only."""

    endpoint: Endpoint
    change: Change
    when: Minute
    what: str


def of_row(row: Row, began: Minute) -> Iterator[Changed]:
    """Of one endpoint's row. `began`: minute of the first event of its gateway: what was there from the start is not new."""
    if row.first is not None and row.first > began + DAY:
        yield Changed(row.endpoint, "new", row.first, "first call")
    if row.status == "Inactive" and row.last is not None:
        yield Changed(row.endpoint, "unused", row.last + MONTH, "30 days without a call")
    for one in row.exposures:
        if row.first is not None and one.confidence and one.first > row.first + LEARNING:
            yield Changed(row.endpoint, "changed", one.first, f"{one.type} in {one.place}")


def of_shape(known: Inventory) -> Iterator[Changed]:
    """What an endpoint shows that it did not show in its first days: parameters and statuses of several callers."""
    if known.shape is None:
        return
    shape, since = known.shape.whole(), known.first + LEARNING
    for name, one in sorted(shape.parameters.items()):
        if one.seen.first > since and len(one.seen.marks) >= MARKS:
            yield Changed(known.endpoint, "changed", one.seen.first, f"parameter {name}")
    for status, seen in sorted(shape.statuses.items()):
        if seen.first > since and len(seen.marks) >= MARKS:
            yield Changed(known.endpoint, "changed", seen.first, f"status {status}")
    for name, seen in sorted(shape.media.items()):
        if seen.first > since and seen.is_of_two_days:
            yield Changed(known.endpoint, "changed", seen.first, f"media type {name}")


def of_ledger(ledger: Ledger) -> Iterator[Changed]:
    """What the description of an API says that it did not say before."""
    for name, entry in sorted(ledger.operations.items()):
        method, _, template = name.partition(" ")
        endpoint = Endpoint(ledger.service, ledger.api, method, template)
        if entry.last < ledger.taken:
            yield Changed(endpoint, "gone", entry.last, "described no longer")
            continue
        if entry.first > ledger.began:
            yield Changed(endpoint, "new", entry.first, "described")
        if entry.changed > ledger.began:
            yield Changed(endpoint, "changed", entry.changed, "its description")


def counted(found: Iterable[Changed], now: Minute, days: int) -> dict[Change, int]:
    """Endpoints by change in the last days; one that changed twice counts once."""
    kinds: dict[Change, set[tuple[str, ...]]] = {"new": set(), "changed": set(), "unused": set(), "gone": set()}
    for one in found:
        if now - days * DAY < one.when <= now:
            kinds[one.change].add(one.endpoint[:4])
    return {change: len(endpoints) for change, endpoints in kinds.items()}
