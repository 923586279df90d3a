"""What may be written: an old actor only as a pseudonym, an erased one not at all, and no table that is about to go."""

from datetime import UTC, datetime, timedelta

import msgspec

from model import Alert, Incident, Severity, Sighting, minute_of, service_endpoint
from retention.guard import Guard
from retention.policy import DAY, EARLY, HOUR
from retention.subject import Tombstones, subject_hash

KEY = b"k" * 32
NOW = datetime(2026, 11, 24, 10, 5, tzinfo=UTC)
IP = "203.0.113.7"


def alert(first: datetime, actor: str | None = IP) -> Alert:
    at = minute_of(first)
    sighting = Sighting(9.0, 1.0, 2.0, "calls", actor=actor, evidence={"ip": actor or "", "calls": 9})
    return Alert("a" * 32, "API_SpikeInAPITraffic", service_endpoint("contoso"), Severity.HIGH, at, at, at, sighting, open=True)


def guard(**erased: datetime) -> Guard:
    before = {subject_hash(actor.replace("_", "."), KEY): minute_of(at) for actor, at in erased.items()}
    return Guard(KEY, NOW, tombstones=Tombstones(KEY, before))


def test_a_recent_alert_is_written_as_it_is() -> None:
    recent = alert(NOW - DAY)
    assert guard().alert(recent) is recent


def test_an_alert_past_its_promise_names_nobody() -> None:
    old = guard().alert(alert(NOW - 31 * DAY))
    assert IP not in str(msgspec.to_builtins(old))
    assert (old.sighting.actor or "").startswith("pseudonym-")
    assert old.sighting.evidence["ip"] == old.sighting.actor
    assert guard().alert(old) == old


def test_an_alert_of_the_last_minute_of_its_promise_still_names() -> None:
    last = alert(NOW - 30 * DAY + EARLY)
    assert guard().alert(last) is last
    assert guard().name(IP, last.id, last.first) == IP
    assert guard().name(IP, last.id, last.first - 1).startswith("pseudonym-")


def test_a_guard_is_not_printed_with_its_key() -> None:
    assert "kkkk" not in repr(guard())


def test_an_erased_actor_is_not_written_again_but_a_new_call_is() -> None:
    guarded = guard(**{IP.replace(".", "_"): NOW - HOUR})
    before, after = guarded.alert(alert(NOW - 2 * HOUR)), guarded.alert(alert(NOW))
    assert before.sighting.actor == "erased-aaaaaaaa"
    assert after.sighting.actor == IP
    assert not guarded.keeps(IP, minute_of(NOW - 2 * HOUR))
    assert guarded.keeps(IP, minute_of(NOW))
    assert guarded.keeps("203.0.113.8", minute_of(NOW - 2 * HOUR))
    assert guarded.alert(alert(NOW - 2 * HOUR, None)).sighting.actor is None


def test_an_incident_names_the_erased_once() -> None:
    at = minute_of(NOW - 2 * HOUR)
    incident = Incident(
        "b" * 32, ("a" * 32,), Severity.HIGH, at, at, (IP, "203.0.113.8"), (service_endpoint("contoso"),), ("API_SpikeInAPITraffic",)
    )
    named = guard(**{IP.replace(".", "_"): NOW}).incident(incident)
    assert named.actors == ("erased-bbbbbbbb", "203.0.113.8")
    assert named.endpoints == incident.endpoints


def test_a_table_that_is_about_to_go_is_not_written() -> None:
    guarded = guard()
    assert guarded.takes(f"activity{NOW:%Y%m%d}")
    assert guarded.takes(f"activity{NOW - timedelta(days=29):%Y%m%d}")
    assert not guarded.takes(f"activity{NOW - timedelta(days=30):%Y%m%d}")
    assert not guarded.takes("activity20200101")
