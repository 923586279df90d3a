"""What assessments found, as plain JSON and as one page of HTML."""

from collections import Counter
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from posture.assessments import Result
from posture.snapshot import Snapshot

STATES = ("unhealthy", "unknown", "healthy", "notApplicable")


def described(snapshot: Snapshot, result: Result) -> dict[str, Any]:
    """One verdict as JSON."""
    one, verdict = result.assessment, result.verdict
    resource = snapshot.resource(verdict.path)
    return {
        "id": one.id,
        "title": one.title,
        "resource": resource,
        "path": verdict.path,
        "state": verdict.state,
        "severity": result.severity.label,
        **({"cause": verdict.cause} if verdict.cause else {}),
        "evidence": [{"resource": resource, "path": found.path, "value": found.value} for found in verdict.evidence],
        "remediation": list(one.steps) if verdict.state == "unhealthy" else [],
        "policyId": one.policy or None,
        "defenderId": one.defender or None,
        "mcsb": list(one.mcsb),
        "owasp": list(one.owasp),
    }


def ordered(found: Iterable[tuple[Snapshot, Result]]) -> list[tuple[Snapshot, Result]]:
    """The worst first."""
    return sorted(
        found, key=lambda pair: (STATES.index(pair[1].verdict.state), -pair[1].severity, pair[1].assessment.id, pair[1].verdict.path)
    )


def counted(found: Iterable[tuple[Snapshot, Result]]) -> dict[str, int]:
    counts: Counter[str] = Counter(result.verdict.state for _, result in found)
    return {state: counts[state] for state in STATES}


def html(found: list[tuple[Snapshot, Result]], counts: Mapping[str, int]) -> str:
    """One page without anything from elsewhere. Everything that an export says is escaped."""
    rows = []
    for snapshot, result in found:
        one, verdict = result.assessment, result.verdict
        if verdict.state != "unhealthy":
            continue
        evidence = "".join(f"<li><code>{escape(item.path)}</code> {escape(item.value or 'not set')}</li>" for item in verdict.evidence)
        steps = "".join(f"<li>{escape(step)}</li>" for step in one.steps)
        rows.append(
            f'<tr><td class="{result.severity.label}">{result.severity.label}</td><td><strong>{escape(one.title)}</strong><br><small>{escape(one.id)}</small><p>{escape(one.why)}</p></td>'
            f"<td><code>{escape(snapshot.resource(verdict.path))}</code><ul>{evidence}</ul></td><td><ol>{steps}</ol></td></tr>"
        )
    states = ", ".join(f"{n} {state}" for state, n in counts.items())
    return _PAGE.format(states=escape(states), rows="\n".join(rows))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Gatewatch: assessments</title><style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2rem; color: #1b1b1b; background: #fff }}
table {{ border-collapse: collapse; width: 100% }} th, td {{ text-align: left; vertical-align: top; padding: .6rem; border-bottom: 1px solid #d0d0d0 }}
code {{ overflow-wrap: anywhere }} .High {{ color: #a4262c }} .Medium {{ color: #8a5700 }} small {{ color: #555 }}
</style></head><body><h1>Assessments of API Management</h1><p>{states}</p>
<table><thead><tr><th>Severity</th><th>Recommendation</th><th>Resource and evidence</th><th>How to mend it</th></tr></thead><tbody>
{rows}
</tbody></table></body></html>
"""
