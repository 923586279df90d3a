"""How often one actor, an IP or an identity, may call an endpoint within a window: the rule that both spikes of single actors follow."""

from pipeline.learn import Baseline
from pipeline.window import Window

FEW_PAIRS = 500
"""(IP, window) pairs below which the 10th-largest says little."""


def actor_threshold(
    window: Window,
    baseline: Baseline,
    measure: str,
    actor: str,
    *,
    floor: int,
    ratio: float,
    own_ratio: float,
    few_floor: int,
    few_ratio: float,
    grown: int,
) -> tuple[float | None, float, float | None]:
    """(usual, threshold, the actor's own largest if it is a regular) for a measure "calls:2xx" or "identity:4xx" of the baseline.

    Over `floor` and `ratio` times the 10th-largest (actor, window) count of 30 days; over `few_floor` and `few_ratio` times the
    largest before day `grown` and while few pairs are known.
    """
    own = window.regulars.get(measure, {}).get(actor)
    if baseline.days < grown or baseline.pairs.get(measure.partition(":")[2], 0) < FEW_PAIRS:
        usual = baseline.rank(measure, 1)
        least, times = few_floor, few_ratio
    else:
        usual = baseline.rank(measure, 10)
        least, times = floor, ratio
    return usual, max(least, times * (usual or 0.0), own_ratio * (own or 0.0)), own
