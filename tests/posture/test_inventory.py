"""Inventories: a set that only grows until it ages out, exact under repeats, bounded whatever callers send."""

import json
from dataclasses import replace
from urllib.parse import quote_plus

from model import OTHER, Endpoint, bucket_of
from pipeline.contents import EVERY, STABLE, Look, Sampler, look, parts
from pipeline.decode import decode
from pipeline.fold import fold
from posture.inventories import Inventories
from posture.inventory import AGES_OUT, PLACES, Inventory, merge
from tests.pipeline.test_decode import message
from windows.tally import Tally

KEY = b"k" * 32
ORDERS = Endpoint("contoso", "orders", "GET", "/orders/{id}")
HIGH = 2


def tally(*looks: Look | None, **changed: object) -> Tally:
    calls = [decode(message(**changed)) for _ in looks]
    return fold(calls, KEY, {at: look for at, look in enumerate(looks) if look is not None})


def seen(kind: str = "iban", place: str = "response.body $.iban", confidence: int = HIGH) -> Look:
    return Look([(kind, place, confidence)], [])


def stock(*tallies: Tally, known: Inventory | None = None) -> Inventory:
    before = {known.endpoint: known} if known else {}
    return merge(before, [("0", at, tally) for at, tally in enumerate(tallies)])[ORDERS]


def test_what_was_seen_where_how_often_and_how_closely_it_was_looked_at() -> None:
    stocked = stock(tally(seen(), Look([], []), None), tally(seen(), time="2026-11-24T11:00:00Z", status=404, auth=[]))
    (one,) = stocked.exposures
    assert (one.type, one.place, one.confidence, one.n, one.classes, one.direction) == (
        "iban",
        "response.body $.iban",
        HIGH,
        2,
        [2, 4],
        "response",
    )
    assert (stocked.calls, stocked.looks, one.last - one.first) == (4, 3, 50)
    assert stocked.unseen_share == 1.0
    assert stocked.anonymous is None
    assert stocked.context().sensitive == ("iban",)


def test_a_caller_who_proved_nothing_and_was_answered_is_remembered() -> None:
    assert stock(tally(seen(), auth=[])).context().unauthenticated
    assert not stock(tally(seen(), auth=["jwt"])).context().unauthenticated


def test_a_repeat_changes_nothing() -> None:
    first = tally(seen())
    stocked = stock(first)
    assert merge({ORDERS: stocked}, [("0", 0, first)]) == {}
    assert merge({ORDERS: stocked}, [("1", 0, first)])[ORDERS].calls == 2


def test_merging_leaves_what_was_known_alone() -> None:
    stocked = stock(tally(seen()))
    merge({ORDERS: stocked}, [("0", 1, tally(seen("email", "response.body $.email")))])
    assert [one.type for one in stocked.exposures] == ["iban"]


def test_packed_inventories_come_back_and_grow_as_others_do() -> None:
    stocked, more = stock(tally(seen(), path_parameters={"id": "7"})), ("0", 1, tally(seen("email", "response.body $.email")))
    packed = Inventories([stocked])
    assert packed[ORDERS] == stocked
    assert merge(packed, [more], KEY, is_own=True) == merge({ORDERS: stocked}, [more], KEY)
    assert packed[ORDERS] == stocked
    packed.put(merge(packed, [more], KEY, is_own=True).values())
    assert (packed[ORDERS].calls, packed.briefs[ORDERS].calls) == (2, 2)


def test_what_is_only_possible_is_no_claim() -> None:
    assert stock(tally(seen(confidence=0))).context().sensitive == ()


def test_exposures_age_out() -> None:
    stocked = stock(tally(seen(), auth=[]))
    assert stocked.aged(stocked.last + AGES_OUT - 1).exposures == stocked.exposures
    assert stocked.aged(stocked.last + AGES_OUT).exposures == []
    assert not stocked.aged(stocked.last + AGES_OUT).context().unauthenticated


def test_places_are_bounded_and_counted_as_other() -> None:
    stocked = stock(*(tally(*(seen(place=f"request.body $.k{number}-{at}") for at in range(100))) for number in range(5)))
    assert len(stocked.exposures) == PLACES + 1
    assert sum(one.n for one in stocked.exposures) == 500
    assert stocked.exposures[-1].place == f"request.body {OTHER}"


def test_calls_that_belong_to_one_endpoint_are_counted_together_however_they_were_tallied() -> None:
    paths = tally(seen(), urlTemplate=None, path="/shop/cart"), tally(seen(), urlTemplate=None, path="/shop/till")
    bucket = bucket_of("contoso", "orders")
    placed = [("0", at, replace(one, endpoints=[bucket] * len(one.endpoints))) for at, one in enumerate((*paths, paths[0]))]
    assert {endpoint: one.calls for endpoint, one in merge({}, placed).items()} == {bucket: 3}


def test_a_secret_in_a_url_is_sighted_with_its_address() -> None:
    found = tally(Look([("jwt", "request.query token", HIGH)], ["jwt"]), Look([], []))
    assert found.rules == ["API_SensitiveDataInUrl"]
    ((*_, ip, status, detail, n),) = found.rows("sightings")
    assert (found.ips[ip], status, found.details[detail], n) == ("203.0.113.7", 200, "jwt", 1)


def test_parts_of_a_message() -> None:
    found = parts(
        message(requestBody="a=1", requestContentType="application/x-www-form-urlencoded", requestHeaders={"x": "1", "y": 2, "z": ""})
    )
    assert [(part.where, part.name, part.content_type) for part in found] == [
        ("request.path", "/orders/{id}", None),
        ("request.query", None, None),
        ("request.header", "x", None),
        ("request.body", None, "application/x-www-form-urlencoded"),
        ("response.body", None, "application/json"),
    ]
    assert parts(message()[:-5]) == []
    assert parts(message(responseBody=5)) == []


def test_looking_keeps_no_value() -> None:
    from classifiers.taxonomy import Found

    found = [
        Found("iban", "response.body", "$.a[3].iban", "$.a[*].iban", "high", "NL"),
        Found("iban", "response.body", "$.a[4].iban", "$.a[*].iban", "high", "NL"),
        Found("jwt", "request.query", "token", "token", "medium", None),
        Found("jwt", "request.path", "/{id}", "/{id}", "low", None),
    ]
    assert look([], found, {"jwt"}) == Look(
        [("iban", "response.body $.a[*].iban", 2), ("jwt", "request.path /{id}", 0), ("jwt", "request.query token", 1)], ["jwt"]
    )


def test_injections_outside_the_url() -> None:
    sql = "1' OR '1'='1' --"
    carried = parts(
        message(requestBody=json.dumps({"items": [{"name": sql}]}), requestContentType="application/json", requestHeaders={"x-id": sql})
    )
    assert look(carried, [], set()).attacks == ("sql in request.body $.items[*].name", "sql in request.header x-id")
    form = parts(message(requestBody="a=1&b=" + quote_plus(sql), requestContentType="application/x-www-form-urlencoded"))
    assert look(form, [], set()).attacks == ("sql in request.body b",)
    innocent = parts(
        message(requestBody=json.dumps({"name": "O'Brien", "note": "select a size from the list"}), requestHeaders={"accept": "*/*"})
    )
    assert look(innocent, [], set()).attacks == ()
    found = tally(Look([], [], ("sql in request.body",)))
    assert (found.rules, found.details) == (["API_Injection"], ["sql in request.body"])


def test_deep_and_wide_bodies_are_bounded() -> None:
    for body in ("[" * 5_000 + "]" * 5_000, json.dumps([["x"] * 1_000] * 1_000), "{" * 10, '{"a":' * 300 + "1" + "}" * 300):
        assert look(parts(message(requestBody=body, requestContentType="application/json")), [], set()).attacks == ()


def test_sampling_is_every_call_until_stable_then_one_in_many_and_again_every_call_when_something_new_appears() -> None:
    sampler = Sampler()
    call = decode(message())

    def looks(calls: int, *found: tuple[str, str]) -> int:
        looked = 0
        for _ in range(calls):
            shape = sampler.wants(call)
            if shape is not None:
                shape.saw(set(found))
                looked += 1
        return looked

    iban, email = ("iban", "response.body $.iban"), ("email", "response.body $.email")
    assert looks(STABLE + 1, iban) == STABLE + 1
    assert looks(EVERY * 10, iban) == 10
    assert looks(EVERY, iban, email) >= 1
    assert looks(STABLE - 1, iban) == STABLE - 1
    assert sampler.wants(decode(message(apiRevision="2"))) is not None
    assert sampler.wants(decode(message(status=500))) is not None
