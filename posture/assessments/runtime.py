"""What only traffic can tell: endpoints that answer everybody, that nobody calls, and APIs that send no events."""

from collections.abc import Iterator, Mapping

from model import Severity
from posture.assessments import Context, Evidence, Verdict, assessment, healthy, judged, not_applicable, unhealthy, unknown
from posture.assessments.apis import gone, known
from posture.facts import EndpointFacts
from posture.policies import NotUnderstood, effective, scopes_of
from posture.snapshot import Snapshot

CAPTURE, EMIT = "gatewatch-capture", "gatewatch-emit"


def _by_operation(snapshot: Snapshot, context: Context) -> Iterator[tuple[str, EndpointFacts | None]]:
    """Every operation of every API in use, with what traffic says about it."""
    facts: Mapping[tuple[str, str, str], EndpointFacts] = {}
    if context.traffic is not None:
        facts = {(one.api, one.method, one.template): one for one in context.traffic.endpoints}
    for path, api in snapshot.apis.items():
        if gone(api):
            continue
        for id, operation in api.operations.items():
            yield f"{path}/operations/{id}", facts.get((api.base_id, operation.method, operation.template))


@assessment(
    id="endpoint-unauthenticated",
    title="API endpoints in Azure API Management should be authenticated",
    severity=Severity.HIGH,
    resource="operation",
    when="within 30 days it answered 2xx to callers who had proven nothing: no key, token or certificate.",
    why="Whoever finds the address gets what it answers.",
    steps=("Put <validate-jwt> or <validate-azure-ad-token> into <inbound> of the API's or the operation's policy.", "Set properties.subscriptionRequired of the API to true.", "If the backend authenticates every call, exempt it and say so."),
    policy="8ac833bd-f505-48d5-887e-c993a1d3eea0",
    defender="91af2040-7874-4659-abf0-578e1f8d07dc",
    mcsb=("IM-4",),
    owasp=("API2:2023",),
)  # fmt: skip
def endpoint_unauthenticated(snapshot: Snapshot, context: Context) -> Iterator[Verdict]:
    for path, facts in _by_operation(snapshot, context):
        if facts is None or facts.authentication == "Awaiting data":
            yield unknown(path, "awaiting data")
        else:
            wrong = facts.authentication in ("Unauthenticated", "Mixed")
            yield judged(path, [Evidence("authentication", facts.authentication)] if wrong else [])


@assessment(
    id="endpoint-unused",
    title="API endpoints that are unused should be disabled and removed from the Azure API Management service",
    severity=Severity.LOW,
    resource="operation",
    when="it was watched for 30 days and nobody called it.",
    why="What nobody uses nobody looks after, and it still answers.",
    steps=("Ask the API's team.", "Delete the operation, or take the API's revision offline: properties.isOnline false."),
    policy="c8acafaf-3d23-44d1-9624-978ef0f8652c",
    defender="4e8c00a2-e8bc-42a8-9e12-99584a51ad10",
    mcsb=("AM-3",),
    owasp=("API9:2023",),
)
def endpoint_unused(snapshot: Snapshot, context: Context) -> Iterator[Verdict]:
    for path, facts in _by_operation(snapshot, context):
        if facts is None or facts.status == "Awaiting data":
            yield unknown(path, "awaiting data")
        else:
            yield judged(path, [Evidence("calls in 30 days", "0")] if facts.status == "Inactive" else [])


@assessment(
    id="api-not-watched",
    title="Azure API Management APIs should be watched by Gatewatch",
    severity=Severity.HIGH,
    resource="API",
    when="the fragments gatewatch-capture and gatewatch-emit are not effective at the API.",
    why="Of its calls nothing is seen: no alerts, no inventory.",
    steps=("Run python -m tools.onboard plan --subscription … --resource-group … --service … --api <id>, and look at what it would change.", "Run it with apply --yes."),
    owasp=("API9:2023",),
)  # fmt: skip
def api_not_watched(snapshot: Snapshot, context: Context) -> Iterator[Verdict]:
    deployed = {CAPTURE, EMIT} <= snapshot.fragments.keys()
    for path, api in known(snapshot):
        if reason := gone(api) or ("a WebSocket API has policies for its handshake only" if api.type == "websocket" else ""):
            yield not_applicable(path, reason)
        elif context.traffic is None and not deployed:
            yield unknown(path, "Gatewatch is not deployed at this service, and its traffic is not known")
        elif gap := snapshot.gaps.get("policies"):
            yield unknown(path, f"policies: {gap}")
        else:
            yield watched(snapshot, path)


def watched(snapshot: Snapshot, path: str) -> Verdict:
    """Whether the fragments that send events are effective at an API."""
    try:
        inbound, outbound = (
            {one.element.attributes.get("fragment-id") for one in effective(snapshot, scopes_of(path), section) if one.element.tag == "include-fragment"}
            for section in ("inbound", "outbound")
        )  # fmt: skip
    except NotUnderstood as why:
        return unknown(path, str(why))
    missing = [f"inbound: {CAPTURE}"] if CAPTURE not in inbound else []
    missing += [f"outbound: {EMIT}"] if EMIT not in outbound else []
    return unhealthy(path, *(Evidence("include-fragment", one) for one in missing)) if missing else healthy(path)
