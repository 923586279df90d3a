"""Addresses in texts that callers and analysts write: found, and masked or refused where the text is kept for longer than an address may be."""

import re
from collections.abc import Iterator

from intel.addresses import canonical_ip

_IPV4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d]|\.\d)")
_IPV6 = re.compile(r"(?<![0-9A-Fa-f:.])(?=[0-9A-Fa-f]*:)[0-9A-Fa-f:]{2,39}(?:\d{1,3}(?:\.\d{1,3}){3})?(?![0-9A-Fa-f:]|\.\d)")
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_IDENTITY = re.compile(r"(?<![\w-])(?:subscription|user|subject):[^\s:]")
"""How tables and alerts spell an identity."""
_VERSION = re.compile(r"\d{1,3}\.0\.0\.0")
"""How browsers write their version since they write no more of it; nobody calls from there."""
MASK = "…"


def addresses(text: str) -> Iterator[tuple[str, str]]:
    """(as written, canonical) of every address that a text mentions in plain."""
    for pattern in (_IPV6, _IPV4):
        for found in pattern.finditer(text):
            if canonical := canonical_ip(found[0]):
                yield found[0], canonical


def names(text: str) -> str:
    """What of a person a text names: "an address", "an e-mail address", "a subscription, user or subject"; "" where nothing is seen."""
    if next(addresses(text), None):
        return "an address"
    if _MAIL.search(text):
        return "an e-mail address"
    return "a subscription, user or subject" if _IDENTITY.search(text) else ""


def masked(text: str) -> str:
    """A text that callers write and that is kept for long (a user agent, a parameter's name) without addresses, of machines or of mail."""
    if "@" in text:
        text = _MAIL.sub(MASK, text)
    if "." in text or ":" in text:
        for written, _ in set(addresses(text)):
            if not _VERSION.fullmatch(written):
                text = text.replace(written, MASK)
    return text
