"""Times as answers spell them: ISO 8601, UTC, whole seconds."""

from model import Minute, iso_utc, moment


def time(minute: Minute | None) -> str | None:
    return None if minute is None else iso_utc(moment(minute))
