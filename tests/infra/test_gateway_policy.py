"""The gateway's policy, executed: every expression compiled by a C# compiler and run over good, bad and broken calls."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.decode import decode
from response.entries import EMPTY, LISTS
from tests.infra.gateway_harness import contract, harness
from tests.infra.gateway_harness.harness import Gateway, Json, Outcome, Program

IDENTITY_KEY = hashlib.sha256(b"of this test only").hexdigest()
NAMED = {
    "gatewatch-enabled": "true",
    "gatewatch-sampling-percent": "100",
    "gatewatch-body-bytes": "8192",
    "gatewatch-headers": "accept,content-type,origin,referer,location,server,x-request-id,authorization,cookie,x-api-key",
    "gatewatch-identity-key": IDENTITY_KEY,
    "gatewatch-masked-parameters": "access_token,api_key,apikey,code,key,password,sig,token",
    "gatewatch-guard-mode": "off",
    "gatewatch-guard-key": "-",
    "gatewatch-trusted-proxies": "-",
    **dict.fromkeys(LISTS, EMPTY),
}
EPOCH = datetime(1, 1, 1, tzinfo=UTC)


def jwt(**claims: Any) -> str:
    """An unsigned token; nothing here checks signatures, and neither does the policy."""

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}.{part('of no use')}"


TOKEN = jwt(sub="ann", oid="5d3c", appid="shop")
COOKIE = "session=" + hashlib.sha256(b"cookie").hexdigest()
KEY = hashlib.md5(b"subscription", usedforsecurity=False).hexdigest()
SECRETS = (TOKEN, TOKEN.split(".")[1], COOKIE, COOKIE.removeprefix("session="), KEY, IDENTITY_KEY)


def ticks(moment: datetime) -> int:
    """.NET ticks: tenths of a microsecond since the year 1."""
    return (moment - EPOCH) // timedelta(microseconds=1) * 10


def call(**changes: Any) -> Json:
    """A described call; `request__headers={...}` replaces the part `request.headers`, None takes a part away."""
    context: Json = {
        "requestId": "7c0f5a52-6c5e-4d0a-8f0e-0f3f2b6f6a11",
        "elapsedMs": 12.4,
        "timestampTicks": ticks(datetime.now(UTC) - timedelta(milliseconds=12.4)),
        "deployment": {"gatewayId": "managed", "region": "West Europe", "serviceName": "contoso"},
        "api": {"id": "orders", "revision": "1"},
        "operation": {"id": "get-order", "urlTemplate": "/orders/{id}"},
        "product": "retail",
        "subscription": "mobile-app",
        "subscriptionKey": KEY,
        "user": "u1",
        "request": {
            "method": "GET",
            "ip": "203.0.113.7",
            "scheme": "https",
            "host": "api.contoso.com",
            "path": "/shop/orders/1042",
            "query": "?expand=lines",
            "parameters": {"id": "1042"},
            "headers": {
                "Accept": "application/json",
                "User-Agent": "okhttp/4.12.0",
                "Authorization": "Bearer " + TOKEN,
                "Cookie": COOKIE,
                "Ocp-Apim-Subscription-Key": KEY,
                "X-Api-Key": KEY,
                "X-Forwarded-For": "198.51.100.9, 203.0.113.7",
            },
        },
    }
    for name, value in changes.items():
        *way, last = name.split("__")
        target = context
        for step in way:
            target = target[step]
        if value is None:
            target.pop(last, None)
        else:
            target[last] = value
    return context


def answer(status: int = 200, body: Any = '{"iban":"NL91ABNA0417164300"}', kind: str | None = "application/json", **headers: str) -> Json:
    """The step that puts a response in place; its Content-Length is the body's unless given, "" for none."""
    found = {name.replace("_", "-"): value for name, value in headers.items()}
    if kind is not None:
        found["Content-Type"] = kind
    if isinstance(body, str):
        found.setdefault("Content-Length", str(len(body.encode())))
    return {"response": {"status": status, "body": body, "headers": {name: value for name, value in found.items() if value}}}


def posted(body: Any, kind: str | None = "application/json", **changes: Any) -> Json:
    """A POST of a body; `length=` overrides its Content-Length, "" for none."""
    length = changes.pop("length", str(len(body.encode())) if isinstance(body, str) else "")
    context = call(request__method="POST", request__body=body, **changes)
    headers = context["request"]["headers"]
    if kind is not None:
        headers["Content-Type"] = kind
    if length:
        headers["Content-Length"] = length
    return context


OUT = answer()
FAILED: Json = {"error": {"source": "x", "reason": "BackendConnectionFailure"}}
NORMAL: Sequence[str | Json] = ("capture", OUT, "emit")


def checked(outcome: Outcome, body_bytes: int = 8192) -> Json:
    """The one event of a call, held to the contract, to the product's decoder and to secrecy."""
    assert outcome.errors == []
    assert not [read for read in outcome.reads if read.endswith("consumed")], "a body was taken from the caller or the backend"
    assert len(outcome.events) == 1
    event = contract.check(outcome.events[0], body_bytes)
    contract.assert_absent(outcome.events[0], SECRETS)
    now = datetime.now(UTC)
    decoded = decode(outcome.events[0], oldest=now - timedelta(hours=24), newest=now + timedelta(minutes=10))
    assert (decoded.request_id, decoded.method, decoded.path, decoded.status) == tuple(
        event[name] for name in ("requestId", "method", "path", "status")
    )
    assert decoded.api_id == event.get("apiId")
    assert decoded.query == event.get("query")
    assert decoded.client_ip == event.get("clientIp")
    assert decoded.user_agent == event.get("userAgent")
    return event


def sent(gateway: Gateway, context: Json, steps: Sequence[str | Json] = NORMAL, **named: str) -> Json:
    """Run a call through capture, answer and emit; its event, checked. Named values by keyword, `body_bytes="16"`."""
    values = NAMED | {"gatewatch-" + name.replace("_", "-"): value for name, value in named.items()}
    limit = int(values["gatewatch-body-bytes"]) if values["gatewatch-body-bytes"].isdecimal() else 8192
    return checked(gateway.run(context, steps, values), limit)


# ---- what the fragments are


def test_the_toolchain_is_demanded_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert str(harness.missing_tools()).startswith("missing: mcs, mono")
    assert harness.PACKAGES in str(harness.missing_tools())


@pytest.mark.parametrize("one_line", [False, True], ids=["lines kept", "lines joined"])
def test_compiles_with_the_named_values_in_place(toolchain: None, program: Program, tmp_path: Path, one_line: bool) -> None:
    # An XML reader may turn the line breaks of an attribute into spaces: then a // comment would swallow the rest.
    harness.build(tmp_path, program, NAMED, one_line=one_line)


def refused(used: Sequence[tuple[str, str]]) -> list[str]:
    """Of the members that expressions use, those that are not on the platform's list."""
    allowed = json.loads((harness.HERE / "allowed_types.json").read_text())
    found = []
    for kind, member in used:
        if kind in allowed["written_by_the_compiler"] or f"{kind} {member}" in allowed["written_by_the_compiler"]:
            continue
        members = allowed["types"].get(kind)
        plain = re.sub("^(get|set)_", "", member)
        if members is None or (members != "all" and member and plain not in members):
            found.append(f"{kind}.{member}")
    return found


def test_uses_only_the_types_that_the_platform_allows(executable: Path) -> None:
    used = harness.members_used(executable)
    assert ("System.Security.Cryptography.HashAlgorithm", "ComputeHash") in used  # the reading itself works
    assert refused(used) == []


def test_names_only_named_values_that_the_deployment_makes() -> None:
    found = set()
    for path in harness.GATEWAY.glob("*.xml"):
        text = path.read_text()
        found |= set(re.findall(r"\{\{([^}]*)\}\}", text))
        assert text.count("{{") == len(re.findall(r"\{\{gatewatch-[a-z0-9-]+\}\}", text)), f"{path.name}: C# that reads as a named value"
    assert found == set(NAMED)
    readme = (harness.GATEWAY / "README.md").read_text()
    assert found == set(re.findall(r"`(gatewatch-[a-z0-9-]+)` \(named value", readme))
    bicep = (harness.GATEWAY.parent / "modules" / "gateway.bicep").read_text()
    fragments = {"gatewatch-capture", "gatewatch-guard", "gatewatch-emit"}
    assert found | fragments == set(re.findall(r"name: '(gatewatch-[a-z0-9-]+)'", bicep))


def test_reads_alike_as_raw_and_as_escaped_xml() -> None:
    for path in harness.GATEWAY.glob("*.xml"):
        assert not re.search(r"&(#|[A-Za-z])", path.read_text()), f"{path.name}: an ampersand that could open an entity"


def test_braces_balance_even_for_a_reader_that_knows_no_strings(program: Program) -> None:
    for name, expression in program.expressions.items():
        depth = 0
        for c in expression.code:
            depth += {"{": 1, "}": -1}.get(c, 0)
            assert depth >= 0, name
        assert depth == 0, name


def test_fragments_fit_and_hold_no_sections() -> None:
    for name in ("capture", "emit"):
        text = (harness.GATEWAY / f"{name}.xml").read_text()
        # 512 KiB in the classic tiers today; 16 KiB was the limit of the Consumption and v2 tiers ("Policy size exceeds allowed limit of 16 KB").
        assert len(text.encode()) < 16_000
        assert not re.search("<(inbound|outbound|backend|on-error|base|include-fragment)[ />]", re.sub("<!--.*?-->", "", text, flags=re.S))


def broken(tmp_path: Path, old: str, new: str) -> Path:
    """A copy of the fragments with one change in emit.xml."""
    for path in harness.GATEWAY.glob("*.xml"):
        text = path.read_text()
        if path.name == "emit.xml":
            assert old in text
            text = text.replace(old, new)
        (tmp_path / path.name).write_text(text)
    return tmp_path


def test_the_harness_would_see_an_unguarded_expression(toolchain: None, tmp_path: Path) -> None:
    guarded = 'try { found["service"] = context.Deployment.ServiceName; } catch (Exception) { }'
    copy_of = harness.load(broken(tmp_path, "var status = 0;", "var status = context.Api.Id.Length;"))
    running = Gateway(harness.build(tmp_path / "build", copy_of), copy_of)
    try:
        assert guarded in (harness.GATEWAY / "emit.xml").read_text()
        assert running.run(call(), NORMAL, NAMED).errors == []
        [error, *_] = running.run(call(api=None), NORMAL, NAMED).errors
        assert "NullReferenceException" in error
        _, outcomes = running.run_with_faults(call(), NORMAL, NAMED)
        assert {outcome.fault for outcome in outcomes if outcome.errors} >= {
            "throw at Api",
            "null at Api",
            "throw at Api.Id",
            "null at Api.Id",
        }
    finally:
        running.close()


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("var status = context.Request.PortNumber;", "PortNumber"),  # no documented member
        ("var status = 0; string? maybe = null;", "error"),  # C# 8
        ("var status = 0; if (status == 0) { return 1 }", "error"),
    ],
)
def test_the_compiler_is_a_real_one(toolchain: None, tmp_path: Path, new: str, words: str) -> None:
    copy_of = harness.load(broken(tmp_path, "var status = 0;", new))
    with pytest.raises(RuntimeError, match=words):
        harness.build(tmp_path / "build", copy_of)


@pytest.mark.parametrize(
    ("new", "type_and_member"),
    [
        ('var status = System.IO.File.Exists("/") ? 1 : 0;', ("System.IO.File", "Exists")),
        ("var status = System.Globalization.CultureInfo.InvariantCulture.LCID;", ("System.Globalization.CultureInfo", "get_LCID")),
        ("var status = DateTime.UtcNow.ToUniversalTime().Day;", ("System.DateTime", "ToUniversalTime")),
    ],
)
def test_a_type_that_is_not_allowed_is_seen(toolchain: None, tmp_path: Path, new: str, type_and_member: tuple[str, str]) -> None:
    copy_of = harness.load(broken(tmp_path, "var status = 0;", new))
    used = harness.members_used(harness.build(tmp_path / "build", copy_of))
    assert type_and_member in used
    assert f"{type_and_member[0]}.{type_and_member[1]}" in refused(used)


# ---- the event


def test_a_whole_event(gateway: Gateway) -> None:
    context = call()
    steps = ("capture", {"variables": {"gatewatch-auth-jwt": "yes"}}, answer(Server="kestrel"), "emit")
    event = sent(gateway, context, steps)
    stamp = EPOCH + timedelta(microseconds=context["timestampTicks"] // 10)
    assert event == {
        "v": 1,
        "requestId": "7c0f5a52-6c5e-4d0a-8f0e-0f3f2b6f6a11",
        "time": stamp.strftime("%Y-%m-%dT%H:%M:%S.") + f"{stamp.microsecond // 1000:03}Z",
        "service": "contoso",
        "region": "West Europe",
        "gateway": "managed",
        "apiId": "orders",
        "apiRevision": "1",
        "operationId": "get-order",
        "urlTemplate": "/orders/{id}",
        "method": "GET",
        "scheme": "https",
        "host": "api.contoso.com",
        "path": "/shop/orders/1042",
        "query": "expand=lines",
        "pathParameters": {"id": "1042"},
        "clientIp": "203.0.113.7",
        "forwardedFor": "198.51.100.9, 203.0.113.7",
        "userAgent": "okhttp/4.12.0",
        "subscriptionId": "mobile-app",
        "productId": "retail",
        "userId": "u1",
        "identity": hmac.new(IDENTITY_KEY.encode(), b"ann", "sha256").hexdigest(),
        "auth": ["subscription-key", "jwt"],
        "status": 200,
        "durationMs": 12.4,
        "requestBytes": 0,
        "responseBytes": 29,
        "responseContentType": "application/json",
        "requestHeaders": {"accept": "application/json"},
        "responseHeaders": {"server": "kestrel"},
        "responseBody": '{"iban":"NL91ABNA0417164300"}',
    }


def test_an_anonymous_call(gateway: Gateway) -> None:
    event = sent(gateway, call(subscription=None, product=None, user=None, request__headers={}))
    assert not set(event) & {"subscriptionId", "productId", "userId", "identity", "auth", "userAgent", "forwardedFor", "requestHeaders"}


@pytest.mark.parametrize(
    ("subscription", "headers", "variables", "auth"),
    [
        ("s", {}, (), ["subscription-key"]),
        (None, {"Ocp-Apim-Subscription-Key": KEY}, (), ["subscription-key?"]),
        (None, {"Authorization": "Bearer " + TOKEN}, (), ["jwt?"]),
        (None, {"authorization": "bearer " + TOKEN}, ("jwt",), ["jwt"]),
        (None, {"Authorization": TOKEN}, (), ["jwt?"]),
        (None, {"Authorization": "Bearer " + TOKEN}, ("azure-ad-token",), ["azure-ad-token"]),
        (None, {"Authorization": ["Bearer " + TOKEN, "Bearer " + TOKEN]}, (), ["jwt?"]),
        (None, {"Authorization": "Bearer " + jwt(sub="x" * 20_000)}, (), None),  # no server takes a header that long
        (None, {"Authorization": "Bearer a.b.c"}, (), None),
        (None, {"Authorization": "Bearer"}, (), None),
        (None, {"Authorization": ""}, (), None),
        (None, {"Authorization": "Basic " + base64.b64encode(b"ann:" + KEY.encode()).decode()}, (), ["basic?"]),
        (None, {"Authorization": "Basic " + base64.b64encode(b"ann:" + KEY.encode()).decode()}, ("basic",), ["basic"]),
        (None, {}, ("client-certificate",), ["client-certificate"]),
        ("s", {"Authorization": "Bearer " + TOKEN}, ("client-certificate",), ["subscription-key", "jwt?", "client-certificate"]),
        (None, {"Authorization": "Bearer " + TOKEN}, ("jwt", "azure-ad-token"), ["azure-ad-token", "jwt"]),
    ],
)
def test_auth_is_what_was_proven_or_shown(
    gateway: Gateway, subscription: str | None, headers: dict[str, Any], variables: Sequence[str], auth: list[str] | None
) -> None:
    context = call(subscription=subscription, request__headers=headers)
    steps = ("capture", {"variables": {"gatewatch-auth-" + kind: "yes" for kind in variables}}, answer(), "emit")
    assert sent(gateway, context, steps).get("auth") == auth


def test_a_certificate_shown(gateway: Gateway) -> None:
    assert sent(gateway, call(request__certificate=True, request__headers={}))["auth"] == ["subscription-key", "client-certificate?"]


@pytest.mark.parametrize(
    ("claims", "subject"),
    [
        ({"sub": "ann", "oid": "o", "appid": "a"}, "ann"),
        ({"oid": "o", "appid": "a"}, "o"),
        ({"appid": "a"}, "a"),
        ({"sub": "zoë \U0001f600"}, "zoë \U0001f600"),
        ({"sub": ""}, None),
        ({"name": "ann"}, None),
    ],
)
def test_identity_is_a_keyed_hash_of_the_subject(gateway: Gateway, claims: Json, subject: str | None) -> None:
    event = sent(gateway, call(request__headers={"Authorization": "Bearer " + jwt(**claims)}))
    expected = hmac.new(IDENTITY_KEY.encode(), subject.encode(), "sha256").hexdigest() if subject else None
    assert event.get("identity") == expected


@pytest.mark.parametrize("key", ["", "short", "none"])
def test_no_identity_without_a_key_worth_the_name(gateway: Gateway, key: str) -> None:
    assert "identity" not in sent(gateway, call(), identity_key=key)


def test_what_later_policies_change_is_not_what_was_called(gateway: Gateway) -> None:
    plain = posted('{"a":1}')
    later = {"method": "PUT", "headers": {"Authorization": "Bearer " + jwt(sub="the gateway itself")}, "body": "replaced"}
    assert sent(gateway, plain, ("capture", later, answer(), "emit")) == sent(gateway, plain)
    failed = sent(gateway, plain, ("capture", later, FAILED, answer(), "capture", "emit"))
    assert failed == sent(gateway, plain) | {"errorReason": "BackendConnectionFailure"}


# ---- errors


def test_a_call_that_matches_nothing(gateway: Gateway) -> None:
    context = call(api=None, operation=None, product=None, subscription=None, user=None, request__parameters={})
    error: Json = {"error": {"source": "configuration", "reason": "OperationNotFound", "message": "x"}}
    event = sent(gateway, context, (error, answer(404, body='{"statusCode":404}'), "on-error-global"))
    assert not set(event) & {"apiId", "operationId", "urlTemplate", "apiRevision", "pathParameters"}
    assert (event["status"], event["errorReason"], event["userAgent"], event["auth"]) == (
        404,
        "OperationNotFound",
        "okhttp/4.12.0",
        ["subscription-key?", "jwt?"],
    )


def test_global_on_error_leaves_unwatched_apis_alone(gateway: Gateway) -> None:
    outcome = gateway.run(call(), ({"error": {"reason": "Timeout"}}, answer(500), "on-error-global"), NAMED)
    assert (outcome.events, outcome.errors) == ([], [])


def test_an_error_before_inbound(gateway: Gateway) -> None:
    context = posted('{"a":1}', subscription=None, product=None, user=None)
    steps = ({"error": {"reason": "SubscriptionKeyInvalid"}}, answer(401), "capture", "emit", "on-error-global")
    outcome = gateway.run(context, steps, NAMED)
    event = checked(outcome)
    assert outcome.reads == ["response"]  # what was refused at the door is not worth the buffering
    assert (event["status"], event["errorReason"], event["apiId"], event["auth"]) == (
        401,
        "SubscriptionKeyInvalid",
        "orders",
        ["subscription-key?", "jwt?"],
    )
    assert "requestBody" not in event


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("OperationNotFound", 404),
        ("SubscriptionKeyNotFound", 401),
        ("TokenExpired", 401),
        ("JwtInvalid", 401),
        ("RateLimitExceeded", 429),
        ("QuotaExceeded", 403),
        ("CallerIpBlocked", 403),
        ("ClientConnectionFailure", 499),
        ("BackendConnectionFailure", 500),
        (None, 500),
    ],
)
def test_no_response_in_on_error(gateway: Gateway, reason: str | None, status: int) -> None:
    event = sent(gateway, call(), ("capture", {"error": {"source": "x", "reason": reason}}, {"response": None}, "emit"))
    assert event["status"] == status
    assert event.get("errorReason") == reason
    assert "responseBytes" not in event


def test_the_backend_fails(gateway: Gateway) -> None:
    event = sent(gateway, call(), ("capture", answer(500, "stack trace", "text/plain"), "emit"))
    assert (event["status"], event["responseBody"]) == (500, "stack trace")
    assert "errorReason" not in event


@pytest.mark.parametrize(
    "steps",
    [
        ("capture", OUT, "emit"),
        ("capture", OUT, "emit", "emit"),
        ("capture", OUT, "emit", FAILED, "capture", "emit"),
        ("capture", OUT, "emit", FAILED, "capture", "emit", "on-error-global"),
        ("capture", FAILED, "capture", "emit", "on-error-global"),
        ("capture", FAILED, {"response": None}, "capture", "emit", "on-error-global"),
        ("capture", "capture", OUT, "emit"),
        (FAILED, "capture", "emit", "capture", "emit"),
    ],
)
def test_one_event_a_call_however_it_ends(gateway: Gateway, steps: Sequence[str | Json]) -> None:
    sent(gateway, call(), steps)
    sent(gateway, call(api=None, operation=None), (*steps, "on-error-global"))


# ---- bodies

FIVE_MB: Json = {"repeat": '{"a":"0123456789"},', "times": 290_000}


@pytest.mark.parametrize(
    ("body", "kind", "length", "seen"),
    [
        ('{"a":1}', "application/json", None, True),
        ('{"a":1}', "application/json; charset=utf-8", None, True),
        ('{"a":1}', "Application/Problem+JSON", None, True),
        ("user=ann&city=G%C3%B6teborg", "application/x-www-form-urlencoded", None, True),
        ("<a>1</a>", "text/xml", None, True),
        ("<a>1</a>", "application/soap+xml", None, True),
        ("hello", "text/plain", None, True),
        ("query { me }", "application/graphql", None, True),
        ({"base64": base64.b64encode(bytes(range(256)) * 8).decode()}, "application/octet-stream", "2048", False),
        ({"base64": base64.b64encode(bytes(range(256)) * 8).decode()}, "image/png", "2048", False),
        ("<svg/>", "image/svg+xml", None, False),
        ("--b\r\n", "multipart/mixed; boundary=b", None, False),
        ("data: 1\n\n", "text/event-stream", None, False),
        ("data: 1\n\n", "text/event-stream; charset=utf-8", None, False),
        ('{"a":1}\n', "application/x-ndjson", None, False),
        ('{"a":1}', "application/stream+json", None, False),
        ("\x00\x00", "application/grpc", None, False),
        ('{"a":1}', None, None, False),
        (FIVE_MB, "application/json", str(19 * 290_000), False),
    ],
)
def test_only_small_text_is_read(gateway: Gateway, body: Any, kind: str | None, length: str | None, seen: bool) -> None:
    changes = {} if length is None else {"length": length}
    size = int(length) if length else len(body.encode())
    outcome = gateway.run(posted(body, kind, **changes), ("capture", answer(200, body, kind, Content_Length=str(size)), "emit"), NAMED)
    event = checked(outcome)
    assert (event["requestBytes"], event["responseBytes"]) == (size, size)
    assert outcome.reads == (["request", "response"] if seen else [])
    assert event.get("requestBody") == (body if seen else None)
    assert event.get("responseBody") == (body if seen else None)


def test_chunked(gateway: Gateway) -> None:
    body = '{"a":"é"}'
    outcome = gateway.run(posted(body, length=""), ("capture", answer(200, body, Content_Length=""), "emit"), NAMED)
    event = checked(outcome)
    # A caller decides how long a chunked request is: not read. A backend's answer is, and its size is the length read.
    assert outcome.reads == ["response"]
    assert "requestBytes" not in event
    assert "requestBody" not in event
    assert (event["responseBytes"], event["responseBody"]) == (10, body)


@pytest.mark.parametrize("kind", ["text/event-stream", "image/png", "multipart/mixed"])
def test_a_stream_without_length_is_left_to_flow(gateway: Gateway, kind: str) -> None:
    outcome = gateway.run(call(), ("capture", answer(200, "x", kind, Content_Length=""), "emit"), NAMED)
    assert outcome.reads == []
    assert "responseBytes" not in checked(outcome)


@pytest.mark.parametrize("length", ["-1", "x", "1, 1", "99999999999999999999", " 7 ", "٧"])
def test_a_length_that_is_none(gateway: Gateway, length: str) -> None:
    event = sent(gateway, posted('{"a":1}', length=length), ("capture", answer(200, '{"a":1}', Content_Length=length), "emit"))
    assert event.get("requestBytes") == (7 if length == " 7 " else None)
    assert event["responseBytes"] == 7


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_a_length_that_announces_no_body(gateway: Gateway, method: str, status: int) -> None:
    steps = ("capture", answer(status, None, Content_Length="5000000000"), "emit")
    outcome = gateway.run(call(request__method=method), steps, NAMED)
    assert checked(outcome)["responseBytes"] == 0
    assert outcome.reads == []


def test_compressed_bytes_under_a_text_type_are_not_text(gateway: Gateway) -> None:
    import gzip

    packed = gzip.compress(json.dumps([{"iban": f"NL{n:02}ABNA0417164300"} for n in range(90)]).encode(), mtime=0)
    body = {"base64": base64.b64encode(packed).decode()}
    event = sent(gateway, posted(body, length=str(len(packed))), ("capture", answer(200, body, Content_Length=str(len(packed))), "emit"))
    assert not set(event) & {"requestBody", "responseBody"}
    assert event["responseBytes"] == len(packed)


def test_bodies_off(gateway: Gateway) -> None:
    for steps, named in (
        (NORMAL, {"body_bytes": "0"}),
        (({"variables": {"gatewatch-no-bodies": "yes"}}, *NORMAL), {}),
    ):
        values = NAMED | {"gatewatch-" + name.replace("_", "-"): value for name, value in named.items()}
        outcome = gateway.run(posted('{"a":1}'), steps, values)
        assert outcome.reads == []
        assert not set(checked(outcome)) & {"requestBody", "responseBody"}


@pytest.mark.parametrize("body_bytes", ["", "many", "-5", "8192.5", "999999999999"])
def test_a_limit_that_is_none(gateway: Gateway, body_bytes: str) -> None:
    outcome = gateway.run(
        posted("a" * 70_000), ("capture", answer(200, "b" * 70_000), "emit"), NAMED | {"gatewatch-body-bytes": body_bytes}
    )
    event = contract.check(outcome.events[0])
    # Negative is none at all; not a number is the default.
    assert len(event.get("requestBody", "")) == len(event.get("responseBody", "")) == (0 if body_bytes == "-5" else 8192)


def first_bytes(text: str, most: int) -> str:
    """The reference: the longest prefix of whole characters in at most so many UTF-8 bytes."""
    return text.encode()[:most].decode(errors="ignore")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd"), min_size=1, max_size=60), st.integers(1, 80))
@example("€€€", 8)
@example("\U0001f600\U0001f600", 7)
@example("a\U0001f600", 5)
def test_a_body_is_cut_at_a_whole_character(gateway: Gateway, text: str, most: int) -> None:
    body = json.dumps(text, ensure_ascii=False)
    event = sent(gateway, posted(body), ("capture", answer(200, body), "emit"), body_bytes=str(most))
    kept = first_bytes(body, most)
    odd = sum(1 for c in kept if c < " " and c not in "\t\r\n")
    if odd * 10 <= len(kept.encode("utf-16-le")) // 2:
        assert event.get("requestBody", "") == event.get("responseBody", "") == kept
        assert event.get("requestBodyTruncated", False) == event.get("responseBodyTruncated", False) == (kept != body and kept != "")


# ---- awkward calls


LONE = {"utf16": [0x61, 0xD83D, 0x62, 0xDE00]}


@pytest.mark.parametrize(
    "context",
    [
        call(request__headers={"User-Agent": 'a "quoted" \\ \U0001f600 \u2028 \x7f', "Accept": "\U0001f600\"'<>&"}),
        call(request__headers={"User-Agent": LONE, "Accept": LONE, "X-Forwarded-For": LONE}, request__path={"utf16": [47, 0xDC00]}),
        call(request__headers={"User-Agent": "x" * 100_000, "Accept": "y" * 100_000, "Authorization": "z" * 100_000}),
        call(request__path="/" + "a" * 65_536, request__query="?" + "b=1&" * 20_000),
        call(request__path="/" + "\U0001f600" * 30_000, request__query="?" + "\x00" * 60_000),
        call(request__parameters={f"p{n}": "v" * 5_000 for n in range(100)}),
        call(request__query="?a=1&a=2&a=3&A=4&=5&&a"),
        call(request__query="?", request__parameters={}),
        call(request__query=None, request__parameters=None),
        call(request__headers={"Accept": ["a/b", "c/d"], "X-Forwarded-For": ["1.1.1.1", "2.2.2.2"]}),
        call(request__host="", request__scheme="http"),  # HTTP/1.0 without Host
        call(request__host=None, deployment=None),
        call(request__ip="2001:db8::1"),
        call(request__ip=None),
        call(request__method="get"),
        call(request__method="X" * 5_000),
        call(elapsedMs=-5, timestampTicks=0),
        call(elapsedMs=240_000.123456),
        call(api={"id": "a" * 3_000, "revision": None}, operation={"id": "o", "urlTemplate": "/{a}" * 3_000}),
        call(deployment={"gatewayId": "factory-7", "region": None, "serviceName": ""}),
    ],
)
@pytest.mark.parametrize("ending", ["emit", "late"])
def test_awkward_calls_are_events_too(gateway: Gateway, context: Json, ending: str) -> None:
    steps = NORMAL if ending == "emit" else ({"error": {"reason": LONE}}, answer(400, LONE, Content_Length=""), "capture", "emit")
    sent(gateway, context, steps)


def test_what_is_too_long_is_cut(gateway: Gateway) -> None:
    names = [f"x-{n}" for n in range(40)]
    long = dict.fromkeys(("User-Agent", "X-Forwarded-For", *names), "y" * 100_000)
    context = call(request__headers=long, request__parameters={f"p{n}": "v" * 5_000 for n in range(100)})
    response = answer(200, **{name.replace("-", "_"): "z" * 100_000 for name in names})
    event = sent(gateway, context, ("capture", response, "emit"), headers=",".join(names))
    assert (len(event["userAgent"]), len(event["forwardedFor"])) == (1024, 1024)
    assert {len(value) for value in event["pathParameters"].values()} == {1024}
    assert len(event["pathParameters"]) == 32
    for side in ("requestHeaders", "responseHeaders"):
        assert {len(value) for value in event[side].values()} == {1024}
        assert 16 <= len(event[side]) <= 17


def test_a_header_cannot_pass_for_two(gateway: Gateway) -> None:
    context = call(request__headers={"Accept": "a\r\nserver\tforged\norigin\tforged"})
    assert sent(gateway, context)["requestHeaders"] == {"accept": "a  server\tforged origin\tforged"}


def test_repeated_query_names_stay(gateway: Gateway) -> None:
    assert sent(gateway, call(request__query="?a=1&a=2&A=3"))["query"] == "a=1&a=2&A=3"


@pytest.fixture(scope="session")
def tokyo(executable: Path, program: Program) -> Iterator[Gateway]:
    """A self-hosted gateway whose container runs nine hours ahead."""
    running = Gateway(executable, program, zone="Asia/Tokyo")
    yield running
    running.close()


@pytest.mark.parametrize("kind", ["Utc", "Local", "Unspecified"])
@pytest.mark.parametrize("zone", ["gateway", "tokyo"])
@pytest.mark.parametrize("off_hours", [0, -5, 9])
def test_time_is_the_arrival_in_utc(request: pytest.FixtureRequest, zone: str, kind: str, off_hours: int) -> None:
    running: Gateway = request.getfixturevalue(zone)
    # A time stamp that does not fit the clock (wrong zone, no zone told) gives way to it; one that fits is taken as it is, to the millisecond.
    arrival = datetime.now(UTC) - timedelta(minutes=4)
    arrival = arrival.replace(microsecond=arrival.microsecond // 1000 * 1000)
    context = call(elapsedMs=240_000.0, timestampKind=kind, timestampTicks=ticks(arrival + timedelta(hours=off_hours)))
    told = datetime.fromisoformat(sent(running, context)["time"])
    fits = off_hours == (0 if zone == "gateway" or kind == "Utc" else 9)
    assert told == arrival if fits else abs(told - arrival) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("\u0001" * 30_000 + "x" * 35_000, "text/plain"),
        ('"\\' * 32_768, "application/json"),
        ("€" * 21_000, "text/plain"),
        ("\x85" * 32_000, "text/plain"),
    ],
)
def test_never_too_large(gateway: Gateway, body: str, kind: str) -> None:
    context = posted(body, kind)
    context["request"] |= {"path": "/" + "é" * 16_000, "query": "?" + "\u2028" * 16_000}
    context["request"]["headers"] |= dict.fromkeys(("Accept", "Origin", "Referer", "X-Request-Id"), "\u2028" * 1024)
    context["request"]["parameters"] = {f"p{n}": "\u2028" * 1_024 for n in range(64)}
    event = sent(gateway, context, ("capture", answer(200, body, kind), "emit"), body_bytes="65536")
    assert event["path"].startswith("/é")
    assert set(event) >= {"apiId", "query", "userAgent", "identity", "auth", "durationMs"}  # not the bare least


@pytest.mark.parametrize(
    ("path", "query", "parameters", "lost"),
    [
        # In units of 6 bytes, as U+2028 is written. Headers are 4 x 1024 x 6 = 24 KB.
        (12_000, 12_000, 0, set[str]()),
        (14_000, 13_500, 0, {"requestHeaders"}),
        (8_000, 8_000, 20, {"requestHeaders", "pathParameters"}),
        (16_000, 16_000, 0, {"requestHeaders", "pathParameters", "path", "query"}),
    ],
)
def test_what_a_large_event_loses_in_which_order(gateway: Gateway, path: int, query: int, parameters: int, lost: set[str]) -> None:
    body = "b" * 4_000
    context = posted(body, "text/plain")
    given = {"path": "/" + "\u2028" * path, "query": "\u2028" * query}
    context["request"] |= given | {"parameters": {f"p{n}": "\u2028" * 1_024 for n in range(parameters)} or {"id": "1"}}
    context["request"]["headers"] |= dict.fromkeys(("Accept", "Origin", "Referer", "X-Request-Id"), "\u2028" * 1024)
    event = sent(gateway, context, ("capture", answer(200, body, "text/plain"), "emit"))
    assert ("requestBody" in event) is (lost == set())
    for name in ("requestHeaders", "pathParameters"):
        assert (name in event) is (name not in lost)
    for name, value in given.items():
        assert event[name] == (value[:2048] if name in lost else value)


def test_a_large_event_loses_its_bodies_first(gateway: Gateway) -> None:
    body = '"' * 65_000
    event = sent(gateway, posted(body), ("capture", answer(200, body), "emit"), body_bytes="65536")
    assert len(event["requestBody"]) == len(event["responseBody"]) == 32_768
    assert event["requestBodyTruncated"] is event["responseBodyTruncated"] is True
    assert event["requestHeaders"]


def test_the_limit_is_180_kb(gateway: Gateway) -> None:
    whole = {}
    for quotes in range(20_000, 30_000, 250):
        body = '"' * quotes + "x" * (65_000 - quotes)
        outcome = gateway.run(posted(body), ("capture", answer(200, body), "emit"), NAMED | {"gatewatch-body-bytes": "65536"})
        event = contract.check(outcome.events[0])
        whole[len(outcome.events[0])] = "responseBodyTruncated" not in event
    # Not smaller than need be: the largest that is whole is within a step of the limit, and there is one that is not.
    assert 179_000 < max(size for size, is_service_endpoint in whole.items() if is_service_endpoint) < 180_000
    assert not all(whole.values())


# ---- secrets


@pytest.mark.parametrize(
    ("query", "masked"),
    [
        (f"subscription-key={KEY}", "subscription-key=***"),
        (f"a=1&Subscription-Key={KEY}&b=2", "a=1&Subscription-Key=***&b=2"),
        (f"access_token={TOKEN}&x=1", "access_token=***&x=1"),
        (f"%61ccess%5Ftoken={TOKEN}", "%61ccess%5Ftoken=***"),
        (f"%41CCESS_TOKEN={TOKEN}", "%41CCESS_TOKEN=***"),
        (f"token[]={KEY}&token[0]={KEY}", "token[]=***&token[0]=***"),
        (f"token+={KEY}", "token+=***"),
        (f"a=1;token={KEY}", "a=1;token=***"),
        (f"code={KEY}/+%2B;==&state=1", "code=***&state=1"),
        (f"redirect=https%3A%2F%2Fa%2F%3Fcode%3D{KEY}%26state%3D1", "redirect=https%3A%2F%2Fa%2F%3Fcode%3D***%26state%3D1"),
        ("broken=1&barcode=2&mytoken=3&keyboard=4", "broken=1&barcode=2&mytoken=3&keyboard=4"),
        ("token", "token"),
        ("token=", "token=***"),
        ("=x&&==", "=x&&=="),
    ],
)
def test_values_of_key_parameters_never_leave(gateway: Gateway, query: str, masked: str) -> None:
    event = sent(gateway, call(request__query="?" + query, request__headers={"Referer": f"https://a.example/b?{query}"}))
    assert event["query"] == masked
    assert event["requestHeaders"]["referer"] == f"https://a.example/b?{masked}"


@pytest.mark.parametrize(
    ("path", "parameters", "masked", "shown"),
    [
        (f"/reset/{KEY}/now", {"token": KEY}, "/reset/***/now", {"token": "***"}),
        (f"/orders;token={KEY}/1042", {"id": "1042"}, "/orders;token=***/1042", {"id": "1042"}),
        (f"/f('{KEY}')", {"key": KEY}, "/***", {"key": "***"}),
        (f"/reset/{quote('a b/' + KEY, safe='')}", {"code": "a b/" + KEY}, "/reset/***", {"code": "***"}),
        ("/keys/7", {"id": "7"}, "/keys/7", {"id": "7"}),
    ],
)
def test_secrets_in_the_path_never_leave(gateway: Gateway, path: str, parameters: Json, masked: str, shown: Json) -> None:
    event = sent(gateway, call(request__path=path, request__parameters=parameters))
    assert (event["path"], event["pathParameters"]) == (masked, shown)


def test_a_location_with_a_token_is_masked(gateway: Gateway) -> None:
    steps = ("capture", answer(302, None, None, Location=f"https://app.example/#access_token={TOKEN}&state=7"), "emit")
    assert sent(gateway, call(), steps)["responseHeaders"] == {"location": "https://app.example/#access_token=***&state=7"}


FORBIDDEN = (
    "authorization,proxy-authorization,cookie,set-cookie,cookie2,ocp-apim-subscription-key,x-api-key,api-key,x-functions-key,x-auth-token,"
    "x-amz-security-token,x-ms-client-principal,x-arr-clientcert,x-client-secret,x-password,x-session-id,x-csrf-token,dpop-jwt"
)


def test_credentials_stay_even_if_the_list_names_them(gateway: Gateway) -> None:
    headers = dict.fromkeys(FORBIDDEN.upper().split(","), KEY) | {"Accept": "*/*"}
    steps = ("capture", answer(200, **{name.replace("-", "_"): KEY for name in FORBIDDEN.split(",")}), "emit")
    event = sent(gateway, call(request__headers=headers), steps, headers=FORBIDDEN + ",Accept")
    assert event["requestHeaders"] == {"accept": "*/*"}
    assert "responseHeaders" not in event


@pytest.mark.parametrize("headers", ["none", " ", ",,;", "x" * 300, "a:b\\n", "accept" * 1000])
def test_odd_header_lists(gateway: Gateway, headers: str) -> None:
    assert "requestHeaders" not in sent(gateway, call(), headers=headers)


# ---- settings


@pytest.mark.parametrize("enabled", ["false", "off", "0", "", "flase", "True ", "TRUE"])
def test_the_off_switch(gateway: Gateway, enabled: str) -> None:
    outcome = gateway.run(posted('{"a":1}'), NORMAL, NAMED | {"gatewatch-enabled": enabled})
    on = enabled.strip().lower() == "true"
    assert len(outcome.events) == (1 if on else 0)
    assert on or (outcome.reads, outcome.variables, outcome.errors) == ([], {}, [])


@pytest.mark.parametrize(
    ("percent", "expected"), [("0", 0), ("100", 400), ("25", 100), ("12.5", 50), ("-3", 0), ("250", 400), ("50,5", 400), ("%", 400)]
)
def test_sampling(gateway: Gateway, percent: str, expected: int) -> None:
    events = 0
    for n in range(400):
        # The lot is drawn from the first 32 bits of the request id: spread them evenly, and the share is exact.
        context = call(requestId=f"{n * 2**32 // 400:08x}-6c5e-4d0a-8f0e-0f3f2b6f6a11")
        outcome = gateway.run(
            context, NORMAL if n % 2 else (FAILED, OUT, "capture", "emit"), NAMED | {"gatewatch-sampling-percent": percent}
        )
        assert outcome.errors == []
        events += len(outcome.events)
        if outcome.events and n % 2:
            assert "gatewatch-captured" in outcome.variables
    assert events == expected


@pytest.mark.parametrize("names", ["none", "", " ,;", "a(b,[c,\\", "naïve,token", "x" * 3000])
def test_odd_mask_lists(gateway: Gateway, names: str) -> None:
    event = sent(gateway, call(request__query=f"?a=1&subscription-key={KEY}&na=2"), masked_parameters=names)
    assert event["query"] == "a=1&subscription-key=***&na=2"


@pytest.mark.parametrize(
    "variables",
    [
        {
            "gatewatch-method": 7,
            "gatewatch-identity": 7,
            "gatewatch-request-body": 7,
            "gatewatch-presented": 7,
            "gatewatch-header-names": 7,
        },
        {"gatewatch-request-headers": "no tab\n\t\n\n", "gatewatch-request-body": "1", "gatewatch-request-bytes": "x"},
    ],
)
def test_variables_that_someone_else_wrote(gateway: Gateway, variables: Json) -> None:
    outcome = gateway.run(posted('{"a":1}'), ("capture", {"variables": variables}, OUT, "emit"), NAMED)
    assert outcome.errors == []
    assert len(outcome.events) == 1
    contract.check(outcome.events[0])
    contract.assert_absent(outcome.events[0], SECRETS)


def test_without_the_mask_nothing_leaves(gateway: Gateway) -> None:
    # Only someone who writes to the fragments' own variable gets there: better no event than a key in one.
    for mask in (7, ""):
        outcome = gateway.run(call(), ("capture", {"variables": {"gatewatch-mask": mask}}, OUT, "emit"), NAMED)
        assert (outcome.events, outcome.errors) == ([], [])


# ---- faults: any member of the context throws or is null


FAULTY: dict[str, tuple[Json, Sequence[str | Json]]] = {
    "a full call": (
        posted('{"a":"' + "b" * 300 + '"}'),
        ("capture", {"variables": {"gatewatch-auth-jwt": "yes"}}, answer(200, "c" * 300, "text/plain", Content_Length=""), "emit", "emit"),
    ),
    "a certificate, a secret in the path": (
        call(
            operation={"id": "reset", "urlTemplate": "/reset/{token}"},
            request__certificate=True,
            request__path=f"/shop/reset/{KEY}",
            request__parameters={"token": KEY},
            request__query=f"?sig={KEY}",
        ),
        NORMAL,
    ),
    "an error in the backend": (posted('{"a":1}'), ("capture", FAILED, {"response": None}, "capture", "emit", "on-error-global")),
    "no operation": (call(api=None, operation=None, subscription=None, product=None, user=None), (FAILED, answer(404), "on-error-global")),
    "no key": (call(subscription=None, product=None), ({"error": {"reason": "SubscriptionKeyNotFound"}}, answer(401), "capture", "emit")),
    "sampled": (call(requestId="00000001-6c5e-4d0a-8f0e-0f3f2b6f6a11"), NORMAL),
}
# What a call cannot be told without. Everything else costs its own field.
VITAL = (
    "Variables",
    "Variables.ContainsKey",
    "Variables.TryGetValue",
    "Request",
    "Url.Path",
    "Request.OriginalUrl",
    "Request.Method",
    "Operation",
)


@pytest.mark.parametrize("name", FAULTY)
def test_no_fault_breaks_a_call(gateway: Gateway, name: str) -> None:
    context, steps = FAULTY[name]
    named = NAMED | {"gatewatch-sampling-percent": "1"} if name == "sampled" else NAMED
    plain = checked(gateway.run(context, steps, named))
    members, outcomes = gateway.run_with_faults(context, steps, named)
    assert len(members) > 25
    assert len(outcomes) > 100
    silent = []
    for outcome in outcomes:
        assert outcome.errors == [], outcome.fault
        assert len(outcome.events) <= 1, outcome.fault
        if outcome.events in ([], [b""]):
            # Empty: the event could not be read back from its variable a moment after it could. The app quarantines it.
            assert not outcome.events or outcome.fault.startswith(("throw at access", "null at access")), outcome.fault
            silent.append(outcome.fault)
            continue
        event = contract.check(outcome.events[0], 8192)
        try:
            contract.assert_absent(outcome.events[0], SECRETS)
        except AssertionError as error:
            raise AssertionError(f"{outcome.fault}: {error}") from None
        decode(outcome.events[0])
        # A fault costs what hangs on it and no more; most hangs on the request's headers.
        lost = set(plain) - set(event)
        assert len(lost) <= (7 if "Request.Headers" in outcome.fault else 3), (outcome.fault, lost)
    # No fault of a member that is not vital costs more than fields.
    excused = {f"{kind} at {member}" for kind in ("throw", "null") for member in VITAL}
    unexcused = [fault for fault in silent if fault not in excused and " at access " not in fault]
    assert name == "sampled" or unexcused == []


def test_everything_missing(gateway: Gateway) -> None:
    bare = {"requestId": "7c0f5a52-6c5e-4d0a-8f0e-0f3f2b6f6a11", "elapsedMs": 1.0, "timestampTicks": 0}
    outcome = gateway.run(bare, ("capture", "emit", "on-error-global"), NAMED)
    assert (outcome.errors, outcome.events) == ([], [])
    bare["request"] = {"method": "GET", "path": "/"}
    assert set(sent(gateway, bare, ("capture", "emit"))) == {
        "v",
        "requestId",
        "time",
        "method",
        "path",
        "status",
        "durationMs",
        "requestBytes",
    }


# ---- anything at all


TEXT = st.one_of(
    st.text(max_size=40),
    st.builds(
        lambda unit, times: {"repeat": unit, "times": times},
        st.sampled_from(["a", '"', "\\", "\x01", "€", "\U0001f600", "a=b&", "/;"]),
        st.integers(0, 70_000),
    ),
    st.lists(st.integers(0xD700, 0xE010), max_size=12).map(lambda units: {"utf16": units}),
    st.sampled_from(["token=" + KEY, "?a;subscription-key=" + KEY, "Bearer " + TOKEN, TOKEN, "..", "Bearer ..", "%", "%zz", "=", "\n\t"]),
)
KINDS = st.sampled_from(
    ["application/json", "text/plain", "text/event-stream", "image/png", "", "application/x+xml;a=b", ";", "TEXT/", "\x00"]
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_anything_at_all(gateway: Gateway, data: st.DataObject) -> None:
    # The printable body is not searched for secrets here: what a caller writes into it is what it is captured for.
    text = data.draw(TEXT)
    names = ("Accept", "Referer", "User-Agent", "X-Forwarded-For", "Authorization", "Cookie", "Content-Type", "Content-Length")
    context = call(
        request__path=data.draw(TEXT),
        request__query=data.draw(TEXT),
        request__method=data.draw(st.one_of(st.just("POST"), TEXT)),
        request__host=data.draw(TEXT),
        request__parameters=data.draw(st.dictionaries(st.sampled_from(["id", "token", "", "*"]), TEXT, max_size=4)),
        request__headers=data.draw(st.dictionaries(st.sampled_from(names), st.one_of(TEXT, KINDS, st.just("40")), max_size=8)),
        request__body=text,
    )
    response = copy.deepcopy(answer(data.draw(st.integers(0, 1200)), text, data.draw(KINDS), Server="x"))
    body_bytes = data.draw(st.sampled_from(["0", "100", "8192", "65536"]))
    steps = data.draw(
        st.sampled_from([("capture", response, "emit"), (response, FAILED, "capture", "emit"), ("capture", FAILED, "capture", "emit")])
    )
    outcome = gateway.run(context, steps, NAMED | {"gatewatch-body-bytes": body_bytes})
    assert outcome.errors == []
    assert len(outcome.events) <= 1
    for message in outcome.events:
        contract.check(message, int(body_bytes))
