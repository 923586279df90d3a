"""What traffic says of one service's endpoints and keys, as assessments, attack paths and risk take it."""

from collections.abc import Collection
from datetime import datetime, timedelta

from adapters import drift, estate, inventory, key_uses, ledger
from adapters.key_uses import KeyHistory
from adapters.tables import Tables
from model import is_service_endpoint, minute_of
from posture.assessments.products import MASTER
from posture.facts import KeyUse, Traffic
from posture.inventory_row import first_of_apis, row, surroundings
from posture.inventory_shape import DAY
from posture.snapshot import Snapshot

KEY_DAYS = 2
"""Days of activity in which uses of keys are looked for: enough for whoever looks every day."""


def traffic_of(tables: Tables, snapshot: Snapshot, now: datetime, key: bytes = b"") -> Traffic:
    """The facts of every endpoint of a service; its name in traffic is the one in its ARM id. `key`: of the hashes, b"" where uses of keys are not asked for."""
    name = snapshot.name.casefold()
    known = [(endpoint, one) for endpoint, one in inventory.read(tables) if endpoint.service.casefold() == name and not is_service_endpoint(endpoint)]  # fmt: skip
    coverage = next((one for service, one in inventory.coverages(tables).items() if service.casefold() == name), None)
    firsts = first_of_apis((endpoint, one.first) for endpoint, one in known if one is not None)
    first_of_api = next(iter(firsts.values()), {})
    around = surroundings(estate.estate_of([snapshot], ()), coverage, first_of_api, minute_of(now))
    deviations: dict[str, int] = {}
    for stored in drift.read(tables):
        if stored.state == "open":
            id = stored.deviation.endpoint.id
            deviations[id] = deviations.get(id, 0) + 1
    facts = tuple(row(endpoint, one, around).facts(deviations=deviations.get(endpoint.id, 0)) for endpoint, one in known)
    watched = {api: minute for api, minute in first_of_api.items() if api}
    if not key:
        return Traffic(facts, watched)
    ids = {MASTER, *(one.id for one in snapshot.subscriptions.values())}
    kept = key_uses.history(tables, name, ids, key)
    ended = {id: use.last * DAY + DAY - 1 for id, use in kept.uses.items()}
    return Traffic(facts, watched, _lately(tables, ids, kept, now, key), ended, kept.since, around.hole)


def _lately(tables: Tables, ids: Collection[str], kept: KeyHistory, now: datetime, key: bytes) -> dict[str, KeyUse]:
    """Which subscriptions' keys were used in the last days, and whether from a public address. The activity of addresses knows a key only where the call named nobody
    closer, a user or a token's subject; the history of keys knows all, and public ones where no other call of that minute came from inside."""
    names = {f"subscription:{id}": id for id in ids}
    days = [ledger.table_of((now - timedelta(days=n)).date()) for n in range(KEY_DAYS)]
    found = {names[name]: KeyUse(last, public) for name, (last, public) in ledger.used(tables, names, key, days).items()}
    oldest = minute_of(now) // DAY - KEY_DAYS + 1
    for id, use in kept.uses.items():
        if use.last >= oldest:
            before = found.get(id, KeyUse(0))
            found[id] = KeyUse(max(before.last, use.last * DAY), before.public or use.public >= oldest)
    return found
