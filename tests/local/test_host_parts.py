"""The parts of the functions host that need no server: settings, schedules, routes, retries, log lines, received events."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import azure.eventhub.aio._consumer_async as consumer
import pytest
from azure.eventhub import EventData
from azure.eventhub._pyamqp.message import Message
from azure.eventhub.aio import PartitionContext
from hypothesis import given
from hypothesis import strategies as st

from adapters.intake import partition_of, sequence_numbers
from local.host import log, received
from local.host.bindings import Function, HttpTrigger, HubOutput, Retry
from local.host.hubs import decode, outgoing
from local.host.invocation import Invoker, Stopped
from local.host.received import ReceivedEvent
from local.host.settings import HostOptions, HubOptions, SettingError, connection, load_local_settings, read_host_json, resolve, seconds
from local.host.sign_in import is_local, stand_in, through
from local.host.timers import read_schedule
from local.host.web import Keys, compile_route

# settings


def host_json(tmp_path: Path, content: object, **environment: str) -> HostOptions:
    (tmp_path / "host.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return read_host_json(tmp_path / "host.json", environment)


def test_no_host_json_is_all_defaults(tmp_path: Path) -> None:
    assert read_host_json(tmp_path / "host.json", {}) == HostOptions()


def test_host_json_is_read(tmp_path: Path) -> None:
    options = host_json(
        tmp_path,
        {
            "version": "2.0",
            "logging": {"logLevel": {"default": "Warning"}},
            "extensions": {
                "http": {"routePrefix": ""},
                "eventHubs": {
                    "maxEventBatchSize": 1000,
                    "minEventBatchSize": 500,
                    "maxWaitTime": "00:00:30",
                    "prefetchCount": 2000,
                    "batchCheckpointFrequency": 2,
                    "initialOffsetOptions": {"type": "fromEnqueuedTime", "enqueuedTimeUtc": "2026-11-24T00:00:00Z"},
                },
            },
        },
    )
    assert options == HostOptions(
        HubOptions(1000, 500, 30.0, 2000, 2, datetime(2026, 11, 24, tzinfo=UTC)), route_prefix="", log_levels={"default": "Warning"}
    )


def test_the_environment_overrides_host_json(tmp_path: Path) -> None:
    options = host_json(
        tmp_path,
        {"extensions": {"eventHubs": {"maxEventBatchSize": 1000}}},
        AzureFunctionsJobHost__extensions__eventHubs__maxEventBatchSize="7",
        AzureFunctionsJobHost__logging__logLevel__default="Error",
    )
    assert options.hubs.max_batch == 7
    assert options.log_levels == {"default": "Error"}


@pytest.mark.parametrize(
    ("hubs", "says"),
    [
        ({"maxEventBatchSize": 0}, "extensions.eventHubs.maxEventBatchSize in host.json must be a whole number of at least 1, not 0."),
        ({"prefetchCount": "many"}, "prefetchCount in host.json must be a whole number of at least 1, not 'many'."),
        ({"prefetchCount": True}, "not True."),
        ({"minEventBatchSize": 200}, "minEventBatchSize in host.json is larger than maxEventBatchSize."),
        ({"maxWaitTime": 30}, "maxWaitTime in host.json must be a time span such as 00:01:00, not '30'."),
        ({"initialOffsetOptions": {"type": "yesterday"}}, "it must be fromStart, fromEnd or fromEnqueuedTime."),
        ({"initialOffsetOptions": {"type": "fromEnqueuedTime"}}, "needs enqueuedTimeUtc"),
        ([], "extensions.eventHubs in host.json must be a JSON object."),
    ],
)
def test_a_wrong_host_json_names_the_key(hubs: object, says: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError) as caught:
        host_json(tmp_path, {"extensions": {"eventHubs": hubs}})
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "nul"])
def test_a_host_json_that_is_none(text: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"^host\.json "):
        host_json(tmp_path, text)


def test_local_settings(tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    environment = {"A": "kept"}
    load_local_settings(file, environment)  # there is none
    file.write_text(json.dumps({"Values": {"A": "1", "B": "2"}}))
    load_local_settings(file, environment)
    assert environment == {"A": "kept", "B": "2"}
    file.write_text(json.dumps({"Values": {"N": 1}}))
    with pytest.raises(SettingError, match=r"^N in local\.settings\.json must be a string"):
        load_local_settings(file, environment)


def test_binding_expressions_and_connections() -> None:
    assert resolve("a-%X%-%Y%", {"X": "1", "Y": ""}, "It") == "a-1-"
    assert resolve("100 %", {}, "It") == "100 %"
    with pytest.raises(SettingError, match=r"^It needs the setting X, which is not set\.$"):
        resolve("%X%", {}, "It")
    assert connection("Hub", {"AzureWebJobsHub": "a"}, "It") == "a"
    with pytest.raises(SettingError, match=r"^It needs the setting Hub: a connection string"):
        connection("Hub", {"Hub": "", "Hub__fullyQualifiedNamespace": "x"}, "It")


@pytest.mark.parametrize(("text", "value"), [("00:00:01", 1), ("1:2:3", 3723), ("23:59:59.5", 86399.5), ("2.00:00:00", 172800)])
def test_time_spans(text: str, value: float) -> None:
    assert seconds(text, "It") == value


@pytest.mark.parametrize("text", ["", "1", "24:00:00", "00:60:00", "-00:00:01", "00:00:00:00:00", "x"])
def test_no_time_spans(text: str) -> None:
    with pytest.raises(SettingError, match=r"^It must be a time span"):
        seconds(text, "It")


# schedules


@pytest.mark.parametrize(
    ("text", "after", "due"),
    [
        ("*/15 * * * * *", "2026-11-24T03:07:15", "2026-11-24T03:07:30"),
        ("0 */5 * * * *", "2026-11-24T03:07:00.5", "2026-11-24T03:10:00"),
        ("*/5 * * * *", "2026-11-24T03:07:00", "2026-11-24T03:10:00"),  # five fields: minutes
        ("0 30 2 * * *", "2026-11-24T03:07:00", "2026-11-25T02:30:00"),
        ("0 0 0 13 * FRI", "2026-11-24T03:07:00", "2027-08-13T00:00:00"),  # both the day and the weekday
        ("0 0 0 29 2 *", "2026-11-24T03:07:00", "2028-02-29T00:00:00"),
        ("0 0 0 1 jan *", "2026-11-24T03:07:00", "2027-01-01T00:00:00"),
        ("00:00:20", "2026-11-24T03:07:05", "2026-11-24T03:07:25"),
        ("1.00:00:00", "2026-11-24T03:07:05", "2026-11-25T03:07:05"),
    ],
)
def test_schedules(text: str, after: str, due: str) -> None:
    start = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert read_schedule(text, "It").next(start) == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "x", "* * * *", "60 * * * * *", "0 0 0 31 2 *", "0 0 0 * * * *", "@daily"])
def test_no_schedules(text: str) -> None:
    with pytest.raises(SettingError, match=r"^It must be an NCRONTAB expression such as"):
        read_schedule(text, "It")


def test_an_interval_of_nothing() -> None:
    with pytest.raises(SettingError, match="longer than zero"):
        read_schedule("00:00:00", "It")


@given(st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1)), st.sampled_from(["*/15 * * * * *", "7 3 */2 * * *", "00:00:07"]))
def test_the_next_time_is_always_later(after: datetime, text: str) -> None:
    start = after.replace(tzinfo=UTC)
    assert timedelta(0) < read_schedule(text, "It").next(start) - start < timedelta(hours=3)


# retries


def test_fixed_and_growing_waits() -> None:
    assert {Retry(-1, 5.0, 5.0).wait(retry) for retry in (1, 2, 50)} == {5.0}
    growing = Retry(-1, 1.0, 60.0)
    assert growing.wait(1) == 1.0
    assert 1.8 <= growing.wait(2) <= 2.2
    assert 3.4 <= growing.wait(3) <= 4.6
    assert {growing.wait(retry) for retry in (20, 1000, 10**9)} == {60.0}


# routes and keys


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("api/alerts", "API/Alerts", {}),
        ("api/alerts/{id}", "api/alerts/a b", {"id": "a b"}),
        ("api/alerts/{id:int}", "api/alerts/-12", {"id": "-12"}),
        ("api/alerts/{id:guid}", "api/alerts/6f9619ff-8b86-d011-b42d-00c04fc964ff", {"id": "6f9619ff-8b86-d011-b42d-00c04fc964ff"}),
        ("api/alerts/{id?}", "api/alerts", {"id": None}),
        ("{*path}", "", {"path": ""}),
        ("site/{*path}", "site/a/b.css", {"path": "a/b.css"}),
        ("a.b/{x}", "a.b/c", {"x": "c"}),
        ("", "", {}),
    ],
)
def test_routes_that_match(template: str, path: str, values: dict[str, str | None]) -> None:
    match = compile_route(template, "It")[0].fullmatch(path)
    assert match is not None
    assert match.groupdict() == values


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("api/alerts", "api/alert"),
        ("api/alerts", "api/alerts/1"),
        ("api/{id}", "api/a/b"),
        ("api/{id}", "api"),
        ("api/{id}", "api/"),
        ("api/{id:int}", "api/1x"),
        ("api/{id:alpha}", "api/1"),
        ("a.b", "axb"),
    ],
)
def test_routes_that_do_not(template: str, path: str) -> None:
    assert compile_route(template, "It")[0].fullmatch(path) is None


@pytest.mark.parametrize("template", ["{", "a{b}", "{a}{b}", "{a:int:min(1)}", "{a=1}", "{1}"])
def test_templates_that_are_not_known(template: str) -> None:
    with pytest.raises(SettingError, match=r"^It has the segment"):
        compile_route(template, "It")


def test_the_more_specific_route_comes_first() -> None:
    templates = ["{*rest}", "api/{id}", "api/{id:int}", "api/alerts"]
    assert sorted(templates, key=lambda t: compile_route(t, "It")[1]) == templates[::-1]


@pytest.mark.parametrize(
    ("level", "offered", "opens"),
    [
        ("ANONYMOUS", "", True),
        ("FUNCTION", "", False),
        ("FUNCTION", "d", True),
        ("FUNCTION", "m", True),
        ("FUNCTION", "ü", False),
        ("ADMIN", "d", False),
        ("ADMIN", "m", True),
    ],
)
def test_keys(level: str, offered: str, opens: bool) -> None:
    assert Keys(master="m", default="d").open(level, offered) is opens


# outputs


@pytest.mark.parametrize(
    ("value", "events"),
    [
        ("text", [b"text"]),
        ("", [b""]),
        ('{"a": 1}', [b'{"a": 1}']),
        ("7", [b"7"]),
        ('["a", {"b": 1}]', [b"a", b'{"b": 1}']),
        (["a", "ü"], [b"a", "ü".encode()]),
        ([], []),
        (b"\xff", [b"\xff"]),
        (7, [b"7"]),
    ],
)
def test_outputs(value: Any, events: list[bytes]) -> None:
    assert outgoing(value) == events


def test_an_output_that_cannot_be_sent() -> None:
    with pytest.raises(TypeError, match="unable to encode outgoing TypedData"):
        outgoing({"a": 1})


# log lines


@pytest.fixture
def _root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)


@pytest.mark.usefixtures("_root_logger")
def test_levels_by_category(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure({"default": "Warning", "Function.ingest": "Error", "Function": "Debug", "Host": "None"})
    for function in ("ingest", "other", None):
        token = log.running.set(function)
        for level in (logging.DEBUG, logging.WARNING, logging.ERROR):
            logging.getLogger("azure.storage").log(level, "<%s %d>", function, level)
        log.running.reset(token)
    said = capsys.readouterr().err
    assert [line.rpartition(": ")[2] for line in said.splitlines()] == [
        "<ingest 40>",
        "<other 10>",
        "<other 30>",
        "<other 40>",
        "<None 30>",  # the SDKs at work for the host: warnings and worse
        "<None 40>",
    ]


def test_an_error_on_one_line_without_its_message() -> None:
    def inner() -> None:
        raise ValueError("card 4111 1111\nsecond line")

    def outer() -> None:
        try:
            inner()
        except ValueError as error:
            raise RuntimeError("again 4111 1111") from error

    with pytest.raises(RuntimeError) as caught:
        outer()
    line = log.describe(caught.value)
    assert line.startswith("RuntimeError, because of ValueError in outer (test_host_parts.py:")
    assert "4111" not in line
    assert "\n" not in line


# invocations


def function(call: Callable[..., Any], **changes: Any) -> Function:
    values: dict[str, Any] = {
        "name": "f",
        "call": call,
        "trigger": HttpTrigger("req", "f", (), "ANONYMOUS"),
        "outputs": (),
        "retry": None,
        "takes_context": False,
        "has_return": False,
        "is_async": asyncio.iscoroutinefunction(call),
        "directory": "",
    }
    return Function(**{**values, **changes})


def run(function_: Function, argument: Callable[[], Any] = lambda: 1) -> tuple[bool, list[tuple[str, Any]]]:
    sent: list[tuple[str, Any]] = []

    async def send(output: HubOutput, value: Any) -> None:
        if value == "refused":
            raise OSError
        sent.append((output.hub, value))

    async def main() -> bool:
        return await asyncio.wait_for(Invoker(send).invoke(function_, argument), 30)

    return asyncio.run(main()), sent


def raising(error: BaseException) -> Callable[..., Any]:
    def call(req: Any) -> None:
        raise error

    return call


def nothing(**_: Any) -> None:
    return None


def refused(**_: Any) -> str:
    return "refused"


async def cancelled(req: Any) -> None:
    task = asyncio.ensure_future(asyncio.sleep(60))
    task.cancel()
    await task


@pytest.mark.parametrize(
    ("call", "succeeds"),
    [
        (nothing, True),
        (refused, False),  # a value, but no $return binding
        (raising(ValueError()), False),
        (raising(asyncio.CancelledError()), False),
        (cancelled, False),
    ],
)
def test_what_counts_as_a_failure(call: Callable[..., Any], succeeds: bool) -> None:
    assert run(function(call))[0] is succeeds


def test_an_argument_that_cannot_be_decoded_is_a_failure() -> None:
    def broken() -> Any:
        raise AssertionError("Number of bodies and metadata mismatched")

    assert run(function(nothing), argument=broken) == (False, [])


def test_outputs_are_sent_and_a_failure_to_send_fails_the_invocation() -> None:
    out, returned = HubOutput("out", "a", "c"), HubOutput("$return", "b", "c")

    def call(req: Any, out: Any) -> str:
        out.set("1")
        assert out.get() == "1"
        return "2"

    assert run(function(call, outputs=(out, returned), has_return=True)) == (True, [("a", "1"), ("b", "2")])
    assert run(function(refused, outputs=(returned,), has_return=True)) == (False, [])
    assert run(function(nothing, outputs=(out,))) == (True, [])  # nothing set, nothing sent


def test_retries_see_their_number_and_end() -> None:
    seen: list[tuple[int, int]] = []

    def call(req: Any, context: Any) -> None:
        seen.append((context.retry_context.retry_count, context.retry_context.max_retry_count))
        if len(seen) < 4:
            raise ValueError

    assert run(function(call, takes_context=True, retry=Retry(-1, 0.0, 0.0)))[0]
    assert seen == [(0, -1), (1, -1), (2, -1), (3, -1)]
    del seen[:]
    assert not run(function(call, takes_context=True, retry=Retry(2, 0.0, 0.0)))[0]
    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_stopping_ends_the_wait_for_a_retry() -> None:
    async def main() -> None:
        async def send(output: HubOutput, value: Any) -> None: ...

        invoker = Invoker(send)
        waiting = asyncio.create_task(invoker.invoke(function(raising(ValueError()), retry=Retry(-1, 3600.0, 3600.0)), lambda: 1))
        await asyncio.sleep(0)
        invoker.stop()
        with pytest.raises(Stopped):
            await asyncio.wait_for(waiting, 30)

    asyncio.run(main())


# received events


def message(**changes: Any) -> Any:
    annotations = {
        b"x-opt-sequence-number": 7,
        b"x-opt-offset": b"4096",
        b"x-opt-enqueued-time": 1_795_489_629_120,
        b"x-opt-partition-key": "schlüssel".encode(),
    }
    return Message(**{"data": [b"a", b"\xff"], "message_annotations": annotations, "application_properties": {b"k": b"v"}, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"data": [b""]},
        {"message_annotations": {b"x-opt-sequence-number": 0, b"x-opt-offset": b"0", b"x-opt-enqueued-time": 1}},
        {"message_annotations": None, "application_properties": None},
    ],
)
def test_a_received_event_is_what_the_sdk_says(changes: dict[str, Any]) -> None:
    ours = ReceivedEvent(message(**changes))
    theirs = EventData._from_message(message(**changes))
    for name in ("sequence_number", "offset", "enqueued_time", "partition_key"):
        if changes.get("message_annotations", {}) is not None:  # the SDK fails without any
            assert getattr(ours, name) == getattr(theirs, name), name
        else:
            assert getattr(ours, name) is None
    assert ours.properties == (theirs.properties or {})
    assert b"".join(ours.body) == b"".join(cast("list[bytes]", theirs.body))


def test_an_amqp_value_has_no_body() -> None:
    assert ReceivedEvent(message(data=None, value="x")).body == []


def test_installed_only_where_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "EventData", EventData)
    assert received.install()
    assert received.install()
    other = object()
    monkeypatch.setattr(consumer, "EventData", other)
    assert not received.install()
    assert getattr(consumer, "EventData", None) is other
    monkeypatch.delattr(consumer, "EventData")
    assert not received.install()


@pytest.mark.parametrize("kind", [ReceivedEvent, EventData])
def test_a_batch_is_decoded_by_the_stock_converter(kind: Any) -> None:
    context = cast(
        PartitionContext,
        SimpleNamespace(fully_qualified_namespace="localhost", eventhub_name="calls", consumer_group="$Default", partition_id="3"),
    )
    bare = message(message_annotations={b"x-opt-sequence-number": 8, b"x-opt-offset": b"9", b"x-opt-enqueued-time": 1000}, data=[b""])
    first, second = decode(context, [kind._from_message(message()), kind._from_message(bare)])
    assert first.get_body() == b"a\xff"
    assert (first.sequence_number, first.offset, first.partition_key) == (7, 4096, "schlüssel")
    assert first.enqueued_time == datetime(2026, 11, 24, 3, 7, 9, 120000)
    assert first.metadata["PropertiesArray"][0] == {"k": "v"}
    assert first.metadata["SequenceNumberArray"] == [7, 8]
    assert (second.get_body(), second.partition_key, second.enqueued_time) == (b"", None, datetime(1970, 1, 1, 0, 0, 1))
    assert partition_of([first, second]) == "3"
    assert sequence_numbers([first, second]) == [7, 8]


# sign-in


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:7071", True),
        ("localhost:1", True),
        ("LocalHost", True),
        ("[::1]:7071", True),
        ("", False),
        ("contoso.com", False),
        ("localhost.contoso.com", False),
        ("127.0.0.1.contoso.com:80", False),
        ("127.0.0.1@contoso.com", False),
        ("contoso.com:127.0.0.1", False),
        ("localhost:7071:7071", False),
    ],
)
def test_which_names_are_this_machine(host: str, local: bool) -> None:
    assert is_local(host) is local


def test_the_stand_in_replaces_whatever_a_request_says_of_its_sender() -> None:
    forged = {"x-ms-client-principal": "e30=", "x-ms-client-principal-idp": "x", "accept": "*/*"}
    assert through(forged, stand_in([])) == {"accept": "*/*"}
    ours = stand_in(["reader"])
    assert through(forged, ours) == {"accept": "*/*", **ours}
