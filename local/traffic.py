"""Made-up traffic of a small shop's API, gateway-shaped: seasonal history, live calls, and attacks on demand. Same seed, same traffic.

Addresses are of the ranges reserved for documentation (RFC 5737, RFC 3849): nobody's.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import cos, pi
from random import Random
from typing import Any
from uuid import UUID
from zlib import crc32

CALLS_PER_DAY = 4_000
SERVICE, HOST, API = "contoso", "api.contoso.com", "shop"


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    template: str
    weight: float
    milliseconds: float
    request_bytes: int
    response_bytes: int
    query: tuple[tuple[str, tuple[str, ...]], ...] = ()
    body: str | None = None
    """Template of a response body; {id} is replaced."""


OPERATIONS = (
    Operation("GET", "/v1/products", 30, 18, 0, 5_200, (("page", tuple(map(str, range(1, 9)))), ("sort", ("price", "name", "new")))),
    Operation("GET", "/v1/products/{id}", 26, 9, 0, 1_400, body='{{"id":{id},"name":"Lamp","price":"24.90"}}'),
    Operation("GET", "/v1/search", 14, 41, 0, 3_100, (("q", ("lamp", "chair", "desk", "shelf", "sofa", "rug", "plant")),)),
    Operation("GET", "/v1/orders/{id}", 12, 14, 0, 900, body='{{"id":{id},"status":"paid","customer":{{"email":"user{id}@example.com"}}}}'),
    Operation("PUT", "/v1/orders/{id}", 5, 27, 640, 310),
    Operation("POST", "/v1/orders", 4, 55, 820, 260),
    Operation("POST", "/v1/login", 6, 62, 120, 410),
    Operation("GET", "/v1/health", 3, 1, 0, 40),
)
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1",
    "ShopApp/7.2 (Android 16)",
    "okhttp/4.12.0",
    "python-requests/2.32.5",
)
CLIENTS = tuple(f"{net}.{host}" for net in ("192.0.2", "198.51.100", "203.0.113") for host in range(1, 200))

Event = dict[str, Any]


def history(end: datetime, days: int, seed: int = 1) -> Iterator[Event]:
    """Calls of `days` days up to `end`, in time order: busier by day than by night, quieter at weekends."""
    random = Random(seed)
    at = end - timedelta(days=days)
    while at < end:
        at += timedelta(seconds=random.expovariate(rate(at)))
        yield call(random, at)


def rate(at: datetime) -> float:
    """Calls a second that are usual at a time of the week."""
    hour = at.hour + at.minute / 60
    daily = 0.25 + 0.75 * (0.5 - 0.5 * cos(2 * pi * (hour - 3) / 24))
    return CALLS_PER_DAY / 86400 * daily / 0.625 * (0.7 if at.weekday() >= 5 else 1.06)


def call(random: Random, at: datetime, operation: Operation | None = None, **changed: Any) -> Event:
    """One call of the event contract at `at` (aware)."""
    operation = operation or random.choices(OPERATIONS, [op.weight for op in OPERATIONS])[0]
    id = str(int(random.paretovariate(0.9)) % 5_000 + 1)
    status = random.choices((200, 201, 304, 400, 401, 404, 500), (930, 10, 20, 8, 6, 24, 2))[0]
    subscription = random.choice(("web", "mobile-app", "partner"))
    event: Event = {
        "v": 1,
        "requestId": str(UUID(int=random.getrandbits(128), version=4)),
        "time": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "service": SERVICE,
        "region": "West Europe",
        "gateway": "managed",
        "apiId": API,
        "apiRevision": "1",
        "operationId": f"{operation.method.lower()}{operation.template.replace('/', '-').replace('{', '').replace('}', '')}",
        "urlTemplate": operation.template,
        "method": operation.method,
        "scheme": "https",
        "host": HOST,
        "path": operation.template.replace("{id}", id),
        "query": "&".join(f"{name}={random.choice(values)}" for name, values in operation.query),
        "pathParameters": {"id": id} if "{id}" in operation.template else {},
        "clientIp": random.choice(CLIENTS) if random.random() < 0.9 else f"2001:db8::{random.randrange(1, 400):x}",
        "userAgent": random.choice(BROWSERS),
        "subscriptionId": subscription,
        "productId": "retail",
        "auth": ["subscription-key"],
        "status": status,
        "durationMs": round(operation.milliseconds * random.lognormvariate(0, 0.4), 1),
        "requestBytes": int(operation.request_bytes * random.lognormvariate(0, 0.2)),
        "responseBytes": int(operation.response_bytes * random.lognormvariate(0, 0.3)),
        "responseContentType": "application/json",
    }
    if operation.template == "/v1/orders/{id}" and operation.method == "GET" and int(id) % 7 == 0:
        event |= {"subscriptionId": None, "auth": []}  # the shop's API demands no key, and some pages show none
    if operation.body and status == 200:
        event["responseBody"] = operation.body.format(id=id)
    return event | _habits(event | changed) | changed


def _habits(event: Event) -> Event:
    """One program and one subscription to each address, as most callers have: who draws lots for every call looks like a crowd behind one address."""
    number = crc32(str(event["clientIp"]).encode())
    return {"userAgent": BROWSERS[number % len(BROWSERS)], "subscriptionId": ("web", "mobile-app", "partner")[number // 7 % 3]}


def encode(event: Event) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _of(method: str, template: str) -> Operation:
    return next(op for op in OPERATIONS if (op.method, op.template) == (method, template))


def _spike(random: Random, at: datetime) -> Iterator[Event]:
    """The whole population calls one endpoint many times more often than it ever did."""
    for number in range(600):
        yield call(random, at + timedelta(seconds=number / 20), _of("PUT", "/v1/orders/{id}"), status=204)


def _flood(random: Random, at: datetime) -> Iterator[Event]:
    """One address calls one endpoint again and again."""
    for number in range(400):
        yield call(random, at + timedelta(seconds=number / 20), _of("GET", "/v1/search"), clientIp="203.0.113.250", status=200)


def _agent(random: Random, at: datetime) -> Iterator[Event]:
    """One call with the user agent of Microsoft's own validation recipe."""
    yield call(random, at, _of("GET", "/v1/products"), clientIp="203.0.113.251", userAgent="javascript:", status=200)


ATTACKS: dict[str, Callable[[Random, datetime], Iterator[Event]]] = {"spike": _spike, "flood": _flood, "agent": _agent}


def attack(kind: str, at: datetime, seed: int = 7) -> Iterator[Event]:
    """The calls of an attack that begins at `at`, in time order. Raises KeyError for a kind that is none of ATTACKS."""
    return ATTACKS[kind](Random(seed), at)
