"""GET /api/usage: what was monitored in a month, and what Defender for APIs would have charged for it."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from adapters import country_days, losses
from adapters.tables import Tables
from adapters.usage import monitored
from posture.usage import PLANS_AS_OF, defender_charge, defender_charges
from windows.countries import NOT_COUNTRIES, totals


def page(tables: Tables, parameters: Mapping[str, str], now: datetime) -> tuple[int, dict[str, Any]]:
    """Query parameter `month` (YYYY-MM, this month by default). `lostCalls` were dropped by the hub before they were read, and are in no count.

    Bytes are of bodies; of `daysWithoutBytes` they were not kept. `addresses` are distinct ones of the whole month, and at least so many where
    `addressesAtLeast` says that the hashes of some of its days are gone already.
    """
    month = parameters.get("month", f"{now:%Y-%m}")
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", month):
        return 400, {"error": "month must be a month such as 2026-11"}
    first = date.fromisoformat(f"{month}-01")
    used = monitored(tables, first, now.date())
    lost = list(losses.read(tables, datetime(first.year, first.month, 1, tzinfo=UTC)))
    total = sum(one.calls for one in used.apis.values())
    cheapest = defender_charge(total)
    return 200, {
        "month": month,
        "calls": total,
        "requestBytes": sum(one.request_bytes for one in used.apis.values()),
        "responseBytes": sum(one.response_bytes for one in used.apis.values()),
        "daysWithoutBytes": used.days_without_bytes,
        **_callers(tables, first),
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
        "value": [
            {
                "service": service,
                "api": api,
                "calls": one.calls,
                "requestBytes": one.request_bytes,
                "responseBytes": one.response_bytes,
            }
            for (service, api), one in sorted(used.apis.items())
        ],
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


def _callers(tables: Tables, first: date) -> dict[str, Any]:
    """From how many countries and addresses the calls of a month came."""
    days = list(country_days.read(tables, first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)))
    rows, addresses = totals(days)
    return {
        "countries": sum(1 for row in rows if row.country and row.country not in NOT_COUNTRIES),
        "addresses": addresses,
        "addressesAtLeast": any(day.distinct >= 0 for day in days),
    }
