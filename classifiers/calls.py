"""The texts of one call: of its path, query, headers and bodies."""

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote

from classifiers.bodies import add_body, add_pairs, pairs
from classifiers.places import Where
from classifiers.text_values import MAX_TEXT, MAX_TEXT_VALUES, SHORTEST, UNREAD, Part, TextValues, walk_json

PLAIN_HEADERS = frozenset(
    [
        "host",
        "user-agent",
        "accept",
        "accept-encoding",
        "accept-language",
        "accept-charset",
        "content-type",
        "content-length",
        "content-encoding",
        "content-language",
        "date",
        "server",
        "connection",
        "etag",
        "if-none-match",
        "if-match",
        "if-modified-since",
        "last-modified",
        "x-request-id",
        "x-correlation-id",
        "request-id",
        "traceparent",
        "tracestate",
        "cache-control",
        "vary",
        "expires",
        "strict-transport-security",
        "transfer-encoding",
        "age",
        "allow",
        "pragma",
        "x-powered-by",
        "x-content-type-options",
        "x-frame-options",
        "x-xss-protection",
        "retry-after",
        "via",
        "access-control-allow-origin",
        "access-control-allow-methods",
        "access-control-allow-headers",
        "access-control-max-age",
        "access-control-expose-headers",
        "x-ms-request-id",
        "x-ms-correlation-request-id",
        "x-ms-client-request-id",
        "x-azure-ref",
        "alt-svc",
    ]
)
"""Headers that hold nobody's data but the software's."""


@lru_cache(512)
def _plain_header(name: str) -> bool:
    return name.lower() in PLAIN_HEADERS


def _add_header(where: Where, name: str, text: str, text_values: TextValues) -> None:
    if _plain_header(name):
        return
    low = name.lower()
    if low in ("cookie", "set-cookie"):
        for i, (cookie, value) in enumerate(pairs(text.replace("; ", ";"), ";")):
            if low == "set-cookie" and i:  # the rest are its attributes
                break
            if len(value) >= SHORTEST:
                text_values.open(where, "name", "cookie.")
                text_values.add(value.strip('"'), cookie)
        return
    if len(text) >= SHORTEST:
        text_values.open(where, "name")
        text_values.add(text, name)


@lru_cache(1_024)
def _template_names(template: str) -> tuple[str | None, ...]:
    return tuple(s[1:-1].lstrip("*") if s[:1] == "{" and s[-1:] == "}" else None for s in template.strip("/").split("/"))


def _add_path(name: str | None, text: str, text_values: TextValues) -> None:
    if name is not None and "/" not in name and "/" not in text:
        text_values.open("request.path", "segment")
        text_values.add(unquote(text) if "%" in text else text, name, (name, None, None))
        return
    segments = text.strip("/").split("/")[:200]
    names = _template_names(name) if name else ()
    text_values.open("request.path", "segment")
    offset = len(segments) - len(names)
    for i, segment in enumerate(segments):
        if len(segment) < 6 or segment.isalpha():
            continue
        parameter = names[i - offset] if i >= offset and names else None
        before = segments[i - 1] if i else None
        text_values.add(unquote(segment) if "%" in segment else segment, before, (parameter, i, None))


def gather(parts: Iterable[Part]) -> TextValues:
    """The text_values of one event."""
    text_values = TextValues()
    for where, name, content_type, text, document in parts:
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        if len(text) > MAX_TEXT:
            text = text[:MAX_TEXT]
            text_values.partial = True
        if len(text) < SHORTEST:
            continue
        if where == "request.header" or where == "response.header":
            _add_header(where, name or "", text, text_values)
        elif where == "request.query":
            text_values.open(where, "name")
            add_pairs(text, text_values)
        elif where == "request.path":
            _add_path(name, text, text_values)
        elif document is not UNREAD:
            text_values.open(where, "json")
            walk_json(document, text_values)
        else:
            add_body(where, text, content_type or "", text_values)
        if len(text_values.texts) > MAX_TEXT_VALUES:
            text_values.partial = True
            break
    return text_values
