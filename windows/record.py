"""What stays of a window once it is closed: one endpoint's 20 minutes without any IP or identity, and how two such records merge."""

from collections.abc import Mapping
from typing import Any

import msgspec

from model import STATUS_CLASSES, Endpoint, Minute
from stats.rank import largest
from stats.sketch import pack as pack_sketch
from stats.sketch import union
from stats.sketch import unpack as unpack_sketch
from windows.usual_code import together

FORMAT = 1
"""Stands first in every packed record: a reader refuses what a newer writer wrote instead of misreading it."""
LEARNT_VALUES = 1024
"""Hashes in the sketch of one parameter of a record: 4 KiB at most."""
REFUSED = (401, 403)
FOUND = "found:"
"""Begins the measures of actors that were found: a day teaches one of each, so that what comes back on day after day is known in the end and no single
attack is."""


class ParameterRecord(msgspec.Struct, array_like=True, frozen=True):
    """`distinct` is of everyone, the rest from `type_ips` on without the actors that were found. `bound` and `hashes` are a packed sketch."""

    n: int
    ok: int
    distinct: int
    ips: int
    types: dict[int, int]
    type_ips: dict[int, int]
    usual_ips: int
    bound: int
    hashes: bytes


class Record(msgspec.Struct, array_like=True, frozen=True):
    """One window without any IP or identity. `calls`, bytes, `sizes`, `agents`, `auth`, `reasons` and `sightings` are of everyone and merge exactly;
    `series`, `tops` and `pairs` are what may be learned: without the actors that were found; -1 - n for a series that was found itself."""

    calls: dict[int, int] = {}
    """HTTP status -> n"""
    ips: int = 0
    request_bytes: int = 0
    response_bytes: int = 0
    sizes: dict[str, dict[int, int]] = {}
    """"2 2xx" (index into tally.METRICS, status class) -> bucket -> n"""
    parameters: dict[str, ParameterRecord] = {}
    agents: dict[str, int] = {}
    auth: dict[str, int] = {}
    """"2xx jwt+subscription-key" -> n"""
    reasons: dict[str, int] = {}
    sightings: dict[str, int] = {}
    """rule and detail, joined by a space -> n"""
    series: dict[str, int] = {}
    tops: dict[str, list[float]] = {}
    pairs: dict[str, int] = {}
    found: list[str] = []
    """Detectors that found something in it."""
    late: dict[str, int] = {}
    """Partition -> position of the last tally that came after the window was closed."""
    code: dict[str, tuple[int, int]] = {}
    """See windows.usual_code: detail -> (calls answered 2xx, clients as bits)"""

    @property
    def n(self) -> int:
        return sum(self.calls.values())


class WindowRow(msgspec.Struct, frozen=True, array_like=True):
    """A record and where it belongs: key of the `windows` table."""

    endpoint: Endpoint
    window: Minute
    record: Record


def merge_records(a: Record, b: Record) -> Record:
    """Both together. Exact for everything that adds; distinct values are exact while sketches are (1,024 values), distinct IPs are at least the larger of
    both, and a per-IP top is at least the larger: without IPs no one can know whether the same ones came twice."""
    parameters = dict(a.parameters)
    series = dict(a.series)
    for name, theirs in b.parameters.items():
        mine = parameters.get(name)
        if mine is None:
            parameters[name] = theirs
            continue
        both = union((unpack_sketch(mine.bound, mine.hashes), unpack_sketch(theirs.bound, theirs.hashes)), LEARNT_VALUES)
        bound, hashes = pack_sketch(both)
        parameters[name] = ParameterRecord(
            n=mine.n + theirs.n,
            ok=mine.ok + theirs.ok,
            distinct=max(round(both.distinct), mine.distinct, theirs.distinct),
            ips=max(mine.ips, theirs.ips),
            types=_sum(mine.types, theirs.types),
            type_ips={
                type_: max(mine.type_ips.get(type_, 0), theirs.type_ips.get(type_, 0)) for type_ in mine.type_ips.keys() | theirs.type_ips
            },
            usual_ips=max(mine.usual_ips, theirs.usual_ips),
            bound=bound,
            hashes=hashes,
        )
    for name, n in b.series.items():
        before = series.get(name, 0)
        marked = before < 0 or n < 0
        if name.startswith("distinct:"):
            series[name] = taint(marked, parameters[name.removeprefix("distinct:")].distinct)
        else:
            series[name] = taint(marked, untainted(before) + untainted(n))
    return Record(
        calls=_sum(a.calls, b.calls),
        ips=max(a.ips, b.ips),
        request_bytes=a.request_bytes + b.request_bytes,
        response_bytes=a.response_bytes + b.response_bytes,
        sizes={key: _sum(a.sizes.get(key, {}), b.sizes.get(key, {})) for key in a.sizes.keys() | b.sizes},
        parameters=parameters,
        agents=_sum(a.agents, b.agents),
        auth=_sum(a.auth, b.auth),
        reasons=_sum(a.reasons, b.reasons),
        sightings=_sum(a.sightings, b.sightings),
        series=series,
        tops={key: largest(a.tops.get(key, ()), b.tops.get(key, ())) for key in a.tops.keys() | b.tops},
        pairs=_sum(a.pairs, b.pairs),
        found=sorted({*a.found, *b.found}),
        late={key: max(a.late.get(key, -1), b.late.get(key, -1)) for key in a.late.keys() | b.late},
        code=together((a.code, b.code)),
    )


def merge_late(stored: Record | None, partition: str, position: int, late: Record) -> Record:
    """The stored record with a late tally's share; unchanged when it holds this position of this partition already."""
    stored = stored if stored is not None else Record()
    if stored.late.get(partition, -1) >= position:
        return stored
    merged = merge_records(stored, late)
    return msgspec.structs.replace(merged, late={**merged.late, partition: position})


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, Record]).decode


def pack_record(record: Record) -> bytes:
    return _encode((FORMAT, record))


def unpack_record(packed: bytes) -> Record:
    """Raises ValueError on what `pack_record` of this format did not write."""
    try:
        format_, record = _decode(packed)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a packed window record: {error}") from error
    if format_ != FORMAT:
        raise ValueError(f"a window record of format {format_}, where this version reads {FORMAT}: upgrade before reading it")
    return record


def counted(record: Record, series: str) -> int:
    """What a window counted of a series, by everyone: unlike `Record.series`, which leaves out the actors that were found."""
    if series == "auth":
        return sum(record.calls.get(status, 0) for status in REFUSED)
    if series.startswith("distinct:"):
        parameter = record.parameters.get(series.removeprefix("distinct:"))
        return parameter.distinct if parameter else 0
    return sum(n for status, n in record.calls.items() if STATUS_CLASSES[status // 100 - 1] == series)


def untainted(n: int) -> int:
    """The count in a record's series, whether it was found or not."""
    return -1 - n if n < 0 else n


def taint(tainted: bool, n: int) -> int:
    return -1 - n if tainted else n


def _sum(a: Mapping[Any, int], b: Mapping[Any, int]) -> dict[Any, int]:
    found = dict(a)
    for key, n in b.items():
        found[key] = found.get(key, 0) + n
    return found
