"""Where an alert stands with the analysts."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.triage import CHANGES, Change, Triage, described, pack, parse, unpack
from model import moment
from tests.build import START, alert

AT = moment(START)
DONE = Change(AT + timedelta(hours=1), "function key", "Resolved", comment="a load test")


def test_new_alerts_are_active_and_suppressed_ones_dismissed() -> None:
    assert Triage().status_of(alert()) == "Active"
    assert Triage().status_of(alert(suppressed="rule")) == "Dismissed"


def test_what_was_resolved_and_is_found_again_is_active_again() -> None:
    resolved = Triage().changed(DONE)
    assert resolved.status_of(alert(last=START + 60)) == "Resolved"
    assert resolved.status_of(alert(last=START + 61)) == "Active"
    assert resolved.status_of(alert(last=START + 61, suppressed="rule")) == "Resolved"


@pytest.mark.parametrize("status", ["InProgress", "Dismissed"])
def test_what_was_dismissed_or_is_worked_on_stays_so(status: str) -> None:
    changed = Triage().changed(Change(AT, "x", status))  # type: ignore[arg-type]
    assert changed.status_of(alert(last=START + 600)) == status


def test_who_and_when_are_kept_and_a_revision_counts() -> None:
    triage = Triage()
    for number in range(CHANGES + 10):
        triage = triage.changed(Change(AT + timedelta(minutes=number), f"analyst {number}", "InProgress", comment=str(number)))
    assert triage.revision == CHANGES + 10
    assert [change.comment for change in triage.changes] == [str(number) for number in range(10, CHANGES + 10)]
    assert unpack(pack(triage.changes)) == triage.changes
    assert described(triage)[0] == {
        "at": "2026-03-04T12:10:00Z",
        "by": "analyst 10",
        "status": "InProgress",
        "expected": False,
        "comment": "10",
    }


def test_a_wish_becomes_a_change() -> None:
    now = datetime(2026, 3, 5, tzinfo=UTC)
    assert parse(b'{"status": "Resolved", "comment": " ok "}').change(now, "me", "Active") == Change(now, "me", "Resolved", False, "ok")
    assert parse(b'{"expected": true}').change(now, "me", "Active") == Change(now, "me", "Dismissed", expected=True)
    assert parse(b'{"comment": "asked the team"}').change(now, "me", "InProgress").status == "InProgress"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "must be JSON"),
        (b"{", "must be JSON"),
        (b"[]", "must be JSON"),
        (b"\xff", "must be JSON"),
        (b"[" * 16_000, "must be JSON"),
        (b'{"status": "Closed"}', "Active, InProgress, Resolved, Dismissed"),
        (b'{"status": "Resolved", "state": 1}', "must be JSON"),
        (b"{}", "changes nothing"),
        (b'{"comment": "  "}', "changes nothing"),
        (b'{"expected": true, "status": "Resolved"}', "leave status out"),
        (b'{"comment": "' + b"x" * 1001 + b'"}', "1000 printable"),
        (b'{"comment": "\\u0000"}', "1000 printable"),
        (b'{"comment": "\\ud800"}', "must be JSON|1000 printable"),
        (b" " * 20_000, "larger than"),
    ],
)
def test_a_wrong_wish_is_one_sentence_that_quotes_nothing(body: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        parse(body)
    assert "Closed" not in str(caught.value)
    assert "\n" not in str(caught.value)
