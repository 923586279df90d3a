"""How long a client of storage waits: as long as its caller can. The SDKs' own defaults try for minutes."""

from typing import Any, NamedTuple


class Patience(NamedTuple):
    """`connect` and `answer` in seconds, of one try, `answer` to its last octet; `retries` after the first try."""

    connect: int
    answer: int
    retries: int

    @property
    def options(self) -> dict[str, Any]:
        """Keyword arguments of one BlobServiceClient or TableServiceClient, which passes them on to its retry policy; the transport is its own."""
        from adapters.deadline import Transport  # requests is no light import, and the SDKs make it when the first client is made

        return {
            "transport": Transport(self.connect, self.answer),
            "retry_total": self.retries,
            "retry_connect": self.retries,
            "retry_read": self.retries,
            "retry_status": self.retries,
            "retry_backoff_factor": 0.5,  # tables: 0.5, 1, 2 s
            "initial_backoff": 1,  # blobs: 1, 3 s and some at random
            "increment_base": 2,
        }


WORK = Patience(connect=5, answer=30, retries=3)
"""For what reads and writes: a fault is raised after some tens of seconds, and the trigger is tried again."""
PROBE = Patience(connect=2, answer=4, retries=0)
"""For health: what does not answer at once is what health is asked about."""
