"""The `findings` table: what the lead of an evaluation in shards plans, and what each shard finds; read by the others, and deleted once it is grouped.

Personal data. Rows are written before the progress row that makes them count, and the same again after a crash.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime

import msgspec

from adapters.batches import Tail
from adapters.tables import LARGEST_ENTITY, Entity, Tables, joined, pieces
from model import Endpoint, Minute, moment
from pipeline.findings import Accused, Findings, pack_findings, unpack_findings
from pipeline.plan import Plan
from windows.baseline import MINUTES_PER_DAY
from windows.context import Context

TABLE = "findings"
PLANS = "plans"
DAYS = "days"
FORMAT = 1

_Accused = list[tuple[Minute, Minute, dict[str, list[str]]]]


class _Packed(msgspec.Struct, array_like=True):
    format: int
    tails: dict[str, tuple[int, date]]
    watermark: Minute
    is_history: bool
    settled: Minute
    accused: _Accused
    contexts: list[tuple[Endpoint, Context]]
    learned: list[tuple[Endpoint, Minute]]
    closed_until: Minute | None


_decode = msgspec.msgpack.Decoder(_Packed).decode
_decode_accused = msgspec.msgpack.Decoder(_Accused).decode


def write_plan(tables: Tables, plan: Plan, tails: Mapping[str, Tail]) -> None:
    """`tails`: the places on the chains of batches up to which the plan reads."""
    packed = _Packed(
        FORMAT,
        {partition: (tail.last, tail.day) for partition, tail in tails.items() if tail.day},
        plan.watermark,
        plan.is_history,
        plan.settled,
        _listed(plan.accused),
        list(plan.contexts.items()),
        list(plan.learned.items()),
        plan.closed_until,
    )
    rewrite(tables, PLANS, _key(plan.number), msgspec.msgpack.encode(packed))
    for day, accused in plan.accused.items():
        if day[1] - day[0] == MINUTES_PER_DAY:
            write_day(tables, day, accused)


def write_day(tables: Tables, day: tuple[Minute, Minute], accused: Mapping[str, frozenset[str]]) -> None:
    """Who is accused in a day: longer than its plan, for a shard that starts cold before the day is closed."""
    rewrite(tables, DAYS, _key(day[1]), msgspec.msgpack.encode(_listed({day: accused})))


def read_plan(tables: Tables, number: int) -> tuple[Plan, dict[str, Tail]]:
    """Raises LookupError where it is gone."""
    packed = _decode(_read(tables, PLANS, _key(number)))
    if packed.format != FORMAT:
        raise ValueError(f"a plan of format {packed.format}, where this version reads {FORMAT}: upgrade before reading it")
    tails = {partition: Tail(last, day) for partition, (last, day) in packed.tails.items()}
    plan = Plan(
        number,
        {partition: tail.last for partition, tail in tails.items()},
        packed.watermark,
        packed.is_history,
        packed.settled,
        _by_time(packed.accused),
        dict(packed.contexts),
        dict(packed.learned),
        packed.closed_until,
    )
    return plan, tails


def accused_of_days(tables: Tables) -> Accused:
    """Of the days that are not closed by every shard."""
    found: dict[tuple[Minute, Minute], Mapping[str, frozenset[str]]] = {}
    for key in sorted(
        {row["RowKey"].partition("-")[0] for row in tables.query(TABLE, "PartitionKey eq @days", select=["RowKey"], days=DAYS)}
    ):
        found |= _by_time(_decode_accused(_read(tables, DAYS, key)))
    return found


def write_findings(tables: Tables, number: int, shard: int, findings: Findings, keeps: Callable[[str, Minute], bool]) -> None:
    """`keeps`: whether what an actor did in a window may be written."""
    kept = [one for one in findings.found if not one.finding.sighting.actor or keeps(one.finding.sighting.actor, one.finding.window)]
    rewrite(tables, _of_shard(shard), _key(number), pack_findings(msgspec.structs.replace(findings, found=kept)))


def read_findings(tables: Tables, number: int, shard: int) -> Findings:
    """Raises LookupError where they are gone."""
    return unpack_findings(_read(tables, _of_shard(shard), _key(number)))


def forget(tables: Tables, grouped: int, closed_until: Minute) -> None:
    """Delete what everyone has followed, and grouped: plans up to this one, days up to this minute."""
    low, high = f"{_key(grouped)}~", f"{closed_until:012d}~"
    where = f"PartitionKey ne '{DAYS}' and RowKey lt @low or PartitionKey eq '{DAYS}' and RowKey lt @high"
    keys = [
        (row["PartitionKey"], row["RowKey"]) for row in tables.query(TABLE, where, select=["PartitionKey", "RowKey"], low=low, high=high)
    ]
    tables.delete(TABLE, keys)


# one person's, and what is too old


def rows(tables: Tables, before: datetime | None = None) -> Iterator[tuple[str, str, datetime, bytes]]:
    """(partition, key, when it was written, content) of everything that is there, or was written before a time."""
    seen: dict[tuple[str, str], datetime] = {}
    for row in tables.query(TABLE, "PartitionKey ge ''", select=["PartitionKey", "RowKey", "Timestamp"]):
        if before is not None and row.metadata["timestamp"] >= before:  # type: ignore[attr-defined]
            continue
        seen.setdefault((row["PartitionKey"], row["RowKey"].partition("-")[0]), row.metadata["timestamp"])  # type: ignore[attr-defined]
    for (partition, key), at in seen.items():
        try:
            yield partition, key, at, _read(tables, partition, key)
        except LookupError:
            continue  # grouped meanwhile


def without(partition: str, content: bytes, actor: str, before: Minute) -> bytes | None:
    """What is left of it without somebody's past; None where nothing of them is there."""
    if partition == DAYS:
        days = _decode_accused(content)
        rest = _unaccused(days, actor, before)
        return msgspec.msgpack.encode(rest) if rest != days else None
    if partition == PLANS:
        plan = _decode(content)
        rest = _unaccused(plan.accused, actor, before)
        return msgspec.msgpack.encode(msgspec.structs.replace(plan, accused=rest)) if rest != plan.accused else None
    findings = unpack_findings(content)
    found = [one for one in findings.found if one.finding.sighting.actor != actor or one.finding.window > before]
    return pack_findings(msgspec.structs.replace(findings, found=found)) if len(found) < len(findings.found) else None


def of_actor(partition: str, content: bytes, actor: str) -> list[dict[str, str]]:
    """What stands there of somebody, for an export."""
    if partition in (DAYS, PLANS):
        accused = _decode_accused(content) if partition == DAYS else _decode(content).accused
        return [
            {"accusedFrom": moment(start).isoformat(), "until": moment(end).isoformat(), "service": service}
            for start, end, by_service in accused
            for service, actors in by_service.items()
            if actor in actors
        ]
    return [
        {"detector": one.finding.detector, "endpoint": str(one.finding.endpoint), "window": moment(one.finding.window).isoformat()}
        for one in unpack_findings(content).found
        if one.finding.sighting.actor == actor
    ]


def _unaccused(accused: _Accused, actor: str, before: Minute) -> _Accused:
    return [
        (start, end, {service: [one for one in actors if one != actor or start > before] for service, actors in by_service.items()})
        for start, end, by_service in accused
    ]


def _listed(accused: Accused) -> _Accused:
    return [(*of, {service: sorted(actors) for service, actors in sorted(some.items())}) for of, some in sorted(accused.items())]


def _by_time(accused: _Accused) -> dict[tuple[Minute, Minute], Mapping[str, frozenset[str]]]:
    return {(start, end): {service: frozenset(actors) for service, actors in some.items()} for start, end, some in accused}


def _key(number: int) -> str:
    return f"{number:012d}"


def _of_shard(shard: int) -> str:
    return f"found-{shard:02d}"


def rewrite(tables: Tables, partition: str, key: str, content: bytes) -> None:
    """In as many rows as it needs; the first says how many."""
    packed = zlib.compress(content, 1)
    parts = [packed[at : at + LARGEST_ENTITY] for at in range(0, max(1, len(packed)), LARGEST_ENTITY)]
    tables.upsert(
        TABLE, ({"PartitionKey": partition, "RowKey": f"{key}-{at:04d}", "of": len(parts), **pieces(part)} for at, part in enumerate(parts))
    )


def _read(tables: Tables, partition: str, key: str) -> bytes:
    where = "PartitionKey eq @partition and RowKey ge @low and RowKey lt @high"
    found: list[Entity] = list(tables.query(TABLE, where, partition=partition, low=f"{key}-", high=f"{key}~"))
    if not found or found[0]["of"] > len(found):
        raise LookupError(f"{partition} {key} is gone")
    return zlib.decompress(b"".join(joined(row) for row in found[: found[0]["of"]]))


def delete(tables: Tables, partition: str, key: str) -> None:
    where = "PartitionKey eq @partition and RowKey ge @low and RowKey lt @high"
    found = tables.query(TABLE, where, select=["RowKey"], partition=partition, low=f"{key}-", high=f"{key}~")
    tables.delete(TABLE, [(partition, row["RowKey"]) for row in found])


def age(tables: Tables) -> tuple[int, datetime | None]:
    """How many rows wait, and when the oldest was written."""
    stamps = [row.metadata["timestamp"] for row in tables.query(TABLE, "PartitionKey ge ''", select=["Timestamp"])]  # type: ignore[attr-defined]
    return len(stamps), min(stamps, default=None)
