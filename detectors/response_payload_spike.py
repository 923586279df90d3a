"""Far more bytes sent to one client IP than this endpoint usually sends to anyone: the shape of a bulk export."""

from collections.abc import Iterator
from math import erfc, exp, inf, log, sqrt
from typing import NamedTuple

from detectors import detector
from model import NOBODY, Severity, Sighting
from windows.baseline import Baseline
from windows.window import Window

FEW_CALLS = 500
"""Calls, or (IP, window) pairs, below which the largest of the past say too little: the spread of the logarithms and the largest ever are asked as well."""
SIZES = "1 2xx"
"""The logarithms of the bytes of successful answers in a baseline."""


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
    min_calls=80,
    grows="busiest_response",
    least=("floor", "several_floor"),
)
def response_payload_spike(
    window: Window,
    baseline: Baseline,
    *,
    sum_ratio: float = 3.0,  # times the 10th-largest sum of an (IP, window)
    call_ratio: float = 4.0,  # times the 10th-largest single answer
    third_ratio: float = 2.5,  # times the 10th-largest third-largest answer: one huge answer is an accident more often than three large ones
    third_chance: float = 0.02,  # answers so large that fewer would be expected among all calls of the IP, by the spread of the logarithms
    several_ratio: float = 1.2,  # the same where three so large are next to impossible
    several_chance: float = 1e-6,  # of three answers so large among the calls of the IP, by the spread of the logarithms
    several_times: float = 10.0,  # times the usual answer, at least
    several_floor: int = 1_000,  # bytes of each of them
    several_calls: int = 2_000,  # known calls from which on that spread is known well, however few callers there are
    few_calls: int = 200,  # known calls below which nothing but three answers, each larger than any before, says anything
    few_deviations: float = 4.0,  # of the logarithms above their mean, while fewer than 500 calls are known
    heavy: float = 1.25,  # deviation of the logarithms from which on a single large answer says nothing: a server of files
    ever_ratio: float = 1.25,  # times the largest answer ever, where third-largest ones are too rare to have a 10th
    few_ever_ratio: float = 2.0,  # times the largest sum or answer ever, while fewer than 500 (IP, window) are known
    heavy_ever_ratio: float = 10.0,  # times the largest answer ever, from which on even a single one of a server of files says something
    floor: int = 10_000,  # bytes; an answer below it holds few records
    high: float = 20.0,  # times the threshold from which on it is severe
) -> Iterator[Sighting]:
    """Of one IP, above `floor`: the sum of answers > `sum_ratio` x 10th-largest sum, or the largest answer > `call_ratio` x
    10th-largest, or the third-largest answer > `third_ratio` x 10th-largest where three so large are no chance for so many calls. Where sizes are spread
    widely the largest answer of the window does not count. Or three answers above `several_floor`, `several_times` the usual one and `several_ratio` x the
    10th-largest third one, where so many so large have a chance below `several_chance`; below `few_calls` known calls nothing else counts. High from `high` x the threshold on."""
    if window.busiest_response <= min(floor, 3 * several_floor):
        return
    ratios_of = sum_ratio, call_ratio, third_ratio, ever_ratio, few_ever_ratio, few_deviations
    limits = *ratios_of, several_floor, several_times, several_ratio, several_calls, few_calls
    lines = baseline.line("response payload", limits, _lines)
    if lines is None:
        return
    usual_sum, usual_call, usual_third, largest_call, most_sum, most_call, most_third, several, mean, spread = lines
    if window.busiest_response <= min(max(floor, min(most_sum, most_call, most_third)), 3 * several):
        return
    bytes_of, least = window.bytes, min(most_third, several)
    if window.busiest_third <= least and window.busiest_response <= most_sum and window.busiest_answer <= most_call:
        return
    wide = spread > heavy
    for ip in [ip for ip in window.touched if (own := bytes_of[ip])[5] > least or own[1] > most_sum or own[3] > most_call]:
        _, total, _, largest, second, third = bytes_of[ip]
        if ip in NOBODY:
            continue
        if third > several and not wide and _of_three(_chance(log(third), mean, spread), window.ips[2].get(ip, 0)) < several_chance:
            evidence: dict[str, str | int | float] = {
                "measure": "three answers",
                "bytes of the window": total,
                "largest answer ever": round(largest_call),
            }
            severity = Severity.HIGH if third >= high * several else None
            yield Sighting(third, round(exp(mean)), several, "bytes", actor=ip, severity=severity, evidence=evidence)
            continue
        if total <= floor:
            continue
        if third > most_third and _chance(log(third), mean, spread) * max(window.ips[2].get(ip, 0), 3) > third_chance:
            third = 0
        if wide:
            total, largest = total - largest, largest if largest > heavy_ever_ratio * largest_call else second
        ratios = {
            "all answers of the window": (total, most_sum, usual_sum),
            "the largest answer": (largest, most_call, usual_call),
            "the third-largest answer": (third, most_third, usual_third),
        }
        measure, (observed, threshold, expected) = max(ratios.items(), key=lambda item: item[1][0] / item[1][1])
        if observed > max(threshold, floor):
            yield Sighting(
                observed,
                expected,
                max(threshold, floor),
                "bytes",
                actor=ip,
                severity=Severity.HIGH if observed >= high * max(threshold, floor) else None,
                evidence={"measure": measure, "bytes of the window": window.bytes[ip][1], "largest answer ever": round(largest_call)},
            )


class _Lines(NamedTuple):
    """Bytes, but for mean and spread of their logarithms."""

    usual_sum: float
    usual_call: float
    usual_third: float | None
    largest_call: float
    most_sum: float
    most_call: float
    most_third: float
    several: float
    mean: float
    spread: float


def _lines(baseline: Baseline, limits: tuple[float, ...]) -> _Lines | None:
    """What must be exceeded, by the baseline alone; None where too little is known."""
    sum_ratio, call_ratio, third_ratio, ever_ratio, few_ever_ratio, few_deviations, *of_several, several_calls, few_calls = limits
    several_floor, several_times, several_ratio = of_several
    usual_sum, usual_call, usual_third = (baseline.rank(f"response:{measure}", 10) for measure in ("sum", "call", "third"))
    logs = baseline.logs.get(SIZES)
    if not usual_sum or not usual_call or logs is None or logs.mean is None or logs.deviation is None:
        return None
    spread = max(logs.deviation, 0.1)
    largest_sum, largest_call = (baseline.tops[f"response:{measure}"][0] for measure in ("sum", "call"))
    most_sum, most_call = sum_ratio * usual_sum, call_ratio * usual_call
    few_pairs = baseline.pairs.get("2xx", 0) < FEW_CALLS
    if few_pairs:
        most_sum, most_call = max(most_sum, few_ever_ratio * largest_sum), max(most_call, few_ever_ratio * largest_call)
    if baseline.calls < FEW_CALLS:
        fewest = exp(logs.mean + few_deviations * spread)
        most_sum, most_call = max(most_sum, fewest), max(most_call, fewest)
    most_third = third_ratio * usual_third if usual_third else ever_ratio * largest_call
    several = max(several_floor, several_times * exp(logs.mean), several_ratio * usual_third if usual_third else ever_ratio * largest_call)
    if few_pairs and baseline.calls < several_calls:
        several = max(several, ever_ratio * largest_call)
    if baseline.calls < few_calls:
        most_sum = most_call = most_third = inf
    return _Lines(usual_sum, usual_call, usual_third, largest_call, most_sum, most_call, most_third, several, logs.mean, spread)


def _of_three(each: float, calls: int) -> float:
    """Of three or more such answers among so many calls, where that is rare (Poisson)."""
    return (each * max(calls, 3)) ** 3 / 6


def _chance(x: float, mean: float, deviation: float) -> float:
    """Of a normal variable to exceed x."""
    return 0.5 * erfc((x - mean) / (deviation * sqrt(2)))
