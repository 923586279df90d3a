"""Every trigger of Gatewatch: each reads, makes one call and writes; what is decided is decided elsewhere."""

import json
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import List  # noqa: UP035  the worker refuses list[...]

import azure.functions as func

import settings
from adapters import intake
from adapters.app import App

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
gatewatch = App(settings.read(os.environ))
intake.install()
logging.getLogger("azure").setLevel(logging.WARNING)  # the SDKs log every request, and telemetry is paid by the byte

TICK = timedelta(minutes=8)
"""The most that one run may take of the function's ten minutes."""
DELIVERY = timedelta(minutes=1)
"""The most that one run sends before the next goes on."""
ANSWER = timedelta(seconds=20)
"""The most that a request works on an erasure before it answers; the next request, or the purge, goes on."""


@app.function_name("ingest")
@app.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="%EVENT_HUB_NAME%",
    connection="EventHubConnection",
    consumer_group="%EVENT_HUB_CONSUMER_GROUP%",
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
@app.retry(strategy="exponential_backoff", max_retry_count="-1", minimum_interval="00:00:01", maximum_interval="00:01:00")
def ingest(events: List[func.EventHubEvent]) -> None:  # noqa: UP006
    from adapters.ingest import events_of

    done = gatewatch.ingest.batch(intake.partition_of(events), events_of(events), datetime.now(UTC))
    if done.rejected:
        logging.warning("quarantined %d of %d messages", done.rejected, len(events))


@app.function_name("evaluate")
@app.timer_trigger(arg_name="timer", schedule=f"*/{gatewatch.settings.evaluate_seconds} * * * * *", use_monitor=False)
def evaluate(timer: func.TimerRequest) -> None:  # noqa: ARG001  the binding needs it
    now = datetime.now(UTC)
    gatewatch.evaluator.tick(now, now + TICK)


@app.function_name("deliver")
@app.timer_trigger(arg_name="timer", schedule=f"*/{gatewatch.settings.deliver_seconds} * * * * *", use_monitor=False)
def deliver(timer: func.TimerRequest) -> None:  # noqa: ARG001
    now = datetime.now(UTC)
    gatewatch.deliver.run(now, _until(now + DELIVERY))


@app.function_name("baseline")
@app.timer_trigger(arg_name="timer", schedule="0 30 1 * * *", use_monitor=True)
def baseline(timer: func.TimerRequest) -> None:  # noqa: ARG001
    from adapters.baseline import run

    logging.info("made %d baselines", run(gatewatch.tables, datetime.now(UTC)))


@app.function_name("intel")
@app.timer_trigger(arg_name="timer", schedule="0 20 * * * *", use_monitor=True)
def intel(timer: func.TimerRequest) -> None:  # noqa: ARG001
    from adapters.intel import refresh

    logging.info("%d threat intelligence feeds", len(refresh(gatewatch.evidence, datetime.now(UTC)).feeds))


@app.function_name("purge")
@app.timer_trigger(arg_name="timer", schedule="0 5 * * * *", use_monitor=True)
def purge(timer: func.TimerRequest) -> None:  # noqa: ARG001
    now = datetime.now(UTC)
    gatewatch.purge.run(now, _until(now + TICK), gatewatch.hub_retention, lambda: gatewatch.requests.resume(now, _until(now + TICK)))


@app.function_name("dsr_export")
@app.route(route="dsr/export", methods=["POST"], auth_level=func.AuthLevel.ADMIN)
def dsr_export(req: func.HttpRequest) -> func.HttpResponse:
    from web.dsr import export

    return _json(*export(gatewatch.requests, req.get_body(), req.headers, datetime.now(UTC)))


@app.function_name("dsr_delete")
@app.route(route="dsr/delete", methods=["POST"], auth_level=func.AuthLevel.ADMIN)
def dsr_delete(req: func.HttpRequest) -> func.HttpResponse:
    from web.dsr import delete

    now = datetime.now(UTC)
    return _json(*delete(gatewatch.requests, req.get_body(), req.headers, gatewatch.settings.kept, now, _until(now + ANSWER)))


@app.function_name("dsr_status")
@app.route(route="dsr/{id}", methods=["GET"], auth_level=func.AuthLevel.ADMIN)
def dsr_status(req: func.HttpRequest) -> func.HttpResponse:
    from web.dsr import status as status_of

    now = datetime.now(UTC)
    return _json(*status_of(gatewatch.requests, req.route_params["id"], gatewatch.settings.kept, now, _until(now + ANSWER)))


@app.function_name("privacy")
@app.route(route="privacy", methods=["GET"], auth_level=func.AuthLevel.ADMIN)
def privacy(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    from web.privacy import page

    return _json(200, page(gatewatch.settings, gatewatch.tables, gatewatch.evidence, datetime.now(UTC)))


@app.function_name("alerts")
@app.route(route="alerts", methods=["GET"])
def alerts(req: func.HttpRequest) -> func.HttpResponse:
    from web.alerts import page

    return _json(*page(gatewatch.tables, req.params))


@app.function_name("alert")
@app.route(route="alerts/{id}", methods=["GET", "PATCH"])
def alert(req: func.HttpRequest) -> func.HttpResponse:
    from web.alerts import amend, one

    id = req.route_params["id"]
    if req.method == "PATCH":
        return _json(*amend(gatewatch.tables, id, req.get_body(), req.headers, datetime.now(UTC)))
    return _json(*one(gatewatch.tables, id))


@app.function_name("incidents")
@app.route(route="incidents", methods=["GET"])
def incidents(req: func.HttpRequest) -> func.HttpResponse:
    from web.incidents import page

    return _json(*page(gatewatch.tables, req.params))


@app.function_name("incident")
@app.route(route="incidents/{id}", methods=["GET"])
def incident(req: func.HttpRequest) -> func.HttpResponse:
    from web.incidents import one

    return _json(*one(gatewatch.tables, req.route_params["id"]))


@app.function_name("suppressions")
@app.route(route="suppressions", methods=["GET", "POST"])
def suppressions(req: func.HttpRequest) -> func.HttpResponse:
    from web.suppressions import add, page

    if req.method == "POST":
        return _json(*add(gatewatch.tables, req.get_body(), req.headers, datetime.now(UTC)))
    return _json(*page(gatewatch.tables, datetime.now(UTC)))


@app.function_name("suppression")
@app.route(route="suppressions/{id}", methods=["DELETE"])
def suppression(req: func.HttpRequest) -> func.HttpResponse:
    from web.suppressions import remove

    return _json(*remove(gatewatch.tables, req.route_params["id"]))


@app.function_name("inventory")
@app.route(route="inventory", methods=["GET"])
def inventory(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    from adapters.inventory import read
    from web.inventory import page

    return _json(200, page(read(gatewatch.tables)))


@app.function_name("usage")
@app.route(route="usage", methods=["GET"])
def usage(req: func.HttpRequest) -> func.HttpResponse:
    from web.usage import page

    return _json(*page(gatewatch.tables, req.params, datetime.now(UTC)))


@app.function_name("health")
@app.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    from adapters.health import check

    well, body = check(gatewatch.settings, gatewatch.tables, gatewatch.batches, gatewatch.evidence, datetime.now(UTC))
    return _json(200 if well else 503, body)


def _until(moment: datetime) -> Callable[[], bool]:
    return lambda: datetime.now(UTC) >= moment


def _json(status: int, body: object, etag: str = "") -> func.HttpResponse:
    return func.HttpResponse(
        body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False),
        status_code=status,
        mimetype="application/json",
        headers={"Cache-Control": "no-store"} | ({"ETag": etag} if etag else {}),
    )
