"""Words of our own records. A person may be called so: then only the whole spelling means them, for "function key" in a change is no one's name."""

import re
from functools import cache

from alerts.triage import STATUSES, Change
from detectors import by_id
from model import STATUS_CLASSES, Alert, Campaign, Finding, Incident, Severity, Sighting

_OTHERS = (
    "function admin key true false null none nobody other erased pseudonym user subject subscription identity caller callers address scanner test team known fine wrong "
    "http https get head post put patch delete options trace connect"
)
_SHORT = 2
"""Characters up to which a text is nobody's name where it stands alone; digits alone never are."""


@cache
def ours() -> frozenset[str]:
    """In lower case: what we call things, and every word of what is said of a detector."""
    said = [f"{one.id} {one.title} {one.sees} {one.causes} {' '.join(one.remediation)}" for one in by_id().values()]
    fields = [field for kind in (Alert, Campaign, Finding, Incident, Sighting, Change) for field in kind.__annotations__]
    texts = [*said, *fields, *STATUSES, *STATUS_CLASSES, *(severity.label for severity in Severity), _OTHERS]
    return frozenset(re.findall(r"[\w-]+", " ".join(texts).casefold()))


def is_ours(word: str) -> bool:
    return len(word) <= _SHORT or word.isdigit() or word.casefold() in ours()
