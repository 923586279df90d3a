"""One person in what is kept: how a request names them, how tables spell them, where texts mention them, and what stands in their place afterwards."""

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal
from unicodedata import normalize
from zlib import crc32

from alerts.request_body import LARGEST_REQUEST, parsed_once
from intel.addresses import canonical_ip
from intel.mask import addresses
from model import NOBODY, OTHER, Minute
from retention.spellings import spellings
from windows.tally import TABLES, Row, Tally

LONGEST_ID = 256
ACTOR_LENGTH = 128
"""Characters of an actor in the tables: `pipeline.numbering` cuts identities there."""

Kind = Literal["ip", "subscriptionId", "userId", "identity"]
PREFIXES: Mapping[Kind, str] = {"ip": "", "subscriptionId": "subscription:", "userId": "user:", "identity": "subject:"}


class RequestRefused(Exception):
    """A request that names nobody; the text is one sentence, and never quotes the request."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Subject:
    """`value`: a canonical address, or an id as it was given."""

    kind: Kind
    value: str = field(repr=False)

    @property
    def actor(self) -> str:
        """As the tables spell it."""
        return (PREFIXES[self.kind] + self.value)[:ACTOR_LENGTH] if self.kind != "ip" else self.value


def parse(body: bytes) -> Subject:
    """The subject of `{"subject": {"ip": "203.0.113.7"}}`. Raises RequestRefused."""
    if len(body) > LARGEST_REQUEST:
        raise RequestRefused(413, f"the body is larger than {LARGEST_REQUEST} bytes")
    if not body.strip():
        raise RequestRefused(400, f"the body is missing: it must be {FORM}")
    try:
        request = parsed_once(body)
    except (ValueError, RecursionError):
        raise RequestRefused(400, f"the body is not JSON, or names a key twice: it must be {FORM}") from None
    if not isinstance(request, dict) or set(request) != {"subject"} or not isinstance(request["subject"], dict):
        raise RequestRefused(400, f"the body must be an object with the one key subject: {FORM}")
    subject = request["subject"]
    if len(subject) != 1 or not subject.keys() <= PREFIXES.keys():
        raise RequestRefused(400, f"the subject must have exactly one of the keys {', '.join(PREFIXES)}")
    ((kind, value),) = subject.items()
    if not isinstance(value, str) or not value.strip():
        raise RequestRefused(400, f"{kind} must be a text that is not empty")
    return of(kind, value)


FORM = '{"subject": {"ip": "203.0.113.7"}}'


def of(kind: Kind, value: str) -> Subject:
    """Raises RequestRefused."""
    if kind == "ip":
        if "/" in value:
            raise RequestRefused(400, "ip must be one address: a range is more than one person")
        if not (address := canonical_ip(value)):
            raise RequestRefused(400, "ip must be an IPv4 or IPv6 address; names of hosts are not resolved")
        return Subject(kind, address)
    if len(value) > LONGEST_ID or not value.isprintable():  # a lone surrogate is not printable
        raise RequestRefused(400, f"{kind} must have at most {LONGEST_ID} printable characters")
    return Subject(kind, value)


# hashes: equal people meet, and nobody without the key learns who they are; one purpose cannot be joined with another


def subject_hash(actor: str, key: bytes) -> str:
    """32 hex digits by which requests and tombstones know an actor (BLAKE2b, RFC 7693, keyed and personalised)."""
    return blake2b(actor.encode("utf-8", "surrogatepass"), key=key, digest_size=16, person=b"gw-subject").hexdigest()


PSEUDONYM = "pseudonym-"
ERASED = "erased-"


def pseudonym(actor: str, key: bytes) -> str:
    """What stands for an actor in alerts past their promise: the same for the same actor, so that what belongs together stays together."""
    if actor.startswith((PSEUDONYM, ERASED)) or actor in NOBODY:
        return actor
    return PSEUDONYM + blake2b(actor.encode("utf-8", "surrogatepass"), key=key, digest_size=8, person=b"gw-pseudonym").hexdigest()


def erased(id: str) -> str:
    """What stands for an erased actor in the alert or incident `id`: different in each, so that nothing can be joined."""
    return f"{ERASED}{id[-8:]}"


@dataclass(frozen=True, slots=True)
class Tombstones:
    """The lately erased, as hashes: `before`[hash] is the minute of the erasure. Whatever an erased person did before is not written any more."""

    key: bytes = field(repr=False, default=b"")
    before: Mapping[str, Minute] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.before)

    def hides(self, actor: str, minute: Minute) -> bool:
        return bool(self.before) and actor not in NOBODY and minute <= self.before.get(subject_hash(actor, self.key), -1)


# texts

_MEMBER = re.compile(r'"(subscriptionId|userId|identity)"\s*:\s*"((?:[^"\\]|\\.)*)"')


def _word(value: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-]){re.escape(value)}(?![\w-])")


def mentions(subject: Subject, message: bytes) -> bool:
    """Whether a message names the subject in any spelling."""
    if subject.kind == "ip":
        return any(canonical == subject.value for text in spellings(message) for _, canonical in addresses(text))
    word = _word(normalize("NFC", subject.value))
    return any(word.search(text) for text in spellings(message))


def actors(message: bytes) -> set[str]:
    """Every actor that a message names, as the tables spell it: for tombstones, which know only hashes."""
    found: set[str] = set()
    for text in spellings(message):
        found.update(canonical for _, canonical in addresses(text))
        found.update((PREFIXES[kind] + value)[:ACTOR_LENGTH] for kind, value in _MEMBER.findall(text))
    return found


def _outside(actor: str, text: str, label: str) -> str:
    """The text with `label` wherever it mentions the actor."""
    if text == actor:
        return label
    kind, _, value = actor.partition(":")
    if f"{kind}:" in PREFIXES.values():
        return _word(value).sub(label, text) if value in text else text
    for written in {written for written, canonical in addresses(text) if canonical == actor}:
        text = text.replace(written, label)
    return text


def redacted(value: Any, actor: str, label: str, whole: bool = False) -> Any:
    """Decoded JSON with `label` in place of the actor, wherever a text names it; the same object where none does. `whole`: only where the spelling of the
    tables stands, for the bare id is a word like another."""
    if whole:
        spelling = re.compile(rf"(?<![\w.-]){re.escape(actor)}(?![\w-])")
        return _walked(value, lambda text: spelling.sub(label, text))
    return _walked(value, lambda text: _outside(actor, text, label))


def pseudonymised(value: Any, key: bytes) -> Any:
    """A decoded alert or incident with a pseudonym in place of every actor and every address."""

    def replace(text: str) -> str:
        if text.startswith(tuple(prefix for prefix in PREFIXES.values() if prefix)):
            return pseudonym(text, key)
        for written, canonical in sorted(set(addresses(text)), key=lambda pair: -len(pair[0])):
            text = text.replace(written, pseudonym(canonical, key))
        return text

    if not isinstance(value, dict):
        return _walked(value, replace)
    found = {name: part if name in ("endpoint", "endpoints") else _walked(part, replace) for name, part in value.items()}
    sighting = found.get("sighting")
    if isinstance(sighting, dict) and isinstance(sighting.get("actor"), str):
        found["sighting"] = {**sighting, "actor": pseudonym(sighting["actor"], key)}
    if isinstance(found.get("actors"), list):
        found["actors"] = [pseudonym(actor, key) for actor in found["actors"]]
    return found if found != value else value


def _walked(value: Any, replace: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return replace(value)
    if isinstance(value, list):
        walked = [_walked(one, replace) for one in value]
        return walked if walked != value else value
    if isinstance(value, dict):
        changed = {replace(name): _walked(one, replace) for name, one in value.items()}
        return changed if changed != value else value
    return value


# counts


def fingerprints(tally: Tally) -> bytes:
    """Two bytes for each actor of a tally, sorted: a search that does not find its own in it need not read the tally. One in a hundred is there by chance."""
    found = {crc32(actor.encode("utf-8", "surrogatepass")) & 0xFFFF for actor in (*tally.ips, *tally.identities)}
    return array("H", sorted(found)).tobytes()


def is_fingered(actor: str, prints: bytes) -> bool:
    found = array("H")
    found.frombytes(prints)
    at = bisect_left(found, own := crc32(actor.encode("utf-8", "surrogatepass")) & 0xFFFF)
    return at < len(found) and found[at] == own


_ACTOR_COLUMNS = {"ip": "ips", "identity": "identities"}


def without(tally: Tally, hides: Callable[[str, Minute], bool]) -> Tally:
    """The tally with its hidden actors counted as nobody: every total stays. The same object where none is hidden (`hides` never hides a later minute
    and not an earlier one)."""
    gone = {
        column: {at for at, actor in enumerate(getattr(tally, names)) if actor not in NOBODY and hides(actor, tally.since)}
        for column, names in _ACTOR_COLUMNS.items()
    }
    if not any(gone.values()):
        return tally
    dictionaries = {names: list(getattr(tally, names)) for names in _ACTOR_COLUMNS.values()}
    nobody = {
        column: _place_of(dictionaries[names], "" if column == "ip" else OTHER) for column, names in _ACTOR_COLUMNS.items() if gone[column]
    }
    tables = dict(tally.tables)
    left: dict[str, set[int]] = {column: set() for column in _ACTOR_COLUMNS}
    changed = False
    for table, rows in tally.tables.items():
        for column, names in _ACTOR_COLUMNS.items():
            if gone[column] and column in TABLES[table].keys:
                at = TABLES[table].keys.index(column)
                actors = getattr(tally, names)
                hidden = [row[at] in gone[column] and hides(actors[row[at]], row[0] + tally.since) for row in rows]
                if any(hidden):
                    changed = True
                    renamed = [
                        (*row[:at], nobody[column], *row[at + 1 :]) if is_hidden else row
                        for row, is_hidden in zip(rows, hidden, strict=True)
                    ]
                    rows = _merged(table, renamed)
                left[column].update(row[at] for row in rows)
        tables[table] = rows
    for column, names in _ACTOR_COLUMNS.items():
        for at in gone[column] - left[column]:
            changed = True
            dictionaries[names][at] = dictionaries[names][nobody[column]]
    if not changed:  # they called again, later
        return tally
    return Tally(**{**{name: getattr(tally, name) for name in tally.__slots__}, **dictionaries, "tables": tables})


def _place_of(names: list[str], name: str) -> int:
    if name not in names:
        names.append(name)
    return names.index(name)


def _merged(table: str, rows: list[Row]) -> list[Row]:
    """Rows that became equal by key, as one; minutes ascending."""
    columns = TABLES[table]
    keys, sums = len(columns.keys), len(columns.keys) + len(columns.sums)
    found: dict[Row, Row] = {}
    for row in rows:
        key = row[:keys]
        known = found.get(key)
        if known is not None:
            row = (*key, *(a + b for a, b in zip(known[keys:sums], row[keys:sums], strict=True)), *map(max, known[sums:], row[sums:]))
        found[key] = row
    return sorted(found.values(), key=lambda row: row[0])
