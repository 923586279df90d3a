"""One client IP takes far more out of an endpoint with sensitive data within a day than anyone does."""

from collections.abc import Iterator

from detectors import detector
from model import NOBODY, Severity, Sighting
from windows.baseline import Baseline
from windows.window import Window


@detector(
    id="API_DataExfiltration",
    title="Unusual amount of sensitive data taken by a single IP address",
    severity=Severity.HIGH,
    sees="Within 24 hours one client IP was answered with far more data by an endpoint that holds sensitive information than any IP usually is in a day.",
    causes="Exfiltration after broken authorisation or with a stolen account; or a new export, a partner's import, a shared office address.",
    remediation=(
        "Find out which identity was used, and revoke it if it is not theirs.",
        "Find out which records were read: personal data that left may have to be reported.",
        "Set a daily quota per caller on this operation.",
    ),
    tactic="Exfiltration",
    techniques=("T1567", "T1213", "T1119"),
    owasp_2019=("API1", "API3"),
    owasp_2023=("API1", "API3", "API6"),
    min_days=3,
    min_calls=200,
    refractory=12 * 60,
)
def data_exfiltration(
    window: Window,
    baseline: Baseline,
    *,
    floor: int = 100_000,  # bytes answered with success in 24 hours
    ratio: float = 2.0,  # times the 10th-largest (IP, day) of 30 days
    own_ratio: float = 1.5,  # times the IP's own largest day, if it is a regular
) -> Iterator[Sighting]:
    """Bytes of 2xx answers of one IP in 24 hours > max(`floor`, `ratio` x 10th-largest (IP, day), `own_ratio` x its own largest day);
    only where the inventory knows of sensitive information in the answers."""
    if not window.context.sensitive:
        return
    usual = baseline.rank("day:bytes", 10)
    if usual is None:
        return
    for ip in window.touched:
        observed = window.day.taken(ip)
        if observed <= max(floor, ratio * usual) or ip in NOBODY:
            continue
        threshold = max(floor, ratio * usual, own_ratio * window.regulars.get("day:bytes", {}).get(ip, 0.0))
        if observed > threshold:
            yield Sighting(
                observed,
                usual,
                threshold,
                "bytes in 24 hours",
                actor=ip,
                evidence={"information types": ", ".join(window.context.sensitive[:5])},
            )
