"""One invocation after the other of the app's functions: threads, context, outputs and retries, as the worker and the host have them."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import uuid
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from local.host.bindings import Function, HubOutput
from local.host.log import describe, running

_log = logging.getLogger("host")
_thread_local = threading.local()


class Stopped(Exception):
    """The host is stopping: the invocation did not come to its end and must not count as done."""


@dataclass(frozen=True)
class RetryContext:
    """What `context.retry_context` gives; the first try has a count of 0."""

    retry_count: int
    max_retry_count: int
    exception: None = None  # the worker's carries the failure's text, which this host does not keep


@dataclass(frozen=True)
class TraceContext:
    trace_parent: str = ""
    trace_state: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """The `azure.functions.Context` of one invocation."""

    function_name: str
    function_directory: str
    invocation_id: str
    retry_context: RetryContext
    trace_context: TraceContext = TraceContext()
    thread_local_storage: threading.local = _thread_local


class Out:
    """The `func.Out` that a function gets for an output binding."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, value: Any) -> None:
        self._value = value

    def get(self) -> Any:
        return self._value


class Invoker:
    """Runs functions: sync ones in threads, as many as the worker has, async ones on the loop."""

    def __init__(self, send: Callable[[HubOutput, Any], Awaitable[None]]) -> None:
        """`send` delivers the value of one output binding."""
        threads = int(os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT") or min(32, (os.cpu_count() or 1) + 4))
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="function")
        self._send = send
        self._stopping = asyncio.Event()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """No invocation is retried from now on; those that run come to their end."""
        self._stopping.set()

    async def wait(self, seconds: float) -> bool:
        """Sleeps; False as soon as the host is stopping."""
        try:
            await asyncio.wait_for(self._stopping.wait(), max(0.0, seconds))
        except TimeoutError:
            return True
        return False

    async def invoke(self, function: Function, argument: Callable[[], Any]) -> bool:
        """Calls the function until it succeeds or its retry policy ends. True if it succeeded; raises Stopped in a wait for a retry.

        `argument` makes the trigger's argument, anew for each try: decoding is part of the invocation, as in the worker.
        """
        retry = 0
        while True:
            try:
                await self.attempt(function, argument, retry)
            except Exception:  # logged where it was caught first
                policy = function.retry
                if policy is None or 0 <= policy.max_count <= retry:
                    return False
                retry += 1
                if not await self.wait(policy.wait(retry)):
                    raise Stopped from None
            else:
                return True

    async def attempt(self, function: Function, argument: Callable[[], Any], retry: int = 0) -> Any:
        """Calls the function once and delivers its outputs; returns what it returned. Logs a failure on one line and raises it."""
        invocation = str(uuid.uuid4())
        started = perf_counter()
        try:
            result = await self._call(function, argument, invocation, retry)
        except SystemExit as exit_:
            _log.critical("Function %s ended the worker process (%s), as it would in Azure", function.name, describe(exit_))
            os._exit(3)
        except (Exception, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # it is the host that ends, not something that the function had cancelled
            _log.error("Executed %s (Failed, Id=%s, %d ms): %s", function.name, invocation, _ms(started), describe(error))
            if isinstance(error, asyncio.CancelledError):
                raise RuntimeError("the function ended in a cancellation") from error
            raise
        _log.info("Executed %s (Succeeded, Id=%s, %d ms)", function.name, invocation, _ms(started))
        return result

    async def _call(self, function: Function, argument: Callable[[], Any], invocation: str, retry: int) -> Any:
        arguments = {function.trigger.parameter: argument()}
        if function.takes_context:
            policy = function.retry
            retries = RetryContext(retry, policy.max_count if policy else 0)
            arguments["context"] = Context(function.name, function.directory, invocation, retries)
        outs = {output.parameter: Out() for output in function.outputs if output.parameter != "$return"}
        arguments.update(outs)

        token = running.set(function.name)
        try:
            if function.is_async:
                result = await function.call(**arguments)
            else:
                context = copy_context()
                loop = asyncio.get_running_loop()
                result = await loop.run_in_executor(self._threads, lambda: context.run(_in_thread, function, arguments, invocation))
        finally:
            running.reset(token)

        if result is not None and not function.has_return:
            raise RuntimeError(f"function {function.name!r} without a $return binding returned a non-None value")
        for output in function.outputs:
            value = result if output.parameter == "$return" else outs[output.parameter].get()
            if value is not None:
                await self._send(output, value)
        return result


def _in_thread(function: Function, arguments: Mapping[str, Any], invocation: str) -> Any:
    _thread_local.invocation_id = invocation
    return function.call(**arguments)


def _ms(started: float) -> int:
    return round((perf_counter() - started) * 1000)
