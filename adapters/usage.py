"""What was monitored in a month, by API: from the summaries of its finished days, and from the windows of the others."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from adapters import windows
from adapters.baseline import summaries
from adapters.tables import Tables
from model import Endpoint, is_service_endpoint


@dataclass(slots=True)
class Used:
    """Of one API. Bytes are those of bodies, as the gateway measured them."""

    calls: int = 0
    request_bytes: int = 0
    response_bytes: int = 0


@dataclass(slots=True)
class Month:
    """`apis`: (service, API) -> what was used; calls that matched no API stand under "". `days_without_bytes`: their bytes were not kept and are in no sum."""

    apis: dict[tuple[str, str], Used] = field(default_factory=dict)
    days_without_bytes: int = 0


def monitored(tables: Tables, month: date, today: date) -> Month:
    """The month that `month` is in, up to `today`."""
    found = Month()
    day = month.replace(day=1)
    while day.month == month.month and day <= today:
        counts = list(_of_day(tables, day))
        for endpoint, calls, request, response in counts:
            if not is_service_endpoint(endpoint):
                used = found.apis.setdefault((endpoint.service, endpoint.api), Used())
                used.calls += calls
                used.request_bytes += max(0, request)
                used.response_bytes += max(0, response)
        found.days_without_bytes += any(calls and request < 0 for _, calls, request, _ in counts)
        day += timedelta(days=1)
    return found


def _of_day(tables: Tables, day: date) -> Iterable[tuple[Endpoint, int, int, int]]:
    """Endpoint, calls, bytes of requests and of responses; bytes are -1 where the day was learned without them."""
    learned = [] if windows.is_to_be_learned_again(tables, day) else list(summaries(tables, day))
    if learned:
        return ((one.endpoint, one.calls, one.request_bytes, one.response_bytes) for one in learned)
    return ((row.endpoint, row.record.n, row.record.request_bytes, row.record.response_bytes) for row in windows.read(tables, day))
