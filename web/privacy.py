"""GET /api/privacy: the retention policy with what each place holds now, what the last purges removed, and what cannot be seen from here."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from adapters.dsr import Request, summary
from adapters.evidence import Evidence
from adapters.purge import states
from adapters.purge_record import runs, wrong
from adapters.tables import Tables
from retention.policy import span
from retention.residency import UNSEEN
from settings import Settings

RUNS = 24
REQUESTS = 50


def page(settings: Settings, tables: Tables, evidence: Evidence, now: datetime, requests: Iterable[Request] = ()) -> dict[str, Any]:
    """Names nobody. Times are ISO 8601, UTC."""
    kept = settings.kept
    latest = runs(tables, RUNS)
    return {
        "time": now.isoformat(),
        "problems": wrong(tables, now),
        "places": [
            {
                "place": state.place.id,
                "kind": state.place.kind,
                "name": state.place.name,
                "holds": state.place.holds,
                "personal": state.place.personal,
                "promise": span(kept[state.place.id]) if state.place.id in kept else None,
                "longest": span(state.place.longest) if state.place.longest else None,
                "countedFrom": state.place.since or None,
                "purpose": state.place.purpose,
                "mechanism": state.place.mechanism,
                "erasure": state.place.erasure,
                "items": state.items,
                "oldest": state.oldest.isoformat() if state.oldest else None,
                "goneBy": state.until.isoformat() if state.until else None,
                "removedByLastPurge": latest[0].removed.get(state.place.id, 0) if latest else None,
            }
            for state in states(tables, evidence, kept, now)
        ],
        "purges": [
            {
                "started": run.started.isoformat(),
                "seconds": run.seconds,
                "removed": dict(run.removed),
                "late": dict(run.late),
                "worstSeconds": run.worst,
                "complete": run.complete,
                "problems": run.problems + run.standing,
            }
            for run in latest
        ],
        "requests": [
            summary(request) | {"items": sum(request.removed.values()) if request.kind == "erase" else request.found}
            for request in requests
        ],
        "legalHold": {"until": settings.legal_hold[0].isoformat(), "reason": settings.legal_hold[1]} if settings.legal_hold else None,
        "geography": settings.geography or None,
        "notSeen": [*UNSEEN, *(latest[0].unseen if latest else ())],
    }
