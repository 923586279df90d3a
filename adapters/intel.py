"""Threat intelligence in the evidence account: feeds that somebody puts into the container `intel`, compiled hourly into one index."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from threading import Lock

from azure.core.exceptions import AzureError, ResourceNotFoundError

from adapters.evidence import CONFIGURATION, Evidence
from intel.addresses import Range
from intel.feeds import Feed, Index, Parsed, compile_index, describe, pack, parse, unpack

log = logging.getLogger("gatewatch.intel")

CONTAINER = "intel"
INDEX = "intel-index"
FRESH = timedelta(minutes=5)
"""How long an instance goes on with the index that it has."""
LARGEST_FEED = 64 << 20
"""Bytes; a larger file is no list of addresses."""


def refresh(evidence: Evidence, now: datetime, own: Sequence[Range] = ()) -> Index:
    """Compile all feeds and keep the index for every instance. A file that says something impossible about itself is left out with a warning."""
    index = compile_index(list(_feeds(evidence, now, own)), own)
    evidence.put(CONFIGURATION, INDEX, pack(index))
    for warning in index.warnings(now):
        log.warning("%s", warning)
    return index


def read(evidence: Evidence) -> Index:
    """The index that was compiled last; an empty one before that. Raises ValueError for one of another version."""
    try:
        return unpack(evidence.get(CONFIGURATION, INDEX))
    except ResourceNotFoundError:
        return Index()


class Listed:
    """Which rules an address meets, by an index that is read again every few minutes."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._index = Index()
        self._until: datetime | None = None
        self._lock = Lock()

    def at(self, now: datetime) -> "Listed":
        with self._lock:
            if self._until is None or now >= self._until:
                self._until = now + FRESH
                try:
                    self._index = read(self._evidence)
                except (AzureError, ValueError) as error:  # the older index is better than none, and than no ingest
                    log.warning("the threat intelligence cannot be read (%s)", type(error).__name__)
        return self

    def __call__(self, address: str) -> list[tuple[str, str]]:
        """(rule, name of the feed) of a canonical address."""
        return self._index.rules(address)


def _feeds(evidence: Evidence, now: datetime, own: Sequence[Range]) -> Iterator[Parsed]:
    container = evidence.service.get_container_client(CONTAINER)
    try:
        for blob in container.list_blobs():
            if blob.size > LARGEST_FEED:
                log.warning("intel file %s is larger than a feed can be", blob.name)
                continue
            content = container.download_blob(blob.name).readall()
            try:
                feed: Feed = describe(blob.name, content, blob.last_modified)
            except ValueError as error:
                log.warning("%s", error)
                continue
            yield parse(feed, content, now, own)
    except ResourceNotFoundError:
        return  # no container, no feeds
