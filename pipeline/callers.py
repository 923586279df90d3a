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
    here = [country[number] for number in callers[0]] if country is not None else [0] * len(status)
    every = list(zip(window, service, *callers, here, strict=True))
    failed = Counter(compress(every, [not 199 < code < 300 for code in status])).get
    tables: dict[str, list[Row]] = {"callers": [(*key, n, n - failed(key, 0)) for key, n in Counter(every).items()]}
    if country is not None:
        classes = [code // 100 for code in status]
        tables["countries"] = [(*key, n) for key, n in Counter(zip(window, endpoint, here, classes, strict=True)).items()]
    return tables


def names_of(
    identities: Sequence[str | None], users: Sequence[str | None], subscriptions: Sequence[str | None], number: Callable[[str], int]
) -> list[int]:
    """The number of the narrowest name of who calls, as a tally spells it, of each call; "" is nobody."""
    who = list(zip(identities, users, subscriptions, strict=True))
    known = {one: number(_name(*one)) for one in dict.fromkeys(who)}
    return list(map(known.__getitem__, who))


def _name(identity: str | None, user_id: str | None, subscription_id: str | None) -> str:
    if identity:
        return f"subject:{identity}"
    if user_id:
        return f"user:{user_id}"
    return f"subscription:{subscription_id}" if subscription_id else ""


def codes(addresses: Sequence[str], country_of: Callable[[str], str]) -> list[int]:
    """The country of each address as a number."""
    found = [country_of(address) if address else "" for address in addresses]
    known = {country: code(country) for country in set(found)}
    return [known[country] for country in found]
