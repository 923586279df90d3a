"""Limits as data: every threshold of every detector can be overridden, for everything or for one service, API or endpoint.

The form of `detectors.json`:

    {"limits": {"API_SpikeInAPITraffic": {"floor": 50}},
     "off": ["API_SpikeInLatency"],
     "where": [{"service": "contoso", "api": "shop", "endpoint": "GET /v1/search", "limits": {...}, "off": [...]}]}

In `where`, what is left out matches everything; later entries win over earlier ones.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from alerts.request_body import parsed_once
from detectors import Detector, Limit, by_id
from model import Endpoint

DetectorLimits = dict[str, dict[str, Any]]


class Override(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    service: str | None = None
    api: str | None = None
    endpoint: str | None = None
    limits: DetectorLimits = {}
    off: list[str] = []

    def covers(self, endpoint: Endpoint) -> bool:
        return self.service in (None, endpoint.service) and self.api in (None, endpoint.api) and self.endpoint in (None, str(endpoint))


class _File(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    limits: DetectorLimits = {}
    off: list[str] = []
    where: list[Override] = []


class Limits:
    """What `parse` read. `of` answers with keyword arguments for a detector, or None when it is switched off."""

    def __init__(self, overrides: Iterable[Override] = ()) -> None:
        self._overrides = tuple(overrides)
        self._known: dict[tuple[str, Endpoint], Mapping[str, Limit] | None] = {}

    @property
    def overridden(self) -> bool:
        return bool(self._overrides)

    def of(self, detector: str, endpoint: Endpoint) -> Mapping[str, Limit] | None:
        if not self._overrides:
            return {}
        key = detector, endpoint
        if key not in self._known:
            self._known[key] = self._resolved(detector, endpoint)
        return self._known[key]

    def _resolved(self, detector: str, endpoint: Endpoint) -> Mapping[str, Limit] | None:
        found: dict[str, Limit] | None = {}
        for override in self._overrides:
            if not override.covers(endpoint):
                continue
            if detector in override.off:
                found = None
            elif detector in override.limits:
                found = {**(found or {}), **override.limits[detector]}
        return found


def parse(text: bytes, detectors: Mapping[str, Detector] | None = None) -> Limits:
    """Raises ValueError in one sentence that names what is wrong, and the nearest name that would be right."""
    known = by_id() if detectors is None else detectors
    try:
        parsed_once(text)
        file = msgspec.json.decode(text, type=_File)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'limits must be JSON such as {{"limits": {{"API_SpikeInAPITraffic": {{"floor": 50}}}}}}: {error}') from error
    overrides = [Override(limits=file.limits, off=file.off), *file.where]
    for override in overrides:
        for id in (*override.limits, *override.off):
            if id not in known:
                raise ValueError(f"unknown detector {id!r} in the limits{_nearest(id, known)}")
        for id, limits in override.limits.items():
            for name, value in limits.items():
                if name not in known[id].limits:
                    raise ValueError(f"detector {id} has no limit {name!r}{_nearest(name, known[id].limits)}")
                if isinstance(value, bool) or not isinstance(value, int | float) or value != value or value < 0:
                    raise ValueError(f"limit {name!r} of detector {id} must be a number of at least 0, such as {known[id].limits[name]}")
    return Limits(overrides)


def _nearest(name: str, names: Iterable[str]) -> str:
    names = sorted(names)
    close = get_close_matches(name, names, 1, 0.0)
    return f": did you mean {close[0]!r}? Known are {', '.join(names)}" if close else ""
