"""The infrastructure, compiled by the real Bicep compiler and resolved for several sets of parameters, never deployed."""

import ast
import json
import re
import shutil
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import settings
from response.entries import LISTS, MODE
from retention.policy import POLICY
from retention.residency import REGIONS
from tests.infra.bicep_compiler import INFRA, ROOT, SUBSCRIPTION, Bicep, Resource, app_settings, of_type, one, resolved
from web.routes import RESOURCES

pytestmark = pytest.mark.xdist_group("bicep")

ROLES = {
    "a638d3c7-ab3a-418d-83e6-5f17a39d4fde": "Azure Event Hubs Data Receiver",
    "2b629674-e913-4c01-ae53-ef4638d8f975": "Azure Event Hubs Data Sender",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "71522526-b88f-4d52-b57f-d31fc3546d0d": "API Management Service Reader Role",
}
APP_ROLES = {
    ("eventhubs/calls", "Azure Event Hubs Data Receiver", "identity"),
    ("eventhubs/alerts", "Azure Event Hubs Data Sender", "identity"),
    ("storageAccounts/state", "Storage Blob Data Owner", "identity"),
    ("storageAccounts/state", "Storage Table Data Contributor", "identity"),
    ("storageAccounts/evidence", "Storage Blob Data Contributor", "identity"),
    ("components", "Monitoring Metrics Publisher", "identity"),
}
GATEWAY_ROLES = {
    ("eventhubs/calls", "Azure Event Hubs Data Sender", "gatewayIdentity"),
    ("service/contoso", "API Management Service Reader Role", "identity"),
}
RESPONSE_ROLES = {("service/contoso", "Gatewatch responder (contoso)", "responseIdentity")}
PLATFORM_SETTINGS = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__credential",
    "CUSTOM_REQUIREMENTSTXT_PATH",
    "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY",
}
"""What the Functions host, worker or build reads, beside the `__credential` and `__clientId` of each connection."""
OF_SIGN_IN = {"OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID"}
"""What App Service authentication reads: whose token stands for a client secret."""
SET_BY_FUNCTION_APP_CONFIG = {
    "AzureWebJobsStorage",
    "ENABLE_ORYX_BUILD",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_WORKER_RUNTIME_VERSION",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_RUN_FROM_PACKAGE",
}


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


# ---- the compiler ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["main.bicep", "main.bicepparam"])
def test_no_diagnostic(bicep: Bicep, file: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Modules included: the compiler reports on everything that main.bicep reaches."""
    done = bicep.run(
        "lint",
        file,
        "--diagnostics-format",
        "sarif",
        AZURE_ENV_NAME="prod",
        AZURE_LOCATION="westeurope",
        AZURE_SUBSCRIPTION_ID=SUBSCRIPTION,
    )
    report = json.loads(done.stdout or done.stderr)
    results = [result for run in report["runs"] for result in run["results"]]
    assert [result["message"]["text"] for result in results] == []
    assert done.returncode == 0
    if file == "main.bicep":
        version = bicep.run("--version").stdout.strip()
        with capfd.disabled():
            print(f"\n[compiled by {bicep.program}: {version}]", file=sys.stderr)


def test_a_diagnostic_would_be_seen(bicep: Bicep) -> None:
    """The check above can fail: an unused parameter of a module is one result."""
    (bicep.infra / "module.bicep").write_text("param unused string\n", encoding="utf-8")
    (bicep.infra / "faulty.bicep").write_text("module it 'module.bicep' = {\n  params: { unused: 'x' }\n}\n", encoding="utf-8")
    report = json.loads(bicep.run("lint", "faulty.bicep", "--diagnostics-format", "sarif").stdout)
    assert "no-unused-params" in [result["ruleId"] for run in report["runs"] for result in run["results"]]


def test_every_module_is_reached() -> None:
    reached = set(re.findall(r"^module \w+ 'modules/([^']+)'", (INFRA / "main.bicep").read_text(encoding="utf-8"), re.MULTILINE))
    assert reached == {file.name for file in (INFRA / "modules").glob("*.bicep")}


def test_formatted(bicep: Bicep) -> None:
    copy = bicep.work / "formatted"
    shutil.copytree(INFRA, copy)
    (copy / "odd.bicep").write_text("param   odd   string\n", encoding="utf-8")
    done = bicep.run("format", "--pattern", str(copy / "**" / "*.bicep"))
    assert done.returncode == 0, done.stderr
    assert (copy / "odd.bicep").read_text(encoding="utf-8") == "param odd string\n"  # it was at work
    files = INFRA.rglob("*.bicep")
    wrong = [str(file.relative_to(INFRA)) for file in files if (copy / file.relative_to(INFRA)).read_bytes() != file.read_bytes()]
    assert wrong == [], "run `bicep format` on these"


def test_no_registry_module() -> None:
    for file in INFRA.rglob("*.bicep"):
        for target in re.findall(r"^module \w+ '([^']+)'", file.read_text(encoding="utf-8"), re.MULTILINE):
            assert not re.match(r"(br|ts)[:/]", target), f"{file.name}: {target}"


def test_every_parameter_of_main_is_described_and_none_is_secret(template: dict[str, Any]) -> None:
    for name, parameter in template["parameters"].items():
        assert parameter.get("metadata", {}).get("description", "").endswith("."), name
        assert parameter.get("type", "object") not in ("securestring", "secureObject"), name


def test_outputs_for_azd(template: dict[str, Any]) -> None:
    outputs = template["outputs"]
    assert all(name == name.upper() for name in outputs)
    assert {"AZURE_LOCATION", "AZURE_RESOURCE_GROUP", "GATEWATCH_GEOGRAPHY", "GATEWATCH_FUNCTION_APP", "GATEWATCH_URL"} <= set(outputs)


# ---- roles -------------------------------------------------------------------------------------------------------------


def assignments(resources: list[Resource]) -> list[tuple[str, str, str]]:
    """(scope, role, which module's principal) of each."""
    found = []
    own = {
        resource["id"].rsplit("/", 1)[1]: resource["properties"]["roleName"]
        for resource in of_type(resources, "Microsoft.Authorization/roleDefinitions")
    }
    for resource in of_type(resources, "Microsoft.Authorization/roleAssignments"):
        scope = resource["id"].split("/providers/Microsoft.Authorization/")[0]
        kind, name = scope.split("/")[-2:]
        account = next((role for role, mark in (("state", "stgwstate"), ("evidence", "stgwevid")) if name.startswith(mark)), "")
        place = f"{kind}/{account}" if account else kind if kind == "components" else f"{kind}/{name}"
        properties = resource["properties"]
        assert properties["principalType"] == "ServicePrincipal"
        principal = re.search(r"format\('(\w+)-\{0\}'", properties["principalId"])
        assert principal
        found.append((place, (ROLES | own)[properties["roleDefinitionId"].rsplit("/", 1)[1]], principal[1]))
    return found


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("public", APP_ROLES),
        ("private", APP_ROLES),
        ("gateway", APP_ROLES | GATEWAY_ROLES),
        ("responding", APP_ROLES | GATEWAY_ROLES | RESPONSE_ROLES),
    ],
)
def test_every_role_and_only_those(variants: dict[str, list[Resource]], variant: str, expected: set[tuple[str, str, str]]) -> None:
    assert sorted(assignments(variants[variant])) == sorted(expected)


# ---- keys and secrets --------------------------------------------------------------------------------------------------


def test_keys_are_off(resources: list[Resource]) -> None:
    accounts = of_type(resources, "Microsoft.Storage/storageAccounts")
    assert len(accounts) == 2
    for account in accounts:
        assert account["properties"]["allowSharedKeyAccess"] is False
        assert account["properties"]["allowBlobPublicAccess"] is False
        assert account["properties"]["isLocalUserEnabled"] is False
        assert account["properties"]["defaultToOAuthAuthentication"] is True
    assert one(resources, "Microsoft.EventHub/namespaces")["properties"]["disableLocalAuth"] is True
    assert one(resources, "Microsoft.Insights/components")["properties"]["DisableLocalAuth"] is True
    workspaces = of_type(resources, "Microsoft.OperationalInsights/workspaces")
    assert all(workspace["properties"]["features"]["disableLocalAuth"] is True for workspace in workspaces)
    policies = of_type(resources, "Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    assert {policy["name"].rsplit("/", 1)[1]: policy["properties"] for policy in policies} == {
        "ftp": {"allow": False},
        "scm": {"allow": False},
    }


def test_no_key_or_connection_string_anywhere(template: dict[str, Any], resources: list[Resource]) -> None:
    forbidden = re.compile(
        r"listKeys|listAccountSas|listServiceSas|list\(|AccountKey|SharedAccessKey|SharedAccessSignature|EndpointSuffix|sig=", re.IGNORECASE
    )
    # The policy fragments are text for the gateway, tested on their own; `sig` there is the name of a parameter to mask.
    sources = [text for text in strings(template) if "<fragment>" not in text]
    found = [text for text in sources if forbidden.search(text)]
    assert found == []
    assert not any(resource["type"].lower().endswith("authorizationrules") for resource in resources)
    # Application Insights' string holds an address and an id, no credential: ingestion without Entra is off.
    with_connection_string = {name for name in app_settings(resources) if "CONNECTION_STRING" in name}
    assert with_connection_string == {"APPLICATIONINSIGHTS_CONNECTION_STRING"}


def test_the_identity_key_is_made_once_and_never_seen(template: dict[str, Any], variants: dict[str, list[Resource]]) -> None:
    module = template["resources"]["gateway"]["properties"]["template"]
    assert module["parameters"]["identityKey"]["type"] == "securestring"
    assert module["parameters"]["identityKey"]["defaultValue"] == "[format('{0}{1}', newGuid(), newGuid())]"
    assert "identityKey" not in template["resources"]["gateway"]["properties"]["parameters"]
    assert "onlyIfNotExists" in module["resources"]["identityKeyValue"]["@options"]
    value = one(variants["gateway"], "Microsoft.ApiManagement/service/namedValues", "gatewatch-identity-key")
    assert value["properties"]["secret"] is True


def test_the_identity_key_may_come_from_a_vault_of_the_operators(template: dict[str, Any], variants: dict[str, list[Resource]]) -> None:
    properties = one(variants["elsewhere"], "Microsoft.ApiManagement/service/namedValues", "gatewatch-identity-key")["properties"]
    assert properties["secret"] is True
    assert properties["keyVault"] == {
        "secretIdentifier": "https://contoso.vault.azure.net/secrets/identity-key",
        "identityClientId": "00000000-0000-0000-0000-0000000000c1",
    }
    assert "value" not in properties
    reference = template["resources"]["gateway"]["properties"]["template"]["resources"]["identityKeyReference"]
    assert "onlyIfNotExists" not in reference.get("@options", {})  # whoever names a vault later gets it


# ---- personal data: where and how long ---------------------------------------------------------------------------------


def test_nothing_outlives_a_delete(resources: list[Resource]) -> None:
    services = of_type(resources, "Microsoft.Storage/storageAccounts/blobServices")
    assert len(services) == 2
    for service in services:
        properties = service["properties"]
        assert properties["deleteRetentionPolicy"] == {"enabled": False}
        assert properties["containerDeleteRetentionPolicy"] == {"enabled": False}
        assert properties["restorePolicy"] == {"enabled": False}
        assert properties["changeFeed"] == {"enabled": False}
        assert properties["isVersioningEnabled"] is False


def test_the_net_covers_what_is_purged_and_spares_what_is_kept(resources: list[Resource]) -> None:
    """The containers are those of the one policy table; the host's own and the package are in the other account."""
    places = [place for place in POLICY if place.kind == "container" and place.id not in ("host", "package")]
    policy = one(resources, "Microsoft.Storage/storageAccounts/managementPolicies")
    assert policy["name"].startswith("stgwevid")
    (rule,) = policy["properties"]["policy"]["rules"]
    assert rule["enabled"] is True
    assert sorted(rule["definition"]["filters"]["prefixMatch"]) == sorted(f"{place.name}/" for place in places if place.personal)
    assert rule["definition"]["actions"]["baseBlob"] == {"delete": {"daysAfterCreationGreaterThan": 2}}
    containers = of_type(resources, "Microsoft.Storage/storageAccounts/blobServices/containers")
    names = {tuple(container["name"].split("/default/")) for container in containers}
    assert {name for account, name in names if account.startswith("stgwevid")} == {place.name for place in places}
    assert all(container["properties"]["publicAccess"] == "None" for container in containers)


@pytest.mark.parametrize(("variant", "hours"), [("public", 24), ("private", 48)])
def test_the_hub_forgets(variants: dict[str, list[Resource]], variant: str, hours: int) -> None:
    hubs = of_type(variants[variant], "Microsoft.EventHub/namespaces/eventhubs")
    assert {hub["name"].rsplit("/", 1)[1] for hub in hubs} == {"calls", "alerts"}
    for hub in hubs:
        assert hub["properties"]["retentionDescription"] == {"cleanupPolicy": "Delete", "retentionTimeInHours": hours}
        assert "captureDescription" not in hub["properties"]


def test_retention_beyond_48_hours_is_refused(bicep: Bicep, template: dict[str, Any]) -> None:
    assert template["parameters"]["hubRetentionHours"]["maxValue"] == 48
    done = bicep.snapshot(GATEWATCH_HUB_RETENTION_HOURS="49")
    assert done.returncode != 0
    assert "hubRetentionHours" in done.stdout + done.stderr


def test_logs_are_kept_thirty_days(resources: list[Resource]) -> None:
    for workspace in of_type(resources, "Microsoft.OperationalInsights/workspaces"):
        assert workspace["properties"]["retentionInDays"] == 30
        assert workspace["properties"]["features"]["immediatePurgeDataOn30Days"] is True
        assert workspace["properties"]["workspaceCapping"]["dailyQuotaGb"] >= 1
    insights = one(resources, "Microsoft.Insights/components")["properties"]
    assert insights["RetentionInDays"] == 30
    assert insights["DisableIpMasking"] is False


EVERY_REQUEST = {"StorageRead", "StorageWrite", "StorageDelete"}
ACCESS_LOGS: dict[str, dict[str, set[str]]] = {
    "all": {
        "namespaces/evhns": {"OperationalLogs", "AutoScaleLogs", "EventHubVNetConnectionEvent"},
        "sites/func": {"allLogs"},
        "stgwevid/blobServices": EVERY_REQUEST,
        "stgwstate/blobServices": EVERY_REQUEST,
        "stgwstate/tableServices": {"StorageRead", "StorageDelete"},
    },
    "off": {},
}
ACCESS_LOGS["evidence"] = {place: categories for place, categories in ACCESS_LOGS["all"].items() if "stgwstate" not in place}


def diagnosed(resources: list[Resource]) -> dict[str, set[str]]:
    """What is logged of which resource."""
    found = {}
    for setting in of_type(resources, "Microsoft.Insights/diagnosticSettings"):
        scope = setting["id"].split("/providers/Microsoft.Insights/")[0]
        parts = re.search(r"/(stgwevid|stgwstate)\w+/(\w+)/default$|/(namespaces|sites)/(evhns|func)-", scope)
        assert parts, scope
        place = "/".join(part for part in parts.groups() if part)
        found[place] = {log.get("category") or log["categoryGroup"] for log in setting["properties"]["logs"] if log["enabled"]}
    return found


@pytest.mark.parametrize(("variant", "chosen"), [("public", "evidence"), ("gateway", "all"), ("responding", "off")])
def test_who_read_what_is_logged_apart_from_what_analysts_see(variants: dict[str, list[Resource]], variant: str, chosen: str) -> None:
    resources = variants[variant]
    assert diagnosed(resources) == ACCESS_LOGS[chosen]
    targets = {setting["properties"]["workspaceId"] for setting in of_type(resources, "Microsoft.Insights/diagnosticSettings")}
    workspaces = {workspace["id"]: workspace for workspace in of_type(resources, "Microsoft.OperationalInsights/workspaces")}
    own = {id for id in workspaces if "log-access-gatewatch-" in id}
    assert targets == own
    assert len(workspaces) == (1 if chosen == "off" else 2)
    assert all(workspaces[id]["properties"]["features"]["enableLogAccessUsingOnlyResourcePermissions"] is False for id in own)


def test_one_region(resources: list[Resource]) -> None:
    locations = {resource["location"] for resource in resources if "location" in resource}
    assert locations <= {"westeurope", "global"}
    for account in of_type(resources, "Microsoft.Storage/storageAccounts"):
        assert account["sku"]["name"] in ("Standard_LRS", "Standard_ZRS")


def test_redundancy_across_regions_is_refused(bicep: Bicep, template: dict[str, Any]) -> None:
    assert template["parameters"]["storageRedundancy"]["allowedValues"] == ["Standard_LRS", "Standard_ZRS"]
    assert bicep.snapshot(GATEWATCH_STORAGE_REDUNDANCY="Standard_GRS").returncode != 0


@pytest.mark.parametrize(
    ("location", "geography", "refused"),
    [
        ("uksouth", "eu", "is in geography 'uk', but this environment is held to 'eu'"),
        ("atlantis", "", "is in no geography that Gatewatch knows"),
        ("westeurope", "mars", "mars"),
    ],
)
def test_a_region_outside_the_geography_is_refused(bicep: Bicep, location: str, geography: str, refused: str) -> None:
    done = bicep.snapshot(AZURE_LOCATION=location, GATEWATCH_GEOGRAPHY=geography)
    assert done.returncode != 0
    assert refused in re.sub(r"\s+", " ", done.stdout + done.stderr)


def test_geographies_are_those_allowed_and_no_region_is_in_two(template: dict[str, Any]) -> None:
    regions = template["variables"]["regionsOf"]
    assert sorted(["", *regions]) == sorted(template["parameters"]["geography"]["allowedValues"])
    assert {name: tuple(found) for name, found in regions.items()} == dict(REGIONS), "infra/main.bicep and retention/residency.py differ"
    every = [region for found in regions.values() for region in found]
    assert len(every) == len(set(every))
    assert not {"uksouth", "ukwest", "switzerlandnorth", "norwayeast"} & set(regions["eu"])


# ---- networks ----------------------------------------------------------------------------------------------------------


def test_tls_1_2_and_https_only(resources: list[Resource]) -> None:
    for account in of_type(resources, "Microsoft.Storage/storageAccounts"):
        assert account["properties"]["minimumTlsVersion"] == "TLS1_2"
        assert account["properties"]["supportsHttpsTrafficOnly"] is True
    assert one(resources, "Microsoft.EventHub/namespaces")["properties"]["minimumTlsVersion"] == "1.2"
    site = one(resources, "Microsoft.Web/sites")["properties"]
    assert site["httpsOnly"] is True
    assert (site["siteConfig"]["minTlsVersion"], site["siteConfig"]["scmMinTlsVersion"]) == ("1.2", "1.2")
    assert site["siteConfig"]["ftpsState"] == "Disabled"


@pytest.mark.parametrize(
    ("variant", "storage", "hub", "endpoints"),
    [("public", "Enabled", "Enabled", 0), ("private", "Disabled", "Disabled", 4), ("privateExceptHub", "Disabled", "Enabled", 4)],
)
def test_public_access(variants: dict[str, list[Resource]], variant: str, storage: str, hub: str, endpoints: int) -> None:
    resources = variants[variant]
    for account in of_type(resources, "Microsoft.Storage/storageAccounts"):
        assert account["properties"]["publicNetworkAccess"] == storage
        assert account["properties"]["networkAcls"]["bypass"] == "None"
        assert account["properties"]["networkAcls"]["defaultAction"] == ("Allow" if storage == "Enabled" else "Deny")
    assert one(resources, "Microsoft.EventHub/namespaces")["properties"]["publicNetworkAccess"] == hub
    rules = one(resources, "Microsoft.EventHub/namespaces/networkRuleSets")["properties"]
    assert rules["trustedServiceAccessEnabled"] is False
    assert rules["publicNetworkAccess"] == hub
    assert rules["defaultAction"] == ("Allow" if variant == "public" else "Deny")
    assert len(of_type(resources, "Microsoft.Network/privateEndpoints")) == endpoints
    assert len(of_type(resources, "Microsoft.Network/virtualNetworks")) == bool(endpoints)
    assert bool(one(resources, "Microsoft.Web/sites")["properties"].get("virtualNetworkSubnetId")) is bool(endpoints)


def test_each_private_endpoint_has_its_name(variants: dict[str, list[Resource]]) -> None:
    resources = variants["private"]
    links = {
        (connection["properties"]["privateLinkServiceId"].split("/")[-1][:8], connection["properties"]["groupIds"][0])
        for endpoint in of_type(resources, "Microsoft.Network/privateEndpoints")
        for connection in endpoint["properties"]["privateLinkServiceConnections"]
    }
    assert links == {("stgwstat", "blob"), ("stgwstat", "table"), ("stgwevid", "blob"), ("evhns-ga", "namespace")}
    zones = {resolved(zone["name"]) for zone in of_type(resources, "Microsoft.Network/privateDnsZones")}
    assert zones == {"privatelink.blob.core.windows.net", "privatelink.table.core.windows.net", "privatelink.servicebus.windows.net"}
    assert len(of_type(resources, "Microsoft.Network/privateDnsZones/virtualNetworkLinks")) == len(zones)
    groups = of_type(resources, "Microsoft.Network/privateEndpoints/privateDnsZoneGroups")
    kinds = {"blob": "blob", "table": "table", "hub": "servicebus"}
    for group in groups:
        (configuration,) = group["properties"]["privateDnsZoneConfigs"]
        kind = kinds[configuration["name"].rsplit("-", 1)[-1]]
        assert f"privatelink.{kind}" in configuration["properties"]["privateDnsZoneId"]
    assert len(groups) == len(links)
    (functions, endpoints) = one(resources, "Microsoft.Network/virtualNetworks")["properties"]["subnets"]
    assert functions["properties"]["delegations"][0]["properties"]["serviceName"] == "Microsoft.App/environments"
    assert (functions["properties"]["addressPrefix"], endpoints["properties"]["addressPrefix"]) == ("10.90.0.0/26", "10.90.0.64/26")


def test_address_ranges(variants: dict[str, list[Resource]]) -> None:
    resources = variants["privateExceptHub"]
    hub = one(resources, "Microsoft.EventHub/namespaces/networkRuleSets")["properties"]
    assert hub["ipRules"] == [{"ipMask": "198.51.100.0/24", "action": "Allow"}]
    site = one(resources, "Microsoft.Web/sites")["properties"]["siteConfig"]
    assert [(rule["tag"], rule["ipAddress"], rule["action"]) for rule in site["ipSecurityRestrictions"]] == [
        ("ServiceTag", "ApplicationInsightsAvailability", "Allow"),
        ("Default", "203.0.113.0/24", "Allow"),
    ]
    assert site["ipSecurityRestrictionsDefaultAction"] == "Deny"
    assert site["scmIpSecurityRestrictionsUseMain"] is True


RETENTION_SETTINGS = {place.setting.name for place in POLICY if place.setting}
"""They shorten promises; the policy table names them."""


# ---- the app -----------------------------------------------------------------------------------------------------------


def test_the_app_starts_with_these_settings(resources: list[Resource]) -> None:
    """Not a comparison of names: settings.py itself reads what the deployment sets."""
    given = settings.read(app_settings(resources))
    assert given.event_hub == "calls"
    assert given.alert_hub == one(resources, "Microsoft.EventHub/namespaces/eventhubs", "/alerts")["name"].rsplit("/", 1)[1]
    assert given.consumer_group == one(resources, "Microsoft.EventHub/namespaces/eventhubs/consumergroups")["name"].rsplit("/", 1)[1]
    assert given.hub.address == one(resources, "Microsoft.EventHub/namespaces")["name"] + ".servicebus.windows.net"
    assert given.state.address.startswith("https://stgwstate")
    assert given.state.address.endswith(".table.core.windows.net")
    assert given.evidence.address.startswith("https://stgwevid")
    assert given.evidence.address.endswith(".blob.core.windows.net")
    kept = one(resources, "Microsoft.EventHub/namespaces/eventhubs", "/calls")["properties"]["retentionDescription"]["retentionTimeInHours"]
    assert app_settings(resources)["HUB_RETENTION_HOURS"] == str(kept)
    assert given.max_event_age_hours >= kept, "a backlog would be quarantined"
    assert given.geography == "eu"
    for connection in (given.hub, given.state, given.evidence):
        assert connection.connection_string is None
        assert connection.client_id


def test_every_setting_is_set_or_has_a_default_and_no_other_is_set(template: dict[str, Any], resources: list[Resource]) -> None:
    given = app_settings(resources)
    parts = ("__fullyQualifiedNamespace", "__tableServiceUri", "__blobServiceUri")
    read = {name.split("__")[0] if name.endswith(parts) else name for name in given}
    of_connections = {name for name in given if name.endswith(("__credential", "__clientId")) and name.split("__")[0] in settings.SETTINGS}
    missing = {name for name, setting in settings.SETTINGS.items() if setting.default is None} - read
    assert missing == set()
    unknown = (
        set(given)
        - PLATFORM_SETTINGS
        - OF_SIGN_IN
        - RETENTION_SETTINGS
        - of_connections
        - {name for name in given if name.split("__")[0] in settings.SETTINGS}
    )
    assert unknown == set()
    assert set(given) >= PLATFORM_SETTINGS
    assert not SET_BY_FUNCTION_APP_CONFIG & set(given)
    for name in given:
        if name.endswith("__clientId"):
            assert given[name.replace("__clientId", "__credential")] == "managedidentity"


def test_a_choice_is_a_setting_that_the_app_knows(template: dict[str, Any], variants: dict[str, list[Resource]]) -> None:
    offered = template["definitions"]["Choices"]
    assert offered["additionalProperties"] is False
    wired = {
        *("EVENT_HUB_NAME", "EVENT_HUB_CONSUMER_GROUP", "ALERT_HUB_NAME", "GATEWAY_RESOURCE_ID"),
        *("AZURE_CLIENT_ID", "HUB_RETENTION_HOURS", "GEOGRAPHY", "SIGN_IN"),
        *("RESPONSE_CLIENT_ID", "RESPONSE_SUBSCRIPTIONS", "RESOURCE_MANAGER"),
    }
    set_by_azure = {"REGION_NAME", "WEBSITE_AUTH_ENABLED", "WEBSITE_HOSTNAME"}
    made_by_the_app = {"HASH_KEY"}
    optional = {name for name, setting in settings.SETTINGS.items() if setting.default is not None}
    assert set(offered["properties"]) == (optional | RETENTION_SETTINGS) - wired - made_by_the_app - set_by_azure
    chosen = app_settings(variants["privateExceptHub"])
    assert (chosen["TRUSTED_PROXIES"], chosen["MAX_EVENT_AGE_HOURS"]) == ("10.0.0.0/16", "36")
    assert app_settings(variants["private"])["MAX_EVENT_AGE_HOURS"] == "48"


def scale(resources: list[Resource]) -> Any:
    return one(resources, "Microsoft.Web/sites")["properties"]["functionAppConfig"]["scaleAndConcurrency"]


def test_a_page_of_many_files_needs_one_instance(variants: dict[str, list[Resource]]) -> None:
    assert scale(variants["public"])["triggers"]["http"]["perInstanceConcurrency"] == 16
    assert scale(variants["responding"])["triggers"]["http"]["perInstanceConcurrency"] == 8


def test_over_zones_everything_that_can_be_is(variants: dict[str, list[Resource]]) -> None:
    """Two warm instances of a function at least, for one stands in one zone; and no account in one building."""
    one_zone, zones = variants["public"], variants["responding"]
    assert one(one_zone, "Microsoft.Web/serverfarms")["properties"]["zoneRedundant"] is False
    assert scale(one_zone)["alwaysReady"] == [{"name": "function:ingest", "instanceCount": 1}]
    assert one(zones, "Microsoft.Web/serverfarms")["properties"]["zoneRedundant"] is True
    warm = {entry["name"]: entry["instanceCount"] for entry in scale(zones)["alwaysReady"]}
    assert warm == {"function:ingest": 2, "function:evaluate": 2, "http": 3}
    assert {account["sku"]["name"] for account in of_type(zones, "Microsoft.Storage/storageAccounts")} == {"Standard_ZRS"}


def test_people_sign_in_where_a_registration_is_named_and_nowhere_else(variants: dict[str, list[Resource]]) -> None:
    """No secret: the app's own identity vouches for it. The platform lets everybody in, and the app decides, so that programs come with a key."""
    without, signed = variants["public"], variants["private"]
    assert [item["name"] for item in of_type(without, "Microsoft.Web/sites/config") if "authsettings" in item["name"]] == []
    assert "SIGN_IN" not in app_settings(without)
    assert settings.read(app_settings(without)).signs_in is False
    given = app_settings(signed)
    assert given["OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID"] == given["AZURE_CLIENT_ID"]
    assert settings.read(given).signs_in is False, "the platform has not said that its module is on"
    assert settings.read(given | {"WEBSITE_AUTH_ENABLED": "True"}).signs_in is True
    properties = one(signed, "Microsoft.Web/sites/config", "authsettingsV2")["properties"]
    assert properties["platform"]["enabled"] is True
    assert properties["globalValidation"] == {"requireAuthentication": False, "unauthenticatedClientAction": "AllowAnonymous"}
    entra = properties["identityProviders"]["azureActiveDirectory"]
    assert entra["registration"]["clientId"] == "00000000-0000-0000-0000-0000000000e1"
    assert entra["registration"]["clientSecretSettingName"] == "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID"
    assert properties["login"]["tokenStore"] == {"enabled": False}
    assert properties["login"]["allowedExternalRedirectUrls"] == []


def test_an_unknown_choice_is_refused(bicep: Bicep) -> None:
    done = bicep.snapshot(GATEWATCH_APP_SETTINGS='{"TRUSTED_PROXYS": "10.0.0.0/16"}')
    assert done.returncode != 0
    assert "TRUSTED_PROXYS" in done.stdout + done.stderr


def function_names() -> set[str]:
    """Names of the functions: those of the API's addresses, and, read from the sources, a decorated function of function_app.py or triggers/."""
    files = [ROOT / "function_app.py", *(ROOT / "triggers").glob("*.py")]
    names = {resource.name for resource in RESOURCES}
    for file in files:
        if not file.exists():
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            calls = [item for item in node.decorator_list if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute)]
            named = [node for node in calls if isinstance(node.func, ast.Attribute) and node.func.attr == "function_name"]
            for call in named:
                values = [*call.args, *(keyword.value for keyword in call.keywords)]
                names |= {value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)}
            if calls and not named:
                names.add(node.name)
    return names


def test_what_is_kept_warm_exists(resources: list[Resource]) -> None:
    functions = function_names()
    if not functions:
        pytest.skip("function_app.py does not exist yet")
    warm = one(resources, "Microsoft.Web/sites")["properties"]["functionAppConfig"]["scaleAndConcurrency"]["alwaysReady"]
    assert warm
    for entry in warm:
        kind, _, name = entry["name"].partition(":")
        assert kind in ("http", "durable", "blob") if not name else kind == "function" and name in functions


def test_flex_consumption(resources: list[Resource], template: dict[str, Any]) -> None:
    plan = one(resources, "Microsoft.Web/serverfarms")
    assert plan["sku"] == {"tier": "FlexConsumption", "name": "FC1"}
    assert plan["properties"]["reserved"] is True
    site = one(resources, "Microsoft.Web/sites")
    configuration = site["properties"]["functionAppConfig"]
    assert configuration["runtime"]["name"] == "python"
    assert tuple(map(int, configuration["runtime"]["version"].split("."))) >= (3, 12)
    assert configuration["scaleAndConcurrency"]["instanceMemoryMB"] in (512, 2048, 4096)
    assert 1 <= configuration["scaleAndConcurrency"]["maximumInstanceCount"] <= 1000
    storage = configuration["deployment"]["storage"]
    assert storage["authentication"]["type"] == "UserAssignedIdentity"
    container = one(resources, "Microsoft.Storage/storageAccounts/blobServices/containers", "stgwstate")["name"].rsplit("/", 1)[1]
    assert resolved(storage["value"]).endswith(f".blob.core.windows.net/{container}")
    assert site["identity"]["type"] == "UserAssigned"
    identity = next(name for name in site["identity"]["userAssignedIdentities"] if "response" not in name)
    assert identity == storage["authentication"]["userAssignedIdentityResourceId"]
    service = re.search(r"^services:\n  (\S+):", (ROOT / "azure.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    assert service
    assert site["tags"]["azd-service-name"] == service[1]


# ---- watching the watcher ----------------------------------------------------------------------------------------------


def test_alert_rules(variants: dict[str, list[Resource]]) -> None:
    resources = variants["gateway"]
    rules = of_type(resources, "Microsoft.Insights/scheduledQueryRules")
    named = {rule["name"] for rule in [*rules, *of_type(resources, "Microsoft.Insights/metricAlerts")]}
    assert named == {f"gatewatch-{item}" for item in ("unhealthy", "retention-breach", "detector-failure", "no-traffic", "throttled")}
    group = one(resources, "Microsoft.Insights/actionGroups")
    assert [receiver["emailAddress"] for receiver in group["properties"]["emailReceivers"]] == ["a@example.com", "b@example.com"]
    for rule in rules:
        assert rule["properties"]["enabled"] is True
        assert rule["properties"]["actions"]["actionGroups"] == [group["id"]]
        assert rule["properties"]["scopes"] == [one(resources, "Microsoft.OperationalInsights/workspaces", "log-gatewatch-")["id"]]
    for rule in of_type(resources, "Microsoft.Insights/metricAlerts"):
        assert rule["properties"]["actions"] == [{"actionGroupId": group["id"]}]
        assert rule["properties"]["scopes"] == [one(resources, "Microsoft.EventHub/namespaces")["id"]]


def test_the_probe_asks_for_health(resources: list[Resource]) -> None:
    probe = one(resources, "Microsoft.Insights/webtests")
    assert probe["properties"]["Request"]["RequestUrl"].endswith(".outputs.hostName.value)]")
    assert "https://{0}/api/health" in probe["properties"]["Request"]["RequestUrl"]
    assert probe["properties"]["ValidationRules"]["ExpectedHttpStatusCode"] == 200
    assert f"hidden-link:{one(resources, 'Microsoft.Insights/components')['id']}" in probe["tags"]
    assert "health" in function_names()


def test_every_event_that_a_query_names_is_one_that_the_app_sends() -> None:
    told = (INFRA / "modules" / "alerts.bicep").read_text(encoding="utf-8") + (INFRA / "modules" / "workbook.json").read_text(
        encoding="utf-8"
    )
    sources = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "adapters").glob("*.py"))
    sent = set(re.findall(r'"microsoft\.custom_event\.name": "(\w+)"', sources))
    named = set(re.findall(r'"(Gatewatch[A-Z]\w+)', told.replace('\\"', '"')))
    assert named
    assert named - sent == set()
    properties = set(re.findall(r"Properties\.(\w+)", told))
    assert properties
    assert {name for name in properties if f'"{name}":' not in sources} == set()


def test_the_workbook_is_json_about_this_deployment(resources: list[Resource]) -> None:
    workbook = one(resources, "Microsoft.Insights/workbooks")
    page = json.loads(workbook["properties"]["serializedData"])
    workspace = one(resources, "Microsoft.OperationalInsights/workspaces", "log-gatewatch-")["id"]
    namespace = one(resources, "Microsoft.EventHub/namespaces")["id"]
    queries = [item["content"] for item in page["items"] if item["type"] == 3]
    assert queries
    assert all(query["crossComponentResources"] == [workspace] for query in queries)
    assert [item["content"]["resourceIds"] for item in page["items"] if item["type"] == 10] == [[namespace]]
    assert "{workspace}" not in workbook["properties"]["serializedData"]


def test_tags(resources: list[Resource]) -> None:
    taggable = [resource for resource in resources if "location" in resource]
    assert taggable
    for resource in taggable:
        assert resource["tags"]["azd-env-name"] == "prod", resource["type"]
        assert resource["tags"]["gatewatch-geography"] == "eu", resource["type"]


# ---- the gateway -------------------------------------------------------------------------------------------------------


def test_the_gateway_side(bicep: Bicep, variants: dict[str, list[Resource]]) -> None:
    resources = variants["gateway"]
    logger = one(resources, "Microsoft.ApiManagement/service/loggers")
    assert logger["name"] == "contoso/gatewatch"
    assert logger["properties"]["loggerType"] == "azureEventHub"
    namespace = one(resources, "Microsoft.EventHub/namespaces")["name"]
    assert logger["properties"]["credentials"] == {
        "name": "calls",
        "endpointAddress": f"{namespace}.servicebus.windows.net",
        "identityClientId": "SystemAssigned",
    }
    values = {
        value["name"].rsplit("/", 1)[1]: value["properties"] for value in of_type(resources, "Microsoft.ApiManagement/service/namedValues")
    }
    fragments = {
        fragment["name"].rsplit("/", 1)[1]: fragment["properties"]
        for fragment in of_type(resources, "Microsoft.ApiManagement/service/policyFragments")
    }
    assert set(fragments) == {"gatewatch-capture", "gatewatch-emit"}
    assert fragments["gatewatch-capture"]["value"] == (bicep.infra / "gateway" / "capture.xml").read_text(encoding="utf-8")
    assert fragments["gatewatch-emit"]["value"] == (bicep.infra / "gateway" / "emit.xml").read_text(encoding="utf-8")
    used = {name for fragment in fragments.values() for name in re.findall(r"\{\{([^}]+)\}\}", fragment["value"])}
    assert set(values) == used
    assert {name for name, value in values.items() if value["secret"]} == {"gatewatch-identity-key"}
    assert all(value["displayName"] == name and value["value"] for name, value in values.items())


def test_the_guard_is_a_choice_and_keeps_its_list(bicep: Bicep, template: dict[str, Any], variants: dict[str, list[Resource]]) -> None:
    def named(variant: str) -> dict[str, Any]:
        values = of_type(variants[variant], "Microsoft.ApiManagement/service/namedValues")
        return {value["name"].rsplit("/", 1)[1]: value["properties"]["value"] for value in values}

    def guards(variant: str) -> list[Resource]:
        fragments = of_type(variants[variant], "Microsoft.ApiManagement/service/policyFragments")
        return [fragment for fragment in fragments if fragment["name"].endswith("/gatewatch-guard")]

    assert guards("gateway") == []
    assert not [name for name in named("gateway") if "guard" in name or "blocked" in name]
    (guard,) = guards("responding")
    assert guard["properties"]["value"] == (bicep.infra / "gateway" / "guard.xml").read_text(encoding="utf-8")
    assert set(re.findall(r"\{\{([^}]+)\}\}", guard["properties"]["value"])) <= set(named("responding"))
    found = named("responding")
    assert (found[MODE], found["gatewatch-trusted-proxies"]) == ("off", "10.0.0.0/16")
    assert {found[name] for name in LISTS} == {"-"}
    module = template["resources"]["gateway"]["properties"]["template"]["resources"]
    for name in ("guardStateValues", "guardKeyValue"):
        assert "onlyIfNotExists" in module[name]["@options"], "a deployment would set back what an operator chose"


def test_the_right_to_respond_is_small_and_another_identitys(variants: dict[str, list[Resource]]) -> None:
    role = one(variants["responding"], "Microsoft.Authorization/roleDefinitions")["properties"]
    (permission,) = role["permissions"]
    service = "Microsoft.ApiManagement/service"
    assert set(permission["actions"]) == {
        f"{service}/read",
        *(f"{service}/{kind}/{right}" for kind in ("namedValues", "subscriptions") for right in ("read", "write")),
    }
    assert permission["dataActions"] == []
    given = app_settings(variants["responding"])
    assert given["RESPONSE_CLIENT_ID"]
    assert given["RESPONSE_SUBSCRIPTIONS"] == "true"
    identities = one(variants["responding"], "Microsoft.Web/sites")["identity"]["userAssignedIdentities"]
    assert len(identities) == 2
    for variant in ("public", "gateway"):
        given = app_settings(variants[variant])
        assert (given["RESPONSE_CLIENT_ID"], given["RESPONSE_SUBSCRIPTIONS"]) == ("", "false")
        assert not of_type(variants[variant], "Microsoft.Authorization/roleDefinitions")
        assert len(one(variants[variant], "Microsoft.Web/sites")["identity"]["userAssignedIdentities"]) == 1


def test_a_gateway_elsewhere_with_an_identity_of_its_own(variants: dict[str, list[Resource]]) -> None:
    resources = variants["elsewhere"]
    logger = one(resources, "Microsoft.ApiManagement/service/loggers")
    assert logger["id"].startswith("/subscriptions/00000000-0000-0000-0000-000000000002/resourceGroups/rg-apim/")
    assert logger["properties"]["credentials"]["identityClientId"] == "00000000-0000-0000-0000-0000000000c1"
    senders = [
        resource
        for resource in of_type(resources, "Microsoft.Authorization/roleAssignments")
        if "/eventhubs/calls/" in resource["id"]
        and ROLES[resource["properties"]["roleDefinitionId"][-36:]] == "Azure Event Hubs Data Sender"
    ]
    assert len(senders) == 1
    endpoint = one(resources, "Microsoft.Network/privateEndpoints", "pe-gateway-")
    assert endpoint["properties"]["subnet"]["id"].endswith("/vnet-apim/subnets/endpoints")
    # Its DNS is the customer's: no zone group beside the four of our own endpoints.
    assert len(of_type(resources, "Microsoft.Network/privateEndpoints/privateDnsZoneGroups")) == 4


def test_alerts_name_the_gateway_that_is_wired_up(variants: dict[str, list[Resource]]) -> None:
    (service,) = {
        item["id"].rpartition("/loggers/")[0] for item in of_type(variants["elsewhere"], "Microsoft.ApiManagement/service/loggers")
    }
    assert settings.read(app_settings(variants["elsewhere"])).gateway == service
    assert settings.read(app_settings(variants["public"])).gateway == ""


def test_no_gateway_no_trace(variants: dict[str, list[Resource]]) -> None:
    assert not [resource for resource in variants["public"] if resource["type"].startswith("Microsoft.ApiManagement")]


def test_these_tests_can_fail(bicep: Bicep) -> None:
    """A weakened template is found out by the assertions above."""
    weakened = {
        "allowSharedKeyAccess: false": "allowSharedKeyAccess: true",
        "isVersioningEnabled: false": "isVersioningEnabled: true",
        "prefixMatch: map(purgedContainers,": "prefixMatch: map(keptContainers,",
    }
    source = bicep.infra / "modules" / "storage.bicep"
    sound = source.read_text(encoding="utf-8")
    weak = sound
    for safe, unsafe in weakened.items():
        assert safe in weak
        weak = weak.replace(safe, unsafe)
    source.write_text(weak, encoding="utf-8")
    try:
        resources = bicep.resources()
    finally:
        source.write_text(sound, encoding="utf-8")
    for check in (test_keys_are_off, test_nothing_outlives_a_delete, test_the_net_covers_what_is_purged_and_spares_what_is_kept):
        with pytest.raises(AssertionError):
            check(resources)
