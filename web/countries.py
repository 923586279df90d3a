"""GET /api/countries: from which countries calls came, how many and from how many addresses, and who says so."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from adapters import alerts, country_days
from adapters.tables import Tables
from model import iso_utc, moment
from windows.countries import MINUTES_PER_DAY, NOT_COUNTRIES, totals

if TYPE_CHECKING:
    from adapters.countries import Source

DAYS = 28
LONGEST = 396
"""Days: what is kept."""


def page(tables: Tables, source: "Source", parameters: Mapping[str, str], now: datetime) -> tuple[int, dict[str, Any]]:
    """`from` and `to`: days, both included, the last 28 by default; `service`: of one API Management service."""
    try:
        first, last = _span(parameters, now)
    except ValueError as error:
        return 400, {"error": {"code": "InvalidRequest", "message": str(error)}}
    rows, addresses = totals(country_days.read(tables, first, last, parameters.get("service", "")[:128]))
    countries = [row for row in rows if row.country and row.country not in NOT_COUNTRIES]
    value = [
        {
            "country": row.country or None,
            "name": NOT_COUNTRIES.get(row.country) or row.country or "unknown",
            "calls": row.calls,
            "ok2xx": row.ok,
            "share": round(row.share, 4),
            "addresses": row.addresses,
            "firstDay": _day(row.first_day),
            "lastDay": _day(row.last_day),
        }
        for row in rows
    ]
    return 200, {
        "value": value,
        "next": None,
        "countries": len(countries),
        "countriesAnswered": sum(1 for row in countries if row.ok),
        "calls": sum(row.calls for row in rows),
        "addresses": addresses,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "label": "country" if source.exact else "registered in",
        "source": source.name,
        "asOf": iso_utc(source.as_of) if source.as_of else None,
        "attribution": source.attribution,
    }


def of_alert(tables: Tables, id: str, source: "Source") -> dict[str, Any] | None:
    """The country of the address that an alert accuses; None where it accuses no address, or none that has a country."""
    stored = alerts.find(tables, id)
    return of_actor(stored.alert.sighting.actor or "", source) if stored else None


def of_actor(actor: str, source: "Source") -> dict[str, Any] | None:
    country = source.of_actor(actor)
    if not country:
        return None
    return {
        "country": country,
        "name": NOT_COUNTRIES.get(country, country),
        "label": "country" if source.exact else "registered in",
        "source": source.name,
        "attribution": source.attribution,
    }


def _span(parameters: Mapping[str, str], now: datetime) -> tuple[date, date]:
    """Raises ValueError in one sentence."""
    today = now.date()
    days = []
    for name, default in (("from", today - timedelta(days=DAYS - 1)), ("to", today)):
        text = parameters.get(name, "")
        if text and not re.fullmatch(r"\d{4}-\d\d-\d\d", text[:10]):
            raise ValueError(f"{name} must be a day such as 2026-11-24")
        try:
            days.append(date.fromisoformat(text[:10]) if text else default)
        except ValueError:
            raise ValueError(f"{name} must be a day such as 2026-11-24") from None
    first, last = days
    if not first <= last < first + timedelta(days=LONGEST):
        raise ValueError(f"from must be before to, and at most {LONGEST} days before")
    return first, last


def _day(day: int) -> str:
    return moment(day * MINUTES_PER_DAY).date().isoformat()
