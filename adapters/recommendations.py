"""The `recommendations` table: one row for each assessment of each service, with its resources, exemptions and history."""

import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec
from azure.data.tables import UpdateMode

from adapters.tables import Changed, Entity, Tables, joined, pieces
from alerts import outgoing
from alerts.outgoing import Sent
from posture.recommendations import Recommendation, parts_of
from posture.snapshot import service_key

TABLE = "recommendations"
TRIES = 5
TOLD = "told_"
ANY = "*"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Recommendation).decode


@dataclass(frozen=True, slots=True)
class Stored:
    """A recommendation as it is stored, with what each receiver was told of it. `etag`: of the row."""

    recommendation: Recommendation
    etag: str
    told: Mapping[str, dict[str, Sent]] = field(default_factory=dict)


def is_id(id: str) -> bool:
    return parts_of(id) is not None


def read(tables: Tables) -> Iterator[Stored]:
    """All of them, by service and assessment."""
    return map(_stored, tables.rows(TABLE, "PartitionKey gt ''"))


def find(tables: Tables, id: str) -> Stored | None:
    """By the id of a recommendation; None for what is none, too."""
    parts = parts_of(id)
    row = tables.get(TABLE, *parts) if parts else None
    return _stored(row) if row else None


def of_service(tables: Tables, service: str) -> Iterator[Stored]:
    """The recommendations of one service by its ARM id."""
    return map(_stored, tables.rows(TABLE, "PartitionKey eq @service", service=service_key(service)))


def of_assessment(tables: Tables, assessment: str) -> list[Stored]:
    """The recommendations of one assessment, at every service."""
    return [_stored(row) for row in tables.rows(TABLE, "RowKey eq @assessment", assessment=assessment)]


def change(tables: Tables, id: str, make: Callable[[Recommendation | None], Recommendation], etag: str | None = None) -> Stored:
    """Write what `make` makes of the stored recommendation; again if somebody else wrote meanwhile. `etag`: only while it is still that version. Raises Changed."""
    for _ in range(TRIES):
        before = find(tables, id)
        if etag is not None and etag != ANY and (before is None or before.etag != etag):
            raise Changed(TABLE)
        made = make(before.recommendation if before else None)
        try:
            return write(tables, before, made)
        except Changed:
            continue
    raise Changed(TABLE)


def reword(tables: Tables, id: str, rewrite: Callable[[str], str]) -> bool:
    """Whether a reason for which something was exempted became another. Raises Changed."""
    before = find(tables, id)
    if before is None or all(rewrite(one.why) == one.why for one in before.recommendation.exemptions):
        return False

    def reworded(known: Recommendation | None) -> Recommendation:
        found = known or before.recommendation
        exemptions = [msgspec.structs.replace(one, why=rewrite(one.why)) for one in found.exemptions]
        return msgspec.structs.replace(found, exemptions=exemptions)

    change(tables, id, reworded)
    return True


def write(tables: Tables, before: Stored | None, made: Recommendation) -> Stored:
    """Raises Changed where the row is no longer as it was `before` (None: not there)."""
    row = _row(made)
    if before is None:
        return Stored(made, tables.replace(TABLE, row, None))
    row |= {f"{TOLD}{receiver}": outgoing.pack(sent) for receiver, sent in before.told.items()}
    return Stored(made, tables.replace(TABLE, row, before.etag), before.told)


def remember(tables: Tables, id: str, receiver: str, sent: Mapping[str, Sent]) -> None:
    """What a receiver has of a recommendation; nothing where that is gone."""
    parts = parts_of(id)
    if parts is None:
        return
    with suppress(Changed):
        tables.replace(
            TABLE, {"PartitionKey": parts[0], "RowKey": parts[1], f"{TOLD}{receiver}": outgoing.pack(sent)}, ANY, UpdateMode.MERGE
        )


def _stored(row: Entity) -> Stored:
    told = {name.removeprefix(TOLD): outgoing.unpack(text) for name, text in row.items() if name.startswith(TOLD)}
    return Stored(_decode(zlib.decompress(joined(row))), str(row["etag"]), told)


def _row(one: Recommendation) -> Entity:
    return {
        "PartitionKey": service_key(one.service),
        "RowKey": one.assessment,
        "service": one.service,
        **pieces(zlib.compress(_encode(one), 6)),
    }
