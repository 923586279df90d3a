"""Severity: the detector's, raised by what the endpoint holds and whether the attack got through; the formula says so."""

import pytest

from alerts.severity import weighed
from model import Severity
from tests.build import finding
from windows.context import NOTHING_KNOWN, Context

EMAIL = Context(sensitive=("Email",))
OPEN = Context(sensitive=("Email",), unauthenticated=True)


@pytest.mark.parametrize(
    ("own", "context", "statuses", "severity"),
    [
        (Severity.MEDIUM, NOTHING_KNOWN, {200: 9}, Severity.MEDIUM),
        (Severity.MEDIUM, EMAIL, {200: 9}, Severity.HIGH),
        (Severity.MEDIUM, EMAIL, {404: 9}, Severity.MEDIUM),
        (Severity.LOW, OPEN, {200: 9}, Severity.HIGH),
        (Severity.HIGH, OPEN, {200: 9}, Severity.HIGH),
        (Severity.INFORMATIONAL, OPEN, {200: 9}, Severity.INFORMATIONAL),
        (Severity.LOW, EMAIL, {}, Severity.LOW),
    ],
)
def test_weighed(own: Severity, context: Context, statuses: dict[int, int], severity: Severity) -> None:
    found, formula = weighed(finding(severity=own, statuses=statuses), context)
    assert found is severity
    assert formula.startswith(own.label)
    assert ("Email" in formula or "authentication" in formula) == (found is not own)
