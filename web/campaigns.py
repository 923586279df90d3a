"""GET /api/alerts/{id}/actors: the alerts that a campaign stands for, one for each actor and place."""

import re
from collections.abc import Mapping
from typing import Any

from adapters import campaigns
from adapters.tables import Tables
from alerts.render import called, utc

_CURSOR = re.compile(r"[0-9]{1,4}")


def page(tables: Tables, id: str, parameters: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """`cursor`: the `next` of the page before. Nothing for an alert that stands for itself alone."""
    cursor = parameters.get("cursor", "0")
    if not _CURSOR.fullmatch(cursor):
        return 400, {"error": "cursor must be the next of an earlier page"}
    try:
        found, following = campaigns.page(tables, id, int(cursor))
    except ValueError:
        return 404, {"error": "there is no alert of this id"}
    value = [
        {
            "actor": one.actor,
            "endpoint": called(one.endpoint),
            "statusClass": one.status_class,
            "parameter": one.parameter,
            "severity": one.severity.label,
            "startTimeUtc": utc(one.first),
            "endTimeUtc": utc(one.last + 1),
            "observed": one.observed,
            "calls": one.calls,
        }
        for one in found
    ]
    return 200, {"value": value, "next": str(following) if following is not None else None}
