"""Each row of the table of what the real Python worker refuses, and its neighbours that it accepts (measured on worker 4.34)."""

from __future__ import annotations

import textwrap
from types import ModuleType

import pytest

from local.host.contract import check_app

HEAD = """
import functools
from typing import Dict, List, Optional, Union
import azure.functions as func
app = func.FunctionApp()
HUB = dict(arg_name="events", event_hub_name="calls", connection="C", cardinality=func.Cardinality.MANY, data_type=func.DataType.BINARY)
OUT = dict(arg_name="out", event_hub_name="alerts", connection="C")
"""


def refusals(code: str, head: str = HEAD) -> list[str]:
    module = ModuleType("function_app")
    exec(head + textwrap.dedent(code), module.__dict__)
    return check_app(module)


def hub(signature: str) -> list[str]:
    return refusals(f"""
        @app.event_hub_message_trigger(**HUB)
        def ingest({signature}): ...
    """)


def http(signature: str) -> list[str]:
    return refusals(f"""
        @app.route("x")
        def page({signature}: ...
    """)


def output(annotation: str) -> list[str]:
    return refusals(f"""
        @app.event_hub_output(**OUT)
        @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
        def send(timer: func.TimerRequest, out: {annotation}) -> None: ...
    """)


@pytest.mark.parametrize(
    "signature",
    [
        "events: List[func.EventHubEvent]",
        "events: List[func.EventHubEvent], context: func.Context",
        "events: func.EventHubEvent",  # still gets a list
        "events",
        "events, context",
        "events: 'List[func.EventHubEvent]'",
        "events: str",
        "events: bytes",
    ],
)
def test_accepted_hub_functions(signature: str) -> None:
    assert hub(signature) == []


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        ("events: list[func.EventHubEvent]", "cannot load the ingest function: binding events has invalid non-type annotation list["),
        ("events: list", 'type of events binding in the binding decorator "eventHubTrigger" does not match its Python annotation "list"'),
        ("events: dict", 'does not match its Python annotation "dict"'),
        ("events: List[bytes]", 'does not match its Python annotation "List"'),
        ("events: Optional[List[func.EventHubEvent]]", "invalid non-type annotation typing.Optional["),
        ("events: List[func.EventHubEvent] | None", "invalid non-type annotation typing.Optional["),
        ("events: List[func.EventHubEvent], extra=1", "declared in Python but not in the function definition"),
        ("events: List[func.EventHubEvent], *args", "{'args'}"),
        ("events: List[func.EventHubEvent], **kw", "{'kw'}"),
        ("", "declared as bindings but are not present in Python: {'events'}"),
        ("other: List[func.EventHubEvent]", "declared in Python but not in the function definition"),
        ("events: List[func.EventHubEvent], context: dict", 'the "context" parameter is expected to be of type azure.functions.Context'),
        ("events: func.Out[str]", 'declared to have the "in" direction'),
        ("events: List['Unknown']", "ingest: NameError"),
    ],
)
def test_refused_hub_functions(signature: str, reason: str) -> None:
    (refusal,) = hub(signature)
    assert reason in refusal


def test_postponed_annotations_are_accepted() -> None:
    code = """
        @app.event_hub_message_trigger(**HUB)
        def ingest(events: List[func.EventHubEvent], context: func.Context) -> None: ...
    """
    assert refusals(code, "from __future__ import annotations\n" + HEAD) == []


@pytest.mark.parametrize("annotation", ["func.Out[str]", "func.Out[bytes]", "func.Out[List[str]]"])
def test_accepted_outputs(annotation: str) -> None:
    assert output(annotation) == []


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ("func.Out[list[str]]", "invalid non-type annotation"),
        ("func.Out[List[dict]]", 'does not match its Python annotation "List"'),
        ("func.Out[func.EventHubEvent]", 'does not match its Python annotation "EventHubEvent"'),
        ("func.Out", "invalid Out annotation"),
        ("str", 'declared to have the "out" direction'),
    ],
)
def test_refused_outputs(annotation: str, reason: str) -> None:
    (refusal,) = output(annotation)
    assert reason in refusal


@pytest.mark.parametrize("signature", ["req: func.HttpRequest) -> func.HttpResponse", "req: func.HttpRequest) -> str", "req)"])
def test_accepted_http_functions(signature: str) -> None:
    assert http(signature) == []


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (
            "req: func.HttpRequest) -> Union[str, func.HttpResponse]",
            "cannot load the page function: has invalid non-type return annotation",
        ),
        ("req: func.HttpRequest) -> func.HttpResponse | None", "has invalid non-type return annotation"),
        ("req: func.HttpRequest) -> Dict[str, str]", "has invalid non-type return annotation"),
        ("req: func.HttpRequest) -> dict", 'Python return annotation "dict" does not match binding type "http"'),
        ("req: func.HttpRequest) -> None", 'Python return annotation "NoneType" does not match binding type "http"'),
        ("req: func.HttpRequest) -> func.Out[str]", "return annotation should not be azure.functions.Out"),
        ("req: func.TimerRequest) -> str", 'does not match its Python annotation "TimerRequest"'),
    ],
)
def test_refused_http_functions(signature: str, reason: str) -> None:
    (refusal,) = http(signature)
    assert reason in refusal


def test_decorators() -> None:
    code = """
        def traced(function):
            {wraps}
            def wrapper(*args, **kwargs):
                return function(*args, **kwargs)
            return wrapper

        @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
        @traced
        def tick(timer: func.TimerRequest) -> None: ...
    """
    assert refusals(code.format(wraps="@functools.wraps(function)")) == []
    (refusal,) = refusals(code.format(wraps=""))
    assert "cannot load the wrapper function: the following parameters are declared in Python" in refusal


def test_two_triggers_on_one_function() -> None:
    with pytest.raises(ValueError, match="A trigger was already registered"):  # azure-functions itself, at import
        refusals("""
            @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
            @app.event_hub_message_trigger(**HUB)
            def both(timer, events): ...
        """)


def test_one_name_twice_over_all_blueprints() -> None:
    (refusal,) = refusals("""
        bp = func.Blueprint()

        @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
        def tick(timer): ...

        @bp.function_name("tick")
        @bp.timer_trigger(arg_name="timer", schedule="0 * * * * *")
        def tock(timer): ...

        app.register_functions(bp)
    """)
    assert "does not have a unique function name" in refusal


def test_a_blueprint_in_the_module_is_accepted() -> None:
    assert (
        refusals("""
        bp = func.Blueprint()

        @bp.timer_trigger(arg_name="timer", schedule="0 * * * * *")
        def tock(timer): ...

        app.register_functions(bp)
    """)
        == []
    )


@pytest.mark.parametrize("line", ["other = func.FunctionApp()", "alias = app"])
def test_two_names_that_hold_an_app(line: str) -> None:
    assert refusals(line) == ["More than one FunctionApp or other top level function app instances are defined."]


def test_no_app() -> None:
    assert refusals("", head="") == ["Could not find top level function app instances in function_app.py."]


def test_functions_made_in_a_loop() -> None:
    assert (
        refusals("""
        def make(name):
            @app.function_name(name)
            @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
            def run(timer: func.TimerRequest) -> None: ...

        for name in ("one", "two"):
            make(name)
    """)
        == []
    )


def retry(settings: str) -> list[str]:
    return refusals(f"""
        @app.event_hub_message_trigger(**HUB)
        @app.retry({settings})
        def ingest(events: List[func.EventHubEvent]) -> None: ...
    """)


@pytest.mark.parametrize(
    "settings",
    [
        'strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:05"',
        'strategy="fixed_delay", max_retry_count=-1, delay_interval="01:00:00"',
        'strategy="exponential_backoff", max_retry_count="-1", minimum_interval="00:00:01", maximum_interval="00:05:00"',
    ],
)
def test_accepted_retries(settings: str) -> None:
    assert retry(settings) == []


@pytest.mark.parametrize(
    "settings",
    [
        'strategy="fixed_delay", max_retry_count="3", delay_interval="1"',
        'strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:00.5"',
        'strategy="fixed_delay", max_retry_count="3", delay_interval="24:00:00"',
        'strategy="fixed_delay", max_retry_count="3"',
        'strategy="fixed_delay", max_retry_count="many", delay_interval="00:00:05"',
        'strategy="exponential_backoff", max_retry_count="3", delay_interval="00:00:05"',
        'strategy="exponential_backoff", max_retry_count="3", minimum_interval="00:00:01"',
    ],
)
def test_refused_retries(settings: str) -> None:
    (refusal,) = retry(settings)
    assert refusal.startswith("cannot load the ingest function: retry policy: ")


def test_every_refusal_is_told_not_only_the_first() -> None:
    assert (
        len(
            refusals("""
        @app.route("a")
        def a(req, more): ...

        @app.route("b")
        def b(req) -> dict: ...
    """)
        )
        == 2
    )
