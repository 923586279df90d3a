"""What a gateway's policies do at one place: the documents of all scopes put together through `<base />`, and the secrets that stand in them.

Source of the order: https://learn.microsoft.com/azure/api-management/api-management-howto-policies (global, workspace, product, API, operation). A section that is missing,
or has no `<base />`, does not run what its parent says there.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from posture.credentials import credential
from posture.policy_text import Element, PolicyNotUnderstood, parse
from posture.snapshot import Policy, Snapshot

SECTIONS = ("inbound", "backend", "outbound", "on-error")
HIDDEN = "{{…}}"
"""What stands in a kept document where a secret stood."""
_BRANCHES = frozenset({"when", "otherwise"})
_CONTAINERS = frozenset({"choose", "retry", "wait", "limit-concurrency"}) | _BRANCHES
_KEY_NAMES = re.compile(
    r"(?i)^(authorization|proxy-authorization|cookie|ocp-apim-subscription-key|subscription-key|x-functions-key|code|sig|.*api[-_]?key|.*[-_]key|key|.*secret.*|.*password.*|.*token)$"
)
_SCHEME = re.compile(r"(?i)\b(basic|bearer)\s+([A-Za-z0-9+/=._~-]{8,})")
_REFERENCE = re.compile(r"\{\{[^{}]+\}\}")
_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Effective(NamedTuple):
    """One element that runs. `scope`: whose document it stands in; `sure`: not under a condition."""

    element: Element
    text: str
    """The whole document, into which the element's offsets point."""
    scope: str
    sure: bool

    @property
    def content(self) -> str:
        return self.text[self.element.inner_start : self.element.inner_end].strip()

    def under(self, *tags: str) -> Iterator["Effective"]:
        """What stands inside it under one of these tags."""
        for child in self.element.walk():
            if child is not self.element and child.tag in tags:
                yield Effective(child, self.text, self.scope, self.sure)


class NotUnderstood(Exception):
    """A document that takes part cannot be read; the text names its scope."""


@lru_cache(maxsize=256)
def root_of(text: str) -> Element | None:
    """None for a text that is no policy document."""
    try:
        return parse(text)
    except PolicyNotUnderstood:
        return None


def section_of(text: str, name: str) -> Element | None:
    root = root_of(text)
    return next((child for child in root.children if child.tag == name), None) if root else None


def scopes_of(api: str, operation: str | None = None, product: str | None = None) -> list[str]:
    """The chain of scopes at an API's path, the innermost first: "apis/x/operations/y", "apis/x", "products/p", ""."""
    workspace = api[: api.index("/apis/")] if api.startswith("workspaces/") and "/apis/" in api else None
    chain = [f"{api}/operations/{operation}"] if operation is not None else []
    chain.append(api)
    chain += [product] if product else []
    chain += [workspace] if workspace else []
    return [*chain, ""]


def effective(snapshot: Snapshot, chain: list[str], section: str = "inbound") -> list[Effective]:
    """Every element that runs in a section at the innermost scope of a chain, in order. Raises NotUnderstood."""
    known = [scope for scope in chain if scope in snapshot.policies]
    return list(_section(snapshot, known, section, sure=True))


def _section(snapshot: Snapshot, chain: list[str], name: str, *, sure: bool) -> Iterator[Effective]:
    if not chain:
        return
    text = snapshot.policies[chain[0]].text
    if root_of(text) is None:
        raise NotUnderstood(f"the policy of {chain[0] or 'all APIs'} is not understood")
    section = section_of(text, name)
    if section is not None:
        yield from _children(snapshot, section, text, chain, name, sure=sure)


def _children(snapshot: Snapshot, parent: Element, text: str, chain: list[str], name: str, *, sure: bool) -> Iterator[Effective]:
    for child in parent.children:
        if child.tag == "base":
            yield from _section(snapshot, chain[1:], name, sure=sure)
        elif child.tag == "include-fragment":
            yield Effective(child, text, chain[0], sure)
            yield from _fragment(snapshot, child.attributes.get("fragment-id", ""), chain[0], sure=sure)
        else:
            yield Effective(child, text, chain[0], sure)
            if child.tag in _CONTAINERS:
                yield from _children(snapshot, child, text, chain, name, sure=sure and child.tag not in _BRANCHES)


def _fragment(snapshot: Snapshot, id: str, scope: str, *, sure: bool) -> Iterator[Effective]:
    """A fragment's elements; they cannot hold `<base />` or other fragments."""
    fragment = snapshot.fragments.get(id)
    root = root_of(fragment.text) if fragment else None
    if fragment is None or root is None:
        return
    stack = [(child, sure) for child in reversed(root.children)]
    while stack:
        element, certain = stack.pop()
        yield Effective(element, fragment.text, scope, certain)
        if element.tag in _CONTAINERS:
            inner = certain and element.tag not in _BRANCHES
            stack += [(child, inner) for child in reversed(element.children)]


# secrets


def _without_literals(text: str) -> str:
    """A reader's complaint without what it quotes of the document."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", "…", text)


class _Secret(NamedTuple):
    start: int
    end: int
    path: str
    kind: str


def kept(text: str) -> Policy:
    """A document as it may be kept: secrets replaced, and where they stood. What is no policy is not kept at all."""
    try:
        root = parse(text)
    except PolicyNotUnderstood as why:
        return Policy("", problem=f"not understood: {_without_literals(str(why))}")
    secrets = sorted(set(_secrets(root, text)))
    out, at = [], 0
    for secret in secrets:
        if secret.start >= at:
            out += [text[at : secret.start], HIDDEN]
            at = secret.end
    return Policy("".join(out) + text[at:], tuple(dict.fromkeys((secret.path, secret.kind) for secret in secrets)))


def _secrets(root: Element, text: str) -> Iterator[_Secret]:
    for element in root.walk():
        path = _path(element)
        for name, value in element.attributes.items():
            kind = _attribute(element, name, value)
            if kind:
                stands = re.compile(rf"""\s{re.escape(name)}\s*=\s*(['"])(.*?)\1""", re.DOTALL).search(
                    text, element.start, element.inner_start
                )
                if stands is not None:
                    yield _Secret(stands.start(2), stands.end(2), f"{path}@{name}", kind)
        if not element.children and not element.is_empty_tag:
            yield from _content(element, text, path)


def _attribute(element: Element, name: str, value: str) -> str:
    if not value or name in element.attribute_expressions or _REFERENCE.search(value):
        return ""
    if element.tag == "authentication-basic" and name == "password":
        return "password"
    if element.tag in ("authentication-certificate", "certificate") and name in ("body", "password"):
        return "certificate"
    return credential(name, value) if len(value) >= 8 and name not in ("id", "fragment-id", "condition") else ""


def _content(element: Element, text: str, path: str) -> Iterator[_Secret]:
    raw = text[element.inner_start : element.inner_end]
    value = raw.strip()
    if not value or (len(_REFERENCE.sub("", value)) < 4 and _REFERENCE.search(value)):
        return
    start = element.inner_start + raw.index(value)
    name = _name_of(element)
    if element.text_expression is not None or value.startswith(("@(", "@{")):
        for literal in _LITERAL.finditer(value):
            kind = _kind(name if value.count('"') == 2 and "return" not in value else "", literal[1])
            if kind:
                yield _Secret(start + literal.start(1), start + literal.end(1), path, kind)
        return
    if element.tag == "key" and element.parent is not None and element.parent.tag.endswith("signing-keys"):
        kind = "signing key"
    else:
        kind = _kind(name, value)
    if kind:
        yield _Secret(start, start + len(value), path, kind)


def _kind(name: str, value: str) -> str:
    plain = _REFERENCE.sub("", value)
    scheme = _SCHEME.search(plain)
    if scheme:
        return f"{scheme[1].title()} credential"
    if _REFERENCE.search(value):
        return ""
    if name and _KEY_NAMES.match(name) and len(value) >= 8 and not value.startswith("http") and " " not in value:
        return "key"
    return credential(name or "value", value) if 8 <= len(value) <= 8192 else ""


def _name_of(element: Element) -> str:
    """The header or parameter that a `<value>` belongs to."""
    parent = element.parent
    setter = parent is not None and parent.tag in ("set-header", "set-query-parameter", "check-header")
    if parent is not None and element.tag == "value" and setter:
        return parent.attributes.get("name", "")
    return ""


def _path(element: Element) -> str:
    """ "inbound/set-header[Authorization]/value": where a secret stood, for who mends it."""
    steps: list[str] = []
    here: Element | None = element
    while here is not None and here.parent is not None:
        name = here.attributes.get("name") if here.tag in ("set-header", "set-query-parameter", "check-header", "set-variable") else None
        steps.append(f"{here.tag}[{name}]" if name and not name.startswith("@") else here.tag)
        here = here.parent
    return "/".join(reversed(steps))
