"""GET /api/audit: who changed what, when, from what to what."""

from collections.abc import Mapping
from typing import Any

from adapters import audit
from adapters.tables import Tables
from web.paging import limits

_ID = r"[0-9]{20}-[0-9a-f]{8}"


def page(tables: Tables, parameters: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """The newest first; `limit` (1 to 200, 50 by default), `cursor`: the `next` of the page before."""
    try:
        limit, cursor = limits(parameters, cursor=_ID)
    except ValueError as error:
        return 400, {"error": str(error)}
    found: list[audit.Entry] = []
    for entry in audit.newest(tables, cursor):
        found.append(entry)
        if len(found) > limit:
            break
    shown = found[:limit]
    return 200, {"value": [_shown(entry) for entry in shown], "next": shown[-1].id if len(found) > len(shown) else None}


def _shown(entry: audit.Entry) -> dict[str, Any]:
    return {
        "id": entry.id, "at": entry.at.isoformat().replace("+00:00", "Z"), "by": entry.by, "action": entry.action, "target": entry.target,
        "before": entry.before, "after": entry.after, "outcome": "unknown" if entry.outcome == audit.ASKED else entry.outcome,
    }  # fmt: skip
