"""The fast converter gives what the stock one gives, on every time format, and steps back when azure-functions has changed."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from azure.functions import EventHubEvent, meta
from azure.functions.eventhub import EventHubTriggerConverter
from hypothesis import given
from hypothesis import strategies as st

from adapters import intake
from adapters.ingest import events_of

_AT_IMPORT = meta._BaseConverter.__dict__["_parse_datetime"].__func__
STOCK = getattr(_AT_IMPORT, intake._MARK, _AT_IMPORT)  # another test may have installed the fast one
_MANY = EventHubTriggerConverter.__dict__["decode_multiple_events"].__func__
STOCK_MANY = getattr(_MANY, intake._MARK, _MANY)

TIMES: list[Any] = [
    *intake.PROBES,
    "2020-07-14T01:27:55",
    "2020-07-14T01:27:55.6",
    "2020-07-14T01:27:55.627",
    "2020-07-14T01:27:55.627123456789",
    "2020-07-14T00:00:00",
    "2020-07-14T01:27:55.1234567+00:00",
    "2020-07-14T01:27:55-00:00",
    "2020-07-14t01:27:55z",
    "2020-7-4T1:2:3",
    "07/14/2020 01:27:55Z",
    "07/14/2020T01:27:55.5",
    "2020-07-14T01:27:55.1234567garbage",
    "2020-07-14T01:27:55.",
    "2020-07-14T01:27:55,5",
    "2020-07-14 01:27:55",
    "20200714T012755",
    "2020-W29-2",
    "2020-13-14T01:27:55",
    "2020-02-30T01:27:55Z",
    "2020-07-14T24:00:00",
    "2020-07-14T23:59:60",
    "2020-07-14T23:59:61Z",
    "0000-01-01T00:00:00",
    "0001-01-01T00:00:00",
    "9999-12-31T23:59:59.9999999Z",
    "２０２０-07-14T01:27:55",
    "2020-07-14T01:27:55Z\n",
    "\n",
    "Z",
    12,
    b"2020-07-14T01:27:55",
]


@pytest.fixture(autouse=True)
def _converter_as_shipped() -> Iterator[None]:
    before = meta._BaseConverter.__dict__["_parse_datetime"]
    many = EventHubTriggerConverter.__dict__["decode_multiple_events"]
    meta._BaseConverter._parse_datetime = classmethod(STOCK)  # type: ignore[assignment, method-assign]
    EventHubTriggerConverter.decode_multiple_events = classmethod(STOCK_MANY)  # type: ignore[assignment, method-assign]
    yield
    meta._BaseConverter._parse_datetime = before  # type: ignore[method-assign]
    EventHubTriggerConverter.decode_multiple_events = many  # type: ignore[method-assign]


def outcome(text: Any, stock: bool) -> tuple[Any, ...]:
    try:
        value: datetime | None = STOCK(meta._BaseConverter, text) if stock else meta._BaseConverter._parse_datetime(text)
    except Exception as error:
        return type(error), str(error)
    return value, value and value.tzinfo


@pytest.mark.parametrize("text", TIMES, ids=repr)
def test_same_as_stock(text: Any) -> None:
    assert intake.install()
    assert outcome(text, stock=False) == outcome(text, stock=True)


@given(
    st.datetimes().map(datetime.isoformat),
    st.sampled_from(["", ".1", ".000", ".9999999", ".1234567", "garbage"]),
    st.sampled_from(["", "Z", "z", "+00:00", "-00:00", "+00:01", "+02:00", " ", "x"]),
)
def test_same_as_stock_on_any_time(time: str, fraction: str, zone: str) -> None:
    fast = intake._fast(STOCK)
    for text in (time + zone, time[:19] + fraction + zone):
        assert intake._outcome(fast, text) == intake._outcome(STOCK, text)


def test_install_is_idempotent_and_reaches_the_event_hubs_converter() -> None:
    assert intake.install()
    first = meta._BaseConverter.__dict__["_parse_datetime"]
    assert intake.install()
    assert meta._BaseConverter.__dict__["_parse_datetime"] is first
    assert first.__func__ is not STOCK
    assert cast(Any, EventHubTriggerConverter._parse_datetime).__func__ is first.__func__


def test_a_time_as_the_extension_sends_it_never_reaches_strptime(monkeypatch: pytest.MonkeyPatch) -> None:
    assert intake.install()

    def refuse(*_: Any) -> Any:
        raise AssertionError("strptime")

    monkeypatch.setattr(meta, "try_parse_datetime_with_formats", refuse)
    assert [event.enqueued_time for event in decode(batch(3))] == [datetime(2026, 11, 24, 3, 7, second, 120000) for second in range(3)]


def only_warning(caplog: pytest.LogCaptureFixture) -> str:
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    return record.getMessage()


def test_no_method_is_left_alone(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delattr(meta._BaseConverter, "_parse_datetime")
    assert not intake.install()
    assert "no class method _parse_datetime" in only_warning(caplog)


def test_no_base_converter_is_left_alone(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delattr(meta, "_BaseConverter")
    assert not intake.install()
    assert "no class method" in only_warning(caplog)


@pytest.mark.parametrize(
    "changed",
    [
        staticmethod(lambda _: None),  # no class method any more
        classmethod(lambda cls, text: STOCK(cls, text) and STOCK(cls, text).isoformat()),  # text instead of a datetime
        classmethod(lambda cls, text: STOCK(cls, text + "Z" if text else text)),  # another zone
        classmethod(lambda _: None),  # another signature
    ],
)
def test_another_behaviour_is_left_alone(changed: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(meta._BaseConverter, "_parse_datetime", changed)
    assert not intake.install()
    assert meta._BaseConverter.__dict__["_parse_datetime"] is changed
    assert "slow converter stays" in only_warning(caplog)


def test_a_converter_with_its_own_parser_is_left_alone(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(EventHubTriggerConverter, "_parse_datetime", classmethod(STOCK), raising=False)
    assert not intake.install()
    assert meta._BaseConverter.__dict__["_parse_datetime"].__func__ is STOCK
    assert "a time parser of its own" in only_warning(caplog)


def test_a_batch_is_columns_and_makes_no_event_until_one_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = decode(batch(3))
    assert intake.install()
    events = decode(batch(3))
    assert isinstance(events, intake.Arrived)
    with monkeypatch.context() as patch:
        patch.setattr("azure.functions._eventhub.EventHubEvent.__init__", None)
        columns = events_of(events)
        assert (intake.partition_of(events), len(events)) == ("7", 3)
    assert [columns.enqueued(at) for at in range(3)] == [event.enqueued_time.replace(tzinfo=UTC) for event in expected]  # type: ignore[union-attr]
    assert (columns.sequences, columns.bodies) == ([100, 101, 102], [event.get_body() for event in expected])
    whole = [(e.get_body(), e.sequence_number, e.offset, e.partition_key, e.enqueued_time, e.metadata) for e in expected]
    assert [(e.get_body(), e.sequence_number, e.offset, e.partition_key, e.enqueued_time, e.metadata) for e in events] == whole
    assert events[1:][0] is events[-2]


@pytest.mark.parametrize(
    "system",
    [
        "[]",
        "{}",
        "[",
        '[{"SequenceNumber": 1}]',
        '[{"SequenceNumber": 1}, {"SequenceNumber": "2"}]',
        '[{"SequenceNumber": true}, {}]',
        "[1, 2]",
    ],
)
def test_properties_of_another_form_are_read_by_stock(system: str) -> None:
    def read() -> object:
        try:
            return intake.sequence_numbers(decode(batch(2, SystemPropertiesArray=meta.Datum(system, "json"))))
        except Exception as error:
            return type(error), str(error)

    expected = read()
    assert intake.install()
    assert read() == expected


def test_an_event_without_a_number_is_refused() -> None:
    assert intake.install()
    with pytest.raises(ValueError, match="without a sequence number"):
        events_of(decode(batch(1, SystemPropertiesArray=meta.Datum("[{}]", "json"))))


@pytest.mark.parametrize("text", ["2026-11-24T03:07:09.1234567", "2026-11-24T03:07:09Z", "2026-11-24T03:07:09+00:00"])
def test_enqueued_times_are_aware(text: str) -> None:
    assert intake.enqueued_at(text).isoformat(timespec="seconds") == "2026-11-24T03:07:09+00:00"


def test_what_was_never_enqueued_is_enqueued_now() -> None:
    assert abs(intake.enqueued_at(None) - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("changed", [staticmethod(STOCK_MANY), classmethod(lambda *_: []), classmethod(lambda *_: list("ab"))])
def test_another_converter_of_batches_is_left_alone(
    changed: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(EventHubTriggerConverter, "decode_multiple_events", changed)
    assert not intake.install()
    assert EventHubTriggerConverter.__dict__["decode_multiple_events"] is changed
    assert "slow converter stays" in only_warning(caplog)


def batch(size: int, **metadata: meta.Datum) -> dict[str, Any]:
    system = [
        {"SequenceNumber": 100 + i, "Offset": 4096 * i, "PartitionKey": None, "EnqueuedTimeUtc": f"2026-11-24T03:07:{i:02}.12"}
        for i in range(size)
    ]
    return {
        "bodies": [b"%d" % i for i in range(size)],
        "PartitionContext": meta.Datum(json.dumps({"EventHubName": "calls", "PartitionId": "7"}), "json"),
        "SystemPropertiesArray": meta.Datum(json.dumps(system), "json"),
        **metadata,
    }


def decode(metadata: dict[str, Any]) -> list[EventHubEvent]:
    bodies = metadata.pop("bodies")
    events = EventHubTriggerConverter.decode(meta.Datum(SimpleNamespace(bytes=bodies), "collection_bytes"), trigger_metadata=metadata)
    return cast("list[EventHubEvent]", events)


def test_partition_and_sequence_numbers_of_a_batch() -> None:
    events = decode(batch(3))
    assert intake.partition_of(events) == "7"
    assert intake.sequence_numbers(events) == [100, 101, 102]


def test_partition_does_not_parse_the_metadata_of_the_batch() -> None:
    events = decode(batch(1, PropertiesArray=meta.Datum("no JSON at all", "json")))
    assert intake.partition_of(events) == "7"


def test_partition_by_the_public_way_where_the_private_one_is_gone() -> None:
    class OtherEvent:
        metadata = {"PartitionContext": {"PartitionId": "3"}}  # noqa: RUF012

    assert intake.partition_of(cast("list[EventHubEvent]", [OtherEvent()])) == "3"


@pytest.mark.parametrize(
    "context", [meta.Datum("{", "json"), meta.Datum("[]", "json"), meta.Datum(None, "json"), meta.Datum('{"PartitionId": 7}', "json"), None]
)
def test_no_partition(context: meta.Datum | None) -> None:
    events = decode(batch(1, PartitionContext=context))  # type: ignore[arg-type]
    assert intake.partition_of(events) == ""


def test_no_events() -> None:
    assert intake.partition_of([]) == ""
    assert intake.sequence_numbers([]) == []


def test_an_event_without_metadata() -> None:
    assert intake.partition_of([EventHubEvent(body=b"")]) == ""
    assert intake.sequence_numbers([EventHubEvent(body=b"")]) == [None]
