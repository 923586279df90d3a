"""A parameter that is sent twice with different values, although it looks like one value."""

import re
from collections.abc import Collection
from urllib.parse import unquote_plus

from attacks.per_call import injection, plain

PIECES = 256
"""Parameters of a query that are looked at."""

NAME = 128
"""Characters of a parameter name that are returned."""


def polluted(query: str, *, lists: Collection[str] = ()) -> str | None:
    """The first parameter of a raw query string that is sent twice with different values although it looks like one value; None when there is none.

    Servers differ in which of the two they take, so a check may see one and the program the other. Repeating a name is also how lists are sent (OpenAPI's default
    style), so these are passed over: names in `lists` (what the endpoint is known to repeat, lower case), `a[]`, `a[0]`, plurals and other names of lists, four or
    more values, values that repeat, and neighbours of one kind under a name that is not by convention a single value.
    """
    if query.count("=") < 2:
        return None
    places: dict[str, list[int]] = {}
    pieces = query.split("&", PIECES)[:PIECES]
    for place, piece in enumerate(pieces):
        name = piece.partition("=")[0]
        places.setdefault((unquote_plus(name) if "%" in name or "+" in name else name).lower(), []).append(place)
    if len(places) == len(pieces):
        return None
    for name, found in places.items():
        if 1 < len(found) < 4 and name and not name.endswith("]") and name not in lists and not _list_name(name):
            spellings = {pieces[place].partition("=")[0] for place in found}
            values = [unquote_plus(pieces[place].partition("=")[2]) for place in found]
            if len(set(values)) == len(values) and (
                len(spellings) > 1
                or _single_name(name)
                or found[-1] - found[0] >= len(found)
                or len({_kind(value) for value in values if value}) > 1
                or injection(",".join(values)) is not None
            ):
                return name[:NAME]
    return None


def _kind(value: str) -> str:
    return "number" if value.lstrip("-").replace(".", "", 1).isdigit() else "word" if plain(value) else "text"


_list_name = re.compile(
    r".*(?:[^s]s|list|array|tag|filter|sort|orderby|field|type|status|state|category|label|keyword|scope|facet|include|exclude|expand|embed|option|feature)"
    r"|(?:.*[_.-])?(?:in|q|fq|fl|set|select|with|where|join|group|range|bbox|color|brand|country|lang|language|metric|dimension|resource|term|order|format)"
).fullmatch
_single_name = re.compile(
    r"(?:.*[_.-])?(?:id|uid|guid|uuid|user|username|login|account|accountid|userid|customerid|orderid|email|mail|password|passwd|pwd|pin|otp|code|token|key"
    r"|apikey|api_key|secret|session|amount|price|qty|quantity|total|currency|balance|from|to|role|admin|action|cmd|method|callback|redirect|redirect_uri"
    r"|return|return_url|url|next|page|limit|offset|size|cursor|version|api-version|file|filename|path|host|debug)"
).fullmatch
