"""Which texts that callers write read like names: only those may stand in what is kept for long and shown, everything else may be a value.

Parameters, fields of bodies and segments of paths are named by programmers. Keys, numbers, addresses, tokens and people's names with spaces are not names.
"""

import re
from itertools import pairwise

LONGEST = 48
_IDENTIFIER = re.compile(r"[A-Za-z_$@][A-Za-z0-9_.$@-]*(?:\[\])?")
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_HEX = re.compile(r"[0-9a-fA-F]{12,}")
DIGITS = 4
"""More of them in one name are a number: a year (`since_2026`) passes, an order does not."""
LETTERS = 22
"""The longest run of letters without a hump or a separator: "internationalizationkey"."""
CAPITALS = 11
CHANGES = 5
"""Changes between letters and digits in one name: `md5Sha256` has three; a random token has more."""


def is_name(text: str) -> bool:
    """Whether a programmer is likely to have chosen this text. A value made of words alone cannot be told from a name."""
    if not 0 < len(text) <= LONGEST or not _IDENTIFIER.fullmatch(text) or "@" in text[1:]:
        return False
    if sum(character.isdigit() for character in text) > DIGITS or _HEX.search(text):
        return False
    pieces = _PIECE.findall(text)
    if any(len(piece) > (CAPITALS if piece.isupper() else LETTERS) for piece in pieces):
        return False
    if "_" not in text and "-" not in text and sum(piece.isupper() and len(piece) > 1 for piece in pieces) > 2:
        return False
    pairs = list(pairwise(text))
    changes = sum(one.isdigit() != two.isdigit() and one.isalnum() and two.isalnum() for one, two in pairs)
    humps = sum(one.islower() and two.isupper() for one, two in pairs)
    words = [piece for piece in pieces if piece.isalpha()]
    short = sum(len(word) <= 2 for word in words)
    return changes < CHANGES and not (len(text) >= 16 and humps >= 4 and short * 2 >= len(words))
