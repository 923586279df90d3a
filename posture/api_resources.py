"""Resources of one API, of an export or as they are read: itself, its operations and its schemas."""

import json
import re
from collections.abc import Mapping
from typing import Any

from posture.arm_json import field, flag, items, prop, text, texts
from posture.snapshot import Api, Operation, Parameter, Representation, Response, Schema, Snapshot

LARGEST_SCHEMA = 256 * 1024
"""Characters of one schema document; a larger one is known by its size only."""
_SILENT = frozenset({"description", "example", "examples", "x-example", "default", "title", "x-ms-summary", "contact", "externaldocs"})
"""Keywords of a schema that people fill with samples and prose."""


def api(snapshot: Snapshot, workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    path = f"{workspace}apis/{names[0]}"
    settings = prop(body, "authenticationSettings")
    declared = [str(key) for key, value in settings.items() if value] if isinstance(settings, Mapping) else []
    before = snapshot.apis.get(path)
    keys = prop(body, "subscriptionKeyParameterNames")
    snapshot.gaps.pop(path, None)
    snapshot.apis[path] = Api(
        id=names[0],
        name=text(prop(body, "displayName")),
        path=text(prop(body, "path")),
        type=(text(prop(body, "type")) or text(prop(body, "apiType")) or "http").casefold(),
        revision=text(prop(body, "apiRevision")) or "1",
        version=text(prop(body, "apiVersion")),
        current=flag(prop(body, "isCurrent")),
        online=flag(prop(body, "isOnline")),
        protocols=tuple(one.casefold() for one in texts(prop(body, "protocols"))),
        subscription_required=flag(prop(body, "subscriptionRequired")),
        key_header=text(field(keys, "header")),
        key_query=text(field(keys, "query")),
        authentication=tuple(declared),
        service_url=without_userinfo(text(prop(body, "serviceUrl"))),
        operations=before.operations if before else {},
        schemas=before.schemas if before else {},
        reads=before.reads if before else {},
    )


def owner(snapshot: Snapshot, workspace: str, name: str) -> Api:
    """The API of an operation or schema; made if only they were exported."""
    path = f"{workspace}apis/{name}"
    if path not in snapshot.apis:
        snapshot.apis[path] = Api(name)
        snapshot.gaps[path] = "not in the export"
    return snapshot.apis[path]


def operation(snapshot: Snapshot, workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    template, _, query = text(prop(body, "urlTemplate")).partition("?")
    declared = _parameters(prop(body, "templateParameters"))
    in_query = set(re.findall(r"\{\*?([^{}]+)\}", query))
    required = tuple(
        Parameter(one.name, one.type, True, one.values) for one in declared if one.name in in_query and one.name not in template
    )
    request = prop(body, "request")
    owner(snapshot, workspace, names[0]).operations[names[1]] = Operation(
        id=names[1],
        name=text(prop(body, "displayName")),
        method=text(prop(body, "method")).upper(),
        template=template,
        path=tuple(one for one in declared if one not in required and one.name not in {other.name for other in required}),
        query=required + _parameters(field(request, "queryParameters")),
        headers=_parameters(field(request, "headers")),
        request=_representations(field(request, "representations")),
        responses=tuple(
            Response(int(status), _representations(field(one, "representations")), _parameters(field(one, "headers")))
            for one in items(prop(body, "responses"))
            if isinstance(status := field(one, "statusCode"), int) or str(status).isdigit()
        ),
    )


def _parameters(given: Any) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(text(field(one, "name")), text(field(one, "type")), flag(field(one, "required")) is True, texts(field(one, "values")))
        for one in items(given)
        if text(field(one, "name"))
    )


def _representations(given: Any) -> tuple[Representation, ...]:
    return tuple(
        Representation(
            text(field(one, "contentType")),
            text(field(one, "schemaId")),
            text(field(one, "typeName")),
            _parameters(field(one, "formParameters")),
        )
        for one in items(given)
        if text(field(one, "contentType"))
    )


def schema(snapshot: Snapshot, workspace: str, names: list[str], body: Mapping[str, Any]) -> None:
    document = prop(body, "document")
    value = field(document, "value")
    if isinstance(value, str):
        try:
            document = json.loads(value)
        except ValueError:
            document = None
    slim = json.dumps(_slim(document), separators=(",", ":"), ensure_ascii=False) if isinstance(document, Mapping) else ""
    size = len(slim) or len(text(value))
    kind = text(prop(body, "contentType"))
    owner(snapshot, workspace, names[0]).schemas[names[1]] = Schema(kind, slim if size <= LARGEST_SCHEMA else "", size)


def _slim(document: Any, depth: int = 0, *, names: bool = False) -> Any:
    """`names`: the keys are names of fields or definitions, not keywords."""
    if depth > 60:
        return {}
    if isinstance(document, Mapping):
        kept_items = ((str(key), value) for key, value in document.items() if names or str(key).casefold() not in _SILENT)
        inner = ("properties", "definitions", "schemas", "patternproperties", "$defs")
        return {key: _slim(value, depth + 1, names=not names and key.casefold() in inner) for key, value in kept_items}
    return [_slim(value, depth + 1) for value in document] if isinstance(document, list) else document


def without_userinfo(address: str) -> str:
    return re.sub(r"^([a-zA-Z][a-zA-Z0-9+.-]*://)[^/@\s]*@", r"\1", address).partition("?")[0]
