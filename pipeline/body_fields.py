"""The fields of a body: where each leaf stands, in general, and of which type it is; never what it says."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import islice, repeat
from typing import Any
from urllib.parse import unquote_plus

from classifiers.bodies import parse_json
from classifiers.text_values import UNREAD, Part
from posture.inventory import DIRECTIONS
from posture.names import ANY, LONGEST, SIBLINGS, is_map, is_name
from windows.values import VALUE_TYPES, value_type

FIELDS_PER_BODY = 128
NODES = 4_000
"""Values of one body that are visited."""
DEPTH = 12
LARGEST_BODY = 64 * 1024
"""Characters; a larger one is not listed, for its picture would be cut."""
TEXT, EMPTY, BOOLEAN, INTEGER, DECIMAL, STRUCTURE = map(VALUE_TYPES.index, ("text", "empty", "boolean", "integer", "decimal", "structure"))
_OF_JSON = {bool: BOOLEAN, int: INTEGER, float: DECIMAL, type(None): EMPTY}
_NUMBERS = frozenset({BOOLEAN, INTEGER, DECIMAL})
_TEXTS = frozenset({str})
_OBJECTS = frozenset({dict})
_OPENED = frozenset({dict, list})


def body_fields(carried: Sequence[Part]) -> tuple[tuple[int, tuple[tuple[str, int], ...]], ...]:
    """(index into DIRECTIONS, ((place, index into VALUE_TYPES), …)) of each body that could be listed. A place is "$.items[*].price", and "form.name"
    of a form. What is no name shows as `*`."""
    found = []
    for part in carried:
        direction = part.where.partition(".")[0]
        if part.where.endswith(".body") and isinstance(part.text, str) and len(part.text) <= LARGEST_BODY:
            listed = _listed(part)
            if listed is not None:
                found.append((DIRECTIONS.index(direction), listed))
    return tuple(found)


def _listed(part: Part) -> tuple[tuple[str, int], ...] | None:
    if part.document is not UNREAD:
        return tuple(sorted(_fields(part.document)))
    text = str(part.text)
    start = text.lstrip()[:1]
    if start in ("{", "["):
        try:
            value = parse_json(text)
        except ValueError:
            return None
        return tuple(sorted(_fields(value)))
    if "form-urlencoded" in (part.content_type or "").casefold():
        pieces = [piece.partition("=") for piece in text.split("&", FIELDS_PER_BODY)[:FIELDS_PER_BODY] if piece]
        return tuple(sorted({(f"form.{_key(unquote_plus(name))}", value_type(unquote_plus(value))) for name, _, value in pieces}))
    return None


def _fields(document: Any) -> list[tuple[str, int]]:
    """What stands at each place: level by level, so that a cut takes what is deepest, and the objects of one place together, since those of a list are
    mostly alike."""
    picture = _Picture()
    picture.one("$", document, 0)
    for depth in range(1, DEPTH + 1):
        level, picture.below = picture.below, {}
        for path, containers in level.items():
            picture.open(path, containers, depth)
            if len(picture.found) >= FIELDS_PER_BODY:
                return list(picture.found)[:FIELDS_PER_BODY]
    return list(picture.found)


class _Picture:
    __slots__ = ("below", "found", "left")

    def __init__(self) -> None:
        self.found: dict[tuple[str, int], None] = {}
        """In the order in which they were seen."""
        self.below: dict[str, list[Any]] = {}
        """The objects and lists of the next level, by their place."""
        self.left = NODES

    def open(self, path: str, containers: list[Any], depth: int) -> None:
        """What the objects and lists at one place hold, `depth` steps below the document."""
        objects: dict[tuple[tuple[str, ...], bool], list[dict[str, Any]]] = {}
        names_of_all = set(map(tuple, containers)) if len(containers) > 1 and set(map(type, containers)) == _OBJECTS else set()
        if len(names_of_all) == 1 and len(containers[0]) <= SIBLINGS:
            objects[names_of_all.pop(), False] = containers
            containers = []
        for node in containers:
            if type(node) is dict:
                objects.setdefault((tuple(node), len(node) > SIBLINGS and is_map(node)), []).append(node)
            elif self.left > 0:
                self.left -= len(node)
                self.many(f"{path}[*]", node[: self.left + len(node)], depth)
        for (names, data), alike in objects.items():
            if self.left <= 0:
                return
            shown = repeat(ANY) if data else map(_key, names[: self.left])
            if len(alike) == 1:
                for name, value in zip(shown, islice(alike[0].values(), self.left), strict=False):
                    self.one(f"{path}.{name}", value, depth)
            else:
                alike = alike[: max(1, self.left // len(names))]
                for name, values in zip(shown, zip(*map(dict.values, alike), strict=True), strict=False):
                    self.many(f"{path}.{name}", values, depth)
            self.left -= len(names) * len(alike)

    def many(self, place: str, values: Sequence[Any], depth: int) -> None:
        """Values of one place: equal texts are one text, and of numbers their kind is enough."""
        kinds = set(map(type, values))
        if kinds == _TEXTS:
            values = sorted(set(values))
        elif kinds == _OBJECTS and depth < DEPTH and all(values):
            self.below.setdefault(place, []).extend(values)
            return
        elif kinds.isdisjoint(_OPENED) and str not in kinds:
            types = {_OF_JSON.get(kind, TEXT) for kind in kinds}
            self.found.update(dict.fromkeys([(place, found) for found in sorted(types)]))
            return
        for value in values:
            self.one(place, value, depth)

    def one(self, place: str, value: Any, depth: int) -> None:
        kind = type(value)
        if kind is str:
            narrow = value_type(value)
            self.found[place, TEXT if narrow in _NUMBERS else narrow] = None  # the JSON string "12" is a text
        elif kind is not dict and kind is not list:
            self.found[place, _OF_JSON.get(kind, TEXT)] = None
        elif value and depth < DEPTH:
            self.below.setdefault(place, []).append(value)
        else:
            self.found[place, STRUCTURE] = None


def _key(name: str) -> str:
    return _known(name) if len(name) <= LONGEST else ANY


@lru_cache(4096)
def _known(name: str) -> str:
    """Names repeat from body to body; long ones, which callers can make up without end, are not worth the memory."""
    return name.replace(".", "_") if is_name(name) else ANY
