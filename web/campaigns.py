"""GET /api/alerts/{id}/actors: the alerts that a campaign stands for, one for each actor and place."""

from collections.abc import Mapping
from typing import Any

from adapters import campaigns
from adapters.tables import Tables
from alerts.render import called, utc
from web.paging import position

_CURSOR = r"[0-9]{1,4}"


def page(tables: Tables, id: str, parameters: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """`cursor`: the `next` of the page before. Nothing for an alert that stands for itself alone."""
    try:
        cursor = position(parameters.get("cursor", ""), _CURSOR)
    except ValueError as error:
        return 400, {"error": str(error)}
    try:
        found, following = campaigns.page(tables, id, int(cursor or 0))
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
