"""What calls say of their callers beside counts: who is behind an address, from which country, and what the gateway's guard did to them."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import compress

from model import ApiCall, Endpoint
from windows.countries import code
from windows.tally import Row

NOT_SERVED = ("blocked:", "slowed:")
"""What `guard` says of calls that the gateway refused because somebody listed the caller."""
_GUARD = re.compile(r"(?:would-block|would-slow|blocked|slowed):[0-9a-z]{1,16}").fullmatch


def is_guarded(call: ApiCall) -> bool:
    """Whether the gateway's guard had the caller on its list."""
    return call.guard is not None and _GUARD(call.guard) is not None


def is_served(call: ApiCall) -> bool:
    """Whether the guard let it pass."""
    return not (is_guarded(call) and (call.guard or "").startswith(NOT_SERVED))


def tables_of(
    window: Sequence[int],
    endpoint: Sequence[int],
    endpoints: Sequence[Endpoint],
    status: Sequence[int],
    callers: tuple[Sequence[int], Sequence[int], Sequence[int]],
    country: Sequence[int] | None,
) -> dict[str, list[Row]]:
    """The tables `callers` and, where countries are known, `countries` of one batch, from columns of the tally's numbers.

    `window`: the minute at which a call's window begins. `callers`: addresses, identities, user agents. `country`: of each address, by its number.
    """
    first: dict[str, int] = {}
    home = [first.setdefault(one.service, at) for at, one in enumerate(endpoints)]
    service = [home[number] for number in endpoint]
    classes = [code // 100 for code in status]
    here = [country[number] for number in callers[0]] if country is not None else [0] * len(status)
    every = list(zip(window, service, *callers, here, strict=True))
    ok = Counter(compress(every, [kind == 2 for kind in classes])).get
    tables: dict[str, list[Row]] = {"callers": [(*key, n, ok(key, 0)) for key, n in Counter(every).items()]}
    if country is not None:
        tables["countries"] = [(*key, n) for key, n in Counter(zip(window, endpoint, here, classes, strict=True)).items()]
    return tables


def name_of(call: ApiCall) -> str:
    """The narrowest name of who calls, as a tally spells it; "" for nobody."""
    if call.identity:
        return f"subject:{call.identity}"
    if call.user_id:
        return f"user:{call.user_id}"
    return f"subscription:{call.subscription_id}" if call.subscription_id else ""


def codes(addresses: Sequence[str], country_of: Callable[[str], str]) -> list[int]:
    """The country of each address as a number."""
    known: dict[str, int] = {}
    found = []
    for address in addresses:
        country = country_of(address) if address else ""
        number = known.get(country)
        if number is None:
            number = known[country] = code(country)
        found.append(number)
    return found
