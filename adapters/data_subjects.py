"""One person's data in every place: found for an export, taken out for an erasure, and searched for again afterwards."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ResourceModifiedError, ResourceNotFoundError

from adapters import key_uses, ledger, plans, reasons, responses, suppressions
from adapters.alerts import first_of
from adapters.batches import BatchLog
from adapters.evidence import Evidence
from adapters.guard_list import GatewayRefused
from adapters.reasons import Reason
from adapters.redaction import redacted_row
from adapters.responses import Response, Responses
from adapters.tables import Changed, Entity, Tables, joined, pieces
from alerts.suppression import Rule
from model import Minute, minute_of, moment
from response.entries import own_keys
from retention.policy import BY_ID, Place, Promises, deadline
from retention.subject import Subject, fingerprints, is_fingered, mentions, pseudonym, subject_hash, without
from windows.countries import country
from windows.tally import TABLES, Tally, pack, unpack

TRIES = 5
SUBJECT = "subject"
"""The metadata of an export's blob that holds the keyed hash of whose it is."""

Item = dict[str, Any]


class Places:
    """The places that can be looked into, in units: a batch table's partition, a day of the ledger, alerts, incidents, rules, an hour of quarantine, exports."""

    def __init__(
        self, tables: Tables, batches: BatchLog, evidence: Evidence, key: bytes, kept: Promises, known: Responses | None = None
    ) -> None:
        """`known`: where the gateway can be reached, its list is searched and edited too."""
        self._responses = known if known is not None and known.may_write else None
        self._tables, self._batches, self._evidence, self._key, self._kept = tables, batches, evidence, key, kept

    def units(self) -> list[str]:
        """In the order in which data move on, so that a search that follows them misses nothing: hub, batches, ledger and alerts."""
        batches = [f"{table}/{partition}" for table in self._tables.names("batches") for partition in self._batches.partitions_in(table)]
        hours = sorted({f"quarantine/{blob.partition('/')[0]}" for blob in self._names("quarantine")})
        return [
            *batches,
            plans.TABLE,
            *self._tables.names(ledger.PREFIX),
            "alerts/alerts",
            "alerts/incidents",
            "alerts/folded",
            suppressions.TABLE,
            *reasons.ALONE,
            responses.TABLE,
            key_uses.TABLE,
            *hours,
            "exports",
        ]

    def erase(self, unit: str, subject: Subject, before: Minute) -> int:
        """Take out what is there of the time until `before`; how many rows, alerts or messages held it. A repeat finds the rest."""
        table, _, partition = unit.partition("/")
        if table == "quarantine":
            return sum(self._redact_messages(blob, subject, before) for blob in self._names(table, partition))
        if table == "exports":
            return sum(1 for blob in self._exports(subject) if self._delete("exports", blob))
        if table == suppressions.TABLE:
            gone = sum(1 for rule in self._rules(subject, before) if suppressions.delete(self._tables, rule.id))
            return gone + sum(1 for reason in self._reasons(table, subject, before) if reason.erase())
        if table in reasons.ALONE:
            return sum(1 for reason in self._reasons(table, subject, before) if reason.erase())
        if table == responses.TABLE:
            return self._erase_responses(subject, before)
        if table == plans.TABLE:
            return self._erase_findings(subject, before)
        if table == key_uses.TABLE:
            return key_uses.erase(self._tables, subject.actor, self._key, before)
        if table == "alerts":
            return sum(1 for row in self._alerts(partition, subject, before) if self._redact_alert(partition, row, subject, before))
        if table.startswith(ledger.PREFIX):
            return ledger.erase(self._tables, table, subject.actor, self._key, before)
        return sum(
            1 for row in self._batch_rows(table, partition, subject, before) if self._erase_batch(table, partition, row, subject, before)
        )

    def count(self, unit: str, subject: Subject, before: Minute) -> int:
        """How many rows, alerts or messages hold the subject: what `erase` would change."""
        table, _, partition = unit.partition("/")
        if table == "quarantine":
            return sum(len(mine) for _, mine in self._messages(partition, subject, before))
        if table == "exports":
            return len(self._exports(subject))
        if table == suppressions.TABLE:
            return len(self._rules(subject, before)) + sum(1 for _ in self._reasons(table, subject, before))
        if table in reasons.ALONE:
            return sum(1 for _ in self._reasons(table, subject, before))
        if table == responses.TABLE:
            return len(self._records(subject, before)) + self._listed(subject, before)
        if table == plans.TABLE:
            return sum(1 for _ in self._findings(subject, before))
        if table == key_uses.TABLE:
            return sum(1 for _ in key_uses.of_subject(self._tables, subject.actor, self._key, before))
        if table == "alerts":
            return sum(1 for _ in self._alerts(partition, subject, before))
        if table.startswith(ledger.PREFIX):
            entries = ledger.look_up(self._tables, subject.actor, self._key, [table]) if subject.kind == "ip" else []
            regulars = ledger.regulars_of(self._tables, subject.actor, self._key, [table])
            behind = ledger.windows_behind(self._tables, subject.actor, self._key, [table]) if subject.kind == "ip" else []
            called = {entry.window for entry in entries} | {window for window, _ in behind}
            return sum(window <= before for window in called) + sum(regular.day * 1440 <= before for _, regular in regulars)
        return sum(1 for _ in self._batch_rows(table, partition, subject, before))

    def export(self, unit: str, subject: Subject) -> list[Item]:
        """Everything that is there, each item with its place, time, purpose and when it will be gone."""
        table, _, partition = unit.partition("/")
        latest = 1 << 40
        if table == "quarantine":
            place = BY_ID["quarantine"]
            return [
                _item(place, f"{table}/{blob}", line["enqueued"], deadline(place, blob, self._kept), message=line)
                for blob, mine in self._messages(partition, subject, latest)
                for line in mine
            ]
        if table == "exports":
            place = BY_ID["exports"]
            return [
                _item(place, f"{table}/{blob}", None, deadline(place, blob, self._kept), copy="an earlier export")
                for blob in self._exports(subject)
            ]
        if table == suppressions.TABLE:
            place = BY_ID[table]
            return [
                _item(place, f"{table}/{rule.id}", rule.made, rule.made + self._kept[table], rule=msgspec.to_builtins(rule))
                for rule in self._rules(subject, latest)
            ] + [self._reason_item(reason) for reason in self._reasons(table, subject, latest)]
        if table in reasons.ALONE:
            return [self._reason_item(reason) for reason in self._reasons(table, subject, latest)]
        if table == responses.TABLE:
            place = BY_ID[table]
            return [
                _item(place, f"{table}/{one.id}", one.when, one.when + self._kept[table], response=msgspec.to_builtins(one))
                for one in self._records(subject, latest)
            ]
        if table == plans.TABLE:
            place = BY_ID[table]
            return [
                _item(place, f"{table}/{partition}/{key}", at, at + self._kept[table], found=one)
                for partition, key, at, content in plans.rows(self._tables)
                for one in plans.of_actor(partition, content, subject.actor)
            ]
        if table == key_uses.TABLE:
            place = BY_ID["key-uses"]
            return [
                _item(place, f"{table}/{partition}", at := moment(use.last * 1440), at + self._kept["key-uses"], day=at.date().isoformat())
                for partition, use in key_uses.of_subject(self._tables, subject.actor, self._key)
            ]
        if table == "alerts":
            return [self._alert_item(partition, row) for row in self._alerts(partition, subject, latest)]
        if table.startswith(ledger.PREFIX):
            return list(self._ledger_items(table, subject))
        return [
            item
            for row in self._batch_rows(table, partition, subject, latest)
            for item in self._batch_items(table, partition, row, subject)
        ]

    # batches

    def _batch_rows(self, table: str, partition: str, subject: Subject, before: Minute) -> Iterator[Entity]:
        for row in self._tables.query(table, "PartitionKey eq @partition", select=["RowKey", "actors"], partition=partition):
            if is_fingered(subject.actor, row["actors"]):
                entity = self._tables.get(table, partition, row["RowKey"])
                if entity and _erased_tally(joined(entity), subject, before) is not None:
                    yield entity

    def _erase_batch(self, table: str, partition: str, row: Entity, subject: Subject, before: Minute) -> bool:
        for _ in range(TRIES):
            entity = self._tables.get(table, partition, row["RowKey"])
            packed = _erased_tally(joined(entity), subject, before) if entity else None
            if entity is None or packed is None:
                return False
            etag = entity.pop("etag")
            kept = {name: value for name, value in entity.items() if not (name[:1] == "d" and name[1:].isdigit())}
            try:
                self._tables.replace(table, {**kept, "actors": fingerprints(unpack(packed)), **pieces(packed)}, etag)
                return True
            except Changed:
                continue
        raise Changed(table)

    def _batch_items(self, table: str, partition: str, row: Entity, subject: Subject) -> Iterator[Item]:
        place, tally = BY_ID["batches"], unpack(joined(row))
        until = deadline(place, table, self._kept)
        where = f"{table}/{partition}/{row['RowKey']}"
        column, names = ("ip", tally.ips) if subject.kind == "ip" else ("identity", tally.identities)
        mine = {at for at, actor in enumerate(names) if actor == subject.actor}
        for kind, columns in TABLES.items():
            if column not in columns.keys:
                continue
            at = columns.all.index(column)
            for counts in tally.rows(kind):
                if counts[at] in mine:
                    yield _item(place, where, moment(counts[0]), until, counts=kind, **_readable(columns.all, counts, tally, column))

    # what the shards of the evaluation found

    def _findings(self, subject: Subject, before: Minute) -> Iterator[tuple[tuple[str, str], bytes]]:
        """(partition and key, what is left without the subject) of each row that holds it."""
        for partition, key, _, content in plans.rows(self._tables):
            rest = plans.without(partition, content, subject.actor, before)
            if rest is not None:
                yield (partition, key), rest

    def _erase_findings(self, subject: Subject, before: Minute) -> int:
        found = list(self._findings(subject, before))
        for place, rest in found:
            plans.rewrite(self._tables, *place, rest)
        return len(found)

    # the ledger

    def _ledger_items(self, table: str, subject: Subject) -> Iterator[Item]:
        place = BY_ID["activity"]
        until = deadline(place, table, self._kept)
        if subject.kind == "ip":
            for entry in ledger.look_up(self._tables, subject.actor, self._key, [table]):
                called = {"endpoint": str(entry.endpoint), "api": entry.endpoint.api, "status": entry.status_class, "calls": entry.n}
                yield _item(place, table, moment(entry.window), until, **called, minutes=20)
            for window, n in ledger.windows_behind(self._tables, subject.actor, self._key, [table]):
                yield _item(place, table, moment(window), until, identitiesAndAgentsBehind=n, minutes=20)
        for _, regular in ledger.regulars_of(self._tables, subject.actor, self._key, [table]):
            most = {"endpoint": str(regular.endpoint), "api": regular.endpoint.api, "measure": regular.measure, "largest": regular.value}
            yield _item(place, f"{table}/regulars", moment(regular.day * 1440), until, **most)

    # alerts

    def _alerts(self, partition: str, subject: Subject, before: Minute) -> Iterator[Entity]:
        alias = pseudonym(subject.actor, self._key)
        for row in self._tables.query("alerts", "PartitionKey eq @partition", partition=partition):
            if first_of(row["RowKey"]) <= before and redacted_row(row, subject, alias) is not None:
                yield row

    def _redact_alert(self, partition: str, row: Entity, subject: Subject, before: Minute) -> bool:
        alias = pseudonym(subject.actor, self._key)
        for _ in range(TRIES):
            entity = self._tables.get("alerts", partition, row["RowKey"])
            changed = redacted_row(entity, subject, alias) if entity and first_of(entity["RowKey"]) <= before else None
            if entity is None or changed is None:
                return False
            try:
                self._tables.replace("alerts", changed, entity["etag"])
                return True
            except Changed:
                continue
        raise Changed("alerts")

    def _alert_item(self, partition: str, row: Entity) -> Item:
        place = BY_ID["alerts"]
        first = moment(first_of(row["RowKey"]))
        texts = {
            name: json.loads(value) if name in ("alert", "incident", "folded") else value
            for name, value in row.items()
            if isinstance(value, str)
        }
        others = {name: value for name, value in texts.items() if name not in ("PartitionKey", "RowKey")}
        return _item(place, f"alerts/{partition}/{row['RowKey']}", first, first + self._kept["alerts"], **others)

    def _rules(self, subject: Subject, before: Minute) -> list[Rule]:
        return [rule for rule in suppressions.read(self._tables) if rule.names(subject.actor) and minute_of(rule.made) <= before]

    def _reasons(self, table: str, subject: Subject, before: Minute) -> Iterator[Reason]:
        return reasons.naming(self._tables, table, subject, before, self._key)

    def _reason_item(self, reason: Reason) -> Item:
        place = BY_ID[reason.table]
        until = reason.until or reason.at + self._kept[reason.table]
        return _item(place, f"{reason.table}/{reason.id}", reason.at, until, text=reason.text)

    # responses

    def _records(self, subject: Subject, before: Minute) -> list[Response]:
        return [one for one in responses.of_target(self._tables, subject.actor) if minute_of(one.when) <= before]

    def _listed(self, subject: Subject, before: Minute) -> int:
        """How many entries at the gateway name the subject. Raises AzureError where the gateway does not answer: the search goes on another time."""
        if self._responses is None:
            return 0
        keys = own_keys(subject.actor, self._responses.secret)
        try:
            return sum(entry.key in keys for entry in self._responses.guard.entries(before)) if keys else 0
        except GatewayRefused as error:
            raise AzureError(str(error)) from None

    def _erase_responses(self, subject: Subject, before: Minute) -> int:
        """The entry at the gateway goes before the record that says whose it is."""
        done = self._listed(subject, before)
        if done and self._responses is not None:
            try:
                self._responses.guard.take_off(own_keys(subject.actor, self._responses.secret), before)
            except GatewayRefused as error:
                raise AzureError(str(error)) from None
        for one in self._records(subject, before):
            responses.delete(self._tables, one.id)
            done += 1
        return done

    # blobs

    def _messages(self, hour: str, subject: Subject, before: Minute) -> Iterator[tuple[str, list[Item]]]:
        """(blob, its lines that name the subject)"""
        for blob in self._names("quarantine", hour):
            lines, _ = self._lines(blob)
            mine = [line for line in lines if _names_subject(line, subject, before)]
            if mine:
                yield blob, mine

    def _lines(self, blob: str) -> tuple[list[Item], str]:
        try:
            stream = self._evidence.service.get_blob_client("quarantine", blob).download_blob()
        except ResourceNotFoundError:
            return [], ""
        return [json.loads(line) for line in bytes(stream.readall()).splitlines()], str(stream.properties.etag)

    def _redact_messages(self, blob: str, subject: Subject, before: Minute) -> int:
        """Deletes the messages that name the subject, and says so in their place; how many."""
        for _ in range(TRIES):
            lines, etag = self._lines(blob)
            mine = [_names_subject(line, subject, before) for line in lines]
            if not any(mine):
                return 0
            text = "".join(
                json.dumps({**line, "prefix": "", "erased": True} if is_mine else line) + "\n"
                for line, is_mine in zip(lines, mine, strict=True)
            )
            client = self._evidence.service.get_blob_client("quarantine", blob)
            try:
                client.upload_blob(text.encode(), overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified)
            except (ResourceModifiedError, ResourceNotFoundError):
                continue
            return sum(mine)
        raise Changed("quarantine")

    def _exports(self, subject: Subject) -> list[str]:
        hash = subject_hash(subject.actor, self._key)
        client = self._evidence.service.get_container_client("exports")
        try:
            return [blob.name for blob in client.list_blobs(include=["metadata"]) if (blob.metadata or {}).get(SUBJECT) == hash]
        except ResourceNotFoundError:
            return []

    def _names(self, container: str, prefix: str = "") -> list[str]:
        try:
            return list(self._evidence.service.get_container_client(container).list_blob_names(name_starts_with=prefix))
        except ResourceNotFoundError:
            return []

    def _delete(self, container: str, blob: str) -> bool:
        try:
            self._evidence.service.get_blob_client(container, blob).delete_blob(delete_snapshots="include")
        except ResourceNotFoundError:
            return False
        return True


def outside(kept: Promises, now: datetime) -> list[Item]:
    """The places that cannot be looked into, and when what they hold of this moment is gone."""
    found = []
    for id in ("calls", "alert-feed", "memory", "guard-list"):
        place = BY_ID[id]
        found.append(
            {"place": f"{place.kind} {place.name}", "holds": place.holds, "goneBy": (now + kept[id]).isoformat(), "why": place.erasure}
        )
    return found


def _item(place: Place, where: str, time: datetime | str | None, until: datetime, /, **content: Any) -> Item:
    at = time.isoformat() if isinstance(time, datetime) else time
    return {"place": place.id, "where": where, "time": at, "purpose": place.purpose, "goneBy": until.isoformat(), **content}


def _readable(columns: tuple[str, ...], row: tuple[int, ...], tally: Tally, own: str) -> Item:
    """A row of counts in words; values of parameters are hashes and say nothing."""
    texts: dict[str, Callable[[int], Any]] = {
        "endpoint": lambda at: str(tally.endpoints[at]),
        "parameter": tally.parameters.__getitem__,
        "rule": tally.rules.__getitem__,
        "detail": tally.details.__getitem__,
        "agent": tally.agents.__getitem__,
        "country": country,
    }
    return {
        {"n": "calls"}.get(name, name): texts[name](value) if name in texts else value
        for name, value in zip(columns, row, strict=True)
        if name not in ("minute", "value", "type", "ip", "identity", own)  # who else it may have been is theirs
    }


def _erased_tally(packed: bytes, subject: Subject, before: Minute) -> bytes | None:
    """None where nothing of the subject is in it."""
    tally = unpack(packed)
    without_them = without(
        tally,
        lambda actor, minute: actor == subject.actor and minute <= before,
    )
    return pack(without_them) if without_them is not tally else None


def _names_subject(line: Item, subject: Subject, before: Minute) -> bool:
    return (
        bool(line["prefix"])
        and minute_of(datetime.fromisoformat(line["enqueued"])) <= before
        and mentions(subject, base64.b64decode(line["prefix"]))
    )
