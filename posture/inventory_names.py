"""What an inventory of an earlier version holds under names that callers wrote and that may be values: brought to the names that are kept today."""

from collections.abc import Callable, Mapping

import msgspec

from model import OTHER
from posture.inventory import Day, Exposure, Inventory
from posture.inventory_shape import Generation, NameSeen, Shape, joined_names
from posture.names import kept_parameter, kept_place


def with_kept_names(known: Inventory, evidence: Callable[[str], str]) -> Inventory:
    """The same inventory where nothing in it is to be renamed. `evidence`: of what proved a caller what is kept."""
    shown = {name for counts in known.days.values() for name in counts.proofs}
    names = [(one.place, kept_place) for one in known.exposures] + [(name, lambda one: _proof(one, evidence)) for name in shown]
    for part in (known.shape.young, known.shape.old) if known.shape is not None else ():
        if part is not None:
            names += [(name, kept_parameter) for name in part.parameters] + [(name, kept_place) for name in part.fields]
    if all(kept(name) == name for name, kept in names):
        return known
    exposures: dict[tuple[str, str], Exposure] = {}
    for one in known.exposures:
        place = kept_place(one.place)
        before = exposures.get((one.type, place))
        exposures[one.type, place] = _both(before, one) if before else msgspec.structs.replace(one, place=place)
    days = {day: _day(counts, evidence) for day, counts in known.days.items()}
    return msgspec.structs.replace(known, exposures=list(exposures.values()), days=days, shape=_shape(known.shape))


def _proof(shown: str, evidence: Callable[[str], str]) -> str:
    return shown if shown in ("", OTHER) else evidence(shown)


def _both(a: Exposure, b: Exposure) -> Exposure:
    return msgspec.structs.replace(
        a,
        confidence=max(a.confidence, b.confidence),
        first=min(a.first, b.first),
        last=max(a.last, b.last),
        n=a.n + b.n,
        classes=sorted({*a.classes, *b.classes}),
    )


def _day(counts: Day, evidence: Callable[[str], str]) -> Day:
    proofs: dict[str, int] = {}
    for shown, n in counts.proofs.items():
        name = _proof(shown, evidence)
        proofs[name] = proofs.get(name, 0) + n
    return msgspec.structs.replace(counts, proofs=proofs)


def _shape(shape: Shape | None) -> Shape | None:
    if shape is None:
        return None
    return Shape(_generation(shape.young), _generation(shape.old) if shape.old is not None else None)


def _generation(one: Generation) -> Generation:
    return msgspec.structs.replace(one, parameters=_renamed(one.parameters, kept_parameter), fields=_renamed(one.fields, kept_place))


def _renamed(names: Mapping[str, NameSeen], kept: Callable[[str], str]) -> dict[str, NameSeen]:
    found: dict[str, NameSeen] = {}
    for name, seen in names.items():
        found |= joined_names({kept(name): found[kept(name)]} if kept(name) in found else {}, {kept(name): seen})
    return found
