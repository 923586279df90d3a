"""Limits as data: what they override, where, and how a typing error is answered."""

import pytest

from model import Endpoint
from pipeline.limits import Limits, parse
from tests.build import ENDPOINT

OTHER = Endpoint("contoso", "shop", "GET", "/v1/search")


def test_nothing_overridden() -> None:
    assert Limits().of("API_SpikeInAPITraffic", ENDPOINT) == {}
    assert parse(b"{}").of("API_SpikeInAPITraffic", ENDPOINT) == {}


def test_the_more_special_and_later_wins() -> None:
    limits = parse(
        b"""{"limits": {"API_SpikeInAPITraffic": {"floor": 50, "ratio": 2}}, "off": ["API_SpikeInLatency"],
             "where": [{"service": "contoso", "limits": {"API_SpikeInAPITraffic": {"floor": 60}}},
                       {"endpoint": "GET /v1/search", "off": ["API_SpikeInAPITraffic"], "limits": {"API_SpikeInLatency": {"z": 6}}},
                       {"service": "fabrikam", "limits": {"API_SpikeInAPITraffic": {"floor": 1}}}]}"""
    )
    assert limits.of("API_SpikeInAPITraffic", ENDPOINT) == {"floor": 60, "ratio": 2}
    assert limits.of("API_SpikeInAPITraffic", OTHER) is None
    assert limits.of("API_SpikeInLatency", ENDPOINT) is None
    assert limits.of("API_SpikeInLatency", OTHER) == {"z": 6}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (b'{"limits": {"API_SpikeInAPITrafic": {"floor": 1}}}', "did you mean 'API_SpikeInAPITraffic'"),
        (b'{"off": ["API_Tor"]}', "unknown detector 'API_Tor'"),
        (b'{"limits": {"API_SpikeInAPITraffic": {"flor": 1}}}', "did you mean 'floor'"),
        (b'{"limits": {"API_SpikeInAPITraffic": {"floor": "many"}}}', "must be a number"),
        (b'{"limits": {"API_SpikeInAPITraffic": {"floor": true}}}', "must be a number"),
        (b'{"limits": {"API_SpikeInAPITraffic": {"floor": -1}}}', "must be a number"),
        (b'{"limit": {}}', "limits must be JSON"),
        (b"[]", "limits must be JSON"),
        (b"", "limits must be JSON"),
    ],
)
def test_typing_errors_are_loud(text: bytes, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        parse(text)
