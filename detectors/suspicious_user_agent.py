"""A user agent that no honest client sends: code to be run by whoever logs or renders it, or the name of a security scanner."""

from collections.abc import Iterator

from detectors import detector
from detectors.seen_in_calls import seen_in_calls
from model import Severity, Sighting
from windows.baseline import Baseline
from windows.rules import SUSPICIOUS_AGENT
from windows.window import Window


def _severity(details: set[str], _ok: int) -> Severity | None:
    return Severity.LOW if all(detail.startswith("scanner:") for detail in details) else None


@detector(
    id=SUSPICIOUS_AGENT,
    title="Suspicious User Agent detected",
    severity=Severity.MEDIUM,
    sees="Calls carried a user agent that tries to run code where it is logged or shown, or that names a security scanner.",
    causes="An attempt at remote code execution through the User-Agent header (script addresses, log4j look-ups, shellshock), a vulnerability scan; or a penetration test that was ordered.",
    remediation=(
        "Look at what else this IP did: the incident joins it.",
        "Make sure that what logs or renders the User-Agent header treats it as data, and that its libraries are patched.",
        "Block the IP (ip-filter) or the pattern (check-header) at the gateway.",
    ),
    tactic="Execution",
    techniques=("T1190", "T1059.007"),
    owasp_2019=("API8",),
    owasp_2023=("API8", "API7", "API10"),
    watches="sightings",
)
def suspicious_user_agent(window: Window, baseline: Baseline) -> Iterator[Sighting]:  # noqa: ARG001  a rule needs no baseline
    """Any call whose user agent matches. Low for a scanner that names itself."""
    return seen_in_calls(window, SUSPICIOUS_AGENT, _severity)
