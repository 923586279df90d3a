"""The rules that ingest applies call by call, as sightings of windows."""

import pytest

from detectors import Detector
from detectors.injection import injection
from detectors.parameter_pollution import parameter_pollution
from detectors.sensitive_data_in_url import sensitive_data_in_url
from detectors.suspicious_ip import suspicious_ip
from detectors.suspicious_user_agent import suspicious_user_agent
from detectors.tor_exit_node import tor_exit_node
from model import OTHER, Severity
from tests.build import IP, cold, window

OTHER_IP = "198.51.100.1"


@pytest.mark.parametrize(
    "one", [injection, parameter_pollution, suspicious_ip, suspicious_user_agent, tor_exit_node], ids=lambda one: one.id
)
def test_one_sighting_for_each_ip_that_was_newly_seen(one: Detector) -> None:
    judged = window(
        sightings=[(one.id, IP, 404, "a"), (one.id, IP, 404, "b"), (one.id, OTHER_IP, 404, "a"), ("API_Other", "192.0.2.1", 200, "a")]
    )
    assert {(s.actor, s.observed, s.evidence["what matched"]) for s in one(judged, cold())} == {(IP, 2, "a, b"), (OTHER_IP, 1, "a")}
    judged.judged()
    judged.sighting(one.id, IP, 404, "a", 1)
    assert [(s.actor, s.observed) for s in one(judged, cold())] == [(IP, 3)]


def test_callers_that_are_not_known_are_one_sighting_that_accuses_nobody() -> None:
    judged = window(sightings=[(injection.id, "", 404, "a"), (injection.id, OTHER, 404, "a"), (injection.id, OTHER, 200, "b")])
    assert [(s.actor, s.observed, s.evidence) for s in injection(judged, cold())] == [
        (None, 3, {"what matched": "a, b", "answered 2xx": 1})
    ]


@pytest.mark.parametrize(
    ("one", "status", "detail", "severity"),
    [
        (injection, 400, "sql", None),
        (injection, 200, "sql", Severity.HIGH),
        (injection, 200, "sql as text in query:q", Severity.INFORMATIONAL),
        (parameter_pollution, 400, "query twice", Severity.LOW),
        (parameter_pollution, 200, "query twice", None),
        (suspicious_user_agent, 200, "scanner:sqlmap", Severity.LOW),
        (suspicious_user_agent, 200, "script-uri", None),
        (tor_exit_node, 200, "tor", None),
    ],
)
def test_severity(one: Detector, status: int, detail: str, severity: Severity | None) -> None:
    assert [s.severity for s in one(window(sightings=[(one.id, IP, status, detail)]), cold())] == [severity]


def test_texts_about_code_say_nothing_beside_an_attack() -> None:
    sightings = [(injection.id, IP, 200, "sql as text in query:q"), (injection.id, IP, 400, "sql in query:q")]
    assert [(s.severity, s.evidence["what matched"]) for s in injection(window(sightings=sightings), cold())] == [(None, "sql in query:q")]


def test_sensitive_data_in_urls_is_the_endpoints_matter() -> None:
    rule = sensitive_data_in_url.id
    judged = window(sightings=[(rule, IP, 200, "Email"), (rule, OTHER_IP, 200, "IBAN")])
    assert [(s.actor, s.observed, s.evidence) for s in sensitive_data_in_url(judged, cold())] == [
        (None, 2, {"information types": "Email, IBAN"})
    ]
    assert list(sensitive_data_in_url(window(), cold())) == []
