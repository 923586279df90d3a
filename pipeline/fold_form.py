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
    names, media = _media(calls, minute, endpoint)
    fields = _Names(FIELDS_PER_BATCH)
    tables = {
        "media": media,
        "forms": _forms(calls, minute, endpoint),
        **_bodies(calls, (minute, endpoint, ip), looks, fields.of),
    }
    return Form(tables, list(names.numbers), list(fields.numbers))


def _media(calls: Sequence[ApiCall], minute: Sequence[int], endpoint: Sequence[int]) -> tuple[_Names, list[Row]]:
    names = _Names(MEDIA_PER_BATCH)
    headers = [(call.request_content_type, call.response_content_type) for call in calls]
    known: tuple[dict[str, int], dict[str, int]] = ({}, {})
    for pair in dict.fromkeys(headers):
        for direction, header in enumerate(pair):
            if header and header not in known[direction]:
                known[direction][header] = names.of(media_type(header[:HEADER_LENGTH], by_caller=direction == 0))
    numbers = {pair: tuple((way, known[way][header]) for way, header in enumerate(pair) if header) for pair in dict.fromkeys(headers)}
    if not any(numbers.values()):
        return names, []
    media: Counter[tuple[int, int, int, int, int]] = Counter()
    for (m, e, pair, status), n in Counter(zip(minute, endpoint, headers, [call.status // 100 for call in calls], strict=True)).items():
        for direction, number in numbers[pair]:
            media[m, e, direction, number, status] += n
    return names, [(*row, n) for row, n in media.items()]


def _forms(calls: Sequence[ApiCall], minute: Sequence[int], endpoint: Sequence[int]) -> list[Row]:
    shapes = [(call.url_template, call.scheme, call.api_revision) for call in calls]
    forms = {shape: _form(*shape) for shape in dict.fromkeys(shapes)}
    if not any(forms.values()):
        return []
    counts = Counter([(m, e, *form) for m, e, shape in zip(minute, endpoint, shapes, strict=True) if (form := forms[shape])])
    return [(*row, n) for row, n in counts.items()]


def _form(template: str | None, scheme: str | None, api_revision: str | None) -> tuple[int, int, int] | None:
    """Wildcard, plain, revision; None for the usual call, which has no row."""
    wildcard = int(template is not None and template[-1:] == "*")
    plain = int(scheme == "http" or scheme == "ws")
    revision = _revision(api_revision)
    return (wildcard, plain, revision) if wildcard or plain or revision > 1 else None


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
