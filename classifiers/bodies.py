"""Bodies, by their content type and by their looks: JSON, JSON Lines, XML, forms, CSV, plain text."""

import csv
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_plus
from xml.parsers.expat import ExpatError, ParserCreate

import orjson

from classifiers.places import Link, Where
from classifiers.text_values import MAX_TEXT, MAX_TEXT_VALUES, SHORTEST, UNREAD, Part, TextValues, add_text, walk_json

_BRACKET = re.compile(r'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+([\[\]{}])', re.DOTALL)
_COMMA = re.compile(r'(?:[^",]++|"(?:[^"\\]++|\\.)*+")*+,', re.DOTALL)
MENDED = 65_536
"""Characters of a cut JSON text that are mended."""


def mend(text: str) -> list[str]:
    """A JSON text that was cut off, closed again: with its last string as far as it goes, else after its last complete member; [] = something else."""
    closers: list[str] = []
    at = 0
    while match := _BRACKET.match(text, at):  # anchored: a search would try every place of a text without brackets
        at = match.end()
        c = match[1]
        if c in "[{":
            closers.append("]" if c == "[" else "}")
            if len(closers) > 200:
                return []
        elif not closers or closers.pop() != c:
            return []
    if not closers:
        return []
    cut = at
    while match := _COMMA.match(text, at):
        at = match.end()
        cut = at - 1
    end = "".join(reversed(closers))
    return [text.rstrip("\\") + '"' + end, text[:cut] + end]


def parse_json(text: str) -> Any:
    """Raises ValueError when the text is no JSON, not even a cut one."""
    try:
        return orjson.loads(text)
    except (ValueError, TypeError):  # lone surrogates, numbers beyond a double, depth: the standard parser takes some of them
        pass
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    for mended in mend(text[:MENDED]):
        try:
            return json.loads(mended)
        except (ValueError, RecursionError):
            continue
    raise ValueError("not JSON")


def with_documents(parts: Iterable[Part]) -> list[Part]:
    """The same, with what the bodies say that are whole JSON: so it is parsed once for everybody who looks at it."""
    return [
        part._replace(document=_whole(part.text)) if isinstance(part.text, str) and part.where.endswith(".body") else part for part in parts
    ]


def _whole(text: str) -> Any:
    if text[:1] in ("{", "[") and len(text) <= MAX_TEXT:
        try:
            return orjson.loads(text)
        except ValueError:
            pass
    return UNREAD


def pairs(text: str, separator: str = "&") -> Iterable[tuple[str, str]]:
    """Decoded names and values of a query or a form, at most 2,000."""
    for piece in text.split(separator, 2_000)[:2_000]:
        name, _, value = piece.partition("=")
        if "%" in value or "+" in value:
            value = unquote_plus(value)
        if "%" in name or "+" in name:
            name = unquote_plus(name)
        yield name, value


def add_pairs(text: str, text_values: TextValues) -> None:
    for name, value in pairs(text):
        if len(value) >= SHORTEST:
            text_values.add(value, name)
        elif len(name) > 40 and not value:
            text_values.add(name, None)


class _EnoughError(Exception):
    """The document has more elements than are looked at."""


class _Declared(Exception):
    """The document declares a type or an entity; what those can do to a parser is never wanted here."""


def _refuse(*_: object) -> int:
    raise _Declared


def _add_xml(text: str, text_values: TextValues) -> None:
    """Texts and attributes, without building a tree; expat with the handlers that defusedxml sets. Raises ExpatError, _Declared."""
    parser = ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.UnparsedEntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    link: Link | None = None
    elements = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal link, elements
        elements += 1
        if elements > MAX_TEXT_VALUES:
            raise _EnoughError
        link = (link, tag.rpartition(":")[2], None)
        for name, value in attributes.items():
            if len(value) >= SHORTEST:
                text_values.add(value, "@" + name.rpartition(":")[2], link)

    def end(_: str) -> None:
        nonlocal link
        if link is not None:
            link = link[0]

    def data(content: str) -> None:
        if link is not None and len(content) >= SHORTEST and len(content := content.strip()) >= SHORTEST:
            text_values.add(content, link[1], link[0])

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = data
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except _EnoughError:
        text_values.partial = True


_FORM_NAME = re.compile(r'name="?([^";\r\n]{1,200})"?')


def _add_multipart(text: str, boundary: str, text_values: TextValues) -> None:
    for piece in text.split("--" + boundary, 500)[1:501]:
        head, blank, body = piece.partition("\r\n\r\n")
        if not blank:
            head, _, body = piece.partition("\n\n")
        name = _FORM_NAME.search(head)
        add_text(body.strip(), text_values, name[1] if name else None)


def _add_csv(text: str, text_values: TextValues) -> None:
    first = text.partition("\n")[0]
    rows = csv.reader(text.lstrip("\ufeff").splitlines(), delimiter=max(",;\t|", key=first.count))
    header = next(rows, [])
    for row in rows:
        for name, value in zip(header, row, strict=False):
            if len(value) >= SHORTEST:
                text_values.add(value, name)
        if len(text_values.texts) > MAX_TEXT_VALUES:
            text_values.partial = True
            return


def _add_lines(text: str, text_values: TextValues) -> bool:
    """JSON Lines: each line a value; False when the first two lines are none."""
    values: list[Any] = []
    at = 0
    while at < len(text) and len(values) < 1_000:
        end = text.find("\n", at)
        line = text[at : end if end >= 0 else len(text)].strip()
        at = end + 1 if end >= 0 else len(text)
        if line:
            try:
                values.append(orjson.loads(line))
            except ValueError:
                break
    if len(values) < 2:
        return False
    text_values.partial = text_values.partial or at < len(text)
    walk_json(values, text_values)
    return True


def add_body(where: Where, text: str, content_type: str, text_values: TextValues) -> None:
    """A body by its content type, and by its looks where the type is missing or lies; what does not parse is a text."""
    start = text if text[0] in "{[<" else text.lstrip("\ufeff \t\r\n")
    if start[:1] in ("{", "["):
        text_values.open(where, "json")
        if "\n" in start and _add_lines(start, text_values):
            return
        try:
            value = parse_json(start)
        except ValueError:
            add_text(text, text_values)
        else:
            walk_json(value, text_values)
        return
    kind = content_type.partition(";")[0].strip().lower()
    if start[:1] == "<" and not kind.endswith("html"):
        text_values.open(where, "xml")
        first = len(text_values.texts)
        try:
            _add_xml(start, text_values)
            return
        except (ExpatError, _Declared, ValueError):  # what was read of a cut document stays, the rest is read as a text
            if len(text_values.texts) == first:
                del text_values.roots[-1], text_values.firsts[-1]
    if kind == "application/x-www-form-urlencoded":
        text_values.open(where, "name")
        add_pairs(text, text_values)
        return
    if kind.startswith("multipart/") and "boundary=" in content_type:
        text_values.open(where, "name")
        _add_multipart(text, content_type.partition("boundary=")[2].partition(";")[0].strip('" '), text_values)
        return
    if kind in ("text/csv", "application/csv", "text/tab-separated-values", "text/comma-separated-values"):
        text_values.open(where, "name")
        try:
            _add_csv(text, text_values)
        except csv.Error:
            add_text(text, text_values)
        return
    text_values.open(where, "json")
    if kind.endswith("json"):
        try:
            walk_json(parse_json(start), text_values)
            return
        except ValueError:
            pass
    add_text(text, text_values)


def unpack(text: str) -> Any:
    """The value of a string that is JSON itself, else None."""
    last = text[-1]
    if (text[0] == "{" and last == "}") or (text[0] == "[" and last == "]"):
        try:
            value = orjson.loads(text)
        except ValueError:
            return None
        return value if isinstance(value, (dict, list)) else None
    return None
