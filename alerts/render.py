"""An alert in words: the shape of Microsoft.Security/alerts (REST 2022-01-01), so that rules written for Defender for APIs keep working."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from alerts.own import BREACH as BREACH
from alerts.own import EVENTS, OWN
from detectors import Detector, by_id
from model import WINDOW_MINUTES, Alert, Campaign, Endpoint, Minute, is_bucket, is_service_endpoint, iso_utc, moment

VERSION = "2022-01-01"
EVERYONE = "Aggregate User Population (All IPs)"
IDENTITIES = ("subscription", "user", "subject")
HIDDEN = "(a client; see the alert)"
OWASP_2019 = {
    "API1": "API1:2019 Broken Object Level Authorization",
    "API2": "API2:2019 Broken User Authentication",
    "API3": "API3:2019 Excessive Data Exposure",
    "API4": "API4:2019 Lack of Resources & Rate Limiting",
    "API5": "API5:2019 Broken Function Level Authorization",
    "API6": "API6:2019 Mass Assignment",
    "API7": "API7:2019 Security Misconfiguration",
    "API8": "API8:2019 Injection",
    "API9": "API9:2019 Improper Assets Management",
    "API10": "API10:2019 Insufficient Logging & Monitoring",
}
OWASP_2023 = {
    "API1": "API1:2023 Broken Object Level Authorization",
    "API2": "API2:2023 Broken Authentication",
    "API3": "API3:2023 Broken Object Property Level Authorization",
    "API4": "API4:2023 Unrestricted Resource Consumption",
    "API5": "API5:2023 Broken Function Level Authorization",
    "API6": "API6:2023 Unrestricted Access to Sensitive Business Flows",
    "API7": "API7:2023 Server Side Request Forgery",
    "API8": "API8:2023 Security Misconfiguration",
    "API9": "API9:2023 Improper Inventory Management",
    "API10": "API10:2023 Unsafe Consumption of APIs",
}


class Gateway(NamedTuple):
    """Where the gateway is: its ARM resource id, and the base URL that its endpoints are shown under. Empty where it is not known."""

    resource_id: str = ""
    base_url: str = ""

    @property
    def subscription(self) -> str:
        parts = self.resource_id.split("/")
        return parts[2] if len(parts) > 2 and parts[1].lower() == "subscriptions" else ""


class Point(NamedTuple):
    """One window of the picture that goes with an alert: what everyone together did, from where to where that is usual, and what must not be exceeded, by
    the accused where the alert accuses one. `actor`: what the accused did; None where that is not known (yet)."""

    window: Minute
    observed: float
    expected: float | None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    actor: float | None = None


UNKNOWN_GATEWAY = Gateway()


def gateway_of(alert: Alert, gateway: str) -> Gateway:
    """Where the alert's API Management service is, if it is the one of this ARM resource id."""
    return Gateway(gateway) if gateway.rpartition("/")[2].casefold() == alert.endpoint.service.casefold() != "" else UNKNOWN_GATEWAY


def render(
    alert: Alert,
    gateway: Gateway = UNKNOWN_GATEWAY,
    *,
    status: str | None = None,
    actors: bool = True,
    series: Sequence[Point] = (),
    site: str = "",
    country: str = "",
    detectors: Mapping[str, Detector] | None = None,
) -> dict[str, Any]:
    """The alert as a JSON-ready object. `status` is the analysts' (Active, InProgress, Resolved, Dismissed); without one it is Active, whether it lasts or
    not, for no one has looked at it. `actors` False leaves out IPs and identities: for telemetry. `site`: origin of the page that the alert links to.
    `country`: two letters of where the accused address is registered. KeyError on an unknown detector.
    """
    detector = OWN.get(alert.detector) or (by_id() if detectors is None else detectors)[alert.detector]
    resource = _resource(alert, gateway)
    techniques = [technique for technique in detector.techniques if "." not in technique]
    return {
        "id": f"{gateway.resource_id}/providers/Microsoft.Security/alerts/{alert.id}",
        "name": alert.id,
        "type": "Microsoft.Security/Locations/alerts",
        "properties": {
            "version": VERSION,
            "alertType": detector.alert_type or detector.id,
            "systemAlertId": alert.id,
            "productComponentName": "APIs",
            "alertDisplayName": f"Campaign: {detector.title}" if alert.campaign is not None else detector.title,
            "description": f"{detector.sees} {event_of_interest(alert, actors=actors)}",
            "severity": alert.severity.label,
            "intent": detector.tactic,
            "startTimeUtc": utc(alert.first),
            "endTimeUtc": utc(alert.last + 1),
            "timeGeneratedUtc": utc(alert.raised + 1),
            "processingEndTimeUtc": utc(alert.raised + 1),
            "resourceIdentifiers": [{"type": "AzureResource", "azureResourceId": resource}],
            "remediationSteps": list(detector.remediation),
            "vendorName": "Gatewatch",
            "productName": "Gatewatch",
            "status": status or "Active",
            "extendedLinks": [],
            "alertUri": f"{site}/ui/alerts/{alert.id}" if site else "",
            "entities": _entities(alert, resource, actors, country),
            "isIncident": False,
            "correlationKey": alert.incident,
            "compromisedEntity": called(alert.endpoint),
            "techniques": sorted({*techniques, *(technique.partition(".")[0] for technique in detector.techniques)}),
            "subTechniques": [technique for technique in detector.techniques if "." in technique],
            "extendedProperties": _properties(alert, detector, gateway, resource, actors),
            "supportingEvidence": {**_numbers(alert), **(_picture(alert, series, actors) if series else {})},
        },
    }


def _numbers(alert: Alert) -> dict[str, Any]:
    """What the sentences say, as numbers; None for what was not measured."""
    sighting = alert.sighting
    above = (sighting.observed - sighting.mean) / sighting.deviation if sighting.mean is not None and sighting.deviation else None
    return {
        "type": "numbers",
        "observed": sighting.observed,
        "expected": sighting.expected,
        "threshold": sighting.threshold,
        "unit": sighting.unit,
        "mean": sighting.mean,
        "standardDeviation": sighting.deviation,
        "standardDeviations": round(above, 2) if above is not None else None,
        "timesExpected": round(sighting.observed / sighting.expected, 2) if sighting.expected else None,
        "judged": "actor" if sighting.actor else "everyone",
        "baselineDays": alert.baseline_days,
        "windows": alert.windows,
    }


def _picture(alert: Alert, series: Sequence[Point], actors: bool) -> dict[str, Any]:
    def described(point: Point) -> dict[str, Any]:
        everyone = {"start": utc(point.window), "observed": point.observed, "expected": point.expected}
        own = {"actor": point.actor} if actors and alert.sighting.actor else {}
        return {**everyone, "low": point.low, "high": point.high, "limit": point.limit, **own}

    return {
        "type": "series",
        "series": series_name(alert) or "",
        "window": f"PT{WINDOW_MINUTES}M",
        "points": [described(point) for point in series],
    }


def event_of_interest(alert: Alert, *, actors: bool = True) -> str:
    """What happened, in one sentence."""
    sighting = alert.sighting
    if alert.detector in OWN:
        return f"{_number(sighting.observed)} {sighting.unit} {EVENTS[alert.detector]}."
    if alert.campaign is not None:
        return _campaign_in_words(alert)
    by = f"by {sighting.actor if actors else HIDDEN}" if sighting.actor else "by all callers together"
    where = "the API" if is_service_endpoint(alert.endpoint) else str(alert.endpoint)
    answered = f" answered {sighting.status_class.upper()}" if sighting.status_class else ""
    parameter = f", parameter {sighting.parameter}" if sighting.parameter else ""
    return f"{_number(sighting.observed)} {sighting.unit}{answered} within {WINDOW_MINUTES} minutes {by} at {where}{parameter}."


def _campaign_in_words(alert: Alert) -> str:
    """Many actors or places, one cause, in one sentence."""
    campaign = alert.campaign or Campaign()
    where = "the API" if is_service_endpoint(alert.endpoint) else str(alert.endpoint)
    share = f", {campaign.share:.0%} of all calls to the service in that time" if campaign.share else ""
    who = f"{campaign.actors:,} actors" if campaign.actors else "nobody in particular"
    return f"A campaign: {who} were found at {where} within the hour, and {campaign.folded:,} alerts are told by this one{share}."


def campaign_of(campaign: Campaign, *, actors: bool = True) -> dict[str, Any]:
    """A campaign as JSON. `actors` False leaves out who it was."""
    return {
        "actors": campaign.actors,
        "folded": campaign.folded,
        "calls": campaign.calls,
        "share": campaign.share,
        "busiest": [{"actor": actor if actors else HIDDEN, "calls": n} for actor, n in campaign.busiest],
        "networks": [{"network": network, "actors": n} for network, n in campaign.networks] if actors else [],
    }


def historical_behaviour(alert: Alert) -> str:
    """What is usual, in the words that analysts know, and at this hour."""
    sighting, days = alert.sighting, alert.baseline_days
    parts = []
    if sighting.mean is not None:
        parts.append(
            f"Over {_days(days)} the mean of a {WINDOW_MINUTES}-minute window was {sighting.mean:.2f} {sighting.unit} "
            f"with a standard deviation of {sighting.deviation or 0.0:.2f}."
        )
        if sighting.expected is not None:
            parts.append(f"At this hour {sighting.expected:.1f} are expected.")
    elif sighting.expected is not None:
        parts.append(f"Over {_days(days)} the usual was {_number(sighting.expected)} {sighting.unit}.")
    if not parts:
        if sighting.threshold is not None:
            return f"No usual is known to compare with; {_number(sighting.threshold)} {sighting.unit} are tolerated."
        return "This is judged call by call; it needs no history."
    if days < 14:
        parts.append("The baseline is young.")
    return " ".join(parts)


def deviation(alert: Alert) -> str:
    """How far from the usual."""
    sighting = alert.sighting
    parts = []
    if sighting.mean is not None and sighting.deviation:
        parts.append(f"{(sighting.observed - sighting.mean) / sighting.deviation:.1f} standard deviations above the mean")
    if sighting.expected:
        parts.append(f"{sighting.observed / sighting.expected:.1f} times the expected")
    elif sighting.expected == 0:
        parts.append("never seen before")
    return "; ".join(parts) or "not measured"


def silent_if(alert: Alert) -> str:
    """What would have kept the detector silent."""
    sighting = alert.sighting
    if alert.detector in OWN:
        return ""
    if sighting.threshold is None:
        return "the detector were off for this endpoint, or the caller were on the allow-list"
    return f"not more than {_number(sighting.threshold)} {sighting.unit} had been counted"


def _properties(alert: Alert, detector: Detector, gateway: Gateway, resource: str, actors: bool) -> dict[str, str]:
    sighting = alert.sighting
    actor = EVERYONE if sighting.actor is None else sighting.actor if actors else HIDDEN
    spike = "(Spike) " if detector.tactic == "Impact" and sighting.unit == "calls" else ""
    found = {
        "Detection Team": "Gatewatch",
        "Detected by": "Gatewatch",
        "ResourceId": resource,
        "SubscriptionId": gateway.subscription,
        "Url": "" if is_service_endpoint(alert.endpoint) else f"{gateway.base_url}{alert.endpoint.template}",
        "Api Endpoint": called(alert.endpoint),
        "Actor" if sighting.actor is None or _identity(sighting.actor) else "Actor (Client IP)": actor,
        "Event of Interest": spike + event_of_interest(alert, actors=actors),
        "Historical Behavior": historical_behaviour(alert),
        "Deviation from Historical Behavior": deviation(alert),
        "Potential causes": detector.causes,
        "Observed Status Codes": ", ".join(f"{status} ({n})" for status, n in sorted(alert.statuses.items())),
        "Baseline age": _days(alert.baseline_days),
        "Expected at this hour": "" if sighting.expected is None else _number(sighting.expected),
        "Would have stayed silent if": silent_if(alert),
        "Severity": alert.formula,
        "Windows": str(alert.windows),
        "OWASP API Security Top 10 2019": ", ".join(OWASP_2019[name] for name in detector.owasp_2019),
        "OWASP API Security Top 10 2023": ", ".join(OWASP_2023[name] for name in detector.owasp_2023),
        "Gatewatch Detector": detector.id,
    }
    if sighting.unit == "calls":
        found[f"Spike (Number of API calls in {WINDOW_MINUTES} minutes)"] = _number(sighting.observed)
    if sighting.parameter:
        found["Parameter of Interest"] = sighting.parameter
    if alert.places:
        found["Endpoints"] = ", ".join(map(str, alert.places))
    if alert.campaign is not None and actors:
        found["Busiest"] = ", ".join(f"{actor} ({n})" for actor, n in alert.campaign.busiest)
        found["Networks"] = ", ".join(f"{network} ({n})" for network, n in alert.campaign.networks)
    found.update({name[:1].upper() + name[1:]: str(value) for name, value in sighting.evidence.items()})
    return {name: value for name, value in found.items() if value}


def _entities(alert: Alert, resource: str, actors: bool, country: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"$id": "1", "resourceId": resource, "type": "azure-resource"}]
    actor = alert.sighting.actor
    if actor and actors:
        if _identity(actor):
            kind, _, name = actor.partition(":")
            found.append({"$id": "2", "name": name, "kind": kind, "type": "account"})
        else:
            location = {"location": {"countryCode": country}} if country else {}
            found.append({"$id": "2", "address": actor, **location, "type": "ip"})
    return found


def _identity(actor: str) -> bool:
    return actor.partition(":")[0] in IDENTITIES


def _resource(alert: Alert, gateway: Gateway) -> str:
    service = gateway.resource_id or f"apim:{alert.endpoint.service}"
    return service if is_service_endpoint(alert.endpoint) or not alert.endpoint.api else f"{service}/apis/{alert.endpoint.api}"


def called(endpoint: Endpoint) -> str:
    """An endpoint in words."""
    if is_service_endpoint(endpoint):
        return f"all endpoints of {endpoint.service}"
    return f"paths of {endpoint.api or endpoint.service} that no operation describes" if is_bucket(endpoint) else str(endpoint)


def utc(minute: Minute) -> str:
    """ "2026-03-04T12:00:00Z"."""
    return iso_utc(moment(minute))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"


def _days(days: int) -> str:
    return f"{days} day" if days == 1 else f"{days} days"


def series_name(alert: Alert) -> str | None:
    """The series of records and baselines that shows this alert: "2xx", "auth", "distinct:path:id"; None where there is none to draw."""
    sighting, detector = alert.sighting, by_id().get(alert.detector)
    if detector is not None and detector.taints:
        return detector.taints.format(status_class=sighting.status_class, parameter=sighting.parameter)
    if sighting.parameter and sighting.unit.startswith("distinct values"):
        return f"distinct:{sighting.parameter}"
    return sighting.status_class
