"""Alerts about Gatewatch itself: no detector judges them, whoever sees the cause raises them."""

from collections.abc import Iterator, Mapping

from detectors import Detector
from model import Severity, Sighting
from windows.baseline import Baseline
from windows.window import Window


def _silent(window: Window, baseline: Baseline) -> Iterator[Sighting]:  # noqa: ARG001  the contract of a detector
    yield from ()


def _own(id: str, title: str, severity: Severity, sees: str, causes: str, remediation: tuple[str, ...]) -> Detector:
    return Detector(
        id,
        title,
        severity,
        sees,
        causes,
        remediation,
        tactic="Impact",
        techniques=(),
        owasp_2019=(),
        owasp_2023=(),
        function=_silent,
        limits={},
    )


BREACH = _own(
    id="Gatewatch_RetentionBreach",
    title="Gatewatch kept personal data longer than promised",
    severity=Severity.HIGH,
    sees="The purge found data that should have been gone by then, and removed what it could.",
    causes="The purge did not run for hours, storage refused it, or a hub or account keeps more than the deployment sets.",
    remediation=("Read what GET /api/health and GET /api/privacy name.", "docs/privacy.md says what removes what, and until when."),
)
"""The purge raises it."""
STALLED = _own(
    id="Gatewatch_CallsNotRead",
    title="Gatewatch does not read the calls that come",
    severity=Severity.HIGH,
    sees="Calls wait in the event hub, and no batch of them is counted: nothing that happens now is seen.",
    causes="Storage refuses writes, the function ingest does not run, or it gets more calls than it can count.",
    remediation=(
        "Read what GET /api/health says of each partition.",
        "Look for the exceptions of the function ingest; docs/sizing.md says what a partition can take.",
        "Until it reads again, raise the hub's retention: what waits longer than that is lost.",
    ),
)
LOST = _own(
    id="Gatewatch_CallsLost",
    title="Calls were lost before Gatewatch read them",
    severity=Severity.HIGH,
    sees="Sequence numbers of the event hub are missing from the counts: the hub dropped these calls when their time was over.",
    causes="Calls waited longer than the hub keeps them: ingest stood still or was too slow, or the hub's retention was lowered.",
    remediation=("GET /api/usage says how many are missing and when.", "See what kept ingest from reading, and raise the hub's retention."),
)
DIFFERS = _own(
    id="Gatewatch_CountsDiffer",
    title="Counts of Gatewatch disagree with each other",
    severity=Severity.MEDIUM,
    sees="What the batches of a day say was called is not what windows, ledger, inventory or usage say.",
    causes="A fault of Gatewatch, or a hand in its tables.",
    remediation=("Read what GET /api/health says differs.", "Report it: counts are meant to be exact."),
)
OWN: Mapping[str, Detector] = {one.id: one for one in (BREACH, STALLED, LOST, DIFFERS)}
EVENTS: Mapping[str, str] = {
    BREACH.id: "were there past their time",
    STALLED.id: "wait unread",
    LOST.id: "were lost unread",
    DIFFERS.id: "differ",
}
