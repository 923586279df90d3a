"""The app: every trigger reads, makes one call and writes; what is decided is decided elsewhere. Those of HTTP are in `triggers`."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import List  # noqa: UP035  the worker refuses list[...]

import azure.functions as func

from adapters import intake
from triggers.app import gatewatch
from triggers.http import keyed
from triggers.page import pages

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(keyed)
app.register_functions(pages)
intake.install()
intake.collect_seldom()
logging.getLogger("azure").setLevel(logging.WARNING)  # the SDKs log every request, and telemetry is paid by the byte

TICK = timedelta(minutes=8)
"""The most that one run may take of the function's ten minutes."""
DELIVERY = timedelta(minutes=1)
"""The most that one run sends before the next goes on."""


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
    if done.overlooked:
        logging.warning(
            "%d of %d calls may carry an attack and were not looked into: others of their batch were drawn", done.overlooked, len(events)
        )


@app.function_name("evaluate")
@app.timer_trigger(arg_name="timer", schedule=f"*/{gatewatch.settings.evaluate_seconds} * * * * *", use_monitor=False)
def evaluate(timer: func.TimerRequest) -> None:  # noqa: ARG001  the binding needs it
    now = datetime.now(UTC)
    gatewatch.evaluator.tick(now, now + TICK)


def _add_shard(number: int) -> None:
    """Each shard is a function of its own: one instance at a time, with all of its memory. It runs a third of the time between two runs of `evaluate` later,
    which plans what it does."""

    def evaluate_shard(timer: func.TimerRequest) -> None:  # noqa: ARG001
        now = datetime.now(UTC)
        gatewatch.shards[number - 1].tick(now, now + TICK)

    every = gatewatch.settings.evaluate_seconds
    seconds = ",".join(map(str, range(max(1, every // 3), 60, every)))
    timer = app.timer_trigger(arg_name="timer", schedule=f"{seconds} * * * * *", use_monitor=False)
    app.function_name(f"evaluate_{number}")(timer(evaluate_shard))


if gatewatch.settings.evaluate_shards > 1:
    for _number in range(1, gatewatch.settings.evaluate_shards + 1):
        _add_shard(_number)


@app.function_name("deliver")
@app.timer_trigger(arg_name="timer", schedule=f"*/{gatewatch.settings.deliver_seconds} * * * * *", use_monitor=False)
def deliver(timer: func.TimerRequest) -> None:  # noqa: ARG001
    now = datetime.now(UTC)
    gatewatch.deliver.run(now, _until(now + DELIVERY))


@app.function_name("watch")
@app.timer_trigger(arg_name="timer", schedule="30 */2 * * * *", use_monitor=False)
def watch(timer: func.TimerRequest) -> None:  # noqa: ARG001
    for problem in gatewatch.watch.run(datetime.now(UTC)):
        logging.error("%s", problem)


@app.function_name("reconcile")
@app.timer_trigger(arg_name="timer", schedule="0 25 * * * *", use_monitor=True)
def reconcile(timer: func.TimerRequest) -> None:  # noqa: ARG001
    from adapters.reconcile import run

    now = datetime.now(UTC)
    for difference in run(gatewatch.tables, gatewatch.batches, now, _until(now + TICK)) or ():
        logging.error("counts differ: %s", difference)


@app.function_name("baseline")
@app.timer_trigger(arg_name="timer", schedule="0 30 1 * * *", use_monitor=True)
def baseline(timer: func.TimerRequest) -> None:  # noqa: ARG001
    from adapters.baseline import run

    logging.info("made %d baselines", run(gatewatch.tables, datetime.now(UTC)))


@app.function_name("posture")
@app.timer_trigger(arg_name="timer", schedule="0 7,22,37,52 * * * *", use_monitor=False)
def posture(timer: func.TimerRequest) -> None:  # noqa: ARG001
    if gatewatch.settings.posture:
        now = datetime.now(UTC)
        logging.info("%d reads of configuration", gatewatch.posture.run(now, _until(now + TICK)))


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


@app.function_name("respond")
@app.timer_trigger(arg_name="timer", schedule="30 */5 * * * *", use_monitor=True)
def respond(timer: func.TimerRequest) -> None:  # noqa: ARG001
    from web.responses import tick

    if gatewatch.responses.may_write:
        logging.info("%d responses ended, %d made by rules", *tick(gatewatch, datetime.now(UTC)))


def _until(moment: datetime) -> Callable[[], bool]:
    return lambda: datetime.now(UTC) >= moment
