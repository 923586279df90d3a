"""Group findings into alerts while they last, and alerts into incidents."""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from alerts.campaign import Crowd, Folded, FoldedAlert, FoldedPage
from alerts.incidents import alone, listed, together
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
    campaign_key,
    is_service_endpoint,
    service_endpoint,
)
from windows.context import Context

REMEMBERED = 24 * 60
"""Minutes for which closed alerts and incidents are remembered: the longest refractory time."""
PLACES = 20
"""Endpoints that the alert of one actor names, once it was found at several."""

Sweep = tuple[str, str, str]
"""Detector, service and actor: one actor that a detector finds at many endpoints is one matter."""


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
        self._alerts: dict[AlertKey, Alert | Folded] = {}
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
        key = alert_key(finding, detector.key)
        severity, formula = weighed(finding, context)
        rule = self.rules.of(key, finding.minute, finding.minute + 1) if self.rules else None
        suppressed = rule.id if rule else ""
        known = self._alerts.get(key)
        if not suppressed and (known is None or not known.open or finding.minute - known.last > QUIET):
            key, known = self._told_by(key, known, finding)
        crowd = self._crowd(finding)
        campaign = self._campaign_of(crowd, finding.minute)
        if campaign is not None:
            crowd.count(finding, self._traffic.get((finding.endpoint.service, finding.window), 0))
        if known is not None and known.open and finding.minute - known.last <= QUIET:
            if isinstance(known, Folded):
                is_new = self._go_on(crowd, key, known, finding, severity, formula, suppressed)
                if is_new and campaign is not None and campaign.id == known.folded_into and not suppressed:
                    self._prolong(crowd, campaign, known.severity, known.last)
            else:
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
            self._prolong(crowd, campaign, severity, finding.minute)
        elif not suppressed and (campaign is not None or crowd.overflows(finding.sighting.actor, finding.minute)):
            self._fold(crowd, campaign, key, finding, severity, formula)
        else:
            alert = _raised(key, finding, severity, formula, suppressed)
            if suppressed:
                self._store(key, alert)
            else:
                crowd.alone[key] = alert.last
                self._keep(key, alert)
                self._join(key, alert)

    def _told_by(self, key: AlertKey, known: Alert | Folded | None, finding: Finding) -> tuple[AlertKey, Alert | Folded | None]:
        """The alert that tells of a finding whose own is not there or over: where its actor has an open one of this detector at another place, that one."""
        actor = finding.sighting.actor
        if actor is not None:
            swept = self._sweeps.get((finding.detector, finding.endpoint.service, actor))
            other = self._alerts.get(swept) if swept is not None else None
            if swept is not None and other is not None and other.open and finding.minute - other.last <= QUIET and not other.suppressed:
                return swept, other
        return key, known

    # campaigns

    def _crowd(self, finding: Finding) -> Crowd:
        scope = finding.detector, finding.endpoint.service
        crowd = self._crowds.get(scope)
        if crowd is None:
            crowd = self._crowds[scope] = Crowd(*scope)
        return crowd

    def _campaign(self, crowd: Crowd) -> Alert | None:
        """The alert that tells it, be it over or not."""
        found = self._alerts.get(crowd.campaign) if crowd.campaign is not None else None
        return found if isinstance(found, Alert) else None

    def _campaign_of(self, crowd: Crowd, minute: Minute) -> Alert | None:
        """The crowd's campaign, if it goes on."""
        if crowd.campaign is None:
            return None
        campaign = self._campaign(crowd)
        if campaign is None or not campaign.open or minute - campaign.last > QUIET:
            self._tell(crowd)
            crowd.campaign = None
            return None
        return campaign

    def _fold(self, crowd: Crowd, campaign: Alert | None, key: AlertKey, finding: Finding, severity: Severity, formula: str) -> None:
        """Tell it by the campaign alone, which begins with it if there is none yet."""
        folded = Folded(
            finding.detector, finding.endpoint, severity, finding.window, finding.minute, finding.sighting,
            statuses=finding.statuses, baseline_days=finding.baseline_days, formula=formula,
        )  # fmt: skip
        if campaign is None:
            members = [self._alerts[one] for one in crowd.alone if one in self._alerts]
            began = crowd.begin(members, folded)
            self._end_campaign(began)
            self._join(campaign_key(began), began, [one.incident for one in members])
            campaign = self._campaign(crowd)
            assert campaign is not None
        folded.incident, folded.folded_into = campaign.incident, campaign.id
        crowd.fold(key, folded)
        self._keep(key, folded)
        crowd.count(finding, self._traffic.get((finding.endpoint.service, finding.window), 0))
        self._prolong(crowd, campaign, severity, finding.minute)

    def _end_campaign(self, new: Alert) -> None:
        """Close the one whose place a new one takes: it was quiet for long enough, and `pass_time` has not come by yet."""
        key = campaign_key(new)
        old = self._alerts.get(key)
        if old is not None and old.open and isinstance(old, Alert) and old.id != new.id:
            self._close(key, old)

    def _go_on(
        self, crowd: Crowd, key: AlertKey, folded: Folded, finding: Finding, severity: Severity, formula: str, suppressed: str
    ) -> bool:
        """A folded alert is found again: what `_update` does, in place. Whether anything is new."""
        before = sighting = folded.sighting
        replaces = self._replaces(folded, finding, severity)
        if replaces:
            sighting = finding.sighting if finding.sighting.actor == before.actor else replace(finding.sighting, actor=None)
        places = _widened(folded, finding.endpoint)
        is_later, moves = finding.minute > folded.last, places is not None or sighting.actor != before.actor
        shown = severity, formula, sighting, finding.statuses, finding.baseline_days
        if not (is_later or moves or suppressed != folded.suppressed or (replaces and shown != folded.shown)):
            return False
        is_told = is_later or (places is not None and not is_service_endpoint(folded.endpoint)) or _told(sighting) != _told(before)
        is_told = is_told or (replaces and severity != folded.severity)
        if moves:
            self._links.take(key, folded)
        if places is not None:
            folded.endpoint, folded.places = service_endpoint(finding.endpoint.service), places
        if replaces:
            folded.severity, folded.formula, folded.sighting, folded.statuses, folded.baseline_days = shown
        if is_later:
            folded.last = finding.minute
        folded.suppressed = suppressed
        if moves:
            self._links.put(key, folded)
        else:
            folded.prolong_links()
        self._went_on(crowd, key, folded, is_told=is_told)
        return True

    def _went_on(self, crowd: Crowd | None, key: AlertKey, folded: Folded, *, is_told: bool) -> None:
        """A folded alert has changed in place. `is_told`: so that its row says something else."""
        self._accuse(key, folded)
        if crowd is not None and crowd.id == folded.folded_into:
            crowd.update(key, folded, is_told=is_told)

    def _prolong(self, crowd: Crowd, campaign: Alert, severity: Severity, last: Minute) -> None:
        """A campaign lasts as long as any alert that is folded into it."""
        crowd.dirty = True
        if last > campaign.last or severity > campaign.severity:
            new_window = last // WINDOW_MINUTES > campaign.last // WINDOW_MINUTES
            severity, last = max(campaign.severity, severity), max(campaign.last, last)
            self._keep(campaign_key(campaign), replace(campaign, last=last, severity=severity, windows=campaign.windows + new_window))
            incident = self._incidents.get(campaign.incident)
            if incident is not None and (last > incident.last or severity > incident.severity):
                self._store_incident(replace(incident, last=max(last, incident.last), severity=max(severity, incident.severity)))

    def _tell(self, crowd: Crowd) -> None:
        """Bring the campaign's alert and incident up to date."""
        campaign = self._campaign(crowd)
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
                actors = listed(incident.actors, [tuple(actor for actor, _ in told.campaign.busiest)])
                self._store_incident(replace(incident, campaign=told.campaign, actors=actors))

    def _remember(self, alert: Alert, folded: Iterable[FoldedAlert]) -> None:
        """One that was stored."""
        key = self.key(alert)
        if alert.campaign is not None:
            self._end_campaign(alert)
        self._keep(key, alert)
        if alert.campaign is None or not alert.open:
            return
        crowd = self._crowds.setdefault((alert.detector, alert.endpoint.service), Crowd(alert.detector, alert.endpoint.service))
        for of, one in crowd.resume(alert, folded):
            self._keep(of, one)

    def _update(self, key: AlertKey, alert: Alert, finding: Finding, severity: Severity, formula: str, suppressed: str) -> None:
        minute = max(alert.last, finding.minute)
        new_window = finding.window > alert.last - alert.last % WINDOW_MINUTES
        updated = replace(alert, last=minute, windows=alert.windows + new_window, suppressed=suppressed)
        places = None if alert.campaign is not None else _widened(alert, finding.endpoint)
        if places is not None:
            updated = replace(updated, endpoint=service_endpoint(finding.endpoint.service), places=places)
        if self._replaces(alert, finding, severity):
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
                endpoints = incident.endpoints
                if updated.places != alert.places:
                    endpoints = listed(endpoints, [(finding.endpoint,)])
                severity = max(incident.severity, updated.severity)
                self._store_incident(replace(incident, last=max(incident.last, minute), severity=severity, endpoints=endpoints))

    def _replaces(self, alert: Alert | Folded, finding: Finding, severity: Severity) -> bool:
        """Whether the evidence of this finding takes the place of what the alert shows."""
        of_calls = self.detectors[finding.detector].watches == "sightings"  # each call speaks for itself: the worst one decides
        if severity is Severity.INFORMATIONAL and not of_calls:
            return True  # what looked new has been rolled out
        stronger = (severity, finding.sighting.observed) >= (alert.severity, alert.sighting.observed)
        return stronger and (of_calls or alert.severity is not Severity.INFORMATIONAL)

    def _close(self, key: AlertKey, alert: Alert | Folded) -> None:
        if isinstance(alert, Folded):
            alert.open = False
            self._went_on(self._crowds.get((alert.detector, alert.endpoint.service)), key, alert, is_told=False)
        else:
            self._store(key, replace(alert, open=False))

    def _store(self, key: AlertKey, alert: Alert) -> None:
        self._keep(key, alert)
        self.changed_alerts[alert.id] = alert

    def _keep(self, key: AlertKey, alert: Alert | Folded) -> None:
        before = self._alerts.get(key)
        self._alerts[key] = alert
        if before is not None and links_alike(before, alert):
            self._links.prolong(alert)
        else:
            if before is not None:
                self._links.take(key, before)
            self._links.put(key, alert)
        self._accuse(key, alert)

    def _accuse(self, key: AlertKey, alert: Alert | Folded) -> None:
        actor, service = alert.sighting.actor, alert.endpoint.service
        if actor and not alert.suppressed:
            self._sweeps[alert.detector, service, actor] = key
        accusing = self._accusing.get(service)
        if accusing is None:
            accusing = self._accusing[service] = set()
        (accusing.add if actor else accusing.discard)(key)
        self._accused.clear()

    def _forget(self, key: AlertKey, alert: Alert | Folded) -> None:
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
        incident, *absorbed = [*sorted(near, key=lambda one: (one.first, one.id)), alone(alert)]
        if near:
            self._store_incident(together(incident, absorbed))
            for other in absorbed[:-1]:
                del self._incidents[other.id]
                self.changed_incidents[other.id] = replace(other, open=False, merged_into=incident.id)
                for other_key in self._links.alerts(other.id):
                    self._move(other_key, self._alerts[other_key], incident.id)
        else:
            self._store_incident(incident)
        self._store(key, replace(alert, incident=incident.id))

    def _move(self, key: AlertKey, alert: Alert | Folded, incident: str) -> None:
        """To another incident, into which its own went."""
        if isinstance(alert, Folded):
            self._links.take(key, alert)
            alert.incident = incident
            self._links.put(key, alert)
            self._went_on(self._crowds.get((alert.detector, alert.endpoint.service)), key, alert, is_told=False)
        else:
            self._store(key, replace(alert, incident=incident))

    def pass_time(self, minute: Minute) -> None:
        """Close what has been quiet, forget what is long past."""
        for key, alert in list(self._alerts.items()):
            if alert.open and minute - alert.last > QUIET:
                if isinstance(alert, Alert) and alert.campaign is not None:
                    self._tell(self._crowds[alert.detector, alert.endpoint.service])  # a step can be so long that it is forgotten in it
                self._close(key, self._alerts[key])
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


def _raised(key: AlertKey, finding: Finding, severity: Severity, formula: str, suppressed: str) -> Alert:
    detector, endpoint, *rest = key
    return Alert(
        alert_id(finding.window, detector, endpoint.id, *(part if part is not None else "\1" for part in rest)),
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


def _widened(alert: Alert | Folded, endpoint: Endpoint) -> tuple[Endpoint, ...] | None:
    """The places of an alert whose actor is found at one more endpoint; None where that is none."""
    if alert.endpoint == endpoint or endpoint in alert.places or is_service_endpoint(endpoint):
        return None
    known = alert.places or (() if is_service_endpoint(alert.endpoint) else (alert.endpoint,))
    return (*known, endpoint) if len(known) < PLACES else None


def _told(sighting: Sighting) -> tuple[float, str | None, str | None, str | None]:
    """What the row of a folded alert says of it."""
    return sighting.observed, sighting.actor, sighting.status_class, sighting.parameter
