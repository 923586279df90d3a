"""GET /api/alerts: alerts as pages of Microsoft.Security/alerts objects, newest first."""

import re
from collections.abc import Mapping
from typing import Any

from adapters.alerts import read_page
from adapters.tables import Tables
from pipeline.render import render

LARGEST_PAGE = 200
_CURSOR = re.compile(r"[0-9]{8}-[0-9a-f]{32}")


def page(tables: Tables, parameters: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """Query parameters: `limit` (1 to 200, 50 by default) and `cursor` (the `next` of the page before)."""
    limit, cursor = parameters.get("limit", "50"), parameters.get("cursor", "")
    if not re.fullmatch(r"[0-9]{1,3}", limit) or not 1 <= int(limit) <= LARGEST_PAGE:
        return 400, {"error": f"limit must be a whole number from 1 to {LARGEST_PAGE}"}
    if cursor and not _CURSOR.fullmatch(cursor):
        return 400, {"error": "cursor must be the next of an earlier page"}
    found, following = read_page(tables, int(limit), cursor)
    return 200, {"value": [render(alert) for alert in found], "next": following}
