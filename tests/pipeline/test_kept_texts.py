"""Of what callers write only products, known reasons and known proofs are kept: no name, address or number of anybody, however it is spelled."""

import base64

import pytest

from pipeline.fold import fold
from pipeline.kept_texts import agent, evidence, reason
from tests.build import api_call
from windows.tally import pack

KEY = b"k" * 32
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("", ""),
        ("okhttp/4.12.0", "okhttp/4.12"),
        ("curl/8", "curl/8"),
        ("python-requests/2.32.3", "python-requests/2.32"),
        ("PostmanRuntime/7.43.0", "PostmanRuntime/7.43"),
    ],
)
def test_a_product_alone_is_kept_as_it_is(written: str, kept: str) -> None:
    assert agent(written, KEY) == kept


def test_products_are_kept_and_the_rest_is_a_hash() -> None:
    *products, rest = agent(CHROME, KEY).split()
    assert products == ["Mozilla/5.0", "AppleWebKit/537.36", "Gecko", "Chrome/131.0"]
    assert (rest[0], len(rest)) == ("#", 7)
    assert agent(CHROME, KEY) == agent(CHROME, KEY) != agent(CHROME.replace("Win64", "WOW64"), KEY) != agent(CHROME, b"j" * 32)


PEOPLE = [
    "zsuzsanna.vereczkey",
    "ZsuzsannaVereczkey",
    "Zsuzsanna Vereczkey",
    "NL91ABNA0417164300",
    "z.vereczkey@example.org",
    "198.51.100.77",
    "2001:db8::7",
    "+31612345678",
]


@pytest.mark.parametrize("person", PEOPLE)
def test_nothing_of_a_person_stays(person: str) -> None:
    encoded = base64.b64encode(person.encode()).decode()
    written = [
        f"{form}"
        for text in (person, encoded)
        for form in (text, f"{text}/1.0", f"curl/8 ({text})", f"okhttp/{text}", f"MyApp/2 {text}", f"{CHROME} {text}/5")
    ]
    calls = [api_call(user_agent=text, error_reason=text, auth=[text, "jwt"]) for text in written]
    packed = pack(fold(calls, KEY))
    assert person.encode() not in packed
    assert encoded.encode() not in packed


def test_reasons_and_proofs_are_known_or_other() -> None:
    assert [reason(text) for text in ("TokenExpired", "tokenexpired", "José was here", "")] == ["TokenExpired", "other", "other", "other"]
    assert evidence(["subscription-key", "jwt?", "jwt"]) == "jwt+jwt?+subscription-key"
    assert evidence(["jose", "basic", "anna"]) == "basic+other"
    assert evidence([]) == ""
