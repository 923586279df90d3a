"""Timer triggers: NCRONTAB and TimeSpan schedules in UTC, never two runs of one timer at a time, what was missed while stopped is past due."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.functions import meta
from azure.functions.timer import TimerRequestConverter
from azure.storage.blob.aio import ContainerClient
from cronsim import CronSim, CronSimError

from local.host.bindings import Function, TimerTrigger
from local.host.invocation import Invoker, Stopped
from local.host.settings import SettingError, seconds

CONTAINER = "azure-webjobs-hosts"  # where the real host keeps timer states: timers/<host>/Host.Functions.<name>/status
_log = logging.getLogger("host.timers")


@dataclass(frozen=True)
class Schedule:
    """When a timer fires: an NCRONTAB expression of five or six fields, or a constant interval."""

    text: str
    interval: timedelta | None = None

    def next(self, after: datetime) -> datetime:
        if self.interval is not None:
            return after + self.interval
        cron = CronSim(self.text, after)
        cron.day_and = True  # NCRONTAB demands day of month and day of week both; cron takes either
        return next(cron)


def read_schedule(text: str, where: str) -> Schedule:
    """Raises SettingError if `text` is neither an NCRONTAB expression nor a TimeSpan, or never comes."""
    if ":" in text and re.fullmatch(r"[\d.:]+", text.strip()):
        interval = timedelta(seconds=seconds(text.strip(), where))
        if not interval:
            raise SettingError(f"{where} must be longer than zero.")
        return Schedule(text, interval)
    schedule = Schedule(text)
    try:
        schedule.next(datetime(2000, 1, 1, tzinfo=UTC))
    except (CronSimError, StopIteration) as error:
        reason = str(error) or "no such day"
        raise SettingError(f"{where} must be an NCRONTAB expression such as 0 */5 * * * *, not {text!r} ({reason}).") from None
    return schedule


class Timer:
    """One timer-triggered function."""

    def __init__(self, function: Function, trigger: TimerTrigger, invoker: Invoker, storage: str) -> None:
        """`storage` is the connection string of the account that holds the state of monitored timers. Raises SettingError."""
        self._function = function
        self._trigger = trigger
        self._invoker = invoker
        self._schedule = read_schedule(trigger.schedule, f"The schedule of function {function.name}")
        first = self._schedule.next(datetime(2000, 1, 1, tzinfo=UTC))
        often = self._schedule.next(first) - first < timedelta(minutes=1)
        self._status = _Status(function.name, storage) if trigger.use_monitor and not often else None  # as the real host decides it
        self._running = asyncio.Lock()

    async def run(self) -> None:
        """Fires until the host stops."""
        last: dict[str, str] = {}
        past_due = False
        if self._status is not None:
            last = await self._status.read()
            due = _time(last.get("Next"))
            past_due = due is not None and due < datetime.now(UTC)
        if past_due or self._trigger.run_on_startup:
            await self._fire(past_due, last)
        while True:
            now = datetime.now(UTC)
            due = self._schedule.next(now)
            if not await self._invoker.wait((due - now).total_seconds()):
                return
            while (early := (due - datetime.now(UTC)).total_seconds()) > 0:  # the loop's clock is not the wall's
                await asyncio.sleep(early)
            await self._fire(False, last)

    async def run_now(self) -> None:
        """Fires once out of turn, after a run that is under way."""
        await self._fire(False, {})

    async def _fire(self, past_due: bool, last: dict[str, str]) -> None:
        async with self._running:
            if self._invoker.stopping:
                return
            request = {
                "Schedule": {"AdjustForDST": True},
                "ScheduleStatus": dict(last) if self._status is not None else None,
                "IsPastDue": past_due,
            }
            datum = meta.Datum(json.dumps(request), "json")
            fired = datetime.now(UTC)
            with suppress(Stopped):
                await self._invoker.invoke(self._function, lambda: TimerRequestConverter.decode(datum, trigger_metadata={}))
            if self._status is not None:
                now = datetime.now(UTC)
                last.update(Last=fired.isoformat(), Next=self._schedule.next(now).isoformat(), LastUpdated=now.isoformat())
                await self._status.write(last)


class _Status:
    """The state of a monitored timer, a blob of JSON {Last, Next, LastUpdated}: it outlives the host."""

    def __init__(self, function_name: str, storage: str) -> None:
        self._storage = storage
        self._name = f"timers/local/Host.Functions.{function_name}/status"

    async def read(self) -> dict[str, str]:
        try:
            async with ContainerClient.from_connection_string(self._storage, CONTAINER) as container:
                with suppress(ResourceExistsError):
                    await container.create_container()
                blob = await container.download_blob(self._name)
                content = json.loads(await blob.readall())
        except ResourceNotFoundError:
            return {}
        except (AzureError, ValueError) as error:
            _log.warning("the state of %s cannot be read: %s", self._name, type(error).__name__)
            return {}
        return {str(key): str(value) for key, value in content.items()} if isinstance(content, dict) else {}

    async def write(self, content: dict[str, str]) -> None:
        try:
            async with ContainerClient.from_connection_string(self._storage, CONTAINER) as container:
                await container.upload_blob(self._name, json.dumps(content).encode(), overwrite=True)
        except AzureError as error:
            _log.warning("the state of %s cannot be written: %s", self._name, type(error).__name__)


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
