"""Limits of a deployment: in force within a minute, and a wrong file is said once and changes nothing."""

import logging
from datetime import timedelta
from typing import Any

import pytest

from adapters import alerts
from adapters.evaluate import Evaluator
from adapters.evidence import CONFIGURATION, Evidence
from adapters.overrides import NAME, read, reloaded
from adapters.sources import Sources
from model import Endpoint
from tests.adapters.world import KEY, START, World

ENDPOINT = Endpoint("contoso", "shop", "GET", "/v1/orders/{id}")
SPIKE = "API_SpikeInAPITraffic"


def put(evidence: Evidence, text: str) -> None:
    evidence.put(CONFIGURATION, NAME, text.encode())


def test_a_change_is_in_force_after_a_minute_and_a_wrong_one_never(evidence: Evidence, caplog: pytest.LogCaptureFixture) -> None:
    overrides, now = reloaded(evidence), START
    assert overrides.at(now).of(SPIKE, ENDPOINT) == {}
    put(evidence, '{"limits": {"API_SpikeInAPITraffic": {"floor": 77}}}')
    assert overrides.at(now + timedelta(seconds=59)).of(SPIKE, ENDPOINT) == {}
    assert overrides.at(now + timedelta(seconds=60)).of(SPIKE, ENDPOINT) == {"floor": 77}
    put(evidence, '{"limits": {"API_SpikeInAPITrafic": {"floor": 78}}}')
    with caplog.at_level(logging.ERROR):
        for minutes in range(2, 9):
            assert overrides.at(now + timedelta(minutes=minutes)).of(SPIKE, ENDPOINT) == {"floor": 77}
    assert len(caplog.records) == 1
    assert "did you mean 'API_SpikeInAPITraffic'" in caplog.text
    put(evidence, '{"limits": {"API_SpikeInAPITraffic": {"flor": 78}}}')
    with pytest.raises(ValueError, match="has no limit 'flor': did you mean 'floor'"):
        read(evidence)
    put(evidence, '{"off": ["API_SpikeInAPITraffic"]}')
    assert overrides.at(now + timedelta(minutes=20)).of(SPIKE, ENDPOINT) is None


@pytest.mark.parametrize("text", ["", "[]", "{", '{"limits": {"API_SpikeInAPITraffic": {"floor": "many"}}}', '{"limit": {}}', "\udcff"])
def test_a_file_that_is_none_is_refused_in_one_sentence(evidence: Evidence, text: str) -> None:
    evidence.put(CONFIGURATION, NAME, text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match="limit") as caught:
        read(evidence)
    assert "\n" not in str(caught.value)


def test_the_evaluation_judges_by_them(account: Any) -> None:
    world = World(account)
    overrides = reloaded(world.evidence)
    world.evaluator = Evaluator(Sources(world.tables, world.log, KEY, 60, limits=overrides.at))
    put(world.evidence, '{"off": ["API_AccessFromSuspiciousUserAgent"]}')

    def scan() -> set[str]:
        world.play([world.call("203.0.113.177", userAgent="sqlmap/1.5")])
        world.evaluate()
        return {alert.detector for alert in alerts.read(world.tables, 0)}

    assert "API_AccessFromSuspiciousUserAgent" not in scan()
    put(world.evidence, "{}")
    world.now += timedelta(minutes=1)
    assert "API_AccessFromSuspiciousUserAgent" in scan()
