"""Builders with defaults: a test names what it is about and nothing else."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import log
from typing import Any

from model import Alert, ApiCall, Endpoint, Finding, Severity, Sighting, alert_id, minute_of
from stats.buckets import bucket
from stats.moments import Moments
from stats.seasonal import Seasonal
from stats.sketch import shorten, sketch
from windows.baseline import Baseline, Fresh
from windows.context import NOTHING_KNOWN, Context
from windows.day import RollingDay
from windows.live import LiveWindow

ENDPOINT = Endpoint("contoso", "shop", "GET", "/v1/orders/{id}")
START = minute_of(datetime(2026, 3, 4, 12, 0, tzinfo=UTC))
"""A Wednesday noon, the start of a window."""
IP = "203.0.113.7"


def api_call(minutes: float = 0, **fields: Any) -> ApiCall:
    """A call `minutes` after START."""
    defaults: dict[str, Any] = {
        "v": 1,
        "request_id": "00000000-0000-4000-8000-000000000001",
        "time": datetime.fromtimestamp(START * 60, UTC) + timedelta(minutes=minutes),
        "method": "GET",
        "path": "/v1/orders/1",
        "status": 200,
        "service": "contoso",
        "api_id": "shop",
        "url_template": "/v1/orders/{id}",
        "client_ip": IP,
    }
    return ApiCall(**{**defaults, **fields})


def value(number: int) -> int:
    """A 64-bit hash as `fold.hash_value` makes them, spread over the whole range."""
    return (number * 0x9E3779B97F4A7C15 + 0x1234567) % (1 << 64)


def window(
    *,
    endpoint: Endpoint = ENDPOINT,
    start: int = START,
    calls: Sequence[tuple[str, int, int]] = (),
    sizes: Sequence[tuple[str, int, int]] = (),
    identities: Sequence[tuple[str, int, int]] = (),
    values: Sequence[tuple[str, str, Sequence[int], bool]] = (),
    value_type: int = 3,
    milliseconds: Sequence[float] = (),
    sightings: Sequence[tuple[str, str, int, str]] = (),
    routes: Sequence[tuple[str, int, Endpoint]] = (),
    day: RollingDay | None = None,
    regulars: Mapping[str, Mapping[str, float]] | None = None,
    context: Context = NOTHING_KNOWN,
    service_days: int = 30,
) -> LiveWindow:
    """A window with these calls (ip, status, n), sizes (ip, request bytes, response bytes of one call), identities (identity, status, n), values (ip,
    parameter, numbers, answered 2xx), latencies of 2xx, sightings (rule, ip, status, detail) and routes (ip, status, endpoint)."""
    made = LiveWindow(endpoint, start, day=day or RollingDay(), regulars=regulars or {}, context=context, service_days=service_days)
    for ip, status, n in calls:
        made.call(ip, status, n, 0, 0, 0, 0)
    for ip, request, response in sizes:
        made.call(ip, 200, 1, request, response, request, response)
    for identity, status, n in identities:
        made.identity(identity, status, n)
    for ip, parameter, numbers, ok in values:
        for number in numbers:
            made.value(ip, parameter, value(number), 1, int(ok), value_type)
    for ms in milliseconds:
        made.size(2, 2, bucket(ms), 1)
    for rule, ip, status, detail in sightings:
        made.sighting(rule, ip, status, detail, 1)
    for ip, status, route in routes:
        made.route(ip, status, 1, route)
    made.changed = ("calls", "identities", "values", "sightings")
    return made


def seasonal(mean: float = 5.0, residual: float = 3.0, expected: float | None = None) -> Seasonal:
    """A series that is the same at every hour."""
    level = mean if expected is None else expected
    return Seasonal(([level] * 72, [level] * 72), residual, [(2 * (mean + 0.375) ** 0.5, 1.0)] * 3, mean, mean**0.5)


def baseline(
    *,
    endpoint: Endpoint = ENDPOINT,
    days: int = 30,
    calls: int = 20_000,
    series: Mapping[str, Seasonal] | None = None,
    tops: Mapping[str, Sequence[float]] | None = None,
    pairs: int = 5_000,
    milliseconds: float | None = None,
    parameters: Sequence[str] = ("path:id",),
    types: Mapping[str, Mapping[int, int]] | None = None,
    seen: Mapping[str, Sequence[int]] | None = None,
    unseen: Sequence[int] = (3, 3, 3),
) -> Baseline:
    """A month of an ordinary endpoint."""
    known = {
        name: sketch((shorten(value(number)) for number in numbers), 8192)
        for name, numbers in ({"path:id": range(100)} | dict(seen or {})).items()
    }
    moments = Moments(10_000, 0.0, 0.0)
    if milliseconds is not None:
        mean, spread = log(milliseconds), 0.5
        moments = Moments(10_000, 10_000 * mean, 10_000 * (mean * mean + spread * spread))
    return Baseline(
        endpoint,
        20_000,
        days,
        calls,
        dict(
            series
            if series is not None
            else {"2xx": seasonal(5.0), "4xx": seasonal(0.2), "auth": seasonal(0.2), "distinct:path:id": seasonal(4.0)}
        ),
        {
            "calls:2xx": [8.0] * 12,
            "identity:2xx": [8.0] * 12,
            "distinct:path:id": [6.0] * 12,
            "day:path:id": [10.0] * 12,
            "routes": [4.0] * 12,
        }
        | {name: list(values) for name, values in (tops or {}).items()},
        dict.fromkeys(("2xx", "3xx", "4xx", "5xx"), pairs),
        {"1 2xx": moments},
        {"2xx": moments} if milliseconds is not None else {},
        dict.fromkeys(parameters, calls),
        {name: dict(kinds) for name, kinds in (types if types is not None else {"path:id": {3: calls}}).items()},
        {name: Fresh(720, sorted(map(float, unseen), reverse=True)) for name in known},
        known,
    )


def cold(endpoint: Endpoint = ENDPOINT) -> Baseline:
    """No history at all."""
    return Baseline(endpoint)


def finding(**fields: Any) -> Finding:
    sighting = {"observed": 100.0, "actor": IP, "status_class": "2xx"} | fields.pop("sighting", {})
    defaults: dict[str, Any] = {
        "detector": "API_SpikeInAPITraffic",
        "endpoint": ENDPOINT,
        "window": START,
        "minute": START + 3,
        "severity": Severity.MEDIUM,
        "sighting": Sighting(**sighting),
        "statuses": {200: 100},
        "baseline_days": 30,
    }
    return Finding(**{**defaults, **fields})


def alert(**fields: Any) -> Alert:
    sighting = {"observed": 100.0, "expected": 8.0, "threshold": 30.0, "actor": IP, "status_class": "2xx"} | fields.pop("sighting", {})
    defaults: dict[str, Any] = {
        "id": alert_id(fields.get("first", START), fields.get("detector", "")),
        "detector": "API_SpikeInAPITraffic",
        "endpoint": ENDPOINT,
        "severity": Severity.MEDIUM,
        "first": START,
        "last": START + 9,
        "raised": START + 3,
        "sighting": Sighting(**sighting),
        "statuses": {200: 80, 204: 20},
        "baseline_days": 30,
        "formula": "Medium by the detector",
    }
    return Alert(**{**defaults, **fields})
