"""Threat intelligence in the evidence account: feeds that somebody puts into the container `intel`, compiled hourly into one index."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from azure.core.exceptions import ResourceNotFoundError

from adapters.evidence import CONFIGURATION, Evidence
from adapters.reload import Reloaded
from intel.addresses import Range
from intel.feeds import Feed, Parsed, describe
from intel.formats import parse
from intel.index import Index, compile_index, pack, unpack

log = logging.getLogger("gatewatch.intel")

CONTAINER = "intel"
INDEX = "intel-index"
SUMMARY = "intel-summary"
"""The index without its addresses: health reads it often, and it must not grow with a feed."""
FRESH = timedelta(minutes=5)
"""How long an instance goes on with the index that it has."""
LARGEST_FEED = 64 << 20
"""Bytes; a larger file is no list of addresses."""


def refresh(evidence: Evidence, now: datetime, own: Sequence[Range] = ()) -> Index:
    """Compile all feeds and keep the index for every instance. A file that says something impossible about itself is left out with a warning."""
    index = compile_index(list(_feeds(evidence, now, own)), own)
    evidence.put(CONFIGURATION, INDEX, pack(index))
    evidence.put(CONFIGURATION, SUMMARY, pack(Index(index.feeds, index.entries)))
    for warning in index.warnings(now):
        log.warning("%s", warning)
    return index


def read(evidence: Evidence, name: str = INDEX) -> Index:
    """The index that was compiled last, or its SUMMARY; an empty one before that. Raises ValueError for one of another version."""
    try:
        return unpack(evidence.get(CONFIGURATION, name))
    except ResourceNotFoundError:
        return Index()


def reloaded(evidence: Evidence) -> Reloaded[Index]:
    """The index that was compiled last; while it cannot be read, the one before."""
    return Reloaded("the threat intelligence", lambda: read(evidence), FRESH, Index())


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
