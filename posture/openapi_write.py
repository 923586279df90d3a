"""A learned OpenAPI document: what traffic shows of an API, in 3.1.0 or 3.0.3; the same counts always make the same document.

Names and counts alone: no example, default, enumeration or pattern of traffic, and nothing that does not read like a name. An enumeration comes from the
description of the gateway or not at all. Format: https://spec.openapis.org/oas/v3.1.0.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from model import OTHER, moment
from posture.inventory import Inventory
from posture.inventory_row import Row
from posture.inventory_shape import MARKS, Generation, NameSeen
from posture.names import is_name

Version = Literal["3.1", "3.0.3"]
VERSIONS: Mapping[Version, str] = {"3.1": "3.1.0", "3.0.3": "3.0.3"}

SURE_CALLS, SURE_DAYS = 1_000, 7
"""From either on, what is said of fields is said without "low"."""
REQUIRED_SHARE = 0.995
STATUS_CALLS = 20
FIELD_SHARE = 0.05
MOST_CHILDREN = 50
"""A parent with more different children is a map whose keys are data."""
SHADOW_CALLS = 3

_TYPES: Mapping[str, tuple[str, str]] = {
    "boolean": ("boolean", ""), "integer": ("integer", ""), "decimal": ("number", ""), "uuid": ("string", "uuid"), "time": ("string", "date-time"),
    "email": ("string", "email"), "url": ("string", "uri"), "hex": ("string", ""), "word": ("string", ""), "text": ("string", ""),
    "structure": ("object", ""), "empty": ("null", ""),
}  # fmt: skip
"""Value type -> JSON type and format."""
_SCHEMES: Mapping[str, dict[str, Any]] = {
    "subscription-key": {"type": "apiKey", "in": "header", "name": "Ocp-Apim-Subscription-Key"},
    "jwt": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "azure-ad-token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "client-certificate": {"type": "mutualTLS"},
    "basic": {"type": "http", "scheme": "basic"},
}
_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"})
_SEGMENT = re.compile(r"\{([^{}]*)\}")
_REASONS = {1: "Information", 2: "Success", 3: "Redirection", 4: "Refused", 5: "Failed"}


class Seen:
    """One endpoint: its row, and what was counted of it (None for one that was never seen)."""

    def __init__(self, row: Row, known: Inventory | None, deviations: Mapping[str, int] | None = None) -> None:
        self.row, self.known, self.deviations = row, known, dict(deviations or {})
        self.shape: Generation | None = known.shape.whole() if known is not None and known.shape is not None else None

    @property
    def is_shown(self) -> bool:
        """Declared ones, and others that several callers were answered at: no scanner makes an endpoint, and no one caller's path is shown."""
        endpoint = self.row.endpoint
        if endpoint.method not in _METHODS or endpoint.template == "*":
            return False
        if self.row.declared is not None or endpoint.matched:
            return not endpoint.template.endswith("*")
        answered = [seen for status, seen in self.shape.statuses.items() if status // 100 == 2] if self.shape else []
        several = len({mark for seen in answered for mark in seen.marks}) >= MARKS
        return several and sum(seen.n for seen in answered) >= SHADOW_CALLS and _is_plain(endpoint.template)


def document(api: str, seen: Iterable[Seen], version: Version = "3.1") -> dict[str, Any]:
    """Of one API. Deterministic: it depends on what was counted and on nothing else."""
    shown = sorted((one for one in seen if one.is_shown), key=lambda one: (_path(one.row.endpoint.template), one.row.endpoint.method))
    calls = sum(one.shape.calls for one in shown if one.shape)
    days = {day for one in shown if one.known is not None for day in one.known.days}
    looks = sum(one.row.looks for one in shown)
    newest = max((one.row.at for one in shown), default=0)
    name = next((one.row.api_name for one in shown if one.row.api_name), "") or api or "API"
    paths: dict[str, dict[str, Any]] = {}
    used: set[str] = set()
    for one in shown:
        operation, proofs = _operation(one, version)
        used |= proofs
        paths.setdefault(_path(one.row.endpoint.template), {}).setdefault(one.row.endpoint.method.lower(), operation)
    bound = (
        f" What all looks missed is, with 95 % confidence, in less than {min(1.0, 3 / looks):.2%} of the calls (rule of three)."
        if looks
        else ""
    )
    servers = next((one.row.declared.servers for one in shown if one.row.declared and one.row.declared.servers), ())
    schemes = {proof: _scheme(proof, version) for proof in sorted(used) if _scheme(proof, version)}
    return {
        "openapi": VERSIONS[version],
        "info": {
            "title": name,
            "version": f"{moment(newest):%Y-%m-%d}",
            "description": f"Learned by Gatewatch from {calls} calls on {len(days)} days. Bodies of {looks} calls were looked into.{bound}",
        },
        **({"servers": [{"url": url} for url in servers]} if servers else {}),
        "paths": paths,
        **({"components": {"securitySchemes": schemes}} if schemes else {}),
    }


def _path(template: str) -> str:
    """A template as a path: one name a parameter, what is folded as `{rest}`."""
    path = template.partition("?")[0].replace("{…}", "{rest}")
    path = _SEGMENT.sub(lambda found: f"{{{_parameter_name(found[1])}}}", path)
    return path if path.startswith("/") else f"/{path}"


def _parameter_name(text: str) -> str:
    bare = text.lstrip("*")
    return bare if is_name(bare) else "parameter"


def _is_plain(template: str) -> bool:
    return all(
        is_name(segment) or segment == "{…}" or _SEGMENT.fullmatch(segment) or re.fullmatch(r"v\d{1,3}", segment)
        for segment in template.split("/")
        if segment
    )


def _operation(one: Seen, version: Version) -> tuple[dict[str, Any], set[str]]:
    row, endpoint, declared = one.row, one.row.endpoint, one.row.declared
    proofs = {proof for proof in row.kinds if _scheme(proof, version)}
    operation: dict[str, Any] = {"operationId": f"{endpoint.method.lower()}-{endpoint.id[:12]}"}
    if declared is not None and declared.name:
        operation["summary"] = declared.name
    if parameters := _parameters(one, version):
        operation["parameters"] = parameters
    if body := _content(one, "request", version):
        operation["requestBody"] = {"content": body}
    operation["responses"] = _responses(one, version)
    if proofs:
        proven: list[dict[str, Any]] = [{proof: []} for proof in sorted(proofs)]
        operation["security"] = proven if row.authentication == "Authenticated" else [*proven, {}]
    elif row.authentication == "Unauthenticated":
        operation["security"] = []
    if row.status == "Inactive":
        operation["deprecated"] = True
    operation["x-gatewatch"] = _evidence(one)
    return operation, proofs


def _scheme(proof: str, version: Version) -> dict[str, Any]:
    """{} where the version cannot say it: 3.0 knows no mutualTLS."""
    found = _SCHEMES.get(proof, {})
    return {} if version == "3.0.3" and found.get("type") == "mutualTLS" else dict(found)


def _evidence(one: Seen) -> dict[str, Any]:
    row, known = one.row, one.known
    sure = one.shape is not None and known is not None and (one.shape.ok >= SURE_CALLS or known.last - known.first >= SURE_DAYS * 24 * 60)
    return {
        "calls": row.calls,
        "callers": row.callers,
        "firstSeen": f"{moment(row.first):%Y-%m-%dT%H:%M:%SZ}" if row.first is not None else None,
        "lastSeen": f"{moment(row.last):%Y-%m-%dT%H:%M:%SZ}" if row.last is not None else None,
        "confidence": "high" if sure else "low",
        "origin": row.origin,
        "authentication": row.authentication,
        "sensitive": list(row.sensitive),
        "drift": dict(sorted(one.deviations.items())),
    }


def _parameters(one: Seen, version: Version) -> list[dict[str, Any]]:
    """Those in the path always; those in the query of several callers, or described."""
    shape, declared = one.shape, one.row.declared
    enumerations = {f"{each.place}:{each.name}": each.values for each in declared.parameters} if declared is not None else {}
    named = {f"{each.place}:{each.name}" for each in declared.parameters} if declared is not None else set()
    seen = shape.parameters if shape is not None else {}
    names = dict.fromkeys(map(_parameter_name, _SEGMENT.findall(_path(one.row.endpoint.template))))
    found = [_parameter("path", name, seen.get(f"path:{name}"), True, enumerations, version) for name in names]
    for key in sorted({*seen, *named}):
        place, _, name = key.partition(":")
        if place != "query" or not is_name(name) or name == OTHER:
            continue
        each = seen.get(key)
        if key not in named and (each is None or len(each.seen.marks) < MARKS):
            continue
        required = shape is not None and each is not None and shape.ok >= SURE_CALLS and each.seen.n >= REQUIRED_SHARE * shape.ok
        found.append(_parameter("query", name, each, required, enumerations, version))
    return found


def _parameter(
    place: str, name: str, seen: NameSeen | None, required: bool, enumerations: Mapping[str, tuple[str, ...]], version: Version
) -> dict[str, Any]:
    schema: dict[str, Any] = _schema(seen.narrow(), version) if seen is not None else {"type": "string"}
    schema.pop("nullable", None)
    if schema.get("type") in ("null", "object"):
        schema = {"type": "string"}
    if isinstance(schema.get("type"), list):
        schema["type"] = [name for name in schema["type"] if name != "null"]
        schema = {**schema, "type": schema["type"][0]} if len(schema["type"]) == 1 else schema
    if values := enumerations.get(f"{place}:{name}"):
        schema = {"type": "string", "enum": list(values)}
    return {"name": name, "in": place, "required": required, "schema": schema}


def _schema(value_types: list[str], version: Version) -> dict[str, Any]:
    """The JSON Schema of some value types. A format is said where it is the only one."""
    pairs = [_TYPES[value_type] for value_type in value_types]
    types = sorted({name for name, _ in pairs})
    if "number" in types and "integer" in types:
        types.remove("integer")
    formats = {form for name, form in pairs if name == "string"}
    schema: dict[str, Any] = {}
    if version == "3.0.3":
        real = [name for name in types if name != "null"]
        if len(real) == 1:
            schema["type"] = real[0]
        if "null" in types and real:
            schema["nullable"] = True
            schema.setdefault("type", "string")
    elif types:
        schema["type"] = types[0] if len(types) == 1 else types
    if len(formats) == 1 and (form := next(iter(formats))) and {name for name in types if name != "null"} == {"string"}:
        schema["format"] = form
    return schema


def _responses(one: Seen, version: Version) -> dict[str, Any]:
    """By exact status from STATUS_CALLS calls on, rarer ones by class."""
    statuses = one.shape.statuses if one.shape is not None else {}
    described = set(one.row.declared.statuses) if one.row.declared is not None else set()
    content = _content(one, "response", version)
    found: dict[str, Any] = {}
    for status, seen in sorted(statuses.items()):
        name = str(status) if seen.n >= STATUS_CALLS or str(status) in described else f"{status // 100}XX"
        if name not in found:
            found[name] = {"description": _REASONS[status // 100]}
            if status // 100 == 2 and content and status not in (204, 205):
                found[name]["content"] = content
    return dict(sorted(found.items())) or {"default": {"description": "Not seen yet"}}


def _content(one: Seen, direction: str, version: Version) -> dict[str, Any]:
    """Media type -> schema. Fields are of JSON bodies, or of forms."""
    shape = one.shape
    if shape is None:
        return {}
    declared = one.row.declared
    known = set(declared.request_media if direction == "request" else declared.response_media) if declared is not None else set()
    media = []
    for name, seen in sorted(shape.media.items()):
        place, _, media_type = name.partition(" ")
        if (
            place == direction
            and media_type != OTHER
            and "*" not in media_type
            and (media_type in known or seen.n >= STATUS_CALLS or direction == "response")
        ):
            media.append(media_type)
    fields = _fields(shape, direction)
    if not media and fields:
        media = ["application/x-www-form-urlencoded" if all(path.startswith("form") for path in fields) else "application/json"]
    found = {}
    for media_type in media:
        is_form = "form" in media_type
        some = {path: each for path, each in fields.items() if path.startswith("form.") == is_form}
        found[media_type] = {"schema": _tree(some, version)} if some and (is_form or "json" in media_type) else {}
    return found


def _fields(shape: Generation, direction: str) -> dict[str, NameSeen]:
    """Places of enough bodies; of requests, also of several callers."""
    bodies = shape.bodies.get(direction, 0)
    found = {}
    for name, one in shape.fields.items():
        place, _, path = name.partition(" ")
        if (
            place != direction
            or path == OTHER
            or one.seen.n < FIELD_SHARE * bodies
            or (direction == "request" and len(one.seen.marks) < MARKS)
        ):
            continue
        found[path] = one
    return found


def _tree(fields: Mapping[str, NameSeen], version: Version) -> dict[str, Any]:
    """One schema of the places of all leaves."""
    root: dict[str, Any] = {}
    for path, one in sorted(fields.items()):
        node = root
        for step in re.findall(r"\.[^.\[]+|\[\*\]", path.removeprefix("$").removeprefix("form")):
            node = node.setdefault(step, {})
        node[""] = one
    return _node(root, version)


def _node(node: dict[str, Any], version: Version) -> dict[str, Any]:
    leaf: NameSeen | None = node.get("")
    children = {step: inner for step, inner in node.items() if step}
    if not children:
        return _schema(leaf.narrow(), version) if leaf is not None else {}
    if "[*]" in children:
        return {"type": "array", "items": _node(children["[*]"], version)}
    named = {step[1:]: inner for step, inner in children.items() if step != ".*" and is_name(step[1:])}
    if len(named) > MOST_CHILDREN:
        return {"type": "object", "additionalProperties": True}
    schema: dict[str, Any] = {"type": "object"}
    if named:
        schema["properties"] = {name: _node(inner, version) for name, inner in sorted(named.items())}
    if ".*" in children:
        schema["additionalProperties"] = _node(children[".*"], version)
    return schema
