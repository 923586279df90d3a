"""The posture function with the real SDK against an emulated resource manager over real HTTP, on real storage."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters import outbox, posture_status, recommendations, snapshots
from adapters.arm import Arm
from adapters.evidence import Evidence
from adapters.posture import Posture, Reach
from adapters.tables import Tables
from local import arm as emulated
from local.arm import Answer, Estate
from local.estate import SERVICE, SUBSCRIPTION, resources
from posture.recommendations import Recommendation
from posture.snapshot import Snapshot
from tests.posture.estate import WHOLE, child, service

NOW = datetime(2026, 11, 24, 3, 7, tzinfo=UTC)


class Clock:
    """Seconds that pass when somebody rests, and never otherwise."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.rested: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    def rest(self, seconds: float) -> None:
        self.rested.append(seconds)
        self.seconds += seconds


class World:
    """A posture function of one resource manager. `run` at a moment, out of time after so many seconds of the clock."""

    def __init__(self, tables: Tables, evidence: Evidence, estate: Estate, address: str, places: tuple[str, ...] = (SERVICE,)) -> None:
        self.tables, self.evidence, self.estate, self.clock = tables, evidence, estate, Clock()
        self.end = float("inf")
        self.posture = Posture(tables, evidence, Reach(places, address), self.arm)
        self._address = address

    def arm(self, subscription: str, _out_of_time: Callable[[], bool]) -> Arm:
        return Arm(subscription, self._address, None, clock=self.clock, rest=self.clock.rest, until=lambda: self.end)

    def run(self, now: datetime = NOW, seconds: float = float("inf")) -> int:
        self.end = self.clock.seconds + seconds
        return self.posture.run(now, lambda: self.clock.seconds >= self.end)

    def snapshot(self, service: str = SERVICE) -> Snapshot:
        found = snapshots.of(self.evidence, service)
        assert found is not None
        return found

    def status(self, service: str = SERVICE) -> posture_status.Status:
        return posture_status.find(self.tables, service)

    def recommendation(self, assessment: str, service: str = SERVICE) -> Recommendation:
        stored = recommendations.find(self.tables, Recommendation(assessment, service).id)
        assert stored is not None
        return stored.recommendation


Make = Callable[..., World]


@pytest.fixture
def make(tables: Tables, evidence: Evidence) -> Iterator[Make]:
    """Makes worlds over estates; their servers end with the test."""
    open_worlds: list[Any] = []

    def made(estate: Estate, *places: str) -> World:
        serving = emulated.serving(estate)
        address = serving.__enter__()
        open_worlds.append(serving)
        return World(tables, evidence, estate, address, places or (SERVICE,))

    yield made
    for serving in open_worlds:
        serving.__exit__(None, None, None)


def shop(page: int = 100) -> Estate:
    estate = emulated.estate(resources())
    estate.page = page
    return estate


@pytest.mark.parametrize("page", [1, 100])
def test_everything_is_read_whatever_the_pages(make: Make, page: int) -> None:
    world = make(shop(page))
    world.run()
    snapshot = world.snapshot()
    assert snapshot.complete
    assert snapshot.gaps == {}
    assert len(snapshot.apis["apis/shop"].operations) == 8
    assert snapshot.backends["backends/stock"].credentials == (
        "managedIdentity",
    )  # only the newer api-version shows it, on later pages too
    assert snapshot.policies.keys() == {"", "apis/shop", "apis/admin", "apis/admin/operations/report"}
    assert {"products/retail"} <= snapshot.products.keys()
    assert (snapshot.products["products/retail"].apis, snapshot.products["products/retail"].groups) == (("shop",), ("guests",))
    assert snapshot.tags == {"apis/shop": ("public",), "products/retail": ("public",)}
    assert world.status().done


def test_it_only_gets_and_never_asks_for_a_secret(make: Make) -> None:
    world = make(shop())
    world.run()
    assert {request.split()[0] for request in world.estate.requests} == {"GET"}
    assert not [
        request
        for request in world.estate.requests
        if "listvalue" in request.lower() or "listsecrets" in request.lower() or "/users" in request.lower()
    ]


def test_five_reads_a_second(make: Make) -> None:
    world = make(shop())
    reads = world.run()
    assert world.clock.seconds - 1000 >= 0.2 * (reads - 2)


def test_what_was_read_becomes_recommendations_that_are_told(make: Make) -> None:
    world = make(shop())
    world.run()
    plain = world.recommendation("api-plaintext")
    assert (plain.state(NOW), plain.affected(NOW)) == ("open", ["apis/shop"])
    assert world.recommendation("backend-no-auth").affected(NOW) == ["backends/orders"]
    waiting = {row.id for row in outbox.due(world.tables, "hub", NOW + timedelta(days=1))}
    assert plain.id in waiting
    assert world.recommendation("min-api-version").id in waiting
    healthy = world.recommendation("platform-stv1")
    assert (healthy.state(NOW), healthy.id in waiting) == ("resolved", False)


def test_a_second_run_of_a_day_reads_nothing(make: Make) -> None:
    world = make(shop())
    world.run()
    assert world.run(NOW + timedelta(minutes=15)) == 0
    assert world.run(NOW + timedelta(days=1)) > 0


def test_a_pass_goes_on_where_the_last_run_stopped(make: Make) -> None:
    whole = make(shop())
    every = whole.run()
    snapshots.forget(whole.evidence, SERVICE)
    whole.evidence.service.delete_container("posture")
    posture_status.forget(whole.tables, SERVICE)
    world = make(shop())
    total, runs = 0, 0
    while not world.status().done:
        total += world.run(NOW, seconds=3.0)
        runs += 1
    assert runs > 2
    assert every <= total <= every + 2 * runs  # what was under way is read once more
    assert world.snapshot().gaps == {}
    assert world.run(NOW) == 0


def test_429_is_obeyed(make: Make) -> None:
    estate = shop()
    estate.before = lambda _path, number: (
        Answer(429, "SubscriptionRequestsThrottled", headers={"Retry-After": "17"}) if number == 9 else None
    )
    world = make(estate)
    world.run()
    assert 17.0 in world.clock.rested
    assert world.snapshot().complete
    assert world.snapshot().gaps == {}


def test_a_pause_longer_than_the_run_is_left_to_the_next(make: Make) -> None:
    estate = shop()
    estate.before = lambda _path, number: (
        Answer(429, "SubscriptionRequestsThrottled", headers={"Retry-After": "900"}) if number == 9 else None
    )
    world = make(estate)
    world.run()
    assert "asked to wait 900 s" in world.status().notice
    assert not world.status().done
    world.run(NOW + timedelta(minutes=15))
    assert world.status().done
    assert world.status().notice == ""


def test_it_rests_where_few_reads_are_left(make: Make) -> None:
    """Azure says how many reads it still grants."""
    estate = shop()
    world = make(estate)
    low = {"x-ms-ratelimit-remaining-subscription-reads": "12"}
    estate.before = lambda path, _number: Answer(404, "ResourceNotFound", headers=low) if path == "portalsettings/signup" else None
    world.run()
    assert max(world.clock.rested) > 4


def test_a_tier_without_a_collection_has_none(make: Make) -> None:
    estate = shop()
    estate.services[SERVICE][""] = {**estate.services[SERVICE][""], "sku": {"name": "Consumption"}}
    world = make(estate)
    world.run()
    assert world.snapshot().complete
    assert world.snapshot().gaps["certificates"] == "not in this tier"
    assert world.recommendation("certificate-expiry").state(NOW) == "notApplicable"
    assert world.status().notice == ""


def test_permission_lost_in_the_middle_costs_what_cannot_be_read_and_nothing_else(make: Make) -> None:
    estate = shop()
    world = make(estate)
    world.run()
    later = NOW + timedelta(days=1)
    before = world.recommendation("no-rate-limit")
    estate.before = lambda path, _number: Answer(403, "AuthorizationFailed", "The client does not have authorization") if path.startswith(("apis/", "namedValues")) else None  # fmt: skip
    world.run(later)
    snapshot = world.snapshot()
    assert {section for section, gap in snapshot.gaps.items() if gap == "no permission"} == {"policies", "operations", "named values", "diagnostics", "schemas", "operation policies"} & snapshot.gaps.keys()  # fmt: skip
    assert snapshot.gaps["policies"] == "no permission"
    assert "Reader Role" in world.status().notice
    kept = world.recommendation("no-rate-limit")
    assert kept.affected(later) == before.affected(NOW)  # what is not known is not mended
    assert all(kept.resources[path].stale for path in kept.affected(later))
    assert world.recommendation("subscription-all-apis").state(later) == "open"
    estate.before = lambda _path, _number: None
    world.run(later + timedelta(days=1))
    assert world.snapshot().gaps == {}
    assert not any(one.stale for one in world.recommendation("no-rate-limit").resources.values())


def test_no_permission_at_all_is_a_notice_and_keeps_the_last_snapshot(make: Make) -> None:
    estate = shop()
    world = make(estate)
    world.run()
    estate.before = lambda _path, _number: Answer(403, "AuthorizationFailed")
    assert world.run(NOW + timedelta(days=1)) == 1
    assert "Reader Role" in world.status().notice
    assert world.snapshot().complete
    assert world.recommendation("api-plaintext").state(NOW) == "open"
    assert posture_status.notices(world.tables, (SERVICE,)) == [f"configuration of contoso: {world.status().notice}"]


def test_a_service_that_is_not_there_is_said(make: Make) -> None:
    world = make(shop(), SERVICE + "2")
    world.run()
    assert "no such service" in world.status(SERVICE + "2").notice


def test_what_is_mended_is_resolved_and_what_breaks_again_is_open_again(make: Make) -> None:
    estate = shop()
    world = make(estate)
    world.run()
    api = estate.services[SERVICE]["apis/shop"]
    for day, protocols in enumerate((["https"], ["http"]), 1):
        estate.services[SERVICE]["apis/shop"] = {**api, "properties": {**api["properties"], "protocols": protocols}}
        world.run(NOW + timedelta(days=day))
    assert [change.state for change in world.recommendation("api-plaintext").history] == ["open", "resolved", "open"]


def test_what_is_deleted_is_gone(make: Make) -> None:
    estate = shop()
    world = make(estate)
    world.run()
    bodies = estate.services[SERVICE]
    estate.services[SERVICE] = {path: body for path, body in bodies.items() if not path.startswith("apis/admin")}
    estate._children.clear()
    world.run(NOW + timedelta(days=1))
    snapshot = world.snapshot()
    assert "apis/admin" not in snapshot.apis
    assert snapshot.policies.keys() == {"", "apis/shop"}


def test_all_services_of_a_group_are_read(make: Make) -> None:
    second = [{**body, "id": body["id"].replace("/contoso", "/second", 1)} for body in [service(), child("apis/a", protocols=["http"])]]
    there = [
        {
            **body,
            "id": body["id"].replace("00000000-0000-0000-0000-000000000001/resourceGroups/rg/", f"{SUBSCRIPTION}/resourceGroups/rg-shop/"),
        }
        for body in second
    ]
    estate = emulated.estate([*resources(), *there])
    world = make(estate, SERVICE.split("/providers/")[0])
    world.run()
    assert {snapshot.name for snapshot in snapshots.published(world.evidence)} == {"contoso", "second"}
    assert world.recommendation("api-plaintext", SERVICE.replace("contoso", "second")).affected(NOW) == ["apis/a"]


def test_nothing_secret_and_nobody_is_stored(make: Make) -> None:
    """Owners of subscriptions, publishers and inline secrets never reach storage, compressed or not."""
    secret = "hunter2" + "abcXYZ99"
    estate = shop()
    text = WHOLE.format(f'<base /><authentication-basic username="u" password="{secret}" />')
    estate.services[SERVICE]["apis/shop/policies/policy"] = child("apis/shop/policies/policy", value=text, format="rawxml")
    world = make(estate)
    world.run(NOW, seconds=2.0)
    everything = repr([world.snapshot()] + [one.recommendation for one in recommendations.read(world.tables)])
    work = snapshots.kept(world.evidence, SERVICE)
    while not world.status().done:
        world.run(NOW)
    everything += repr(work) + repr(world.snapshot()) + repr([one.recommendation for one in recommendations.read(world.tables)])
    assert "inbound/authentication-basic@password" in everything
    for personal in (secret, "users/1", "nobody@contoso.com"):
        assert personal not in everything


def large(apis: int, operations: int) -> Estate:
    """A service of so many APIs with so many operations each, a tenth of which have policies of their own."""
    bodies = [service("Premium")]
    for a in range(apis):
        path = f"apis/api{a:03d}"
        bodies.append(child(path, displayName=f"API {a}", path=f"a{a}", protocols=["https"], subscriptionRequired=True, isCurrent=True))
        bodies.append(
            child(
                f"{path}/policies/policy",
                format="rawxml",
                value=WHOLE.format("<base />" + '<rate-limit calls="9" renewal-period="60" />' * 20),
            )
        )
        for o in range(operations):
            one = f"{path}/operations/op{o:02d}"
            bodies.append(
                child(
                    one,
                    displayName=f"Operation {o}",
                    method="GET",
                    urlTemplate=f"/a{a}/b{o}/{{id}}",
                    templateParameters=[{"name": "id", "type": "string", "required": True}],
                    responses=[{"statusCode": 200, "representations": [{"contentType": "application/json"}]}],
                )
            )
            if o % 10 == 0:
                bodies.append(child(f"{one}/policies/policy", format="rawxml", value=WHOLE.format("<base />")))
    for p in range(apis):
        bodies += [child(f"products/p{p:02d}", state="published", subscriptionRequired=True), child(f"products/p{p:02d}/apis/api{p:03d}")]
    return emulated.estate(bodies)


LARGE = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ApiManagement/service/contoso"


def test_a_large_service_is_read_over_three_runs_within_its_budgets(make: Make) -> None:
    """10 APIs of 20 operations here; `python -m bench.posture` does 500, and prints reads and memory."""
    world = make(large(10, 20), LARGE)
    run = 0
    total = 0
    while not world.status(LARGE).done:
        total += world.run(NOW + timedelta(minutes=15 * run), seconds=25)
        run += 1
    assert run == 3
    assert total <= 22 + (3 + 4) * 10 + 200
    snapshot = world.snapshot(LARGE)
    assert sum(len(api.operations) for api in snapshot.apis.values()) == 200
    assert sum(scope.count("/operations/") for scope in snapshot.policies) == 20
    nightly = world.run(NOW + timedelta(days=1))
    assert nightly <= 22 + (3 + 2) * 10 + 200 // 7 + 2 * 22


def test_status_is_json(make: Make) -> None:
    world = make(shop())
    world.run()
    (row,) = world.tables.query("progress", "PartitionKey eq 'posture'")
    assert json.loads(row["state"])["service"] == SERVICE
