"""Quarantine is bounded: a sender that sends nothing but rubbish fills neither a batch's blob nor an hour, and every message is counted."""

from datetime import timedelta

from adapters.ingest import QUARANTINED_OF_BATCH, QUARANTINED_OF_HOUR
from settings import Connection
from tests.adapters.world import World


def kept(world: World) -> list[int]:
    """Messages of each blob."""
    container = world.evidence.service.get_container_client("quarantine")
    return [len(container.download_blob(blob.name).readall().splitlines()) for blob in container.list_blobs()]


def test_rubbish_is_kept_in_bounds_and_counted_in_full(account: Connection) -> None:
    world = World(account)
    world.play([b"rubbish"] * 1_000)
    assert kept(world) == [QUARANTINED_OF_BATCH]
    for _ in range(QUARANTINED_OF_HOUR // QUARANTINED_OF_BATCH + 3):
        world.play([b"rubbish"] * (QUARANTINED_OF_BATCH + 1))
    assert sum(kept(world)) == QUARANTINED_OF_HOUR
    world.play([b"rubbish"], partition="1")
    world.now += timedelta(hours=1)
    world.play([b"rubbish"] * 2)
    assert sum(kept(world)) == QUARANTINED_OF_HOUR + 3
    rows = [row for table in world.tables.names("batches") for row in world.tables.query(table, "PartitionKey ge ''")]
    assert sum(row["rejected"] for row in rows) == sum(world.sequence.values()) + len(world.sequence)
