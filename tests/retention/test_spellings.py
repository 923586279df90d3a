"""One text in the ways in which a message can write it: what is undone, how deep, and where it ends."""

import base64
import gzip
from functools import reduce

import pytest

from retention.spellings import NESTED, TEXTS, spellings

NAME = "anna.lind"


def in_base64(text: bytes, times: int) -> bytes:
    return reduce(lambda inner, _: base64.b64encode(inner), range(times), text)


def compressed(text: bytes, times: int) -> bytes:
    return reduce(lambda inner, _: gzip.compress(inner, mtime=0), range(times), text)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("\ufeffИван Ильин".encode("utf-16-le"), "Иван Ильин"),  # a byte order mark alone says so: there is no zero byte
        ("\ufeffИван Ильин".encode("utf-16-be"), "Иван Ильин"),
        (b"{" + NAME.encode("utf-16-le"), NAME),  # it begins at an odd octet
        (b"name=Anna+Lind", "name=Anna Lind"),
        (b"a+b%2Bc", "a b+c"),  # of a form, a plus that was written as one stays
        (b"a%2Bb", "a+b"),
        (base64.b64encode(NAME.encode()) + b"Q", NAME),  # cut behind a digit that says nothing alone
        (base64.b64encode(b"jos\xc3\xa9 \xe2\x82"), "josé \ufffd"),  # cut within a character
        (in_base64(NAME.encode(), NESTED), NAME),
        (compressed(NAME.encode(), NESTED), NAME),
    ],
)
def test_it_is_undone(message: bytes, text: str) -> None:
    assert any(text in found for found in spellings(message))


def test_it_is_not_looked_for_deeper() -> None:
    assert NESTED == 2
    assert not any(NAME in found for found in spellings(in_base64(NAME.encode(), NESTED + 1)))


def test_no_text_comes_twice_and_they_are_bounded() -> None:
    message = b"anna%20lind anna%2520lind &amp; " + in_base64(b"anna lind", 2)
    found = list(spellings(message))
    assert len(found) == len(set(found))
    many = b" ".join(base64.b64encode(f"text number {number}".encode()) for number in range(TEXTS + 100))
    assert len(list(spellings(many))) == TEXTS
