"""Products and subscriptions: who may call, with which key."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from model import Severity, moment
from posture.assessments import Context, Evidence, Verdict, assessment, healthy, judged, not_applicable, unhealthy, unknown
from posture.assessments.apis import TOKENS, gone
from posture.assessments.encryption import time_of
from posture.assessments.runtime import watched as _watched
from posture.facts import Traffic
from posture.policies import NotUnderstood, effective, scopes_of
from posture.snapshot import Product, Snapshot, Subscription

MASTER = "master"
"""The built-in subscription of all access; it cannot be removed."""
STALE = timedelta(days=90)


def known(snapshot: Snapshot) -> Iterator[tuple[str, Product]]:
    return ((path, product) for path, product in snapshot.products.items() if path not in snapshot.gaps)


def _lack_tokens(snapshot: Snapshot, path: str, product: Product) -> bool | None:
    """Whether some API of a product validates no token; None where that is not known."""
    if not product.apis or snapshot.gaps.get("policies"):
        return None
    try:
        chains = [scopes_of(f"apis/{api}", product=path) for api in product.apis]
        return any(not any(one.element.tag in TOKENS and one.sure for one in effective(snapshot, chain)) for chain in chains)
    except NotUnderstood:
        return None


@assessment(
    id="product-open",
    title="Products should require a subscription",
    severity=Severity.HIGH,
    resource="product",
    when="subscriptionRequired is false and the product is published. Medium where all its APIs validate tokens.",
    why="Every API of an open product can be called without a key, whatever the API itself demands.",
    steps=(
        "Set properties.subscriptionRequired of the product to true.",
        "Give its callers subscriptions.",
        "Or set properties.state to notPublished.",
    ),
    mcsb=("IM-4",),
    owasp=("API2:2023", "API5:2023"),
)
def product_open(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, product in known(snapshot):
        if product.subscription_required is not False:
            yield healthy(path)
        elif product.state and product.state.casefold() != "published":
            yield not_applicable(path, "not published")
        else:
            severity = Severity.MEDIUM if _lack_tokens(snapshot, path, product) is False else None
            yield unhealthy(path, Evidence("properties.subscriptionRequired", "false"), Evidence("properties.state", product.state or None), severity=severity)  # fmt: skip


@assessment(
    id="product-no-approval",
    title="Products should require approval of subscriptions",
    severity=Severity.LOW,
    resource="product",
    when="approvalRequired is not true, at a product that requires a subscription.",
    why="Everybody who has an account of the developer portal gets a key at once.",
    steps=("Set properties.approvalRequired of the product to true.", "Approve in the portal, or by a workflow of yours."),
    owasp=("API2:2023",),
)
def product_no_approval(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, product in known(snapshot):
        if product.subscription_required is False:
            yield not_applicable(path, "it requires no subscription")
        else:
            value = "false" if product.approval_required is False else None
            yield judged(path, [] if product.approval_required else [Evidence("properties.approvalRequired", value)])


@assessment(
    id="product-sample",
    title="The sample products should be removed",
    severity=Severity.LOW,
    resource="product",
    when="the product is called starter or unlimited.",
    why="They come with the service, open to everybody who signs up; unlimited has no limit of calls.",
    steps=("Move their subscriptions to products of your own.", "Delete products/starter and products/unlimited."),
    owasp=("API8:2023",),
)
def product_sample(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, product in known(snapshot):
        yield judged(path, [Evidence("name", product.id)] if product.id.casefold() in ("starter", "unlimited") else [])


@assessment(
    id="product-guests",
    title="Products should not be visible to guests",
    severity=Severity.MEDIUM,
    resource="product",
    when="the group guests is among the product's groups.",
    why="Everybody who opens the developer portal sees the product and how its APIs work.",
    steps=("Remove the group guests from the product: delete products/<id>/groups/guests.", "Add the groups that need it."),
    owasp=("API9:2023",),
)
def product_guests(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, product in known(snapshot):
        if product.groups is None:
            yield unknown(path, snapshot.gaps.get("product groups", "its groups are not known"))
        else:
            yield judged(path, [Evidence("groups", "guests")] if "guests" in map(str.casefold, product.groups) else [])


@assessment(
    id="subscription-all-apis",
    title="API Management subscriptions should not be scoped to all APIs",
    severity=Severity.MEDIUM,
    resource="subscription",
    when="scope ends with /apis and the subscription is active.",
    why="One lost key opens every API.",
    steps=(
        "Find which APIs its user calls.",
        "Set properties.scope of the subscription to a product or to one API.",
        "Regenerate its keys if too many have them.",
    ),
    policy="3aa03346-d8c5-4994-a5bc-7652c2a2aef1",
    mcsb=("PA-7",),
    owasp=("API5:2023",),
    needs=("subscriptions",),
)
def subscription_all_apis(snapshot: Snapshot, _context: Context) -> Iterator[Verdict]:
    for path, one in snapshot.subscriptions.items():
        if one.id == MASTER:
            yield not_applicable(path, "built in, and cannot be removed: its use is another assessment")
            continue
        wide = one.scope.casefold() == "apis" or one.scope.casefold().endswith("/apis")
        active = one.state.casefold() == "active"
        yield judged(
            path, [Evidence("properties.scope", f"/{one.scope}"), Evidence("properties.state", one.state)] if wide and active else []
        )


@assessment(
    id="master-key-used",
    title="The built-in all-access key should not be used",
    severity=Severity.HIGH,
    resource="subscription",
    when="traffic came with the subscription master.",
    why="That key opens every API and cannot be limited; it is meant for the portal's test console.",
    steps=("Find who calls with it: the alerts and the activity of its endpoints show the clients.", "Give them a subscription of one product.", "Regenerate the keys of the subscription master."),
    owasp=("API5:2023",),
)  # fmt: skip
def master_key_used(snapshot: Snapshot, context: Context) -> Iterator[Verdict]:
    if snapshot.service is None and not snapshot.subscriptions:
        return
    path = f"subscriptions/{MASTER}"
    keys = context.traffic.keys if context.traffic else None
    if keys is None:
        yield unknown(path, "awaiting data")
    elif MASTER in keys:
        yield unhealthy(path, Evidence("last call", moment(keys[MASTER].last).date().isoformat()))
    else:
        yield healthy(path)


@assessment(
    id="subscription-stale",
    title="Subscriptions that nobody uses should be suspended",
    severity=Severity.LOW,
    resource="subscription",
    when="the subscription is active, and no call came with its key for 90 days, of which every one was watched: all calls of all APIs that it opens.",
    why="A forgotten key works for whoever finds it.",
    steps=("Ask its owner.", "Set properties.state of the subscription to suspended; after a while, delete it."),
    owasp=("API9:2023",),
    needs=("subscriptions",),
)
def subscription_stale(snapshot: Snapshot, context: Context) -> Iterator[Verdict]:
    traffic = context.traffic
    for path, one in snapshot.subscriptions.items():
        if one.id == MASTER or one.state.casefold() != "active":
            yield not_applicable(path, "built in" if one.id == MASTER else "not active")
        elif traffic is None or traffic.uses is None or traffic.since is None:
            yield unknown(path, "awaiting data")
        elif one.id in traffic.uses and context.now - moment(traffic.uses[one.id]) < STALE:
            yield healthy(path)
        elif why := _cannot_tell(snapshot, one, traffic, context.now):
            yield unknown(path, why)
        else:
            used = traffic.uses.get(one.id)
            yield unhealthy(path, Evidence("last call", moment(used).date().isoformat() if used is not None else None))


def _cannot_tell(snapshot: Snapshot, one: Subscription, traffic: Traffic, now: datetime) -> str:
    """Why it cannot be said of a key of which no use is known that nobody used it; "" where it can."""
    if one.id not in (traffic.uses or {}) and now - moment(traffic.since or 0) < STALE:
        return f"keys are watched since {moment(traffic.since or 0):%Y-%m-%d}, for less than 90 days"
    if (made := time_of(one.created)) is not None and now - made < STALE:
        return "it was made less than 90 days ago"
    if snapshot.sampling is not None and snapshot.sampling < 100:
        return f"only {snapshot.sampling:g} % of the calls send an event"
    if traffic.hole:
        return f"not watched all the time: {traffic.hole}"
    opened = _opened(snapshot, one)
    if opened is None:
        return "which APIs its key opens is not known"
    unseen = next((path for path in opened if _watched(snapshot, path).state != "healthy"), None)
    return f"{unseen}, which its key opens, is not watched" if unseen is not None else ""


def _opened(snapshot: Snapshot, one: Subscription) -> list[str] | None:
    """Paths of the APIs that a subscription's key opens; None where that is not known."""
    kind, _, id = one.scope.casefold().partition("/")
    within = {id}
    if kind == "products":
        product = next((product for path, product in snapshot.products.items() if path.casefold() == f"products/{id}"), None)
        if product is None or product.apis is None:
            return None
        within = {name.partition(";rev=")[0].casefold() for name in product.apis}
    return [
        path
        for path, api in snapshot.apis.items()
        if not gone(api) and api.type != "websocket" and (not id or api.base_id.casefold() in within)
    ]
