"""Threat intelligence: lists of addresses parsed, checked and compiled into an index that tells in a microsecond which lists an address is on.

Formats, told apart by content: one address or CIDR a line (Tor's bulk exit list, FireHOL netsets, Spamhaus DROP), with a score (ipsum: address, tab, count), Tor's
`exit-addresses`, address ranges, CSV and JSON lists with a column of addresses, STIX 2.1 bundles (https://docs.oasis-open.org/cti/stix/v2.1/).
"""

import csv
import io
import re
import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import msgspec

from intel.addresses import Range, network, number
from windows.rules import SUSPICIOUS_IP, TOR_EXIT_NODE

Kind = Literal["tor", "malicious", "allow"]
KINDS: tuple[Kind, ...] = ("tor", "malicious", "allow")

MAX_AGE: dict[Kind, timedelta] = {"tor": timedelta(hours=24), "malicious": timedelta(days=7), "allow": timedelta(days=3650)}
"""Tor's list changes hourly; allow-lists are written by hand."""

WIDEST = {4: 8, 6: 16}
"""Prefix lengths; a wider entry accuses a continent and is taken for a mistake."""

RULES = {"tor": TOR_EXIT_NODE, "malicious": SUSPICIOUS_IP}
"""Kind of feed -> the detector of whom it lists."""

SOMETHING_ELSE = 9
"""Lines without an address for each with one, from which on a file is no list of addresses: a log, a spreadsheet, an archive."""

NO_LIST = "no list of addresses"
"""The format of such a file."""

FORMAT = 1
"""Stands first in every packed index: a reader refuses what a newer writer wrote."""


class Feed(NamedTuple):
    """A list of addresses: where it comes from and how far it is believed."""

    name: str
    kind: Kind
    licence: str = ""
    fetched_at: datetime | None = None
    """Aware; None is unknown, and so stale."""
    max_age: timedelta | None = None
    """None: that of its kind."""
    min_score: float = 0.0
    """Entries of a scored list below it are left out."""

    def is_stale(self, now: datetime) -> bool:
        return self.fetched_at is None or now - self.fetched_at > (self.max_age or MAX_AGE[self.kind])


@dataclass(frozen=True, slots=True)
class Parsed:
    """A feed's entries and what became of its lines."""

    feed: Feed
    ranges: tuple[Range, ...] = ()
    format: str = "empty"
    bad: int = 0
    """Lines or objects that hold no address."""
    expired: int = 0
    """Past their `valid_until`, not yet valid, revoked or benign."""
    below_score: int = 0
    unsupported: int = 0
    """STIX patterns that ask for more than an address."""
    refused: int = 0
    """Private, reserved, the tenant's own, or too wide."""

    @property
    def something_else(self) -> bool:
        """The file is no list of addresses: of its lines or objects not one in SOMETHING_ELSE holds one. It accuses nobody, and is no empty feed either."""
        return self.format == NO_LIST

    def warnings(self, now: datetime) -> tuple[str, ...]:
        """Sentences for health and logs; they hold counts, never an entry."""
        name = self.feed.name
        if self.something_else:
            return (f"feed {name!r} is no list of addresses: {self.bad} of its lines hold none; it is left out",)
        found = []
        if self.feed.is_stale(now):
            age = "of unknown age" if self.feed.fetched_at is None else f"{(now - self.feed.fetched_at) // timedelta(hours=1)} hours old"
            found.append(f"feed {name!r} is stale: {age}")
        if not self.ranges:
            found.append(f"feed {name!r} holds no usable address")
        if self.refused:
            found.append(f"feed {name!r}: {self.refused} entries refused: private, reserved, your own or too wide")
        if self.bad:
            found.append(f"feed {name!r}: {self.bad} lines without an address skipped")
        return tuple(found)


# special addresses

SPECIAL = tuple(
    network(cidr)
    for cidr in (
        # IANA special-purpose registries, but for the documentation blocks: they route nowhere, and tests and proofs need addresses that accuse nobody
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3",
        "::/3", "4000::/2", "8000::/1",
    )
)  # fmt: skip
"""Private and reserved addresses: no list may accuse them. IPv6 outside 2000::/3 is not global unicast."""


# parsing


def parse(feed: Feed, content: bytes, now: datetime, own: Sequence[Range] = ()) -> Parsed:
    """The usable entries of a downloaded list. Never raises for its content: what is no address is counted.

    `own` are the tenant's addresses (egress, offices, gateways): like private and reserved ones they cannot be accused; an entry that covers some keeps the rest.
    """
    text = content.decode("utf-8-sig", errors="replace")
    start = text.lstrip()[:1]
    if not start:
        return Parsed(feed)
    if start in "{[":
        try:
            document = msgspec.json.decode(text.encode())
        except (msgspec.DecodeError, RecursionError):
            document = None
        if document is not None:
            return _refuse(_unless_something_else(_from_json(feed, document, now)), own)
    lines = [line for line in (raw.strip() for raw in text.splitlines()) if line and line[0] not in "#;" and not line.startswith("//")]
    read = _from_csv if lines and _is_csv(lines) else _from_lines
    return _refuse(_unless_something_else(read(feed, lines)), own)


def _unless_something_else(parsed: Parsed) -> Parsed:
    usable = len(parsed.ranges) + parsed.expired + parsed.below_score + parsed.unsupported
    return replace(parsed, ranges=(), format=NO_LIST) if parsed.bad > SOMETHING_ELSE * usable else parsed


_delimiters = re.compile(r"[\s,;|]+").split
_tor_words = frozenset({"ExitNode", "Published", "LastStatus"})
_comment = re.compile(r"\s*(?:[#;]|//).*").sub
_ports = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}|\[([0-9a-fA-F:.]+)\](?::\d{1,5})?").fullmatch


def _entry(token: str) -> Range | None:
    """The addresses that a token names: an address with or without port, a CIDR or `first-last`."""
    token = token.strip().strip("\"'")
    if found := _ports(token):
        token = found[1] or found[2]
    first, dash, last = token.partition("-")
    try:
        if not dash:
            return network(token)
        low, high = network(first), network(last)
    except ValueError:
        return None
    return Range(low.version, low.first, high.last) if low.version == high.version and low.first <= high.last else None


def _from_lines(feed: Feed, lines: Iterable[str]) -> Parsed:
    ranges: list[Range] = []
    bad = below = 0
    scored = False
    for line in lines:
        tokens = _delimiters(_comment("", line))
        if tokens[0] in _tor_words:
            continue
        if tokens[0] == "ExitAddress":
            tokens = tokens[1:2]
        entry = _entry(tokens[0]) if tokens else None
        if entry is None:
            bad += 1
            continue
        if len(tokens) > 1:
            second = _entry(tokens[1]) if "." in tokens[1] and tokens[1].count(".") == 3 else None
            score = _score(tokens[1])
            if second is not None and second.version == entry.version and second.first > entry.last:
                entry = Range(entry.version, entry.first, second.last)
            elif score is not None:
                scored = True
                if score < feed.min_score:
                    below += 1
                    continue
        ranges.append(entry)
    return Parsed(feed, tuple(ranges), "scored list" if scored else "list", bad=bad, below_score=below)


def _score(token: str) -> float | None:
    try:
        return float(token) if len(token) < 12 else None
    except ValueError:
        return None


_ADDRESS_COLUMNS = ("ip", "ip_address", "ipaddress", "src_ip", "source_ip", "dst_ip", "address", "cidr", "network", "netblock", "prefix", "subnet", "indicator", "ioc",
                    "ioc_value", "value", "host")  # fmt: skip
_SCORE_COLUMNS = ("score", "confidence", "confidence_level", "abuseconfidencescore", "count", "hits", "risk")
SAMPLE = 50
"""Rows that decide which column holds the addresses when no header does."""


def _is_csv(lines: Sequence[str]) -> bool:
    sample = lines[:SAMPLE]
    return sum("," in line or line.count(";") > 1 for line in sample) * 2 > len(sample)


def _from_csv(feed: Feed, lines: Sequence[str]) -> Parsed:
    delimiter = "," if sum(line.count(",") for line in lines[:SAMPLE]) >= sum(line.count(";") for line in lines[:SAMPLE]) else ";"
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter, skipinitialspace=True)
    bad = below = 0
    while True:
        try:
            rows.append(next(reader))
        except StopIteration:
            break
        except csv.Error:
            bad += 1
    if not rows:
        return Parsed(feed, format="csv", bad=bad)
    header = [cell.strip().lower().replace(" ", "_") for cell in rows[0]]
    column = next((header.index(name) for name in _ADDRESS_COLUMNS if name in header), None)
    score = next((header.index(name) for name in _SCORE_COLUMNS if name in header), None)
    if column is not None:
        rows = rows[1:]
    else:
        width = max(map(len, rows[:SAMPLE]))
        column = max(range(width), key=lambda index: sum(len(row) > index and _entry(row[index]) is not None for row in rows[:SAMPLE]))
        if _entry(rows[0][column] if len(rows[0]) > column else "") is None:
            rows = rows[1:]  # a header in words that we do not know
    ranges = []
    for row in rows:
        entry = _entry(row[column]) if len(row) > column else None
        if entry is None:
            bad += 1
        elif score is not None and len(row) > score and (value := _score(row[score])) is not None and value < feed.min_score:
            below += 1
        else:
            ranges.append(entry)
    return Parsed(feed, tuple(ranges), "csv", bad=bad, below_score=below)


def _from_json(feed: Feed, document: Any, now: datetime) -> Parsed:
    """A STIX bundle or TAXII envelope (objects), or a list of addresses or of objects that hold one."""
    if isinstance(document, dict):
        objects = document.get("objects")
        return _from_stix(feed, objects if isinstance(objects, list) else [document], now)
    if not isinstance(document, list):
        return Parsed(feed, format="json", bad=1)
    if any(isinstance(item, dict) and item.get("type") == "indicator" for item in document):
        return _from_stix(feed, document, now)
    ranges: list[Range] = []
    bad = below = 0
    for item in document:
        fields = {key.lower(): value for key, value in item.items()} if isinstance(item, dict) else {"ip": item}
        text = next((fields[name] for name in _ADDRESS_COLUMNS if isinstance(fields.get(name), str)), None)
        entry = _entry(text) if text else None
        score = next((fields[name] for name in _SCORE_COLUMNS if isinstance(fields.get(name), int | float)), None)
        if entry is None:
            bad += 1
        elif score is not None and score < feed.min_score:
            below += 1
        else:
            ranges.append(entry)
    return Parsed(feed, tuple(ranges), "json", bad=bad, below_score=below)


_observation = re.compile(
    r"\s*\(?\s*(?:ipv[46]-addr:value|network-traffic:(?:src|dst)_ref\.value)\s*(?:=\s*('[^']*')|IN\s*\(([^()]*)\)|ISSUBSET\s*('[^']*'))\s*\)?\s*",
    re.IGNORECASE,
).fullmatch
_alternatives = re.compile(r"(?<=['\])])\s*OR\s*(?=[\[(a-z])", re.IGNORECASE).split
_quoted = re.compile(r"'([^']*)'").findall


def _from_stix(feed: Feed, objects: Iterable[Any], now: datetime) -> Parsed:
    ranges: list[Range] = []
    bad = expired = unsupported = 0
    for item in objects:
        if not isinstance(item, dict) or item.get("type") != "indicator":
            continue
        pattern = item.get("pattern")
        if not isinstance(pattern, str) or len(pattern) > 100_000:
            bad += 1
            continue
        if item.get("pattern_type", "stix") != "stix" or not ("ipv4-addr" in pattern or "ipv6-addr" in pattern or "_ref.value" in pattern):
            unsupported += 1
            continue
        try:
            current = _is_current(item, now)
        except (ValueError, TypeError):
            bad += 1
            continue
        if not current:
            expired += 1
            continue
        entries = _of_pattern(pattern)
        if entries is None:
            unsupported += 1
        else:
            ranges += [entry for entry in entries if entry is not None]
            bad += sum(entry is None for entry in entries)
    return Parsed(feed, tuple(ranges), "stix", bad=bad, expired=expired, unsupported=unsupported)


def _is_current(indicator: dict[str, Any], now: datetime) -> bool:
    until, since = indicator.get("valid_until"), indicator.get("valid_from")
    if indicator.get("revoked") is True or "benign" in (indicator.get("indicator_types") or ()):
        return False
    return not (until is not None and _time(until) <= now) and not (since is not None and _time(since) > now)


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time without zone")
    return time


def _of_pattern(pattern: str) -> list[Range | None] | None:
    """The addresses of a pattern any of which suffices; None when it asks for more (AND, FOLLOWEDBY, NOT, other observables)."""
    entries: list[Range | None] = []
    for alternative in _alternatives(pattern.strip()):
        found = _observation(alternative.replace("[", " ").replace("]", " "))
        if found is None:
            return None
        entries += [_entry(text) for text in _quoted(found[1] or found[2] or found[3])]
    return entries


def _refuse(parsed: Parsed, own: Sequence[Range]) -> Parsed:
    """Without the entries that lie within private, reserved or own addresses, or are too wide. Allow-lists may name anything."""
    if parsed.feed.kind == "allow":
        return parsed
    kept = []
    for entry in parsed.ranges:
        bits = 32 if entry.version == 4 else 128
        too_wide = entry.last - entry.first >= 1 << (bits - WIDEST[entry.version])
        if not too_wide and not any(
            h.version == entry.version and h.first <= entry.first and entry.last <= h.last for h in (*SPECIAL, *own)
        ):
            kept.append(entry)
    return replace(parsed, ranges=tuple(kept), refused=len(parsed.ranges) - len(kept))


# look-up


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


# description

_described = re.compile(
    r"^\s*(?:#|;|//)\s*(name|kind|licence|license|fetched|max-age-hours|min-score)\s*[:=]\s*(.{1,200}?)\s*$", re.IGNORECASE | re.MULTILINE
).findall


def describe(file_name: str, content: bytes, fetched_at: datetime | None = None) -> Feed:
    """What a file of a feed folder or container is: from comment lines at its top (`# kind: tor`, `# licence: CC BY 4.0`, `# min-score: 3`, `# max-age-hours: 48`,
    `# fetched: 2026-11-24T10:00:00Z`, `# name: …`), else from its name: `tor…` is a Tor list, `allow…` an allow-list, anything else malicious.

    Raises ValueError that names the file and the field when a comment says something impossible.
    """
    told = {key.lower(): value for key, value in _described(content[:4096].decode("utf-8-sig", errors="replace"))}
    stem = file_name.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    lower = stem.lower()
    kind = told.get("kind", "tor" if lower.startswith("tor") else "allow" if lower.startswith("allow") else "malicious").lower()
    if kind not in KINDS:
        raise ValueError(f"intel file {file_name!r}: kind {kind!r} is none of {', '.join(KINDS)}")
    try:
        return Feed(
            name=told.get("name", stem),
            kind=next(known for known in KINDS if known == kind),
            licence=told.get("licence", told.get("license", "")),
            fetched_at=_time(told["fetched"]) if "fetched" in told else fetched_at,
            max_age=timedelta(hours=float(told["max-age-hours"])) if "max-age-hours" in told else None,
            min_score=float(told.get("min-score", 0)),
        )
    except (ValueError, OverflowError) as error:
        raise ValueError(f"intel file {file_name!r}: {error}") from error
