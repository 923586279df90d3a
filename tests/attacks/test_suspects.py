"""The cheap pass before looking: whatever a look would find gets past it in every encoding, plain words do not, and both engines say the same."""

import base64
import json
from collections.abc import Callable
from random import Random
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks.carried import attacks_in
from attacks.suspects import SHAPES, UNUSUAL, attack_shaped, suspicious
from classifiers.scan import Hyperscan, Plain
from local import traffic
from model import moment
from pipeline.contents import attacked, drawn
from tests.attacks import hand_written
from tests.attacks.attacks import INNOCENT, attacks, fuzzed
from tests.build import START

CALL = traffic.call(Random(1), moment(START))
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
VALUES = [value for some in (attacks(), hand_written.values()) for values in some.values() for value in values] + fuzzed()
Rewrite = Callable[[str], str]


def in_header(value: str) -> bytes:
    return traffic.encode({**CALL, "requestHeaders": {"x-forwarded-host": value}})


def in_body(value: str) -> bytes:
    return message(JSON, json.dumps({"name": value}))


def message(content_type: str, text: str) -> bytes:
    return traffic.encode({**CALL, "requestBody": text, "requestContentType": content_type})


PLACES = (in_header, in_body)
ENCODINGS: dict[str, Rewrite] = {
    "as it is": str,
    "URL": lambda value: quote(value, safe=""),
    "form": quote_plus,
    "URL twice": lambda value: quote(quote(value, safe=""), safe=""),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 for URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
    "entities": lambda value: "".join(f"&#{ord(character)};" for character in value),
    "JSON in JSON": lambda value: json.dumps({"q": value}),
}
BODIES: dict[str, tuple[str, Rewrite]] = {
    "JSON": (JSON, lambda value: json.dumps({"name": value})),
    "JSON with letters as they are": (JSON, lambda value: json.dumps({"name": value}, ensure_ascii=False)),
    "JSON of escapes": (
        JSON,
        lambda value: '{"name":"' + "".join(f"\\u{ord(character):04x}" for character in value if ord(character) < 65_536) + '"}',
    ),
    "a form": (FORM, lambda value: f"a=1&name={quote_plus(value)}"),
    "text": ("text/plain", str),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("body", BODIES)
def test_what_a_look_at_a_body_finds_gets_past(body: str, encoding: str) -> None:
    content_type, wrap = BODIES[body]
    texts = [wrap(ENCODINGS[encoding](value)) for value in VALUES]
    known = [text for text in texts if attacks_in("request.body", None, content_type, text)]
    assert len(known) > len(texts) / 2
    assert [text for text in known if not suspicious(message(content_type, text))] == []


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_a_look_at_a_header_finds_gets_past(encoding: str) -> None:
    texts = [ENCODINGS[encoding](value).replace("\n", " ").replace("\r", " ") for value in VALUES]
    known = [text for text in texts if attacks_in("request.header", "x-id", None, text)]
    assert [text for text in known if not suspicious(in_header(text))] == []


def test_shapes_of_whole_bodies_get_past() -> None:
    bodies = [(JSON, text) for text in hand_written.documents()] + [("text/xml", text) for text in hand_written.xml()]
    bodies += [(JSON, json.dumps({name: 1})) for name in hand_written.names()] + [
        (FORM, f"{quote_plus(name)}=1") for name in hand_written.names()
    ]
    assert [text for content_type, text in bodies if not suspicious(message(content_type, text))] == []


def test_most_attacks_have_the_shape_of_one() -> None:
    """So that they come first where there is no time for all."""
    messages = [place(value) for values in attacks().values() for value in values for place in PLACES]
    assert sum(map(attack_shaped, messages)) >= 0.8 * len(messages)


def test_plain_calls_do_not_get_past() -> None:
    random = Random(2)
    bodies: tuple[dict[str, object], ...] = (
        {},
        {"requestBody": '{"quantity":2,"note":"please ring, second floor","at":"2026-11-24T10:00:00Z","mail":"ann@example.com"}'},
        {"requestHeaders": {"accept": "text/html;q=0.9, */*;q=0.8", "content-language": "en-US,en;q=0.5"}},
    )
    calls = [traffic.encode({**traffic.call(random, moment(START)), **bodies[n % 3]}) for n in range(3_000)]
    assert sum(map(suspicious, calls)) == 0


def test_values_that_look_like_attacks_are_looked_into_and_acquitted() -> None:
    """A wide net is no verdict."""
    messages = [place(value) for value in INNOCENT for place in PLACES]
    assert sum(map(attack_shaped, messages)) < 0.15 * len(messages)
    assert [message for message in messages if attacked(message)] == []


# more suspects than there is time for


def test_of_too_many_suspects_every_caller_gets_a_look_and_attacks_come_first() -> None:
    callers = ["203.0.113.9"] * 900 + [f"198.51.100.{n}" for n in range(50)]
    chosen = drawn(range(950), callers, {7, 949}, b"1", 100)
    assert len(chosen) == 100
    assert {7, *range(900, 950)} <= set(chosen)


def test_the_lot_is_drawn_anew_for_each_batch_and_the_same_for_the_same() -> None:
    alike = [drawn(range(900), ["203.0.113.9"] * 900, set(), seed, 250) for seed in (b"1", b"1", b"2")]
    assert alike[0] == alike[1] != alike[2]
    seen = set().union(*(drawn(range(900), ["203.0.113.9"] * 900, set(), bytes([seed]), 250) for seed in range(40)))
    assert len(seen) == 900


HTML = "<html><script>alert(1)</script></html>"


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"responseBody": HTML}, False),
        ({"requestBody": HTML}, True),
        ({"requestHeaders": {"a": "b"}, "responseBody": HTML}, False),
        ({"requestBody": "x", "responseBody": HTML}, False),
        ({"responseBody": HTML, "requestBody": "x"}, False),
        (
            {"requestHeaders": {"a": "b"}, "responseBody": HTML, "requestBody": "x"},
            True,
        ),  # a strange order: rather too much than too little
        ({"responseBody": "x", "requestBody": HTML}, True),
        ({"requestBody": '"responseBody": "x", ' + HTML}, True),
        ({"path": "/<script>", "requestHeaders": {"a": "b"}}, False),  # the URL is judged when the call is folded
        ({}, False),
    ],
)
def test_what_callers_send_is_looked_at_and_what_they_get_is_not(fields: dict[str, object], verdict: bool) -> None:
    clean = {name: value for name, value in CALL.items() if name not in ("responseBody",)}
    assert suspicious(traffic.encode({**clean, **fields})) == verdict


ENGINES = Hyperscan((*SHAPES, *UNUSUAL)), Plain((*SHAPES, *UNUSUAL))


@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_both_engines_say_the_same_of_anything(content: bytes) -> None:
    fast, plain = (engine.any(content) for engine in ENGINES)
    assert fast == plain
    suspicious(b'{"requestBody":"' + content)


def test_both_engines_say_the_same_of_attacks_and_look_alikes() -> None:
    for value in (*INNOCENT, *VALUES):
        for place in PLACES:
            fast, plain = (engine.any(place(value)) for engine in ENGINES)
            assert fast == plain, value[:40]
