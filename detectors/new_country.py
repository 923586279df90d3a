"""An identity that has long been busy from some countries is busy from another one."""

from collections.abc import Iterator

from detectors import detector
from model import Severity, Sighting
from windows.baseline import MINUTES_PER_DAY, Baseline
from windows.window import Window


@detector(
    id="API_NewCountry",
    title="An identity calls from a country that is new to it",
    severity=Severity.INFORMATIONAL,
    sees="A user, token subject or subscription was busy from a country from which it had not been in the last 30 days. Context for other alerts, no attack by itself.",
    causes="Stolen credentials; or a journey, a new provider, a cloud region, a network that is registered elsewhere than it is.",
    remediation=(
        "Look at what else was found about this identity, and whether its user agents and endpoints changed too.",
        "Ask its owner; replace its key or end its sessions where nobody knows of a move.",
    ),
    tactic="InitialAccess",
    techniques=("T1078",),
    owasp_2019=("API2",),
    owasp_2023=("API2",),
    watches="callers",
    service=True,
    min_days=14,
    key="both",
    refractory=24 * 60,
)
def new_country(
    window: Window,
    baseline: Baseline,
    *,
    floor: int = 20,  # calls answered 2xx; fewer are one page in a hotel
    share: float = 0.02,  # of the identity's successful calls; below it a stray exit of a large company
    known: int = 14,  # days since the identity was first busy from anywhere; before, everything is new
) -> Iterator[Sighting]:
    """Calls of an identity answered 2xx from one country >= `floor` and >= `share` of its own in the window, while it was first busy `known` days ago or
    earlier, and never from there. By registry data (see docs/countries.md) never more than Informational."""
    del baseline
    today = window.start // MINUTES_PER_DAY
    for identity, countries in window.origins.items():
        homes = window.homes.get(identity)
        if not homes or min(homes.values()) > today - known:
            continue
        calls = sum(countries.values())
        for country, n in countries.items():
            if country not in homes and n >= floor and n >= share * calls:
                yield Sighting(
                    n,
                    0.0,
                    floor - 1,
                    "successful calls",
                    actor=identity,
                    parameter=f"country:{country}",
                    evidence={"country": country, "countries before": ", ".join(sorted(homes)), "calls in this window": calls},
                )
