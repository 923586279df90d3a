"""Packed baselines are what they were, and only the last few are held as objects."""

import pytest

from tests.build import ENDPOINT, baseline, seasonal
from windows import baselines as module
from windows.baseline import Baseline
from windows.baselines import Baselines


def made(number: int) -> Baseline:
    return baseline(
        endpoint=ENDPOINT._replace(template=f"/{number}"), series={"2xx": seasonal(number + 0.1)}, tops={"calls:2xx": [number, 0.5]}
    )


def test_they_come_back_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNPACKED", 2)
    known = [made(number) for number in range(5)]
    packed = Baselines(known)
    for one in [*known, *known]:
        found = packed.get(one.endpoint)
        assert found is not None
        assert repr(found) == repr(one)
        assert found.seen["path:id"] is one.seen["path:id"]
        assert (packed.days(one.endpoint), packed.seen(one.endpoint)) == (one.days, one.seen)
    assert len(packed._unpacked) == 2


def test_a_new_one_takes_the_place_of_the_old() -> None:
    packed = Baselines([made(1)])
    packed.get(made(1).endpoint)
    packed.put([baseline(endpoint=made(1).endpoint, days=3)])
    found = packed.get(made(1).endpoint)
    assert found is not None
    assert (found.days, packed.days(found.endpoint)) == (3, 3)


def test_nothing_is_known() -> None:
    packed = Baselines()
    assert (packed.get(ENDPOINT), packed.days(ENDPOINT), packed.seen(ENDPOINT)) == (None, 0, {})
