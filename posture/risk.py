"""How much an endpoint or a recommendation matters: a sum of printed points, and what would lower it. What is not known adds nothing and is named."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from posture.facts import EndpointFacts

Band = Literal["Low", "Medium", "High", "Critical"]
SENSITIVITY = {1: 10, 2: 18, 3: 25}
ASSESSMENTS = {"High": 6, "Medium": 3, "Low": 1}
MOST_OF_ASSESSMENTS = 15
SEVERITIES = {"High": 50, "Medium": 30, "Low": 12, "Informational": 4}


class Point(NamedTuple):
    why: str
    points: int


class Risk(NamedTuple):
    """`score` 0 to 100, the sum of `points` within these bounds; `lower`: what would lower it, most first; `unknown`: what is not known and may raise it."""

    score: int
    band: Band
    points: tuple[Point, ...]
    lower: tuple[str, ...]
    unknown: tuple[str, ...]


def band(score: int) -> Band:
    return "Critical" if score >= 75 else "High" if score >= 50 else "Medium" if score >= 25 else "Low"


def score(facts: EndpointFacts, assessments: Mapping[str, int] | None = None, *, reachable: bool | None = None) -> Risk:
    """The risk of one endpoint. `assessments`: open ones of it or its parents by severity; `reachable`: whether the configuration lets the internet in, None unknown."""
    gains: list[tuple[Point, str]] = []
    unknown: list[str] = []
    exposed = _exposure(facts, reachable, gains, unknown)
    _authentication(facts, gains, unknown)
    if facts.sensitivity:
        names = ", ".join(facts.sensitive[:3]) or "sensitive data"
        gains.append((Point(f"carries {names}", SENSITIVITY[facts.sensitivity]), f"send less: leave {names} out of what is answered"))
    by_severity = {name: (assessments or {}).get(name, 0) for name in ASSESSMENTS}
    total = min(MOST_OF_ASSESSMENTS, sum(ASSESSMENTS[name] * n for name, n in by_severity.items()))
    if total:
        words = ", ".join(f"{n} {name}" for name, n in by_severity.items() if n)
        gains.append((Point(f"open recommendations: {words}", total), "follow the recommendations of the endpoint and its API"))
    if facts.open_alerts:
        gains.append((Point(f"open alerts: {facts.open_alerts}", 10), "look into its open alerts and close them"))
    if facts.is_shadow or facts.deviations:
        what = "described by no operation" if facts.is_shadow else f"does other than described: {facts.deviations}"
        gains.append((Point(what, 8), "describe it as it is, or switch it off"))
    points = [point for point, _ in gains]
    if facts.status == "Inactive" and not exposed:
        points.append(Point("unused and not exposed", -10))
    elif facts.status == "Awaiting data":
        unknown.append("use: awaiting data")
    found = min(100, max(0, sum(point.points for point in points)))
    lower = tuple(f"{how} (−{point.points})" for point, how in sorted(gains, key=lambda gain: -gain[0].points))
    return Risk(found, band(found), tuple(points), lower, tuple(unknown))


def _exposure(facts: EndpointFacts, reachable: bool | None, gains: list[tuple[Point, str]], unknown: list[str]) -> bool:
    if facts.external:
        gains.append((Point("called from the internet", 25), "let only known networks in: ip-filter, or a private endpoint"))
        return True
    if reachable:
        gains.append((Point("reachable from the internet by its configuration", 15), "set publicNetworkAccess to Disabled with a private endpoint, or use an internal network"))  # fmt: skip
        return True
    if facts.external is None and reachable is None:
        unknown.append("exposure: awaiting data")
    return False


def _authentication(facts: EndpointFacts, gains: list[tuple[Point, str]], unknown: list[str]) -> None:
    if facts.authentication == "Unauthenticated":
        gains.append((Point("answers callers who prove nothing", 30), "add validate-jwt or validate-azure-ad-token to its policy"))
    elif facts.authentication == "Mixed":
        gains.append((Point("answers some callers who prove nothing", 20), "demand authentication on every path: validate-jwt, and subscriptionRequired"))  # fmt: skip
    elif facts.authentication == "Authenticated" and facts.key_only:
        gains.append((Point("a subscription key alone opens it", 8), "add validate-jwt: a key names an application, no person"))
    elif facts.authentication == "Awaiting data":
        unknown.append("authentication: awaiting data")


def of_recommendation(severity: str, affected: int, endpoints: Iterable[int]) -> int:
    """By which recommendations are ordered, 0 to 100: its severity, how many resources, and the worst score of an endpoint that it touches."""
    if not affected:
        return 0
    spread = min(10, affected.bit_length() * 2)
    return min(100, SEVERITIES.get(severity, 0) + spread + max(endpoints, default=0) * 2 // 5)
