"""Names pass, values do not."""

import pytest

from posture.names import is_map, is_name, kept_parameter, kept_place

NAMES = """id q page Page_Size customerId customer.email X-Request-Id sort[] $filter @type oauth2Token address_line_1 iso3166Code since_2026 md5 sha256
_links userAgent ISBN internationalization createdAtUtc is_ok filter.name a"""
VALUES = [
    "", "ann@example.com", "NL91ABNA0417164300", "4111111111111111", "123", "sk_live_51HzGxYzL3k9aQpR", "AKIAIOSFODNN7EXAMPLE",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "9f1c9f1c9f1c", "a9f1c9f1c9f1c2", "203.0.113.7",
    "2001:db8::1", "Ann Smith", "a b", "it's", "aGVsbG8gd29ybGQgdGhpcyBpcw", "order-20481234", "QWxhZGRpbjpvcGVuIHNlc2FtZQ", "é", "x" * 49,
    "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY", "+31612345678", "../../etc/passwd", "<script>", "xoxb-2048-3912-abcdEFGHijkl",
]  # fmt: skip


@pytest.mark.parametrize("text", NAMES.split())
def test_what_programmers_write_is_a_name(text: str) -> None:
    assert is_name(text)


@pytest.mark.parametrize("text", VALUES)
def test_what_may_be_a_value_is_none(text: str) -> None:
    assert not is_name(text)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("query:page", "query:page"), ("query:", "query:"), ("query:*", "query:*"), ("query:other", "query:other"), ("query:ids[]", "query:ids[]"),
        ("query:filter[status][0]", "query:filter[status][0]"), ("query:$filter", "query:$filter"), ("query:hub.mode", "query:hub.mode"),
        ("query:Ann Smith", "query:*"), ("query:ann@example.com", "query:*"), ("query:filter[Ann Smith]", "query:*"), ("query:a[0", "query:*"),
        ("query:4111111111111111", "query:*"), ("query:[x]", "query:*"), ("path:Straße Nr", "path:Straße Nr"),
    ],
)  # fmt: skip
def test_parameters_keep_their_names(written: str, kept: str) -> None:
    assert kept_parameter(written) == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("response.body $.payee.iban", "response.body $.payee.iban"), ("response.body $", "response.body $"), ("request.body", "request.body"),
        ("request.body $.a['odd-key'][*].b", "request.body $.a['odd-key'][*].b"), ("request.body $.a['Ann Smith'][*].b", "request.body $.a.*[*].b"),
        ("request.body $['ann.smith@example.com']", "request.body $.*"), ("request.body $.*.x", "request.body $.*.x"), ("request.body $.a['ann.sm", "request.body $.a.*"),
        ("request.body /soap:Envelope/Body/@id", "request.body /soap:Envelope/Body/@id"), ("request.body /a/Ann.Smith_471100", "request.body /a/*"),
        ("request.path /{id}", "request.path /{id}"), ("request.path /{2}", "request.path /{2}"), ("request.path /{Ann Smith}", "request.path /*"),
        ("request.header x-account", "request.header x-account"), ("request.header x-ann.471100", "request.header *"), ("request.header cookie.sid", "request.header cookie.sid"),
        ("request.header cookie.ann smith", "request.header cookie.*"), ("request.body other", "request.body other"),
    ],
)  # fmt: skip
def test_places_keep_the_names_in_them(written: str, kept: str) -> None:
    assert kept_place(written) == kept


@pytest.mark.parametrize(
    ("case", "node", "found"),
    [
        ("nothing", {}, False), ("fields", dict.fromkeys("abcdefgh", 1), False), ("a few of a kind", {name: {"x": 1} for name in "abcde"}, False),
        ("many of a kind", {name: {"x": 1} for name in "abcdef"}, True), ("of no kind", {name: {name: 1} for name in "abcdef"}, False),
        ("a table", {f"a{number}": number for number in range(41)}, True), ("mixed", {f"a{number}": number or "" for number in range(41)}, False),
    ],
)  # fmt: skip
def test_many_keys_over_what_is_alike_are_data(case: str, node: dict[str, object], found: bool) -> None:
    assert is_map(node) is found, case
