"""What was observed of an endpoint's form: statuses, parameters and their types, media types, fields of bodies; names and counts, no value and no caller.

Kept in two generations of 30 days by the calendar, so that what is gone from the traffic is gone from here after 30 to 60 days, whatever the order in which
tallies come. How many callers showed something is counted up to three, by marks of 12 bits of a keyed hash: too short to find anyone by.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from model import OTHER, Minute
from windows.values import VALUE_TYPES

GENERATION = 30 * 24 * 60
"""Minutes."""
MARKS = 3
MARK_BITS = 12
PARAMETERS, MEDIA, STATUSES, FIELDS, REVISIONS, KINDS_OF_PROOF = 100, 24, 60, 240, 12, 16
"""Kept of one endpoint and generation, each; what comes later is not taken in."""
DAY = 24 * 60


class Seen(msgspec.Struct, array_like=True):
    """How often, from when to when, and by how many callers: `marks` of the first three."""

    n: int
    first: Minute
    last: Minute
    marks: list[int] = []

    @property
    def is_of_two_days(self) -> bool:
        return self.last // DAY > self.first // DAY


class NameSeen(msgspec.Struct, array_like=True):
    """A parameter or a field. `types`: index into VALUE_TYPES -> how often."""

    seen: Seen
    types: dict[int, int] = {}

    def narrow(self, share: float = 0.01) -> list[str]:
        """Its value types, the most frequent first, without those below a share of the whole."""
        total = sum(self.types.values())
        found = sorted(((n, index) for index, n in self.types.items() if n >= share * total and index < len(VALUE_TYPES)), reverse=True)
        return [VALUE_TYPES[index] for _, index in found]


class Generation(msgspec.Struct):
    """Thirty days. `ok`: calls answered 2xx; parameters count in those alone. Media types are "request application/json"; fields are
    "response $.payee.iban", of bodies answered 2xx; `bodies`: how many bodies were listed, by direction."""

    index: int
    calls: int = 0
    ok: int = 0
    statuses: dict[int, Seen] = {}
    parameters: dict[str, NameSeen] = {}
    media: dict[str, Seen] = {}
    bodies: dict[str, int] = {}
    fields: dict[str, NameSeen] = {}
    plain: Seen | None = None
    """Calls over plain http."""
    revisions: dict[int, Seen] = {}


class Shape(msgspec.Struct):
    young: Generation
    old: Generation | None = None

    def at(self, minute: Minute) -> Generation | None:
        """The generation that a minute belongs to; None where it is past keeping."""
        index = minute // GENERATION
        if index > self.young.index:
            self.old = self.young if self.young.index == index - 1 else None
            self.young = new(index)
        if index == self.young.index:
            return self.young
        if index == self.young.index - 1:
            if self.old is None or self.old.index != index:
                self.old = new(index)
            return self.old
        return None

    def whole(self) -> Generation:
        """Both generations as one, to read."""
        return together(self.old, self.young) if self.old is not None else self.young

    def last(self) -> Minute:
        return max((seen.last for seen in self.whole().statuses.values()), default=-1)


class Call(NamedTuple):
    """What the rows of a tally's tables have in common."""

    minute: Minute
    n: int
    mark: int = -1
    """-1: nobody's."""


def new(index: int) -> Generation:
    return Generation(index, statuses={}, parameters={}, media={}, bodies={}, fields={}, revisions={})


def add(seen: Seen | None, call: Call) -> Seen:
    if seen is None:
        return Seen(call.n, call.minute, call.minute, [call.mark] if call.mark >= 0 else [])
    seen.n += call.n
    seen.first, seen.last = min(seen.first, call.minute), max(seen.last, call.minute)
    if call.mark >= 0 and len(seen.marks) < MARKS and call.mark not in seen.marks:
        seen.marks.append(call.mark)
    return seen


def count(known: dict[Any, Seen], key: Any, call: Call, cap: int) -> None:
    if key in known or len(known) < cap:
        known[key] = add(known.get(key), call)


def count_name(known: dict[str, NameSeen], name: str, value_type: int, call: Call, cap: int) -> None:
    one = known.get(name)
    if one is None:
        if len(known) >= cap:
            return
        known[name] = NameSeen(add(None, call), {value_type: call.n})
        return
    add(one.seen, call)
    one.types[value_type] = one.types.get(value_type, 0) + call.n


def together(a: Generation, b: Generation) -> Generation:
    return Generation(
        b.index,
        a.calls + b.calls,
        a.ok + b.ok,
        _joined(a.statuses, b.statuses),
        joined_names(a.parameters, b.parameters),
        _joined(a.media, b.media),
        {key: a.bodies.get(key, 0) + b.bodies.get(key, 0) for key in {**a.bodies, **b.bodies}},
        joined_names(a.fields, b.fields),
        _both(a.plain, b.plain),
        _joined(a.revisions, b.revisions),
    )


def copied(shape: Shape | None) -> Shape | None:
    """A shape that can be changed without changing the one that it was copied from."""
    if shape is None:
        return None
    return Shape(*(None if one is None else together(new(one.index), one) for one in (shape.young, shape.old)))  # type: ignore[arg-type]


def _both(a: Seen | None, b: Seen | None) -> Seen | None:
    if a is None or b is None:
        one = a or b
        return Seen(one.n, one.first, one.last, list(one.marks)) if one is not None else None
    return Seen(a.n + b.n, min(a.first, b.first), max(a.last, b.last), list(dict.fromkeys((*a.marks, *b.marks)))[:MARKS])


def _joined(a: Mapping[Any, Seen], b: Mapping[Any, Seen]) -> dict[Any, Seen]:
    return {key: seen for key in {**a, **b} if (seen := _both(a.get(key), b.get(key))) is not None}


def joined_names(a: Mapping[str, NameSeen], b: Mapping[str, NameSeen]) -> dict[str, NameSeen]:
    found = {}
    for name in {**a, **b}:
        one, two = a.get(name), b.get(name)
        seen = _both(one.seen if one else None, two.seen if two else None)
        if seen is not None:
            found[name] = NameSeen(seen, _sums(one.types if one else {}, two.types if two else {}))
    return found


def _sums(a: Mapping[int, int], b: Mapping[int, int]) -> dict[int, int]:
    return {key: a.get(key, 0) + b.get(key, 0) for key in {**a, **b}}


def proofs(evidence: str) -> Iterator[str]:
    """The kinds that prove a caller: "jwt?", shown and not validated, proves nothing, and neither does what overflowed."""
    for proof in evidence.split("+"):
        if proof and not proof.endswith("?") and proof != OTHER:
            yield proof


def is_proven(evidence: str) -> bool:
    return any(True for _ in proofs(evidence))


def shown(names: Iterable[str]) -> list[str]:
    """Names without the bucket of what overflowed."""
    return sorted(name for name in names if not name.endswith((OTHER, f":{OTHER}")))
