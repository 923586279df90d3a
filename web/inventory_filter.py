"""Query parameters of GET /api/inventory: which endpoints, in which order, and which page of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.inventory_index import Listed
from posture.inventory_row import Row
from web.paging import BY_OFFSET, limits

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "origin": ("declared", "behind-wildcard", "undeclared", "never-seen", "removed-but-called"),
    "status": ("Active", "Inactive", "Awaiting data"),
    "authentication": ("Authenticated", "Mixed", "Unauthenticated", "Awaiting data"),
    "external": ("true", "false", "unknown"),
    "risk": ("Low", "Medium", "High", "Critical"),
}
_LISTS: Mapping[str, Callable[[Row], Iterable[str]]] = {
    "product": lambda row: (one.casefold() for one in (row.declared.products if row.declared else ())),
    "tag": lambda row: (one.casefold() for one in (row.declared.tags if row.declared else ())),
    "version": lambda row: (row.declared.api_version.casefold(),) if row.declared else (),
    "country": lambda row: (one.casefold() for one in row.countries),
}
_SORTS: Mapping[str, Callable[[Listed], Any]] = {
    "risk": lambda one: one.risk.score,
    "endpoint": lambda one: (one.row.endpoint.template, one.row.endpoint.method),
    "api": lambda one: (one.row.endpoint.service, one.row.endpoint.api, one.row.endpoint.template, one.row.endpoint.method),
    "lastCalled": lambda one: one.row.last if one.row.last is not None else -1,
    "firstSeen": lambda one: one.row.first if one.row.first is not None else -1,
    "calls": lambda one: one.row.calls,
    "callers": lambda one: one.row.callers,
    "openAlerts": lambda one: one.alerts,
    "deviations": lambda one: sum(one.deviations.values()),
    "status": lambda one: one.row.status,
    "authentication": lambda one: one.row.authentication,
    "externalLast": lambda one: one.row.external_last if one.row.external_last is not None else -1,
    "p95Milliseconds": lambda one: one.row.p95 if one.row.p95 is not None else -1.0,
    "overlooked": lambda one: one.row.overlooked,
    "numberOfCountries": lambda one: len(one.row.countries),
}


@dataclass(frozen=True, slots=True)
class InventoryFilter:
    """`choices`: column -> values, any of which is wanted. `sensitive`: type ids, or "any" or "none". `lists`: column of lists -> values, any of which is wanted."""

    service: str = ""
    api: str = ""
    method: str = ""
    q: str = ""
    sensitive: tuple[str, ...] = ()
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()
    lists: tuple[tuple[str, frozenset[str]], ...] = ()
    sort: str = ""
    descending: bool = False
    limit: int = 50
    offset: int = 0
    csv: bool = False

    def keeps(self, one: Listed) -> bool:
        row, endpoint = one.row, one.row.endpoint
        if self.service and endpoint.service.casefold() != self.service:
            return False
        if self.api and self.api not in (endpoint.api.casefold(), row.api_name.casefold()):
            return False
        if self.method and endpoint.method != self.method:
            return False
        if self.q and self.q not in f"{endpoint.service} {endpoint.api} {row.api_name} {endpoint} {' '.join(row.sensitive)}".casefold():
            return False
        if self.sensitive and not _carries(row.sensitive, self.sensitive):
            return False
        if any(wanted.isdisjoint(_LISTS[column](row)) for column, wanted in self.lists):
            return False
        return all(_chosen(one, column) in values for column, values in self.choices)

    def ordered(self, listed: Iterable[Listed]) -> list[Listed]:
        """By service, API, template and method where nothing else is asked for, and among equals."""
        return sorted(listed, key=_SORTS[self.sort], reverse=self.descending) if self.sort else list(listed)


def parse(parameters: Mapping[str, str]) -> InventoryFilter:
    """Values of one column are separated by commas; `sort=-risk` is descending; `cursor` is the `next` of the page before. Raises ValueError in one sentence."""
    choices = []
    for column, known in _CHOICES.items():
        if text := parameters.get(column, "").strip():
            by_name = {value.casefold(): value for value in known}
            values = [by_name.get(value.strip().casefold()) for value in text.split(",")]
            if None in values:
                raise ValueError(f"{column} must be {', '.join(known[:-1])} or {known[-1]}")
            choices.append((column, tuple(value for value in values if value is not None)))
    sort = parameters.get("sort", "").strip()
    if sort.lstrip("-") not in ("", *_SORTS):
        raise ValueError(f"sort must be one of {', '.join(_SORTS)}, with a minus before it for the largest first")
    limit, cursor = limits(parameters, cursor=BY_OFFSET)
    form = parameters.get("format", "json").casefold()
    if form not in ("json", "csv"):
        raise ValueError("format must be json or csv")
    sensitive = tuple(filter(None, (part.strip() for part in parameters.get("sensitive", "").split(","))))
    return InventoryFilter(
        service=parameters.get("service", "").strip().casefold(),
        api=parameters.get("api", "").strip().casefold(),
        method=parameters.get("method", "").strip().upper(),
        q=parameters.get("q", "").strip().casefold(),
        sensitive=tuple({"true": "any", "false": "none"}.get(part, part) for part in sensitive),
        choices=tuple(choices),
        lists=tuple((column, wanted) for column in _LISTS if (wanted := _words(parameters.get(column, "")))),
        sort=sort.lstrip("-"),
        descending=sort.startswith("-"),
        limit=limit,
        offset=int(cursor or 0),
        csv=form == "csv",
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(filter(None, (part.strip().casefold() for part in text.split(","))))


def _chosen(one: Listed, column: str) -> str:
    row = one.row
    if column == "origin":
        return row.origin
    if column == "status":
        return row.status
    if column == "authentication":
        return row.authentication
    if column == "external":
        return {True: "true", False: "false", None: "unknown"}[row.external]
    return one.risk.band


def _carries(found: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    if "none" in wanted and not found:
        return True
    return ("any" in wanted and bool(found)) or bool(set(found) & set(wanted))
