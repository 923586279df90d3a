"""Attacks and evasions written by hand, as whole calls carry them, and honest code beside them."""

import json
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from attacks.carried import attacks_in, parameter_attack
from attacks.documents import document_attack, name_attack
from attacks.mentions import as_text
from attacks.per_call import SCAN, injection
from attacks.shells import unquoted
from attacks.targets import inward
from tests.attacks import hand_written
from tests.attacks.attacks import attacks, unbroken
from windows.rules import AS_TEXT

JSON, FORM, XML = "application/json", "application/x-www-form-urlencoded", "application/xml"
FAMILIES = hand_written.values()


def test_there_are_enough_of_them() -> None:
    assert sum(map(len, FAMILIES.values())) + len(hand_written.documents()) + len(hand_written.names()) >= 400
    assert sum(map(len, hand_written.HONEST_CODE.values())) >= 200


@pytest.mark.parametrize("family", FAMILIES)
def test_attacks_of_a_family_are_seen_wherever_they_are(family: str) -> None:
    values = FAMILIES[family]
    assert [value for value in values if injection(value) is None] == []
    bodies = [(value, JSON, json.dumps({"user": {"name": [value]}})) for value in values]
    bodies += [(value, FORM, f"a=1&name={quote_plus(value)}") for value in values]
    assert [value for value, content_type, text in bodies if not attacks_in("request.body", None, content_type, text)] == []


@pytest.mark.parametrize("text", hand_written.documents())
def test_a_document_that_is_an_attack_as_a_whole(text: str) -> None:
    assert attacks_in("request.body", None, JSON, text)


@pytest.mark.parametrize("text", hand_written.documents())
def test_the_same_where_the_gateway_cut_it(text: str) -> None:
    padded = '{"padding":"' + "x" * 50 + '","items":[' + text + ',{"rest":"' + "y" * 50
    assert attacks_in("request.body", None, JSON, padded) or document_attack(json.loads(text)) == "deserialisation"


@pytest.mark.parametrize("text", hand_written.xml())
def test_an_attack_in_xml(text: str) -> None:
    assert attacks_in("request.body", None, XML, text)


@pytest.mark.parametrize("name", hand_written.names())
def test_a_name_that_is_an_attack(name: str) -> None:
    assert name_attack(name) is not None
    assert attacks_in("request.body", None, FORM, f"{quote_plus(name)}=1")
    assert attacks_in("request.body", None, JSON, json.dumps({"a": [{name: 1}]}))


@pytest.mark.parametrize(
    "name",
    [
        "", "id", "_id", "user_id", "userId", "user.name", "filter[status]", "a.b[0].c", "items[]", "page[number]", "$filter", "$top", "$select", "$orderby", "$count", "$ref", "$schema", "@id", "@odata.type", "odata.etag", "#text",
        "xsi:type", "x-api-key", "utm_source", "Größe", "name (first)", "price (EUR)", "is it ok?", "1", "2026-11-24", "q", "ann@example.com", "/path/to/x", "http://schema.org/name", "a b", "R&D", "50%", "price<", "createdAt__gte", "proto",
        "constructor", "prototype", "password", "password_hint", "select", "union", "order by", "名前", "имя",
    ],
)  # fmt: skip
def test_honest_names(name: str) -> None:
    assert name_attack(name) is None


@pytest.mark.parametrize(
    "document",
    [
        {"price": {"$gte": 10, "$lte": 20}}, {"status": {"$in": ["open", "new"]}}, {"status": {"$ne": "archived"}}, {"$and": [{"a": 1}, {"b": 2}]}, {"@type": "Person", "name": "Ann"}, {"@type": "type.googleapis.com/a.B"}, {"$type": "Contoso.Order, Contoso"},
        {"$type": "System.String, mscorlib"}, {"$ref": "#/definitions/a"}, {"$schema": "https://json-schema.org/draft"}, {"constructor": "Ferrari"}, {"constructor": {"name": "Ferrari"}}, {"class": "first"}, {"_class": "com.contoso.Order"}, ["a", {"b": 1}],
        ["com.contoso.Order", {"id": 1}], {"query": "{ user { name } }", "variables": {"id": 1}}, {"a": [[1, 2], [3, 4]]}, {"op": "replace", "path": "/name", "value": 1}, {}, [], None, "text", 5, {"": {"": []}},
    ],
)  # fmt: skip
def test_honest_documents(document: object) -> None:
    assert document_attack(document) is None
    assert attacks_in("request.body", None, JSON, json.dumps(document)) == set()


@pytest.mark.parametrize("kind", hand_written.HONEST_CODE)
def test_honest_code_is_no_attack_by_itself(kind: str) -> None:
    flagged = [value for value in hand_written.HONEST_CODE[kind] if (family := injection(value)) and not as_text(value, family)]
    assert flagged == []


# places


def test_a_place_is_the_field_and_odd_names_are_not_repeated() -> None:
    attack = unbroken("' UN¦ION SEL¦ECT 1,2--")
    body = json.dumps({"items": [{"note": attack}], "ann@example.com": {"x": attack}})
    assert attacks_in("request.body", None, JSON, body) == {("sql", "$.items[*].note"), ("sql", "$.*.x")}
    assert attacks_in("request.header", "X-Id", None, attack) == {("sql", "x-id")}
    assert attacks_in("request.body", None, FORM, f"a=1&b={quote_plus(attack)}") == {("sql", "b")}
    assert attacks_in("request.body", None, XML, f"<a><b>{attack}</b></a>") >= {("sql", "b")}


def test_the_texts_of_a_multipart_form_and_their_names_are_judged() -> None:
    text = (
        '--x\r\nContent-Disposition: form-data; name="note"\r\n\r\n; cat /etc/hosts\r\n'
        '--x\r\nContent-Disposition: form-data; name="file"; filename="../../a.php"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--\r\n'
    )
    assert attacks_in("request.body", None, "multipart/form-data; boundary=x", text) == {("command", "note"), ("path-traversal", "a name")}


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("redirect_uri", "http://localhost:8080/admin", None),
        ("returnUrl", "http://127.0.0.1:3000/x", None),
        ("url", "http://localhost:8080/admin", "ssrf"),
        ("webhook", "http://2130706433/", "ssrf"),
    ],
)
def test_a_developers_own_page_is_no_target(name: str, value: str, found: str | None) -> None:
    assert parameter_attack(name, value) == found


# long and many


def test_the_middle_of_a_long_value_is_sampled() -> None:
    padding = "some honest words of a story that goes on. " * 700
    for attack in ("' UN¦ION SEL¦ECT 1,2-- ", "<scr¦ipt>al¦ert(1)</scr¦ipt>", "${jn¦di:ldap://x}", "; cat /etc/hosts"):
        half = len(padding) // 2
        value = padding[:half] + unbroken(attack) + padding[half:]
        assert len(value) > 4 * SCAN
        assert injection(value) is not None, attack
    assert injection(padding) is None


@pytest.mark.parametrize("at", [0, 150, 2_500, 4_999])
def test_an_attack_among_thousands_of_values(at: int) -> None:
    values = [f"value no. {n}; fine (yes)" for n in range(5_000)]
    values[at] = unbroken("' UN¦ION SEL¦ECT 1,2--")
    assert attacks_in("request.body", None, JSON, json.dumps(values)) == {("sql", "$[*]")}


# where addresses point


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/", "http://localhost:3000/callback", "http://127.0.0.1:8400/callback?code=a", "http://localhost:5173/", "http://[::1]:3000/", "http://192.168.1.10/a", "https://10.0.0.5:8443/x", "//cdn.example.com/a.js", "ftp://example.com/a",
        "https://8.8.8.8/dns-query", "https://metadata.example.com/x", "https://kubernetes.io/docs", "https://consul.io/", "https://example.com/?u=localhost", "mailto:ann@localhost.example", "http://1.example.com/", "urn:a:b", "https://user@example.com/", "12:30//45",
    ],
)  # fmt: skip
def test_addresses_of_the_world(url: str) -> None:
    assert not inward(url)


def test_a_shells_disguise_comes_off() -> None:
    known = frozenset({"cat", "whoami", "etc", "passwd"})
    assert unquoted("; c'a't /e\"t\"c/hosts", frozenset(), known) == "; cat /etc/hosts"
    assert unquoted("a=who;b=ami;$a$b", frozenset(), known) == "a=who;b=ami;whoami"
    assert unquoted("/b?n/c?t", frozenset(), known) == "/bin/cat"
    assert unquoted("plain words; and more", frozenset(), known) is None


# what a stranger writes


def first_sight(kind: str) -> list[tuple[str, str]]:
    lines = (Path(__file__).parent.parent / "data" / f"{kind}-at-first-sight.jsonl").read_text(encoding="utf-8").splitlines()
    return [(family, unbroken(value)) for family, value in map(json.loads, lines)]


def test_attacks_are_told_and_honest_code_is_information_at_first_sight() -> None:
    attacks, honest = first_sight("attacks"), first_sight("honest")
    assert len(attacks) >= 500
    assert len(honest) >= 600
    told = [value for _, value in attacks if (family := parameter_attack("query:q", value)) and AS_TEXT not in family]
    assert len(told) >= 0.98 * len(attacks)
    flagged = [value for _, value in honest if (family := parameter_attack("query:q", value)) and AS_TEXT not in family]
    assert len(flagged) <= 0.02 * len(honest)


def test_what_is_told_as_text_is_a_small_part_of_all_other_attacks() -> None:
    values = [value for found in (*FAMILIES.values(), *attacks().values()) for value in found]
    families = [(value, family) for value in values if (family := injection(value))]
    assert sum(as_text(value, family) for value, family in families) <= 0.02 * len(families)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("Don't use `eval` or `exec` with what users send", None),
        ("SELECT name FROM lamps WHERE price < 5", "sql as text"),
        ("the lamp' UN¦ION SEL¦ECT 1,2 FROM the_users--", "sql"),
        ("please see this for the lamp' OR 1=1--", "sql"),
        ("use `cat` and ; c¦at /etc/pas¦swd", "command"),
        ("/var/log/contoso/today.log", "path-traversal as text"),
        ("/etc/pas¦swd", "path-traversal"),
        ("{{ request.path }}", "template as text"),
        ("{{ 7*7 }}", "template"),
        ('<script src="/static/app.js"></script>', "script as text"),
        ('<scr¦ipt src="//evil.example/a.js"></scr¦ipt>', "script"),
        ("it runs at http://localhost:8080/swagger here", "ssrf as text"),
        ("it runs at http://169.254.169.254/latest/meta¦-data here", "ssrf"),
    ],
)
def test_a_text_about_code_is_told_from_an_attack(value: str, told: str | None) -> None:
    found = parameter_attack("query:q", unbroken(value))
    assert found == told if told else found is None or found.endswith(AS_TEXT)
