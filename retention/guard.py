"""What may be written: nothing of an erased person's past, nothing into a table that is about to go, no actor past its promise."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from model import Alert, Incident, Minute, minute_of
from retention.policy import BY_ID, Promises, is_writable, promises, pseudonymised_before
from retention.subject import Tombstones, erased, pseudonym

T = TypeVar("T", Alert, Incident)


@dataclass(frozen=True, slots=True)
class Guard:
    key: bytes = field(repr=False)
    now: datetime
    kept: Promises = field(default_factory=promises)
    tombstones: Tombstones = field(default_factory=Tombstones)

    def takes(self, table: str) -> bool:
        """Whether a day's table may be written."""
        return is_writable(BY_ID["activity"], table, self.kept, self.now)

    def keeps(self, actor: str, minute: Minute) -> bool:
        """Whether what an actor did at this minute (in the window that begins at it) may be written."""
        return not self.tombstones.hides(actor, minute)

    def alert(self, alert: Alert) -> Alert:
        return self._named(alert, Alert)

    def incident(self, incident: Incident) -> Incident:
        return self._named(incident, Incident)

    def name(self, actor: str, id: str, first: Minute) -> str:
        """How an actor may be called in the alert or incident `id`, which began at this minute."""
        if self.tombstones.hides(actor, first):
            return erased(id)
        return pseudonym(actor, self.key) if first < minute_of(pseudonymised_before(self.kept, self.now)) else actor

    def _named(self, named: T, kind: type[T]) -> T:
        old = named.first < minute_of(pseudonymised_before(self.kept, self.now))
        if not old and not self.tombstones:
            return named
        return msgspec.convert(renamed(msgspec.to_builtins(named), lambda actor: self.name(actor, named.id, named.first)), kind)


def renamed(row: dict[str, Any], name: Callable[[str], str]) -> dict[str, Any]:
    """A decoded alert or incident with its actors renamed."""
    found = dict(row)
    sighting = found.get("sighting")
    if isinstance(sighting, dict) and isinstance(sighting.get("actor"), str):
        actor, called = sighting["actor"], name(sighting["actor"])
        evidence = {key: called if value == actor else value for key, value in sighting.get("evidence", {}).items()}
        found["sighting"] = {**sighting, "actor": called, "evidence": evidence}
    if isinstance(found.get("campaign"), dict):
        found["campaign"] = {**found["campaign"], "busiest": [(name(actor), n) for actor, n in found["campaign"]["busiest"]]}
    if "actors" in found:
        found["actors"] = list(dict.fromkeys(name(actor) for actor in found["actors"]))
    return found
