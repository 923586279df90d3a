"""Bytes sent to one IP: in sum, in one answer, and in three large ones."""

import msgspec
import pytest

from detectors.response_payload_spike import response_payload_spike
from stats.moments import Moments
from tests.build import IP, baseline, window
from windows.baseline import Baseline

TOPS = {"response:sum": [100_000.0] * 12, "response:call": [40_000.0] * 12, "response:third": [20_000.0] * 12}


@pytest.mark.parametrize(
    ("case", "answers", "found"),
    [
        ("as usual", [40_000, 20_000, 20_000], 0),
        ("one answer, four times the largest", [160_001], 1),
        ("one large answer is an accident", [130_000], 0),
        ("three large answers are not", [51_000, 51_000, 51_000], 1),
        ("two large answers are not three", [51_000, 51_000, 50_000 // 4], 0),
        ("three times the largest sum", [30_100] * 10, 1),
        ("no bodies", [0, 0], 0),
    ],
)
def test_response_payload_spike(case: str, answers: list[int], found: int) -> None:
    sightings = list(response_payload_spike(window(sizes=[(IP, 0, size) for size in answers]), baseline(tops=TOPS)))
    assert [sighting.actor for sighting in sightings] == [IP] * found, case


def test_without_a_rank_nothing_is_known() -> None:
    assert list(response_payload_spike(window(sizes=[(IP, 0, 10**9)]), baseline())) == []


def test_little_history_asks_for_the_spread_too() -> None:
    few = baseline(tops=TOPS, calls=300)
    assert list(response_payload_spike(window(sizes=[(IP, 0, 10**6)]), few))
    wide = type(few)(**{**{name: getattr(few, name) for name in few.__struct_fields__}, "logs": {"1 2xx": Moments(100, 1000.0, 10_400.0)}})
    assert list(response_payload_spike(window(sizes=[(IP, 0, 10**6)]), wide)) == [], "four deviations of 2 above e^10"
    unknown = type(few)(**{**{name: getattr(few, name) for name in few.__struct_fields__}, "logs": {}})
    assert list(response_payload_spike(window(sizes=[(IP, 0, 10**6)]), unknown)) == []


def spread(deviation: float, mean: float = 7.0, n: int = 10_000) -> Moments:
    """Logarithms of bytes: e^7 is about 1,100."""
    return Moments(n, n * mean, n * (mean * mean + deviation * deviation))


def learned(logs: Moments, tops: dict[str, list[float]], calls: int = 20_000, pairs: int = 5_000) -> Baseline:
    known = {f"response:{name}": values for name, values in tops.items()}
    return msgspec.structs.replace(baseline(tops=known, calls=calls, pairs=pairs), logs={"1 2xx": logs})


@pytest.mark.parametrize(
    ("case", "answers", "calls", "found"),
    [
        ("five of thirty times the usual", [33_000] * 5, 20_000, 1),
        ("two of them", [33_000] * 2, 20_000, 0),
        ("three of nine times", [9_900] * 3, 20_000, 0),
        ("three that a third answer is often as large as", [23_000] * 3, 20_000, 0),
        ("few calls are known, and one was as large", [33_000] * 5, 300, 0),
    ],
)
def test_several_answers_that_have_no_chance(case: str, answers: list[int], calls: int, found: int) -> None:
    """Of an office of many, whose sums hide what one caller takes."""
    office = {"sum": [900_000.0] * 12, "call": [60_000.0] * 12, "third": [20_000.0] * 12}
    known = learned(spread(1.0), office, calls=calls, pairs=min(calls, 5_000))
    assert len(list(response_payload_spike(window(sizes=[(IP, 0, size) for size in answers]), known))) == found, case


RARE = {"sum": [3_600.0] * 12, "call": [2_600.0] * 12}
NIGHTLY = {"sum": [72_000.0] * 12, "call": [9_300.0] * 12, "third": [1_700.0] * 12}


@pytest.mark.parametrize(
    ("case", "known", "answers", "found"),
    [
        ("an endpoint that is called five times a day: five of thirty times", learned(spread(1.0, 4.7), RARE, 130, 80), [3_300] * 5, 1),
        ("each has to be larger than any before", learned(spread(1.0, 4.7), RARE, 130, 80), [3_200] * 5, 0),
        ("two are an accident", learned(spread(1.0, 4.7), RARE, 130, 80), [3_300] * 2, 0),
        ("one, however large, says nothing there", learned(spread(1.0, 4.7), RARE, 130, 80), [10**7], 0),
        ("where sizes are spread widely, neither", learned(spread(1.4, 4.7), RARE, 130, 80), [3_300] * 5, 0),
        ("a job's endpoint, which one address called all its life", learned(spread(1.0, 5.3), NIGHTLY, 6_000, 34), [6_000] * 5, 1),
        ("the job itself, some nights later", learned(spread(1.0, 5.3), NIGHTLY, 6_000, 34), [200] * 187 + [6_000] * 3, 0),
        ("of few calls nobody knows", learned(spread(1.0, 5.3), NIGHTLY, 1_900, 34), [6_000] * 5, 0),
    ],
)
def test_several_answers_where_few_calls_or_few_callers_are_known(case: str, known: Baseline, answers: list[int], found: int) -> None:
    assert len(list(response_payload_spike(window(sizes=[(IP, 0, size) for size in answers]), known))) == found, case


USUAL = {"sum": [100_000.0] * 12, "call": [25_000.0] * 12}
SMALL = {"sum": [20_000.0, 9_000.0, *[5_000.0] * 10], "call": [18_000.0, 8_000.0, *[4_000.0] * 10]}


@pytest.mark.parametrize(
    ("case", "known", "answers", "found"),
    [
        ("a small endpoint without third-largest answers", learned(spread(1.0), USUAL), [2_000] * 5, 0),
        ("5 calls of 30 times the median there", learned(spread(1.0), USUAL), [33_000] * 5, 1),
        (
            "three so large are no wonder among 100 calls",
            learned(spread(1.0), {**USUAL, "third": [12_000.0] * 12}),
            [1_000] * 97 + [31_000] * 3,
            0,
        ),
        ("few callers: the largest ever counts", learned(spread(1.0), SMALL, 600, 90), [30_000], 0),
        ("few callers: twice the largest ever", learned(spread(1.0), SMALL, 600, 90), [61_000], 1),
        ("a server of files sends a large one", learned(spread(2.5), USUAL), [110_000], 0),
        ("and two large ones", learned(spread(2.5), USUAL), [110_000] * 2, 1),
        ("and one larger than all ever", learned(spread(2.5), USUAL), [250_001], 1),
        (
            "a large sum of answers that hold few records",
            learned(spread(0.2, 4.0), {"sum": [900.0] * 12, "call": [90.0] * 12}),
            [95] * 200,
            1,
        ),
        ("many answers, none and all of them small", learned(spread(0.2, 4.0), {"sum": [900.0] * 12, "call": [90.0] * 12}), [95] * 100, 0),
    ],
)
def test_small_and_heavy_endpoints(case: str, known: Baseline, answers: list[int], found: int) -> None:
    sightings = list(response_payload_spike(window(sizes=[(IP, 0, size) for size in answers]), known))
    assert len(sightings) == found, case
    assert all(sighting.observed > (sighting.threshold or 0) >= 10_000 for sighting in sightings), case
