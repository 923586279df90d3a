"""The HTTP face of export and erasure: bad input is a clear 4xx that is recorded, and no answer tells of another person."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from adapters.tombstones import PARTITION, SETTLED, TABLE
from tests.adapters.world import START, World, where_found
from tests.retention.test_subject import BAD
from web.dsr import delete, export, status

HEADERS: Mapping[str, str] = {"x-ms-client-principal-id": "officer@contoso.com"}
BODY = b'{"subject": {"ip": "203.0.113.177"}}'


@pytest.fixture
def world(account: Any) -> World:
    world = World(account, START + timedelta(hours=10, minutes=1))
    for ip in ("203.0.113.177", "198.51.100.133"):
        world.play([*[world.call(ip, userAgent="sqlmap/1.5", query=f"a={n}") for n in range(30)], f'{{"broken": "{ip}"'.encode()])
    world.evaluate()
    return world


def never() -> bool:
    return False


def always() -> bool:
    return True


def recorded(world: World) -> list[dict[str, Any]]:
    return list(world.tables.query(TABLE, "PartitionKey eq 'requests'"))


def test_bad_input_is_a_clear_4xx_and_recorded(world: World) -> None:
    for body, expected in BAD:
        for code, answer in (
            export(world.requests, body, HEADERS, world.now),
            delete(world.requests, body, HEADERS, world.kept, world.now, never),
        ):
            assert code == expected, body[:60]
            assert isinstance(answer, dict)
            assert set(answer) == {"error"}
            assert len(answer["error"]) > 20
            assert not where_found([("answer", json.dumps(answer).encode())], ["203.0.113.177", "198.51.100.133", "203.0.113.8"])
    rows = recorded(world)
    assert len(rows) == 2 * len(BAD)
    assert {(row["stage"], row["by"], row["subject"], row["finished"]) for row in rows} == {("refused", "officer@contoso.com", "", True)}
    assert {row["kind"] for row in rows} == {"export", "erase"}
    assert list(world.tables.query(TABLE, "PartitionKey eq @p", p=PARTITION)) == []  # nobody was erased


def test_an_export_is_everything_of_one_person_and_nothing_of_another(world: World) -> None:
    code, content = export(world.requests, BODY, HEADERS, world.now)
    assert code == 200
    assert isinstance(content, dict)
    assert {item["place"] for item in content["items"]} == {"batches", "alerts", "quarantine"}
    assert all({"place", "where", "time", "purpose", "goneBy"} <= set(item) for item in content["items"])
    text = json.dumps(content)
    assert "203.0.113.177" in text
    assert not where_found([("answer", text.encode())], ["198.51.100.133"])
    (row,) = recorded(world)
    assert (row["kind"], row["subjectKind"], row["stage"]) == ("export", "ip", "done")
    assert not where_found([("row", json.dumps(row, default=str).encode())], ["203.0.113.177"])
    assert status(world.requests, content["id"], world.kept, world.now, never)[0] == 200


def test_an_export_of_a_stranger_is_empty(world: World) -> None:
    code, content = export(world.requests, b'{"subject": {"ip": "203.0.113.17"}}', {}, world.now)
    assert (code, isinstance(content, dict) and content["items"]) == (200, [])


def test_an_ipv4_mapped_address_is_the_same_person(world: World) -> None:
    for spelled in ("::ffff:203.0.113.177", "::FFFF:cb00:71b1", "203.0.113.177:443"):
        content = export(world.requests, json.dumps({"subject": {"ip": spelled}}).encode(), {}, world.now)[1]
        assert isinstance(content, dict)
        assert content["subject"] == {"ip": "203.0.113.177"}
        assert content["items"]


def test_an_erasure_is_followed_to_its_end(world: World) -> None:
    code, answer = delete(world.requests, BODY, HEADERS, world.kept, world.now, never)
    assert code == 202
    assert isinstance(answer, dict)
    assert answer["stage"] == "settling"
    assert answer["searchedAgainFrom"] == (world.now + SETTLED).isoformat()
    assert {place["place"] for place in answer["notSearched"]} == {
        "hub calls",
        "hub alerts",
        "memory evaluate",
        "gateway gatewatch-blocked",
    }
    world.now += SETTLED
    code, done = status(world.requests, answer["id"], world.kept, world.now, never)
    assert code == 200
    assert isinstance(done, dict)
    assert (done["stage"], done["verified"]["found"]) == ("done", dict.fromkeys(done["verified"]["found"], 0))
    assert done["erased"] == {"batches": 1, "alerts": 2, "quarantine": 1}
    assert not where_found([("answers", json.dumps([answer, done]).encode())], ["203.0.113.177", "198.51.100.133"])
    content = export(world.requests, BODY, HEADERS, world.now)[1]
    assert isinstance(content, dict)
    assert content["items"] == []


def test_an_erasure_out_of_time_goes_on_when_it_is_asked_for(world: World) -> None:
    answer = delete(world.requests, BODY, HEADERS, world.kept, world.now, always)[1]
    assert isinstance(answer, dict)
    assert answer["stage"] == "erasing"
    world.now += SETTLED
    answer = status(world.requests, answer["id"], world.kept, world.now, never)[1]
    assert isinstance(answer, dict)
    assert answer["stage"] == "done"


@pytest.mark.parametrize("id", ["", "x", "0" * 32, "' or '1' eq '1", "../requests", "é" * 32, "A" * 32])
def test_an_unknown_id_is_404(world: World, id: str) -> None:
    assert status(world.requests, id, world.kept, world.now, never) == (404, {"error": "there is no request of this id"})


def test_a_large_export_is_fetched_by_its_id(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.dsr.LARGEST_ANSWER", 100)
    code, answer = export(world.requests, BODY, HEADERS, world.now)
    assert code == 202
    assert isinstance(answer, dict)
    code, content = status(world.requests, answer["id"], world.kept, world.now, never)
    assert code == 200
    assert isinstance(content, bytes)
    assert json.loads(content)["subject"] == {"ip": "203.0.113.177"}
    world.now += timedelta(hours=25)
    world.run_purge()
    after = status(world.requests, answer["id"], world.kept, world.now, never)[1]
    assert isinstance(after, dict)
    assert after["items"]
