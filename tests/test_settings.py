"""Settings: read once, and a wrong one stops the app with one sentence that helps and shows no secret."""

import base64

import pytest

from settings import SETTINGS, SettingError, read

KEY = base64.b64encode(b"x" * 32).decode()
LOCAL = {
    "EventHubConnection": f"Endpoint=sb://localhost;SharedAccessKeyName=Root;SharedAccessKey={KEY};UseDevelopmentEmulator=true;",
    "StateStorage": "UseDevelopmentStorage=true",
    "EvidenceStorage": f"AccountName=x;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:1/x",
}
AZURE = {
    "EventHubConnection__fullyQualifiedNamespace": "contoso.servicebus.windows.net",
    "StateStorage__tableServiceUri": "https://contoso.table.core.windows.net",
    "EvidenceStorage__blobServiceUri": "https://evidence.blob.core.windows.net/",
    "AZURE_CLIENT_ID": "11111111-2222-3333-4444-555555555555",
}


def test_local_settings() -> None:
    found = read(LOCAL)
    assert found.hub.connection_string == LOCAL["EventHubConnection"]
    assert (found.event_hub, found.consumer_group, found.max_event_age_hours, found.window_close_minutes) == ("calls", "gatewatch", 24, 60)
    assert found.hash_key is None


def test_managed_identity() -> None:
    found = read(AZURE)
    assert found.state.connection_string is None
    assert found.state.address == "https://contoso.table.core.windows.net"
    assert found.state.client_id == AZURE["AZURE_CLIENT_ID"]
    assert read(AZURE | {"StateStorage__clientId": "other"}).state.client_id == "other"


@pytest.mark.parametrize(
    ("name", "environment"),
    [
        ("EventHubConnection", {**LOCAL, "EventHubConnection": ""}),
        ("EventHubConnection", {**LOCAL, "EventHubConnection": f"SharedAccessKey={KEY}"}),
        ("EventHubConnection", {**AZURE, "EventHubConnection__fullyQualifiedNamespace": "sb://contoso/"}),
        ("StateStorage", {**LOCAL, "StateStorage": f"AccountKey={KEY}"}),
        ("StateStorage", {**AZURE, "StateStorage__tableServiceUri": "contoso"}),
        ("EvidenceStorage", {name: value for name, value in LOCAL.items() if name != "EvidenceStorage"}),
        ("EVENT_HUB_NAME", {**LOCAL, "EVENT_HUB_NAME": "a b"}),
        ("EVENT_HUB_CONSUMER_GROUP", {**LOCAL, "EVENT_HUB_CONSUMER_GROUP": "a/b"}),
        ("HASH_KEY", {**LOCAL, "HASH_KEY": "short"}),
        ("HASH_KEY", {**LOCAL, "HASH_KEY": "c2hvcnQ="}),
        ("MAX_EVENT_AGE_HOURS", {**LOCAL, "MAX_EVENT_AGE_HOURS": "0"}),
        ("MAX_EVENT_AGE_HOURS", {**LOCAL, "MAX_EVENT_AGE_HOURS": "-1"}),
        ("WINDOW_CLOSE_MINUTES", {**LOCAL, "WINDOW_CLOSE_MINUTES": "1441"}),
        ("TRUSTED_PROXIES", {**LOCAL, "TRUSTED_PROXIES": "10.0.0.1/8"}),
    ],
)
def test_a_wrong_setting_is_one_sentence_with_its_name_form_and_example(name: str, environment: dict[str, str]) -> None:
    with pytest.raises(SettingError) as caught:
        read(environment)
    text = str(caught.value)
    assert text.startswith(f"Setting {name} is m")
    assert SETTINGS[name].form in text
    assert SETTINGS[name].example in text
    assert "\n" not in text
    assert KEY not in text


def test_no_secret_is_shown() -> None:
    assert KEY not in repr(read(LOCAL))


def test_every_setting_says_why() -> None:
    for setting in SETTINGS.values():
        assert setting.form
        assert setting.example
        assert setting.why
