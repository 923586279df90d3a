"""The signature of a webhook, as Standard Webhooks 1.0.0 has it: https://www.standardwebhooks.com"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

KEY_PREFIX = "whsec_"
KEY_BYTES = (24, 64)


def webhook_key(secret: str) -> bytes:
    """The signing key of a Standard Webhooks secret: "whsec_" and base64 of 24 to 64 random bytes. Raises ValueError, which does not repeat the secret."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(KEY_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not KEY_BYTES[0] <= len(key) <= KEY_BYTES[1]:
        raise ValueError(
            f"a webhook secret is {KEY_PREFIX} and base64 of {KEY_BYTES[0]} to {KEY_BYTES[1]} bytes, such as {KEY_PREFIX}MfKQ9r8GKYqrTwjU…"
        )
    return key


def sign(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header: HMAC-SHA256 of id, time (seconds since 1970) and body, one for each key, so that keys can be rotated without a gap.

    Raises ValueError for no key, or for an id with a full stop, which could be read as another id and time.
    """
    if not keys:
        raise ValueError("a webhook needs a key to be signed with")
    if "." in message_id or not message_id:
        raise ValueError("a webhook id is not empty and holds no full stop")
    content = b".".join((message_id.encode(), str(int(timestamp)).encode(), body))
    return " ".join(f"v1,{base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()}" for key in keys)


def webhook_headers(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """All headers of a signed webhook. `message_id` stays the same when a delivery is tried again; `timestamp` is of the attempt."""
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(timestamp)),
        "webhook-signature": sign(keys, message_id, timestamp, body),
    }
