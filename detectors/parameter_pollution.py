"""The same parameter came twice in one call, or in a second place where it does not belong."""

from collections.abc import Iterator

from detectors import detector
from detectors.seen_in_calls import seen_in_calls
from model import Severity, Sighting
from windows.baseline import Baseline
from windows.rules import POLLUTION
from windows.window import Window


def _severity(_details: set[str], ok: int) -> Severity | None:
    return None if ok else Severity.LOW


@detector(
    id=POLLUTION,
    title="Parameter pollution in an API call",
    severity=Severity.MEDIUM,
    sees="One call carried the same parameter twice with different values, or a path parameter again in the query: gateway and backend may not read the same one.",
    causes="An attempt to pass a check with one value and to be served another (broken object level authorisation by pollution); or a client that sends lists this way.",
    remediation=(
        "Make sure that what checks the parameter and what uses it read the same occurrence.",
        "Refuse repeated parameters at the gateway; name those that are lists in the settings.",
    ),
    tactic="InitialAccess",
    techniques=("T1190",),
    owasp_2019=("API1", "API8"),
    owasp_2023=("API1", "API8"),
    watches="sightings",
)
def parameter_pollution(window: Window, baseline: Baseline) -> Iterator[Sighting]:  # noqa: ARG001  a rule needs no baseline
    """Any call with a parameter twice and different values, or in a second place. Low while no such call was answered 2xx."""
    return seen_in_calls(window, POLLUTION, _severity)
