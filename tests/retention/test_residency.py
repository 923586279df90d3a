"""What the names of services say about where they are."""

import pytest

from retention.residency import GEOGRAPHY_OF, REGIONS, outside, plain, region_in

INSIDE = [("EventHubConnection", "contoso.servicebus.windows.net"), ("StateStorage", "gatewatchstate.table.core.windows.net")]


def test_no_region_is_in_two_geographies() -> None:
    assert len(GEOGRAPHY_OF) == sum(map(len, REGIONS.values()))
    assert all(plain(region) == region for region in GEOGRAPHY_OF)


@pytest.mark.parametrize(
    ("region", "hosts", "said"),
    [
        ("West Europe", INSIDE, None),
        ("", INSIDE, None),
        ("Germany West Central", INSIDE, None),
        ("East US", INSIDE, "the app runs in region eastus, which is not in geography eu"),
        ("UK South", INSIDE, "the app runs in region uksouth, which is not in geography eu"),
        ("Switzerland North", INSIDE, "the app runs in region switzerlandnorth, which is not in geography eu"),
        ("Atlantis", INSIDE, "the app runs in region atlantis, which is not in geography eu"),
        ("", [("StateStorage", "gweastus2.table.core.windows.net")], "StateStorage names an account whose name says region eastus2, which is not in geography eu"),
        ("", [("StateStorage", "gwwesteurope.table.core.windows.net")], None),
        ("", [("EvidenceStorage", "gw-secondary.blob.core.windows.net")], "EvidenceStorage names the copy of an account in another region"),
        ("", [("StateStorage", "gw.table.core.usgovcloudapi.net")], "StateStorage names a service of the cloud US Government, which is not in geography eu"),
        ("", [("StateStorage", "gw.table.core.chinacloudapi.cn")], "StateStorage names a service of the cloud China (21Vianet), which is not in geography eu"),
        ("", [("StateStorage", "127.0.0.1"), ("EventHubConnection", "localhost")], None),
        ("", [("StateStorage", "GWEASTUS.TABLE.CORE.WINDOWS.NET")], "StateStorage names an account whose name says region eastus, which is not in geography eu"),
    ],
)  # fmt: skip
def test_a_service_outside_is_named(region: str, hosts: list[tuple[str, str]], said: str | None) -> None:
    assert outside("eu", region, hosts) == said
    assert outside("", region, hosts) is None


def test_a_region_whose_name_is_in_anothers_is_not_mistaken() -> None:
    assert region_in("gwsoutheastasia") == "southeastasia"
    assert region_in("gwnorthcentralus1") == "northcentralus"
    assert region_in("contoso") is None
