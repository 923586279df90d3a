"""Table Storage: a few verbs over the SDK that create tables as they are needed and refuse what the service would refuse."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import groupby
from operator import itemgetter
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.data.tables import EdmType, EntityProperty, TableServiceClient, TableTransactionError, UpdateMode

from adapters.identity import credential
from adapters.patience import WORK, Patience
from adapters.table_insert import Inserter
from settings import Connection

Entity = dict[str, Any]

PIECE = 60 * 1024
"""Bytes of one binary property; the service takes 64 KiB."""
LARGEST_ENTITY = 900 * 1024
"""Bytes of packed data in one entity; the service takes 1 MiB, and the emulator more, so it is checked here."""
LONGEST_INSERT = 10
"""Seconds that an insert by our own protocol waits for its answer before the SDK tries."""
TRANSACTION_OPERATIONS = 100
TRANSACTION_BYTES = 3 << 20
"""The service takes 4 MiB, counted after base64."""


class Exists(Exception):
    """An entity of this key is there already."""


class Missing(Exception):
    """The table is not there, and is not to be made."""


class Changed(Exception):
    """Somebody else wrote the entity since it was read."""


class Tables:
    """The tables of one account. Every verb raises azure.core's HttpResponseError for a storage fault."""

    def __init__(self, connection: Connection, patience: Patience = WORK) -> None:
        options: dict[str, Any] = patience.options
        if connection.connection_string:
            self.service = TableServiceClient.from_connection_string(connection.connection_string, **options)
        else:
            self.service = TableServiceClient(connection.address, credential=credential(connection.client_id), **options)
        self._inserter = Inserter(self.service.url, self.service.credential, patience.connect, min(patience.answer, LONGEST_INSERT))
        self.service.__enter__()  # opens the session now: two first requests at once would each open one, and find it half made

    def insert(self, table: str, entity: Entity, *, create: bool = True) -> None:
        """Raises Exists, and Missing where the table is not there and `create` is False."""
        said = self._inserter.insert(table, entity)
        if said == "EntityAlreadyExists":
            raise Exists(table)
        if not said:
            return
        try:  # no table yet, a service that is ill, a value that it would refuse
            if create:
                self._creating(table, lambda: self.service.get_table_client(table).create_entity(entity))
            else:
                self.service.get_table_client(table).create_entity(entity)
        except ResourceNotFoundError:
            raise Missing(table) from None
        except ResourceExistsError:
            raise Exists(table) from None

    def replace(self, table: str, entity: Entity, etag: str | None, mode: UpdateMode = UpdateMode.REPLACE) -> str:
        """Write an entity, or with MERGE these properties of it, that was read with `etag` (None: that was not there); the new etag. Raises Changed."""
        client = self.service.get_table_client(table)
        if etag is None:
            try:
                answer = self._creating(table, lambda: client.create_entity(entity))
            except ResourceExistsError:
                raise Changed(table) from None
        else:
            try:
                answer = client.update_entity(entity, mode, etag=etag, match_condition=MatchConditions.IfNotModified)
            except HttpResponseError as error:
                if error.status_code in (404, 412):
                    raise Changed(table) from None
                raise
        return str(answer["etag"])

    def upsert(self, table: str, entities: Iterable[Entity], mode: UpdateMode = UpdateMode.REPLACE) -> None:
        """Write entities in transactions of one partition each; atomic only within a transaction, so a repeat must be harmless."""
        ordered = sorted(entities, key=itemgetter("PartitionKey", "RowKey"))
        for _, group in groupby(ordered, key=itemgetter("PartitionKey")):
            for transaction in _transactions(group):
                self._creating(table, lambda some=transaction: self._upsert(table, some, mode))

    def get(self, table: str, partition: str, row: str) -> Entity | None:
        """An entity, its etag beside its own properties."""
        try:
            entity = self.service.get_table_client(table).get_entity(partition, row)
        except ResourceNotFoundError:
            return None
        return dict(entity) | {"etag": entity.metadata["etag"]}

    def query(self, table: str, where: str, /, select: list[str] | None = None, per_request: int = 1000, **values: Any) -> Iterator[Entity]:
        """Entities in key order, so many at a time (at most 1000); `where` names `values` as @name. A table that does not exist is empty."""
        try:
            client = self.service.get_table_client(table)
            yield from client.query_entities(where, parameters=values, select=select, results_per_page=per_request)
        except ResourceNotFoundError:
            return

    def rows(self, table: str, where: str, /, **values: Any) -> Iterator[Entity]:
        """As `query`, each with its etag beside its own properties."""
        try:
            for entity in self.service.get_table_client(table).query_entities(where, parameters=values, results_per_page=1000):
                yield dict(entity) | {"etag": entity.metadata["etag"]}
        except ResourceNotFoundError:
            return

    def names(self, prefix: str) -> list[str]:
        """The tables whose names begin with `prefix`, in order."""
        where = "TableName ge @low and TableName lt @high"
        found = self.service.query_tables(where, parameters={"low": prefix, "high": prefix + "~"})
        return sorted(item.name for item in found)

    def drop(self, table: str) -> None:
        """A table that is not there is dropped. Its name must not be used again: the service refuses it for a while."""
        self.service.delete_table(table)

    def delete(self, table: str, keys: Iterable[tuple[str, str]]) -> None:
        client = self.service.get_table_client(table)
        for partition, row in keys:
            try:
                client.delete_entity(partition, row)
            except ResourceNotFoundError:
                continue

    def take(self, table: str, entity: Entity) -> None:
        """Delete an entity as it was read, with its etag. One that is gone is taken. Raises Changed."""
        client, condition = self.service.get_table_client(table), MatchConditions.IfNotModified
        try:
            client.delete_entity(entity["PartitionKey"], entity["RowKey"], etag=entity["etag"], match_condition=condition)
        except ResourceNotFoundError:
            return
        except HttpResponseError as error:
            if error.status_code == 412:
                raise Changed(table) from None
            raise

    def _upsert(self, table: str, entities: list[Entity], mode: UpdateMode) -> None:
        client = self.service.get_table_client(table)
        if len(entities) == 1:
            client.upsert_entity(entities[0], mode)
        else:
            client.submit_transaction([("upsert", entity, {"mode": mode}) for entity in entities])

    def _creating(self, table: str, write: Any) -> Any:
        try:
            return write()
        except (ResourceNotFoundError, TableTransactionError) as error:
            if error.status_code != 404:
                raise
        with suppress(ResourceExistsError):  # another instance was first
            self.service.create_table(table)
        return write()


def pieces(packed: bytes, prefix: str = "d") -> Entity:
    """Properties d0, d1 … that hold `packed`. Raises ValueError where one entity cannot hold it."""
    if len(packed) > LARGEST_ENTITY:
        raise ValueError(f"{len(packed)} bytes do not fit into one entity")
    return {f"{prefix}{at // PIECE}": packed[at : at + PIECE] for at in range(0, len(packed), PIECE)}


def joined(entity: Mapping[str, Any], prefix: str = "d") -> bytes:
    """What `pieces` split."""
    found: list[bytes] = []
    while (piece := entity.get(f"{prefix}{len(found)}")) is not None:
        found.append(piece)
    return b"".join(found)


def int64(value: int) -> EntityProperty:
    return EntityProperty(value, EdmType.INT64)


def number(value: Any) -> int:
    """An integer property, whichever width the service gave it."""
    return int(value.value if isinstance(value, EntityProperty) else value)


def _transactions(entities: Iterable[Entity]) -> Iterator[list[Entity]]:
    some: list[Entity] = []
    size = 0
    for entity in entities:
        weight = sum(len(value) * 4 // 3 if isinstance(value, bytes) else len(str(value)) * 2 + 16 for value in entity.values()) + 512
        if some and (len(some) == TRANSACTION_OPERATIONS or size + weight > TRANSACTION_BYTES):
            yield some
            some, size = [], 0
        some.append(entity)
        size += weight
    if some:
        yield some
