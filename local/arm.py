"""The reading half of API Management's resource manager, over real HTTP: any resources, in pages, with ARM's errors. `python -m local.arm` serves the laptop's estate.

It answers GETs only, and knows what ARM does that a dictionary does not: pages with nextLink, a format for policies, api-versions that hide what they do not know, 404 of a
policy that is not there, 400 of a tier without a collection, 403, and 429 with Retry-After.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from local.parent import when_parent_dies

PAGE = 100
"""Resources a page, as ARM gives them."""
SHOWS_IDENTITIES = "2025-03-01-preview"
"""The first api-version in which a backend's managed identity is visible."""
TIERLESS = frozenset({"gateways", "portalconfigs", "certificates", "tenant"})
"""Collections that the Consumption tier answers with 400."""

Resource = dict[str, Any]


class Answer(NamedTuple):
    """What stands in the way of the true answer."""

    status: int
    code: str
    message: str = ""
    headers: Mapping[str, str] = {}


def _lets_through(_path: str, _number: int) -> Answer | None:
    return None


@dataclass
class Estate:
    """Services by their ARM ids, each as its resources by path: "" for the service, "apis/shop", "apis/shop/policies/policy".

    `before`: asked with the path below the service and the number of the request; what it returns is answered instead. `requests`: "GET path", in order.
    """

    services: dict[str, dict[str, Resource]]
    before: Callable[[str, int], Answer | None] = _lets_through
    requests: list[str] = field(default_factory=list)
    page: int = PAGE
    _children: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def find(self, path: str) -> tuple[str, str] | None:
        """(service id, path below it), None where no service is meant."""
        folded = path.casefold()
        for id in self.services:
            if folded == id.casefold() or folded.startswith(id.casefold() + "/"):
                return id, path[len(id) :].strip("/")
        return None

    def children(self, service: str, collection: str) -> list[Resource]:
        index = self._children.get(service)
        if index is None:
            index = self._children[service] = {}
            for path in self.services[service]:
                index.setdefault(path.rpartition("/")[0], []).append(path)
        return [self.services[service][path] for path in index.get(collection, [])]


def estate(resources: Iterable[Resource]) -> Estate:
    """Of resources with their ids, as `tests.posture.estate` or an export has them."""
    services: dict[str, dict[str, Resource]] = {}
    for resource in resources:
        before, sign, after = str(resource["id"]).partition("/service/")
        name, _, path = after.partition("/")
        services.setdefault(before + sign + name, {})[path] = resource
    return Estate(services)


def _error(code: str, message: str) -> Resource:
    return {"error": {"code": code, "message": message}}


def _handler(estate: Estate, lock: threading.Lock) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # headers and body in one packet: two would wait for each other's acknowledgement

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def reply(self, status: int, body: Resource, headers: Mapping[str, str] | None = None) -> None:
            payload = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            path, query = unquote(url.path).rstrip("/"), parse_qs(url.query)
            with lock:
                estate.requests.append(f"GET {path}")
                number = len(estate.requests)
            if "api-version" not in query:
                return self.reply(400, _error("MissingApiVersionParameter", "The api-version query parameter is required."))
            found = estate.find(path)
            inner = found[1] if found else ""
            if (refusal := estate.before(inner, number)) is not None:
                return self.reply(refusal.status, _error(refusal.code, refusal.message), refusal.headers)
            if found is None:
                return self.listed(path)
            return self.answer(*found, query)

        def other(self) -> None:
            with lock:
                estate.requests.append(f"{self.command} {self.path}")
            self.reply(403, _error("AuthorizationFailed", "The client does not have authorization to perform this action."))

        do_PUT = do_POST = do_PATCH = do_DELETE = other  # noqa: N815

        def listed(self, path: str) -> None:
            """The services of a subscription or resource group."""
            place = path.casefold().partition("/providers/microsoft.apimanagement/service")[0]
            inside = [bodies[""] | {"id": id} for id, bodies in estate.services.items() if id.casefold().startswith(place + "/")]
            if not path.casefold().endswith("/service"):
                return self.reply(404, _error("ResourceNotFound", "The Resource was not found."))
            return self.reply(200, {"value": inside})

        def answer(self, service: str, path: str, query: Mapping[str, list[str]]) -> None:
            bodies = estate.services[service]
            parts = path.split("/") if path else []
            consumption = str(bodies[""].get("sku", {}).get("name", "")).casefold() == "consumption"
            if consumption and parts and parts[0] in TIERLESS:
                return self.reply(400, _error("MethodNotAllowedInPricingTier", "Method not allowed in Consumption pricing tier"))
            version = query["api-version"][0]
            if len(parts) % 2 == 0:
                body = bodies.get(path)
                if body is None:
                    return self.reply(404, _error("ResourceNotFound", f"{parts[-2] if parts else 'service'} not found."))
                return self.reply(200, _shown(body, version, query.get("format", ["xml"])[0]))
            if len(parts) > 1 and "/".join(parts[:-1]) not in bodies:
                return self.reply(404, _error("ResourceNotFound", f"{parts[-3]} not found."))
            skip = int(query.get("$skip", ["0"])[0])
            every = (
                [_tagged(at, body) for at, body in bodies.items() if "/tags/" in at]
                if path == "tagResources"
                else estate.children(service, path)
            )
            page = [_shown(body, version, "rawxml") for body in every[skip : skip + estate.page]]
            more = skip + estate.page < len(every)
            link = f"http://{self.headers['Host']}{service}/{path}?api-version={version}&$skip={skip + estate.page}"
            return self.reply(200, {"value": page, "count": len(every)} | ({"nextLink": link} if more else {}))

    return Handler


def _tagged(path: str, body: Resource) -> Resource:
    """A tag below an API, an operation or a product, as the list of all of them has it."""
    owner, _, id = path.partition("/tags/")
    kind = {"apis": "api", "operations": "operation", "products": "product"}[owner.split("/")[-2]]
    return {"tag": {"id": f"/tags/{id}", "name": body.get("properties", {}).get("displayName", id)}, kind: {"id": f"/{owner}"}}


def _shown(body: Resource, version: str, form: str) -> Resource:
    """A resource as an api-version shows it; a secret named value without its value."""
    properties = body.get("properties", {})
    if version < SHOWS_IDENTITIES and "managedIdentity" in (properties.get("credentials") or {}):
        credentials = {name: value for name, value in properties["credentials"].items() if name != "managedIdentity"}
        return body | {"properties": properties | {"credentials": credentials}}
    if properties.get("secret") is True:
        return body | {"properties": {name: value for name, value in properties.items() if name != "value"}}
    if "/policies" in str(body.get("type", "")) and form != "rawxml":
        return body | {"properties": properties | {"value": "escaped:" + str(properties.get("value"))}}
    return body


@contextmanager
def serving(estate: Estate, port: int = 0) -> Iterator[str]:
    """The emulator at work; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(estate, threading.Lock()))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def main(argv: Sequence[str] | None = None) -> int:
    from local.estate import resources

    parser = argparse.ArgumentParser(prog="python -m local.arm", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 (default) picks a free one")
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input ends: hold it open")
    arguments = parser.parse_args(argv)
    stop = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    if arguments.with_parent:
        when_parent_dies(stop.set)
    try:
        with serving(estate(resources()), arguments.port) as address:
            print(json.dumps({"ready": True, "url": address}), flush=True)
            stop.wait()
    except OSError as fault:
        print(f"the resource manager cannot start: {fault.strerror or fault}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
