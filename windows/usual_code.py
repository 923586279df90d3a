"""Fields that usually carry code: markup, templates, queries, paths, logs. Their hits are told as information, those of a field that never did as attacks.

What is learned is a detail of a sighting, "script in request.body $.html": one family in one field of one endpoint. Clients are counted without being kept:
each sets one of 64 bits.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b

from model import NOBODY
from windows.rules import AS_TEXT, INJECTION

LEARNABLE = frozenset(("sql", "script", "template", "path-traversal", "crlf", "nosql", "ldap", "xpath", "command"))
"""Families that an honest field may be made for. Nobody honest sends a look-up, a serialised object, an entity, a prototype or an address of the inside."""

FIELDS = 50
"""Details of one endpoint: names in what they send are callers' to choose."""
SUSPECT_FIELDS = 4
"""Fields of one endpoint in which one client sent code within a window, from which on it is trying them out."""
CLIENTS = 5
DAYS = 3
CALLS = 20
SHARE = 0.05
"""Of the answered calls of those days. So many clients, days, calls and so large a share make code usual: a crowd that lives there, not a visit."""

Code = dict[str, tuple[int, int]]
"""Detail -> (calls answered 2xx, clients as bits)"""


def learnable(sightings: Mapping[tuple[str, str, str], Mapping[int, int]]) -> Code:
    """The code of a window, from its sightings: (rule, IP, detail) -> status -> n. Without clients that broke another rule, sent what is no code, or tried many
    fields."""
    fields: dict[str, set[str]] = {}
    suspects = set(NOBODY)
    for rule, ip, detail in sightings:
        if rule != INJECTION or not _is_field(detail):
            suspects.add(ip)
        else:
            fields.setdefault(ip, set()).add(detail.partition(" in ")[2])
    suspects.update(ip for ip, places in fields.items() if len(places) >= SUSPECT_FIELDS)
    found: Code = {}
    for (_, ip, detail), statuses in sorted(sightings.items()):
        answered = sum(n for status, n in statuses.items() if status // 100 == 2)
        if ip in suspects or not answered or (detail not in found and len(found) >= FIELDS):
            continue
        calls, clients = found.get(detail, (0, 0))
        found[detail] = calls + answered, clients | _bit(ip)
    return found


def _is_field(detail: str) -> bool:
    family, _, place = detail.partition(" in ")
    return (
        family.removesuffix(AS_TEXT) in LEARNABLE
        and bool(place)
        and not place.endswith((" a name", " its shape", "a name of the query"))
        and place != "path"
    )


def _bit(ip: str) -> int:
    return 1 << blake2b(ip.encode(), digest_size=1).digest()[0] % 64


def together(codes: Iterable[Code]) -> Code:
    found: Code = {}
    for code in codes:
        for detail, (calls, clients) in code.items():
            if detail not in found and len(found) >= 2 * FIELDS:
                continue
            before = found.get(detail, (0, 0))
            found[detail] = before[0] + calls, before[1] | clients
    return found


def usual(days: Iterable[tuple[int, Code]]) -> list[str]:
    """The details that are usual, from each day's answered calls and code."""
    seen: dict[str, list[int]] = {}
    for answered, code in days:
        for detail, (calls, clients) in code.items():
            sums = seen.setdefault(detail, [0, 0, 0, 0])
            sums[0] += 1
            sums[1] += calls
            sums[2] |= clients
            sums[3] += answered
    return sorted(
        detail
        for detail, (on, calls, clients, answered) in seen.items()
        if on >= DAYS and calls >= CALLS and clients.bit_count() >= CLIENTS and calls >= SHARE * answered
    )
