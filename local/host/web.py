"""HTTP triggers: ASP.NET route templates, keys, requests and responses through the worker's own converters, and the host's admin call."""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from azure.functions import meta
from azure.functions.http import HttpRequestConverter, HttpResponseConverter

from local.host.bindings import Function, HttpTrigger
from local.host.invocation import Invoker
from local.host.settings import SettingError
from local.host.sign_in import is_local, through

LARGEST_BODY = 100 * 1024 * 1024  # octets, the real host's default
_CONSTRAINTS = {
    "int": r"[+-]?[0-9]+",
    "long": r"[+-]?[0-9]+",
    "alpha": r"[A-Za-z]*",
    "bool": r"[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]",
    "guid": r"[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}",
}
_log = logging.getLogger("host.web")


@dataclass(frozen=True)
class Keys:
    """`master` opens everything, `default` the functions of level FUNCTION."""

    master: str
    default: str

    def open(self, level: str, offered: str) -> bool:
        if level == "ANONYMOUS":
            return True
        allowed = [self.master] if level == "ADMIN" else [self.master, self.default]
        return any(hmac.compare_digest(offered.encode("utf-8", "replace"), key.encode()) for key in allowed)


@dataclass(frozen=True)
class Route:
    pattern: re.Pattern[str]
    specificity: tuple[int, ...]  # segment by segment: literal before constrained before free before catch-all
    function: Function
    trigger: HttpTrigger


def compile_route(template: str, where: str) -> tuple[re.Pattern[str], tuple[int, ...]]:
    """A pattern for the whole path without its leading slash, and the template's specificity. Raises SettingError for what is not known here.

    Known: literals (in any case), `{name}`, `{name?}`, `{*rest}`, and the constraints int, long, bool, guid and alpha.
    """
    pattern, specificity = "", []
    for index, segment in enumerate(template.split("/") if template else []):
        slash = "/" if index else ""
        match = re.fullmatch(r"\{(\*)?([A-Za-z_]\w*)(?::(\w+))?(\?)?\}", segment)
        if match is None:
            if "{" in segment or "}" in segment:
                raise SettingError(f"{where} has the segment {segment!r}, which this host does not know: use {{name}} or {{name:int}}.")
            pattern += slash + re.escape(segment)
            specificity.append(0)
            continue
        catch_all, name, constraint, optional = match.groups()
        if constraint and constraint not in _CONSTRAINTS:
            raise SettingError(
                f"{where} has the constraint {constraint!r}, which this host does not know: it knows {', '.join(_CONSTRAINTS)}."
            )
        value = f"(?P<{name}>{'.*' if catch_all else _CONSTRAINTS.get(constraint, '[^/]+')})"
        pattern += f"(?:{slash}{value})?" if optional or catch_all else slash + value
        specificity.append(3 if catch_all else 1 if constraint else 2)
    return re.compile(pattern, re.IGNORECASE), tuple(specificity)


def listen(port: int) -> socket.socket:
    """A socket on the loopback address, at any free port for 0. Raises SettingError if the port is taken."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise SettingError(f"Port {port} is taken: stop the program that uses it, or choose another with --port.") from error
    return listening


class Site:
    """All HTTP functions of the app, and POST /admin/functions/{name} for the others."""

    def __init__(
        self,
        functions: Sequence[Function],
        prefix: str,
        invoker: Invoker,
        keys: Keys,
        run_now: Mapping[str, Callable[[], Awaitable[None]]],
        signed_in: Mapping[str, str] | None = None,
    ) -> None:
        """`run_now` starts the timer functions by name; `signed_in`: headers of whoever every request is from. Raises SettingError for a route that is not known here."""
        self._invoker = invoker
        self._keys = keys
        self._run_now = run_now
        self._signed_in = dict(signed_in or {})
        self._jobs: set[asyncio.Task[None]] = set()
        routes = []
        for function in functions:
            if isinstance(function.trigger, HttpTrigger):
                template = f"{prefix}/{function.trigger.route}".strip("/")
                pattern, specificity = compile_route(template, f"The route of function {function.name}")
                routes.append(Route(pattern, specificity, function, function.trigger))
        self._routes = sorted(routes, key=lambda route: route.specificity)
        self._runner: web.AppRunner | None = None

    async def start(self, listening: socket.socket) -> int:
        """Answers what comes in at a socket of `listen`; returns its port."""
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=60)
        await self._runner.setup()
        await web.SockSite(self._runner, listening).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Takes no more requests and lets those that run come to their end."""
        if self._runner is not None:
            await self._runner.cleanup()
        await asyncio.gather(*self._jobs)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if not is_local(request.host):
            return web.Response(status=403, text="this host answers to 127.0.0.1 and localhost only")
        path = request.match_info["path"].rstrip("/")
        if path.lower().startswith("admin/"):
            return self._admin(request, path)
        found = [(route, match) for route in self._routes if (match := route.pattern.fullmatch(path))]
        if not found:
            return web.Response(status=404)
        for route, match in found:
            if not route.trigger.methods or request.method in route.trigger.methods:
                return await self._call(request, route, {name: value for name, value in match.groupdict().items() if value is not None})
        return web.Response(status=405, headers={"Allow": ", ".join(sorted({m for route, _ in found for m in route.trigger.methods}))})

    async def _call(self, request: web.Request, route: Route, parameters: Mapping[str, str]) -> web.Response:
        if not self._keys.open(route.trigger.auth, _offered_key(request)):
            return web.Response(status=401)
        body = await request.read()
        try:
            returned = await self._invoker.attempt(route.function, lambda: _decode(request, parameters, body, self._signed_in))
            return _encode(returned)
        except Exception as error:
            if isinstance(error, TypeError) and "unable to encode" in str(error):
                _log.error("%s: %s", route.function.name, error)
            return web.Response(status=500)

    def _admin(self, request: web.Request, path: str) -> web.Response:
        if not self._keys.open("ADMIN", _offered_key(request)):
            return web.Response(status=401)
        match = re.fullmatch(r"admin/functions/([^/]+)", path, re.IGNORECASE)
        run = next((run for name, run in self._run_now.items() if match and name.lower() == match[1].lower()), None)
        if run is None:
            return web.Response(status=404)
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        job = asyncio.ensure_future(run())
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return web.Response(status=202)


def _offered_key(request: web.Request) -> str:
    return request.headers.get("x-functions-key") or request.query.get("code") or ""


def _decode(request: web.Request, parameters: Mapping[str, str], body: bytes, signed_in: Mapping[str, str]) -> Any:
    """The `func.HttpRequest`, through the stock converter, from what the real host would send."""
    query: dict[str, str] = {}
    for name, value in request.query.items():
        if value:  # the host drops empty ones
            query[name] = f"{query[name]},{value}" if name in query else value
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        name = name.lower()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    sent = {
        "method": meta.Datum(request.method, "string"),
        "url": meta.Datum(str(request.url), "string"),
        "headers": {name: meta.Datum(value, "string") for name, value in through(headers, signed_in).items()},
        "query": {name: meta.Datum(value, "string") for name, value in query.items()},
        "params": {name: meta.Datum(value, "string") for name, value in parameters.items()},
        "body": meta.Datum(body, "bytes"),
    }
    return HttpRequestConverter.decode(meta.Datum(sent, "http"), trigger_metadata={})


def _encode(returned: Any) -> web.Response:
    """The HTTP response, through the stock converter. Raises TypeError, as the worker does, for None, a dict and the like."""
    try:
        datum = HttpResponseConverter.encode(returned, expected_type=None)
    except NotImplementedError:
        raise TypeError(
            f'unable to encode outgoing TypedData: unsupported type "http" for Python type "{type(returned).__name__}"'
        ) from None
    if datum.type == "string":
        return web.Response(text=datum.value)
    value = datum.value
    response = web.Response(status=int(value["status_code"].value), body=value["body"].value)
    for name, header in value["headers"].items():
        if name.lower() not in ("content-length", "transfer-encoding"):
            response.headers[name] = header.value
    for jar in value["cookies"] or []:
        for morsel in jar.values():
            response.headers.add("Set-Cookie", morsel.OutputString())
    return response
