"""Group findings into alerts while they last, and alerts into incidents."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import TypeVar

from msgspec.structs import replace

from alerts.campaign import Crowd, FoldedAlert, FoldedPage
from alerts.links import QUIET, Links, links_alike
from alerts.severity import weighed
from alerts.suppression import Rules
from detectors import Detector, by_id
from model import (
    WINDOW_MINUTES,
    Alert,
    AlertKey,
    Endpoint,
    Finding,
    Incident,
    Minute,
    Severity,
    Sighting,
    alert_id,
    alert_key,
    is_service_endpoint,
    service_endpoint,
)
from windows.context import Context

REMEMBERED = 24 * 60
"""Minutes for which closed alerts and incidents are remembered: the longest refractory time."""
LISTED = 100
"""Actors, endpoints and alerts that an incident names; a campaign has more, and its numbers say so."""

PLACES = 20
"""Endpoints that the alert of one actor names, once it was found at several."""

Name = TypeVar("Name", str, Endpoint)
Sweep = tuple[str, str, str]
"""Detector, service and actor: one actor that a detector finds at many endpoints is one matter."""


def _id(key: AlertKey, first: Minute) -> str:
    detector, endpoint, *rest = key
    return alert_id(first, detector, endpoint.id, *(part if part is not None else "\1" for part in rest))


class Grouping:
    """Open and lately closed alerts and incidents. `changed_…` hold what has to be written, by id."""

    def __init__(
        self,
        alerts: Iterable[Alert] = (),
        incidents: Iterable[Incident] = (),
        detectors: Mapping[str, Detector] | None = None,
        folded: Mapping[str, Iterable[FoldedAlert]] | None = None,
    ) -> None:
        """`folded`: campaign -> the alerts that are folded into it."""
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
        self._sweeps: dict[Sweep, AlertKey] = {}
        """The alert that tells of an actor, wherever it is found."""
        self._crowds: dict[tuple[str, str], Crowd] = {}
        """(detector, service) -> its alerts of the last hour."""
        self._traffic: dict[tuple[str, Minute], int] = {}
        for alert in sorted(alerts, key=lambda alert: (alert.first, alert.id)):
            if alert.detector in self.detectors:
                self._remember(alert, (folded or {}).get(alert.id, ()))

    def key(self, found: Finding | Alert) -> AlertKey:
        return alert_key(found, self.detectors[found.detector].key)

    def traffic(self, service: str, window: Minute, calls: int) -> None:
        """How many calls the whole service got in this window, so far."""
        self._traffic[service, window] = calls

    def add(self, finding: Finding, context: Context) -> None:
        """A finding opens an alert or updates the one that is open; within its refractory time a detector stays silent."""
        detector = self.detectors[finding.detector]
        key = self.key(finding)
        severity, formula = weighed(finding, context)
        rule = self.rules.of(key, finding.minute, finding.minute + 1) if self.rules else None
        suppressed = rule.id if rule else ""
        if not suppressed:
            key = self._told_by(key, finding)
        known = self._alerts.get(key)
        crowd = self._crowd(finding)
        campaign = self._campaign_of(crowd, finding.minute)
        if campaign is not None:
            crowd.count(finding, self._traffic.get((finding.endpoint.service, finding.window), 0))
        if known is not None and known.open and finding.minute - known.last <= QUIET:
            self._update(key, known, finding, severity, formula, suppressed)
            return
        if known is not None and known.open:
            self._close(key, known)
        if known is not None and finding.minute <= known.last:
            return  # judged before, and over since: a restart judges live windows again
        silent = REMEMBERED if severity is Severity.INFORMATIONAL else detector.refractory
        worse = known is not None and detector.watches == "sightings" and severity > known.severity is Severity.INFORMATIONAL
        if known is not None and not known.suppressed and not worse and severity < Severity.HIGH and finding.window < known.last + silent:
            return
        if campaign is not None and not suppressed and not crowd.has_room(key):
            crowd.pass_by(finding)
            self._prolong(crowd, severity, finding.minute)
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
        if suppressed:
            self._store(key, alert)
        elif campaign is not None or crowd.overflows(alert.sighting.actor, alert.last):
            self._fold(crowd, key, alert, finding)
        else:
            crowd.alone[key] = alert.last
            self._keep(key, alert)
            self._join(key, alert)

    def _told_by(self, key: AlertKey, finding: Finding) -> AlertKey:
        """The key of the alert that tells of this finding: its own; or, where its actor has an open one of this detector at another place, that one's."""
        own = self._alerts.get(key)
        actor = finding.sighting.actor
        if actor is None or (own is not None and own.open and finding.minute - own.last <= QUIET):
            return key
        swept = self._sweeps.get((finding.detector, finding.endpoint.service, actor))
        other = self._alerts.get(swept) if swept is not None else None
        if swept is None or other is None or not other.open or finding.minute - other.last > QUIET or other.suppressed:
            return key
        return swept

    # campaigns

    def _crowd(self, finding: Finding) -> Crowd:
        scope = finding.detector, finding.endpoint.service
        crowd = self._crowds.get(scope)
        if crowd is None:
            crowd = self._crowds[scope] = Crowd(*scope)
        return crowd

    def _campaign_of(self, crowd: Crowd, minute: Minute) -> Alert | None:
        """The crowd's campaign, if it goes on."""
        if crowd.campaign is None:
            return None
        campaign = self._alerts.get(crowd.campaign)
        if campaign is None or not campaign.open or minute - campaign.last > QUIET:
            self._tell(crowd)
            crowd.campaign = None
            return None
        return campaign

    def _fold(self, crowd: Crowd, key: AlertKey, alert: Alert, finding: Finding) -> None:
        """Tell it by the campaign alone, which begins with it if there is none yet."""
        campaign = self._campaign_of(crowd, alert.last)
        if campaign is None:
            members = [self._alerts[one] for one in crowd.alone if one in self._alerts]
            campaign = crowd.begin(members, alert)
            self._join(crowd.campaign or key, campaign, [one.incident for one in members])
            campaign = self._alerts[crowd.campaign or key]
        alert = replace(alert, incident=campaign.incident, folded_into=campaign.id)
        crowd.fold(key, alert)
        self._keep(key, alert)
        crowd.count(finding, self._traffic.get((finding.endpoint.service, finding.window), 0))
        self._prolong(crowd, alert.severity, alert.last)

    def _prolong(self, crowd: Crowd, severity: Severity, last: Minute) -> None:
        """Its campaign lasts as long as any alert that is folded into it."""
        campaign = self._alerts.get(crowd.campaign) if crowd.campaign is not None else None
        if crowd.campaign is None or campaign is None:
            return
        crowd.dirty = True
        if last > campaign.last or severity > campaign.severity:
            new_window = last // WINDOW_MINUTES > campaign.last // WINDOW_MINUTES
            severity, last = max(campaign.severity, severity), max(campaign.last, last)
            self._keep(crowd.campaign, replace(campaign, last=last, severity=severity, windows=campaign.windows + new_window))
            incident = self._incidents.get(campaign.incident)
            if incident is not None and (last > incident.last or severity > incident.severity):
                self._store_incident(replace(incident, last=max(last, incident.last), severity=max(severity, incident.severity)))

    def _tell(self, crowd: Crowd) -> None:
        """Bring the campaign's alert and incident up to date."""
        campaign = self._alerts.get(crowd.campaign) if crowd.campaign is not None else None
        if crowd.campaign is None or campaign is None or not crowd.dirty:
            return
        crowd.dirty = False
        told = crowd.told(campaign)
        if told != campaign or told.id not in self.changed_alerts:
            self._store(crowd.campaign, told)
        incident = self._incidents.get(told.incident)
        if incident is not None and told.campaign is not None:
            largest = incident.campaign
            if largest is None or told.campaign.actors >= largest.actors:
                actors = _listed(incident.actors, [tuple(actor for actor, _ in told.campaign.busiest)])
                self._store_incident(replace(incident, campaign=told.campaign, actors=actors))

    def _remember(self, alert: Alert, folded: Iterable[FoldedAlert]) -> None:
        """One that was stored."""
        key = self.key(alert)
        self._keep(key, alert)
        if alert.campaign is None or not alert.open:
            return
        crowd = self._crowds.setdefault((alert.detector, alert.endpoint.service), Crowd(alert.detector, alert.endpoint.service))
        folded = list(folded)
        crowd.resume(alert, folded)
        for one in folded:
            of = AlertKey(alert.detector, one.endpoint, one.status_class, one.actor, one.parameter)
            self._keep(
                of,
                Alert(
                    _id(of, one.first), alert.detector, one.endpoint, one.severity, one.first, one.last, one.first,
                    Sighting(one.observed, actor=one.actor, status_class=one.status_class, parameter=one.parameter),
                    incident=alert.incident, open=alert.open, folded_into=alert.id,
                ),
            )  # fmt: skip

    def _update(self, key: AlertKey, alert: Alert, finding: Finding, severity: Severity, formula: str, suppressed: str) -> None:
        minute = max(alert.last, finding.minute)
        new_window = finding.window > alert.last - alert.last % WINDOW_MINUTES
        of_calls = self.detectors[finding.detector].watches == "sightings"  # each call speaks for itself: the worst one decides
        explained = severity is Severity.INFORMATIONAL and not of_calls  # what looked new has been rolled out
        stronger = (severity, finding.sighting.observed) >= (alert.severity, alert.sighting.observed)
        updated = _widened(replace(alert, last=minute, windows=alert.windows + new_window, suppressed=suppressed), finding.endpoint)
        if explained or (stronger and (of_calls or alert.severity is not Severity.INFORMATIONAL)):
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
            if updated.folded_into:
                crowd = self._crowd(finding)
                if crowd.id == updated.folded_into:
                    self._prolong(crowd, updated.severity, updated.last)
                return
            if incident is None and not alert.incident:  # a rule covered it when it was raised, and does no more
                self._join(key, updated)
            elif incident is not None:
                endpoints = incident.endpoints
                if updated.places != alert.places:
                    endpoints = _listed(endpoints, [(finding.endpoint,)])
                severity = max(incident.severity, updated.severity)
                self._store_incident(replace(incident, last=max(incident.last, minute), severity=severity, endpoints=endpoints))

    def _close(self, key: AlertKey, alert: Alert) -> None:
        self._store(key, replace(alert, open=False))

    def _store(self, key: AlertKey, alert: Alert) -> None:
        self._keep(key, alert)
        if not alert.folded_into:
            self.changed_alerts[alert.id] = alert
            return
        crowd = self._crowds.get((alert.detector, alert.endpoint.service))
        if crowd is not None and crowd.id == alert.folded_into:
            crowd.update(key, alert)

    def _keep(self, key: AlertKey, alert: Alert) -> None:
        before = self._alerts.get(key)
        self._alerts[key] = alert
        if before is not None and links_alike(before, alert):
            self._links.prolong(alert)
        else:
            if before is not None:
                self._links.take(key, before)
            self._links.put(key, alert)
        if alert.sighting.actor and not alert.suppressed:
            self._sweeps[alert.detector, alert.endpoint.service, alert.sighting.actor] = key
        accusing = self._accusing.setdefault(alert.endpoint.service, set())
        (accusing.add if alert.sighting.actor else accusing.discard)(key)
        self._accused.clear()

    def _forget(self, key: AlertKey, alert: Alert) -> None:
        del self._alerts[key]
        self._links.take(key, alert)
        self._accusing[alert.endpoint.service].discard(key)
        sweep = alert.detector, alert.endpoint.service, alert.sighting.actor or ""
        if self._sweeps.get(sweep) == key:
            del self._sweeps[sweep]
        self._accused.clear()

    def _store_incident(self, incident: Incident) -> None:
        self._incidents[incident.id] = self.changed_incidents[incident.id] = incident

    def _join(self, key: AlertKey, alert: Alert, also: Iterable[str] = ()) -> None:
        """Put a new alert in the oldest incident that it belongs to; incidents that it links, and these, become one."""
        near = [self._incidents[id] for id in self._links.incidents(alert).union(also) if id in self._incidents]
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
        for service, window in [of for of in self._traffic if minute - of[1] > REMEMBERED]:
            del self._traffic[service, window]
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
        """What changed since the last drain, oldest first; take `drain_folded` then."""
        for crowd in self._crowds.values():
            self._tell(crowd)
        alerts = sorted(self.changed_alerts.values(), key=lambda alert: (alert.first, alert.id))
        incidents = sorted(self.changed_incidents.values(), key=lambda incident: (incident.first, incident.id))
        self.changed_alerts, self.changed_incidents = {}, {}
        return alerts, incidents

    def drain_folded(self) -> list[FoldedPage]:
        """The pages of folded alerts that changed."""
        return [page for _, crowd in sorted(self._crowds.items()) for page in crowd.drain()]

    @property
    def idle(self) -> bool:
        """Nothing is remembered that time could change."""
        return not self._alerts and not self._incidents


def _widened(alert: Alert, endpoint: Endpoint) -> Alert:
    """The alert, once its actor is found at this endpoint as well."""
    if alert.endpoint == endpoint or endpoint in alert.places or is_service_endpoint(endpoint) or alert.campaign is not None:
        return alert
    known = alert.places or (() if is_service_endpoint(alert.endpoint) else (alert.endpoint,))
    places = tuple(dict.fromkeys((*known, endpoint)))[:PLACES]
    return replace(alert, endpoint=service_endpoint(endpoint.service), places=places)


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
        campaign=max((one.campaign for one in every if one.campaign is not None), key=lambda one: one.actors, default=None),
        open=True,
    )


def _listed(names: tuple[Name, ...], more: Iterable[tuple[Name, ...]]) -> tuple[Name, ...]:
    """The first LISTED of all, in order. `names` are in order."""
    new: set[Name] = set(chain.from_iterable(more)).difference(names)
    if len(names) == LISTED:
        last = names[-1]
        new = {name for name in new if name < last}
    return tuple(sorted(new.union(names))[:LISTED]) if new else names
