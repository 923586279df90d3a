"""How old the hub's oldest event is, asked of a real hub over its own protocol."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.eventhub import EventData, EventHubProducerClient

from adapters.hub_retention import GRACE, check, oldest_enqueued
from local.eventhubs.server import EventHubs
from retention.policy import DAY, HOUR, promises
from settings import Connection
from tests.local.eventhubs_thread import running

# the SDK forgets to close its socket when the server is gone; `forgotten_sockets` finds those while they are still allowed
pytestmark = [
    pytest.mark.usefixtures("forgotten_sockets"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventHubs]:
    with running(tmp_path_factory.mktemp("hubs"), {"empty": 2, "calls": 2}) as server:
        with EventHubProducerClient.from_connection_string(server.connection_string, eventhub_name="calls", retry_total=0) as producer:
            producer.send_batch([EventData(b"old")], partition_id="1")
        yield server


def test_an_empty_hub_keeps_nothing(server: EventHubs) -> None:
    assert oldest_enqueued(Connection("hub", server.connection_string), "empty") is None


def test_an_event_older_than_promised_is_said(server: EventHubs) -> None:
    connection, now = Connection("hub", server.connection_string), datetime.now(UTC)
    oldest = oldest_enqueued(connection, "calls")
    assert oldest is not None
    assert abs(now - oldest) < timedelta(minutes=5)
    kept = promises({"calls": 24 * HOUR})
    assert list(check(connection, "calls", kept, oldest + DAY + GRACE)) == []
    (said,) = check(connection, "calls", kept, oldest + DAY + GRACE + HOUR)
    assert said == "hub calls keeps calls for 49 hours, but HUB_RETENTION_HOURS says 24 hours: lower its retention"


def test_a_hub_that_does_not_answer_is_said(tmp_path: Path) -> None:
    with running(tmp_path, {"calls": 1}) as gone:
        connection = Connection("hub", gone.connection_string)
    (said,) = check(connection, "calls", promises(), datetime.now(UTC))
    assert said.startswith("the age of the hub's oldest event is unknown (")
