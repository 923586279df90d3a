"""A tally: the counts of some calls as small tables that pack into a few kilobytes.

Ingest makes one tally a batch and appends it to the log; evaluate reads tallies and adds them to windows. A row of a table has key columns
(integers, or indices into the tally's own dictionaries of strings) and measures. Rows are unique by key and sorted by minute, so that a
reader can walk event time minute by minute.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from model import Endpoint, Minute

FORMAT = 2
"""Stands first in every packed tally: a reader refuses what a newer writer wrote instead of misreading it."""


class Columns(NamedTuple):
    """The columns of one table: `keys` identify a row, `sums` merge by addition, `maxima` by maximum."""

    keys: tuple[str, ...]
    sums: tuple[str, ...] = ("n",)
    maxima: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return self.keys + self.sums + self.maxima


TABLES: dict[str, Columns] = {
    # bytes are of bodies, 0 where unknown
    "calls": Columns(
        ("minute", "endpoint", "ip", "status"),
        ("n", "request_bytes", "response_bytes"),
        ("request_max", "response_max"),
    ),
    "identities": Columns(("minute", "endpoint", "identity", "status")),
    # value: keyed 64-bit hash of a parameter's value; ok: how many of n were answered 2xx; type: index into fold.VALUE_TYPES
    "values": Columns(("minute", "endpoint", "ip", "parameter", "value"), ("n", "ok"), ("type",)),
    "agents": Columns(("minute", "endpoint", "agent")),
    # evidence: what proved the caller, "jwt+subscription-key"; "" for nothing
    "auth": Columns(("minute", "endpoint", "evidence", "status")),
    "reasons": Columns(("minute", "endpoint", "reason")),
    # metric: index into METRICS; status_class: 1..5; bucket: see stats.buckets
    "sizes": Columns(("minute", "endpoint", "metric", "status_class", "bucket")),
    # what one call alone proves; rule: a detector's id; detail: the name of what matched, never a value
    "sightings": Columns(("minute", "endpoint", "rule", "ip", "status", "detail")),
    # what looking into calls showed; information: a type's id, place: "response.body $.a[*].b", confidence: index into inventory.CONFIDENCES
    "sensitive": Columns(("minute", "endpoint", "information", "place", "confidence", "status_class")),
    # how many calls were looked into
    "looks": Columns(("minute", "endpoint")),
    # how many calls may carry an attack and were not looked into, for a batch had too many of them
    "overlooked": Columns(("minute", "endpoint")),
    # calls that the gateway's guard touched; detail: "blocked:ID", "slowed:ID", "would-block:ID", "would-slow:ID"; the first two stand in no other table
    "guarded": Columns(("minute", "endpoint", "detail")),
    # the next two know only windows, by the minute at which they begin. country: two letters as a number, see windows.countries; 0 for unknown
    "countries": Columns(("minute", "endpoint", "country", "status_class")),
    # who called from where by which program; endpoint: any of the service; identity: the narrowest, "" for nobody; ok: how many of n were answered 2xx
    "callers": Columns(("minute", "endpoint", "ip", "identity", "agent", "country"), ("n", "ok")),
    # direction: 0 request, 1 response; media: a type without parameters
    "media": Columns(("minute", "endpoint", "direction", "media", "status_class")),
    # calls that are not as most: wildcard and plain (http) 0 or 1; revision 0 where there is none
    "forms": Columns(("minute", "endpoint", "wildcard", "plain", "revision")),
    # bodies answered 2xx that were listed, and the fields in them: "response $.payee.iban"; value_type: index into values.VALUE_TYPES
    "bodies": Columns(("minute", "endpoint", "direction")),
    "fields": Columns(("minute", "endpoint", "ip", "field", "value_type")),
}
METRICS = ("request bytes", "response bytes", "milliseconds")

Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """`tables[name]` is a list of rows in the column order of TABLES[name].all, their minutes counted from `since`.

    `status` is the HTTP status. Columns named `endpoint`, `ip`, `identity`, `parameter`, `agent`, `evidence`, `reason`, `rule`, `detail`,
    `information`, `place`, `media` and `field` are indices into the lists below. An unknown IP is "", an identity is "subscription:…", "user:…" or "subject:…", a parameter "path:id"
    or "query:page".
    """

    since: Minute = 0
    endpoints: list[Endpoint] = field(default_factory=list)
    ips: list[str] = field(default_factory=list)
    identities: list[str] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    information: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    media: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    tables: dict[str, list[Row]] = field(default_factory=dict)

    def rows(self, table: str) -> list[Row]:
        """The rows of a table, minutes ascending and counted since 1970."""
        since = self.since
        return [(row[0] + since, *row[1:]) for row in self.tables.get(table, ())]

    @property
    def newest(self) -> Minute:
        """The minute of its newest call, -1 where there is none."""
        rows = self.tables.get("calls")
        return rows[-1][0] + self.since if rows else -1

    @property
    def calls(self) -> int:
        n = TABLES["calls"].all.index("n")
        return sum(row[n] for row in self.tables.get("calls", ()))


DICTIONARIES = (
    "ips",
    "identities",
    "parameters",
    "agents",
    "evidence",
    "reasons",
    "rules",
    "details",
    "information",
    "places",
    "media",
    "fields",
)
"""In the order in which they are packed. New ones come last: what an older version wrote has fewer."""


class _Packed(msgspec.Struct, array_like=True):
    format: int
    since: Minute
    endpoints: list[Endpoint]
    dictionaries: list[list[str]]
    tables: dict[str, list[Row]]


def pack(tally: Tally) -> bytes:
    """Bytes (msgpack) for `unpack`."""
    return msgspec.msgpack.encode(
        _Packed(FORMAT, tally.since, tally.endpoints, [getattr(tally, name) for name in DICTIONARIES], tally.tables)
    )


def unpack(packed: bytes) -> Tally:
    """The tally that `pack` packed. Raises ValueError on anything else."""
    try:
        found = msgspec.msgpack.decode(packed, type=_Packed)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a packed tally: {error}") from error
    if found.format != FORMAT:
        raise ValueError(f"a tally of format {found.format}, where this version reads {FORMAT}: upgrade before reading it")
    if len(found.dictionaries) > len(DICTIONARIES):
        raise ValueError("a tally with dictionaries that this version does not know: upgrade before reading it")
    dictionaries = dict(zip(DICTIONARIES, found.dictionaries, strict=False))
    return Tally(found.since, found.endpoints, **dictionaries, tables=found.tables)
