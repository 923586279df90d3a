"""Times as answers spell them: ISO 8601, UTC, whole seconds."""

from model import Minute, moment


def time(minute: Minute | None) -> str | None:
    return None if minute is None else f"{moment(minute):%Y-%m-%dT%H:%M:%SZ}"
