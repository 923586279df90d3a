"""A storage account of a test's own: the shared Azurite, emptied."""

import pytest

from adapters.evidence import Evidence
from adapters.tables import Tables
from local.azurite import Azurite
from settings import Connection
from tests.adapters.world import empty


@pytest.fixture
def account(azurite: Azurite) -> Connection:
    connection = Connection("azurite", azurite.connection_string)
    empty(connection)
    return connection


@pytest.fixture
def tables(account: Connection) -> Tables:
    return Tables(account)


@pytest.fixture
def evidence(account: Connection) -> Evidence:
    return Evidence(account)
