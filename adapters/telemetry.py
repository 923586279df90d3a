"""Telemetry: what happened, in names and counts; never an IP, an identity, a body or a parameter value."""

import logging
from datetime import datetime

from model import Alert, Failure, moment
from pipeline.step import Step

_log = logging.getLogger("gatewatch.alert")


class Reporter:
    """Remembers what it has said of an alert, so that an update that changes nothing is not said again."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[str, bool]] = {}

    def step(self, step: Step, now: datetime) -> None:
        for alert in step.alerts:
            if alert.suppressed and alert.id not in self._said:
                continue
            state = alert.severity.label, alert.open
            if self._said.get(alert.id) != state:
                self._said[alert.id] = state
                _alert(alert, now)
                if not alert.open:
                    del self._said[alert.id]
        for failure in step.failures:
            _failure(failure)


def _alert(alert: Alert, now: datetime) -> None:
    # azure-monitor-opentelemetry makes a record with this attribute a row of customEvents; attributes must be primitives
    _log.warning(
        "alert %s: %s on %s, %s",
        "raised" if alert.open else "closed",
        alert.detector,
        alert.endpoint,
        alert.severity.label,
        extra={
            "microsoft.custom_event.name": "GatewatchAlert",
            "alertId": alert.id,
            "detector": alert.detector,
            "service": alert.endpoint.service,
            "api": alert.endpoint.api,
            "endpoint": str(alert.endpoint),
            "severity": alert.severity.label,
            "open": alert.open,
            "observed": alert.sighting.observed,
            "expected": alert.sighting.expected if alert.sighting.expected is not None else -1.0,
            "firstActivity": moment(alert.first).isoformat(),
            "lastActivity": moment(alert.last).isoformat(),
            "delaySeconds": (now - moment(alert.raised)).total_seconds(),
        },
    )


def _failure(failure: Failure) -> None:
    _log.error(
        "detector %s failed on %s: %s",
        failure.detector,
        failure.endpoint,
        failure.error,
        extra={"microsoft.custom_event.name": "GatewatchDetectorFailure", "detector": failure.detector, "error": failure.error},
    )
