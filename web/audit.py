"""GET /api/audit: who changed what, when, from what to what."""

import re
from collections.abc import Mapping
from typing import Any

from adapters import audit
from adapters.tables import Tables
from web.paging import LARGEST_PAGE

_ID = re.compile(r"\d{20}-[0-9a-f]{8}")


def page(tables: Tables, parameters: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """The newest first; `limit` (1 to 200, 50 by default), `cursor`: the `next` of the page before."""
    limit, cursor = parameters.get("limit", "50"), parameters.get("cursor", "")
    if not re.fullmatch(r"[0-9]{1,3}", limit) or not 1 <= int(limit) <= LARGEST_PAGE:
        return 400, {"error": f"limit must be a whole number from 1 to {LARGEST_PAGE}"}
    if cursor and not _ID.fullmatch(cursor):
        return 400, {"error": "cursor must be the next of an earlier page"}
    found: list[audit.Entry] = []
    for entry in audit.newest(tables, cursor):
        found.append(entry)
        if len(found) > int(limit):
            break
    shown = found[: int(limit)]
    return 200, {"value": [_shown(entry) for entry in shown], "next": shown[-1].id if len(found) > len(shown) else None}


def _shown(entry: audit.Entry) -> dict[str, Any]:
    return {
        "id": entry.id, "at": entry.at.isoformat().replace("+00:00", "Z"), "by": entry.by, "action": entry.action, "target": entry.target,
        "before": entry.before, "after": entry.after, "outcome": "unknown" if entry.outcome == audit.ASKED else entry.outcome,
    }  # fmt: skip
