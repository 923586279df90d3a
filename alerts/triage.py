"""What analysts make of an alert: its status, who changed it and when; kept apart from what the evaluation writes."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, get_args

import msgspec

from alerts.request_body import decoded, reason
from model import Alert, minute_of

Status = Literal["Active", "InProgress", "Resolved", "Dismissed"]
"""As Microsoft.Security/alerts names them."""
STATUSES: tuple[Status, ...] = get_args(Status)
CHANGES = 50
"""Changes that are kept of one alert, the latest."""
FORM = '{"status": "Resolved", "comment": "…"}'


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one alert. `expected`: what was found is usual from now on, or was planned."""

    at: datetime
    by: str
    status: Status
    expected: bool = False
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Triage:
    """Where an alert stands with the analysts. `revision` grows by one with each change and is what an ETag guards."""

    revision: int = 0
    changes: tuple[Change, ...] = ()

    def changed(self, change: Change) -> "Triage":
        return Triage(self.revision + 1, (*self.changes, change)[-CHANGES:])

    def status_of(self, alert: Alert) -> Status:
        """The latest change's; an alert that a suppression rule covers is Dismissed; one that was found again after it was resolved is Active again."""
        latest = self.changes[-1] if self.changes else None
        if latest is None:
            return "Dismissed" if alert.suppressed else "Active"
        if latest.status == "Resolved" and alert.last > minute_of(latest.at) and not alert.suppressed:
            return "Active"
        return latest.status


class AlertPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an analyst asks for: the body of a PATCH."""

    status: Status | None = None
    expected: bool = False
    comment: str = ""

    def change(self, at: datetime, by: str, current: Status) -> Change:
        """Expected implies Dismissed; without a status a comment leaves it as it is."""
        return Change(at, by, self.status or ("Dismissed" if self.expected else current), self.expected, self.comment.strip())


def parse(body: bytes) -> AlertPatch:
    """Raises ValueError in one sentence that never quotes the body."""
    return checked(decoded(body, AlertPatch, f"{FORM}, with status one of {', '.join(STATUSES)}, expected true or false, or a comment"))


def checked(patch: AlertPatch) -> AlertPatch:
    """The same. Raises ValueError for what changes nothing or contradicts itself."""
    if patch.status is None and not patch.expected and not patch.comment.strip():
        raise ValueError(f"the body changes nothing: it must be such as {FORM}")
    if patch.expected and patch.status not in (None, "Dismissed"):
        raise ValueError("what is expected is Dismissed: leave status out")
    reason("comment", patch.comment)
    return patch


def pack(changes: Sequence[Change]) -> str:
    """As a text column; `unpack` gives it back."""
    return msgspec.json.encode(changes).decode()


def unpack(text: str) -> tuple[Change, ...]:
    return msgspec.json.decode(text, type=tuple[Change, ...])


KEYS = (" key",)
"""How a change ends that was made with a key: names of people hold no space there (`web.caller`)."""


def rewritten(text: str, rewrite: Callable[[str], str]) -> str:
    """The column with what analysts wrote rewritten, and nothing else: a person may be called Active, and a status must stay one."""
    return pack(
        [replace(item, by=item.by if item.by.endswith(KEYS) else rewrite(item.by), comment=rewrite(item.comment)) for item in unpack(text)]
    )


def described(triage: Triage) -> list[dict[str, Any]]:
    """The changes as JSON, the oldest first."""
    found: list[dict[str, Any]] = json.loads(pack(triage.changes))
    return found
