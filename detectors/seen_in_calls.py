"""What ingest saw in single calls, as sightings: one per client IP."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator

from model import NOBODY, Severity, Sighting
from windows.window import Window


def seen_in_calls(
    window: Window,
    rule: str,
    severity: Callable[[set[str], int], Severity | None] = lambda _details, _ok: None,
    usual: Collection[str] = (),
    harmless: Callable[[str], bool] = lambda _detail: False,
) -> Iterator[Sighting]:
    """A sighting per IP that was newly seen by this rule in the window, and one without an actor for all that are not known; `severity` is told what matched and how many calls were answered 2xx. What matched and
    is `usual` here, or `harmless` anywhere, is information where it is all that matched, and says nothing where something else did."""
    actors = {_actor(ip) for seen_by, ip, _ in window.touched_sightings if seen_by == rule}
    if not actors:
        return
    found: dict[str | None, dict[str, Counter[int]]] = {}
    for (seen_by, ip, detail), statuses in window.sightings.items():
        if seen_by == rule and (actor := _actor(ip)) in actors:
            found.setdefault(actor, {}).setdefault(detail, Counter()).update(statuses)
    for actor, details in found.items():
        told = {detail: statuses for detail, statuses in details.items() if detail not in usual and not harmless(detail)}
        explained = not told
        told = told or details
        observed = sum(statuses.total() for statuses in told.values())
        ok = sum(n for statuses in told.values() for status, n in statuses.items() if status // 100 == 2)
        evidence: dict[str, str | int | float] = {"what matched": ", ".join(sorted(told)[:8]), "answered 2xx": ok}
        if any(detail in usual for detail in told):
            evidence["usual here"] = "this field has carried such code before, from several clients on several days"
        if explained and any(harmless(detail) for detail in told):
            evidence["reads as"] = "a text about code, or whole code of its own: nothing in it ends what your program wrote"
        yield Sighting(observed, actor=actor, severity=Severity.INFORMATIONAL if explained else severity(set(told), ok), evidence=evidence)


def _actor(ip: str) -> str | None:
    return None if ip in NOBODY else ip
