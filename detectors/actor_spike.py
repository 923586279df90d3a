"""How often one actor, an IP or an identity, may call an endpoint within a window: the rule that both spikes of single actors follow."""

from windows.baseline import Baseline

FEW_PAIRS = 500
"""(IP, window) pairs below which the 10th-largest says little."""


def anyones_threshold(
    baseline: Baseline, measure: str, *, floor: int, ratio: float, few_floor: int, few_ratio: float, grown: int
) -> tuple[float | None, float]:
    """(usual, threshold of an actor that is no regular) for a measure "calls:2xx" or "identity:4xx" of the baseline.

    Over `floor` and `ratio` times the 10th-largest (actor, window) count of 30 days; over `few_floor` and `few_ratio` times the
    largest before day `grown` and while few pairs are known.
    """
    if baseline.days < grown or baseline.pairs.get(measure.partition(":")[2], 0) < FEW_PAIRS:
        usual = baseline.rank(measure, 1)
        return usual, max(few_floor, few_ratio * (usual or 0.0))
    usual = baseline.rank(measure, 10)
    return usual, max(floor, ratio * (usual or 0.0))
