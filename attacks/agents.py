"""Which user agents no honest client sends."""

import re
from urllib.parse import unquote

from attacks.normal_form import normal_form
from attacks.patterns import AGENT_URI, SCANNER_PHRASES, SCANNERS, SHELLSHOCK
from attacks.per_call import harmless, injection, search

AGENT_SCAN = 2_048
"""Characters of a user agent that are scanned: the longest honest ones have some 500."""

_products = re.compile(r"[a-z]+(?:\d+[a-z]+)*").findall
_ordinary_agent = re.compile(
    r"(?:[\w ,.:@~+/=-]|(?<![\w)])\((?!select)|\)|;(?! ?(?:wget|curl|nc|sh|bash|ping|python|perl|php|cat|id|ls|cmd|echo|sleep)\b))*"
).fullmatch


def suspicious_agent(user_agent: str) -> str | None:
    """What makes a user agent one that no honest client sends, or None: "scanner:sqlmap", "script-uri", "shellshock" or a family of `injection`.

    Scanners are known by their product token only, and only honest ones say it; crawlers and tools such as curl are usual.
    """
    text = user_agent[:AGENT_SCAN]
    lower = normal_form(unquote(text)) if "%" in text else normal_form(text)
    scanner = SCANNERS.intersection(_products(lower))
    if scanner:
        return f"scanner:{min(scanner)}"
    for phrase in SCANNER_PHRASES:
        if phrase in lower:
            return f"scanner:{phrase}"
    if ":" in lower and search(AGENT_URI)(lower.replace(" ", "")):
        return "script-uri"
    if "{" in lower and "(" in lower and search(SHELLSHOCK)(lower):
        return "shellshock"
    if text.count("`") > 1:
        return "command"
    return None if _ordinary_agent(lower) and harmless(lower) else injection(text)
