"""Values inside a text: lines of an .env file, `key=value` pairs, links to people (mailto, tel), cards of contacts, JSON in base64."""

import base64
import binascii
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson

PAIRS = 60
"""Pairs of one text that are taken apart."""
WORDS = 1_000
LONGEST = 8_192
"""Characters of a text that pairs are looked for in."""
JSON_STARTS = ("eyJ", "eyA", "ewo", "ewA", "W3s", "WyI", "Wwo")
"""How base64 of `{"`, `{ `, `[{`, `["` and of the same on lines of their own begins."""

_line = re.compile(
    r"^[ \t]*(?:export |set |-e |env )?([A-Za-z_][A-Za-z0-9_.-]{1,63})[ \t]*=[ \t]*(\"[^\"\n]{1,4000}\"|'[^'\n]{1,4000}'|[^\s#][^\n]{0,4000})$",
    re.MULTILINE,
)
_yaml = re.compile(
    r"^[ \t]*(?:- )?([A-Za-z_][A-Za-z0-9_.-]{1,63}):[ \t]+(\"[^\"\n]{1,4000}\"|'[^'\n]{1,4000}'|[^\s#&*|>{\[][^\n]{0,4000})$", re.MULTILINE
)
_inline = re.compile(r"(?:^|(?<=[\s,&|(\[]))([A-Za-z_][A-Za-z0-9_.-]{1,63})=(\"[^\"\n]{1,1000}\"|'[^'\n]{1,1000}'|[^\s;,&|)\]]{3,1000})")
_link = re.compile(r"\b(mailto|tel|sms|smsto|sips?|callto|xmpp|im):(?://)?([^\s\"'<>?;,)]{5,200})", re.IGNORECASE)
_card = re.compile(
    r"^(?:item\d+\.)?(EMAIL|TEL|BDAY|UID|NOTE|IMPP)(?:;[^:\r\n]{0,200})?:(?:(?:mailto|tel|uri):)?([^\r\n]{4,200})\r?$",
    re.IGNORECASE | re.MULTILINE,
)
_base64 = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}").fullmatch
SCHEMES = ("mailto:", "tel:", "sms:", "smsto:", "sip:", "sips:", "callto:", "xmpp:", "MAILTO:", "TEL:", "VCARD")
BEFORE_COLON = frozenset(scheme.rstrip(":")[-3:] for scheme in SCHEMES if scheme[-1] == ":") | {"GIN", "END"}
"""What stands before a colon of a link to a person or of a card."""
_KEYS = {
    "mailto": "email",
    "tel": "phone",
    "sms": "phone",
    "smsto": "phone",
    "callto": "phone",
    "sip": "email",
    "sips": "email",
    "xmpp": "email",
    "im": "email",
}
_CARD_KEYS = {"email": "email", "tel": "phone", "bday": "birthday"}


def named_values(text: str) -> Iterator[tuple[str, str]]:
    """(name, value) of what a text holds under a name of its own; nothing of prose."""
    if text[:10] == "-----BEGIN" and text.rstrip()[-5:] == "-----":  # a key or a certificate: its equals signs are of base64
        return
    if len(text) > LONGEST:
        text = text[:LONGEST]
    if ":" in text:
        if text[:11].upper() == "BEGIN:VCARD" or "BEGIN:VCARD" in text:
            for found in islice(_card.finditer(text), PAIRS):
                if (key := _CARD_KEYS.get(found[1].lower())) is not None:
                    yield key, found[2].strip()
            return
        for found in islice(_link.finditer(text), PAIRS) if links_people(text) else ():
            yield _KEYS[found[1].lower()], found[2]
    if "\n" in text:
        lines = list(islice(_line.finditer(text), PAIRS)) if "=" in text else []
        if not lines and ": " in text:
            lines = list(islice(_yaml.finditer(text), PAIRS))
        if lines:
            yield from ((found[1], _bare(found[2])) for found in lines)
            return
    if "=" in text and "://" not in text[:12]:
        if '="' in text or "='" in text:
            yield from ((found[1], _bare(found[2])) for found in islice(_inline.finditer(text), PAIRS))
            return
        for word in text.replace(",", " ").replace("&", " ").split(maxsplit=WORDS)[:WORDS]:
            name, equals, value = word.lstrip("([|").partition("=")
            if (
                equals
                and 2 < len(value) <= 1_000
                and name.isascii()
                and name.replace("_", "a").replace("-", "a").replace(".", "a").isalnum()
                and not name[0].isdigit()
            ):
                yield name, value.rstrip("|)];")


def links_people(text: str) -> bool:
    """Whether a text may hold a link to a person, or a card."""
    for scheme in SCHEMES:  # noqa: SIM110  a generator costs more than all the searches
        if scheme in text:
            return True
    return False


def _bare(value: str) -> str:
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def json_in_base64(text: str) -> Any:
    """The object or list that a base64 text holds, else None."""
    if not _base64(text):
        return None
    try:
        value = orjson.loads(
            base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_" if "-" in text or "_" in text else None)
        )
    except (ValueError, binascii.Error):
        return None
    return value if isinstance(value, (dict, list)) else None
