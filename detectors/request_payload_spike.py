"""A request body far larger than this endpoint has ever been sent."""

from collections.abc import Iterator

from detectors import detector
from model import NOBODY, Severity, Sighting
from windows.baseline import Baseline
from windows.window import Window

SIZES = "0 2xx"
"""The logarithms of the bytes of successful requests in a baseline."""


@detector(
    id="API_SpikeInPayload_Request",
    alert_type="API_SpikeInPayload",
    title="Unusually large request body transmitted between a single IP address and an API endpoint",
    severity=Severity.MEDIUM,
    sees="One client IP sent a request body far larger than almost any that this endpoint has received.",
    causes="An attempt to exhaust the backend or a parser, to upload a tool or to overwrite many fields at once; or a new client that sends more in one call.",
    remediation=(
        "Limit the size of request bodies on the operation (validate-content with max-size).",
        "Look at what was sent, in the backend's own log, and whether it was stored.",
    ),
    tactic="InitialAccess",
    techniques=("T1190", "T1499.004", "T1105"),
    owasp_2019=("API4", "API8"),
    owasp_2023=("API4", "API3"),
    min_days=1,
    min_calls=200,
    grows="busiest_request",
    least=("floor",),
)
def request_payload_spike(
    window: Window,
    baseline: Baseline,
    *,
    ratio: float = 2.0,  # times the 10th-largest body: no false alert where mean + 10 sd still had some
    ever_ratio: float = 2.0,  # times the largest body ever, where bodies are too few to have a 10th or are spread widely
    few: int = 500,  # (IP, window) pairs below which the 10th-largest says too little
    heavy: float = 1.5,  # deviation of the logarithms from which on bodies are spread widely: uploads
    floor: int = 4096,  # bytes; a smaller body exhausts nothing, and operations that take none have no rank
    high: float = 100.0,  # times the threshold from which on it is severe
) -> Iterator[Sighting]:
    """The largest request body of one IP > max(`floor`, `ratio` x 10th-largest body), and > `ever_ratio` x the largest ever where that says too little. High
    from `high` x the threshold on."""
    if window.busiest_request <= floor:
        return
    usual, ever = baseline.rank("request:call", 10), max(baseline.tops.get("request:call", ()), default=0.0)
    threshold = max(ratio * (usual or 0.0), floor)
    logs = baseline.logs.get(SIZES)
    wide = logs is not None and logs.deviation is not None and logs.deviation > heavy
    if usual is None or wide or sum(baseline.pairs.values()) < few:
        threshold = max(threshold, ever_ratio * ever)
    if window.busiest_request <= threshold:
        return
    for ip in window.touched:
        observed = window.bytes[ip][2]
        if observed > threshold and ip not in NOBODY:
            yield Sighting(observed, usual, threshold, "bytes", actor=ip, severity=Severity.HIGH if observed >= high * threshold else None)
