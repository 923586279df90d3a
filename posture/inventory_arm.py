"""What a snapshot of a gateway's configuration declares, as inventory and drift compare it with traffic: operations, their schemas, and what policies demand."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from posture.inventory_declared import Declared, DeclaredBody, DeclaredParameter, Demand
from posture.json_schema import JSON_TYPES, body_of
from posture.policies import NotUnderstood, effective, scopes_of
from posture.snapshot import Api, Operation, Parameter, Representation, Snapshot

PROOFS = {"validate-jwt": "jwt", "validate-azure-ad-token": "azure-ad-token", "validate-client-certificate": "client-certificate"}
"""Policies that refuse callers who do not prove themselves -> how events name the proof."""
CAPTURE = "gatewatch-capture"
"""The fragment without which an API sends no events."""
_SILENCING = ("return-response", "mock-response")
_ALIASES = {
    "int": "integer",
    "int32": "integer",
    "int64": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "decimal": "number",
    "bool": "boolean",
}


def declared(snapshot: Snapshot) -> Iterator[Declared]:
    """Every operation of every API revision that is current or online."""
    for path, api in snapshot.apis.items():
        if not (api.is_current or api.online):
            continue
        of_api = _policies(snapshot, path, api, None)
        products = tuple(_products(snapshot, api))
        for operation in api.operations.values():
            own = f"{path}/operations/{operation.id}" in snapshot.policies
            demand, policy, watched, silent = _policies(snapshot, path, api, operation.id) if own else of_api
            yield Declared(
                service=snapshot.name,
                api=api.base_id,
                method=operation.method,
                template=operation.template,
                id=operation.id,
                name=operation.name,
                api_name=api.name,
                api_version=api.version,
                products=products,
                tags=tuple(dict.fromkeys((*snapshot.tags.get(f"{path}/operations/{operation.id}", ()), *snapshot.tags.get(path, ())))),
                revision=int(api.revision) if api.revision.isdigit() else 1,
                is_current=api.is_current,
                parameters=tuple(_parameters(operation)),
                statuses=tuple(sorted({str(one.status) for one in operation.responses})),
                request_media=tuple(sorted({_media(one) for one in operation.request})),
                response_media=tuple(sorted({_media(one) for response in operation.responses for one in response.representations})),
                request_body=_body(api, operation.request),
                response_body=_body(
                    api, [one for response in operation.responses if 200 <= response.status < 300 for one in response.representations]
                ),
                demand=demand,
                policy=policy,
                is_watched=watched,
                silent=silent,
                schemes=api.protocols,
                servers=tuple(_servers(snapshot, api)),
            )


def apis(snapshot: Snapshot) -> dict[str, str]:
    """API id, without its revision -> its name."""
    return {api.base_id: api.name for api in snapshot.apis.values()}


def _products(snapshot: Snapshot, api: Api) -> Iterator[str]:
    for one in snapshot.products.values():
        if api.base_id.casefold() in {id.partition(";rev=")[0].casefold() for id in one.apis or ()}:
            yield one.name or one.id


def _parameters(operation: Operation) -> Iterator[DeclaredParameter]:
    for place, group in (("path", operation.path), ("query", operation.query), ("header", operation.headers)):
        for one in group:
            yield DeclaredParameter(one.name, place, _types(one), one.required or place == "path", one.values)


def _types(parameter: Parameter) -> frozenset[str]:
    """ARM's `type` is free text; what is no JSON type says nothing."""
    written = parameter.type.strip().casefold()
    name = _ALIASES.get(written, written)
    return frozenset({name}) if name in JSON_TYPES else frozenset()


def _media(one: Representation) -> str:
    return one.content_type.partition(";")[0].strip().casefold()


def _servers(snapshot: Snapshot, api: Api) -> Iterator[str]:
    if snapshot.service is None:
        return
    hosts = [f"https://{one.host}" for one in snapshot.service.hostnames if one.type == "Proxy" and one.host]
    for host in hosts or ([snapshot.service.gateway_url] if snapshot.service.gateway_url else []):
        yield f"{host.rstrip('/')}/{api.path}".rstrip("/")


def _body(api: Api, representations: Iterable[Representation]) -> DeclaredBody | None:
    """What all schemas of a direction allow together; None where none of them can be read."""
    fields: dict[str, frozenset[str]] = {}
    anything: frozenset[str] = frozenset()
    found = False
    for one in representations:
        if one.form:
            found = True
            fields |= {f"form.{parameter.name.replace('.', '_')}": _types(parameter) for parameter in one.form}
        body = _schema(api.schemas[one.schema].document, one.type_name) if one.schema in api.schemas else None
        if body is not None:
            found = True
            fields |= {path: fields.get(path, frozenset()) | types for path, types in body.fields.items()}
            anything |= body.open
    return DeclaredBody(fields, anything) if found else None


@lru_cache(maxsize=4096)
def _schema(text: str, name: str) -> DeclaredBody | None:
    """`name`: of the definition in it."""
    if not text:
        return None
    document: Mapping[str, Any] = json.loads(text)
    if not name:
        return body_of(document, document)
    components = document.get("components")
    for place in (
        components.get("schemas") if isinstance(components, Mapping) else None,
        document.get("definitions"),
        document.get("schemas"),
        document,
    ):
        if isinstance(place, Mapping) and isinstance(place.get(name), Mapping):
            return body_of(place[name], document)
    return None


def _policies(snapshot: Snapshot, path: str, api: Api, operation: str | None) -> tuple[Demand | None, str, bool | None, str]:
    """What the policies at an API or operation demand, their hash, whether they send events, and why they do not although they should."""
    chain = scopes_of(path, operation)
    texts = [snapshot.policies[scope].text for scope in chain if scope in snapshot.policies]
    digest = hashlib.blake2b(digest_size=8)
    for text in (*texts, *(one.text for _, one in sorted(snapshot.fragments.items())), str(api.subscription_required)):
        digest.update(text.encode() + b"\0")
    unread = "policies" in snapshot.gaps or (operation is None and "operation policies" in snapshot.gaps and not snapshot.policies)
    try:
        elements = effective(snapshot, chain)
    except NotUnderstood:
        return None, digest.hexdigest(), None, ""
    kinds: list[str] = []
    conditional: list[str] = []
    for one in elements:
        kind = PROOFS.get(one.element.tag)
        if one.element.tag == "check-header" and re.fullmatch(r"(?i)authorization", one.element.attributes.get("name", "")):
            kind = "check-header"
        if kind is not None:
            (kinds if one.sure else conditional).append(kind)
    if api.subscription_required:
        (conditional if _is_in_open_product(snapshot, api) else kinds).append("subscription-key")
    watched = any(one.element.tag == "include-fragment" and one.element.attributes.get("fragment-id") == CAPTURE for one in elements)
    silent = next(
        (
            f"its policy answers with {one.element.tag}, which sends no event"
            for one in elements
            if one.sure and one.element.tag in _SILENCING
        ),
        "",
    )
    if unread and not kinds:
        return None, digest.hexdigest(), None, ""
    return (
        Demand(tuple(dict.fromkeys(kinds)), tuple(dict.fromkeys(conditional))),
        digest.hexdigest(),
        watched or None if unread else watched,
        silent,
    )


def _is_in_open_product(snapshot: Snapshot, api: Api) -> bool:
    """An API in a product that asks for no subscription can be called without a key."""
    return any(
        one.subscription_required is False and api.base_id in {id.partition(";rev=")[0] for id in one.apis or ()}
        for one in snapshot.products.values()
    )
