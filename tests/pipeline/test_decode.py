"""Decoding: the contract exactly, what is cut salvaged, everything else rejected by a reason that quotes nothing."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import ApiCall
from pipeline.decode import LARGEST_MESSAGE, Rejected, decode, decode_all

NOW = datetime(2026, 11, 24, 10, 10, tzinfo=UTC)
REQUIRED: dict[str, Any] = {
    "v": 1,
    "requestId": "7c0f5a52-6c5e-4d0a-8f0e-0f3f2b6f6a11",
    "time": "2026-11-24T10:10:03.127Z",
    "method": "GET",
    "path": "/shop/orders/1042",
    "status": 200,
}
WHOLE: dict[str, Any] = REQUIRED | {
    "service": "contoso",
    "region": "West Europe",
    "gateway": "managed",
    "apiId": "orders",
    "apiRevision": "1",
    "operationId": "get-order",
    "urlTemplate": "/orders/{id}",
    "scheme": "https",
    "host": "api.contoso.com",
    "query": "expand=lines",
    "pathParameters": {"id": "1042"},
    "clientIp": "203.0.113.7",
    "forwardedFor": "198.51.100.1",
    "userAgent": "okhttp/4.12.0",
    "subscriptionId": "mobile-app",
    "productId": "retail",
    "userId": "1",
    "identity": "9f1c",
    "auth": ["subscription-key", "jwt"],
    "errorReason": "TokenExpired",
    "durationMs": 12.4,
    "requestBytes": 0,
    "responseBytes": 512,
    "responseContentType": "application/json",
    "requestHeaders": {"accept": "*/*"},
    "responseBody": '{"iban":"NL91ABNA0417164300"}',
    "responseBodyTruncated": False,
}


def message(**changed: Any) -> bytes:
    return json.dumps(WHOLE | changed).encode()


def test_every_field_of_the_contract() -> None:
    call = decode(message())
    assert call.time == datetime(2026, 11, 24, 10, 10, 3, 127000, UTC)
    assert (call.service, call.api_id, call.operation_id, call.url_template) == ("contoso", "orders", "get-order", "/orders/{id}")
    assert (call.path_parameters, call.query) == ({"id": "1042"}, "expand=lines")
    assert (call.client_ip, call.forwarded_for, call.user_agent) == ("203.0.113.7", "198.51.100.1", "okhttp/4.12.0")
    assert (call.subscription_id, call.product_id, call.user_id, call.identity) == ("mobile-app", "retail", "1", "9f1c")
    assert (call.auth, call.error_reason) == (["subscription-key", "jwt"], "TokenExpired")
    assert (call.status, call.duration_ms, call.request_bytes, call.response_bytes) == (200, 12.4, 0, 512)


def test_only_required_fields_and_unknown_ones() -> None:
    assert decode(json.dumps(REQUIRED | {"novel": {"deep": [1]}}).encode()).query is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"null", "not an object"),
        (b"[]", "not an object"),
        (b"123", "not an object"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"v":1,\xff}', "not UTF-8"),
        (b"{}", "v is missing"),
        (b'{"v":1,,"path":"/"}', "not JSON"),
        (b'{"v":1}{"v":1}', "not JSON"),
        (b"x" * (LARGEST_MESSAGE + 1), "larger than an event can be"),
        (b'{"v":1,"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deep"),
        (message(v=2), "v has a wrong type or value"),
        (message(status="200"), "status has a wrong type or value"),
        (message(status=2.5), "status has a wrong type or value"),
        (message(status=None), "status has a wrong type or value"),
        (message(status=-1), "status is not an HTTP status"),
        (message(status=0), "status is not an HTTP status"),
        (message(status=1000), "status is not an HTTP status"),
        (message(status=10**30), "status is not an HTTP status"),
        (message(method=7), "method has a wrong type or value"),
        (message(time="yesterday"), "time has a wrong type or value"),
        (message(time="2026-11-24T10:10:03"), "time has no zone"),
        (message(time=1764000000), "time has a wrong type or value"),
        (message().replace(b"12.4", b"NaN"), "not JSON"),
        (message().replace(b"12.4", b"-Infinity"), "not JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_call_is_rejected_by_its_reason(body: bytes, reason: str) -> None:
    with pytest.raises(Rejected, match=f"^{reason}$"):
        decode(body)


@pytest.mark.parametrize("missing", REQUIRED)
def test_a_missing_required_field_is_named(missing: str) -> None:
    body = json.dumps({name: value for name, value in WHOLE.items() if name != missing}).encode()
    with pytest.raises(Rejected, match=f"^{missing} is missing$"):
        decode(body)


@pytest.mark.parametrize(
    ("time", "reason"), [("1970-01-01T00:00:00Z", "time is too old"), ("2099-01-01T00:00:00Z", "time is in the future")]
)
def test_times_outside_the_bounds(time: str, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        decode(message(time=time), NOW - timedelta(hours=24), NOW + timedelta(minutes=10))


@pytest.mark.parametrize(
    "changed",
    [
        {"auth": [1]},
        {"auth": "jwt"},
        {"pathParameters": {"id": 5}},
        {"durationMs": "fast"},
        {"requestBytes": 1e30},
        {"responseBytes": True},
        {"userAgent": ["x"]},
        {"clientIp": None},
    ],
)
def test_an_optional_field_of_a_wrong_type_counts_as_missing(changed: dict[str, Any]) -> None:
    call = decode(message(**changed))
    names = {"auth": "auth", "pathParameters": "path_parameters", "durationMs": "duration_ms", "requestBytes": "request_bytes",
             "responseBytes": "response_bytes", "userAgent": "user_agent", "clientIp": "client_ip"}  # fmt: skip
    (field,) = changed
    assert getattr(call, names[field]) is None
    assert call.status == 200


def test_numbers_with_thousands_of_digits() -> None:
    digits = b"9" * 10_000
    assert decode(message(durationMs=1).replace(b'"durationMs": 1', b'"durationMs": ' + digits)).duration_ms is None
    with pytest.raises(Rejected, match="status has a wrong type"):
        decode(message().replace(b'"status": 200', b'"status": ' + digits))


def test_lone_surrogates_are_replaced_not_lost() -> None:
    body = message(userAgent="x").replace(b'"userAgent": "x"', b'"userAgent": "\\ud800x", "pathParameters": {"i\\udfffd": "\\ud83d"}')
    call = decode(body)
    assert call.user_agent == "\ufffdx"
    assert call.path_parameters == {"i\ufffdd": "\ufffd"}


def test_duplicated_keys_the_last_one_counts() -> None:
    assert decode(message().replace(b'"status": 200', b'"status": 500, "status": 201')).status == 201


@pytest.mark.parametrize("cut", [b"1", b"12", b"12.", b"12.4", b"1e", b"1e-", b"-"])
def test_a_number_that_was_cut_is_not_taken_for_a_whole_one(cut: bytes) -> None:
    whole = message(durationMs=12.4)
    call = decode(whole[: whole.index(b"12.4")] + cut)
    assert (call.status, call.duration_ms) == (200, None)


@given(st.integers(0, len(message(responseBody="é€😀" * 40))))
def test_a_message_cut_anywhere_is_salvaged_or_rejected(at: int) -> None:
    whole = json.dumps(WHOLE | {"responseBody": "é€😀" * 40}, ensure_ascii=False).encode()
    cut = whole[: at % len(whole)]
    required = whole.index(b'"service"')  # the required fields stand before it
    try:
        call = decode(cut)
    except Rejected:
        assert len(cut) <= required
    else:
        assert call.status == 200
        assert call.duration_ms in (None, 12.4)
        assert call.response_bytes in (None, 512)


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_rejected(body: bytes) -> None:
    with pytest.raises(Rejected):
        decode(body)


def test_a_status_beyond_the_classes_counts_as_a_server_error() -> None:
    assert decode(message(status=999)).status == 599


MANY = [
    message(),
    message(requestHeaders=None, requestBody="x"),
    json.dumps(REQUIRED).encode(),
    json.dumps(REQUIRED | {"status": 700}).encode(),
    json.dumps(REQUIRED | {"status": "x"}).encode(),
    json.dumps(REQUIRED | {"time": "2026-11-24T10:10:03"}).encode(),
    json.dumps(REQUIRED | {"time": "2026-11-20T10:10:03Z"}).encode(),
    json.dumps(REQUIRED | {"time": "2027-11-20T10:10:03+05:30"}).encode(),
    message()[:-20],
    message(status=99),
    b"null",
    b"",
    b"\xff",
    b"[" * 5_000,
]


def fields(call: ApiCall) -> list[object]:
    return [getattr(call, field.name) for field in msgspec.structs.fields(ApiCall)]


def test_many_are_decoded_as_each_alone() -> None:
    oldest, newest = NOW - timedelta(days=1), NOW + timedelta(minutes=10)
    expected: list[object] = []
    for body in MANY:
        try:
            expected.append(fields(decode(body, oldest, newest)))
        except Rejected as error:
            expected.append(str(error))
    decoded = decode_all(MANY, oldest, newest)
    refused = dict(decoded.refused)
    calls = iter([fields(call) for call in decoded.calls])
    assert [refused[at] if at in refused else next(calls) for at in range(len(MANY))] == expected
    assert decoded.messages == [body for at, body in enumerate(MANY) if at not in refused]


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (json.dumps(REQUIRED).encode(), False),
        (json.dumps(REQUIRED | {"responseBody": '{"requestBody": 1}', "responseHeaders": {"a": "b"}}).encode(), False),
        (json.dumps(REQUIRED | {"requestHeaders": {"a": "b"}}).encode(), True),
        (json.dumps(REQUIRED | {"requestBody": ""}).encode(), True),
        (json.dumps(REQUIRED | {"requestBody": "x" * 100}).encode()[:-20], True),
    ],
)
def test_what_the_caller_sent_is_seen_to_be_there(body: bytes, sent: bool) -> None:
    assert decode_all([body], NOW - timedelta(days=1), NOW + timedelta(minutes=10)).sent == [sent]
