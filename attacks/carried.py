"""What one part of a call carries that was written to attack: every value, every name, and the shape of the whole."""

import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from attacks.documents import document_attack, name_attack
from attacks.per_call import injection
from attacks.suspects import shape_in

TEXTS = 200
"""Values of one part that are judged; of more those that have the shape of an attack, and of those again a draw."""
LEAVES = 20_000
"""Values of one part that are considered."""
HEADER = 256
SHAPE = "its shape"
"""Instead of a place: the document as a whole."""
PLACE = 96
"""Characters of a place."""

Value = tuple[str, str]
"""(place inside the part, value)"""

_simple = re.compile(r"[A-Za-z0-9_.:@,-]{0,13}").fullmatch
_prototype = re.compile(r'"constructor"\s{0,9}:\s{0,9}\{\s{0,9}"prototype"').search
_identifier = re.compile(r"[A-Za-z_][A-Za-z_-]{0,40}\d{0,2}").fullmatch
_json_string = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"(\s*:)?', re.DOTALL)
_xml_text = re.compile(
    r"<([A-Za-z_][\w:.-]{0,60})[^<>]{0,400}>([^<]{1,20000})<|\s([A-Za-z_][\w:.-]{0,60})\s?=\s?(?:\"([^\"<]{1,4000})\"|'([^'<]{1,4000})')|<!\[CDATA\[(.{1,20000}?)\]\]>",
    re.DOTALL,
)
_boundary = re.compile(r'boundary="?([^";,\s]{1,100})', re.IGNORECASE).search
_disposition = re.compile(r'(?:file)?name\*?="?([^"\r\n;]{0,200})', re.IGNORECASE).finditer
_decode = msgspec.json.decode


def attacks_in(where: str, name: str | None, content_type: str | None, text: str, document: Any = None) -> set[tuple[str, str]]:
    """(family as it is told, place) of what one part carries; `where` is "request.header", `name` the header's, or "request.body". A place is a field, "$.items[*].note",
    or nothing where no field can be told; names are their senders' to choose, so that one that is no identifier is a "*".
    `document`: what a JSON body says, where it was parsed already."""
    if where == "request.header":
        family = _of_header(text) if len(text) <= HEADER else injection(text)
        family = _without_target(family) if _own_address(name or "") else family
        return {(family, (name or "")[:PLACE].lower())} if family is not None else set()
    kind = (content_type or "").partition(";")[0].strip().lower()
    found: set[tuple[str, str]] = set()
    values: list[Value] = []
    if text[:1] in ("{", "[") or "json" in kind:
        try:
            document = _decode(text) if document is None else document
        except (msgspec.DecodeError, RecursionError):
            document = None
            values = list(_cut_json(text, found))
        else:
            if (family := document_attack(document)) is not None:
                found.add((family, SHAPE))
            values = list(_leaves(document))
    elif "form-urlencoded" in kind:
        values = list(_form(text, found))
    elif "multipart" in kind:
        values = list(_multipart(text, content_type or "", found))
    elif "xml" in kind or text.lstrip()[:1] == "<":
        values = [("", text), *_xml(text)]
    else:
        values = [("", text)]
    worth = [value for value in values if not _simple(value[1]) or ".." in value[1] or "--" in value[1] or value[1][:5] == "http:"]
    for place, value in _drawn(worth, text):
        family = injection(value)
        if family == "ssrf" and _own_address(place):
            family = _without_target(family)
        if family is None and "/" in value and ("/__proto__" in value or "/constructor/prototype" in value):
            family = "prototype-pollution"
        if family is not None:
            found.add((_told(value, family), place[:PLACE]))
    return found


def parameter_attack(name: str, value: str) -> str | None:
    """The family of attack that a parameter's value is, as it is told, or None."""
    family = injection(value)
    return None if family is None or (family == "ssrf" and _own_address(name)) else _told(value, family)


def _told(value: str, family: str) -> str:
    from attacks.mentions import told  # some forty expressions, which a start without an attack need not compile

    return told(value, family)


_own = re.compile(
    r"redirect|callback|return|origin|referr?er|continue|cancel|success|issuer|audience|base_?url|\bhost\b|forwarded", re.IGNORECASE
).search


_of_header = lru_cache(4096)(injection)
"""Headers repeat from call to call; long ones, which attackers can make up without end, are not worth the memory."""


def _own_address(name: str) -> bool:
    """Whether a field says where its sender's own page is: a developer's is on the developer's machine."""
    return _own(name) is not None


def _without_target(family: str | None) -> str | None:
    return None if family == "ssrf" else family


def _drawn(values: list[Value], text: str) -> list[Value]:
    if len(values) <= TEXTS:
        return values
    shaped = [value for value in dict.fromkeys(values) if shape_in(value[1])]
    if len(shaped) <= TEXTS:
        return shaped
    seed = blake2b(text.encode(errors="replace"), digest_size=8).digest()
    return sorted(shaped, key=lambda value: blake2b(value[1].encode(errors="replace"), key=seed, digest_size=8).digest())[:TEXTS]


def _leaves(document: Any) -> Iterator[Value]:
    waiting: list[tuple[str, Any]] = [("$", document)]
    for _ in range(LEAVES):
        if not waiting:
            return
        place, node = waiting.pop()
        if isinstance(node, str):
            yield place, node
        elif isinstance(node, dict):
            waiting.extend(
                (f"{place}.{key if _identifier(key) else '*'}" if len(place) < PLACE else place, value)
                for key, value in islice(node.items(), LEAVES)
                if value
            )
        elif isinstance(node, list):
            inner = f"{place}[*]" if len(place) < PLACE else place
            waiting.extend((inner, value) for value in node[:LEAVES] if value)


def _cut_json(text: str, found: set[tuple[str, str]]) -> Iterator[Value]:
    """The strings of a text that starts like JSON and does not end so, each for itself, and the text as a whole."""
    if _prototype(text):
        found.add(("prototype-pollution", SHAPE))
    name = ""
    for string in islice(_json_string.finditer(text), LEAVES):
        try:
            value = _decode(f'"{string[1]}"', type=str)
        except (msgspec.DecodeError, UnicodeError):
            value = string[1]
        if string[2]:
            name = value if _identifier(value) else "*"
            if not value.isalnum() and (family := name_attack(value)) is not None:
                found.add((family, "a name"))
        else:
            yield name, value
    yield "", text


def _form(text: str, found: set[tuple[str, str]]) -> Iterator[Value]:
    for piece in islice(text.split("&"), LEAVES):
        name, _, value = piece.partition("=")
        if not name.isalnum():
            name = unquote_plus(name)
            if (family := name_attack(name)) is not None:
                found.add((family, "a name"))
        yield name if _identifier(name) else "*", unquote_plus(value)


def _multipart(text: str, content_type: str, found: set[tuple[str, str]]) -> Iterator[Value]:
    """The texts of the parts of a form, and their names."""
    boundary = _boundary(content_type)
    for part in islice(text.split(f"--{boundary[1]}" if boundary else "--"), LEAVES):
        head, _, value = part.replace("\r\n", "\n").lstrip("\n").partition("\n\n")
        name = ""
        for given in _disposition(head[:1024]):
            if (family := name_attack(given[1])) is not None:
                found.add((family, "a name"))
            name = name or given[1]
        yield name if _identifier(name) else "*", (value or head).rstrip("\n")


def _xml(text: str) -> Iterator[Value]:
    for found in islice(_xml_text.finditer(text), LEAVES):
        element, content, attribute, one, two, section = found.groups()
        value = content or one or two or section or ""
        if not attribute or not attribute.startswith("xmlns"):
            yield (element or attribute or "")[:64].rpartition(":")[2], value
