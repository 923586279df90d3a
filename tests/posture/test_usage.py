"""Defender's bill, against values worked out by hand from its price list."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posture.usage import PLANS, defender_charge, defender_charges

CALLS = st.integers(min_value=0, max_value=10**13)


@pytest.mark.parametrize(
    ("calls", "plan", "overage_calls", "total"),
    [
        (0, "P1", 0, "200"),
        (1, "P1", 0, "200"),
        (1_000_000, "P1", 0, "200"),
        (1_000_001, "P1", 1, "200.0002"),
        (3_500_000, "P1", 2_500_000, "700"),  # the tie with P2: the smaller plan
        (3_500_001, "P2", 0, "700"),
        (35_000_000, "P2", 30_000_000, "4900"),
        (60_000_000, "P3", 10_000_000, "6000"),
        (100_000_000, "P4", 0, "7000"),
        (400_000_000, "P4", 300_000_000, "28000"),
        (2_000_000_000, "P5", 1_000_000_000, "100000"),
    ],
)
def test_the_cheapest_plan(calls: int, plan: str, overage_calls: int, total: str) -> None:
    charge = defender_charge(calls)
    assert (charge.plan.name, charge.packs, charge.overage_calls, charge.total) == (plan, 1, overage_calls, Decimal(total))
    assert charge.overage == charge.total - charge.plan.fee


def test_every_plan_at_400_million_calls() -> None:
    totals = [charge.total for charge in defender_charges(400_000_000)]
    assert totals == [80_000, 56_000, 40_000, 28_000, 50_000]


@given(CALLS, CALLS)
def test_more_calls_never_cost_less(one: int, other: int) -> None:
    fewer, more = sorted((one, other))
    assert defender_charge(fewer).total <= defender_charge(more).total
    for low, high in zip(defender_charges(fewer), defender_charges(more), strict=True):
        assert low.total <= high.total


@given(CALLS)
def test_the_cheapest_is_one_of_the_five_and_none_is_below_its_fee(calls: int) -> None:
    charges = defender_charges(calls)
    assert [charge.plan for charge in charges] == list(PLANS)
    assert defender_charge(calls).total == min(charge.total for charge in charges)
    assert all(charge.total >= charge.plan.fee for charge in charges)


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative: -1"):
        defender_charge(-1)
