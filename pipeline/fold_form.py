"""The share of a tally that tells an endpoint's form: media types, fields of bodies, wildcards, revisions and plain http."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from model import OTHER, ApiCall
from windows.media import media_type
from windows.tally import Row

if TYPE_CHECKING:
    from pipeline.contents import Look

MEDIA_PER_BATCH = 256
FIELDS_PER_BATCH = 1024
FIELD_ROWS = 8_000
"""Of one batch: about 100 KB. Bodies beyond it are not listed, nor counted as listed."""
PLACE_LENGTH = 200
LARGEST_REVISION = 9_999
HEADER_LENGTH = 256


class Form(NamedTuple):
    """Tables `media`, `bodies`, `fields` and `forms`, and the names that their columns `media` and `field` are indices into."""

    tables: dict[str, list[Row]]
    media: list[str]
    fields: list[str]


class _Names:
    """Numbers names; past the cap all get the number of OTHER."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self.numbers: dict[str, int] = {}

    def of(self, name: str) -> int:
        if len(self.numbers) >= self._cap and name not in self.numbers:
            name = OTHER
        return self.numbers.setdefault(name, len(self.numbers))


def form_of(
    calls: Sequence[ApiCall], minute: Sequence[int], endpoint: Sequence[int], ip: Sequence[int], looks: "Mapping[int, Look] | None"
) -> Form:
    """`minute`, `endpoint` and `ip`: of each call, as the tally numbers them."""
    names = _Names(MEDIA_PER_BATCH)
    known: tuple[dict[str, int], dict[str, int]] = ({}, {})

    def number(header: str, direction: int) -> int:
        found = known[direction].get(header)
        if found is None:
            found = known[direction][header] = names.of(media_type(header[:HEADER_LENGTH], by_caller=direction == 0))
        return found

    media: Counter[tuple[int, ...]] = Counter()
    forms: Counter[tuple[int, ...]] = Counter()
    for at, call in enumerate(calls):
        if call.request_content_type:
            media[minute[at], endpoint[at], 0, number(call.request_content_type, 0), call.status // 100] += 1
        if call.response_content_type:
            media[minute[at], endpoint[at], 1, number(call.response_content_type, 1), call.status // 100] += 1
        template = call.url_template
        wildcard = int(template is not None and template[-1:] == "*")
        plain = int(call.scheme == "http" or call.scheme == "ws")
        revision = _revision(call.api_revision)
        if wildcard or plain or revision > 1:  # the usual call has no row
            forms[minute[at], endpoint[at], wildcard, plain, revision] += 1
    fields = _Names(FIELDS_PER_BATCH)
    tables = {
        "media": [(*row, n) for row, n in media.items()],
        "forms": [(*row, n) for row, n in forms.items()],
        **_bodies(calls, (minute, endpoint, ip), looks, fields.of),
    }
    return Form(tables, list(names.numbers), list(fields.numbers))


def _bodies(
    calls: Sequence[ApiCall],
    columns: tuple[Sequence[int], Sequence[int], Sequence[int]],
    looks: "Mapping[int, Look] | None",
    field: Callable[[str], int],
) -> dict[str, list[Row]]:
    if not looks:
        return {}
    minute, endpoint, ip = columns
    bodies: Counter[tuple[int, ...]] = Counter()
    fields: Counter[tuple[int, ...]] = Counter()
    for at, look in looks.items():
        if not look.sampled or calls[at].status // 100 != 2 or len(fields) >= FIELD_ROWS:
            continue
        for direction, listed in look.bodies:
            bodies[minute[at], endpoint[at], direction] += 1
            prefix = ("request ", "response ")[direction]
            fields.update((minute[at], endpoint[at], ip[at], field((prefix + place)[:PLACE_LENGTH]), kind) for place, kind in listed)
    return {"bodies": [(*row, n) for row, n in bodies.items()], "fields": [(*row, n) for row, n in fields.items()]}


def _revision(text: str | None) -> int:
    """A number, as the gateway counts revisions; 0 for none and for what is no number."""
    return int(text) if text and len(text) <= 4 and text.isascii() and text.isdigit() and int(text) <= LARGEST_REVISION else 0
