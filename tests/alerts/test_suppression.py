"""What is not told, for how long, and what of it is learned."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from alerts.group import Grouping
from alerts.suppression import Rule, Rules, expected, learnable, parse
from detectors import by_id
from model import Alert, Endpoint, Finding, Incident, Severity, alert_key, moment
from pipeline.evaluation import Evaluation
from pipeline.fold import fold
from pipeline.start import Criteria
from tests.build import ENDPOINT, IP, START, alert, api_call, baseline, finding
from windows.context import NOTHING_KNOWN
from windows.record import Record, WindowRow

NOW = moment(START)
DAY = timedelta(days=1)
ID = "0" * 32
KEY = b"a key for tests of sixteen bytes"


def rule(**fields: Any) -> Rule:
    return Rule(**{"id": ID, "made": NOW, "by": "test", "since": NOW, "until": NOW + DAY, **fields})


@pytest.mark.parametrize(
    ("fields", "covered"),
    [
        ({"detector": "API_SpikeInAPITraffic"}, True),
        ({"detector": "API_Injection"}, False),
        ({"endpoint": "GET /v1/orders/{id}"}, True),
        ({"endpoint": "PUT /v1/orders/{id}"}, False),
        ({"service": "contoso", "api": "shop"}, True),
        ({"service": "fabrikam"}, False),
        ({"api": "warehouse"}, False),
        ({"actor": IP}, True),
        ({"actor": "203.0.113.8"}, False),
        ({"actor": "203.0.113.0/24"}, True),
        ({"actor": "2001:db8::/32"}, False),
        ({"actor": "subscription:web"}, False),
        ({"actor": "subscription:a/24"}, False),
        ({"detector": "API_SpikeInAPITraffic", "actor": "198.51.100.0/24"}, False),
        ({"actor": IP, "since": NOW + timedelta(minutes=1)}, False),
        ({"actor": IP, "until": NOW}, False),
        ({"actor": IP, "since": NOW - DAY, "until": NOW + timedelta(seconds=1)}, True),
        ({"detector": "API_SpikeInAPITraffic", "alert": ID, "status_class": "2xx"}, True),
        ({"detector": "API_SpikeInAPITraffic", "alert": ID, "status_class": "4xx"}, False),
        ({"detector": "API_SpikeInAPITraffic", "alert": ID, "status_class": "2xx", "parameter": "query:q"}, False),
    ],
)
def test_what_a_rule_covers(fields: dict[str, Any], covered: bool) -> None:
    key = alert_key(alert(), "actor")
    assert (Rules([rule(**fields)]).of(key, START, START + 1) is not None) == covered
    assert Rules([rule(actor="198.51.100.0/24"), rule(**fields)]).of(key, START, START + 1) == (rule(**fields) if covered else None)


def test_nobody_is_in_no_network() -> None:
    key = alert_key(alert(sighting={"actor": None}), "actor")
    assert Rules([rule(actor="0.0.0.0/1")]).of(key, START, START + 1) is None
    assert Rules([rule(detector="API_SpikeInAPITraffic")]).of(key, START, START + 1) is not None


def test_what_teaches_goes_first() -> None:
    wide, own = (
        rule(detector="API_SpikeInAPITraffic"),
        expected(alert(), by_id()["API_SpikeInAPITraffic"], "test", NOW + timedelta(hours=1)),
    )
    rules = Rules([wide, own])
    assert rules.of(alert_key(alert(), "actor"), START, START + 1) == own
    assert rules.teaching(alert_key(alert(), "actor"), START, START + 1)
    assert not Rules([wide]).teaching(alert_key(alert(), "actor"), START, START + 1)


def test_what_is_expected_covers_what_the_alert_is_about_and_no_more_for_a_day() -> None:
    made = expected(alert(), by_id()["API_SpikeInAPITraffic"], "alice", NOW + timedelta(hours=2))
    assert made.until - made.made == DAY
    assert (made.since, made.id, made.by) == (NOW, alert().id, "alice")
    rules = Rules([made])
    assert rules.of(alert_key(alert(), "actor"), START, START + 1)
    others = (
        alert(sighting={"actor": "203.0.113.8"}),
        alert(sighting={"status_class": "4xx"}),
        alert(endpoint=Endpoint("contoso", "shop", "GET", "/v1/search")),
        alert(detector="API_SpikeByIdentity"),
    )
    for other in others:
        assert rules.of(alert_key(other, "actor"), START, START + 1) is None
    everyone = expected(alert(detector="API_UnseenParam", sighting={"parameter": "query:x"}), by_id()["API_UnseenParam"], "alice", NOW)
    assert (everyone.actor, everyone.parameter) == ("", "query:x")


# alerts


def grouped(rules: list[Rule], *findings: Finding) -> tuple[list[Alert], list[Incident]]:
    grouping = Grouping()
    grouping.rules = Rules(rules)
    for one in findings:
        grouping.add(one, NOTHING_KNOWN)
    return grouping.drain()


def at(minutes: int, **fields: Any) -> Finding:
    return finding(window=START + minutes - minutes % 20, minute=START + minutes, **fields)


def test_what_is_covered_is_kept_and_in_no_incident() -> None:
    alerts, incidents = grouped([rule(actor=IP)], at(3), at(9), at(25))
    assert [(one.suppressed, one.incident, one.windows) for one in alerts] == [(ID, "", 2)]
    assert incidents == []
    alerts, incidents = grouped([rule(actor="203.0.113.8")], at(3))
    assert [one.suppressed for one in alerts] == [""]
    assert len(incidents) == 1


def test_what_goes_on_after_its_rule_has_ended_is_told() -> None:
    alerts, incidents = grouped([rule(actor=IP, until=NOW + timedelta(minutes=30))], at(3), at(29), at(30))
    assert [(one.suppressed, one.raised) for one in alerts] == [("", START + 3)]
    assert [one.alerts for one in incidents] == [(alerts[0].id,)]


def test_a_rule_ends_what_was_told_and_its_refractory_time() -> None:
    late = rule(actor=IP, since=NOW + timedelta(minutes=10), until=NOW + timedelta(minutes=60))
    alerts, incidents = grouped([late], at(3), at(20), at(50))
    assert [(one.suppressed, one.incident) for one in alerts] == [(ID, incidents[0].id)]
    assert incidents[0].last == START + 3
    population = {"detector": "API_PopulationSpikeInAPITraffic", "sighting": {"actor": None}}
    hidden = rule(detector="API_PopulationSpikeInAPITraffic", until=NOW + timedelta(minutes=30))
    alerts, _ = grouped([hidden], at(3, **population), at(125, **population))  # within four hours of an alert that nobody was told
    assert [one.suppressed for one in alerts] == [ID, ""]


# learning


def spiked(rules: Rules | None = None, *, late: Rules | None = None) -> Record:
    """The closed record of a window in which one address and everybody called far too often. `late`: rules that come after it was judged."""
    evaluation = Evaluation(criteria=Criteria(baselines=[baseline()], rules=rules))
    calls = [api_call(n / 60, client_ip=f"198.51.100.{n % 200}") for n in range(900)]
    calls += [api_call(n / 60, client_ip=IP) for n in range(900)]
    evaluation.feed("0", fold(calls, KEY), 0)
    now = moment(START + 16)
    found = [evaluation.step(now)]
    if late:
        evaluation.suppress(late)
    found.append(evaluation.finish())
    (record,) = [row.record for step in found for row in step.closed if row.endpoint == ENDPOINT]
    assert {one.detector for step in found for one in step.alerts} >= {"API_SpikeInAPITraffic", "API_PopulationSpikeInAPITraffic"}
    return record


POPULATION = alert(detector="API_PopulationSpikeInAPITraffic", sighting={"actor": None})


def of(*alerts: Alert) -> Rules:
    return Rules(expected(one, by_id()[one.detector], "test", NOW + timedelta(hours=1)) for one in alerts)


def test_an_attack_is_not_learned_and_what_is_expected_is() -> None:
    assert spiked().series["2xx"] == -1 - 900
    assert spiked().tops["calls:2xx"][0] == 5  # the flooder is left out
    for times in ({"rules": of(POPULATION)}, {"late": of(POPULATION)}):
        assert spiked(**times).series["2xx"] == 900, times
    for times in ({"rules": of(alert())}, {"late": of(alert())}):
        assert spiked(**times).series["2xx"] == -1 - 1800, times
        assert spiked(**times).tops["calls:2xx"][0] == 900
    assert spiked(late=of(alert(), POPULATION)).series["2xx"] == 1800


def test_a_rule_that_does_not_teach_teaches_nothing() -> None:
    silent = Rules([rule(detector="API_PopulationSpikeInAPITraffic"), rule(detector="API_SpikeInAPITraffic")])
    assert spiked(silent).series["2xx"] == -1 - 900


def test_a_closed_window_is_unmarked_when_its_day_is_learned() -> None:
    row = WindowRow(ENDPOINT, START, Record(series={"2xx": -901, "4xx": -11, "auth": 3}))
    assert learnable(row, of(POPULATION).all).record.series == {"2xx": 900, "4xx": -11, "auth": 3}
    for kept in (
        learnable(row, ()),
        learnable(row, of(alert()).all),  # marks no series
        learnable(row, [rule(detector="API_PopulationSpikeInAPITraffic")]),
        learnable(replace_row(row, START - 20), of(POPULATION).all),
        learnable(replace_row(row, START + 2 * 1440), of(POPULATION).all),
    ):
        assert kept.record.series == row.record.series
    other = WindowRow(Endpoint("contoso", "shop", "GET", "/v1/search"), START, row.record)
    assert learnable(other, of(POPULATION).all) is other


def replace_row(row: WindowRow, window: int) -> WindowRow:
    return msgspec.structs.replace(row, window=window)


# requests


def body(**fields: Any) -> bytes:
    return msgspec.json.encode({"until": "2026-03-10T00:00:00Z", **fields})


def test_a_request_becomes_a_rule() -> None:
    made = parse(body(actor=" ::ffff:203.0.113.7 ", comment=" our scanner "), ID, "alice", NOW)
    assert made == rule(by="alice", actor="203.0.113.7", until=datetime(2026, 3, 10, tzinfo=UTC), comment="our scanner")
    planned = parse(body(detector="API_SpikeInLatency", since="2026-03-09T01:00:00+01:00"), ID, "alice", NOW)
    assert planned.since == datetime(2026, 3, 9, tzinfo=UTC)
    assert parse(body(actor="203.0.113.7/32"), ID, "x", NOW).actor == "203.0.113.7"
    assert parse(body(actor="2001:DB8::/32"), ID, "x", NOW).actor == "2001:db8::/32"
    assert parse(body(actor="user:a/b"), ID, "x", NOW).actor == "user:a/b"


@pytest.mark.parametrize(
    ("actor", "personal"),
    [("203.0.113.7", True), ("203.0.113.0/29", True), ("203.0.113.0/28", False), ("2001:db8::/48", True), ("2001:db8::/47", False), ("user:1", True), ("", False)],
)  # fmt: skip
def test_who_is_named_is_kept_no_longer_than_30_days(actor: str, personal: bool) -> None:
    year = {"until": "2027-03-01T00:00:00Z", "detector": "API_SprayInRequests"}
    assert parse(body(actor=actor, detector="API_SprayInRequests"), ID, "x", NOW).personal == personal
    if personal:
        with pytest.raises(ValueError, match="within 30 days: an address or an identity is kept no longer"):
            parse(body(actor=actor, **year), ID, "x", NOW)
    else:
        assert parse(body(actor=actor, **year), ID, "x", NOW)


def test_a_small_network_names_those_who_are_in_it() -> None:
    assert rule(actor="203.0.113.0/29").names("203.0.113.7")
    assert not rule(actor="203.0.113.0/24").names("203.0.113.7")
    assert rule(actor="user:1").names("user:1")
    assert not rule(detector="API_Injection").names("203.0.113.7")


@pytest.mark.parametrize(
    ("request_body", "told"),
    [
        (b"", "must be JSON"),
        (b"{", "must be JSON"),
        (b"[" * 9_000, "must be JSON"),
        (b'{"actor": "203.0.113.7"}', "its keys are until"),
        (b'{"until": "tomorrow", "actor": "203.0.113.7"}', "must be JSON"),
        (body(), "would make Gatewatch blind"),
        (body(comment="x"), "would make Gatewatch blind"),
        (body(detector="API_SprayInRequest"), "did you mean 'API_SprayInRequests'"),
        (body(actor="203.0.113.7/24"), "host bits are zero"),
        (body(actor="0.0.0.0/0"), "smaller than the whole Internet"),
        (body(actor="::/0"), "smaller than the whole Internet"),
        (body(actor="api.contoso.com"), "actor must be an address"),
        (body(actor=IP, nonsense=1), "must be JSON"),
        (body(actor=IP, comment="x" * 1001), "1000 printable"),
        (body(endpoint="\u0000"), "1000 printable"),
        (body(detector="API_Injection", comment="the scanner at 203.0.113.7"), "comment names an address, and must name nobody"),
        (msgspec.json.encode({"actor": IP, "until": "2026-03-10T00:00:00"}), "must say their zone"),
        (msgspec.json.encode({"actor": IP, "until": "2026-03-01T00:00:00Z"}), "later than now"),
        (body(actor=IP, since="2026-03-11T00:00:00Z"), "later than now, and than since"),
        (msgspec.json.encode({"detector": "API_Injection", "until": "2028-03-10T00:00:00Z"}), "within 396 days"),
        (b" " * 20_000, "larger than"),
    ],
)
def test_a_wrong_request_is_one_sentence_that_names_nobody(request_body: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        parse(request_body, ID, "x", NOW)
    assert IP not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_severity_high_is_covered_too() -> None:
    alerts, incidents = grouped([rule(actor=IP)], at(3, severity=Severity.HIGH))
    assert alerts == [replace(alerts[0], suppressed=ID)]
    assert incidents == []
