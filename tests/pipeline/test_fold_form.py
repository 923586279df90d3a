"""The form of endpoints in a tally: media types and fields of bodies by name, wildcards, revisions and plain http; capped, and without a value."""

import json
from typing import Any

import msgspec
import pytest

from classifiers.bodies import with_documents
from classifiers.taxonomy import Taxonomy
from classifiers.text_values import UNREAD, Part
from local import traffic
from model import OTHER
from pipeline.body_fields import DEPTH, FIELDS_PER_BODY, body_fields
from pipeline.contents import Look, look, parts
from pipeline.decode import decode
from pipeline.fold import fold
from pipeline.fold_form import FIELD_ROWS, FIELDS_PER_BATCH, MEDIA_PER_BATCH
from tests.pipeline.test_decode import WHOLE, message
from windows.media import media_type
from windows.tally import FORMAT, Tally, pack, unpack
from windows.values import VALUE_TYPES

KEY = b"k" * 32


def tally(*changed: dict[str, Any], bodies: Any = None) -> Tally:
    calls = [decode(traffic.encode(WHOLE | change)) for change in changed]
    looks = {at: Look([], [], bodies=bodies) for at in range(len(calls))} if bodies else None
    return fold(calls, KEY, looks)


def fields(body: Any, where: str = "response.body", content_type: str | None = "application/json") -> dict[str, set[str]]:
    text = body if isinstance(body, str) else json.dumps(body)
    found: dict[str, set[str]] = {}
    for _, listed in body_fields([Part(where, None, content_type, text)]):  # type: ignore[arg-type]
        for place, kind in listed:
            found.setdefault(place, set()).add(VALUE_TYPES[kind])
    return found


@pytest.mark.parametrize(
    ("header", "by_caller", "kept"),
    [
        ("application/json", True, "application/json"),
        ("Application/JSON; charset=utf-8", True, "application/json"),
        ("application/vnd.contoso.order.v2+json", False, "application/vnd.contoso.order.v2+json"),
        ("application/vnd.contoso.order.v2+json", True, "application/*+json"),
        ("application/x-sk8live51HzGxYz", True, OTHER),
        ("application/x-sk8live51hzgxyz", False, OTHER),
        ("ann@example.com", False, OTHER),
        ("", False, OTHER),
        ("multipart/form-data; boundary=4111111111111111", True, "multipart/form-data"),
    ],
)
def test_media_types_are_kept_without_what_callers_make_up(header: str, by_caller: bool, kept: str) -> None:
    assert media_type(header, by_caller=by_caller) == kept


def test_fields_are_named_typed_and_general() -> None:
    body = {
        "id": 7,
        "price": 2.5,
        "paid": True,
        "note": None,
        "text": "12",
        "at": "2026-11-24T10:00:00Z",
        "lines": [{"sku": "a b"}, {"sku": ""}],
        "tags": [],
    }
    assert fields(body) == {
        "$.id": {"integer"}, "$.price": {"decimal"}, "$.paid": {"boolean"}, "$.note": {"empty"}, "$.text": {"text"}, "$.at": {"time"},
        "$.lines[*].sku": {"text", "empty"}, "$.tags": {"structure"},
    }  # fmt: skip


@pytest.mark.parametrize(
    "elements",
    [
        [{"a": 1, "b": "x y"}] * 3,
        [{"a": 1, "b": "x y"}, {"b": "", "a": None}, {"a": 2.5, "c": [1, "2"]}],
        [{"a": {"b": [{"c": 1}, {"c": True}]}}, {"a": {"b": []}}, {"a": {}}, {"a": [[], [1], ["12"]]}],
        [1, 1.0, True, "1", None, [], {}],
        [{f"k{chr(97 + n)}": {"iban": "x"} for n in range(9)}, {"ka": {"iban": ""}}],
        [{}, {"a": "2026-11-24"}, {"a": "2026-11-24"}, {"a": "lamp"}],
    ],
)
def test_the_elements_of_a_list_show_as_each_of_them_alone(elements: list[object]) -> None:
    alone: dict[str, set[str]] = {}
    for element in elements:
        for place, types in fields([element]).items():
            alone.setdefault(place, set()).update(types)
    assert fields(elements) == alone


def test_a_body_is_parsed_once_for_all_who_look_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps({"lines": [{"iban": "GB82WEST12345698765432", "note": "x"}] * 2, "$where": "sleep(5)"})
    carried = [Part("request.body", None, "application/json", body)]
    expected = look(carried, Taxonomy().classify(carried), set())
    read = with_documents(carried)
    for module, name in (("classifiers.bodies", "parse_json"), ("pipeline.body_fields", "parse_json"), ("attacks.carried", "_decode")):
        monkeypatch.setattr(f"{module}.{name}", lambda _: pytest.fail("parsed again"))
    assert look(read, Taxonomy().classify(read), set()) == expected
    assert expected.found
    assert expected.attacks


@pytest.mark.parametrize("body", ['{"a":1}\n{"a":2}', '{"a":1', "[" * 4_000, '{"n":' + "9" * 400 + "}", '"text"', "", "{", "a=1"])
def test_what_is_no_whole_document_is_read_as_before(body: str) -> None:
    (part,) = with_documents([Part("response.body", None, "application/json", body)])
    assert part.document is UNREAD


def test_keys_that_may_be_values_show_as_a_star() -> None:
    assert fields({"ann@example.com": 1, "4111111111111111": {"x": 1}, "a.b": 2}) == {
        "$.*": {"integer"},
        "$.*.x": {"integer"},
        "$.a_b": {"integer"},
    }


def test_forms_are_listed_and_other_bodies_are_not() -> None:
    assert fields("name=a+b&age=7&ann%40example.com=1", "request.body", "application/x-www-form-urlencoded") == {
        "form.name": {"text"}, "form.age": {"integer"}, "form.*": {"integer"},
    }  # fmt: skip
    assert fields("<a>1</a>", content_type="application/xml") == {}
    assert fields("not json") == {}
    assert body_fields([Part("request.query", None, None, '{"a":1}')]) == ()


@pytest.mark.parametrize(
    "body", ["[" * 4_000, json.dumps({f"k{'x' * (n % 9)}{chr(97 + n % 26)}": n for n in range(9_000)}), '{"a":' * 900 + "1" + "}" * 900]
)
def test_hostile_bodies_are_bounded(body: str) -> None:
    found = fields(body)
    assert len(found) <= FIELDS_PER_BODY
    assert all(place.count(".") + place.count("[") <= DEPTH for place in found)


def test_a_look_lists_the_fields_of_both_directions() -> None:
    carried = parts(message(requestBody='{"a":1}', requestContentType="application/json", responseBody='{"b":"x"}'))
    assert look(carried, [], set()).bodies == ((0, (("$.a", VALUE_TYPES.index("integer")),)), (1, (("$.b", VALUE_TYPES.index("word")),)))


def test_fields_count_in_bodies_answered_2xx_and_name_no_one() -> None:
    found = tally({}, {"status": 404}, {"clientIp": "192.0.2.9"}, bodies=((1, (("$.a", 3),)),))
    assert [found.fields[row[3]] for row in found.rows("fields")] == ["response $.a"] * 2
    assert [row[2:] for row in found.rows("bodies")] == [(1, 2)]


def test_only_unusual_calls_have_a_row_of_their_form() -> None:
    assert tally({"apiRevision": "1", "scheme": "https"}, {"apiRevision": "now"}).rows("forms") == []
    found = tally({"urlTemplate": "/*"}, {"scheme": "http"}, {"apiRevision": "3"})
    assert sorted(row[2:] for row in found.rows("forms")) == [
        (0, 0, 3, 1),
        (0, 1, 1 if WHOLE["apiRevision"] == "1" else 0, 1),
        (1, 0, 1, 1),
    ]


def test_what_callers_make_up_is_capped() -> None:
    many = [
        {"responseContentType": f"application/vnd.{chr(97 + n // 676)}{chr(97 + n // 26 % 26)}{chr(97 + n % 26)}+json"}
        for n in range(MEDIA_PER_BATCH + 9)
    ]
    found = tally(*many)
    assert len(found.media) == MEDIA_PER_BATCH + 1
    assert sum(row[-1] for row in found.rows("media")) == len(many)
    wide = tuple((f"$.{chr(97 + n // 26)}{chr(97 + n % 26)}", 3) for n in range(FIELDS_PER_BODY))
    flood = tally(*({"clientIp": f"192.0.2.{n}"} for n in range(250)), bodies=((1, wide),))
    assert len(flood.rows("fields")) <= FIELD_ROWS + FIELDS_PER_BODY
    assert sum(row[-1] for row in flood.rows("fields")) == flood.rows("bodies")[0][-1] * FIELDS_PER_BODY
    assert len(flood.fields) <= FIELDS_PER_BATCH + 1


def test_what_an_older_version_packed_is_read() -> None:
    packed = msgspec.msgpack.decode(pack(tally({})))
    packed[3] = packed[3][:10]
    for table in ("media", "forms", "bodies", "fields"):
        packed[4].pop(table, None)
    old = unpack(msgspec.msgpack.encode(packed))
    assert (old.calls, old.media, old.fields, packed[0]) == (1, [], [], FORMAT)
    packed[3] = [[]] * 99
    with pytest.raises(ValueError, match="upgrade"):
        unpack(msgspec.msgpack.encode(packed))


def test_no_value_of_a_body_or_header_is_in_a_tally() -> None:
    secret = "sk_live_51HzGxYzL3k9aQpR"
    body = json.dumps({secret: secret, "a": {secret: [secret]}})
    carried = parts(message(requestBody=body, responseBody=body, requestContentType=f"application/{secret}"))
    call = decode(message(requestContentType=f"application/{secret}", responseContentType=f"text/{secret}"))
    packed = pack(fold([call], KEY, {0: look(carried, [], set())}))
    assert secret.encode() not in packed
    assert secret.lower().encode() not in packed
