"""The texts of a call, one by one, with what names each of them."""

from bisect import bisect_right
from itertools import islice
from typing import Any, NamedTuple

from classifiers.places import Root, Style, Where, path_of


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


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


UNREAD: Any = object()
"""Instead of a document: nobody parsed it, or it is none."""


class Part(NamedTuple):
    """One place of a call. `name`: the header's or the path parameter's; for a whole path its template; None for a body, a query, a path.

    `text`: the path or the query as called (percent-encoded), a header's value, a body; bytes are read as UTF-8. `document`: what a body says, where its
    JSON was parsed already.
    """

    where: Where
    name: str | None
    content_type: str | None
    text: str | bytes
    document: Any = UNREAD


class TextValues:
    """Parallel lists, a row a leaf: the text, its key or index, the link of its container; `roots` are where the rows from `firsts` on come from; `containers` = (key, link, number of the root) of every object and list under a key."""

    __slots__ = ("containers", "firsts", "keys", "links", "partial", "paths", "roots", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.keys: list[Any] = []
        self.links: list[Any] = []
        self.roots: list[Root] = []
        self.firsts: list[int] = []
        self.containers: list[tuple[Any, Any, int]] = []
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
        named = type(node) is dict
        for key, item in node.items() if named else enumerate(node):
            kind = type(item)
            if kind is str:
                if len(item) >= SHORTEST:
                    add_text_leaf(item)
                    add_key(key)
                    add_link(link)
            elif kind is dict or kind is list:
                if item:
                    push((item, (link, key, item)))
                    if named:
                        containers.append((key, link, root))
            elif kind is int:
                if _BIG < item < _HUGE or -_HUGE < item < -_BIG:
                    text_values.add(str(item), key, link)
            elif kind is float and key in _POSITIONS:
                text_values.add(repr(item), key, link)
    if len(texts) > MAX_TEXT_VALUES:
        text_values.partial = True


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
