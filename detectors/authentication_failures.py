"""Many calls refused for who they come from: passwords or tokens being tried, by one IP or by many."""

from collections.abc import Iterator

from detectors import detector
from model import NOBODY, Severity, Sighting
from windows.baseline import Baseline
from windows.window import Window


@detector(
    id="API_AuthenticationFailures",
    title="Suspicious number of authentication failures at an API endpoint",
    severity=Severity.MEDIUM,
    sees="Far more calls than usual were refused with 401 or 403: together within 20 minutes, or from one client IP.",
    causes="Credential stuffing, password spraying, a brute force of keys or tokens; or an expired key or certificate of a busy client.",
    remediation=(
        "Look for a success after the failures: the alert says when there was one, and that account or key is lost.",
        "Lock or slow down after failures, in the backend, and limit refused calls per IP at the gateway.",
        "If the failures come from a known client, its key, token or certificate has expired.",
    ),
    tactic="CredentialAccess",
    techniques=("T1110.004", "T1110.003", "T1110"),
    owasp_2019=("API2", "API4"),
    owasp_2023=("API2", "API4"),
    min_days=1,
    taints="auth",
    refractory=2 * 60,
    grows="refusals",
    least=("floor", "ip_floor"),
)
def authentication_failures(
    window: Window,
    baseline: Baseline,
    *,
    k: float = 1.25,  # own residuals above the season
    c: float = 3.0,  # deviations above the moving average
    floor: int = 11,  # refused calls in 20 minutes by all together; in 176 days of ordinary traffic 10 were the most
    ratio: float = 3.0,  # times the 30-day mean
    ip_floor: int = 10,  # refused calls of one IP
    ip_ratio: float = 1.5,  # times the 10th-largest (IP, window) of 30 days
    own_ratio: float = 1.5,  # times the IP's own largest, if it is a regular
    high: int = 100,  # refused calls from which on it is severe
) -> Iterator[Sighting]:
    """401 and 403 of everyone > max(rule B, `ratio` x 30-day mean, `floor` - 1); or of one IP > max(`ip_floor`, `ip_ratio` x
    10th-largest, `own_ratio` x its own largest). High from `high` on, or when an IP was let in after ten refusals."""
    total = window.refusals
    if not total:
        return
    usual = baseline.series.get("auth")
    mean = usual.mean if usual else 0.0
    if total >= floor and total > ratio * mean:
        threshold = max(baseline.threshold("auth", window.start, k, c), ratio * mean, floor - 1)
        if total > threshold:
            yield Sighting(
                total,
                baseline.expected("auth", window.start),
                threshold,
                "refused calls",
                severity=Severity.HIGH if window.entered or total >= high else None,
                mean=mean,
                deviation=usual.deviation if usual else 0.0,
                evidence={"client IPs": len(window.refused), "IPs that got in afterwards": len(window.entered)},
            )
    rank = baseline.rank("refused", 10)
    for ip in window.refused.keys() & window.touched:
        refused = window.refused[ip]
        if refused <= ip_floor or ip in NOBODY:
            continue
        threshold = max(ip_floor, ip_ratio * (rank or 0.0), own_ratio * window.regulars.get("refused", {}).get(ip, 0.0))
        if refused > threshold:
            yield Sighting(
                refused,
                rank,
                threshold,
                "refused calls",
                actor=ip,
                severity=Severity.HIGH if ip in window.entered or refused >= high else None,
                evidence={"answered 2xx afterwards": int(ip in window.entered)},
            )
