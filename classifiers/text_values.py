"""The texts of a call, one by one, with what names each of them: JSON, forms, XML, headers, paths, plain text."""

import csv
import json
import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote, unquote_plus
from xml.parsers.expat import ExpatError, ParserCreate

import orjson


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


Where = Literal["request.path", "request.query", "request.header", "request.body", "response.header", "response.body"]

MAX_TEXT_VALUES = 5_000
"""TextValues of one event that are looked at; what lies beyond is reported as partial."""
MAX_TEXT = 262_144
"""Characters of one part that are looked at; the platform cuts an event at 200 KB."""
CHUNK = 16_384
"""A plain text is looked at in pieces of at most this many characters, cut at line ends."""
SHORTEST = 4
"""A text shorter than this holds nothing that could be told from chance."""
_BIG, _HUGE = 99_999, 10**40
_POSITIONS = _set("lat lon lng latitude longitude Latitude Longitude Lat Lon Lng")
"""The only names under which a number with decimals says something about a person."""


class Part(NamedTuple):
    """One place of a call. `name`: the header's or the path parameter's; for a whole path its template; None for a body, a query, a path.

    `text`: the path or the query as called (percent-encoded), a header's value, a body; bytes are read as UTF-8.
    """

    where: Where
    name: str | None
    content_type: str | None
    text: str | bytes


Style = Literal["json", "name", "xml", "segment"]

Link = tuple[Any, Any, Any]
"""(link of the container that holds this container, its key or index there, the container itself); the outermost link is None."""


class Root(NamedTuple):
    """Where text_values come from; `inside` = the leaf whose text they were unpacked from: its path is theirs."""

    where: Where
    style: Style
    name: str
    inside: tuple[Any, Any, "Root"] | None


class TextValues:
    """Parallel lists, a row a leaf: the text, its key or index, the link of its container; `roots` are where the rows from `firsts` on come from; `containers` = (key, link, number of the root) of every object and list under a key."""

    __slots__ = ("containers", "firsts", "keys", "links", "partial", "paths", "roots", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.keys: list[Any] = []
        self.links: list[Any] = []
        self.roots: list[Root] = []
        self.firsts: list[int] = []
        self.containers: list[tuple[str, Any, int]] = []
        self.partial = False
        self.paths: dict[int, tuple[str, str]] = {}

    def add(self, text: str, key: Any, link: Any = None) -> None:
        self.texts.append(text)
        self.keys.append(key)
        self.links.append(link)

    def open(self, where: Where, style: Style, name: str = "", inside: tuple[Any, Any, Root] | None = None) -> None:
        self.firsts.append(len(self.texts))
        self.roots.append(Root(where, style, name, inside))

    def add_key(self, key: str, link: Any, root: "Root") -> None:
        """A key that is a value itself, as a leaf at its own place."""
        self.open(root.where, root.style, root.name, root.inside or (key, link, root))
        self.add(key, None)

    def place(self, i: int) -> tuple[Where, str, str]:
        """(where, concrete path, general path) of leaf `i`."""
        root = self.root(i)
        return root.where, *path_of(self.keys[i], self.links[i], root, self.paths)

    def root(self, i: int) -> "Root":
        """Where leaf `i` comes from."""
        return self.roots[bisect_right(self.firsts, i) - 1]


def walk_json(value: Any, text_values: TextValues) -> None:
    """Every string, and every number of six digits or more of a parsed JSON value; iterative: depth costs nothing."""
    texts, containers = text_values.texts, text_values.containers
    add_text_leaf, add_key, add_link = texts.append, text_values.keys.append, text_values.links.append
    if not isinstance(value, (dict, list)):
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            text_values.add(str(value), None)
        return
    root = len(text_values.roots) - 1
    stack: list[tuple[Any, Any]] = [(value, (None, None, value))]
    pop, push = stack.pop, stack.append
    while stack:
        node, link = pop()
        if len(texts) > MAX_TEXT_VALUES:
            text_values.partial = True
            return
        if len(node) > MAX_TEXT_VALUES:
            text_values.partial = True
            node = dict(islice(node.items(), MAX_TEXT_VALUES)) if type(node) is dict else node[:MAX_TEXT_VALUES]
        if type(node) is dict:
            for key, item in node.items():
                kind = type(item)
                if kind is str:
                    if len(item) >= SHORTEST:
                        add_text_leaf(item)
                        add_key(key)
                        add_link(link)
                elif kind is dict or kind is list:
                    if item:
                        push((item, (link, key, item)))
                        containers.append((key, link, root))
                elif kind is int:
                    if _BIG < item < _HUGE or -_HUGE < item < -_BIG:
                        text_values.add(str(item), key, link)
                elif kind is float and key in _POSITIONS:
                    text_values.add(repr(item), key, link)
        else:
            for key, item in enumerate(node):
                kind = type(item)
                if kind is str:
                    if len(item) >= SHORTEST:
                        add_text_leaf(item)
                        add_key(key)
                        add_link(link)
                elif kind is dict or kind is list:
                    if item:
                        push((item, (link, key, item)))
                elif kind is int and (_BIG < item < _HUGE or -_HUGE < item < -_BIG):
                    text_values.add(str(item), key, link)
    if len(texts) > MAX_TEXT_VALUES:
        text_values.partial = True


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


def add_text(text: str, text_values: TextValues, key: Any = None) -> None:
    """A plain text as one leaf, a long one in pieces cut at line ends."""
    if len(text) <= CHUNK:
        if len(text) >= SHORTEST:
            text_values.add(text, key)
        return
    at = 0
    while at < len(text):
        end = at + CHUNK
        if end < len(text):
            line = text.rfind("\n", at + 1, end)
            end = line if line > at + CHUNK // 2 else end
        text_values.add(text[at:end], key)
        at = end


def pairs(text: str, separator: str = "&") -> Iterable[tuple[str, str]]:
    """Decoded names and values of a query or a form, at most 2,000."""
    for piece in text.split(separator, 2_000)[:2_000]:
        name, _, value = piece.partition("=")
        if "%" in value or "+" in value:
            value = unquote_plus(value)
        if "%" in name or "+" in name:
            name = unquote_plus(name)
        yield name, value


def _add_pairs(text: str, text_values: TextValues) -> None:
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
        _add_pairs(text, text_values)
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


PLAIN_HEADERS = _set("""host user-agent accept accept-encoding accept-language accept-charset content-type content-length content-encoding content-language date server connection
    etag if-none-match if-match if-modified-since last-modified x-request-id x-correlation-id request-id traceparent tracestate cache-control vary expires
    strict-transport-security transfer-encoding age allow pragma x-powered-by x-content-type-options x-frame-options x-xss-protection retry-after via
    access-control-allow-origin access-control-allow-methods access-control-allow-headers access-control-max-age access-control-expose-headers
    x-ms-request-id x-ms-correlation-request-id x-ms-client-request-id x-azure-ref alt-svc""")
"""Headers that hold nobody's data but the software's."""


@lru_cache(512)
def _plain_header(name: str) -> bool:
    return name.lower() in PLAIN_HEADERS


def _add_header(where: Where, name: str, text: str, text_values: TextValues) -> None:
    if _plain_header(name):
        return
    low = name.lower()
    if low in ("cookie", "set-cookie"):
        for i, (cookie, value) in enumerate(pairs(text.replace("; ", ";"), ";")):
            if low == "set-cookie" and i:  # the rest are its attributes
                break
            if len(value) >= SHORTEST:
                text_values.open(where, "name", "cookie.")
                text_values.add(value.strip('"'), cookie)
        return
    if len(text) >= SHORTEST:
        text_values.open(where, "name")
        text_values.add(text, name)


@lru_cache(1_024)
def _template_names(template: str) -> tuple[str | None, ...]:
    return tuple(s[1:-1].lstrip("*") if s[:1] == "{" and s[-1:] == "}" else None for s in template.strip("/").split("/"))


def _add_path(name: str | None, text: str, text_values: TextValues) -> None:
    if name is not None and "/" not in name and "/" not in text:
        text_values.open("request.path", "segment")
        text_values.add(unquote(text) if "%" in text else text, name, (name, None, None))
        return
    segments = text.strip("/").split("/")[:200]
    names = _template_names(name) if name else ()
    text_values.open("request.path", "segment")
    offset = len(segments) - len(names)
    for i, segment in enumerate(segments):
        if len(segment) < 6 or segment.isalpha():
            continue
        parameter = names[i - offset] if i >= offset and names else None
        before = segments[i - 1] if i else None
        text_values.add(unquote(segment) if "%" in segment else segment, before, (parameter, i, None))


def gather(parts: Iterable[Part]) -> TextValues:
    """The text_values of one event."""
    text_values = TextValues()
    for where, name, content_type, text in parts:
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        if len(text) > MAX_TEXT:
            text = text[:MAX_TEXT]
            text_values.partial = True
        if len(text) < SHORTEST:
            continue
        if where == "request.header" or where == "response.header":
            _add_header(where, name or "", text, text_values)
        elif where == "request.query":
            text_values.open(where, "name")
            _add_pairs(text, text_values)
        elif where == "request.path":
            _add_path(name, text, text_values)
        else:
            add_body(where, text, content_type or "", text_values)
        if len(text_values.texts) > MAX_TEXT_VALUES:
            text_values.partial = True
            break
    return text_values


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


_PLAIN_KEY = re.compile(r"[@$]?[^\W\d][\w.: #/()'?-]{0,63}")
_SIX_DIGITS = re.compile(r"(?:\d\D*){6}")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@lru_cache(8_192)
def _opaque(key: str) -> bool:
    return _PLAIN_KEY.fullmatch(key) is None or _SIX_DIGITS.search(key) is not None


def opaque(key: str) -> bool:
    """True of a key that is itself a value (an address, a number, a GUID): it is masked in paths and looked at like a text."""
    if len(key) > 64:
        return True
    return not key.isalpha() and _opaque(key)


@lru_cache(8_192)
def _step(key: str) -> str:
    if opaque(key):
        return ".*"
    return f".{key}" if _IDENTIFIER.fullmatch(key) else f"['{key}']"


_OUTERMOST = "$", "$"


def _container_path(link: Any, known: dict[int, tuple[str, str]]) -> tuple[str, str]:
    """The paths of a container, each looked up once an event; iterative: depth costs no stack."""
    climbed = []
    while link is not None and id(link) not in known:
        climbed.append(link)
        link = link[0]
    concrete, general = _OUTERMOST if link is None else known[id(link)]
    for link in reversed(climbed):
        key = link[1]
        if type(key) is int:
            concrete, general = f"{concrete}[{key}]", general + "[*]"
        elif key is not None:
            step = _step(key) if len(key) <= 64 else ".*"
            concrete, general = concrete + step, general + step
        known[id(link)] = concrete, general
    return concrete, general


def path_of(key: Any, link: Any, root: Root, known: dict[int, tuple[str, str]]) -> tuple[str, str]:
    """(concrete path, general path with `[*]`) of a leaf; a key that is itself a value shows as `*`. `known`: paths of this event's containers."""
    while root.inside is not None:
        key, link, root = root.inside
    if root.style == "json":
        concrete, general = _container_path(link, known)
        if key is None:
            return concrete, general
        if type(key) is int:
            return f"{concrete}[{key}]", general + "[*]"
        step = _step(key) if len(key) <= 64 else ".*"
        return concrete + step, general + step
    if root.style == "segment":
        name, index, _ = link
        step = f"/{{{index if name is None else '*' if opaque(name) else name}}}"
        return step, step
    if root.style == "name":
        shown = root.name + (key if isinstance(key, str) and not opaque(key) else "*" if key is not None else "")
        return shown, shown
    steps: list[str] = [] if key is None else [key]
    while link is not None:
        link, key, _ = link
        if key is not None:
            steps.append(key)
    path = "".join("/" + ("*" if opaque(s.lstrip("@")) else s) for s in reversed(steps))
    return path, path
