"""Checks against published numbers."""

import pytest

from classifiers import checks


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (checks.luhn, "79927398713", "79927398710"),
        (checks.luhn, "4111 1111 1111 1111", "4111 1111 1111 1112"),
        (checks.mod97, "GB82WEST12345698765432", "GB82WEST12345698765433"),
        (checks.iban, "GB82 WEST 1234 5698 7654 32 THANKS", "GB82 WEST 1234 5698 7654 32THANKS"),
        (checks.iban, "NL91ABNA0417164300", "NL91ABNA041716430"),
        (checks.payment_card, "378282246310005", "378282246310006"),
        (checks.payment_card, "6011000990139424", "8944500000000000004"),
        (checks.payment_card, "2223003122003222", "4000000000000000"),
        (checks.verhoeff, "2363", "2364"),
        (checks.hungarian_taj, "111 111 110", "111 111 111"),
        (checks.luxembourgish_matricule, "2004071139233", "2004071139234"),
        (checks.npi, "1234567893", "1234567894"),
        (checks.dea, "AB1234563", "AB1234564"),
        (checks.medicare_australia, "2123456701", "2123456711"),
        (checks.nric, "S0000001I", "S0000001J"),
        (checks.nric, "T0000001E", "T0000001I"),
        (checks.nric, "F0000001U", "F0000001R"),
        (checks.social_insurance_canada, "130692544", "046454286"),
        (checks.utr, "1955839661", "2955839661"),
        (checks.ip_v4, "203.0.113.7", "203.0.113.256"),
        (checks.ip_v6, "2001:db8::1", "2001:db8::1::2"),
        (checks.ip_v6, "2001:db8:fa79:b3c7:6183:bf2d:8c:d7c0", "2001:db8:fa79:b3c7:6183:bf2d:8c"),
        (checks.ip_v6, "::ffff:192.0.2.1", ":::1"),
        (checks.phone, "+1 (202) 555-0123", "2026-11-24"),
        (checks.date_of_life, "1984-02-29", "1984-13-32"),
        (checks.date_of_life, "29.02.1984", "29.02.84"),
        (checks.basic_credentials, "YWRhOmxvdmVsYWNlLTE4MTU=", "bm9jb2xvbg=="),
        (checks.bic, "DEUTDEFF500", "ZZZZDEFF"),
        (checks.password, "correcthorse", "<your-password>"),
        (checks.secret_value, checks.filler(32), "changeme-in-vault-please"),
        (checks.imei, "354178036859789", "354178036859788"),
        (checks.austrian_insurance_number, "1237 010180", "2237 010180"),
    ],
)  # fmt: skip
def test_check(check: checks.Check, good: str, bad: str) -> None:
    assert check(good)
    assert not check(bad)


@pytest.mark.parametrize(
    "text",
    [
        "********",
        "${SECRET}",
        "{{secrets.API_KEY}}",
        "<token>",
        "REDACTED",
        "changeme",
        "your-api-key-here",
        "xxxxxxxx",
        "null",
        "%PASSWORD%",
        "...",
    ],
)
def test_placeholders(text: str) -> None:
    assert checks.placeholder(text)


def test_entropy() -> None:
    assert checks.entropy("") == 0.0
    assert checks.entropy("aaaa") == 0.0
    assert checks.entropy("abcd") == pytest.approx(2.0)


def test_published_keys_are_known_by_their_hash() -> None:
    assert checks.published("AI" + "zaSyabcdefghijklmnopqrstuvwxyz1234567")
    assert not checks.published("AI" + "za" + checks.filler(35))


def test_filler_is_the_same_at_every_run() -> None:
    assert checks.filler(8, seed=3) == checks.filler(8, seed=3) != checks.filler(8, seed=4)
