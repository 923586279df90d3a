"""Every address of the API in one table: with a key under /api/, for the page under /ui/api/; the same answer, the same need of a role."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from web.access import Role

if TYPE_CHECKING:
    from adapters.app import App

ANSWER = timedelta(seconds=20)
"""The most that a request works on an erasure before it answers; the next request, or the purge, goes on."""


@dataclass(frozen=True, slots=True)
class Request:
    """`path`: what stands in the route's {braces}; `parameters`: the query; `headers`: what `web.access.believable` leaves, names in lower case."""

    method: str
    path: Mapping[str, str]
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    now: datetime


class Answer(NamedTuple):
    """`body`: what becomes JSON, or text or bytes that are written already, as `kind` says."""

    status: int
    body: Any
    etag: str = ""
    kind: str = "application/json"


Handler = Callable[["App", Request], Answer]


@dataclass(frozen=True, slots=True)
class Resource:
    """One address: its function's name, its path and what each method needs and does. `open`: answers without a key. `any_role`: to whoever has one.
    `only_looks`: no method changes anything, not even a POST."""

    name: str
    path: str
    methods: Mapping[str, tuple[Role, Handler]]
    open: bool = False
    any_role: bool = False
    only_looks: bool = False

    @property
    def is_audited(self) -> bool:
        """Requests about one person have a record of their own, which names nobody."""
        return not (self.only_looks or self.needs_master_key)

    @property
    def needs_master_key(self) -> bool:
        return any(role is Role.PRIVACY for role, _ in self.methods.values())


def _dsr_export(app: "App", request: Request) -> Answer:
    from web.dsr import export

    return Answer(*export(app.requests, request.body, request.headers, request.now))


def _dsr_delete(app: "App", request: Request) -> Answer:
    from web.dsr import delete

    return Answer(*delete(app.requests, request.body, request.headers, app.settings.kept, request.now, _until(request.now + ANSWER)))


def _dsr_status(app: "App", request: Request) -> Answer:
    from web.dsr import status

    return Answer(*status(app.requests, request.path["id"], app.settings.kept, request.now, _until(request.now + ANSWER)))


def _privacy(app: "App", request: Request) -> Answer:
    from web.privacy import REQUESTS, page

    return Answer(200, page(app.settings, app.tables, app.evidence, request.now, app.requests.recent(REQUESTS)))


def _alerts(app: "App", request: Request) -> Answer:
    from web.alerts import page

    settings, source = app.settings, app.countries.at(request.now)
    return Answer(*page(app.tables, app.alert_index, request.parameters, request.now, settings.gateway, settings.site, source))


def _amend_alerts(app: "App", request: Request) -> Answer:
    from web.alerts import amend_many

    try:
        return Answer(*amend_many(app.tables, request.body, request.headers, request.now))
    finally:
        app.alert_index.forget()


def _alert(app: "App", request: Request) -> Answer:
    from web.alerts import one
    from web.countries import of_alert
    from web.responses import of_alert as responses_to

    status, body, etag = one(app.tables, request.path["id"], app.settings.gateway, app.settings.site, app.hash_key)
    if status == 200:
        found = of_alert(app.tables, request.path["id"], app.countries.at(request.now))
        body = {**body, "registeredIn": found, "responses": responses_to(app.responses, request.path["id"], request.now)}
    return Answer(status, body, etag)


def _amend_alert(app: "App", request: Request) -> Answer:
    from web.alerts import amend

    settings = app.settings
    try:
        return Answer(
            *amend(
                app.tables, request.path["id"], request.body, request.headers, request.now, settings.gateway, settings.site, app.hash_key
            )
        )
    finally:
        app.alert_index.forget()


def _folded(app: "App", request: Request) -> Answer:
    from web.campaigns import page

    return Answer(*page(app.tables, request.path["id"], request.parameters))


def _incidents(app: "App", request: Request) -> Answer:
    from web.incidents import page

    return Answer(*page(app.tables, request.parameters))


def _incident(app: "App", request: Request) -> Answer:
    from web.incidents import one

    return Answer(*one(app.tables, request.path["id"], app.settings.gateway, app.settings.site))


def _suppressions(app: "App", request: Request) -> Answer:
    from web.suppressions import page

    return Answer(*page(app.tables, request.now))


def _suppress(app: "App", request: Request) -> Answer:
    from web.suppressions import add

    return Answer(*add(app.tables, app.alert_index, request.body, request.headers, request.now))


def _preview_suppression(app: "App", request: Request) -> Answer:
    from web.suppressions import preview

    return Answer(*preview(app.alert_index, request.body, request.headers, request.now))


def _suppression(app: "App", request: Request) -> Answer:
    from web.suppressions import one

    return Answer(*one(app.tables, request.path["id"], request.now))


def _unsuppress(app: "App", request: Request) -> Answer:
    from web.suppressions import remove

    return Answer(*remove(app.tables, request.path["id"]))


def _responses(app: "App", request: Request) -> Answer:
    from web.responses import page

    return Answer(*page(app.responses, request.now))


def _respond(app: "App", request: Request) -> Answer:
    from web.responses import add

    return Answer(*add(app.tables, app.responses, app.footprints.of, app.response_networks, request.body, request.headers, request.now))


def _plan_response(app: "App", request: Request) -> Answer:
    from web.responses import preview

    return Answer(*preview(app.tables, app.responses, app.footprints.of, app.response_networks, request.body, request.now))


def _undo_response(app: "App", request: Request) -> Answer:
    from web.responses import remove

    return Answer(*remove(app.responses, request.path["id"], request.headers, request.now))


def _countries(app: "App", request: Request) -> Answer:
    from web.countries import page

    return Answer(*page(app.tables, app.countries.at(request.now), request.parameters, request.now))


def _inventory(app: "App", request: Request) -> Answer:
    from web.inventory import page

    parameters = dict(request.parameters)
    if "text/csv" in request.headers.get("accept", ""):
        parameters.setdefault("format", "csv")
    status, body = page(app.inventory_index, parameters, request.now)
    return Answer(status, body, kind="text/csv" if isinstance(body, str) else "application/json")


def _endpoint(app: "App", request: Request) -> Answer:
    from web.inventory import one

    return Answer(*one(app.tables, app.inventory_index, request.path["id"], request.now))


def _drift(app: "App", request: Request) -> Answer:
    from web.drift import page

    return Answer(*page(app.inventory_index, request.parameters, request.now))


def _amend_drift(app: "App", request: Request) -> Answer:
    from web.drift import amend

    try:
        return Answer(*amend(app.tables, request.path["id"], request.body, request.headers, request.now))
    finally:
        app.inventory_index.forget()


def _openapi(app: "App", request: Request) -> Answer:
    from web.openapi import one

    return Answer(*one(app.tables, app.inventory_index, request.path["service"], request.path["api"], request.parameters, request.now))


def _overview(app: "App", request: Request) -> Answer:
    from web.overview import page
    from web.posture import page as recommendations

    counts = recommendations(app.tables, {}, request.now)[1]["counts"]
    return Answer(*page(app.inventory_index, app.alert_index, counts, app.probe.answer(), request.now))


def _recommendations(app: "App", request: Request) -> Answer:
    from web.posture import page

    return Answer(*page(app.tables, request.parameters, request.now))


def _recommendation(app: "App", request: Request) -> Answer:
    from web.posture import one

    return Answer(*one(app.tables, request.path["id"], request.now))


def _amend_recommendation(app: "App", request: Request) -> Answer:
    from web.posture import amend

    return Answer(*amend(app.tables, request.path["id"], request.body, request.headers, request.now))


def _attack_paths(app: "App", request: Request) -> Answer:
    from web.posture import paths

    return Answer(*paths(app.tables, app.evidence, request.now, app.hash_key))


def _posture(app: "App", request: Request) -> Answer:  # noqa: ARG001
    from web.posture import services

    return Answer(*services(app.tables, app.settings.posture))


def _usage(app: "App", request: Request) -> Answer:
    from web.usage import page

    return Answer(*page(app.tables, request.parameters, request.now))


def _health(app: "App", request: Request) -> Answer:  # noqa: ARG001
    well, body = app.probe.answer()
    return Answer(200 if well else 503, body)


def _alive(app: "App", request: Request) -> Answer:  # noqa: ARG001
    """The process answers; nothing is asked of any store."""
    from settings import VERSION

    return Answer(200, {"status": "alive", "version": VERSION})


def _audit(app: "App", request: Request) -> Answer:
    from web.audit import page

    return Answer(*page(app.tables, request.parameters))


def _me(app: "App", request: Request) -> Answer:  # noqa: ARG001
    from web.me import one

    return Answer(200, one(request.headers))


RESOURCES: tuple[Resource, ...] = (
    Resource("dsr_export", "dsr/export", {"POST": (Role.PRIVACY, _dsr_export)}),
    Resource("dsr_delete", "dsr/delete", {"POST": (Role.PRIVACY, _dsr_delete)}),
    Resource("dsr_status", "dsr/{id}", {"GET": (Role.PRIVACY, _dsr_status)}),
    Resource("privacy", "privacy", {"GET": (Role.PRIVACY, _privacy)}),
    Resource("alerts", "alerts", {"GET": (Role.READER, _alerts), "PATCH": (Role.ANALYST, _amend_alerts)}),
    Resource("alert", "alerts/{id}", {"GET": (Role.READER, _alert), "PATCH": (Role.ANALYST, _amend_alert)}),
    Resource("alert_actors", "alerts/{id}/actors", {"GET": (Role.READER, _folded)}),
    Resource("incidents", "incidents", {"GET": (Role.READER, _incidents)}),
    Resource("incident", "incidents/{id}", {"GET": (Role.READER, _incident)}),
    Resource("suppressions", "suppressions", {"GET": (Role.READER, _suppressions), "POST": (Role.ANALYST, _suppress)}),
    Resource("suppressions_preview", "suppressions/preview", {"POST": (Role.ANALYST, _preview_suppression)}, only_looks=True),
    Resource("suppression", "suppressions/{id}", {"GET": (Role.READER, _suppression), "DELETE": (Role.ANALYST, _unsuppress)}),
    Resource("overview", "overview", {"GET": (Role.READER, _overview)}),
    Resource("responses", "responses", {"GET": (Role.READER, _responses), "POST": (Role.ANALYST, _respond)}),
    Resource("responses_plan", "responses/plan", {"POST": (Role.ANALYST, _plan_response)}, only_looks=True),
    Resource("response", "responses/{id}", {"DELETE": (Role.ANALYST, _undo_response)}),
    Resource("countries", "countries", {"GET": (Role.READER, _countries)}),
    Resource("inventory", "inventory", {"GET": (Role.READER, _inventory)}),
    Resource("recommendations", "recommendations", {"GET": (Role.READER, _recommendations)}),
    Resource(
        "recommendation", "recommendations/{id}", {"GET": (Role.READER, _recommendation), "PATCH": (Role.ANALYST, _amend_recommendation)}
    ),
    Resource("attack_paths", "attack-paths", {"GET": (Role.READER, _attack_paths)}),
    Resource("configuration", "posture", {"GET": (Role.READER, _posture)}),
    Resource("endpoint", "inventory/{id}", {"GET": (Role.READER, _endpoint)}),
    Resource("drift", "drift", {"GET": (Role.READER, _drift)}),
    Resource("deviation", "drift/{id}", {"PATCH": (Role.ANALYST, _amend_drift)}),
    Resource("openapi", "openapi/{service}/{api}", {"GET": (Role.READER, _openapi)}),
    Resource("usage", "usage", {"GET": (Role.READER, _usage)}),
    Resource("health", "health", {"GET": (Role.READER, _health)}, open=True, any_role=True),
    Resource("alive", "health/live", {"GET": (Role.READER, _alive)}, open=True, any_role=True),
    Resource("audit", "audit", {"GET": (Role.READER, _audit)}),
    Resource("me", "me", {"GET": (Role.READER, _me)}, any_role=True),
)
"""A new address is one line here. Its function is made by `triggers.http`, and the page's own by `triggers.page`."""


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Resource], ...]:
    """Literal segments before free ones, as the platform ranks routes."""
    ranked = sorted(RESOURCES, key=lambda one: [segment.startswith("{") for segment in one.path.split("/")])
    return tuple((re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(one.path)), re.IGNORECASE), one) for one in ranked)


def find(path: str) -> tuple[Resource, dict[str, str]] | None:
    """The resource at a path below /ui/api/, and what stands in its braces."""
    for pattern, resource in _patterns():
        if match := pattern.fullmatch(path.strip("/")):
            return resource, match.groupdict()
    return None


def _until(moment: datetime) -> Callable[[], bool]:
    return lambda: datetime.now(UTC) >= moment
