"""Drift: where what an endpoint does and what is declared of it differ. Pure, from a shape and a declaration; names and counts, never a value.

Floors keep out what scanners and accidents make: only calls answered 2xx count, from several callers, on more than one day. The kinds are in `KINDS`, with
the direction of each: the description is behind (mend the document), or the API does what nobody agreed to (mend the API).
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import msgspec

from model import OTHER, Endpoint, Minute, Severity
from posture.inventory import DAYS, Inventory
from posture.inventory_declared import Declared, DeclaredBody
from posture.inventory_shape import DAY, MARKS, Generation, NameSeen, Seen, is_proven
from posture.names import is_name

Direction = Literal["spec-behind", "api-off"]
BEHIND: Direction = "spec-behind"
OFF: Direction = "api-off"

FEW = 20
"""Calls from which on something is a habit, however small its share."""
SHARE = 0.01
FIELD_SHARE = 0.05
UNUSED_AFTER = 1_000
"""Calls answered 2xx after which a declared parameter that none of them had is called unused."""
SHADOW_CALLS = 3


class Kind(NamedTuple):
    title: str
    direction: Direction


KINDS: dict[str, Kind] = {
    "operation-undeclared": Kind("Answers although no operation describes it", OFF),
    "removed-but-called": Kind("Called although it is described no longer", OFF),
    "not-described": Kind("The operation is declared without parameters and responses", BEHIND),
    "parameter-undeclared": Kind("A parameter is used that is not described", BEHIND),
    "parameter-type": Kind("A parameter has other values than described", BEHIND),
    "required-missing": Kind("Answers although a required parameter is missing", OFF),
    "parameter-unused": Kind("A described parameter is not used", BEHIND),
    "status-undeclared": Kind("Answers with a status that is not described", BEHIND),
    "media-undeclared": Kind("A media type is used that is not described", BEHIND),
    "response-field-undeclared": Kind("The answer has a field that is not described", BEHIND),
    "request-field-undeclared": Kind("Takes a field that is not described", OFF),
    "authentication": Kind("Answers callers who prove nothing although its policy demands proof", OFF),
    "plain-http": Kind("Answers over plain http although it is not described", OFF),
}


class Deviation(msgspec.Struct, frozen=True):
    """`subject`: the parameter, status, media type or field, "" for the endpoint itself. `first` and `last`: minutes of what was observed."""

    endpoint: Endpoint
    kind: str
    subject: str
    declared: str
    observed: str
    direction: Direction
    severity: Severity
    first: Minute
    last: Minute

    @property
    def id(self) -> str:
        """32 hex digits, the same whenever the same is found again."""
        return deviation_id(self.endpoint, self.kind, self.subject)


def deviation_id(endpoint: Endpoint, kind: str, subject: str) -> str:
    return hashlib.blake2b("\0".join((endpoint.id, kind, subject)).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def deviations(known: Inventory, declared: Declared | None, origin: str, at: Minute) -> list[Deviation]:
    """All of one endpoint at a moment. `origin`: as `posture.inventory_row` tells it; `declared` None: nothing describes it."""
    if known.shape is None:
        return []
    found = _Found(known, known.shape.whole(), at)
    if declared is None:
        return list(found.undescribed(origin))
    return sorted(found.against(declared), key=lambda one: (-one.severity, one.kind, one.subject))


class _Found:
    def __init__(self, known: Inventory, shape: Generation, at: Minute) -> None:
        self.known, self.shape, self.at = known, shape, at
        claimed = {exposure.place for exposure in known.exposures if exposure.confidence and exposure.last > at - DAYS * DAY}
        self._sensitive = {f"response {place.removeprefix('response.body ')}" for place in claimed if place.startswith("response.body ")}
        self._carries = bool(claimed)

    def _one(
        self, kind: str, subject: str, declared: str, observed: str, severity: Severity, seen: Seen, direction: Direction | None = None
    ) -> Deviation:
        return Deviation(
            self.known.endpoint, kind, subject, declared, observed, direction or KINDS[kind].direction, severity, seen.first, seen.last
        )

    def undescribed(self, origin: str) -> Iterator[Deviation]:
        answered = [seen for status, seen in self.shape.statuses.items() if status // 100 == 2]
        if not answered:
            return
        seen = _together(answered)
        severity = Severity.HIGH if self._carries else Severity.MEDIUM
        if origin == "removed-but-called":
            yield self._one("removed-but-called", "", "no longer", f"{seen.n} calls answered 2xx", severity, seen)
        elif origin == "undeclared" and (seen.n >= SHADOW_CALLS or seen.is_of_two_days):
            yield self._one("operation-undeclared", "", "no operation", f"{seen.n} calls answered 2xx", severity, seen)

    def against(self, declared: Declared) -> Iterator[Deviation]:
        yield from self._authentication(declared)
        yield from self._plain_http(declared)
        if not declared.is_described:
            if self.shape.ok >= FEW:
                yield self._one(
                    "not-described", "", "method and path only", f"{self.shape.ok} calls answered 2xx", Severity.INFORMATIONAL, self._all()
                )
            return
        yield from self._parameters(declared)
        yield from self._statuses(declared)
        yield from self._media(declared)
        yield from self._fields("response", declared.response_body)
        yield from self._fields("request", declared.request_body)

    def _all(self) -> Seen:
        return _together(list(self.shape.statuses.values()))

    # each row of the table in docs/inventory.md

    def _authentication(self, declared: Declared) -> Iterator[Deviation]:
        if declared.demand is None or not declared.demand.kinds or (declared.policy and declared.policy != self.known.policy):
            return  # shown under other policies than those of today
        days = {day: counts for day, counts in self.known.days.items() if day > self.at // DAY - DAYS}
        open_days = [day for day, counts in days.items() if any(n and not is_proven(evidence) for evidence, n in counts.proofs.items())]
        if open_days:
            n = sum(n for counts in days.values() for evidence, n in counts.proofs.items() if not is_proven(evidence))
            total = sum(n for counts in days.values() for n in counts.proofs.values())
            seen = Seen(n, max(min(open_days) * DAY, self.known.first), self.known.anonymous or max(open_days) * DAY)
            yield self._one(
                "authentication",
                "",
                ", ".join(declared.demand.kinds),
                f"{n} of {total} calls answered 2xx proved nothing",
                Severity.HIGH,
                seen,
            )

    def _plain_http(self, declared: Declared) -> Iterator[Deviation]:
        if self.shape.plain is not None and declared.schemes and not {"http", "ws"} & set(declared.schemes):
            yield self._one("plain-http", "", ", ".join(declared.schemes), f"{self.shape.plain.n} calls", Severity.HIGH, self.shape.plain)

    def _parameters(self, declared: Declared) -> Iterator[Deviation]:
        ok = self.shape.ok
        described = {f"{one.place}:{one.name}".casefold(): one for one in declared.parameters if one.place != "header"}
        used = {name.casefold(): one for name, one in self.shape.parameters.items()}
        for name, one in sorted(self.shape.parameters.items()):
            place, _, bare = name.partition(":")
            if place == "query" and name.casefold() not in described and is_name(bare) and bare != OTHER and _is_habit(one.seen, ok, SHARE):
                yield self._one(
                    "parameter-undeclared", name, "not described", f"{one.seen.n} of {ok} calls answered 2xx", Severity.LOW, one.seen
                )
        for name, parameter in sorted(described.items()):
            seen = used.get(name)
            subject = f"{parameter.place}:{parameter.name}"
            if seen is None:
                if ok >= UNUSED_AFTER and not parameter.required:
                    yield self._one(
                        "parameter-unused", subject, "described", f"in none of {ok} calls answered 2xx", Severity.INFORMATIONAL, self._all()
                    )
            elif parameter.types and seen.seen.n >= FEW and len(seen.seen.marks) >= MARKS:
                other = [name for name in seen.narrow(SHARE) if not _wire_allows(parameter.types, name)]
                if other:
                    yield self._one("parameter-type", subject, _listed(parameter.types), ", ".join(sorted(other)), Severity.LOW, seen.seen)
            if parameter.required and parameter.place == "query":
                missing = ok - (seen.seen.n if seen else 0)
                if missing >= max(FEW, SHARE * ok):
                    yield self._one(
                        "required-missing",
                        subject,
                        "required",
                        f"missing in {missing} of {ok} calls answered 2xx",
                        Severity.LOW,
                        self._all(),
                    )

    def _statuses(self, declared: Declared) -> Iterator[Deviation]:
        wanted = set(declared.statuses)
        if not wanted or "default" in wanted:
            return
        for status, seen in sorted(self.shape.statuses.items()):
            if str(status) in wanted or f"{status // 100}XX" in wanted or seen.n < FEW or not seen.is_of_two_days:
                continue
            severity = {5: Severity.MEDIUM, 2: Severity.LOW}.get(status // 100, Severity.INFORMATIONAL)
            yield self._one("status-undeclared", str(status), ", ".join(declared.statuses), f"{seen.n} calls", severity, seen)

    def _media(self, declared: Declared) -> Iterator[Deviation]:
        for name, seen in sorted(self.shape.media.items()):
            direction, _, media = name.partition(" ")
            wanted = declared.request_media if direction == "request" else declared.response_media
            if not wanted or media == OTHER or any(_media_allows(one, media) for one in wanted) or seen.n < FEW or not seen.is_of_two_days:
                continue
            yield self._one("media-undeclared", name, ", ".join(wanted), f"{seen.n} calls", Severity.LOW, seen)

    def _fields(self, direction: str, body: DeclaredBody | None) -> Iterator[Deviation]:
        bodies = self.shape.bodies.get(direction, 0)
        if body is None or bodies < FEW:
            return
        kind = f"{direction}-field-undeclared"
        for name, one in sorted(self.shape.fields.items()):
            place, _, path = name.partition(" ")
            if place != direction or "*." in path or path.endswith(".*") or body.has(path) or path == OTHER or _only_structure(one):
                continue
            if direction == "response" and one.seen.n >= max(FEW, FIELD_SHARE * bodies):
                sensitive = name in self._sensitive
                severity, way = (Severity.MEDIUM, OFF) if sensitive else (Severity.INFORMATIONAL, BEHIND)
                yield self._one(kind, path, "not described", f"in {one.seen.n} of {bodies} answers looked into", severity, one.seen, way)
            elif direction == "request" and one.seen.n >= FEW and len(one.seen.marks) >= MARKS:
                yield self._one(
                    kind, path, "not described", f"in {one.seen.n} of {bodies} calls looked into, answered 2xx", Severity.MEDIUM, one.seen
                )


def _is_habit(seen: Seen, total: int, share: float) -> bool:
    return seen.n >= min(FEW, max(1, share * total)) and len(seen.marks) >= MARKS and seen.is_of_two_days


def _only_structure(one: NameSeen) -> bool:
    """Empty objects and lists only: their form is not known."""
    return one.narrow() in (["structure"], ["empty"])


_WIRE: dict[str, Callable[[frozenset[str]], bool]] = {
    "boolean": lambda allowed: bool(allowed & {"boolean", "string"}),
    "integer": lambda allowed: bool(allowed & {"integer", "number", "string"}),
    "decimal": lambda allowed: bool(allowed & {"number", "string"}),
}


def _wire_allows(allowed: frozenset[str], value_type: str) -> bool:
    """Whether a parameter of these JSON types may look so: on the wire everything is text."""
    if value_type in ("empty", "structure") or allowed & {"array", "object"}:
        return True
    rule = _WIRE.get(value_type)
    return rule(allowed) if rule is not None else "string" in allowed


def _media_allows(declared: str, observed: str) -> bool:
    """Ranges of either side: `*/*`, `application/*`, and "application/*+json", by which unknown types of callers are counted."""
    if declared == observed or declared in ("*/*", "*"):
        return True
    family, _, rest = declared.partition("/")
    if rest == "*":
        return observed.startswith(f"{family}/")
    return observed.startswith("application/*+") and declared.endswith(observed.removeprefix("application/*"))


def _together(seen: list[Seen]) -> Seen:
    return Seen(sum(one.n for one in seen), min(one.first for one in seen), max(one.last for one in seen))


def _listed(kinds: frozenset[str]) -> str:
    return ", ".join(sorted(kinds))
