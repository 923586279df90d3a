"""Alerts and incidents as an analyst's program reads and changes them, on real storage, while the evaluation goes on."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from azure.data.tables import UpdateMode
from msgspec.structs import replace

from adapters import alerts, outbox, windows
from adapters.alert_index import AlertIndex
from adapters.baseline import run as learn
from adapters.tables import Entity, Tables
from model import Incident, Severity, minute_of
from tests.adapters.world import START, World
from tests.build import ENDPOINT, alert
from web import incidents
from web.alerts import amend, one, page

NOW = START + timedelta(hours=10)
ALICE = {"x-ms-client-principal-name": "alice@contoso.com"}
RESOLVED = b'{"status": "Resolved", "comment": "load test"}'


@pytest.fixture
def tables(account: Any) -> Tables:
    return Tables(account)


def ask(tables: Tables, id: str, body: bytes, etag: str = "", headers: Mapping[str, str] = ALICE) -> tuple[int, dict[str, Any], str]:
    return amend(tables, id, body, {**headers, **({"if-match": etag} if etag else {})}, NOW)


def test_who_changed_what_and_when_is_kept_and_an_etag_guards_it(tables: Tables) -> None:
    raised = alert()
    alerts.write(tables, [raised], [])
    status, shown, etag = one(tables, raised.id)
    assert (status, shown["properties"]["status"], shown["changes"]) == (200, "Active", [])
    assert shown["etag"] == etag
    assert ask(tables, raised.id, RESOLVED)[0] == 428
    status, changed, second = ask(tables, raised.id, RESOLVED, etag)
    assert (status, changed["properties"]["status"]) == (200, "Resolved")
    assert changed["changes"] == [
        {"at": NOW.isoformat().replace("+00:00", "Z"), "by": "alice@contoso.com", "status": "Resolved", "expected": False, "comment": "load test"}
    ]  # fmt: skip
    status, refused, current = ask(tables, raised.id, b'{"status": "InProgress"}', etag)
    assert (status, current) == (412, second)
    assert refused["current"]["properties"]["status"] == "Resolved"
    assert one(tables, raised.id)[1]["properties"]["status"] == "Resolved"
    assert ask(tables, raised.id, b'{"status": "InProgress"}', "*")[1]["properties"]["status"] == "InProgress"
    (listed,) = page(tables, AlertIndex(tables), {}, NOW)[1]["value"]
    assert (listed["properties"]["status"], listed["etag"]) == ("InProgress", '"r2"')


def test_the_evaluation_rewrites_an_alert_and_leaves_the_analyst_alone(tables: Tables) -> None:
    raised = alert()
    alerts.write(tables, [raised], [])
    etag = one(tables, raised.id)[2]
    alerts.write(tables, [replace(raised, last=raised.last + 1, severity=Severity.HIGH)], [])  # after the analyst read it
    status, changed, _ = ask(tables, raised.id, b'{"status": "InProgress"}', etag)
    assert (status, changed["properties"]["severity"]) == (200, "High")
    alerts.write(tables, [replace(raised, last=raised.last + 2, severity=Severity.HIGH)], [])
    assert one(tables, raised.id)[1]["properties"]["status"] == "InProgress"


def test_a_change_is_told_to_the_receivers(tables: Tables) -> None:
    raised = alert()
    alerts.write(tables, [raised], [])
    assert list(outbox.waiting(tables, "hub")) == []
    ask(tables, raised.id, RESOLVED, "*")
    assert [waiting.id for waiting in outbox.waiting(tables, "hub")] == [raised.id]


def test_the_gateway_is_named_where_it_is_known(tables: Tables) -> None:
    raised = alert()
    alerts.write(tables, [raised], [])
    id = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.ApiManagement/service/Contoso"
    assert one(tables, raised.id, id)[1]["id"] == f"{id}/providers/Microsoft.Security/alerts/{raised.id}"
    assert (
        page(tables, AlertIndex(tables), {}, NOW, id)[1]["value"][0]["properties"]["extendedProperties"]["ResourceId"] == f"{id}/apis/shop"
    )
    assert one(tables, raised.id, id.replace("Contoso", "other"))[1]["id"] == f"/providers/Microsoft.Security/alerts/{raised.id}"


class Rivalled(Tables):
    """Real tables in which somebody else is faster, a few times."""

    rival: Any = None
    times = 0

    def replace(self, table: str, entity: Entity, etag: str | None, mode: UpdateMode = UpdateMode.REPLACE) -> str:
        if self.times and mode is UpdateMode.MERGE:
            self.times -= 1
            self.rival()
        return super().replace(table, entity, etag, mode)


def test_an_analyst_wins_against_the_evaluation_and_never_against_another_analyst(account: Any) -> None:
    tables, plain = Rivalled(account), Tables(account)
    raised = alert()
    alerts.write(tables, [raised], [])
    tables.times = 3
    tables.rival = lambda: alerts.write(plain, [replace(raised, last=raised.last + tables.times + 1)], [])
    assert ask(tables, raised.id, RESOLVED, '"r0"')[0] == 200
    tables.times = 1
    tables.rival = lambda: ask(plain, raised.id, b'{"status": "Dismissed"}', '"r1"', {})
    assert ask(tables, raised.id, b'{"status": "InProgress"}', '"r1"')[0] == 412
    assert [change["status"] for change in one(plain, raised.id)[1]["changes"]] == ["Resolved", "Dismissed"]


@pytest.mark.parametrize(
    ("id", "body", "etag", "status"),
    [
        ("0" * 32, RESOLVED, "*", 404),
        ("x", RESOLVED, "*", 404),
        ("x' or '1' eq '1", RESOLVED, "*", 404),
        ("0" * 32, b"{", "*", 400),
        ("0" * 32, RESOLVED, "r1", 400),
        ("0" * 32, RESOLVED, '"r99999999999"', 400),
    ],
)
def test_what_is_wrong_is_said(tables: Tables, id: str, body: bytes, etag: str, status: int) -> None:
    code, answer, _ = ask(tables, id, body, etag)
    assert (code, set(answer)) == (status, {"error"})


def test_an_alert_shows_the_48_hours_that_it_stands_in(account: Any) -> None:
    """Nine days of four calls in each window, and a spike: the last point is the spike, those before are what was counted, beside what was expected."""
    world = World(account)
    for hour in range(9 * 24):
        world.now = START + timedelta(hours=hour, minutes=59)
        calls = [world.call(f"203.0.113.{n}", time=(world.now - timedelta(minutes=20 * (n // 4))).isoformat()) for n in range(12)]
        world.play(calls)
    world.evaluate()
    learn(world.tables, world.now)
    world.now += timedelta(minutes=21)
    world.play([world.call(f"198.51.100.{n % 250}") for n in range(400)])
    world.evaluate()
    world.now += timedelta(minutes=1)
    world.play([world.call("203.0.113.1")])
    world.evaluate()
    found = next(alert for alert in alerts.read(world.tables, 0) if alert.detector == "API_PopulationSpikeInAPITraffic")
    _, shown, _ = one(world.tables, found.id)
    evidence = shown["properties"]["supportingEvidence"]
    points = evidence["points"]
    assert (evidence["series"], len(points)) == ("2xx", 144)
    assert points[-1]["start"] == shown["properties"]["startTimeUtc"]
    stored = windows.get(world.tables, found.endpoint, found.first)[0]
    assert stored
    assert points[-1]["observed"] == stored.calls[200] >= 400
    assert {point["observed"] for point in points[:140]} == {4.0}
    assert all(3 < point["expected"] < 5 for point in points)
    # the accused of another alert of the same window is in its picture, too
    by_one = next((alert for alert in alerts.read(world.tables, 0) if alert.sighting.actor and alert.sighting.status_class), None)
    if by_one is not None:
        assert one(world.tables, by_one.id)[1]["properties"]["supportingEvidence"]["points"][-1]["observed"] >= by_one.sighting.observed


def test_incidents_are_listed_and_hold_their_alerts(tables: Tables) -> None:
    first = alert(incident="")
    second = alert(detector="API_Injection", id=f"{first.id[:-1]}0")
    incident = Incident(
        first.id, (first.id, second.id, "f" * 32), Severity.HIGH, first.first, second.last, ("203.0.113.7",), (ENDPOINT,), (first.detector, second.detector)
    )  # fmt: skip
    merged = replace(incident, id=second.id, alerts=(second.id,), open=False, merged_into=first.id)
    alerts.write(tables, [first, second], [incident, merged])
    ask(tables, second.id, RESOLVED, "*")
    status, listed = incidents.page(tables, {})
    assert status == 200
    assert {incident["id"]: incident["mergedInto"] for incident in listed["value"]} == {first.id: None, second.id: first.id}
    status, shown = incidents.one(tables, first.id)
    assert status == 200
    assert shown["title"] == "Suspicious spike in API traffic from a single IP address to an API endpoint and 2 more"
    assert [item["properties"]["status"] for item in shown["alerts"]] == ["Active", "Resolved"]  # the third is gone
    assert (shown["actors"], shown["severity"]) == (["203.0.113.7"], "High")
    assert shown["startTimeUtc"] == "2026-03-04T12:00:00Z"
    assert incidents.one(tables, "0" * 32)[0] == incidents.one(tables, "x")[0] == 404
    assert incidents.page(tables, {"limit": "1"})[1]["next"]
    assert incidents.page(tables, {"limit": "0"})[0] == incidents.page(tables, {"cursor": "x"})[0] == 400


def test_an_id_says_where_its_alert_is(tables: Tables) -> None:
    assert alerts.first_of(alerts.key_of(f"{minute_of(START):08x}" + "0" * 24)) == minute_of(START)
