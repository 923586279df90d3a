"""Lines of JSONL files, gzipped or not, as the tools read them."""

import gzip
import io
import sys
from collections.abc import Iterator
from typing import IO


def lines_of(name: str) -> Iterator[tuple[bytes, int]]:
    """Each line and how many bytes of the file it took (as stored); `-` is standard input. Raises OSError, EOFError where a gzip is cut."""
    if name == "-":
        for line in sys.stdin.buffer:
            yield line, len(line)
        return
    with open(name, "rb") as raw:
        magic = raw.read(2)
        raw.seek(0)
        stream: IO[bytes] = io.BufferedReader(gzip.GzipFile(fileobj=raw)) if magic == b"\x1f\x8b" else raw
        before = 0
        for line in stream:
            at = raw.tell()
            yield line, at - before
            before = at
