"""What ingest saw in single calls, as sightings: one per client IP."""

from collections.abc import Callable, Iterator

from model import Severity, Sighting
from windows.window import Window


def seen_in_calls(
    window: Window, rule: str, severity: Callable[[set[str], int], Severity | None] = lambda _details, _ok: None
) -> Iterator[Sighting]:
    """A sighting per IP that was newly seen by this rule in the window; `severity` is told what matched and how many calls were answered 2xx."""
    ips = {ip for seen_by, ip, _ in window.touched_sightings if seen_by == rule}
    if not ips:
        return
    found: dict[str, dict[str, dict[int, int]]] = {}
    for (seen_by, ip, detail), statuses in window.sightings.items():
        if seen_by == rule and ip in ips:
            found.setdefault(ip, {})[detail] = statuses
    for ip, details in found.items():
        observed = sum(sum(statuses.values()) for statuses in details.values())
        ok = sum(n for statuses in details.values() for status, n in statuses.items() if status // 100 == 2)
        yield Sighting(
            observed,
            actor=ip or None,
            severity=severity(set(details), ok),
            evidence={"what matched": ", ".join(sorted(details)[:8]), "answered 2xx": ok},
        )
