"""Theta sketches: exact while small, within their error when large, the same in any order."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats.sketch import SPAN, Sketch, pack, shorten, sketch, union, unpack

hashes = st.sets(st.integers(0, SPAN - 1), max_size=60)


@given(st.lists(hashes, max_size=4), st.randoms())
def test_union_is_the_sketch_of_the_union_in_any_order(sets: list[set[int]], random: Random) -> None:
    whole = sketch(set().union(*sets), 16)
    parts = [sketch(one, 16) for one in sets]
    random.shuffle(parts)
    assert union(parts, 16) == whole


@given(hashes, hashes)
def test_exact_below_capacity(a: set[int], b: set[int]) -> None:
    found = sketch(a, 1000)
    assert found.distinct == len(a)
    assert found.unseen(b) == len(b - a)


@given(hashes)
def test_round_trip(a: set[int]) -> None:
    found = sketch(a, 16)
    assert unpack(*pack(found)) == found


def test_estimates_a_hundred_thousand_within_five_percent() -> None:
    random = Random(7)
    seen = [random.getrandbits(32) for _ in range(100_000)]
    new = [random.getrandbits(32) for _ in range(2_000)]
    found = sketch(seen, 8192)
    assert len(found.hashes) <= 8192
    assert found.distinct == pytest.approx(100_000, rel=0.05)
    assert found.unseen(new + seen[:2_000]) == pytest.approx(2_000, rel=0.2)


def test_empty_first() -> None:
    assert union([], 8) == sketch((), 8) == Sketch()
    assert Sketch().distinct == 0
    assert Sketch().unseen([1, 2]) == 2


def test_bytes_that_are_no_sketch() -> None:
    with pytest.raises(ValueError, match="whole number"):
        unpack(SPAN, b"abc")


def test_shorten_keeps_the_high_bits() -> None:
    assert shorten((1 << 64) - 1) == SPAN - 1
    assert shorten(5) == 0
