"""Group findings into alerts while they last, and alerts into incidents."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from alerts.severity import weighed
from alerts.suppression import Rules
from detectors import Detector, by_id
from model import WINDOW_MINUTES, Alert, AlertKey, Finding, Incident, Minute, Severity, alert_id, alert_key, is_service_endpoint
from windows.context import Context

QUIET = 60
"""Minutes without a finding after which an alert closes; an incident too."""
REMEMBERED = 24 * 60
"""Minutes for which closed alerts and incidents are remembered: the longest refractory time."""
TOGETHER = ("API_SpikeInLatency", "API_PopulationSpikeInAPITraffic")
"""Endpoints of one service that are slow, or flooded by everyone, at the same time are one matter."""
LISTED = 100
"""Actors, endpoints and alerts that an incident names; a campaign has more, and its numbers say so."""


def _id(key: AlertKey, first: Minute) -> str:
    detector, endpoint, *rest = key
    return alert_id(first, detector, endpoint.id, *(part if part is not None else "\1" for part in rest))


class Grouping:
    """Open and lately closed alerts and incidents. `changed_…` hold what has to be written, by id."""

    def __init__(
        self, alerts: Iterable[Alert] = (), incidents: Iterable[Incident] = (), detectors: Mapping[str, Detector] | None = None
    ) -> None:
        self.detectors = by_id() if detectors is None else detectors
        self.rules = Rules()
        self._alerts: dict[AlertKey, Alert] = {}
        self._incidents: dict[str, Incident] = {incident.id: incident for incident in incidents}
        self.changed_alerts: dict[str, Alert] = {}
        self.changed_incidents: dict[str, Incident] = {}
        for alert in sorted(alerts, key=lambda alert: (alert.first, alert.id)):
            if alert.detector in self.detectors:
                self._alerts[self.key(alert)] = alert

    def key(self, found: Finding | Alert) -> AlertKey:
        return alert_key(found, self.detectors[found.detector].key)

    def add(self, finding: Finding, context: Context) -> None:
        """A finding opens an alert or updates the one that is open; within its refractory time a detector stays silent."""
        detector = self.detectors[finding.detector]
        key = self.key(finding)
        severity, formula = weighed(finding, context)
        rule = self.rules.of(key, finding.minute, finding.minute + 1) if self.rules else None
        suppressed = rule.id if rule else ""
        known = self._alerts.get(key)
        if known is not None and known.open and finding.minute - known.last <= QUIET:
            self._update(key, known, finding, severity, formula, suppressed)
            return
        if known is not None and known.open:
            self._close(key, known)
        if known is not None and finding.minute <= known.last:
            return  # judged before, and over since: a restart judges live windows again
        silent = REMEMBERED if severity is Severity.INFORMATIONAL else detector.refractory
        if known is not None and not known.suppressed and severity < Severity.HIGH and finding.window < known.last + silent:
            return
        alert = Alert(
            _id(key, finding.window),
            finding.detector,
            finding.endpoint,
            severity,
            finding.window,
            finding.minute,
            finding.minute,
            finding.sighting,
            finding.statuses,
            finding.baseline_days,
            formula=formula,
            suppressed=suppressed,
        )
        self._alerts[key] = alert
        if suppressed:
            self._store(key, alert)
        else:
            self._join(key, alert)

    def _update(self, key: AlertKey, alert: Alert, finding: Finding, severity: Severity, formula: str, suppressed: str) -> None:
        minute = max(alert.last, finding.minute)
        new_window = finding.window > alert.last - alert.last % WINDOW_MINUTES
        explained = severity is Severity.INFORMATIONAL  # what looked new has been rolled out
        stronger = (severity, finding.sighting.observed) >= (alert.severity, alert.sighting.observed)
        updated = replace(alert, last=minute, windows=alert.windows + new_window, suppressed=suppressed)
        if explained or (stronger and alert.severity is not Severity.INFORMATIONAL):
            sighting = finding.sighting
            if sighting.actor != alert.sighting.actor:
                sighting = replace(sighting, actor=None)
            updated = replace(
                updated,
                severity=severity,
                formula=formula,
                sighting=sighting,
                statuses=finding.statuses,
                baseline_days=finding.baseline_days,
            )
        if updated != alert:
            self._store(key, updated)
            incident = self._incidents.get(alert.incident)
            if suppressed:
                return
            if incident is None and not alert.incident:  # a rule covered it when it was raised, and does no more
                self._join(key, updated)
            elif incident is not None:
                self._store_incident(replace(incident, last=max(incident.last, minute), severity=max(incident.severity, updated.severity)))

    def _close(self, key: AlertKey, alert: Alert) -> None:
        self._store(key, replace(alert, open=False))

    def _store(self, key: AlertKey, alert: Alert) -> None:
        self._alerts[key] = self.changed_alerts[alert.id] = alert

    def _store_incident(self, incident: Incident) -> None:
        self._incidents[incident.id] = self.changed_incidents[incident.id] = incident

    def _join(self, key: AlertKey, alert: Alert) -> None:
        """Put a new alert in the oldest incident that it belongs to; incidents that it links become one."""
        linked = sorted(
            {
                other.incident
                for other in self._alerts.values()
                if other.incident and other.id != alert.id and alert.first - other.last <= QUIET and related(alert, other)
            },
            key=lambda id: (self._incidents[id].first, id) if id in self._incidents else (alert.first, id),
        )
        linked = [id for id in linked if id in self._incidents]
        if not linked:
            incident = Incident(
                alert.id, (alert.id,), alert.severity, alert.first, alert.last, _actors((alert,)), (alert.endpoint,), (alert.detector,)
            )
        else:
            incident = self._incidents[linked[0]]
            for absorbed in linked[1:]:
                other = self._incidents.pop(absorbed)
                self.changed_incidents[absorbed] = replace(other, open=False, merged_into=incident.id)
                incident = _both(incident, other)
                for other_key, one in list(self._alerts.items()):
                    if one.incident == absorbed:
                        self._store(other_key, replace(one, incident=incident.id))
            incident = _both(
                incident,
                Incident(
                    alert.id, (alert.id,), alert.severity, alert.first, alert.last, _actors((alert,)), (alert.endpoint,), (alert.detector,)
                ),
            )
        self._store_incident(incident)
        self._store(key, replace(alert, incident=incident.id))

    def pass_time(self, minute: Minute) -> None:
        """Close what has been quiet, forget what is long past."""
        for key, alert in list(self._alerts.items()):
            if alert.open and minute - alert.last > QUIET:
                self._close(key, alert)
            if minute - alert.last > REMEMBERED:
                del self._alerts[key]
        for incident in list(self._incidents.values()):
            if incident.open and minute - incident.last > QUIET:
                self._store_incident(replace(incident, open=False))
            if minute - incident.last > REMEMBERED:
                del self._incidents[incident.id]

    def accused(self, service: str, start: Minute, end: Minute) -> set[str]:
        """The actors that an alert of this service names between these minutes, unless that was expected."""
        return {
            alert.sighting.actor
            for key, alert in self._alerts.items()
            if alert.sighting.actor
            and alert.first < end
            and alert.last >= start
            and alert.endpoint.service == service
            and not self.rules.teaching(key, start, end)
        }

    def drain(self) -> tuple[list[Alert], list[Incident]]:
        """What changed since the last drain, oldest first."""
        alerts = sorted(self.changed_alerts.values(), key=lambda alert: (alert.first, alert.id))
        incidents = sorted(self.changed_incidents.values(), key=lambda incident: (incident.first, incident.id))
        self.changed_alerts, self.changed_incidents = {}, {}
        return alerts, incidents

    @property
    def idle(self) -> bool:
        """Nothing is remembered that time could change."""
        return not self._alerts and not self._incidents


def related(one: Alert, other: Alert) -> bool:
    """Whether two alerts belong together: one actor; or one endpoint, unless both name different actors."""
    a, b = one.sighting.actor, other.sighting.actor
    if a and b:
        return a == b
    if one.detector == other.detector and one.detector in TOGETHER and one.endpoint.service == other.endpoint.service:
        return True
    return one.endpoint == other.endpoint and not is_service_endpoint(one.endpoint)


def _actors(alerts: Iterable[Alert]) -> tuple[str, ...]:
    return tuple(sorted({alert.sighting.actor for alert in alerts if alert.sighting.actor}))[:LISTED]


def _both(a: Incident, b: Incident) -> Incident:
    return replace(
        a,
        alerts=tuple(dict.fromkeys((*a.alerts, *b.alerts)))[:LISTED],
        severity=max(a.severity, b.severity),
        first=min(a.first, b.first),
        last=max(a.last, b.last),
        actors=tuple(sorted({*a.actors, *b.actors}))[:LISTED],
        endpoints=tuple(sorted({*a.endpoints, *b.endpoints}))[:LISTED],
        detectors=tuple(sorted({*a.detectors, *b.detectors})),
        open=True,
    )
