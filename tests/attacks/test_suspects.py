"""The cheap pass before looking: attacks do not get past it, honest calls do, and both engines say the same."""

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks.per_call import injection
from attacks.suspects import SHAPES, suspicious
from classifiers.scan import Hyperscan, Plain
from local import traffic
from model import moment
from pipeline.contents import attacked
from tests.attacks.attacks import INNOCENT, attacks, fuzzed
from tests.build import START

CALL = traffic.call(Random(1), moment(START))


def in_header(value: str) -> bytes:
    return traffic.encode({**CALL, "requestHeaders": {"x-forwarded-host": value}})


def in_body(value: str) -> bytes:
    return traffic.encode({**CALL, "requestBody": json.dumps({"name": value}), "requestContentType": "application/json"})


PLACES = (in_header, in_body)
KNOWN = {family: [value for value in values if injection(value)] for family, values in attacks().items()}


@pytest.mark.parametrize("family", KNOWN)
def test_attacks_do_not_get_past(family: str) -> None:
    messages = [place(value) for value in KNOWN[family] for place in PLACES]
    assert sum(map(suspicious, messages)) >= 0.9 * len(messages)


def test_nor_do_most_of_what_fuzzers_send() -> None:
    messages = [place(value) for value in [*fuzzed(), *(value for values in KNOWN.values() for value in values)] for place in PLACES]
    assert sum(map(suspicious, messages)) >= 0.93 * len(messages)


def test_honest_calls_do() -> None:
    random = Random(2)
    bodies: tuple[dict[str, object], ...] = (
        {},
        {"requestBody": '{"quantity":2,"note":"please ring; second floor"}'},
        {"requestHeaders": {"accept": "text/html;q=0.9, */*;q=0.8"}},
    )
    calls = [traffic.encode({**traffic.call(random, moment(START)), **bodies[n % 3]}) for n in range(3_000)]
    assert sum(map(suspicious, calls)) == 0


def test_values_that_look_like_attacks_are_looked_into_and_acquitted() -> None:
    """A wide net is no verdict."""
    messages = [place(value) for value in INNOCENT for place in PLACES]
    flagged = [message for message in messages if suspicious(message)]
    assert len(flagged) < 0.15 * len(messages)
    assert [message for message in flagged if attacked(message)] == []


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


ENGINES = Hyperscan(SHAPES), Plain(SHAPES)


@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_both_engines_say_the_same_of_anything(content: bytes) -> None:
    fast, plain = (engine.any(content) for engine in ENGINES)
    assert fast == plain
    suspicious(b'{"requestBody":"' + content)


def test_both_engines_say_the_same_of_attacks_and_look_alikes() -> None:
    values = [*INNOCENT, *fuzzed(), *(value for some in attacks().values() for value in some)]
    for value in values:
        for place in PLACES:
            fast, plain = (engine.any(place(value)) for engine in ENGINES)
            assert fast == plain, value[:40]
