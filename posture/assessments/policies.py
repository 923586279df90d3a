"""What policies say: inheritance, cross-origin calls, limits, tokens, secrets, validation."""

from collections.abc import Iterator

from model import Severity
from posture.assessments import Context, Evidence, Verdict, assessment, healthy, judged, not_applicable, unhealthy, unknown
from posture.assessments.apis import by_policy, gone, known
from posture.assessments.service import is_consumption
from posture.policies import SECTIONS, Effective, NotUnderstood, effective, root_of, scopes_of, section_of
from posture.policy_text import Element
from posture.snapshot import Policy, Snapshot

LIMITS = frozenset({"rate-limit", "rate-limit-by-key", "quota", "quota-by-key", "llm-token-limit", "azure-openai-token-limit"})
VALIDATES = frozenset({"validate-content", "validate-parameters"})


def documents(snapshot: Snapshot, *, fragments: bool = True) -> Iterator[tuple[str, Policy, Element | None]]:
    """(path of the resource, document, its root) of every policy and fragment; None where it is not understood."""
    for scope, policy in snapshot.policies.items():
        yield f"{scope}/policies/policy" if scope else "policies/policy", policy, root_of(policy.text)
    for id, policy in snapshot.fragments.items() if fragments else ():
        yield f"policyFragments/{id}", policy, root_of(policy.text)


def _problem(policy: Policy) -> str:
    return policy.problem or "not understood"


@assessment(
    id="policy-base",
    title="API Management policies should inherit parent scope policies using <base />",
    severity=Severity.MEDIUM,
    resource="policy",
    when="a section of a policy below all APIs, or a missing one, has no <base /> anywhere.",
    why="What is demanded of all APIs, authentication and logging among it, does not run there. Azure Policy's own check also wants <base /> as the first child of its section; Gatewatch's fragments stand before it, because a call that a parent's policy refuses must be seen too.",
    steps=("Put <base /> into each of <inbound>, <backend>, <outbound>, <on-error> of the policy.", "Add a section that is missing, with <base />."),
    policy="d5448c98-e503-4fdd-bcd2-784960c00d04",
    owasp=("API8:2023",),
)  # fmt: skip
def policy_base(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, policy, root in documents(snapshot, fragments=False):
        if path == "policies/policy":
            yield not_applicable(path, "all APIs have no parent")
        elif root is None:
            yield unknown(path, _problem(policy))
        else:
            bare = []
            for name in SECTIONS:
                section = section_of(policy.text, name)
                if section is None or not any(one.tag == "base" for one in section.walk()):
                    bare.append(Evidence(name, "missing" if section is None else "without <base />"))
            yield judged(path, bare)


@assessment(
    id="cors-wildcard",
    title="Cross-origin policies should not use wildcards",
    severity=Severity.MEDIUM,
    resource="policy",
    when="an allowed origin is *; High with allow-credentials; Low where only a method or header is *.",
    why="Every web page may call the API with its visitor's browser.",
    steps=("Name the origins in <allowed-origins> of <cors>.", "Name methods and headers.", "Never set allow-credentials with a wildcard."),
    owasp=("API8:2023",),
)
def cors_wildcard(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, policy, root in documents(snapshot):
        if root is None:
            yield unknown(path, _problem(policy))
            continue
        rules = [one for one in root.walk() if one.tag == "cors"]
        wild = {
            tag: [one for rule in rules for one in _texts(rule, policy.text, tag) if one == "*"] for tag in ("origin", "method", "header")
        }
        with_credentials = any(_flag(rule, "allow-credentials") and "*" in _texts(rule, policy.text, "origin") for rule in rules)
        severity = Severity.HIGH if with_credentials else None if wild["origin"] else Severity.LOW
        yield judged(path, [Evidence(f"cors/{tag}", "*") for tag, found in wild.items() if found], severity)


def _texts(rule: Element, text: str, tag: str) -> list[str]:
    return [text[one.inner_start : one.inner_end].strip() for one in rule.walk() if one.tag == tag]


def _flag(element: Element, name: str) -> bool:
    return element.attributes.get(name, "").strip().casefold() == "true"


@assessment(
    id="no-rate-limit",
    title="APIs should limit calls",
    severity=Severity.MEDIUM,
    resource="API or operation",
    when="none of rate-limit, rate-limit-by-key, quota, quota-by-key, llm-token-limit is effective, nor in every product through which alone it can be called.",
    why="Ids can be tried one after the other, passwords guessed, backends overrun.",
    steps=('Put <rate-limit-by-key calls="…" renewal-period="60" counter-key="@(context.Subscription?.Id ?? context.Request.IpAddress)" /> into <inbound> of the API\'s policy.', "In the Consumption tier use <rate-limit>; the others do not exist there."),
    owasp=("API4:2023",),
)  # fmt: skip
def no_rate_limit(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    hint = "rate-limit" if snapshot.service is not None and is_consumption(snapshot.service) else "rate-limit-by-key"
    for path, api in known(snapshot):
        if reason := gone(api):
            yield not_applicable(path, reason)
            continue
        if api.subscription_required and _limited_by_products(snapshot, path, api.base_id):
            yield healthy(path, Evidence("products", "each limits calls"))
            continue

        def judge(where: str, elements: list[Effective]) -> Verdict:
            return (
                healthy(where)
                if any(one.element.tag in LIMITS for one in elements)
                else unhealthy(where, Evidence("inbound", f"no {hint}"))
            )

        yield from by_policy(snapshot, path, api, judge)


def _limited_by_products(snapshot: Snapshot, path: str, api: str) -> bool:
    """Whether an API that demands a key is only sold through products that limit calls, and no key opens it otherwise."""
    products = [one for one, product in snapshot.products.items() if api in (product.apis or ())]
    scopes = {one.scope.casefold() for one in snapshot.subscriptions.values() if one.state.casefold() == "active" and one.id != "master"}
    if not products or scopes & {"apis", f"apis/{api}".casefold(), ""}:
        return False
    try:
        return all(any(e.element.tag in LIMITS for e in effective(snapshot, scopes_of(path, product=one))) for one in products)
    except NotUnderstood:
        return False


@assessment(
    id="jwt-weak",
    title="Token validation should check audience, issuer, expiry and signature",
    severity=Severity.HIGH,
    resource="policy",
    when="a validate-jwt names neither audiences nor issuers, or has require-expiration-time or require-signed-tokens false.",
    why="A token that was made for another application, has ended, or was signed by nobody opens the API.",
    steps=("Add <audiences> and <issuers> to <validate-jwt>.", 'Remove require-expiration-time="false" and require-signed-tokens="false": true is the default.'),
    owasp=("API2:2023",),
)  # fmt: skip
def jwt_weak(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, policy, root in documents(snapshot):
        if root is None:
            yield unknown(path, _problem(policy))
            continue
        rules = [one for one in root.walk() if one.tag == "validate-jwt"]
        if not rules:
            yield not_applicable(path, "no validate-jwt")
            continue
        wrong = []
        for rule in rules:
            if not {child.tag for child in rule.children} & {"audiences", "issuers"}:
                wrong.append(Evidence("validate-jwt", "neither audiences nor issuers"))
            wrong += [
                Evidence(f"validate-jwt@{name}", "false")
                for name in ("require-expiration-time", "require-signed-tokens")
                if rule.attributes.get(name, "").strip().casefold() == "false"
            ]
        yield judged(path, wrong)


@assessment(
    id="inline-secret",
    title="Policies should not hold secrets",
    severity=Severity.HIGH,
    resource="policy",
    when="a key, a Basic or Bearer credential or a password stands in a policy outside {{…}}.",
    why="Everybody who may read the policy, its history and every export has it.",
    steps=(
        "Renew the secret: it has been readable.",
        "Make a named value with a Key Vault reference of it.",
        "Write {{name}} in the policy instead.",
    ),
    mcsb=("IM-8",),
    owasp=("API8:2023",),
)
def inline_secret(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, policy, root in documents(snapshot):
        if root is None:
            yield unknown(path, _problem(policy))
        else:
            yield judged(path, [Evidence(where, f"looks like: {kind}") for where, kind in policy.secrets])


@assessment(
    id="no-validation",
    title="APIs should validate requests against their description",
    severity=Severity.INFORMATIONAL,
    resource="API or operation",
    when="neither validate-content nor validate-parameters is effective.",
    why="The backend gets whatever callers invent: fields that nobody described, bodies of any size.",
    steps=(
        "Import the API's description with its schemas.",
        "Put <validate-parameters> and <validate-content> into <inbound>, first with action detect, then prevent.",
    ),
    owasp=("API3:2023",),
)
def no_validation(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, api in known(snapshot):
        if reason := gone(api):
            yield not_applicable(path, reason)
            continue

        def judge(where: str, elements: list[Effective]) -> Verdict:
            found = any(one.element.tag in VALIDATES for one in elements)
            return healthy(where) if found else unhealthy(where, Evidence("inbound", "no validate-content, no validate-parameters"))

        yield from by_policy(snapshot, path, api, judge)
