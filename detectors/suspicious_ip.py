"""A call comes from an address that a threat-intelligence feed lists."""

from collections.abc import Iterator

from detectors import detector
from detectors.seen_in_calls import seen_in_calls
from model import Severity, Sighting
from windows.baseline import Baseline
from windows.rules import SUSPICIOUS_IP
from windows.window import Window


@detector(
    id=SUSPICIOUS_IP,
    title="API endpoint access from suspicious IP",
    severity=Severity.HIGH,
    sees="The client IP is listed by a threat-intelligence feed, for attacks on others.",
    causes="A host of a botnet, a scanner or an attacker; or an address that was given to someone else since, or that many share.",
    remediation=(
        "Look at what else this IP did: the incident joins it.",
        "Block the IP (ip-filter); the evidence names the feed that lists it.",
        "If it is a partner's, put it on the allow-list: that wins over every feed.",
    ),
    tactic="PreAttack",
    techniques=("T1595", "T1190", "T1584.005"),
    owasp_2019=("API4", "API7"),
    owasp_2023=("API4", "API6", "API8"),
    watches="sightings",
    refractory=24 * 60,
)
def suspicious_ip(window: Window, baseline: Baseline) -> Iterator[Sighting]:  # noqa: ARG001  a rule needs no baseline
    """Any call from an address that is on a list and on no allow-list."""
    return seen_in_calls(window, SUSPICIOUS_IP)
