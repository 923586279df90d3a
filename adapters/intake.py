"""Intake of Event Hub batches at speed: the one slow method of the azure-functions converter replaced, and its metadata read once.

The stock converter parses the enqueued time of every event with `strptime`, trying twelve formats before the one that the Event Hubs
extension sends (text without an offset). That is 95 % of what an event costs before the function's own code runs. Only this one method is
replaced, and only where it is seen to be what we know: it is private, so a later azure-functions may change it at any time.
"""

from __future__ import annotations

import gc
import json
import logging
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from azure.functions import EventHubEvent, meta
from azure.functions.eventhub import EventHubTriggerConverter

_log = logging.getLogger(__name__)
_METHOD = "_parse_datetime"
_MARK = "gatewatch_stock"  # on our method: the stock one that it replaced

# What both parsers read alike. `fromisoformat` alone would also take dates, week numbers, spaces and other offsets, which stock refuses.
_same_in_both = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-]00:00)?").fullmatch

# One of each form that the host and its extensions are known to send, and what stock refuses.
PROBES: tuple[str | None, ...] = (
    None,
    "",
    "2026-11-24T03:07:09",
    "2026-11-24T03:07:09.1",
    "2026-11-24T03:07:09.123",
    "2026-11-24T03:07:09.123456",
    "2026-11-24T03:07:09.1234567",
    "2026-11-24T03:07:09Z",
    "2026-11-24T03:07:09.1234567Z",
    "2026-11-24T03:07:09+00:00",
    "2026-11-24T03:07:09.123-00:00",
    "11/24/2026 03:07:09Z",
    "2026-11-24",
    "2026-11-24T03:07:09+02:00",
    "not a time",
)


def install() -> bool:
    """Makes this process's converter fast. True if it is, also when it already was; False, with one warning in the log, if it stays stock.

    Call it at import of the function app, before the first batch.
    """
    stock = vars(meta._BaseConverter).get(_METHOD) if hasattr(meta, "_BaseConverter") else None
    if not isinstance(stock, classmethod):
        return _stay_on_stock(f"its converter has no class method {_METHOD}")
    if hasattr(stock.__func__, _MARK):
        return True
    fast = _fast(stock.__func__)
    for text in PROBES:
        if _outcome(stock.__func__, text) != _outcome(fast, text):
            return _stay_on_stock(f"its converter reads the time {text!r} differently")
    setattr(meta._BaseConverter, _METHOD, classmethod(fast))
    if getattr(getattr(EventHubTriggerConverter, _METHOD), "__func__", None) is not fast:
        setattr(meta._BaseConverter, _METHOD, stock)
        return _stay_on_stock("its Event Hubs converter has a time parser of its own")
    return True


def collect_seldom() -> None:
    """Let Python look for cyclic garbage every 10,000 containers instead of every 700, and never among what is imported by now: a batch makes rows by the
    thousand and no cycles, and the search took a fifth of its time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def partition_of(events: Sequence[EventHubEvent]) -> str:
    """Partition id of a batch (a batch never mixes partitions); "" when there is no event or the host gave no partition context."""
    if not events:
        return ""
    context = _partition_context(events[0])
    partition = context.get("PartitionId") if isinstance(context, dict) else None
    return partition if isinstance(partition, str) else ""


def sequence_numbers(events: Sequence[EventHubEvent]) -> list[int | None]:
    """Sequence number of each event, in the order of the batch; None where the host gave none."""
    return [event.sequence_number for event in events]


def _partition_context(event: EventHubEvent) -> Any:
    # `event.metadata` parses every array of the whole batch (1-4 us an event). The one small entry that is needed lies behind a private
    # name; where that is gone, the slow public way still answers.
    raw = getattr(event, "_EventHubEvent__trigger_metadata", None)
    try:
        if isinstance(raw, dict):
            datum = raw.get("PartitionContext")
            return None if datum is None else json.loads(datum.value)
        return (event.metadata or {}).get("PartitionContext")
    except (AttributeError, TypeError, ValueError):  # metadata that is no JSON
        return None


def _fast(stock: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    parse = datetime.fromisoformat

    def _parse_datetime(cls: Any, datetime_str: Any) -> Any:
        if datetime_str and _same_in_both(datetime_str):
            try:
                return parse(datetime_str)
            except ValueError:  # e.g. month 13: stock has the words for it
                pass
        return stock(cls, datetime_str)

    setattr(_parse_datetime, _MARK, stock)
    return _parse_datetime


def _outcome(parse: Callable[[Any, Any], Any], text: str | None) -> tuple[object, ...]:
    try:
        value = parse(meta._BaseConverter, text)
    except Exception as error:
        return (type(error),)
    return (value, getattr(value, "tzinfo", None))


def _stay_on_stock(reason: str) -> bool:
    _log.warning("azure-functions is not the one that Gatewatch knows (%s): its slow converter stays", reason)
    return False
