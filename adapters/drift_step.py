"""What evaluation does twice a minute with the inventory: tells it which policies are in force, and compares it with what is declared."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from adapters import drift, inventory
from adapters.estate import EstateSource, remember
from adapters.tables import Tables
from model import Endpoint, Minute, is_bucket, is_service_endpoint, minute_of
from posture.drift import Deviation, deviations
from posture.inventories import Inventories
from posture.inventory import Inventory
from posture.inventory_coverage import Coverage
from posture.inventory_declared import Estate
from posture.inventory_row import Surroundings, first_of_apis, origin, surroundings

log = logging.getLogger("gatewatch.drift")

EVERY = timedelta(seconds=30)


class DriftStep:
    """Of one process. Whatever it writes is written the same way again after a crash."""

    def __init__(self, tables: Tables, source: EstateSource) -> None:
        self._tables, self._source = tables, source
        self._due: datetime | None = None
        self._estate: Estate | None = None
        self._judged: dict[Endpoint, int] = {}
        """Calls of an endpoint when it was compared last."""

    def run(self, inventories: Inventories, coverages: Mapping[str, Coverage], now: datetime) -> list[Inventory]:
        """Compare what has changed, when it is time. The inventories that were written anew, because their policies are others now."""
        if self._due is not None and now < self._due:
            return []
        estate = self._source.at(now)
        if estate is not self._estate:
            remember(self._tables, self._source.snapshots())
            self._judged.clear()
        known = {one.deviation.id: one for one in drift.read(self._tables)}
        linked = self._linked(inventories, estate)
        inventory.write(self._tables, linked.values())
        found: dict[str, Deviation] = {}
        judged = []
        around = _surroundings(inventories, coverages, estate, minute_of(now))
        for endpoint, brief in inventories.briefs.items():
            if (
                brief.first < 0
                or is_service_endpoint(endpoint)
                or is_bucket(endpoint)
                or (self._judged.get(endpoint) == brief.calls and endpoint not in linked)
            ):
                continue
            judged.append(endpoint)
            one = linked.get(endpoint) or inventories[endpoint]
            here = around[endpoint.service]
            declared = estate.find(*endpoint[:4]) if endpoint.matched else None
            for deviation in deviations(one, declared, origin(endpoint, one, declared, here), here.at):
                found[deviation.id] = deviation
        drift.write(self._tables, known, found, judged, minute_of(now))
        self._judged |= {endpoint: inventories.briefs[endpoint].calls for endpoint in judged}
        self._estate, self._due = estate, now + EVERY
        return list(linked.values())

    def _linked(self, inventories: Inventories, estate: Estate) -> dict[Endpoint, Inventory]:
        """Those whose policies are others than those under which callers proved themselves so far."""
        found = {}
        for endpoint, brief in inventories.briefs.items():
            declared = estate.find(*endpoint[:4]) if endpoint.matched else None
            if declared is None or not declared.policy or declared.policy == brief.policy:
                continue
            one = inventories[endpoint]
            found[endpoint] = one.forgotten(declared.policy) if one.policy else msgspec.structs.replace(one, policy=declared.policy)
        return found


def _surroundings(inventories: Inventories, coverages: Mapping[str, Coverage], estate: Estate, now: Minute) -> dict[str, Surroundings]:
    firsts = first_of_apis((endpoint, brief.first) for endpoint, brief in inventories.briefs.items())
    services = {endpoint.service for endpoint in inventories}
    return {service: surroundings(estate, coverages.get(service), firsts.get(service, {}), now) for service in services}
