"""What was left out of a run of the tests for want of a tool, and the one command that brings it."""

from collections import Counter
from collections.abc import Iterable

BRINGS = (
    ("Bicep", "az bicep install (or put bicep on the PATH, or its path into BICEP)"),
    ("mcs", "make system (on Debian and Ubuntu)"),
    ("mono", "make system (on Debian and Ubuntu)"),
    ("Newtonsoft", "make system (on Debian and Ubuntu)"),
    ("Chromium", "make system (on Debian and Ubuntu)"),
    ("playwright", "make setup"),
    ("azure-functions-doctor", "make setup"),
    ("GATEWATCH_SAMPLES", "GATEWATCH_SAMPLES=folder, with logs/, payloads/ and traffic/"),
)
"""A word of the reason for which a test is skipped -> what brings what it needs."""
OPTIONAL = "GATEWATCH_SAMPLES"
"""What CI may do without."""


def lines(reasons: Iterable[str]) -> list[str]:
    """A sentence for each thing that is missing: how many tests were left out, why, and what brings it."""
    counts = Counter(reasons)
    return [f"{n} tests were left out: {reason}. {brings(reason)}" for reason, n in sorted(counts.items(), key=lambda item: -item[1])]


def brings(reason: str) -> str:
    return next((f"To run them: {command}" for word, command in BRINGS if word.lower() in reason.lower()), "Nothing brings them here.")


def fails_ci(reasons: Iterable[str]) -> bool:
    """Whether CI must not be content: something is missing that can be had."""
    return any(word != OPTIONAL and word.lower() in reason.lower() for reason in reasons for word, _ in BRINGS)
