"""GET /api/openapi/{service}/{api}: the learned description of an API."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters import inventory
from adapters.inventory_index import InventoryIndex
from adapters.tables import Tables
from posture.openapi_write import VERSIONS, Seen, Version, document

_SPELLINGS: Mapping[str, Version] = {"": "3.1", "3.1": "3.1", "3.1.0": "3.1", "3.0": "3.0.3", "3.0.3": "3.0.3"}


def one(
    tables: Tables, index: InventoryIndex, service: str, api: str, parameters: Mapping[str, str], now: datetime
) -> tuple[int, dict[str, Any]]:
    """`version`: 3.1 (the default) or 3.0.3."""
    version = _SPELLINGS.get(parameters.get("version", ""))
    if version is None:
        return 400, {"error": {"code": "BadRequest", "message": f"version must be {' or '.join(VERSIONS)}"}}
    listed = [
        found
        for found in index.view(now).listed
        if found.row.endpoint.service.casefold() == service.casefold() and found.row.endpoint.api.casefold() == api.casefold()
    ]
    if not listed:
        return 404, {"error": {"code": "NotFound", "message": "there is no API of this name at this service"}}
    known = dict(inventory.of_api(tables, listed[0].row.endpoint.service, listed[0].row.endpoint.api))
    seen = [Seen(found.row, known.get(found.row.endpoint), found.deviations) for found in listed]
    return 200, document(listed[0].row.endpoint.api, seen, version)
