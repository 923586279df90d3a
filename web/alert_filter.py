"""Which alerts are asked for: the query parameters of GET /api/alerts as one test of a row."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import get_args

from adapters.alert_index import Row
from alerts.triage import Status
from detectors import by_id
from model import Minute, Severity, minute_of

NAMES = ("status", "severity", "detector", "service", "api", "endpoint", "actor", "incident", "country", "from", "to", "q")
STATUSES = frozenset(get_args(Status))
SEVERITIES = frozenset(severity.label for severity in Severity)
LONGEST = 500


def unknown(_actor: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """What is empty lets everything through. Times are minutes; an alert is in a time that it overlaps."""

    status: frozenset[str] = frozenset()
    severity: frozenset[str] = frozenset()
    detector: frozenset[str] = frozenset()
    service: str = ""
    api: str = ""
    endpoint: str = ""
    actor: str = ""
    incident: str = ""
    since: Minute | None = None
    until: Minute | None = None
    text: str = ""
    country: frozenset[str] = frozenset()
    country_of: Callable[[str], str] = field(default=unknown, compare=False)
    """Two letters, or "", of an actor."""

    def keeps(self, row: Row) -> bool:
        return (
            (not self.status or row.status in self.status)
            and (not self.severity or row.severity in self.severity)
            and (not self.detector or row.detector in self.detector)
            and self.service in ("", row.service)
            and self.api in ("", row.api)
            and self.endpoint in ("", row.endpoint)
            and self.actor in ("", row.actor)
            and self.incident in ("", row.incident)
            and (self.since is None or row.last >= self.since)
            and (self.until is None or row.first <= self.until)
            and (not self.text or self.text in _searched(row))
            and (not self.country or self.country_of(row.actor) in self.country)
        )

    def counted(self, rows: Iterable[Row]) -> tuple[int, dict[str, dict[str, int]]]:
        """How many rows are kept; and for status, severity and detector how many each value would keep, chosen instead. One pass."""
        others = replace(self, status=frozenset(), severity=frozenset(), detector=frozenset())
        statuses, severities, detectors = Counter[str](), Counter[str](), Counter[str]()
        total = 0
        for row in rows if others == AlertFilter() else filter(others.keeps, rows):
            status, severity, detector = (
                not self.status or row.status in self.status,
                not self.severity or row.severity in self.severity,
                not self.detector or row.detector in self.detector,
            )
            total += status and severity and detector
            statuses[row.status] += severity and detector
            severities[row.severity] += status and detector
            detectors[row.detector] += status and severity
        found = {"status": statuses, "severity": severities, "detector": detectors}
        return total, {name: {value: n for value, n in counts.items() if n} for name, counts in found.items()}


def parse(parameters: Mapping[str, str]) -> AlertFilter:
    """From a query; what may be several is separated by commas. Raises ValueError in one sentence that never quotes it."""
    given = {name: parameters.get(name, "").strip() for name in NAMES}
    if any(len(value) > LONGEST for value in given.values()):
        raise ValueError(f"a filter has at most {LONGEST} characters")
    return AlertFilter(
        status=_several(given["status"], STATUSES, "status"),
        severity=_several(given["severity"], SEVERITIES, "severity"),
        detector=frozenset(filter(None, given["detector"].split(","))),
        service=given["service"],
        api=given["api"],
        endpoint=given["endpoint"],
        actor=given["actor"],
        incident=given["incident"],
        since=_minute(given["from"], "from"),
        until=_minute(given["to"], "to"),
        text=given["q"].casefold(),
        country=_countries(given["country"]),
    )


def _searched(row: Row) -> str:
    detector = by_id().get(row.detector)
    return f"{detector.title if detector else ''}\n{row.detector}\n{row.service}\n{row.endpoint}\n{row.actor}\n{row.key[9:]}".casefold()


def _several(text: str, known: frozenset[str], name: str) -> frozenset[str]:
    found = frozenset(filter(None, text.split(",")))
    if found - known:
        raise ValueError(f"{name} must be one or more of {', '.join(sorted(known))}, separated by commas")
    return found


def _countries(text: str) -> frozenset[str]:
    found = frozenset(filter(None, (part.strip().upper() for part in text.split(","))))
    if not all(len(part) == 2 and part.isascii() and part.isalpha() for part in found):
        raise ValueError("country must be one or more codes of two letters, separated by commas")
    return found


def _minute(text: str, name: str) -> Minute | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f'{name} must be a time such as "2027-01-31T00:00:00Z"') from None
    return minute_of(at if at.tzinfo else at.replace(tzinfo=UTC))
