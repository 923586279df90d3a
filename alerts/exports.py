"""An alert in the forms that other systems read: Microsoft Defender for Cloud JSON, OCSF Detection Finding, CEF.

What comes in is one alert twice: as `alerts.render.render` writes it, in the shape of Microsoft.Security/alerts (REST 2022-01-01), for its texts, and as a
`model.Alert`, for its numbers. What is missing is left out, never invented.

Sources: https://schema.ocsf.io/1.5.0/classes/detection_finding; ArcSight Common Event Format, version 26.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from intel.addresses import canonical_ip
from model import WINDOW_MINUTES, Alert, is_service_endpoint
from windows.countries import NOT_COUNTRIES
from windows.rules import SUSPICIOUS_IP, TOR_EXIT_NODE

VENDOR = "Gatewatch"

PRODUCT = "Gatewatch"
OCSF_VERSION = "1.5.0"
"""The first with `anomaly_analyses`; later ones accept it."""

Change = Literal["created", "updated", "closed"]
Document = Mapping[str, Any]

LISTED = frozenset({TOR_EXIT_NODE, SUSPICIOUS_IP})
"""Alert types whose evidence is that threat-intelligence feeds list the client; MATCHED names the feeds."""
MATCHED = "what matched"

POINTS = 144
"""Windows of an alert's picture that go out: 48 hours."""


# client address

WITHHELD = "[address withheld]"
_address_like = re.compile(
    r"(?<![\w.:])(?:\[?[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*(?:%\w+)?\]?|\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5})?(?![\w])"
)


def without_addresses(document: Document) -> dict[str, Any]:
    """The alert with no client address in it: entities of type ip are gone, and any text that is an address, or holds one, has it withheld."""

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return _address_like.sub(lambda found: WITHHELD if _is_address(found[0]) else found[0], value)
        if isinstance(value, Mapping):
            return {clean(key): clean(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [clean(item) for item in value if not (isinstance(item, Mapping) and str(item.get("type", "")).lower() == "ip")]
        return value

    cleaned: dict[str, Any] = clean(document)
    return cleaned


def _is_address(text: str) -> bool:
    text = text.rstrip(".")
    return bool(canonical_ip(text) or canonical_ip(text.removesuffix(":")) or canonical_ip(text.rpartition(":")[0]))


def _client(properties: Document) -> str:
    """The client's address, "" when the alert accuses none or an identity."""
    for entity in properties.get("entities") or ():
        if isinstance(entity, Mapping) and str(entity.get("type", "")).lower() == "ip":
            return canonical_ip(str(entity.get("address", "")))
    return ""


def _country(properties: Document) -> str:
    """Two letters of where the client's address is registered; "" where that is not known, or no country of ISO 3166."""
    for entity in properties.get("entities") or ():
        if isinstance(entity, Mapping) and str(entity.get("type", "")).lower() == "ip":
            code = str((entity.get("location") or {}).get("countryCode", ""))
            return "" if code in NOT_COUNTRIES else code
    return ""


def _json(document: Document) -> bytes:
    """Compact JSON; a lone surrogate, which has no UTF-8, becomes a question mark."""
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", errors="replace")


# Defender for Cloud JSON


def mdc(document: Document, *, with_ip: bool) -> bytes:
    """The alert as Defender for Cloud's continuous export sends it to an Event Hub: compact JSON."""
    return _json(document if with_ip else without_addresses(document))


# OCSF

_ACTIVITIES: dict[Change, tuple[int, str]] = {"created": (1, "Create"), "updated": (2, "Update"), "closed": (3, "Close")}
_STATUSES = {"Active": (1, "New"), "InProgress": (2, "In Progress"), "Dismissed": (3, "Suppressed"), "Resolved": (4, "Resolved")}
_SEVERITIES = {"Informational": 1, "Low": 2, "Medium": 3, "High": 4}
_TACTICS = {
    "InitialAccess": ("TA0001", "Initial Access"), "Execution": ("TA0002", "Execution"), "Persistence": ("TA0003", "Persistence"),
    "PrivilegeEscalation": ("TA0004", "Privilege Escalation"), "DefenseEvasion": ("TA0005", "Defense Evasion"),
    "CredentialAccess": ("TA0006", "Credential Access"), "Discovery": ("TA0007", "Discovery"), "LateralMovement": ("TA0008", "Lateral Movement"),
    "Collection": ("TA0009", "Collection"), "Exfiltration": ("TA0010", "Exfiltration"), "CommandAndControl": ("TA0011", "Command and Control"),
    "Impact": ("TA0040", "Impact"), "PreAttack": ("TA0043", "Reconnaissance"), "Probing": ("TA0043", "Reconnaissance"),
}  # fmt: skip
"""`intent` as today's ATT&CK names it; PreAttack and Probing are Microsoft's own and became Reconnaissance. Exploitation has no tactic."""
_resource = re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE)


def ocsf(document: Document, alert: Alert, *, with_ip: bool, change: Change = "created", version: str = "0") -> bytes:
    """An OCSF 1.5.0 Detection Finding (class 2004) as compact JSON; profile `cloud` where the gateway's ARM id is known, and `osint` when a threat-intelligence feed
    lists the client. `version` is Gatewatch's. The finding's uid is the alert's, so that a SIEM updates what it has.
    """
    return _json(detection_finding(document, alert, with_ip=with_ip, change=change, version=version))


def detection_finding(document: Document, alert: Alert, *, with_ip: bool, change: Change = "created", version: str = "0") -> dict[str, Any]:
    """The document that `ocsf` encodes."""
    if not with_ip:
        document = without_addresses(document)
    properties: Document = document["properties"]
    extended: Document = properties.get("extendedProperties") or {}
    client = _client(properties) if with_ip else ""
    resource = _resource_id(properties)
    place = _resource.match(resource)
    activity, activity_name = _ACTIVITIES[change]
    status, status_name = _STATUSES.get(str(properties.get("status")), (99, "Other"))
    severity = str(properties.get("severity") or "Unknown")
    listed = _osint(properties, alert, client)
    identity = f"{alert.id}:{activity_name}:{properties.get('endTimeUtc', '')}"
    product = {"name": PRODUCT, "vendor_name": VENDOR, "version": version}
    profiles = (["cloud"] if place else []) + (["osint"] if listed else [])
    return _filled(
        {
            "activity_id": activity,
            "activity_name": activity_name,
            "category_uid": 2,
            "category_name": "Findings",
            "class_uid": 2004,
            "class_name": "Detection Finding",
            "type_uid": 200400 + activity,
            "type_name": f"Detection Finding: {activity_name}",
            "time": _milliseconds(properties.get("endTimeUtc" if change == "closed" else "timeGeneratedUtc")) or 0,
            "start_time": _milliseconds(properties.get("startTimeUtc")),
            "end_time": _milliseconds(properties.get("endTimeUtc")),
            "severity_id": _SEVERITIES.get(severity, 99),
            "severity": severity,
            "status_id": status,
            "status": status_name,
            "is_alert": True,
            "message": properties.get("description"),
            "confidence_id": _confidence(alert),
            "metadata": _filled(
                {
                    "version": OCSF_VERSION,
                    "uid": identity,
                    "event_code": properties.get("alertType"),
                    "correlation_uid": properties.get("correlationKey"),
                    "profiles": profiles,
                    "product": product,
                }
            ),
            "cloud": {"provider": "Azure", "account": {"uid": place[1], "type": "Azure Subscription"}} if place else None,
            "finding_info": _finding_info(properties, alert, product),
            "anomaly_analyses": _anomaly_analyses(properties, extended, alert),
            "evidences": [_evidence(extended, alert, client, _country(properties) if client else "")],
            "resources": [{"uid": resource, "name": alert.endpoint.service or resource, "type": "Azure API Management"}]
            if resource
            else None,
            "remediation": _remediation(properties),
            "osint": listed,
            "observables": [{"name": "evidences.src_endpoint.ip", "type_id": 2, "type": "IP Address", "value": client}] if client else None,
            "unmapped": {"extendedProperties": dict(extended)} if extended else None,
        }
    )


def _finding_info(properties: Document, alert: Alert, product: Document) -> dict[str, Any]:
    tactic = _TACTICS.get(str(properties.get("intent")))
    subs = [str(technique) for technique in properties.get("subTechniques") or ()]
    parents = {technique.partition(".")[0] for technique in subs}
    techniques = [str(technique) for technique in properties.get("techniques") or () if technique not in parents]
    attacks: list[dict[str, Any]] = [_attack(technique, tactic) for technique in (*techniques, *subs)]
    if not attacks and tactic:
        attacks = [{"tactic": {"uid": tactic[0], "name": tactic[1]}}]
    statistical = alert.sighting.threshold is not None
    return _filled(
        {
            "uid": alert.id,
            "title": properties.get("alertDisplayName"),
            "desc": properties.get("description"),
            "types": [str(properties["alertType"])] if properties.get("alertType") else None,
            "analytic": {
                "uid": alert.detector,
                "name": str(properties.get("alertDisplayName") or alert.detector),
                "type_id": 3 if statistical else 1,
                "type": "Statistical" if statistical else "Rule",
            },
            "attacks": attacks,
            "first_seen_time": _milliseconds(properties.get("startTimeUtc")),
            "last_seen_time": _milliseconds(properties.get("endTimeUtc")),
            "created_time": _milliseconds(properties.get("timeGeneratedUtc")),
            "modified_time": _milliseconds(properties.get("endTimeUtc")),
            "data_sources": ["Azure API Management"],
            "src_url": properties.get("alertUri"),
            "product": dict(product),
            "tags": _tags(properties.get("extendedProperties") or {}),
        }
    )


def _attack(technique: str, tactic: tuple[str, str] | None) -> dict[str, Any]:
    """T1499.003 is a sub-technique of T1499."""
    uid, _, sub = technique.partition(".")
    return _filled(
        {
            "tactic": {"uid": tactic[0], "name": tactic[1]} if tactic else None,
            "technique": {"uid": uid},
            "sub_technique": {"uid": technique} if sub else None,
        }
    )


def _tags(extended: Document) -> list[dict[str, Any]]:
    """OWASP categories: OCSF has no field of its own for them."""
    return [{"name": name, "values": str(value).split(", ")} for name, value in extended.items() if "OWASP" in name and value]


def _confidence(alert: Alert) -> int | None:
    """By the age of the baseline: low before day 3, medium before day 14; a rule that looks at single calls needs none."""
    if alert.sighting.threshold is None:
        return None
    return 1 if alert.baseline_days < 3 else 2 if alert.baseline_days < 14 else 3


def _anomaly_analyses(properties: Document, extended: Document, alert: Alert) -> list[dict[str, Any]] | None:
    """The history as baselines and the event as the anomaly; None for a rule that compares nothing."""
    sighting = alert.sighting
    window = {"type_id": 3, "type": "Minutes", "duration_mins": WINDOW_MINUTES}
    history = {"type_id": 5, "type": "Days", "duration_days": alert.baseline_days}
    kinds = (
        ("mean", sighting.mean, history),
        ("standard deviation", sighting.deviation, history),
        ("expected at this hour", sighting.expected, window),
        ("threshold", sighting.threshold, window),
    )
    baselines = [
        _observed(kind, sighting.unit, [{"value": _plain_number(value), "timespan": span}])
        for kind, value, span in kinds
        if value is not None
    ]
    if not baselines:
        return None
    if extended.get("Historical Behavior"):
        baselines[0]["observed_pattern"] = str(extended["Historical Behavior"])
    event = _observed("observed", sighting.unit, [{"value": _plain_number(sighting.observed), "timespan": window}])
    if extended.get("Event of Interest"):
        event["observed_pattern"] = str(extended["Event of Interest"])
    anomalies = [event]
    points = [point for point in (properties.get("supportingEvidence") or {}).get("points") or () if isinstance(point, Mapping)][-POINTS:]
    for kind, target in (("observed", anomalies), ("expected", baselines)):
        observations = [_at(point.get("start"), point[kind]) for point in points if point.get(kind) is not None]
        if observations:
            target.append(_observed(f"{kind} per window", sighting.unit, observations))
    where = {"name": str(extended.get("Api Endpoint") or alert.endpoint), "type": "API endpoint"}
    return [{"analysis_targets": [where], "baselines": baselines, "anomalies": anomalies}]


def _observed(kind: str, unit: str, observations: list[dict[str, Any]]) -> dict[str, Any]:
    return {"observation_parameter": unit, "observation_type": kind, "observations": observations}


def _at(start: Any, value: Any) -> dict[str, Any]:
    begin = _milliseconds(start)
    interval = (
        {}
        if begin is None
        else {"timespan": {"type_id": 9, "type": "Time Interval", "start_time": begin, "end_time": begin + WINDOW_MINUTES * 60_000}}
    )
    return {"value": _plain_number(value), **interval}


def _evidence(extended: Document, alert: Alert, client: str, country: str) -> dict[str, Any]:
    method, template = _method_and_template(alert)
    codes = sorted(alert.statuses, key=lambda code: (-alert.statuses[code], code))
    response = {"code": codes[0]} if codes else None
    return _filled(
        {
            "api": _filled(
                {
                    "operation": str(extended.get("Api Endpoint") or alert.endpoint),
                    "service": {"name": alert.endpoint.api} if alert.endpoint.api and template else None,
                    "response": response,
                }
            ),
            "src_endpoint": _filled({"ip": client, "location": {"country": country} if country else None}) if client else None,
            "dst_endpoint": {"svc_name": alert.endpoint.service} if alert.endpoint.service else None,
            "http_request": {"http_method": method, "url": {"path": template}} if template else None,
            "http_response": response,
            "data": {"statusCodes": {str(code): alert.statuses[code] for code in codes}, **alert.sighting.evidence},
        }
    )


def _method_and_template(alert: Alert) -> tuple[str | None, str | None]:
    return (None, None) if is_service_endpoint(alert.endpoint) else (alert.endpoint.method, alert.endpoint.template)


def _remediation(properties: Document) -> dict[str, Any] | None:
    steps = [str(step) for step in properties.get("remediationSteps") or ()]
    return {"desc": "\n".join(steps)} if steps else None


def _osint(properties: Document, alert: Alert, client: str) -> list[dict[str, Any]] | None:
    """The threat-intelligence feeds that list the client."""
    kind = str(properties.get("alertType"))
    if not client or kind not in LISTED:
        return None
    feeds = [name.strip() for name in str(alert.sighting.evidence.get(MATCHED, "")).split(",") if name.strip()]
    return [{"value": client, "type_id": 1, "type": "IP Address", "name": feed, "category": kind} for feed in feeds]


def _resource_id(properties: Document) -> str:
    for identifier in properties.get("resourceIdentifiers") or ():
        if isinstance(identifier, Mapping) and identifier.get("azureResourceId"):
            return str(identifier["azureResourceId"])
    return ""


def _milliseconds(time: Any) -> int | None:
    if not isinstance(time, str):
        return None
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return None
    return int(moment.timestamp() * 1000) if moment.tzinfo else None


def _plain_number(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _filled(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value is not None and value not in ("", [], {})}


# CEF

CEF_SEVERITIES = {"Informational": 1, "Low": 3, "Medium": 6, "High": 8}
_line_breaks = re.compile(r"\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]")
_unprintable = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_LENGTHS = {"msg": 1023, "request": 1023, "requestMethod": 1023, "externalId": 40, "cat": 1023, "suser": 1023, "reason": 1023}
_NAME = 512
_CUSTOM = 4000
"""Characters of a custom string; lengths are those of the CEF dictionary."""


def cef(document: Document, alert: Alert, *, with_ip: bool, version: str = "0") -> bytes:
    """One CEF:0 line without the line's end, UTF-8; Microsoft Sentinel reads it into CommonSecurityLog."""
    if not with_ip:
        document = without_addresses(document)
    properties: Document = document["properties"]
    extended: Document = properties.get("extendedProperties") or {}
    sighting = alert.sighting
    client = _client(properties) if with_ip else ""
    method, template = _method_and_template(alert)
    header = (VENDOR, PRODUCT, version, properties.get("alertType") or alert.detector, properties.get("alertDisplayName") or alert.detector)
    severity = CEF_SEVERITIES.get(str(properties.get("severity")), 5)
    techniques = [*(properties.get("techniques") or ()), *(properties.get("subTechniques") or ())]
    fields: dict[str, Any] = {
        "rt": _milliseconds(properties.get("timeGeneratedUtc")),
        "start": _milliseconds(properties.get("startTimeUtc")),
        "end": _milliseconds(properties.get("endTimeUtc")),
        "externalId": alert.id,
        "cat": properties.get("intent"),
        "outcome": properties.get("status"),
        "requestMethod": method,
        "request": template,
        "msg": properties.get("description"),
    }
    if client:
        fields |= {"c6a2": client, "c6a2Label": "Source IPv6 Address"} if ":" in client else {"src": client}
    custom = (
        ("cs1", "Api Endpoint", extended.get("Api Endpoint")),
        ("cs2", "Actor", extended.get("Actor (Client IP)") or extended.get("Actor")),
        ("cs3", "Resource", _resource_id(properties)),
        ("cs4", "MITRE Techniques", ",".join(map(str, techniques))),
        ("cs5", "Historical Behavior", extended.get("Historical Behavior")),
        ("cs6", "Event of Interest", extended.get("Event of Interest")),
        ("cfp1", "Observed", sighting.observed),
        ("cfp2", "Mean", sighting.mean),
        ("cfp3", "Standard Deviation", sighting.deviation),
        ("cfp4", "Threshold", sighting.threshold),
    )
    for name, label, value in custom:
        if value not in (None, ""):
            fields[name], fields[f"{name}Label"] = (_plain_number(value) if name.startswith("cfp") else value), label
    extension = " ".join(
        f"{name}={cef_escaped(str(value)[: _LENGTHS.get(name, _CUSTOM)])}" for name, value in fields.items() if value not in (None, "")
    )
    line = "|".join(["CEF:0", *(cef_header(str(part)) for part in header), str(severity), extension])
    return line.encode("utf-8", errors="replace")


def cef_header(text: str) -> str:
    """A field before the extension."""
    return _unprintable.sub("", _line_breaks.sub(" ", text[:_NAME])).replace("\\", "\\\\").replace("|", "\\|")


def cef_escaped(text: str) -> str:
    """A value of the extension."""
    lines = _unprintable.sub("", _line_breaks.sub("\n", text))
    return lines.replace("\\", "\\\\").replace("=", "\\=").replace("\n", "\\n")


# formats

Renderer = Callable[[Document, Alert, bool, Change, str], bytes]

FORMATS: Mapping[str, Renderer] = {
    "mdc": lambda document, alert, with_ip, change, version: mdc(document, with_ip=with_ip),  # noqa: ARG005
    "ocsf": lambda document, alert, with_ip, change, version: ocsf(document, alert, with_ip=with_ip, change=change, version=version),
    "cef": lambda document, alert, with_ip, change, version: cef(document, alert, with_ip=with_ip, version=version),  # noqa: ARG005
}
"""By the name that the setting uses: (rendered alert, alert, with_ip, change, Gatewatch's version) -> one message."""


def formats(names: Iterable[str]) -> tuple[Renderer, ...]:
    """The renderers of some names, in their order; raises ValueError that names an unknown one and the known."""
    chosen = list(dict.fromkeys(name.strip().lower() for name in names if name.strip()))
    for name in chosen:
        if name not in FORMATS:
            raise ValueError(f"alert format {name!r} is none of {', '.join(FORMATS)}")
    return tuple(FORMATS[name] for name in chosen)
