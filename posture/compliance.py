"""A recommendation in the forms that other systems read: Defender's assessment, OCSF Compliance Finding, CEF; told when it opens and when it ends.

Sources: https://learn.microsoft.com/rest/api/defenderforcloud/assessments (2021-06-01); https://schema.ocsf.io/1.5.0/classes/compliance_finding.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID, uuid5

import msgspec

from alerts.exports import CEF_SEVERITIES, OCSF_VERSION, PRODUCT, VENDOR, Change, cef_escaped, cef_header
from alerts.outgoing import CONTENT_TYPES, Message, Sent
from model import iso_utc, moment
from posture.assessments import Assessment, by_id
from posture.recommendations import Recommendation, since

OURS = UUID("7c0c6b52-5c0e-5b7b-9a53-3f1f3a0e6d11")
"""Under which assessments without a public id get one."""
MOST = 50
"""Resources named in one message."""
_SEVERITIES = {"Informational": 1, "Low": 2, "Medium": 3, "High": 4}
_STATUSES = {
    "open": (3, "Fail"),
    "resolved": (1, "Pass"),
    "exempted": (2, "Warning"),
    "notApplicable": (1, "Pass"),
    "unknown": (0, "Unknown"),
}
_CODES = {
    "open": "Unhealthy",
    "resolved": "Healthy",
    "exempted": "NotApplicable",
    "notApplicable": "NotApplicable",
    "unknown": "NotApplicable",
}


def messages(found: Recommendation, told: Mapping[str, Sent], formats: Sequence[str], version: str, now: datetime) -> Iterator[tuple[Message, Sent]]:  # fmt: skip
    """What a receiver, which was `told` by format, does not have yet. Raises KeyError for an assessment that is not known."""
    state = found.state(now)
    for name in formats:
        before = told.get(name)
        mark = blake2b(state.encode(), digest_size=8).hexdigest()
        if state == "unknown" or (before is None and state != "open") or (before is not None and before.state == mark):
            continue
        number = before.number + 1 if before else 1
        change: Change = "created" if before is None else "updated" if state == "open" else "closed"
        body = _encoded(name, found, by_id()[found.assessment], change, version, now)
        yield Message(f"{found.id}-{name}-{number}-{mark}", name, change, CONTENT_TYPES[name], body), Sent(number, mark)


def _encoded(name: str, found: Recommendation, assessment: Assessment, change: Change, version: str, now: datetime) -> bytes:
    if name == "cef":
        return cef(found, assessment, version, now)
    document = defender(found, assessment, now) if name == "mdc" else compliance_finding(found, assessment, change, version, now)
    return msgspec.json.encode(document)


def assessment_id(assessment: Assessment) -> str:
    """Defender's own where it has one, else one of ours that never changes."""
    return assessment.defender or str(uuid5(OURS, assessment.id))


def defender(found: Recommendation, assessment: Assessment, now: datetime) -> dict[str, Any]:
    """As Microsoft.Security/assessments describes one."""
    state, id = found.state(now), assessment_id(assessment)
    affected = found.affected(now)
    resource = _resource(found, affected[0]) if len(affected) == 1 else found.service
    policy = f"/providers/Microsoft.Authorization/policyDefinitions/{assessment.policy}" if assessment.policy else None
    return {
        "id": f"{resource}/providers/Microsoft.Security/assessments/{id}",
        "name": id,
        "type": "Microsoft.Security/assessments",
        "properties": {
            "displayName": assessment.title,
            "resourceDetails": {"source": "Azure", "id": resource},
            "status": {
                "code": _CODES[state],
                "cause": "Exempt" if state == "exempted" else None,
                "statusChangeDate": iso_utc(since(found, now)),
                "firstEvaluationDate": iso_utc(moment(found.first)) if found.first is not None else None,
            },
            "additionalData": {
                "assessment": assessment.id,
                "affected": str(len(affected)),
                "healthy": str(found.count("healthy")),
                "notApplicable": str(found.count("notApplicable")),
                "resources": ", ".join(_resource(found, path) for path in affected[:MOST]),
                "risk": str(found.risk),
            },
            "metadata": {
                "displayName": assessment.title,
                "assessmentType": "BuiltIn" if assessment.defender else "CustomPolicy" if assessment.policy else "CustomerManaged",
                "policyDefinitionId": policy,
                "description": f"{assessment.when} {assessment.why}",
                "remediationDescription": "\n".join(f"{n}. {step}" for n, step in enumerate(assessment.steps, 1)),
                "severity": _defender_severity(found.severity(now)),
                "categories": ["AppServices"],
            },
        },
    }


def _defender_severity(severity: str) -> str:
    """Defender's assessments know no Informational."""
    return "Low" if severity == "Informational" else severity


def compliance_finding(found: Recommendation, assessment: Assessment, change: Change, version: str, now: datetime) -> dict[str, Any]:
    """OCSF 1.5.0, class 2003. Its uid stays the same, so that a SIEM updates what it has."""
    activity, activity_name = {"created": (1, "Create"), "updated": (2, "Update"), "closed": (3, "Close")}[change]
    state = found.state(now)
    status, status_name = _STATUSES[state]
    affected = found.affected(now)
    place = re.match(r"(?i)/subscriptions/([^/]+)", found.service)
    severity = found.severity(now)
    standards = [*(f"MCSB {one}" for one in assessment.mcsb), *(f"OWASP {one}" for one in assessment.owasp)]
    finding = {
        "uid": found.id,
        "title": assessment.title,
        "desc": f"{assessment.when} {assessment.why}",
        "types": [assessment.id],
        "first_seen_time": _milliseconds(moment(found.first)) if found.first is not None else None,
        "modified_time": _milliseconds(since(found, now)),
        "data_sources": ["Azure Resource Manager"],
    }
    return {
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2003,
        "class_name": "Compliance Finding",
        "type_uid": 200300 + activity,
        "type_name": f"Compliance Finding: {activity_name}",
        "time": _milliseconds(since(found, now)),
        "severity_id": _SEVERITIES.get(severity, 99),
        "severity": severity,
        "status_id": {"open": 1, "exempted": 3, "unknown": 0}.get(state, 4),
        "message": assessment.title,
        "metadata": {
            "version": OCSF_VERSION,
            "uid": f"{found.id}:{activity_name}:{iso_utc(since(found, now))}",
            "event_code": assessment.id,
            "profiles": ["cloud"],
            "product": {"name": PRODUCT, "vendor_name": VENDOR, "version": version},
        },
        "cloud": {"provider": "Azure", **({"account": {"uid": place[1], "type": "Azure Subscription"}} if place else {})},
        "finding_info": {key: value for key, value in finding.items() if value is not None},
        "compliance": {
            "control": assessment.id,
            "standards": standards or [PRODUCT],
            "requirements": [assessment.when],
            "status_id": status,
            "status": status_name,
        },
        "resources": [{"uid": _resource(found, path), "type": "Azure API Management"} for path in affected[:MOST] or [""]],
        "remediation": {"desc": "\n".join(assessment.steps)},
    }


def cef(found: Recommendation, assessment: Assessment, version: str, now: datetime) -> bytes:
    """One CEF:0 line."""
    affected = found.affected(now)
    fields = {
        "rt": str(_milliseconds(since(found, now))),
        "externalId": found.id[-40:],
        "cat": "Recommendation",
        "outcome": found.state(now),
        "msg": assessment.when,
        "cs1": ", ".join(_resource(found, path) for path in affected[:MOST])[:4000],
        "cs1Label": "Resources",
        "cn1": str(len(affected)),
        "cn1Label": "Affected",
    }
    header = (VENDOR, PRODUCT, version, assessment.id, assessment.title)
    extension = " ".join(f"{name}={cef_escaped(value[:1023])}" for name, value in fields.items() if value)
    line = "|".join(["CEF:0", *map(cef_header, header), str(CEF_SEVERITIES.get(found.severity(now), 5)), extension])
    return line.encode("utf-8", errors="replace")


def _resource(found: Recommendation, path: str) -> str:
    return f"{found.service}/{path}".rstrip("/")


def _milliseconds(when: datetime) -> int:
    return int(when.timestamp() * 1000)
