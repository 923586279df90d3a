"""Pages of what is stored newest first: `limit` and `cursor` of a query string."""

import re
from collections.abc import Mapping

LARGEST_PAGE = 200
_CURSOR = re.compile(r"[0-9]{8}-[0-9a-f]{32}")


def limits(parameters: Mapping[str, str]) -> tuple[int, str]:
    """`limit` (1 to 200, 50 by default) and `cursor` (the `next` of the page before, "" for the first). Raises ValueError in one sentence."""
    limit, cursor = parameters.get("limit", "50"), parameters.get("cursor", "")
    if not re.fullmatch(r"[0-9]{1,3}", limit) or not 1 <= int(limit) <= LARGEST_PAGE:
        raise ValueError(f"limit must be a whole number from 1 to {LARGEST_PAGE}")
    if cursor and not _CURSOR.fullmatch(cursor):
        raise ValueError("cursor must be the next of an earlier page")
    return int(limit), cursor
