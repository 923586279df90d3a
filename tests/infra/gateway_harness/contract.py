"""The event contract as a strict check, read independently of the product's own decoder: names, order, types, forms, size."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

MOST_BYTES = 180_000
AUTH = {"subscription-key", "jwt", "azure-ad-token", "client-certificate", "basic"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

Check = Callable[[Any], bool]


def _text(most: int) -> Check:
    return lambda value: isinstance(value, str) and 0 < len(value) <= most


def _whole(least: int, most: int) -> Check:
    return lambda value: type(value) is int and least <= value <= most


def _guid(value: Any) -> bool:
    return isinstance(value, str) and str(uuid.UUID(value)) == value and uuid.UUID(value).int != 0


def _time(value: Any) -> bool:
    return isinstance(value, str) and _TIME.fullmatch(value) is not None and datetime.fromisoformat(value).year > 2000


def _texts(value: Any) -> bool:
    return isinstance(value, dict) and 0 < len(value) <= 128 and all(isinstance(v, str) and len(v) <= 1024 for v in value.values())


def _headers(value: Any) -> bool:
    return _texts(value) and all(name == name.lower() and not re.search("auth|cookie|key|token|secret", name) for name in value)


def _auth(value: Any) -> bool:
    known = AUTH | {kind + "?" for kind in AUTH}
    return isinstance(value, list) and bool(value) and len(set(value)) == len(value) and set(value) <= known


def _marks(value: Any) -> bool:
    """Families and places: nothing that a caller wrote."""
    family = "(?:log4j|script|path-traversal|command|template|sql|xxe|deserialisation)"
    return isinstance(value, str) and all(re.fullmatch(f"{family} in (?:cookie|header)", mark) for mark in value.split(","))


_NAME = _text(256)
FIELDS: dict[str, Check] = {
    "v": lambda value: value == 1 and type(value) is int,
    "requestId": _guid,
    "time": _time,
    "service": _NAME,
    "region": _NAME,
    "gateway": _NAME,
    "apiId": _NAME,
    "apiRevision": _NAME,
    "operationId": _NAME,
    "urlTemplate": _text(2048),
    "method": lambda value: _text(32)(value) and value == value.upper(),
    "scheme": _NAME,
    "host": _NAME,
    "path": _text(16384),
    "query": lambda value: _text(16384)(value) and not value.startswith("?"),
    "pathParameters": _texts,
    "clientIp": _NAME,
    "forwardedFor": _text(1024),
    "userAgent": _text(1024),
    "subscriptionId": _NAME,
    "productId": _NAME,
    "userId": _NAME,
    "identity": lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None,
    "auth": _auth,
    "guard": lambda value: (
        isinstance(value, str) and re.fullmatch("(would-block|would-slow|blocked|slowed):[a-z0-9]{1,16}", value) is not None
    ),
    "marks": _marks,
    "status": _whole(100, 999),
    "errorReason": _NAME,
    "durationMs": lambda value: type(value) in (int, float) and value >= 0,
    "requestBytes": _whole(0, 2**63 - 1),
    "responseBytes": _whole(0, 2**63 - 1),
    "requestContentType": _NAME,
    "responseContentType": _NAME,
    "requestHeaders": _headers,
    "responseHeaders": _headers,
    "requestBody": _text(65536),
    "responseBody": _text(65536),
    "requestBodyTruncated": lambda value: value is True,
    "responseBodyTruncated": lambda value: value is True,
}
REQUIRED = ("v", "requestId", "time", "method", "path", "status")


def check(message: bytes, body_bytes: int = 65536) -> dict[str, Any]:
    """The event in a message. Raises AssertionError, naming the field, for anything that the contract does not say."""
    assert len(message) < MOST_BYTES, f"{len(message)} bytes"

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        assert len(set(names)) == len(names), "a name twice"
        return dict(pairs)

    def constant(word: str) -> Any:
        raise AssertionError(f"{word} is not JSON")

    event = json.loads(message.decode("utf-8"), object_pairs_hook=members, parse_constant=constant)
    assert isinstance(event, dict)
    assert not set(event) - set(FIELDS), f"not in the contract: {set(event) - set(FIELDS)}"
    assert list(event) == [name for name in FIELDS if name in event], f"out of order: {list(event)}"
    for name in REQUIRED:
        assert name in event, f"{name} is missing"
    for name, value in event.items():
        assert FIELDS[name](value), f"{name} is not as the contract says"
    for name in ("requestBody", "responseBody"):
        assert len(event.get(name, "").encode("utf-8")) <= body_bytes, f"{name} is longer than {body_bytes} bytes"
    return event


def assert_absent(message: bytes, secrets: Iterable[str]) -> None:
    """No secret is in a message, whole, JSON-escaped or percent-encoded. The failure names its index only."""
    text = message.decode("utf-8")
    for index, secret in enumerate(secrets):
        assert secret, "an empty secret proves nothing"
        for form in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
            assert form not in text, f"secret {index} is in the event"
