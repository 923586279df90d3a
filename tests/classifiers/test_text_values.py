"""How bodies come apart: cut JSON, wrong content types, opaque keys."""

import json

import pytest

from classifiers.bodies import mend
from classifiers.calls import gather
from classifiers.places import opaque
from classifiers.text_values import Part


def leaves_of(text: str, content_type: str = "application/json") -> list[tuple[str, str]]:
    text_values = gather([Part("request.body", None, content_type, text)])
    return [(text_values.place(i)[1], leaf) for i, leaf in enumerate(text_values.texts)]


def test_numbers_of_six_digits_are_leaves_and_small_things_are_not() -> None:
    assert leaves_of('{"a":123456,"b":99999,"c":true,"d":null,"e":1.5,"f":"abc","lat":52.18,"g":-1234567}') == [
        ("$.a", "123456"),
        ("$.lat", "52.18"),
        ("$.g", "-1234567"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":"first","b":[1,2,{"c":"second","d":tru', [("$.a", "first"), ("$.b[2].c", "second")]),
        ('{"a":"first","b":"cut in the mid', [("$.a", "first"), ("$.b", "cut in the mid")]),
        ('[{"a":"first"},{"a":"second"},{"', [("$[0].a", "first"), ("$[1].a", "second")]),
        ('{"a":"ends in a backslash\\', [("$.a", "ends in a backslash")]),
    ],
)
def test_cut_json_is_read_as_far_as_it_goes(text: str, expected: list[tuple[str, str]]) -> None:
    assert sorted(leaves_of(text)) == sorted(expected)


@pytest.mark.parametrize("text", ["no json", "", "[1,2]", '{"a":1}', '{"a":[}', "]]]]"])
def test_what_was_not_cut_is_not_mended(text: str) -> None:
    assert mend(text) == []


def test_every_prefix_of_a_document_is_read_without_an_exception() -> None:
    text = json.dumps({"a": [{"b": 'quote " and \\ here', "c": [1, 2.5, None, True]}, "x" * 20], "d\u00e9": {"e": {}}})
    for end in range(len(text)):
        leaves_of(text[:end])


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("text/html", "<p>some text</p>"),
        ("application/xml", "<a>some text"),
        ("application/xml", "<a>some text</b>"),
        ("application/json", "some text"),
        ("", "some text"),
    ],
)
def test_what_does_not_parse_is_a_text(content_type: str, text: str) -> None:
    assert any("some text" in leaf for _, leaf in leaves_of(text, content_type))


def test_a_json_body_is_known_without_its_content_type() -> None:
    assert leaves_of('{"a":"bcde"}', "text/plain") == [("$.a", "bcde")]


@pytest.mark.parametrize(
    "key", ["iban", "odd-key", "x.y", "@type", "$ref", "größe", "Social Security Number", "Driver's License", "address1", "v2.1"]
)
def test_names_are_names(key: str) -> None:
    assert not opaque(key)


@pytest.mark.parametrize(
    "key", ["ada@contoso.example", "4111111111111111", "5f6d0c0a-6f7e-4c9e-9a51-0f6f0c2b9f10", "x" * 65, "", "tel:+4912345678"]
)
def test_values_as_keys_are_opaque(key: str) -> None:
    assert opaque(key)
