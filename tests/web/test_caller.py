"""Who calls, in what is kept of a change."""

from web.caller import caller


def test_the_key_proves_and_the_name_is_a_name_and_nothing_else() -> None:
    assert caller({}, "admin key") == "admin key"
    hostile = {"x-ms-client-principal-id": "a\r\nb<script>" + "x" * 500}
    assert caller(hostile, "admin key") == "admin key, as " + ("abscript" + "x" * 500)[:128]
    both = {"x-ms-client-principal-name": "alice@contoso.com", "x-ms-client-principal-id": "1"}
    assert caller(both, "function key") == "function key, as alice@contoso.com"
