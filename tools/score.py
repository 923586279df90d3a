"""Alerts against the truth of labelled traffic: what was found, how soon, and what was false. Pure.

An alert is true when it overlaps an attack of the evaluation phase and neither endpoint nor address contradict;
false alerts of one (detector, endpoint, actor) less than 80 minutes apart are one episode; episodes inside a labelled benign surge are counted apart.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

import msgspec

from model import Alert, is_service_endpoint

GAP = 80 * 60
MARGIN = 20 * 60
SURGES = ("launch_ramp", "month_end_export")
ANYBODYS = "cred_stuffing"
"""An attack that names one address and comes from many."""


class Attack(msgspec.Struct, frozen=True, kw_only=True):
    """Times are epoch seconds; `endpoint` "*" is many; `ip` None is a distributed attack."""

    id: str | int
    type: str
    intensity: int
    method: str
    endpoint: str
    start: float
    end: float
    phase: str
    ip: str | None = None
    event_lines: list[int] = []


class Benign(msgspec.Struct, frozen=True):
    type: str
    start: float
    end: float


class Truth(msgspec.Struct, frozen=True):
    """What is known of a file of labelled traffic."""

    t0: float
    eval_start: float
    end: float
    benign: list[Benign]
    attacks: list[Attack]

    def surging(self, moment: float) -> bool:
        return any(one.type in SURGES and one.start - MARGIN <= moment <= one.end + MARGIN for one in self.benign)


@dataclass(frozen=True, slots=True)
class Score:
    """`false` and `surges`: detector -> episodes. `found`: attack type -> for each intensity (found, all). `delays`: type -> minutes, median."""

    days: float
    false: Counter[str] = field(default_factory=Counter)
    surges: Counter[str] = field(default_factory=Counter)
    false_incidents: int = 0
    incidents: int = 0
    found: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    delays: dict[str, float | None] = field(default_factory=dict)


def score(truth: Truth, alerts: Iterable[Alert], since: float | None = None, until: float | None = None) -> Score:
    """`since`, `until`: epoch seconds of the time that is scored; without them the whole evaluation phase."""
    since, until = since if since is not None else truth.eval_start, until if until is not None else truth.end
    attacks = [one for one in truth.attacks if one.phase == "eval" and one.start >= since and one.end <= until]
    raised: dict[str | int, float] = {}
    false: list[tuple[str, str, str, float]] = []
    incidents: dict[str, bool] = {}
    for alert in sorted(alerts, key=lambda one: (one.first, one.id)):
        start, end = alert.first * 60.0, (alert.last + 1) * 60.0
        if end < since or start > until:
            continue
        hits = [one for one in attacks if _agrees(alert, one, start, end)]
        for one in hits:
            raised[one.id] = min(raised.get(one.id, float("inf")), (alert.raised + 1) * 60.0)
        if alert.incident:
            incidents[alert.incident] = incidents.get(alert.incident, False) or bool(hits) or truth.surging(start)
        if not hits:
            false.append((alert.detector, str(alert.endpoint), alert.sighting.actor or "", start))
    episodes, surges = Counter[str](), Counter[str]()
    last: tuple[str, str, str, float] | None = None
    for one_false in sorted(false):
        if last is None or last[:3] != one_false[:3] or one_false[3] - last[3] > GAP:
            (surges if truth.surging(one_false[3]) else episodes)[one_false[0]] += 1
        last = one_false
    found: dict[str, list[tuple[int, int]]] = {}
    delays: dict[str, float | None] = {}
    for kind in sorted({one.type for one in attacks}):
        of_kind = [one for one in attacks if one.type == kind]
        found[kind] = [
            (sum(one.id in raised for one in of_kind if one.intensity == level), sum(one.intensity == level for one in of_kind))
            for level in range(3)
        ]
        late = [(raised[one.id] - one.start) / 60 for one in of_kind if one.id in raised]
        delays[kind] = round(median(late), 1) if late else None
    days = (until - since) / 86_400
    return Score(days, episodes, surges, sum(not true for true in incidents.values()), len(incidents), found, delays)


def _agrees(alert: Alert, attack: Attack, start: float, end: float) -> bool:
    if attack.start > end or attack.end < start:
        return False
    if attack.endpoint != "*" and not is_service_endpoint(alert.endpoint) and str(alert.endpoint) != f"{attack.method} {attack.endpoint}":
        return False
    actor = alert.sighting.actor
    return not actor or not attack.ip or attack.type == ANYBODYS or actor == attack.ip
