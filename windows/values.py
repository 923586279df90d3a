"""Parameter values as windows keep them: a narrow type and a keyed hash, never the value."""

import re
from hashlib import blake2b

VALUE_TYPES = ("text", "empty", "boolean", "integer", "decimal", "uuid", "time", "hex", "email", "url", "word", "structure")
_VALUE_TYPE = re.compile(
    r"()|(true|false|True|False)|([-+]?\d{1,20})|([-+]?\d{1,20}\.\d{1,20})"
    r"|([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})|(\d{4}-\d\d-\d\d(?:[T ][\d:.]{4,18}(?:Z|[+-]\d\d:?\d\d)?)?)"
    r"|([0-9a-fA-F]{12,128})|([^\s@]{1,64}@[^\s@]{1,190}\.[A-Za-z]{2,24})|(https?://.{1,2000})|([A-Za-z][A-Za-z_-]{0,63})|([\[{].*[\]}])",
    re.DOTALL,
)
TYPED_LENGTH = 4096
"""Characters; a longer value is text."""


def value_type(value: str) -> int:
    """Index into VALUE_TYPES of the narrowest type that a value has."""
    match = _VALUE_TYPE.fullmatch(value) if len(value) <= TYPED_LENGTH else None
    return (match.lastindex or 0) if match else 0


def hash_value(value: str, key: bytes) -> int:
    """Keyed BLAKE2b (RFC 7693) cut to 64 bits: equal values meet, and no one without the key learns a value."""
    return int.from_bytes(blake2b(value.encode("utf-8", "surrogatepass"), key=key, digest_size=8).digest(), "little")
