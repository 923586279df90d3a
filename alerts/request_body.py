"""JSON that people write, in the bodies of requests and in files: decoded within bounds, and refused in one sentence that never quotes it."""

import json
from typing import Any, TypeVar

import msgspec

from intel.mask import names

LARGEST_REQUEST = 16 * 1024
LONGEST_TEXT = 1000

T = TypeVar("T")


def decoded(body: bytes, kind: type[T], form: str) -> T:
    """The body as this kind of Struct; `form` says what it must be. Raises ValueError."""
    if len(body) > LARGEST_REQUEST:
        raise ValueError(f"the body is larger than {LARGEST_REQUEST} bytes")
    try:
        parsed_once(body or b"null")
        return msgspec.json.decode(body or b"null", type=kind)
    except (ValueError, RecursionError):  # DecodeError is a ValueError
        raise ValueError(f"the body must be JSON that names no key twice, such as {form}") from None


def parsed_once(text: bytes) -> Any:
    """The JSON of a text. Raises ValueError, and RecursionError where it is nested too deep: for what is no JSON in UTF-8, or names a key twice, of which
    two readers could believe different ones."""
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is named twice")
    return found


def is_text(text: str) -> bool:
    """Whether it is short enough to be kept, and can be shown anywhere."""
    return len(text) <= LONGEST_TEXT and all(letter.isprintable() or letter == "\n" for letter in text)


def reason(name: str, text: str) -> str:
    """What a person wrote of why, without space around it. Raises ValueError, naming the key, for what is too long, cannot be shown, or names somebody:
    it is kept for longer than an address or an identity may be."""
    if not is_text(text):
        raise ValueError(f"{name} must be at most {LONGEST_TEXT} printable characters")
    if found := names(text):
        raise ValueError(
            f"{name} names {found}, and must name nobody: it is kept for longer than that may be; say which alert, rule or response instead"
        )
    return text.strip()
