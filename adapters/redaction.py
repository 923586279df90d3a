"""Rows of alerts, incidents and folded alerts without one person: what names them is taken out, what merely looks like their name stays."""

import json
from collections.abc import Callable
from typing import Any

from adapters.alerts import OURS
from adapters.tables import Entity
from alerts.triage import rewritten
from alerts.words import is_ours
from retention.subject import Subject, erased, redacted


def redacted_row(row: Entity, subject: Subject, alias: str) -> Entity | None:
    """None where the row does not name the subject."""
    label = erased(row["RowKey"][9:])
    whole = is_a_word_of_ours(subject) and not _accuses(row, subject.actor, alias)

    def without_them(value: Any) -> Any:
        return redacted(redacted(value, subject.actor, label, whole), alias, label)

    found: Entity = {}
    for name, value in row.items():
        if name == "etag":
            continue
        found[name] = value
        if not isinstance(value, str) or name in OURS:
            continue
        if name in DOCUMENTS:
            content = json.loads(value)
            changed = _redacted_document(content, without_them, everywhere=subject.kind == "ip")
            found[name] = json.dumps(changed, ensure_ascii=False, separators=(",", ":")) if changed != content else value
        elif name == "changes":
            found[name] = rewritten(value, without_them)
        elif subject.kind == "ip":
            found[name] = without_them(value)
    return found if any(found[name] != row[name] for name in found) else None


DOCUMENTS = ("alert", "incident", "folded")
"""Columns of JSON: an alert, an incident, the alerts folded into a campaign."""
OF_ACTORS = ("actor", "actors", "busiest", "evidence")
"""Where a document names actors. Elsewhere stand our words, and names of endpoints and parameters, and an identity may be any of them."""


def _redacted_document(content: Any, without_them: Callable[[Any], Any], everywhere: bool) -> Any:
    if everywhere:
        return without_them(content)
    if isinstance(content, list):
        return [_redacted_document(one, without_them, everywhere) for one in content]
    if isinstance(content, dict):
        return {
            key: without_them(value) if key in OF_ACTORS else _redacted_document(value, without_them, everywhere)
            for key, value in content.items()
        }
    return content


def is_a_word_of_ours(subject: Subject) -> bool:
    return subject.kind != "ip" and is_ours(subject.value)


def _accuses(row: Entity, actor: str, alias: str) -> bool:
    """Whether a document of the row has the actor as one of its own: then its comments speak of them."""
    texts = [row[name] for name in DOCUMENTS if isinstance(row.get(name), str)]
    return any(json.dumps(one, ensure_ascii=False) in text for one in (actor, alias) for text in texts)
