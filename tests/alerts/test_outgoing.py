"""Which change of an alert is worth a message, under which id, and when it is tried again."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.exports import FORMATS
from alerts.outgoing import CONTENT_TYPES, FIRST_PAUSE, LONGEST_PAUSE, Sent, message, owed, pack, pause, state_of, unpack
from alerts.render import BREACH, Gateway, gateway_of, render
from model import Alert, Severity
from retention.subject import redacted
from tests.alerts.test_exports import RESOURCE, alert


def told(alert: Alert, status: str = "Active", sent: dict[str, Sent] | None = None, formats: tuple[str, ...] = ("mdc",)) -> dict[str, Sent]:
    """What a receiver has once all that is owed arrived."""
    return (sent or {}) | {message.format: message.sent for message in owed(alert, status, sent or {}, formats)}


def test_what_was_told_is_not_told_again() -> None:
    (first,) = owed(alert(), "Active", {}, ("mdc",))
    assert (first.change, first.sent.number) == ("created", 1)
    assert list(owed(alert(), "Active", {"mdc": first.sent}, ("mdc",))) == []
    assert list(owed(replace(alert(), last=alert().last + 1), "Active", {"mdc": first.sent}, ("mdc",))) == []


CHANGES: dict[str, Callable[[Alert], tuple[Alert, str]]] = {
    "severity": lambda item: (replace(item, severity=Severity.HIGH), "Active"),
    "one more window": lambda item: (replace(item, windows=item.windows + 1), "Active"),
    "status": lambda item: (item, "Dismissed"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_material_change_is_an_update(name: str) -> None:
    (update,) = owed(*CHANGES[name](alert()), told(alert()), ("mdc",))
    assert (update.change, update.sent.number) == ("updated", 2)


def test_the_end_is_told_as_such_to_who_knows_the_beginning() -> None:
    over = replace(alert(), open=False)
    assert [message.change for message in owed(over, "Active", told(alert()), ("mdc",))] == ["closed"]
    assert [message.change for message in owed(over, "Active", {}, ("mdc",))] == ["created"]


def test_a_format_that_is_chosen_later_begins_with_created() -> None:
    assert [(message.format, message.change) for message in owed(alert(), "Dismissed", told(alert()), ("mdc", "cef"))] == [
        ("mdc", "updated"),
        ("cef", "created"),
    ]


def test_a_suppressed_alert_is_told_to_nobody_who_does_not_know_it() -> None:
    covered = replace(alert(), suppressed="rule")
    assert list(owed(covered, "Dismissed", {}, ("mdc", "ocsf"))) == []
    assert [message.format for message in owed(covered, "Dismissed", told(alert()), ("mdc", "ocsf"))] == ["mdc"]


STATES = st.tuples(st.sampled_from(list(Severity)), st.booleans(), st.integers(1, 3), st.sampled_from(["Active", "Dismissed"]))


@given(st.lists(STATES, max_size=12))
def test_no_id_stands_for_two_things(history: list[tuple[Severity, bool, int, str]]) -> None:
    """A state that comes back, such as a status that is taken back, is a message of its own; a receiver drops what it has seen."""
    sent: dict[str, Sent] = {}
    ids: list[str] = []
    before = None
    for severity, is_open, windows, status in history:
        now = replace(alert(), severity=severity, open=is_open, windows=windows)
        due = list(owed(now, status, sent, ("mdc",)))
        assert len(due) == (before != (severity, is_open, windows, status))
        assert [message.id for message in owed(now, status, sent, ("mdc",))] == [message.id for message in due]  # tried again
        ids += [message.id for message in due]
        sent = told(now, status, sent)
        before = severity, is_open, windows, status
    assert len(set(ids)) == len(ids)
    assert all("." not in id for id in ids)


@given(STATES, STATES)
def test_an_unremembered_message_and_the_next_state_have_two_ids(
    one: tuple[Severity, bool, int, str], other: tuple[Severity, bool, int, str]
) -> None:
    first, second = (
        [message.id for message in owed(replace(alert(), severity=s, open=o, windows=w), status, {}, ("mdc",))]
        for s, o, w, status in (one, other)
    )
    assert (first == second) == (one == other)


def test_a_message_in_each_format() -> None:
    assert CONTENT_TYPES.keys() == FORMATS.keys()
    for item in owed(alert(), "Active", {}, tuple(FORMATS)):
        made = message(item, render(alert()), alert(), "1.2.3")
        assert (made.id, made.format, made.change) == (item.id, item.format, "created")
        assert (made.body[:4] == b"CEF:") == (item.format == "cef")
        assert made.content_type == ("text/plain; charset=utf-8" if item.format == "cef" else "application/json")


def test_what_was_told_is_kept_as_text() -> None:
    sent = {"mdc": Sent(3, state_of(alert(), "Active")), "cef": Sent(1, "x")}
    assert unpack(pack(sent)) == sent
    assert unpack(pack({})) == {}
    for name in ("1", "3", "x", "mdc", "cef"):
        assert redacted(pack(sent), f"user:{name}", "erased-1") == pack(sent)


@given(st.integers(1, 10**6))
def test_pauses_double_up_to_the_longest(failures: int) -> None:
    assert pause(1, LONGEST_PAUSE) == FIRST_PAUSE
    wait = pause(failures, LONGEST_PAUSE)
    assert wait <= pause(failures + 1, LONGEST_PAUSE) <= min(2 * wait, LONGEST_PAUSE)


@pytest.mark.parametrize(
    ("failures", "asked", "waits"), [(1, -5, 15), (1, 0, 15), (5, 0, 240), (1, 120, 120), (5, 120, 240), (1, 10**9, 900)]
)
def test_what_the_receiver_asks_for_is_honoured_and_switches_no_backoff_off(failures: int, asked: int, waits: int) -> None:
    assert pause(failures, LONGEST_PAUSE, timedelta(seconds=asked)) == timedelta(seconds=waits)


def test_a_place_is_that_of_its_service_only() -> None:
    assert gateway_of(alert(), RESOURCE.replace("contoso", "Contoso")).resource_id.endswith("/Contoso")
    for gateway, service in ((RESOURCE + "2", "contoso"), ("", "contoso"), (RESOURCE, ""), ("", "")):
        assert gateway_of(replace(alert(), endpoint=alert().endpoint._replace(service=service)), gateway) == Gateway()


def test_the_alert_about_gatewatch_itself_is_rendered_in_every_format() -> None:
    breach = alert(BREACH.id, replace(alert().sighting, unit="items", threshold=0.0, status_class=None))
    document = render(breach)
    assert document["properties"]["alertType"] == "Gatewatch_RetentionBreach"
    assert "865 items were there past their time" in document["properties"]["description"]
    assert json.loads(json.dumps(document)) == document
    for form in FORMATS.values():
        assert b"Gatewatch_RetentionBreach" in form(document, breach, True, "created", "1")
