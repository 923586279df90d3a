"""The index of all lists: which of them name an address, compiled for binary search, and packed for a blob."""

import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from intel.addresses import Range, number
from intel.feeds import Feed, Parsed
from intel.formats import SPECIAL
from windows.rules import SUSPICIOUS_IP, TOR_EXIT_NODE

RULES = {"tor": TOR_EXIT_NODE, "malicious": SUSPICIOUS_IP}
"""Kind of feed -> the detector of whom it lists."""
FORMAT = 1
"""Stands first in every packed index: a reader refuses what a newer writer wrote."""


@dataclass(frozen=True, slots=True)
class Index:
    """Which feeds list which addresses, as steps along the address line: from `starts[i]` to the next start the label is `labels[i]`, an index into `labelled`."""

    feeds: tuple[Parsed, ...] = ()
    """Without their ranges; entries counts them."""
    entries: tuple[int, ...] = ()
    labelled: tuple[tuple[Feed, ...], ...] = ((),)
    starts4: Sequence[int] = (0,)
    labels4: Sequence[int] = (0,)
    starts6: Sequence[int] = (0,)
    labels6: Sequence[int] = (0,)
    pages4: Sequence[int] = (0,)
    """Where each /16 begins in `starts4`: a page is searched, not the whole line. Derived, never stored."""

    def find(self, address: str) -> tuple[Feed, ...]:
        """The feeds (Tor, malicious) that list a canonical address, in the order of the feeds; () for none, for "" and for what an allow-list holds."""
        version, value = number(address)
        if version == 4:
            page = value >> 16
            pages = self.pages4
            if len(pages) == 1:
                return ()
            return self.labelled[self.labels4[bisect_right(self.starts4, value, pages[page], pages[page + 1]) - 1]]
        return self.labelled[self.labels6[bisect_right(self.starts6, value) - 1]] if version else ()

    def rules(self, address: str) -> list[tuple[str, str]]:
        """(detector's id, name of the feed) for each feed that lists a canonical address."""
        return [(RULES[feed.kind], feed.name) for feed in self.find(address)]

    def warnings(self, now: datetime) -> tuple[str, ...]:
        return tuple(
            sentence
            for parsed, entries in zip(self.feeds, self.entries, strict=True)
            for sentence in parsed.warnings(now)
            if entries == 0 or "no usable address" not in sentence
        )


def compile_index(feeds: Sequence[Parsed], own: Sequence[Range] = ()) -> Index:
    """One index of all feeds. Allow-lists win; private, reserved and `own` addresses are on no list even where a wider entry covers them."""
    accusing = [parsed for parsed in feeds if parsed.feed.kind != "allow"]
    holes = [*SPECIAL, *own, *(entry for parsed in feeds if parsed.feed.kind == "allow" for entry in parsed.ranges)]
    labels: dict[tuple[int, ...], int] = {(): 0}
    steps = {version: _steps(version, accusing, holes, labels) for version in (4, 6)}
    return Index(
        feeds=tuple(replace(parsed, ranges=()) for parsed in feeds),
        entries=tuple(len(parsed.ranges) for parsed in feeds),
        labelled=tuple(tuple(accusing[index].feed for index in label) for label in labels),
        starts4=array("I", steps[4][0]),
        labels4=array("H", steps[4][1]),
        starts6=steps[6][0],
        labels6=array("H", steps[6][1]),
        pages4=_pages(steps[4][0]),
    )


def _pages(starts: Iterable[int]) -> "array[int]":
    """For each /16 and one past the last: how many starts lie before it."""
    pages = array("I")
    count = 0
    for start in starts:
        pages.extend(array("I", [count]) * ((start >> 16) + 1 - len(pages)))
        count += 1
    pages.extend(array("I", [count]) * ((1 << 16) + 1 - len(pages)))
    return pages


def _steps(
    version: int, feeds: Sequence[Parsed], holes: Iterable[Range], labels: dict[tuple[int, ...], int]
) -> tuple[list[int], list[int]]:
    """Sweep along the address line: where the set of feeds changes, and to which label. A hole is feed -1 and silences the others."""
    edges: list[tuple[int, int, int]] = []
    for index, entry in _with_feed(feeds, holes):
        if entry.version == version:
            edges.append((entry.first, 1, index))
            edges.append((entry.last + 1, -1, index))
    edges.sort()
    end = 1 << (32 if version == 4 else 128)
    starts, found = [0], [0]
    active: dict[int, int] = {}
    for place, (position, change, index) in enumerate(edges):
        active[index] = active.get(index, 0) + change
        if not active[index]:
            del active[index]
        if (place + 1 < len(edges) and edges[place + 1][0] == position) or position >= end:
            continue
        key = () if -1 in active else tuple(sorted(active))
        label = labels.setdefault(key, len(labels))
        if label != found[-1]:
            if starts[-1] == position:
                found[-1] = label
            else:
                starts.append(position)
                found.append(label)
    return starts, found


def _with_feed(feeds: Sequence[Parsed], holes: Iterable[Range]) -> Iterator[tuple[int, Range]]:
    for index, parsed in enumerate(feeds):
        for entry in parsed.ranges:
            yield index, entry
    for hole in holes:
        yield -1, hole


# persistence


def pack(index: Index) -> bytes:
    """Bytes for `unpack`: msgpack of the feeds and of the steps, little-endian (IPv6 big-endian, 16 bytes each)."""
    return msgspec.msgpack.encode(
        (
            FORMAT,
            [parsed.feed for parsed in index.feeds],
            [(p.format, p.bad, p.expired, p.below_score, p.unsupported, p.refused) for p in index.feeds],
            index.entries,
            [[index_of(feed, index.feeds) for feed in label] for label in index.labelled],
            _little(index.starts4, "I"),
            _little(index.labels4, "H"),
            b"".join(start.to_bytes(16) for start in index.starts6),
            _little(index.labels6, "H"),
        )
    )


_Packed = tuple[int, list[Feed], list[tuple[str, int, int, int, int, int]], list[int], list[list[int]], bytes, bytes, bytes, bytes]


def unpack(packed: bytes) -> Index:
    """The index that `pack` packed. Raises ValueError on anything else."""
    try:
        parts = msgspec.msgpack.decode(packed)
        if isinstance(parts, list) and parts and parts[0] != FORMAT:
            raise ValueError(f"an index of format {parts[0]!r:.20}; this version reads {FORMAT}")
        _, feeds, counts, entries, labelled, starts4, labels4, starts6, labels6 = msgspec.convert(parts, _Packed)
        line4, line6 = _from_little(starts4, "I"), [int.from_bytes(starts6[at : at + 16]) for at in range(0, len(starts6), 16)]
        index = Index(
            feeds=tuple(Parsed(feed, (), *count) for feed, count in zip(feeds, counts, strict=True)),
            entries=tuple(entries),
            labelled=tuple(tuple(feeds[place] for place in label) for label in labelled),
            starts4=line4,
            labels4=_from_little(labels4, "H"),
            starts6=line6,
            labels6=_from_little(labels6, "H"),
            pages4=_pages(line4),
        )
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, IndexError, RecursionError) as error:
        raise ValueError(f"not a packed index: {error}") from error
    fits = len(index.entries) == len(index.feeds) and len(line4) == len(index.labels4) and len(line6) == len(index.labels6)
    if not (fits and line4 and line6 and line4[0] == line6[0] == 0 and max(*index.labels4, *index.labels6) < len(index.labelled)):
        raise ValueError("not a packed index: its parts do not fit")
    return index


def index_of(feed: Feed, feeds: Sequence[Parsed]) -> int:
    return next(place for place, parsed in enumerate(feeds) if parsed.feed == feed)


def _little(values: Sequence[int], code: str) -> bytes:
    column = array(code, values)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def _from_little(data: bytes, code: str) -> "array[int]":
    column = array(code)
    if len(data) % column.itemsize:
        raise ValueError("not a packed index: a cut column")
    column.frombytes(data)
    if sys.byteorder == "big":
        column.byteswap()
    return column
