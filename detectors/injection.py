"""A value carries code for an interpreter behind the API: SQL, script, shell, template, look-up or serialised object."""

from collections.abc import Iterator

from detectors import detector
from detectors.seen_in_calls import seen_in_calls
from model import Severity, Sighting
from windows.baseline import Baseline
from windows.rules import AS_TEXT, INJECTION
from windows.window import Window


def _is_text(detail: str) -> bool:
    return AS_TEXT in detail.partition(" in ")[0]


def _severity(_details: set[str], ok: int) -> Severity | None:
    return Severity.HIGH if ok else None


@detector(
    id=INJECTION,
    title="Injection attempt against an API endpoint",
    severity=Severity.MEDIUM,
    sees="A parameter, header, cookie or body value was written to be run as code. An answer of 2xx makes it severe: the attempt was not refused.",
    causes="An attack by hand or by a tool; or a penetration test that was ordered, a user who really writes code into a field.",
    remediation=(
        "Look at how the calls were answered, and in the backend's log at what the value did.",
        "Use parameterised queries and contextual encoding; validate types and lengths at the gateway (validate-parameters, validate-content).",
        "Block the IP (ip-filter).",
    ),
    tactic="InitialAccess",
    techniques=("T1190", "T1059"),
    owasp_2019=("API8",),
    owasp_2023=("API8", "API10"),
    watches="sightings",
)
def injection(window: Window, baseline: Baseline) -> Iterator[Sighting]:
    """Any parameter, header, path or body value, any name of one, and any shape of a body that a pattern family recognises in whatever encoding. High when a
    call was answered 2xx; information where the field is known to carry such code: 5 % of the answered calls, from 5 clients, on 3 days; and where the value
    is about code or whole code of its own, as in documentation, tickets and consoles: it ends nothing that a developer wrote."""
    return seen_in_calls(window, INJECTION, _severity, baseline.code, _is_text)
