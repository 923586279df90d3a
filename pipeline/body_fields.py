"""The fields of a body: where each leaf stands, in general, and of which type it is; never what it says."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

from classifiers.bodies import parse_json
from classifiers.text_values import Part
from posture.inventory import DIRECTIONS
from posture.names import ANY, LONGEST, is_map, is_name
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


def body_fields(carried: Sequence[Part]) -> tuple[tuple[int, tuple[tuple[str, int], ...]], ...]:
    """(index into DIRECTIONS, ((place, index into VALUE_TYPES), …)) of each body that could be listed. A place is "$.items[*].price", and "form.name"
    of a form. What is no name shows as `*`."""
    found = []
    for part in carried:
        direction = part.where.partition(".")[0]
        if part.where.endswith(".body") and isinstance(part.text, str) and len(part.text) <= LARGEST_BODY:
            listed = _listed(part.text, part.content_type or "")
            if listed is not None:
                found.append((DIRECTIONS.index(direction), listed))
    return tuple(found)


def _listed(text: str, content_type: str) -> tuple[tuple[str, int], ...] | None:
    start = text.lstrip()[:1]
    if start in ("{", "["):
        try:
            value = parse_json(text)
        except ValueError:
            return None
        return tuple(sorted(set(_first(_leaves(value)))))
    if "form-urlencoded" in content_type.casefold():
        pieces = [piece.partition("=") for piece in text.split("&", FIELDS_PER_BODY)[:FIELDS_PER_BODY] if piece]
        return tuple(sorted({(f"form.{_key(unquote_plus(name))}", value_type(unquote_plus(value))) for name, _, value in pieces}))
    return None


def _first(leaves: Iterator[tuple[str, int]]) -> list[tuple[str, int]]:
    kept: dict[tuple[str, int], None] = {}
    for leaf in leaves:
        kept[leaf] = None
        if len(kept) >= FIELDS_PER_BODY:
            break
    return list(kept)


def _leaves(value: Any) -> Iterator[tuple[str, int]]:
    """Breadth first, so that a cut takes what is deepest."""
    waiting: list[tuple[str, Any, int]] = [("$", value, 0)]
    at = 0
    while at < len(waiting):
        path, node, depth = waiting[at]
        at += 1
        kind = type(node)
        if kind is dict or kind is list:
            if not node or depth >= DEPTH:
                yield path, STRUCTURE
                continue
            room = NODES - len(waiting)
            if kind is dict:
                shown = _any if is_map(node) else _key
                waiting += [(f"{path}.{shown(key)}", inner, depth + 1) for key, inner in list(node.items())[:room]]
            else:
                waiting += [(f"{path}[*]", inner, depth + 1) for inner in node[:room]]
        elif kind is str:
            narrow = value_type(node)
            yield path, TEXT if narrow in _NUMBERS else narrow  # the JSON string "12" is a text
        else:
            yield path, _OF_JSON.get(kind, TEXT)


def _key(name: str) -> str:
    return _known(name) if len(name) <= LONGEST else ANY


@lru_cache(4096)
def _known(name: str) -> str:
    """Names repeat from body to body; long ones, which callers can make up without end, are not worth the memory."""
    return name.replace(".", "_") if is_name(name) else ANY


def _any(_: str) -> str:
    return ANY
