"""Learned endpoints: path templates of calls that match no operation, or only a wildcard, once several clients were answered with success over time.

Where a call belongs is told by its minute and by what is stored of the learned endpoints, each with the window from which on it holds: the same whenever and
wherever it is asked. A learned endpoint stays, whatever comes later: its id never changes.
"""

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from heapq import heapify, heappush, heapreplace

from model import Endpoint, Minute, bucket_of, is_bucket
from pipeline.shapes import REST

SHAPES = 10_000
"""Candidates that a service may have: the shapes with the smallest hashes, whatever the order in which they come."""
TEMPLATES = 300
"""Learned endpoints that a service may have; what else comes is one bucket."""
SHADOWS = 20
"""Learned endpoints above which a service is a pass-through."""
PLACED = 20_000
"""Shapes of which it is remembered where they belong."""
CLIENTS = 8
"""Clients of a candidate that are told apart: those with the smallest hashes."""
LEAST_CLIENTS = 3
LEAST_CALLS = 10
LEAST_MINUTES = 60
"""Between the first and the last successful call."""
FORGOTTEN = 27 * 60
"""Minutes without a successful call after which a candidate is forgotten: as far as a cold start recalls."""
MOST = {"file": 4, "slug": 8, "word": 24}
"""So many different segments at one place stand for themselves. More are values: of files, of what reads like a title, and of words."""
LATEST: Minute = 1 << 40

Group = tuple[str, str, str]
"""Service, API and method."""


class Templates:
    """The learned endpoints, and what may become one."""

    def __init__(self, learned: Mapping[Endpoint, Minute] | None = None) -> None:
        """`learned`: endpoint -> the minute, at which a window begins, from which on calls belong to it; 0 for what an earlier version kept."""
        self._learned: dict[Endpoint, Minute] = {}
        self._trees: dict[Group, _Place] = {}
        self._since: list[Minute] = []
        self._counts: Counter[str] = Counter()
        self._placed: dict[tuple[Endpoint, int], Endpoint] = {}
        self._candidates: dict[str, Candidates] = {}
        self.add(learned or {})

    def add(self, learned: Mapping[Endpoint, Minute]) -> None:
        """Endpoints that were learned elsewhere, and from when on each holds."""
        for endpoint, since in learned.items():
            if endpoint not in self._learned:
                self._plant(endpoint, since)
                self._counts[endpoint.service] += since > 0  # what an earlier version kept was not learned
        self._placed.clear()

    def place(self, shape: Endpoint, minute: Minute) -> Endpoint:
        """The endpoint that a call of this minute belongs to: itself if it matched an operation, a learned one, or the bucket of its API."""
        if shape.matched:
            return shape
        key = shape, self.generation(minute)
        known = self._placed.get(key)
        if known is None:
            if len(self._placed) >= PLACED:
                self._placed.clear()
            known = self._placed[key] = self._find(shape, minute) or bucket_of(*shape[:2])
        return known

    def generation(self, minute: Minute) -> int:
        """Calls of two minutes belong to the same places if this is the same number for both."""
        return bisect_right(self._since, minute)

    def is_rich(self, service: str) -> bool:
        """Whether so much of a service is learned that it is a pass-through: nothing there is a shadow of what is described."""
        return self._counts[service] > SHADOWS

    def see(self, shape: Endpoint, client: str, minute: Minute, calls: int) -> None:
        """A client was answered with success."""
        if is_bucket(self.place(shape, LATEST)):
            candidates = self._candidates.get(shape.service) or self._candidates.setdefault(shape.service, Candidates())
            candidates.see(shape, client, minute, calls)

    def learn(self, since: Minute) -> dict[Endpoint, Minute]:
        """What has enough support by now, and had not before. Calls belong to it from the window on that begins at `since`: to be later than every call that
        was placed, and to be stored before any that comes."""
        new: dict[Endpoint, Minute] = {}
        for service, candidates in sorted(self._candidates.items()):
            for endpoint in candidates.learnable(self._trees):
                if self._counts[service] < TEMPLATES and endpoint not in self._learned:
                    new[endpoint] = since
                    self._counts[service] += 1
                    self._plant(endpoint, since)
        if new:
            self._placed.clear()
        for candidates in self._candidates.values():
            candidates.keep(lambda shape, last: last > since - FORGOTTEN and (not new or self._find(shape, LATEST) is None))
        return new

    def _plant(self, endpoint: Endpoint, since: Minute) -> None:
        if is_bucket(endpoint):
            return
        self._learned[endpoint] = since
        if since not in self._since:
            insort(self._since, since)
        place = self._trees.setdefault(endpoint[:3], _Place())
        for segment in endpoint.template.split("/")[1:]:
            place = place.children.setdefault(segment, _Place())
        place.endpoint, place.since = endpoint, since

    def _find(self, shape: Endpoint, minute: Minute) -> Endpoint | None:
        tree = self._trees.get(shape[:3])
        return tree.find(shape.template.split("/")[1:], minute) if tree is not None else None


class _Place:
    """A place in the tree of learned templates."""

    __slots__ = ("children", "endpoint", "since")

    def __init__(self) -> None:
        self.children: dict[str, _Place] = {}
        self.endpoint: Endpoint | None = None
        self.since: Minute = 0

    def find(self, segments: list[str], minute: Minute) -> Endpoint | None:
        """A literal before a placeholder."""
        if not segments:
            return self.endpoint if self.since <= minute else None
        for name in (segments[0], _value_of(kind_of(segments[0]))):
            child = self.children.get(name)
            found = child.find(segments[1:], minute) if child is not None else None
            if found is not None:
                return found
        return None


class Support:
    """Successful calls of one shape. `clients`: hashes, ascending."""

    __slots__ = ("calls", "clients", "first", "last")

    def __init__(self) -> None:
        self.calls = 0
        self.first: Minute = LATEST
        self.last: Minute = -1
        self.clients: tuple[int, ...] = ()

    def see(self, client: int, minute: Minute, calls: int) -> None:
        self.calls += calls
        self.first, self.last = min(self.first, minute), max(self.last, minute)
        if client not in self.clients:
            self.clients = tuple(sorted((*self.clients, client))[:CLIENTS])

    def add(self, other: "Support") -> None:
        self.calls += other.calls
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        if other.clients != self.clients:
            self.clients = tuple(sorted({*self.clients, *other.clients})[:CLIENTS])

    @property
    def is_enough(self) -> bool:
        return len(self.clients) >= LEAST_CLIENTS and self.calls >= LEAST_CALLS and self.last - self.first >= LEAST_MINUTES


class Candidates:
    """The shapes of one service that belong to no learned endpoint, and how often they were answered with success. The same calls make the same of it, in
    whatever order they come."""

    def __init__(self) -> None:
        self._support: dict[Endpoint, Support] = {}
        self._largest: list[tuple[int, Endpoint]] = []
        """A heap of negative hashes: the largest hash is the first to go."""

    def __len__(self) -> int:
        return len(self._support)

    def see(self, shape: Endpoint, client: str, minute: Minute, calls: int) -> None:
        support = self._support.get(shape)
        if support is None:
            entry = _rank(shape), shape
            if len(self._support) < SHAPES:
                heappush(self._largest, entry)
            elif entry > self._largest[0]:
                del self._support[heapreplace(self._largest, entry)[1]]
            else:
                return
            support = self._support[shape] = Support()
        support.see(_hash(client), minute, calls)

    def keep(self, is_kept: Callable[[Endpoint, Minute], bool]) -> None:
        """Forget the shapes of which this is not true, with the minute of their last call."""
        kept = {shape: support for shape, support in self._support.items() if is_kept(shape, support.last)}
        if len(kept) < len(self._support):
            self._support = kept
            self._largest = [(_rank(shape), shape) for shape in kept]
            heapify(self._largest)

    def learnable(self, trees: Mapping[Group, _Place]) -> list[Endpoint]:
        """The endpoints that these shapes make together with what is learned, where the support is enough."""
        roots: dict[Group, _Node] = {}
        for shape, support in self._support.items():
            node = roots.setdefault(shape[:3], _Node())
            for segment in shape.template.split("/")[1:]:
                node = node.children.setdefault(segment, _Node())
            node.own.add(support)
        return [
            Endpoint(*group, template, matched=False)
            for group, root in sorted(roots.items())
            for template, support in root.collapsed("", trees.get(group))
            if support.is_enough and not template.endswith(REST)
        ]


class _Node:
    """A place in the tree of candidates."""

    __slots__ = ("children", "own")

    def __init__(self) -> None:
        self.own = Support()
        self.children: dict[str, _Node] = {}

    def merge(self, other: "_Node") -> None:
        self.own.add(other.own)
        for segment, child in other.children.items():
            if segment in self.children:
                self.children[segment].merge(child)
            else:
                self.children[segment] = child

    def collapsed(self, path: str, learned: _Place | None) -> Iterator[tuple[str, Support]]:
        """Templates and their support. Where there are too many segments of a kind, learned ones included, they are one. Uses up the tree."""
        if self.own.calls:
            yield path or "/", self.own
        siblings = learned.children if learned is not None else {}
        kinds = Counter(kind_of(segment) for segment in self.children.keys() | siblings.keys())
        values = {kind for kind, most in MOST.items() if kinds[kind] > most or _value_of(kind) in siblings}
        children = _Node()
        for segment, child in self.children.items():
            kind = kind_of(segment)
            one = _Node()
            one.children[_value_of(kind) if kind in values else segment] = child
            children.merge(one)
        for segment, child in sorted(children.children.items()):
            yield from child.collapsed(f"{path}/{segment}", siblings.get(segment))


def kind_of(segment: str) -> str:
    """What a literal segment reads like: "file", "slug" or "word"; itself for a placeholder."""
    if segment.startswith("{"):
        return segment
    name, dot, ending = segment.rpartition(".")
    if dot and name and 1 <= len(ending) <= 5 and ending.isalnum():
        return "file"
    is_title = sum(segment.count(mark) for mark in "-_+") > 1 or len(segment) > 24 or any(sign.isdigit() for sign in segment[1:])
    return "slug" if is_title else "word"


def _value_of(kind: str) -> str:
    return kind if kind.startswith("{") else f"{{{kind}}}"


def _rank(shape: Endpoint) -> int:
    return -_hash("\0".join(shape[1:4]))


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
