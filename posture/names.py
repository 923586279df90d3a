"""Which texts that callers write read like names: only those may stand in what is kept for long and shown, everything else may be a value.

Parameters, fields of bodies and segments of paths are named by programmers. Keys, numbers, addresses, tokens and people's names with spaces are not names.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

LONGEST = 48
ANY = "*"
"""Stands where a name may be a value."""
SIBLINGS = 5
"""Keys of one object that are told apart where what stands under them is alike; more are data: `{"anna": {…}, "jose": {…}, …}`."""
_IDENTIFIER = re.compile(r"[A-Za-z_$@][A-Za-z0-9_.$@-]*(?:\[\])?")
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_HEX = re.compile(r"[0-9a-fA-F]{12,}")
DIGITS = 4
"""More of them in one name are a number: a year (`since_2026`) passes, an order does not."""
LETTERS = 22
"""The longest run of letters without a hump or a separator: "internationalizationkey"."""
CAPITALS = 11
CHANGES = 5
"""Changes between letters and digits in one name: `md5Sha256` has three; a random token has more."""


_PARAMETER = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_INDEX = re.compile(r"\d{0,3}")
_JSON_STEP = re.compile(r"\[\*\]|\['(.*?)'\](?=[.\[]|$)|\.([^.\[]+)|.", re.DOTALL)


@lru_cache(8192)
def kept_parameter(text: str) -> str:
    """ "query:page" as it is; "query:*" of a name that may be a value. Names of a path are the operation's own."""
    place, _, name = text.partition(":")
    if place != "query" or not name or name == ANY:
        return text
    form = _PARAMETER.fullmatch(name)
    if form is None or not is_name(form[1]):
        return f"query:{ANY}"
    inner = form[2][1:-1].split("][") if form[2] else []
    return text if all(_INDEX.fullmatch(piece) or is_name(piece) for piece in inner) else f"query:{ANY}"


@lru_cache(8192)
def kept_place(text: str) -> str:
    """Where something was found, "response.body $.payee.iban" or "request.header x-account", without names that may be values."""
    where, space, path = text.partition(" ")
    return f"{where}{space}{kept_path(path)}"


def kept_path(path: str) -> str:
    """Of JSON "$.a['odd-key'][*]", of XML "/Root/@id", of a template "/{id}", else a name."""
    if path[:1] == "$":
        return "$" + "".join(_kept_steps(path))
    if path[:1] == "/":
        return "/".join(_kept_tag(step) for step in path.split("/"))
    head, dot, name = path.partition(".")
    if dot and head in ("cookie", "form"):
        return f"{head}.{name if is_name(name) else ANY}"
    return path if not path or is_name(path) else ANY


def _kept_steps(path: str) -> Iterator[str]:
    for step in _JSON_STEP.finditer(path, 1):
        key = step[1] or step[2]
        if step[0] != "[*]" and (key is None or not is_name(key)):
            yield f".{ANY}"
            if key is None:  # no step: the rest was cut, or is none of ours
                return
        else:
            yield step[0]


def _kept_tag(step: str) -> str:
    inner = step[1:-1] if step[:1] == "{" and step[-1:] == "}" else step.lstrip("@")
    return step if not inner or inner == ANY or _INDEX.fullmatch(inner) or all(map(is_name, inner.split(":", 1))) else ANY


def is_map(node: dict[str, object]) -> bool:
    """Whether the keys of an object are data: it has many, and what stands under each is alike."""
    if len(node) <= SIBLINGS:
        return False
    values = list(node.values())
    first = values[0]
    if isinstance(first, dict):
        return bool(first) and all(isinstance(value, dict) and value.keys() == first.keys() for value in values)
    return len(node) > SIBLINGS * 8 and all(type(value) is type(first) for value in values)


def is_name(text: str) -> bool:
    """Whether a programmer is likely to have chosen this text. A value made of words alone cannot be told from a name."""
    if not 0 < len(text) <= LONGEST or not _IDENTIFIER.fullmatch(text) or "@" in text[1:]:
        return False
    if sum(character.isdigit() for character in text) > DIGITS or _HEX.search(text):
        return False
    pieces = _PIECE.findall(text)
    if any(len(piece) > (CAPITALS if piece.isupper() else LETTERS) for piece in pieces):
        return False
    if "_" not in text and "-" not in text and sum(piece.isupper() and len(piece) > 1 for piece in pieces) > 2:
        return False
    pairs = list(pairwise(text))
    changes = sum(one.isdigit() != two.isdigit() and one.isalnum() and two.isalnum() for one, two in pairs)
    humps = sum(one.islower() and two.isupper() for one, two in pairs)
    words = [piece for piece in pieces if piece.isalpha()]
    short = sum(len(word) <= 2 for word in words)
    return changes < CHANGES and not (len(text) >= 16 and humps >= 4 and short * 2 >= len(words))
