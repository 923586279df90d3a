"""What analysts wrote of why they did something, and whom it names: comments of rules, reasons of what was accepted or exempted.

New texts that name somebody are refused (`alerts.request_body.reason`); those of before are found here, and rewritten.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from adapters import drift, recommendations, suppressions
from adapters.redaction import is_a_word_of_ours
from adapters.tables import Tables
from model import Minute, minute_of
from retention.subject import Subject, erased, pseudonym, redacted

ALONE = (drift.TABLE, recommendations.TABLE)
"""Tables in which nothing else can name a caller."""


class Reason(NamedTuple):
    """A text that names the subject. `until`: when it goes, None where the policy says how long after `at`."""

    table: str
    id: str
    at: datetime
    until: datetime | None
    text: str
    erase: Callable[[], bool]
    """Whether it named them still. Raises Changed."""


def naming(tables: Tables, table: str, subject: Subject, before: Minute, key: bytes) -> Iterator[Reason]:
    """The texts of one table that name the subject and were written until `before`. Rules that are about the subject are not among them: they go whole."""
    alias, whole = pseudonym(subject.actor, key), is_a_word_of_ours(subject)
    for id, at, until, text, reword in _written(tables, table, subject):

        def without_them(text: str, label: str = erased(id)) -> str:
            return str(redacted(redacted(text, subject.actor, label, whole), alias, label))

        if minute_of(at) <= before and without_them(text) != text:
            yield Reason(table, id, at, until, text, lambda id=id, reword=reword, rewrite=without_them: reword(tables, id, rewrite))  # type: ignore[misc]


Written = tuple[str, datetime, datetime | None, str, Callable[[Tables, str, Callable[[str], str]], bool]]
"""(id, when it was written, until when it is kept, text, what rewrites it)"""


def _written(tables: Tables, table: str, subject: Subject) -> Iterator[Written]:
    if table == suppressions.TABLE:
        for rule in suppressions.read(tables):
            if not rule.names(subject.actor):
                yield rule.id, rule.made, None, rule.comment, suppressions.reword
    elif table == drift.TABLE:
        for one in drift.read(tables):
            if one.acceptance:
                yield one.deviation.id, datetime.fromisoformat(one.acceptance.when), None, one.acceptance.why, drift.reword
    else:
        for stored in recommendations.read(tables):
            for exemption in stored.recommendation.exemptions:
                yield stored.recommendation.id, exemption.made, exemption.until, exemption.why, recommendations.reword
