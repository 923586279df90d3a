"""One parameter in one live window."""

from collections.abc import Set
from dataclasses import dataclass, field

from stats.sketch import SPAN, Sketch, shorten
from windows.sparse import Values
from windows.values import VALUE_TYPES

VALUES = 20_000
"""Distinct values of one parameter that a window tells apart."""
VALUES_OF_ONE = 2_000
"""Distinct values of one parameter and one IP: twice what the strongest enumeration of the test traffic sends."""
FIRST_IPS = 5
"""So many IPs make a new parameter or type a roll-out."""
ID_TYPES = tuple(VALUE_TYPES.index(name) for name in ("integer", "uuid", "hex", "email"))
ID_SHARE = 0.8
"""Share of a parameter's values that must look like identifiers for the parameter to be one."""

_NO_CALLS: tuple[int, tuple[str, ...]] = (0, ())


@dataclass(slots=True, eq=False)
class Parameter:
    """Values are known by keyed 64-bit hashes. With each is kept whether it was answered 2xx at least once."""

    n: int = 0
    """Calls that carried it."""
    ok: int = 0
    """Those that were answered 2xx."""
    values: dict[int, bool] = field(default_factory=dict)
    by_ip: Values = field(default_factory=Values)
    most: int = 0
    """Distinct values of the IP with the most."""
    seen_types: dict[int, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    """Index into VALUE_TYPES -> calls, and the first few IPs."""
    new: list[int] = field(default_factory=list)
    """Values that came since the unseen ones were counted; none before the first count, which is of all."""
    seen: Sketch | None = None
    """By which the unseen ones were counted."""
    unseen: int = 0

    def add(self, ip: str, value: int, n: int, ok: int, value_type: int) -> None:
        """`n` calls of one IP with one value, of which `ok` were answered 2xx."""
        self.n += n
        self.ok += ok
        fine = ok > 0
        values = self.values
        if value in values:
            if fine:
                values[value] = True
        elif len(values) < VALUES:
            values[value] = fine
            if self.seen is not None:
                self.new.append(value)
        distinct = self.by_ip.add(ip, value, fine, VALUES_OF_ONE)
        if distinct > self.most:
            self.most = distinct
        count, ips = self.seen_types.get(value_type, _NO_CALLS)
        if len(ips) < FIRST_IPS and ip not in ips:
            ips = (*ips, ip)
        self.seen_types[value_type] = (count + n, ips)

    @property
    def types(self) -> dict[int, tuple[int, Set[str]]]:
        """Index into VALUE_TYPES -> calls, and the first few IPs."""
        return {value_type: (count, frozenset(ips)) for value_type, (count, ips) in self.seen_types.items()}

    def has_identifiers(self) -> bool:
        """Whether its values nearly always have a type that identifiers have."""
        return sum(self.seen_types[value_type][0] for value_type in ID_TYPES if value_type in self.seen_types) >= ID_SHARE * self.n

    def count_unseen(self, seen: Sketch) -> float:
        """How many of its distinct values `seen` does not hold. Counts only what is new since it was last asked."""
        if self.seen is not seen:
            self.seen, self.unseen, self.new = seen, 0, list(self.values)
        self.unseen += seen.not_seen(map(shorten, self.new))
        self.new.clear()
        return self.unseen * SPAN / seen.bound
