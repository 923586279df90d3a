"""Who calls, as it is kept with each change: the name and object id that App Service authentication proves, else only that the key was known."""

import re
from collections.abc import Mapping

from web.access import PREFIX, principal

LONGEST_NAME = 128


def caller(headers: Mapping[str, str], key: str) -> str:
    """ "alice@contoso.com (11111111-2222-…)", or `key`: which kind of key the function asks for. `headers` as `web.access.believable` leaves them."""
    who = principal(headers)
    name = _plain(who.name if who else headers.get(f"{PREFIX}-name", ""))
    id = _plain(who.id if who else headers.get(f"{PREFIX}-id", ""))
    if name and id:
        return f"{name} ({id})"
    return name or id or key


def _plain(text: str) -> str:
    return re.sub(r"[^\w.@-]", "", text)[:LONGEST_NAME]
