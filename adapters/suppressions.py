"""The `suppressions` table: the rules of `alerts.suppression`, as analysts made them."""

from collections.abc import Callable, Iterator
from datetime import date, datetime

import msgspec

from adapters.alerts import Stored
from adapters.tables import Changed, Entity, Tables
from alerts.suppression import Rule, expected
from detectors import by_id

TABLE = "suppressions"
TRIES = 5


def read(tables: Tables) -> Iterator[Rule]:
    """All rules, those that are over among them until they are purged."""
    for row in tables.query(TABLE, "PartitionKey eq @partition", partition=TABLE):
        yield msgspec.json.decode(row["rule"], type=Rule)


def find(tables: Tables, id: str) -> Rule | None:
    row = tables.get(TABLE, TABLE, id)
    return msgspec.json.decode(row["rule"], type=Rule) if row else None


def write(tables: Tables, rule: Rule) -> None:
    tables.upsert(TABLE, [_row(rule)])


def delete(tables: Tables, id: str) -> bool:
    """Whether there was such a rule."""
    there = tables.get(TABLE, TABLE, id) is not None
    tables.delete(TABLE, [(TABLE, id)])
    return there


def reword(tables: Tables, id: str, rewrite: Callable[[str], str]) -> bool:
    """Whether a rule's comment became another. Raises Changed."""
    for _ in range(TRIES):
        row = tables.get(TABLE, TABLE, id)
        rule = msgspec.json.decode(row["rule"], type=Rule) if row else None
        if row is None or rule is None or rewrite(rule.comment) == rule.comment:
            return False
        try:
            tables.replace(TABLE, _row(msgspec.structs.replace(rule, comment=rewrite(rule.comment))), row["etag"])
            return True
        except Changed:
            continue
    raise Changed(TABLE)


def expect(tables: Tables, stored: Stored, now: datetime) -> None:
    """What the latest change calls expected is suppressed for a day. A repeat changes nothing more."""
    change = stored.triage.changes[-1]
    write(tables, expected(stored.alert, by_id()[stored.alert.detector], change.by, now))


def teaching(tables: Tables, day: date) -> list[Rule]:
    """The rules by which a day is learned."""
    return [rule for rule in read(tables) if rule.teaches and rule.since.date() <= day <= rule.until.date()]


def _row(rule: Rule) -> Entity:
    return {
        "PartitionKey": TABLE,
        "RowKey": rule.id,
        "rule": msgspec.json.encode(rule).decode(),
        "until": rule.until,
        "made": rule.made,
        "personal": rule.personal,
    }
