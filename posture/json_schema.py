"""The leaves of a JSON Schema: which fields a document may have and of which types, as far as OpenAPI 2.0, 3.0 and 3.1 say it the same way."""

from collections.abc import Iterator, Mapping
from typing import Any

from posture.inventory_declared import DeclaredBody

DEPTH = 14
LEAVES = 2_000
"""Of one schema; what lies beyond is taken for anything."""
JSON_TYPES = frozenset({"integer", "number", "boolean", "string", "null", "array", "object"})
_COMBINED = ("allOf", "anyOf", "oneOf")


def body_of(schema: Any, document: Mapping[str, Any]) -> DeclaredBody:
    """`document`: what local references (`#/components/schemas/Order`) point into. Where a reference leads nowhere, or round, anything goes."""
    fields: dict[str, set[str]] = {}
    anything: set[str] = set()
    for path, kinds in _leaves(schema, document, "$", 0, ()):
        if kinds is None or len(fields) >= LEAVES:
            anything.add(path)
        else:
            fields.setdefault(path, set()).update(kinds)
    return DeclaredBody({path: frozenset(kinds) for path, kinds in fields.items()}, frozenset(anything))


def types_of(schema: Any, document: Mapping[str, Any]) -> frozenset[str]:
    """The JSON types that a parameter's schema allows; empty where it does not say."""
    found, _ = _resolved(schema, document, ())
    kinds = set(_types(found))
    for name in _COMBINED:
        for part in found.get(name, ()) if isinstance(found.get(name), list) else ():
            kinds |= types_of(part, document)
    return frozenset(kinds)


def _types(schema: Mapping[str, Any]) -> Iterator[str]:
    given = schema.get("type")
    for kind in given if isinstance(given, list) else [given]:
        if isinstance(kind, str) and kind in JSON_TYPES:
            yield kind
    if schema.get("nullable") is True:
        yield "null"


def _resolved(schema: Any, document: Mapping[str, Any], seen: tuple[str, ...]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """What a schema says after its references, and those that were followed. {} where one leads nowhere or round."""
    while isinstance(schema, Mapping) and isinstance(reference := schema.get("$ref"), str):
        if reference in seen or not reference.startswith("#"):
            return {}, seen
        seen = (*seen, reference)
        schema = _at(document, reference)
    return (schema if isinstance(schema, Mapping) else {}), seen


def _at(document: Any, reference: str) -> Any:
    for step in reference.lstrip("#").strip("/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _leaves(
    schema: Any, document: Mapping[str, Any], path: str, depth: int, seen: tuple[str, ...]
) -> Iterator[tuple[str, set[str] | None]]:
    """(path, JSON types) of each leaf; None for the types where anything may follow."""
    found, seen = _resolved(schema, document, seen)
    if depth >= DEPTH or not found:
        yield path, None
        return
    combined = [part for name in _COMBINED if isinstance(found.get(name), list) for part in found[name]]
    for part in combined:
        yield from _leaves(part, document, path, depth + 1, seen)
    properties, kinds = found.get("properties"), set(_types(found))
    if isinstance(properties, Mapping):
        for name, inner in properties.items():
            yield from _leaves(inner, document, f"{path}.{str(name).replace('.', '_')}", depth + 1, seen)
        if found.get("additionalProperties") not in (None, False) or isinstance(found.get("patternProperties"), Mapping):
            yield path, None
    elif "items" in found or "array" in kinds:
        yield from _leaves(found.get("items"), document, f"{path}[*]", depth + 1, seen)
        yield path, {"array"}
    elif "object" in kinds or ("additionalProperties" in found and not kinds):
        yield path, None
    elif kinds:
        yield path, kinds
    elif not combined:
        yield path, None
