"""Who calls, in what is kept of a change."""

import pytest

from web.access import believable
from web.caller import caller

ALICE = {"X-MS-CLIENT-PRINCIPAL-NAME": "alice@contoso.com", "X-MS-CLIENT-PRINCIPAL-ID": "1111-22"}


@pytest.mark.parametrize(
    ("headers", "trusted", "kept"),
    [
        ({}, True, "admin key"),
        (ALICE, True, "alice@contoso.com (1111-22)"),
        (ALICE, False, "admin key"),
        ({"x-ms-client-principal-id": "a\r\nb<script>" + "x" * 500}, True, ("abscript" + "x" * 500)[:128]),
    ],
)
def test_a_name_is_kept_where_the_platform_proves_it_and_nowhere_else(headers: dict[str, str], trusted: bool, kept: str) -> None:
    assert caller(believable(headers, trusted), "admin key") == kept
