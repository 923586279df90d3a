"""Pages of a list: `limit` and `cursor` of a query string."""

import re
from collections.abc import Mapping

LARGEST_PAGE = 200
BY_ID = r"[0-9]{8}-[0-9a-f]{32}"
"""The cursor of alerts and incidents: a day and an id."""
BY_OFFSET = r"[0-9]{1,7}"
"""The cursor of what is in memory: how many came before."""


def limits(parameters: Mapping[str, str], *, usual: int = 50, cursor: str = BY_ID) -> tuple[int, str]:
    """`limit` (1 to 200, `usual` by default) and `cursor` (the `next` of the page before, "" for the first). Raises ValueError in one sentence."""
    limit, after = parameters.get("limit", str(usual)), parameters.get("cursor", "")
    if not re.fullmatch(r"[0-9]{1,3}", limit) or not 1 <= int(limit) <= LARGEST_PAGE:
        raise ValueError(f"limit must be a whole number from 1 to {LARGEST_PAGE}")
    return int(limit), position(after, cursor)


def position(after: str, cursor: str) -> str:
    """A cursor that has this form, or "". Raises ValueError in one sentence."""
    if after and not re.fullmatch(cursor, after):
        raise ValueError("cursor must be the next of an earlier page")
    return after
