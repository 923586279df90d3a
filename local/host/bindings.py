"""The functions of an app as this host runs them, read from the binding JSON that the app object gives to the real host."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import uniform
from typing import Any

from local.host.settings import SettingError, connection, resolve, seconds


@dataclass(frozen=True)
class HubTrigger:
    parameter: str
    hub: str
    connection: str
    group: str


@dataclass(frozen=True)
class TimerTrigger:
    parameter: str
    schedule: str
    run_on_startup: bool
    use_monitor: bool


@dataclass(frozen=True)
class HttpTrigger:
    parameter: str
    route: str
    methods: tuple[str, ...]  # empty for all
    auth: str  # ANONYMOUS, FUNCTION or ADMIN


@dataclass(frozen=True)
class HubOutput:
    parameter: str  # "$return" for what the function returns
    hub: str
    connection: str


@dataclass(frozen=True)
class Retry:
    """`@app.retry`. Intervals in seconds; a count of -1 is for ever."""

    max_count: int
    minimum: float
    maximum: float

    def wait(self, retry: int) -> float:
        """Seconds before the given retry (1 is the first), as the WebJobs SDK's randomised exponential backoff counts them."""
        growth = (2.0 ** min(retry - 1, 30) - 1) * uniform(0.8, 1.2)
        return min(self.maximum, self.minimum * (1 + growth))


@dataclass(frozen=True)
class Function:
    name: str
    call: Callable[..., Any]
    trigger: HubTrigger | TimerTrigger | HttpTrigger
    outputs: tuple[HubOutput, ...]
    retry: Retry | None
    takes_context: bool
    has_return: bool  # a `$return` binding: HTTP, or an output
    is_async: bool
    directory: str


def read_function(indexed: Any, environ: Mapping[str, str]) -> Function:
    """Turns one azure-functions Function object into ours. Raises SettingError where a setting is missing or a binding is not known here."""
    name = indexed.get_function_name()
    call = indexed.get_user_function()
    trigger: HubTrigger | TimerTrigger | HttpTrigger | None = None
    outputs = []
    has_return = False
    for raw in indexed.get_raw_bindings():
        binding = json.loads(raw)
        kind, parameter = binding["type"], binding["name"]
        has_return = has_return or parameter == "$return"
        if kind == "http":
            continue  # the response, always `$return`
        where = f"The {kind} binding of function {name}"
        if kind == "eventHub":
            outputs.append(
                HubOutput(parameter, resolve(binding["eventHubName"], environ, where), connection(binding["connection"], environ, where))
            )
        else:
            trigger = _trigger(kind, binding, environ, where)
    if trigger is None:
        raise SettingError(f"Function {name} has no trigger.")
    return Function(
        name=name,
        call=call,
        trigger=trigger,
        outputs=tuple(outputs),
        retry=_retry(indexed.get_settings_dict("retry_policy"), f"The retry policy of function {name}"),
        takes_context="context" in inspect.signature(call).parameters,
        has_return=has_return,
        is_async=inspect.iscoroutinefunction(call),
        directory=str(Path(inspect.getfile(inspect.unwrap(call))).parent),
    )


def _trigger(kind: str, binding: Mapping[str, Any], environ: Mapping[str, str], where: str) -> HubTrigger | TimerTrigger | HttpTrigger:
    parameter = binding["name"]
    if kind == "eventHubTrigger":
        if (binding.get("cardinality"), binding.get("dataType")) != ("MANY", "BINARY"):
            raise SettingError(f"{where} must have cardinality MANY and data_type BINARY: this host runs no other.")
        return HubTrigger(
            parameter=parameter,
            hub=resolve(binding["eventHubName"], environ, where),
            connection=connection(binding["connection"], environ, where),
            group=resolve(binding.get("consumerGroup") or "$Default", environ, where),
        )
    if kind == "timerTrigger":
        return TimerTrigger(
            parameter=parameter,
            schedule=resolve(binding["schedule"], environ, where),
            run_on_startup=bool(binding.get("runOnStartup") or False),
            use_monitor=binding.get("useMonitor") is not False,
        )
    if kind == "httpTrigger":
        return HttpTrigger(
            parameter=parameter,
            route=resolve(binding["route"], environ, where).strip("/"),
            methods=tuple(str(method).upper() for method in binding.get("methods") or ()),
            auth=str(binding.get("authLevel") or "FUNCTION").upper(),
        )
    raise SettingError(
        f"{where} is of a kind that this host does not run: it runs eventHubTrigger, timerTrigger, httpTrigger and eventHub."
    )


def _retry(policy: Mapping[str, Any] | None, where: str) -> Retry | None:
    if not policy:
        return None
    fixed = policy["strategy"] == "fixed_delay"
    minimum = seconds(policy["delay_interval" if fixed else "minimum_interval"], where)
    return Retry(
        max_count=int(policy["max_retry_count"]),
        minimum=minimum,
        maximum=minimum if fixed else max(minimum, seconds(policy["maximum_interval"], where)),
    )
