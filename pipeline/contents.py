"""What a call carries: the parts of a message that may hold sensitive data, and which calls are worth looking into."""

from collections import Counter
from collections.abc import Collection, Container, Hashable, Iterable, Iterator, Sequence
from hashlib import blake2b
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from attacks.carried import SHAPE, attacks_in
from classifiers.places import Where
from classifiers.text_values import UNREAD, Part
from model import ApiCall
from pipeline.body_fields import body_fields
from posture.inventory import CONFIDENCES
from posture.names import ANY, SIBLINGS, kept_path, kept_place

if TYPE_CHECKING:  # compiling the types takes a while, and only looking needs them
    from classifiers.taxonomy import Found


class Contents(msgspec.Struct, rename="camel", gc=False):
    """The fields of the event contract that carry what callers and backends sent."""

    url_template: str | None = None
    path: str | None = None
    query: str | None = None
    request_content_type: str | None = None
    response_content_type: str | None = None
    request_headers: dict[str, Any] | None = None
    response_headers: dict[str, Any] | None = None
    request_body: str | None = None
    response_body: str | None = None


_decode = msgspec.json.Decoder(Contents).decode


def parts(message: bytes) -> list[Part]:
    """The parts of a message that decoded as a call; none where it was cut or carries fields of wrong types."""
    try:
        contents = _decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    return list(_parts(contents))


def _parts(contents: Contents) -> Iterator[Part]:
    if contents.path:
        yield Part("request.path", contents.url_template, None, contents.path)
    if contents.query:
        yield Part("request.query", None, None, contents.query)
    yield from _headers("request.header", contents.request_headers)
    if contents.request_body:
        yield Part("request.body", None, contents.request_content_type, contents.request_body)
    yield from _headers("response.header", contents.response_headers)
    if contents.response_body:
        yield Part("response.body", None, contents.response_content_type, contents.response_body)


def _headers(where: Where, headers: dict[str, Any] | None) -> Iterator[Part]:
    for name, text in (headers or {}).items():
        if isinstance(text, str) and text:
            yield Part(where, name, None, text)


class Look(NamedTuple):
    """What looking into one call showed: (information type, place, index into inventory.CONFIDENCES), and the types that were in its URL and
    must never be."""

    found: list[tuple[str, str, int]]
    leaked: list[str]
    attacks: tuple[str, ...] = ()
    """Injections outside the URL, as "sql in request.body $.note"; the URL of every call is examined when it is folded."""
    sampled: bool = True
    """False for a call that was looked into for attacks alone: it says nothing about what its shape carries."""
    bodies: tuple[tuple[int, tuple[tuple[str, int], ...]], ...] = ()
    """The fields of its bodies, as `body_fields` lists them."""
    overlooked: bool = False
    """It may carry an attack, and there was no time to look."""


OVERLOOKED = Look([], [], sampled=False, overlooked=True)


def look(carried: Sequence[Part], found: "Iterable[Found]", never_in_urls: Collection[str]) -> Look:
    """`carried`: the parts that were looked at; `never_in_urls`: ids of the types whose presence in a URL is a finding by itself."""
    kept = list(found)
    leaked = {
        found.type
        for found in kept
        if found.where in ("request.path", "request.query") and found.confidence != "low" and found.type in never_in_urls
    }
    places = {(found.type, kept_place(f"{found.where} {found.general_path}"), CONFIDENCES.index(found.confidence)) for found in kept}
    return Look(sorted(_without_siblings(places)), sorted(leaked), _attacks(carried), bodies=body_fields(carried))


def _without_siblings(places: set[tuple[str, str, int]]) -> set[tuple[str, str, int]]:
    """Where one type stands under many keys of one object, the keys are data: "$.*.iban" for "$.anna.iban" and a dozen others."""
    if len(places) <= SIBLINGS:
        return places
    found = {place: tuple(place[1].split(".")) for place in places}
    alike: Counter[tuple[str, int, tuple[str, ...], tuple[str, ...]]] = Counter()
    for (kind, *_), steps in found.items():
        alike.update((kind, at, steps[:at], steps[at + 1 :]) for at in range(1, len(steps)))
    kept = set()
    for (kind, _, confidence), steps in found.items():
        shown = list(steps)
        for at in range(1, len(steps)):
            if alike[kind, at, steps[:at], steps[at + 1 :]] > SIBLINGS:
                shown[at] = ANY
        kept.add((kind, ".".join(shown), confidence))
    return kept


def attacked(message: bytes) -> Look | None:
    """Injections outside the URL of a call that nobody wanted to look into otherwise; None where there are none."""
    found = _attacks(parts(message))
    return Look([], [], found, sampled=False) if found else None


def _attacks(carried: Iterable[Part]) -> tuple[str, ...]:
    found: set[str] = set()
    for part in carried:
        if part.where in ("request.header", "request.body"):
            text = part.text if isinstance(part.text, str) else part.text.decode(errors="replace")
            document = None if part.document is UNREAD else part.document
            seen = attacks_in(part.where, part.name, part.content_type, text, document)
            found.update(f"{family} in {part.where} {place if place == SHAPE else kept_path(place)}".rstrip() for family, place in seen)
    return tuple(sorted(found)[:ATTACKS])


def drawn(suspects: Sequence[int], callers: Sequence[Hashable], shaped: Container[int], seed: bytes, most: int) -> list[int]:
    """Those of the suspects (indices of calls) that are looked into where there is no time for all: those with the shape of an attack first, of each caller
    one before anyone's second, and by lot, which `seed` (up to 64 bytes) decides. So no crowd of harmless oddities hides an attack, neither somebody else's nor the sender's own for long."""
    turns: Counter[Hashable] = Counter()
    order: list[tuple[int, bool, bytes, int]] = []
    lots = [(at not in shaped, _lot(seed, at), at, caller) for at, caller in zip(suspects, callers, strict=True)]
    for plain, lot, at, caller in sorted(lots, key=itemgetter(0, 1)):
        turns[caller] += 1
        order.append((turns[caller], plain, lot, at))
    return sorted(at for *_, at in sorted(order)[:most])


def _lot(seed: bytes, at: int) -> bytes:
    return blake2b(at.to_bytes(8, "big"), key=seed, digest_size=8).digest()


ATTACKS = 8
"""Places of one call that are named: whoever attacks more at once is known by these."""

STABLE = 50
"""Looks in a row at one shape of calls that showed nothing new: its picture is stable. By the rule of three, what they all missed is with
95 % confidence in less than 3 / 50 of its calls."""
EVERY = 50
"""Of a stable shape, one call in so many is looked into."""
SHAPES = 20_000
"""Remembered at most; an attacker can make up shapes, and then every call is one of the crowd."""


class Sampler:
    """Which calls are worth looking into: of each shape every one until its picture is stable, then one in EVERY, and again every one when
    something new appears. A shape is what decides the content: operation, revision, status, and which parts there are."""

    def __init__(self, every: int = EVERY, stable: int = STABLE) -> None:
        self._every, self._stable = every, stable
        self._shapes = _Shapes()

    def shapes(self, calls: Sequence[ApiCall]) -> "list[_Shape]":
        """The shape of each call: what `is_due` takes."""
        keys = zip(
            [call.service for call in calls],
            [call.api_id for call in calls],
            [call.api_revision for call in calls],
            [call.method for call in calls],
            [call.url_template or "" for call in calls],
            [call.status // 100 for call in calls],
            [not call.query for call in calls],
            [not call.response_bytes for call in calls],
            strict=True,
        )
        return list(map(self._shapes.__getitem__, keys))

    def is_due(self, shape: "_Shape") -> bool:
        """Whether to look into one more call of this shape; what the look shows is then to be told to `saw`."""
        shape.calls += 1
        return shape.quiet < self._stable or shape.calls % self._every == 0

    def wants(self, call: ApiCall) -> "_Shape | None":
        """The shape to report to with `saw`, or None for a call to leave alone."""
        (shape,) = self.shapes([call])
        return shape if self.is_due(shape) else None


class _Shapes(dict[Hashable, "_Shape"]):
    def __missing__(self, key: Hashable) -> "_Shape":
        if len(self) >= SHAPES:
            return self.setdefault((), _Shape())
        self[key] = shape = _Shape()
        return shape


class _Shape:
    __slots__ = ("calls", "known", "quiet")

    def __init__(self) -> None:
        self.calls = 0
        self.quiet = 0
        self.known: set[tuple[str, str]] = set()

    def saw(self, found: set[tuple[str, str]]) -> None:
        """What a look showed, as (type, place)."""
        if found <= self.known:
            self.quiet += 1
        else:
            self.quiet = 0
            self.known |= found
