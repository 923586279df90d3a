"""What one value alone can prove: that it was written to be run as code by whatever reads it.

Everything here is called once per distinct string of a batch. Values are judged, never kept: what comes back is the name of a family.
"""

import binascii
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice

from attacks.normal_form import ALIKE, COMMENT, normal_form, peel
from attacks.patterns import (
    BREAKOUT,
    CLASS_NAME,
    COMMAND_LINE,
    DISGUISED,
    FAMILIES,
    FORGED_LOG,
    GADGET,
    LOG_LINE,
    LONE_HEADER,
    NOSQL,
    PROGRAMS,
    REQUEST_LINE,
    SCRIPT_URI,
    SENSITIVE_FILE,
    SENSITIVE_WORDS,
    SPLIT_COMMAND,
    SPLIT_HEADER,
    SPLIT_MAIL,
    SPLIT_REQUEST,
    SQL_JUNCTIONS,
    SQL_WORDS,
    SUSPECT_WORDS,
    Family,
)
from attacks.shells import unquoted
from attacks.targets import inward

SCAN = 3_072
"""Characters of a value that are scanned; of a longer one its ends and what looks hottest between them, so that hostile length buys no more than some milliseconds."""

DISGUISE = 1_024
"""Characters of a text in which commands and SQL that were taken apart are put together again."""

PIECE = 512
"""Characters of a piece of the middle of a longer value, and how many of them are scanned."""

OVERLAP = 96
PIECES_OF_MIDDLE = 3

HOT = (
    "select", "union", "or ", "--", "'", "<script", "<", "on", "alert(", "javascript", ";", "|", "`", "$(", "../", "..\\", "/etc/", "{{", "${", "jndi", "__proto__", "$ne", "<!entity", "169.254", "://1", "localhost",
    "http/1", "sleep(", "exec", "system(", "cmd", "powershell", "%27", "%3c", "\\u00", "rO0AB".lower(),
)  # fmt: skip
"""What makes a piece of a long text worth looking at."""

ENCODINGS = 4
"""How many layers of URL encoding are peeled."""

FORGED = 512
"""Characters; a longer text with a log in it is a log."""

NESTING = 3
"""How deep JSON inside strings of JSON is read."""

BREAKOUTS = 64
"""How many quotes of one text are judged."""

STRINGS = 256
"""How many strings of one JSON text are judged."""

_hexadecimal = re.compile(r"0[xX](?:[2-7][0-9a-fA-F]){6,2000}").fullmatch
plain = re.compile(r"[A-Za-z0-9_.:@,~-]*").fullmatch
_words = re.compile(r"[a-z_]+").findall
_prose = re.compile(r"[\w ,.:@~+/=-]*").fullmatch
_digit = re.compile(r"\d").search
_binary = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]").search
_PACKAGES = frozenset(("java", "com.", "org."))
_opaque = re.compile(r"[A-Za-z0-9+/_-]{15,}={0,2}").fullmatch
_mixed = re.compile(r"[A-Za-z][\u0370-\u052f]|[\u0370-\u052f][A-Za-z]").search
_LINES = {0x2028: "\n", 0x2029: "\n", 0x85: "\n"}
"""What some readers take for line breaks."""
_TRUNCATED = {0x560A: "\n", 0x560D: "\r"}
"""Letters that lose their upper byte where headers are written as Latin-1."""
_LEVEL = r"(?:INFO|WARN(?:ING)?|ERROR|DEBUG|FATAL)\s"
_line_comment = re.compile(r"(?:--|#)[^\n]{0,60}\n")
_innermost_lookup = re.compile(r"\$\{([^${}]{0,200})\}")
_lookup = re.compile(
    r"jndi\s?:|\$\{\s?(?:(?:env|sys|java|main|ctx|bundle|hostname|lower|upper|base64|k8s|docker|date|map|script|url|dns|const)\s?:|::-)"
)
_script_uri = re.compile(r"(?:java|vb|live)script:")
_json = re.compile(r"\s*(?:(?:\[\s*){1,9}(?:[-\d\"]|true|false|null|\{\s*\")|\{\s*\")").match
_json_string = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"?', re.DOTALL)
_apostrophe = re.compile(r"(?<=\w)'(?=[^\W\d])")
_runs_at_once = re.compile(rb"c(?:posix|nt|os|sys|subprocess|builtins|__builtin__|commands|runpy|pty)\n\w+\n").search
_serial = re.compile(r"(?<![A-Za-z0-9+/_-])(?:gA[JNSW]|rO0AB|AAEAAAD/////)[A-Za-z0-9+/_-]{8,}={0,2}")
_sheet = re.compile(
    r"(?:\.\./){1,4}[\w -]{1,40}(?:/[\w -]{1,40}){0,6}\.(?:png|jpe?g|gif|svg|webp|ico|css|js|mjs|tsx?|jsx|scss|html?|md|pdf|woff2?)"
).fullmatch
_asset = re.compile(r"[\w/ -]{1,80}\.(?:png|jpe?g|gif|svg|webp|ico|css|js|mjs|tsx?|jsx|scss|html?|md|pdf|woff2?)$").match
_climb = re.compile(r"(?<![\w.])\.{2,6}(?:[/\\]{1,4}|;/)")


def injection(value: str) -> str | None:
    """The family of attack that a parameter, header, cookie or body value carries, or None: "sql", "script", "command", "path-traversal", "template", "log4j",
    "deserialisation", "nosql", "ldap", "xpath", "xxe", "crlf" or "ssrf". The value is taken as sent or decoded: URL encoding is peeled twice, base64 once.
    """
    if not value.isascii() and (family := _beyond_ascii(value)) is not None:
        return family
    if value[:2] in ("0x", "0X") and _hexadecimal(value):
        return _inside_text(bytes.fromhex(value[2:SCAN]).decode("latin-1"))
    if value.isalnum():
        return None if len(value) < 16 or value.islower() else _inside_base64(value)
    if plain(value) and ".." not in value and "--" not in value and value[:5] not in ("http:", "HTTP:"):
        return None if len(value) < 14 else _inside_base64(value)
    if len(value) > SCAN:
        value = _sampled(value)
    family = _judge(value)
    if family is not None or ("%" not in value and "+" not in value):
        return family
    peeled = value
    for layer in range(ENCODINGS):
        decoded = peel(peeled, plus=layer == 0)
        if not decoded.isascii():
            decoded = decoded.translate(_TRUNCATED)
        if decoded == peeled:
            break
        peeled = decoded
        family = _judge(peeled) or (None if peeled.isascii() else _beyond_ascii(peeled))
        if family is not None:
            return family
    if value.count("%") * 3 > len(value):  # ASP drops a % that escapes nothing: `%u%n%i%o%n`
        return _judge(peeled.replace("%", ""))
    return None


def _beyond_ascii(value: str) -> str | None:
    """What a value is once letters that only look different are what they look like: full-width, mathematical, Cyrillic among Latin."""
    read = unicodedata.normalize("NFKC", value[: SCAN // 2])
    if _mixed(read):
        read = read.translate(ALIKE)
    return injection(read) if read != value and read.isascii() else _judge(read) if read != value[: SCAN // 2] else None


def _sampled(value: str) -> str:
    """Both ends of a long value, and PIECES_OF_MIDDLE pieces from between them: the hottest, and of equals those that a hash of the value draws."""
    head, tail, middle = value[: SCAN * 3 // 8], value[-SCAN // 4 :], value[SCAN * 3 // 8 : -SCAN // 4]
    lower = middle.lower()
    step = PIECE - OVERLAP
    draw = zlib.crc32(value.encode(errors="replace"))
    pieces = sorted(
        range(0, len(middle), step),
        key=lambda at: (
            -sum(mark in piece for piece in (lower[at : at + PIECE],) for mark in HOT),
            (at // step * 2_654_435_761 ^ draw) & 0xFFFFFFFF,
        ),
    )
    return "\n".join((head, *(middle[at : at + PIECE] for at in sorted(pieces[:PIECES_OF_MIDDLE])), tail))


def _judge(text: str, depth: int = 0) -> str | None:
    if _prose(text) and harmless(text):
        return _inside_base64(text) if _opaque(text) else None
    if _opaque(text):
        family = _inside_base64(text)
        if family is not None:
            return family
    if '"' in text and depth < NESTING and _json(text):
        return _inside_json(text, depth)
    return _inside_text(text)


def harmless(text: str) -> bool:
    """Whether a text of letters, digits and the mildest punctuation holds no word that any family needs: what most names, phrases, URLs and lists are."""
    lower = text.lower()
    if ".." in lower or "--" in lower:
        return False
    if " " in lower or "+" in lower:
        words = _words(lower)
        if "select" in lower or "union" in lower or not SQL_WORDS.isdisjoint(words):
            return False
        if not SQL_JUNCTIONS.isdisjoint(words) and ("=" in lower or _digit(lower)):
            return False
    if ("//" in lower or lower[:5] == "http:") and inward(lower):
        return False
    for mark, suspects in SUSPECT_WORDS:
        if mark in lower:
            for word in suspects:
                if word in lower:
                    return False
    return True


def _inside_json(text: str, depth: int) -> str | None:
    """Each string of a JSON text for itself, since its quotes are its own; then what is left, and the operators of document databases in the whole."""
    for found in islice(_json_string.finditer(text), STRINGS):
        string = found[1]
        if not (plain(string) and ".." not in string and "--" not in string and len(string) < 16):
            family = _judge(string.replace('\\"', '"').replace("\\/", "/"), depth + 1)
            if family is not None:
                return family
    if "$" in text and search(NOSQL.pattern)(normal_form(text)):
        return NOSQL.name
    if ("type" in text or "class" in text or "__" in text or "py/" in text) and search(GADGET)(normal_form(text)):
        return "deserialisation"
    return _inside_text(_json_string.sub("0", text))


def _inside_base64(token: str) -> str | None:
    """What a base64 token hides: a serialised object, or an attack in plain ASCII."""
    if token[:4] in _PACKAGES and search(CLASS_NAME)(token.lower()):
        return "deserialisation"
    if token.islower() or token.isdigit() or "." in token or ":" in token or "@" in token or "~" in token or "," in token:
        return "template" if ".classLoader." in token else "path-traversal" if "0x2e0x2e0x" in token else None
    stem = token.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        content = binascii.a2b_base64(stem + "=" * (-len(stem) % 4))
    except ValueError:  # not base64, or not ASCII
        return None
    if content[:2] == b"\x1f\x8b":
        content = _unzipped(content)
    if _serialised(content):
        return "deserialisation"
    return _inside_text(content.decode("ascii")) if content.isascii() and not _binary(content) else None


def _unzipped(content: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(content, SCAN)
    except zlib.error:
        return b""


def _serialised(content: bytes) -> bool:
    """Whether bytes are a serialised object that runs code when read: Python pickle, Java stream, .NET BinaryFormatter."""
    if content[:4] == b"\xac\xed\x00\x05":
        return True
    if content[:1] == b"\x80" and content[1:2] in b"\x02\x03\x04\x05" and len(content) > 8:
        framed = content[2:3] == b"\x95" and int.from_bytes(content[3:11], "little") <= len(content) + 8
        return framed or _runs_at_once(content) is not None or (content[-1:] == b"." and (b"\n" in content or b"\x93" in content))
    return b"\x00\x01\x00\x00\x00\xff\xff\xff\xff" in content[:64]


@cache
def search(pattern: str) -> Callable[[str], re.Match[str] | None]:
    return re.compile(pattern, re.DOTALL).search


@cache
def _finditer(pattern: str) -> Callable[[str], Iterator[re.Match[str]]]:
    return re.compile(pattern, re.DOTALL).finditer


def _inside_text(raw: str) -> str | None:
    text = normal_form(raw)
    if "${" in text and _looks_up(text):
        return "log4j"
    if "\n" in raw or "\r" in raw or "\\n" in raw or "\\r" in raw or "\\u000" in raw or not raw.isascii():
        lines = raw.translate(_LINES) if not raw.isascii() else raw
        if "\\u000" in raw:
            lines = re.sub(r"(?i)\\u000([ad])", lambda found: "\n" if found[1] in "aA" else "\r", lines)
        if _splits(lines):
            return "crlf"
        if search(COMMAND_LINE)(lines.lower()):
            return "command"
    if len(raw) > 24 and (found := _serial.search(raw)) and _inside_base64(found[0]) == "deserialisation":
        return "deserialisation"
    if "script" in text and _script_uri.search(text.replace(" ", "")) and search(SCRIPT_URI)(text):
        return "script"
    words = frozenset(_words(text))
    if (family := _by_family(text, words)) is not None:
        return family
    if (bare := unquoted(text[:DISGUISE], words, PROGRAMS)) is not None and _commands(bare, text):
        return "command"
    if ("/" in text or "\\" in text or "http:" in text) and inward(text):
        return "ssrf"
    if "/*" in raw and "/*!" not in raw and (joined := normal_form(COMMENT.sub("", raw[:DISGUISE]))) != text:
        found_family = _by_family(joined, frozenset(_words(joined)))
        if found_family is not None:
            return found_family
    if (
        "\0" in raw
        or "%00" in raw
        or "..;" in text
        or "..\ufffd" in raw
        or _climbs(text)
        or (not SENSITIVE_WORDS.isdisjoint(words) and search(SENSITIVE_FILE)(text))
    ):
        return "path-traversal"
    if ("'" in text or '"' in text or "`" in text) and _breaks_out(text):
        return "sql"
    if "\n" in raw and (uncommented := _line_comment.sub(" ", raw)) != raw:
        return _inside_text(uncommented)
    return None


def _by_family(text: str, words: frozenset[str]) -> str | None:
    for family in FAMILIES:
        if _concerns(family, words, text) and search(family.pattern)(text):
            return family.name
    return None


def _commands(bare: str, written: str) -> bool:
    """Whether a text whose disguise a shell would take off is a command, or reads a file that is nobody's business. A program's name that nobody could read
    before is proof enough."""
    words = frozenset(_words(bare))
    if not DISGUISED.isdisjoint(words.difference(_words(written))):
        return True
    return any(family.name == "command" and _concerns(family, words, bare) and search(family.pattern)(bare) for family in FAMILIES) or (
        not SENSITIVE_WORDS.isdisjoint(words) and search(SENSITIVE_FILE)(bare) is not None
    )


def _looks_up(text: str) -> bool:
    """Whether a log4j look-up hides in the text, however often it is nested: `${${lower:j}ndi:…`."""
    if _lookup.search(text):
        return True
    for _ in range(8):
        unfolded = _innermost_lookup.sub(_looked_up, text)
        if unfolded == text:
            break
        text = unfolded
        if _lookup.search(text):
            return True
    return False


def _looked_up(lookup: re.Match[str]) -> str:
    body = lookup[1]
    _, default, value = body.rpartition(":-")
    return value if default else body.rpartition(":")[2].strip("'")


def _splits(raw: str) -> bool:
    """Whether line breaks add a header to a response, a request, another recipient, or a line to a log. A text that starts as such is one."""
    text = raw.lower()
    if search(rf"^\s{{0,8}}{REQUEST_LINE}")(text) or search(r"^\s{0,8}http/\d")(text):
        return False
    if (
        search(SPLIT_HEADER)(text)
        or search(SPLIT_REQUEST)(text)
        or ("\r\n" in text and (search(LONE_HEADER)(text) or search(SPLIT_COMMAND)(text)))
    ):
        return True
    if len(text) > FORGED:
        return False
    if search(FORGED_LOG)(text) or search(rf"[\r\n]{_LEVEL}")(raw):
        return not search(rf"^{LOG_LINE}")(text) and not search(f"^{_LEVEL}")(raw)
    return search(SPLIT_MAIL)(text) is not None


def _concerns(family: Family, words: frozenset[str], text: str) -> bool:
    if not family.words.isdisjoint(words):
        return True
    for mark in family.marks:  # noqa: SIM110  a generator costs more than all the searches
        if mark in text:
            return True
    return False


def _climbs(text: str) -> bool:
    """Whether a path leaves its folder: by more than one step, or at once to what is no page's picture or sheet."""
    if "0x2" in text or "0x5c" in text:
        text = text.replace("0x2e", ".").replace("0x2f", "/").replace("0x5c", "\\")
    if ".." not in text:
        return False
    climbs = list(islice(_climb.finditer(text), 2))
    if len(climbs) > 1:
        return not _sheet(text)
    return len(climbs) == 1 and not text[: climbs[0].start()].strip("./\\ ") and not _asset(text, climbs[0].end())


def _breaks_out(text: str) -> bool:
    """Whether a quote that closes the developer's string is followed by SQL: an odd one, since `"a" and b = "c"` of a filter language closes its own."""
    opened = {"'": 0, '"': 0, "`": 0}
    read = dict.fromkeys(opened, 0)
    for found in islice(_finditer(BREAKOUT)(text), BREAKOUTS):
        quote, start = found[0][0], found.start()
        between = text[read[quote] : start]
        opened[quote] += between.count(quote) - (len(_apostrophe.findall(between)) if quote == "'" else 0)
        read[quote] = start
        if opened[quote] % 2 == 0:
            return True
    return False
