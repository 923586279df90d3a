"""Personal or secret data travels in addresses, where every log and proxy keeps it."""

from collections.abc import Iterator

from detectors import detector
from model import Severity, Sighting
from windows.baseline import Baseline
from windows.rules import SENSITIVE_URL
from windows.window import Window


@detector(
    id=SENSITIVE_URL,
    title="Sensitive data in the URL of an API endpoint",
    severity=Severity.MEDIUM,
    sees="Calls to this endpoint carried sensitive information in the path or the query.",
    causes="A design that passes personal data, keys or tokens in addresses; or one client that does.",
    remediation=(
        "Pass such values in the body or in a header.",
        "Until then remove them from what the gateway and the backend log.",
    ),
    tactic="CredentialAccess",
    techniques=("T1552",),
    owasp_2019=("API3", "API7"),
    owasp_2023=("API3", "API8"),
    watches="sightings",
    refractory=24 * 60,
)
def sensitive_data_in_url(window: Window, baseline: Baseline) -> Iterator[Sighting]:  # noqa: ARG001  a rule needs no baseline
    """Any call in whose path or query a sensitive information type was recognised with confidence."""
    if not any(rule == SENSITIVE_URL for rule, _, _ in window.touched_sightings):
        return
    n, names = 0, set()
    for (rule, _, detail), statuses in window.sightings.items():
        if rule == SENSITIVE_URL:
            n += sum(statuses.values())
            names.add(detail)
    yield Sighting(n, evidence={"information types": ", ".join(sorted(names)[:8])})
