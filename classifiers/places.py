"""Where in a call a text stands, as a path: concrete, and general enough to be told."""

import re
from functools import lru_cache
from typing import Any, Literal, NamedTuple

Where = Literal["request.path", "request.query", "request.header", "request.body", "response.header", "response.body"]

Style = Literal["json", "name", "xml", "segment"]

Link = tuple[Any, Any, Any]
"""(link of the container that holds this container, its key or index there, the container itself); the outermost link is None."""


class Root(NamedTuple):
    """Where text_values come from; `inside` = the leaf whose text they were unpacked from: its path is theirs."""

    where: Where
    style: Style
    name: str
    inside: tuple[Any, Any, "Root"] | None


_PLAIN_KEY = re.compile(r"[@$]?[^\W\d][\w.: #/()'?-]{0,63}")
_SIX_DIGITS = re.compile(r"(?:\d\D*){6}")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@lru_cache(8_192)
def _opaque(key: str) -> bool:
    return _PLAIN_KEY.fullmatch(key) is None or _SIX_DIGITS.search(key) is not None


def opaque(key: str) -> bool:
    """True of a key that is itself a value (an address, a number, a GUID): it is masked in paths and looked at like a text."""
    if len(key) > 64:
        return True
    return not key.isalpha() and _opaque(key)


@lru_cache(8_192)
def _step(key: str) -> str:
    if opaque(key):
        return ".*"
    return f".{key}" if _IDENTIFIER.fullmatch(key) else f"['{key}']"


_OUTERMOST = "$", "$"


def _container_path(link: Any, known: dict[int, tuple[str, str]]) -> tuple[str, str]:
    """The paths of a container, each looked up once an event; iterative: depth costs no stack."""
    climbed = []
    while link is not None and id(link) not in known:
        climbed.append(link)
        link = link[0]
    concrete, general = _OUTERMOST if link is None else known[id(link)]
    for link in reversed(climbed):
        key = link[1]
        if type(key) is int:
            concrete, general = f"{concrete}[{key}]", general + "[*]"
        elif key is not None:
            step = _step(key) if len(key) <= 64 else ".*"
            concrete, general = concrete + step, general + step
        known[id(link)] = concrete, general
    return concrete, general


def path_of(key: Any, link: Any, root: Root, known: dict[int, tuple[str, str]]) -> tuple[str, str]:
    """(concrete path, general path with `[*]`) of a leaf; a key that is itself a value shows as `*`. `known`: paths of this event's containers."""
    while root.inside is not None:
        key, link, root = root.inside
    if root.style == "json":
        concrete, general = _container_path(link, known)
        if key is None:
            return concrete, general
        if type(key) is int:
            return f"{concrete}[{key}]", general + "[*]"
        step = _step(key) if len(key) <= 64 else ".*"
        return concrete + step, general + step
    if root.style == "segment":
        name, index, _ = link
        step = f"/{{{index if name is None else '*' if opaque(name) else name}}}"
        return step, step
    if root.style == "name":
        shown = root.name + (key if isinstance(key, str) and not opaque(key) else "*" if key is not None else "")
        return shown, shown
    steps: list[str] = [] if key is None else [key]
    while link is not None:
        link, key, _ = link
        if key is not None:
            steps.append(key)
    path = "".join("/" + ("*" if opaque(s.lstrip("@")) else s) for s in reversed(steps))
    return path, path
