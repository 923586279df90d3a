"""What an attacker would send: no exception, a bounded amount of work, and the rest of the call still looked at."""

import json
import random
import string

import pytest

from classifiers.calls import gather
from classifiers.taxonomy import WORK, Taxonomy
from classifiers.text_values import MAX_TEXT_VALUES, Part

TAXONOMY = Taxonomy()
DRAW = random.Random(1)
SIZE = 200_000
IBAN = "GB82WEST12345698765432"


def near_miss() -> str:
    return "DE" + "".join(DRAW.choice(string.digits) for _ in range(20))


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaa">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9))
    + "]><l>&j;</l>"
)
EXTERNAL = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><l>&a;</l>'

HOSTILE: dict[str, tuple[str, str | bytes]] = {
    "digits": ("application/json", "9" * SIZE),
    "digits in a string": ("application/json", json.dumps("9" * SIZE)),
    "digits as text": ("text/plain", "9" * SIZE),
    "a number of 10,000 digits": ("application/json", '{"a":' + "7" * 10_000 + "}"),
    "huge numbers": ("application/json", json.dumps([10**41, -(10**41), 10**4_000, -(10**4_000), {"iban": 10**60}])),
    "PEM headers": ("text/plain", "-----BEGIN" * (SIZE // 10)),
    "PEM headers of private keys": ("text/plain", "-----BEGIN PRIVATE KEY-----" * (SIZE // 27)),
    "nested arrays": ("application/json", "[" * (SIZE // 2) + "]" * (SIZE // 2)),
    "nested arrays, cut": ("application/json", "[" * SIZE),
    "nested objects": ("application/json", '{"a":' * 30_000 + "1" + "}" * 30_000),
    "wide array": ("application/json", "[" + ",".join(["1"] * 90_000) + "]"),
    "wide array of texts": ("application/json", "[" + ",".join(['"abcd"'] * 28_000) + "]"),
    "thousands of keys": ("application/json", json.dumps({f"key{i * 7919 % 99991}x": f"value {i}" for i in range(9_000)})),
    "thousands of keys that are addresses": ("application/json", json.dumps({f"a{i}@contoso.example": "xxxx" for i in range(7_000)})),
    "near-miss IBANs": ("application/json", json.dumps([near_miss() for _ in range(7_600)])),
    "near-miss IBANs under their name": ("application/json", json.dumps([{"iban": near_miss()} for _ in range(5_000)])),
    "near-miss IBANs in a sentence": ("application/json", json.dumps({"note": " ".join(near_miss() for _ in range(8_000))})),
    "addresses": ("text/plain", "a@b.co " * 28_000),
    "at signs": ("text/plain", "a@" * (SIZE // 2)),
    "connection strings": ("text/plain", ";password=" * 20_000),
    "connection strings without an end": ("text/plain", "server=aaa;" * 18_000),
    "tokens without an end": ("text/plain", "eyJaaaaaaaaaaa.eyJ" * 11_000),
    "URIs without an end": ("text/plain", "mysql://a:" * 20_000),
    "colons": ("text/plain", "aaaa:" * 40_000),
    "phones without an end": ("application/json", json.dumps({"note": "phone " + "1-" * 99_000})),
    "words and words": ("application/json", json.dumps({"note": "phone 1 card iban passport " * 7_000})),
    "entities that laugh": ("application/xml", LAUGHS),
    "entities from a file": ("application/xml", EXTERNAL),
    "deep XML": ("application/xml", "<a>" * 28_000 + "</a>" * 28_000),
    "wide XML": ("application/xml", "<a " + " ".join(f'a{i}="xxxx"' for i in range(9_000)) + "/>"),
    "base64": (
        "application/json",
        json.dumps({"file": "".join(DRAW.choice(string.ascii_letters + string.digits + "+/") for _ in range(1_000_000))}),
    ),
    "lone surrogates": ("application/json", '{"a":"\\ud800 x \\udfff"}'),
    "not UTF-8": ("application/json", b'{"a":"\xff\xfe\xc0\x80"}'),
    "a key of 100 KB": ("application/json", json.dumps({"k" * 100_000: "value", "ab " * 30_000: "value"})),
    "a form of pairs": ("application/x-www-form-urlencoded", "&".join(f"a{i}=xxxx" for i in range(15_000))),
    "percent signs": ("application/x-www-form-urlencoded", "a=" + "%25" * 66_000),
    "JSON in JSON in JSON": ("application/json", json.dumps([json.dumps({"a": json.dumps({"b": i})}) for i in range(5_000)])),
    "JSON, cut": ("application/json", '{"a":[' + ",".join(f'{{"k":"value{i}"}}' for i in range(11_000))),
    "JSON, cut in a string": ("application/json", '{"a":"' + '\\"' * 30_000),
    "JSON lines": ("application/x-ndjson", '{"a":"bcde"}\n' * 15_000),
    "multipart": ("multipart/form-data; boundary=b", '--b\r\nContent-Disposition: form-data; name="x"\r\n\r\nvalue\r\n' * 3_000),
    "a multipart without boundary": ("multipart/form-data; boundary=", "x" * 1_000),
    "columns": ("text/csv", "a,b,c\n" + "12345,abcde,fghij\n" * 11_000),
    "a quote without an end": ("text/csv", 'a,b\n"' + "x" * SIZE),
    "null characters": ("text/plain", "\0" * SIZE),
    "line ends": ("text/plain", "\n" * SIZE),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_cost_a_bounded_amount_of_work(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content_type, text = HOSTILE[name]
    checks = 0
    for form in TAXONOMY._forms.values():
        original = form.kind.check

        def counted(value: str, original: object = original) -> bool:
            nonlocal checks
            checks += 1
            return original is None or bool(original(value))  # type: ignore[operator]

        monkeypatch.setattr(form, "check", counted if original is not None else None)
    examination = TAXONOMY.examine([Part("request.body", None, content_type, text), Part("request.query", None, None, f"iban={IBAN}")])
    assert checks <= 2 * WORK
    assert examination.text_values <= 2 * MAX_TEXT_VALUES
    if not examination.partial:
        assert ("iban", "iban") in {(f.type, f.path) for f in examination.found}


def test_entities_are_never_expanded() -> None:
    for text in (LAUGHS, EXTERNAL):
        text_values = gather([Part("request.body", None, "application/xml", text)])
        assert sum(map(len, text_values.texts)) <= len(text)


@pytest.mark.parametrize("text", ["1" * 60, '{"a": ' + "1" * 60 + "}", "[" + "1" * 60 + "]", '"{}"  ', "%25", "    "])
def test_a_call_without_a_text_holds_nothing(text: str) -> None:
    parts = [Part("request.body", None, "application/json", text)]
    assert TAXONOMY.examine(parts).found == []
    assert [examination.found for examination in TAXONOMY.examine_many([parts, [], parts])] == [[], [], []]


@pytest.mark.parametrize(
    ("where", "name"), [("request.header", "x"), ("request.header", "cookie"), ("request.query", None), ("request.path", None)]
)
def test_hostile_places(where: str, name: str | None) -> None:
    for text in ("a=1;" * 40_000, "/abcdefg" * 25_000, "=" * SIZE, "&" * SIZE, "%" * SIZE, "a=xxxx&" * 20_000):
        TAXONOMY.examine([Part(where, name, None, text)])  # type: ignore[arg-type]


def test_one_event_cannot_teach_without_bound() -> None:
    taxonomy = Taxonomy(plain=True)
    for batch in range(3):
        taxonomy.examine(
            [
                Part(
                    "request.body",
                    None,
                    "application/json",
                    json.dumps({f"iban{chr(97 + i % 26)}{i:x}k{batch}": "some text 1" for i in range(4_000)}),
                )
            ]
        )
    assert len(taxonomy._meanings) <= 8_192
