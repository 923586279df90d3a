"""A call comes from a Tor exit node."""

from collections.abc import Iterator

from detectors import detector
from detectors.seen_in_calls import seen_in_calls
from model import Severity, Sighting
from windows.baseline import Baseline
from windows.rules import TOR_EXIT_NODE
from windows.window import Window


@detector(
    id=TOR_EXIT_NODE,
    title="Access from a Tor exit node to an API endpoint",
    severity=Severity.MEDIUM,
    sees="The client IP is on the current list of Tor exit nodes.",
    causes="Someone hides where they call from: to attack, or for privacy.",
    remediation=(
        "Look at what else this IP did: the incident joins it.",
        "Decide whether this API has callers with a reason to use Tor; if not, refuse the list at the gateway (ip-filter).",
    ),
    tactic="PreAttack",
    techniques=("T1090.003", "T1595"),
    owasp_2019=("API4",),
    owasp_2023=("API4", "API6"),
    watches="sightings",
    refractory=24 * 60,
)
def tor_exit_node(window: Window, baseline: Baseline) -> Iterator[Sighting]:  # noqa: ARG001  a rule needs no baseline
    """Any call from an address of the Tor exit list."""
    return seen_in_calls(window, TOR_EXIT_NODE)
