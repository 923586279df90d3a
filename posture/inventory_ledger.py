"""What was declared when: the memory from which removed operations and changed descriptions are known after the description itself has moved on."""

import hashlib
from collections.abc import Iterable

import msgspec

from model import Minute
from posture.inventory_declared import Declared, Key, key_of

KEPT = 396 * 24 * 60
"""Minutes for which an operation is remembered that is declared no longer."""


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """`first` and `last`: minutes of the first and the last description that had it; `changed`: of the last whose details differ, -1 for none."""

    first: Minute
    last: Minute
    digest: str
    changed: Minute = -1


class Ledger(msgspec.Struct, frozen=True):
    """One API of one gateway. `began`: minute of the first description that was read; `taken`: of the last. `operations`: "GET /orders/{}" -> entry."""

    service: str
    api: str
    began: Minute
    taken: Minute
    operations: dict[str, Entry] = {}

    def gone(self) -> dict[Key, Minute]:
        """What was declared once -> the minute since which it is not."""
        found = {}
        for name, entry in self.operations.items():
            if entry.last < self.taken:
                method, _, template = name.partition(" ")
                found[key_of(self.service, self.api, method, template)] = entry.last
        return found


def updated(known: Ledger | None, service: str, api: str, operations: Iterable[Declared], taken: Minute) -> Ledger:
    """The ledger after a description of an API that is whole; `operations` empty where the API is gone. A description that was taken in already changes nothing."""
    if known is not None and taken <= known.taken:
        return known
    entries = dict(known.operations) if known is not None else {}
    for one in operations:
        name = " ".join(key_of(service, api, one.method, one.template)[2:])
        before, digest = entries.get(name), digest_of(one)
        if before is None:
            entries[name] = Entry(taken, taken, digest)
        else:
            entries[name] = Entry(before.first, taken, digest, before.changed if before.digest == digest else taken)
    kept = {name: entry for name, entry in entries.items() if entry.last > taken - KEPT}
    return Ledger(service, api, known.began if known is not None else taken, taken, kept)


def digest_of(one: Declared) -> str:
    """Of what is said about parameters, statuses, media types and bodies."""
    bodies = [
        (sorted((path, sorted(kinds)) for path, kinds in body.fields.items()), sorted(body.open)) if body else None
        for body in (one.request_body, one.response_body)
    ]
    parameters = sorted((each.name, each.place, sorted(each.types), each.required, each.values) for each in one.parameters)
    text = repr((parameters, one.statuses, one.request_media, one.response_media, bodies))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
