"""How interpreters read a text: URL encoding, escapes, entities, comments and look-alike letters resolved."""

import html
import re
import unicodedata
from urllib.parse import unquote, unquote_plus

_overlong = re.compile(
    r"%c([01])%([0-9a-f]{2})|%(?:f8%80%80|f0%80|e0)%8[01]%([0-9a-f]{2})|%u(221[56]|efc8|f025|2044|29f8|ff0f|ff3c)|%u(ff0e|2024|fe52)|%c[01](?=[./\\])",
    re.IGNORECASE,
)
_unicode_escape = re.compile(r"(?:\\u|%u)([0-9a-f]{4})|\\x([0-9a-f]{2})|\\u\{([0-9a-f]{2,6})\}", re.IGNORECASE)
_deleted: dict[int, str | None] = dict.fromkeys([0, 0xAD, *range(0x200B, 0x2010), 0x2060, 0xFEFF])
_control: dict[int, str | None] = {
    **_deleted,
    **dict.fromkeys([*range(1, 9), *range(14, 32), 127, 0xFFFD], " "),
    0x17F: "s",
    0x131: "i",
    **dict.fromkeys([0x2B9, 0x2BB, 0x2BC, 0x2BD, 0x2C8, 0x2018, 0x2019, 0x201B, 0x2032, 0x2035, 0xB4], "'"),
    **dict.fromkeys([0x2215, 0x2044, 0x29F8], "/"),
    **dict.fromkeys([0x2216, 0x29F5, 0x29F9], "\\"),
    **dict.fromkeys([0x2039, 0x3008, 0x276E, 0x27E8], "<"),
    **dict.fromkeys([0x203A, 0x3009, 0x276F, 0x27E9], ">"),
    0x2028: "\n",
    0x2029: "\n",
    0x85: "\n",
}
ALIKE = str.maketrans("аеорсхуіјѕԁһкмтвнӏАВЕКМНОРСТХУІЈЅαορνικτΑΒΕΗΙΚΜΝΟΡΤΧΥΖ", "aeopcxyijsdhkmtbhlABEKMHOPCTXYIJSaopvikTABEHIKMNOPTXYZ")
"""Cyrillic and Greek letters that look like Latin ones."""
_versioned_comment = re.compile(r"/\*!\d{0,6}|\*/")
_plain_comment = re.compile(r"/\*(?!!).{0,400}?\*/", re.DOTALL)
COMMENT = re.compile(r"/\*.{0,400}?\*/", re.DOTALL)
_same_folder = re.compile(r"(?<=/)(?:\./)+(?=\w)").sub


def peel(text: str, *, plus: bool) -> str:
    """One layer of URL encoding off; `plus`: a plus sign stands for a space."""
    if "%" not in text:
        return text.replace("+", " ") if plus else text
    text = _overlong.sub(_short_form, text)
    return unquote_plus(text) if plus else unquote(text)


def _short_form(overlong: re.Match[str]) -> str:
    """The ASCII character that an over-long UTF-8 sequence or a look-alike of the slash stands for."""
    page, low, lower, slash, dot = overlong.groups()
    if slash or dot:
        return "/" if slash else "."
    if low is None and lower is None:
        return ""
    character = chr((64 if page == "1" else 0) | int(low or lower, 16) & 0x3F)
    return character if character != "%" else "%25"


def normal_form(text: str) -> str:
    """The text as interpreters read it: lower case, entities and escapes resolved, SQL comments gone, one space for any white space."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_control)).translate(_control)
    elif not text.isprintable():
        text = text.translate(_control)
    text = text.lower()
    if "&" in text:
        text = html.unescape(text.replace("&newline;", "\n").replace("&tab;", "\t")).lower()
    if "\\" in text or "%u" in text:
        text = _unicode_escape.sub(lambda m: chr(min(int(m[1] or m[2] or m[3], 16), 0x10FFFF)), text).lower()
    if "/./" in text:
        text = _same_folder("", text)
    if "/*" in text:
        text = COMMENT.sub(" ", _versioned_comment.sub(" ", _plain_comment.sub(" ", text)) if "/*!" in text else text)
    return " ".join(text.split())
