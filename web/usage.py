"""GET /api/usage: what was monitored in a month, and what Defender for APIs would have charged for it."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from adapters import losses
from adapters.tables import Tables
from adapters.usage import monitored
from posture.usage import PLANS_AS_OF, defender_charge, defender_charges


def page(tables: Tables, parameters: Mapping[str, str], now: datetime) -> tuple[int, dict[str, Any]]:
    """Query parameter `month` (YYYY-MM, this month by default). `lostCalls` were dropped by the hub before they were read, and are in no count."""
    month = parameters.get("month", f"{now:%Y-%m}")
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", month):
        return 400, {"error": "month must be a month such as 2026-11"}
    first = date.fromisoformat(f"{month}-01")
    counts = monitored(tables, first, now.date())
    lost = list(losses.read(tables, datetime(first.year, first.month, 1, tzinfo=UTC)))
    total = sum(counts.values())
    cheapest = defender_charge(total)
    return 200, {
        "month": month,
        "calls": total,
        "lostCalls": sum(loss.calls for loss in lost),
        "losses": [
            {
                "partition": loss.partition,
                "calls": loss.calls,
                "since": loss.since.isoformat() if loss.since else None,
                "until": loss.until.isoformat(),
            }
            for loss in lost
        ],
        "value": [{"service": service, "api": api, "calls": calls} for (service, api), calls in sorted(counts.items())],
        "defenderForApis": {
            "pricesAsOf": PLANS_AS_OF,
            "cheapest": cheapest.plan.name,
            "plans": [
                {
                    "plan": one.plan.name,
                    "packs": one.packs,
                    "includedCalls": one.plan.included,
                    "overageCalls": one.overage_calls,
                    "fee": float(one.plan.fee),
                    "overage": float(one.overage),
                    "total": float(one.total),
                }
                for one in defender_charges(total)
            ],
        },
    }
