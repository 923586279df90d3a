"""What traffic says about the estate, as assessments, attack paths and risk need it: the inventory makes these, and nothing here names a caller."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Literal

import msgspec

Authentication = Literal["Authenticated", "Mixed", "Unauthenticated", "Awaiting data"]
Status = Literal["Active", "Inactive", "Awaiting data"]

_CLASSES = {
    "secret": 3, "secret_azure": 3, "financial": 3, "health": 3,
    "national_id_eu": 2, "national_id_other": 2, "tax_id_eu": 2, "documents": 2,
    "contact": 1,
}  # fmt: skip
"""How bad it is to lose a family of information types: 3 worst. A tenant's own types count 2."""
CUSTOM = 2


class EndpointFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """One endpoint over the last 30 days. `id`: of the inventory; `service`: the gateway's name in traffic; `api`: without its revision, "" for none.

    `external` None, and "Awaiting data": traffic does not say yet.
    """

    id: str
    service: str
    api: str
    method: str
    template: str
    authentication: Authentication = "Awaiting data"
    key_only: bool = False
    """Proven by a subscription key at most."""
    status: Status = "Awaiting data"
    external: bool | None = None
    """A caller from a public address was seen."""
    sensitivity: int = 0
    """0 nothing, 1 to 3 by `sensitivity`."""
    sensitive: tuple[str, ...] = ()
    """Names of information types that are claimed."""
    in_path: bool = False
    """An id stands in the path: something to count up."""
    open_alerts: int = 0
    deviations: int = 0
    is_shadow: bool = False
    """Described by no operation."""
    succeeded: bool = False
    """Answered 2xx."""
    calls: int = 0

    @property
    def endpoint(self) -> str:
        return f"{self.method} {self.template}"


class KeyUse(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a subscription's key was used. `last`: minute of its last call; `public`: from a public address."""

    last: int
    public: bool = False


class Traffic(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that traffic says about one service. None: not known.

    `watched`: API id -> minute of the first event of it; an API that is not in there sends none. `keys`: subscriptions used lately; `uses`: subscription -> minute at
    which the last day ended on which it was used; `since`: minute from which on all uses are in there; `hole`: the longest gap of events as a sentence.
    """

    endpoints: tuple[EndpointFacts, ...] = ()
    watched: Mapping[str, int] | None = None
    keys: Mapping[str, KeyUse] | None = None
    uses: Mapping[str, int] | None = None
    since: int | None = None
    hole: str = ""


def sensitivity(found: Iterable[tuple[str, int]]) -> int:
    """The level of what an endpoint holds, 0 to 3: of (information type id, confidence 0 low, 1 medium, 2 high) the worst. Medium counts one level less; low is only
    possible and never claimed."""
    levels = [max(1, _classes().get(kind, CUSTOM) - (1 if confidence == 1 else 0)) for kind, confidence in found if confidence > 0]
    return max(levels, default=0)


@cache
def _classes() -> dict[str, int]:
    from classifiers.taxonomy import discover

    return {kind.id: _CLASSES.get(kind.family, CUSTOM) for kind in discover()}
