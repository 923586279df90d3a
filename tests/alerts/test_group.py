"""Alerts while findings last, incidents of what belongs together."""

import itertools
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.campaign import CROWD, KEPT, MANY, PER_PAGE, network_of
from alerts.group import Grouping
from alerts.links import QUIET, related
from detectors import by_id
from model import Alert, Endpoint, Finding, Incident, Severity, is_service_endpoint, service_endpoint
from tests.build import IP, START, alert, finding
from windows.context import NOTHING_KNOWN

OTHER = Endpoint("contoso", "shop", "GET", "/v1/search")
POPULATION = {"detector": "API_PopulationSpikeInAPITraffic", "sighting": {"actor": None}}


def grouped(*findings: Finding) -> tuple[list[Alert], list[Incident]]:
    grouping = Grouping()
    for one in findings:
        grouping.add(one, NOTHING_KNOWN)
    return grouping.drain()


def later(minutes: int, **fields: Any) -> Finding:
    start = START + minutes - minutes % 20
    return finding(window=start, minute=START + minutes, **fields)


def test_nothing() -> None:
    grouping = Grouping()
    grouping.pass_time(START)
    assert grouping.drain() == ([], [])
    assert grouping.idle


def test_one_alert_while_it_lasts() -> None:
    alerts, incidents = grouped(*(later(minutes, sighting={"observed": 50.0 + minutes}) for minutes in range(3, 70, 3)))
    assert len(alerts) == len(incidents) == 1
    found = alerts[0]
    assert (found.first, found.last, found.raised, found.windows, found.sighting.observed) == (START, START + 69, START + 3, 4, 119.0)
    assert incidents[0].alerts == (found.id,)
    assert found.incident == incidents[0].id


def test_the_strongest_finding_is_shown() -> None:
    alerts, _ = grouped(
        later(3, severity=Severity.HIGH, sighting={"observed": 70.0}),
        later(25, sighting={"observed": 500.0}),
        later(30, severity=Severity.HIGH, sighting={"observed": 60.0}),
    )
    assert [(one.severity, one.sighting.observed) for one in alerts] == [(Severity.HIGH, 70.0)]


def test_quiet_closes_and_a_new_finding_opens_another() -> None:
    grouping = Grouping()
    grouping.add(later(3), NOTHING_KNOWN)
    grouping.pass_time(START + 3 + QUIET)
    assert [one.open for one in grouping.drain()[0]] == [True]
    grouping.pass_time(START + 4 + QUIET)
    alerts, incidents = grouping.drain()
    assert [one.open for one in alerts] == [one.open for one in incidents] == [False]
    grouping.add(later(80), NOTHING_KNOWN)
    again, _ = grouping.drain()
    assert again[0].id != alerts[0].id


def test_what_was_judged_before_does_not_open_again() -> None:
    grouping = Grouping()
    first, second = later(3), later(25)
    grouping.add(first, NOTHING_KNOWN)
    grouping.add(second, NOTHING_KNOWN)
    grouping.pass_time(START + 100)
    grouping.drain()
    grouping.add(second, NOTHING_KNOWN)
    assert grouping.drain() == ([], [])


def test_quiet_is_measured_by_the_finding_too() -> None:
    alerts, _ = grouped(later(3), later(64))
    assert [one.open for one in alerts] == [False, True]


def test_refractory_time_holds_back_what_is_not_severe() -> None:
    first = later(3, **POPULATION)
    assert len(grouped(first, later(100, **POPULATION))[0]) == 1
    assert len(grouped(first, later(100, **POPULATION, severity=Severity.HIGH))[0]) == 2
    assert len(grouped(first, later(600, **POPULATION))[0]) == 1
    assert len(grouped(first, later(800, **POPULATION))[0]) == 2


def test_a_roll_out_lowers_its_alert_and_does_not_open_another() -> None:
    new = {"detector": "API_UnseenParam", "sighting": {"actor": IP, "parameter": "query:sort", "status_class": None}}
    known = {"detector": "API_UnseenParam", "sighting": {"actor": None, "parameter": "query:sort", "status_class": None}}
    alerts, _ = grouped(later(3, **new), later(9, **known, severity=Severity.INFORMATIONAL), later(19, **new))
    assert [(one.severity, one.sighting.actor) for one in alerts] == [(Severity.INFORMATIONAL, None)]
    alerts, _ = grouped(later(3, **known, severity=Severity.INFORMATIONAL), later(600, **known, severity=Severity.INFORMATIONAL))
    assert len(alerts) == 1


def test_a_harmless_call_neither_excuses_a_worse_one_nor_is_excused_by_it() -> None:
    code = {"detector": "API_Injection", "severity": Severity.INFORMATIONAL}
    attack = {"detector": "API_Injection", "severity": Severity.MEDIUM}
    for found in ((later(3, **code), later(9, **attack)), (later(3, **attack), later(9, **code)), (later(3, **code), later(90, **attack))):
        assert max(one.severity for one in grouped(*found)[0]) is Severity.MEDIUM


def test_parameters_are_told_apart_where_they_are_the_matter() -> None:
    names = ("path:id", "query:user")
    kinds = {"detector": "API_DistributedParameterEnumeration"}
    enumerations = [later(3, **kinds, sighting={"parameter": name, "status_class": None, "actor": None}) for name in names]
    assert len(grouped(*enumerations)[0]) == 2


def test_ids_are_stable_and_tell_everything_apart() -> None:
    different = [
        later(3), later(25), later(3, endpoint=OTHER), later(3, detector="API_SpikeByIdentity"), later(3, sighting={"status_class": "4xx"}),
        later(3, sighting={"actor": "198.51.100.1"}), later(3, sighting={"actor": None}), later(3, sighting={"actor": "None"}),
    ]  # fmt: skip
    ids = [grouped(one)[0][0].id for one in different]
    assert len(set(ids)) == len(ids)
    assert ids == [grouped(one)[0][0].id for one in different]


def test_a_repeat_is_harmless() -> None:
    findings = [later(3), later(9, sighting={"observed": 130.0}), later(25)]
    alerts, incidents = grouped(*findings)
    again = Grouping(alerts, incidents)
    for one in findings:
        again.add(one, NOTHING_KNOWN)
    assert again.drain() == ([], [])


def test_related() -> None:
    one = alert()
    assert related(one, alert(endpoint=OTHER))
    assert related(one, alert(sighting={"actor": None}))
    assert not related(one, alert(sighting={"actor": "198.51.100.1"}))
    assert not related(one, alert(endpoint=OTHER, sighting={"actor": "198.51.100.1"}))
    assert not related(alert(endpoint=service_endpoint("contoso"), sighting={"actor": None}), alert(endpoint=service_endpoint("contoso")))
    assert related(alert(**POPULATION), alert(**POPULATION, endpoint=OTHER))
    assert not related(alert(**POPULATION), alert(**POPULATION, endpoint=OTHER._replace(service="fabrikam")))


def test_one_attack_is_one_incident() -> None:
    alerts, incidents = grouped(
        later(3), later(4, detector="API_ParameterEnumeration", sighting={"parameter": "path:id"}), later(5, **POPULATION),
        later(6, endpoint=OTHER, detector="API_Injection"), later(7, endpoint=service_endpoint("contoso"), detector="API_SprayInRequests", severity=Severity.HIGH),
    )  # fmt: skip
    assert len(alerts) == 5
    open_ = [one for one in incidents if one.open]
    assert len(open_) == 1
    assert set(open_[0].alerts) == {one.id for one in alerts}
    assert {one.incident for one in alerts} == {open_[0].id}
    assert open_[0].severity is Severity.HIGH
    assert open_[0].actors == (IP,)


def test_two_attackers_on_one_endpoint_are_two_incidents_until_something_links_them() -> None:
    a, b = later(3), later(4, sighting={"actor": "198.51.100.1"})
    assert len([one for one in grouped(a, b)[1] if one.open]) == 2
    alerts, incidents = grouped(a, b, later(5, **POPULATION))
    first = min(grouped(one)[1][0].id for one in (a, b))
    assert {one.incident for one in alerts} == {first}
    merged = [one for one in incidents if one.merged_into]
    assert [one.open for one in merged] == [False]
    assert merged[0].merged_into == first


def test_an_hour_later_is_another_incident() -> None:
    _, incidents = grouped(later(3), later(90, endpoint=OTHER))
    assert len(incidents) == 2


def test_rebuilt_from_what_was_stored_goes_on() -> None:
    grouping = Grouping()
    grouping.add(later(3), NOTHING_KNOWN)
    alerts, incidents = grouping.drain()
    again = Grouping(alerts, incidents)
    again.add(later(30, sighting={"observed": 300.0}), NOTHING_KNOWN)
    updated, _ = again.drain()
    assert [(one.id, one.windows, one.incident) for one in updated] == [(alerts[0].id, 2, incidents[0].id)]
    assert again.accused("contoso", START, START + 20) == {IP}
    assert again.accused("contoso", START + 40, START + 60) == set()
    assert again.accused("fabrikam", START, START + 20) == set()


def test_an_alert_of_a_detector_that_is_gone_is_left_alone() -> None:
    assert Grouping([alert(detector="API_Removed")]).idle


@given(st.permutations([("198.51.100.1", 3), ("198.51.100.2", 3), ("198.51.100.3", 3), (None, 3)]))
def test_order_within_a_minute_does_not_matter_for_alerts(order: list[tuple[str | None, int]]) -> None:
    alerts, incidents = grouped(*(later(minute, sighting={"actor": actor}) for actor, minute in order))
    assert {one.id for one in alerts} == {grouped(later(3, sighting={"actor": actor}))[0][0].id for actor, _ in order}
    assert len({one.incident for one in alerts}) == len([one for one in incidents if one.open]) == 1


def test_accused_are_bounded_in_an_incident() -> None:
    addresses = [f"198.51.{i}.{j}" for i, j in itertools.product(range(7), range(20))]
    names = [name for name in by_id() if by_id()[name].key == "actor"][:7]
    many = [later(3, **POPULATION)]
    many += [later(4 + 61 * (n // 5 % 7), detector=names[n // 35 % 7], sighting={"actor": one}) for n, one in enumerate(addresses)]
    many += [later(3 + 50 * n, **POPULATION) for n in range(10)]
    many.sort(key=lambda one: one.minute)
    _, incidents = grouped(*many)
    found = max(incidents, key=lambda one: len(one.actors))
    assert len(found.actors) == len(found.alerts) == 100


DETECTORS = ("API_SpikeInAPITraffic", "API_SpikeByIdentity", "API_PopulationSpikeInAPITraffic")
ENDPOINTS = (finding().endpoint, OTHER, service_endpoint("contoso"), OTHER._replace(service="fabrikam"))


@given(
    st.lists(
        st.tuples(st.integers(0, 25), st.sampled_from(DETECTORS), st.sampled_from(ENDPOINTS), st.sampled_from((IP, "198.51.100.1", None))),
        max_size=12,
    )
)
def test_every_new_alert_joins_the_oldest_incident_that_holds_a_related_one(found: list[tuple[int, str, Endpoint, str | None]]) -> None:
    grouping, known, minute = Grouping(), dict[str, Alert](), 0
    firsts: dict[str, tuple[int, str]] = {}
    for gap, detector, endpoint, actor in found:
        minute += gap
        grouping.add(later(minute, detector=detector, endpoint=endpoint, sighting={"actor": actor}), NOTHING_KNOWN)
        alerts, incidents = grouping.drain()
        for one in alerts:
            if one.id not in known:
                near = {other.incident for other in known.values() if one.first - other.last <= QUIET and related(one, other)}
                followed = {other.incident for other in known.values() if grouping.key(other) == grouping.key(one)}
                others = [other for other in known.values() if grouping.key(other) != grouping.key(one)]
                surely = {other.incident for other in others if one.first - other.last <= QUIET and related(one, other)}
                assert one.incident in {
                    min(near, key=firsts.__getitem__, default=one.id),
                    min(surely, key=firsts.__getitem__, default=one.id),
                }
                merged = {incident.id for incident in incidents if incident.merged_into == one.incident}
                assert (
                    surely - {one.incident} <= merged <= surely | followed
                )  # the incident of the alert that it follows may be over, or not
                moved = {other.id for other in known.values() if other in others and other.incident in merged}
                assert {other.id for other in alerts if other.incident == one.incident} >= moved
        firsts |= {incident.id: (incident.first, incident.id) for incident in incidents}
        for one in alerts:  # in the place of the one that it follows
            known = {id: other for id, other in known.items() if grouping.key(other) != grouping.key(one)} | {one.id: one}


@pytest.mark.parametrize("nobody", ["first", "last", "never"])
def test_a_flood_costs_each_of_its_alerts_the_same(nobody: str) -> None:
    def calls(actors: int) -> int:
        flood = [later(4, sighting={"actor": f"10.0.{number >> 8}.{number & 255}"}) for number in range(actors)]
        if nobody != "never":
            flood.insert(0 if nobody == "first" else actors, later(3 if nobody == "first" else 5, **POPULATION))
        count = 0

        def counting(*_: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(counting)
        try:
            grouping = Grouping()
            for one in flood:
                grouping.add(one, NOTHING_KNOWN)
            for _ in range(actors):
                grouping.accused("contoso", START, START + 20)
            grouping.drain()
        finally:
            sys.setprofile(None)
        return count

    assert calls(800) < 2.5 * calls(400)


# campaigns


def botnet(n: int, minute: int = 3, **fields: Any) -> list[Finding]:
    """One finding for each of so many addresses, in networks of 50."""
    return [later(minute, sighting={"actor": f"203.0.{i // 50}.{i % 50}"}, calls=10 + i % 7, **fields) for i in range(n)]


@pytest.mark.parametrize(
    ("case", "findings", "alerts", "incidents"),
    [
        ("a few actors are matters of their own", botnet(CROWD), CROWD, CROWD),
        ("many are one", botnet(50), CROWD + 1, 1),
        ("thousands are one", botnet(2_784), CROWD + 1, 1),
        ("at two services", [*botnet(50), *botnet(50, endpoint=OTHER._replace(service="fabrikam"))], 2 * CROWD + 2, 1),
        (
            "nobody's, at many endpoints",
            [later(3, detector="API_ErrorBurst", sighting={"actor": None}, endpoint=OTHER._replace(template=f"/{n}")) for n in range(90)],
            MANY + 1,
            1,
        ),
        ("spread over hours", [one for n in range(9) for one in botnet(n + 1, 3 + 61 * n)[-1:]], 9, 9),
    ],
)
def test_one_cause_is_one_incident_and_few_alerts(case: str, findings: list[Finding], alerts: int, incidents: int) -> None:
    found, joined = grouped(*findings)
    assert len(found) == alerts, case
    assert len([one for one in joined if not one.merged_into]) == incidents, case


def test_a_campaign_says_who_from_where_and_how_much() -> None:
    grouping = Grouping()
    grouping.traffic("contoso", START, 10_000)
    for one in botnet(120):
        grouping.add(one, NOTHING_KNOWN)
    alerts, incidents = grouping.drain()
    (told,) = [one for one in alerts if one.campaign]
    (incident,) = [one for one in incidents if one.open]
    assert told.campaign is not None
    assert (told.campaign.actors, told.campaign.folded) == (120, 120 - CROWD)
    assert told.sighting.observed == 120
    assert len(told.campaign.busiest) == 10
    assert all(n == 16 for _, n in told.campaign.busiest)
    assert told.campaign.networks == (("203.0.1.0/24", 50), ("203.0.0.0/24", 50), ("203.0.2.0/24", 20))
    assert told.campaign.share == pytest.approx(sum(10 + i % 7 for i in range(CROWD, 120)) / 10_000, abs=1e-3)
    assert incident.campaign == told.campaign
    assert grouping.accused("contoso", START, START + 20) == {f"203.0.{i // 50}.{i % 50}" for i in range(120)}


def test_folded_alerts_are_kept_in_pages_and_come_back() -> None:
    grouping = Grouping()
    for one in botnet(400):
        grouping.add(one, NOTHING_KNOWN)
    alerts, incidents = grouping.drain()
    pages = grouping.drain_folded()
    assert [len(page.alerts) for page in pages] == [PER_PAGE, PER_PAGE, 400 - CROWD - 2 * PER_PAGE]
    (told,) = [one for one in alerts if one.campaign]
    assert {page.campaign for page in pages} == {told.id}
    assert grouping.drain_folded() == []

    again = Grouping(alerts, incidents, folded={told.id: [one for page in pages for one in page.alerts]})
    for one in botnet(401, 9):
        again.add(one, NOTHING_KNOWN)
    updated, _ = again.drain()
    (later_told,) = [one for one in updated if one.campaign]
    assert later_told.id == told.id
    assert later_told.campaign is not None
    assert (later_told.campaign.actors, later_told.campaign.folded) == (401, 401 - CROWD)
    assert not [one for one in updated if one.id not in {alert.id for alert in alerts}], "no new alert"
    assert [page.number for page in again.drain_folded()][-1] == 2


def test_what_a_campaign_does_not_keep_it_counts_once() -> None:
    grouping = Grouping()
    for minute in (3, 4):
        for i in range(KEPT + 100):
            grouping.add(later(minute, sighting={"actor": f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}"}), NOTHING_KNOWN)
    (told,) = [one for one in grouping.drain()[0] if one.campaign]
    assert told.campaign is not None
    assert told.campaign.actors == KEPT + 100
    assert sum(len(page.alerts) for page in grouping.drain_folded()) == KEPT
    grouping.add(later(50, severity=Severity.HIGH, sighting={"actor": "192.0.2.1"}), NOTHING_KNOWN)
    (told,) = [one for one in grouping.drain()[0] if one.campaign]
    assert (told.last, told.severity, told.windows) == (START + 50, Severity.HIGH, 2), "it lasts as long as any that it tells of"
    assert told.campaign is not None
    assert told.campaign.actors == KEPT + 101


@pytest.mark.parametrize(
    ("actor", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"), ("0.0.0.0", "0.0.0.0/24"), ("255.249.199.255", "255.249.199.0/24"), ("256.1.1.1", ""),
        ("01.1.1.1", ""), ("2001:db8:1:2::7", "2001:db8:1::/48"), ("::ffff:203.0.113.7", "::/48"), ("user:203.0.113.7", ""), ("", ""),
    ],
)  # fmt: skip
def test_networks(actor: str, network: str) -> None:
    assert network_of(actor) == network


def test_a_scan_from_one_address_is_one_alert_of_each_detector() -> None:
    places = [OTHER._replace(template=f"/v1/{n}") for n in range(27)]
    alerts, incidents = grouped(*(later(3 + n, endpoint=place, detector="API_Injection") for n, place in enumerate(places)))
    (one,) = alerts
    assert is_service_endpoint(one.endpoint)
    assert one.places == tuple(places[:20])
    assert len([incident for incident in incidents if incident.open]) == 1
    again = Grouping(alerts, incidents)
    again.add(later(40, endpoint=places[26], detector="API_Injection"), NOTHING_KNOWN)
    assert [alert.id for alert in again.drain()[0]] == [one.id]
    population = later(41, **POPULATION, endpoint=places[3])
    again.add(population, NOTHING_KNOWN)
    assert {alert.incident for alert in again.drain()[0]} == {one.incident}


def test_a_campaign_ends_when_it_is_quiet_and_another_is_another() -> None:
    grouping = Grouping()
    for one in botnet(20):
        grouping.add(one, NOTHING_KNOWN)
    grouping.pass_time(START + 3 + QUIET + 1)
    alerts, incidents = grouping.drain()
    assert not [one for one in alerts if one.open]
    assert not [one for one in incidents if one.open]
    for one in botnet(20, 200):
        grouping.add(one, NOTHING_KNOWN)
    again, _ = grouping.drain()
    assert len([one for one in again if one.campaign and one.open]) == 1
    assert {one.id for one in again}.isdisjoint({one.id for one in alerts})


def test_a_campaign_that_another_follows_before_time_has_closed_it_is_closed_all_the_same() -> None:
    grouping = Grouping()
    for one in botnet(20):
        grouping.add(one, NOTHING_KNOWN)
    alerts, incidents = grouping.drain()
    pages = grouping.drain_folded()
    (first,) = [one for one in alerts if one.campaign]
    for one in botnet(20, QUIET + 10):  # quiet for long enough, and `pass_time` has not come by
        grouping.add(one, NOTHING_KNOWN)
    again, later = grouping.drain()
    assert [one.open for one in again if one.id == first.id] == [False]
    assert len([one for one in again if one.campaign and one.open]) == 1

    stored = {one.id: one for one in alerts} | {one.id: one for one in again} | {first.id: first}  # as an earlier version left it, open
    both = [*pages, *grouping.drain_folded()]
    folded = {one: [row for page in both if page.campaign == one for row in page.alerts] for one in {page.campaign for page in both}}
    resumed = Grouping(stored.values(), [*incidents, *later], folded=folded)
    healed, _ = resumed.drain()
    assert [one.open for one in healed if one.id == first.id] == [False]
    for one in botnet(20, QUIET + 11):
        resumed.add(one, NOTHING_KNOWN)
    resumed.drain()
    (page,) = resumed.drain_folded()
    assert page.campaign != first.id
    assert len(page.alerts) == 15
