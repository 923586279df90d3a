"""What the inventory knows of an endpoint when its windows are judged."""

from typing import NamedTuple


class Context(NamedTuple):
    """What the inventory knows of an endpoint."""

    sensitive: tuple[str, ...] = ()
    """Information types in its answers."""
    unauthenticated: bool = False
    """It answers callers that proved nothing."""


NOTHING_KNOWN = Context()
