"""What every change of the API leaves in the audit: begun before it, ended after it."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from adapters.made_once import load_storage
from alerts.request_body import LARGEST_REQUEST
from web.access import SAFE
from web.caller import caller
from web.routes import Answer, Request, Resource

if TYPE_CHECKING:
    from adapters.app import App

KEPT = frozenset({
    "accept", "accepted", "action", "alert", "alerts", "api", "deleted", "detector", "dryRun", "endpoint", "exempt", "exemption", "expected", "expires", "id", "inForce",
    "kind", "minutes", "mode", "name", "now", "properties", "resource", "severity", "since", "state", "status", "teaches", "undoneAt", "until", "value",
})  # fmt: skip
"""What is written down of a change. Everything else stays out: addresses, identities, comments."""
DEEPEST = 3


def change(app: "App", resource: Resource, request: Request) -> Answer:
    """Do what is asked for and leave a trace of it: begun before, ended after."""
    _, handler = resource.methods[request.method]
    if not resource.any_role:  # what anybody may ask needs no storage, or looks for itself
        load_storage()
    if request.method in SAFE or resource.needs_master_key:  # requests about one person are bounded and recorded where they are read
        return handler(app, request)
    if len(request.body) > LARGEST_REQUEST:
        return Answer(413, {"error": f"the body is larger than {LARGEST_REQUEST} bytes"})
    if not resource.is_audited:
        return handler(app, request)
    from adapters import audit  # a page's first files need no storage

    entry = audit.begin(
        app.tables,
        request.now,
        caller(request.headers, "function key"),
        f"{request.method} {resource.path}",
        "/".join(request.path.values()),
        _before(app, resource, request),
        _kept(_decoded(request.body)),
    )
    answer = handler(app, request)
    audit.end(app.tables, entry, answer.status, _kept(answer.body) if 200 <= answer.status < 300 else {})
    return answer


def _before(app: "App", resource: Resource, request: Request) -> Mapping[str, Any]:
    """What a GET of the same thing says, where it has one of its own."""
    read = resource.methods.get("GET")
    if read is None or not request.path:
        return {}
    answer = read[1](app, request)
    return _kept(answer.body) if answer.status == 200 else {}


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body or b"null")
    except (ValueError, RecursionError):
        return None


def _kept(content: Any, depth: int = 0) -> dict[str, Any]:
    found = _reduced(content, depth)
    return found if isinstance(found, dict) else {}


def _reduced(content: Any, depth: int) -> Any:
    if isinstance(content, Mapping):
        return {key: _reduced(value, depth + 1) for key, value in content.items() if key in KEPT} if depth < DEEPEST else {}
    if isinstance(content, list):
        return [_reduced(item, depth) for item in content[:200]]
    return content if isinstance(content, str | int | float | bool) or content is None else str(type(content).__name__)
