"""Bytes of sensitive endpoints per IP and day."""

import pytest

from detectors.data_exfiltration import data_exfiltration
from tests.build import IP, baseline, window
from windows.context import NOTHING_KNOWN, Context

SENSITIVE = Context(sensitive=("Email",))


@pytest.mark.parametrize(
    ("case", "context", "size", "own", "found"),
    [
        ("as usual", SENSITIVE, 150_000, None, 0),
        ("twice the busiest", SENSITIVE, 200_001, None, 1),
        ("nothing sensitive", NOTHING_KNOWN, 10**9, None, 0),
        ("a regular", SENSITIVE, 250_000, 200_000.0, 0),
    ],
)
def test_data_exfiltration(case: str, context: Context, size: int, own: float | None, found: int) -> None:
    judged = window(sizes=[(IP, 0, size)], context=context, regulars={"day:bytes": {IP: own}} if own else {})
    assert [s.actor for s in data_exfiltration(judged, baseline(tops={"day:bytes": [100_000.0] * 12}))] == [IP] * found, case


def test_without_a_rank_nothing_is_known() -> None:
    assert list(data_exfiltration(window(sizes=[(IP, 0, 10**9)], context=SENSITIVE), baseline())) == []
