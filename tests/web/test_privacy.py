"""The privacy page: every place with its promise and state, what the last purge removed, and nobody's data."""

import json
from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from retention.policy import DAY, POLICY
from settings import read
from tests.adapters.world import START, World, where_found
from tests.test_settings import LOCAL
from web.privacy import page


@pytest.fixture
def world(account: Any) -> World:
    return World(account, START + timedelta(hours=10, minutes=1))


def test_every_place_its_promise_its_state_and_the_last_purge(world: World) -> None:
    settings = read(LOCAL | {"LEGAL_HOLD": "2027-06-30 proceedings 4 O 118/26", "RETAIN_ACTIVITY_DAYS": "14"})
    world.play([*[world.call("203.0.113.177", userAgent="sqlmap/1.5") for _ in range(9)], b'{"broken": "203.0.113.177"'])
    world.evaluate()
    world.now += 3 * DAY
    world.run_purge()
    found = page(settings, world.tables, world.evidence, world.now)
    assert [place["place"] for place in found["places"]] == [place.id for place in POLICY]
    places = {place["place"]: place for place in found["places"]}
    assert places["activity"]["promise"] == "14 days"
    assert places["activity"]["longest"] == "30 days"
    assert places["quarantine"]["items"] == 0
    assert places["quarantine"]["removedByLastPurge"] == 1
    assert places["alerts"]["items"] == 2  # the attack, and the promise that was just broken
    assert places["alerts"]["goneBy"].startswith("2026-12-01")
    assert found["purges"][0]["late"] == {"batches": 1, "quarantine": 1}  # nobody purged for three days
    assert found["problems"]
    assert found["legalHold"] == {"until": "2027-06-30", "reason": "proceedings 4 O 118/26"}
    assert not where_found([("page", json.dumps(found).encode())], ["203.0.113.177"])


def test_a_new_app_has_a_page(world: World) -> None:
    found = page(read(LOCAL), world.tables, world.evidence, world.now)
    assert (found["problems"], found["purges"], found["legalHold"]) == ([], [], None)


def test_what_the_app_may_not_look_at_is_said_and_is_no_breach(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The role of the deployed app on the evidence account, Storage Blob Data Contributor, is about blobs, not about the account."""

    def refused() -> None:
        error = HttpResponseError("AuthorizationPermissionMismatch")
        error.status_code = 403
        raise error

    monkeypatch.setattr(world.evidence.service, "get_service_properties", refused)
    monkeypatch.setattr(world.evidence.service, "get_account_information", refused)
    run = world.run_purge()
    assert run.complete
    assert not run.problems + run.standing
    world.now += timedelta(hours=1)
    world.run_purge()  # it is asked once a day, and remembered
    found = page(read(LOCAL), world.tables, world.evidence, world.now)
    assert found["problems"] == []
    assert found["notSeen"][-2:] == [
        "soft delete: the app may not look (its role does not allow it)",
        "copies elsewhere: the app may not look (its role does not allow it)",
    ]
