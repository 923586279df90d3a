"""ARM resources as JSON, in every form in which people have them, as one flat stream: exports of templates, `az` output, nested children, whatever case their keys have."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

PROVIDER = "microsoft.apimanagement"
_ID = re.compile(r"(?i)^(.*?/providers/Microsoft\.ApiManagement/service/[^/]+)(?:/(.*?))?/?$")
_COLLECTIONS = {
    name.lower(): name
    for name in (
        "apis", "operations", "policies", "schemas", "diagnostics", "products", "groups", "subscriptions", "backends", "namedValues", "certificates", "loggers", "gateways",
        "hostnameConfigurations", "tenant", "portalconfigs", "portalsettings", "identityProviders", "policyFragments", "workspaces", "apiLinks", "groupLinks", "operationLinks", "productLinks", "tags",
        "releases", "apiVersionSets",
    )
}  # fmt: skip
_RENAMED = {"properties": "namedValues"}
"""What a collection was called in older versions of the interface."""


class Resource(NamedTuple):
    """`service`: ARM id or name of the service that it belongs to, "" where nothing says it; `path`: "" for the service itself, "apis/orders/policies/policy" below it.

    `label`: its id or name as it was given; `body`: the resource as it was given, expressions resolved.
    """

    service: str
    path: str
    label: str
    body: Mapping[str, Any]


class NotResources(ValueError):
    """The document holds no ARM resources; the text says what was found."""


def field(body: Any, *path: str) -> Any:
    """What stands at a path of keys, None where nothing does; the case of keys does not matter."""
    for key in path:
        if not isinstance(body, Mapping):
            return None
        if key in body:
            body = body[key]
            continue
        folded = key.casefold()
        body = next((value for name, value in body.items() if isinstance(name, str) and name.casefold() == folded), None)
    return body


def prop(body: Any, *path: str) -> Any:
    return field(body, "properties", *path)


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def flag(value: Any) -> bool | None:
    """True, False, "true", "False"; None for all else."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.strip().casefold()) if isinstance(value, str) else None


def texts(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def is_expression(value: str) -> bool:
    """Whether a text is a template's expression: after `flatten` one that cannot be told."""
    return value.startswith("[") and value.endswith("]") and bool(re.match(r"\[\s*[A-Za-z]+\(", value))


def flatten(document: Any) -> Iterator[Resource]:
    """Every API Management resource in a document: an array, {"value": …}, one resource, or a template. Raises NotResources."""
    scope: Mapping[str, Any] = {}
    if isinstance(document, Mapping):
        listed = field(document, "resources") if field(document, "type") is None else None
        if isinstance(listed, Mapping):  # symbolic names of Bicep
            listed = list(listed.values())
        if listed is not None:
            scope = document
        else:
            listed = field(document, "value")
        document = listed if isinstance(listed, list) else [document]
    if not isinstance(document, list):
        raise NotResources("The document is no array of ARM resources and no template.")
    yield from _walk(document, _Template(scope), "", "")


def _walk(resources: Iterable[Any], template: "_Template", kind: str, name: str, parent: str = "") -> Iterator[Resource]:
    """`kind`, `name` and `parent`: of the resource in which these are nested, names joined by slashes, and its service."""
    for given in resources:
        if not isinstance(given, Mapping):
            continue
        nested = prop(given, "template")
        if text(field(given, "type")).casefold() == "microsoft.resources/deployments" and isinstance(nested, Mapping):
            yield from flatten(nested)
            continue
        body = {key: value if str(key).casefold() == "resources" else template.resolve(value) for key, value in given.items()}
        its_kind, its_name = _kind(body, kind), _name(body, kind, name)
        children, service = field(given, "resources"), parent
        if its_kind.startswith(f"{PROVIDER}/service"):
            service, path = _place(body, its_kind, its_name, nested=bool(name), unnamed=template.unnamed)
            if parent and not _place_in_id(body):  # a child says where it is by its parent
                service = parent
            yield Resource(service, path, text(field(body, "id")) or text(field(body, "resourceId")) or its_name, body)
        if isinstance(children, Mapping):
            children = list(children.values())
        if isinstance(children, list):
            yield from _walk(children, template, its_kind, its_name, service)


def _kind(body: Mapping[str, Any], parent: str) -> str:
    kind = (text(field(body, "type")) or text(field(body, "resourceType"))).casefold()
    return kind if kind.startswith(PROVIDER) or not parent or "." in kind.partition("/")[0] else f"{parent}/{kind}"


def _name(body: Mapping[str, Any], parent: str, name: str) -> str:
    own = text(field(body, "name")) or text(field(body, "resourceName"))
    return f"{name}/{own}" if parent and name and own.split("/")[0] != name.split("/")[0] else own


def _place_in_id(body: Mapping[str, Any]) -> re.Match[str] | None:
    """Service and path in a resource's ARM id, where it has one."""
    return _ID.match(text(field(body, "id")) or text(field(body, "resourceId")))


def _place(body: Mapping[str, Any], kind: str, name: str, *, nested: bool, unnamed: Iterator[int]) -> tuple[str, str]:
    """(service, path). Where a name does not tell its parents' they are made up, so that no two resources are taken for one."""
    if found := _place_in_id(body):
        return found[1], _spelled((found[2] or "").split("/"))
    collections = kind.split("/")[2:]
    names = name.split("/")[: 1 + len(collections)]
    missing = len(collections) + 1 - len(names)
    if missing and nested:
        names[1:1] = [f"?{next(unnamed)}" for _ in range(missing)]
    elif missing:
        names[:0] = ["", *(f"?{next(unnamed)}" for _ in range(missing - 1))]
    return names[0], _spelled([part for pair in zip(collections, names[1:], strict=True) for part in pair])


def _spelled(parts: list[str]) -> str:
    """A path with its collections in ARM's own spelling, its names as they are."""
    out = []
    for at, part in enumerate(parts):
        lower = part.casefold()
        out.append(_COLLECTIONS.get(_RENAMED.get(lower, lower).casefold(), part) if at % 2 == 0 else part)
    return "/".join(out)


class _Template:
    """The expressions of a template, as far as names and plain values need them: parameters with defaults, variables, concat, format."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._parameters = field(document, "parameters") or {}
        self._variables = field(document, "variables") or {}
        self._depth = 0
        self.unnamed = count(1)

    def resolve(self, value: Any) -> Any:
        if isinstance(value, str):
            if value.startswith("[["):
                return value[1:]
            if is_expression(value):
                found = self._expression(value[1:-1].strip())
                return value if found is None else found
            return value
        if isinstance(value, Mapping):
            return {key: self.resolve(inner) for key, inner in value.items()}
        return [self.resolve(inner) for inner in value] if isinstance(value, list) else value

    def _expression(self, code: str) -> Any:
        if self._depth > 20:
            return None
        self._depth += 1
        try:
            return self._value(code)
        finally:
            self._depth -= 1

    def _value(self, code: str) -> Any:
        if code.startswith("'") and code.endswith("'"):
            return code[1:-1].replace("''", "'")
        if re.fullmatch(r"-?\d+", code):
            return int(code)
        call = re.fullmatch(r"(\w+)\((.*)\)", code, re.DOTALL)
        if call is None:
            return None
        arguments = [self._expression(argument) for argument in _arguments(call[2])]
        return self._call(call[1].casefold(), arguments)

    def _call(self, name: str, arguments: list[Any]) -> Any:
        if any(argument is None for argument in arguments):
            return None
        match name, arguments:
            case "parameters", [str(which)]:
                declared = field(self._parameters, which)
                if field(declared, "defaultvalue") is not None:
                    return self.resolve(field(declared, "defaultValue"))
                return which if text(field(declared, "type")).casefold() == "string" else None
            case "variables", [str(which)]:
                return self.resolve(field(self._variables, which))
            case "concat", _ if all(isinstance(argument, str | int) for argument in arguments):
                return "".join(map(str, arguments))
            case "format", [str(form), *rest]:
                return re.sub(r"\{(\d+)[^}]*\}", lambda found: str(rest[int(found[1])]) if int(found[1]) < len(rest) else found[0], form)
            case (("tolower" | "toupper"), [str(word)]):
                return word.lower() if name == "tolower" else word.upper()
            case (("true" | "false"), []):
                return name == "true"
            case (("string"), [str() | int() as one]):
                return str(one)
            case (("bool"), [str() | int() as one]):
                return str(one).casefold() in ("true", "1")
            case (("if"), [bool(wanted), one, other]):
                return one if wanted else other
            case (("not"), [bool(wanted)]):
                return not wanted
            case (("equals"), [one, other]):
                return one.casefold() == other.casefold() if isinstance(one, str) and isinstance(other, str) else one == other
            case (("createarray" | "array"), _):
                return arguments
            case "resourceid", _ if all(isinstance(argument, str) for argument in arguments):
                return _identified(arguments)
            case "json", [str(source)]:
                try:
                    return json.loads(source)
                except ValueError:
                    return None
        return None


def _identified(arguments: list[str]) -> str | None:
    """What resourceId() makes of a type and names, for a subscription and group that nobody knows."""
    at = next((at for at, argument in enumerate(arguments) if "/" in argument and "." in argument.partition("/")[0]), None)
    if at is None:
        return None
    provider, *types = arguments[at].split("/")
    pairs = zip(types, arguments[at + 1 :], strict=False)
    return f"/providers/{provider}/" + "/".join(part for pair in pairs for part in pair)


def _arguments(code: str) -> Iterator[str]:
    depth, quoted, begun = 0, False, 0
    for at, character in enumerate(code):
        if character == "'":
            quoted = not quoted
        elif not quoted and character in "([":
            depth += 1
        elif not quoted and character in ")]":
            depth -= 1
        elif not quoted and character == "," and depth == 0:
            yield code[begun:at].strip()
            begun = at + 1
    if code[begun:].strip():
        yield code[begun:].strip()
