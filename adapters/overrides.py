"""The limits of this deployment: `detectors.json` in the container `configuration`, in the form of `pipeline.limits`."""

import logging
from datetime import datetime, timedelta

from azure.core.exceptions import AzureError, ResourceNotFoundError

from adapters.evidence import CONFIGURATION, Evidence
from pipeline.limits import Limits, parse

log = logging.getLogger("gatewatch.limits")

NAME = "detectors.json"
FRESH = timedelta(minutes=1)
"""How long a change may take to be in force."""


def read(evidence: Evidence) -> Limits:
    """No file is no overrides. Raises ValueError, in one sentence that names the nearest valid name, for a file that is wrong."""
    try:
        return parse(evidence.get(CONFIGURATION, NAME))
    except ResourceNotFoundError:
        return Limits()


class Overrides:
    """Read again every minute; while the file is wrong, or cannot be read, the last good limits stay in force."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._limits = Limits()
        self._until: datetime | None = None
        self._said = ""

    def at(self, now: datetime) -> Limits:
        if self._until is None or now >= self._until:
            self._until = now + FRESH
            try:
                self._limits, self._said = read(self._evidence), ""
            except ValueError as error:
                self._say(f"{CONFIGURATION}/{NAME} is refused and the limits before it stay in force: {error}")
            except AzureError as error:
                self._say(f"{CONFIGURATION}/{NAME} cannot be read ({type(error).__name__}) and the limits before it stay in force")
        return self._limits

    def _say(self, text: str) -> None:
        """Once, not every minute."""
        if text != self._said:
            self._said = text
            log.error("%s", text)
