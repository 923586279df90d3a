"""One pass over all texts for all shapes: hyperscan (Vectorscan) where its wheel is, else Python's `re`, with the same hits."""

import hashlib
import re
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

try:
    import hyperscan
except ImportError:  # pragma: no cover - no wheel for this platform: the second engine serves
    hyperscan = None  # type: ignore[assignment]

MAX_HITS = 2_500
"""Hits of one pass; a text with more is an attack, and is looked at in part."""

Hit = tuple[int, int]
"""(position after the match, number of the shape)"""


class DatabaseRefusedError(Exception):
    """The serialised database is of another engine, another version, another processor or other shapes."""


def fingerprint(shapes: Sequence[str]) -> str:
    """What a serialised database depends on, but for the processor: engine, version, shapes."""
    version = getattr(hyperscan, "__version__", "none")
    return f"hyperscan-{version}-{hashlib.sha256(chr(0).join(shapes).encode()).hexdigest()[:16]}"


class Hyperscan:
    """Block mode, no start of match, bytes: what `classify.md` measured fastest. Each thread has its own scratch space."""

    def __init__(self, shapes: Sequence[str], database: bytes | None = None) -> None:
        if hyperscan is None:
            raise DatabaseRefusedError("hyperscan is not installed")
        self._local = threading.local()
        if database is None:
            self._database: Any = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            self._database.compile(expressions=[s.encode() for s in shapes], ids=list(range(len(shapes))), elements=len(shapes), flags=0)
        else:
            try:
                self._database = hyperscan.loadb(database, hyperscan.HS_MODE_BLOCK)
            except (hyperscan.HyperscanError, TypeError, ValueError) as refused:
                raise DatabaseRefusedError(str(refused)) from refused

    def serialise(self) -> bytes:
        return bytes(hyperscan.dumpb(self._database))

    def scan(self, text: str) -> tuple[list[Hit], bool]:
        """(hits, whether there were more than `MAX_HITS`)"""
        hits: list[Hit] = []
        append = hits.append

        def on_match(number: int, _start: int, end: int, _flags: int, _context: object) -> bool | None:
            append((end, number))
            return True if len(hits) >= MAX_HITS else None

        try:
            scratch = self._local.scratch
        except AttributeError:
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        with suppress(hyperscan.ScanTerminated):
            self._database.scan(text.encode("ascii", "replace"), match_event_handler=on_match, scratch=scratch)
        hits.sort()
        return hits, len(hits) >= MAX_HITS

    def any(self, content: bytes) -> bool:
        """Whether any shape is in it."""
        try:
            scratch = self._local.scratch
        except AttributeError:
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        try:
            self._database.scan(content, match_event_handler=_end, scratch=scratch)
        except hyperscan.ScanTerminated:
            return True
        return False


def _end(_number: int, _start: int, _end: int, _flags: int, _context: object) -> bool:
    return True


class Plain:
    """Every shape in turn with `re`: some forty times slower, the same hits in the same text_values."""

    def __init__(self, shapes: Sequence[str]) -> None:
        self._patterns = [re.compile(s, re.ASCII) for s in shapes]

    def scan(self, text: str) -> tuple[list[Hit], bool]:
        text = text.encode("ascii", "replace").decode("ascii")
        hits: list[Hit] = []
        for number, pattern in enumerate(self._patterns):
            for match in pattern.finditer(text):
                hits.append((match.end(), number))
                if len(hits) >= MAX_HITS:
                    hits.sort()
                    return hits, True
        hits.sort()
        return hits, False

    def any(self, content: bytes) -> bool:
        text = content.decode("latin-1")  # a character a byte, as the other engine reads
        return any(pattern.search(text) for pattern in self._patterns)


def engine(shapes: Sequence[str]) -> Hyperscan | Plain:
    """The fastest that works here."""
    return Plain(shapes) if hyperscan is None else Hyperscan(shapes)
