"""Suppression rules: what analysts do not want to be told for a while; and what they expect, which the baseline may learn."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from ipaddress import ip_address, ip_network

import msgspec

from alerts.request_body import LONGEST_TEXT, decoded, is_text, reason
from detectors import Detector, by_id
from intel.addresses import canonical_ip
from model import WINDOW_MINUTES, Alert, AlertKey, Minute, StatusClass, alert_key, moment
from windows.record import WindowRow, untainted

EXPECTED = timedelta(hours=24)
"""How long what an analyst calls expected is suppressed."""
LONGEST_PERSONAL = timedelta(days=30)
"""For which an address or an identity may be kept."""
LONGEST = timedelta(days=396)
PERSONAL_PREFIX = {4: 29, 6: 48}
"""Networks of this length, or longer, are somebody's: a household, not a provider."""
IDENTITIES = ("subscription:", "user:", "subject:")
WIDEST = {4: 16, 6: 32}
"""A network wider than this is a provider's or a country's: a rule for it at every endpoint is asked for twice."""
MANY = 10
MOST_SHARE = 0.5
"""And so is a rule that would have covered more than this share of the alerts of late, and at least MANY."""
MOST = 500
"""Rules in force at a time: each is compared with every finding."""
FORM = '{"detector": "API_SprayInRequests", "actor": "203.0.113.0/24", "until": "2027-01-31T00:00:00Z", "comment": "our own scanner"}'


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is left out matches everything. `actor`: an address, a network or an identity as alerts spell it. `endpoint`: "GET /v1/search"."""

    id: str
    made: datetime
    by: str
    since: datetime
    until: datetime
    detector: str = ""
    service: str = ""
    api: str = ""
    endpoint: str = ""
    actor: str = ""
    comment: str = ""
    alert: str = ""
    """The alert that was called expected; such a rule covers only what that alert is about, and teaches the baseline."""
    status_class: StatusClass | None = None
    parameter: str | None = None

    @property
    def teaches(self) -> bool:
        return bool(self.alert)

    @property
    def personal(self) -> bool:
        return _is_personal(self.actor)

    @property
    def broadest(self) -> str:
        """The key that says what the rule is about."""
        return next(key for key in ("actor", "endpoint", "api", "service", "detector") if getattr(self, key))

    @property
    def scope(self) -> str:
        return str(getattr(self, self.broadest))

    def names(self, actor: str) -> bool:
        """Whether it names an actor: itself, or a network so small that it is somebody's."""
        return self.personal and covers(self.actor, actor)


def would_cover(rule: Rule, alerts: Iterable[Alert], detectors: Mapping[str, Detector] | None = None) -> list[Alert]:
    """Those of these alerts that the rule is about, whenever they were."""
    known = by_id() if detectors is None else detectors
    return [alert for alert in alerts if alert.detector in known and _covers(rule, alert_key(alert, known[alert.detector].key))]


class Rules:
    """Rules by which findings are compared; one that teaches goes before one that does not."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.all = tuple(sorted(rules, key=lambda rule: (not rule.teaches, rule.made, rule.id)))

    def __bool__(self) -> bool:
        return bool(self.all)

    def of(self, key: AlertKey, first: Minute, end: Minute) -> Rule | None:
        """The rule that covers this between two minutes."""
        for rule in self.all:
            if rule.since < moment(end) and rule.until > moment(first) and _covers(rule, key):
                return rule
        return None

    def teaching(self, key: AlertKey, first: Minute, end: Minute) -> bool:
        rule = self.of(key, first, end)
        return rule is not None and rule.teaches


def _covers(rule: Rule, key: AlertKey) -> bool:
    detector, endpoint, status_class, actor, parameter = key
    return (
        rule.detector in ("", detector)
        and rule.service in ("", endpoint.service)
        and rule.api in ("", endpoint.api)
        and rule.endpoint in ("", str(endpoint))
        and (not rule.actor or covers(rule.actor, actor))
        and (not rule.alert or (rule.status_class == status_class and rule.parameter == parameter))
    )


def covers(wanted: str, actor: str | None) -> bool:
    """Whether an actor is the one that a rule names, or in the network that it names."""
    if "/" not in wanted or wanted.startswith(IDENTITIES) or not actor:
        return wanted == actor
    try:
        address = ip_address(actor)
    except ValueError:
        return False
    network = _network(wanted)
    return address.version == network.version and address in network


def expected(alert: Alert, detector: Detector, by: str, now: datetime) -> Rule:
    """The rule that an alert's being expected makes; the same alert always makes the same one."""
    key = alert_key(alert, detector.key)
    return Rule(
        id=alert.id, made=now, by=by, since=moment(alert.first), until=now + EXPECTED, detector=alert.detector, service=alert.endpoint.service,
        api=alert.endpoint.api, endpoint=str(alert.endpoint), actor=key.actor or "", alert=alert.id,
        status_class=key.status_class, parameter=key.parameter,
    )  # fmt: skip


def learnable(row: WindowRow, rules: Iterable[Rule], detectors: Mapping[str, Detector] | None = None) -> WindowRow:
    """The window with the series unmarked that were found only because of what was expected."""
    known = by_id() if detectors is None else detectors
    start, end = moment(row.window), moment(row.window + WINDOW_MINUTES)
    series = dict(row.record.series)
    for rule in rules:
        detector = known.get(rule.detector)
        if detector is None or not (rule.teaches and detector.taints and rule.since < end and rule.until > start):
            continue
        if (rule.service, rule.api, rule.endpoint) != (row.endpoint.service, row.endpoint.api, str(row.endpoint)):
            continue
        name = detector.taints.format(status_class=rule.status_class, parameter=rule.parameter)
        if name in series:
            series[name] = untainted(series[name])
    if series == row.record.series:
        return row
    return WindowRow(row.endpoint, row.window, msgspec.structs.replace(row.record, series=series))


class SuppressionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a POST: what is asked for."""

    until: datetime
    since: datetime | None = None
    detector: str = ""
    service: str = ""
    api: str = ""
    endpoint: str = ""
    actor: str = ""
    comment: str = ""
    confirm: str = ""
    """The value of the rule's broadest key, where it covers so much that it is asked for twice."""


def parse_confirmed(body: bytes, id: str, by: str, now: datetime) -> tuple[Rule, str]:
    """The rule that a request asks for, and what it confirms. Raises ValueError as `parse` does."""
    request = _decoded(body)
    return _rule(request, id, by, now, by_id()), request.confirm.strip()


def too_broad(rule: Rule, covered: int, of: int) -> str:
    """Why a rule would blind more than somebody may mean: a sentence, "" where it would not. `covered` `of` so many alerts of late."""
    if not (rule.detector or rule.endpoint or rule.actor):
        return "it silences every detector for a whole service or API"
    if "/" in rule.actor and not rule.actor.startswith(IDENTITIES) and not rule.endpoint:
        network = _network(rule.actor)
        if network.prefixlen < WIDEST[network.version]:
            return f"its network is wider than /{WIDEST[network.version]}"
    if covered >= MANY and covered > MOST_SHARE * of:
        return f"it would have covered {covered} of the {of} alerts of the last days"
    return ""


def parse(body: bytes, id: str, by: str, now: datetime, detectors: Mapping[str, Detector] | None = None) -> Rule:
    """The rule that a request asks for. Raises ValueError in one sentence that never quotes an actor."""
    return _rule(_decoded(body), id, by, now, by_id() if detectors is None else detectors)


def _decoded(body: bytes) -> SuppressionRequest:
    keys = "its keys are until and, all of them optional, since, detector, service, api, endpoint, actor, comment and confirm"
    return decoded(body, SuppressionRequest, f"{FORM}; {keys}")


def _rule(request: SuppressionRequest, id: str, by: str, now: datetime, known: Mapping[str, Detector]) -> Rule:
    texts = (request.detector, request.service, request.api, request.endpoint, request.actor, request.comment)
    if not all(map(is_text, texts)):
        raise ValueError(f"texts must have at most {LONGEST_TEXT} printable characters")
    comment = reason("comment", request.comment)
    if not any(texts[:5]):
        raise ValueError(
            "a rule that covers everything would make Gatewatch blind: name a detector, a service, an api, an endpoint or an actor"
        )
    if request.detector and request.detector not in known:
        close = get_close_matches(request.detector, known, 1, 0.0)
        raise ValueError(f"there is no detector of this id: did you mean {close[0]!r}?" if close else "there is no detector of this id")
    actor = _actor(request.actor.strip()) if request.actor.strip() else ""
    since = request.since or now
    if request.until.tzinfo is None or since.tzinfo is None:
        raise ValueError('times must say their zone, such as "2027-01-31T00:00:00Z"')
    if request.until <= max(now, since):
        raise ValueError("until must be later than now, and than since")
    longest = LONGEST_PERSONAL if _is_personal(actor) else LONGEST
    if request.until > now + longest:
        why = ": an address or an identity is kept no longer" if longest == LONGEST_PERSONAL else ""
        raise ValueError(f"until must be within {longest.days} days{why}")
    return Rule(
        id=id, made=now, by=by, since=since.astimezone(UTC), until=request.until.astimezone(UTC), detector=request.detector, service=request.service,
        api=request.api, endpoint=request.endpoint, actor=actor, comment=comment,
    )  # fmt: skip


def _actor(text: str) -> str:
    if text.startswith(IDENTITIES):
        return text
    if "/" in text:
        try:
            found = ip_network(text)
        except ValueError:
            raise ValueError(
                "actor must be an address, a network such as 203.0.113.0/24 whose host bits are zero, or an identity such as user:…"
            ) from None
        if not found.prefixlen:
            raise ValueError("actor must be a network smaller than the whole Internet")
        return str(found.network_address) if found.num_addresses == 1 else str(found)
    if not (address := canonical_ip(text)):
        raise ValueError(
            "actor must be an address, a network such as 203.0.113.0/24, or an identity such as subscription:…, user:… or subject:…"
        )
    return address


_network = lru_cache(2 * MOST)(ip_network)


def _is_personal(actor: str) -> bool:
    if "/" not in actor or actor.startswith(IDENTITIES):
        return bool(actor)
    network = _network(actor)
    return network.prefixlen >= PERSONAL_PREFIX[network.version]
