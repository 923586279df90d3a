"""GET /api/overview: what the first page shows: what is open, what changed, what needs somebody, and whether everything works."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters import alert_index
from adapters.alert_index import AlertIndex
from adapters.inventory_index import InventoryIndex, View
from model import Severity, minute_of
from posture.inventory_changes import counted
from web.inventory import counters

SHOWN_DAYS = 30
SEVERITIES = [severity.label for severity in sorted(Severity, reverse=True)]
MOST_NEEDS = 20


def page(
    index: InventoryIndex, alerts: AlertIndex, recommendations: Mapping[str, int], health: tuple[bool, Mapping[str, Any]], now: datetime
) -> tuple[int, dict[str, Any]]:
    """`recommendations`: open ones by severity. `health`: as the probe answers."""
    view, rows = index.view(now), alerts.rows(now)
    waiting = alert_index.open_by_severity(rows)
    open_alerts = {severity: waiting.get(severity, 0) for severity in SEVERITIES}
    well, body = health
    return 200, {
        "alerts": {"open": open_alerts},
        "bySeverityDay": alert_index.by_day(rows, now, SHOWN_DAYS),
        "recommendations": {severity: recommendations.get(severity, 0) for severity in SEVERITIES},
        "endpoints": counters(view.listed),
        "needsYou": _needs(view, open_alerts, recommendations)[:MOST_NEEDS],
        "health": {"state": str(body.get("status", "healthy" if well else "unhealthy")), "notices": [*_notices(body), *view.problems]},
        "changes": {f"{change}{days}": n for days in (7, 30) for change, n in counted(view.changes, minute_of(now), days).items()},
    }


def _needs(view: View, alerts: Mapping[str, int], recommendations: Mapping[str, int]) -> list[dict[str, str]]:
    """What is worth a look, the most urgent first; links are views of the page."""
    rows = [one.row for one in view.listed]
    open_drift = [one for one in view.drift if one.state == "open"]
    candidates = (
        ("alerts", alerts.get("High", 0), "{} of high severity {} open", "alert", "alerts?severity=High&status=Active"),
        (
            "contradiction",
            sum(bool(row.contradiction) for row in rows),
            "{} {} answered without the proof that its policy demands",
            "endpoint",
            "drift?kind=authentication",
        ),
        (
            "exposed",
            sum(row.external is True and row.authentication == "Unauthenticated" and bool(row.sensitive) for row in rows),
            "{} {} open to the internet, unauthenticated, and carries sensitive data",
            "endpoint",
            "inventory?external=true&authentication=Unauthenticated&sensitive=any",
        ),
        (
            "zombie",
            sum(row.origin == "removed-but-called" for row in rows),
            "{} {} called although it is described no longer",
            "endpoint",
            "inventory?origin=removed-but-called",
        ),
        (
            "shadow",
            sum(row.origin == "undeclared" and row.statuses[1] > 0 for row in rows),
            "{} {} described nowhere",
            "endpoint",
            "inventory?origin=undeclared",
        ),
        (
            "overlooked",
            sum(row.overlooked > 0 for row in rows),
            "{} {} so full of odd calls at once that some were not looked into for attacks",
            "endpoint",
            "inventory?sort=-overlooked",
        ),
        (
            "recommendations",
            recommendations.get("High", 0),
            "{} of high severity {} open",
            "recommendation",
            "recommendations?severity=High",
        ),
        (
            "drift",
            sum(one.deviation.severity is Severity.HIGH for one in open_drift),
            "{} of high severity {} open",
            "deviation",
            "drift?state=open",
        ),
    )
    return [
        {"kind": kind, "text": text.format(f"{n} {noun}{'s' if n > 1 else ''}", "are" if n > 1 else "is"), "link": link}
        for kind, n, text, noun, link in candidates
        if n
    ]


def _notices(body: Mapping[str, Any]) -> list[str]:
    """What health says, problems first."""
    return [str(one) for one in (*body.get("problems", ()), *body.get("notices", ()))]
