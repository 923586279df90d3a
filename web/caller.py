"""Who calls: the key proves the right to; the name is App Service authentication's, and only a claim where that is off."""

import re
from collections.abc import Mapping

LONGEST_NAME = 128


def caller(headers: Mapping[str, str], key: str) -> str:
    """ "function key, as alice@contoso.com"; `key`: which kind of key the function asks for."""
    claimed = headers.get("x-ms-client-principal-name") or headers.get("x-ms-client-principal-id") or ""
    name = re.sub(r"[^\w.@-]", "", claimed)[:LONGEST_NAME]
    return f"{key}, as {name}" if name else key
