"""Far more bytes sent to one client IP than this endpoint usually sends to anyone: the shape of a bulk export."""

from collections.abc import Iterator
from math import exp

from detectors import detector
from model import NOBODY, Severity, Sighting
from windows.baseline import Baseline
from windows.window import Window

FEW_CALLS = 500
"""Calls below which the largest of the past say too little, and the spread of their logarithms is asked as well."""


@detector(
    id="API_SpikeInPayload_Response",
    alert_type="API_SpikeInPayload",
    title="Unusually large response payload transmitted between a single IP address and an API endpoint",
    severity=Severity.MEDIUM,
    sees="The answers to one client IP were far larger, one alone or all of 20 minutes together, than this endpoint's answers to any IP.",
    causes="Excessive data exposure, a broken filter or paging parameter, a bulk export by an attacker; or a new report, a new client that pages faster, an import of a partner.",
    remediation=(
        "Look at which parameters made the answers so large, and whether the caller may have all of it.",
        "Limit page sizes in the backend and the size of answers at the gateway.",
        "If data left, treat it as a breach: find out which records.",
    ),
    tactic="InitialAccess",
    techniques=("T1190", "T1213", "T1119"),
    owasp_2019=("API3", "API1"),
    owasp_2023=("API3", "API1"),
    min_days=3,
    min_calls=200,
)
def response_payload_spike(
    window: Window,
    baseline: Baseline,
    *,
    sum_ratio: float = 3.0,  # times the 10th-largest sum of an (IP, window)
    call_ratio: float = 4.0,  # times the 10th-largest single answer
    third_ratio: float = 2.5,  # times the 10th-largest third-largest answer: one huge answer is an accident more often than three large ones ...
    third_sum_ratio: float = 1.25,  # ... whose sum is beyond nearly every IP's too
    few_deviations: float = 4.0,  # of the logarithms above their mean, while fewer than 500 calls are known
    floor: int = 10_000,  # bytes; an answer below it holds few records
    high: float = 20.0,  # times the threshold from which on it is severe
) -> Iterator[Sighting]:
    """Of one IP, above `floor`: the sum of answers > `sum_ratio` x 10th-largest sum, or the largest answer > `call_ratio` x
    10th-largest, or the third-largest answer > `third_ratio` x 10th-largest with a sum > `third_sum_ratio` x 10th-largest. High
    from `high` x the threshold on."""
    usual = [baseline.rank(f"response:{measure}", 10) for measure in ("sum", "call", "third")]
    if usual[0] is None or usual[1] is None:
        return
    least = float(floor)
    if baseline.calls < FEW_CALLS:
        logs = baseline.logs.get("1 2xx")
        if logs is None or logs.mean is None or logs.deviation is None:
            return
        least = max(least, exp(logs.mean + few_deviations * logs.deviation))
    of_sum, of_call, of_third = (max(value or 0.0, 1.0) for value in usual)
    most_sum, most_call, most_third = sum_ratio * of_sum, call_ratio * of_call, third_ratio * of_third
    third_sum = third_sum_ratio * of_sum
    enough = max(least, min(most_sum, most_call, third_sum))
    if window.busiest_response <= enough:
        return
    for ip in window.touched:
        _, total, _, largest, _, third = window.bytes[ip]
        if total <= enough or ip in NOBODY:
            continue
        if total <= third_sum:
            third = 0
        ratios = {
            "all answers of the window": (total, most_sum, of_sum),
            "the largest answer": (largest, most_call, of_call),
            "the third-largest answer": (third, most_third, of_third),
        }
        measure, (observed, threshold, expected) = max(ratios.items(), key=lambda item: item[1][0] / item[1][1])
        if observed > threshold:
            yield Sighting(
                observed,
                expected,
                threshold,
                "bytes",
                actor=ip,
                severity=Severity.HIGH if observed >= high * threshold else None,
                evidence={"measure": measure, "bytes of the window": total},
            )
