"""Once after an upgrade: rows that stay for good lose the names that an earlier version kept and this one would not, for they may be values that callers wrote.

Rows of windows and days go with their month and are left alone.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TypeVar

import msgspec

from adapters import inventory
from adapters.tables import Changed, Tables, joined, pieces
from posture.names import kept_parameter
from windows.baseline import Baseline, pack_baseline, unpack_baseline

FORM = 1
"""Of names. A higher one has every row looked through again."""
ROW = ("progress", "names", "names")
T = TypeVar("T")


def mend(tables: Tables, go_on: Callable[[], None]) -> int:
    """How many rows were changed. `go_on` raises where the time is over: the next run begins again."""
    done = tables.get(*ROW)
    if done is not None and done["form"] >= FORM:
        return 0
    mended = inventory.mend(tables, go_on) + _mend_baselines(tables, go_on)
    tables.upsert(ROW[0], [{"PartitionKey": ROW[1], "RowKey": ROW[2], "form": FORM}])
    return mended


def _mend_baselines(tables: Tables, go_on: Callable[[], None]) -> int:
    mended = 0
    for row in tables.rows("baselines", "PartitionKey eq 'baselines'"):
        go_on()
        before = unpack_baseline(joined(row))
        after = without_callers_names(before)
        if after != before:
            changed = {name: value for name, value in row.items() if name != "etag" and not name.startswith("d")}
            with suppress(Changed):  # learned meanwhile: what is learned now is of windows that are kept for a month at most
                tables.replace("baselines", {**changed, "days": after.days, **pieces(pack_baseline(after))}, row["etag"])
            mended += 1
    return mended


def without_callers_names(one: Baseline) -> Baseline:
    """Without the parameters whose names may be values: they are learned anew, together."""
    return msgspec.structs.replace(
        one,
        series=_kept(one.series),
        tops=_kept(one.tops),
        pairs=_kept(one.pairs),
        logs=_kept(one.logs),
        parameters=_kept(one.parameters),
        types=_kept(one.types),
        fresh=_kept(one.fresh),
        seen=_kept(one.seen),
        noticed=_names(one.noticed),
    )


def _kept(of: Mapping[str, T]) -> dict[str, T]:
    return {name: of[name] for name in _names(of)}


def _names(names: Iterable[str]) -> list[str]:
    return [name for name in names if (at := name.find("query:")) < 0 or kept_parameter(name[at:]) == name[at:]]
