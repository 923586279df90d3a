"""Group findings into alerts while they last, and alerts into incidents."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import TypeVar

from alerts.links import QUIET, Links, links_alike
from alerts.severity import weighed
from alerts.suppression import Rules
from detectors import Detector, by_id
from model import WINDOW_MINUTES, Alert, AlertKey, Endpoint, Finding, Incident, Minute, Severity, alert_id, alert_key
from windows.context import Context

REMEMBERED = 24 * 60
"""Minutes for which closed alerts and incidents are remembered: the longest refractory time."""
LISTED = 100
"""Actors, endpoints and alerts that an incident names; a campaign has more, and its numbers say so."""

Name = TypeVar("Name", str, Endpoint)


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
        self._links = Links()
        self._accused: dict[tuple[str, Minute, Minute], set[str]] = {}
        """What `accused` answered, until anything changes."""
        self._accusing: dict[str, set[AlertKey]] = {}
        """Service -> its alerts that name an actor."""
        self._accused_by = self.rules
        self._incidents: dict[str, Incident] = {incident.id: incident for incident in incidents}
        self.changed_alerts: dict[str, Alert] = {}
        self.changed_incidents: dict[str, Incident] = {}
        for alert in sorted(alerts, key=lambda alert: (alert.first, alert.id)):
            if alert.detector in self.detectors:
                self._keep(self.key(alert), alert)

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
        self._keep(key, alert)
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
        self._keep(key, alert)
        self.changed_alerts[alert.id] = alert

    def _keep(self, key: AlertKey, alert: Alert) -> None:
        before = self._alerts.get(key)
        self._alerts[key] = alert
        if before is not None and links_alike(before, alert):
            self._links.prolong(alert)
        else:
            if before is not None:
                self._links.take(key, before)
            self._links.put(key, alert)
        accusing = self._accusing.setdefault(alert.endpoint.service, set())
        (accusing.add if alert.sighting.actor else accusing.discard)(key)
        self._accused.clear()

    def _forget(self, key: AlertKey, alert: Alert) -> None:
        del self._alerts[key]
        self._links.take(key, alert)
        self._accusing[alert.endpoint.service].discard(key)
        self._accused.clear()

    def _store_incident(self, incident: Incident) -> None:
        self._incidents[incident.id] = self.changed_incidents[incident.id] = incident

    def _join(self, key: AlertKey, alert: Alert) -> None:
        """Put a new alert in the oldest incident that it belongs to; incidents that it links become one."""
        near = [self._incidents[id] for id in self._links.incidents(alert) if id in self._incidents]
        incident, *absorbed = [*sorted(near, key=lambda one: (one.first, one.id)), _alone(alert)]
        if near:
            self._store_incident(_together(incident, absorbed))
            for other in absorbed[:-1]:
                del self._incidents[other.id]
                self.changed_incidents[other.id] = replace(other, open=False, merged_into=incident.id)
                for other_key in self._links.alerts(other.id):
                    self._store(other_key, replace(self._alerts[other_key], incident=incident.id))
        else:
            self._store_incident(incident)
        self._store(key, replace(alert, incident=incident.id))

    def pass_time(self, minute: Minute) -> None:
        """Close what has been quiet, forget what is long past."""
        for key, alert in list(self._alerts.items()):
            if alert.open and minute - alert.last > QUIET:
                self._close(key, alert)
            if minute - alert.last > REMEMBERED:
                self._forget(key, self._alerts[key])
        for incident in list(self._incidents.values()):
            if incident.open and minute - incident.last > QUIET:
                self._store_incident(replace(incident, open=False))
            if minute - incident.last > REMEMBERED:
                del self._incidents[incident.id]

    def accused(self, service: str, start: Minute, end: Minute) -> set[str]:
        """The actors that an alert of this service names between these minutes, unless that was expected."""
        if self._accused_by is not self.rules:
            self._accused, self._accused_by = {}, self.rules
        known = self._accused.get((service, start, end))
        if known is None:
            known = self._accused[service, start, end] = {
                alert.sighting.actor
                for key in self._accusing.get(service, ())
                for alert in (self._alerts[key],)
                if alert.sighting.actor and alert.first < end and alert.last >= start and not self.rules.teaching(key, start, end)
            }
        return known

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


def _alone(alert: Alert) -> Incident:
    actors = (alert.sighting.actor,) if alert.sighting.actor else ()
    return Incident(alert.id, (alert.id,), alert.severity, alert.first, alert.last, actors, (alert.endpoint,), (alert.detector,))


def _together(incident: Incident, others: Sequence[Incident]) -> Incident:
    """All as one, under the name of the first."""
    every = (incident, *others)
    alerts = incident.alerts
    if len(alerts) < LISTED:
        alerts = tuple(islice(dict.fromkeys(chain.from_iterable(one.alerts for one in every)), LISTED))
    return replace(
        incident,
        alerts=alerts,
        severity=max(one.severity for one in every),
        first=min(one.first for one in every),
        last=max(one.last for one in every),
        actors=_listed(incident.actors, (one.actors for one in others)),
        endpoints=_listed(incident.endpoints, (one.endpoints for one in others)),
        detectors=tuple(sorted({name for one in every for name in one.detectors})),
        open=True,
    )


def _listed(names: tuple[Name, ...], more: Iterable[tuple[Name, ...]]) -> tuple[Name, ...]:
    """The first LISTED of all, in order. `names` are in order."""
    new: set[Name] = set(chain.from_iterable(more)).difference(names)
    if len(names) == LISTED:
        last = names[-1]
        new = {name for name in new if name < last}
    return tuple(sorted(new.union(names))[:LISTED]) if new else names
