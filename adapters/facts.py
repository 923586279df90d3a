"""What the inventory says of one service's endpoints, as assessments, attack paths and risk take it."""

from collections import Counter
from datetime import datetime

from adapters import alerts, drift, inventory
from adapters.tables import Tables
from model import is_service_endpoint, minute_of
from posture.facts import Traffic
from posture.inventory_arm import declared
from posture.inventory_declared import Estate
from posture.inventory_row import MONTH, first_of_apis, row, surroundings
from posture.snapshot import Snapshot


def traffic_of(tables: Tables, snapshot: Snapshot, now: datetime) -> Traffic:
    """The facts of every endpoint of a service; its name in traffic is the one in its ARM id."""
    minute = minute_of(now)
    rows = [
        (endpoint, known)
        for endpoint, known in inventory.read(tables)
        if endpoint.service.casefold() == snapshot.name.casefold() and not is_service_endpoint(endpoint)
    ]
    sampling = {snapshot.name: snapshot.sampling} if snapshot.sampling is not None else {}
    estate = Estate(declared(snapshot), {snapshot.name: snapshot.taken}, sampling)
    coverage = next((one for name, one in inventory.coverages(tables).items() if name.casefold() == snapshot.name.casefold()), None)
    firsts = first_of_apis((endpoint, known.first) for endpoint, known in rows if known is not None)
    watched = {api: first for by_api in firsts.values() for api, first in by_api.items()}
    around = surroundings(estate, coverage, watched, minute)
    deviations = Counter(one.deviation.endpoint.id for one in drift.read(tables) if one.state == "open")
    accused = Counter(alert.endpoint for alert in alerts.read(tables, minute - MONTH) if alert.open and not alert.suppressed)
    return Traffic(
        tuple(row(endpoint, known, around).facts(accused[endpoint], deviations[endpoint.id]) for endpoint, known in rows),
        {api: first for api, first in watched.items() if api},
    )
