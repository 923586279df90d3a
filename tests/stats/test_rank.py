"""The largest few: merges like one list, and does not pretend to know a rank that it never saw."""

from hypothesis import given
from hypothesis import strategies as st

from stats.rank import KEPT, largest, rth

numbers = st.lists(st.floats(0, 1e9), max_size=40)


@given(st.lists(numbers, max_size=5))
def test_merge_equals_whole(groups: list[list[float]]) -> None:
    whole = sorted((value for group in groups for value in group), reverse=True)[:KEPT]
    assert largest(*groups) == whole
    assert largest(*(largest(group) for group in groups)) == whole


def test_empty_first() -> None:
    assert largest() == largest([], []) == []
    assert rth([], 1) is None


def test_rth() -> None:
    assert [rth([9, 7, 7], r) for r in (0, 1, 2, 3, 4)] == [None, 9, 7, 7, None]
