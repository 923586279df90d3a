"""Lists of addresses that others publish: what a feed is, what came of reading one, and how a file says which list it is."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from intel.addresses import Range

Kind = Literal["tor", "malicious", "allow"]
KINDS: tuple[Kind, ...] = ("tor", "malicious", "allow")

MAX_AGE: dict[Kind, timedelta] = {"tor": timedelta(hours=24), "malicious": timedelta(days=7), "allow": timedelta(days=3650)}
"""Tor's list changes hourly; allow-lists are written by hand."""

SOMETHING_ELSE = 9
"""Lines without an address for each with one, from which on a file is no list of addresses: a log, a spreadsheet, an archive."""

NO_LIST = "no list of addresses"
"""The format of such a file."""


class Feed(NamedTuple):
    """A list of addresses: where it comes from and how far it is believed."""

    name: str
    kind: Kind
    licence: str = ""
    fetched_at: datetime | None = None
    """Aware; None is unknown, and so stale."""
    max_age: timedelta | None = None
    """None: that of its kind."""
    min_score: float = 0.0
    """Entries of a scored list below it are left out."""

    def is_stale(self, now: datetime) -> bool:
        return self.fetched_at is None or now - self.fetched_at > (self.max_age or MAX_AGE[self.kind])


@dataclass(frozen=True, slots=True)
class Parsed:
    """A feed's entries and what became of its lines."""

    feed: Feed
    ranges: tuple[Range, ...] = ()
    format: str = "empty"
    bad: int = 0
    """Lines or objects that hold no address."""
    expired: int = 0
    """Past their `valid_until`, not yet valid, revoked or benign."""
    below_score: int = 0
    unsupported: int = 0
    """STIX patterns that ask for more than an address."""
    refused: int = 0
    """Private, reserved, the tenant's own, or too wide."""

    @property
    def something_else(self) -> bool:
        """The file is no list of addresses: of its lines or objects not one in SOMETHING_ELSE holds one. It accuses nobody, and is no empty feed either."""
        return self.format == NO_LIST

    def warnings(self, now: datetime) -> tuple[str, ...]:
        """Sentences for health and logs; they hold counts, never an entry."""
        name = self.feed.name
        if self.something_else:
            return (f"feed {name!r} is no list of addresses: {self.bad} of its lines hold none; it is left out",)
        found = []
        if self.feed.is_stale(now):
            age = "of unknown age" if self.feed.fetched_at is None else f"{(now - self.feed.fetched_at) // timedelta(hours=1)} hours old"
            found.append(f"feed {name!r} is stale: {age}")
        if not self.ranges:
            found.append(f"feed {name!r} holds no usable address")
        if self.refused:
            found.append(f"feed {name!r}: {self.refused} entries refused: private, reserved, your own or too wide")
        if self.bad:
            found.append(f"feed {name!r}: {self.bad} lines without an address skipped")
        return tuple(found)


_described = re.compile(
    r"^\s*(?:#|;|//)\s*(name|kind|licence|license|fetched|max-age-hours|min-score)\s*[:=]\s*(.{1,200}?)\s*$", re.IGNORECASE | re.MULTILINE
).findall


def describe(file_name: str, content: bytes, fetched_at: datetime | None = None) -> Feed:
    """What a file of a feed folder or container is: from comment lines at its top (`# kind: tor`, `# licence: CC BY 4.0`, `# min-score: 3`, `# max-age-hours: 48`,
    `# fetched: 2026-11-24T10:00:00Z`, `# name: …`), else from its name: `tor…` is a Tor list, `allow…` an allow-list, anything else malicious.

    Raises ValueError that names the file and the field when a comment says something impossible.
    """
    told = {key.lower(): value for key, value in _described(content[:4096].decode("utf-8-sig", errors="replace"))}
    stem = file_name.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    lower = stem.lower()
    kind = told.get("kind", "tor" if lower.startswith("tor") else "allow" if lower.startswith("allow") else "malicious").lower()
    if kind not in KINDS:
        raise ValueError(f"intel file {file_name!r}: kind {kind!r} is none of {', '.join(KINDS)}")
    try:
        return Feed(
            name=told.get("name", stem),
            kind=next(known for known in KINDS if known == kind),
            licence=told.get("licence", told.get("license", "")),
            fetched_at=time_of(told["fetched"]) if "fetched" in told else fetched_at,
            max_age=timedelta(hours=float(told["max-age-hours"])) if "max-age-hours" in told else None,
            min_score=float(told.get("min-score", 0)),
        )
    except (ValueError, OverflowError) as error:
        raise ValueError(f"intel file {file_name!r}: {error}") from error


def time_of(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time without zone")
    return time
