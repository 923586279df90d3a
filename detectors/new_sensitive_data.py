"""An endpoint takes in or gives out an information type that it never carried before."""

from collections.abc import Iterator

from detectors import detector
from model import Severity, Sighting
from windows.baseline import Baseline
from windows.window import Window

OK = 2


@detector(
    id="API_NewSensitiveDataExposed",
    title="New sensitive data exposed by an API endpoint",
    severity=Severity.LOW,
    sees="Calls to this endpoint carried sensitive information of a type that was never seen there before.",
    causes="A new version of the backend, a field that was added to a response by mistake, a debug output; or a client that sends more than it should.",
    remediation=(
        "Check whether the endpoint needs this information, and remove it from the contract if not.",
        "If callers need no authentication for it, require it now: an answer with this type went to a caller who proved nothing.",
    ),
    tactic="Collection",
    techniques=("T1213",),
    owasp_2019=("API3",),
    owasp_2023=("API3",),
    min_days=1,
    watches="sensitive",
    key="parameter",
    refractory=24 * 60,
)
def new_sensitive_data(
    window: Window,
    baseline: Baseline,  # noqa: ARG001  the inventory says what is known
    *,
    calls: int = 1,  # calls looked into; one answer with an identity number is one too many
) -> Iterator[Sighting]:
    """An information type that the inventory does not know at this endpoint, in at least `calls` calls looked into. Medium when an
    answer carried it and callers need no authentication."""
    found: dict[str, dict[str, int]] = {}
    answered: set[str] = set()
    for (information, place), classes in window.sensitive.items():
        if information not in window.context.sensitive:
            found.setdefault(information, {})[place] = sum(classes.values())
            if OK in classes and place.startswith("response."):
                answered.add(information)
    for information, places in found.items():
        n = max(places.values())
        if n >= calls:
            yield Sighting(
                n,
                0.0,
                calls - 1,
                "calls looked into",
                parameter=information,
                severity=Severity.MEDIUM if information in answered and window.context.unauthenticated else None,
                evidence={"where": ", ".join(sorted(places)[:5])},
            )
