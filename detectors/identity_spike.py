"""One identity (a subscription, a user, a token's subject) calls an endpoint more often than almost any did, and than it did itself."""

from collections.abc import Iterator

from detectors import detector
from detectors.actor_spike import anyones_threshold
from model import OTHER, STATUS_CLASSES, Severity, Sighting
from windows.baseline import GROWN_DAYS, Baseline
from windows.window import Window


@detector(
    id="API_SpikeByIdentity",
    title="Suspicious spike in API traffic from a single identity to an API endpoint",
    severity=Severity.MEDIUM,
    sees="One identity called the endpoint far more often within 20 minutes than any identity usually does and than this one did before, whatever its IP addresses.",
    causes="A stolen key or token used by a script or from many addresses, scraping by a registered client; or a new integration, a campaign of that client or a retry loop.",
    remediation=(
        "Ask the owner of the subscription or account whether the load is theirs.",
        "Rotate the key or revoke the tokens if it is not.",
        "Limit calls per identity (rate-limit-by-key on the subscription or the token's subject).",
    ),
    tactic="Impact",
    techniques=("T1078", "T1499.003", "T1119"),
    owasp_2019=("API4", "API2"),
    owasp_2023=("API4", "API6", "API2"),
    watches="identities",
    min_days=3,
    refractory=4 * 60,
    grows="busiest_identity",
    least=("floor", "few_floor"),
)
def identity_spike(
    window: Window,
    baseline: Baseline,
    *,
    floor: int = 30,  # calls in 20 minutes; a person with an app stays below it
    ratio: float = 1.25,  # times the 10th-largest (identity, window) count of 30 days
    own_ratio: float = 1.5,  # times the identity's own largest, if it is a regular
    few_floor: int = 60,  # before day 14, for many may share one subscription, and where fewer than 500 (IP, window) pairs are known
    few_ratio: float = 3.0,  # then: times the largest
    share: float = 0.5,  # of the busiest IP; above it, it is that IP's spike
    high: float = 5.0,  # times the threshold from which on it is severe
) -> Iterator[Sighting]:
    """Calls of one identity and status class > max(`floor`, `ratio` x 10th-largest (identity, window), `own_ratio` x its own largest),
    or while little is known > max(`few_floor`, `few_ratio` x the largest). Not when one IP made more than `share` of them. High
    from `high` x the threshold on."""
    for kind in (2, 3, 4, 5):
        if window.classes[kind] <= min(floor, few_floor):
            continue
        counts, name = window.identities[kind], STATUS_CLASSES[kind - 1]
        measure = f"identity:{name}"
        usual, anyones = anyones_threshold(
            baseline, measure, floor=floor, ratio=ratio, few_floor=few_floor, few_ratio=few_ratio, grown=GROWN_DAYS
        )
        regulars = window.regulars.get(measure, {})
        for identity in window.touched_identities:
            observed = counts.get(identity, 0)
            if observed <= anyones or identity.endswith(OTHER):
                continue
            own = regulars.get(identity)
            threshold = max(anyones, own_ratio * (own or 0.0))
            if observed > threshold and window.busiest[kind] < share * observed:
                yield Sighting(
                    observed,
                    usual,
                    threshold,
                    actor=identity,
                    status_class=name,
                    severity=Severity.HIGH if observed >= high * threshold else None,
                    evidence={"largest of this identity before": own} if own is not None else {},
                )
