"""API Management policy documents as text: where every element and expression stands, so that an edit can leave each other byte alone.

A policy as people write it ("rawxml") is XML but for its expressions: `@(...)` and `@{...}` hold C# with bare quotes, `<` and `&`. The
reader finds the expressions first, lets expat read the document with the expressions blanked out, and refuses the document where
the two disagree. Offsets are indices into the `str`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")
_SPACE = re.compile(r"\s*")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


class PolicyNotUnderstood(ValueError):
    """The document is not a policy that can be edited safely; the message says why, and where."""


@dataclass(frozen=True)
class Expression:
    """C# between `@(` or `@{` and its partner; `start` and `end` enclose the whole, `code` is what is inside, unescaped."""

    start: int
    end: int
    code: str
    is_block: bool


@dataclass
class Element:
    """One element: `start` at its `<`, `inner_start` after its start tag, `inner_end` at its end tag, `end` after it.

    An empty-element tag (`<base />`) has `inner_start == inner_end == end`.
    """

    tag: str
    start: int
    inner_start: int
    inner_end: int
    end: int
    attributes: dict[str, str]
    attribute_expressions: dict[str, Expression]
    parent: Element | None
    children: list[Element] = field(default_factory=list)
    text_expression: Expression | None = None

    @property
    def is_empty_tag(self) -> bool:
        return self.inner_start == self.end

    def walk(self) -> Iterator[Element]:
        """The element and everything in it, in document order."""
        yield self
        for child in self.children:
            yield from child.walk()


def _at(text: str, offset: int) -> str:
    line = text.count("\n", 0, offset) + 1
    return f"line {line}, column {offset - text.rfind(chr(10), 0, offset)}"


def expression_end(text: str, start: int) -> int:
    """The index after the expression that begins at `start` (at its `@`).

    Knows C# strings, verbatim and interpolated strings, character literals and comments. Raises PolicyNotUnderstood if it never ends.
    """
    closing = {"(": ")", "{": "}", "[": "]"}
    stack = [closing[text[start + 1]]]
    i = start + 2
    while i < len(text):
        c = text[i]
        if c == '"':
            verbatim = text[i - 1] == "@" or text[i - 2 : i] in ("@$", "$@")
            i += 1
            while i < len(text):
                if verbatim and text[i] == '"':
                    if text[i + 1 : i + 2] != '"':
                        break
                    i += 1
                elif not verbatim and text[i] == "\\":
                    i += 1
                elif text[i] == '"':
                    break
                i += 1
        elif c == "'":
            literal = re.compile(r"'(?:\\[^']+|\\'|[^'\\])'").match(text, i)
            if literal is None:
                raise PolicyNotUnderstood(f"an expression has a character literal without end ({_at(text, i)})")
            i = literal.end() - 1
        elif text.startswith("/*", i):
            i = text.find("*/", i)
            if i < 0:
                break
            i += 1
        elif text.startswith("//", i):
            i = text.find("\n", i)
            if i < 0:
                break
        elif c in closing:
            stack.append(closing[c])
        elif c in ")}]":
            if c != stack.pop():
                raise PolicyNotUnderstood(f"an expression closes what it did not open ({_at(text, i)})")
            if not stack:
                return i + 1
        i += 1
    raise PolicyNotUnderstood(f"an expression has no end ({_at(text, start)})")


def _escaped_expression(value: str) -> str | None:
    """The expression that a proper XML attribute value is, unescaped; None if the value is not one whole expression."""
    plain = html.unescape(value)
    try:
        end = expression_end(plain, 0)
    except PolicyNotUnderstood:
        return None
    return plain if not plain[end:].strip() else None


def _expression(start: int, end: int, plain: str) -> Expression:
    plain = plain.rstrip()
    return Expression(start, end, plain[2:-1], plain[1] == "{")


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.roots: list[Element] = []
        self.open: list[Element] = []
        self.order: list[str] = []
        self.expressions: list[Expression] = []

    def fail(self, why: str, offset: int) -> PolicyNotUnderstood:
        return PolicyNotUnderstood(f"{why} ({_at(self.text, offset)})")

    def skip(self, i: int, ending: str, what: str) -> int:
        end = self.text.find(ending, i)
        if end < 0:
            raise self.fail(f"{what} without end", i)
        return end + len(ending)

    def attribute(self, i: int) -> tuple[str, str, Expression | None, int]:
        text = self.text
        name = _NAME.match(text, i)
        if name is None:
            raise self.fail("a tag that is no tag", i)
        equals = re.compile(r"\s*=\s*(['\"])").match(text, name.end())
        if equals is None:
            raise self.fail(f"attribute {name[0]} without a quoted value", i)
        quote, start = equals[1], equals.end()
        end = text.find(quote, start)
        if end < 0:
            raise self.fail(f"attribute {name[0]} without a closing quote", i)
        if not text.startswith(("@(", "@{"), start):
            return name[0], html.unescape(text[start:end]), None, end + 1
        escaped = _escaped_expression(text[start:end])
        if escaped is not None:
            found = _expression(start, end, escaped)
        else:
            end = expression_end(text, start)
            found = _expression(start, end, text[start:end])
            space = _SPACE.match(text, end)
            assert space is not None
            end = space.end()
            if text[end : end + 1] != quote:
                raise self.fail(f"more after the expression in attribute {name[0]}", end)
        self.expressions.append(found)
        return name[0], text[start:end], found, end + 1

    def start_tag(self, i: int) -> int:
        text = self.text
        name = _NAME.match(text, i + 1)
        if name is None:
            raise self.fail("a < that opens no tag", i)
        attributes: dict[str, str] = {}
        found: dict[str, Expression] = {}
        at = name.end()
        while True:
            space = _SPACE.match(text, at)
            assert space is not None
            at, spaced = space.end(), space.end() > space.start()
            if text.startswith("/>", at) or text.startswith(">", at):
                break
            if not spaced:
                raise self.fail("a tag that is no tag", at)
            key, value, expression, at = self.attribute(at)
            if key in attributes:
                raise self.fail(f"attribute {key} twice", at)
            attributes[key] = value
            if expression is not None:
                found[key] = expression
        empty = text[at] == "/"
        end = at + (2 if empty else 1)
        parent = self.open[-1] if self.open else None
        element = Element(name[0], i, end, end, end, attributes, found, parent)
        (parent.children if parent else self.roots).append(element)
        self.order.append(name[0])
        if not empty:
            self.open.append(element)
        return end

    def end_tag(self, i: int) -> int:
        tag = re.compile(r"</([A-Za-z_][A-Za-z0-9_.\-]*)\s*>").match(self.text, i)
        if tag is None or not self.open or self.open[-1].tag != tag[1]:
            raise self.fail("an end tag that closes nothing", i)
        element = self.open.pop()
        element.inner_end, element.end = i, tag.end()
        return tag.end()

    def words(self, i: int) -> int:
        text = self.text
        space = _SPACE.match(text, i)
        assert space is not None
        start = space.end()
        if not text.startswith(("@(", "@{"), start):
            end = text.find("<", i)
            return len(text) if end < 0 else end
        end = text.find("<", start)
        escaped = _escaped_expression(text[start:end]) if end >= 0 else None
        if escaped is not None:
            found = _expression(start, end, escaped)
        else:
            end = expression_end(text, start)
            found = _expression(start, end, text[start:end])
        self.expressions.append(found)
        if self.open and self.open[-1].text_expression is None:
            self.open[-1].text_expression = found
        return end

    def read(self) -> None:
        text, i = self.text, 0
        while i < len(text):
            if text.startswith("<!--", i):
                i = self.skip(i + 4, "-->", "a comment")
            elif text.startswith("<![CDATA[", i):
                i = self.skip(i, "]]>", "a CDATA section")
            elif text.startswith("<?", i):
                i = self.skip(i, "?>", "a processing instruction")
            elif text.startswith("<!", i):
                raise self.fail("a document type", i)
            elif text.startswith("</", i):
                i = self.end_tag(i)
            elif text[i] == "<":
                i = self.start_tag(i)
            else:
                i = self.words(i)
        if self.open:
            raise self.fail(f"<{self.open[-1].tag}> is never closed", self.open[-1].start)


def parse(text: str) -> Element:
    """The root element of a policy document or fragment. Raises PolicyNotUnderstood."""
    bad = _NOT_XML.search(text)
    if bad is not None:
        raise PolicyNotUnderstood(f"a character that XML does not allow ({_at(text, bad.start())})")
    body = " " + text[1:] if text.startswith("\ufeff") else text
    reader = _Reader(body)
    reader.read()
    if len(reader.roots) != 1:
        raise PolicyNotUnderstood("not exactly one root element")
    # One byte a character, so that expat sees the same document; expressions become plain letters.
    plain = [c if c < "\x7f" else "x" for c in body]
    for expression in reader.expressions:
        plain[expression.start : expression.end] = "x" * (expression.end - expression.start)
    order: list[str] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, _attributes: order.append(name)
    try:
        parser.Parse("".join(plain).lstrip(), True)
    except expat.ExpatError as error:
        raise PolicyNotUnderstood(f"not well-formed: {error}") from error
    if order != reader.order:
        raise PolicyNotUnderstood("two readers see two documents")
    return reader.roots[0]
