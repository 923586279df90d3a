"""The alerts that campaigns stand for: partition `folded` of the table `alerts`, some of them in one row, beside the alert that tells of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec

from adapters.alerts import first_of, key_of
from adapters.tables import Entity, Tables
from alerts.campaign import FoldedAlert, FoldedPage
from model import Alert
from retention.guard import Guard

PARTITION = "folded"
_decode = msgspec.json.Decoder(list[FoldedAlert]).decode


def write(tables: Tables, pages: Iterable[FoldedPage], guard: Guard) -> None:
    """Overwrites, so a repeat is harmless."""
    tables.upsert("alerts", [_row(page, guard) for page in pages])


def read(tables: Tables, campaigns: Iterable[Alert]) -> dict[str, list[FoldedAlert]]:
    """Campaign -> what is folded into it, in order, of those that are open."""
    found: dict[str, list[FoldedAlert]] = defaultdict(list)
    for campaign in campaigns:
        if campaign.campaign is not None and campaign.open:
            found[campaign.id] = [one for row in _rows(tables, campaign.id) for one in _decode(row["folded"])]
    return found


def page(tables: Tables, campaign: str, number: int) -> tuple[list[FoldedAlert], int | None]:
    """The folded alerts of one stored page, and the number of the next. Raises ValueError for what is no id."""
    row = tables.get("alerts", PARTITION, _key(campaign, number))
    following = tables.get("alerts", PARTITION, _key(campaign, number + 1))
    return (_decode(row["folded"]) if row else []), number + 1 if following else None


def _rows(tables: Tables, campaign: str) -> Iterator[Entity]:
    """Raises ValueError for what is no id."""
    where = "PartitionKey eq @partition and RowKey ge @first and RowKey lt @last"
    yield from tables.query("alerts", where, partition=PARTITION, first=_key(campaign, 0), last=f"{key_of(campaign)}-~")


def _key(campaign: str, number: int) -> str:
    return f"{key_of(campaign)}-{number:04d}"


def _row(page: FoldedPage, guard: Guard) -> Entity:
    row_key = _key(page.campaign, page.number)
    alerts = [
        msgspec.structs.replace(one, actor=guard.name(one.actor, page.campaign, first_of(row_key))) if one.actor else one
        for one in page.alerts
    ]
    return {"PartitionKey": PARTITION, "RowKey": row_key, "folded": msgspec.json.encode(alerts).decode()}
