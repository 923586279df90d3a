"""What goes out about an alert: which change is worth a message, its id, and when to try again what did not arrive."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from alerts.exports import FORMATS, Change
from model import Alert

FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(minutes=15)
"""Of a receiver that takes nothing."""
LONGEST_WAIT = timedelta(hours=6)
"""Of one message that is refused while others are taken."""
CONTENT_TYPES: Mapping[str, str] = {"mdc": "application/json", "ocsf": "application/json", "cef": "text/plain; charset=utf-8"}


class MessageRefused(Exception):
    """A receiver does not want this message, and takes others. The text says why, and quotes nothing: a log may have it."""


class DeliveryFailed(Exception):
    """A receiver takes no message at present. The text as that of MessageRefused; `wrong`: until somebody changes its configuration, or the receiver."""

    def __init__(self, what: str, asked: timedelta | None = None, *, wrong: bool = False) -> None:
        super().__init__(what)
        self.asked, self.wrong = asked, wrong


class Sent(NamedTuple):
    """The last message of an alert in one format that a receiver has. `number` counts them from 1."""

    number: int
    state: str


class Owed(NamedTuple):
    """A message that a receiver does not have yet. `id` stays the same however often it is tried."""

    id: str
    format: str
    change: Change
    sent: Sent
    """What to remember once the receiver has it."""


class Message(NamedTuple):
    id: str
    format: str
    change: Change
    content_type: str
    body: bytes


def state_of(alert: Alert, status: str) -> str:
    """16 hex digits of what a receiver must know: severity, whether it lasts, in how many windows it was found, and the analysts' status. The minute of the
    last finding moves with every evaluation and is not part of it; of a campaign's actors it is told when they have doubled."""
    doubled = alert.campaign.actors.bit_length() if alert.campaign is not None else 0
    text = json.dumps([alert.severity.label, alert.open, alert.windows, status] + [doubled] * bool(doubled))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def owed(alert: Alert, status: str, sent: Mapping[str, Sent], formats: Sequence[str]) -> Iterator[Owed]:
    """The messages that a receiver, which has `sent` (by format), does not have yet; of a suppressed alert only what ends one that it has.

    The number tells a state that comes back from its first time, which a receiver that drops what it has seen would take for a repeat; the state tells two
    messages apart of which the first may have arrived without being remembered.
    """
    state = state_of(alert, status)
    for name in formats:
        before = sent.get(name)
        if (before is None and alert.suppressed) or (before is not None and before.state == state):
            continue
        number = before.number + 1 if before else 1
        change: Change = "closed" if not alert.open and before else "updated" if before else "created"
        yield Owed(f"{alert.id}-{name}-{number}-{state}", name, change, Sent(number, state))


def message(owed: Owed, document: Mapping[str, Any], alert: Alert, version: str) -> Message:
    """`document`: as `alerts.render.render` makes it of the alert."""
    body = FORMATS[owed.format](document, alert, True, owed.change, version)
    return Message(owed.id, owed.format, owed.change, CONTENT_TYPES[owed.format], body)


def pack(sent: Mapping[str, Sent]) -> str:
    """As a text column; `unpack` gives it back. Underscores make it one word for each format, which no erasure of a person called "1" can take apart."""
    return " ".join(f"{name}_{item.number}_{item.state}" for name, item in sent.items())


def unpack(text: str) -> dict[str, Sent]:
    return {name: Sent(int(number), state) for name, number, state in (word.split("_") for word in text.split())}


def pause(failures: int, longest: timedelta, asked: timedelta | None = None) -> timedelta:
    """How long to wait after so many failures in a row: twice as long each time, longer where the receiver asks for more (Retry-After, RFC 9110, 10.2.3, is
    the least that it wants); never longer than `longest`."""
    doublings = min(failures - 1, 20)
    return min(max(FIRST_PAUSE * (1 << doublings), asked or timedelta()), longest)
