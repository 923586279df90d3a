"""One partition: an append-only log of events in segment files, with its index in memory.

An event counts as enqueued once `os.write` has returned: the system has it then, and a SIGKILL of this process loses
nothing that was acknowledged. Nothing is fsynced before `close`, so a power cut may cost the last seconds; whatever
record it tears is found by length and CRC at the next start and cut off.

Segment file, named by its first sequence number: a head (magic, first sequence number, and the offset at which the file
starts in the partition, then time of the event before), then records: length, CRC-32 of the rest, enqueued time in ms
since 1970, and the message exactly as receivers get it. The offset of an event is where its record starts.
"""

import bisect
import itertools
import os
import struct
import time
import zlib
from array import array
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from local.eventhubs.event import Event, stamp

SEGMENT_BYTES = 64 << 20
_MAGIC = b"GWEH0001"
_HEAD = struct.Struct(">8sQQq")
_RECORD = struct.Struct(">IIq")
_NEVER = -62_135_596_800_000  # 0001-01-01, what Event Hubs answers before the first event


class Segment:
    """One file of the log. `positions[i]` is where record i starts, `times[i]` when it was enqueued (ms since 1970)."""

    def __init__(self, path: Path, head: tuple[int, int, int] | None = None, *, cut: bool = False) -> None:
        """Opens a segment, or creates it from `head` (first sequence number, first offset, last time before it).

        `cut` drops a torn end. Raises ValueError if the file is no segment, or has a damaged record and must not be cut.
        """
        self.path = path
        self.positions, self.times = array("Q"), array("q")
        self.descriptor = os.open(path, os.O_RDWR | os.O_APPEND | (os.O_CREAT if head else 0), 0o600)
        if head:
            os.write(self.descriptor, _HEAD.pack(_MAGIC, *head))
            self.first, self.offset, self.time_before = head
            self.size = _HEAD.size
        else:
            self._load(cut)

    def _load(self, cut: bool) -> None:
        content = self.path.read_bytes()
        if len(content) < _HEAD.size or not content.startswith(_MAGIC):
            os.close(self.descriptor)
            raise ValueError(f"{self.path} is no segment of a partition")
        _, self.first, self.offset, self.time_before = _HEAD.unpack_from(content)
        at, size, view = _HEAD.size, len(content), memoryview(content)
        while at + _RECORD.size <= size:
            length, crc, when = _RECORD.unpack_from(content, at)
            end = at + _RECORD.size + length
            if end > size or zlib.crc32(view[at + 8 : end]) != crc:
                break
            self.positions.append(at)
            self.times.append(when)
            at = end
        self.size = at
        if at < size:
            if not cut:
                os.close(self.descriptor)
                raise ValueError(f"{self.path} is damaged at byte {at}")
            os.ftruncate(self.descriptor, at)

    @property
    def next(self) -> int:
        return self.first + len(self.positions)

    @property
    def last_time(self) -> int:
        return self.times[-1] if self.times else self.time_before

    def write(self, records: Sequence[bytes], positions: Sequence[int], when: int) -> None:
        """Appends encoded records that start at `positions`; after an OSError the file is as before."""
        content = memoryview(b"".join(records))
        end = self.size + len(content)
        try:
            while content:
                content = content[os.write(self.descriptor, content) :]
        except OSError:
            os.ftruncate(self.descriptor, self.size)
            raise
        self.size = end
        self.positions.extend(positions)
        self.times.extend([when] * len(positions))

    def read(self, index: int, count: int, limit: int) -> list[bytes]:
        """Return up to `count` messages from record `index` on, of about `limit` bytes together, at least one."""
        stop = min(index + count, len(self.positions))
        start = self.positions[index]
        last = max(index + 1, min(stop, bisect.bisect_right(self.positions, start + limit)))
        bounds = [*self.positions[index:last], self.positions[last] if last < len(self.positions) else self.size]
        content = os.pread(self.descriptor, bounds[-1] - start, start)
        skip = _RECORD.size - start
        return [content[a + skip : b - start] for a, b in itertools.pairwise(bounds)]

    def close(self) -> None:
        os.close(self.descriptor)


class Partition:
    """The log of one partition. Sequence numbers start at 0 and, like offsets, are never used twice."""

    def __init__(self, folder: Path, retention: timedelta, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._retention_ms = retention // timedelta(milliseconds=1)
        self._segment_bytes = segment_bytes
        folder.mkdir(parents=True, exist_ok=True)
        self._segments: list[Segment] = []
        paths = sorted(folder.glob("*.log"))
        if paths and paths[-1].stat().st_size < _HEAD.size:  # killed while it began a segment: nothing was in it yet
            paths.pop().unlink()
        for path in paths:
            self._segments.append(Segment(path, cut=path == paths[-1]))
        if not self._segments:
            self._begin((0, 0, _NEVER))

    def _begin(self, head: tuple[int, int, int]) -> None:
        self._segments.append(Segment(self._folder / f"{head[0]:020d}.log", head))

    @property
    def begin(self) -> int:
        """Sequence number of the oldest event that is still there (or of the next one, when there is none)."""
        return self._segments[0].first

    @property
    def next(self) -> int:
        """Sequence number that the next event will get."""
        return self._segments[-1].next

    @property
    def last_time(self) -> int:
        """When the last event was enqueued, ms since 1970; year 1 before the first."""
        return self._segments[-1].last_time

    @property
    def last_offset(self) -> int:
        """Offset of the last event, -1 before the first (just below the next one's when retention took the last)."""
        segment = self._segments[-1]
        if segment.positions:
            return segment.offset + segment.positions[-1]
        return segment.offset - 1

    def append(self, events: Sequence[Event]) -> None:
        """Stores events, all or none, in one write. Raises OSError when the disk refuses."""
        segment = self._segments[-1]
        if segment.positions and segment.size >= self._segment_bytes:
            self._roll()
            segment = self._segments[-1]
        when = max(time.time_ns() // 1_000_000, segment.last_time)
        sequence_number, base, at = segment.next, segment.offset, segment.size
        records: list[bytes] = []
        positions: list[int] = []
        stamped_time = when.to_bytes(8, "big", signed=True)
        time_crc = zlib.crc32(stamped_time)
        for event in events:
            message = stamp(event, sequence_number, base + at, when)
            length = len(message)
            records += (_RECORD.pack(length, zlib.crc32(message, time_crc), when), message)
            positions.append(at)
            at += _RECORD.size + length
            sequence_number += 1
        segment.write(records, positions, when)

    def _roll(self) -> None:
        last = self._segments[-1]
        os.fsync(last.descriptor)
        self._begin((last.next, last.offset + last.size, last.last_time))

    def read(self, sequence_number: int, count: int, limit: int) -> tuple[int, list[bytes]]:
        """Return messages from `sequence_number` (or, if retention took it, from the oldest) and the next number.

        At most `count` messages and about `limit` bytes; perhaps fewer than there are, none only at the end.
        """
        sequence_number = max(sequence_number, self.begin)
        if sequence_number >= self.next:
            return sequence_number, []
        segment = next(s for s in reversed(self._segments) if s.first <= sequence_number)
        messages = segment.read(sequence_number - segment.first, count, limit)
        return sequence_number + len(messages), messages

    def after_offset(self, offset: int, inclusive: bool) -> int:
        """Sequence number of the first event behind offset (or at it, when inclusive)."""
        cut = bisect.bisect_left if inclusive else bisect.bisect_right
        segment = next((s for s in reversed(self._segments) if s.offset <= offset), None)
        return self.begin if segment is None else segment.first + cut(segment.positions, offset - segment.offset)

    def after_time(self, when: int, inclusive: bool) -> int:
        """Sequence number of the first event enqueued after `when`, ms since 1970 (or at it, when inclusive)."""
        cut = bisect.bisect_left if inclusive else bisect.bisect_right
        for segment in self._segments:
            index = cut(segment.times, when)
            if index < len(segment.times):
                return segment.first + index
        return self.next

    def expire(self) -> None:
        """Drops the segments whose last event is older than the retention; an old active segment is closed first."""
        oldest = time.time_ns() // 1_000_000 - self._retention_ms
        active = self._segments[-1]
        if active.positions and active.last_time < oldest:
            self._roll()
        while len(self._segments) > 1 and self._segments[0].last_time < oldest:
            expired = self._segments.pop(0)
            expired.close()
            expired.path.unlink()

    def close(self) -> None:
        for segment in self._segments:
            if segment is self._segments[-1]:
                os.fsync(segment.descriptor)
            segment.close()
