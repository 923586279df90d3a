"""What is kept for long names nobody, whatever callers write, and wherever: markers in every field of an event are looked for in everything stored."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from itertools import count
from typing import Any

import pytest

from adapters import inventory, kept_names
from adapters.baseline import run as learn
from adapters.tables import pieces
from classifiers.taxonomy import Taxonomy
from pipeline.contents import Look
from pipeline.looks import look_by
from posture.inventory import Day, Exposure, Inventory
from posture.inventory_shape import Generation, NameSeen, Seen, Shape
from retention.subject import Kind, of
from settings import Connection
from tests.adapters.world import START, World, dump, where_found
from tests.build import ENDPOINT, baseline
from windows.baseline import pack_baseline, unpack_baseline

IBAN, SQL = "NL91ABNA0417164300", "' OR 1=1--"
NAME = "vereczkey"
IDENTITIES: tuple[Kind, ...] = ("subscriptionId", "userId", "identity")
"""By them a caller is known: batches, ledger and alerts hold them, and an erasure takes them."""


def fields(marker: Callable[[str], str]) -> dict[str, Any]:
    """Every field of an event that a caller can have a say in, each with a marker of its own, and beside it what makes somebody look."""

    def spaced(what: str) -> str:
        return f"Zs {marker(what)}"

    def mail(what: str) -> str:
        return f"zs.{marker(what)}@example.org"

    keyed = {spaced("JSON key"): IBAN, mail("JSON key"): {"iban": IBAN, "note": SQL}}
    people = {marker(f"sibling {number}"): {"iban": IBAN, "city": "x"} for number in range(7)}
    rows = {marker(f"row {number}"): number for number in range(60)}
    return {
        "path": f"/orders/1042/{marker('path segment')}/{mail('path segment')}",
        "query": f"expand=lines&{mail('name')}=1&Zs+{marker('name')}={SQL}&filter[Zs%20{marker('inner name')}]=2&Zs%20{marker('doubled name')}=1&Zs%20{marker('doubled name')}=2&q={marker('value')}{SQL}",
        "pathParameters": {"id": marker("path value")},
        "userAgent": f"okhttp/4.12 ({mail('agent')}) {spaced('agent')}/1.0 sqlmap/1.5",
        "forwardedFor": marker("forwarded"),
        "requestId": marker("request id"),
        "productId": marker("product"),
        "region": marker("region"),
        "gateway": marker("gateway"),
        "host": f"{marker('host')}.example.org",
        "scheme": marker("scheme"),
        "method": marker("method").upper(),
        "apiRevision": marker("revision"),
        "auth": ["jwt", marker("auth kind"), spaced("auth kind") + "?"],
        "errorReason": marker("reason"),
        "marks": f"{marker('mark')} in cookie,sql in cookie",
        "guard": f"would-block:{marker('guard').upper()}",
        "requestContentType": f"application/vnd.{marker('media')}+json",
        "requestHeaders": {spaced("header name"): IBAN, mail("header name"): SQL, "x-note": f"{marker('header value')} {IBAN}"},
        "responseHeaders": {spaced("header name"): IBAN},
        "requestBody": json.dumps({"payer": keyed, "people": people, "rows": rows, "note": marker("body value") + SQL}),
        "responseBody": json.dumps([keyed, {"people": people}]),
    } | {name: marker(name) for name in IDENTITIES}  # fmt: skip


@cache
def looks() -> Callable[[bytes], Look]:
    return look_by(Taxonomy())


def test_a_marker_in_any_field_of_an_event_is_nowhere_but_where_callers_are_known(account: Connection) -> None:
    planted: dict[str, str] = {}

    def marker(field: str) -> str:
        return planted.setdefault(field, f"{NAME}{chr(97 + len(planted) // 26)}{chr(97 + len(planted) % 26)}")

    world = World(account, START + timedelta(hours=10), look=looks())
    whole = fields(marker)
    alone = count()
    forms: list[dict[str, Any]] = [{name: value} for name, value in whole.items()]  # each alone, and all together
    forms += [whole, whole | {"urlTemplate": None, "operationId": None}, whole | {"urlTemplate": "/{*rest}"}, whole | {"status": 401}]
    forms.append(
        {
            "requestContentType": "application/x-www-form-urlencoded",
            "requestBody": f"Zs+{marker('form name')}={IBAN}&{marker('form name')}%40x.org={SQL}",
        }
    )
    forms.append({"requestContentType": "text/xml", "requestBody": f'<a><Zs.{marker("tag")}_471100 id="{IBAN}">{SQL}</Zs.{marker("tag")}_471100></a>'})  # fmt: skip
    for day in range(2):
        world.now = START + timedelta(days=day, hours=10)
        world.play(world.call(f"198.51.100.{next(alone) % 200}", **form) for form in forms for _ in range(3))
        world.evaluate()
    world.now += timedelta(days=1)
    world.play([world.call("198.51.100.1")])
    world.evaluate()
    assert learn(world.tables, world.now)
    assert account.connection_string
    stored = list(dump(account.connection_string))
    kinds = {where.split("/")[0].rstrip("0123456789") for where, _ in stored}
    assert {"batches", "activity", "windows", "days", "baselines", "endpoints", "alerts"} <= kinds
    assert any(b"iban" in content.lower() for where, content in stored if where.startswith("endpoints")), "somebody looked"
    found = where_found(stored, planted.values())
    field = {text: name for name, text in planted.items()}
    leaked = {(field[text], where.split("/")[0].rstrip("0123456789")) for text, where in found if field[text] not in IDENTITIES}
    assert leaked == {("path segment", "batches")}, (
        "what no operation describes is learned from the log of batches, which is gone after two days"
    )
    known = {(field[text], where.split("/")[0].rstrip("0123456789")) for text, where in found}
    assert {place for _, place in known} <= {"batches", "activity", "alerts"}
    assert {(name, "batches") for name in IDENTITIES} <= known
    for name in IDENTITIES:
        world.requests.erase(of(name, planted[name]), "test", world.now)
    del planted["path segment"]
    assert where_found(dump(account.connection_string), planted.values()) == []


OLD = [f"Zs {NAME}", f"zs.{NAME}@example.org", f"{NAME}[Zs {NAME}]"]


def test_names_that_an_earlier_version_kept_go_with_the_first_purge(account: Connection) -> None:
    """From rows that stay for good. Those of windows and days go with their month."""
    world = World(account)
    seen = {name: NameSeen(Seen(2, 1, 2), {0: 2}) for name in [f"query:{one}" for one in OLD] + ["query:page"]}
    fields = {name: NameSeen(Seen(3, 1, 2), {0: 3}) for name in [f"response $['{one}']" for one in OLD] + ["response $.iban"]}
    old = Inventory(
        ENDPOINT,
        1,
        2,
        calls=7,
        exposures=[Exposure("iban", f"response.body $.payee['{one}'].iban", 2, 1, 2, n=3, classes=[2]) for one in OLD]
        + [Exposure("iban", "response.body $.iban", 1, 1, 2)],
        days={20_000: Day([0, 7, 0, 0, 0], {"jwt": 2, f"jwt+{NAME}": 3, "": 2})},
        shape=Shape(Generation(1, parameters=seen, fields=fields)),
    )
    inventory.write(world.tables, [old])
    known = baseline(parameters=("path:id", *seen), seen={name: [1] for name in seen}, types={name: {0: 5} for name in seen})
    world.tables.upsert("baselines", [{"PartitionKey": "baselines", "RowKey": ENDPOINT.id, "days": 30, **pieces(pack_baseline(known))}])
    assert account.connection_string
    assert {where.split("/")[0] for _, where in where_found(dump(account.connection_string), [NAME])} == {"endpoints", "baselines"}
    (read,) = [one for _, one in inventory.read(world.tables) if one]
    assert NAME not in repr(read), "what the evaluation goes on with"
    assert world.run_purge().complete
    assert where_found(dump(account.connection_string), [NAME]) == []
    (read,) = [one for _, one in inventory.read(world.tables) if one]
    assert {(one.place, one.n) for one in read.exposures} == {("response.body $.payee.*.iban", 9), ("response.body $.iban", 0)}
    assert read.days[20_000].proofs == {"jwt": 2, "jwt+other": 3, "": 2}
    assert read.shape is not None
    assert {name: one.seen.n for name, one in read.shape.young.parameters.items()} == {"query:*": 6, "query:page": 2}
    assert read.calls == 7
    (row,) = world.tables.query("baselines", "PartitionKey eq 'baselines'")
    left = unpack_baseline(b"".join(row[f"d{number}"] for number in range(9) if f"d{number}" in row))
    assert set(left.parameters) == set(left.seen) == {"path:id", "query:page"}
    assert kept_names.mend(world.tables, lambda: pytest.fail("once is enough")) == 0
