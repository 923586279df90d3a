"""Where things are found, what context is worth, and that a value never text_values."""

import json
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.checks import filler
from classifiers.scan import Hyperscan, Plain
from classifiers.taxonomy import Taxonomy, discover
from classifiers.text_values import Part

TAXONOMY = Taxonomy()
PLAIN = Taxonomy(plain=True)
IBAN = "GB82WEST12345698765432"
CARD = "4111111111111111"
SSN = "536-90-4399"


def body(content: object, **options: str) -> Part:
    text = content if isinstance(content, str) else json.dumps(content)
    return Part("response.body", None, options.get("content_type", "application/json"), text)


def claims(*parts: Part, taxonomy: Taxonomy = TAXONOMY) -> set[tuple[str, str]]:
    return {(f.type, f.path) for f in taxonomy.classify(parts) if f.confidence != "low"}


@pytest.mark.parametrize(
    ("part", "path"),
    [
        (body({"a": [{"iban": "x"}, {"iban": IBAN}]}), "$.a[1].iban"),
        (body({"a": {"odd-key": [IBAN]}}), "$.a['odd-key'][0]"),
        (body([IBAN]), "$[0]"),
        (body(json.dumps(IBAN)), "$"),
        (body(f"please pay {IBAN} today", content_type="text/plain"), "$"),
        (body(f"amount=10&iban={IBAN}", content_type="application/x-www-form-urlencoded"), "iban"),
        (body(f"<Order><Payee iban='{IBAN}'/></Order>", content_type="application/xml"), "/Order/Payee/@iban"),
        (body(f"<o:Order xmlns:o='u'><o:Iban>{IBAN}</o:Iban></o:Order>", content_type="text/xml"), "/Order/Iban"),
        (body(f"name,iban\nAda,{IBAN}\n", content_type="text/csv"), "iban"),
        (body(f'{{"n":1}}\n{{"iban":"{IBAN}"}}\n', content_type="application/x-ndjson"), "$[1].iban"),
        (
            body(
                f'--b\r\nContent-Disposition: form-data; name="payee"\r\n\r\n{IBAN}\r\n--b--',
                content_type="multipart/form-data; boundary=b",
            ),
            "payee",
        ),
        (body({"payload": json.dumps({"iban": IBAN})}), "$.payload"),
        (Part("request.query", None, None, f"a=1&iban={IBAN}"), "iban"),
        (Part("request.query", None, None, f"note=pay%20to%20{IBAN}%20now"), "note"),
        (Part("request.header", "X-Payee", None, IBAN), "X-Payee"),
        (Part("request.header", "Cookie", None, f"a=1; payee={IBAN}; b=2"), "cookie.payee"),
        (Part("response.header", "Set-Cookie", None, f"payee={IBAN}; Path=/; Secure"), "cookie.payee"),
        (Part("request.path", "/accounts/{iban}", None, f"/bank/accounts/{IBAN}"), "/{iban}"),
        (Part("request.path", None, None, f"/bank/accounts/{IBAN}"), "/{2}"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_places(part: Part, path: str) -> None:
    assert ("iban", path) in claims(part)
    assert next(f.where for f in TAXONOMY.classify([part])) == part.where


def test_general_paths_have_no_index() -> None:
    [found] = TAXONOMY.classify([body({"a": [[{"iban": IBAN}]]})])
    assert (found.path, found.general_path) == ("$.a[0][0].iban", "$.a[*][*].iban")


def test_bytes_are_read_as_utf_8() -> None:
    assert claims(Part("request.body", None, "application/json", b'{"iban":"' + IBAN.encode() + b'"}')) == {("iban", "$.iban")}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"card": {"number": CARD}}, "credit_card"),
        ({"attributes": [{"name": "ssn", "value": SSN.replace("-", "")}]}, "us_ssn"),
        ({"passport": {"no": "512340987"}}, "passport"),
        ({"headers": [{"name": "Authorization", "value": "Basic " + "YWRhOmxvdmVsYWNlLTE4MTU="}]}, "http_basic_auth"),
        ({"KREDITKARTENNUMMER": CARD}, "credit_card"),
        ({"passNr": "512340987"}, "passport"),
        ({"idCardNumber": "8175604M"}, "national_id.mt"),
        ({"maltaIdCard": "2563865A"}, "national_id.mt"),
        ({"taxIdDe": "36574261809"}, "national_id.de"),
        ({"nationalIdHr": "33392005961"}, "national_id.hr"),
        ({"civilRegistrationNo": "36574261809"}, "national_id.de"),
        ({"comment": f"cardNumber={CARD}; please update"}, "credit_card"),
        ({"comment": f"kreditkarten nr: {CARD}"}, "credit_card"),
        ({"error": "routingNumber 011401533 is not known"}, "aba_routing"),
        ({"comment": "kennwort=fMylvNBv$7k; please update"}, "password"),
        ({"batchAccountKey": filler(86) + "=="}, "azure_batch_key"),
        ({"customerNationalIds": ["36574261809"]}, "national_id.de"),
        ({"comment": f"Customer called about social security no {SSN} and wants a refund"}, "us_ssn"),
    ],
)
def test_context(content: object, expected: str) -> None:
    assert expected in {kind for kind, _ in claims(body(content))}


@pytest.mark.parametrize(
    "content",
    [
        {"orderNumber": CARD},
        {"passwordPolicy": "min 12 chars"},
        {"passport": {"issued": "2019-01-02"}},
        {"cardLast4": "1111", "maskedCard": "**** **** **** 1111"},
        {"attributes": [{"name": "channel", "value": "536904399"}]},
        {"value": "123456789"},
        {"id": "36574261809"},
        {"sin": "the word for without in Spanish"},
        {"errors": {"password": ["is too short"]}},
    ],
    ids=lambda c: next(iter(c)),
)
def test_no_claim(content: object) -> None:
    assert claims(body(content)) == set()


def test_country_of_a_sibling_decides_between_equals() -> None:
    value = "27390601044"  # an OIB that is an IdNr as well
    assert {f.country for f in TAXONOMY.classify([body({"country": "HR", "personalId": value})])} == {"HR"}
    assert {f.country for f in TAXONOMY.classify([body({"country": "DE", "personalId": value})])} == {"DE"}


SECRETS = (IBAN, CARD, SSN, "ada@contoso.example", "sk" + "_live_" + filler(24), "Tr0ub4dor&3x")


def test_no_value_leaves() -> None:
    content = {f"k{i}": v for i, v in enumerate(SECRETS)} | {
        "password": SECRETS[5],
        "people": {SECRETS[3]: {"ssn": SSN}, CARD: {"note": "ok"}},
    }
    parts = [
        body(content),
        Part("request.query", None, None, f"{SECRETS[3]}=1&a={IBAN}"),
        Part("request.path", None, None, f"/users/{SECRETS[3]}"),
    ]
    examination = TAXONOMY.examine(parts)
    assert len(examination.found) >= 7
    for secret in SECRETS:
        assert secret not in repr(examination)
    assert "ada" not in repr(TAXONOMY._meanings.keys())


def test_keys_that_are_values_are_masked_and_classified() -> None:
    found = TAXONOMY.classify([body({"people": {"ada@contoso.example": {"ssn": SSN}}})])
    assert {(f.type, f.path) for f in found} == {("email", "$.people"), ("us_ssn", "$.people.*.ssn")} or {f.path for f in found} <= {
        "$.people",
        "$.people.*",
        "$.people.*.ssn",
    }
    assert {f.type for f in found} == {"email", "us_ssn"}


def test_types_can_be_switched_off_and_possible_ones_claimed() -> None:
    part = body({"iban": IBAN, "firstName": "Grace"})
    assert claims(part, taxonomy=Taxonomy(disabled=["iban"])) == set()
    assert claims(part, taxonomy=Taxonomy(claimed=["person_name"])) == {("iban", "$.iban"), ("person_name", "$.firstName")}


@pytest.mark.parametrize("options", [{"disabled": ["no_such"]}, {"claimed": ["no_such"]}, {"custom": [discover()[0]]}])
def test_wrong_ids_stop_the_start(options: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match=r"no_such|twice"):
        Taxonomy(**options)  # type: ignore[arg-type]


def test_a_duplicate_id_in_the_package_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    from classifiers import financial, health

    monkeypatch.setattr(health, "TYPES", (*health.TYPES, financial.TYPES[0]))
    with pytest.raises(ValueError, match="credit_card"):
        discover()


def test_the_compiled_database_is_kept_and_a_wrong_one_is_replaced() -> None:
    content = TAXONOMY.serialise()
    assert content is not None
    asked: list[str] = []

    def read(fingerprint: str) -> bytes | None:
        asked.append(fingerprint)
        return content

    kept = Taxonomy(database=read)
    assert asked == [TAXONOMY.fingerprint]
    assert not kept.recompiled
    assert claims(body({"iban": IBAN}), taxonomy=kept) == {("iban", "$.iban")}
    refused = Taxonomy(database=lambda _: b"not a database")
    assert refused.recompiled
    assert claims(body({"iban": IBAN}), taxonomy=refused) == {("iban", "$.iban")}
    assert Taxonomy(database=read, disabled=["iban"]).fingerprint != TAXONOMY.fingerprint


def test_without_the_wheel_the_plain_engine_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    from classifiers import scan

    monkeypatch.setattr(scan, "hyperscan", None)
    fallback = Taxonomy()
    assert fallback.engine == "plain"
    assert fallback.serialise() is None
    assert claims(body({"iban": IBAN}), taxonomy=fallback) == {("iban", "$.iban")}


def test_several_threads_may_share_a_taxonomy() -> None:
    results: list[set[tuple[str, str]]] = []

    def work() -> None:
        results.extend(claims(body({"iban": IBAN, "note": f"card {CARD}"})) for _ in range(200))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 800
    assert all(r == results[0] and len(r) == 2 for r in results)


def test_nothing_in_nothing_out() -> None:
    assert TAXONOMY.examine([]) == ([], 0, False)
    assert TAXONOMY.classify([body(""), body({}), Part("request.query", None, None, "")]) == []


def test_many_events_at_once_are_examined_as_each_alone() -> None:
    calls = [[body({key: text})] for key, text in PIECES[:300]] + [[], [body("")], [body({"note": f"card {CARD}"})] * 2]
    assert TAXONOMY.examine_many(calls) == [TAXONOMY.examine(parts) for parts in calls]
    assert TAXONOMY.examine_many([]) == []


def test_an_attack_does_not_cost_its_batch_the_hits() -> None:
    flood = [body({"note": " ".join(f"1{i:03}.1.1.1 +1{i:03}" for i in range(900))})]
    calls = [flood, [body({"iban": IBAN, "x": f"see {IBAN}"})], flood]
    [_, innocent, _] = TAXONOMY.examine_many(calls)
    assert innocent == TAXONOMY.examine(calls[1])
    assert len(innocent.found) == 2


# -- two engines, one verdict ---------------------------------------------------------------------------------------------------------------

PIECES = [example for kind in discover() for example in (*kind.examples, *kind.counterexamples)]
KEYS = [*sorted({key for key, _ in PIECES}), "value", "note", "orderNumber", "x1", "unknown thing"]


def texts() -> st.SearchStrategy[str]:
    real = st.integers(0, len(PIECES) - 1).map(lambda i: PIECES[i][1])
    cut = st.builds(lambda t, a, b: t[min(a, b) : max(a, b)], real, st.integers(0, 80), st.integers(0, 80))
    return st.one_of(
        real, cut, st.text(max_size=60), st.builds(" ".join, st.lists(st.one_of(real, cut, st.sampled_from(KEYS)), max_size=4))
    )


def contents() -> st.SearchStrategy[object]:
    leaf = st.one_of(texts(), st.integers(-(10**17), 10**17), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none())
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=8)), inner, max_size=5)
        ),
        max_leaves=12,
    )


def verdicts(taxonomy: Taxonomy, parts: list[Part]) -> list[object]:
    return sorted(taxonomy.examine(parts).found, key=str)


@settings(max_examples=150, deadline=None)
@given(contents(), st.lists(st.tuples(st.sampled_from(KEYS), texts()), max_size=3))
def test_both_engines_agree_on_generated_calls(content: object, headers: list[tuple[str, str]]) -> None:
    parts = [body(content), *(Part("request.header", name, None, text) for name, text in headers)]
    assert verdicts(TAXONOMY, parts) == verdicts(PLAIN, parts)


@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=400),
    st.sampled_from(
        [
            "application/json",
            "application/xml",
            "text/plain",
            "application/x-www-form-urlencoded",
            "text/csv",
            "multipart/form-data; boundary=b",
        ]
    ),
)
def test_both_engines_agree_on_any_text(text: str, content_type: str) -> None:
    part = Part("request.body", None, content_type, text)
    assert verdicts(TAXONOMY, [part]) == verdicts(PLAIN, [part])


def test_both_engines_agree_on_every_example_at_once() -> None:
    for start in range(0, len(PIECES), 40):
        part = body([{key: text} for key, text in PIECES[start : start + 40]])
        assert verdicts(TAXONOMY, [part]) == verdicts(PLAIN, [part])


def leaf_hits(scanner: Hyperscan | Plain, lines: list[str]) -> Iterator[tuple[int, int]]:
    hits, more = scanner.scan("\n".join(lines))
    assert not more
    ends, at = [], 0
    for line in lines:
        at += len(line) + 1
        ends.append(at)
    for end, number in hits:
        yield number, next(i for i, e in enumerate(ends) if end <= e)


def test_both_engines_hit_the_same_shapes_in_the_same_leaves() -> None:
    lines = [text.replace("\n", " ") for _, text in PIECES]
    assert set(leaf_hits(TAXONOMY._scanner, lines)) == set(leaf_hits(PLAIN._scanner, lines))
