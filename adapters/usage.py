"""What was monitored in a month, by API: from the summaries of its finished days, and from the windows of the others."""

from collections import Counter
from datetime import date, timedelta

from adapters import windows
from adapters.baseline import summaries
from adapters.tables import Tables
from model import is_service_endpoint


def monitored(tables: Tables, month: date, today: date) -> Counter[tuple[str, str]]:
    """(service, API) -> calls of the month that `month` is in, up to `today`. Calls that matched no API count under "" ."""
    found: Counter[tuple[str, str]] = Counter()
    day = month.replace(day=1)
    while day.month == month.month and day <= today:
        learned = [] if windows.is_to_be_learned_again(tables, day) else summaries(tables, day)
        counts = [(one.endpoint, one.calls) for one in learned]
        for endpoint, calls in counts or ((row.endpoint, row.record.n) for row in windows.read(tables, day)):
            if not is_service_endpoint(endpoint):
                found[endpoint.service, endpoint.api] += calls
        day += timedelta(days=1)
    return found
