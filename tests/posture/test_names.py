"""Names pass, values do not."""

import pytest

from posture.names import is_name

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
