"""Settings: read once, and a wrong one stops the app with one sentence that helps and shows no secret."""

import base64
from datetime import date, timedelta

import pytest

from alerts.exports import FORMATS
from response.limits import Rails
from settings import ALERT_FORMATS, SETTINGS, SettingError, read

KEY = base64.b64encode(b"x" * 32).decode()
GATEWAY = SETTINGS["GATEWAY_RESOURCE_ID"].example
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


def test_the_alert_formats_are_those_that_can_be_written() -> None:
    assert tuple(FORMATS) == ALERT_FORMATS


def test_local_settings() -> None:
    found = read(LOCAL)
    assert found.hub.connection_string == LOCAL["EventHubConnection"]
    assert (found.event_hub, found.consumer_group, found.max_event_age_hours, found.window_close_minutes) == ("calls", "gatewatch", 24, 60)
    assert found.hash_key is None


def test_where_alerts_go() -> None:
    found = read(LOCAL)
    assert (found.alert_formats, found.alert_hub, found.deliver_seconds, found.gateway) == (("mdc",), "", 30, "")
    own = {"ALERT_FORMATS": " OCSF, cef,ocsf ", "ALERT_HUB_NAME": "alerts", "DELIVER_SECONDS": "5", "GATEWAY_RESOURCE_ID": GATEWAY}
    found = read(LOCAL | own)
    assert (found.alert_formats, found.alert_hub, found.deliver_seconds, found.gateway) == (("ocsf", "cef"), "alerts", 5, GATEWAY)


def test_responses_are_off_and_their_rails_have_numbers() -> None:
    found = read(LOCAL)
    assert (found.response_client_id, found.response_subscriptions, found.response_automatic, found.response_rails) == (
        "",
        False,
        (),
        Rails(),
    )
    own = {
        "RESPONSE_LIMITS": "identities=4, minutes=30",
        "RESPONSE_SPARED": "203.0.113.0/28",
        "RESPONSE_AUTOMATIC": "API_Injection,API_Injection",
    }
    found = read(LOCAL | own)
    assert (found.response_rails.identities, found.response_rails.minutes, found.response_rails.agents) == (4, 30, 5)
    assert (found.response_spared, found.response_automatic) == (("203.0.113.0/28",), ("API_Injection",))


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
        ("EVALUATE_SECONDS", {**LOCAL, "EVALUATE_SECONDS": "7"}),
        ("EVALUATE_SHARDS", {**LOCAL, "EVALUATE_SHARDS": "0"}),
        ("EVALUATE_SHARDS", {**LOCAL, "EVALUATE_SHARDS": "33"}),
        ("RESPONSE_CLIENT_ID", {**LOCAL, "RESPONSE_CLIENT_ID": "a b"}),
        ("RESPONSE_SUBSCRIPTIONS", {**LOCAL, "RESPONSE_SUBSCRIPTIONS": "yes"}),
        ("RESPONSE_LIMITS", {**LOCAL, "RESPONSE_LIMITS": "identity=4"}),
        ("RESPONSE_LIMITS", {**LOCAL, "RESPONSE_LIMITS": "longest=10081"}),
        ("RESPONSE_SPARED", {**LOCAL, "RESPONSE_SPARED": "here"}),
        ("RESPONSE_AUTOMATIC", {**LOCAL, "RESPONSE_AUTOMATIC": "everything"}),
        ("COUNTRY_DATABASE", {**LOCAL, "COUNTRY_DATABASE": "countries.csv"}),
        ("TRUSTED_PROXIES", {**LOCAL, "TRUSTED_PROXIES": "10.0.0.1/8"}),
        ("WEBHOOK_NETWORKS", {**LOCAL, "WEBHOOK_NETWORKS": "intranet"}),
        ("ALERT_FORMATS", {**LOCAL, "ALERT_FORMATS": "mdc,xml"}),
        ("ALERT_FORMATS", {**LOCAL, "ALERT_FORMATS": ","}),
        ("ALERT_HUB_NAME", {**LOCAL, "ALERT_HUB_NAME": "a b"}),
        ("DELIVER_SECONDS", {**LOCAL, "DELIVER_SECONDS": "60"}),
        ("GATEWAY_RESOURCE_ID", {**LOCAL, "GATEWAY_RESOURCE_ID": "contoso"}),
        ("GATEWAY_RESOURCE_ID", {**LOCAL, "GATEWAY_RESOURCE_ID": f"{GATEWAY}/apis/orders"}),
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


def test_promises_are_made_shorter_and_never_longer() -> None:
    found = read(LOCAL | {"RETAIN_ACTIVITY_DAYS": "7", "RETAIN_QUARANTINE_HOURS": "6", "HUB_RETENTION_HOURS": "12"})
    assert (found.kept["activity"], found.kept["quarantine"], found.kept["calls"], found.kept["alert-feed"]) == (
        timedelta(days=7),
        timedelta(hours=6),
        timedelta(hours=12),
        timedelta(hours=12),
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RETAIN_ACTIVITY_DAYS", "31", "is more than 30 days, and addresses are promised to be gone after 30 days"),
        ("RETAIN_ALERT_ACTOR_DAYS", "31", "is more than 30 days, and addresses are promised to be gone after 30 days"),
        ("RETAIN_QUARANTINE_HOURS", "49", "is more than 48 hours, and bodies are promised to be gone after 48 hours"),
        ("HUB_RETENTION_HOURS", "49", "is more than 48 hours, and bodies are promised to be gone after 48 hours"),
        ("RETAIN_ACTIVITY_DAYS", "1", "is malformed"),
        ("RETAIN_QUARANTINE_HOURS", "0", "is malformed"),
        ("HUB_RETENTION_HOURS", "-1", "is malformed"),
        ("RETAIN_ACTIVITY_DAYS", "1e9", "is malformed"),
        ("LEGAL_HOLD", "2027-06-30", "is malformed"),
        ("LEGAL_HOLD", "2027-02-30 proceedings", "is malformed"),
        ("LEGAL_HOLD", "proceedings", "is malformed"),
        ("GEOGRAPHY", "europe", "is malformed"),
    ],
)
def test_a_promise_that_cannot_be_given_stops_the_app(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingError, match=f"^Setting {name} {said}"):
        read(LOCAL | {name: value})


def test_a_legal_hold_has_a_last_day_and_a_reason() -> None:
    assert read(LOCAL | {"LEGAL_HOLD": "2027-06-30 proceedings 4 O 118/26"}).legal_hold == (date(2027, 6, 30), "proceedings 4 O 118/26")
    assert read(LOCAL).legal_hold is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"REGION_NAME": "East US"}, "the app runs in region eastus"),
        ({"StateStorage__tableServiceUri": "https://gwwestus2.table.core.windows.net"}, "StateStorage names an account whose name says region westus2"),
        ({"EvidenceStorage__blobServiceUri": "https://gw-secondary.blob.core.windows.net"}, "EvidenceStorage names the copy of an account"),
        ({"EventHubConnection__fullyQualifiedNamespace": "gw.servicebus.usgovcloudapi.net"}, "EventHubConnection names a service of the cloud US"),
        ({"StateStorage__tableServiceUri": "", "StateStorage": f"AccountName=gweastus;AccountKey={KEY};EndpointSuffix=core.windows.net"}, "StateStorage names an account whose name says region eastus"),
    ],
)  # fmt: skip
def test_the_app_does_not_start_outside_its_geography(changed: dict[str, str], said: str) -> None:
    assert read(AZURE | {"GEOGRAPHY": "eu", "REGION_NAME": "West Europe"}).geography == "eu"
    with pytest.raises(SettingError, match=f"^Setting GEOGRAPHY is eu, but {said}.*: data would leave its geography"):
        read(AZURE | {"GEOGRAPHY": "eu"} | changed)
    assert read(AZURE | changed).geography == ""
