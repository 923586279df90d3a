"""A storage account of a test's own: the shared Azurite, emptied."""

import pytest
from azure.storage.blob import BlobServiceClient

from adapters.evidence import Evidence
from adapters.tables import Tables
from local.azurite import Azurite
from settings import Connection


@pytest.fixture
def account(azurite: Azurite) -> Connection:
    tables = Tables(Connection("azurite", azurite.connection_string))
    for table in tables.names(""):
        tables.service.delete_table(table)
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        for container in list(blobs.list_containers()):
            blobs.delete_container(container)
    return Connection("azurite", azurite.connection_string)


@pytest.fixture
def tables(account: Connection) -> Tables:
    return Tables(account)


@pytest.fixture
def evidence(account: Connection) -> Evidence:
    return Evidence(account)
