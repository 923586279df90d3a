"""The information types, compiled once for all instances: what was compiled is kept in the evidence account under its fingerprint."""

import logging

from azure.core.exceptions import AzureError, ResourceNotFoundError

from adapters.evidence import CONFIGURATION, Evidence
from classifiers.taxonomy import Taxonomy

log = logging.getLogger("gatewatch.taxonomy")


def stored(evidence: Evidence) -> Taxonomy:
    """A taxonomy from what is kept, or compiled and kept. The engine refuses what another version or processor compiled, and it is compiled anew."""

    def read(fingerprint: str) -> bytes | None:
        try:
            return evidence.get(CONFIGURATION, f"taxonomy/{fingerprint}")
        except ResourceNotFoundError:
            return None

    taxonomy = Taxonomy(database=read)
    compiled = taxonomy.serialise() if taxonomy.recompiled else None
    if compiled is not None:
        try:
            evidence.put(CONFIGURATION, f"taxonomy/{taxonomy.fingerprint}", compiled)
        except AzureError as error:
            log.warning("what was compiled could not be kept (%s): the next instance compiles again", type(error).__name__)
    return taxonomy
