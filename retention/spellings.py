"""The ways in which a message can write one text: escaped, quoted as in URLs or HTML, in another encoding, compressed, or as base64.

Everything is bounded: a message of 4 KiB is looked at in at most TEXTS texts of at most LONGEST characters each.
"""

import base64
import binascii
import html
import re
import zlib
from collections.abc import Iterator
from unicodedata import normalize
from urllib.parse import unquote, unquote_plus

NESTED = 2
"""How many layers of base64 are looked into: a token in a header is one, a token in a quoted message two."""
ROUNDS = 3
"""How often escapes are undone in escapes: a quoted URL within a quoted URL."""
TEXTS = 2_000
LONGEST = 64 * 1024

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_COMPRESSED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_MANY_ZEROS = 0.2
"""Share of zero bytes from which on a message is taken for UTF-16 as well."""


def spellings(message: bytes) -> Iterator[str]:
    """A message as texts (NFC): as it is, and with whatever is quoted, encoded or compressed in it undone, in all these ways again."""
    seen: set[str] = set()
    left = [(message, NESTED)]
    while left:
        raw, depth = left.pop()
        for text in _texts(raw):
            for plain in _undone(text):
                if plain in seen:
                    continue
                if len(seen) >= TEXTS:
                    return
                seen.add(plain)
                yield normalize("NFC", plain)
                if depth:
                    left.extend((decoded, depth - 1) for decoded in _decoded(plain))
        left.extend((inflated, depth - 1) for inflated in _inflated(raw) if depth)


def _texts(raw: bytes) -> Iterator[str]:
    """Bytes as text, in each encoding that they may have."""
    yield raw.decode("utf-8", "replace")[:LONGEST]
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff") or raw.count(0) > _MANY_ZEROS * len(raw):
        for encoding in ("utf-16-le", "utf-16-be"):
            yield raw.decode(encoding, "replace")[:LONGEST]
            yield raw[1:].decode(encoding, "replace")[:LONGEST]  # it may begin anywhere in a message


def _undone(text: str) -> Iterator[str]:
    """A text, and what it says once escapes of JSON, of URLs and of HTML are undone, one layer after the other."""
    yield text
    for _ in range(ROUNDS):
        before = text
        text = _without_escapes(text)
        if "%" in text:
            yield unquote(text, encoding="latin-1")
            yield unquote_plus(text)
            text = unquote(text)
        text = html.unescape(text)
        if text == before:
            break
        yield text
    if "+" in text:
        yield text.replace("+", " ")


def _without_escapes(text: str) -> str:
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text).replace("\\/", "/")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # two escapes may be one character


def _decoded(text: str) -> Iterator[bytes]:
    """What is base64 in a text and decodes to text, or to something compressed."""
    for found in _BASE64.findall(text):
        digits = found.rstrip("=").translate(str.maketrans("-_", "+/"))
        if len(digits) % 4 == 1:
            digits = digits[:-1]  # cut where the message was
        try:
            decoded = base64.b64decode(digits + "=" * (-len(digits) % 4))
        except binascii.Error:
            continue
        if _COMPRESSED.match(decoded) or decoded.count(0) > _MANY_ZEROS * len(decoded) or _is_text(decoded):
            yield decoded


def _is_text(decoded: bytes) -> bool:
    try:
        decoded.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(decoded) - 3 and error.reason == "unexpected end of data"
    return True


def _inflated(raw: bytes) -> Iterator[bytes]:
    """What is gzip or deflate in a message, as far as it is there."""
    for number, found in enumerate(_COMPRESSED.finditer(raw)):
        if number == ROUNDS:
            return
        try:
            yield zlib.decompressobj(wbits=47).decompress(raw[found.start() :], LONGEST)
        except zlib.error:
            continue
