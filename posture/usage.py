"""What Microsoft Defender for APIs would have charged for a month's monitored calls."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Plan:
    """One of Defender's sub-plans: USD a month per subscription, the calls it includes, USD for each call beyond."""

    name: str
    fee: Decimal
    included: int
    overage: Decimal


@dataclass(frozen=True, slots=True)
class Charge:
    """A month under one plan: packs bought (always one: a plan cannot be stacked), calls beyond it, USD."""

    plan: Plan
    packs: int
    overage_calls: int
    overage: Decimal
    total: Decimal


PLANS_AS_OF = "2026-11"
"""When the prices below were collected: Microsoft's cost estimator script; plan 1 also stands in its lab texts."""

PLANS = (
    Plan("P1", Decimal(200), 1_000_000, Decimal("0.00020")),
    Plan("P2", Decimal(700), 5_000_000, Decimal("0.00014")),
    Plan("P3", Decimal(5_000), 50_000_000, Decimal("0.00010")),
    Plan("P4", Decimal(7_000), 100_000_000, Decimal("0.00007")),
    Plan("P5", Decimal(50_000), 1_000_000_000, Decimal("0.00005")),
)


def defender_charges(calls_in_month: int) -> tuple[Charge, ...]:
    """What each plan would cost for so many monitored calls in one subscription and one calendar month.

    The fee is due without any call, overage per call beyond what the plan includes; the counter starts anew each month.
    Raises ValueError for a negative number of calls.
    """
    if calls_in_month < 0:
        raise ValueError(f"calls_in_month must not be negative: {calls_in_month}")
    return tuple(_charge(plan, calls_in_month) for plan in PLANS)


def defender_charge(calls_in_month: int) -> Charge:
    """The cheapest of the five plans for so many calls; of two that cost the same, the smaller.

    Raises ValueError for a negative number of calls.
    """
    return min(defender_charges(calls_in_month), key=lambda charge: charge.total)


def _charge(plan: Plan, calls: int) -> Charge:
    beyond = max(0, calls - plan.included)
    overage = beyond * plan.overage
    return Charge(plan, packs=1, overage_calls=beyond, overage=overage, total=plan.fee + overage)
