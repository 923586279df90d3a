"""What answers HTTP: each function makes one call of `web` and sends what it says."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import azure.functions as func

from triggers.app import gatewatch

ANSWER = timedelta(seconds=20)
"""The most that a request works on an erasure before it answers; the next request, or the purge, goes on."""


blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("dsr_export")
@blueprint.route(route="dsr/export", methods=["POST"], auth_level=func.AuthLevel.ADMIN)
def dsr_export(req: func.HttpRequest) -> func.HttpResponse:
    from web.dsr import export

    return _json(*export(gatewatch.requests, req.get_body(), req.headers, datetime.now(UTC)))


@blueprint.function_name("dsr_delete")
@blueprint.route(route="dsr/delete", methods=["POST"], auth_level=func.AuthLevel.ADMIN)
def dsr_delete(req: func.HttpRequest) -> func.HttpResponse:
    from web.dsr import delete

    now = datetime.now(UTC)
    return _json(*delete(gatewatch.requests, req.get_body(), req.headers, gatewatch.settings.kept, now, _until(now + ANSWER)))


@blueprint.function_name("dsr_status")
@blueprint.route(route="dsr/{id}", methods=["GET"], auth_level=func.AuthLevel.ADMIN)
def dsr_status(req: func.HttpRequest) -> func.HttpResponse:
    from web.dsr import status as status_of

    now = datetime.now(UTC)
    return _json(*status_of(gatewatch.requests, req.route_params["id"], gatewatch.settings.kept, now, _until(now + ANSWER)))


@blueprint.function_name("privacy")
@blueprint.route(route="privacy", methods=["GET"], auth_level=func.AuthLevel.ADMIN)
def privacy(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    from web.privacy import page

    return _json(200, page(gatewatch.settings, gatewatch.tables, gatewatch.evidence, datetime.now(UTC)))


@blueprint.function_name("alerts")
@blueprint.route(route="alerts", methods=["GET"])
def alerts(req: func.HttpRequest) -> func.HttpResponse:
    from web.alerts import page

    return _json(*page(gatewatch.tables, req.params, gatewatch.settings.gateway))


@blueprint.function_name("alert")
@blueprint.route(route="alerts/{id}", methods=["GET", "PATCH"])
def alert(req: func.HttpRequest) -> func.HttpResponse:
    from web.alerts import amend, one

    id, gateway = req.route_params["id"], gatewatch.settings.gateway
    if req.method == "PATCH":
        return _json(*amend(gatewatch.tables, id, req.get_body(), req.headers, datetime.now(UTC), gateway))
    return _json(*one(gatewatch.tables, id, gateway))


@blueprint.function_name("incidents")
@blueprint.route(route="incidents", methods=["GET"])
def incidents(req: func.HttpRequest) -> func.HttpResponse:
    from web.incidents import page

    return _json(*page(gatewatch.tables, req.params))


@blueprint.function_name("incident")
@blueprint.route(route="incidents/{id}", methods=["GET"])
def incident(req: func.HttpRequest) -> func.HttpResponse:
    from web.incidents import one

    return _json(*one(gatewatch.tables, req.route_params["id"], gatewatch.settings.gateway))


@blueprint.function_name("suppressions")
@blueprint.route(route="suppressions", methods=["GET", "POST"])
def suppressions(req: func.HttpRequest) -> func.HttpResponse:
    from web.suppressions import add, page

    if req.method == "POST":
        return _json(*add(gatewatch.tables, req.get_body(), req.headers, datetime.now(UTC)))
    return _json(*page(gatewatch.tables, datetime.now(UTC)))


@blueprint.function_name("suppression")
@blueprint.route(route="suppressions/{id}", methods=["DELETE"])
def suppression(req: func.HttpRequest) -> func.HttpResponse:
    from web.suppressions import remove

    return _json(*remove(gatewatch.tables, req.route_params["id"]))


@blueprint.function_name("inventory")
@blueprint.route(route="inventory", methods=["GET"])
def inventory(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    from adapters.inventory import read
    from web.inventory import page

    return _json(200, page(read(gatewatch.tables)))


@blueprint.function_name("usage")
@blueprint.route(route="usage", methods=["GET"])
def usage(req: func.HttpRequest) -> func.HttpResponse:
    from web.usage import page

    return _json(*page(gatewatch.tables, req.params, datetime.now(UTC)))


@blueprint.function_name("health")
@blueprint.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    well, body = gatewatch.probe.answer()
    return _json(200 if well else 503, body)


@blueprint.function_name("alive")
@blueprint.route(route="health/live", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def alive(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    """The process answers; nothing is asked of any store."""
    from settings import VERSION

    return _json(200, {"status": "alive", "version": VERSION})


def _until(moment: datetime) -> Callable[[], bool]:
    return lambda: datetime.now(UTC) >= moment


def _json(status: int, body: object, etag: str = "") -> func.HttpResponse:
    return func.HttpResponse(
        body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False),
        status_code=status,
        mimetype="application/json",
        headers={"Cache-Control": "no-store"} | ({"ETag": etag} if etag else {}),
    )
