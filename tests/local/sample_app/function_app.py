"""A function app that does a little of everything, and notes what it was called with in the folder that SAMPLE_NOTES names."""

import json
import logging
import os
import threading
import time
from datetime import UTC
from pathlib import Path
from typing import Any, List  # noqa: UP035 - the worker refuses list[...]

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
failures: dict[str, int] = {}
busy = threading.Lock()


def note(kind: str, **what: Any) -> None:
    """One line a call, on disk before the function returns: it must outlive a SIGKILL."""
    with (Path(os.environ["SAMPLE_NOTES"]) / f"{kind}.jsonl").open("a") as file:
        file.write(json.dumps(what) + "\n")


@app.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="%SAMPLE_HUB%",
    connection="SampleHubConnection",
    consumer_group="%SAMPLE_GROUP%",
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
@app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:00:00")
def ingest(events: List[func.EventHubEvent], context: func.Context) -> None:  # noqa: UP006
    metadata = events[0].metadata
    enqueued = events[0].enqueued_time
    assert metadata is not None
    assert enqueued is not None
    partition = metadata["PartitionContext"]["PartitionId"]
    retry = context.retry_context.retry_count
    numbers = [event.sequence_number for event in events]
    bodies = [event.get_body() for event in events]
    note(
        "ingest",
        partition=partition,
        numbers=numbers,
        bodies=[body.hex() for body in bodies[:100]],
        retry=retry,
        of=context.retry_context.max_retry_count,
        name=context.function_name,
        directory=context.function_directory,
        invocation=context.invocation_id,
        thread=threading.current_thread().name,
        keys=[event.partition_key for event in events[:100]],
        offset=type(events[0].offset).__name__,
        properties=metadata["PropertiesArray"][0],
        age=time.time() - enqueued.replace(tzinfo=UTC).timestamp(),
    )
    for body in bodies:
        if body == b"fail once" and retry == 0:
            raise ValueError("a secret that is in the event")
        if body == b"fail always":
            raise ValueError("a secret that is in the event")
        if body.startswith(b"sleep "):
            note("sleep", begin=body.decode())
            time.sleep(float(body[6:]))
            note("sleep", end=body.decode())
    note("done", partition=partition, numbers=numbers)


@app.timer_trigger(arg_name="timer", schedule="* * * * * *", run_on_startup=True)
def tick(timer: func.TimerRequest) -> None:
    alone = busy.acquire(blocking=False)
    try:
        note("tick", past_due=timer.past_due, status=vars(timer)["_TimerRequest__schedule_status"], at=time.time(), alone=alone)
        time.sleep(float(os.environ.get("SAMPLE_TICK", "0")))
    finally:
        if alone:
            busy.release()


@app.timer_trigger(arg_name="timer", schedule="%SAMPLE_NIGHTLY%")
def nightly(timer: func.TimerRequest) -> None:
    note("nightly", past_due=timer.past_due, status=vars(timer)["_TimerRequest__schedule_status"])


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
@app.event_hub_output(arg_name="$return", event_hub_name="%SAMPLE_OUT%", connection="SampleHubConnection")
def yearly(timer: func.TimerRequest) -> str:
    return "a year has gone"


@app.route("echo/{id:int}/{*rest}", methods=["GET", "POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    answer = {
        "method": req.method,
        "route": dict(req.route_params),
        "params": dict(req.params),
        "header": req.headers.get("X-Thing"),
        "names": sorted(req.headers),
        "body": req.get_body().hex(),
        "async": False,
    }
    return func.HttpResponse(json.dumps(answer), status_code=203, mimetype="application/json", headers={"X-Answer": "yes"})


@app.route("text")
async def text(req: func.HttpRequest) -> str:
    return "text and Ünicode"


@app.route("nothing")
def nothing(req: func.HttpRequest):  # type: ignore[no-untyped-def]
    return None


@app.route("dict")
def a_dict(req: func.HttpRequest):  # type: ignore[no-untyped-def]
    return {"a": 1}


@app.route("fails")
def fails(req: func.HttpRequest) -> str:
    raise KeyError(req.params["secret"])


@app.route("keyed", auth_level=func.AuthLevel.FUNCTION)
def keyed(req: func.HttpRequest) -> str:
    return "open"


@app.route("admin-only", auth_level=func.AuthLevel.ADMIN)
def admin_only(req: func.HttpRequest) -> str:
    return "open"


@app.route("quiet")
def quiet(req: func.HttpRequest) -> str:
    logging.warning("a warning that host.json silences")
    logging.error("an error that host.json lets through")
    return "quiet"


@app.route("send", methods=["POST"])
@app.event_hub_output(arg_name="out", event_hub_name="%SAMPLE_OUT%", connection="SampleHubConnection")
def send(req: func.HttpRequest, out: func.Out[str]) -> str:
    out.set(req.get_body().decode())
    return "sent"


@app.route("send-list", methods=["POST"])
@app.event_hub_output(arg_name="out", event_hub_name="%SAMPLE_OUT%", connection="SampleHubConnection")
async def send_list(req: func.HttpRequest, out: func.Out[List[str]]) -> str:  # noqa: UP006
    out.set(req.get_json())
    return "sent"
