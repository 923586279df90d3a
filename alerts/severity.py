"""How severe a finding is: the detector's own judgement, then what the endpoint holds and whether the attack got through."""

from model import Finding, Severity
from windows.context import Context

SUCCESS_SHARE = 0.5
"""Share of 2xx answers from which on an attack got what it asked for."""
_OWN = {severity: f"{severity.label} by the detector" for severity in Severity}


def weighed(finding: Finding, context: Context) -> tuple[Severity, str]:
    """The severity, and the formula in words and numbers. A step up for sensitive data that was answered successfully, and for sensitive data behind no
    authentication; never more than High, never from Informational."""
    severity = finding.severity
    first = _OWN[severity]
    if not context.sensitive or severity is Severity.INFORMATIONAL:
        return severity, first
    steps = [first]
    total = sum(finding.statuses.values())
    ok = sum(n for status, n in finding.statuses.items() if status // 100 == 2)
    names = ", ".join(context.sensitive[:3])
    if total and ok / total >= SUCCESS_SHARE and severity < Severity.HIGH:
        severity = Severity(severity + 1)
        steps.append(f"+1 for {ok} of {total} calls answered with success by an endpoint that holds sensitive data ({names})")
    if context.unauthenticated and severity < Severity.HIGH:
        severity = Severity(severity + 1)
        steps.append("+1 for sensitive data without authentication")
    return severity, "; ".join([*steps, f"= {severity.label}"]) if len(steps) > 1 else first
