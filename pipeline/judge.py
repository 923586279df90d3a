"""Judge one window with every detector: sign what they found, count what failed, gate what is cold."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from detectors import Detector, Limit, discovered
from model import Failure, Finding, Sighting, is_service_endpoint
from pipeline.limits import Limits
from windows.baseline import Baseline
from windows.live import LiveWindow

NO_OVERRIDES: Mapping[str, Limit] = {}


class Judgement(NamedTuple):
    findings: list[Finding]
    failures: list[Failure]


class DetectorSets:
    """Detectors by what they judge and watch, sorted once for each set of tables that changed."""

    def __init__(self, detectors: Iterable[Detector]) -> None:
        known = tuple(detectors)
        self._ended = {service: tuple(one for one in known if one.ended and one.service == service) for service in (False, True)}
        self._live = {service: tuple(one for one in known if not one.ended and one.service == service) for service in (False, True)}
        self._asked: dict[tuple[bool, tuple[str, ...]], tuple[Detector, ...]] = {}

    def ended(self, service: bool) -> tuple[Detector, ...]:
        """Those that judge whole windows, of services or of endpoints."""
        return self._ended[service]

    def watching(self, service: bool, changed: tuple[str, ...]) -> tuple[Detector, ...]:
        """Those that watch one of these tables."""
        key = service, changed
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = tuple(one for one in self._live[service] if one.watches in changed)
        return asked


def detector_sets(detectors: Iterable[Detector] | None = None) -> DetectorSets:
    """All that discovery finds, or only these."""
    return DetectorSets(discovered() if detectors is None else detectors)


def judge(window: LiveWindow, baseline: Baseline, detectors: DetectorSets, limits: Limits, *, ended: bool = False) -> Judgement:
    """What the detectors that watch something that changed find in this window; with `ended`, what those find that judge whole windows."""
    service = is_service_endpoint(window.endpoint)
    findings: list[Finding] = []
    failures: list[Failure] = []
    days, calls, overridden = baseline.days, baseline.calls, limits.overridden
    own = NO_OVERRIDES
    for detector in detectors.ended(service) if ended else detectors.watching(service, window.changed):
        if days < detector.min_days or calls < detector.min_calls:
            continue
        if overridden:
            found = limits.of(detector.id, window.endpoint)
            if found is None:
                continue
            own = found
        if detector.grows is not None and getattr(window, detector.grows) < (detector.fewest(own) if own else detector.least_reading):
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
