"""Intake of Event Hub batches at speed: two methods of the azure-functions converter replaced, and its metadata read once.

The stock converter parses the enqueued time of every event with `strptime`, trying twelve formats before the one that the Event Hubs
extension sends (text without an offset). That is 95 % of what an event costs before the function's own code runs. Most of the rest goes into an
EventHubEvent for each message, of which we read three attributes: `Arrived` holds these as columns, and makes the objects only for who asks.
Both methods are replaced only where they are seen to do what we know: a later azure-functions may change them at any time.
"""

from __future__ import annotations

import gc
import json
import logging
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, overload

import msgspec
from azure.functions import EventHubEvent, meta
from azure.functions.eventhub import EventHubTriggerConverter

_log = logging.getLogger(__name__)
_METHOD = "_parse_datetime"
_MANY = "decode_multiple_events"
_MARK = "gatewatch_stock"  # on our methods: the stock one that each replaced

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
    """Makes this process's converter fast. True if it is, also when it already was; False, with a warning in the log, where some of it stays stock.

    Call it at import of the function app, before the first batch.
    """
    return _install_times() and _install_columns()


def _install_times() -> bool:
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


class _Properties(msgspec.Struct, rename="pascal", gc=False):
    """What is read of an event's system properties."""

    sequence_number: int
    enqueued_time_utc: str | None = None


_properties = msgspec.json.Decoder(list[_Properties]).decode


class Arrived(Sequence[EventHubEvent]):
    """One batch of the trigger: the columns that ingest reads. As a sequence it is what the stock converter makes, made when it is first asked for."""

    def __init__(self, bodies: list[bytes], properties: list[_Properties], metadata: Any, stock: Callable[[], list[EventHubEvent]]) -> None:
        self.bodies, self.metadata = bodies, metadata
        self.sequence_numbers = [item.sequence_number for item in properties]
        self.enqueued = [item.enqueued_time_utc for item in properties]
        """As the host wrote them: see `enqueued_at`."""
        self._stock = stock
        self._events: list[EventHubEvent] | None = None

    def __len__(self) -> int:
        return len(self.bodies)

    @overload
    def __getitem__(self, at: int) -> EventHubEvent: ...

    @overload
    def __getitem__(self, at: slice) -> list[EventHubEvent]: ...

    def __getitem__(self, at: int | slice) -> EventHubEvent | list[EventHubEvent]:
        if self._events is None:
            self._events = self._stock()
        return self._events[at]


def enqueued_at(text: str | None) -> datetime:
    """The aware time of the worker's text, which is UTC and does not say so; now, where there is none."""
    found: datetime | None = meta._BaseConverter._parse_datetime(text)
    if found is None:
        return datetime.now(UTC)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _install_columns() -> bool:
    stock = vars(EventHubTriggerConverter).get(_MANY)
    if not isinstance(stock, classmethod):
        return _stay_on_stock(f"its Event Hubs converter has no class method {_MANY}")
    if hasattr(stock.__func__, _MARK):
        return True
    fast = _columns(stock.__func__)
    if not _same_batch(stock.__func__, fast):
        return _stay_on_stock("its Event Hubs converter reads a batch differently")
    setattr(EventHubTriggerConverter, _MANY, classmethod(fast))
    return True


def _same_batch(stock: Callable[..., Any], fast: Callable[..., Any]) -> bool:
    """Whether both read the probe alike."""
    try:
        found = fast(EventHubTriggerConverter, *_probe())
        expected = [(event.sequence_number, event.enqueued_time, event.get_body()) for event in stock(EventHubTriggerConverter, *_probe())]
        times = [meta._BaseConverter._parse_datetime(text) for text in found.enqueued]
        return list(zip(found.sequence_numbers, times, found.bodies, strict=True)) == expected
    except Exception:  # whatever it is now, it is not what we know
        return False


def _columns(stock: Callable[..., list[EventHubEvent]]) -> Callable[..., Sequence[EventHubEvent]]:
    def decode_multiple_events(cls: Any, data: Any, trigger_metadata: Any) -> Sequence[EventHubEvent]:
        system = trigger_metadata.get("SystemPropertiesArray")
        if data.type == "collection_bytes" and system is not None:
            try:
                properties = _properties(system.value)
            except (msgspec.DecodeError, TypeError):  # properties of another form: stock has the words for it
                properties = []
            bodies = list(data.value.bytes)
            if len(bodies) == len(properties):
                return Arrived(bodies, properties, trigger_metadata, lambda: stock(cls, data, trigger_metadata))
        return stock(cls, data, trigger_metadata)

    setattr(decode_multiple_events, _MARK, stock)
    return decode_multiple_events


def _probe() -> tuple[Any, Any]:
    """Two events as the host sends them, one with a partition key."""
    system = [
        {"x-opt-sequence-number": 7, "SequenceNumber": 7, "Offset": 0, "PartitionKey": None, "EnqueuedTimeUtc": "2026-11-24T03:07:09"},
        {"x-opt-sequence-number": 9, "SequenceNumber": 9, "Offset": 64, "PartitionKey": "k", "EnqueuedTimeUtc": "2026-11-24T03:07:10"},
    ]
    bodies = SimpleNamespace(bytes=[b"{}", b"\xff"])
    return meta.Datum(bodies, "collection_bytes"), {"SystemPropertiesArray": meta.Datum(json.dumps(system), "json")}


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
    context = _context(events.metadata) if isinstance(events, Arrived) else _partition_context(events[0])
    partition = context.get("PartitionId") if isinstance(context, dict) else None
    return partition if isinstance(partition, str) else ""


def sequence_numbers(events: Sequence[EventHubEvent]) -> list[int | None]:
    """Sequence number of each event, in the order of the batch; None where the host gave none."""
    return list(events.sequence_numbers) if isinstance(events, Arrived) else [event.sequence_number for event in events]


def _partition_context(event: EventHubEvent) -> Any:
    # `event.metadata` parses every array of the whole batch (1-4 us an event). The one small entry that is needed lies behind a private
    # name; where that is gone, the slow public way still answers.
    raw = getattr(event, "_EventHubEvent__trigger_metadata", None)
    try:
        return _context(raw) if isinstance(raw, dict) else (event.metadata or {}).get("PartitionContext")
    except (AttributeError, TypeError, ValueError):  # metadata that is no JSON
        return None


def _context(metadata: Any) -> Any:
    datum = metadata.get("PartitionContext")
    try:
        return None if datum is None else json.loads(datum.value)
    except (AttributeError, TypeError, ValueError):
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
