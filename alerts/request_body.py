"""What analysts ask for, as the bodies of requests: decoded within bounds, and refused in one sentence that never quotes them."""

from typing import TypeVar

import msgspec

LARGEST_REQUEST = 16 * 1024
LONGEST_TEXT = 1000

T = TypeVar("T")


def decoded(body: bytes, kind: type[T], form: str) -> T:
    """The body as this kind of Struct; `form` says what it must be. Raises ValueError."""
    if len(body) > LARGEST_REQUEST:
        raise ValueError(f"the body is larger than {LARGEST_REQUEST} bytes")
    try:
        return msgspec.json.decode(body or b"null", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError(f"the body must be JSON such as {form}") from None


def is_text(text: str) -> bool:
    """Whether it is short enough to be kept, and can be shown anywhere."""
    return len(text) <= LONGEST_TEXT and all(letter.isprintable() or letter == "\n" for letter in text)
