"""Threat intelligence from the container to the sighting: feeds are compiled, kept, read again, and a bad one costs nothing but itself."""

import logging
from datetime import timedelta

import pytest

from adapters.batches import BatchLog, Tail
from adapters.evidence import CONFIGURATION, Evidence
from adapters.ingest import Event, Ingest
from adapters.intel import CONTAINER, FRESH, INDEX, SUMMARY, read, refresh, reloaded
from adapters.tables import Tables
from local import traffic
from tests.adapters.test_ingest import NOW
from tests.pipeline.test_decode import WHOLE
from windows.tally import unpack

KEY = b"k" * 32


def put(evidence: Evidence, **files: str) -> None:
    for name, text in files.items():
        evidence.put(CONTAINER, f"{name}.txt", f"# fetched: {NOW.isoformat()}\n{text}".encode())


def test_listed_addresses_are_sighted_under_the_names_of_their_feeds(tables: Tables, evidence: Evidence) -> None:
    put(evidence, tor_exits="203.0.113.7\n", blocklist="203.0.113.0/24\n198.51.100.9 5\n", allow_partners="203.0.113.200\n")
    refresh(evidence, NOW)
    ingest = Ingest(BatchLog(tables), evidence, KEY, timedelta(days=1), lambda _: Tail(-1, None), listed=reloaded(evidence))
    addresses = ("203.0.113.7", "203.0.113.8", "203.0.113.200", "192.0.2.1")
    bodies = [traffic.encode(WHOLE | {"time": NOW.isoformat(), "clientIp": address}) for address in addresses]
    ingest.batch("0", [Event(at, NOW, body) for at, body in enumerate(bodies)], NOW)
    (batch,) = BatchLog(tables).read("0", Tail(-1, None))
    tally = unpack(batch.packed)
    found = {(tally.ips[ip], tally.rules[rule], tally.details[detail]) for _, _, rule, ip, _, detail, _ in tally.rows("sightings")}
    assert found == {
        ("203.0.113.7", "API_AccessFromTorExitNode", "tor_exits"),
        ("203.0.113.7", "API_AccessFromSuspiciousIP", "blocklist"),
        ("203.0.113.8", "API_AccessFromSuspiciousIP", "blocklist"),
    }


def test_an_index_is_read_again_after_a_while(evidence: Evidence) -> None:
    listed = reloaded(evidence)
    assert listed.at(NOW).rules("203.0.113.7") == []
    put(evidence, bad="203.0.113.7")
    refresh(evidence, NOW)
    assert listed.at(NOW).rules("203.0.113.7") == []
    assert listed.at(NOW + FRESH).rules("203.0.113.7") == [("API_AccessFromSuspiciousIP", "bad")]


def test_an_index_that_cannot_be_read_leaves_the_older_one(evidence: Evidence, caplog: pytest.LogCaptureFixture) -> None:
    put(evidence, bad="203.0.113.7")
    refresh(evidence, NOW)
    listed = reloaded(evidence)
    assert listed.at(NOW).feeds
    evidence.put(CONFIGURATION, INDEX, b"junk")
    with caplog.at_level(logging.WARNING):
        assert listed.at(NOW + FRESH).rules("203.0.113.7")
    assert "is refused, and what was read before stays in force" in caplog.text
    assert listed.problem


def test_no_feeds_and_a_feed_that_says_something_impossible(evidence: Evidence, caplog: pytest.LogCaptureFixture) -> None:
    assert read(evidence).feeds == ()
    assert refresh(evidence, NOW).feeds == ()
    put(evidence, odd="# kind: friendly\n203.0.113.7", good="203.0.113.8\nnot an address\n10.0.0.1\n")
    with caplog.at_level(logging.WARNING):
        index = refresh(evidence, NOW)
    assert [item.feed.name for item in index.feeds] == ["good"]
    assert "odd" in caplog.text
    assert "203.0.113" not in caplog.text
    assert read(evidence).warnings(NOW) == read(evidence, SUMMARY).warnings(NOW) == index.warnings(NOW)
    assert any("stale" in warning for warning in read(evidence).warnings(NOW + timedelta(days=60)))


def test_the_summary_does_not_grow_with_a_feed(evidence: Evidence) -> None:
    sizes = []
    for addresses in (10, 5000):
        put(evidence, bad="".join(f"203.0.{at >> 8}.{at & 255}\n" for at in range(addresses)))
        refresh(evidence, NOW)
        sizes.append(len(evidence.get(CONFIGURATION, SUMMARY)))
        assert read(evidence, SUMMARY).feeds == read(evidence).feeds
    assert sizes[1] <= sizes[0] + 8
