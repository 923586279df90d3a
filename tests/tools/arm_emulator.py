"""The part of API Management's management interface that onboarding and responses use, over real HTTP: policies with ETags, APIs in pages, errors as ARM words them."""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = "rg"
NAME = "contoso"
ROOT = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.ApiManagement/service/{NAME}"
PAGE = 2
"""APIs a page: small, so that a client that reads one page only is found out."""


def _as_given(text: str) -> str:
    return text


def _nobody_edits(_key: str) -> None:
    pass


@dataclass
class Api:
    id: str
    operations: dict[str, str | None] = field(default_factory=dict)
    """operation id -> its own policy, or None"""
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass
class ArmService:
    """What the service holds, and how it misbehaves."""

    apis: list[Api] = field(default_factory=list)
    products: dict[str, list[str]] = field(default_factory=dict)
    policies: dict[str, str] = field(default_factory=dict)
    """API id, or "" for the global policy -> text"""
    fragments: set[str] = field(default_factory=lambda: {"gatewatch-capture", "gatewatch-emit"})
    named_values: dict[str, str] = field(default_factory=lambda: {"gatewatch-masked-parameters": "token,code"})
    subscriptions: dict[str, dict[str, str]] = field(default_factory=dict)
    """id -> state, stateComment"""
    secrets: set[str] = field(default_factory=lambda: {"gatewatch-guard-key"})
    """Named values of which the service never shows the value."""
    sku: str = "Developer"
    forbidden: set[tuple[str, str]] = field(default_factory=set)
    """(method, end of path) that answers 403"""
    broken: dict[tuple[str, str], int] = field(default_factory=dict)
    """(method, end of path) -> status that it answers"""
    stores: Callable[[str], str] = _as_given
    """What the service makes of a policy that it is given."""
    after_get: Callable[[str], None] = _nobody_edits
    """Called with the policy's key after it was read: the place for someone else's edit."""
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    """(method, path, If-Match)"""
    etags: dict[str, str] = field(default_factory=dict)
    _versions: Iterator[int] = field(default_factory=itertools.count)

    def edit(self, key: str, text: str) -> None:
        """Change a policy as the portal would."""
        self.policies[key] = text
        self.etags[key] = f'"{next(self._versions)}"'

    def set_value(self, name: str, value: str) -> None:
        """Change a named value as the portal would."""
        self.named_values[name] = value
        self.etags[f"namedValues/{name}"] = self.next_etag()

    def next_etag(self) -> str:
        return f'"{next(self._versions)}"'

    def etag(self, key: str) -> str:
        return self.etags.setdefault(key, self.next_etag())

    def writes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path, _ in self.requests if method in ("PUT", "DELETE", "PATCH", "POST")]


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _handler(service: ArmService, lock: threading.Lock) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # headers and body in one packet: two would wait for each other's acknowledgement

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def reply(self, status: int, body: dict[str, Any] | None = None, etag: str | None = None) -> None:
            payload = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            if etag is not None:
                self.send_header("ETag", etag)
            self.end_headers()
            self.wfile.write(payload)

        def serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                self.answer(body)

        do_GET = do_PUT = do_DELETE = do_PATCH = do_POST = serve  # noqa: N815

        def answer(self, body: bytes) -> None:
            self.body = body
            url = urlsplit(self.path)
            path = unquote(url.path)
            query = parse_qs(url.query)
            service.requests.append((self.command, path, self.headers.get("If-Match")))
            if query.get("api-version") is None:
                return self.reply(400, _error("MissingApiVersionParameter", "The api-version query parameter is required."))
            for method, end in service.forbidden:
                if self.command == method and path.endswith(end):
                    return self.reply(
                        403, _error("AuthorizationFailed", f"The client does not have authorization to perform action on scope {path}.")
                    )
            for (method, end), status in service.broken.items():
                if self.command == method and path.endswith(end):
                    return self.reply(status, _error("ValidationError", "One or more fields contain incorrect values:"))
            if not path.startswith(ROOT):
                return self.reply(404, _error("ResourceNotFound", "The Resource was not found."))
            rest = path.removeprefix(ROOT).strip("/")
            if rest == "":
                return self.reply(
                    200, {"id": ROOT, "name": NAME, "location": "westeurope", "sku": {"name": service.sku, "capacity": 1}, "properties": {}}
                )
            if rest == "apis":
                skip = int(query.get("$skip", ["0"])[0])
                page = service.apis[skip : skip + PAGE]
                more = skip + PAGE < len(service.apis)
                link = f"http://{self.headers['Host']}{ROOT}/apis?api-version=2024-05-01&$skip={skip + PAGE}"
                return self.reply(200, {"value": [self.api(api) for api in page]} | ({"nextLink": link} if more else {}))
            for pattern, act in (
                (r"policyFragments/([^/]+)", self.fragment),
                (r"subscriptions/([^/]+)", self.subscription),
                (r"products/([^/]+)/apis", self.product),
                (r"apis/([^/]+)/operations", self.operations),
                (r"apis/([^/]+)/operations/([^/]+)/policies/policy", self.operation_policy),
            ):
                found = re.fullmatch(pattern, rest)
                if found:
                    return act(*found.groups())
            found = re.fullmatch(r"namedValues/([^/]+)", rest)
            if found:
                return self.named_value(found[1], body)
            found = re.fullmatch(r"(?:apis/([^/]+)/)?policies/policy", rest)
            if found:
                return self.policy(found[1] or "", query.get("format", ["xml"])[0], body)
            return self.reply(404, _error("ResourceNotFound", f"no {rest}"))

        def api(self, api: Api) -> dict[str, Any]:
            properties = {"displayName": api.id.title(), "path": api.id, "apiRevision": "1", "isCurrent": True, "protocols": ["https"]}
            return {"id": f"{ROOT}/apis/{api.id}", "name": api.id, "type": "x", "properties": properties | api.properties}

        def fragment(self, name: str) -> None:
            if name in service.fragments:
                return self.reply(200, {"name": name, "properties": {"value": "<fragment />"}}, '"1"')
            return self.reply(404, _error("ResourceNotFound", "PolicyFragment not found."))

        def named_value(self, name: str, body: bytes) -> None:
            if name not in service.named_values:
                return self.reply(404, _error("ResourceNotFound", "NamedValue not found."))
            key = f"namedValues/{name}"
            secret = name in service.secrets
            if self.command == "PATCH":
                given = self.headers.get("If-Match")
                if given is None or given not in ("*", service.etag(key)):
                    return self.reply(412, _error("PreconditionFailed", "Resource was modified since last retrieval."))
                value = json.loads(body)["properties"]["value"]
                if not 1 <= len(value) <= 4096:
                    return self.reply(400, _error("ValidationError", "value: must have 1 to 4096 characters"))
                service.set_value(name, value)
            shown = {} if secret else {"value": service.named_values[name]}
            document = {"name": name, "properties": {"displayName": name, "secret": secret, **shown}}
            self.reply(200, document, service.etag(key))
            return service.after_get(key) if self.command == "GET" else None

        def subscription(self, name: str) -> None:
            if name not in service.subscriptions:
                return self.reply(404, _error("ResourceNotFound", "Subscription not found."))
            key, state = f"subscriptions/{name}", service.subscriptions[name]
            if self.command == "PATCH":
                if self.headers.get("If-Match") not in ("*", service.etag(key)):
                    return self.reply(412, _error("PreconditionFailed", "Resource was modified since last retrieval."))
                given = json.loads(self.body)["properties"]
                state.update({field: given[field] for field in ("state", "stateComment") if field in given})
                service.etags[key] = service.next_etag()
            document = {"name": name, "properties": {"displayName": name, "scope": "/apis", **state}}
            self.reply(200, document, service.etag(key))
            return service.after_get(key) if self.command == "GET" else None

        def product(self, name: str) -> None:
            if name in service.products:
                chosen = [api for api in service.apis if api.id in service.products[name]]
                return self.reply(200, {"value": [self.api(api) for api in chosen]})
            return self.reply(404, _error("ResourceNotFound", "Product not found."))

        def operations(self, api: str) -> None:
            found = next(a for a in service.apis if a.id == api)
            return self.reply(
                200,
                {
                    "value": [
                        {"name": name, "properties": {"displayName": name, "method": "GET", "urlTemplate": "/"}}
                        for name in found.operations
                    ]
                },
            )

        def operation_policy(self, api: str, operation: str) -> None:
            text = next(a for a in service.apis if a.id == api).operations[operation]
            if text is None:
                return self.reply(404, _error("ResourceNotFound", "Policy not found."))
            return self.reply(200, {"name": "policy", "properties": {"value": text, "format": "rawxml"}}, '"1"')

        def policy(self, key: str, form: str, body: bytes) -> None:
            if key and key not in {api.id for api in service.apis}:
                return self.reply(404, _error("ResourceNotFound", "API not found."))
            exists = key in service.policies
            if self.command == "GET":
                if not exists:
                    return self.reply(404, _error("ResourceNotFound", "Policy not found."))
                # The escaped form is another text: a client that asks for it would write that back.
                text = service.policies[key] if form == "rawxml" else "escaped:" + service.policies[key]
                self.reply(200, {"name": "policy", "properties": {"value": text, "format": form}}, service.etag(key))
                return service.after_get(key)
            given = self.headers.get("If-Match")
            if exists and given is None:
                return self.reply(412, _error("PreconditionFailed", "If-Match is required to update an existing entity."))
            if given not in (None, "*") and (not exists or given != service.etag(key)):
                return self.reply(412, _error("PreconditionFailed", "Resource was modified since last retrieval."))
            if self.command == "DELETE":
                del service.policies[key]
                service.etags.pop(key, None)
                return self.reply(200)
            properties = json.loads(body)["properties"]
            assert properties["format"] == "rawxml"
            service.edit(key, service.stores(properties["value"]))
            return self.reply(200 if exists else 201, {"name": "policy", "properties": properties}, service.etag(key))

    return Handler


@contextmanager
def serving(service: ArmService) -> Iterator[str]:
    """The emulator at work; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(service, threading.Lock()))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
