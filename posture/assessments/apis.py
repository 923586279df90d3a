"""APIs and their operations: protocols, authentication, wildcards, old revisions."""

from collections.abc import Callable, Iterator

from model import Severity
from posture.arm_json import is_expression
from posture.assessments import Context, Evidence, Verdict, assessment, healthy, judged, not_applicable, unhealthy, unknown
from posture.policies import Effective, NotUnderstood, effective, scopes_of
from posture.snapshot import Api, Snapshot

TOKENS = frozenset({"validate-jwt", "validate-azure-ad-token"})
_REFERENCE = "{{"


def gone(api: Api) -> str:
    """Why an API needs no verdict, "" for one that is in use."""
    if not api.is_current:
        return "not the current revision"
    return "offline" if api.online is False else ""


def known(snapshot: Snapshot) -> Iterator[tuple[str, Api]]:
    """Every API that was read itself, not only something below it."""
    return ((path, api) for path, api in snapshot.apis.items() if path not in snapshot.gaps)


Judge = Callable[[list[Effective]], Verdict]


def by_policy(snapshot: Snapshot, path: str, api: Api, judge: Callable[[str, list[Effective]], Verdict], section: str = "inbound") -> Iterator[Verdict]:  # fmt: skip
    """Verdicts on what runs at an API, and at each operation that has a policy of its own. `judge` gets the path and the elements."""
    if snapshot.gaps.get("policies"):
        yield unknown(path, f"policies: {snapshot.gaps['policies']}")
        return
    own = [id for id in api.operations if f"{path}/operations/{id}" in snapshot.policies]
    own += [scope.split("/")[-1] for scope in snapshot.policies if scope.startswith(f"{path}/operations/") and scope.split("/")[-1] not in api.operations]  # fmt: skip
    if api.operations and set(own) >= set(api.operations):
        yield not_applicable(path, "each of its operations has a policy of its own")
    else:
        verdict = _judged(snapshot, path, scopes_of(path), judge, section)
        unread = snapshot.gaps.get("operation policies")
        if verdict.state == "unhealthy" and unread:
            verdict = unknown(path, f"operation policies: {unread}", *verdict.evidence)
        yield verdict
    for id in own:
        yield _judged(snapshot, f"{path}/operations/{id}", scopes_of(path, id), judge, section)


def _judged(snapshot: Snapshot, path: str, chain: list[str], judge: Callable[[str, list[Effective]], Verdict], section: str) -> Verdict:
    try:
        return judge(path, effective(snapshot, chain, section))
    except NotUnderstood as why:
        return unknown(path, str(why))


@assessment(
    id="api-plaintext",
    title="API Management APIs should use only encrypted protocols",
    severity=Severity.HIGH,
    resource="API",
    when="protocols contains http or ws, at the current revision of an API that is online.",
    why="Keys, tokens and data of such calls can be read and changed on the way.",
    steps=("Move clients to https.", 'Set properties.protocols of the API to ["https"], of a WebSocket API to ["wss"].'),
    policy="ee7495e7-3ba7-40b6-bfee-c29e22cc75d4",
    mcsb=("DP-3",),
    owasp=("API8:2023",),
)
def api_plaintext(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, api in known(snapshot):
        if reason := gone(api):
            yield not_applicable(path, reason)
            continue
        plain = [Evidence(f"properties.protocols[{n}]", one) for n, one in enumerate(api.protocols) if one in ("http", "ws")]
        untold = next((one for one in api.protocols if is_expression(one)), None)
        yield unknown(path, "properties.protocols is an expression of the template") if untold and not plain else judged(path, plain)


def is_plain(address: str, snapshot: Snapshot) -> bool:
    """Whether an address, or the named value that it refers to, is not encrypted."""
    if address.startswith(_REFERENCE):
        name = address[2 : address.find("}}")].strip()
        address = next((one.address for one in snapshot.named_values.values() if name in (one.name, one.id)), "")
    return address.casefold().startswith(("http://", "ws://"))


@assessment(
    id="api-backend-plaintext",
    title="APIs should call their backends over encrypted connections",
    severity=Severity.MEDIUM,
    resource="API or operation",
    when="serviceUrl begins with http://, or base-url of an effective set-backend-service does.",
    why="What the gateway protects travels readable behind it.",
    steps=("Give the backend a certificate and https.", "Set properties.serviceUrl of the API, or base-url of set-backend-service in its policy, to the https address."),
    mcsb=("DP-3",),
    owasp=("API8:2023",),
)  # fmt: skip
def api_backend_plaintext(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, api in known(snapshot):
        if reason := gone(api):
            yield not_applicable(path, reason)
            continue
        if is_plain(api.service_url, snapshot):
            yield unhealthy(path, Evidence("properties.serviceUrl", api.service_url))
            continue

        def judge(where: str, elements: list[Effective]) -> Verdict:
            addresses = [one.element.attributes.get("base-url", "") for one in elements if one.element.tag == "set-backend-service"]
            plain = [one for one in addresses if is_plain(one, snapshot) or (one.startswith("@") and "http://" in one)]
            return judged(where, [Evidence("inbound/set-backend-service@base-url", one if not one.startswith("@") else "@(…http://…)") for one in plain])  # fmt: skip

        if snapshot.gaps.get("policies") == "not in the export":
            yield healthy(path)  # its own address is all that there is to judge
            continue
        for verdict in by_policy(snapshot, path, api, judge):
            yield healthy(path) if verdict.path == path and verdict.state == "notApplicable" else verdict


def proves(one: Effective) -> bool:
    """Whether an element lets only callers through who prove something."""
    element = one.element
    if element.tag in TOKENS or element.tag == "validate-client-certificate":
        return True
    if element.tag == "check-header":
        return element.attributes.get("name", "").casefold() == "authorization"
    return element.tag == "ip-filter" and element.attributes.get("action", "").casefold() == "allow"


@assessment(
    id="api-no-authentication",
    title="APIs should demand authentication at the gateway",
    severity=Severity.HIGH,
    resource="API or operation",
    when="subscriptionRequired is false, and no effective inbound policy is validate-jwt, validate-azure-ad-token, validate-client-certificate, check-header on Authorization or ip-filter allow.",
    why="Everybody who reaches the gateway reaches the backend. The backend may authenticate: at the gateway nothing does.",
    steps=(
        "Put <validate-jwt> or <validate-azure-ad-token> with audiences and issuers into <inbound> of the API's policy, after <base />.",
        "Or set properties.subscriptionRequired of the API to true, and give its clients keys.",
        "If the backend authenticates every call, exempt it and say so.",
    ),
    mcsb=("IM-4",),
    owasp=("API2:2023",),
)  # fmt: skip
def api_no_authentication(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, api in known(snapshot):
        if reason := gone(api):
            yield not_applicable(path, reason)
            continue
        if api.subscription_required is not False:
            yield healthy(path)
            continue

        def judge(where: str, elements: list[Effective]) -> Verdict:
            found = [one for one in elements if proves(one)]
            if any(one.sure for one in found):
                return healthy(where)
            if found:
                return unknown(where, f"{found[0].element.tag} runs under a condition only")
            return unhealthy(
                where, Evidence("properties.subscriptionRequired", "false"), Evidence("inbound", "nothing authenticates at the gateway")
            )

        yield from by_policy(snapshot, path, api, judge)


@assessment(
    id="oauth-declared-only",
    title="APIs that declare OAuth or OpenID should validate tokens",
    severity=Severity.HIGH,
    resource="API or operation",
    when="authenticationSettings names OAuth 2.0 or OpenID, and no token is validated by an effective policy.",
    why="The setting only makes the developer portal's test console send a token. The gateway lets calls without one through.",
    steps=(
        "Put <validate-jwt> with the issuer's openid-config and your audience, or <validate-azure-ad-token>, into <inbound> of the API's policy.",
    ),
    mcsb=("IM-4",),
    owasp=("API2:2023",),
)
def oauth_declared_only(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, api in known(snapshot):
        declared = [one for one in api.authentication if one.casefold().startswith(("oauth2", "openid"))]
        if reason := gone(api) or ("" if declared else "declares no OAuth 2.0 and no OpenID"):
            yield not_applicable(path, reason)
            continue

        def judge(where: str, elements: list[Effective], declared: list[str] = declared) -> Verdict:
            found = [one for one in elements if one.element.tag in TOKENS]
            if any(one.sure for one in found):
                return healthy(where)
            if found:
                return unknown(where, f"{found[0].element.tag} runs under a condition only")
            return unhealthy(where, *(Evidence(f"properties.authenticationSettings.{one}", "declared") for one in declared))

        yield from by_policy(snapshot, path, api, judge)


@assessment(
    id="operation-wildcard",
    title="Operations should not be wildcards",
    severity=Severity.MEDIUM,
    resource="operation",
    when="urlTemplate ends with *.",
    why="Everything below the path reaches the backend, what nobody meant to publish as well.",
    steps=(
        "See in the inventory which endpoints are behind the wildcard.",
        "Describe each as an operation of its own.",
        "Delete the wildcard operation.",
    ),
    owasp=("API5:2023", "API9:2023"),
)
def operation_wildcard(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, api in snapshot.apis.items():
        if gone(api):
            continue
        for id, operation in api.operations.items():
            wrong = operation.template.endswith("*")
            yield judged(f"{path}/operations/{id}", [Evidence("properties.urlTemplate", operation.template)] if wrong else [])


@assessment(
    id="old-revision-online",
    title="Old revisions of APIs should be offline",
    severity=Severity.LOW,
    resource="API revision",
    when="isCurrent is false and isOnline is true.",
    why="Who knows the revision's number calls the old code and the old policy, which nobody looks after.",
    steps=("See in the inventory whether it is still called.", "Set properties.isOnline of the revision to false, or delete it."),
    owasp=("API9:2023",),
)
def old_revision_online(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, api in known(snapshot):
        if api.is_current:
            yield not_applicable(path, "the current revision")
        else:
            yield judged(path, [Evidence("properties.isOnline", "true")] if api.online is True else [])
