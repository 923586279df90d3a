"""A detector failed: what it watches for goes unseen until it is repaired."""

from collections.abc import Iterator

from detectors import detector
from model import Severity, Sighting
from windows.baseline import Baseline
from windows.window import Window

ID = "Gatewatch_DetectorFailure"


@detector(
    id=ID,
    title="A detector failed",
    severity=Severity.LOW,
    sees="A detector raised an error while it judged this endpoint. The others went on; what this one watches for was not looked for.",
    causes="A fault in Gatewatch, or traffic of a shape that no one thought of.",
    remediation=(
        "Report the error that the evidence names: it quotes no traffic.",
        "Switch the detector off in the limits until it is repaired.",
    ),
    tactic="DefenseEvasion",
    techniques=("T1562",),
    owasp_2019=("API10",),
    owasp_2023=("API8",),
    watches="nothing",
    key="both",
    refractory=24 * 60,
)
def detector_failure(window: Window, baseline: Baseline) -> Iterator[Sighting]:  # noqa: ARG001  the evaluation makes the finding itself
    """The evaluation itself reports it, once a day for each detector and endpoint."""
    return iter(())
