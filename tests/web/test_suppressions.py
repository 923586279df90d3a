"""Rules over their API on real storage, what is expected from alert to baseline, and that nobody is kept in a rule longer than promised."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from adapters import alerts, baseline, suppressions
from adapters.alert_index import AlertIndex
from adapters.tables import Tables, joined
from model import Alert, minute_of
from retention.subject import of
from tests.adapters.world import START, World, dump, where_found
from tests.alerts.test_suppression import rule
from tests.build import ENDPOINT
from web.alerts import amend, page
from web.suppressions import add, remove
from web.suppressions import page as rules_page
from windows.baseline import unpack_baseline

NOW = START + timedelta(hours=10)
ALICE = {"x-ms-client-principal-name": "alice@contoso.com"}
SCANNER = "203.0.113.177"


@pytest.fixture
def tables(account: Any) -> Tables:
    return Tables(account)


@pytest.fixture
def world(account: Any) -> World:
    return World(account, NOW)


def request_body(**fields: Any) -> bytes:
    return msgspec.json.encode({"until": (NOW + timedelta(days=20)).isoformat(), **fields})


def test_rules_come_are_listed_and_go(tables: Tables) -> None:
    status, made = add(tables, AlertIndex(tables), request_body(actor=SCANNER, detector="API_Injection"), ALICE, NOW)
    assert (status, made["inForce"], made["teaches"], made["by"]) == (201, True, False, "alice@contoso.com")
    add(tables, AlertIndex(tables), request_body(endpoint="GET /v1/x", since=(NOW + timedelta(days=1)).isoformat()), {}, NOW)
    assert [rule["inForce"] for rule in rules_page(tables, NOW)[1]["value"]] == [True, False]
    assert rules_page(tables, NOW + timedelta(days=21))[1]["value"][0]["inForce"] is False
    status, refused = add(tables, AlertIndex(tables), request_body(detector="API_Injektion"), {}, NOW)
    assert (status, refused) == (400, {"error": "there is no detector of this id: did you mean 'API_Injection'?"})
    assert remove(tables, made["id"])[0] == 200
    assert remove(tables, made["id"])[0] == remove(tables, "x")[0] == remove(tables, "x' or '1' eq '1")[0] == 404
    assert len(rules_page(tables, NOW)[1]["value"]) == 1


def test_there_is_an_end_to_rules(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.suppressions.MOST", 2)
    assert [add(tables, AlertIndex(tables), request_body(endpoint=f"GET /{n}"), {}, NOW)[0] for n in range(3)] == [201, 201, 409]


def attack(world: World, n: int = 30) -> None:
    world.play([world.call(SCANNER, userAgent="sqlmap/1.5", query=f"a={n}") for n in range(n)])
    world.evaluate()


def accusing(world: World) -> list[Alert]:
    return [alert for alert in alerts.read(world.tables, 0) if alert.sighting.actor == SCANNER]


def test_a_rule_is_in_force_within_a_minute_and_its_alerts_are_dismissed_and_in_no_incident(world: World) -> None:
    attack(world)
    assert {alert.suppressed for alert in accusing(world)} == {""}
    status, made = add(world.tables, AlertIndex(world.tables), request_body(actor="203.0.113.0/24"), {}, world.now)
    assert status == 201
    world.now += timedelta(hours=3)
    attack(world)
    new = [alert for alert in accusing(world) if alert.first > minute_of(NOW) + 60]
    assert new
    assert {(item.suppressed, item.incident) for item in new} == {(made["id"], "")}
    shown = {item["name"]: item["properties"]["status"] for item in page(world.tables, AlertIndex(world.tables), {}, world.now)[1]["value"]}
    assert {shown[item.id] for item in new} == {"Dismissed"}
    remove(world.tables, made["id"])
    world.now += timedelta(hours=3)
    attack(world)
    assert "" in {alert.suppressed for alert in accusing(world) if alert.first > new[0].last}


def learned(world: World) -> float:
    row = world.tables.get("baselines", "baselines", ENDPOINT.id)
    endpoints = {
        unpack_baseline(joined(baseline)).endpoint: baseline for baseline in world.tables.query("baselines", "PartitionKey eq 'baselines'")
    }
    found = unpack_baseline(joined(row or next(endpoint for one, endpoint in endpoints.items() if one.matched and one.template != "*")))
    return found.series["2xx"].mean


def surge(world: World) -> Alert:
    """Three quiet days, then an hour in which everybody calls, and the night after it."""
    for hour in range(72):
        world.now = START + timedelta(hours=hour, minutes=30)
        world.play([world.call(f"198.51.100.{n}") for n in range(8)])
    world.evaluate()
    baseline.run(world.tables, world.now)
    world.now = START + timedelta(hours=82, minutes=10)
    world.play([world.call(f"192.0.{n // 200}.{n % 200 + 1}") for n in range(900)])
    world.evaluate()
    (found,) = [alert for alert in alerts.read(world.tables, 0) if alert.detector == "API_PopulationSpikeInAPITraffic"]
    return found


def night(world: World) -> None:
    world.now = START + timedelta(hours=99)
    world.play([world.call("198.51.100.1")])
    world.evaluate()
    baseline.run(world.tables, world.now)


def test_what_is_expected_is_silent_for_a_day_and_teaches_the_baseline(world: World) -> None:
    found = surge(world)
    before = learned(world)
    status, shown, _ = amend(world.tables, found.id, b'{"expected": true, "comment": "the sale"}', {"if-match": '"r0"', **ALICE}, world.now)
    assert (status, shown["properties"]["status"], shown["changes"][-1]["expected"]) == (200, "Dismissed", True)
    world.now += timedelta(hours=5)
    world.play([world.call(f"192.0.{n // 200}.{n % 200 + 1}") for n in range(900)])
    world.evaluate()
    again = [
        alert for alert in alerts.read(world.tables, 0) if alert.detector == "API_PopulationSpikeInAPITraffic" and alert.id != found.id
    ]
    assert [(item.suppressed, item.incident) for item in again] == [(found.id, "")]
    night(world)
    assert learned(world) > before + 5  # 1,800 calls in 288 windows


def test_without_it_the_baseline_learns_nothing_of_the_surge_and_late_is_not_too_late(world: World) -> None:
    found = surge(world)
    before = learned(world)
    night(world)
    assert abs(learned(world) - before) < 1
    amend(world.tables, found.id, b'{"expected": true}', {"if-match": "*"}, world.now)  # the day was learned, and is learned again
    baseline.run(world.tables, world.now)
    assert learned(world) > before + 2  # 900 calls in 288 windows


def test_a_rule_that_names_somebody_is_gone_after_30_days_and_on_erasure(world: World) -> None:
    for item in ({"actor": SCANNER}, {"actor": "203.0.113.176/29"}, {"actor": "203.0.113.0/24"}, {"detector": "API_Injection"}):
        assert add(world.tables, AlertIndex(world.tables), request_body(**item), {}, world.now)[0] == 201
    storage = world.connection.connection_string
    assert storage
    _, content = world.requests.export(of("ip", SCANNER), "test", world.now)
    assert isinstance(content, dict)
    assert {item["place"] for item in content["items"]} == {"suppressions"}
    world.requests.erase(of("ip", SCANNER), "test", world.now)
    assert where_found(dump(storage), [SCANNER]) == []
    left = {rule.actor for rule in suppressions.read(world.tables)}
    assert left == {"203.0.113.0/24", ""}
    add(world.tables, AlertIndex(world.tables), request_body(actor="198.51.100.133"), {}, world.now)
    suppressions.write(
        world.tables, rule(id="1" * 32, made=world.now, since=world.now, until=world.now + timedelta(days=20), actor="user:x")
    )
    for hours, names in ((29 * 24 + 12, True), (30 * 24 - 1, False)):
        world.now = NOW + timedelta(hours=hours)
        run = world.run_purge()
        assert not run.late
        assert ("198.51.100.133" in {rule.actor for rule in suppressions.read(world.tables)}) == names
    assert {rule.actor for rule in suppressions.read(world.tables)} == {"203.0.113.0/24", ""}  # they ended ten days ago
    world.now = NOW + timedelta(days=51)
    world.run_purge()
    assert list(suppressions.read(world.tables)) == []
