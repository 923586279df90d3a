"""POST /api/dsr/export and /api/dsr/delete, GET /api/dsr/{id}: one person's data, handed out, erased, and what became of it."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from adapters.dsr import Request, Requests, described
from retention.policy import Promises
from retention.subject import RequestRefused, parse
from web.caller import caller

Answer = tuple[int, dict[str, Any] | bytes]
"""Status, and a body: an object, or JSON that is encoded already."""

_ID = re.compile(r"[0-9a-f]{32}")
KEY = "admin key"


def export(requests: Requests, body: bytes, headers: Mapping[str, str], now: datetime) -> Answer:
    """200 with everything that is held; 202 with the address of it where it is large; 4xx for a request that names nobody."""
    try:
        subject = parse(body)
    except RequestRefused as error:
        return _refused(requests, "export", headers, error, now)
    request, content = requests.export(subject, caller(headers, KEY), now)
    if content is None:
        return 202, {
            "id": request.id,
            "status": f"/api/dsr/{request.id}",
            "items": request.found,
            "note": "large: GET status answers with it for 24 hours",
        }
    return 200, content


def delete(
    requests: Requests, body: bytes, headers: Mapping[str, str], kept: Promises, now: datetime, out_of_time: Callable[[], bool]
) -> Answer:
    """202 with the id under which it can be followed."""
    try:
        subject = parse(body)
    except RequestRefused as error:
        return _refused(requests, "erase", headers, error, now)
    request = requests.erase(subject, caller(headers, KEY), now, out_of_time)
    return 202, {"status": f"/api/dsr/{request.id}", **described(request, kept, now)}


def status(requests: Requests, id: str, kept: Promises, now: datetime, out_of_time: Callable[[], bool]) -> Answer:
    """How far a request is. Asking also goes on with it."""
    request: Request | None = requests.get(id) if _ID.fullmatch(id) else None
    if request is None:
        return 404, {"error": "there is no request of this id"}
    if request.finished is None:
        request = requests.go_on(request, now, out_of_time)
    if (large := requests.fetch(request)) is not None:
        return 200, large
    return 200, described(request, kept, now)


def _refused(
    requests: Requests, kind: Literal["export", "erase"], headers: Mapping[str, str], error: RequestRefused, now: datetime
) -> Answer:
    requests.refuse(kind, caller(headers, KEY), str(error), now)
    return error.status, {"error": str(error)}
