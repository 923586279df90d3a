"""Puts the gateway's fragments into the text of a policy and takes them out again, byte for byte.

Everything put in is white space followed by one element or comment, placed right behind a `>`; taking it out removes that element and the
white space before it. So whatever the document looked like, it looks like that again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from posture.policy_text import Element, PolicyNotUnderstood, parse

CAPTURE = '<include-fragment fragment-id="gatewatch-capture" />'
GUARD = '<include-fragment fragment-id="gatewatch-guard" />'
EMIT = '<include-fragment fragment-id="gatewatch-emit" />'
POLICY_ADDED = "<!-- gatewatch: policy added -->"
SECTION_ADDED = "<!-- gatewatch: section added -->"
_SECTION_WAS = re.compile(r"<!-- gatewatch: was (<[a-z-]+\s*/>) -->")

SECTIONS = ("inbound", "backend", "outbound", "on-error")
FRAGMENTS = ("gatewatch-capture", "gatewatch-emit")
PLACES = {"inbound": FRAGMENTS[:1], "outbound": FRAGMENTS[1:], "on-error": FRAGMENTS}
"""Which fragments `watch` puts into which section, in order."""
GUARD_FRAGMENT = "gatewatch-guard"
"""By choice, in inbound behind the first: it needs what that one captures, and a refusal should cost nothing else."""
PROVES = {
    "validate-jwt": "gatewatch-auth-jwt",
    "validate-azure-ad-token": "gatewatch-auth-azure-ad-token",
    "validate-client-certificate": "gatewatch-auth-client-certificate",
}
"""Policies that, once passed, prove the caller; and the variable that tells the event so."""
_MARK = "gatewatch"

NEW_POLICY = f"""<policies>
    {POLICY_ADDED}
    <inbound>
        {CAPTURE}
        <base />
    </inbound>
    <backend>
        <base />
    </backend>
    <outbound>
        <base />
        {EMIT}
    </outbound>
    <on-error>
        {CAPTURE}
        {EMIT}
        <base />
    </on-error>
</policies>
"""
"""The policy of an API that had none."""
NEW_GUARDED_POLICY = NEW_POLICY.replace(f"<inbound>\n        {CAPTURE}", f"<inbound>\n        {CAPTURE}\n        {GUARD}")


@dataclass(frozen=True)
class _Edit:
    """Replace text[start:end] by `text`; start == end inserts."""

    start: int
    end: int
    text: str


def _apply(text: str, edits: list[_Edit]) -> str:
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _space_after(text: str, at: int) -> str:
    return text[at : at + len(text[at:]) - len(text[at:].lstrip())]


def _space_before(text: str, at: int) -> str:
    return text[len(text[:at].rstrip()) : at]


def _comments(text: str, element: Element) -> Iterator[tuple[int, int]]:
    """The comments directly in an element."""
    at = element.inner_start
    for end, after in [(child.start, child.end) for child in element.children] + [(element.inner_end, element.end)]:
        for comment in re.finditer("<!--.*?-->", text[at:end], re.DOTALL):
            yield at + comment.start(), at + comment.end()
        at = after


def _sections(text: str) -> dict[str, Element]:
    """The sections of a policy, by name. Raises PolicyNotUnderstood for a document of any other shape."""
    root = parse(text)
    if root.tag != "policies":
        raise PolicyNotUnderstood(f"the root is <{root.tag}>, not <policies>")
    found: dict[str, Element] = {}
    for section in root.children:
        if section.tag not in SECTIONS:
            raise PolicyNotUnderstood(f"<{section.tag}> is no section of a policy")
        if section.tag in found:
            raise PolicyNotUnderstood(f"<{section.tag}> is there twice")
        if section.attributes:
            raise PolicyNotUnderstood(f"<{section.tag}> has attributes")
        found[section.tag] = section
    for element in (root, *found.values()):
        pieces = [(child.start, child.end) for child in element.children] + list(_comments(text, element))
        rest, at = "", element.inner_start
        for start, end in sorted(pieces):
            rest, at = rest + text[at:start], end
        if (rest + text[at : element.inner_end]).strip():
            raise PolicyNotUnderstood(f"<{element.tag}> holds text beside its policies")
    return found


def _is_include(element: Element, fragment: str | None = None) -> bool:
    name = element.attributes.get("fragment-id", "") if element.tag == "include-fragment" else ""
    return name in (*FRAGMENTS, GUARD_FRAGMENT) if fragment is None else name == fragment


def _removal(text: str, start: int, end: int) -> _Edit:
    return _Edit(start - len(_space_before(text, start)), end, "")


def _first(text: str, section: Element, *what: str) -> _Edit:
    """`what` as the first things of a section."""
    space = _space_after(text, section.inner_start)
    if section.inner_start + len(space) == section.inner_end and "\n" in space:
        space += "    "
    return _Edit(section.inner_start, section.inner_start, "".join(space + thing for thing in what))


def _last(text: str, section: Element, what: str) -> _Edit:
    """`what` as the last thing of a section."""
    at = len(text[: section.inner_end].rstrip())
    if section.children:
        space = _space_before(text, section.children[-1].start)
    else:
        space = _space_after(text, section.inner_start)
        if section.inner_start + len(space) == section.inner_end and "\n" in space:
            space += "    "
    return _Edit(at, at, space + what)


def _filled(tag: str, outer: str, *what: str) -> str:
    """A section of these things, laid out as one that `outer` white space stands before."""
    inner = outer + "    " if "\n" in outer else ""
    return f"<{tag}>{''.join(inner + thing for thing in what)}{outer if inner else ''}</{tag}>"


def _opened(text: str, section: Element, *what: str) -> _Edit:
    """`<inbound />`, opened to hold `what`; how it was stays in a comment."""
    was = f"<!-- gatewatch: was {text[section.start : section.end]} -->"
    return _Edit(section.start, section.end, _filled(section.tag, _space_before(text, section.start), was, *what))


def _new_on_error(text: str, sections: dict[str, Element], *what: str) -> _Edit:
    after = max(sections.values(), key=lambda section: section.end)
    outer = _space_before(text, after.start)
    return _Edit(after.end, after.end, outer + _filled("on-error", outer, SECTION_ADDED, *what))


def _section_removals(text: str, section: Element, removed: list[Element], edits: list[_Edit]) -> None:
    """Edits that take `removed`, and the marks of this module, out of a section; or the section as it was before it was opened or added."""
    marks = [
        (start, end)
        for start, end in _comments(text, section)
        if text[start:end] == SECTION_ADDED or _SECTION_WAS.fullmatch(text, start, end)
    ]
    left = [child for child in section.children if child not in removed]
    only_ours = len(marks) == 1 and len(list(_comments(text, section))) == 1
    if only_ours:
        mark = text[marks[0][0] : marks[0][1]]
        was = _SECTION_WAS.fullmatch(mark)
        if was is not None and not left:
            edits.append(_Edit(section.start, section.end, was[1]))
            return
        if was is None and all(child.tag == "base" and not child.attributes for child in left) and len(left) <= 1:
            edits.append(_removal(text, section.start, section.end))
            return
    edits += [_removal(text, start, end) for start, end in marks]
    edits += [_removal(text, element.start, element.end) for element in removed]


def _ours_in(sections: dict[str, Element]) -> dict[str, list[Element]]:
    """The includes by section. Raises PolicyNotUnderstood if they are not where `watch` puts them."""
    found: dict[str, list[Element]] = {}
    for name, section in sections.items():
        includes = [element for element in section.walk() if _is_include(element)]
        for element in includes:
            fragment = element.attributes["fragment-id"]
            allowed = PLACES.get(name, ()) + ((GUARD_FRAGMENT,) if name == "inbound" else ())
            if element.parent is not section or fragment not in allowed:
                raise PolicyNotUnderstood(f"<{name}> includes {fragment} where Gatewatch would not put it: by hand?")
            if set(element.attributes) != {"fragment-id"} or element.children:
                raise PolicyNotUnderstood(f"<{name}> includes {fragment} in a way of its own: by hand?")
        if includes:
            found[name] = includes
    missing = [
        f"{fragment} in {name}"
        for name, fragments in PLACES.items()
        for fragment in fragments
        if fragment not in [element.attributes["fragment-id"] for element in found.get(name, [])]
    ]
    if found and missing:
        raise PolicyNotUnderstood(f"Gatewatch is included, but not {', '.join(missing)}: by hand?")
    for name, includes in found.items():
        there = [element.attributes["fragment-id"] for element in includes]
        if there not in (list(PLACES[name]), [*PLACES[name], GUARD_FRAGMENT]):
            raise PolicyNotUnderstood(f"<{name}> includes Gatewatch's fragments twice or in another order: by hand?")
    return found


def _proofs(sections: dict[str, Element]) -> Iterator[tuple[Element, Element | None]]:
    """Every policy in inbound that proves a caller, with the element after it if that already tells so."""
    inbound = sections.get("inbound")
    for element in inbound.walk() if inbound else ():
        if element.tag not in PROVES or element.parent is None or element.parent.tag not in ("inbound", "when", "otherwise"):
            continue
        siblings = element.parent.children
        place = siblings.index(element) + 1
        follower = siblings[place] if place < len(siblings) else None
        told = follower is not None and follower.tag == "set-variable" and follower.attributes.get("name") == PROVES[element.tag]
        yield element, follower if told else None


def is_watched(text: str) -> bool:
    """Whether an API's policy has the fragments. Raises PolicyNotUnderstood."""
    return bool(_ours_in(_sections(text)))


def is_guarded(text: str) -> bool:
    """Whether an API's policy has the guard. Raises PolicyNotUnderstood."""
    return any(_is_include(element, GUARD_FRAGMENT) for element in _ours_in(_sections(text)).get("inbound", ()))


def unwatch(text: str) -> str | None:
    """The policy as it was before `watch`; None if there was none. Raises PolicyNotUnderstood. A policy without the fragments is returned as it is."""
    if "".join(text.split()) in ["".join(policy.split()) for policy in (NEW_POLICY, NEW_GUARDED_POLICY)]:
        return None
    sections = _sections(text)
    ours = _ours_in(sections)
    if not ours:
        return text
    edits: list[_Edit] = []
    for name, includes in ours.items():
        _section_removals(text, sections[name], includes, edits)
    for _, follower in _proofs(sections):
        if follower is not None and follower.attributes.get("value") == _MARK:
            edits.append(_removal(text, follower.start, follower.end))
    root = parse(text)
    edits += [_removal(text, start, end) for start, end in _comments(text, root) if text[start:end] == POLICY_ADDED]
    return _apply(text, edits)


def watch(text: str | None, *, guard: bool | None = None) -> str:
    """The policy of an API with the fragments in place; of a policy that has them, the same or brought up to date.

    `text` None is an API without a policy. `guard`: with the guard or without; None leaves it as it is. Raises PolicyNotUnderstood.
    """
    if guard is None:
        guard = text is not None and is_guarded(text)
    if text is None:
        return NEW_GUARDED_POLICY if guard else NEW_POLICY
    plain = unwatch(text)
    if plain is None:
        return text if is_guarded(text) is guard else watch(None, guard=guard)
    first = (CAPTURE, GUARD) if guard else (CAPTURE,)
    sections = _sections(plain)
    for name in ("inbound", "outbound"):
        if name not in sections:
            raise PolicyNotUnderstood(f"there is no <{name}>")
    edits: list[_Edit] = []
    inbound, outbound, on_error = sections["inbound"], sections["outbound"], sections.get("on-error")
    edits.append(_opened(plain, inbound, *first) if inbound.is_empty_tag else _first(plain, inbound, *first))
    edits.append(_opened(plain, outbound, EMIT) if outbound.is_empty_tag else _last(plain, outbound, EMIT))
    if on_error is None:
        edits.append(_new_on_error(plain, sections, CAPTURE, EMIT, "<base />"))
    else:
        edits.append(_opened(plain, on_error, CAPTURE, EMIT) if on_error.is_empty_tag else _first(plain, on_error, CAPTURE, EMIT))
    for element, follower in _proofs(sections):
        if follower is None:
            told = f'<set-variable name="{PROVES[element.tag]}" value="{_MARK}" />'
            edits.append(_Edit(element.end, element.end, _space_before(plain, element.start) + told))
    return _apply(plain, edits)


def _unmatched_block() -> str:
    path = Path(__file__).resolve().parents[1] / "infra" / "gateway" / "on-error-global.xml"
    text = path.read_text(encoding="utf-8")
    root = parse(text)
    (block,) = root.children
    return text[block.start : block.end]


def _unmatched_in(text: str, sections: dict[str, Element]) -> list[Element]:
    found: list[Element] = []
    expected = "".join(_unmatched_block().split())
    for name, section in sections.items():
        for child in section.children:
            includes = [element for element in child.walk() if _is_include(element)]
            if not includes:
                continue
            if name != "on-error" or "".join(text[child.start : child.end].split()) != expected or found:
                fragment = includes[0].attributes["fragment-id"]
                raise PolicyNotUnderstood(f"<{name}> includes {fragment} where Gatewatch would not put it: by hand?")
            found.append(child)
    return found


def unwatch_unmatched(text: str) -> str:
    """The global policy without the piece that sees calls of no operation. Raises PolicyNotUnderstood."""
    sections = _sections(text)
    blocks = _unmatched_in(text, sections)
    edits: list[_Edit] = []
    if blocks:
        _section_removals(text, sections["on-error"], blocks, edits)
    return _apply(text, edits)


def watch_unmatched(text: str) -> str:
    """The global policy with the piece that sees calls of no operation. Raises PolicyNotUnderstood."""
    plain = unwatch_unmatched(text)
    sections = _sections(plain)
    if not sections:
        raise PolicyNotUnderstood("there is no section")
    on_error = sections.get("on-error")
    indent = _space_before(plain, (on_error or next(iter(sections.values()))).start)
    newline = indent if "\n" in indent else "\n"
    lines = _unmatched_block().splitlines()
    block = (newline).join([lines[0], *(line[4:] if line.startswith("    ") else line for line in lines[1:])])
    block = block.replace(newline, newline + "    ") if "\n" in indent else block
    if on_error is None:
        return _apply(plain, [_new_on_error(plain, sections, block)])
    return _apply(plain, [_opened(plain, on_error, block) if on_error.is_empty_tag else _first(plain, on_error, block)])


def answers_itself(text: str) -> list[str]:
    """The policies in it that end a call before outbound ends, so that no event is sent. Raises PolicyNotUnderstood."""
    return sorted({element.tag for element in parse(text).walk() if element.tag in ("return-response", "mock-response")})


def sections_without_base(text: str) -> list[str]:
    """The sections of an operation's policy that do not inherit, so that the API's fragments do not run there. Raises PolicyNotUnderstood."""
    sections = _sections(text)
    return [
        name for name in ("inbound", "outbound", "on-error") if name in sections and not any(e.tag == "base" for e in sections[name].walk())
    ]
