"""The limits of this deployment: `detectors.json` in the container `configuration`, in the form of `pipeline.limits`."""

from datetime import timedelta

from azure.core.exceptions import ResourceNotFoundError

from adapters.evidence import CONFIGURATION, Evidence
from adapters.reload import Reloaded
from pipeline.limits import Limits, parse

NAME = "detectors.json"
FRESH = timedelta(minutes=1)
"""How long a change may take to be in force."""


def read(evidence: Evidence) -> Limits:
    """No file is no overrides. Raises ValueError, in one sentence that names the nearest valid name, for a file that is wrong."""
    try:
        return parse(evidence.get(CONFIGURATION, NAME))
    except ResourceNotFoundError:
        return Limits()


def reloaded(evidence: Evidence) -> Reloaded[Limits]:
    """The limits in force: while the file is wrong, or cannot be read, the last good ones."""
    return Reloaded(f"{CONFIGURATION}/{NAME}", lambda: read(evidence), FRESH, Limits())
