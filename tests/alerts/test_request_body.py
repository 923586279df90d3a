"""What people write of why is short, printable, and names nobody, for it is kept for longer than an address may be."""

from datetime import UTC, datetime

import pytest

from alerts.request_body import reason
from alerts.suppression import parse as parse_rule
from alerts.triage import parse as parse_patch


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("the scanner at 203.0.113.7", "an address"),
        ("seen from 2001:db8::7, again", "an address"),
        ("203.0.113.7:443", "an address"),
        ("ask maria.k+ops@example.co.uk", "an e-mail address"),
        ("subscription:contoso-web is ours", "a subscription, user or subject"),
        ("that is user:4711", "a subscription, user or subject"),
        ("(subject:1f0c-aa)", "a subscription, user or subject"),
    ],
)
def test_a_text_that_names_somebody_is_refused_and_not_repeated(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=f"why names {named}, and must name nobody") as refused:
        reason("why", text)
    assert text not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "our own scanner, every night at 02:30:00",
        "user: please look again",
        "the subject: a retry storm after release 2.14.0",
        "see superuser:x, ticket OPS-17 @ops, ratio 1:2",
        "function key; true positive; 2xx",
        "über 40 % mehr, siehe §3\nzweite Zeile",
        "",
    ],
)
def test_a_text_that_names_nobody_is_kept_without_the_space_around_it(text: str) -> None:
    assert reason("why", f"  {text}\n") == text


@pytest.mark.parametrize("text", ["x" * 1001, "a\x00b", "a\x1b[31mb", "\ud800"])
def test_a_text_that_cannot_be_shown_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="why must be at most 1000 printable characters"):
        reason("why", text)


def test_the_comments_of_alerts_and_rules_are_held_to_it() -> None:
    now = datetime(2026, 11, 3, tzinfo=UTC)
    with pytest.raises(ValueError, match="comment names an e-mail address"):
        parse_patch(b'{"comment": "told eve@example.com"}')
    with pytest.raises(ValueError, match="comment names a subscription, user or subject"):
        parse_rule(b'{"detector": "API_Injection", "until": "2026-11-04T00:00:00Z", "comment": "user:eve"}', "1", "me", now)
