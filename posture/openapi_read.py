"""What an OpenAPI document (2.0, 3.0 or 3.1) declares, as inventory and drift compare it with traffic."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from posture.inventory_declared import Declared, DeclaredBody, DeclaredParameter, Demand
from posture.json_schema import body_of, types_of

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_PLACES = ("query", "path", "header")
_PROOFS = {"apiKey": "subscription-key", "openIdConnect": "jwt", "oauth2": "jwt", "mutualTLS": "client-certificate"}


class NotOpenApi(ValueError):
    """The document is none, or of a version that is not read; the text says which."""


def declared(document: Any, service: str, api: str) -> Iterator[Declared]:
    """Every operation of a document that was parsed from JSON or YAML. `service` and `api`: as traffic names them. Raises NotOpenApi."""
    if not isinstance(document, Mapping):
        raise NotOpenApi("not an OpenAPI document: its root is no object")
    version = str(document.get("openapi") or document.get("swagger") or "")
    if not version.startswith(("2.", "3.0", "3.1")):
        raise NotOpenApi(f"not an OpenAPI document of version 2.0, 3.0 or 3.1{f', but {version[:20]}' if version else ''}")
    paths = document.get("paths")
    if not isinstance(paths, Mapping):
        raise NotOpenApi("the document has no paths")
    info = document.get("info")
    info = info if isinstance(info, Mapping) else {}
    name, release = str(info.get("title", "")), str(info.get("version", ""))
    servers = tuple(_servers(document))
    for template, item in paths.items():
        path = _followed(item, document)
        for method in METHODS:
            operation = path.get(method)
            if isinstance(operation, Mapping):
                yield _operation(
                    document,
                    path,
                    operation,
                    Declared(service, api, method.upper(), str(template), api_name=name, api_version=release, servers=servers),
                )


def _servers(document: Mapping[str, Any]) -> Iterator[str]:
    servers = document.get("servers")
    for one in servers if isinstance(servers, list) else ():
        if isinstance(one, Mapping) and isinstance(one.get("url"), str):
            yield _filled(one["url"], one.get("variables")).rstrip("/")
    if isinstance(document.get("host"), str):
        yield f"https://{document['host']}{document.get('basePath', '')}".rstrip("/")


def _filled(url: str, variables: Any) -> str:
    """A server's address with the defaults of its variables."""
    for name, one in variables.items() if isinstance(variables, Mapping) else ():
        if isinstance(one, Mapping) and "default" in one:
            url = url.replace(f"{{{name}}}", str(one["default"]))
    return url


def _operation(document: Mapping[str, Any], path: Mapping[str, Any], operation: Mapping[str, Any], bare: Declared) -> Declared:
    given = [*_list(path.get("parameters")), *_list(operation.get("parameters"))]
    parameters = {(one.get("name"), one.get("in")): one for item in given if (one := _followed(item, document))}
    request = _followed(operation.get("requestBody"), document)
    responses = operation.get("responses")
    answers = {str(status): _followed(one, document) for status, one in responses.items()} if isinstance(responses, Mapping) else {}
    body = next((one for (_, place), one in parameters.items() if place == "body"), None)
    successes = [one for status, one in answers.items() if status.startswith("2") or status == "default"]
    return Declared(
        service=bare.service,
        api=bare.api,
        method=bare.method,
        template=bare.template,
        id=str(operation.get("operationId", "")),
        name=str(operation.get("summary", "")),
        api_name=bare.api_name,
        api_version=bare.api_version,
        tags=tuple(dict.fromkeys(one for one in _list(operation.get("tags")) if isinstance(one, str))),
        parameters=tuple(
            DeclaredParameter(
                str(name),
                str(place),
                types_of(one.get("schema", one), document),
                one.get("required") is True or place == "path",
                _values(one),
            )
            for (name, place), one in parameters.items()
            if place in _PLACES
        ),
        statuses=tuple(sorted(status.upper() if status != "default" else status for status in answers)),
        request_media=tuple(
            sorted(_media(request.get("content")) | (set(_texts(operation.get("consumes"), document.get("consumes"))) if body else set()))
        ),
        response_media=tuple(
            sorted(
                {kind for one in answers.values() for kind in _media(one.get("content"))}
                | set(_texts(operation.get("produces"), document.get("produces")))
            )
        ),
        request_body=_body([*_schemas(request.get("content")), *([body.get("schema")] if body else [])], document),
        response_body=_body(
            [schema for one in successes for schema in (*_schemas(one.get("content")), *([one["schema"]] if "schema" in one else []))],
            document,
        ),
        demand=_demand(document, operation),
        schemes=tuple(dict.fromkeys(urlsplit(one).scheme for one in bare.servers if urlsplit(one).scheme)),
        servers=bare.servers,
    )


def _demand(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Demand | None:
    wanted = operation.get("security", document.get("security"))
    if not isinstance(wanted, list):
        return None
    components = document.get("components")
    schemes = (components.get("securitySchemes") if isinstance(components, Mapping) else None) or document.get("securityDefinitions")
    kinds: dict[str, None] = {}
    for alternative in wanted:
        for name in alternative if isinstance(alternative, Mapping) else ():
            scheme = _followed(schemes.get(name), document) if isinstance(schemes, Mapping) else {}
            kind = str(scheme.get("type", ""))
            kinds[_PROOFS.get(kind) or ("basic" if kind == "basic" or str(scheme.get("scheme", "")).casefold() == "basic" else "jwt")] = (
                None
            )
    is_open = any(isinstance(one, Mapping) and not one for one in wanted)  # `{}` among them: or nothing
    return Demand((), tuple(kinds)) if is_open or not kinds else Demand(tuple(kinds))


def _values(parameter: Mapping[str, Any]) -> tuple[str, ...]:
    schema = parameter.get("schema", parameter)
    given = schema.get("enum") if isinstance(schema, Mapping) else None
    return tuple(str(one) for one in given) if isinstance(given, list) else ()


def _followed(item: Any, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a local reference points to; {} for anything that is no object."""
    for _ in range(8):
        reference = item.get("$ref") if isinstance(item, Mapping) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        item = document
        for step in reference[2:].split("/"):
            item = item.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(item, Mapping) else None
    return item if isinstance(item, Mapping) else {}


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []


def _texts(*given: Any) -> list[str]:
    """The first that is a list, as media types."""
    found = next((one for one in given if isinstance(one, list)), [])
    return [str(one).partition(";")[0].strip().casefold() for one in found]


def _media(content: Any) -> set[str]:
    return {str(one).partition(";")[0].strip().casefold() for one in content} if isinstance(content, Mapping) else set()


def _schemas(content: Any) -> list[Any]:
    return (
        [one["schema"] for one in content.values() if isinstance(one, Mapping) and "schema" in one] if isinstance(content, Mapping) else []
    )


def _body(schemas: list[Any], document: Mapping[str, Any]) -> DeclaredBody | None:
    fields: dict[str, frozenset[str]] = {}
    anything: frozenset[str] = frozenset()
    for schema in schemas:
        body = body_of(schema, document)
        fields |= {path: fields.get(path, frozenset()) | kinds for path, kinds in body.fields.items()}
        anything |= body.open
    return DeclaredBody(fields, anything) if schemas else None
