"""What a shell makes of a text: quotes, escapes, carets, empty variables, braces, assignments and globs resolved, as bash, cmd and PowerShell do."""

import re

ASSIGNMENTS = 8
"""Variables of one text that are followed."""
LONGEST = 2_048
"""Characters of a text that grew while it was resolved."""

_variable = re.compile(r"\$(?:\(\)|[@*!_\d'\"]|\{|[a-z]{1,12}\b)|%[a-z]{1,12}%")
_glob_or_list = re.compile(r"/\w{0,8}[?*\[]|\{[\w/.-]{1,30},")
_HIDING = str.maketrans("", "", "'\"\\^`")
_assignment = re.compile(r"(?:^|[\s;&|(])\$?([a-z_]\w{0,11})\s?=\s?([^\s;&|()$]{1,40}|'[^']{0,40}'(?:\s?\+\s?'[^']{0,40}')*)\s?(?=[;&])")
_empty = re.compile(r"\$\(\)|\$(?:[@*!_]|\{[@*!_]\})|(?<=[\w/])\$\{?[a-z]{1,2}\}?(?=[\s/]|$)|(?<=\w)\$\{?\d\}?(?=\w)")
_words = re.compile(r"[a-z]+").findall
_slash = re.compile(r"\$\{(?:path|home|pwd|oldpwd):0:1\}|%(?:homepath|programfiles):~0,1%")
_space = re.compile(r"\$\{?ifs(?::[^}]{0,8})?\}?(?:\$\d)?|<>|<<<")
_braces = re.compile(r"\{([\w/.-]{1,30}),([^{}\s]{0,60})\}")
_quotes = re.compile(
    r"(?<=[\w/])(?:''|\"\"|``|\^|`)(?=[\w/])|(?:^|(?<=[\w/\s;|&(`]))['\"](\w{1,8})['\"](?=[\w/\s;|&)`]|$)|(?<=\w)['\"](\w{1,8})['\"]|(?<=\w)\\(?=\w)"
)
_backslash = re.compile(r"\\(?=[a-z])")
_glob = re.compile(r"/[\w?*\[\]/]{1,40}[?*\[][\w?*\[\]/]{0,40}")
_PATHS = (
    "/bin/cat", "/bin/ls", "/bin/id", "/bin/sh", "/bin/nc", "/bin/bash", "/usr/bin/id", "/usr/bin/whoami", "/usr/bin/curl", "/usr/bin/wget", "/usr/bin/nc", "/usr/bin/python",
    "/bin/ps", "/bin/ping", "/bin/uname", "/usr/bin/env", "/usr/bin/head", "/usr/bin/tail", "/usr/bin/tac", "/etc/passwd", "/etc/shadow", "/etc/hosts", "/etc/group",
)  # fmt: skip


def unquoted(text: str, words: frozenset[str], known: frozenset[str]) -> str | None:
    """The text (in normal form) with everything resolved that hides words from a filter but not from a shell; None where there is nothing to resolve.
    `words`: those of the text; `known`: those that are worth hiding."""
    if not (
        (("$" in text or "%" in text) and _variable.search(text))
        or (("?" in text or "*" in text or "[" in text or "{" in text) and _glob_or_list.search(text))
        or "<<<" in text
        or (("'" in text or '"' in text or "\\" in text or "^" in text or "`" in text) and _hides(text, words, known))
    ):
        return None
    bare = _slash.sub("/", text[:LONGEST])
    for found in list(_assignment.finditer(bare))[:ASSIGNMENTS]:
        name, value = found[1], found[2].replace("'+'", "").replace("' + '", "").strip("'")
        for spelled in ("${" + name + "}", f"%{name}%", f"${name}"):
            bare = bare.replace(spelled, value, ASSIGNMENTS)[:LONGEST]
    bare = _space.sub(" ", bare)
    bare = _empty.sub("", bare).replace("$'", "'").replace('$"', '"')
    bare = _braces.sub(lambda found: f"{found[1]} {found[2].replace(',', ' ')}", bare)
    for _ in range(3):
        bare = _quotes.sub(lambda found: found[1] or found[2] or "", bare)
    bare = _backslash.sub("", bare)
    bare = _glob.sub(_expanded, bare)
    return bare if bare != text else None


def _hides(text: str, words: frozenset[str], known: frozenset[str]) -> bool:
    """Whether taking out all quotes and escapes brings words to light."""
    return not known.isdisjoint(_words(text.translate(_HIDING))) and not known.isdisjoint(
        frozenset(_words(text.translate(_HIDING))) - words
    )


def _expanded(glob: re.Match[str]) -> str:
    """The first well-known path that a glob matches, or the glob."""
    written = glob[0]
    if written.count("?") + written.count("*") + written.count("[") > 12:
        return written
    pattern = "".join(
        "[^/]"
        if part == "?"
        else "[^/]{0,12}"
        if part == "*"
        else part
        if part[0] == "[" and part[-1] == "]" and len(part) > 2
        else re.escape(part)
        for part in re.findall(r"\[\w{1,6}\]|\?|\*|[\w/]|.", written)
    )
    try:
        match = re.compile(pattern).fullmatch
    except re.error:  # a class such as [z-a]
        return written
    return next((path for path in _PATHS if match(path)), written)
