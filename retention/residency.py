"""Where data may be: the regions of each geography, and what the names of the configured services say about theirs.

The table is the deployment's (`infra/main.bicep` refuses a region outside the geography); a test keeps both equal.
"""

import re
from collections.abc import Iterable, Mapping

REGIONS: Mapping[str, tuple[str, ...]] = {
    "australia": (
        "australiaeast",
        "australiasoutheast",
        "australiacentral",
        "australiacentral2",
    ),
    "brazil": (
        "brazilsouth",
        "brazilsoutheast",
    ),
    "canada": (
        "canadacentral",
        "canadaeast",
    ),
    "eu": (
        "austriaeast",
        "belgiumcentral",
        "denmarkeast",
        "francecentral",
        "francesouth",
        "germanynorth",
        "germanywestcentral",
        "italynorth",
        "northeurope",
        "polandcentral",
        "spaincentral",
        "swedencentral",
        "swedensouth",
        "westeurope",
    ),
    "hongKong": ("eastasia",),
    "india": (
        "centralindia",
        "southindia",
        "westindia",
        "jioindiacentral",
        "jioindiawest",
    ),
    "indonesia": ("indonesiacentral",),
    "israel": ("israelcentral",),
    "japan": (
        "japaneast",
        "japanwest",
    ),
    "korea": (
        "koreacentral",
        "koreasouth",
    ),
    "malaysia": ("malaysiawest",),
    "mexico": ("mexicocentral",),
    "newZealand": ("newzealandnorth",),
    "norway": (
        "norwayeast",
        "norwaywest",
    ),
    "qatar": ("qatarcentral",),
    "singapore": ("southeastasia",),
    "southAfrica": (
        "southafricanorth",
        "southafricawest",
    ),
    "switzerland": (
        "switzerlandnorth",
        "switzerlandwest",
    ),
    "uae": (
        "uaenorth",
        "uaecentral",
    ),
    "uk": (
        "uksouth",
        "ukwest",
    ),
    "us": (
        "centralus",
        "eastus",
        "eastus2",
        "northcentralus",
        "southcentralus",
        "westcentralus",
        "westus",
        "westus2",
        "westus3",
    ),
}

GEOGRAPHY_OF: Mapping[str, str] = {region: geography for geography, regions in REGIONS.items() for region in regions}

CLOUDS: Mapping[str, str] = {
    "chinacloudapi.cn": "China (21Vianet)",
    "usgovcloudapi.net": "US Government",
    "microsoft.scloud": "US Government Secret",
    "cloudapi.de": "Germany (closed)",
}
"""Domains of services outside the public cloud, whose regions are none of ours."""

UNSEEN = (
    "The region of an account does not stand in its name: unless the name says a region, only the deployment (infra/main.bicep) and the Azure portal know it.",
    "Which copies the platform keeps is known of the evidence account (its SKU is read at every purge), not of the state account or the hub.",
    "A gateway with several regions may send calls across a border before Gatewatch gets them: see docs/multi-region.md.",
    "Telemetry goes where its workspace is. It holds no personal data, wherever that is.",
)
"""What this check cannot see."""


def outside(geography: str, region: str, hosts: Iterable[tuple[str, str]]) -> str | None:
    """One sentence about the first service that is outside, None where nothing says so.

    `region`: the app's own, as Azure Functions names it ("West Europe"), "" where unknown. `hosts`: (setting, host name).
    """
    if not geography:
        return None
    home = GEOGRAPHY_OF.get(plain(region)) if region else None
    if region and home != geography:
        return f"the app runs in region {plain(region)}, which is not in geography {geography}"
    for setting, host in hosts:
        account, _, domain = host.lower().partition(".")
        for ending, cloud in CLOUDS.items():
            if domain.endswith(ending):
                return f"{setting} names a service of the cloud {cloud}, which is not in geography {geography}"
        if account.endswith("-secondary"):
            return f"{setting} names the copy of an account in another region"
        named = region_in(account)
        if named is not None and GEOGRAPHY_OF[named] != geography:
            return f"{setting} names an account whose name says region {named}, which is not in geography {geography}"
    return None


def region_in(account: str) -> str | None:
    """The region that an account's name says, None where it says none, or several of which one is in another's name."""
    found = [region for region in sorted(GEOGRAPHY_OF, key=len, reverse=True) if region in account]
    return found[0] if found else None


def plain(region: str) -> str:
    """ "West Europe" as `westeurope`."""
    return re.sub(r"[^a-z0-9]", "", region.lower())
