"""Judge one window with every detector: sign what they found, count what failed, gate what is cold."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from detectors import Detector, discovered
from model import Failure, Finding, Sighting, is_service_endpoint
from pipeline.limits import Limits
from windows.baseline import Baseline
from windows.live import LiveWindow


class Judgement(NamedTuple):
    findings: list[Finding]
    failures: list[Failure]


class DetectorSets(NamedTuple):
    """Detectors by what they judge, sorted once."""

    endpoint: tuple[Detector, ...]
    endpoint_ended: tuple[Detector, ...]
    service: tuple[Detector, ...]
    service_ended: tuple[Detector, ...]


def detector_sets(detectors: Iterable[Detector] | None = None) -> DetectorSets:
    """All that discovery finds, or only these."""
    known = discovered() if detectors is None else tuple(detectors)
    kinds = ((service, ended) for service in (False, True) for ended in (False, True))
    return DetectorSets(*(tuple(one for one in known if (one.service, one.ended) == kind) for kind in kinds))


def judge(window: LiveWindow, baseline: Baseline, detectors: DetectorSets, limits: Limits, *, ended: bool = False) -> Judgement:
    """What the detectors that watch something that changed find in this window; with `ended`, what those find that judge whole windows."""
    if is_service_endpoint(window.endpoint):
        asked: Sequence[Detector] = detectors.service_ended if ended else detectors.service
    else:
        asked = detectors.endpoint_ended if ended else detectors.endpoint
    findings: list[Finding] = []
    failures: list[Failure] = []
    changed, days, calls = window.changed, baseline.days, baseline.calls
    for detector in asked:
        if (not ended and detector.watches not in changed) or days < detector.min_days or calls < detector.min_calls:
            continue
        own = limits.of(detector.id, window.endpoint)
        if own is None:
            continue
        try:
            for sighting in detector.function(window, baseline, **own):
                findings.append(_signed(sighting, detector, window, days))  # noqa: PERF401  what was found before an error stays found
        except Exception as error:  # a detector that fails must not silence the others; the failure is counted and alerted on
            failures.append(Failure(detector.id, window.endpoint, window.start, _where(error)))
    return Judgement(findings, failures)


def _signed(sighting: Sighting, detector: Detector, window: LiveWindow, days: int) -> Finding:
    severity = detector.severity if sighting.severity is None else sighting.severity
    statuses = window.statuses_of(sighting.actor)
    calls = window.ips[0].get(sighting.actor, 0) if detector.service and sighting.actor else sum(statuses.values())
    return Finding(detector.id, window.endpoint, window.start, window.minute, severity, sighting, statuses, days, calls)


def _where(error: Exception) -> str:
    """Type, file and line: a message could quote traffic."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{place}"
