"""The guard's list of callers: entries, the four named values that hold them, and how one value changes.

A value is `-` or entries such as `;203.0.113.7=b,29733120,k7q2xd`: key, action, the minute since 1970 at which it ends, and the id of the response.
`infra/gateway/guard.xml` reads them; both must agree on keys and on which of the four values holds which key.
"""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address

from model import Minute

LISTS = tuple(f"gatewatch-blocked-{number}" for number in range(4))
"""The named values, by number."""
MODE = "gatewatch-guard-mode"
MODES = ("off", "dry", "on")
EMPTY = "-"
"""A named value holds at least one character."""
LONGEST_VALUE = 4096
"""Characters of a named value: NamedValueCreateContract.value, max_length."""
FEWEST_KEY = 16
"""Characters of a key that hashes addresses; a shorter one is none."""

_SAFE = re.compile(r"[0-9a-z.:=,;-]*").fullmatch
"""A named value is pasted into C#: nothing else is ever written."""
_KEY = re.compile(r"(?:\d{1,3}\.){2,3}\d{1,3}|6:[0-9a-f]{16}|[hi]:[0-9a-f]{16}").fullmatch
_ACTION = re.compile(r"d?(?:b|r[1-9]\d{0,5})").fullmatch
_ID = re.compile(r"[0-9a-z]{1,16}").fullmatch
_UNTIL = re.compile(r"\d{1,10}").fullmatch


class Full(Exception):
    """A named value would be longer than the platform takes; nothing more can be listed until entries end."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One listed caller. `calls`: a minute, for `slow`; None blocks. `dry`: only reported. `until`: the first minute at which it is over."""

    key: str
    id: str
    until: Minute
    calls: int | None = None
    dry: bool = False

    @property
    def action(self) -> str:
        return f"{'d' if self.dry else ''}{'b' if self.calls is None else f'r{self.calls}'}"


def key_of(address: str, *, wide: bool = False, secret: str = "") -> str:
    """The key of a canonical address; `wide`: of its /24. IPv6 is always keyed on its /64: an attacker has all of it. `secret`: the named value
    gatewatch-guard-key; with one of 16 characters or more the key is a keyed hash. Raises ValueError for what is no address."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        whole, own = f"6:{parsed.packed[:8].hex()}", ""
    else:
        own = str(IPv4Address(parsed))
        whole = own.rpartition(".")[0]
    if len(secret) < FEWEST_KEY:
        return whole if wide or not own else own
    head = _hashed(whole, secret)
    return f"h:{head if wide or not own else head[:8] + _hashed(own, secret)[:8]}"


def _hashed(text: str, secret: str) -> str:
    """16 hex digits. The key of an address begins with eight of its network's, so that the gateway hashes and searches once for most callers."""
    return hmac.new(secret.encode(), text.encode(), sha256).digest()[:8].hex()


def key_of_identity(identity: str) -> str:
    """The key of "subject:…", the HMAC that events carry. Raises ValueError for another kind of identity."""
    found = re.fullmatch(r"subject:([0-9a-f]{64})", identity)
    if found is None:
        raise ValueError("only the subject of a token can be listed; a subscription can be suspended")
    return f"i:{found[1][:16]}"


def own_keys(actor: str, secret: str = "") -> set[str]:
    """The keys that mean this address or identity alone (IPv6: its /64), in plain or hashed: what goes when a person is erased. A /24 is many people's."""
    try:
        return {key_of_identity(actor)} if actor.startswith("subject:") else {key_of(actor, secret=given) for given in ("", secret)}
    except ValueError:
        return set()


def keys_of(actor: str, secret: str = "") -> set[str]:
    """Every key under which a list can name an address or an identity, in plain or hashed; none of what is neither."""
    try:
        if actor.startswith("subject:"):
            return {key_of_identity(actor)}
        return {key_of(actor, wide=wide, secret=given) for wide in (False, True) for given in ("", secret)}
    except ValueError:
        return set()


def place(key: str) -> int:
    """Which of the four named values holds a key: the guard searches no other. An address lies where its /24 does."""
    head = key[:10] if key.startswith("h:") else key.rpartition(".")[0] if key.count(".") == 3 else key
    return sum(map(ord, head)) % len(LISTS)


def parse(value: str) -> list[Entry]:
    """The entries of a named value; what is malformed, or is after another of the same key, counts for nothing, as at the gateway."""
    found: dict[str, Entry] = {}
    for piece in value.split(";")[1:]:
        key, _, rest = piece.partition("=")
        parts = rest.split(",")
        if len(parts) != 3 or key in found:
            continue
        action, until, id = parts
        if _KEY(key) and _ACTION(action) and _UNTIL(until) and _ID(id):
            calls = None if action.endswith("b") else int(action.lstrip("dr"))
            found[key] = Entry(key, id, int(until), calls, action.startswith("d"))
    return list(found.values())


def render(entries: Iterable[Entry]) -> str:
    """Raises Full for more than a named value holds, and ValueError for an entry that is malformed."""
    value = "".join(f";{one.key}={one.action},{one.until},{one.id}" for one in entries)
    if parse(value) != list(entries) or not _SAFE(value):
        raise ValueError("an entry is malformed")
    if len(value) > LONGEST_VALUE:
        raise Full
    return value or EMPTY


def live(value: str, now: Minute) -> list[Entry]:
    """The entries that are not over."""
    return [one for one in parse(value) if one.until > now]


def put(value: str, entry: Entry, now: Minute) -> str:
    """The value with this entry in place of any of its key, and without what is over. Raises Full."""
    return render([*(one for one in live(value, now) if one.key != entry.key), entry])


def without(value: str, id: str, now: Minute) -> str:
    """The value without one response, and without what is over. Everything else stays as somebody may meanwhile have written it."""
    return render([one for one in live(value, now) if one.id != id])


def pruned(value: str, now: Minute) -> str:
    """The value without what is over."""
    return render(live(value, now))
