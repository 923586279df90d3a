"""The formats of lists of addresses, told apart by content. What is too wide, special or our own accuses nobody.

One address or CIDR a line (Tor's bulk exit list, FireHOL netsets, Spamhaus DROP), with a score (ipsum: address, tab, count), Tor's
`exit-addresses`, address ranges, CSV and JSON lists with a column of addresses, STIX 2.1 bundles (https://docs.oasis-open.org/cti/stix/v2.1/).
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from intel.addresses import Range, network
from intel.feeds import NO_LIST, SOMETHING_ELSE, Feed, Parsed, time_of

WIDEST = {4: 8, 6: 16}
"""Prefix lengths; a wider entry accuses a continent and is taken for a mistake."""

SPECIAL = tuple(
    network(cidr)
    for cidr in (
        # IANA special-purpose registries, but for the documentation blocks: they route nowhere, and tests and proofs need addresses that accuse nobody
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3",
        "::/3", "4000::/2", "8000::/1",
    )
)  # fmt: skip
"""Private and reserved addresses: no list may accuse them. IPv6 outside 2000::/3 is not global unicast."""


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
    return not (until is not None and time_of(until) <= now) and not (since is not None and time_of(since) > now)


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
